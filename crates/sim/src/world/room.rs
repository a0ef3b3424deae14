//! A disk that for a while has little room, or none.

use qixian_store::{Group, Room, RoomState, Store};
use qixian_time::Timestamp;

use super::{HOUR, World};
use crate::{Failure, Key, Rng};

/// What the store keeps in reserve.
const RESERVE: u64 = 256 << 20;
/// Free where there is room, little room, and none.
const FREE: [u64; 3] = [1 << 40, 100 << 20, 20 << 20];
/// Most hours that it lasts.
const HOURS_MAX: i64 = 96;

impl World {
    /// Something else fills the disk up, to the reserve or to the end.
    pub(super) fn squeeze(&mut self, key: Key, mut rng: Rng) {
        let millis = rng.millis(HOURS_MAX * HOUR);
        let (name, free) = match rng.chance(500) {
            true => ("disk low", FREE[1]),
            false => ("disk full", FREE[2]),
        };
        self.summary.tally.tried(name);
        let what = format!("{name} for {} h", millis / HOUR);
        self.script.note(key, self.times.now(), what.clone());
        self.note(|| what);
        self.set_room(free);
        self.squeezed_until = Some(self.times.now().saturating_add_millis(millis));
    }

    /// There is room again, once its time has come; `now`: at once.
    pub(super) fn make_room(&mut self, now: bool) {
        let over = |until: &mut Timestamp| now || *until <= self.times.now();
        if self.squeezed_until.take_if(over).is_some() {
            self.set_room(FREE[0]);
            self.note(|| "there is room".to_owned());
        }
    }

    fn set_room(&self, free: u64) {
        self.control.set_room(Room {
            free: Some(free),
            reserve: RESERVE,
        });
    }

    /// Whether the engine can write nothing, so that what is due must wait.
    pub(super) fn is_full(&self) -> bool {
        self.room_state() == RoomState::Exhausted
    }

    /// What may be written now.
    pub(super) fn room_state(&self) -> RoomState {
        self.store.room().state()
    }

    /// Looks at a group that was just submitted: with little room nothing of what people want is in it. With none the store
    /// itself refuses every group; the engine still asks it what became of a doubtful one by a group.
    pub(super) fn keeps_reserve(&self, state: RoomState, group: &Group) -> Result<(), Failure> {
        if state == RoomState::Enough {
            return Ok(());
        }
        let wrong = |what: String| {
            Err(Failure(format!(
                "{what} was written with the disk {state:?}"
            )))
        };
        for commit in &group.commits {
            let lines = commit.cases.iter().filter_map(|w| w.journal.as_ref());
            for line in lines {
                if self.senders.is_asked_for(&line.id) {
                    return wrong(format!("`{}` ({})", line.id, line.event));
                }
            }
            // A record written again as it is asks what became of a doubtful group; it is nobody's wish.
            if let Some(record) = commit.records.iter().find(|w| w.before != w.after) {
                return wrong(format!("record {:?}", record.key));
            }
        }
        Ok(())
    }
}
