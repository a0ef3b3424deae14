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
            rung_is_open(of, *rung) && !role_has_confirmed(workflow, case, deadline, intent, leg)
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

/// The deadline is still open (or missed, for rungs after it was due), no later rung has fired since, and the rung is not
/// to come again at a later time, as after a move.
fn rung_is_open(deadline: &Deadline, name: u16) -> bool {
    let mut rungs = deadline.rungs.iter();
    let Some(rung) = rungs.find(|rung| rung.steps.contains(&name)) else {
        return false;
    };
    let comes_again = rung.state == RungState::Pending;
    let is_silenced = deadline
        .rungs
        .iter()
        .any(|other| other.state == RungState::Fired && other.at > rung.at);
    let is_open = match deadline.clock {
        ClockState::Armed | ClockState::Waiting => true,
        ClockState::Missed => deadline.due_at.is_some_and(|due| due <= rung.at),
        _ => false,
    };
    is_open && !is_silenced && !comes_again
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

#[cfg(test)]
mod tests {
    use super::*;
    use qixian_core::Rung;

    const HOUR: i64 = 3_600_000;

    fn deadline(clock: ClockState, rungs: &[(&[u16], i64, RungState)]) -> Deadline {
        let rung = |(steps, hour, state): &(&[u16], i64, RungState)| Rung {
            steps: steps.to_vec(),
            at: Timestamp::from_millis(hour * HOUR),
            state: *state,
        };
        Deadline {
            name: "sms".to_owned(),
            generation: 1,
            clock,
            started_at: Some(Timestamp::from_millis(0)),
            started_as_day: false,
            assumed: false,
            due_at: Some(Timestamp::from_millis(48 * HOUR)),
            earliest_at: None,
            provisional: false,
            length: None,
            pauses: Vec::new(),
            moved: None,
            rungs: rungs.iter().map(rung).collect(),
            assume_at: None,
            late_recorded: false,
        }
    }

    #[test]
    fn a_message_is_judged_by_its_own_rung() {
        use ClockState::{Armed, Met, Missed};
        use RungState::{Fired, Moot, Pending};
        let check = |clock, rungs: &[(&[u16], i64, RungState)], name, expected| {
            let deadline = deadline(clock, rungs);
            assert_eq!(rung_is_open(&deadline, name), expected, "{name}: {rungs:?}");
        };
        check(Armed, &[(&[0], 0, Fired), (&[1], 8, Pending)], 0, true);
        check(Armed, &[(&[0], 0, Fired), (&[1], 8, Fired)], 0, false);
        check(Met, &[(&[0], 0, Fired)], 0, false);
        check(Missed, &[(&[0], 0, Fired)], 0, false);
        check(Missed, &[(&[3], 50, Fired)], 3, true);
        // After a move another rung stands in the place this one had, and this one comes again or is merged.
        let moved: [(&[u16], i64, RungState); 3] =
            [(&[0], 0, Moot), (&[2], 30, Fired), (&[3], 44, Pending)];
        check(Armed, &moved, 2, true);
        check(Armed, &moved, 3, false);
        check(Armed, &moved, 4, false);
        check(Armed, &[(&[0, 1], 8, Fired)], 1, true);
    }
}
