//! Problems as RFC 9457 describes them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why a request was not carried out. Sent as `application/problem+json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A URI that names the kind of problem: `urn:qixian:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of problem in a few words, in the language asked for.
    pub title: String,
    /// The HTTP status again.
    pub status: u16,
    /// What happened here and what to do, in the language asked for.
    pub detail: String,
    /// The stable code to decide by (`event_not_possible`, `guard_refused`, …).
    pub code: String,
    /// The values that do not fit, each with its place in the request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ProblemItem>,
    /// With `event_not_possible`: the events that are possible now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub possible: Option<Vec<String>>,
    /// With `guard_refused`: the guard's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<String>,
    /// With `guard_refused`: the roles that may record the fact all the same, by `override`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub override_by: Option<Vec<String>>,
    /// With `party_needed`: the roles asked that have not confirmed yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Vec<String>>,
    /// What would help (`reopen`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// One value that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProblemItem {
    /// A JSON pointer into the request's body (`/fields/site/domains/0/name`).
    pub pointer: String,
    /// What is wrong and what was expected.
    pub detail: String,
}
