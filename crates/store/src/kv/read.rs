//! How reads are answered from rows.

use std::ops::Bound::{Excluded, Included};
use std::sync::Arc;

use qixian_core::{Case, CaseId, DefinitionRef, JournalLine, OutboxId, Rev};
use qixian_time::Timestamp;
use serde::de::DeserializeOwned;

use super::{Rows, SCAN_MAX, value};
use crate::keys::{self, Key};
use crate::{
    Error, OutboxEntry, OutboxRow, PAGE_MAX, Page, Record, RecordKind, Seen, TimerRow, codec,
    cursor,
};

/// Answers the reads of [`crate::Store`] from rows; each method is named as there and fails as there.
#[derive(Debug)]
pub struct Reader<'a, R>(pub &'a R);

#[allow(
    clippy::missing_errors_doc,
    reason = "the errors are those of the contract, said once there"
)]
impl<R: Rows> Reader<'_, R> {
    /// See [`crate::Store::cases`].
    pub fn cases(&self, ids: &[CaseId]) -> Result<Vec<Option<Arc<Case>>>, Error> {
        ids.iter().map(|id| self.case(*id)).collect()
    }

    pub(super) fn case(&self, id: CaseId) -> Result<Option<Arc<Case>>, Error> {
        let found = self.get::<(Rev, Case)>(&keys::case(id))?;
        Ok(found.map(|(_, case)| Arc::new(case)))
    }

    /// See [`crate::Store::seen`].
    pub fn seen(&self, ids: &[String]) -> Result<Vec<Option<Seen>>, Error> {
        ids.iter().map(|id| self.get(&keys::seen(id))).collect()
    }

    /// See [`crate::Store::case_by_reference`].
    pub fn case_by_reference(&self, reference: &str) -> Result<Option<CaseId>, Error> {
        self.get(&keys::reference(reference))
    }

    /// See [`crate::Store::journal`].
    pub fn journal(
        &self,
        case: CaseId,
        after: Rev,
        limit: usize,
    ) -> Result<Vec<JournalLine>, Error> {
        let from = keys::journal(case, after);
        let to = keys::journal(case, Rev::MAX);
        let mut lines = Vec::new();
        self.walk(from, &to, limit, |key, row| {
            lines.extend(self.value(key, row)?);
            Ok(lines.len() < limit)
        })?;
        Ok(lines)
    }

    /// See [`crate::Store::timers_due`].
    pub fn timers_due(
        &self,
        until: Timestamp,
        after: Option<TimerRow>,
        limit: usize,
    ) -> Result<Vec<TimerRow>, Error> {
        let from = after.map_or_else(|| vec![b't'], keys::timer);
        self.due(from, b't', until, limit, keys::read_timer)
    }

    /// See [`crate::Store::outbox_due`].
    pub fn outbox_due(
        &self,
        until: Timestamp,
        after: Option<OutboxRow>,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, Error> {
        let from = after.map_or_else(|| vec![b'p'], keys::outbox_due);
        self.due(from, b'p', until, limit, keys::read_outbox_due)
    }

    fn due<T>(
        &self,
        from: Key,
        prefix: u8,
        until: Timestamp,
        limit: usize,
        read: impl Fn(&[u8]) -> Option<T>,
    ) -> Result<Vec<T>, Error> {
        // Rows of `until` itself end with an id, which may be all 0xff; no row equals the bound.
        let mut to = keys::before(prefix, until);
        to.extend([0xff; 32]);
        let mut rows = Vec::new();
        self.walk(from, &to, limit, |key, _| {
            rows.push(read(key).ok_or_else(|| unknown_key(key))?);
            Ok(rows.len() < limit)
        })?;
        Ok(rows)
    }

    /// See [`crate::Store::outbox`].
    pub fn outbox(&self, ids: &[OutboxId]) -> Result<Vec<Option<OutboxEntry>>, Error> {
        ids.iter().map(|id| self.get(&keys::outbox(*id))).collect()
    }

    /// See [`crate::Store::definition`].
    pub fn definition(&self, definition: &DefinitionRef) -> Result<Option<Arc<str>>, Error> {
        self.get(&keys::definition(definition))
    }

    /// See [`crate::Store::record`].
    pub fn record(&self, kind: RecordKind, id: CaseId) -> Result<Option<Record>, Error> {
        self.get(&keys::record(kind, id))
    }

    /// See [`crate::Store::records`].
    pub fn records(
        &self,
        kind: RecordKind,
        client: Option<CaseId>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Record>, Error> {
        let prefix = match client {
            Some(client) => keys::records_of_client(client, kind),
            None => keys::records(kind),
        };
        let mut from = prefix.clone();
        if let Some(text) = cursor {
            from.extend(cursor::record(text)?.as_bytes());
        }
        let to = keys::after(&prefix).unwrap_or_default();
        let limit = page_limit(limit);
        let mut found: Vec<Record> = Vec::new();
        self.walk(from, &to, limit + 1, |key, _| {
            let id = keys::read_id(key).ok_or_else(|| unknown_key(key))?;
            // A row beside its record's removal, or change of client, says nothing any more.
            let record = self.record(kind, id)?;
            found.extend(record.filter(|r| client.is_none() || r.client == client));
            Ok(found.len() <= limit)
        })?;
        Ok(page(found, limit, |record| cursor::of_record(record.id)))
    }

    /// The rows of idempotency records handled before `before`, at most `limit`.
    pub(super) fn seen_before(&self, before: Timestamp, limit: usize) -> Result<Vec<Key>, Error> {
        let mut rows = Vec::new();
        self.walk(vec![b'y'], &keys::before(b'y', before), limit, |key, _| {
            rows.push(key.to_vec());
            Ok(rows.len() < limit)
        })?;
        Ok(rows)
    }

    /// Reads the record under `key`.
    pub fn get<T: DeserializeOwned>(&self, key: &[u8]) -> Result<Option<T>, Error> {
        match self.0.get(key)? {
            Some(row) => self.value(key, row),
            None => Ok(None),
        }
    }

    /// The record whose row was read; `None` where it is gone meanwhile.
    pub(super) fn value<T: DeserializeOwned>(
        &self,
        key: &[u8],
        row: Vec<u8>,
    ) -> Result<Option<T>, Error> {
        match value::whole(self.0, key, row)? {
            Some(encoded) => codec::decode(key, &encoded).map(Some),
            None => Ok(None),
        }
    }

    /// Gives rows after `from` and before `to`, page by page, until there are none or `each` says no. `hint` is how many
    /// rows are likely wanted.
    pub(super) fn walk(
        &self,
        from: Key,
        to: &[u8],
        hint: usize,
        mut each: impl FnMut(&[u8], Vec<u8>) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        if hint == 0 || from.as_slice() >= to {
            return Ok(());
        }
        let size = hint.clamp(16, SCAN_MAX);
        let mut from = from;
        loop {
            let rows = self.0.scan(Excluded(&from), Excluded(to), size)?;
            let last = rows.len() < size;
            if let Some((key, _)) = rows.last() {
                from.clone_from(key);
            }
            for (key, row) in rows {
                if !each(&key, row)? {
                    return Ok(());
                }
            }
            if last {
                return Ok(());
            }
        }
    }

    /// The first key at or after `from` and before `to`.
    pub(super) fn first_key(&self, from: &[u8], to: &[u8]) -> Result<Option<Key>, Error> {
        let rows = self.0.scan(Included(from), Excluded(to), 1)?;
        Ok(rows.into_iter().next().map(|(key, _)| key))
    }
}

pub(super) fn page_limit(limit: usize) -> usize {
    limit.clamp(1, PAGE_MAX)
}

/// A page of the first `limit` things found; that there are more says where the next begins.
pub(super) fn page<T>(mut items: Vec<T>, limit: usize, cursor: impl Fn(&T) -> String) -> Page<T> {
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(cursor);
    Page { items, next }
}

pub(super) fn unknown_key(key: &[u8]) -> Error {
    codec::damaged(key, "its key does not read back")
}
