//! Calendar files: one year of working days, as the notice for it says.

use qixian_time::{CalendarYear, Closure, Date, Holiday};

use crate::Code;
use crate::codes::{Basic, Family};
use crate::diagnostics::{Diagnostic, Diagnostics, Source, say};
use crate::source::{check_id, check_schema, read_file};
use crate::table::{At, Item, Table};

/// Years between which calendars may lie.
const YEARS: std::ops::RangeInclusive<i64> = 1970..=2200;

/// A calendar file that was read without errors.
#[derive(Clone, Debug)]
pub struct CalendarFile {
    /// The calendar it is a year of (`cn`).
    pub calendar: String,
    /// The calendar it extends with closures.
    pub base: Option<String>,
    /// What people call the calendar; empty where this file does not say.
    pub title: String,
    /// The year.
    pub year: CalendarYear,
    /// The file.
    pub source: Source,
}

/// Reads and checks a calendar file. `name` is what diagnostics call it.
///
/// # Errors
/// Every problem of the file at once, when at least one is an error.
pub fn read_calendar_year(name: &str, text: &str) -> Result<CalendarFile, Diagnostics> {
    let source = Source::new(name, text);
    let (file, _warnings) = read_file(&source, Family::Calendar, |root| read_root(root, &source))?;
    Ok(file)
}

fn read_root(root: Table<'_>, source: &Source) -> Option<CalendarFile> {
    let report = root.report();
    check_schema(&root);
    let id = root
        .need("calendar", "calendar = \"cn\"")
        .and_then(Item::text);
    let base = root.text("base");
    for id in id.iter().chain(&base) {
        check_id(report, id);
    }
    let year = root.need("year", "year = 2026").and_then(read_year);
    let notice = root.text("notice");
    if let (None, None) = (&notice, &base) {
        root.need("notice", "notice = \"国办发明电〔2025〕7号\"");
    }
    let amended = root.texts("amended").into_iter().map(|n| n.value).collect();
    let title = root.words("title").zh;
    let workdays = read_makeup(&root);
    let holidays = ranges(&root, "holiday", false);
    let closures = ranges(&root, "closure", true);
    for key in ["makeup", "holiday"] {
        if let (Some(span), true) = (root.key_span(key), base.is_some()) {
            let message = say!(
                "扩展日历只能增加停办日",
                "a calendar that extends another may add closures only"
            );
            report.push(report.basic(Basic::Conflict, span, message).label(say!(
                "应写在所扩展的日历里",
                "belongs into the base calendar"
            )));
        }
    }
    root.finish();
    let year = CalendarYear {
        year: year?,
        notice: notice.map(|text| text.value).unwrap_or_default(),
        amended,
        holidays: holidays
            .into_iter()
            .map(|r| Holiday {
                from: r.from,
                to: r.to,
                name: r.name,
            })
            .collect(),
        workdays,
        closures: closures
            .into_iter()
            .map(|r| Closure {
                from: r.from,
                to: r.to,
                name: r.name,
                source: r.source,
            })
            .collect(),
    };
    Some(CalendarFile {
        calendar: id?.value,
        base: base.map(|id| id.value),
        title,
        year,
        source: source.clone(),
    })
}

fn read_year(item: Item<'_>) -> Option<i16> {
    let year = item.count(i64::MAX)?;
    if !YEARS.contains(&year) {
        let (first, last) = (YEARS.start(), YEARS.end());
        item.bad_value(
            say!("{year} 年超出范围", "the year {year} is out of range"),
            say!("应在 {first} 到 {last} 之间", "expected {first} to {last}"),
        );
        return None;
    }
    i16::try_from(year).ok()
}

fn read_makeup(root: &Table<'_>) -> Vec<Date> {
    let Some(list) = root.get("makeup") else {
        return Vec::new();
    };
    if !list.is_list() {
        list.wrong_type(say!("日期的列表", "a list of dates"));
    }
    let mut days: Vec<At<Date>> = Vec::new();
    for item in list.items() {
        let Some(day) = item.date() else { continue };
        let problem = if is_weekday(day) {
            Some(say!(
                "调休日 {day} 不是周六或周日",
                "the make-up day {day} is not a Saturday or Sunday"
            ))
        } else if days.iter().any(|d| d.value == day) {
            Some(say!(
                "调休日 {day} 写了两次",
                "the make-up day {day} comes twice"
            ))
        } else {
            None
        };
        if let Some(problem) = problem {
            let report = item.report();
            report.push(
                Diagnostic::error(Code::CalendarDays, item.span(), problem).label(say!(
                    "调休上班的周六、周日写在这里",
                    "Saturdays and Sundays that are worked belong here"
                )),
            );
        }
        days.push(At::new(day, item.span()));
    }
    days.into_iter().map(|day| day.value).collect()
}

/// Monday to Friday.
fn is_weekday(day: Date) -> bool {
    day.weekday().to_monday_zero_offset() < 5
}

struct Range {
    name: String,
    from: Date,
    to: Date,
    source: String,
}

fn ranges(root: &Table<'_>, key: &'static str, with_source: bool) -> Vec<Range> {
    let mut ranges = Vec::new();
    for table in root.tables(key) {
        let name = table.need("name", "name = \"春节\"").and_then(Item::text);
        let from = table
            .need("from", "from = \"2026-02-15\"")
            .and_then(Item::date);
        let to_item = table.need("to", "to = \"2026-02-23\"");
        let to = to_item.and_then(Item::date);
        let source = match with_source {
            true => table
                .need("source", "source = \"某云公告 2026-01-10\"")
                .and_then(Item::text),
            false => None,
        };
        table.finish();
        let (Some(name), Some(from), Some(to), Some(item)) = (name, from, to, to_item) else {
            continue;
        };
        if to < from {
            let name = &name.value;
            let report = root.report();
            report.push(
                Diagnostic::error(
                    Code::CalendarDays,
                    item.span(),
                    say!(
                        "“{name}”{to} 结束，早于 {from} 开始",
                        "`{name}` ends on {to}, before it begins on {from}"
                    ),
                )
                .label(say!("应不早于 {from}", "expected {from} or later")),
            );
            continue;
        }
        ranges.push(Range {
            name: name.value,
            from,
            to,
            source: source.map(|s| s.value).unwrap_or_default(),
        });
    }
    ranges
}
