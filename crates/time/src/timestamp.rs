//! A point on the time line.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{TimeError, Zone, error::quoted};

/// A point on the time line: milliseconds since 1970-01-01T00:00:00Z, up to the end of the year 9999 (less two days,
/// so that it has a local date in every zone).
///
/// Human-readable formats write it as an RFC 3339 string in UTC, others as an `i64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const MIN: Self = Self(0);
    /// 9999-12-30T00:00:00Z.
    pub const MAX: Self = Self(253_402_128_000_000);

    /// The instant that many milliseconds after the Unix epoch; outside of [`MIN`](Self::MIN) to [`MAX`](Self::MAX)
    /// the nearer of the two, so that a broken clock can't make an instant that has no date.
    pub const fn from_millis(millis: i64) -> Self {
        if millis < Self::MIN.0 {
            Self::MIN
        } else if millis > Self::MAX.0 {
            Self::MAX
        } else {
            Self(millis)
        }
    }

    /// Milliseconds since the Unix epoch, never negative.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Reads an RFC 3339 time with its offset; the seconds may be left out, a fraction is cut to milliseconds.
    ///
    /// # Errors
    /// [`TimeError::MissingOffset`] without an offset, [`TimeError::OutOfRange`] outside the years 1970 to 9999,
    /// [`TimeError::Timestamp`] for anything else.
    ///
    /// ```
    /// use qixian_time::Timestamp;
    /// let sent = Timestamp::parse("2026-02-13T17:30:00+08:00")?;
    /// assert_eq!(sent.to_string(), "2026-02-13T09:30:00Z");
    /// assert!(Timestamp::parse("2026-02-13T17:30:00").is_err());
    /// # Ok::<(), qixian_time::TimeError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        match Shape::of(text) {
            Shape::Complete => {}
            Shape::NoOffset => return Err(TimeError::MissingOffset { text: quoted(text) }),
            Shape::Other => return Err(TimeError::Timestamp { text: quoted(text) }),
        }
        let out_of_range = || TimeError::OutOfRange { text: quoted(text) };
        let instant: jiff::Timestamp =
            text.parse()
                .map_err(|_| match text.starts_with("9999-12-3") {
                    // jiff itself ends a day before the year does.
                    true => out_of_range(),
                    false => TimeError::Timestamp { text: quoted(text) },
                })?;
        let exact = instant.as_millisecond();
        let kept = Self::from_millis(exact);
        if kept.0 == exact {
            Ok(kept)
        } else {
            Err(out_of_range())
        }
    }

    /// Writes the instant with the offset that `zone` has then, e.g. `2026-02-15T17:30:00+08:00`; with milliseconds
    /// only when there are any.
    pub fn to_rfc3339(self, zone: &Zone) -> String {
        zone.rfc3339(self)
    }

    /// Later by that many milliseconds (earlier when negative), stopping at [`MIN`](Self::MIN) and [`MAX`](Self::MAX).
    pub const fn saturating_add_millis(self, millis: i64) -> Self {
        Self::from_millis(self.0.saturating_add(millis))
    }

    /// Earlier by that many milliseconds (later when negative), stopping at [`MIN`](Self::MIN) and [`MAX`](Self::MAX).
    pub const fn saturating_sub_millis(self, millis: i64) -> Self {
        Self::from_millis(self.0.saturating_sub(millis))
    }

    /// Milliseconds from `earlier` to this instant; negative when `earlier` is in fact later.
    pub const fn millis_since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }
}

impl std::ops::Sub for Timestamp {
    type Output = i64;

    /// The same as [`Timestamp::millis_since`].
    fn sub(self, earlier: Self) -> i64 {
        self.millis_since(earlier)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_jiff())
    }
}

impl Timestamp {
    pub(crate) fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0).expect("MIN and MAX lie within jiff's range")
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_i64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom);
        }
        let millis = i64::deserialize(deserializer)?;
        let kept = Self::from_millis(millis);
        if kept.0 == millis {
            Ok(kept)
        } else {
            Err(de::Error::custom("timestamp out of range"))
        }
    }
}

/// How much of `YYYY-MM-DDTHH:MM[:SS[.fff]](Z|±HH:MM)` a text has. jiff reads many more ways of writing a time; here
/// only the one of the standard is let through, so that every door of the product takes the same texts.
enum Shape {
    Complete,
    NoOffset,
    Other,
}

impl Shape {
    fn of(text: &str) -> Self {
        let Some(rest) = strip(text.as_bytes(), b"####-##-##") else {
            return Self::Other;
        };
        let Some((b'T' | b't', rest)) = rest.split_first().map(|(first, rest)| (*first, rest))
        else {
            return if rest.is_empty() {
                Self::NoOffset
            } else {
                Self::Other
            };
        };
        let Some(rest) = strip(rest, b"##:##") else {
            return Self::Other;
        };
        let rest = strip(rest, b":##").map_or(rest, without_fraction);
        match rest {
            [] => Self::NoOffset,
            [b'Z' | b'z'] => Self::Complete,
            [b'+' | b'-', offset @ ..] if matches!(strip(offset, b"##:##"), Some([])) => {
                Self::Complete
            }
            _ => Self::Other,
        }
    }
}

