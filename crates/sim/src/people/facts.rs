//! Events of cases: facts, edits, corrections, deadlines by hand, and what nobody may get away with.

use qixian_core::definition::Name;
use qixian_core::{
    Case, CaseId, Correction, Event, Fields, MoveTo, Party, PartyChange, Rev, Value, What,
    Workflow, value,
};
use qixian_time::{Period, Timestamp, Zone};

use super::{Moment, sample};
use crate::Rng;

const DAY: i64 = 86_400_000;

/// Something that happens to a case, and what it counts as.
pub(super) fn event(
    rng: &mut Rng,
    workflow: &Workflow,
    case: &Case,
    (id, now): Moment,
) -> (&'static str, Event) {
    let reason = || "模拟".to_owned();
    let ended = case.closed || workflow.is_final(&case.state);
    let (name, what) = match rng.below(100) {
        _ if ended && rng.chance(150) => ("reopen", What::Reopen { reason: reason() }),
        0..55 => return fact(rng, workflow, case, (id, now)),
        55..60 => return wrong(rng, workflow, case, (id, now)),
        60..64 => ("note", What::Note),
        64..66 => ("close", What::Close { reason: reason() }),
        66..68 => ("reopen", What::Reopen { reason: reason() }),
        68..73 => ("edit", edit(rng, workflow, now)),
        73..76 => ("release", What::Release),
        76..82 => correct(rng, workflow, case, now),
        82..86 => party(rng, workflow, case),
        _ => by_hand(rng, workflow, case, now),
    };
    (name, super::event(id, case.id, now, what))
}

/// A fact of the workflow, mostly one that is possible now and just happened.
fn fact(
    rng: &mut Rng,
    workflow: &Workflow,
    case: &Case,
    (id, now): Moment,
) -> (&'static str, Event) {
    let possible = workflow.events_in(&case.state);
    let any: Vec<Name> = workflow
        .transitions
        .iter()
        .map(|t| t.event.clone())
        .collect();
    let is_possible = rng.chance(930) && !possible.is_empty();
    let names = if is_possible { &possible } else { &any };
    let name = rng.pick(names).cloned().unwrap_or_default();
    let what = fact_of(rng, workflow, name, now);
    let late = match rng.below(10) {
        0 => rng.millis(3 * DAY),
        1 => rng.millis(30 * DAY),
        2 => rng.millis(600_000),
        _ => 0,
    };
    let at = now.saturating_sub_millis(late).max(case.began_at.min(now));
    let is_late = now.millis_since(at) > 600_000;
    let name = match (is_possible, is_late) {
        (false, _) => "fact that is not possible now",
        (true, true) => "late fact",
        (true, false) => "fact",
    };
    (name, super::event(id, case.id, at, what))
}

fn fact_of(rng: &mut Rng, workflow: &Workflow, event: Name, now: Timestamp) -> What {
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
        override_reason: rng.chance(400).then(|| "模拟".to_owned()),
    }
}

/// What nobody may get away with.
fn wrong(
    rng: &mut Rng,
    workflow: &Workflow,
    case: &Case,
    (id, now): Moment,
) -> (&'static str, Event) {
    let good = |what| super::event(id.clone(), case.id, now, what);
    let fact = |event: &str, fields| What::Fact {
        event: event.to_owned(),
        party: None,
        fields,
        override_reason: None,
    };
    match rng.below(5) {
        0 => {
            let what = fact("there_is_no_such_event", Fields::new());
            ("unknown event", good(what))
        }
        1 => {
            let fields = Fields::from([("there_is_no_such_field".to_owned(), Value::Int(1))]);
            let edit = What::Edit {
                fields,
                title: None,
                reference: None,
            };
            ("bad field", good(edit))
        }
        2 => {
            let possible = workflow.events_in(&case.state);
            let name = rng.pick(&possible).cloned().unwrap_or_default();
            let mut event = good(fact(&name, Fields::new()));
            event.occurred_at = now.saturating_add_millis(60 * DAY);
            ("fact from the future", event)
        }
        3 => {
            let mut event = good(What::Note);
            event.expected_edit_rev = Some(case.edit_rev + 1_000);
            ("stale edit", event)
        }
        _ => {
            let mut event = good(What::Note);
            event.case = CaseId::from_bytes([7; 16]);
            ("unknown case", event)
        }
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
        title: rng.chance(200).then(|| "改过的标题".to_owned()),
        reference: None,
    }
}

