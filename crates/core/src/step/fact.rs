//! An event of the workflow file: is it possible, whose fact is it, and which transition does it take?

use qixian_time::Timestamp;

use super::draft::Draft;
use super::{arm, invalid, outgoing, places, take};
use crate::definition::{Name, TransitionDef};
use crate::words::say;
use crate::{
    ClockState, Confirmation, FieldProblem, Fields, Party, Presumed, Rejection, Value, Words, value,
};

/// Decides a person's (or another case's) fact.
pub(super) fn fact<'a>(
    mut draft: Draft<'a>,
    event: &Name,
    party: Option<&str>,
    fields: &Fields,
    override_reason: Option<&str>,
) -> Result<Draft<'a>, Rejection> {
    if draft.case.closed {
        return Err(Rejection::closed());
    }
    let workflow = draft.workflow;
    let possible = workflow
        .transitions_on(event, &draft.case.state)
        .next()
        .is_some();
    let presumed = draft.case.presumed.clone().filter(|p| {
        !possible
            && draft.occurred_at < p.due_at
            && workflow.transitions_on(event, &p.from).next().is_some()
    });
    let refusal = not_possible(&draft, event);
    if !possible && presumed.is_none() {
        return Err(refusal);
    }
    let from = presumed
        .as_ref()
        .map_or_else(|| draft.case.state.clone(), |p| p.from.clone());
    let merged = checked_fields(&draft, fields)?;
    let (index, def) = choose(&draft, event, &from, &merged)?;
    check_carried(def, fields)?;
    let complete_at = match confirm(&mut draft, def, party, presumed.as_ref())? {
        Confirmed::All(at) => at,
        Confirmed::Part => {
            draft.case.fields = merged;
            places::follow_fields(&mut draft)?;
            return Ok(draft);
        }
    };
    if let Some(presumed) = &presumed {
        undo(&mut draft, presumed, complete_at);
    }
    let carried = take::Carried {
        fields,
        override_reason,
        at: complete_at,
        observed: true,
    };
    take::take(&mut draft, index, &carried)?;
    if presumed.is_some_and(|presumed| is_missed_still(&draft, &presumed)) {
        return Err(refusal);
    }
    Ok(draft)
}

/// Whether a fact from before a miss does not change that it was missed: it neither answered the deadline nor stopped it.
fn is_missed_still(draft: &Draft<'_>, presumed: &Presumed) -> bool {
    draft.position(&presumed.deadline).is_some_and(|i| {
        let deadline = &draft.case.deadlines[i];
        deadline.generation == presumed.generation && deadline.clock == ClockState::Armed
    })
}

fn not_possible(draft: &Draft<'_>, event: &Name) -> Rejection {
    let missed = |d: &crate::Deadline| d.clock == ClockState::Missed;
    let hint_reopen = draft.workflow.knows_event(event)
        && !draft.workflow.is_final(&draft.case.state)
        && draft.case.deadlines.iter().any(missed);
    Rejection::EventNotPossible {
        event: event.clone(),
        state: draft.case.state.clone(),
        possible: draft.workflow.events_in(&draft.case.state),
        hint_reopen,
    }
}

/// The case's fields with the event's merged in; every value fits its declaration.
fn checked_fields(draft: &Draft<'_>, fields: &Fields) -> Result<Fields, Rejection> {
    let mut own = fields.clone();
    own.remove("items");
    let problems: Vec<FieldProblem> = draft
        .workflow
        .fields
        .check(&own)
        .into_iter()
        .map(FieldProblem::in_request)
        .collect();
    if !problems.is_empty() {
        return Err(Rejection::Invalid(problems));
    }
    let mut merged = draft.case.fields.clone();
    value::merge(&mut merged, &own);
    Ok(merged)
}

/// The first transition of the event whose selecting guard agrees.
fn choose<'a>(
    draft: &Draft<'a>,
    event: &str,
    from: &str,
    fields: &Fields,
) -> Result<(usize, &'a TransitionDef), Rejection> {
    let workflow = draft.workflow;
    let mut refusal = None;
    for (index, def) in workflow.transitions_on(event, from) {
        let agrees = match &def.when {
            None => true,
            Some((guard, wanted)) => draft.guard_answers(guard, *wanted, fields)?,
        };
        if agrees {
            return Ok((index, def));
        }
        if let Some((guard, _)) = &def.when {
            refusal.get_or_insert_with(|| take::refused(workflow, guard));
        }
    }
    Err(refusal.unwrap_or_else(|| not_possible(draft, &event.to_owned())))
}

/// The event carries no more than its transition takes.
fn check_carried(def: &TransitionDef, fields: &Fields) -> Result<(), Rejection> {
    let taken: Vec<&str> = def
        .fields
        .iter()
        .chain(&def.required)
        .map(String::as_str)
        .collect();
    let mut problems = Vec::new();
    for path in leaves(fields) {
        let items = def.rejection && path == "items";
        let fits = taken.iter().any(|t| {
            path == *t
                || path
                    .strip_prefix(t)
                    .is_some_and(|rest| rest.starts_with('.'))
        });
        if !items && !fits {
            let pointer = format!("/fields/{}", path.replace('.', "/"));
            let event = &def.event;
            let detail = if taken.is_empty() {
                say!(
                    "“{event}”不带字段；请改用修改案件",
                    "`{event}` carries no fields; edit the case instead"
                )
            } else {
                say!(
                    "“{event}”只能带：{}",
                    "`{event}` carries only: {}";
                    Words::listed(&taken)
                )
            };
            problems.push(FieldProblem { pointer, detail });
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Rejection::Invalid(problems))
    }
}

