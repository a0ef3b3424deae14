//! Events and what the journal says of them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{DeadlineView, MessageView};

/// Records that something happened.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PostEvent {
    /// The event's name in the workflow.
    pub event: String,
    /// Whose fact it is, where each of several people must confirm: a role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party: Option<String>,
    /// Fields it carries, nested as in the case; for a rejection also `items`.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub fields: Map<String, Value>,
    /// When it happened; now when absent. At most 5 minutes ahead, never before the case began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<String>,
    /// Words for the journal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Record it although a guard refuses.
    #[serde(default, rename = "override", skip_serializing_if = "Option::is_none")]
    pub override_guard: Option<OverrideGuard>,
}

/// Why a fact is recorded against a guard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OverrideGuard {
    /// Why.
    pub reason: String,
}

/// Corrects a recorded fact: `withdraw`, or what is right instead.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CorrectFact {
    /// Why.
    pub reason: String,
    /// It never happened.
    #[serde(default)]
    pub withdraw: bool,
    /// When it really happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<String>,
    /// The right fields, merged over the recorded ones.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub fields: Map<String, Value>,
    /// The right person: a role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party: Option<String>,
}

/// What an accepted event made of the case.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EventAnswer {
    /// The case.
    pub id: String,
    /// The journal line's number.
    pub rev: u64,
    /// The revision people edit by: the ETag.
    pub edit_rev: u64,
    /// The state after it.
    pub state: String,
    /// The deadlines after it: the latest generation of each.
    pub deadlines: Vec<DeadlineView>,
}

/// What an event would do; nothing was written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EventDraft {
    /// Always true.
    pub dry_run: bool,
    /// The case.
    pub id: String,
    /// The state it would be in.
    pub state: String,
    /// The deadlines it would have.
    pub deadlines: Vec<DeadlineView>,
    /// Which deadlines would change.
    pub changes: Vec<ChangeView>,
    /// Who would be told at once: `role via channel`.
    pub messages: Vec<String>,
    /// Messages that have gone out already and would be contradicted; only where a correction is tried.
    pub sent: Vec<MessageView>,
    /// What to think of first, such as an hour clock that runs into days off. In the language asked for.
    pub warnings: Vec<String>,
}

/// One line of a case's journal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JournalView {
    /// 1 for the first.
    pub seq: u64,
    /// The case's `rev` after it.
    pub rev: u64,
    /// What happened.
    pub event: String,
    /// The state before.
    pub from: String,
    /// The state after.
    pub to: String,
    /// When it happened.
    pub occurred_at: String,
    /// When it was recorded.
    pub recorded_at: String,
    /// Who said so.
    pub by: String,
    /// Free words.
    pub note: Option<String>,
    /// Whose fact it was, where several must confirm.
    pub party: Option<String>,
    /// The reason given, where the event has one.
    pub reason: Option<String>,
    /// The fields it carried.
    #[schema(value_type = Object)]
    pub fields: Map<String, Value>,
    /// What it puts right, where it is a correction.
    pub corrects: Option<CorrectionView>,
    /// What it did to deadlines.
    pub deadlines: Vec<ChangeView>,
}

/// What a correction puts right. The right fields and person stand in its own journal line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CorrectionView {
    /// The journal line that was wrong; it stays.
    pub seq: u64,
    /// Whether it never happened.
    pub withdrawn: bool,
    /// When it really happened, where that was wrong.
    pub occurred_at: Option<String>,
}

/// What an event did to one deadline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangeView {
    /// The deadline.
    pub name: String,
    /// Its generation.
    pub generation: u32,
    /// Its clock's state after the event.
    pub state: String,
    /// When it is due now.
    pub due_at: Option<String>,
    /// When it was due before, where that differs.
    pub was_due_at: Option<String>,
    /// Whether the date is provisional.
    pub provisional: bool,
}
