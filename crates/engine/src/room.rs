//! What goes on while the store has little room: first nothing new is taken from people, then nothing is written at all.

use std::collections::{HashMap, VecDeque};

use qixian_core::{LegStatus, OutboxId};
use qixian_store::{OutboxEntry, OutboxWrite, RoomState, Store};
use qixian_time::{Clock, Timestamp};

use crate::decide::Failure;
use crate::dispatch::next_look;
use crate::inflight::Draft;
use crate::work::{Answer, Decided, Item, Untried, Work};
use crate::{Engine, SendJob, SubmitError, Turn};

/// How long to wait before looking again whether there is room.
const LOOK_AGAIN_MILLIS: i64 = 1_000;

impl<S: Store, C: Clock> Engine<S, C> {
    /// Looks how much room is left, and says so where that changes what is done. What is done follows the store at once;
    /// that it got better is said with some room to spare.
    pub(crate) fn look_at_room(&mut self) {
        let room = self.store.room();
        self.room = room;
        let state = room.state_after(self.told_room);
        if std::mem::replace(&mut self.told_room, state) == state {
            return;
        }
        let (free_mib, reserve_mib) = (room.free_mib(), room.reserve_mib());
        match state {
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

    /// Hands a job out, unless its outcome could not be written: then the try did not take place, and once there is room
    /// it is looked at anew whether the message is still needed. A question to the provider sends nothing.
    pub(crate) fn hand_out(&mut self, job: SendJob) -> Turn {
        if !self.is_without_room() || job.message.is_none() {
            return Turn::Send(job);
        }
        let work = Work::Untried(Untried {
            entry: job.entry,
            leg: job.leg,
            provider: job.provider.name().to_owned(),
            attempt: job.context.attempt,
        });
        self.backlog.push_back(Item { work, tries: 0 });
        Turn::Worked
    }

    /// Takes the mark of a try that did not take place back: the message waits as before, and no try is counted.
    pub(crate) async fn decide_untried(
        &mut self,
        untried: &Untried,
        entries: &HashMap<OutboxId, OutboxEntry>,
        now: Timestamp,
        draft: &mut Draft,
    ) -> Result<Decided, Failure> {
        let nothing = Ok(Decided::Answer(Answer::Nothing));
        let known = self.overlay.entry(untried.entry);
        let known = known.or_else(|| entries.get(&untried.entry));
        let Some(mut entry) = known.cloned() else {
            return nothing;
        };
        let due_before = entry.next_at;
        let Some(state) = entry.legs.get_mut(usize::from(untried.leg)) else {
            return nothing;
        };
        let tries = u32::try_from(state.attempts.len()).unwrap_or(u32::MAX);
        if state.status != LegStatus::Sending || tries != untried.attempt {
            return nothing;
        }
        state.attempts.pop();
        state.status = LegStatus::Queued;
        state.next_at = Some(now);
        entry.next_at = next_look(&entry, now);
        let write = OutboxWrite { due_before, entry };
        self.accept_entry(write, &[], now, draft).await?;
        nothing
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
        let come_back = |item: &&Item| {
            item.tries == 0 && matches!(item.work, Work::Settle(_) | Work::Untried(_))
        };
        let come_back = self.backlog.iter().filter(come_back).count();
        let handed_out: usize = self.sending.values().sum();
        self.backlog.len() == self.waiting_for_room() && handed_out == come_back
    }

    /// How many messages left whose outcome is known here only, since it could not be written yet. A process that ends now
    /// finds them as under way at its next start.
    pub fn outcomes_unwritten(&self) -> usize {
        let settles = |item: &&Item| matches!(item.work, Work::Settle(_));
        self.backlog.iter().filter(settles).count()
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
            Work::Wake(_) | Work::Dispatch(_) | Work::Settle(_) | Work::Untried(_) => true,
            Work::Event(_) | Work::DryRun(_) | Work::Record(_) | Work::Retry(..) => false,
        }
    }
}
