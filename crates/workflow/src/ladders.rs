//! `[ladders]`: when to remind whom.

use indexmap::IndexMap;
use qixian_core::definition::{Ladder, Name, RungAt, RungDef};
use qixian_time::TimeOfDay;

use crate::codes::Basic;
use crate::diagnostics::{Span, say};
use crate::names::Names;
use crate::source::{check_count, check_name};
use crate::table::{Item, Table};

/// Most ladders a workflow has.
const MOST: usize = 100;
/// Most rungs a ladder has.
const MOST_RUNGS: usize = 64;
/// Where a rung may lie; a rung says exactly one of them.
const PLACES: &str = "after, before, before_start, after_due, before_days_off";

/// All ladders with the place of each rung.
#[derive(Debug, Default)]
pub(crate) struct Ladders {
    pub(crate) defs: IndexMap<Name, Ladder>,
    /// For each ladder, the spans of its rungs' places, in order.
    pub(crate) rungs: IndexMap<Name, Vec<Span>>,
}

/// Reads the section.
pub(crate) fn read(table: &Table<'_>, names: &Names<'_>) -> Ladders {
    let report = table.report();
    let mut all = Ladders::default();
    for (name, ladder) in table.named_tables() {
        check_name(report, name.value, name.span.clone());
        let at = ladder.get("at").and_then(Item::parsed::<TimeOfDay>);
        let mut read = Ladder {
            at_minute: at.map_or(9 * 60, |at| minutes(at.value)),
            working_days: ladder.flag("working_days"),
            steps: Vec::new(),
        };
        let steps = ladder.need(
            "steps",
            "steps = [{ after = \"0m\", via = [\"mail\"], to = [\"handler\"] }]",
        );
        let steps = steps.map(Item::tables).unwrap_or_default();
        check_count(
            report,
            say!("提醒级数", "rungs"),
            steps.len(),
            MOST_RUNGS,
            name.span.clone(),
        );
        let mut spans = Vec::new();
        for step in steps.into_iter().take(MOST_RUNGS) {
            if let Some((rung, span)) = read_rung(step, names) {
                read.steps.push(rung);
                spans.push(span);
            }
        }
        ladder.finish();
        all.rungs.insert(name.value.to_owned(), spans);
        all.defs.insert(name.value.to_owned(), read);
    }
    check_count(
        report,
        say!("提醒", "ladders"),
        all.defs.len(),
        MOST,
        table.span(),
    );
    all
}

fn minutes(at: TimeOfDay) -> u16 {
    u16::from(at.hour()) * 60 + u16::from(at.minute())
}

fn read_rung(step: Table<'_>, names: &Names<'_>) -> Option<(RungDef, Span)> {
    let at = read_place(&step, names);
    let rung = |at| RungDef {
        at,
        via: names.channels(&step),
        to: names.recipients(&step),
        urgent: step.flag("urgent"),
        template: step.text("template").map(|name| names.template(name)),
    };
    // Read the rest in any case, so that its problems are found too.
    let rung = rung(at.as_ref().map_or(RungAt::BeforeDaysOff, |(at, _)| *at));
    step.finish();
    at.map(|(_, span)| (rung, span))
}

fn read_place(step: &Table<'_>, names: &Names<'_>) -> Option<(RungAt, Span)> {
    let length = |key| step.get(key).map(|item| (item.span(), item.period()));
    let lengths = [
        (length("after"), RungAt::AfterStart as fn(_) -> _),
        (length("before"), RungAt::BeforeDue as fn(_) -> _),
        (length("before_start"), RungAt::BeforeStart as fn(_) -> _),
        (length("after_due"), RungAt::AfterDue as fn(_) -> _),
    ];
    let mut places: Vec<(Option<RungAt>, Span)> = Vec::new();
    for (found, make) in lengths {
        if let Some((span, length)) = found {
            places.push((length.map(|length| make(length.value)), span));
        }
    }
    if let Some(item) = step.get("before_days_off") {
        match item.flag() {
            Some(true) => places.push((Some(RungAt::BeforeDaysOff), item.span())),
            Some(false) => {}
            None => places.push((None, item.span())),
        }
    }
    if places.len() != 1 {
        let count = places.len();
        let span = places.pop().map_or(step.span(), |(_, span)| span);
        let message = say!(
            "每一级提醒要写一个时间，这里有 {count} 个",
            "a rung lies in exactly one place; this one names {count}"
        );
        names.report.push(
            names
                .report
                .basic(Basic::Conflict, span, message)
                .label(say!("要且只要一个时间", "exactly one is needed"))
                .help(say!("五者取一：{PLACES}", "write one of: {PLACES}")),
        );
        return None;
    }
    let (at, span) = places.pop()?;
    Some((at?, span))
}
