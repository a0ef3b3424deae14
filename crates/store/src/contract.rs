//! The contract itself.

use async_trait::async_trait;
use qixian_core::{Case, CaseId, DefinitionRef, EventId, JournalLine, LegStatus, OutboxId, Rev};
use qixian_time::Timestamp;
use std::sync::Arc;

use crate::{Error, Group, OutboxEntry, Record, RecordKind, Room, Seen, Ticket};

/// A page of things in their order, and where the next page begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// At most as many as were asked for.
    pub items: Vec<T>,
    /// Opaque; give it back to go on. `None`: that was all.
    pub next: Option<String>,
}

/// One wake-up row: look at this case at this instant. Order: instant, then case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimerRow {
    /// When.
    pub at: Timestamp,
    /// Whom.
    pub case: CaseId,
}

/// One due row of the outbox: look at this entry at this instant. Order: instant, then id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutboxRow {
    /// When.
    pub at: Timestamp,
    /// What.
    pub id: OutboxId,
}

/// Which cases to list; all conditions given must hold. Ascending by next due, those without a due date last, then id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CaseQuery {
    /// This workflow.
    pub workflow: Option<String>,
    /// This state (with `workflow`; without it any workflow's state of that name).
    pub state: Option<String>,
    /// An exact reference, or the beginning of a title.
    pub q: Option<String>,
    /// Next due before this instant.
    pub due_before: Option<Timestamp>,
    /// This client's.
    pub client: Option<CaseId>,
    /// Those that hang on this asset.
    pub asset: Option<CaseId>,
}

impl CaseQuery {
    /// Whether `case` fulfils every condition given.
    pub fn matches(&self, case: &Case) -> bool {
        let named = |wanted: &Option<String>, name: &str| wanted.as_ref().is_none_or(|w| w == name);
        named(&self.workflow, &case.workflow.id)
            && named(&self.state, &case.state)
            && self.q.as_ref().is_none_or(|q| {
                case.reference == *q || case.title.to_lowercase().starts_with(&q.to_lowercase())
            })
            && self
                .due_before
                .is_none_or(|before| case.next_due().is_some_and(|due| due < before))
            && self.client.is_none_or(|id| case.client == Some(id))
            && self.asset.is_none_or(|id| case.assets.contains(&id))
    }
}

/// Which messages to list, newest last within a case; without `case` in the order of their ids.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MessageQuery {
    /// Of this case.
    pub case: Option<CaseId>,
    /// With a leg in this status.
    pub status: Option<LegStatus>,
}

impl MessageQuery {
    /// Whether `entry` fulfils every condition given.
    pub fn matches(&self, entry: &OutboxEntry) -> bool {
        let has = |status| entry.legs.iter().any(|leg| leg.status == status);
        self.case.is_none_or(|case| entry.intent.id.case == case) && self.status.is_none_or(has)
    }
}

/// The most items one page holds, whatever was asked for; at least one is always given.
pub const PAGE_MAX: usize = 500;

/// A backend. Writes are ordered: groups take effect in the order of their `submit` calls. Reads are of what is applied,
/// which may run ahead of what is durable and may lag behind what was submitted; a dropped read does no harm.
#[async_trait]
pub trait Store: Send + Sync + std::fmt::Debug + 'static {
    /// Hands over a group and returns at once. Whether it took effect is for the ticket to say. A commit whose
    /// `expected_rev` is wrong, or whose reference another case has, refuses the whole group; so is every group that is
    /// submitted before that answer was read ([`crate::Receipt`]).
    fn submit(&self, group: Group) -> Ticket;

    /// How much room is left. Cheap: it is asked before every turn, and may be a second old. While it is *exhausted* groups
    /// are refused as [`crate::Refusal::Unavailable`]; to take nothing more from people while it is *low* is the engine's task.
    fn room(&self) -> Room;

    /// The cases of these ids, in the same order; `None` where there is none.
    async fn cases(&self, ids: &[CaseId]) -> Result<Vec<Option<Arc<Case>>>, Error>;

    /// The idempotency records of these event ids, in the same order.
    async fn seen(&self, ids: &[EventId]) -> Result<Vec<Option<Seen>>, Error>;

    /// The case with this reference.
    async fn case_by_reference(&self, reference: &str) -> Result<Option<CaseId>, Error>;

    /// Cases by a query, at most `limit` (≤ 500) from `cursor` on.
    async fn list(
        &self,
        query: &CaseQuery,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Arc<Case>>, Error>;

    /// Journal lines of a case with `seq` > `after`, in order, at most `limit`.
    async fn journal(
        &self,
        case: CaseId,
        after: Rev,
        limit: usize,
    ) -> Result<Vec<JournalLine>, Error>;

    /// Wake-up rows after `after` (exclusive) and at or before `until`, in order, at most `limit`.
    async fn timers_due(
        &self,
        until: Timestamp,
        after: Option<TimerRow>,
        limit: usize,
    ) -> Result<Vec<TimerRow>, Error>;

    /// Due rows of the outbox after `after` (exclusive) and at or before `until`, in order, at most `limit`.
    async fn outbox_due(
        &self,
        until: Timestamp,
        after: Option<OutboxRow>,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, Error>;

    /// Outbox entries by id, in the same order.
    async fn outbox(&self, ids: &[OutboxId]) -> Result<Vec<Option<OutboxEntry>>, Error>;

    /// Outbox entries by a query, at most `limit` (≤ 500).
    async fn messages(
        &self,
        query: &MessageQuery,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<OutboxEntry>, Error>;

    /// The text a definition had when a case began with it.
    async fn definition(&self, definition: &DefinitionRef) -> Result<Option<Arc<str>>, Error>;

    /// One client, contact or asset.
    async fn record(&self, kind: RecordKind, id: CaseId) -> Result<Option<Record>, Error>;

    /// Clients, contacts or assets by id order (optionally of one client), at most `limit` (≤ 500).
    async fn records(
        &self,
        kind: RecordKind,
        client: Option<CaseId>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Record>, Error>;

    /// Drops idempotency records handled before `before`, at most `limit`; answers how many went.
    async fn forget_seen(&self, before: Timestamp, limit: usize) -> Result<usize, Error>;
}
