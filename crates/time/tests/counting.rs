//! Counting: the vectors of the field, pauses, windows, zones, and the one walk behind date and explanation.

mod common;

use common::{at, cn, day, start};
use qixian_time::{
    CalendarYear, Closure, DayReason, Due, Pause, Period, Start, TimeError, Timestamp, Window,
    WorkCalendar, Zone, day_after, day_before, due, explain, instant_after, instant_before,
};

fn period(text: &str) -> Period {
    text.parse().expect(text)
}

/// Counts in Shanghai with the shipped calendar and checks that the explanation gives the same date.
fn counted(from: &str, length: &str, pauses: &[Pause]) -> Result<Due, TimeError> {
    let (zone, calendar) = (Zone::shanghai(), cn());
    let quick = due(start(from), period(length), &zone, Some(&calendar), pauses);
    let slow = explain(start(from), period(length), &zone, Some(&calendar), pauses);
    assert_eq!(
        quick,
        slow.map(|explanation| explanation.due),
        "{from} + {length}"
    );
    quick
}

fn pause(from: &str, to: &str) -> Pause {
    let local = |text: &str| {
        if text.len() == 10 {
            at(&format!("{text}T12:00+08:00"))
        } else {
            at(text)
        }
    };
    Pause {
        from: local(from),
        to: local(to),
    }
}

#[test]
fn working_days_around_spring_festival_and_make_up_days() {
    let check = |from: &str, length: &str, last_day: &str| {
        let due = counted(from, length, &[]).expect("it ends");
        assert_eq!(
            (due.last_day, due.provisional),
            (day(last_day), false),
            "{from} + {length}"
        );
        assert_eq!(due.due_at, Zone::shanghai().end_of_day(day(last_day)));
    };
    check("2026-02-12", "3wd", "2026-02-24");
    check("2026-02-12", "20wd", "2026-03-18");
    check("2026-09-18", "1wd", "2026-09-20");
    check("2026-09-18", "20wd", "2026-10-22");
    check("2026-12-01", "20wd", "2026-12-29");
    check("2026-12-03", "20wd", "2026-12-31");
    check("2026-02-15T17:30+08:00", "20wd", "2026-03-20");
    check("2026-02-13", "1wd", "2026-02-14");
    check("2026-02-14", "0wd", "2026-02-14");
    // 2020: the make-up day of 1 February was withdrawn when the holiday was extended.
    check("2020-01-23", "1wd", "2020-02-03");
    // 2019: Labour Day grew after publication.
    check("2019-04-30", "1wd", "2019-05-05");
}

#[test]
fn past_the_published_calendar_a_date_is_provisional() {
    let check = |from: &str, length: &str, last_day: &str, provisional: bool| {
        let due = counted(from, length, &[]).expect("it ends");
        assert_eq!(
            (due.last_day, due.provisional),
            (day(last_day), provisional),
            "{from} + {length}"
        );
    };
    check("2026-12-03", "20wd", "2026-12-31", false);
    check("2026-12-04", "20wd", "2027-01-01", true);
    check("2027-03-01", "5wd", "2027-03-08", true);
    check("2017-12-28", "3wd", "2018-01-03", true);
    check("2026-12-04", "30d", "2027-01-03", false);
    check("2026-12-04", "12mo", "2027-12-04", false);
}

#[test]
fn hours_run_through_nights_and_holidays() {
    let check = |from: &str, length: &str, due_at: &str, last_day: &str| {
        let due = counted(from, length, &[]).expect("it ends");
        assert_eq!(
            due.due_at.to_rfc3339(&Zone::shanghai()),
            due_at,
            "{from} + {length}"
        );
        assert_eq!(due.last_day, day(last_day));
    };
    check(
        "2026-02-13T17:30:00+08:00",
        "48h",
        "2026-02-15T17:30:00+08:00",
        "2026-02-15",
    );
    check(
        "2026-02-13T17:30:00+08:00",
        "24h",
        "2026-02-14T17:30:00+08:00",
        "2026-02-14",
    );
    check(
        "2026-02-13T09:30:00Z",
        "5m",
        "2026-02-13T17:35:00+08:00",
        "2026-02-13",
    );
    check(
        "2026-02-13T17:30:00.250+08:00",
        "0m",
        "2026-02-13T17:30:00.25+08:00",
        "2026-02-13",
    );
    check(
        "2026-02-13T23:30:00+08:00",
        "30m",
        "2026-02-14T00:00:00+08:00",
        "2026-02-14",
    );
}

