//! Taking one transition: guards, fields, deadlines, the new state, and everyone who hears of it.

use qixian_time::Timestamp;

use super::draft::Draft;
use super::{arm, invalid, ladder, outgoing, places};
use crate::definition::{DeadlineDef, Name, Starts, TransitionDef};
use crate::words::say;
use crate::{ClockState, FieldProblem, Fields, Item, Rejection, Value, Words, Workflow, value};

/// Most items one rejection may carry.
const ITEMS_MAX: usize = 100;

/// What the event brings to the transition.
pub(super) struct Carried<'e> {
    pub(super) fields: &'e Fields,
    pub(super) override_reason: Option<&'e str>,
    pub(super) at: Timestamp,
    /// Whether it really happened; `false`: a missed deadline stands in for it, which answers no other deadline.
    pub(super) observed: bool,
}

/// Takes the transition at `index` of the workflow.
pub(super) fn take(
    draft: &mut Draft<'_>,
    index: usize,
    carried: &Carried<'_>,
) -> Result<(), Rejection> {
    let workflow = draft.workflow;
    let def = &workflow.transitions[index];
    let mut own = carried.fields.clone();
    let items = own.remove("items");
    value::merge(&mut draft.case.fields, &own);
    check_guards(draft, def, carried.override_reason)?;
    check_required(draft, def)?;
    for (path, source) in &def.set {
        let value = outgoing::resolve(draft, source, carried.at, None);
        value::set(&mut draft.case.fields, path, value);
    }
    if def.hand_in {
        draft.case.round += 1;
        draft
            .case
            .items
            .iter_mut()
            .for_each(|item| item.done = true);
    }
    if def.rejection {
        draft.case.items = read_items(draft.case.round, items)?;
    }
    draft.taken.push(index);
    draft.case.confirmed.retain(|c| c.event != def.event);
    change_clocks(draft, &def.event, carried.at)?;
    if let Some(to) = &def.to {
        draft.case.presumed = None;
        let answer = carried.observed.then_some(def.event.as_str());
        places::leave(draft, Some(to), carried.at, answer);
        places::enter(draft, to, carried.at, Some(&def.event))?;
    }
    start_clocks(draft, &def.event, carried.at)?;
    places::follow_fields(draft)?;
    for notify in &def.notify {
        outgoing::tell_of_transition(draft, notify, &def.event);
    }
    for start in &def.start {
        outgoing::start_children(draft, start, carried.at)?;
    }
    for tell in &def.tell {
        outgoing::tell_children(draft, tell, carried.at);
    }
    Ok(())
}

/// Takes the event of a missed deadline: the first transition whose guards all hold. Where none does, or it cannot be
/// carried through, the case stays, and its journal line says so: a timer must not fail for ever.
pub(super) fn take_automatically(draft: &mut Draft<'_>, event: &Name, at: Timestamp) {
    let workflow = draft.workflow;
    let state = draft.case.state.clone();
    for (index, def) in workflow.transitions_on(event, &state) {
        let agrees = match &def.when {
            Some((guard, wanted)) => draft
                .guard_answers(guard, *wanted, &draft.case.fields)
                .unwrap_or(false),
            None => true,
        };
        if agrees && check_guards(draft, def, None).is_ok() && check_required(draft, def).is_ok() {
            let carried = Carried {
                fields: &Fields::new(),
                override_reason: None,
                at,
                observed: false,
            };
            let mark = draft.mark();
            if let Err(rejection) = take(draft, index, &carried) {
                draft.back_to(mark);
                draft.note = Some(rejection.words().zh);
            }
            return;
        }
    }
    draft.note = Some(format!("期限到期时，状态“{state}”下不能记录“{event}”"));
}

/// The rejection that a guard's name stands for.
pub(super) fn refused(workflow: &Workflow, guard: &str) -> Rejection {
    let def = workflow.guards.get(guard);
    Rejection::GuardRefused {
        guard: guard.to_owned(),
        sentence: def.map(|d| d.otherwise.clone()).unwrap_or_default(),
        override_by: def.map(|d| d.override_by.clone()).unwrap_or_default(),
    }
}

fn check_guards(
    draft: &Draft<'_>,
    def: &TransitionDef,
    override_reason: Option<&str>,
) -> Result<(), Rejection> {
    for guard in &def.guards {
        if draft.guard_answers(guard, true, &draft.case.fields)? {
            continue;
        }
        let Rejection::GuardRefused {
            guard,
            sentence,
            override_by,
        } = refused(draft.workflow, guard)
        else {
            continue;
        };
        let overridden = override_reason.is_some_and(|reason| !reason.trim().is_empty());
        if !overridden {
            return Err(Rejection::GuardRefused {
                guard,
                sentence,
                override_by,
            });
        }
        if !override_by.iter().any(|role| draft.event.by.may_as(role)) {
            return Err(Rejection::NotAllowed { roles: override_by });
        }
    }
    Ok(())
}

fn check_required(draft: &Draft<'_>, def: &TransitionDef) -> Result<(), Rejection> {
    let event = &def.event;
    let missing: Vec<FieldProblem> = def
        .required
        .iter()
        .filter(|path| value::get(&draft.case.fields, path).is_none())
        .map(|path| FieldProblem {
            pointer: format!("/fields/{}", path.replace('.', "/")),
            detail: say!(
                "记录“{event}”要有它，案件里还没有",
                "`{event}` needs it, and the case does not hold it yet"
            ),
        })
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(Rejection::Invalid(missing))
    }
}

