//! A recorded fact was wrong: the case's history is gone through again with the fact put right.
//!
//! The facts of people are replayed in the order they were recorded, each at the time it was recorded, with our own timers
//! firing in between as they would have. The case that results is what it would be now had the fact been recorded
//! rightly. What was really said to people stays said: a rung that fired keeps its outcome, and of the rungs that would
//! have fired but did not, at most one speaks now.

use qixian_time::Timestamp;

use super::draft::Draft;
use super::{Step, invalid, ladder, next_wake, step};
use crate::words::say;
use crate::{
    Actor, Case, CaseId, ChildRef, ClockState, Correction, Deadline, Event, Fields, JournalLine,
    Rejection, Rev, RungState, What, Words, value,
};

/// Most wake-ups between two facts of one replay.
const WAKES_MAX: usize = 1_000;

/// A fact of the history, with the place it was recorded at.
#[derive(Clone)]
struct Fact {
    seq: Rev,
    recorded_at: Timestamp,
    event: Event,
}

/// Decides a correction. `history` is the case's whole journal.
pub(super) fn correct<'a>(
    mut draft: Draft<'a>,
    seq: Rev,
    change: &Correction,
    history: Option<&[JournalLine]>,
) -> Result<Draft<'a>, Rejection> {
    let refuse = |zh: &str, en: &str| Rejection::Correction {
        seq,
        reason: Words::new(zh, en),
    };
    let history =
        history.ok_or_else(|| refuse("没有读到案件的记录", "the case's journal was not loaded"))?;
    let mut facts = facts(&draft.case, history);
    apply(&mut facts, seq, change, draft.now)?;
    let before = draft
        .before()
        .expect("a correction concerns a case that exists");
    let mut replayed = replay(&draft, &facts, seq)?;
    keep_what_happened(before, &mut replayed.case, draft.seq(), draft.now);
    draft.case = replayed.case;
    tell_others(&mut draft, before, replayed.followups);
    for i in 0..draft.case.deadlines.len() {
        let deadline = &draft.case.deadlines[i];
        let speaks = matches!(
            deadline.clock,
            ClockState::Waiting | ClockState::Armed | ClockState::Missed
        );
        if let Some(def) = draft.workflow.deadlines.get(&deadline.name)
            && speaks
        {
            ladder::fire_due(&mut draft, i, def);
        }
    }
    Ok(draft)
}

/// The facts of a journal, with the corrections recorded in it carried out.
fn facts(case: &Case, history: &[JournalLine]) -> Vec<Fact> {
    let mut facts = Vec::new();
    for line in history {
        match &line.what {
            What::Correct { seq, change, .. } => {
                // It was carried out when it was recorded, so it can be again.
                apply(&mut facts, *seq, change, line.recorded_at).ok();
            }
            What::Wake | What::MessageDead { .. } => {}
            _ => facts.push(Fact {
                seq: line.seq,
                recorded_at: line.recorded_at,
                event: line.to_event(case.id),
            }),
        }
    }
    facts
}

fn apply(
    facts: &mut Vec<Fact>,
    seq: Rev,
    change: &Correction,
    now: Timestamp,
) -> Result<(), Rejection> {
    let refuse = |zh: &str, en: &str| Rejection::Correction {
        seq,
        reason: Words::new(zh, en),
    };
    let i = facts.iter().position(|f| f.seq == seq).ok_or_else(|| {
        refuse(
            "这一行不是人记录的，或已撤回",
            "it is no fact of a person, or was withdrawn",
        )
    })?;
    match change {
        Correction::Withdraw if matches!(facts[i].event.what, What::Start(_)) => Err(refuse(
            "案件的开始不能撤回；请改为关闭案件",
            "the beginning of a case cannot be withdrawn; close the case instead",
        )),
        Correction::Withdraw => {
            facts.remove(i);
            Ok(())
        }
        Correction::Replace {
            occurred_at,
            fields,
            party,
        } => {
            if let Some(at) = occurred_at {
                if *at > now {
                    return Err(invalid(
                        "/occurred_at",
                        Words::new("时间还没到", "lies ahead"),
                    ));
                }
                facts[i].event.occurred_at = *at;
                facts[i].recorded_at = facts[i].recorded_at.max(*at);
            }
            replace(&mut facts[i].event.what, fields, party.as_deref()).map_err(|()| {
                refuse(
                    "只有流程的事件、案件的修改和开始才带字段或人",
                    "only events of the workflow, edits and the beginning carry fields or a person",
                )
            })
        }
    }
}

