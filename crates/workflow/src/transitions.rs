//! `[[on]]`: what events do.

use std::collections::BTreeMap;

use qixian_core::definition::{Name, Notify, TransitionDef};
use qixian_core::{What, Words};

use crate::Code;
use crate::children::{self, ChildUse};
use crate::codes::Basic;
use crate::diagnostics::{Diagnostic, Span, say};
use crate::names::{Names, Sort};
use crate::source::{check_count, check_name};
use crate::table::{At, Table};

/// Most transitions a workflow has.
const MOST: usize = 500;

/// What the section gives besides the definitions.
#[derive(Debug, Default)]
pub(crate) struct Transitions {
    pub(crate) defs: Vec<TransitionDef>,
    /// The place of each one's event name.
    pub(crate) spans: Vec<Span>,
    /// What they say of other workflows.
    pub(crate) children: Vec<ChildUse>,
}

/// Reads all of them.
pub(crate) fn read(tables: Vec<Table<'_>>, names: &Names<'_>) -> Transitions {
    if let Some(extra) = tables.get(MOST) {
        check_count(
            names.report,
            say!("转移", "transitions"),
            tables.len(),
            MOST,
            extra.span(),
        );
    }
    let mut all = Transitions::default();
    for table in tables.into_iter().take(MOST) {
        let event = table
            .need("event", "event = \"sms_verified\"")
            .and_then(|item| item.text());
        let span = event.as_ref().map_or(table.span(), |e| e.span.clone());
        let def = read_one(&table, event, names, &mut all.children);
        table.finish();
        all.defs.push(def);
        all.spans.push(span);
    }
    check_taken(&all, names);
    all
}

fn read_one(
    table: &Table<'_>,
    event: Option<At<String>>,
    names: &Names<'_>,
    uses: &mut Vec<ChildUse>,
) -> TransitionDef {
    if let Some(event) = &event {
        check_event(event, names);
    }
    let why = say!("不会再有事件", "no event leaves it");
    let mut fields = paths(table, "fields", names);
    let required = paths(table, "required", names);
    for path in &required {
        if !fields.contains(path) {
            fields.push(path.clone());
        }
    }
    let def = TransitionDef {
        event: event.map(|e| e.value).unwrap_or_default(),
        title: table.words("title"),
        from: names.open_states(table.texts("from"), &why),
        to: table
            .text("to")
            .and_then(|to| names.resolve(Sort::State, to)),
        when: table.text("if").and_then(|name| names.condition(name)),
        guards: names.resolve_all(Sort::Guard, table.texts("guards")),
        fields,
        required,
        set: children::read_set(table.table("set"), names),
        notify: read_notify(table, names),
        needs: names.resolve_all(Sort::Role, table.texts("needs")),
        start: children::read_start(table, names, uses),
        tell: children::read_tell(table, names, uses),
        hand_in: table.flag("hand_in"),
        rejection: table.flag("rejection"),
    };
    if let (true, true, Some(span)) = (def.hand_in, def.rejection, table.key_span("rejection")) {
        let message = say!(
            "同一转移不能既是提交又是退回",
            "one transition cannot be both a hand-in and a rejection"
        );
        names.report.push(
            names
                .report
                .basic(Basic::Conflict, span, message)
                .label(say!("与 hand_in 冲突", "clashes with `hand_in`")),
        );
    }
    def
}

fn check_event(event: &At<String>, names: &Names<'_>) {
    let name = &event.value;
    if !check_name(names.report, name, event.span.clone())
        || !What::BUILT_IN.contains(&name.as_str())
    {
        return;
    }
    names.report.push(
        Diagnostic::error(
            Code::ReservedEvent,
            event.span.clone(),
            say!(
                "事件名“{name}”为系统保留",
                "the event name `{name}` is built in"
            ),
        )
        .label(say!("保留名", "built in"))
        .help(say!(
            "换一个名字，如 my_{name}",
            "choose another name, like my_{name}"
        )),
    );
}

