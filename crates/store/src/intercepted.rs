//! Something between a store and the engine that writes to it, which is otherwise just that store.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use qixian_core::{Case, CaseId, DefinitionRef, EventId, JournalLine, OutboxId, Rev};
use qixian_time::Timestamp;

use crate::{
    CaseQuery, Error, Group, MessageQuery, OutboxEntry, OutboxRow, Page, Record, RecordKind, Room,
    Seen, Store, Ticket, TimerRow,
};

/// Sees each group before the store does: to measure it, or to spoil it on purpose.
pub trait Interceptor<S>: Send + Sync + 'static {
    /// Must submit the group in its order, and may change it, watch its ticket or give another.
    fn submit(&self, store: &S, group: Group) -> Ticket;
}

/// A store and who stands before it.
#[derive(Clone)]
pub struct Intercepted<S, I> {
    /// The store itself.
    pub store: S,
    /// Who sees each group.
    pub between: I,
}

impl<S: Store, I> fmt::Debug for Intercepted<S, I> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Intercepted").field(&self.store).finish()
    }
}

#[async_trait]
impl<S: Store, I: Interceptor<S>> Store for Intercepted<S, I> {
    fn submit(&self, group: Group) -> Ticket {
        self.between.submit(&self.store, group)
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
