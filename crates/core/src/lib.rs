//! What a case is and how it moves: the pure heart of Qixian.
//!
//! A [`Workflow`] is a checked definition, a [`Case`] one running instance of it, an [`Event`] something that happened or
//! was learnt. [`step()`] decides what an event does to a case and yields a [`Transition`]; it reads nothing but its
//! arguments, so time, calendars, rules and domain functions all come in through [`Env`] and `now`.
//!
//! Left to others: reading workflow files (`qixian-workflow`), keeping records (`qixian-store`), sending (`qixian-notify`),
//! and deciding in which order events reach a case (`qixian-engine`).

mod case;
mod deadline;
pub mod definition;
mod env;
mod event;
mod fields;
mod guard;
mod id;
mod journal;
mod outbox;
mod rejection;
mod rules;
mod step;
pub mod value;
mod why;
mod words;

pub use case::{Case, ChildRef, Confirmation, DefinitionRef, Item, ParentRef, Party, Presumed};
pub use deadline::{
    ClockState, Deadline, DeadlineChange, LengthUsed, Moved, RuleUsed, Rung, RungState,
};
pub use definition::Workflow;
pub use env::{Env, Functions, NoFunctions};
pub use event::{Actor, Correction, Event, EventId, MoveTo, PartyChange, StartCase, What};
pub use fields::{FieldDef, FieldKind, FieldProblem, Schema};
pub use guard::{Guard, GuardError, GuardScope, Verdict};
pub use id::{CaseId, IdError, OutboxId};
pub use journal::JournalLine;
pub use outbox::{Cause, Channel, Leg, LegStatus, ReminderIntent};
pub use rejection::Rejection;
pub use rules::{PackRef, RuleAnswer, RuleError, RulePack, RuleRow};
pub use step::{FoldError, Step, Transition, fold, fold_by, next_wake, step};
pub use value::{Fields, Value};
pub use why::{Why, WhyLine, why, why_counted};
pub use words::{Lang, Words};

/// A revision of a case: 1 after its first event, one more after each accepted event.
pub type Rev = u64;
