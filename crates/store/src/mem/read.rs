//! Reading a [`MemStore`]: walk a map, keep what fits.

use std::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::{Arc, MutexGuard};

use async_trait::async_trait;
use qixian_core::{Case, CaseId, DefinitionRef, EventId, JournalLine, OutboxId, Rev};
use qixian_time::Timestamp;

use super::{Inner, MemStore};
use crate::cursor::{self, DuePlace};
use crate::{
    CaseQuery, Error, Group, MessageQuery, OutboxEntry, OutboxRow, PAGE_MAX, Page, Record,
    RecordKind, Room, Seen, Store, Ticket, TimerRow,
};

impl MemStore {
    fn read(&self) -> Result<MutexGuard<'_, Inner>, Error> {
        let inner = self.lock();
        if inner.crashed {
            return Err(Error::Backend("the store crashed".to_owned()));
        }
        Ok(inner)
    }
}

#[async_trait]
impl Store for MemStore {
    fn submit(&self, group: Group) -> Ticket {
        self.submit_group(group)
    }

    fn room(&self) -> Room {
        self.lock().room
    }

    async fn cases(&self, ids: &[CaseId]) -> Result<Vec<Option<Arc<Case>>>, Error> {
        let state = &self.read()?.applied;
        Ok(ids.iter().map(|id| state.cases.get(id).cloned()).collect())
    }

    async fn seen(&self, ids: &[EventId]) -> Result<Vec<Option<Seen>>, Error> {
        let state = &self.read()?.applied;
        Ok(ids.iter().map(|id| state.seen.get(id).cloned()).collect())
    }

    async fn case_by_reference(&self, reference: &str) -> Result<Option<CaseId>, Error> {
        Ok(self.read()?.applied.references.get(reference).copied())
    }

    async fn list(
        &self,
        query: &CaseQuery,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Arc<Case>>, Error> {
        let after = match cursor {
            Some(text) => Excluded(DuePlace::from_cursor(text)?),
            None => Unbounded,
        };
        let state = &self.read()?.applied;
        let found = state
            .by_due
            .range((after, Unbounded))
            .filter_map(|place| state.cases.get(&place.case))
            .filter(|case| query.matches(case))
            .cloned();
        Ok(page(found, limit, |case| {
            DuePlace::new(case.next_due(), case.id).to_cursor()
        }))
    }

    async fn journal(
        &self,
        case: CaseId,
        after: Rev,
        limit: usize,
    ) -> Result<Vec<JournalLine>, Error> {
        let range = (Excluded((case, after)), Included((case, Rev::MAX)));
        let state = &self.read()?.applied;
        let lines = state.journal.range(range).take(limit);
        Ok(lines.map(|(_, line)| (**line).clone()).collect())
    }

    async fn timers_due(
        &self,
        until: Timestamp,
        after: Option<TimerRow>,
        limit: usize,
    ) -> Result<Vec<TimerRow>, Error> {
        let state = &self.read()?.applied;
        let rows = state
            .timers
            .range((after.map_or(Unbounded, Excluded), Unbounded));
        Ok(rows
            .take_while(|row| row.at <= until)
            .take(limit)
            .copied()
            .collect())
    }

    async fn outbox_due(
        &self,
        until: Timestamp,
        after: Option<OutboxRow>,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, Error> {
        let state = &self.read()?.applied;
        let rows = state
            .outbox_due
            .range((after.map_or(Unbounded, Excluded), Unbounded));
        Ok(rows
            .take_while(|row| row.at <= until)
            .take(limit)
            .copied()
            .collect())
    }

    async fn outbox(&self, ids: &[OutboxId]) -> Result<Vec<Option<OutboxEntry>>, Error> {
        let state = &self.read()?.applied;
        let entry = |id| state.outbox.get(id).map(|entry| (**entry).clone());
        Ok(ids.iter().map(entry).collect())
    }

    async fn messages(
        &self,
        query: &MessageQuery,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<OutboxEntry>, Error> {
        let after = match cursor {
            Some(text) => Excluded(cursor::message(text)?),
            None => Unbounded,
        };
        let state = &self.read()?.applied;
        let found = state
            .outbox
            .range((after, Unbounded))
            .filter(|(_, entry)| query.matches(entry))
            .map(|(_, entry)| (**entry).clone());
        Ok(page(found, limit, |entry| {
            cursor::of_message(entry.intent.id)
        }))
    }

    async fn definition(&self, definition: &DefinitionRef) -> Result<Option<Arc<str>>, Error> {
        let DefinitionRef {
            id,
            version,
            digest,
        } = definition.clone();
        Ok(self
            .read()?
            .applied
            .definitions
            .get(&(id, version, digest))
            .cloned())
    }

    async fn record(&self, kind: RecordKind, id: CaseId) -> Result<Option<Record>, Error> {
        let state = &self.read()?.applied;
        Ok(state.records.get(&(kind, id)).map(|r| (**r).clone()))
    }

    async fn records(
        &self,
        kind: RecordKind,
        client: Option<CaseId>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Record>, Error> {
        let after = match cursor {
            Some(text) => Excluded((kind, cursor::record(text)?)),
            None => Included((kind, CaseId::from_bytes([0; 16]))),
        };
        let state = &self.read()?.applied;
        let found = state
            .records
            .range((after, Included((kind, CaseId::from_bytes([255; 16])))))
            .map(|(_, record)| record)
            .filter(|record| client.is_none() || record.client == client)
            .map(|record| (**record).clone());
        Ok(page(found, limit, |record| cursor::of_record(record.id)))
    }

    /// Forgetting is durable at once, whatever the control says: what is forgotten is of no use to anybody.
    async fn forget_seen(&self, before: Timestamp, limit: usize) -> Result<usize, Error> {
        let mut inner = self.read()?;
        inner.durable.forget_seen(before, limit);
        Ok(inner.applied.forget_seen(before, limit))
    }
}

fn page<T>(found: impl Iterator<Item = T>, limit: usize, cursor: impl Fn(&T) -> String) -> Page<T> {
    let limit = limit.clamp(1, PAGE_MAX);
    let mut items: Vec<T> = found.take(limit + 1).collect();
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(cursor);
    Page { items, next }
}
