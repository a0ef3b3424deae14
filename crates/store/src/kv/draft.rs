//! What a group changes, row by row.

use std::collections::{BTreeMap, BTreeSet};

use qixian_core::{CaseId, Rev};
use qixian_time::Timestamp;
use serde::Serialize;

use super::read::Reader;
use super::{Rows, value};
use crate::keys::{self, Key};
use crate::{
    CaseWrite, Commit, DefinitionText, Error, Group, OutboxEntry, OutboxRow, OutboxWrite, Record,
    RecordWrite, Refusal, Seen, TimerRow, codec,
};

/// Rows to put (`Some`) and to remove, by key.
pub type Changes = BTreeMap<Key, Option<Vec<u8>>>;

/// The changes of several groups, to be applied to `rows` as one. Each group is looked at against the rows and the
/// groups before it, and enters whole or not at all.
#[derive(Debug)]
pub struct Draft<'a, R> {
    rows: &'a R,
    agreed: Changes,
    open: Changes,
}

/// Why a group did not enter a draft.
enum Stop {
    Refused(Refusal),
    Failed(Error),
}

impl<'a, R: Rows> Draft<'a, R> {
    /// No changes yet.
    pub fn new(rows: &'a R) -> Self {
        Self {
            rows,
            agreed: Changes::new(),
            open: Changes::new(),
        }
    }

    /// The changes of the groups that entered.
    pub fn changes(&self) -> &Changes {
        &self.agreed
    }

    /// Hands out the changes; the draft is to be dropped or begun anew once they are applied.
    pub fn into_changes(self) -> Changes {
        self.agreed
    }

    /// Adds a group. The inner result says whether it was refused.
    ///
    /// # Errors
    /// What the backend said while rows were read; the group did not enter then.
    pub fn add(&mut self, group: &Group) -> Result<Result<(), Refusal>, Error> {
        self.open.clear();
        match group.commits.iter().try_for_each(|c| self.commit(c)) {
            Ok(()) => {
                self.agreed.append(&mut self.open);
                Ok(Ok(()))
            }
            Err(Stop::Refused(refusal)) => Ok(Err(refusal)),
            Err(Stop::Failed(error)) => Err(error),
        }
    }

    /// Removes idempotency records handled before `before`, at most `limit`; answers how many.
    ///
    /// # Errors
    /// What the backend said while rows were read.
    pub fn forget_seen(&mut self, before: Timestamp, limit: usize) -> Result<usize, Error> {
        let old = Reader(self.rows).seen_before(before, limit)?;
        for key in &old {
            self.agreed.insert(key.clone(), None);
            if let Some(event) = keys::read_seen_at(key) {
                self.agreed.insert(keys::seen(event), None);
            }
        }
        Ok(old.len())
    }

    fn commit(&mut self, commit: &Commit) -> Result<(), Stop> {
        for write in &commit.cases {
            self.case(write)?;
        }
        for write in &commit.outbox {
            self.message(write)?;
        }
        for write in &commit.records {
            self.record(write)?;
        }
        if let Some(seen) = &commit.seen {
            self.seen(seen)?;
        }
        for text in &commit.definitions {
            self.definition(text)?;
        }
        Ok(())
    }

    fn case(&mut self, write: &CaseWrite) -> Result<(), Stop> {
        let case = &*write.case;
        let key = keys::case(case.id);
        let old = self.get(&key)?;
        let found = match &old {
            Some(row) => self.first::<Rev>(&key, row)?,
            None => 0,
        };
        let expected = write.expected_rev();
        if found != expected {
            let id = case.id;
            return conflict(format!("case {id} is at rev {found}, not {expected}"));
        }
        self.reference(write)?;
        self.put(&key, &(case.rev, case), old.as_deref())?;
        if let Some(line) = &write.journal {
            self.put(&keys::journal(case.id, line.seq), line, None)?;
        }
        let wake = |at| keys::timer(TimerRow { at, case: case.id });
        self.replace(write.wake_before.map(wake), write.wake_after.map(wake));
        let before = write.before.as_deref().map(keys::index_rows);
        self.replace(before.unwrap_or_default(), keys::index_rows(case));
        Ok(())
    }

    fn reference(&mut self, write: &CaseWrite) -> Result<(), Stop> {
        let case = &write.case;
        let old = write.before.as_ref().map(|before| &before.reference);
        if old == Some(&case.reference) {
            return Ok(());
        }
        let key = keys::reference(&case.reference);
        if let Some(row) = self.get(&key)? {
            let owner: CaseId = decoded(codec::decode(&key, &row))?;
            if owner != case.id {
                return conflict(format!("the reference {} is taken", case.reference));
            }
        }
        if let Some(old) = old {
            self.open.insert(keys::reference(old), None);
        }
        self.put(&key, &case.id, None)
    }

    fn message(&mut self, write: &OutboxWrite) -> Result<(), Stop> {
        let id = write.entry.intent.id;
        let key = keys::outbox(id);
        let old = self.get(&key)?;
        let before = match &old {
            Some(row) => keys::attention_rows(&self.all::<OutboxEntry>(&key, row)?),
            None => BTreeSet::new(),
        };
        self.put(&key, &write.entry, old.as_deref())?;
        let due = |at| keys::outbox_due(OutboxRow { at, id });
        self.replace(write.due_before.map(due), write.entry.next_at.map(due));
        self.replace(before, keys::attention_rows(&write.entry));
        Ok(())
    }

