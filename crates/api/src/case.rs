//! Cases.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{DeadlineView, PartyBody};

/// Starts a case.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PostCase {
    /// The workflow's id (`first-filing`).
    pub workflow: String,
    /// What people call the case.
    #[serde(default)]
    pub title: String,
    /// The agency's own text for it, unique; made (`QX-2026-000123`) when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// What is known, as the workflow's fields are nested.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub fields: Map<String, Value>,
    /// The people it concerns.
    #[serde(default)]
    pub parties: Vec<PartyBody>,
    /// When it began; now when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<String>,
    /// Start mid-way in this state (a lead's right).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// When that state was entered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entered_at: Option<String>,
    /// The client record it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// The asset records it hangs on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assets: Vec<String>,
    /// The rule pack to decide under; the configured one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<String>,
}

/// Changes a case in place. What is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchCase {
    /// The new title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The new reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Merged into the case's fields; null says *not known*.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub fields: Map<String, Value>,
    /// Words for the journal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Adds words to the journal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PostNote {
    /// The words.
    pub note: String,
}

/// Closes or reopens a case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PostReason {
    /// Why.
    pub reason: String,
    /// When it happened; now when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<String>,
}

/// A case as people see it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CaseView {
    /// Its id.
    pub id: String,
    /// The agency's own text for it.
    pub reference: String,
    /// What people call it.
    pub title: String,
    /// One more with each accepted event.
    pub rev: u64,
    /// Rises with people's events and state changes only: the ETag.
    pub edit_rev: u64,
    /// The workflow's id.
    pub workflow: String,
    /// The version of the workflow it began with and finishes on.
    pub workflow_version: u32,
    /// The rule pack it is decided under.
    pub rules: String,
    /// Its state.
    pub state: String,
    /// What people call that state, in the language asked for.
    pub state_title: String,
    /// When it came there.
    pub entered_at: String,
    /// When it began.
    pub began_at: String,
    /// The role that holds the ball.
    pub holder: Option<String>,
    /// Whether it has ended or was closed.
    pub closed: bool,
    /// Whether its messages are held until a person releases them.
    pub held: bool,
    /// How often it was handed in.
    pub round: u32,
    /// The events possible now.
    pub possible: Vec<String>,
    /// What is known, as the workflow's fields are nested.
    #[schema(value_type = Object)]
    pub fields: Map<String, Value>,
    /// The people it concerns.
    pub parties: Vec<PartyBody>,
    /// Its deadlines: the latest generation of each.
    pub deadlines: Vec<DeadlineView>,
    /// Marks set by missed deadlines.
    pub flags: Vec<String>,
    /// Who has confirmed what in the present state.
    pub confirmed: Vec<ConfirmationView>,
    /// The state was presumed by a missed deadline, and nobody has seen it yet.
    pub presumed: bool,
    /// What the last rejection found wrong.
    pub items: Vec<ItemView>,
    /// The case that started it.
    pub parent: Option<String>,
    /// The cases it started.
    pub children: Vec<ChildView>,
    /// The client record it belongs to.
    pub client: Option<String>,
    /// The asset records it hangs on.
    pub assets: Vec<String>,
    /// The due time of its next armed deadline.
    pub next_due_at: Option<String>,
}

/// One person's confirmation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConfirmationView {
    /// The event confirmed.
    pub event: String,
    /// The role that confirmed.
    pub role: String,
    /// When it happened.
    pub at: String,
}

/// One thing a rejection found wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ItemView {
    /// The round it was found in.
    pub round: u32,
    /// A finding code, or `other`.
    pub code: String,
    /// The field it is about, a JSON pointer; may be empty.
    pub field: String,
    /// The reviewer's words.
    pub words: String,
    /// Who said so.
    pub by: String,
    /// Whether it is mended.
    pub done: bool,
}

/// A case that this one started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChildView {
    /// Its id.
    pub case: String,
    /// Its workflow.
    pub workflow: String,
    /// Whether it has ended.
    pub ended: bool,
}
