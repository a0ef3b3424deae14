//! Whether a message still makes sense when its turn has come: nobody is reminded of what is done.

use qixian_core::{Case, Cause, ClockState, Deadline, ReminderIntent, RungState, Workflow};
use qixian_time::Timestamp;

/// Whether a message still makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// It is to be said.
    Needed,
    /// What it is about is done, or the person has done their part: nobody needs it.
    Done,
    /// Its time is over though nothing is done: a later rung or the miss speaks now. One that was tried in vain by then
    /// did not reach its person.
    Overtaken,
}

/// Whether `leg` of `intent` is still to be said, judged by the case as it is now.
pub(crate) fn need(
    workflow: &Workflow,
    case: &Case,
    intent: &ReminderIntent,
    leg: usize,
    now: Timestamp,
) -> Need {
    if case.closed {
        return Need::Done;
    }
    let need = match &intent.cause {
        Cause::Rung {
            deadline,
            generation,
            rung,
        } => match generation_of(case, deadline, *generation) {
            None => Need::Done,
            Some(_) if role_has_confirmed(workflow, case, deadline, intent, leg) => Need::Done,
            Some(of) => need_of_rung(of, *rung),
        },
        Cause::Missed {
            deadline,
            generation,
        } => match generation_of(case, deadline, *generation) {
            Some(of) if of.clock != ClockState::Missed => Need::Done,
            _ => Need::Needed,
        },
        Cause::Transition { .. } | Cause::Manual => Need::Needed,
    };
    match intent.give_up_at {
        Some(end) if end <= now && need == Need::Needed => Need::Overtaken,
        _ => need,
    }
}

fn generation_of<'a>(case: &'a Case, name: &str, generation: u32) -> Option<&'a Deadline> {
    let mut all = case.deadlines.iter();
    all.find(|d| d.name == name && d.generation == generation)
}

/// A rung speaks while the deadline is open (or missed, for rungs after it was due), no later rung has fired since, and it
/// is not to come again at a later time, as after a move.
fn need_of_rung(deadline: &Deadline, name: u16) -> Need {
    let mut rungs = deadline.rungs.iter();
    let Some(rung) = rungs.find(|rung| rung.steps.contains(&name)) else {
        return Need::Done;
    };
    let comes_again = rung.state == RungState::Pending;
    let is_silenced = deadline
        .rungs
        .iter()
        .any(|other| other.state == RungState::Fired && other.at > rung.at);
    match deadline.clock {
        _ if comes_again => Need::Done,
        ClockState::Armed | ClockState::Waiting if is_silenced => Need::Overtaken,
        ClockState::Armed | ClockState::Waiting => Need::Needed,
        ClockState::Missed if deadline.due_at.is_some_and(|due| due <= rung.at) && !is_silenced => {
            Need::Needed
        }
        ClockState::Missed => Need::Overtaken,
        _ => Need::Done,
    }
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
        let check = |clock, rungs: &[(&[u16], i64, RungState)], name, expected: Need| {
            let deadline = deadline(clock, rungs);
            assert_eq!(need_of_rung(&deadline, name), expected, "{name}: {rungs:?}");
        };
        check(
            Armed,
            &[(&[0], 0, Fired), (&[1], 8, Pending)],
            0,
            Need::Needed,
        );
        check(
            Armed,
            &[(&[0], 0, Fired), (&[1], 8, Fired)],
            0,
            Need::Overtaken,
        );
        check(Met, &[(&[0], 0, Fired)], 0, Need::Done);
        check(Missed, &[(&[0], 0, Fired)], 0, Need::Overtaken);
        check(Missed, &[(&[3], 50, Fired)], 3, Need::Needed);
        // After a move another rung stands in the place this one had, and this one comes again or is merged.
        let moved: [(&[u16], i64, RungState); 3] =
            [(&[0], 0, Moot), (&[2], 30, Fired), (&[3], 44, Pending)];
        check(Armed, &moved, 2, Need::Needed);
        check(Armed, &moved, 3, Need::Done);
        check(Armed, &moved, 4, Need::Done);
        check(Armed, &[(&[0, 1], 8, Fired)], 1, Need::Needed);
    }
}
