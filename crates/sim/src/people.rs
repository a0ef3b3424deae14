//! What people do: mostly sensible, sometimes late, wrong, repeated or contradictory.

mod facts;
mod records;

use std::sync::Arc;

use qixian_core::definition::Name;
use qixian_core::{
    Actor, Case, CaseId, Event, FieldKind, Fields, PackRef, Party, Schema, StartCase, Value, What,
    Workflow, value,
};
use qixian_time::Timestamp;

use crate::Rng;
pub(crate) use records::{RecordChange, RecordWish};

const PROVINCES: [&str; 4] = ["甘肃", "江苏", "上海", "宁夏"];

/// What somebody asks of the engine.
pub(crate) enum Act {
    /// An event, and what it counts as.
    Event(&'static str, Event),
    /// An event under a key that was used before.
    KeyAgain(Event),
    /// What an event would do.
    DryRun(Event),
    /// A record put or removed.
    Record(RecordWish),
    /// One of the case's messages sent again.
    Retry(CaseId),
}

/// The id of what is done, and the time people see.
pub(crate) type Moment = (String, Timestamp);

/// A case begins.
pub(crate) fn begin(
    rng: &mut Rng,
    workflows: &[Arc<Workflow>],
    packs: &[PackRef],
    (id, now): Moment,
) -> Act {
    let mut bytes = [0; 10];
    bytes[..8].copy_from_slice(&rng.number().to_le_bytes());
    let case = CaseId::new(now.as_millis(), bytes);
    let Some(workflow) = rng.pick(workflows) else {
        return Act::Retry(case);
    };
    let start = start(rng, workflow, packs, now);
    let name = if start.state.is_some() {
        "start mid-way"
    } else {
        "start"
    };
    let what = What::Start(Box::new(start));
    Act::Event(name, event(id, case, now, what))
}

/// Somebody does something about a case.
pub(crate) fn act(rng: &mut Rng, workflow: &Workflow, case: &Case, (id, now): Moment) -> Act {
    match rng.below(100) {
        0..85 => {
            let (name, event) = facts::event(rng, workflow, case, (id, now));
            Act::Event(name, event)
        }
        85..92 => Act::Record(RecordWish::draw(rng)),
        92..96 => Act::Retry(case.id),
        96..98 => Act::KeyAgain(event(id, case.id, now, What::Note)),
        _ => Act::DryRun(facts::event(rng, workflow, case, (id, now)).1),
    }
}

/// An event with this meaning, by somebody who may do everything.
fn event(id: String, case: CaseId, at: Timestamp, what: What) -> Event {
    Event {
        // The words tell events apart that mean the same: a key used again is one with other words.
        note: Some(id.clone()),
        id,
        case,
        occurred_at: at,
        by: Actor {
            name: "people".to_owned(),
            roles: vec!["admin".to_owned()],
        },
        expected_edit_rev: None,
        what,
    }
}

/// How a new case begins.
fn start(rng: &mut Rng, workflow: &Workflow, packs: &[PackRef], now: Timestamp) -> StartCase {
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
        pack: rng.pick(packs).cloned().unwrap_or_default(),
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

fn fill(schema: &Schema, fields: &mut Fields, path: &str, text: &str) {
    if schema.at(path).is_some() {
        value::set(fields, path, Value::Text(text.to_owned()));
    }
}

/// A value of this kind.
pub(super) fn sample(rng: &mut Rng, kind: &FieldKind, now: Timestamp, depth: u32) -> Option<Value> {
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
