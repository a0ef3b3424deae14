//! What goes over the wire: the bodies of the HTTP interface as plain types, and a small client for them.
//!
//! The types hold texts and numbers only; what they mean is decided by the daemon, which converts them in one place.
//! Times are RFC 3339 texts with offset, days are `YYYY-MM-DD`, ids have 26 characters. Every body that is sent to the
//! daemon refuses unknown names, so that a misspelt one is told rather than lost.

mod case;
mod client;
mod deadline;
mod journal;
mod message;
mod page;
mod party;
mod problem;
mod record;
mod workflow;

pub use case::{
    CaseView, ChildView, ConfirmationView, ItemView, PatchCase, PostCase, PostNote, PostReason,
};
pub use client::{Client, Error};
pub use deadline::{DeadlineView, MoveDeadline, PostClock, RungView, WhyView};
pub use journal::{
    ChangeView, CorrectFact, CorrectionView, EventAnswer, EventDraft, JournalView, OverrideGuard,
    PostEvent,
};
pub use message::{AttemptView, MessageView, PreviewItem};
pub use page::Page;
pub use party::{PartyBody, PutParty, RemoveParty};
pub use problem::{Problem, ProblemItem};
pub use record::{PatchRecord, PostRecord, RecordView};
pub use workflow::{
    CalendarDay, CalendarView, FieldView, StateView, TransitionView, WordsView, WorkflowDeadline,
    WorkflowView,
};
