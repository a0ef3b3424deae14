//! The shipped calendar agrees with the official table on every day; calendars refuse data that contradict themselves.

mod common;

use common::{cn, cn_year, day};
use qixian_time::{CalendarYear, Closure, DayKind, Holiday, WorkCalendar};

const OFFICIAL: &str = include_str!("data/cn-workdays.csv");

#[test]
fn every_day_agrees_with_the_official_table() {
    let calendar = cn();
    let mut rows = 0;
    for row in OFFICIAL.lines().skip(1) {
        let [date, worked, name]: [&str; 3] = row
            .split(',')
            .collect::<Vec<_>>()
            .try_into()
            .expect("three columns");
        let date = day(date);
        assert_eq!(calendar.is_working(date), worked == "1", "{row}");
        match calendar.day(date) {
            DayKind::Holiday(holiday) => assert_eq!(holiday, name, "{row}"),
            DayKind::Makeup => assert_eq!(name, "makeup", "{row}"),
            // Monday 2020-02-03 stands in the table as the day on which work began again; it is an ordinary Monday.
            DayKind::Working => assert!(name.is_empty() || date == day("2020-02-03"), "{row}"),
            DayKind::Weekend => assert_eq!(name, "", "{row}"),
            other => panic!("{row}: {other:?}"),
        }
        rows += 1;
    }
    assert_eq!(rows, 3_287);
}

#[test]
fn working_days_per_year() {
    let calendar = cn();
    let check = |year: i16, expected: usize| {
        let mut date = day(&format!("{year}-01-01"));
        let mut worked = 0;
        while date.year() == year {
            worked += usize::from(calendar.is_working(date));
            date = date.tomorrow().expect("not the last day of time");
        }
        assert_eq!(worked, expected, "{year}");
    };
    for (year, expected) in (2018..).zip([250, 250, 249, 250, 249, 249, 251, 248, 248]) {
        check(year, expected);
    }
}

#[test]
fn names_its_notices_and_where_it_ends() {
    let calendar = cn();
    assert_eq!(calendar.known_until(), Some(day("2026-12-31")));
    assert!(
        calendar
            .notice(2026)
            .expect("2026 is there")
            .contains("国办发明电〔2025〕7号")
    );
    assert_eq!(calendar.notice(2027), None);
    let amended: Vec<i16> = (2018..=2026)
        .filter(|year| !calendar.amendments(*year).is_empty())
        .collect();
    assert_eq!(amended, [2019, 2020]);
}

#[test]
fn outside_the_notices_days_are_only_assumed() {
    let calendar = cn();
    let check =
        |date: &str, expected: DayKind<'_>| assert_eq!(calendar.day(day(date)), expected, "{date}");
    check("2027-01-01", DayKind::AssumedWorking);
    check("2027-01-02", DayKind::AssumedWeekend);
    check("2017-10-02", DayKind::AssumedWorking);
    check("9999-12-31", DayKind::AssumedWorking);
}

fn closure(from: &str, to: &str) -> CalendarYear {
    let closure = Closure {
        from: day(from),
        to: day(to),
        name: "春节停办".into(),
        source: "接入商公告".into(),
    };
    CalendarYear {
        year: day(from).year(),
        closures: vec![closure],
        ..CalendarYear::default()
    }
}

#[test]
fn an_extending_calendar_adds_closures_only() {
    let base = cn();
    let years = vec![
        closure("2018-02-14", "2018-02-22"),
        closure("2027-02-04", "2027-02-12"),
    ];
    let provider =
        WorkCalendar::build("provider", "接入商", "1", Some(&base), years).expect("sound");
    let closed = DayKind::Closed {
        name: "春节停办",
        source: "接入商公告",
    };
    let check =
        |date: &str, expected: DayKind<'_>| assert_eq!(provider.day(day(date)), expected, "{date}");
    check("2018-02-13", DayKind::Working);
    check("2018-02-14", closed);
    check("2018-02-15", DayKind::Holiday("春节"));
    check("2018-02-22", closed);
    check("2018-02-23", DayKind::Working);
    check("2027-02-04", closed);
    check("2027-02-06", DayKind::AssumedWeekend);
    check("2026-02-14", DayKind::Makeup);
    assert_eq!(provider.known_until(), base.known_until());
    assert_eq!(provider.notice(2026), base.notice(2026));
    assert!(base.is_working(day("2018-02-14")));
}

#[test]
fn a_closure_may_lie_before_all_years_of_the_base() {
    let provider = WorkCalendar::build(
        "p",
        "",
        "1",
        Some(&cn()),
        vec![closure("2016-05-03", "2016-05-03")],
    );
    let provider = provider.expect("sound");
    assert!(!provider.is_working(day("2016-05-03")));
    assert_eq!(provider.day(day("2026-02-16")), DayKind::Holiday("春节"));
}

#[test]
fn neighbours_of_working_days() {
    let calendar = cn();
    let before = |date: &str| {
        calendar
            .last_working_day_on_or_before(day(date))
            .expect("there is one")
    };
    let after = |date: &str| calendar.next_working_day(day(date)).expect("there is one");
    assert_eq!(before("2026-02-20"), day("2026-02-14"));
    assert_eq!(before("2026-02-14"), day("2026-02-14"));
    assert_eq!(after("2026-02-14"), day("2026-02-24"));
    assert_eq!(after("2026-02-24"), day("2026-02-25"));
}

#[test]
fn refuses_data_that_contradict_themselves() {
    let check = |expected: &str, years: Vec<CalendarYear>| {
        let error = WorkCalendar::build("cn", "", "1", None, years).expect_err(expected);
        assert_eq!(error.code(), "TM0015");
        assert!(error.to_string().contains(expected), "{error}");
    };
    let holiday = |from: &str, to: &str| Holiday {
        from: day(from),
        to: day(to),
        name: "元旦".into(),
    };
    let with = |holidays: Vec<Holiday>, workdays: &[&str]| {
        let workdays = workdays.iter().copied().map(day).collect();
        vec![CalendarYear {
            year: 2026,
            holidays,
            workdays,
            ..CalendarYear::default()
        }]
    };
    check("no year", vec![]);
    check("comes twice", vec![cn_year(2026), cn_year(2026)]);
    check(
        "between 2023 and 2026 are missing",
        vec![cn_year(2026), cn_year(2023)],
    );
    check("out of range", vec![CalendarYear::default()]);
    check(
        "before it begins",
        with(vec![holiday("2026-01-03", "2026-01-01")], &[]),
    );
    check(
        "outside the year",
        with(vec![holiday("2027-02-01", "2027-02-02")], &[]),
    );
    check(
        "another holiday",
        with(
            vec![
                holiday("2026-01-01", "2026-01-03"),
                holiday("2026-01-03", "2026-01-04"),
            ],
            &[],
        ),
    );
    check("not a Saturday or Sunday", with(vec![], &["2026-01-05"]));
    check(
        "falls into a holiday",
        with(vec![holiday("2026-01-01", "2026-01-04")], &["2026-01-04"]),
    );
    check("comes twice", with(vec![], &["2026-01-04", "2026-01-04"]));
}

#[test]
fn refuses_holidays_in_an_extending_calendar() {
    let error = WorkCalendar::build("p", "", "1", Some(&cn()), vec![cn_year(2026)])
        .expect_err("brings holidays");
    assert!(error.to_string().contains("closures only"), "{error}");
}
