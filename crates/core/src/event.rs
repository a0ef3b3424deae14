//! What can happen to a case.

use std::sync::Arc;

use qixian_time::{Date, Period, Timestamp};
use serde::{Deserialize, Serialize};

use crate::definition::Name;
use crate::{CaseId, Fields, JournalLine, OutboxId, PackRef, Party, Rev};

/// The identity of an event: the same id is handled once. At most 200 bytes.
pub type EventId = String;

/// Something that happened, or that we learnt, about one case. Well-formed by construction; whether it is possible is
/// for [`crate::step()`] to say.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its identity.
    pub id: EventId,
    /// The case.
    pub case: CaseId,
    /// When it happened in the world; clocks run from here.
    pub occurred_at: Timestamp,
    /// Who says so.
    pub by: Actor,
    /// Free words.
    pub note: Option<String>,
    /// The `edit_rev` the sender saw, where it insists on it.
    pub expected_edit_rev: Option<Rev>,
    /// What happened.
    pub what: What,
}

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// A user's or token's name; `timer`, `case` (parent or child) or `system` for our own.
    pub name: String,
    /// The roles that one acts with (`lead`, `handler`, `admin`).
    pub roles: Vec<Name>,
}

impl Actor {
    /// One of our own parts, without roles.
    pub fn system(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            roles: Vec::new(),
        }
    }

    /// Whether the actor may do what `role` may; an admin may everything.
    pub fn may_as(&self, role: &str) -> bool {
        self.roles.iter().any(|r| r == role || r == "admin")
    }
}

/// The kinds of event. Stored in the journal, so that folding it gives the case again: **variants are only ever
/// appended**, and their fields never reordered, since the stored form names them by position.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum What {
    /// The case begins (`case_started`).
    Start(Box<StartCase>),
    /// An event of the workflow file.
    Fact {
        /// Its name.
        event: Name,
        /// Whose fact it is, where each of several people must confirm.
        party: Option<Name>,
        /// Fields it carries; for a rejection also `items`.
        fields: Fields,
        /// Why it is recorded although a guard refuses it.
        override_reason: Option<String>,
    },
    /// Fields or title corrected in place (`case_edited`).
    Edit {
        /// Merged into the case's fields.
        fields: Fields,
        /// The new title.
        title: Option<String>,
        /// The new reference.
        reference: Option<String>,
    },
    /// Words for the journal (`note_added`).
    Note,
    /// A person added, changed or removed (`party_changed`).
    Party(PartyChange),
    /// A recorded fact was wrong (`fact_corrected`).
    Correct {
        /// The journal line that was wrong.
        seq: Rev,
        /// What is right.
        change: Correction,
        /// Why.
        reason: String,
        /// The case's whole journal, put in by the engine; not stored.
        #[serde(skip)]
        history: Option<Arc<[JournalLine]>>,
    },
    /// Closed by hand (`case_closed`).
    Close {
        /// Why.
        reason: String,
    },
    /// Opened again (`case_reopened`).
    Reopen {
        /// Why.
        reason: String,
    },
    /// A due time set by hand (`deadline_moved`).
    MoveDeadline {
        /// The deadline.
        deadline: Name,
        /// The new due time.
        to: MoveTo,
        /// Why.
        reason: String,
    },
    /// A clock stopped by hand (`deadline_paused`).
    PauseDeadline {
        /// The deadline.
        deadline: Name,
        /// Why.
        reason: String,
    },
    /// A clock let go on by hand (`deadline_resumed`).
    ResumeDeadline {
        /// The deadline.
        deadline: Name,
        /// Why.
        reason: String,
    },
    /// Calendars or rules changed (`deadline_recomputed`).
    Recompute {
        /// The load it belongs to, by which it can be undone.
        load: String,
        /// The pack from now on, where that changes; deadlines not yet armed then ask it.
        pack: Option<PackRef>,
    },
    /// The case's wake-up row came due (`rung_due`, `deadline_passed`).
    Wake,
    /// A message could not be delivered on any channel (`message_dead`).
    MessageDead {
        /// The message.
        message: OutboxId,
        /// The recipient's place in it.
        leg: u16,
        /// The recipient's role.
        role: Name,
    },
    /// A child ended (`child_closed`).
    ChildClosed {
        /// The child.
        child: CaseId,
        /// Where it ended.
        state: Name,
    },
    /// Messages held since a mid-way start may go (`messages_released`).
    Release,
}

