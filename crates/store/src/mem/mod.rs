//! The plainest correct reading of the contract: maps in memory. Simulations decide when its tickets resolve.

mod control;
mod read;
mod state;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

pub use control::{Fate, MemStoreControl};

use crate::{
    Error, Group, Receipt, Refusal, Resolution, Resolver, Room, RoomState, Ticket, codec, keys,
};
use state::State;

/// A store that keeps everything in memory. Clones are the same store.
#[derive(Clone)]
pub struct MemStore {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    /// What is durable.
    durable: State,
    /// `durable` and every pending group that is not refused: what reads see.
    applied: State,
    /// Groups whose fate is open, oldest first.
    pending: VecDeque<Pending>,
    /// Answers known and not given yet, in the order of their groups.
    unsaid: Vec<(Resolver, Resolution)>,
    /// How many groups were ever submitted.
    submitted: u64,
    /// Groups that became durable since somebody asked; `None` where nobody ever does.
    news: Option<Vec<Group>>,
    /// The latest refusal; until it was read, what is submitted is refused too.
    refused: Option<Receipt>,
    room: Room,
    /// Whether a group is durable as soon as it is submitted.
    at_once: bool,
    /// Whether the process that used this store is gone.
    crashed: bool,
}

struct Pending {
    group: Group,
    resolver: Resolver,
    refusal: Option<Refusal>,
}

impl MemStore {
    /// An empty store in which a group is durable as soon as it is submitted.
    pub fn new() -> Self {
        Self::with(State::default(), true)
    }

    /// An empty store in which nothing is durable until the control says so.
    pub fn manual() -> (Self, MemStoreControl) {
        let store = Self::with(State::default(), false);
        (store.clone(), MemStoreControl { store })
    }

    /// What decides about this store: for one made by [`MemStore::new`] only its room, since nothing of it is ever pending.
    pub fn control(&self) -> MemStoreControl {
        MemStoreControl {
            store: self.clone(),
        }
    }

    fn with(state: State, at_once: bool) -> Self {
        let inner = Inner {
            durable: state.clone(),
            applied: state,
            pending: VecDeque::new(),
            unsaid: Vec::new(),
            submitted: 0,
            news: None,
            refused: None,
            room: Room::default(),
            at_once,
            crashed: false,
        };
        Self {
            inner: Arc::new(Mutex::new(inner)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner
            .lock()
            .expect("no code panics while it holds the lock")
    }

    fn submit_group(&self, group: Group) -> Ticket {
        let (ticket, resolver) = Ticket::new();
        let mut inner = self.lock();
        if inner.crashed {
            resolver.resolve(Resolution::Unknown("the store crashed".to_owned()));
            return ticket;
        }
        inner.submitted += 1;
        let refusal = inner.refusal(&group);
        if refusal.is_some() {
            inner.refused.get_or_insert_with(|| resolver.receipt());
        } else {
            inner.applied.apply(&group);
        }
        inner.pending.push_back(Pending {
            group,
            resolver,
            refusal,
        });
        if inner.at_once {
            inner.make_durable(usize::MAX);
        }
        ticket
    }
}

impl Default for MemStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemStore {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.lock();
        out.debug_struct("MemStore")
            .field("cases", &inner.applied.cases.len())
            .field("pending", &inner.pending.len())
            .finish_non_exhaustive()
    }
}

impl Inner {
    fn refusal(&mut self, group: &Group) -> Option<Refusal> {
        if self.refused.as_ref().is_some_and(|r| !r.was_read()) {
            let reason = "an earlier group was refused".to_owned();
            return Some(Refusal::Conflict(reason));
        }
        self.refused = None;
        if self.room.state() == RoomState::Exhausted {
            return Some(Refusal::Unavailable(self.room.to_string()));
        }
        if let Err(error) = check_sizes(group) {
            return Some(Refusal::TooLarge(error.to_string()));
        }
        self.applied.conflict(group).map(Refusal::Conflict)
    }

    /// Resolves the `count` oldest pending groups as what they are; answers how many that were.
    fn make_durable(&mut self, count: usize) -> usize {
        let count = count.min(self.pending.len());
        for _ in 0..count {
            self.decide(Fate::Durable);
            self.say_last();
        }
        count
    }

    /// Decides what becomes of the oldest pending group; its answer is not given yet. `false` where none is pending.
    fn decide(&mut self, fate: Fate) -> bool {
        let Some(oldest) = self.pending.pop_front() else {
            return false;
        };
        let (takes, resolution) = match (fate, oldest.refusal) {
            (Fate::Durable, None) => (true, Resolution::Durable),
            (Fate::Durable | Fate::Refused(_), Some(refusal)) => {
                // Refused when it was submitted: nothing after it was ever applied.
                self.unsaid
                    .push((oldest.resolver, Resolution::Refused(refusal)));
                return true;
            }
            (Fate::Refused(refusal), None) => (false, Resolution::Refused(refusal)),
            (Fate::Unknown { took_effect }, refusal) => {
                let why = "the connection broke".to_owned();
                (took_effect && refusal.is_none(), Resolution::Unknown(why))
            }
        };
        if takes {
            self.durable.apply(&oldest.group);
            if let Some(news) = &mut self.news {
                news.push(oldest.group);
            }
        } else {
            self.refused = Some(oldest.resolver.receipt());
            self.undo(oldest.group);
        }
        self.unsaid.push((oldest.resolver, resolution));
        true
    }

    /// A group never took effect. Those after it built on it, so they are refused.
    fn undo(&mut self, group: Group) {
        self.applied.revert(&group, &self.durable);
        for later in &mut self.pending {
            self.applied.revert(&later.group, &self.durable);
            let reason = "an earlier group was refused".to_owned();
            later.refusal.get_or_insert(Refusal::Conflict(reason));
        }
    }

    fn say_last(&mut self) {
        if let Some((resolver, resolution)) = self.unsaid.pop() {
            resolver.resolve(resolution);
        }
    }
}

/// Measures what a backend would have to write, so that both refuse the same.
fn check_sizes(group: &Group) -> Result<(), Error> {
    for commit in &group.commits {
        for write in &commit.cases {
            codec::check_size(&keys::case(write.case.id), &(write.case.rev, &*write.case))?;
            if let Some(line) = &write.journal {
                codec::check_size(&keys::journal(write.case.id, line.seq), line)?;
            }
        }
        for write in &commit.outbox {
            codec::check_size(&keys::outbox(write.entry.intent.id), &write.entry)?;
        }
        for written in &commit.definitions {
            codec::check_size(&keys::definition(&written.definition), &written.text)?;
        }
        for record in commit.records.iter().filter_map(|w| w.after.as_ref()) {
            codec::check_size(&keys::record(record.kind, record.id), record)?;
        }
    }
    Ok(())
}
