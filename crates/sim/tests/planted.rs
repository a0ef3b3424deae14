//! Four bugs on purpose, each found within a few seeds: the checkers can fail.

use qixian_sim::{Compared, Failure, Sabotage, Scenery, World};

/// Days each seed lives.
const DAYS: i64 = 60;
/// Within so many seeds each bug is found.
const SEEDS: u64 = 10;

fn scenery() -> Scenery {
    Scenery::shipped().unwrap_or_else(|why| panic!("{why}"))
}

/// What the checkers say of each bug: where it shows first hangs on the seed.
fn sentences(bug: Sabotage) -> &'static [&'static str] {
    match bug {
        Sabotage::TimerLost => &["a timer was lost"],
        Sabotage::DoubleEffect => &[
            "an event took effect twice",
            "an event asked again was not known again",
        ],
        Sabotage::EarlyAnswer => &["answered before it was durable", "is handed out and not"],
        Sabotage::RungSkipped => &["a rung was skipped"],
    }
}

/// Lives seed after seed until one fails; answers the seed and what was said.
fn caught(scenery: &Scenery, bug: Sabotage) -> Option<(u64, String)> {
    (1..=SEEDS).find_map(|seed| {
        let lived = World::sabotaged(seed, scenery, Some(bug)).live(DAYS);
        let Failure(what) = lived.err()?;
        Some((seed, what))
    })
}

#[test]
fn every_planted_bug_is_caught() {
    let scenery = scenery();
    for bug in Sabotage::ALL {
        let Some((seed, what)) = caught(&scenery, bug) else {
            panic!("{bug:?} was not caught within {SEEDS} seeds");
        };
        let said = what
            .lines()
            .find(|line| sentences(bug).iter().any(|s| line.contains(s)));
        let Some(said) = said else {
            panic!("{bug:?} was caught by another sentence: {what}");
        };
        let turn = what.lines().next().unwrap_or_default();
        println!("{bug:?}: caught by seed {seed} of at most {SEEDS} ({turn}): {said}");
    }
}

/// The same seeds without a bug keep every promise: it is the bug that is caught. And nearly every line was compared with
/// the reference model.
#[test]
fn without_a_bug_the_same_seeds_pass() {
    let scenery = scenery();
    let mut compared = Compared::default();
    for seed in 1..=SEEDS {
        match World::new(seed, &scenery).live(DAYS) {
            Ok(summary) => compared += summary.compared,
            Err(failure) => panic!("{failure}"),
        }
    }
    println!("{compared}");
    assert!(
        compared.deadlines > 100 && compared.corrections > 0,
        "{compared}"
    );
    assert!(compared.skipped * 100 <= compared.cases, "{compared}");
}
