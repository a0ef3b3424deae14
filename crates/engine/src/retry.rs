//! When to try again.

use qixian_time::Timestamp;

use crate::Randomness;

/// Exponential back-off with jitter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The first wait, in milliseconds.
    pub first_millis: i64,
    /// The longest wait, in milliseconds.
    pub cap_millis: i64,
    /// How many failed tries one channel gets before the next channel's turn.
    pub tries_per_channel: usize,
    /// Each wait is spread by up to this many per cent either way.
    pub jitter_percent: u8,
}

impl Default for RetryPolicy {
    /// 30 s, doubling to an hour, 8 tries, ±20 %.
    fn default() -> Self {
        Self {
            first_millis: 30_000,
            cap_millis: 3_600_000,
            tries_per_channel: 8,
            jitter_percent: 20,
        }
    }
}

impl RetryPolicy {
    /// When to try again after `failed` tries on this channel (1 or more); `None` when the channel has had its tries or
    /// the next one would come at or after `give_up_at`.
    pub fn next_at(
        &self,
        now: Timestamp,
        failed: usize,
        give_up_at: Option<Timestamp>,
        random: &mut dyn Randomness,
    ) -> Option<Timestamp> {
        if failed >= self.tries_per_channel {
            return None;
        }
        let doublings = u32::try_from(failed.saturating_sub(1))
            .unwrap_or(u32::MAX)
            .min(30);
        let wait = self
            .first_millis
            .saturating_mul(1_i64 << doublings)
            .min(self.cap_millis);
        let at = now.saturating_add_millis(self.spread(wait, random));
        give_up_at.is_none_or(|end| at < end).then_some(at)
    }

    fn spread(&self, wait: i64, random: &mut dyn Randomness) -> i64 {
        let reach = wait / 100 * i64::from(self.jitter_percent);
        let width = u64::try_from(reach.saturating_mul(2)).unwrap_or(0) + 1;
        let offset = i64::try_from(random.below(width)).unwrap_or(0);
        wait - reach + offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededRandom;

    #[test]
    fn waits_double_up_to_the_cap_and_end() {
        let policy = RetryPolicy {
            jitter_percent: 0,
            ..RetryPolicy::default()
        };
        let now = Timestamp::from_millis(1_000_000);
        let check = |failed: usize, expected: Option<i64>| {
            let at = policy.next_at(now, failed, None, &mut SeededRandom::new(1));
            assert_eq!(at.map(|at| at - now), expected, "after {failed} failures");
        };
        check(1, Some(30_000));
        check(2, Some(60_000));
        check(7, Some(1_920_000));
        check(8, None);
    }

    #[test]
    fn never_at_or_past_the_end() {
        let policy = RetryPolicy::default();
        let now = Timestamp::from_millis(0);
        for seed in 0..100 {
            let mut random = SeededRandom::new(seed);
            let end = Timestamp::from_millis(30_000);
            let at = policy.next_at(now, 1, Some(end), &mut random);
            assert!(at.is_none_or(|at| at < end && at.as_millis() >= 24_000));
        }
    }
}
