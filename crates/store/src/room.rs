//! How much room a backend has left, and what that means for those who write.

use std::fmt;

/// What may still be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum RoomState {
    /// Everything.
    #[default]
    Enough,
    /// Less than the reserve is left: nothing new is taken from people, so that timers and outcomes go on for long.
    Low,
    /// Less than a quarter of the reserve is left: nothing is written until there is more.
    Exhausted,
}

/// What a backend has left, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Free for this process; `None` where the backend has no limit of its own or cannot tell.
    pub free: Option<u64>,
    /// What is kept for timers and outcomes; 0: nothing is.
    pub reserve: u64,
}

impl Room {
    /// What may still be written.
    pub fn state(&self) -> RoomState {
        match self.free {
            Some(free) if free < self.reserve / 4 => RoomState::Exhausted,
            Some(free) if free < self.reserve => RoomState::Low,
            _ => RoomState::Enough,
        }
    }

    /// What may still be written, as it is told to people who were told `before`: a state is left for a better one only with
    /// a sixteenth of the reserve to spare, so that what hovers at a limit is not told each second.
    pub fn state_after(&self, before: RoomState) -> RoomState {
        let state = self.state();
        if state >= before {
            return state;
        }
        let spare = self.reserve / 16;
        let with_less = Room {
            free: self.free.map(|free| free.saturating_sub(spare)),
            ..*self
        };
        with_less.state()
    }

    /// What is free in MiB, rounded down; 0 where that is not known.
    pub fn free_mib(&self) -> u64 {
        self.free.unwrap_or(0) >> 20
    }

    /// The reserve in MiB, rounded down.
    pub fn reserve_mib(&self) -> u64 {
        self.reserve >> 20
    }
}

impl fmt::Display for Room {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (free, reserve) = (self.free_mib(), self.reserve_mib());
        write!(out, "{free} MiB free, {reserve} MiB kept in reserve")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_stop_at_the_reserve_and_everything_at_its_quarter() {
        let check = |free: Option<u64>, reserve: u64, expected: RoomState| {
            let room = Room { free, reserve };
            assert_eq!(room.state(), expected, "{room:?}");
        };
        check(Some(400), 400, RoomState::Enough);
        check(Some(399), 400, RoomState::Low);
        check(Some(100), 400, RoomState::Low);
        check(Some(99), 400, RoomState::Exhausted);
        check(Some(0), 400, RoomState::Exhausted);
        check(Some(0), 0, RoomState::Enough);
        check(None, 400, RoomState::Enough);
        assert_eq!(Room::default().state(), RoomState::Enough);
    }

    #[test]
    fn what_hovers_at_a_limit_is_told_once() {
        let mut told = RoomState::Enough;
        let mut check = |free: Option<u64>, expected: RoomState| {
            let room = Room { free, reserve: 400 };
            told = room.state_after(told);
            assert_eq!(told, expected, "{room:?}");
        };
        check(Some(400), RoomState::Enough);
        for free in [399, 400, 399, 424] {
            check(Some(free), RoomState::Low);
        }
        check(Some(425), RoomState::Enough);
        for free in [99, 100, 99, 124] {
            check(Some(free), RoomState::Exhausted);
        }
        check(Some(125), RoomState::Low);
        check(Some(0), RoomState::Exhausted);
        check(Some(410), RoomState::Low);
        check(None, RoomState::Enough);
    }
}
