//! From the text of workflow, rule and calendar files to checked values.
//!
//! Authors of these files are no programmers of ours: whatever is wrong is told all at once, each problem with its
//! place, what was expected and, where a name is close, which was meant. What comes out satisfies the promises written
//! on `qixian_core::definition`, so that nothing later needs to ask whether a name exists.
//!
//! | file | read by | gives |
//! | --- | --- | --- |
//! | a workflow | [`read_workflow`] | [`WorkflowFile`] with its [`WorkflowTest`]s |
//! | a rule pack | [`read_rules`] | `qixian_core::RulePack` |
//! | a calendar's year | [`read_calendar_year`] | [`CalendarFile`] |
//! | all of them | [`Catalog::build`] | workflows by id and definition, and `qixian_core::Env` |
//!
//! Left to others: finding the files on disk (`qixian-daemon`) and running the tests (`qixian-engine`).

mod calendars;
mod catalog;
mod children;
mod codes;
mod deadlines;
mod diagnostics;
mod fields;
mod file_tests;
mod guards;
mod ladders;
mod lengths;
mod names;
mod report;
mod rules;
mod source;
mod states;
mod table;
mod transitions;
mod workflow;

pub use calendars::{CalendarFile, read_calendar_year};
pub use catalog::{Catalog, Sources, definition_ref};
pub use codes::{CODES, Code};
pub use diagnostics::{Diagnostic, Diagnostics, Label, Render, Severity, Source, Span};
pub use file_tests::{Expect, ExpectDeadline, TestEvent, TestStep, WorkflowTest};
pub use rules::read_rules;
pub use source::syntax_problem;
pub use workflow::{ReadContext, WorkflowFile, digest, read_workflow};
