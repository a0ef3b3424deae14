//! Lengths of time as people write them in workflow files.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{TimeError, error::quoted};

/// The unit of a [`Period`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// `m`, elapsed minutes.
    Minutes,
    /// `h`, elapsed hours (guide S132: the SMS check's 48 hours).
    Hours,
    /// `d`, whole local days (guide S153: 30 days for the police filing).
    Days,
    /// `wd`, working days of a named calendar (guide S120, S128, S134).
    WorkDays,
    /// `mo`, calendar months (guide S53–S57: minimum terms of servers).
    Months,
}

impl Unit {
    /// The suffix in text: `m`, `h`, `d`, `wd` or `mo`.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Minutes => "m",
            Self::Hours => "h",
            Self::Days => "d",
            Self::WorkDays => "wd",
            Self::Months => "mo",
        }
    }

    /// The largest count that [`Period`] takes in this unit, each about a hundred years.
    pub const fn max_count(self) -> u32 {
        match self {
            Self::Minutes => 52_596_000,
            Self::Hours => 876_600,
            Self::Days => 36_525,
            Self::WorkDays => 25_000,
            Self::Months => 1_200,
        }
    }

    fn from_suffix(text: &str) -> Option<Self> {
        [
            Self::Minutes,
            Self::Hours,
            Self::Days,
            Self::WorkDays,
            Self::Months,
        ]
        .into_iter()
        .find(|unit| unit.suffix() == text)
    }
}

/// A length of time, written and serialised `30m`, `48h`, `30d`, `20wd`, `12mo`.
///
/// The ordering is that of unit, then count; it says nothing about which of two lengths ends first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    /// The unit that is counted.
    pub unit: Unit,
    /// How many of them, 0 to [`Unit::max_count`].
    pub count: u32,
}

impl Period {
    /// A length of `count` units.
    ///
    /// # Errors
    /// [`TimeError::PeriodTooLong`] above [`Unit::max_count`].
    pub fn new(count: u32, unit: Unit) -> Result<Self, TimeError> {
        let period = Self { unit, count };
        if count > unit.max_count() {
            return Err(TimeError::PeriodTooLong {
                text: period.to_string(),
                max: period.longest(),
            });
        }
        Ok(period)
    }

    /// `count` elapsed minutes.
    pub const fn minutes(count: u32) -> Self {
        Self {
            unit: Unit::Minutes,
            count,
        }
    }

    /// `count` elapsed hours.
    pub const fn hours(count: u32) -> Self {
        Self {
            unit: Unit::Hours,
            count,
        }
    }

    /// `count` whole local days.
    pub const fn days(count: u32) -> Self {
        Self {
            unit: Unit::Days,
            count,
        }
    }

    /// `count` working days.
    pub const fn work_days(count: u32) -> Self {
        Self {
            unit: Unit::WorkDays,
            count,
        }
    }

    /// `count` calendar months.
    pub const fn months(count: u32) -> Self {
        Self {
            unit: Unit::Months,
            count,
        }
    }

    /// Whether it is elapsed time (`m`, `h`) rather than days.
    pub const fn is_elapsed(self) -> bool {
        matches!(self.unit, Unit::Minutes | Unit::Hours)
    }

    /// Its length in milliseconds when it is elapsed time; days have no fixed length.
    pub const fn elapsed_millis(self) -> Option<i64> {
        match self.unit {
            Unit::Minutes => Some(self.count as i64 * 60_000),
            Unit::Hours => Some(self.count as i64 * 3_600_000),
            Unit::Days | Unit::WorkDays | Unit::Months => None,
        }
    }

    const fn longest(self) -> Self {
        Self {
            unit: self.unit,
            count: self.unit.max_count(),
        }
    }
}

impl FromStr for Period {
    type Err = TimeError;

    /// # Errors
    /// [`TimeError::Period`] when it is not a whole number followed by a unit, [`TimeError::PeriodTooLong`] when it
    /// exceeds the unit's bound.
    fn from_str(text: &str) -> Result<Self, TimeError> {
        let refused = || TimeError::Period { text: quoted(text) };
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (count, suffix) = text.split_at(digits);
        let unit = Unit::from_suffix(suffix).ok_or_else(refused)?;
        if count.is_empty() {
            return Err(refused());
        }
        let too_long = || TimeError::PeriodTooLong {
            text: quoted(text),
            max: Self {
                unit,
                count: unit.max_count(),
            },
        };
        let count = count.parse().map_err(|_| too_long())?;
        Self::new(count, unit)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.count, self.unit.suffix())
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
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
    fn reads_and_writes_lengths() {
        let check = |text: &str, expected: Period| {
            let read: Period = text.parse().expect("a good length");
            assert_eq!(read, expected);
            assert_eq!(read.to_string(), text);
        };
        check("0m", Period::minutes(0));
        check("30m", Period::minutes(30));
        check("48h", Period::hours(48));
        check("30d", Period::days(30));
        check("20wd", Period::work_days(20));
        check("12mo", Period::months(12));
        check("1200mo", Period::months(1_200));
    }

    #[test]
    fn refuses_what_is_no_length() {
        let check = |text: &str, code: &str| {
            assert_eq!(
                text.parse::<Period>().expect_err(text).code(),
                code,
                "{text}"
            )
        };
        for text in [
            "", "48", "h", "-1h", "+1h", "1.5h", "48 h", " 48h", "48H", "2w", "3s", "1y", "二十wd",
            "20wd3h",
        ] {
            check(text, "TM0007");
        }
        for text in ["1201mo", "36526d", "99999999999999999999h"] {
            check(text, "TM0008");
        }
    }

    #[test]
    fn tells_elapsed_time_from_days() {
        assert_eq!(Period::hours(48).elapsed_millis(), Some(172_800_000));
        assert!(Period::minutes(1).is_elapsed());
        assert!(!Period::days(1).is_elapsed());
        assert_eq!(Period::work_days(1).elapsed_millis(), None);
    }
}