fn replace(what: &mut What, new: &Fields, person: Option<&str>) -> Result<(), ()> {
    match what {
        What::Fact { fields, party, .. } => {
            value::merge(fields, new);
            if let Some(person) = person {
                *party = Some(person.to_owned());
            }
            Ok(())
        }
        What::Edit { fields, .. } if person.is_none() => {
            value::merge(fields, new);
            Ok(())
        }
        What::Start(start) if person.is_none() => {
            value::merge(&mut start.fields, new);
            Ok(())
        }
        _ if new.is_empty() && person.is_none() => Ok(()),
        _ => Err(()),
    }
}

/// What going through the history gave.
struct Replayed {
    case: Case,
    /// What it would have told other cases.
    followups: Vec<Event>,
}

/// The case as it would be now. A fact that would have been refused names itself.
fn replay(draft: &Draft<'_>, facts: &[Fact], corrected: Rev) -> Result<Replayed, Rejection> {
    let mut reached: Option<Case> = None;
    let mut followups = Vec::new();
    for fact in facts {
        if let Some(case) = &mut reached {
            wake_until(draft, case, fact.recorded_at, &mut followups)?;
            case.rev = fact.seq - 1;
        }
        let mut event = fact.event.clone();
        event.expected_edit_rev = None;
        match step(
            draft.env,
            draft.workflow,
            reached.as_ref(),
            &event,
            fact.recorded_at,
        ) {
            Ok(Step::Changed(transition)) => {
                reached = Some(transition.case);
                followups.extend(transition.followups);
            }
            Ok(Step::Nothing) => {}
            Err(rejection) => {
                let (line, name) = (fact.seq, event.what.name());
                let reason = say!(
                    "那样第 {line} 行（“{name}”）就不成立：{}",
                    "line {line} (`{name}`) would then be impossible: {}";
                    rejection.words()
                );
                return Err(Rejection::Correction {
                    seq: corrected,
                    reason,
                });
            }
        }
    }
    let mut case = reached.ok_or_else(|| Rejection::Correction {
        seq: corrected,
        reason: Words::new("案件的记录没有开头", "the journal has no beginning"),
    })?;
    wake_until(draft, &mut case, draft.now, &mut followups)?;
    Ok(Replayed { case, followups })
}

/// Fires our own timers as they would have fired, up to and including `until`.
fn wake_until(
    draft: &Draft<'_>,
    case: &mut Case,
    until: Timestamp,
    followups: &mut Vec<Event>,
) -> Result<(), Rejection> {
    for _ in 0..WAKES_MAX {
        let Some(at) = next_wake(case).filter(|at| *at <= until) else {
            return Ok(());
        };
        let event = Event {
            id: String::new(),
            case: case.id,
            occurred_at: at,
            by: Actor::system("timer"),
            note: None,
            expected_edit_rev: None,
            what: What::Wake,
        };
        match step(draft.env, draft.workflow, Some(case), &event, at)? {
            Step::Changed(transition) => {
                *case = transition.case;
                followups.extend(transition.followups);
            }
            Step::Nothing => return Ok(()),
        }
    }
    Ok(())
}