fn paths(table: &Table<'_>, key: &'static str, names: &Names<'_>) -> Vec<String> {
    let mut paths = Vec::new();
    for path in table.texts(key) {
        if names.field(&path).is_some() && !paths.contains(&path.value) {
            paths.push(path.value);
        }
    }
    paths
}

/// `notify`: one message or a list of them.
pub(crate) fn read_notify(table: &Table<'_>, names: &Names<'_>) -> Vec<Notify> {
    let mut messages = Vec::new();
    for message in table.tables("notify") {
        let template = message
            .need("template", "template = \"approved\"")
            .and_then(|item| item.text())
            .map(|name| names.template(name));
        let (to, via) = (names.recipients(&message), names.channels(&message));
        let urgent = message.flag("urgent");
        message.finish();
        if let Some(template) = template {
            messages.push(Notify {
                template,
                to,
                via,
                urgent,
            });
        }
    }
    messages
}

/// What stands before a transition of one event in one state.
#[derive(Default)]
struct Before<'t> {
    /// The first that is taken whatever its guard would say.
    always: Option<usize>,
    /// The first with each condition.
    when: BTreeMap<&'t (Name, bool), usize>,
}

impl<'t> Before<'t> {
    /// The earlier transition that leaves nothing over for one with this condition.
    fn blocker(&self, when: Option<&(Name, bool)>) -> Option<usize> {
        self.always
            .or_else(|| self.when.get(when?).copied())
            .or_else(|| self.both_ways())
    }

    /// A transition whose condition stands there with both answers.
    fn both_ways(&self) -> Option<usize> {
        self.when
            .iter()
            .find(|((guard, wanted), _)| self.when.contains_key(&(guard.clone(), !wanted)))
            .map(|(_, index)| *index)
    }

    fn add(&mut self, when: Option<&'t (Name, bool)>, index: usize) {
        match when {
            None => {
                self.always.get_or_insert(index);
            }
            Some(when) => {
                self.when.entry(when).or_insert(index);
            }
        }
    }
}

/// Refuses transitions that others of the same event stand before in every state.
fn check_taken(all: &Transitions, names: &Names<'_>) {
    let mut before: BTreeMap<(&str, &str), Before<'_>> = BTreeMap::new();
    for (index, (def, span)) in all.defs.iter().zip(&all.spans).enumerate() {
        let mut blockers = Vec::new();
        let states = leaves(def, names);
        for state in &states {
            let seen = before.entry((&def.event, state)).or_default();
            blockers.extend(seen.blocker(def.when.as_ref()));
            seen.add(def.when.as_ref(), index);
        }
        if let Some(first) = blockers.first().filter(|_| blockers.len() == states.len()) {
            report_never(all, index, *first, span.clone(), names);
        }
    }
}

fn report_never(all: &Transitions, index: usize, first: usize, span: Span, names: &Names<'_>) {
    let event = &all.defs[index].event;
    if event.is_empty() {
        return;
    }
    let message = say!(
        "“{event}”的这条转移永远走不到",
        "this transition of `{event}` is never taken"
    );
    let help: Words = say!(
        "把带 if 的转移写在前面，不带 if 的放在最后，或删去其中一条",
        "put the transitions with an `if` first and the one without last, or remove one of them"
    );
    names.report.push(
        Diagnostic::error(Code::NeverTaken, span, message)
            .label(say!("走不到", "never taken"))
            .also(
                all.spans[first].clone(),
                say!("总是先走这一条", "this one is always taken first"),
            )
            .help(help),
    );
}

fn leaves<'n>(def: &'n TransitionDef, names: &'n Names<'_>) -> Vec<&'n Name> {
    match def.from.is_empty() {
        false => def.from.iter().collect(),
        true => names
            .states
            .iter()
            .filter(|s| !names.finals.contains(s))
            .collect(),
    }
}
