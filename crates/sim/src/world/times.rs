//! The three times of a world: true time, which passes for everybody; the host's clock, which may be wrong; and the time
//! that the host was awake, which disks and providers wait by.

use qixian_time::{Clock, SimClock, Timestamp};

#[derive(Debug)]
pub(super) struct Times {
    /// The host's clock.
    pub(super) clock: SimClock,
    now: Timestamp,
    suspended: i64,
}

impl Times {
    /// All is well at `start`.
    pub(super) fn new(start: Timestamp) -> Self {
        Self {
            clock: SimClock::new(start),
            now: start,
            suspended: 0,
        }
    }

    /// True time.
    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    /// What the host's clock shows.
    pub(super) fn shown(&self) -> Timestamp {
        self.clock.now()
    }

    /// Milliseconds the host was awake, from some point on.
    pub(super) fn awake(&self) -> i64 {
        self.now.as_millis() - self.suspended
    }

    /// Time passes.
    pub(super) fn pass(&mut self, millis: i64) {
        self.now = self.now.saturating_add_millis(millis);
        self.clock.advance_millis(millis);
    }

    /// The host is suspended: time passes and nobody on it notices. Its clock is right afterwards as before.
    pub(super) fn suspend(&mut self, millis: i64) {
        self.suspended += millis;
        self.pass(millis);
    }

    /// The clock is off by so much more; no time passes.
    pub(super) fn jump(&mut self, millis: i64) {
        self.clock.advance_millis(millis);
    }

    /// How much the clock is ahead of true time.
    pub(super) fn ahead(&self) -> i64 {
        self.shown().millis_since(self.now)
    }
}
