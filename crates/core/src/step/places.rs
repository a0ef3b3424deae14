//! Leaving and entering states: which deadlines end and which begin.

use qixian_time::Timestamp;

use super::arm::{self, Origin};
use super::draft::Draft;
use crate::definition::{DeadlineDef, Name, Starts};
use crate::{ClockState, Deadline, Fields, Rejection};

/// Begins the deadlines that live as long as the case.
pub(super) fn arm_for_life(draft: &mut Draft<'_>, at: Timestamp) -> Result<(), Rejection> {
    let workflow = draft.workflow;
    for (name, def) in workflow
        .deadlines
        .iter()
        .filter(|(_, def)| def.states.is_empty())
    {
        begin(draft, name, def, at, None)?;
    }
    Ok(())
}

/// Enters `state` at `at`, begins its deadlines, and tells the parent where it is final. `by` is the event that led
/// here. Deadlines that live in the state the case was in too go on, and what became of them stays.
pub(super) fn enter(
    draft: &mut Draft<'_>,
    state: &str,
    at: Timestamp,
    by: Option<&str>,
) -> Result<(), Rejection> {
    let workflow = draft.workflow;
    let previous = std::mem::replace(&mut draft.case.state, state.to_owned());
    draft.case.entered_at = at;
    draft.case.confirmed.clear();
    if workflow.is_final(state) {
        end_all(draft);
        super::outgoing::tell_parent(draft, at);
        return Ok(());
    }
    for (name, def) in workflow
        .deadlines
        .iter()
        .filter(|(_, def)| def.states.iter().any(|s| s == state))
    {
        let lived_before = previous != state && def.states.contains(&previous);
        let goes_on = draft
            .position(name)
            .is_some_and(|i| lived_before || draft.case.deadlines[i].clock.is_open());
        if !goes_on {
            begin(draft, name, def, at, by)?;
        }
    }
    Ok(())
}

/// Leaves the present state for `to` (`None`: for nowhere, the case closes). Deadlines that do not live in `to` end: met
/// where a person's event `by` answers them in time, else cancelled. Entering the same state again ends them too.
pub(super) fn leave(draft: &mut Draft<'_>, to: Option<&str>, at: Timestamp, by: Option<&str>) {
    let workflow = draft.workflow;
    for i in 0..draft.case.deadlines.len() {
        let Some(def) = workflow.deadlines.get(&draft.case.deadlines[i].name) else {
            continue;
        };
        if def.states.is_empty() {
            continue;
        }
        let lives_on =
            to.is_some_and(|to| to != draft.case.state && def.states.iter().any(|s| s == to));
        let lived_here = def.states.contains(&draft.case.state);
        if lives_on || !lived_here {
            continue;
        }
        let answers = by.is_some() && def.met_by.is_empty();
        let deadline = &mut draft.case.deadlines[i];
        match deadline.clock {
            ClockState::Armed | ClockState::Paused | ClockState::Missed if answers => {
                arm::meet(deadline, at, draft.now)
            }
            ClockState::Waiting | ClockState::Armed | ClockState::Paused => {
                deadline.clock = ClockState::Cancelled
            }
            ClockState::Missed => arm::silence(deadline),
            ClockState::Met | ClockState::Cancelled | ClockState::Superseded => {}
        }
    }
}

/// Ends every deadline: the case is over.
pub(super) fn end_all(draft: &mut Draft<'_>) {
    for deadline in &mut draft.case.deadlines {
        if deadline.clock.is_open() {
            deadline.clock = ClockState::Cancelled;
        }
        arm::silence(deadline);
    }
}

