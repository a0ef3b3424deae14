//! Workflows and calendars, to be read.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A text in both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WordsView {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// A workflow.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WorkflowView {
    /// The id cases are started under.
    pub id: String,
    /// The author's version.
    pub version: u32,
    /// What people call it.
    pub title: WordsView,
    /// The state a case starts in.
    pub initial: String,
    /// The roles its parties may have.
    pub roles: Vec<String>,
    /// The fields a case may hold.
    pub fields: Vec<FieldView>,
    /// Its states.
    pub states: Vec<StateView>,
    /// What each event does.
    pub transitions: Vec<TransitionView>,
    /// Its deadlines.
    pub deadlines: Vec<WorkflowDeadline>,
}

/// A field that a case may hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldView {
    /// The dotted path; `[]` marks the items of a list.
    pub path: String,
    /// What people call it.
    pub title: WordsView,
    /// `text`, `int`, `number`, `bool`, `date`, `time`, `choice`, `list` or `record`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The values of a choice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// Whether it is personal data.
    pub personal: bool,
}

/// A state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StateView {
    /// Its name.
    pub id: String,
    /// What people call it.
    pub title: WordsView,
    /// What is to be done here.
    pub help: WordsView,
    /// Whether reaching it ends the case.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// The role that holds the ball here.
    pub holder: Option<String>,
}

/// What an event does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TransitionView {
    /// The event.
    pub event: String,
    /// What people call it.
    pub title: WordsView,
    /// The states it leaves; empty means every state that is not final.
    pub from: Vec<String>,
    /// The state it leads to; null stays.
    pub to: Option<String>,
    /// Field paths it may carry.
    pub fields: Vec<String>,
    /// Field paths that must be carried or known already.
    pub required: Vec<String>,
    /// Guards that must hold.
    pub guards: Vec<String>,
    /// Roles that must each confirm.
    pub needs: Vec<String>,
}

/// A deadline of a workflow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkflowDeadline {
    /// Its name.
    pub name: String,
    /// What people call it.
    pub title: WordsView,
    /// `duty` or `expectation`.
    pub kind: String,
    /// The states it lives in; empty: as long as the case is open.
    #[serde(rename = "in")]
    pub states: Vec<String>,
    /// How long it runs, in the words of the file.
    pub within: String,
    /// Its legal or contractual source.
    pub source: WordsView,
}

/// One year of a working-day calendar.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CalendarView {
    /// The calendar's id (`cn`).
    pub calendar: String,
    /// The year.
    pub year: i16,
    /// Whether the year's notice is known.
    pub known: bool,
    /// The notice.
    pub notice: Option<String>,
    /// How many working days the year has.
    pub working_days: u32,
    /// The days that differ from Monday to Friday, in order.
    pub days: Vec<CalendarDay>,
}

/// A day that differs from Monday to Friday.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CalendarDay {
    /// The day.
    pub day: String,
    /// Whether it is worked.
    pub working: bool,
    /// `holiday`, `makeup` or `closed`.
    pub kind: String,
    /// The holiday's or closure's name.
    pub name: String,
}
