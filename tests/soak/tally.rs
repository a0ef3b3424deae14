//! What callers and readers count together, taken every few seconds.

use std::fmt::Display;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counters, and how long the answers of this window took.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    acknowledged: AtomicU64,
    refused: AtomicU64,
    errors: AtomicU64,
    micros: Mutex<Vec<u64>>,
}

/// Middle, 99th percentile and longest of a window, in milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

fn load(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Tally {
    pub(crate) fn acknowledged(&self) {
        add(&self.acknowledged);
    }

    pub(crate) fn refused(&self) {
        add(&self.refused);
    }

    /// Neither acknowledged nor properly refused; said at once, so that a long run can be looked into.
    pub(crate) fn failed(&self, error: &impl Display) {
        add(&self.errors);
        eprintln!("error: {error}");
    }

    pub(crate) fn took(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.micros.lock().expect("no panic under it").push(micros);
    }

    /// Acknowledged, refused and errors so far.
    pub(crate) fn counts(&self) -> [u64; 3] {
        [&self.acknowledged, &self.refused, &self.errors].map(load)
    }

    /// The latencies since the last call.
    pub(crate) fn latency(&self) -> Latency {
        let mut micros = std::mem::take(&mut *self.micros.lock().expect("no panic under it"));
        micros.sort_unstable();
        let at = |share: f64| {
            let last = micros.len().checked_sub(1)?;
            micros.get((last as f64 * share) as usize).copied()
        };
        let millis = |share| at(share).unwrap_or_default() as f64 / 1_000.0;
        Latency {
            p50: millis(0.5),
            p99: millis(0.99),
            max: millis(1.0),
        }
    }
}
