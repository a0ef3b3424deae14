//! Bugs on purpose: a store that breaks one promise now and then, to show that the checkers would notice.
//!
//! The engine stays as it is. What lies between it and its store loses a wake-up row, forgets an idempotency record,
//! answers too early or drops a message, as a mistake in engine or backend would.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use qixian_core::{Case, CaseId, Cause, DefinitionRef, EventId, JournalLine, OutboxId, Rev};
use qixian_store::{
    CaseQuery, Commit, Error, Group, MemStore, MessageQuery, OutboxEntry, OutboxRow, OutboxWrite,
    Page, Record, RecordKind, Resolution, Room, Seen, Store, Ticket, TimerRow,
};
use qixian_time::Timestamp;

/// What the store does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sabotage {
    /// A wake-up row is not written: its case is never looked at again.
    TimerLost,
    /// An idempotency record is not written: an event sent again takes effect again.
    DoubleEffect,
    /// A group is answered as durable while it is not.
    EarlyAnswer,
    /// The message of a rung that fired is not written.
    RungSkipped,
}

impl Sabotage {
    /// All of them.
    pub const ALL: [Sabotage; 4] = [
        Sabotage::TimerLost,
        Sabotage::DoubleEffect,
        Sabotage::EarlyAnswer,
        Sabotage::RungSkipped,
    ];

    /// It strikes once in so many occasions.
    fn every(self) -> u64 {
        match self {
            Sabotage::TimerLost => 10,
            Sabotage::EarlyAnswer => 40,
            Sabotage::DoubleEffect | Sabotage::RungSkipped => 3,
        }
    }
}

/// A [`MemStore`] that may be sabotaged. Clones share the count of occasions.
#[derive(Clone, Debug)]
pub(crate) struct SabotagedStore {
    store: MemStore,
    sabotage: Option<Sabotage>,
    occasions: Arc<AtomicU64>,
}

impl SabotagedStore {
    /// `store`, with one promise broken; `None`: just as it is.
    pub(crate) fn new(store: MemStore, sabotage: Option<Sabotage>) -> Self {
        Self {
            store,
            sabotage,
            occasions: Arc::default(),
        }
    }

    /// Whether it strikes on this occasion.
    fn strikes(&self, sabotage: Sabotage) -> bool {
        let count = self.occasions.fetch_add(1, Ordering::Relaxed);
        count % sabotage.every() == sabotage.every() - 1
    }

    fn spoil(&self, sabotage: Sabotage, commit: &mut Commit) {
        match sabotage {
            Sabotage::TimerLost => {
                for write in commit.cases.iter_mut().filter(|w| w.wake_after.is_some()) {
                    if self.strikes(sabotage) {
                        write.wake_after = None;
                    }
                }
            }
            Sabotage::DoubleEffect => {
                if commit.seen.is_some() && self.strikes(sabotage) {
                    commit.seen = None;
                }
            }
            Sabotage::RungSkipped => {
                commit
                    .outbox
                    .retain(|write| !is_new_rung(write) || !self.strikes(sabotage));
            }
            Sabotage::EarlyAnswer => {}
        }
    }
}

/// Whether this puts the message of a rung into the outbox for the first time.
fn is_new_rung(write: &OutboxWrite) -> bool {
    let is_rung = matches!(write.entry.intent.cause, Cause::Rung { .. });
    is_rung
        && write.due_before.is_none()
        && write.entry.legs.iter().all(|leg| leg.attempts.is_empty())
}

#[async_trait]
impl Store for SabotagedStore {
    fn submit(&self, mut group: Group) -> Ticket {
        let Some(sabotage) = self.sabotage else {
            return self.store.submit(group);
        };
        for commit in &mut group.commits {
            self.spoil(sabotage, commit);
        }
        let ticket = self.store.submit(group);
        if sabotage == Sabotage::EarlyAnswer && self.strikes(sabotage) {
            let (early, resolver) = Ticket::new();
            resolver.resolve(Resolution::Durable);
            return early;
        }
        ticket
    }

    fn room(&self) -> Room {
        self.store.room()
    }

    async fn cases(&self, ids: &[CaseId]) -> Result<Vec<Option<Arc<Case>>>, Error> {
        self.store.cases(ids).await
    }

    async fn seen(&self, ids: &[EventId]) -> Result<Vec<Option<Seen>>, Error> {
        self.store.seen(ids).await
    }

    async fn case_by_reference(&self, reference: &str) -> Result<Option<CaseId>, Error> {
        self.store.case_by_reference(reference).await
    }

    async fn list(
        &self,
        query: &CaseQuery,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Arc<Case>>, Error> {
        self.store.list(query, cursor, limit).await
    }

    async fn journal(
        &self,
        case: CaseId,
        after: Rev,
        limit: usize,
    ) -> Result<Vec<JournalLine>, Error> {
        self.store.journal(case, after, limit).await
    }

    async fn timers_due(
        &self,
        until: Timestamp,
        after: Option<TimerRow>,
        limit: usize,
    ) -> Result<Vec<TimerRow>, Error> {
        self.store.timers_due(until, after, limit).await
    }

    async fn outbox_due(
        &self,
        until: Timestamp,
        after: Option<OutboxRow>,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, Error> {
        self.store.outbox_due(until, after, limit).await
    }

    async fn outbox(&self, ids: &[OutboxId]) -> Result<Vec<Option<OutboxEntry>>, Error> {
        self.store.outbox(ids).await
    }

    async fn messages(
        &self,
        query: &MessageQuery,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<OutboxEntry>, Error> {
        self.store.messages(query, cursor, limit).await
    }

    async fn definition(&self, definition: &DefinitionRef) -> Result<Option<Arc<str>>, Error> {
        self.store.definition(definition).await
    }

    async fn record(&self, kind: RecordKind, id: CaseId) -> Result<Option<Record>, Error> {
        self.store.record(kind, id).await
    }

    async fn records(
        &self,
        kind: RecordKind,
        client: Option<CaseId>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Record>, Error> {
        self.store.records(kind, client, cursor, limit).await
    }

    async fn forget_seen(&self, before: Timestamp, limit: usize) -> Result<usize, Error> {
        self.store.forget_seen(before, limit).await
    }
}
