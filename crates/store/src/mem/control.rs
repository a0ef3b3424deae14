//! What a simulation does to a store.

use super::MemStore;
use crate::{Refusal, Resolution, Room};

/// Decides when the tickets of a [`MemStore::manual`] resolve, and how. Groups resolve in the order of their submission.
#[derive(Clone, Debug)]
pub struct MemStoreControl {
    pub(super) store: MemStore,
}

impl MemStoreControl {
    /// How many groups are submitted and not resolved.
    pub fn pending(&self) -> usize {
        self.store.lock().pending.len()
    }

    /// Says how much room is left from now on. What was submitted before is not touched.
    pub fn set_room(&self, room: Room) {
        self.store.lock().room = room;
    }

    /// The groups that became durable since this was last asked, oldest first, crashes included; the first question
    /// answers none and begins the record.
    pub fn durable_news(&self) -> Vec<crate::Group> {
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
        self.store.lock().drop_oldest(Resolution::Refused(refusal))
    }

    /// Answers *unknown* for the oldest pending group. Where it took effect it is durable (a group that was refused when
    /// it was submitted never is); where not, those after it are refused. `false` where none was pending.
    pub fn fail_unknown_next(&self, took_effect: bool) -> bool {
        let resolution = Resolution::Unknown("the connection broke".to_owned());
        let mut inner = self.store.lock();
        let takes =
            |inner: &super::Inner| inner.pending.front().is_some_and(|p| p.refusal.is_none());
        if !took_effect || !takes(&inner) {
            return inner.drop_oldest(resolution);
        }
        let Some(oldest) = inner.pending.pop_front() else {
            return false;
        };
        inner.durable.apply(&oldest.group);
        if let Some(news) = &mut inner.news {
            news.push(oldest.group);
        }
        oldest.resolver.resolve(resolution);
        true
    }

    /// The process dies and the store is opened again: the `keep` oldest pending groups turn out to be durable, the
    /// others never were. Tickets not resolved answer *unknown*; the old store and its control take nothing any more.
    pub fn crash(&self, keep: usize) -> (MemStore, MemStoreControl) {
        let mut inner = self.store.lock();
        inner.crashed = true;
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
