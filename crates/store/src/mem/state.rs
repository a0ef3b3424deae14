//! What a [`crate::MemStore`] holds: one plain map for each kind of row.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use qixian_core::{Case, CaseId, EventId, JournalLine, OutboxId, Rev, What};
use qixian_time::Timestamp;

use crate::cursor::DuePlace;
use crate::{
    CaseWrite, Commit, DefinitionText, Group, OutboxEntry, OutboxRow, OutboxWrite, Record,
    RecordKind, RecordWrite, Seen, TimerRow,
};

/// Every row, by its key.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) cases: BTreeMap<CaseId, Arc<Case>>,
    pub(super) by_due: BTreeSet<DuePlace>,
    pub(super) references: BTreeMap<String, CaseId>,
    pub(super) journal: BTreeMap<(CaseId, Rev), Arc<JournalLine>>,
    pub(super) timers: BTreeSet<TimerRow>,
    pub(super) outbox: BTreeMap<OutboxId, Arc<OutboxEntry>>,
    pub(super) outbox_due: BTreeSet<OutboxRow>,
    pub(super) seen: BTreeMap<EventId, Seen>,
    pub(super) seen_at: BTreeSet<(Timestamp, EventId)>,
    pub(super) definitions: BTreeMap<(String, u32, String), Arc<str>>,
    pub(super) records: BTreeMap<(RecordKind, CaseId), Arc<Record>>,
}

impl State {
    /// Why `group` can't be taken, if so. Looks at the group's own earlier commits too.
    pub(super) fn conflict(&self, group: &Group) -> Option<String> {
        let mut ahead = Ahead::default();
        for commit in &group.commits {
            for write in &commit.cases {
                if let Err(reason) = ahead.case(self, write) {
                    return Some(reason);
                }
            }
            for write in &commit.records {
                if let Err(reason) = ahead.record(self, write) {
                    return Some(reason);
                }
            }
        }
        None
    }

    /// Writes a group that has no conflict.
    pub(super) fn apply(&mut self, group: &Group) {
        for commit in &group.commits {
            self.apply_commit(commit);
        }
    }

    fn apply_commit(&mut self, commit: &Commit) {
        commit.cases.iter().for_each(|write| self.put_case(write));
        commit
            .outbox
            .iter()
            .for_each(|write| self.put_message(write));
        commit.records.iter().for_each(|write| self.record(write));
        if let Some(seen) = &commit.seen {
            self.put_seen(seen);
        }
        for DefinitionText { definition, text } in &commit.definitions {
            let key = (
                definition.id.clone(),
                definition.version,
                definition.digest.clone(),
            );
            self.definitions.entry(key).or_insert_with(|| text.clone());
        }
    }

    fn put_case(&mut self, write: &CaseWrite) {
        let id = write.case.id;
        if let Some(before) = &write.before {
            self.by_due.remove(&DuePlace::new(before.next_due(), id));
            self.references.remove(&before.reference);
        }
        if let Some(at) = write.wake_before {
            self.timers.remove(&TimerRow { at, case: id });
        }
        if let Some(at) = write.wake_after {
            self.timers.insert(TimerRow { at, case: id });
        }
        if let Some(line) = &write.journal {
            self.journal
                .insert((id, line.seq), Arc::new(as_stored(line)));
        }
        self.by_due.insert(DuePlace::new(write.case.next_due(), id));
        self.references.insert(write.case.reference.clone(), id);
        self.cases.insert(id, write.case.clone());
    }

    fn put_message(&mut self, write: &OutboxWrite) {
        let id = write.entry.intent.id;
        if let Some(at) = write.due_before {
            self.outbox_due.remove(&OutboxRow { at, id });
        }
        if let Some(at) = write.entry.next_at {
            self.outbox_due.insert(OutboxRow { at, id });
        }
        self.outbox.insert(id, Arc::new(write.entry.clone()));
    }

    fn put_seen(&mut self, seen: &Seen) {
        if let Some(old) = self.seen.insert(seen.id.clone(), seen.clone()) {
            self.seen_at.remove(&(old.at, old.id));
        }
        self.seen_at.insert((seen.at, seen.id.clone()));
    }

    fn record(&mut self, write: &RecordWrite) {
        match &write.after {
            Some(record) => self.records.insert(write.key, Arc::new(record.clone())),
            None => self.records.remove(&write.key),
        };
    }

    /// Drops idempotency records handled before `before`, at most `limit`.
    pub(super) fn forget_seen(&mut self, before: Timestamp, limit: usize) -> usize {
        let old: Vec<_> = self
            .seen_at
            .iter()
            .take_while(|(at, _)| *at < before)
            .take(limit)
            .cloned()
            .collect();
        for row in &old {
            self.seen_at.remove(row);
            self.seen.remove(&row.1);
        }
        old.len()
    }
}

/// What the commits looked at so far would have changed.
#[derive(Default)]
struct Ahead {
    revs: BTreeMap<CaseId, Rev>,
    references: BTreeMap<String, Option<CaseId>>,
    records: BTreeMap<(RecordKind, CaseId), Rev>,
}

impl Ahead {
    fn case(&mut self, state: &State, write: &CaseWrite) -> Result<(), String> {
        let id = write.case.id;
        let stored = |id| state.cases.get(&id).map_or(0, |case| case.rev);
        let found = self.revs.get(&id).copied().unwrap_or_else(|| stored(id));
        if found != write.expected_rev() {
            let expected = write.expected_rev();
            return Err(format!("case {id} is at rev {found}, not {expected}"));
        }
        let reference = &write.case.reference;
        let owner = match self.references.get(reference) {
            Some(owner) => *owner,
            None => state.references.get(reference).copied(),
        };
        if owner.is_some_and(|owner| owner != id) {
            return Err(format!("the reference {reference} is taken"));
        }
        if let Some(before) = &write.before {
            self.references.insert(before.reference.clone(), None);
        }
        self.references.insert(reference.clone(), Some(id));
        self.revs.insert(id, write.case.rev);
        Ok(())
    }

    fn record(&mut self, state: &State, write: &RecordWrite) -> Result<(), String> {
        let stored = |key| state.records.get(key).map_or(0, |record| record.rev);
        let found = self.records.get(&write.key).copied();
        let found = found.unwrap_or_else(|| stored(&write.key));
        let expected = write.before.as_ref().map_or(0, |record| record.rev);
        if found != expected {
            let id = write.key.1;
            return Err(format!("record {id} is at rev {found}, not {expected}"));
        }
        let after = write.after.as_ref().map_or(0, |record| record.rev);
        self.records.insert(write.key, after);
        Ok(())
    }
}

/// The line as other stores give it back: a correction's history is never stored.
fn as_stored(line: &JournalLine) -> JournalLine {
    let mut line = line.clone();
    if let What::Correct { history, .. } = &mut line.what {
        *history = None;
    }
    line
}
