//! What can be wrong with a time, a length, a calendar or a schedule.

use crate::{Date, Period};

/// A time, length, calendar or schedule that can't be used, with a sentence that says what was expected.
///
/// `Display` is the English sentence, [`TimeError::zh`] the Chinese one, [`TimeError::code`] never changes once given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimeError {
    /// The text is not an RFC 3339 time.
    #[error("`{text}` is not a time; expected one like 2026-02-13T17:30:00+08:00")]
    Timestamp {
        /// What was given, shortened.
        text: String,
    },
    /// The text is a time, but nobody can know in which zone.
    #[error("`{text}` has no offset; write it as 2026-02-13T17:30:00+08:00 or end it with Z")]
    MissingOffset {
        /// What was given, shortened.
        text: String,
    },
    /// A time or date before 1970 or after 9999.
    #[error("`{text}` is out of range; times lie between the years 1970 and 9999")]
    OutOfRange {
        /// What was given or reached.
        text: String,
    },
    /// The text is not a date.
    #[error("`{text}` is not a date; expected one like 2026-02-13")]
    Date {
        /// What was given, shortened.
        text: String,
    },
    /// The text is not a time of day.
    #[error("`{text}` is not a time of day; expected HH:MM between 00:00 and 23:59, like 09:00")]
    TimeOfDay {
        /// What was given, shortened.
        text: String,
    },
    /// No zone of that name in the bundled time zone database.
    #[error("`{name}` is not a time zone; expected an IANA name like Asia/Shanghai")]
    Zone {
        /// What was given, shortened.
        name: String,
    },
    /// The text is not a length of time.
    #[error(
        "`{text}` is not a length; expected a whole number and one of m, h, d, wd, mo, like 30m, 48h, 30d, 20wd, 12mo"
    )]
    Period {
        /// What was given, shortened.
        text: String,
    },
    /// The length is longer than about a hundred years.
    #[error("`{text}` is too long; at most {max} is possible in this unit")]
    PeriodTooLong {
        /// What was given, shortened.
        text: String,
        /// The longest length of that unit.
        max: Period,
    },
    /// Hours or minutes can't be counted from a day without a time.
    #[error("{length} needs a start with a time of day; a bare date will do for d, wd and mo only")]
    DayWithoutTime {
        /// The length that was asked for.
        length: Period,
    },
    /// Working days were asked for without a calendar.
    #[error("{length} needs a working-day calendar, and none was named")]
    NoCalendar {
        /// The length that was asked for.
        length: Period,
    },
    /// A length of the other kind is needed here: elapsed (m, h) or days (d, wd, mo).
    #[error("{length} can't be used here; expected a length in {expected}")]
    WrongUnit {
        /// The length that was given.
        length: Period,
        /// The units that are possible.
        expected: &'static str,
    },
    /// The counting ran into its limit; closures or pauses leave no day to count.
    #[error(
        "counting from {from} did not end within 300 years; is the calendar closed or the pause endless?"
    )]
    Endless {
        /// The day from which was counted.
        from: Date,
    },
    /// A pause ends before it begins, or begins before the one before it has ended.
    #[error("the pauses overlap or are not in order of time")]
    Pauses,
    /// The window's earliest end lies after its latest end.
    #[error("the window is reversed: earliest {earliest}, latest {latest}")]
    WindowReversed {
        /// The length to the earliest end.
        earliest: Period,
        /// The length to the latest end.
        latest: Period,
    },
    /// The calendar's data contradict themselves.
    #[error("calendar `{calendar}`: {problem}")]
    Calendar {
        /// The calendar's id.
        calendar: String,
        /// What is wrong, in English.
        problem: String,
    },
    /// The text is not a schedule of five fields.
    #[error("schedule `{text}`: {problem}")]
    Cron {
        /// What was given, shortened.
        text: String,
        /// What is wrong and what was expected, in English.
        problem: String,
    },
}

impl TimeError {
    /// The stable code, `TM0001` and so on.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Timestamp { .. } => "TM0001",
            Self::MissingOffset { .. } => "TM0002",
            Self::OutOfRange { .. } => "TM0003",
            Self::Date { .. } => "TM0004",
            Self::TimeOfDay { .. } => "TM0005",
            Self::Zone { .. } => "TM0006",
            Self::Period { .. } => "TM0007",
            Self::PeriodTooLong { .. } => "TM0008",
            Self::DayWithoutTime { .. } => "TM0009",
            Self::NoCalendar { .. } => "TM0010",
            Self::WrongUnit { .. } => "TM0011",
            Self::Endless { .. } => "TM0012",
            Self::Pauses => "TM0013",
            Self::WindowReversed { .. } => "TM0014",
            Self::Calendar { .. } => "TM0015",
            Self::Cron { .. } => "TM0016",
        }
    }

    /// The sentence in Chinese.
    pub fn zh(&self) -> String {
        match self {
            Self::Timestamp { text } => {
                format!("“{text}”不是时间，应写作 2026-02-13T17:30:00+08:00")
            }
            Self::MissingOffset { text } => {
                format!("“{text}”没有时区偏移，应写作 2026-02-13T17:30:00+08:00，或以 Z 结尾")
            }
            Self::OutOfRange { text } => {
                format!("“{text}”超出范围，时间须在 1970 年至 9999 年之间")
            }
            Self::Date { text } => format!("“{text}”不是日期，应写作 2026-02-13"),
            Self::TimeOfDay { text } => {
                format!("“{text}”不是钟点，应写作 HH:MM（00:00 至 23:59），如 09:00")
            }
            Self::Zone { name } => {
                format!("没有名为“{name}”的时区，应为 IANA 名称，如 Asia/Shanghai")
            }
            Self::Period { text } => {
                format!(
                    "“{text}”不是期限，应为整数加单位 m、h、d、wd、mo 之一，如 30m、48h、30d、20wd、12mo"
                )
            }
            Self::PeriodTooLong { text, max } => format!("“{text}”过长，该单位最多 {max}"),
            Self::DayWithoutTime { length } => {
                format!("{length} 须从带钟点的时间算起，只有日期时仅可用 d、wd、mo")
            }
            Self::NoCalendar { length } => format!("{length} 需要工作日历，但没有指定"),
            Self::WrongUnit { length, expected } => {
                format!("此处不能用 {length}，单位须为 {expected}")
            }
            Self::Endless { from } => {
                format!("从 {from} 起算 300 年仍未到期，请检查日历的停办日或暂停区间")
            }
            Self::Pauses => "暂停区间互相重叠或未按时间先后排列".to_owned(),
            Self::WindowReversed { earliest, latest } => {
                format!("最早 {earliest} 晚于最迟 {latest}，前后颠倒")
            }
            Self::Calendar { calendar, problem } => format!("日历“{calendar}”有误：{problem}"),
            Self::Cron { text, problem } => format!("定时表达式“{text}”有误：{problem}"),
        }
    }
}

/// Shortens text from outside before it is quoted in an error.
pub(crate) fn quoted(text: &str) -> String {
    const LONGEST: usize = 48;
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST).chain(['…']).collect()
}
