//! The people of a case.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One person of a case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PartyBody {
    /// One of the workflow's roles (`principal`, `site_owner`, `client`, `handler`, `lead`).
    pub role: String,
    /// The person's name.
    #[serde(default)]
    pub name: String,
    /// The mobile number: digits, with an optional leading `+`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mobile: Option<String>,
    /// The mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Names of chat robots configured for this person's group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub robots: Vec<String>,
    /// `zh` (default) or `en`: the language to write in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lang: Option<String>,
    /// The contact record this is a copy of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
}

/// Puts a person into a case, or changes one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutParty {
    /// The person.
    pub party: PartyBody,
    /// Which of those with this role is replaced, 0 first; without it one is added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<u32>,
}

/// Takes a person out of a case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveParty {
    /// The role.
    pub role: String,
    /// Which of those with this role, 0 first.
    #[serde(default)]
    pub nth: u32,
}
