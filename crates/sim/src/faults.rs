//! Which faults a seed uses, and how often.

use crate::Rng;

/// Rates per mille of each occasion, or mean days between two; 0 where the seed does without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultPlan {
    /// A group is refused.
    pub refused: u64,
    /// A group's answer is lost.
    pub unknown: u64,
    /// A group takes its time to become durable.
    pub slow_disk: u64,
    /// The answer for a group comes late, maybe after those for later ones.
    pub late_answer: u64,
    /// A provider answers something else than *accepted*.
    pub provider: u64,
    /// Of those, how many are lies.
    pub lies: u64,
    /// A provider takes its time.
    pub slow: u64,
    /// An answer does not reach its sender.
    pub lost_answer: u64,
    /// Days between two deaths of the process.
    pub crash_days: u64,
    /// Days between two jumps of the clock.
    pub jump_days: u64,
    /// Days between two times that the host is suspended.
    pub suspend_days: u64,
    /// Days between two times that the disk has little room, or none.
    pub room_days: u64,
    /// Days between two loads of calendars, rules or workflows.
    pub load_days: u64,
    /// Minutes between two things people do.
    pub busy_minutes: u64,
    /// Providers can be asked what became of a message.
    pub can_look_up: bool,
}

impl FaultPlan {
    /// The plan of a seed: each fault is used by about half of them.
    pub fn draw(rng: &mut Rng) -> Self {
        let used = |rng: &mut Rng, least: u64, most: u64| {
            let used = rng.chance(500);
            let drawn = least + rng.below(most - least);
            if used { drawn } else { 0 }
        };
        Self {
            refused: used(rng, 1, 60),
            unknown: used(rng, 1, 60),
            slow_disk: used(rng, 1, 100),
            late_answer: used(rng, 1, 300),
            provider: used(rng, 1, 400),
            lies: used(rng, 1, 300),
            slow: used(rng, 1, 300),
            lost_answer: used(rng, 1, 100),
            crash_days: used(rng, 3, 30),
            jump_days: used(rng, 5, 60),
            suspend_days: used(rng, 20, 120),
            load_days: used(rng, 20, 120),
            busy_minutes: rng
                .pick(&[90, 180, 300, 600, 1_200])
                .copied()
                .unwrap_or(300),
            can_look_up: rng.chance(500),
            room_days: used(rng, 10, 60),
        }
    }

    /// No faults at all.
    pub fn none() -> Self {
        Self {
            refused: 0,
            unknown: 0,
            slow_disk: 0,
            late_answer: 0,
            provider: 0,
            lies: 0,
            slow: 0,
            lost_answer: 0,
            crash_days: 0,
            jump_days: 0,
            suspend_days: 0,
            room_days: 0,
            load_days: 0,
            busy_minutes: 0,
            can_look_up: true,
        }
    }
}
