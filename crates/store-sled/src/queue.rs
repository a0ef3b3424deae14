//! What waits for the writer, in the order it was submitted.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};

use qixian_store::time::Timestamp;
use qixian_store::{Group, Receipt, Refusal, Resolution, Resolver, Ticket};
use tokio::sync::oneshot;

/// The most groups that wait; the engine keeps two in flight, so a full queue is a disk that stands still.
const WAITING_MAX: usize = 256;

/// One piece of work.
#[derive(Debug)]
pub(crate) enum Job {
    /// Write a group.
    Write {
        group: Group,
        resolver: Resolver,
        /// Refused before it was looked at.
        refusal: Option<Refusal>,
    },
    /// Forget idempotency records.
    Forget {
        before: Timestamp,
        limit: usize,
        done: oneshot::Sender<usize>,
    },
}

/// Shared by the store and its writer.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    jobs: VecDeque<Job>,
    /// The latest refusal; until it was read, what is submitted is refused too.
    refused: Option<Receipt>,
    closed: bool,
    /// Whether writing failed for good.
    abandoned: bool,
}

impl Queue {
    /// Adds a group; refused at once when the queue is full, unknown when it is closed.
    pub(crate) fn submit(&self, group: Group) -> Ticket {
        let (ticket, resolver) = Ticket::new();
        let mut state = self.lock();
        if state.closed {
            resolver.resolve(Resolution::Unknown("the store is closed".to_owned()));
            return ticket;
        }
        // The oldest refusal counts: who has read that knows of the later ones.
        let refused = state.refused.take().filter(|receipt| !receipt.was_read());
        let refusal = refused.as_ref().map(|_| after_a_refusal());
        state.refused = refused;
        if state.jobs.len() >= WAITING_MAX {
            state.refused.get_or_insert_with(|| resolver.receipt());
            let reason = format!("{WAITING_MAX} groups wait for the disk");
            resolver.resolve(Resolution::Refused(Refusal::Unavailable(reason)));
            return ticket;
        }
        state.jobs.push_back(Job::Write {
            group,
            resolver,
            refusal,
        });
        drop(state);
        self.changed.notify_one();
        ticket
    }

    /// Adds the forgetting of old idempotency records.
    pub(crate) fn forget(&self, before: Timestamp, limit: usize) -> oneshot::Receiver<usize> {
        let (done, answer) = oneshot::channel();
        let mut state = self.lock();
        if !state.closed {
            state.jobs.push_back(Job::Forget {
                before,
                limit,
                done,
            });
        }
        drop(state);
        self.changed.notify_one();
        answer
    }

    /// Everything that waits, once there is something; `None` when the queue is closed and empty.
    pub(crate) fn take(&self) -> Option<VecDeque<Job>> {
        let mut state = self.lock();
        while state.jobs.is_empty() {
            if state.closed {
                return None;
            }
            state = self
                .changed
                .wait(state)
                .expect("no code panics while it holds the lock");
        }
        Some(std::mem::take(&mut state.jobs))
    }

    /// A group was refused: those in `taken` that follow it and all that wait are refused with it.
    pub(crate) fn refuse_rest(&self, receipt: Receipt, taken: &mut VecDeque<Job>) {
        let mut state = self.lock();
        state.refused = Some(receipt);
        for job in taken.iter_mut().chain(&mut state.jobs) {
            if let Job::Write { refusal, .. } = job {
                refusal.get_or_insert_with(after_a_refusal);
            }
        }
    }

    /// Takes nothing any more; what waits is still written.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Takes nothing any more, and what waits resolves to unknown.
    pub(crate) fn abandon(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.abandoned = true;
        state.jobs.clear();
        drop(state);
        self.changed.notify_all();
    }

    /// Whether writing failed for good: nobody knows then what is on disk.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.lock().abandoned
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("no code panics while it holds the lock")
    }
}

fn after_a_refusal() -> Refusal {
    Refusal::Conflict("an earlier group was refused".to_owned())
}
