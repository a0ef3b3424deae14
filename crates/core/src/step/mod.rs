//! One event decided: what it does to its case.
//!
//! The walk: [`step()`] builds a [`Draft`] of the case, the module for the kind of event changes it, and the draft's
//! `finish` derives revisions, the journal line and the changes of deadlines from the difference.
//!
//! | event | module |
//! | --- | --- |
//! | the case begins | `begin` |
//! | an event of the file | `fact`, then `take` (one transition) and `places` (leaving and entering states) |
//! | the wake-up row is due | `wake` |
//! | edits, notes, parties, deadlines by hand, close and reopen | `manual` |
//! | calendars or rules changed | `recompute` |
//! | a recorded fact was wrong | `correct` |
//!
//! Clocks are computed in `arm`, ladders planned in `ladder`, messages and events for other cases made in `outgoing`.

mod arm;
mod begin;
mod correct;
mod draft;
mod fact;
mod fold;
mod ladder;
mod manual;
mod outgoing;
mod places;
mod recompute;
mod take;
#[cfg(test)]
mod tests;
mod wake;

use qixian_time::Timestamp;

use crate::words::say;
use crate::{
    Case, ClockState, Env, Event, FieldProblem, JournalLine, Rejection, ReminderIntent, RungState,
    What, Words, Workflow,
};
use draft::Draft;
pub use fold::{FoldError, fold, fold_by};

/// How far ahead of the clock a sender's `occurred_at` may lie (design §8).
const CLOCK_SKEW_MILLIS: i64 = 5 * 60 * 1_000;

/// What [`step()`] decided about an acceptable event.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// The case changes.
    Changed(Box<Transition>),
    /// Nothing to do: a wake-up that came too early or too late, or a recomputation that moves nothing. A wake-up's row
    /// moves to the case's [`next_wake()`]; nothing is journalled.
    Nothing,
}

/// An accepted event: the case after it, its journal line, what is to be said, and what other cases must hear.
#[derive(Clone, Debug, PartialEq)]
pub struct Transition {
    /// The case after the event.
    pub case: Case,
    /// The journal line of it.
    pub journal: JournalLine,
    /// What is to be said to people, in order; `id.index` counts up from 0.
    pub outbox: Vec<ReminderIntent>,
    /// Events for other cases of the same root, to be decided in the same commit.
    pub followups: Vec<Event>,
    /// The places in [`Workflow::transitions`] of the transitions taken, for reports of what tests cover.
    pub taken: Vec<usize>,
}

/// Decides what `event` does to `case` (`None`: it does not exist yet) at `now`.
///
/// Pure: the same arguments give the same answer. Work that is overdue at `now` is not done on the way; the engine
/// submits [`What::Wake`] first.
///
/// # Errors
/// A [`Rejection`] when the event is not possible; nothing has changed then.
pub fn step(
    env: &Env,
    workflow: &Workflow,
    case: Option<&Case>,
    event: &Event,
    now: Timestamp,
) -> Result<Step, Rejection> {
    if let What::Start(start) = &event.what {
        if case.is_some() {
            return Err(Rejection::Existence(Words::new(
                "这个案件已经存在",
                "the case exists already",
            )));
        }
        return begin::begin(env, workflow, event, start, now).map(Step::from);
    }
    let case = case
        .ok_or_else(|| Rejection::Existence(Words::new("没有这个案件", "there is no such case")))?;
    check_event(workflow, case, event, now)?;
    let draft = Draft::of(env, workflow, case, event, now);
    let done = match &event.what {
        What::Start(_) => unreachable!("handled above"),
        What::Fact {
            event: name,
            party,
            fields,
            override_reason,
        } => fact::fact(
            draft,
            name,
            party.as_deref(),
            fields,
            override_reason.as_deref(),
        )?,
        What::Edit {
            fields,
            title,
            reference,
        } => manual::edit(draft, fields, title.as_deref(), reference.as_deref())?,
        What::Note => draft,
        What::Party(change) => manual::party(draft, change)?,
        What::Correct {
            seq,
            change,
            history,
            ..
        } => correct::correct(draft, *seq, change, history.as_deref())?,
        What::Close { .. } => manual::close(draft)?,
        What::Reopen { .. } => manual::reopen(draft)?,
        What::MoveDeadline {
            deadline,
            to,
            reason,
        } => manual::move_deadline(draft, deadline, to, reason)?,
        What::PauseDeadline { deadline, .. } => manual::pause(draft, deadline)?,
        What::ResumeDeadline { deadline, .. } => manual::resume(draft, deadline)?,
        What::Recompute { pack, .. } => match recompute::recompute(draft, pack.as_ref())? {
            Some(draft) => draft,
            None => return Ok(Step::Nothing),
        },
        What::Wake => match wake::wake(draft)? {
            Some(draft) => draft,
            None => return Ok(Step::Nothing),
        },
        What::MessageDead { role, .. } => outgoing::message_dead(draft, role),
        What::ChildClosed { child, .. } => manual::child_closed(draft, *child),
        What::Release => manual::release(draft)?,
    };
    Ok(done.finish().into())
}

/// When the case must be looked at next without anybody's event; `None`: never. Its wake-up row lies at this instant.
pub fn next_wake(case: &Case) -> Option<Timestamp> {
    if case.closed {
        return None;
    }
    case.deadlines
        .iter()
        .filter_map(|deadline| {
            let rung = deadline
                .rungs
                .iter()
                .filter(|r| r.state == RungState::Pending)
                .map(|r| r.at)
                .min();
            match deadline.clock {
                ClockState::Armed => [rung, deadline.due_at].into_iter().flatten().min(),
                ClockState::Waiting => [rung, deadline.assume_at].into_iter().flatten().min(),
                ClockState::Missed => rung,
                _ => None,
            }
        })
        .min()
}

impl From<Transition> for Step {
    fn from(transition: Transition) -> Self {
        Step::Changed(Box::new(transition))
    }
}

fn check_event(
    workflow: &Workflow,
    case: &Case,
    event: &Event,
    now: Timestamp,
) -> Result<(), Rejection> {
    if let Some(expected) = event.expected_edit_rev
        && expected != case.edit_rev
    {
        return Err(Rejection::Stale {
            expected,
            actual: case.edit_rev,
        });
    }
    if !event.what.is_from_people() {
        return Ok(());
    }
    check_not_ahead("/occurred_at", event.occurred_at, now)?;
    if event.occurred_at < case.began_at {
        let began = case.began_at.to_rfc3339(&workflow.zone);
        return Err(invalid(
            "/occurred_at",
            say!(
                "早于案件开始；应为 {began} 或更晚",
                "lies before the case began; expected {began} or later"
            ),
        ));
    }
    Ok(())
}

fn check_not_ahead(pointer: &str, at: Timestamp, now: Timestamp) -> Result<(), Rejection> {
    if at.millis_since(now) > CLOCK_SKEW_MILLIS {
        return Err(invalid(
            pointer,
            say!(
                "比本机时钟（现在是 {now}）晚了 5 分钟以上",
                "lies more than 5 minutes ahead of our clock, which shows {now}"
            ),
        ));
    }
    Ok(())
}

fn invalid(pointer: &str, detail: Words) -> Rejection {
    Rejection::Invalid(vec![FieldProblem {
        pointer: pointer.to_owned(),
        detail,
    }])
}
