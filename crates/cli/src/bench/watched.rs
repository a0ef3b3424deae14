//! A store that tells of every group handed to it, and is otherwise the one it stands before.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use qixian_core::{Case, CaseId, DefinitionRef, EventId, JournalLine, OutboxId, Rev};
use qixian_store::{
    CaseQuery, Error, Group, MessageQuery, OutboxEntry, OutboxRow, Page, Record, RecordKind, Room,
    Seen, Store, Ticket, TimerRow,
};
use qixian_store_sled::SledStore;
use qixian_time::Timestamp;

/// Hears of a group and hands it on.
pub(super) trait Watch: Send + Sync + 'static {
    /// Must submit the group, and may watch its ticket.
    fn submit(&self, store: &SledStore, group: Group) -> Ticket;
}

/// The store and who watches it.
pub(super) struct Watched<W> {
    /// The store itself.
    pub(super) store: SledStore,
    /// Who hears of each group.
    pub(super) watch: W,
}

impl<W> fmt::Debug for Watched<W> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Watched").field(&self.store).finish()
    }
}

#[async_trait]
impl<W: Watch> Store for Watched<W> {
    fn submit(&self, group: Group) -> Ticket {
        self.watch.submit(&self.store, group)
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
