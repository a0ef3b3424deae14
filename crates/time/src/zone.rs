//! Time zones, from the database that is bundled with the program.

use std::fmt;

use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{Date, TimeError, TimeOfDay, Timestamp, error::quoted};

/// A time zone by its IANA name. Cloning is cheap; it is serialised as its name.
#[derive(Clone, PartialEq, Eq)]
pub struct Zone {
    tz: TimeZone,
}

impl Zone {
    /// The zone of that IANA name, in any letter case. The data come with the program, never from the machine.
    ///
    /// # Errors
    /// [`TimeError::Zone`] when there is no such zone.
    pub fn named(name: &str) -> Result<Self, TimeError> {
        let unknown = || TimeError::Zone { name: quoted(name) };
        let tz = TimeZoneDatabase::bundled()
            .get(name)
            .map_err(|_| unknown())?;
        if tz.is_unknown() || tz.iana_name().is_none() {
            return Err(unknown());
        }
        Ok(Self { tz })
    }

    /// Asia/Shanghai, the zone of all shipped workflows.
    pub fn shanghai() -> Self {
        Self::named("Asia/Shanghai").expect("the bundled database has Asia/Shanghai")
    }

    /// UTC.
    pub fn utc() -> Self {
        Self { tz: TimeZone::UTC }
    }

    /// The IANA name, as the database spells it.
    pub fn name(&self) -> &str {
        self.tz
            .iana_name()
            .expect("only zones with a name are made")
    }

    /// The local day on which the instant falls.
    pub fn date_of(&self, at: Timestamp) -> Date {
        self.tz.to_datetime(at.to_jiff()).date()
    }

    /// The local time of day at the instant, seconds cut off.
    pub fn time_of_day(&self, at: Timestamp) -> TimeOfDay {
        let time = self.tz.to_datetime(at.to_jiff()).time();
        let part = |value: i8| u8::try_from(value).expect("hours and minutes are not negative");
        TimeOfDay::new(part(time.hour()), part(time.minute()))
            .expect("a local time is within the day")
    }

    /// The first instant of the local day: 00:00, or when a clock change skips midnight, the moment of that change.
    /// A day outside [`Timestamp::MIN`] to [`Timestamp::MAX`] gives the nearer of the two.
    pub fn start_of_day(&self, day: Date) -> Timestamp {
        self.at(day, TimeOfDay::MIDNIGHT)
    }

    /// 24:00 of the local day, which is the first instant of the next one.
    pub fn end_of_day(&self, day: Date) -> Timestamp {
        day.tomorrow()
            .map_or(Timestamp::MAX, |next| self.start_of_day(next))
    }

    /// The instant at which local clocks show `time` on `day`: the earlier one when they show it twice, the moment of
    /// the clock change when they never do. Saturates as [`Zone::start_of_day`] does.
    pub fn at(&self, day: Date, time: TimeOfDay) -> Timestamp {
        let part = |value: u8| i8::try_from(value).expect("hours and minutes are below 60");
        let local = day.at(part(time.hour()), part(time.minute()), 0, 0);
        let ambiguous = self.tz.to_ambiguous_timestamp(local);
        let skipped = matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. });
        match ambiguous.compatible() {
            Ok(after) if skipped => self.change_before(after),
            Ok(instant) => Timestamp::from_millis(instant.as_millisecond()),
            Err(_) if day.year() < 1970 => Timestamp::MIN,
            Err(_) => Timestamp::MAX,
        }
    }

    /// The clock change that skipped a local time; `after` is that change or lies behind it by less than a day.
    fn change_before(&self, after: jiff::Timestamp) -> Timestamp {
        let just_past = Timestamp::from_millis(after.as_millisecond())
            .saturating_add_millis(1)
            .to_jiff();
        let change = self
            .tz
            .preceding(just_past)
            .next()
            .map_or(after, |change| change.timestamp());
        Timestamp::from_millis(change.as_millisecond())
    }

    pub(crate) fn rfc3339(&self, at: Timestamp) -> String {
        let instant = at.to_jiff();
        instant
            .display_with_offset(self.tz.to_offset(instant))
            .to_string()
    }

    /// Year, month, day, hour, minute and second of the local clock.
    pub(crate) fn local(&self, at: Timestamp) -> jiff::civil::DateTime {
        self.tz.to_datetime(at.to_jiff())
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({})", self.name())
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::named(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse_date;

    fn zone(name: &str) -> Zone {
        Zone::named(name).expect("a known zone")
    }

    #[test]
    fn knows_zones_by_name() {
        assert_eq!(zone("asia/shanghai").name(), "Asia/Shanghai");
        assert_eq!(zone("UTC").name(), "UTC");
        assert_eq!(Zone::utc().name(), "UTC");
        assert!(Zone::named("Asia/Beijing").is_err());
        assert!(Zone::named("Etc/Unknown").is_err());
        assert!(Zone::named("").is_err());
        assert_eq!(
            serde_json::to_string(&Zone::shanghai()).expect("serialises"),
            "\"Asia/Shanghai\""
        );
    }

    #[test]
    fn days_begin_and_end_where_the_zone_says() {
        let check = |name: &str, day: &str, start: &str, end: &str| {
            let (zone, day) = (zone(name), parse_date(day).expect("a date"));
            assert_eq!(zone.start_of_day(day).to_rfc3339(&zone), start);
            assert_eq!(zone.end_of_day(day).to_rfc3339(&zone), end);
            assert_eq!(zone.date_of(zone.start_of_day(day)), day);
        };
        check(
            "Asia/Shanghai",
            "2026-02-13",
            "2026-02-13T00:00:00+08:00",
            "2026-02-14T00:00:00+08:00",
        );
        // China had summer time in 1991: a day of 23 hours.
        check(
            "Asia/Shanghai",
            "1991-04-14",
            "1991-04-14T00:00:00+08:00",
            "1991-04-15T00:00:00+09:00",
        );
        check(
            "America/New_York",
            "2026-03-08",
            "2026-03-08T00:00:00-05:00",
            "2026-03-09T00:00:00-04:00",
        );
        // Havana changes its clocks at midnight: that day has no 00:00.
        check(
            "America/Havana",
            "2026-03-08",
            "2026-03-08T01:00:00-04:00",
            "2026-03-09T00:00:00-04:00",
        );
    }

    #[test]
    fn times_that_come_twice_or_never() {
        let check = |day: &str, time: &str, expected: &str| {
            let zone = zone("America/New_York");
            let at = zone.at(
                parse_date(day).expect("a date"),
                time.parse().expect("a time"),
            );
            assert_eq!(at.to_rfc3339(&zone), expected);
        };
        check("2026-03-08", "02:30", "2026-03-08T03:00:00-04:00");
        check("2026-11-01", "01:30", "2026-11-01T01:30:00-04:00");
    }

    #[test]
    fn far_days_saturate() {
        assert_eq!(Zone::shanghai().end_of_day(Date::MAX), Timestamp::MAX);
        assert_eq!(Zone::shanghai().start_of_day(Date::MIN), Timestamp::MIN);
    }
}
