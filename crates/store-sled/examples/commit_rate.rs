//! How many durable commits a second the store alone takes, beside what the disk gives.
//!
//! `cargo run --release -p qixian-store-sled --example commit_rate -- [DIR]`
//!
//! A commit fires a rung of a usual case: case, journal line, old and new wake-up row, message and its due row. In flight
//! are groups of at most 64 commits. The floor is a loop of appending 4 KiB and `fdatasync` on the same disk.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use qixian_store::conformance::samples::{at, cases, id, message, next, usual_case, write};
use qixian_store::core::{Case, LegStatus};
use qixian_store::time::Stopwatch;
use qixian_store::{CaseWrite, Commit, Group, OutboxWrite, Resolution, Store};
use qixian_store_sled::{Options, SledStore};

const CASES: u64 = 20_000;
const ROUND: Duration = Duration::from_secs(4);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let base = std::env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    let dir = tempfile::tempdir_in(base)?;
    println!("append 4 KiB + fdatasync: {:.0}/s", floor(dir.path())?);
    let store = SledStore::open(dir.path().join("store"), &Options::default())?;
    let mut load = Load::fill(&store).await;
    for in_flight in [1, 64, 1_024] {
        let (rate, p50, p99) = load.run(&store, in_flight).await;
        println!(
            "{in_flight:>5} in flight: {rate:>6.0} commits/s, p50 {p50:.1} ms, p99 {p99:.1} ms"
        );
    }
    println!("append 4 KiB + fdatasync: {:.0}/s", floor(dir.path())?);
    reads(&store).await?;
    Ok(())
}

fn floor(dir: &Path) -> std::io::Result<f64> {
    let mut file = File::create(dir.join("floor"))?;
    let watch = Stopwatch::start();
    let mut count = 0;
    while watch.elapsed() < Duration::from_secs(1) {
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        count += 1;
    }
    Ok(f64::from(count) / watch.elapsed().as_secs_f64())
}

/// What one read costs when it is cached: the reason for reading few records on the caller's thread.
async fn reads(store: &SledStore) -> Result<(), qixian_store::Error> {
    for count in [1_u64, 16, 17, 64] {
        let watch = Stopwatch::start();
        let mut rounds = 0;
        while watch.elapsed() < Duration::from_millis(300) {
            let ids: Vec<_> = (1..=count)
                .map(|n| id((n * 131 + rounds * 7) % CASES + 1))
                .collect();
            store.cases(&ids).await?;
            rounds += 1;
        }
        let each = watch.elapsed().as_secs_f64() * 1e6 / rounds as f64;
        println!("reading {count:>2} cases: {each:.1} µs");
    }
    Ok(())
}

struct Load {
    cases: Vec<Arc<Case>>,
    turn: u64,
}

impl Load {
    async fn fill(store: &SledStore) -> Self {
        let mut all = Vec::new();
        for chunk in 0..CASES / 50 {
            let numbers = chunk * 50 + 1..=chunk * 50 + 50;
            let writes: Vec<CaseWrite> = numbers.map(|n| write(None, numbered(n))).collect();
            all.extend(writes.iter().map(|write| write.case.clone()));
            let resolution = store.submit(cases(writes)).wait().await;
            assert_eq!(resolution, Resolution::Durable);
        }
        Self {
            cases: all,
            turn: 0,
        }
    }

    async fn run(&mut self, store: &SledStore, in_flight: usize) -> (f64, f64, f64) {
        let size = (in_flight / 2).clamp(1, 64);
        let mut waiting = VecDeque::new();
        let mut latencies = Vec::new();
        let watch = Stopwatch::start();
        while watch.elapsed() < ROUND {
            while waiting.len() < in_flight / size {
                let group = self.group(size);
                waiting.push_back((store.submit(group), Stopwatch::start()));
            }
            if let Some((mut ticket, since)) = waiting.pop_front() {
                assert_eq!(ticket.wait().await, Resolution::Durable);
                latencies.push(since.elapsed().as_secs_f64() * 1e3);
            }
        }
        let rate = (latencies.len() * size) as f64 / watch.elapsed().as_secs_f64();
        for (mut ticket, _) in waiting {
            assert_eq!(ticket.wait().await, Resolution::Durable);
        }
        latencies.sort_by(f64::total_cmp);
        let at = |share: usize| latencies[latencies.len() * share / 100];
        (rate, at(50), at(99))
    }

    fn group(&mut self, size: usize) -> Group {
        let commits = (0..size).map(|_| self.commit()).collect();
        Group { commits }
    }

    fn commit(&mut self) -> Commit {
        // A stride without a common divisor: no case comes again soon.
        self.turn += 7_919;
        let slot = (self.turn % CASES) as usize;
        let before = self.cases[slot].clone();
        let seconds = 1_000 * before.rev as i64;
        let wake = |rev: u64| {
            (rev > 1)
                .then(|| at(1_000 * rev as i64))
                .or(before.next_due())
        };
        let write = CaseWrite {
            wake_before: wake(before.rev),
            wake_after: wake(before.rev + 1),
            ..next(&before, |_| {})
        };
        let entry = message(
            slot as u64 + 1,
            write.case.rev,
            Some(at(seconds)),
            &[LegStatus::Queued; 2],
        );
        self.cases[slot] = write.case.clone();
        Commit {
            cases: vec![write],
            outbox: vec![OutboxWrite {
                due_before: None,
                entry,
            }],
            ..Commit::default()
        }
    }
}

fn numbered(number: u64) -> Case {
    let mut case = usual_case();
    // Spread over the key space, as real ids of many days are.
    case.id = id(number);
    case.root = case.id;
    case.reference = format!("QX-2026-{number:06}");
    case
}
