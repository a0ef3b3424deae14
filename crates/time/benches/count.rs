//! What counting days costs: one walk for the date, one that also writes down each day.
//!
//! `cargo bench -p qixian-time`

use std::hint::black_box;

use criterion::Criterion;
use qixian_time::{CalendarYear, Holiday, Period, Start, Timestamp, WorkCalendar, Zone, due};

fn calendar() -> WorkCalendar {
    let day = |text: &str| text.parse().expect("a day");
    let year = |year, holidays| CalendarYear {
        year,
        holidays,
        ..CalendarYear::default()
    };
    let festival = Holiday {
        from: day("2026-02-15"),
        to: day("2026-02-23"),
        name: "春节".to_owned(),
    };
    let years = vec![year(2026, vec![festival]), year(2027, Vec::new())];
    WorkCalendar::build("cn", "中国", "1", None, years).expect("a calendar")
}

fn main() {
    let mut bench = Criterion::default().configure_from_args();
    let (zone, calendar) = (Zone::shanghai(), calendar());
    let start = Timestamp::parse("2026-02-10T17:30:00+08:00").expect("a good time");
    let start = Start::Instant(start);
    let mut group = bench.benchmark_group("due");
    for text in ["48h", "30d", "3mo", "3wd", "20wd", "250wd"] {
        let length: Period = text.parse().expect("a good length");
        let count = || due(black_box(start), length, &zone, Some(&calendar), &[]);
        assert!(count().is_ok_and(|due| !due.provisional));
        group.bench_function(text, |b| b.iter(count));
    }
    group.finish();
    bench.final_summary();
}
