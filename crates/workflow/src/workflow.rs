//! A workflow file as a whole.

use std::collections::BTreeSet;
use std::sync::Arc;

use qixian_core::definition::{Name, Workflow};
use qixian_core::{Fields, Schema, Value};
use qixian_time::Zone;
use sha2::{Digest, Sha256};

use crate::children::ChildUse;
use crate::codes::Family;
use crate::diagnostics::{Diagnostic, Diagnostics, Source, Span, say};
use crate::file_tests::{self, WorkflowTest};
use crate::names::{Names, Sort};
use crate::source::{check_id, check_name, check_schema, read_file, read_version};
use crate::table::{At, Item, Table};
use crate::{Code, deadlines, fields, guards, ladders, states, transitions};

/// The roles a file has that names none.
const ROLES: [&str; 5] = ["principal", "site_owner", "client", "handler", "lead"];

/// What a workflow file may refer to outside itself. `None` leaves the names of that kind unchecked.
#[derive(Clone, Debug, Default)]
pub struct ReadContext {
    /// The ids of the working-day calendars.
    pub calendars: Option<Vec<String>>,
    /// The keys of all rule packs.
    pub rule_keys: Option<BTreeSet<String>>,
    /// The full names of the message templates (`first-filing/approved`).
    pub templates: Option<BTreeSet<String>>,
    /// The domain functions guards may call.
    pub functions: Vec<String>,
}

/// A workflow file that was read without errors.
#[derive(Clone, Debug)]
pub struct WorkflowFile {
    /// The definition.
    pub workflow: Arc<Workflow>,
    /// The file's own tests, in its order.
    pub tests: Vec<WorkflowTest>,
    /// What its author should look at.
    pub warnings: Diagnostics,
    /// The file.
    pub source: Source,
    /// Where each transition stands, in their order: the place of its event's name.
    pub transition_spans: Vec<Span>,
    pub(crate) children: Vec<ChildUse>,
}

impl WorkflowFile {
    /// The transitions whose index is not in `taken`, as one warning each.
    pub fn untaken(&self, taken: &BTreeSet<usize>) -> Diagnostics {
        let spans = self.transition_spans.iter().enumerate();
        let warnings = spans
            .filter(|(index, _)| !taken.contains(index))
            .map(|(index, span)| {
                let event = &self.workflow.transitions[index].event;
                Diagnostic::warning(
                    Code::Untested,
                    span.clone(),
                    say!(
                        "没有测试走过“{event}”的这条转移",
                        "no test takes this transition of `{event}`"
                    ),
                )
                .label(say!("未测试", "untested"))
            });
        Diagnostics::of(&self.source, warnings.collect())
    }
}

/// Reads and checks a workflow file. `name` is what diagnostics call it.
///
/// # Errors
/// Every problem of the file at once, when at least one is an error; its warnings stand among them.
pub fn read_workflow(
    name: &str,
    text: &str,
    context: &ReadContext,
) -> Result<WorkflowFile, Diagnostics> {
    let source = Source::new(name, text);
    let (mut file, warnings) = read_file(&source, Family::Workflow, |root| {
        Some(read_root(root, &source, context))
    })?;
    file.warnings = warnings;
    Ok(file)
}

