//! What the disk itself gives: one appends 4 KiB and waits for fdatasync, again and again. Every rate is told beside it,
//! measured right before and right after, since disks change their pace.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use qixian_time::Stopwatch;
use serde_json::{Value, json};

use super::report::Spread;

/// One block of the loop.
const BLOCK: [u8; 4_096] = [7; 4_096];
/// How long it is measured each time, unless the rounds are shorter.
const LENGTH: Duration = Duration::from_millis(700);

/// The floor at each moment it was measured.
#[derive(Debug, Default)]
pub(super) struct Floor {
    rates: Vec<f64>,
    spread: Spread,
}

impl Floor {
    /// Measures once more, in `dir`, for at most `round`; answers how often a second.
    pub(super) fn measure(&mut self, dir: &Path, round: Duration) -> io::Result<f64> {
        let path = dir.join("floor");
        let mut file = File::create(&path)?;
        let watch = Stopwatch::start();
        let mut took = Vec::new();
        while watch.elapsed() < LENGTH.min(round) {
            let one = Stopwatch::start();
            file.write_all(&BLOCK)?;
            file.sync_data()?;
            took.push(one.elapsed());
        }
        let rate = took.len() as f64 / watch.elapsed().as_secs_f64();
        std::fs::remove_file(path)?;
        self.spread = Spread::of(&mut took);
        self.rates.push(rate);
        Ok(rate)
    }

    /// The mean of the last two: right before and right after a round.
    pub(super) fn around(&self) -> f64 {
        let last = &self.rates[self.rates.len().saturating_sub(2)..];
        last.iter().sum::<f64>() / last.len().max(1) as f64
    }

    /// The median of all: a single stall of the disk does not change it.
    pub(super) fn median(&self) -> f64 {
        let mut rates = self.rates.clone();
        rates.sort_by(f64::total_cmp);
        rates.get(rates.len() / 2).copied().unwrap_or_default()
    }

    /// Lowest and highest, for people.
    pub(super) fn range(&self) -> (f64, f64) {
        let highest = self.rates.iter().copied().fold(0.0, f64::max);
        let lowest = self.rates.iter().copied().fold(highest, f64::min);
        (lowest, highest)
    }

    /// Every measurement in its order, and how long the blocks of the last took.
    pub(super) fn json(&self) -> Value {
        json!({ "loop": "append 4 KiB + fdatasync", "per_second": self.rates, "last": self.spread.json() })
    }
}
