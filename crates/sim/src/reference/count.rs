//! Counting days by walking the calendar one day after another, written from the words of the design (§3, §8) and not
//! from the code in `qixian-time`: what it takes from there is only which days are worked and when a local day begins.

use qixian_time::{Date, Pause, Period, Start, Timestamp, Unit, WorkCalendar, Zone};

/// More days than any length and its pauses together.
const DAYS_MAX: usize = 120_000;

/// Where a length ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) due_at: Timestamp,
    /// Whether a day was counted of which no notice is known.
    pub(super) provisional: bool,
}

/// What days are counted by.
#[derive(Clone, Copy)]
pub(super) struct Days<'a> {
    pub(super) zone: &'a Zone,
    pub(super) calendar: Option<&'a WorkCalendar>,
}

impl Days<'_> {
    /// Where `length` from `start` ends, with the clock standing still during `pauses`; `None` where that has no answer
    /// (hours from a day without a time, working days without a calendar).
    pub(super) fn end(self, start: Start, length: Period, pauses: &[Pause]) -> Option<End> {
        if let Some(millis) = length.elapsed_millis() {
            let Start::Instant(from) = start else {
                return None;
            };
            return Some(End {
                due_at: elapsed(from, millis, pauses),
                provisional: false,
            });
        }
        let first = match start {
            Start::Instant(at) => self.zone.date_of(at),
            Start::Day(day) => day,
        };
        let stops: Vec<Stop> = pauses
            .iter()
            .map(|pause| (self.zone.date_of(pause.from), self.zone.date_of(pause.to)))
            .collect();
        let (last, provisional) = match length.unit {
            Unit::Months => (months(first, length.count, &stops)?, false),
            _ => self.last_day(first, length, &stops)?,
        };
        Some(End {
            due_at: self.zone.end_of_day(last),
            provisional,
        })
    }

    /// The day on which the last of the counted days ends; the first day does not count.
    fn last_day(self, first: Date, length: Period, stops: &[Stop]) -> Option<(Date, bool)> {
        let worked = length.unit == Unit::WorkDays;
        let calendar = if worked { Some(self.calendar?) } else { None };
        let mut day = first;
        let mut left = length.count;
        let mut provisional = false;
        // A clock that stands still at the end of its last day goes on during another, which then is its last.
        let mut resumed_on = None;
        if left == 0 {
            resumed_on = stopped_at_midnight(day, stops);
            if resumed_on.is_none() {
                return Some((day, false));
            }
        }
        for _ in 0..DAYS_MAX {
            day = day.tomorrow().ok()?;
            if stands_still(day, stops) && resumed_on != Some(day) {
                continue;
            }
            provisional |= calendar.is_some_and(|c| !c.is_known(day));
            if calendar.is_some_and(|c| !c.is_working(day)) {
                continue;
            }
            if left <= 1 {
                match stopped_at_midnight(day, stops) {
                    Some(goes_on) => resumed_on = Some(goes_on),
                    None => return Some((day, provisional)),
                }
            } else {
                left -= 1;
            }
        }
        None
    }

    /// The day `length` after `day` (`ahead`) or before it: rungs are placed so.
    pub(super) fn away(self, day: Date, length: Period, ahead: bool) -> Option<Date> {
        let next = |day: Date| {
            if ahead {
                day.tomorrow()
            } else {
                day.yesterday()
            }
        };
        let mut reached = day;
        match length.unit {
            Unit::Months => {
                return month_away(day, i64::from(length.count) * if ahead { 1 } else { -1 });
            }
            Unit::Days => {
                for _ in 0..length.count {
                    reached = next(reached).ok()?;
                }
            }
            Unit::WorkDays => {
                let calendar = self.calendar?;
                for _ in 0..length.count {
                    reached = next(reached).ok()?;
                    while !calendar.is_working(reached) {
                        reached = next(reached).ok()?;
                    }
                }
            }
            Unit::Minutes | Unit::Hours => return None,
        }
        Some(reached)
    }

    /// `day` itself where it is worked (or there is no calendar to say), else the nearest worked one before it.
    pub(super) fn worked_by(self, day: Date) -> Option<Date> {
        let calendar = self.calendar?;
        let mut day = day;
        while !calendar.is_working(day) {
            day = day.yesterday().ok()?;
        }
        Some(day)
    }

    /// `day` itself where it is worked, else the nearest worked one after it.
    pub(super) fn worked_from(self, day: Date) -> Option<Date> {
        let calendar = self.calendar?;
        let mut day = day;
        while !calendar.is_working(day) {
            day = day.tomorrow().ok()?;
        }
        Some(day)
    }
}

/// The day on which a clock was stopped, and the day on which it went on.
type Stop = (Date, Date);

/// A day after the one on which the clock was stopped, up to the one on which it went on, is not counted.
fn stands_still(day: Date, stops: &[Stop]) -> bool {
    stops.iter().any(|(from, to)| *from < day && day <= *to)
}

/// When the clock goes on that stands still at 24:00 of `day`.
fn stopped_at_midnight(day: Date, stops: &[Stop]) -> Option<Date> {
    let mut over = stops.iter().filter(|(from, to)| *from <= day && day < *to);
    over.next().map(|(_, to)| *to)
}

/// Hours and minutes run through the night; a pause before the end adds the time the clock stood still.
fn elapsed(start: Timestamp, millis: i64, pauses: &[Pause]) -> Timestamp {
    let mut end = start.saturating_add_millis(millis);
    for pause in pauses {
        if pause.to > start && pause.from < end {
            end = end.saturating_add_millis(pause.to - pause.from.max(start));
        }
    }
    end
}

/// The same number `count` months later, and one day later for each day the clock stood still until then.
fn months(first: Date, count: u32, stops: &[Stop]) -> Option<Date> {
    let mut end = month_away(first, i64::from(count))?;
    for (from, to) in stops {
        if *to <= first || *from > end {
            continue;
        }
        let mut day = (*from).max(first);
        while day < *to {
            day = day.tomorrow().ok()?;
            end = end.tomorrow().ok()?;
        }
    }
    Some(end)
}

/// The day with the same number, or the month's last where it has no such day.
fn month_away(day: Date, count: i64) -> Option<Date> {
    let month = i64::from(day.year()) * 12 + i64::from(day.month()) - 1 + count;
    let year = i16::try_from(month.div_euclid(12)).ok()?;
    let month = i8::try_from(month.rem_euclid(12) + 1).ok()?;
    let last = Date::new(year, month, 1).ok()?.days_in_month();
    Date::new(year, month, day.day().min(last)).ok()
}
