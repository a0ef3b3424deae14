//! Lists of messages.

use qixian_core::{LegStatus, OutboxId};

use super::Rows;
use super::read::{Reader, page, page_limit, unknown_key};
use crate::keys::{self, Key};
use crate::{Error, MessageQuery, OutboxEntry, Page, cursor};

impl<R: Rows> Reader<'_, R> {
    /// See [`crate::Store::messages`].
    #[allow(
        clippy::missing_errors_doc,
        reason = "the errors are those of the contract, said once there"
    )]
    pub fn messages(
        &self,
        query: &MessageQuery,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<OutboxEntry>, Error> {
        let after = cursor.map(cursor::message).transpose()?;
        let limit = page_limit(limit);
        let found = match (query.case, query.status) {
            (Some(case), _) => self.stored(query, keys::outbox_of(case), after, limit)?,
            (None, Some(LegStatus::Queued | LegStatus::Sending)) => {
                self.waiting(query, after, limit)?
            }
            (None, Some(status)) => match keys::attention(status) {
                Some(prefix) => self.attention(query, prefix, after, limit)?,
                None => self.stored(query, vec![b'o'], after, limit)?,
            },
            (None, None) => self.stored(query, vec![b'o'], after, limit)?,
        };
        Ok(page(found, limit, |entry| {
            cursor::of_message(entry.intent.id)
        }))
    }

    /// One more than `limit` entries under `prefix` that fit.
    fn stored(
        &self,
        query: &MessageQuery,
        prefix: Key,
        after: Option<OutboxId>,
        limit: usize,
    ) -> Result<Vec<OutboxEntry>, Error> {
        let to = keys::after(&prefix).unwrap_or_default();
        let from = after.map_or(prefix.clone(), keys::outbox).max(prefix);
        let mut found = Vec::new();
        self.walk(from, &to, limit + 1, |key, row| {
            let entry = self.value::<OutboxEntry>(key, row)?;
            found.extend(entry.filter(|entry| query.matches(entry)));
            Ok(found.len() <= limit)
        })?;
        Ok(found)
    }

    /// The same by the rows of a status that asks for a person's attention.
    fn attention(
        &self,
        query: &MessageQuery,
        prefix: Key,
        after: Option<OutboxId>,
        limit: usize,
    ) -> Result<Vec<OutboxEntry>, Error> {
        let to = keys::after(&prefix).unwrap_or_default();
        let mut from = prefix;
        if let Some(after) = after {
            from.extend(cursor::outbox_bytes(after));
        }
        let mut found = Vec::new();
        self.walk(from, &to, limit + 1, |key, _| {
            let id = keys::read_outbox_id(key).ok_or_else(|| unknown_key(key))?;
            let entry = self.get::<OutboxEntry>(&keys::outbox(id))?;
            found.extend(entry.filter(|entry| query.matches(entry)));
            Ok(found.len() <= limit)
        })?;
        Ok(found)
    }

    /// The same for entries the dispatcher still has to look at: each has a due row, and those rows are few beside all
    /// that was ever said.
    fn waiting(
        &self,
        query: &MessageQuery,
        after: Option<OutboxId>,
        limit: usize,
    ) -> Result<Vec<OutboxEntry>, Error> {
        let mut ids = Vec::new();
        self.walk(vec![b'p'], b"q", usize::MAX, |key, _| {
            let row = keys::read_outbox_due(key).ok_or_else(|| unknown_key(key))?;
            ids.extend(Some(row.id).filter(|id| after.is_none_or(|after| *id > after)));
            Ok(true)
        })?;
        ids.sort_unstable();
        ids.dedup();
        let mut found = Vec::new();
        for id in ids {
            let entry = self.get::<OutboxEntry>(&keys::outbox(id))?;
            found.extend(entry.filter(|entry| query.matches(entry)));
            if found.len() > limit {
                break;
            }
        }
        Ok(found)
    }
}
