//! Why an event was not accepted. Nothing is written then.

use crate::definition::Name;
use crate::{FieldProblem, Rev, Words};

/// A refused event. Each has a stable code (`docs/errors.md`).
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Rejection {
    /// The event has no transition from the present state.
    #[error("`{event}` is not possible in state `{state}`; {}", instead(possible, *hint_reopen))]
    EventNotPossible {
        /// The event.
        event: Name,
        /// The present state.
        state: Name,
        /// What is possible instead.
        possible: Vec<Name>,
        /// Whether reopening the case (or its round) would help.
        hint_reopen: bool,
    },
    /// A guard does not hold.
    #[error("guard `{guard}`: {}", sentence.en)]
    GuardRefused {
        /// The guard.
        guard: Name,
        /// Its sentence.
        sentence: Words,
        /// The roles that may record the fact all the same, with `override`.
        override_by: Vec<Name>,
    },
    /// A guard could not be evaluated.
    #[error("guard `{guard}` could not be evaluated: {reason}")]
    GuardFailed {
        /// The guard.
        guard: Name,
        /// What went wrong.
        reason: String,
    },
    /// The sender saw an older revision.
    #[error(
        "the case is at edit_rev {actual}, not {expected}: read it again, then repeat what still fits"
    )]
    Stale {
        /// What the sender saw.
        expected: Rev,
        /// What it is.
        actual: Rev,
    },
    /// Values that do not fit; pointers start at the request's root.
    #[error("{}", listed(.0))]
    Invalid(Vec<FieldProblem>),
    /// The person who confirms must be named, and be one of these.
    #[error("say which of {} confirms", asked.join(", "))]
    PartyNeeded {
        /// The roles asked that have not confirmed yet.
        asked: Vec<Name>,
    },
    /// This needs a role the actor lacks.
    #[error("only {} may do this", roles.join(" or "))]
    NotAllowed {
        /// The roles that may.
        roles: Vec<Name>,
    },
    /// There is no such deadline, or it is not in a state for this.
    #[error("deadline `{deadline}`: {reason}")]
    Deadline {
        /// The deadline.
        deadline: Name,
        /// What is in the way.
        reason: String,
    },
    /// The case is closed (or not closed, for reopening).
    #[error("{0}")]
    Closed(String),
    /// The case exists already, or does not exist.
    #[error("{0}")]
    Existence(String),
    /// The correction cannot be carried through.
    #[error("line {seq} cannot be corrected: {reason}")]
    Correction {
        /// The journal line.
        seq: Rev,
        /// What is in the way.
        reason: String,
    },
    /// A calendar, rule pack or length the deadline needs is missing or unusable.
    #[error("deadline `{deadline}` cannot be computed: {reason}")]
    Uncomputable {
        /// The deadline.
        deadline: Name,
        /// What is missing.
        reason: String,
    },
}

impl Rejection {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Rejection::EventNotPossible { .. } => "event_not_possible",
            Rejection::GuardRefused { .. } => "guard_refused",
            Rejection::GuardFailed { .. } => "guard_failed",
            Rejection::Stale { .. } => "stale_edit_rev",
            Rejection::Invalid(_) => "invalid_value",
            Rejection::PartyNeeded { .. } => "party_needed",
            Rejection::NotAllowed { .. } => "not_allowed",
            Rejection::Deadline { .. } => "deadline_not_possible",
            Rejection::Closed(_) => "case_closed",
            Rejection::Existence(_) => "case_existence",
            Rejection::Correction { .. } => "correction_not_possible",
            Rejection::Uncomputable { .. } => "deadline_uncomputable",
        }
    }
}

/// What to do where an event is not possible.
fn instead(possible: &[Name], reopen: bool) -> String {
    let now = match possible {
        [] => "nothing is possible now".to_owned(),
        names => format!("possible now: {}", names.join(", ")),
    };
    if reopen {
        format!("{now}; or reopen the case")
    } else {
        now
    }
}

/// Each value that does not fit, with its place.
fn listed(problems: &[FieldProblem]) -> String {
    let each: Vec<String> = problems
        .iter()
        .map(|p| format!("{}: {}", p.pointer, p.detail))
        .collect();
    each.join("; ")
}