/// Carries over what no correction can undo: revisions, children begun, and what was said. `seq` is the line of the
/// correction, under which a miss that only the replay found stands.
fn keep_what_happened(before: &Case, replayed: &mut Case, seq: Rev, now: Timestamp) {
    replayed.rev = before.rev;
    replayed.edit_rev = before.edit_rev;
    replayed.held = before.held;
    replayed.reference.clone_from(&before.reference);
    replayed.children = merged_children(&before.children, &replayed.children);
    let missed = replayed.presumed.as_ref();
    let missed = missed.map(|p| (p.deadline.clone(), p.generation));
    for deadline in &mut replayed.deadlines {
        let is_missed = missed.as_ref().is_some_and(|(name, generation)| {
            deadline.name == *name && deadline.generation == *generation
        });
        match before
            .deadlines
            .iter()
            .find(|was| was.name == deadline.name)
        {
            Some(was) => keep_said(was, deadline, now),
            None => unsay(deadline),
        }
        if is_missed && let Some(presumed) = &mut replayed.presumed {
            presumed.generation = deadline.generation;
        }
    }
    if let Some(presumed) = &mut replayed.presumed {
        let was = before.presumed.as_ref().filter(|was| {
            (&was.deadline, was.generation) == (&presumed.deadline, presumed.generation)
        });
        presumed.seq = was.map_or(seq, |was| was.seq);
    }
    // Generations rise over the whole life of a case: one that would not have begun stays, as cancelled.
    for was in &before.deadlines {
        if !replayed.deadlines.iter().any(|d| d.name == was.name) {
            let mut was = was.clone();
            was.clock = ClockState::Cancelled;
            replayed.deadlines.push(was);
        }
    }
}

/// In the replay it spoke, but really it never did.
fn unsay(deadline: &mut Deadline) {
    for i in 0..deadline.rungs.len() {
        if deadline.rungs[i].state == RungState::Fired {
            deadline.rungs[i].state = unsaid(deadline, i);
        }
    }
}

/// What becomes of the rung at `i`, which only the replay said: it is to come, unless its time is over. Of a missed
/// deadline only what follows its end is still said.
fn unsaid(deadline: &Deadline, i: usize) -> RungState {
    let at = deadline.rungs[i].at;
    match deadline.clock {
        ClockState::Missed if deadline.due_at.is_some_and(|due_at| at < due_at) => RungState::Moot,
        ClockState::Missed => RungState::Pending,
        clock if clock.is_open() => RungState::Pending,
        _ => RungState::Moot,
    }
}

/// Starts the children that only the corrected history has, and tells the parent where the case has ended by it.
fn tell_others(draft: &mut Draft<'_>, before: &Case, followups: Vec<Event>) {
    let begun = |child: CaseId| before.children.iter().any(|known| known.case == child);
    let ended = |case: &Case| case.closed || draft.workflow.is_final(&case.state);
    let ends = ended(&draft.case) && !ended(before);
    let seq = draft.seq();
    for mut event in followups {
        let wanted = match &event.what {
            What::Start(_) => !begun(event.case),
            What::ChildClosed { .. } => ends,
            _ => false,
        };
        if wanted {
            event.id = format!("{}:{seq}:{}", draft.case.id, draft.followups.len());
            draft.followups.push(event);
        }
    }
}

fn merged_children(before: &[ChildRef], replayed: &[ChildRef]) -> Vec<ChildRef> {
    let mut children = before.to_vec();
    children.extend(
        replayed
            .iter()
            .filter(|child| !before.iter().any(|known| known.case == child.case))
            .cloned(),
    );
    children
}

/// A deadline that came out the same keeps its generation and what became of its rungs; another is a new generation in
/// which rungs that really fired stay fired, and those that only fired in the replay are pending again. A rung that lies
/// behind and holds a step that was said stays said as a whole; one that lies ahead only if nothing of it is left to say.
fn keep_said(was: &Deadline, deadline: &mut Deadline, now: Timestamp) {
    let same = |a: &Deadline| (a.started_at, a.due_at, a.clock, a.assume_at);
    if same(was) == same(deadline) {
        deadline.generation = was.generation;
        deadline.rungs.clone_from(&was.rungs);
        return;
    }
    deadline.generation = was.generation + 1;
    let fired = was.rungs.iter().filter(|r| r.state == RungState::Fired);
    let said: Vec<u16> = fired.flat_map(|r| &r.steps).copied().collect();
    for i in 0..deadline.rungs.len() {
        let rung = &deadline.rungs[i];
        let was_said = |step: &u16| said.contains(step);
        let spoke = match rung.at <= now {
            true => rung.steps.iter().any(was_said),
            false => rung.steps.iter().all(was_said),
        };
        deadline.rungs[i].state = match rung.state {
            _ if spoke => RungState::Fired,
            RungState::Fired => unsaid(deadline, i),
            state => state,
        };
    }
}
