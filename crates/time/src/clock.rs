//! Who says what time it is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crate::Timestamp;

/// The source of "now". A turn of the engine asks once and passes the answer down; nothing below it asks again.
pub trait Clock: Send + Sync {
    /// The present instant. Two calls may give the same one, and a later call an earlier one: wall clocks are stepped.
    fn now(&self) -> Timestamp;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

impl<C: Clock + ?Sized> Clock for &C {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

/// The machine's wall clock. A clock set before 1970 reads as [`Timestamp::MIN`].
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the wall clock"
    )]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}

/// A clock that moves only when told, in both directions. Clones show the same time.
///
/// ```
/// use qixian_time::{Clock, SimClock, Timestamp};
/// let clock = SimClock::new(Timestamp::parse("2026-02-13T17:30:00+08:00")?);
/// let seen_by_the_engine = clock.clone();
/// clock.advance_millis(48 * 3_600_000);
/// assert_eq!(seen_by_the_engine.now().to_string(), "2026-02-15T09:30:00Z");
/// # Ok::<(), qixian_time::TimeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SimClock {
    millis: Arc<AtomicI64>,
}

impl SimClock {
    /// A clock that stands at `start`.
    pub fn new(start: Timestamp) -> Self {
        Self {
            millis: Arc::new(AtomicI64::new(start.as_millis())),
        }
    }

    /// Puts the clock to `now`, be it forward or back.
    pub fn set(&self, now: Timestamp) {
        self.millis.store(now.as_millis(), Ordering::SeqCst);
    }

    /// Puts the clock forward by that many milliseconds, back when negative, and answers the new time.
    pub fn advance_millis(&self, millis: i64) -> Timestamp {
        let moved = |now| {
            Some(
                Timestamp::from_millis(now)
                    .saturating_add_millis(millis)
                    .as_millis(),
            )
        };
        let before = self
            .millis
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, moved)
            .unwrap_or_else(|now| now);
        Timestamp::from_millis(before).saturating_add_millis(millis)
    }

    /// Puts the clock forward by `step`, to the millisecond, and answers the new time.
    pub fn advance(&self, step: Duration) -> Timestamp {
        self.advance_millis(i64::try_from(step.as_millis()).unwrap_or(i64::MAX))
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.millis.load(Ordering::SeqCst))
    }
}

/// Measures how long something takes, untouched by changes of the wall clock. For metrics and waiting, not for dates.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch {
    started: Instant,
}

impl Stopwatch {
    /// Starts measuring.
    #[allow(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the monotonic clock"
    )]
    pub fn start() -> Self {
        Self {
            started: Instant::now(),
        }
    }

    /// The time since the start.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sim_clock_moves_both_ways_and_stops_at_the_ends() {
        let clock = SimClock::new(Timestamp::from_millis(1_000));
        let other = clock.clone();
        assert_eq!(clock.advance_millis(500), Timestamp::from_millis(1_500));
        assert_eq!(other.advance_millis(-1_200), Timestamp::from_millis(300));
        assert_eq!(clock.advance_millis(-1_000), Timestamp::MIN);
        assert_eq!(clock.advance(Duration::MAX), Timestamp::MAX);
        clock.set(Timestamp::from_millis(7));
        assert_eq!(other.now(), Timestamp::from_millis(7));
    }

    #[test]
    fn system_clock_is_past_the_day_this_was_written() {
        let written = Timestamp::parse("2026-01-01T00:00:00Z").expect("a good time");
        assert!(SystemClock.now() > written);
    }

    #[test]
    fn clocks_can_be_shared_behind_a_pointer() {
        let shared: Arc<dyn Clock> = Arc::new(SimClock::new(Timestamp::from_millis(9)));
        assert_eq!(shared.now(), Timestamp::from_millis(9));
        assert!(Stopwatch::start().elapsed() < Duration::from_secs(3_600));
    }
}
