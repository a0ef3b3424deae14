//! Schedules as Unix reads them.

mod common;

use common::at;
use qixian_time::{CronSchedule, Zone};

#[test]
fn next_times() {
    let zone = Zone::shanghai();
    let check = |text: &str, after: &str, expected: &[&str]| {
        let schedule: CronSchedule = text.parse().expect(text);
        let found = schedule.upcoming(at(&format!("{after}+08:00")), &zone, expected.len());
        let found: Vec<String> = found.iter().map(|time| time.to_rfc3339(&zone)).collect();
        let expected: Vec<String> = expected
            .iter()
            .map(|time| format!("{time}:00+08:00"))
            .collect();
        assert_eq!(found, expected, "{text}");
    };
    check(
        "0 9 * * *",
        "2026-02-13T08:59:59.900",
        &["2026-02-13T09:00", "2026-02-14T09:00"],
    );
    check("0 9 * * *", "2026-02-13T09:00:00", &["2026-02-14T09:00"]);
    check(
        "*/20 * * * *",
        "2026-02-13T23:30:00",
        &["2026-02-13T23:40", "2026-02-14T00:00"],
    );
    check(
        "30 8-18/5 * * *",
        "2026-02-13T08:30:00",
        &["2026-02-13T13:30", "2026-02-13T18:30", "2026-02-14T08:30"],
    );
    check(
        "0 0 1,15 * *",
        "2026-02-13T09:00:00",
        &["2026-02-15T00:00", "2026-03-01T00:00"],
    );
    check("0 0 29 2 *", "2026-02-13T09:00:00", &["2028-02-29T00:00"]);
    check(
        "0 0 1 jan,JUL *",
        "2026-02-13T09:00:00",
        &["2026-07-01T00:00", "2027-01-01T00:00"],
    );
    check("0 0 1-31 * 5", "2026-02-13T09:00:00", &["2026-02-20T00:00"]);
}

/// 2026-02-13 is a Friday.
#[test]
fn weekdays_are_counted_as_in_unix() {
    let zone = Zone::shanghai();
    let check = |weekdays: &str, expected: &[i8]| {
        let schedule: CronSchedule = format!("0 9 * * {weekdays}").parse().expect(weekdays);
        let found = schedule.upcoming(at("2026-02-13T12:00:00+08:00"), &zone, expected.len());
        let days: Vec<i8> = found.iter().map(|time| zone.date_of(*time).day()).collect();
        assert_eq!(days, expected, "{weekdays}");
    };
    check("0", &[15, 22]);
    check("7", &[15, 22]);
    check("1", &[16, 23]);
    check("6", &[14, 21]);
    check("1-5", &[16, 17, 18, 19, 20, 23]);
    check("5-7", &[14, 15, 20, 21]);
    check("0-7", &[14, 15, 16, 17, 18, 19, 20, 21]);
    check("mon,Wed", &[16, 18, 23]);
    check("*/2", &[14, 15, 17, 19, 21]);
}

#[test]
fn clock_changes() {
    let zone = Zone::named("America/New_York").expect("a known zone");
    let check = |text: &str, after: &str, expected: &[&str]| {
        let schedule: CronSchedule = text.parse().expect(text);
        let found = schedule.upcoming(at(after), &zone, expected.len());
        let found: Vec<String> = found.iter().map(|time| time.to_rfc3339(&zone)).collect();
        assert_eq!(found, expected, "{text}");
    };
    // 02:30 does not exist on 8 March: it comes at the change.
    check(
        "30 2 * * *",
        "2026-03-07T12:00:00-05:00",
        &["2026-03-08T03:00:00-04:00", "2026-03-09T02:30:00-04:00"],
    );
    // 01:30 comes twice on 1 November: once is enough.
    check(
        "30 1 * * *",
        "2026-11-01T00:00:00-04:00",
        &["2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"],
    );
}

#[test]
fn refuses_what_unix_would_not_read_or_people_would_misread() {
    let check = |text: &str, expected: &str| {
        let error = text.parse::<CronSchedule>().expect_err(text);
        assert_eq!(error.code(), "TM0016");
        assert!(error.to_string().contains(expected), "{error}");
    };
    check("", "0 fields");
    check("0 0 9 * * *", "6 fields");
    check("0 9 13 * 5", "both restricted");
    check("0 9 */2 * 1-5", "both restricted");
    check(
        "60 * * * *",
        "minute: `60` is not possible; expected 0 to 59",
    );
    check("0 24 * * *", "hour: `24`");
    check("0 9 0 * *", "day of month: `0`");
    check("0 9 ? * *", "day of month: `?`");
    check("0 9 L * *", "day of month: `L`");
    check("0 9 * 13 *", "month: `13`");
    check("0 9 * * 8", "weekday: `8`");
    check("0 9 * * fri-mon", "runs backwards");
    check("*/0 * * * *", "not a step");
    check("5/10 * * * *", "needs a range");
    check("0 9,, * * *", "hour: ``");
    check("0 9 +1 * *", "day of month: `+1`");
    check("@daily", "1 fields");
    check("0 9 30 2 *", "never comes");
}

#[test]
fn keeps_its_text() {
    let schedule: CronSchedule = serde_json::from_str("\"0 9 * * 1-5\"").expect("a good schedule");
    assert_eq!(
        serde_json::to_string(&schedule).expect("serialises"),
        "\"0 9 * * 1-5\""
    );
    assert_eq!(
        schedule.upcoming(at("2100-12-31T23:59:00Z"), &Zone::utc(), 3),
        []
    );
}
