//! Counters and health, readable from other threads without stopping the engine.

use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};

use qixian_time::Timestamp;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    Events,
    Rejections,
    Wakes,
    Groups,
    Refused,
    Unknown,
    Accepted,
    Failed,
    UnknownSends,
    Moot,
    Dead,
    Bounced,
}

const COUNTS: usize = 12;
const NONE: i64 = i64::MIN;

/// Counters of one engine.
#[derive(Debug)]
pub struct EngineStats {
    counts: [AtomicU64; COUNTS],
    inbox: AtomicUsize,
    sends_in_flight: AtomicUsize,
    set_aside: AtomicUsize,
    oldest_due_timer: AtomicI64,
    last_timer_pass: AtomicI64,
}

/// The counters at one moment, since the engine started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatsSnapshot {
    /// People's events accepted.
    pub events: u64,
    /// People's events refused.
    pub rejections: u64,
    /// Wake-ups handled.
    pub wakes: u64,
    /// Groups made durable.
    pub groups: u64,
    /// Groups the store refused.
    pub groups_refused: u64,
    /// Groups whose fate the store could not tell.
    pub groups_unknown: u64,
    /// Sends a provider took.
    pub sends_accepted: u64,
    /// Sends that were certainly not taken and are tried again.
    pub sends_failed: u64,
    /// Sends nobody can say anything about.
    pub sends_unknown: u64,
    /// Sends a recipient, text or channel stood in the way of.
    pub sends_bounced: u64,
    /// Messages to one person that were no longer needed.
    pub moot: u64,
    /// Messages to one person that reached nobody.
    pub dead: u64,
}

/// What `/readyz` asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// The oldest wake-up that is due and not handled yet.
    pub oldest_due_timer: Option<Timestamp>,
    /// When timers were last looked at.
    pub last_timer_pass: Option<Timestamp>,
    /// Events waiting.
    pub inbox: usize,
    /// Messages at providers.
    pub sends_in_flight: usize,
    /// Cases that could not be read or decided and are left alone for now.
    pub set_aside: usize,
}

impl Default for EngineStats {
    fn default() -> Self {
        Self {
            counts: std::array::from_fn(|_| AtomicU64::new(0)),
            inbox: AtomicUsize::new(0),
            sends_in_flight: AtomicUsize::new(0),
            set_aside: AtomicUsize::new(0),
            oldest_due_timer: AtomicI64::new(NONE),
            last_timer_pass: AtomicI64::new(NONE),
        }
    }
}

impl EngineStats {
    /// The counters now.
    pub fn snapshot(&self) -> StatsSnapshot {
        let of = |count: Count| self.counts[count as usize].load(Ordering::Relaxed);
        StatsSnapshot {
            events: of(Count::Events),
            rejections: of(Count::Rejections),
            wakes: of(Count::Wakes),
            groups: of(Count::Groups),
            groups_refused: of(Count::Refused),
            groups_unknown: of(Count::Unknown),
            sends_accepted: of(Count::Accepted),
            sends_failed: of(Count::Failed),
            sends_unknown: of(Count::UnknownSends),
            sends_bounced: of(Count::Bounced),
            moot: of(Count::Moot),
            dead: of(Count::Dead),
        }
    }

    /// Health now.
    pub fn health(&self) -> Health {
        Health {
            oldest_due_timer: instant(&self.oldest_due_timer),
            last_timer_pass: instant(&self.last_timer_pass),
            inbox: self.inbox.load(Ordering::Relaxed),
            sends_in_flight: self.sends_in_flight.load(Ordering::Relaxed),
            set_aside: self.set_aside.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn add(&self, count: Count, by: u64) {
        self.counts[count as usize].fetch_add(by, Ordering::Relaxed);
    }

    /// Notes the oldest wake-up that is due, and when timers were looked at; `None` where they only wait.
    pub(crate) fn see_timers(&self, passed: Option<Timestamp>, oldest_due: Option<Timestamp>) {
        let oldest = oldest_due.map_or(NONE, Timestamp::as_millis);
        self.oldest_due_timer.store(oldest, Ordering::Relaxed);
        if let Some(passed) = passed {
            self.last_timer_pass
                .store(passed.as_millis(), Ordering::Relaxed);
        }
    }

    pub(crate) fn see_queues(&self, inbox: usize, sends_in_flight: usize, set_aside: usize) {
        self.inbox.store(inbox, Ordering::Relaxed);
        self.sends_in_flight
            .store(sends_in_flight, Ordering::Relaxed);
        self.set_aside.store(set_aside, Ordering::Relaxed);
    }
}

fn instant(cell: &AtomicI64) -> Option<Timestamp> {
    match cell.load(Ordering::Relaxed) {
        NONE => None,
        millis => Some(Timestamp::from_millis(millis)),
    }
}
