//! A case: one running instance of a workflow, as it is stored.

use qixian_time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::definition::Name;
use crate::{CaseId, Deadline, Fields, PackRef, Rev};

/// One case. All of it is what [`crate::step()`] made of its events; folding its journal gives it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// Its id.
    pub id: CaseId,
    /// The topmost ancestor (itself, mostly): cases of one root share a partition and a commit.
    pub root: CaseId,
    /// The case that started it.
    pub parent: Option<ParentRef>,
    /// The agency's own text for it, unique among cases.
    pub reference: String,
    /// What people call it.
    pub title: String,
    /// The definition it began with and finishes on.
    pub workflow: DefinitionRef,
    /// The rule pack it is decided under.
    pub pack: PackRef,
    /// Its state, a name of the definition.
    pub state: Name,
    /// When it came there, in the world's time.
    pub entered_at: Timestamp,
    /// When it began, in the world's time; nothing can have occurred before.
    pub began_at: Timestamp,
    /// One more for each accepted event; equals the `seq` of its last journal line.
    pub rev: Rev,
    /// Rises with people's events and state changes only: the ETag.
    pub edit_rev: Rev,
    /// How often it was handed in.
    pub round: u32,
    /// What is known of it.
    pub fields: Fields,
    /// The people it concerns.
    pub parties: Vec<Party>,
    /// Its deadlines, ended ones of the present stay included.
    pub deadlines: Vec<Deadline>,
    /// Who has confirmed what in the present state.
    pub confirmed: Vec<Confirmation>,
    /// Marks set by missed deadlines.
    pub flags: Vec<Name>,
    /// What was found wrong by the last rejection.
    pub items: Vec<Item>,
    /// The cases it started.
    pub children: Vec<ChildRef>,
    /// The automatic miss that brought it into the present state, while no person has moved it since.
    pub presumed: Option<Presumed>,
    /// Whether it was closed by hand; a case in a final state has ended too.
    pub closed: bool,
    /// Whether its messages are held until a person releases them (cases that start mid-way).
    pub held: bool,
    /// The client record it belongs to.
    pub client: Option<CaseId>,
    /// The asset records it hangs on.
    pub assets: Vec<CaseId>,
}

impl Case {
    /// The deadline of this name that counts now: its latest generation.
    pub fn deadline(&self, name: &str) -> Option<&Deadline> {
        self.deadlines
            .iter()
            .filter(|d| d.name == name)
            .max_by_key(|d| d.generation)
    }

    /// The parties with this role, in order.
    pub fn parties_as<'a, 'n>(
        &'a self,
        role: &'n str,
    ) -> impl Iterator<Item = &'a Party> + use<'a, 'n> {
        self.parties.iter().filter(move |p| p.role == role)
    }

    /// The due time of the next open deadline: armed ones first by time; `None` where nothing is armed.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.deadlines
            .iter()
            .filter(|d| d.clock.is_armed())
            .filter_map(|d| d.due_at)
            .min()
    }
}

/// The definition a case began with.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DefinitionRef {
    /// The workflow's id.
    pub id: String,
    /// The author's version.
    pub version: u32,
    /// The first 16 hex digits of the SHA-256 of its text.
    pub digest: String,
}

/// The case a child belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParentRef {
    /// The parent.
    pub case: CaseId,
}

/// A case this one started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChildRef {
    /// The child.
    pub case: CaseId,
    /// Its workflow's id.
    pub workflow: String,
    /// Whether it has ended.
    pub ended: bool,
}

/// A person a case concerns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// One of the workflow's roles.
    pub role: Name,
    /// The person's name.
    #[serde(default)]
    pub name: String,
    /// The mobile number, digits with an optional leading `+`.
    #[serde(default)]
    pub mobile: Option<String>,
    /// The mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// Names of chat robots configured for this person's group.
    #[serde(default)]
    pub robots: Vec<String>,
    /// The language to write in; Chinese where nothing is said.
    #[serde(default)]
    pub lang: Option<crate::Lang>,
    /// The contact record this is a copy of.
    #[serde(default)]
    pub contact: Option<CaseId>,
}

impl Party {
    /// Whether a message to `other` reaches this person too: the same mobile, or, where one has none, the same mail
    /// address.
    ///
    /// ```
    /// let with = |mobile: &str| qixian_core::Party { mobile: Some(mobile.into()), ..Default::default() };
    /// assert!(with("13800000001").is_reached_as(&with("+8613800000001")));
    /// assert!(!with("13800000001").is_reached_as(&with("+8513800000001")));
    /// ```
    pub fn is_reached_as(&self, other: &Party) -> bool {
        match (self.domestic_mobile(), other.domestic_mobile()) {
            (Some(own), Some(others)) => own == others,
            _ => self.email.is_some() && self.email == other.email,
        }
    }

    /// The mobile number without the country code that people write or leave out.
    pub(crate) fn domestic_mobile(&self) -> Option<&str> {
        let mobile = self.mobile.as_deref()?;
        Some(mobile.strip_prefix("+86").unwrap_or(mobile))
    }
}

/// One person's confirmation of an event that waits for several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// The event.
    pub event: Name,
    /// The role that confirmed.
    pub role: Name,
    /// When it happened.
    pub at: Timestamp,
}

/// One thing a rejection found wrong: a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// The round it was found in.
    pub round: u32,
    /// A finding code, or `other`.
    pub code: String,
    /// The field it is about, a JSON pointer; may be empty.
    pub field: String,
    /// The reviewer's words.
    pub words: String,
    /// Who said so (`provider`, `bureau`).
    pub by: String,
    /// Whether it is mended.
    pub done: bool,
}

/// An automatic miss that moved the case without anybody having seen it happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presumed {
    /// The missed deadline.
    pub deadline: Name,
    /// Its generation.
    pub generation: u32,
    /// The state the case was taken out of.
    pub from: Name,
    /// When it had been there since.
    pub from_entered_at: Timestamp,
    /// When the deadline was due.
    pub due_at: Timestamp,
    /// The journal line of the miss.
    pub seq: Rev,
    /// What had been confirmed by then.
    pub confirmed: Vec<Confirmation>,
}
