//! Instants, lengths, working days, schedules and clocks.
//!
//! Every deadline of the product comes down to one question: *this happened then, so much time is allowed, when is it
//! over, and why then?* This crate answers it and nothing else. It knows no cases, no files and no network; it reads
//! the wall clock in one place only ([`SystemClock`]).
//!
//! | question | look at |
//! | --- | --- |
//! | a point on the time line | [`Timestamp`] |
//! | a day, a time of day, a zone | [`Date`], [`TimeOfDay`], [`Zone`] |
//! | `30m 48h 30d 20wd 12mo` | [`Period`], [`Window`] |
//! | is this a working day, and who says so | [`WorkCalendar`] |
//! | when does it end | [`due`], [`explain`] |
//! | three days before it ends | [`instant_before`], [`day_before`], [`day_after`] |
//! | every working day at nine | [`CronSchedule`] |
//! | what time is it now | [`Clock`], [`SystemClock`], [`SimClock`] |
//!
//! Lengths count as follows (design "Words", "Dates"; guide DL1–DL15): `m` and `h` are elapsed time; `d` whole local
//! days, the first one not counted, ending 24:00 of the last; `wd` the same with the working days of a named calendar;
//! `mo` calendar months ending 24:00 of the day with the same number, clamped to the month's end.

mod calendar;
mod clock;
mod count;
mod cron;
mod date;
mod error;
mod explain;
mod offset;
mod period;
mod stops;
mod timestamp;
mod window;
mod zone;

pub use calendar::{CalendarYear, Closure, DayKind, Holiday, WorkCalendar};
pub use clock::{Clock, SimClock, Stopwatch, SystemClock};
pub use count::{Due, Pause, Start, due};
pub use cron::CronSchedule;
pub use date::{Date, TimeOfDay, parse_date};
pub use error::TimeError;
pub use explain::{DayCount, DayReason, Explanation, explain};
pub use offset::{day_after, day_before, instant_after, instant_before};
pub use period::{Period, Unit};
pub use timestamp::Timestamp;
pub use window::Window;
pub use zone::Zone;
