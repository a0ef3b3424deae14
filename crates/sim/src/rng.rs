//! Seeded choices.

use qixian_engine::SeededRandom;

use crate::Key;

/// Choices that repeat for the same seed.
#[derive(Clone, Debug)]
pub struct Rng(SeededRandom);

impl Rng {
    /// The choices of `seed`.
    pub fn new(seed: u64) -> Self {
        Self(SeededRandom::new(seed))
    }

    /// The choices of one thing in the world of `seed`. They stay what they are whatever else happens or does not, which
    /// is what makes a history shrink.
    pub fn of(seed: u64, key: Key) -> Self {
        let mut mixed = SeededRandom::new(seed ^ (key.kind as u64) << 56);
        let mut own = SeededRandom::new(mixed.next_u64() ^ key.no);
        Self(SeededRandom::new(own.next_u64()))
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `bound`; 0 for a bound of 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.number().checked_rem(bound).unwrap_or(0)
    }

    /// As many milliseconds, below `bound`; 0 where that is not positive.
    pub fn millis(&mut self, bound: i64) -> i64 {
        let bound = u64::try_from(bound).unwrap_or(0);
        i64::try_from(self.below(bound)).unwrap_or(0)
    }

    /// Whether something happens that happens `per_mille` times in a thousand.
    pub fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1_000) < per_mille
    }

    /// One of these; `None` of none.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.place(of.len()))
    }

    /// A place below `len`; 0 for an empty list.
    pub fn place(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or(0)
    }

    /// One of these, such that others coming or going mostly leave it the same; `None` of none.
    pub fn prefer<'a, T>(&mut self, of: &'a [T], name: impl Fn(&T) -> u64) -> Option<&'a T> {
        let salt = self.number();
        let weight = |one: &&T| SeededRandom::new(salt ^ name(one)).next_u64();
        of.iter().max_by_key(weight)
    }
}

/// A stable number for a text (FNV-1a).
pub(crate) fn hash(text: &str) -> u64 {
    hash_bytes(text.as_bytes())
}

/// A stable number for some bytes (FNV-1a).
pub(crate) fn hash_bytes(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