fn correct(
    rng: &mut Rng,
    workflow: &Workflow,
    case: &Case,
    now: Timestamp,
) -> (&'static str, What) {
    let line = |seq: Rev, change| What::Correct {
        seq,
        change,
        reason: "模拟".to_owned(),
        history: None,
    };
    let seq = 1 + rng.below(case.rev);
    match rng.below(10) {
        0 => (
            "correction of nothing",
            line(case.rev + 1_000, Correction::Withdraw),
        ),
        1..4 => ("withdraw", line(seq, Correction::Withdraw)),
        _ => {
            let span = now.millis_since(case.began_at).max(1);
            let at = case.began_at.saturating_add_millis(rng.millis(span));
            let occurred_at = rng.chance(700).then_some(at);
            let mut fields = Fields::new();
            let names: Vec<&String> = workflow.fields.fields.keys().collect();
            if rng.chance(400)
                && let Some(name) = rng.pick(&names)
                && let Some(value) = sample(rng, &workflow.fields.fields[*name].kind, now, 0)
            {
                fields.insert((*name).clone(), value);
            }
            let change = Correction::Replace {
                occurred_at,
                fields,
                party: None,
            };
            ("replace", line(seq, change))
        }
    }
}

fn party(rng: &mut Rng, workflow: &Workflow, case: &Case) -> (&'static str, What) {
    let role = rng.pick(&workflow.roles).cloned().unwrap_or_default();
    let known = case.parties_as(&role).count() as u64;
    let nth = u32::try_from(rng.below(known + 1)).unwrap_or(0);
    if known > 1 || (known > 0 && rng.chance(200)) {
        let nth = nth.min(u32::try_from(known - 1).unwrap_or(0));
        return (
            "party removed",
            What::Party(PartyChange::Remove { role, nth }),
        );
    }
    let party = Party {
        role,
        name: format!("新{}", rng.below(10)),
        mobile: Some(format!("1390000000{}", rng.below(10))),
        ..Party::default()
    };
    ("party put", What::Party(PartyChange::Put { nth, party }))
}

/// A deadline moved, stopped or let go on by hand, mostly one that the case has.
fn by_hand(
    rng: &mut Rng,
    workflow: &Workflow,
    case: &Case,
    now: Timestamp,
) -> (&'static str, What) {
    let reason = "模拟".to_owned();
    let open = case.deadlines.iter().filter(|d| d.clock.is_open());
    let own: Vec<&Name> = open.map(|deadline| &deadline.name).collect();
    let all: Vec<&Name> = workflow.deadlines.keys().collect();
    let names = if own.is_empty() || rng.chance(100) {
        all
    } else {
        own
    };
    let deadline = rng.pick(&names).map_or_else(String::new, |n| (*n).clone());
    match rng.below(3) {
        0 => {
            let days = 1 + u32::try_from(rng.below(9)).unwrap_or(0);
            let later = now.saturating_add_millis(i64::from(days) * DAY);
            let to = match rng.below(3) {
                0 => MoveTo::At(later),
                1 => MoveTo::EndOf(Zone::shanghai().date_of(later)),
                _ => MoveTo::Later(Period::days(days)),
            };
            let what = What::MoveDeadline {
                deadline,
                to,
                reason,
            };
            ("move", what)
        }
        1 => ("pause", What::PauseDeadline { deadline, reason }),
        _ => ("resume", What::ResumeDeadline { deadline, reason }),
    }
}
