//! `[states]`, and which of them can be reached.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use qixian_core::definition::{MissedThen, Name, State, Workflow};

use crate::Code;
use crate::diagnostics::{Diagnostic, Span, say};
use crate::names::{Names, Sort};
use crate::report::Report;
use crate::source::{check_count, check_name};
use crate::table::Table;

/// Most states a workflow has.
const MOST: usize = 200;

/// Reads the section; the spans are those of the names.
pub(crate) fn read(table: &Table<'_>, names: &Names<'_>) -> (IndexMap<Name, State>, Vec<Span>) {
    let report = table.report();
    let mut states = IndexMap::new();
    let mut spans = Vec::new();
    for (name, state) in table.named_tables() {
        check_name(report, name.value, name.span.clone());
        let holder = state.text("holder");
        let read = State {
            title: state.words("title"),
            help: state.words("help"),
            is_final: state.flag("final"),
            holder: holder.and_then(|role| names.resolve(Sort::Role, role)),
            under_review: state.flag("under_review"),
        };
        state.finish();
        states.insert(name.value.to_owned(), read);
        spans.push(name.span);
    }
    check_count(
        report,
        say!("状态", "states"),
        states.len(),
        MOST,
        table.span(),
    );
    (states, spans)
}

/// Looks at the workflow as a whole: whether it can end, and whether every state can be entered and left.
pub(crate) fn check_ways(workflow: &Workflow, spans: &[Span], section: Span, report: &Report) {
    if !workflow.states.values().any(|state| state.is_final) {
        report.push(
            Diagnostic::error(
                Code::NoFinalState,
                section,
                say!(
                    "没有终结状态，案件永远办不完",
                    "no state is final, so no case ever ends"
                ),
            )
            .label(say!(
                "这些状态都不是终结状态",
                "none of these states is final"
            ))
            .help(say!(
                "给结束的状态写 final = true",
                "write `final = true` for the states that end a case"
            )),
        );
    }
    let reached = reached(workflow);
    for ((name, state), span) in workflow.states.iter().zip(spans) {
        if !reached.contains(name.as_str()) {
            report.push(
                Diagnostic::warning(
                    Code::UnreachableState,
                    span.clone(),
                    say!("没有转移通向“{name}”", "nothing leads to `{name}`"),
                )
                .label(say!("到不了这里", "never entered"))
                .help(say!(
                    "加一条 to = \"{name}\" 的 [[on]]，或删去这个状态",
                    "add an [[on]] with `to = \"{name}\"`, or remove the state"
                )),
            );
        } else if !state.is_final && !ways_out(workflow, name).any(|to| to != name) {
            report.push(
                Diagnostic::warning(
                    Code::DeadEnd,
                    span.clone(),
                    say!("“{name}”进得去出不来", "nothing leads out of `{name}`"),
                )
                .label(say!("只进不出", "never left"))
                .help(say!(
                    "加一条 from = \"{name}\" 的 [[on]]，或写 final = true",
                    "add an [[on]] with `from = \"{name}\"`, or write `final = true`"
                )),
            );
        }
    }
}

fn reached(workflow: &Workflow) -> BTreeSet<&str> {
    let mut reached = BTreeSet::from([workflow.initial.as_str()]);
    let mut open = vec![workflow.initial.as_str()];
    while let Some(state) = open.pop() {
        for to in ways_out(workflow, state) {
            if reached.insert(to) {
                open.push(to);
            }
        }
    }
    reached
}

/// Where events and missed deadlines lead from `state`.
fn ways_out<'a>(workflow: &'a Workflow, state: &'a str) -> impl Iterator<Item = &'a str> {
    let leaves = move |from: &[Name]| match from {
        [] => !workflow.is_final(state),
        some => some.iter().any(|name| name == state),
    };
    let events = workflow
        .transitions
        .iter()
        .filter(move |t| leaves(&t.from))
        .filter_map(|t| t.to.as_deref());
    let missed = workflow
        .deadlines
        .values()
        .filter(move |d| leaves(&d.states))
        .filter_map(|d| match &d.missed.as_ref()?.then {
            MissedThen::To(state) => Some(state.as_str()),
            _ => None,
        });
    events.chain(missed)
}
