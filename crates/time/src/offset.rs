//! Steps before and after a date, for the rungs of ladders.
//!
//! A rung in `m` or `h` is an instant before (or after) another. A rung in `d`, `wd` or `mo` is a day; the caller adds
//! the time of day at which messages go out ([`Zone::at`](crate::Zone::at)).

use crate::{Date, Period, TimeError, Timestamp, Unit, WorkCalendar, count::months_after};

/// The instant that much elapsed time before `at`, not before 1970.
///
/// # Errors
/// [`TimeError::WrongUnit`] for a length in days.
pub fn instant_before(at: Timestamp, length: Period) -> Result<Timestamp, TimeError> {
    elapsed(length).map(|millis| at.saturating_sub_millis(millis))
}

/// The instant that much elapsed time after `at`, not after [`Timestamp::MAX`].
///
/// # Errors
/// [`TimeError::WrongUnit`] for a length in days.
pub fn instant_after(at: Timestamp, length: Period) -> Result<Timestamp, TimeError> {
    elapsed(length).map(|millis| at.saturating_add_millis(millis))
}

fn elapsed(length: Period) -> Result<i64, TimeError> {
    length.elapsed_millis().ok_or(TimeError::WrongUnit {
        length,
        expected: "m, h",
    })
}

/// The day that lies `length` before `day`: `3d` before the 20th is the 17th, `3wd` before it the third working day
/// counted back from the day before it, `1mo` the same number a month earlier, clamped. Zero is `day` itself.
///
/// # Errors
/// [`TimeError::WrongUnit`] for `m` and `h`, [`TimeError::NoCalendar`] for `wd` without a calendar,
/// [`TimeError::OutOfRange`] or [`TimeError::Endless`] when there is no such day.
pub fn day_before(
    day: Date,
    length: Period,
    calendar: Option<&WorkCalendar>,
) -> Result<Date, TimeError> {
    offset(day, length, calendar, -1)
}

/// The day that lies `length` after `day`, counted as [`day_before`] does.
///
/// # Errors
/// Those of [`day_before`].
pub fn day_after(
    day: Date,
    length: Period,
    calendar: Option<&WorkCalendar>,
) -> Result<Date, TimeError> {
    offset(day, length, calendar, 1)
}

/// `direction` is 1 or -1.
fn offset(
    day: Date,
    length: Period,
    calendar: Option<&WorkCalendar>,
    direction: i64,
) -> Result<Date, TimeError> {
    let count = i64::from(length.count) * direction;
    match (length.unit, calendar) {
        (Unit::Days, _) => days_after(day, count),
        (Unit::Months, _) => months_after(day, count),
        (Unit::WorkDays, Some(calendar)) => {
            let mut reached = day;
            for _ in 0..length.count {
                reached = days_after(reached, direction)?;
                reached = if direction > 0 {
                    calendar.first_working_day_on_or_after(reached)?
                } else {
                    calendar.last_working_day_on_or_before(reached)?
                };
            }
            Ok(reached)
        }
        (Unit::WorkDays, None) => Err(TimeError::NoCalendar { length }),
        (Unit::Minutes | Unit::Hours, _) => Err(TimeError::WrongUnit {
            length,
            expected: "d, wd, mo",
        }),
    }
}

fn days_after(day: Date, count: i64) -> Result<Date, TimeError> {
    let out_of_range = |_| TimeError::OutOfRange {
        text: format!("{day} and {count} days"),
    };
    let span = jiff::Span::new().try_days(count).map_err(out_of_range)?;
    day.checked_add(span).map_err(out_of_range)
}
