//! Workflows and calendars as the API shows them; the command line prints the same.

use qixian_api as api;
use qixian_core::definition::{DeadlineDef, Length, LengthSource, TransitionDef};
use qixian_core::{FieldDef, FieldKind, Schema, Workflow};
use qixian_time::{DayKind, WorkCalendar, parse_date};

use crate::to_api::{kind_name, words};

/// A workflow as the API shows it.
pub fn workflow_view(workflow: &Workflow) -> api::WorkflowView {
    let mut fields = Vec::new();
    list_fields(&workflow.fields, "", &mut fields);
    let state = |(id, state): (&String, &qixian_core::definition::State)| api::StateView {
        id: id.clone(),
        title: words(&state.title),
        help: words(&state.help),
        is_final: state.is_final,
        holder: state.holder.clone(),
    };
    api::WorkflowView {
        id: workflow.id.clone(),
        version: workflow.version,
        title: words(&workflow.title),
        initial: workflow.initial.clone(),
        roles: workflow.roles.clone(),
        fields,
        states: workflow.states.iter().map(state).collect(),
        transitions: workflow
            .transitions
            .iter()
            .map(|def| transition(workflow, def))
            .collect(),
        deadlines: workflow
            .deadlines
            .iter()
            .map(|(name, def)| deadline(name, def))
            .collect(),
    }
}

fn transition(workflow: &Workflow, def: &TransitionDef) -> api::TransitionView {
    let open = workflow.states.iter().filter(|(_, state)| !state.is_final);
    let from = match def.from.is_empty() {
        true => open.map(|(id, _)| id.clone()).collect(),
        false => def.from.clone(),
    };
    api::TransitionView {
        event: def.event.clone(),
        title: words(&def.title),
        from,
        to: def.to.clone(),
        fields: def.fields.clone(),
        required: def.required.clone(),
        guards: def.guards.clone(),
        needs: def.needs.clone(),
    }
}

fn deadline(name: &str, def: &DeadlineDef) -> api::WorkflowDeadline {
    api::WorkflowDeadline {
        name: name.to_owned(),
        title: words(&def.title),
        kind: kind_name(def.kind).to_owned(),
        states: def.states.clone(),
        within: match &def.length {
            Length::Within(source) => length(source),
            Length::Window { earliest, latest } => {
                format!("{}..{}", length(earliest), length(latest))
            }
            Length::Until(field) => format!("until {field}"),
        },
        source: words(&def.source),
    }
}

fn length(source: &LengthSource) -> String {
    match source {
        LengthSource::Fixed(period) => period.to_string(),
        LengthSource::Rule {
            key,
            default: Some(period),
        } => format!("rule {key} ({period})"),
        LengthSource::Rule { key, default: None } => format!("rule {key}"),
    }
}

fn list_fields(schema: &Schema, before: &str, found: &mut Vec<api::FieldView>) {
    for (name, def) in &schema.fields {
        list_field(&format!("{before}{name}"), def, &def.kind, found);
    }
}

fn list_field(path: &str, def: &FieldDef, kind: &FieldKind, found: &mut Vec<api::FieldView>) {
    let choices = match kind {
        FieldKind::Choice(choices) => choices.clone(),
        _ => Vec::new(),
    };
    found.push(api::FieldView {
        path: path.to_owned(),
        title: words(&def.title),
        kind: field_kind(kind).to_owned(),
        choices,
        personal: def.personal,
    });
    match kind {
        FieldKind::Record(inner) => list_fields(inner, &format!("{path}."), found),
        FieldKind::List(item) => {
            if let FieldKind::Record(inner) = item.as_ref() {
                list_fields(inner, &format!("{path}[]."), found);
            }
        }
        _ => {}
    }
}

fn field_kind(kind: &FieldKind) -> &'static str {
    match kind {
        FieldKind::Text(_) => "text",
        FieldKind::Int => "int",
        FieldKind::Number => "number",
        FieldKind::Bool => "bool",
        FieldKind::Date => "date",
        FieldKind::Time => "time",
        FieldKind::Choice(_) => "choice",
        FieldKind::List(_) => "list",
        FieldKind::Record(_) => "record",
    }
}

/// One year of a calendar; `None` for a year without days.
pub fn calendar_view(calendar: &WorkCalendar, year: i16) -> Option<api::CalendarView> {
    let first = parse_date(&format!("{year:04}-01-01")).ok()?;
    let days = std::iter::successors(Some(first), |day| day.tomorrow().ok());
    let mut view = api::CalendarView {
        calendar: calendar.id().to_owned(),
        year,
        known: calendar.is_known(first),
        notice: calendar.notice(year).map(str::to_owned),
        ..api::CalendarView::default()
    };
    for day in days.take_while(|day| day.year() == year) {
        let kind = calendar.day(day);
        view.working_days += u32::from(kind.is_working());
        let (name, kind_name) = match kind {
            DayKind::Holiday(name) => (name, "holiday"),
            DayKind::Makeup => ("", "makeup"),
            DayKind::Closed { name, .. } => (name, "closed"),
            _ => continue,
        };
        view.days.push(api::CalendarDay {
            day: day.to_string(),
            working: kind.is_working(),
            kind: kind_name.to_owned(),
            name: name.to_owned(),
        });
    }
    Some(view)
}
