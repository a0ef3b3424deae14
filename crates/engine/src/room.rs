//! What goes on while the store has little room: first nothing new is taken from people, then nothing is written at all.

use std::collections::VecDeque;

use qixian_notify::Outcome;
use qixian_store::{RoomState, Store};
use qixian_time::{Clock, Timestamp};

use crate::work::{Item, Work};
use crate::{Engine, SendJob, SubmitError, Turn};

/// How long to wait before looking again whether there is room.
const LOOK_AGAIN_MILLIS: i64 = 1_000;

impl<S: Store, C: Clock> Engine<S, C> {
    /// Looks how much room is left, and says so where that changes what is done.
    pub(crate) fn look_at_room(&mut self) {
        let room = self.store.room();
        let before = std::mem::replace(&mut self.room, room);
        if before.state() == room.state() {
            return;
        }
        let (free_mib, reserve_mib) = (room.free_mib(), room.reserve_mib());
        match room.state() {
            RoomState::Enough => tracing::info!(event = "disk_has_room", free_mib, reserve_mib),
            RoomState::Low => tracing::warn!(event = "disk_low", free_mib, reserve_mib),
            RoomState::Exhausted => tracing::error!(event = "disk_full", free_mib, reserve_mib),
        }
    }

    /// Whether nothing can be written: timers and outcomes wait, and no send may start.
    pub(crate) fn is_without_room(&self) -> bool {
        self.room.state() == RoomState::Exhausted
    }

    /// When to look again, while nothing can be written.
    pub(crate) fn next_look_for_room(&self, now: Timestamp) -> Option<Timestamp> {
        let next = now.saturating_add_millis(LOOK_AGAIN_MILLIS);
        self.is_without_room().then_some(next)
    }

    /// Refuses what people want written while there is little room.
    pub(crate) fn refuse_without_room(&self) -> Result<(), SubmitError> {
        match self.room.state() {
            RoomState::Enough => Ok(()),
            RoomState::Low | RoomState::Exhausted => Err(SubmitError::DiskLow { room: self.room }),
        }
    }

    /// Hands a job out, unless its outcome could not be written: then it is a try that did not take place, and once there
    /// is room it is looked at anew whether the message is still needed. A question to the provider sends nothing.
    pub(crate) fn hand_out(&mut self, job: SendJob) -> Turn {
        if !self.is_without_room() || job.message.is_none() {
            return Turn::Send(job);
        }
        let outcome = Outcome::Transient {
            reason: "not tried: the disk was full".to_owned(),
        };
        let work = Work::Settle(job.settled(outcome));
        self.backlog.push_back(Item { work, tries: 0 });
        Turn::Worked
    }

    /// Takes what can be answered without writing. The rest of the backlog waits for room.
    pub(crate) fn gather_answers(&mut self) -> VecDeque<Item> {
        let backlog = std::mem::take(&mut self.backlog);
        let (waiting, answered) = backlog.into_iter().partition(Item::writes_always);
        self.backlog = waiting;
        answered
    }

    /// Whether nothing is left to decide but what waits for room, and no message is in a provider's hands.
    pub(crate) fn only_waits_for_room(&self) -> bool {
        let come_back = |item: &&Item| item.tries == 0 && matches!(item.work, Work::Settle(_));
        let come_back = self.backlog.iter().filter(come_back).count();
        let handed_out: usize = self.sending.values().sum();
        self.backlog.len() == self.waiting_for_room() && handed_out == come_back
    }

    /// How long the backlog may be before nothing more is taken in.
    pub(crate) fn most_waiting(&self) -> usize {
        self.settings.group_items + self.waiting_for_room()
    }

    /// How much of the backlog waits for room and so is in nobody's way.
    fn waiting_for_room(&self) -> usize {
        match self.is_without_room() {
            true => self.backlog.iter().filter(|i| i.writes_always()).count(),
            false => 0,
        }
    }
}

impl Item {
    /// Whether deciding it writes: what people want is answered without that while there is no room.
    fn writes_always(&self) -> bool {
        match &self.work {
            Work::Wake(_) | Work::Dispatch(_) | Work::Settle(_) => true,
            Work::Event(_) | Work::DryRun(_) | Work::Record(_) | Work::Retry(..) => false,
        }
    }
}