#[test]
fn days_and_months() {
    let check = |from: &str, length: &str, due_at: &str, last_day: &str| {
        let due = counted(from, length, &[]).expect("it ends");
        assert_eq!(
            due.due_at.to_rfc3339(&Zone::shanghai()),
            due_at,
            "{from} + {length}"
        );
        assert_eq!(due.last_day, day(last_day));
    };
    check(
        "2026-01-05",
        "30d",
        "2026-02-05T00:00:00+08:00",
        "2026-02-04",
    );
    check(
        "2026-01-05T23:59:59+08:00",
        "30d",
        "2026-02-05T00:00:00+08:00",
        "2026-02-04",
    );
    check(
        "2024-02-28",
        "1d",
        "2024-03-01T00:00:00+08:00",
        "2024-02-29",
    );
    check(
        "2026-02-28",
        "1d",
        "2026-03-02T00:00:00+08:00",
        "2026-03-01",
    );
    check(
        "2026-01-31",
        "1mo",
        "2026-03-01T00:00:00+08:00",
        "2026-02-28",
    );
    check(
        "2024-01-31",
        "1mo",
        "2024-03-01T00:00:00+08:00",
        "2024-02-29",
    );
    check(
        "2026-01-31",
        "2mo",
        "2026-04-01T00:00:00+08:00",
        "2026-03-31",
    );
    check(
        "2024-02-29",
        "12mo",
        "2025-03-01T00:00:00+08:00",
        "2025-02-28",
    );
    check(
        "2024-02-29",
        "48mo",
        "2028-03-01T00:00:00+08:00",
        "2028-02-29",
    );
    check(
        "2026-10-01",
        "3mo",
        "2027-01-02T00:00:00+08:00",
        "2027-01-01",
    );
}

#[test]
fn a_day_is_the_zones_day() {
    let zone = Zone::named("America/New_York").expect("a known zone");
    let check = |from: &str, length: &str, expected: &str| {
        let due = due(start(from), period(length), &zone, None, &[]).expect("it ends");
        assert_eq!(due.due_at.to_rfc3339(&zone), expected, "{from} + {length}");
    };
    // The clocks go forward on 8 March and back on 1 November 2026.
    check(
        "2026-03-07T22:00:00-05:00",
        "1d",
        "2026-03-09T00:00:00-04:00",
    );
    check(
        "2026-10-31T22:00:00-04:00",
        "1d",
        "2026-11-02T00:00:00-05:00",
    );
    check(
        "2026-03-07T22:00:00-05:00",
        "24h",
        "2026-03-08T23:00:00-04:00",
    );
    // Already the 13th in Shanghai, still the 12th in New York.
    check(
        "2026-02-13T08:00:00+08:00",
        "1d",
        "2026-02-14T00:00:00-05:00",
    );
}

#[test]
fn pauses_move_the_end() {
    let check = |from: &str, length: &str, pauses: &[Pause], expected: &str| {
        let due = counted(from, length, pauses).expect("it ends");
        let zone = Zone::shanghai();
        let found = if period(length).is_elapsed() {
            due.due_at.to_rfc3339(&zone)
        } else {
            due.last_day.to_string()
        };
        assert_eq!(found, expected, "{from} + {length} with {pauses:?}");
    };
    let hours = |from: &str, to: &str| {
        pause(
            &format!("2026-03-{from}:00+08:00"),
            &format!("2026-03-{to}:00+08:00"),
        )
    };
    let monday = "2026-03-02T09:00:00+08:00";
    // Elapsed time: the pause's own duration, so far as it lies between start and end.
    check(
        monday,
        "48h",
        &[hours("03T09:00", "03T15:00")],
        "2026-03-04T15:00:00+08:00",
    );
    check(
        monday,
        "48h",
        &[hours("02T08:00", "02T10:00")],
        "2026-03-04T10:00:00+08:00",
    );
    check(
        monday,
        "48h",
        &[hours("04T09:00", "04T10:00")],
        "2026-03-04T09:00:00+08:00",
    );
    check(
        monday,
        "48h",
        &[hours("03T09:00", "03T15:00"), hours("04T14:00", "04T16:00")],
        "2026-03-04T17:00:00+08:00",
    );
    // Whole days: not counted after the day of the pause, up to the day it went on.
    check(
        "2026-03-02",
        "5d",
        &[pause("2026-03-04", "2026-03-06")],
        "2026-03-09",
    );
    check(
        "2026-03-02",
        "5d",
        &[hours("04T09:00", "04T15:00")],
        "2026-03-07",
    );
    check(
        "2026-03-02",
        "5d",
        &[pause("2026-03-01", "2026-03-03")],
        "2026-03-08",
    );
    check(
        "2026-03-02",
        "5d",
        &[pause("2026-03-08", "2026-03-20")],
        "2026-03-07",
    );
    // Working days: Thursday and Friday fall into it, the weekend never counted.
    check(
        "2026-03-02",
        "5wd",
        &[pause("2026-03-04", "2026-03-07")],
        "2026-03-11",
    );
    // Stopped on the last day: it goes on with the rest of that day.
    check(
        "2026-03-02",
        "5d",
        &[pause("2026-03-07", "2026-03-10")],
        "2026-03-10",
    );
    check(
        "2026-03-02",
        "4wd",
        &[pause("2026-03-06", "2026-03-10")],
        "2026-03-10",
    );
    check(
        "2026-03-02",
        "4wd",
        &[pause("2026-03-06", "2026-03-07")],
        "2026-03-09",
    );
    check(
        "2026-03-02",
        "0d",
        &[pause("2026-03-02", "2026-03-04")],
        "2026-03-04",
    );
    check(
        "2026-03-02",
        "4wd",
        &[
            pause("2026-03-06", "2026-03-10"),
            hours("10T15:00", "11T09:00"),
        ],
        "2026-03-11",
    );
    // Months: moved on by the paused days.
    check(
        "2026-03-02",
        "1mo",
        &[pause("2026-03-10", "2026-03-15")],
        "2026-04-07",
    );
    check(
        "2026-03-02",
        "1mo",
        &[pause("2026-04-02", "2026-04-05")],
        "2026-04-05",
    );
    check(
        "2026-03-02",
        "1mo",
        &[pause("2026-04-03", "2026-04-05")],
        "2026-04-02",
    );
    check(
        "2026-03-02",
        "1mo",
        &[
            pause("2026-03-01", "2026-03-03"),
            pause("2026-04-03", "2026-04-04"),
        ],
        "2026-04-04",
    );
}

