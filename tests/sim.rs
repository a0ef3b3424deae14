//! Seeded simulations: 200 seeds, each at least ninety simulated days.
//!
//! `QIXIAN_SEEDS=n` runs n seeds; `QIXIAN_SEED=s` runs that one. A failure prints its seed; past failures are kept in
//! [`KEPT`] and always run.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use qixian_core::NoFunctions;
use qixian_sim::{Compared, Summary, World};
use qixian_time::{Clock, SystemClock};
use qixian_workflow::{Catalog, Sources};

/// Seeds that failed once.
const KEPT: [u64; 1] = [126];
/// Days each seed lives.
const DAYS: i64 = 90;

fn files(dir: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).expect("the directory is there") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|e| e == "toml") {
            let text = std::fs::read_to_string(&path).expect("it can be read");
            found.push((path.to_string_lossy().into_owned(), text));
        }
    }
    found.sort();
    found
}

fn catalog() -> Catalog {
    let config = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../config");
    let sources = Sources {
        calendars: files(&config.join("calendars")),
        rules: files(&config.join("rules")),
        workflows: files(&config.join("workflows")),
        templates: None,
    };
    Catalog::build(&sources, Arc::new(NoFunctions)).unwrap_or_else(|found| panic!("{found:?}"))
}

/// What all seeds came to together.
#[derive(Debug, Default)]
struct Total {
    steps: AtomicU64,
    acknowledged: AtomicU64,
    refused: AtomicU64,
    delivered: AtomicU64,
    crashes: AtomicU64,
    compared: Mutex<Compared>,
}

impl Total {
    fn add(&self, one: &Summary) {
        let add = |to: &AtomicU64, by: u64| to.fetch_add(by, Ordering::Relaxed);
        add(&self.steps, one.steps);
        add(&self.acknowledged, one.acknowledged);
        add(&self.refused, one.refused);
        add(&self.delivered, one.delivered);
        add(&self.crashes, one.crashes);
        *self.compared.lock().expect("nobody panics while adding") += one.compared;
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn every_seed_keeps_every_promise() {
    let catalog = catalog();
    let count = number("QIXIAN_SEEDS").unwrap_or(200);
    let fresh = SystemClock.now().as_millis().unsigned_abs() * 1_000;
    let seeds: Vec<u64> = match number("QIXIAN_SEED") {
        Some(seed) => vec![seed],
        None => {
            let fixed = (2..).take(usize::try_from(count / 2).unwrap_or(0));
            let news = (fresh..).take(usize::try_from(count - count / 2).unwrap_or(0));
            KEPT.into_iter().chain(fixed).chain(news).collect()
        }
    };
    println!("{} seeds, the fresh ones from {fresh}", seeds.len());
    let threads = std::thread::available_parallelism().map_or(2, |n| n.get());
    let total = Total::default();
    let (catalog, seeds, total) = (&catalog, &seeds, &total);
    let failures: Vec<String> = std::thread::scope(|scope| {
        let run = |lane: usize| {
            let mine = seeds.iter().skip(lane).step_by(threads);
            let mut failed = Vec::new();
            for seed in mine {
                match World::new(*seed, catalog).live(DAYS) {
                    Ok(summary) => total.add(&summary),
                    Err(failure) => failed.push(failure.to_string()),
                }
            }
            failed
        };
        let lanes: Vec<_> = (0..threads)
            .map(|lane| scope.spawn(move || run(lane)))
            .collect();
        let joined = lanes.into_iter().map(|lane| lane.join());
        joined
            .flat_map(|lane| lane.unwrap_or_else(|_| vec!["a seed panicked; see above".to_owned()]))
            .collect()
    });
    println!("{total:?}");
    let shown: Vec<&str> = failures.iter().take(3).map(String::as_str).collect();
    assert!(
        failures.is_empty(),
        "{} seeds failed:\n{}",
        failures.len(),
        shown.join("\n\n")
    );
}
