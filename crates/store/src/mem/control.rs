//! What a simulation does to a store.

use super::MemStore;
use crate::{Group, Refusal, Room};

/// What becomes of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is durable; one that was refused when it was submitted says so.
    Durable,
    /// It is refused, and those after it.
    Refused(Refusal),
    /// Nobody is told what became of it.
    Unknown {
        /// Whether it is durable nevertheless. A group that was refused when it was submitted never is.
        took_effect: bool,
    },
}

/// Decides what becomes of the groups of a [`MemStore::manual`], and when that is answered. Groups take effect in the
/// order of their submission.
#[derive(Clone, Debug)]
pub struct MemStoreControl {
    pub(super) store: MemStore,
}

impl MemStoreControl {
    /// How many groups are submitted and their fate is open.
    pub fn pending(&self) -> usize {
        self.store.lock().pending.len()
    }

    /// Says how much room is left from now on. What was submitted before is not touched.
    pub fn set_room(&self, room: Room) {
        self.store.lock().room = room;
    }

    /// The groups that became durable since this was last asked, oldest first, crashes included; the first question
    /// answers none and begins the record.
    pub fn durable_news(&self) -> Vec<Group> {
        let mut inner = self.store.lock();
        std::mem::take(inner.news.get_or_insert_default())
    }

    /// Makes the `count` oldest pending groups durable and resolves their tickets; those that were refused when they
    /// were submitted now say so. Answers how many resolved.
    pub fn make_durable(&self, count: usize) -> usize {
        self.store.lock().make_durable(count)
    }

    /// Refuses the oldest pending group; those after it are refused too, when their turn comes. `false` where none was
    /// pending.
    pub fn refuse_next(&self, refusal: Refusal) -> bool {
        self.decide_and_say(Fate::Refused(refusal))
    }

    /// Answers *unknown* for the oldest pending group. Where it took effect it is durable (a group that was refused when
    /// it was submitted never is); where not, those after it are refused. `false` where none was pending.
    pub fn fail_unknown_next(&self, took_effect: bool) -> bool {
        self.decide_and_say(Fate::Unknown { took_effect })
    }

    /// How many groups were submitted since the store was opened.
    pub fn submitted(&self) -> u64 {
        self.store.lock().submitted
    }

    /// Looks at the pending group at this place, 0 for the oldest.
    pub fn look<T>(&self, place: usize, look: impl FnOnce(&Group) -> T) -> Option<T> {
        let inner = self.store.lock();
        inner.pending.get(place).map(|pending| look(&pending.group))
    }

    /// Decides what becomes of the oldest pending group. Its answer waits for [`MemStoreControl::say`]: groups take
    /// effect in order, but what became of them may be learnt late and in another order. `false` where none was pending.
    pub fn decide(&self, fate: Fate) -> bool {
        self.store.lock().decide(fate)
    }

    /// How many answers are known and not given.
    pub fn unsaid(&self) -> usize {
        self.store.lock().unsaid.len()
    }

    /// Gives the answer at this place among those not given, 0 for the oldest group's. `false` where there is none.
    pub fn say(&self, place: usize) -> bool {
        let mut inner = self.store.lock();
        if place >= inner.unsaid.len() {
            return false;
        }
        let (resolver, resolution) = inner.unsaid.remove(place);
        resolver.resolve(resolution);
        true
    }

    fn decide_and_say(&self, fate: Fate) -> bool {
        let mut inner = self.store.lock();
        let decided = inner.decide(fate);
        if decided {
            inner.say_last();
        }
        decided
    }

    /// The process dies and the store is opened again: the `keep` oldest pending groups turn out to be durable, the
    /// others never were. Tickets not answered say *unknown*; the old store and its control take nothing any more.
    pub fn crash(&self, keep: usize) -> (MemStore, MemStoreControl) {
        let mut inner = self.store.lock();
        inner.crashed = true;
        inner.unsaid.clear();
        let mut state = std::mem::take(&mut inner.durable);
        let mut news = inner.news.take();
        for pending in inner.pending.drain(..).take(keep) {
            if pending.refusal.is_none() {
                state.apply(&pending.group);
                if let Some(news) = &mut news {
                    news.push(pending.group);
                }
            }
        }
        let store = MemStore::with(state, false);
        store.lock().news = news;
        store.lock().room = inner.room;
        (store.clone(), MemStoreControl { store })
    }
}
