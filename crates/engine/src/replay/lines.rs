//! What happened in a replay, line by line: the output of `simulate`.

use qixian_core::definition::Kind;
use qixian_core::{
    Case, CaseId, Cause, Channel, ClockState, DeadlineChange, JournalLine, Workflow,
};
use qixian_time::{Timestamp, Zone};
use serde_json::{Map, Value, json};

use crate::SendJob;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplayLine {
    /// When, on the virtual clock.
    pub at: Timestamp,
    /// The case.
    pub case: CaseId,
    /// Its workflow's id.
    pub workflow: String,
    /// What.
    pub what: ReplayWhat,
}

/// The kinds of lines.
#[derive(Clone, Debug, PartialEq)]
pub enum ReplayWhat {
    /// Somebody's event was recorded (`event`).
    Event {
        /// Its name.
        event: String,
        /// When it happened.
        occurred_at: Timestamp,
        /// Who said so.
        by: String,
        /// Free words.
        note: Option<String>,
    },
    /// The case went to another state (`transition`).
    Transition {
        /// The event.
        event: String,
        /// The state before.
        from: String,
        /// The state after.
        to: String,
    },
    /// A clock changed (`deadline`).
    Deadline {
        /// The deadline.
        deadline: String,
        /// Duty or expectation, where the definition is at hand.
        kind: Option<Kind>,
        /// Where its clock stands.
        state: ClockState,
        /// When it is due.
        due_at: Option<Timestamp>,
        /// The earliest end of a window.
        earliest_at: Option<Timestamp>,
        /// Whether the date runs past the known calendar.
        provisional: bool,
    },
    /// A deadline passed unmet (`missed`).
    Missed {
        /// The deadline.
        deadline: String,
        /// When it was due.
        due_at: Option<Timestamp>,
    },
    /// A message went to one person (`reminder`).
    Reminder {
        /// Why it was said.
        cause: Cause,
        /// The role.
        to: String,
        /// The person's name.
        name: String,
        /// The channel.
        via: Channel,
        /// The subject; may be empty.
        subject: String,
        /// The words.
        text: String,
    },
}

impl ReplayLine {
    /// The line's kind, as its JSON says it.
    pub fn kind(&self) -> &'static str {
        match self.what {
            ReplayWhat::Event { .. } => "event",
            ReplayWhat::Transition { .. } => "transition",
            ReplayWhat::Deadline { .. } => "deadline",
            ReplayWhat::Missed { .. } => "missed",
            ReplayWhat::Reminder { .. } => "reminder",
        }
    }

    /// The line as JSON, times with the offset of `zone`.
    pub fn to_json(&self, zone: &Zone) -> Value {
        let time = |at: &Timestamp| Value::String(at.to_rfc3339(zone));
        let maybe = |at: &Option<Timestamp>| at.as_ref().map_or(Value::Null, time);
        let mut line = Map::new();
        let mut put = |name: &str, value: Value| {
            line.insert(name.to_owned(), value);
        };
        put("at", time(&self.at));
        put("kind", json!(self.kind()));
        put("case", json!(self.case.to_string()));
        put("workflow", json!(self.workflow));
        match &self.what {
            ReplayWhat::Event {
                event,
                occurred_at,
                by,
                note,
            } => {
                put("event", json!(event));
                put("occurred_at", time(occurred_at));
                put("by", json!(by));
                put("note", json!(note));
            }
            ReplayWhat::Transition { event, from, to } => {
                put("event", json!(event));
                put("from", json!(from));
                put("to", json!(to));
            }
            ReplayWhat::Deadline {
                deadline,
                kind,
                state,
                due_at,
                earliest_at,
                provisional,
            } => {
                put("deadline", json!(deadline));
                put("clock", json!(kind));
                put("state", json!(state));
                put("due_at", maybe(due_at));
                if earliest_at.is_some() {
                    put("earliest_at", maybe(earliest_at));
                }
                put("provisional", json!(provisional));
            }
            ReplayWhat::Missed { deadline, due_at } => {
                put("deadline", json!(deadline));
                put("due_at", maybe(due_at));
            }
            ReplayWhat::Reminder {
                cause,
                to,
                name,
                via,
                subject,
                text,
            } => {
                match cause {
                    Cause::Rung { deadline, rung, .. } => {
                        put("deadline", json!(deadline));
                        put("rung", json!(rung));
                    }
                    Cause::Missed { deadline, .. } => {
                        put("deadline", json!(deadline));
                        put("rung", Value::Null);
                    }
                    Cause::Transition { event } => {
                        put("deadline", Value::Null);
                        put("rung", Value::Null);
                        put("event", json!(event));
                    }
                    Cause::Manual => {
                        put("deadline", Value::Null);
                        put("rung", Value::Null);
                    }
                }
                put("to", json!(to));
                put("name", json!(name));
                put("via", json!(via.name()));
                put("subject", json!(subject));
                put("text", json!(text));
            }
        }
        Value::Object(line)
    }
}

/// The lines of one journal line.
pub(super) fn of_journal(
    case: &Case,
    workflow: Option<&Workflow>,
    line: &JournalLine,
) -> Vec<ReplayLine> {
    let mut told = Vec::new();
    if line.what.is_from_people() {
        told.push(ReplayWhat::Event {
            event: line.event.clone(),
            occurred_at: line.occurred_at,
            by: line.by.name.clone(),
            note: line.note.clone(),
        });
    }
    if line.from != line.to {
        told.push(ReplayWhat::Transition {
            event: line.event.clone(),
            from: line.from.clone(),
            to: line.to.clone(),
        });
    }
    for change in &line.deadlines {
        told.push(of_change(case, workflow, change));
        if change.clock == ClockState::Missed {
            told.push(ReplayWhat::Missed {
                deadline: change.name.clone(),
                due_at: change.due_at,
            });
        }
    }
    let line_of = |what| ReplayLine {
        at: line.recorded_at,
        case: case.id,
        workflow: case.workflow.id.clone(),
        what,
    };
    told.into_iter().map(line_of).collect()
}

fn of_change(case: &Case, workflow: Option<&Workflow>, change: &DeadlineChange) -> ReplayWhat {
    let mut all = case.deadlines.iter();
    let now = all.find(|d| d.name == change.name && d.generation == change.generation);
    let def = workflow.and_then(|workflow| workflow.deadlines.get(&change.name));
    ReplayWhat::Deadline {
        deadline: change.name.clone(),
        kind: def.map(|def| def.kind),
        state: change.clock,
        due_at: change.due_at,
        earliest_at: now.and_then(|deadline| deadline.earliest_at),
        provisional: change.provisional,
    }
}

/// The line of a message that goes out; `None` for a question to the provider.
pub(super) fn of_send(job: &SendJob, now: Timestamp) -> Option<ReplayLine> {
    let message = job.message.as_ref()?;
    Some(ReplayLine {
        at: now,
        case: job.entry.case,
        workflow: job.workflow.clone(),
        what: ReplayWhat::Reminder {
            cause: job.cause.clone(),
            to: message.recipient.role.clone(),
            name: message.recipient.name.clone(),
            via: message.channel,
            subject: message.subject.clone(),
            text: message.text.clone(),
        },
    })
}
