//! What people do: mostly sensible, sometimes late, wrong, repeated or contradictory.

use qixian_core::definition::Name;
use qixian_core::{
    Actor, Case, CaseId, Correction, Event, FieldKind, Fields, MoveTo, Party, Schema, StartCase,
    Value, What, Workflow, value,
};
use qixian_time::{Period, Timestamp};

use crate::Rng;

const PROVINCES: [&str; 4] = ["甘肃", "江苏", "上海", "宁夏"];

/// An event with this meaning, by somebody who may do everything.
pub(crate) fn event(id: String, case: CaseId, at: Timestamp, what: What) -> Event {
    Event {
        id,
        case,
        occurred_at: at,
        by: Actor {
            name: "people".to_owned(),
            roles: vec!["admin".to_owned()],
        },
        note: None,
        expected_edit_rev: None,
        what,
    }
}

/// How a new case begins.
pub(crate) fn start(rng: &mut Rng, workflow: &Workflow, now: Timestamp) -> StartCase {
    let mut fields = Fields::new();
    let province = rng.pick(&PROVINCES).copied().unwrap_or("甘肃");
    fill(&workflow.fields, &mut fields, "subject.province", province);
    fill(&workflow.fields, &mut fields, "site.name", "示例科技");
    let roles = workflow.roles.iter();
    let parties = roles.enumerate().map(|(i, role)| Party {
        role: role.clone(),
        name: format!("某{i}"),
        mobile: Some(format!("1380000000{}", i % 10)),
        email: (i % 2 == 0).then(|| format!("p{i}@example.cn")),
        ..Party::default()
    });
    let mut start = StartCase {
        workflow: workflow.id.clone(),
        title: "模拟".to_owned(),
        parties: parties.collect(),
        fields,
        ..StartCase::default()
    };
    for (name, def) in &workflow.fields.fields {
        if rng.chance(300)
            && !start.fields.contains_key(name)
            && let Some(value) = sample(rng, &def.kind, now, 0)
        {
            start.fields.insert(name.clone(), value);
        }
    }
    if rng.chance(100) {
        let states: Vec<&Name> = workflow.states.keys().collect();
        start.state = rng.pick(&states).map(|state| (*state).clone());
    }
    start
}

/// Something that happens to a case.
pub(crate) fn happening(rng: &mut Rng, workflow: &Workflow, case: &Case, now: Timestamp) -> What {
    let reason = || "模拟".to_owned();
    match rng.below(100) {
        0..70 => fact(rng, workflow, &case.state, now),
        70..74 => What::Note,
        74..78 => What::Close { reason: reason() },
        78..84 => What::Reopen { reason: reason() },
        84..88 => edit(rng, workflow, now),
        88..90 => What::Release,
        90..93 => correct(rng, case),
        _ => {
            let names: Vec<&Name> = workflow.deadlines.keys().collect();
            let deadline = rng.pick(&names).map_or_else(String::new, |n| (*n).clone());
            match rng.below(3) {
                0 => What::MoveDeadline {
                    deadline,
                    to: MoveTo::Later(Period::days(1 + rng.below(5) as u32)),
                    reason: reason(),
                },
                1 => What::PauseDeadline {
                    deadline,
                    reason: reason(),
                },
                _ => What::ResumeDeadline {
                    deadline,
                    reason: reason(),
                },
            }
        }
    }
}

/// When it happened: mostly now, sometimes a while ago.
pub(crate) fn occurred(rng: &mut Rng, now: Timestamp) -> Timestamp {
    match rng.below(10) {
        0 => now.saturating_sub_millis(rng.below(72 * 3_600_000) as i64),
        1 => now.saturating_sub_millis(rng.below(600_000) as i64),
        _ => now,
    }
}

fn fact(rng: &mut Rng, workflow: &Workflow, state: &str, now: Timestamp) -> What {
    let possible = workflow.events_in(state);
    let any: Vec<Name> = workflow
        .transitions
        .iter()
        .map(|t| t.event.clone())
        .collect();
    let names = if rng.chance(900) && !possible.is_empty() {
        &possible
    } else {
        &any
    };
    let event = rng.pick(names).cloned().unwrap_or_default();
    let mut fields = Fields::new();
    let mut party = None;
    if let Some(def) = workflow.transitions.iter().find(|t| t.event == event) {
        for path in &def.required {
            let kind = workflow.fields.at(path).map(|field| &field.kind);
            if let Some(value) = kind.and_then(|kind| sample(rng, kind, now, 0)) {
                value::set(&mut fields, path, value);
            }
        }
        party = rng.pick(&def.needs).cloned();
    }
    What::Fact {
        event,
        party,
        fields,
        override_reason: rng.chance(300).then(|| "模拟".to_owned()),
    }
}

fn edit(rng: &mut Rng, workflow: &Workflow, now: Timestamp) -> What {
    let names: Vec<&String> = workflow.fields.fields.keys().collect();
    let mut fields = Fields::new();
    if let Some(name) = rng.pick(&names)
        && let Some(value) = sample(rng, &workflow.fields.fields[*name].kind, now, 0)
    {
        fields.insert((*name).clone(), value);
    }
    What::Edit {
        fields,
        title: None,
        reference: None,
    }
}

fn correct(rng: &mut Rng, case: &Case) -> What {
    let change = if rng.chance(500) {
        Correction::Withdraw
    } else {
        Correction::Replace {
            occurred_at: Some(case.began_at),
            fields: Fields::new(),
            party: None,
        }
    };
    What::Correct {
        seq: 1 + rng.below(case.rev),
        change,
        reason: "模拟".to_owned(),
        history: None,
    }
}

fn fill(schema: &Schema, fields: &mut Fields, path: &str, text: &str) {
    if schema.at(path).is_some() {
        value::set(fields, path, Value::Text(text.to_owned()));
    }
}

/// A value of this kind.
fn sample(rng: &mut Rng, kind: &FieldKind, now: Timestamp, depth: u32) -> Option<Value> {
    Some(match kind {
        FieldKind::Text(_) => Value::Text("某".to_owned()),
        FieldKind::Int => Value::Int(rng.below(100) as i64),
        FieldKind::Number => Value::Number(0.5),
        FieldKind::Bool => Value::Bool(rng.chance(500)),
        FieldKind::Date => {
            let days = rng.below(90) as i64 - 20;
            let at = now.saturating_add_millis(days * 86_400_000);
            Value::Text(qixian_time::Zone::shanghai().date_of(at).to_string())
        }
        FieldKind::Time => Value::Text(now.to_string()),
        FieldKind::Choice(choices) => Value::Text(rng.pick(choices)?.clone()),
        FieldKind::List(item) => {
            let items = (0..rng.below(3)).filter_map(|_| sample(rng, item, now, depth + 1));
            Value::List(items.collect())
        }
        FieldKind::Record(_) if depth > 3 => return None,
        FieldKind::Record(schema) => {
            let mut record = Fields::new();
            for (name, def) in &schema.fields {
                if rng.chance(400)
                    && let Some(value) = sample(rng, &def.kind, now, depth + 1)
                {
                    record.insert(name.clone(), value);
                }
            }
            Value::Record(record)
        }
    })
}