#[test]
fn windows_have_two_ends() {
    let (zone, calendar) = (Zone::shanghai(), cn());
    let review = Window::new(period("3wd"), period("20wd")).expect("in order");
    let (earliest, latest) = review
        .due(start("2026-02-12"), &zone, Some(&calendar), &[])
        .expect("it ends");
    assert_eq!(
        (earliest.last_day, latest.last_day),
        (day("2026-02-24"), day("2026-03-18"))
    );
    assert!(Window::new(period("20wd"), period("3wd")).is_err());
    let mixed = Window::new(period("7d"), period("3wd")).expect("not known before it is counted");
    assert!(
        mixed
            .due(start("2026-03-02"), &zone, Some(&calendar), &[])
            .is_err()
    );
}

#[test]
fn refuses_what_can_not_be_counted() {
    let check = |code: &str, result: Result<Due, TimeError>| {
        assert_eq!(result.expect_err(code).code(), code)
    };
    let zone = Zone::shanghai();
    check(
        "TM0009",
        due(start("2026-02-13"), period("48h"), &zone, None, &[]),
    );
    check(
        "TM0010",
        due(start("2026-02-13"), period("20wd"), &zone, None, &[]),
    );
    let monday = start("2026-03-02T09:00:00+08:00");
    let (early, late) = (
        pause("2026-03-03", "2026-03-05"),
        pause("2026-03-04", "2026-03-06"),
    );
    check(
        "TM0013",
        due(monday, period("5d"), &zone, None, &[early, late]),
    );
    check(
        "TM0013",
        due(monday, period("5d"), &zone, None, &[late, early]),
    );
    check(
        "TM0013",
        due(
            monday,
            period("5d"),
            &zone,
            None,
            &[Pause {
                from: late.to,
                to: late.from,
            }],
        ),
    );
    check(
        "TM0003",
        due(start("9998-12-31"), period("2d"), &zone, None, &[]),
    );
    check(
        "TM0003",
        due(
            Start::Instant(Timestamp::MAX),
            period("1h"),
            &zone,
            None,
            &[],
        ),
    );
    let endless = Pause {
        from: at("2026-03-03T00:00:00Z"),
        to: at("9000-01-01T00:00:00Z"),
    };
    check("TM0012", due(monday, period("5d"), &zone, None, &[endless]));
    let unbounded = Period {
        unit: qixian_time::Unit::Days,
        count: u32::MAX,
    };
    check("TM0012", due(monday, unbounded, &zone, None, &[]));
}

