//! The journal: one line for each accepted event, never changed.

use qixian_time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::definition::Name;
use crate::{Actor, DeadlineChange, Event, EventId, Rev, What};

/// One line: what happened and what it did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JournalLine {
    /// 1 for the first; equals the case's `rev` after it.
    pub seq: Rev,
    /// The event's id.
    pub id: EventId,
    /// The event's name; for wake-ups what they did (`rung_due`, `deadline_passed`).
    pub event: Name,
    /// The state before (for the first line: the state begun in).
    pub from: Name,
    /// The state after.
    pub to: Name,
    /// When it happened in the world.
    pub occurred_at: Timestamp,
    /// When we recorded it.
    pub recorded_at: Timestamp,
    /// Who said so.
    pub by: Actor,
    /// Free words.
    pub note: Option<String>,
    /// The event itself.
    pub what: What,
    /// What it did to deadlines.
    pub deadlines: Vec<DeadlineChange>,
}

impl JournalLine {
    /// The event this line records, as it was submitted for `case`.
    pub fn to_event(&self, case: crate::CaseId) -> Event {
        Event {
            id: self.id.clone(),
            case,
            occurred_at: self.occurred_at,
            by: self.by.clone(),
            note: self.note.clone(),
            expected_edit_rev: None,
            what: self.what.clone(),
        }
    }
}