/// Meets, pauses and resumes deadlines by the event's name.
fn change_clocks(draft: &mut Draft<'_>, event: &str, at: Timestamp) -> Result<(), Rejection> {
    let workflow = draft.workflow;
    let named = |names: &[Name]| names.iter().any(|n| n == event);
    for i in 0..draft.case.deadlines.len() {
        let Some(def) = workflow.deadlines.get(&draft.case.deadlines[i].name) else {
            continue;
        };
        let lives = places::lives(draft, def);
        let deadline = &mut draft.case.deadlines[i];
        let in_time = deadline.due_at.is_some_and(|due_at| at < due_at);
        match deadline.clock {
            ClockState::Armed | ClockState::Paused | ClockState::Missed if named(&def.met_by) => {
                arm::meet(deadline, at, draft.now)
            }
            ClockState::Waiting if named(&def.met_by) => {
                deadline.clock = ClockState::Met;
                arm::silence(deadline);
            }
            ClockState::Armed if named(&def.pause_on) => pause(draft, i, at),
            // Heard late: it had stopped before it was found missed.
            ClockState::Missed if named(&def.pause_on) && in_time && lives => pause(draft, i, at),
            ClockState::Paused if named(&def.resume_on) => resume(draft, i, def, at)?,
            _ => {}
        }
    }
    Ok(())
}

/// Stops the clock of an armed deadline.
pub(super) fn pause(draft: &mut Draft<'_>, i: usize, at: Timestamp) {
    let deadline = &mut draft.case.deadlines[i];
    let earliest = deadline
        .pauses
        .last()
        .map(|p| p.to)
        .or(deadline.started_at)
        .unwrap_or(at);
    let at = at.max(earliest);
    deadline
        .pauses
        .push(qixian_time::Pause { from: at, to: at });
    deadline.clock = ClockState::Paused;
}

/// Lets a paused clock go on: the due time and the rungs still to come move.
pub(super) fn resume(
    draft: &mut Draft<'_>,
    i: usize,
    def: &DeadlineDef,
    at: Timestamp,
) -> Result<(), Rejection> {
    let deadline = &mut draft.case.deadlines[i];
    if let Some(pause) = deadline.pauses.last_mut() {
        pause.to = at.max(pause.from);
    }
    deadline.clock = ClockState::Armed;
    let name = deadline.name.clone();
    arm::recount(draft, i, def).map_err(|reason| Rejection::Uncomputable {
        deadline: name,
        reason,
    })?;
    arm::shift_moved(draft, i);
    ladder::plan(draft, i, def);
    ladder::fire_due(draft, i, def);
    Ok(())
}

/// Arms the deadlines that this event starts, unless entering the state has just done so.
fn start_clocks(draft: &mut Draft<'_>, event: &str, at: Timestamp) -> Result<(), Rejection> {
    let workflow = draft.workflow;
    for (name, def) in &workflow.deadlines {
        let starts = matches!(&def.starts, Starts::Event(e) if e == event);
        let just_begun = draft.position(name).is_some_and(|i| {
            let deadline = &draft.case.deadlines[i];
            deadline.clock.is_open() && deadline.started_at == Some(at)
        });
        if starts && places::lives(draft, def) && !just_begun {
            places::begin(draft, name, def, at, Some(event))?;
        }
    }
    Ok(())
}

/// The items a rejection carries: a list of records {code, field, words, by}.
fn read_items(round: u32, items: Option<Value>) -> Result<Vec<Item>, Rejection> {
    let list = match items {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::List(list)) if list.len() <= ITEMS_MAX => list,
        Some(_) => {
            return Err(invalid(
                "/fields/items",
                say!(
                    "应为列表，最多 {ITEMS_MAX} 项",
                    "expected a list of at most {ITEMS_MAX} records"
                ),
            ));
        }
    };
    let mut problems = Vec::new();
    let mut read = Vec::new();
    for (i, item) in list.iter().enumerate() {
        let text = |name: &str| {
            item.at(name)
                .and_then(Value::as_text)
                .unwrap_or_default()
                .to_owned()
        };
        let known = ["code", "field", "words", "by"];
        match item {
            Value::Record(fields) => {
                for name in fields.keys().filter(|n| !known.contains(&n.as_str())) {
                    let detail = say!("没有这一项；可用的有：{}", "no such member; known: {}"; Words::listed(&known));
                    problems.push(FieldProblem {
                        pointer: format!("/fields/items/{i}/{name}"),
                        detail,
                    });
                }
                let code = Some(text("code"))
                    .filter(|c| !c.is_empty())
                    .unwrap_or_else(|| "other".to_owned());
                read.push(Item {
                    round,
                    code,
                    field: text("field"),
                    words: text("words"),
                    by: text("by"),
                    done: false,
                });
            }
            _ => problems.push(FieldProblem {
                pointer: format!("/fields/items/{i}"),
                detail: Words::new(
                    "应为一组字段：code、field、words、by",
                    "expected a record with code, field, words and by",
                ),
            }),
        }
    }
    if problems.is_empty() {
        Ok(read)
    } else {
        Err(Rejection::Invalid(problems))
    }
}
