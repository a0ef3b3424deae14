//! Bugs on purpose: a store that breaks one promise now and then, to show that the checkers would notice.
//!
//! The engine stays as it is. What lies between it and its store loses a wake-up row, forgets an idempotency record,
//! answers too early or drops a message, as a mistake in engine or backend would.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use qixian_core::Cause;
use qixian_store::{
    Commit, Group, Intercepted, Interceptor, MemStore, OutboxWrite, Resolution, Store, Ticket,
};

/// What the store does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sabotage {
    /// A wake-up row is not written: its case is never looked at again.
    TimerLost,
    /// An idempotency record is not written: an event sent again takes effect again.
    DoubleEffect,
    /// A group is answered as durable while it is not.
    EarlyAnswer,
    /// The message of a rung that fired is not written.
    RungSkipped,
}

impl Sabotage {
    /// All of them.
    pub const ALL: [Sabotage; 4] = [
        Sabotage::TimerLost,
        Sabotage::DoubleEffect,
        Sabotage::EarlyAnswer,
        Sabotage::RungSkipped,
    ];

    /// It strikes once in so many occasions.
    fn every(self) -> u64 {
        match self {
            Sabotage::TimerLost => 10,
            Sabotage::EarlyAnswer => 40,
            Sabotage::DoubleEffect | Sabotage::RungSkipped => 3,
        }
    }
}

/// A [`MemStore`] that may be sabotaged.
pub(crate) type SabotagedStore = Intercepted<MemStore, Saboteur>;

/// Breaks one promise, or (without a sabotage) lets all pass. Clones share the count of occasions.
#[derive(Clone, Debug)]
pub(crate) struct Saboteur {
    sabotage: Option<Sabotage>,
    occasions: Arc<AtomicU64>,
}

impl Saboteur {
    /// Puts itself before `store`; `None`: the store is just as it is.
    pub(crate) fn before(store: MemStore, sabotage: Option<Sabotage>) -> SabotagedStore {
        let occasions = Arc::default();
        let between = Self {
            sabotage,
            occasions,
        };
        SabotagedStore { store, between }
    }

    /// Whether it strikes on this occasion.
    fn strikes(&self, sabotage: Sabotage) -> bool {
        let count = self.occasions.fetch_add(1, Ordering::Relaxed);
        count % sabotage.every() == sabotage.every() - 1
    }

    fn spoil(&self, sabotage: Sabotage, commit: &mut Commit) {
        match sabotage {
            Sabotage::TimerLost => {
                for write in commit.cases.iter_mut().filter(|w| w.wake_after.is_some()) {
                    if self.strikes(sabotage) {
                        write.wake_after = None;
                    }
                }
            }
            Sabotage::DoubleEffect => {
                if commit.seen.is_some() && self.strikes(sabotage) {
                    commit.seen = None;
                }
            }
            Sabotage::RungSkipped => {
                commit
                    .outbox
                    .retain(|write| !is_new_rung(write) || !self.strikes(sabotage));
            }
            Sabotage::EarlyAnswer => {}
        }
    }
}

/// Whether this puts the message of a rung into the outbox for the first time.
fn is_new_rung(write: &OutboxWrite) -> bool {
    let is_rung = matches!(write.entry.intent.cause, Cause::Rung { .. });
    is_rung
        && write.due_before.is_none()
        && write.entry.legs.iter().all(|leg| leg.attempts.is_empty())
}

impl Interceptor<MemStore> for Saboteur {
    fn submit(&self, store: &MemStore, mut group: Group) -> Ticket {
        let Some(sabotage) = self.sabotage else {
            return store.submit(group);
        };
        for commit in &mut group.commits {
            self.spoil(sabotage, commit);
        }
        let ticket = store.submit(group);
        if sabotage == Sabotage::EarlyAnswer && self.strikes(sabotage) {
            let (early, resolver) = Ticket::new();
            resolver.resolve(Resolution::Durable);
            return early;
        }
        ticket
    }
}
