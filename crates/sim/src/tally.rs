//! How often each kind of fault and of people's act really happened.

use std::collections::BTreeMap;
use std::fmt;

/// How often something was tried, and how often it was accepted. For a fault, `tried` is how often it struck.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// How often.
    pub tried: u64,
    /// How often with success.
    pub accepted: u64,
}

/// Counts by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<&'static str, Times>);

impl Tally {
    /// Every fault a world knows.
    pub const FAULTS: [&'static str; 27] = [
        "group refused",
        "group refused as a conflict",
        "group done, answer lost",
        "group not done, answer lost",
        "slow disk",
        "late answer of the disk",
        "answers of the disk out of order",
        "disk low",
        "disk full",
        "crash",
        "crash, groups lost",
        "crash, groups kept",
        "crash, durable and not answered",
        "crash in the middle of a send",
        "sent, then crashed",
        "clock forward",
        "clock back",
        "host suspended",
        "slow provider",
        "provider throttles",
        "provider fails for now",
        "sent, receipt lost",
        "not sent, receipt lost",
        "provider refuses",
        "provider down",
        "says accepted, did not send",
        "says failed, did send",
    ];

    /// Everything people do that can be accepted.
    pub const ACTS: [&'static str; 29] = [
        "start",
        "start mid-way",
        "fact",
        "late fact",
        "fact that is not possible now",
        "edit",
        "note",
        "party put",
        "party removed",
        "withdraw",
        "replace",
        "move",
        "pause",
        "resume",
        "close",
        "reopen",
        "release",
        "record put",
        "record removed",
        "message retried",
        "dry run",
        "asked again",
        "asked again with room",
        "calendar loaded",
        "rules loaded",
        "workflows loaded",
        "recompute",
        "recompute without effect",
        "provisional date made firm",
    ];

    /// What nobody may get away with.
    pub const WRONG: [&'static str; 8] = [
        "unknown event",
        "bad field",
        "fact from the future",
        "stale edit",
        "unknown case",
        "key used again",
        "correction of nothing",
        "stale record",
    ];

    /// One more of these.
    pub fn tried(&mut self, name: &'static str) {
        self.0.entry(name).or_default().tried += 1;
    }

    /// One of these was accepted.
    pub fn accepted(&mut self, name: &'static str) {
        self.0.entry(name).or_default().accepted += 1;
    }

    /// How often this happened.
    pub fn of(&self, name: &str) -> Times {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// Takes in the counts of another world.
    pub fn add(&mut self, other: &Self) {
        for (name, times) in &other.0 {
            let sum = self.0.entry(name).or_default();
            sum.tried += times.tried;
            sum.accepted += times.accepted;
        }
    }

    /// What ought to happen and never did.
    pub fn missing(&self) -> Vec<&'static str> {
        let struck = |name: &&&'static str| self.of(name).tried == 0;
        let done = |name: &&&'static str| self.of(name).accepted == 0;
        let faults = Self::FAULTS.iter().chain(&Self::WRONG).filter(struck);
        let acts = Self::ACTS.iter().filter(done);
        faults.chain(acts).copied().collect()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for name in Self::FAULTS {
            writeln!(out, "  {:>9}  {name}", self.of(name).tried)?;
        }
        for name in Self::ACTS.iter().chain(&Self::WRONG) {
            let Times { tried, accepted } = self.of(name);
            writeln!(out, "  {tried:>9}  {name}, {accepted} accepted")?;
        }
        Ok(())
    }
}