    fn record(&mut self, write: &RecordWrite) -> Result<(), Stop> {
        let (kind, id) = write.key;
        let key = keys::record(kind, id);
        let old = self.get(&key)?;
        let before: Option<Record> = match &old {
            Some(row) => Some(self.all(&key, row)?),
            None => None,
        };
        let found = before.as_ref().map_or(0, |record| record.rev);
        let expected = write.before.as_ref().map_or(0, |record| record.rev);
        if found != expected {
            return conflict(format!("record {id} is at rev {found}, not {expected}"));
        }
        match &write.after {
            Some(record) => self.put(&key, record, old.as_deref())?,
            None => self.remove(key, old.as_deref()),
        }
        let row = |record: &Option<Record>| record.as_ref().and_then(keys::record_of_client);
        self.replace(row(&before), row(&write.after));
        Ok(())
    }

    fn seen(&mut self, seen: &Seen) -> Result<(), Stop> {
        let key = keys::seen(&seen.id);
        let old = self.get(&key)?;
        let before: Option<Seen> = match &old {
            Some(row) => Some(self.all(&key, row)?),
            None => None,
        };
        self.put(&key, seen, old.as_deref())?;
        let row = |seen: &Seen| keys::seen_at(seen.at, &seen.id);
        self.replace(before.as_ref().map(row), Some(row(seen)));
        Ok(())
    }

    fn definition(&mut self, text: &DefinitionText) -> Result<(), Stop> {
        let key = keys::definition(&text.definition);
        match self.get(&key)? {
            Some(_) => Ok(()),
            None => self.put(&key, &text.text, None),
        }
    }

    /// Removes the index rows of `before` and puts those of `after`; rows in both are left alone.
    fn replace(
        &mut self,
        before: impl IntoIterator<Item = Key>,
        after: impl IntoIterator<Item = Key>,
    ) {
        let mut before: BTreeSet<Key> = before.into_iter().collect();
        for key in after {
            if !before.remove(&key) {
                self.open.insert(key, Some(Vec::new()));
            }
        }
        self.open.extend(before.into_iter().map(|key| (key, None)));
    }

    fn put<T: Serialize>(
        &mut self,
        key: &[u8],
        record: &T,
        old: Option<&[u8]>,
    ) -> Result<(), Stop> {
        let encoded = codec::encode(key, record).map_err(|error| match error {
            Error::TooLarge { .. } => Stop::Refused(Refusal::TooLarge(error.to_string())),
            error => Stop::Failed(error),
        })?;
        for piece in old.map(|row| value::pieces(key, row)).unwrap_or_default() {
            self.open.insert(piece, None);
        }
        let rows = value::rows(key, encoded);
        self.open
            .extend(rows.into_iter().map(|(key, row)| (key, Some(row))));
        Ok(())
    }

    fn remove(&mut self, key: Key, old: Option<&[u8]>) {
        for piece in old.map(|row| value::pieces(&key, row)).unwrap_or_default() {
            self.open.insert(piece, None);
        }
        self.open.insert(key, None);
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Stop> {
        Rows::get(self, key).map_err(Stop::Failed)
    }

    fn first<T: serde::de::DeserializeOwned>(&self, key: &[u8], row: &[u8]) -> Result<T, Stop> {
        let whole = self.whole(key, row)?;
        decoded(codec::decode_first(key, &whole))
    }

    fn all<T: serde::de::DeserializeOwned>(&self, key: &[u8], row: &[u8]) -> Result<T, Stop> {
        let whole = self.whole(key, row)?;
        decoded(codec::decode(key, &whole))
    }

    fn whole(&self, key: &[u8], row: &[u8]) -> Result<Vec<u8>, Stop> {
        let whole = decoded(value::whole(self, key, row.to_vec()))?;
        Ok(whole.unwrap_or_default())
    }
}

/// The rows as they will be once the draft is applied. Only point reads: nothing drafted needs a scan.
impl<R: Rows> Rows for Draft<'_, R> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        match self.open.get(key).or_else(|| self.agreed.get(key)) {
            Some(change) => Ok(change.clone()),
            None => self.rows.get(key),
        }
    }

    fn scan(
        &self,
        from: std::ops::Bound<&[u8]>,
        to: std::ops::Bound<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Key, Vec<u8>)>, Error> {
        self.rows.scan(from, to, limit)
    }
}

fn conflict(reason: String) -> Result<(), Stop> {
    Err(Stop::Refused(Refusal::Conflict(reason)))
}

/// A damaged row refuses the group that builds on it: who rereads will be told of the damage.
fn decoded<T>(result: Result<T, Error>) -> Result<T, Stop> {
    result.map_err(|error| match error {
        Error::Damaged { .. } => Stop::Refused(Refusal::Conflict(error.to_string())),
        error => Stop::Failed(error),
    })
}
