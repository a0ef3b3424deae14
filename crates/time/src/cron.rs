//! Schedules of five fields, as cron reads them.
//!
//! The crate `cron` finds the next date, but its own notation differs from Unix in ways that send a digest on the
//! wrong day (it counts weekdays from 1 = Sunday and takes both day fields together as *and*). So the five fields are
//! read here, by the Unix rules, and handed to it as plain lists. This is the only place that knows `chrono`.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Datelike, Timelike, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{Date, TimeError, TimeOfDay, Timestamp, Zone, error::quoted};

/// When something recurs: minute, hour, day of month, month, weekday.
///
/// `*`, numbers, names of months and weekdays, lists `1,3`, ranges `1-5`, steps `*/10` and `8-18/2`; weekdays are 0 to
/// 7 with 0 and 7 for Sunday. Day of month and weekday may not both be restricted: cron means *or* by that and people
/// read *and*. Serialised as its text.
#[derive(Clone)]
pub struct CronSchedule {
    text: String,
    schedule: cron::Schedule,
}

struct Field {
    name: &'static str,
    first: u32,
    last: u32,
    /// Names for values, the first standing for `first`.
    names: &'static [&'static str],
}

const MINUTE: Field = Field {
    name: "minute",
    first: 0,
    last: 59,
    names: &[],
};
const HOUR: Field = Field {
    name: "hour",
    first: 0,
    last: 23,
    names: &[],
};
const DAY_OF_MONTH: Field = Field {
    name: "day of month",
    first: 1,
    last: 31,
    names: &[],
};
const MONTH: Field = Field {
    name: "month",
    first: 1,
    last: 12,
    names: &[
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ],
};
const WEEKDAY: Field = Field {
    name: "weekday",
    first: 0,
    last: 7,
    names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
};

impl CronSchedule {
    /// The text it was read from.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The first time after `after`, never `after` itself, in the local time of `zone`; nothing after the year 2100.
    ///
    /// A local time that a clock change skips comes at that change; one that comes twice, at its first coming.
    pub fn next_after(&self, after: Timestamp, zone: &Zone) -> Option<Timestamp> {
        let now = as_chrono(zone.local(after))?;
        self.schedule
            .after(&now)
            .filter_map(|civil| instant(&civil, zone))
            .find(|found| *found > after)
    }

    /// The next `count` times after `after`, to be shown to people.
    pub fn upcoming(&self, after: Timestamp, zone: &Zone, count: usize) -> Vec<Timestamp> {
        let next = |from: &Timestamp| self.next_after(*from, zone);
        std::iter::successors(next(&after), next)
            .take(count)
            .collect()
    }
}

/// `chrono`'s view of a local time: the digits of the clock, held as if they were UTC. The zone is jiff's alone.
fn as_chrono(local: jiff::civil::DateTime) -> Option<DateTime<Utc>> {
    let as_utc = jiff::tz::TimeZone::UTC.to_timestamp(local).ok()?;
    DateTime::from_timestamp(as_utc.as_second(), 0)
}

fn instant(civil: &DateTime<Utc>, zone: &Zone) -> Option<Timestamp> {
    let (year, month, day) = (
        civil.year().try_into().ok()?,
        civil.month().try_into().ok()?,
        civil.day().try_into().ok()?,
    );
    let time = TimeOfDay::new(
        civil.hour().try_into().ok()?,
        civil.minute().try_into().ok()?,
    )
    .ok()?;
    Some(zone.at(Date::new(year, month, day).ok()?, time))
}

impl FromStr for CronSchedule {
    type Err = TimeError;

    /// # Errors
    /// [`TimeError::Cron`] naming the field and what was expected there.
    fn from_str(text: &str) -> Result<Self, TimeError> {
        let refused = |problem| TimeError::Cron {
            text: quoted(text),
            problem,
        };
        let plain = in_plain_lists(text).map_err(refused)?;
        let schedule: cron::Schedule = plain
            .parse()
            .map_err(|_| refused("it can't be understood".to_owned()))?;
        let read = Self {
            text: text.to_owned(),
            schedule,
        };
        match read.next_after(Timestamp::MIN, &Zone::utc()) {
            Some(_) => Ok(read),
            None => Err(refused("that day never comes".to_owned())),
        }
    }
}

