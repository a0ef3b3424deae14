//! The case's wake-up row came due: rungs fire, deadlines pass, starts are assumed.

use qixian_time::Timestamp;

use super::arm::{self, Origin};
use super::draft::Draft;
use super::{ladder, outgoing, places, take};
use crate::definition::{DeadlineDef, MissedThen, Name};
use crate::{ClockState, Presumed, Rejection, RungState};

/// Most deadlines that pass in one wake-up; more wait for the next, which follows at once.
const PASSES_MAX: usize = 64;

/// Does everything that is due; `None` when nothing is.
pub(super) fn wake<'a>(mut draft: Draft<'a>) -> Result<Option<Draft<'a>>, Rejection> {
    if draft.case.closed {
        return Ok(None);
    }
    let mut passed: Vec<(Name, Timestamp)> = Vec::new();
    while passed.len() < PASSES_MAX
        && let Some((i, at)) = next_passed(&draft)
    {
        let step = (draft.case.deadlines[i].name.clone(), at);
        if passed.contains(&step) {
            stop_circling(&mut draft, i);
        } else {
            pass(&mut draft, i, at)?;
        }
        passed.push(step);
    }
    let mut worked = !passed.is_empty();
    for i in 0..draft.case.deadlines.len() {
        let deadline = &draft.case.deadlines[i];
        let speaks = deadline.clock.is_open() && deadline.clock != ClockState::Paused
            || deadline.clock == ClockState::Missed;
        if let Some(def) = draft.workflow.deadlines.get(&deadline.name)
            && speaks
        {
            worked |= ladder::fire_due(&mut draft, i, def);
        }
    }
    Ok(worked.then_some(draft))
}

/// The deadline that passed (or whose start is to be assumed) earliest and was not handled yet, and when.
fn next_passed(draft: &Draft<'_>) -> Option<(usize, Timestamp)> {
    let known = |name: &Name| draft.workflow.deadlines.contains_key(name);
    draft
        .case
        .deadlines
        .iter()
        .enumerate()
        .filter(|(_, deadline)| known(&deadline.name))
        .filter_map(|(i, deadline)| {
            let at = match deadline.clock {
                ClockState::Armed => deadline.due_at,
                ClockState::Waiting => deadline.assume_at,
                _ => None,
            };
            Some((i, at.filter(|at| *at <= draft.now)?))
        })
        .min_by_key(|(_, at)| *at)
}

fn pass(draft: &mut Draft<'_>, i: usize, at: Timestamp) -> Result<(), Rejection> {
    let workflow = draft.workflow;
    let name = draft.case.deadlines[i].name.clone();
    let Some(def) = workflow.deadlines.get(&name) else {
        return Ok(());
    };
    draft.occurred_at = at;
    if draft.case.deadlines[i].clock == ClockState::Waiting {
        return assume(draft, i, def);
    }
    miss(draft, i, def, at)
}

/// The consequence of a miss began the same deadline again for the same instant, as a file can ask for: without this it
/// would go round for ever. It ends here without a consequence.
fn stop_circling(draft: &mut Draft<'_>, i: usize) {
    let deadline = &mut draft.case.deadlines[i];
    if deadline.clock == ClockState::Armed {
        deadline.clock = ClockState::Missed;
    }
    arm::silence(deadline);
    draft.note = Some(format!(
        "期限“{}”因自己的后果在同一刻又到期；不再处理",
        deadline.name
    ));
}

/// Nobody reported the start: it is assumed.
fn assume(draft: &mut Draft<'_>, i: usize, def: &DeadlineDef) -> Result<(), Rejection> {
    let name = draft.case.deadlines[i].name.clone();
    let start = def.ask.as_ref().and_then(|ask| arm::ask_origin(draft, ask));
    arm::silence(&mut draft.case.deadlines[i]);
    if !places::is_wanted(draft, &name, def)? {
        draft.case.deadlines[i].clock = ClockState::Cancelled;
        return Ok(());
    }
    match start {
        Some(start) => arm::arm(
            draft,
            &name,
            def,
            Origin {
                start,
                assumed: true,
            },
        ),
        None => Ok(()),
    }
}

/// The due time passed unmet.
fn miss(
    draft: &mut Draft<'_>,
    i: usize,
    def: &DeadlineDef,
    due_at: Timestamp,
) -> Result<(), Rejection> {
    let deadline = &mut draft.case.deadlines[i];
    let (name, generation) = (deadline.name.clone(), deadline.generation);
    deadline.clock = ClockState::Missed;
    for rung in deadline
        .rungs
        .iter_mut()
        .filter(|r| r.state == RungState::Pending && r.at < due_at)
    {
        rung.state = RungState::Moot;
    }
    "deadline_passed".clone_into(&mut draft.name);
    let Some(missed) = &def.missed else {
        return Ok(());
    };
    draft.note = Some(missed.reason.zh.clone()).filter(|reason| !reason.is_empty());
    outgoing::tell_missed(draft, missed, &name, generation);
    let presumed = Presumed {
        deadline: name,
        generation,
        from: draft.case.state.clone(),
        from_entered_at: draft.case.entered_at,
        due_at,
        seq: draft.seq(),
        confirmed: draft.case.confirmed.clone(),
    };
    match &missed.then {
        MissedThen::Flag(_) => return Ok(()),
        MissedThen::To(state) => {
            places::leave(draft, Some(state), due_at, None);
            places::enter(draft, state, due_at, None)?;
        }
        MissedThen::Event(event) => take::take_automatically(draft, event, due_at),
    }
    if draft.case.state != presumed.from {
        draft.case.presumed = Some(presumed);
    }
    Ok(())
}