/// Begins one deadline: arms it, or lets it wait for its start.
pub(super) fn begin(
    draft: &mut Draft<'_>,
    name: &Name,
    def: &DeadlineDef,
    at: Timestamp,
    by: Option<&str>,
) -> Result<(), Rejection> {
    if !is_wanted(draft, name, def)? {
        if let Some(i) = draft.position(name)
            && draft.case.deadlines[i].clock.is_open()
        {
            draft.case.deadlines[i].clock = ClockState::Cancelled;
        }
        return Ok(());
    }
    let origin = match &def.starts {
        Starts::Entering => Some(Origin::at(at)),
        Starts::Event(event) => (by == Some(event.as_str())).then(|| Origin::at(at)),
        Starts::Field(path) => arm::origin_in_field(draft, path),
    };
    match origin {
        Some(origin) => arm::arm(draft, name, def, origin),
        None => {
            arm::wait(draft, name, def);
            Ok(())
        }
    }
}

/// Whether the guard of a deadline's `when` lets it run. A guard that cannot be evaluated lets it run where our own
/// timers ask: they must not fail for ever, and a reminder too many is better than one too few.
pub(super) fn is_wanted(
    draft: &mut Draft<'_>,
    name: &Name,
    def: &DeadlineDef,
) -> Result<bool, Rejection> {
    let Some((guard, wanted)) = &def.when else {
        return Ok(true);
    };
    match draft.guard_answers(guard, *wanted, &draft.case.fields) {
        Err(rejection) if draft.lenient => {
            draft
                .note
                .get_or_insert(format!("{name}：{}", rejection.words().zh));
            Ok(true)
        }
        answer => answer,
    }
}

/// Whether the case is where this deadline lives.
pub(super) fn lives(draft: &Draft<'_>, def: &DeadlineDef) -> bool {
    !draft.case.closed
        && !draft.workflow.is_final(&draft.case.state)
        && (def.states.is_empty() || def.states.contains(&draft.case.state))
}

/// Begins again the deadlines whose start, end or question lies in a field that changed, and those that know their start
/// but not their length: what their rule asks may be known now.
pub(super) fn follow_fields(draft: &mut Draft<'_>) -> Result<(), Rejection> {
    let workflow = draft.workflow;
    let Some(before) = draft.before() else {
        return Ok(());
    };
    for (name, def) in &workflow.deadlines {
        let known = draft.position(name).map(|i| &draft.case.deadlines[i]);
        if !lives(draft, def) || begun_by_this_event(draft, name) {
            continue;
        }
        if !follows(def, known, &before.fields, &draft.case.fields) {
            continue;
        }
        match known.and_then(|d| d.started_at.map(|at| (at, d.assumed))) {
            Some((at, false)) if def.starts == Starts::Entering => {
                begin(draft, name, def, at, None)?
            }
            Some((at, false)) if matches!(def.starts, Starts::Event(_)) => {
                arm::arm(draft, name, def, Origin::at(at))?
            }
            _ => begin(draft, name, def, draft.case.entered_at, None)?,
        }
    }
    Ok(())
}

/// Whether the change of fields begins the deadline anew. One that was met stays met, unless its end is a new one.
fn follows(def: &DeadlineDef, known: Option<&Deadline>, before: &Fields, after: &Fields) -> bool {
    let changed = |path: Option<&str>| {
        path.is_some_and(|path| crate::value::get(before, path) != crate::value::get(after, path))
    };
    let clock = known.map(|d| d.clock);
    let ended = matches!(clock, Some(ClockState::Met | ClockState::Cancelled));
    let asking = known.is_none_or(|d| d.clock == ClockState::Waiting || d.assumed);
    let length_unknown =
        known.is_some_and(|d| d.clock == ClockState::Waiting && d.started_at.is_some());
    changed(arm::end_field(def))
        || !ended && changed(arm::start_field(def))
        || !ended && asking && changed(arm::asked_field(def))
        || length_unknown && before != after
}

/// Whether the deadline was already begun anew while this event was decided.
fn begun_by_this_event(draft: &Draft<'_>, name: &str) -> bool {
    let generation = |deadlines: &[crate::Deadline]| {
        deadlines
            .iter()
            .find(|d| d.name == name)
            .map(|d| d.generation)
    };
    draft
        .before()
        .is_some_and(|before| generation(&before.deadlines) != generation(&draft.case.deadlines))
}
