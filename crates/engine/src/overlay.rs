//! What in-flight groups changed, before the store shows it; and a cache of cases lately used.
//!
//! Decisions read the overlay first, then the cache, then the store. An entry stays in the overlay until the group that
//! wrote it last is durable. When a group is refused the whole overlay goes, since later decisions were built on it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use qixian_core::{Case, CaseId, EventId, OutboxId};
use qixian_store::{Commit, OutboxEntry, Seen};

/// The running number of a group, rising from 1.
pub(crate) type GroupNo = u64;

/// The keys a group writes.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    cases: Vec<CaseId>,
    outbox: Vec<OutboxId>,
    seen: Vec<EventId>,
    references: Vec<String>,
}

/// Changes not durable yet, and a bounded cache.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    cases: HashMap<CaseId, (Arc<Case>, GroupNo)>,
    outbox: HashMap<OutboxId, (OutboxEntry, GroupNo)>,
    seen: HashMap<EventId, (Seen, GroupNo)>,
    references: HashMap<String, (CaseId, GroupNo)>,
    /// The cache in two generations: when the young one is full it becomes the old one.
    young: HashMap<CaseId, Arc<Case>>,
    old: HashMap<CaseId, Arc<Case>>,
    generation_size: usize,
    /// Cases looked for in the present turn and not found.
    absent: HashSet<CaseId>,
}

impl Overlay {
    /// An empty one that caches at most `cached` cases.
    pub(crate) fn new(cached: usize) -> Self {
        Self {
            generation_size: (cached / 2).max(1),
            ..Self::default()
        }
    }

    /// The case as decided so far, if known here.
    pub(crate) fn case(&mut self, id: CaseId) -> Option<Arc<Case>> {
        if let Some((case, _)) = self.cases.get(&id) {
            return Some(case.clone());
        }
        if let Some(case) = self.young.get(&id) {
            return Some(case.clone());
        }
        let case = self.old.remove(&id)?;
        self.cache(case.clone());
        Some(case)
    }

    /// Whether an undurable group wrote this case.
    pub(crate) fn is_in_flight(&self, id: CaseId) -> bool {
        self.cases.contains_key(&id)
    }

    /// The outbox entry as an undurable group wrote it.
    pub(crate) fn entry(&self, id: OutboxId) -> Option<&OutboxEntry> {
        self.outbox.get(&id).map(|(entry, _)| entry)
    }

    /// The idempotency record an undurable group wrote.
    pub(crate) fn seen(&self, id: &str) -> Option<&Seen> {
        self.seen.get(id).map(|(seen, _)| seen)
    }

    /// The case an undurable group gave this reference.
    pub(crate) fn reference(&self, reference: &str) -> Option<CaseId> {
        self.references.get(reference).map(|(case, _)| *case)
    }

    /// Whether this turn has already looked for the case in vain.
    pub(crate) fn is_absent(&self, id: CaseId) -> bool {
        self.absent.contains(&id)
    }

    /// Notes that the store has no such case.
    pub(crate) fn note_absent(&mut self, id: CaseId) {
        self.absent.insert(id);
    }

    /// A new turn begins.
    pub(crate) fn next_turn(&mut self) {
        self.absent.clear();
    }

    /// Keeps a case that was read from the store.
    pub(crate) fn cache(&mut self, case: Arc<Case>) {
        if self.young.len() >= self.generation_size {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(case.id, case);
    }

    /// Takes in what group `no` writes, and notes the keys.
    pub(crate) fn apply(&mut self, commit: &Commit, no: GroupNo, touched: &mut Touched) {
        for write in &commit.cases {
            let case = &write.case;
            let renamed = write
                .before
                .as_ref()
                .is_none_or(|before| before.reference != case.reference);
            if renamed {
                touched.references.push(case.reference.clone());
                self.references
                    .insert(case.reference.clone(), (case.id, no));
            }
            touched.cases.push(case.id);
            self.cases.insert(case.id, (case.clone(), no));
        }
        for write in &commit.outbox {
            let entry = write.entry.clone();
            touched.outbox.push(entry.intent.id);
            self.outbox.insert(entry.intent.id, (entry, no));
        }
        if let Some(seen) = &commit.seen {
            touched.seen.push(seen.id.clone());
            self.seen.insert(seen.id.clone(), (seen.clone(), no));
        }
    }

    /// What group `no` wrote is durable: the store shows it from now on.
    pub(crate) fn durable(&mut self, touched: &Touched, no: GroupNo) {
        for id in &touched.cases {
            if self.cases.get(id).is_some_and(|(_, by)| *by <= no)
                && let Some((case, _)) = self.cases.remove(id)
            {
                self.old.remove(id);
                self.cache(case);
            }
        }
        forget(&mut self.references, &touched.references, no);
        forget(&mut self.outbox, &touched.outbox, no);
        forget(&mut self.seen, &touched.seen, no);
    }

    /// A group was refused or its fate unknown: nothing remembered can be trusted.
    pub(crate) fn clear(&mut self) {
        *self = Self {
            generation_size: self.generation_size,
            ..Self::default()
        };
    }
}

fn forget<K, V>(map: &mut HashMap<K, (V, GroupNo)>, keys: &[K], no: GroupNo)
where
    K: std::hash::Hash + Eq,
{
    for key in keys {
        if map.get(key).is_some_and(|(_, by)| *by <= no) {
            map.remove(key);
        }
    }
}
