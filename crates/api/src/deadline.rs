//! Deadlines as people see them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One deadline of a case.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeadlineView {
    /// The case.
    pub case: String,
    /// The agency's reference for it.
    pub reference: String,
    /// The case's title.
    pub case_title: String,
    /// Its name in the workflow.
    pub name: String,
    /// What people call it, in the language asked for.
    pub title: String,
    /// `duty` (somebody must act) or `expectation` (others usually answer by then).
    pub kind: String,
    /// 1 for the first start; a new start is a new generation.
    pub generation: u32,
    /// `waiting`, `armed`, `paused`, `met`, `missed`, `cancelled` or `superseded`.
    pub state: String,
    /// What the clock counts from; null while waiting.
    pub started_at: Option<String>,
    /// When it is over; null while waiting.
    pub due_at: Option<String>,
    /// The last local day on which it may be done.
    pub last_day: Option<String>,
    /// The early end of a window.
    pub earliest_at: Option<String>,
    /// Whether the date runs past the published calendar.
    pub provisional: bool,
    /// Whether the start was assumed because nobody reported it.
    pub assumed: bool,
    /// Whether the fact that met it was recorded after it had passed.
    pub late_recorded: bool,
    /// The reminders, by time.
    pub rungs: Vec<RungView>,
    /// Why it is due then, in the order a person would tell it.
    pub why: Vec<WhyView>,
}

/// One reminder of a deadline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RungView {
    /// When it goes out.
    pub at: String,
    /// `pending`, `fired` or `moot`.
    pub state: String,
}

/// One line of an explanation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WhyView {
    /// `trigger`, `rule`, `calendar`, `counted`, `skipped`, `pause`, `moved`, `due` or `provisional`.
    pub kind: String,
    /// The day it speaks of, where it speaks of one.
    pub day: Option<String>,
    /// The sentence in Chinese.
    pub text: String,
    /// The sentence in English.
    pub text_en: String,
}

/// Moves a deadline by hand; exactly one of `due_at` and `by`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveDeadline {
    /// The new due time, or a day (then 24:00 of it).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<String>,
    /// How much later than now due (`+3d`, `+2wd`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why.
    pub reason: String,
}

/// Stops a deadline's clock, or lets it go on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PostClock {
    /// Why.
    pub reason: String,
    /// When it happened; now when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<String>,
}
