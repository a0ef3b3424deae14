//! The case's wake-up row came due: rungs fire, deadlines pass, starts are assumed.

use super::arm::{self, Origin};
use super::draft::Draft;
use super::{ladder, outgoing, places, take};
use crate::definition::{DeadlineDef, MissedThen};
use crate::{ClockState, Presumed, Rejection, RungState};

/// Most deadlines that pass in one wake-up; more wait for the next, which follows at once.
const PASSES_MAX: usize = 64;

/// Does everything that is due; `None` when nothing is.
pub(super) fn wake<'a>(mut draft: Draft<'a>) -> Result<Option<Draft<'a>>, Rejection> {
    if draft.case.closed {
        return Ok(None);
    }
    let mut worked = false;
    for _ in 0..PASSES_MAX {
        let Some(i) = next_passed(&draft) else { break };
        pass(&mut draft, i)?;
        worked = true;
    }
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

/// The deadline that passed (or whose start is to be assumed) earliest and was not handled yet.
fn next_passed(draft: &Draft<'_>) -> Option<usize> {
    let at = |i: &usize| {
        let deadline = &draft.case.deadlines[*i];
        match deadline.clock {
            ClockState::Armed => deadline.due_at,
            ClockState::Waiting => deadline.assume_at,
            _ => None,
        }
    };
    (0..draft.case.deadlines.len())
        .filter(|i| at(i).is_some_and(|at| at <= draft.now))
        .filter(|i| {
            draft
                .workflow
                .deadlines
                .contains_key(&draft.case.deadlines[*i].name)
        })
        .min_by_key(at)
}

fn pass(draft: &mut Draft<'_>, i: usize) -> Result<(), Rejection> {
    let workflow = draft.workflow;
    let name = draft.case.deadlines[i].name.clone();
    let Some(def) = workflow.deadlines.get(&name) else {
        return Ok(());
    };
    if draft.case.deadlines[i].clock == ClockState::Waiting {
        return assume(draft, i, def);
    }
    miss(draft, i, def)
}

/// Nobody reported the start: it is assumed.
fn assume(draft: &mut Draft<'_>, i: usize, def: &DeadlineDef) -> Result<(), Rejection> {
    let name = draft.case.deadlines[i].name.clone();
    let start = def.ask.as_ref().and_then(|ask| arm::ask_origin(draft, ask));
    arm::silence(&mut draft.case.deadlines[i]);
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
fn miss(draft: &mut Draft<'_>, i: usize, def: &DeadlineDef) -> Result<(), Rejection> {
    let deadline = &mut draft.case.deadlines[i];
    let (name, generation) = (deadline.name.clone(), deadline.generation);
    let due_at = deadline
        .due_at
        .expect("only a deadline with a due time passes");
    deadline.clock = ClockState::Missed;
    for rung in deadline
        .rungs
        .iter_mut()
        .filter(|r| r.state == RungState::Pending && r.at < due_at)
    {
        rung.state = RungState::Moot;
    }
    "deadline_passed".clone_into(&mut draft.name);
    draft.occurred_at = due_at;
    let Some(missed) = &def.missed else {
        return Ok(());
    };
    draft.note = Some(missed.reason.zh.clone()).filter(|reason| !reason.is_empty());
    outgoing::tell_missed(draft, missed, &name, generation);
    match &missed.then {
        MissedThen::Flag(_) => Ok(()),
        MissedThen::To(state) => {
            let presumed = Presumed {
                deadline: name,
                generation,
                from: draft.case.state.clone(),
                from_entered_at: draft.case.entered_at,
                due_at,
                seq: draft.seq(),
                confirmed: draft.case.confirmed.clone(),
            };
            places::leave(draft, Some(state), due_at, None);
            places::enter(draft, state, due_at, None)?;
            draft.case.presumed = Some(presumed);
            Ok(())
        }
        MissedThen::Event(event) => take::take_automatically(draft, event, due_at),
    }
}
