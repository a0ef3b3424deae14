//! What is written: plain values.

use std::sync::Arc;

use qixian_core::{
    Case, CaseId, Channel, DefinitionRef, EventId, Fields, JournalLine, LegStatus, ReminderIntent,
    Rev,
};
use qixian_time::Timestamp;
use serde::{Deserialize, Serialize};

/// Commits that are made durable together: all of them or none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// In the order they were decided; a later one may build on an earlier one.
    pub commits: Vec<Commit>,
}

/// The writes of one decision: all or nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Commit {
    /// Cases changed, one for the event's case and one for each case its followups reached.
    pub cases: Vec<CaseWrite>,
    /// Outbox entries added or settled.
    pub outbox: Vec<OutboxWrite>,
    /// The idempotency record of the event, where it came from outside.
    pub seen: Option<Seen>,
    /// Definition texts that cases of this commit begin with; known ones are left as they are.
    pub definitions: Vec<DefinitionText>,
    /// Clients, contacts and assets put or removed.
    pub records: Vec<RecordWrite>,
}

/// A case and its new journal line.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseWrite {
    /// The case as it was, whose index and wake-up rows go; `None` when it is new.
    pub before: Option<Arc<Case>>,
    /// The case as it is now. Its `rev` is one more than `before`'s where there is a journal line.
    pub case: Arc<Case>,
    /// The line to append. `None` where only the wake-up row was wrong and moves.
    pub journal: Option<JournalLine>,
    /// The wake-up row to remove: where it was before.
    pub wake_before: Option<Timestamp>,
    /// The wake-up row to put.
    pub wake_after: Option<Timestamp>,
}

impl CaseWrite {
    /// The rev the stored case must have, 0 where it must not exist.
    pub fn expected_rev(&self) -> Rev {
        self.before.as_ref().map_or(0, |case| case.rev)
    }
}

/// An outbox entry added or changed.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxWrite {
    /// Where its due row was before; `None` when the entry is new or had none.
    pub due_before: Option<Timestamp>,
    /// The entry as it is now.
    pub entry: OutboxEntry,
}

/// What is known of something said or to be said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutboxEntry {
    /// What is to be said; its id is the entry's.
    pub intent: ReminderIntent,
    /// One state for each of the intent's legs, in order.
    pub legs: Vec<LegState>,
    /// When the dispatcher must look at it next; `None` once every leg is final or held.
    pub next_at: Option<Timestamp>,
}

/// What became of one leg so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LegState {
    /// Where it stands.
    pub status: LegStatus,
    /// The place in the leg's `via` of the channel tried now.
    pub channel: u16,
    /// When it is tried next, while queued.
    pub next_at: Option<Timestamp>,
    /// Every try, oldest first; at most 20 are kept, the first and the latest.
    pub attempts: Vec<Attempt>,
    /// The provider's id for it, once taken.
    pub receipt: Option<String>,
}

/// One try to send.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it began.
    pub at: Timestamp,
    /// The channel.
    pub channel: Channel,
    /// The provider's configured name.
    pub provider: String,
    /// The outcome's name (`accepted`, `throttled`, `transient`, `unknown`, `bad_recipient`, `bad_message`,
    /// `channel_down`), or `sending` while it is under way.
    pub outcome: String,
    /// The provider's code and our short reason; never text, address or secret.
    pub detail: String,
}

/// An idempotency record: this event id was handled, with this result. Kept 7 days.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// The event's id.
    pub id: EventId,
    /// SHA-256 of the request's meaning, so that the same key with another body is told apart.
    pub digest: [u8; 32],
    /// The case it reached.
    pub case: CaseId,
    /// The rev it made.
    pub rev: Rev,
    /// When it was handled.
    pub at: Timestamp,
}

/// A workflow's text, kept with the cases that began with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DefinitionText {
    /// Which definition.
    pub definition: DefinitionRef,
    /// The file's whole text.
    pub text: Arc<str>,
}

/// The kinds of record beside cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordKind {
    /// A client of the agency.
    Client,
    /// A person with addresses.
    Contact,
    /// A server, domain, filing number or provider account.
    Asset,
}

/// A client, contact or asset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its kind.
    pub kind: RecordKind,
    /// Its id.
    pub id: CaseId,
    /// 1 when new, one more with each change.
    pub rev: Rev,
    /// What people call it; lists are sorted by it.
    pub title: String,
    /// The client a contact or asset belongs to.
    pub client: Option<CaseId>,
    /// What is known.
    pub fields: Fields,
    /// When it was last changed.
    pub changed_at: Timestamp,
}

/// A record put or removed.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordWrite {
    /// The record as it was; `None` when it is new.
    pub before: Option<Record>,
    /// The record as it is now; `None` removes it.
    pub after: Option<Record>,
    /// Its kind and id.
    pub key: (RecordKind, CaseId),
}