/// The dotted paths of everything that is no record.
fn leaves(fields: &Fields) -> Vec<String> {
    let mut paths = Vec::new();
    for (name, value) in fields {
        match value {
            Value::Record(inner) if !inner.is_empty() => {
                paths.extend(
                    leaves(inner)
                        .into_iter()
                        .map(|rest| format!("{name}.{rest}")),
                );
            }
            _ => paths.push(name.clone()),
        }
    }
    paths
}

enum Confirmed {
    /// Everyone asked has confirmed; the last of them at this instant.
    All(Timestamp),
    /// Somebody is missing.
    Part,
}

/// Notes whose fact it is. People with the same mobile are one person (T6).
fn confirm(
    draft: &mut Draft<'_>,
    def: &TransitionDef,
    party: Option<&str>,
    presumed: Option<&Presumed>,
) -> Result<Confirmed, Rejection> {
    let at = draft.occurred_at;
    let asked: Vec<&Name> = def
        .needs
        .iter()
        .filter(|role| draft.case.parties_as(role).next().is_some())
        .collect();
    let mut people: Vec<&Name> = Vec::new();
    for role in &asked {
        if !people.iter().any(|known| same_person(draft, known, role)) {
            people.push(role);
        }
    }
    if people.len() <= 1 {
        return match party {
            Some(party) if !asked.is_empty() && !asked.iter().any(|r| *r == party) => {
                Err(party_needed(&people))
            }
            _ => Ok(Confirmed::All(at)),
        };
    }
    let done = presumed.map_or(&draft.case.confirmed, |p| &p.confirmed);
    let has = |role: &Name| {
        done.iter()
            .any(|c| c.event == def.event && same_person(draft, &c.role, role))
    };
    let missing: Vec<&Name> = people.iter().copied().filter(|role| !has(role)).collect();
    let Some(who) = party.and_then(|party| asked.iter().copied().find(|r| *r == party)) else {
        return Err(party_needed(&missing));
    };
    if has(who) {
        return Err(invalid(
            "/party",
            say!("“{who}”已经确认过", "`{who}` has confirmed already"),
        ));
    }
    let rest = missing
        .iter()
        .filter(|role| !same_person(draft, role, who))
        .count();
    let last = done
        .iter()
        .filter(|c| c.event == def.event)
        .map(|c| c.at)
        .max()
        .unwrap_or(at)
        .max(at);
    let confirmation = Confirmation {
        event: def.event.clone(),
        role: who.clone(),
        at,
    };
    if rest == 0 {
        return Ok(Confirmed::All(last));
    }
    match draft.case.presumed.as_mut().filter(|_| presumed.is_some()) {
        Some(presumed) => presumed.confirmed.push(confirmation),
        None => draft.case.confirmed.push(confirmation),
    }
    Ok(Confirmed::Part)
}

fn party_needed(people: &[&Name]) -> Rejection {
    Rejection::PartyNeeded {
        asked: people.iter().map(|role| (*role).clone()).collect(),
    }
}

fn same_person(draft: &Draft<'_>, a: &str, b: &str) -> bool {
    let mobile = |role| {
        draft
            .case
            .parties_as(role)
            .next()
            .and_then(Party::domestic_mobile)
    };
    a == b || mobile(a).is_some() && mobile(a) == mobile(b)
}

/// The presumed outcome was wrong: the case is where it was before the miss, with its clocks running, and what the miss
/// armed is cancelled (design §8). Those it was told to are told the truth.
fn undo(draft: &mut Draft<'_>, presumed: &Presumed, at: Timestamp) {
    let workflow = draft.workflow;
    let reached = draft.case.state.clone();
    places::leave(draft, Some(&presumed.from), at, None);
    draft.case.state.clone_from(&presumed.from);
    draft.case.entered_at = presumed.from_entered_at;
    draft.case.presumed = None;
    for i in 0..draft.case.deadlines.len() {
        let deadline = &draft.case.deadlines[i];
        let Some(def) = workflow.deadlines.get(&deadline.name) else {
            continue;
        };
        let ended_by_it = deadline.clock == ClockState::Cancelled
            && if def.states.is_empty() {
                workflow.is_final(&reached)
            } else {
                def.states.contains(&presumed.from) && !def.states.contains(&reached)
            };
        if deadline.name == presumed.deadline && deadline.generation == presumed.generation {
            arm::revive(draft, i, def, at);
            draft.case.deadlines[i].clock = ClockState::Armed;
        } else if ended_by_it {
            arm::revive(draft, i, def, at);
        }
    }
    outgoing::tell_undone(draft, &presumed.deadline);
}
