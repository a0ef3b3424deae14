//! Many seeds on all cores.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{Failure, History, Scenery, Summary, replay};

/// Seeds to live, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seeds(pub Vec<u64>);

/// What many seeds came to.
#[derive(Debug, Default)]
pub struct Run {
    /// All together.
    pub total: Summary,
    /// Those that failed, and how.
    pub failed: Vec<(u64, Failure)>,
}

/// All of them, consecutive ones as a range.
impl fmt::Display for Seeds {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_slice();
        let mut gap = "";
        while let [first, ..] = rest {
            let run = rest
                .windows(2)
                .take_while(|w| w[0].checked_add(1) == Some(w[1]));
            let len = run.count() + 1;
            let last = rest[len - 1];
            match len {
                1 => write!(out, "{gap}{first}")?,
                _ => write!(out, "{gap}{first}-{last}")?,
            }
            (rest, gap) = (&rest[len..], " ");
        }
        Ok(())
    }
}

impl Run {
    fn take(&mut self, seed: u64, outcome: Result<Summary, Failure>) {
        let one = match outcome {
            Ok(one) => one,
            Err(failure) => return self.failed.push((seed, failure)),
        };
        let total = &mut self.total;
        total.steps += one.steps;
        total.acknowledged += one.acknowledged;
        total.found += one.found;
        total.refused += one.refused;
        total.delivered += one.delivered;
        total.crashes += one.crashes;
        total.compared += one.compared;
        total.tally.add(&one.tally);
    }
}

/// Lives each seed for `days` days, on as many threads as there are cores; `progress` hears how many are done.
pub fn run(
    seeds: &Seeds,
    days: i64,
    scenery: &Scenery,
    progress: impl Fn(usize, &Run) + Sync,
) -> Run {
    let threads = std::thread::available_parallelism().map_or(2, |n| n.get());
    let (next, run) = (AtomicUsize::new(0), Mutex::new((0, Run::default())));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(seed) = seeds.0.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let lived = replay(&History::whole(*seed, days), scenery, None);
                    if let Ok(mut run) = run.lock() {
                        run.0 += 1;
                        run.1.take(*seed, lived.outcome);
                        progress(run.0, &run.1);
                    }
                }
            });
        }
    });
    let mut run = run.into_inner().map(|(_, run)| run).unwrap_or_default();
    run.failed.sort_by_key(|(seed, _)| *seed);
    run
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_printed_as_ranges() {
        let check = |seeds: &[u64], text: &str| assert_eq!(Seeds(seeds.to_vec()).to_string(), text);
        check(&[], "");
        check(&[126], "126");
        check(&[126, 2, 3, 4, 9], "126 2-4 9");
        check(
            &[u64::MAX - 1, u64::MAX, 0],
            "18446744073709551614-18446744073709551615 0",
        );
    }
}
