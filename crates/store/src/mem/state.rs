//! What a [`crate::MemStore`] holds: one plain map for each kind of row.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use qixian_core::{Case, CaseId, DefinitionRef, EventId, JournalLine, OutboxId, Rev, What};
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

    /// Takes back a group: every row it wrote is as in `durable` again.
    pub(super) fn revert(&mut self, group: &Group, durable: &State) {
        for commit in &group.commits {
            for write in &commit.cases {
                self.revert_case(write, durable);
            }
            for write in &commit.outbox {
                let id = write.entry.intent.id;
                let rows = [write.due_before, write.entry.next_at]
                    .into_iter()
                    .flatten();
                let rows = rows.map(|at| OutboxRow { at, id });
                rows.for_each(|row| as_in_set(&mut self.outbox_due, &durable.outbox_due, row));
                as_in(&mut self.outbox, &durable.outbox, id);
            }
            for write in &commit.records {
                as_in(&mut self.records, &durable.records, write.key);
            }
            if let Some(seen) = &commit.seen {
                let row = (seen.at, seen.id.clone());
                as_in_set(&mut self.seen_at, &durable.seen_at, row);
                if let Some(old) = durable.seen.get(&seen.id) {
                    self.seen_at.insert((old.at, old.id.clone()));
                }
                as_in(&mut self.seen, &durable.seen, seen.id.clone());
            }
            for DefinitionText { definition, .. } in &commit.definitions {
                let key = definition_key(definition);
                as_in(&mut self.definitions, &durable.definitions, key);
            }
        }
    }

    fn revert_case(&mut self, write: &CaseWrite, durable: &State) {
        let id = write.case.id;
        for case in write.before.iter().chain([&write.case]) {
            let place = DuePlace::new(case.next_due(), id);
            as_in_set(&mut self.by_due, &durable.by_due, place);
            let reference = case.reference.clone();
            as_in(&mut self.references, &durable.references, reference);
        }
        for at in [write.wake_before, write.wake_after].into_iter().flatten() {
            as_in_set(&mut self.timers, &durable.timers, TimerRow { at, case: id });
        }
        if let Some(line) = &write.journal {
            as_in(&mut self.journal, &durable.journal, (id, line.seq));
        }
        as_in(&mut self.cases, &durable.cases, id);
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
            let key = definition_key(definition);
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

fn definition_key(definition: &DefinitionRef) -> (String, u32, String) {
    let DefinitionRef {
        id,
        version,
        digest,
    } = definition.clone();
    (id, version, digest)
}

/// Makes the row at `key` what it is in `wanted`.
fn as_in<K: Ord, V: Clone>(map: &mut BTreeMap<K, V>, wanted: &BTreeMap<K, V>, key: K) {
    match wanted.get(&key) {
        Some(value) => map.insert(key, value.clone()),
        None => map.remove(&key),
    };
}

fn as_in_set<K: Ord>(set: &mut BTreeSet<K>, wanted: &BTreeSet<K>, key: K) {
    if wanted.contains(&key) {
        set.insert(key);
    } else {
        set.remove(&key);
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
