//! Which faults a seed uses, and how often.

use crate::Rng;

/// Rates per mille of each occasion; 0 where the seed does without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultPlan {
    /// A group is refused.
    pub refused: u64,
    /// A group's answer is lost.
    pub unknown: u64,
    /// The process dies, per step.
    pub crash: u64,
    /// The clock jumps, per step without anything else to do.
    pub clock_jump: u64,
    /// A provider answers something else than *accepted*.
    pub provider: u64,
    /// A job is left lying while time goes on.
    pub slow: u64,
    /// Time goes on while groups wait for the disk.
    pub slow_disk: u64,
    /// Providers can be asked what became of a message.
    pub can_look_up: bool,
}

impl FaultPlan {
    /// The plan of a seed: each fault is used by about half of them.
    pub fn draw(rng: &mut Rng) -> Self {
        let mut rate = |most: u64| {
            let used = rng.chance(500);
            let rate = 1 + rng.below(most);
            if used { rate } else { 0 }
        };
        Self {
            refused: rate(60),
            unknown: rate(60),
            crash: rate(8),
            clock_jump: rate(40),
            provider: rate(400),
            slow: rate(400),
            slow_disk: rate(100),
            can_look_up: rng.chance(500),
        }
    }

    /// No faults at all.
    pub fn none() -> Self {
        Self {
            refused: 0,
            unknown: 0,
            crash: 0,
            clock_jump: 0,
            provider: 0,
            slow: 0,
            slow_disk: 0,
            can_look_up: true,
        }
    }
}