/// How a case begins.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StartCase {
    /// The workflow's id.
    pub workflow: String,
    /// The rule pack to decide under.
    pub pack: PackRef,
    /// The agency's reference; made by the engine where the sender gave none.
    pub reference: String,
    /// What people call it.
    pub title: String,
    /// What is known.
    pub fields: Fields,
    /// The people.
    pub parties: Vec<Party>,
    /// Start mid-way in this state.
    pub state: Option<Name>,
    /// When that state was entered.
    pub entered_at: Option<Timestamp>,
    /// The case that starts it, and the topmost ancestor.
    pub parent: Option<(CaseId, CaseId)>,
    /// The client record.
    pub client: Option<CaseId>,
    /// The asset records.
    pub assets: Vec<CaseId>,
}

/// A change of the people of a case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum PartyChange {
    /// Put this party: in place of the `nth` of its role (0 first), or as a new one.
    Put {
        /// The place among those of the role; at or past the end adds one.
        nth: u32,
        /// The party.
        party: Party,
    },
    /// Remove the `nth` party of this role.
    Remove {
        /// The role.
        role: Name,
        /// The place among those of the role.
        nth: u32,
    },
}

/// What is right instead of a recorded fact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Correction {
    /// It never happened.
    Withdraw,
    /// It happened, but otherwise.
    Replace {
        /// When it really happened, where that was wrong.
        occurred_at: Option<Timestamp>,
        /// The right fields, merged over the recorded ones.
        fields: Fields,
        /// The right person, where that was wrong.
        party: Option<Name>,
    },
}

/// Where a deadline is moved to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum MoveTo {
    /// This instant.
    At(Timestamp),
    /// 24:00 of this day.
    EndOf(Date),
    /// This much later than now due.
    Later(Period),
}

impl What {
    /// The event's name in the journal and the API. A wake-up's depends on what it did, so this says `rung_due`.
    pub fn name(&self) -> &str {
        match self {
            What::Start(_) => "case_started",
            What::Fact { event, .. } => event,
            What::Edit { .. } => "case_edited",
            What::Note => "note_added",
            What::Party(_) => "party_changed",
            What::Correct { .. } => "fact_corrected",
            What::Close { .. } => "case_closed",
            What::Reopen { .. } => "case_reopened",
            What::MoveDeadline { .. } => "deadline_moved",
            What::PauseDeadline { .. } => "deadline_paused",
            What::ResumeDeadline { .. } => "deadline_resumed",
            What::Recompute { .. } => "deadline_recomputed",
            What::Wake => "rung_due",
            What::MessageDead { .. } => "message_dead",
            What::ChildClosed { .. } => "child_closed",
            What::Release => "messages_released",
        }
    }

    /// Whether a person (or another system speaking for one) is behind it, not one of our own timers.
    pub fn is_from_people(&self) -> bool {
        !matches!(
            self,
            What::Wake
                | What::MessageDead { .. }
                | What::ChildClosed { .. }
                | What::Recompute { .. }
        )
    }

    /// The built-in names, which a workflow file may not use (design §8).
    pub const BUILT_IN: [&'static str; 20] = [
        "case_started",
        "case_edited",
        "note_added",
        "party_changed",
        "fact_corrected",
        "case_closed",
        "case_reopened",
        "deadline_moved",
        "deadline_paused",
        "deadline_resumed",
        "deadline_recomputed",
        "finding_overridden",
        "reminder_acknowledged",
        "message_dead",
        "child_closed",
        "rung_due",
        "deadline_passed",
        "migrated",
        "messages_released",
        "fact_confirmed",
    ];
}