/// What follows `pattern` at the start of `text`, where `#` stands for a digit.
fn strip<'t>(text: &'t [u8], pattern: &[u8]) -> Option<&'t [u8]> {
    let (head, rest) = text.split_at_checked(pattern.len())?;
    let fits = |(found, wanted): (&u8, &u8)| {
        if *wanted == b'#' {
            found.is_ascii_digit()
        } else {
            found == wanted
        }
    };
    head.iter().zip(pattern).all(fits).then_some(rest)
}

fn without_fraction(text: &[u8]) -> &[u8] {
    let Some((b'.', digits)) = text.split_first() else {
        return text;
    };
    let count = digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if (1..=9).contains(&count) {
        &digits[count..]
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_rfc3339_with_offset() {
        let check = |text: &str, expected: &str| {
            let read = Timestamp::parse(text)
                .map_or_else(|error| error.code().to_owned(), |time| time.to_string());
            assert_eq!(read, expected, "{text}");
        };
        check("2026-02-13T17:30:00+08:00", "2026-02-13T09:30:00Z");
        check("2026-02-13T17:30+08:00", "2026-02-13T09:30:00Z");
        check("2026-02-13t09:30:00z", "2026-02-13T09:30:00Z");
        check("2026-02-13T09:30:00.1239Z", "2026-02-13T09:30:00.123Z");
        check("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z");
        check("1970-01-01T00:00:00+08:00", "TM0003");
        check("9999-12-31T00:00:00Z", "TM0003");
        check("2026-02-13T17:30:00", "TM0002");
        check("2026-02-13T17:30", "TM0002");
        check("2026-02-13", "TM0002");
        check("2026-02-30T09:30:00Z", "TM0001");
        check("2026-02-13 09:30:00Z", "TM0001");
        check("2026-02-13T09:30:00+0800", "TM0001");
        check("2026-02-13T09:30:00+08:00[Asia/Shanghai]", "TM0001");
        check("2026-02-13T09:30:00.Z", "TM0001");
        check("+002026-02-13T09:30:00Z", "TM0001");
        check("明天", "TM0001");
        check("", "TM0001");
    }

    #[test]
    fn writes_the_offset_of_the_zone() {
        let check = |text: &str, zone: &str, expected: &str| {
            let zone = Zone::named(zone).expect("a known zone");
            assert_eq!(
                Timestamp::parse(text)
                    .expect("a good time")
                    .to_rfc3339(&zone),
                expected
            );
        };
        check(
            "2026-02-15T09:30:00Z",
            "Asia/Shanghai",
            "2026-02-15T17:30:00+08:00",
        );
        check(
            "2026-02-15T09:30:00.050Z",
            "Asia/Shanghai",
            "2026-02-15T17:30:00.05+08:00",
        );
        check(
            "2026-07-15T09:30:00Z",
            "America/New_York",
            "2026-07-15T05:30:00-04:00",
        );
        check("2026-02-15T09:30:00Z", "UTC", "2026-02-15T09:30:00+00:00");
    }

    #[test]
    fn stays_in_range() {
        assert_eq!(Timestamp::from_millis(i64::MIN), Timestamp::MIN);
        assert_eq!(Timestamp::from_millis(i64::MAX), Timestamp::MAX);
        assert_eq!(
            Timestamp::MAX.saturating_add_millis(i64::MAX),
            Timestamp::MAX
        );
        assert_eq!(Timestamp::MIN.saturating_sub_millis(1), Timestamp::MIN);
        assert_eq!(Timestamp::MAX.to_string(), "9999-12-30T00:00:00Z");
        assert_eq!(
            Timestamp::from_millis(500) - Timestamp::from_millis(2_000),
            -1_500
        );
    }

    #[test]
    fn serialises_by_format() {
        let time = Timestamp::from_millis(1_771_147_800_500);
        let json = serde_json::to_string(&time).expect("serialises");
        assert_eq!(json, "\"2026-02-15T09:30:00.5Z\"");
        assert_eq!(
            serde_json::from_str::<Timestamp>(&json).expect("reads back"),
            time
        );
        let bytes = postcard::to_allocvec(&time).expect("serialises");
        assert_eq!(
            postcard::from_bytes::<Timestamp>(&bytes).expect("reads back"),
            time
        );
        let early = postcard::to_allocvec(&-1_i64).expect("serialises");
        assert!(postcard::from_bytes::<Timestamp>(&early).is_err());
    }
}