#[test]
fn explains_every_day() {
    let (zone, base) = (Zone::shanghai(), cn());
    let closure = Closure {
        from: day("2026-02-25"),
        to: day("2026-02-25"),
        name: "节后停办".into(),
        source: "公告".into(),
    };
    let year = CalendarYear {
        year: 2026,
        closures: vec![closure],
        ..CalendarYear::default()
    };
    let calendar =
        WorkCalendar::build("provider", "", "1", Some(&base), vec![year]).expect("sound");
    let why = explain(
        start("2026-02-13"),
        period("3wd"),
        &zone,
        Some(&calendar),
        &[],
    )
    .expect("it ends");
    let lines: Vec<String> = why
        .days
        .iter()
        .map(|day| format!("{} {}", day.date, day.kind.zh()))
        .collect();
    let mut expected = vec![
        "2026-02-13 起算日，不计入".to_owned(),
        "2026-02-14 第 1 天（调休上班）".to_owned(),
    ];
    expected.extend((15..=23).map(|day| format!("2026-02-{day} 春节放假，不计入")));
    expected.push("2026-02-24 第 2 天".to_owned());
    expected.push("2026-02-25 节后停办（公告），不计入".to_owned());
    expected.push("2026-02-26 第 3 天".to_owned());
    assert_eq!(lines, expected);
    assert_eq!(why.due.last_day, day("2026-02-26"));
}

#[test]
fn explains_pauses_months_and_assumptions() {
    let (zone, calendar) = (Zone::shanghai(), cn());
    let reasons = |from: &str, length: &str, pauses: &[Pause]| -> Vec<DayReason> {
        let why =
            explain(start(from), period(length), &zone, Some(&calendar), pauses).expect("it ends");
        why.days.into_iter().map(|day| day.kind).collect()
    };
    let counted = |nth| DayReason::Counted { nth, makeup: false };
    let assumed = |nth| DayReason::AssumedWorking { nth };
    assert_eq!(
        reasons("2026-12-30", "2wd", &[]),
        [DayReason::StartDay, counted(1), assumed(2)]
    );
    assert_eq!(
        reasons("2026-12-31", "2wd", &[]),
        [
            DayReason::StartDay,
            assumed(1),
            DayReason::AssumedWeekend,
            DayReason::AssumedWeekend,
            assumed(2)
        ]
    );
    assert_eq!(
        reasons("2026-03-02", "2d", &[pause("2026-03-03", "2026-03-04")]),
        [
            DayReason::StartDay,
            counted(1),
            DayReason::Paused,
            counted(2)
        ]
    );
    let month = |nth, clamped| DayReason::Month { nth, clamped };
    assert_eq!(
        reasons("2026-01-31", "2mo", &[pause("2026-03-30", "2026-03-31")]),
        [
            DayReason::StartDay,
            month(1, true),
            month(2, false),
            DayReason::Paused,
            DayReason::Shifted { days: 1 }
        ]
    );
    assert_eq!(
        reasons("2026-02-13T17:30:00+08:00", "48h", &[]),
        [DayReason::Begun, DayReason::Elapsed]
    );
}

#[test]
fn rungs_before_and_after() {
    let calendar = cn();
    let check = |from: &str, length: &str, before: &str, after: &str| {
        let back = day_before(day(from), period(length), Some(&calendar)).expect("there is one");
        let forth = day_after(day(from), period(length), Some(&calendar)).expect("there is one");
        assert_eq!(
            (back, forth),
            (day(before), day(after)),
            "{from} and {length}"
        );
    };
    check("2026-03-20", "3d", "2026-03-17", "2026-03-23");
    check("2026-03-20", "0wd", "2026-03-20", "2026-03-20");
    check("2026-02-24", "1wd", "2026-02-14", "2026-02-25");
    check("2026-02-18", "1wd", "2026-02-14", "2026-02-24");
    check("2026-03-20", "3wd", "2026-03-17", "2026-03-25");
    check("2026-03-31", "1mo", "2026-02-28", "2026-04-30");
    assert_eq!(
        day_before(day("2026-03-20"), period("2h"), None)
            .expect_err("hours")
            .code(),
        "TM0011"
    );
    assert_eq!(
        day_before(day("2026-03-20"), period("2wd"), None)
            .expect_err("no calendar")
            .code(),
        "TM0010"
    );
    let due_at = at("2026-02-15T17:30:00+08:00");
    assert_eq!(
        instant_before(due_at, period("12h")),
        Ok(at("2026-02-15T05:30:00+08:00"))
    );
    assert_eq!(
        instant_after(due_at, period("90m")),
        Ok(at("2026-02-15T19:00:00+08:00"))
    );
    assert_eq!(
        instant_before(due_at, period("1d"))
            .expect_err("days")
            .code(),
        "TM0011"
    );
}
