//! Counts a length from a start, around weekends, holidays and pauses.
//!
//! There is one walk over the days. [`due`] takes it with a visitor that does nothing, `explain` with one that writes
//! down every day and its reason, so that the date and its explanation can't disagree.

use serde::{Deserialize, Serialize};

use crate::{Date, DayKind, Period, TimeError, Timestamp, Unit, WorkCalendar, Zone, stops::Stops};

/// The longest walk: 300 years, more than any length and any sensible pause together.
pub(crate) const MOST_DAYS: u32 = 110_000;

/// Where counting begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Start {
    /// At an instant. For `d`, `wd` and `mo` only its local day matters.
    Instant(Timestamp),
    /// On a day whose time is not known; `m` and `h` are then refused.
    Day(Date),
}

/// A time during which the clock of a deadline stood still, `to` not included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// When it was stopped.
    pub from: Timestamp,
    /// When it went on.
    pub to: Timestamp,
}

/// The end of a length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// The instant at which it is over: for `d wd mo` 24:00 of the last day, that is the next day's 00:00.
    pub due_at: Timestamp,
    /// The last day on which it may be done, local. For `m` and `h` the day of `due_at`.
    pub last_day: Date,
    /// Whether it rests on working days of a year whose calendar is not published.
    pub provisional: bool,
}

/// When a length that begins at `from` is over.
///
/// - `m`, `h`: elapsed time; a pause adds its own duration.
/// - `d`, `wd`: the first day is not counted; it ends 24:00 of the last counted day in `zone`. Days after the day of a
///   pause, up to and including the day it went on, are not counted. A last day that ends during a pause moves to the
///   day on which the clock went on, or for `wd` to the next working day.
/// - `mo`: the day with the same number, clamped to the month's end, until 24:00; paused days, counted likewise, are
///   added.
///
/// `calendar` is needed for `wd` only. `pauses` are in order of time and don't overlap; one that still lasts is left
/// out, for then no end is known.
///
/// # Errors
/// [`TimeError::DayWithoutTime`], [`TimeError::NoCalendar`], [`TimeError::Pauses`]; [`TimeError::Endless`] or
/// [`TimeError::OutOfRange`] when no end is reached.
///
/// ```
/// use qixian_time::{Period, Start, Timestamp, Zone, due};
/// let zone = Zone::shanghai();
/// let sent = Start::Instant(Timestamp::parse("2026-02-13T17:30:00+08:00")?);
/// let sms_check = due(sent, Period::hours(48), &zone, None, &[])?;
/// assert_eq!(sms_check.due_at.to_rfc3339(&zone), "2026-02-15T17:30:00+08:00");
/// # Ok::<(), qixian_time::TimeError>(())
/// ```
pub fn due(
    from: Start,
    length: Period,
    zone: &Zone,
    calendar: Option<&WorkCalendar>,
    pauses: &[Pause],
) -> Result<Due, TimeError> {
    walk(from, length, zone, calendar, pauses, &mut |_, _| {})
}

