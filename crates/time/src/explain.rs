//! The same count, with every day and its reason.

use std::fmt;

use serde::Serialize;

use crate::{
    Date, DayKind, Due, Pause, Period, Start, TimeError, WorkCalendar, Zone,
    count::{Note, walk},
};

/// A date and how it came about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The date, as [`due`](crate::due) gives it.
    pub due: Due,
    /// The days in order. For `d` and `wd` each one from the start to the last day; for `m` and `h` the first and the
    /// last; for `mo` the first, each month's day and the paused days.
    pub days: Vec<DayCount>,
}

/// One day of an [`Explanation`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DayCount {
    /// The local day.
    pub date: Date,
    /// Why it counted or did not.
    pub kind: DayReason,
}

/// Why a day counted or did not. `Display` says it in English, [`DayReason::zh`] in Chinese.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum DayReason {
    /// The day of the start; not counted in `d`, `wd` and `mo`.
    StartDay,
    /// The day on which elapsed time (`m`, `h`) began; it counts from that instant.
    Begun,
    /// The day on which the elapsed time ends.
    Elapsed,
    /// Counted.
    Counted {
        /// The number of the day, from 1.
        nth: u32,
        /// Whether it is a weekend day worked in exchange for a holiday.
        makeup: bool,
    },
    /// Saturday or Sunday, not counted.
    Weekend,
    /// Official holiday, not counted.
    Holiday {
        /// Its name.
        name: String,
    },
    /// The provider or bureau is closed, not counted.
    Closed {
        /// The closure's name.
        name: String,
        /// Who announced it.
        source: String,
    },
    /// The clock stood still, not counted.
    Paused,
    /// Counted as a weekday of a year whose calendar is not published.
    AssumedWorking {
        /// The number of the day, from 1.
        nth: u32,
    },
    /// Weekend of a year whose calendar is not published, not counted.
    AssumedWeekend,
    /// The day that many months after the start.
    Month {
        /// How many months.
        nth: u32,
        /// Whether the month has no day of the start's number, so that its last day is taken.
        clamped: bool,
    },
    /// The last day, moved on by pauses.
    Shifted {
        /// By how many days.
        days: u32,
    },
}

/// Computes as [`due`](crate::due) does and writes down every day it passed, by the same walk.
///
/// # Errors
/// Those of [`due`](crate::due).
pub fn explain(
    from: Start,
    length: Period,
    zone: &Zone,
    calendar: Option<&WorkCalendar>,
    pauses: &[Pause],
) -> Result<Explanation, TimeError> {
    let mut days = Vec::new();
    let mut write_down = |date, note: Note<'_>| {
        days.push(DayCount {
            date,
            kind: note.into(),
        })
    };
    let due = walk(from, length, zone, calendar, pauses, &mut write_down)?;
    // Months are visited before the pauses that move their end.
    days.sort_by_key(|day| day.date);
    Ok(Explanation { due, days })
}

impl From<Note<'_>> for DayReason {
    fn from(note: Note<'_>) -> Self {
        match note {
            Note::Start => Self::StartDay,
            Note::Begun => Self::Begun,
            Note::Elapsed => Self::Elapsed,
            Note::Counted {
                nth,
                kind: DayKind::AssumedWorking,
            } => Self::AssumedWorking { nth },
            Note::Counted { nth, kind } => Self::Counted {
                nth,
                makeup: kind == DayKind::Makeup,
            },
            Note::Skipped(kind) => Self::skipped(kind),
            Note::Paused => Self::Paused,
            Note::Month { nth, clamped } => Self::Month { nth, clamped },
            Note::Shifted { days } => Self::Shifted { days },
        }
    }
}

impl DayReason {
    fn skipped(kind: DayKind<'_>) -> Self {
        match kind {
            DayKind::Holiday(name) => Self::Holiday {
                name: name.to_owned(),
            },
            DayKind::Closed { name, source } => Self::Closed {
                name: name.to_owned(),
                source: source.to_owned(),
            },
            DayKind::AssumedWeekend | DayKind::AssumedWorking => Self::AssumedWeekend,
            DayKind::Weekend | DayKind::Working | DayKind::Makeup => Self::Weekend,
        }
    }

    /// Whether the day counted.
    pub fn counts(&self) -> bool {
        matches!(self, Self::Counted { .. } | Self::AssumedWorking { .. })
    }

    /// The reason in Chinese, for people.
    pub fn zh(&self) -> String {
        match self {
            Self::StartDay => "起算日，不计入".to_owned(),
            Self::Begun => "起算".to_owned(),
            Self::Elapsed => "期满之日".to_owned(),
            Self::Counted { nth, makeup: false } => format!("第 {nth} 天"),
            Self::Counted { nth, makeup: true } => format!("第 {nth} 天（调休上班）"),
            Self::Weekend => "周末，不计入".to_owned(),
            Self::Holiday { name } => format!("{name}放假，不计入"),
            Self::Closed { name, source } => format!("{name}（{source}），不计入"),
            Self::Paused => "暂停，不计入".to_owned(),
            Self::AssumedWorking { nth } => {
                format!("第 {nth} 天（该年日历未公布，按周一至周五暂计）")
            }
            Self::AssumedWeekend => "周末，不计入（该年日历未公布）".to_owned(),
            Self::Month {
                nth,
                clamped: false,
            } => format!("满 {nth} 个月"),
            Self::Month { nth, clamped: true } => format!("满 {nth} 个月（当月无对应日，取月末）"),
            Self::Shifted { days } => format!("因暂停顺延 {days} 天"),
        }
    }
}

impl fmt::Display for DayReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StartDay => f.write_str("start, not counted"),
            Self::Begun => f.write_str("begins"),
            Self::Elapsed => f.write_str("the time is up"),
            Self::Counted { nth, makeup: false } => write!(f, "day {nth}"),
            Self::Counted { nth, makeup: true } => {
                write!(f, "day {nth} (worked in exchange for a holiday)")
            }
            Self::Weekend => f.write_str("weekend, not counted"),
            Self::Holiday { name } => write!(f, "holiday {name}, not counted"),
            Self::Closed { name, source } => write!(f, "closed: {name} ({source}), not counted"),
            Self::Paused => f.write_str("paused, not counted"),
            Self::AssumedWorking { nth } => write!(
                f,
                "day {nth} (calendar not published, Monday to Friday assumed)"
            ),
            Self::AssumedWeekend => f.write_str("weekend, not counted (calendar not published)"),
            Self::Month {
                nth,
                clamped: false,
            } => write!(f, "month {nth}"),
            Self::Month { nth, clamped: true } => write!(f, "month {nth} (end of a shorter month)"),
            Self::Shifted { days } => write!(f, "moved on {days} d by pauses"),
        }
    }
}
