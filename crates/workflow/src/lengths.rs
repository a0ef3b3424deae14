//! `within` and `until`: how long a deadline runs.

use qixian_core::definition::{Length, LengthSource};
use qixian_time::{Period, Unit, Window};

use crate::Code;
use crate::codes::Basic;
use crate::diagnostics::{Diagnostic, Span, say};
use crate::names::Names;
use crate::table::{At, Item, Table, time_error};

/// A deadline's length as far as the file tells it.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) length: Length,
    /// The whole length, where the file itself fixes it.
    pub(crate) fixed: Option<Period>,
    /// Where a working-day length stands.
    pub(crate) work_days: Option<Span>,
}

/// A length source with the places of the lengths the file itself writes.
struct Source {
    source: LengthSource,
    written: Option<At<Period>>,
}

/// Reads `within` or `until`, of which exactly one is needed. `from_day` says that the clock starts at a bare day.
pub(crate) fn read(table: &Table<'_>, names: &Names<'_>, from_day: bool) -> Option<Measured> {
    let (within, until) = (table.get("within"), table.get("until"));
    match (within, until) {
        (Some(within), None) => read_within(within, names, from_day),
        (None, Some(until)) => read_until(until, names),
        (None, None) => {
            let message = say!("期限没有长度", "the deadline has no length");
            let report = names.report;
            report.push(
                report
                    .basic(Basic::MissingKey, table.span(), message)
                    .label(say!(
                        "缺少 within 或 until",
                        "`within` or `until` is missing"
                    ))
                    .help(say!(
                        "例如 within = \"3wd\"，或 until = {{ field = \"expires_on\" }}",
                        "for example within = \"3wd\", or until = {{ field = \"expires_on\" }}"
                    )),
            );
            None
        }
        (Some(within), Some(until)) => {
            let message = say!(
                "within 与 until 只能写一个",
                "only one of `within` and `until` is possible"
            );
            let report = names.report;
            report.push(
                report
                    .basic(Basic::Conflict, until.span(), message)
                    .label(say!("多余", "one too many"))
                    .also(within.span(), say!("已有长度", "a length already")),
            );
            None
        }
    }
}

fn read_until(item: Item<'_>, names: &Names<'_>) -> Option<Measured> {
    let until = item.table()?;
    let field = until
        .need("field", "field = \"expires_on\"")
        .and_then(Item::text);
    until.finish();
    let (path, _) = names.moment(field?)?;
    Some(Measured {
        length: Length::Until(path),
        fixed: None,
        work_days: None,
    })
}

fn read_within(item: Item<'_>, names: &Names<'_>, from_day: bool) -> Option<Measured> {
    if item.is_table() {
        let table = item.table()?;
        let (earliest, latest) = (table.get("earliest"), table.get("latest"));
        if earliest.is_some() || latest.is_some() {
            return read_window(table, names, from_day);
        }
    }
    let found = read_source(item, names, from_day)?;
    Some(Measured {
        fixed: fixed(&found.source),
        work_days: work_days([&found]),
        length: Length::Within(found.source),
    })
}

fn read_window(table: Table<'_>, names: &Names<'_>, from_day: bool) -> Option<Measured> {
    let earliest = table.need("earliest", "earliest = \"3wd\"");
    let latest = table.need("latest", "latest = \"20wd\"");
    table.finish();
    let earliest = earliest.and_then(|item| read_source(item, names, from_day));
    let latest = latest.and_then(|item| read_source(item, names, from_day));
    let (earliest, latest) = (earliest?, latest?);
    if let (Some(from), Some(to)) = (fixed(&earliest.source), fixed(&latest.source))
        && let Err(error) = Window::new(from, to)
    {
        let span = earliest.written.as_ref().map(|at| at.span.clone());
        time_error(names.report, span.unwrap_or(0..0), &error);
        return None;
    }
    Some(Measured {
        fixed: fixed(&latest.source),
        work_days: work_days([&earliest, &latest]),
        length: Length::Window {
            earliest: earliest.source,
            latest: latest.source,
        },
    })
}

/// `"48h"`, `{ rule = "…", default = "…" }` or `{ param = "…" }`.
fn read_source(item: Item<'_>, names: &Names<'_>, from_day: bool) -> Option<Source> {
    if item.is_text() {
        let length = item.period()?;
        return Some(fixed_source(length, names, from_day));
    }
    if !item.is_table() {
        item.wrong_type(say!(
            "期限如 \"48h\"、{{ rule = \"…\" }} 或 {{ param = \"…\" }}",
            "a length like \"48h\", {{ rule = \"…\" }} or {{ param = \"…\" }}"
        ));
        return None;
    }
    let table = item.table()?;
    let (rule, param) = (table.get("rule"), table.get("param"));
    let default = table.get("default").map(Item::period);
    table.finish();
    match (rule, param) {
        (Some(rule), None) => {
            let key = rule.text()?;
            names.check_rule(&key);
            let written = default.flatten();
            check_start(written.as_ref(), names, from_day);
            let default = written.as_ref().map(|at| at.value);
            let source = LengthSource::Rule {
                key: key.value,
                default,
            };
            Some(Source { source, written })
        }
        (None, Some(param)) => {
            let length = names.param_period(param.text()?)?;
            Some(fixed_source(length, names, from_day))
        }
        _ => {
            let message = say!(
                "要写 rule 或 param，且只写一个",
                "exactly one of `rule` and `param` is needed"
            );
            let report = names.report;
            report.push(
                report
                    .basic(Basic::Conflict, item.span(), message)
                    .label(say!("二者取一", "one of the two")),
            );
            None
        }
    }
}

fn fixed_source(length: At<Period>, names: &Names<'_>, from_day: bool) -> Source {
    check_start(Some(&length), names, from_day);
    Source {
        source: LengthSource::Fixed(length.value),
        written: Some(length),
    }
}

fn check_start(length: Option<&At<Period>>, names: &Names<'_>, from_day: bool) {
    if let (Some(length), true) = (length, from_day) {
        refuse_elapsed(length, names);
    }
}

/// Refuses minutes and hours where the clock starts at a day without a time.
pub(crate) fn refuse_elapsed(length: &At<Period>, names: &Names<'_>) {
    if !length.value.is_elapsed() {
        return;
    }
    let text = length.value;
    names.report.push(
        Diagnostic::error(
            Code::LengthUnit,
            length.span.clone(),
            say!(
                "{text} 要从钟点算起，而起算的字段只有日期",
                "{text} counts from a time of day, but the field it starts from holds a date only"
            ),
        )
        .label(say!("日期没有钟点", "a date has no time"))
        .help(say!(
            "用 d、wd 或 mo，或把字段改为 type = \"time\"",
            "use d, wd or mo, or make the field type = \"time\""
        )),
    );
}

fn fixed(source: &LengthSource) -> Option<Period> {
    match source {
        LengthSource::Fixed(length) => Some(*length),
        LengthSource::Rule { .. } => None,
    }
}

fn work_days<'s>(sources: impl IntoIterator<Item = &'s Source>) -> Option<Span> {
    sources
        .into_iter()
        .filter_map(|found| found.written.as_ref())
        .find(|at| at.value.unit == Unit::WorkDays)
        .map(|at| at.span.clone())
}

/// Whether `length` surely lasts as long as `whole` or longer. Lengths that can't be compared do not.
pub(crate) fn at_least(length: Period, whole: Period) -> bool {
    match (length.elapsed_millis(), whole.elapsed_millis()) {
        (Some(length), Some(whole)) => length >= whole,
        _ => length.unit == whole.unit && length.count >= whole.count,
    }
}