/// What the walk says about a day it passes.
#[derive(Clone, Copy)]
pub(crate) enum Note<'c> {
    Start,
    Begun,
    Elapsed,
    Counted { nth: u32, kind: DayKind<'c> },
    Skipped(DayKind<'c>),
    Paused,
    Month { nth: u32, clamped: bool },
    Shifted { days: u32 },
}

/// The one walk behind [`due`] and `explain`.
pub(crate) fn walk<'c>(
    from: Start,
    length: Period,
    zone: &Zone,
    calendar: Option<&'c WorkCalendar>,
    pauses: &[Pause],
    visit: &mut impl FnMut(Date, Note<'c>),
) -> Result<Due, TimeError> {
    check_pauses(pauses)?;
    if let Some(millis) = length.elapsed_millis() {
        let Start::Instant(start) = from else {
            return Err(TimeError::DayWithoutTime { length });
        };
        return elapsed(start, millis, zone, pauses, visit);
    }
    let start = match from {
        Start::Instant(at) => zone.date_of(at),
        Start::Day(day) => day,
    };
    let stops = Stops::new(zone, pauses);
    let (last_day, provisional) = match (length.unit, calendar) {
        (Unit::Months, _) => (months(start, length, stops, visit)?, false),
        (Unit::WorkDays, None) => return Err(TimeError::NoCalendar { length }),
        (Unit::WorkDays, Some(calendar)) => {
            let mut provisional = false;
            let kind = |day| {
                provisional |= !calendar.is_known(day);
                calendar.day(day)
            };
            let last_day = days(start, length.count, stops, kind, visit)?;
            (last_day, provisional)
        }
        _ => (
            days(start, length.count, stops, |_| DayKind::Working, visit)?,
            false,
        ),
    };
    if !(1970..9999).contains(&last_day.year()) {
        return Err(TimeError::OutOfRange {
            text: last_day.to_string(),
        });
    }
    Ok(Due {
        due_at: zone.end_of_day(last_day),
        last_day,
        provisional,
    })
}

fn check_pauses(pauses: &[Pause]) -> Result<(), TimeError> {
    let each_forward = pauses.iter().all(|pause| pause.from <= pause.to);
    let in_order = pauses.windows(2).all(|pair| pair[0].to <= pair[1].from);
    if each_forward && in_order {
        Ok(())
    } else {
        Err(TimeError::Pauses)
    }
}

fn elapsed<'c>(
    start: Timestamp,
    millis: i64,
    zone: &Zone,
    pauses: &[Pause],
    visit: &mut impl FnMut(Date, Note<'c>),
) -> Result<Due, TimeError> {
    let mut end = start.as_millis().saturating_add(millis);
    for pause in pauses.iter().filter(|pause| pause.to > start) {
        if pause.from.as_millis() >= end {
            break;
        }
        end = end.saturating_add(pause.to - pause.from.max(start));
    }
    let due_at = Timestamp::from_millis(end);
    if due_at.as_millis() != end {
        return Err(TimeError::OutOfRange {
            text: format!("{start} + {millis} ms"),
        });
    }
    let (first_day, last_day) = (zone.date_of(start), zone.date_of(due_at));
    visit(first_day, Note::Begun);
    if last_day != first_day {
        visit(last_day, Note::Elapsed);
    }
    Ok(Due {
        due_at,
        last_day,
        provisional: false,
    })
}

/// Walks from the day after `start` until `count` days have counted.
fn days<'c>(
    start: Date,
    count: u32,
    mut stops: Stops<'_>,
    mut kind_of: impl FnMut(Date) -> DayKind<'c>,
    visit: &mut impl FnMut(Date, Note<'c>),
) -> Result<Date, TimeError> {
    visit(start, Note::Start);
    // The day on which a clock goes on that was stopped during its last day: it may be used although it lies in a pause.
    let mut rest_of_last = None;
    if count == 0 {
        rest_of_last = stops.stopped_over_night(start);
        if rest_of_last.is_none() {
            return Ok(start);
        }
    }
    let mut nth = 0;
    let mut day = start;
    for _ in 0..MOST_DAYS {
        day = next(day, start)?;
        if stops.covers(day) && rest_of_last != Some(day) {
            visit(day, Note::Paused);
            continue;
        }
        let kind = kind_of(day);
        if !kind.is_working() {
            visit(day, Note::Skipped(kind));
            continue;
        }
        let is_last = nth + 1 >= count;
        if is_last && let Some(goes_on) = stops.stopped_over_night(day) {
            rest_of_last = Some(goes_on);
            visit(day, Note::Paused);
            continue;
        }
        nth += 1;
        visit(day, Note::Counted { nth, kind });
        if is_last {
            return Ok(day);
        }
    }
    Err(TimeError::Endless { from: start })
}

fn months<'c>(
    start: Date,
    length: Period,
    stops: Stops<'_>,
    visit: &mut impl FnMut(Date, Note<'c>),
) -> Result<Date, TimeError> {
    visit(start, Note::Start);
    let mut end = start;
    for nth in 1..=length.count {
        end = months_after(start, i64::from(nth))?;
        visit(
            end,
            Note::Month {
                nth,
                clamped: end.day() != start.day(),
            },
        );
    }
    let mut shifted = 0;
    for (stopped, goes_on) in stops.filter(|(_, goes_on)| *goes_on > start) {
        if stopped > end {
            break;
        }
        let mut day = stopped.max(start);
        while day < goes_on {
            day = next(day, start)?;
            visit(day, Note::Paused);
            end = next(end, start)?;
            shifted += 1;
        }
    }
    if shifted > 0 {
        visit(end, Note::Shifted { days: shifted });
    }
    Ok(end)
}

fn next(day: Date, start: Date) -> Result<Date, TimeError> {
    day.tomorrow()
        .map_err(|_| TimeError::Endless { from: start })
}

/// The day `count` months later (earlier when negative), with the same number or the month's last.
pub(crate) fn months_after(day: Date, count: i64) -> Result<Date, TimeError> {
    let out_of_range = |_| TimeError::OutOfRange {
        text: format!("{day} and {count} months"),
    };
    let span = jiff::Span::new().try_months(count).map_err(out_of_range)?;
    day.checked_add(span).map_err(out_of_range)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records of the store hold these in a format that does not describe itself.
    #[test]
    fn survives_a_plain_binary_format() {
        let day = Date::constant(2026, 2, 28);
        let due = Due {
            due_at: Zone::shanghai().end_of_day(day),
            last_day: day,
            provisional: true,
        };
        let record = (
            Start::Day(day),
            Start::Instant(due.due_at),
            due,
            Period::work_days(20),
            Zone::shanghai(),
        );
        let bytes = postcard::to_allocvec(&record).expect("serialises");
        assert_eq!(
            postcard::from_bytes::<(Start, Start, Due, Period, Zone)>(&bytes).expect("reads back"),
            record
        );
    }
}
