//! Clients, contacts and assets.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Adds a client, contact or asset.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PostRecord {
    /// What people call it.
    pub title: String,
    /// The client a contact or asset belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// What is known: for a contact `mobile`, `email`; for an asset `kind`, `number`, `expires_on`; and more.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub fields: Map<String, Value>,
}

/// Changes a client, contact or asset. What is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchRecord {
    /// The new title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The client it belongs to from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Merged into what is known; null says *not known*.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub fields: Map<String, Value>,
}

/// A client, contact or asset as people see it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RecordView {
    /// Its id.
    pub id: String,
    /// `client`, `contact` or `asset`.
    pub kind: String,
    /// 1 when new, one more with each change: the ETag.
    pub rev: u64,
    /// What people call it.
    pub title: String,
    /// The client it belongs to.
    pub client: Option<String>,
    /// What is known.
    #[schema(value_type = Object)]
    pub fields: Map<String, Value>,
    /// When it was last changed.
    pub changed_at: String,
}