/// SHA-256 of a file's text in lower-case hex.
pub fn digest(text: &str) -> String {
    let bytes = Sha256::digest(text);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read_root(root: Table<'_>, source: &Source, context: &ReadContext) -> WorkflowFile {
    let report = root.report();
    check_schema(&root);
    let version = read_version(&root);
    let title = root.words("title");
    let names = gather(&root, context);
    let before = report.errors();
    let (states, state_spans) = root
        .need(
            "states",
            "[states]\nopen = { title = \"办理中\" }\ndone = { title = \"办结\", final = true }",
        )
        .and_then(Item::table)
        .map(|table| states::read(&table, &names))
        .unwrap_or_default();
    let guards = root.table("guards");
    let guards = guards.map(|table| guards::read(&table, &names, &source.text));
    let ladders = root.table("ladders");
    let ladders = ladders
        .map(|table| ladders::read(&table, &names))
        .unwrap_or_default();
    let transitions = transitions::read(root.tables("on"), &names);
    let deadlines = root.table("deadlines");
    let deadlines =
        deadlines.map(|table| deadlines::read(&table, &names, &ladders, &transitions.defs));
    let workflow = Workflow {
        id: names.workflow.clone(),
        version,
        digest: digest(&source.text),
        title,
        zone: names.zone.clone(),
        calendar: names.calendar.clone(),
        initial: names.initial.clone(),
        watch: root.flag("watch"),
        roles: names.roles.clone(),
        fields: names.schema.clone(),
        params: names.params.clone(),
        states,
        transitions: transitions.defs,
        guards: guards.unwrap_or_default(),
        deadlines: deadlines.unwrap_or_default(),
        ladders: ladders.defs,
        text: source.text.clone(),
    };
    if !workflow.states.is_empty() && report.errors() == before {
        let section = root.key_span("states").unwrap_or(0..0);
        states::check_ways(&workflow, &state_spans, section, names.report);
    }
    let tests = file_tests::read(root.tables("tests"), &names);
    // Beside errors these may be mere consequences: the use that is missing is the one that is misspelt.
    if report.errors() == before {
        warn_unused(&root, &names);
    }
    root.finish();
    WorkflowFile {
        workflow: Arc::new(workflow),
        tests,
        warnings: Diagnostics::default(),
        source: source.clone(),
        transition_spans: transitions.spans,
        children: transitions.children,
    }
}

/// Reads the head and gathers every name the file defines.
fn gather<'a>(root: &Table<'a>, context: &'a ReadContext) -> Names<'a> {
    let report = root.report();
    let id = root
        .need("workflow", "workflow = \"first-filing\"")
        .and_then(Item::text);
    if let Some(id) = &id {
        check_id(report, id);
    }
    let zone = root.get("zone").and_then(|item| {
        let name = item.text()?;
        Zone::named(&name.value)
            .map_err(|error| crate::table::time_error(report, name.span, &error))
            .ok()
    });
    let calendar = root.text("calendar");
    let mut names = Names {
        report,
        context,
        workflow: id.map(|id| id.value).unwrap_or_default(),
        zone: zone.unwrap_or_else(Zone::shanghai),
        calendar: calendar
            .as_ref()
            .map_or("cn".to_owned(), |id| id.value.clone()),
        calendar_named: calendar.is_some(),
        initial: Name::new(),
        schema: root
            .table("fields")
            .map_or_else(Schema::default, |table| fields::read(&table)),
        params: root.table("params").map(read_params).unwrap_or_default(),
        states: keys(root, "states"),
        finals: final_states(root),
        events: events(root),
        roles: read_roles(root),
        guards: keys(root, "guards"),
        ladders: keys(root, "ladders"),
        deadlines: keys(root, "deadlines"),
        used: Default::default(),
    };
    if let Some(calendar) = calendar {
        names.check_calendar(&calendar.value, calendar.span);
    }
    names.initial = read_initial(root, &names);
    names
}

fn read_initial(root: &Table<'_>, names: &Names<'_>) -> Name {
    let why = say!("案件不能从这里开始", "no case can begin there");
    match root.text("initial") {
        Some(state) => names.open_states(vec![state], &why).pop(),
        None => names.states.first().cloned(),
    }
    .unwrap_or_default()
}

fn read_roles(root: &Table<'_>) -> Vec<Name> {
    if root.get("roles").is_none() {
        return ROLES.map(str::to_owned).to_vec();
    }
    let roles = root.texts("roles");
    for role in &roles {
        check_name(root.report(), &role.value, role.span.clone());
    }
    roles.into_iter().map(|role| role.value).collect()
}

/// `[params]`: scalars by name. Dates are texts.
fn read_params(table: Table<'_>) -> Fields {
    let mut params = Fields::new();
    for (name, item) in table.named() {
        check_name(table.report(), name.value, name.span);
        if item.is_list() || item.is_table() {
            item.wrong_type(say!("单个的值", "a single value"));
        } else if let Some(value) = item.value() {
            params.insert(name.value.to_owned(), value);
        }
    }
    params
}

/// The keys of a section, without reading it. A wrong type is reported when it is read.
fn keys(root: &Table<'_>, section: &'static str) -> Vec<Name> {
    let Some(item) = root.get(section).filter(Item::is_table) else {
        return Vec::new();
    };
    let table = item.table();
    table
        .iter()
        .flat_map(Table::named)
        .map(|(name, _)| name.value.to_owned())
        .collect()
}

fn final_states(root: &Table<'_>) -> Vec<Name> {
    let Some(item) = root.get("states").filter(Item::is_table) else {
        return Vec::new();
    };
    let Some(table) = item.table() else {
        return Vec::new();
    };
    let is_final = |state: Item<'_>| {
        let flag = state.is_table().then(|| state.table()).flatten();
        flag.and_then(|state| state.get("final")?.value()) == Some(Value::Bool(true))
    };
    table
        .named()
        .filter(|(_, state)| is_final(*state))
        .map(|(name, _)| name.value.to_owned())
        .collect()
}

fn events(root: &Table<'_>) -> Vec<Name> {
    let mut events: Vec<Name> = Vec::new();
    let Some(on) = root.get("on").filter(Item::is_list) else {
        return events;
    };
    for transition in on.items().filter(Item::is_table) {
        let event = transition.table().and_then(|t| t.get("event"));
        if let Some(event) = event.filter(Item::is_text).and_then(Item::text)
            && !events.contains(&event.value)
        {
            events.push(event.value);
        }
    }
    events
}

/// Warns of guards and ladders nothing refers to.
fn warn_unused(root: &Table<'_>, names: &Names<'_>) {
    for (section, sort) in [("guards", Sort::Guard), ("ladders", Sort::Ladder)] {
        let Some(table) = root.get(section).filter(Item::is_table) else {
            continue;
        };
        let Some(table) = table.table() else { continue };
        let used = names.used.borrow();
        for (name, _) in table.named() {
            if used.contains(&(sort, name.value.to_owned())) {
                continue;
            }
            let At { value: name, span } = name;
            let words = sort.words();
            let (zh, en) = (&words.zh, &words.en);
            names.report.push(
                Diagnostic::warning(
                    Code::Unused,
                    span,
                    say!("{zh}“{name}”没有用到", "{en} `{name}` is never used"),
                )
                .label(say!("没有用到", "never used")),
            );
        }
    }
}
