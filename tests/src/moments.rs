//! Seeded choices, so that a failing run can be asked for again by its seed.

use std::time::Duration;

use qixian_time::{Clock, SystemClock};

/// A stream of choices from one seed (SplitMix64).
#[derive(Clone, Debug)]
pub struct Moments(u64);

impl Moments {
    /// The stream of `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The seed named by environment variable `SEED`, else one from the clock. Print it.
    ///
    /// # Panics
    /// When `SEED` is no number.
    pub fn seed() -> u64 {
        match std::env::var("SEED") {
            Ok(text) => text.parse().expect("SEED is a number"),
            Err(_) => SystemClock.now().as_millis().unsigned_abs(),
        }
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is at least 1.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// An index below `len`, which is at least 1.
    pub fn index(&mut self, len: usize) -> usize {
        (self.next() % len as u64) as usize
    }

    /// True once in `of` times.
    pub fn one_in(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }

    /// Between `least` and `most` milliseconds.
    pub fn millis(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(least + self.below(most - least + 1))
    }
}

/// How many: environment variable `name`, else `usual`.
///
/// # Panics
/// When the variable is no number.
pub fn count(name: &str, usual: usize) -> usize {
    match std::env::var(name) {
        Ok(text) => text.parse().expect("a count is a number"),
        Err(_) => usual,
    }
}
