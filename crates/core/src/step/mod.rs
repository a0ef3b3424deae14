//! One event decided.

use qixian_time::Timestamp;

use crate::{Case, Env, Event, JournalLine, Rejection, ReminderIntent, Workflow};

/// What [`step()`] decided about an acceptable event.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// The case changes.
    Changed(Box<Transition>),
    /// A wake-up that found nothing to do; its row moves to the case's [`next_wake()`].
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
}

/// Decides what `event` does to `case` (`None`: it does not exist yet) at `now`.
///
/// # Errors
/// A [`Rejection`] when the event is not possible; nothing has changed then.
pub fn step(
    _env: &Env,
    _workflow: &Workflow,
    _case: Option<&Case>,
    _event: &Event,
    _now: Timestamp,
) -> Result<Step, Rejection> {
    Ok(Step::Nothing)
}

/// When the case must be looked at next without anybody's event; `None`: never. Its wake-up row lies at this instant.
pub fn next_wake(_case: &Case) -> Option<Timestamp> {
    None
}
