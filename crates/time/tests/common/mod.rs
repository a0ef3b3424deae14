//! The shipped calendar, read from its files, and short ways to write times.
#![allow(dead_code, reason = "each test binary uses its own part of it")]

use std::{fs, path::Path};

use qixian_time::{CalendarYear, Date, Holiday, Start, Timestamp, WorkCalendar, parse_date};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct YearFile {
    schema: u32,
    calendar: String,
    year: i16,
    notice: String,
    #[serde(default)]
    amended: Vec<String>,
    makeup: Vec<Date>,
    holiday: Vec<HolidayEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HolidayEntry {
    name: String,
    from: Date,
    to: Date,
}

pub(crate) fn cn_year(year: i16) -> CalendarYear {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/calendars/cn");
    let text = fs::read_to_string(folder.join(format!("{year}.toml")))
        .expect("the file of the year is there");
    let file: YearFile = toml::from_str(&text).expect("the file is well-formed");
    assert_eq!(
        (file.schema, file.calendar.as_str(), file.year),
        (1, "cn", year)
    );
    let holidays = file.holiday.into_iter().map(|entry| Holiday {
        from: entry.from,
        to: entry.to,
        name: entry.name,
    });
    CalendarYear {
        year,
        notice: file.notice,
        amended: file.amended,
        holidays: holidays.collect(),
        workdays: file.makeup,
        closures: Vec::new(),
    }
}

pub(crate) fn cn() -> WorkCalendar {
    let years = (2018..=2026).map(cn_year).collect();
    WorkCalendar::build("cn", "中国工作日", "test", None, years)
        .expect("the shipped calendar is sound")
}

pub(crate) fn day(text: &str) -> Date {
    parse_date(text).expect(text)
}

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect(text)
}

/// A day when the text is one, else an instant.
pub(crate) fn start(text: &str) -> Start {
    parse_date(text).map_or_else(|_| Start::Instant(at(text)), Start::Day)
}
