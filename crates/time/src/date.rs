//! Days and times of day, both without a zone.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{TimeError, error::quoted};

/// A day of the calendar without a zone. It is written `2026-02-13`, also when serialised.
pub use jiff::civil::Date;

/// Reads a date written `YYYY-MM-DD`, years 1970 to 9999, and nothing longer.
///
/// # Errors
/// [`TimeError::Date`] when the text is something else (a time is refused too, for its day depends on a zone),
/// [`TimeError::OutOfRange`] for a year before 1970.
///
/// ```
/// assert!(qixian_time::parse_date("2026-02-28").is_ok());
/// assert!(qixian_time::parse_date("2026-02-30").is_err());
/// ```
pub fn parse_date(text: &str) -> Result<Date, TimeError> {
    let shaped =
        text.len() == 10 && matches!(text.as_bytes(), [_, _, _, _, b'-', _, _, b'-', _, _]);
    let date = shaped.then(|| text.parse::<Date>().ok()).flatten();
    match date {
        None => Err(TimeError::Date { text: quoted(text) }),
        Some(date) if date.year() < 1970 => Err(TimeError::OutOfRange { text: quoted(text) }),
        Some(date) => Ok(date),
    }
}

/// A time of day to the minute, 00:00 to 23:59, written and serialised as `09:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeOfDay {
    hour: u8,
    minute: u8,
}

impl TimeOfDay {
    /// 00:00.
    pub const MIDNIGHT: Self = Self { hour: 0, minute: 0 };

    /// A time of day from hour (0 to 23) and minute (0 to 59).
    ///
    /// # Errors
    /// [`TimeError::TimeOfDay`] outside these ranges.
    pub fn new(hour: u8, minute: u8) -> Result<Self, TimeError> {
        if hour > 23 || minute > 59 {
            return Err(TimeError::TimeOfDay {
                text: format!("{hour:02}:{minute:02}"),
            });
        }
        Ok(Self { hour, minute })
    }

    /// The hour, 0 to 23.
    pub fn hour(self) -> u8 {
        self.hour
    }

    /// The minute, 0 to 59.
    pub fn minute(self) -> u8 {
        self.minute
    }
}

impl FromStr for TimeOfDay {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let refused = || TimeError::TimeOfDay { text: quoted(text) };
        let (hour, minute) = text.split_once(':').ok_or_else(refused)?;
        Self::new(
            two_digits(hour).ok_or_else(refused)?,
            two_digits(minute).ok_or_else(refused)?,
        )
    }
}

fn two_digits(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Some((tens - b'0') * 10 + (ones - b'0')),
        _ => None,
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.hour, self.minute)
    }
}

impl Serialize for TimeOfDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TimeOfDay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_dates_and_nothing_else() {
        let check = |text: &str, good: bool| assert_eq!(parse_date(text).is_ok(), good, "{text}");
        check("2026-02-13", true);
        check("2024-02-29", true);
        check("2026-02-29", false);
        check("1969-12-31", false);
        check("20260213", false);
        check("2026-2-13", false);
        check("2026-02-13T00:00", false);
        check("二〇二六", false);
        check("", false);
    }

    #[test]
    fn reads_times_of_day() {
        let check = |text: &str, expected: Option<&str>| {
            let read = text.parse::<TimeOfDay>().ok().map(|time| time.to_string());
            assert_eq!(read.as_deref(), expected, "{text}");
        };
        check("09:00", Some("09:00"));
        check("23:59", Some("23:59"));
        check("24:00", None);
        check("9:00", None);
        check("09:60", None);
        check("+9:00", None);
    }
}
