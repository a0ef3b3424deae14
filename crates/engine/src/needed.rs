//! Whether a message still makes sense when its turn has come: nobody is reminded of what is done.

use qixian_core::{Case, Cause, ClockState, Deadline, ReminderIntent, RungState, Workflow};
use qixian_time::Timestamp;

/// Whether `leg` of `intent` is still to be said, judged by the case as it is now.
pub(crate) fn is_needed(
    workflow: &Workflow,
    case: &Case,
    intent: &ReminderIntent,
    leg: usize,
    now: Timestamp,
) -> bool {
    if case.closed || intent.give_up_at.is_some_and(|end| end <= now) {
        return false;
    }
    match &intent.cause {
        Cause::Rung {
            deadline,
            generation,
            rung,
        } => {
            let Some(of) = generation_of(case, deadline, *generation) else {
                return false;
            };
            rung_is_open(of, usize::from(*rung))
                && !role_has_confirmed(workflow, case, deadline, intent, leg)
        }
        Cause::Missed {
            deadline,
            generation,
        } => generation_of(case, deadline, *generation)
            .is_none_or(|of| of.clock == ClockState::Missed),
        Cause::Transition { .. } | Cause::Manual => true,
    }
}

fn generation_of<'a>(case: &'a Case, name: &str, generation: u32) -> Option<&'a Deadline> {
    let mut all = case.deadlines.iter();
    all.find(|d| d.name == name && d.generation == generation)
}

/// The deadline is still open (or missed, for rungs after it was due), and no later rung has fired since.
fn rung_is_open(deadline: &Deadline, index: usize) -> bool {
    let Some(rung) = deadline.rungs.get(index) else {
        return false;
    };
    let silenced = deadline
        .rungs
        .iter()
        .enumerate()
        .any(|(i, other)| i != index && other.state == RungState::Fired && other.at > rung.at);
    let open = match deadline.clock {
        ClockState::Armed | ClockState::Waiting => true,
        ClockState::Missed => deadline.due_at.is_some_and(|due| due <= rung.at),
        _ => false,
    };
    open && !silenced
}

fn role_has_confirmed(
    workflow: &Workflow,
    case: &Case,
    deadline: &str,
    intent: &ReminderIntent,
    leg: usize,
) -> bool {
    let Some(leg) = intent.legs.get(leg) else {
        return true;
    };
    let met_by = workflow.deadlines.get(deadline).map(|def| &def.met_by);
    case.confirmed.iter().any(|confirmation| {
        confirmation.role == leg.role
            && met_by.is_none_or(|by| by.is_empty() || by.contains(&confirmation.event))
    })
}