/// The notation of the crate `cron`, with a leading field for seconds, from the one of Unix.
fn in_plain_lists(text: &str) -> Result<String, String> {
    let fields: Vec<&str> = text.split_ascii_whitespace().collect();
    let &[minute, hour, day, month, weekday] = fields.as_slice() else {
        return Err(format!(
            "it has {} fields; expected five: minute, hour, day of month, month, weekday",
            fields.len()
        ));
    };
    let days = DAY_OF_MONTH.read(day)?;
    let weekdays = sunday_once(WEEKDAY.read(weekday)?);
    if days.is_some() && weekdays.is_some() {
        return Err(
            "day of month and weekday are both restricted; put * for one of them".to_owned(),
        );
    }
    Ok(format!(
        "0 {} {} {} {} {}",
        listed(MINUTE.read(minute)?, 0),
        listed(HOUR.read(hour)?, 0),
        listed(days, 0),
        listed(MONTH.read(month)?, 0),
        // The crate's Sunday is 1.
        listed(weekdays, 1),
    ))
}

/// Folds 7 into 0; all seven days are no restriction.
fn sunday_once(weekdays: Option<Vec<u32>>) -> Option<Vec<u32>> {
    let mut weekdays: Vec<u32> = weekdays?.into_iter().map(|day| day % 7).collect();
    weekdays.sort_unstable();
    weekdays.dedup();
    (weekdays.len() < 7).then_some(weekdays)
}

fn listed(values: Option<Vec<u32>>, plus: u32) -> String {
    let Some(values) = values else {
        return "*".to_owned();
    };
    let values: Vec<String> = values
        .iter()
        .map(|value| (value + plus).to_string())
        .collect();
    values.join(",")
}

impl Field {
    /// The values the text allows, ascending; none when it allows all.
    fn read(&self, text: &str) -> Result<Option<Vec<u32>>, String> {
        let mut allowed = Vec::new();
        for item in text.split(',') {
            allowed.extend(self.item(item)?);
        }
        allowed.sort_unstable();
        allowed.dedup();
        let everything = allowed.len() == (self.first..=self.last).count();
        Ok((!everything).then_some(allowed))
    }

    fn item(&self, item: &str) -> Result<impl Iterator<Item = u32> + use<>, String> {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(self.step(step)?)),
            None => (item, None),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (self.first, self.last),
            Some((from, to)) => (self.value(from)?, self.value(to)?),
            None if step.is_some() => {
                return Err(format!(
                    "{}: `{}` needs a range before the step, like */2",
                    self.name,
                    quoted(item)
                ));
            }
            None => (self.value(range)?, self.value(range)?),
        };
        if from > to {
            return Err(format!(
                "{}: the range `{}` runs backwards",
                self.name,
                quoted(item)
            ));
        }
        Ok((from..=to).step_by(step.unwrap_or(1)))
    }

    fn step(&self, text: &str) -> Result<usize, String> {
        match digits(text) {
            Some(step @ 1..) => Ok(usize::try_from(step).unwrap_or(usize::MAX)),
            _ => Err(format!(
                "{}: `{}` is not a step; expected a number from 1",
                self.name,
                quoted(text)
            )),
        }
    }

    fn value(&self, text: &str) -> Result<u32, String> {
        let named = self
            .names
            .iter()
            .position(|name| name.eq_ignore_ascii_case(text));
        let value = named
            .and_then(|index| u32::try_from(index).ok())
            .map_or_else(|| digits(text), |index| Some(index + self.first));
        value
            .filter(|value| (self.first..=self.last).contains(value))
            .ok_or_else(|| {
                format!(
                    "{}: `{}` is not possible; expected {} to {}",
                    self.name,
                    quoted(text),
                    self.first,
                    self.last
                )
            })
    }
}

fn digits(text: &str) -> Option<u32> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

impl PartialEq for CronSchedule {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for CronSchedule {}

impl fmt::Debug for CronSchedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CronSchedule({:?})", self.text)
    }
}

impl fmt::Display for CronSchedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for CronSchedule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for CronSchedule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}
