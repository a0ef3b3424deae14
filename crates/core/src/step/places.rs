//! Leaving and entering states: which deadlines end and which begin.

use qixian_time::Timestamp;

use super::arm::{self, Origin};
use super::draft::Draft;
use crate::definition::{DeadlineDef, Name, Starts};
use crate::{ClockState, Rejection};

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
/// here. Deadlines that live in the state the case was in too go on.
pub(super) fn enter(
    draft: &mut Draft<'_>,
    state: &str,
    at: Timestamp,
    by: Option<&str>,
) -> Result<(), Rejection> {
    let workflow = draft.workflow;
    state.clone_into(&mut draft.case.state);
    draft.case.entered_at = at;
    draft.case.confirmed.clear();
    if workflow.is_final(state) {
        end_all(draft);
        super::outgoing::tell_parent(draft);
        return Ok(());
    }
    for (name, def) in workflow
        .deadlines
        .iter()
        .filter(|(_, def)| def.states.iter().any(|s| s == state))
    {
        let goes_on = draft
            .position(name)
            .is_some_and(|i| draft.case.deadlines[i].clock.is_open());
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
            ClockState::Armed | ClockState::Paused if answers => arm::meet(deadline, at, draft.now),
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
    if let Some((guard, wanted)) = &def.when
        && !draft.guard_answers(guard, *wanted, &draft.case.fields)?
    {
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

/// Begins again the deadlines whose start, end or question lies in a field that changed.
pub(super) fn follow_fields(draft: &mut Draft<'_>) -> Result<(), Rejection> {
    let workflow = draft.workflow;
    let Some(before) = draft.before() else {
        return Ok(());
    };
    for (name, def) in &workflow.deadlines {
        let lives = !draft.case.closed
            && !workflow.is_final(&draft.case.state)
            && (def.states.is_empty() || def.states.contains(&draft.case.state));
        let known = draft.position(name).map(|i| draft.case.deadlines[i].clock);
        let settled = matches!(known, Some(ClockState::Met | ClockState::Cancelled));
        let changed = arm::fields_read(def).any(|path| {
            crate::value::get(&before.fields, path) != crate::value::get(&draft.case.fields, path)
        });
        if !lives || settled || !changed || begun_by_this_event(draft, name) {
            continue;
        }
        let at = match def.starts {
            Starts::Entering => draft
                .position(name)
                .and_then(|i| draft.case.deadlines[i].started_at),
            _ => None,
        };
        let at = at.unwrap_or(draft.occurred_at);
        if matches!(def.starts, Starts::Event(_))
            && known.is_some_and(|clock| clock != ClockState::Waiting)
        {
            continue;
        }
        begin(draft, name, def, at, None)?;
    }
    Ok(())
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
