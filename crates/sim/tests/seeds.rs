//! Seeded simulations, each of a simulated year, and every history that failed once.
//!
//! `tests/run sim` lives 2,000 seeds, optimised; a plain `cargo test` a few. `QIXIAN_SEEDS=n` runs n seeds, `QIXIAN_SEED=s` that
//! one. All seeds are printed. A failing one is shrunk and printed with the shortest history found, which belongs into
//! `kept/` beside this directory once it is understood.

use std::path::{Path, PathBuf};

use qixian_sim::{History, Scenery, Seeds, replay, run, shrink};
use qixian_time::{Clock, SystemClock};

/// Seeds that failed once.
const KEPT: [u64; 1] = [126];
/// Days each seed lives.
const DAYS: i64 = 365;
/// How many failing seeds are shrunk.
const SHRUNK_MAX: usize = 3;
/// How many seeds are lived where nobody says how many.
const FEW: u64 = 6;
/// So many seeds make each kind of fault and of people's act happen.
const ENOUGH: usize = 1_000;

/// A place beside this crate's sources.
fn beside(place: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(place)
}

fn scenery() -> Scenery {
    Scenery::shipped().unwrap_or_else(|why| panic!("{why}"))
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Past failures, then half of the rest fixed and half fresh.
fn seeds() -> Seeds {
    if let Some(seed) = number("QIXIAN_SEED") {
        return Seeds(vec![seed]);
    }
    let count = number("QIXIAN_SEEDS").unwrap_or(FEW);
    let rest = count.saturating_sub(KEPT.len() as u64);
    let fresh = SystemClock.now().as_millis().unsigned_abs() * 1_000;
    let fixed = (1..).filter(|seed| !KEPT.contains(seed));
    let fixed = fixed.take(usize::try_from(rest / 2).unwrap_or(0));
    let news = fresh..fresh + (rest - rest / 2);
    Seeds(KEPT.into_iter().chain(fixed).chain(news).collect())
}

#[test]
fn every_seed_keeps_every_promise() {
    let (scenery, seeds) = (scenery(), seeds());
    println!("{} seeds, {DAYS} days each: {seeds}", seeds.0.len());
    let run = run(&seeds, DAYS, &scenery, |done, so_far| {
        if done.is_multiple_of(250) {
            println!("{done} seeds, {} failed", so_far.failed.len());
        }
    });
    println!("{}{:?}", run.total.tally, run.total.compared);
    let (acknowledged, found) = (run.total.acknowledged, run.total.found);
    println!("{acknowledged} events acknowledged, {found} found");
    for (seed, failure) in run.failed.iter().take(SHRUNK_MAX) {
        println!("{failure}");
        let kept = shrink(&History::whole(*seed, DAYS), &scenery, None);
        if let Some(kept) = kept {
            println!("the shortest history found:\n{}", kept.to_text());
            let dir = beside("../../target/sim-failures");
            std::fs::create_dir_all(&dir).expect("the build directory can be written");
            let file = dir.join(format!("{seed}.txt"));
            std::fs::write(file, kept.to_text()).expect("the build directory can be written");
        }
    }
    let failed = Seeds(run.failed.iter().map(|(seed, _)| *seed).collect());
    assert!(run.failed.is_empty(), "failed: {failed}");
    assert_eq!(acknowledged, found);
    if seeds.0.len() >= ENOUGH {
        let missing = run.total.tally.missing();
        assert!(missing.is_empty(), "never happened: {missing:?}");
    }
}

#[test]
fn what_failed_once_fails_no_more() {
    let scenery = scenery();
    let dir = beside("kept");
    for entry in std::fs::read_dir(dir).expect("the directory is there") {
        let path = entry.expect("it can be read").path();
        if path.extension().is_none_or(|e| e != "txt") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("it can be read");
        let history = History::parse(&text).unwrap_or_else(|why| panic!("{path:?}: {why}"));
        println!("{}", path.display());
        if let Err(failure) = replay(&history, &scenery, None).outcome {
            panic!("{path:?}: {failure}");
        }
    }
}
