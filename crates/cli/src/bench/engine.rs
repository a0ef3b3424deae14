//! The real engine on the real store, in a temporary directory: each answer counts once it is flushed and fdatasync'ed.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use qixian_core::{Actor, CaseId, Event, Fields, PackRef, StartCase, What};
use qixian_daemon::SystemRandom;
use qixian_engine::{Engine, EngineSettings, Handle, Setup, Turn};
use qixian_store_sled::{Options, SledStore};
use qixian_time::{Clock, Stopwatch, SystemClock};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::EngineArgs;
use crate::failure::Failure;
use crate::local;
use crate::out::Out;
use crate::table::Table;

/// How many senders wait for their answers at once, round by round.
const IN_FLIGHT: [usize; 3] = [1, 64, 1_024];
/// Cases the events are spread over.
const CASES: usize = 4_096;
/// One block of the disk's own loop.
const BLOCK: [u8; 4_096] = [7; 4_096];
const DURABILITY: &str = "each answer after flush + fdatasync";

/// What one round came to.
struct Round {
    in_flight: usize,
    events: usize,
    per_second: f64,
    p50: Duration,
    p99: Duration,
    /// The disk's own loop: the mean of right before and right after the round, since disks change their pace.
    floor: f64,
}

/// Runs `qixian bench engine`.
pub(super) fn run(out: &Out, args: &EngineArgs) -> Result<(), Failure> {
    let settings = local::settings(&args.config, Vec::new())?;
    let loaded = local::loaded(&settings)?;
    let above = settings.data.parent().filter(|dir| dir.is_dir());
    let base = match (&args.dir, settings.data.is_dir()) {
        (Some(dir), _) => dir.as_path(),
        (None, true) => settings.data.as_path(),
        (None, false) => above.unwrap_or(Path::new(".")),
    };
    let dir = tempfile::Builder::new()
        .prefix("qixian-bench-")
        .tempdir_in(base)
        .map_err(failed)?;
    let setup = loaded.setup(&settings, dir.path()).map_err(failed)?;
    let pack = loaded.pack(&settings.rules).unwrap_or_default();
    let before = floor(dir.path()).map_err(failed)?;
    let rounds = measure(dir.path(), setup, pack, Duration::from_secs(args.seconds))?;
    tell(out, before, &rounds);
    Ok(())
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::refused(
        format!("无法测量：{error}"),
        format!("cannot measure: {error}"),
    )
}

/// How often a second the disk appends 4 KiB durably.
fn floor(dir: &Path) -> io::Result<f64> {
    let path = dir.join("floor");
    let mut file = File::create(&path)?;
    let watch = Stopwatch::start();
    let mut count = 0_u32;
    while watch.elapsed() < Duration::from_secs(1) {
        file.write_all(&BLOCK)?;
        file.sync_data()?;
        count += 1;
    }
    let rate = f64::from(count) / watch.elapsed().as_secs_f64();
    std::fs::remove_file(path)?;
    Ok(rate)
}

fn measure(
    dir: &Path,
    setup: Setup,
    pack: PackRef,
    length: Duration,
) -> Result<Vec<Round>, Failure> {
    let store = Arc::new(SledStore::open(dir.join("store"), &Options::default()).map_err(failed)?);
    let engine = Engine::new(
        store,
        SystemClock,
        setup,
        EngineSettings::default(),
        Box::new(SystemRandom),
    );
    let handle = engine.handle();
    let driver = thread::Builder::new()
        .name("qixian-engine".to_owned())
        .spawn(move || drive(engine))
        .map_err(failed)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .map_err(failed)?;
    let rounds = runtime.block_on(async {
        let cases = Arc::new(start_cases(&handle, pack).await?);
        let mut rounds = Vec::new();
        let mut before = floor(dir).map_err(failed)?;
        for in_flight in IN_FLIGHT {
            let mut round = round(&handle, &cases, in_flight, length).await?;
            let after = floor(dir).map_err(failed)?;
            round.floor = f64::midpoint(before, after);
            before = after;
            rounds.push(round);
        }
        Ok(rounds)
    });
    handle.drain();
    match driver.join() {
        Ok(driven) => driven.map_err(failed)?,
        Err(_) => return Err(failed("the engine's thread panicked")),
    }
    rounds
}

/// Turns until the engine is drained. Nothing is ever due here, so that it only waits for input.
fn drive(mut engine: Engine<SledStore, SystemClock>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        loop {
            match engine.turn().await {
                Turn::Worked => {}
                Turn::Send(job) => {
                    let settled = job.run().await;
                    engine.handle().settle(settled);
                }
                Turn::IdleUntil(_) if engine.is_drained() => return Ok(()),
                Turn::IdleUntil(_) => engine.wait_input().await,
            }
        }
    })
}

async fn start_cases(handle: &Handle, pack: PackRef) -> Result<Vec<CaseId>, Failure> {
    let mut starting = JoinSet::new();
    for lane in 0..64 {
        let (handle, pack) = (handle.clone(), pack.clone());
        starting.spawn(async move {
            let mut ids = Vec::new();
            for nth in 0..CASES / 64 {
                let case = handle.new_id();
                let start = StartCase {
                    workflow: "first-filing".to_owned(),
                    pack: pack.clone(),
                    reference: format!("bench-{lane}-{nth}"),
                    title: "bench".to_owned(),
                    fields: Fields::new(),
                    ..StartCase::default()
                };
                let event = event(case, format!("start:{case}"), What::Start(Box::new(start)));
                handle.submit(event).await.map_err(failed)?;
                ids.push(case);
            }
            Ok::<_, Failure>(ids)
        });
    }
    let mut cases = Vec::new();
    while let Some(lane) = starting.join_next().await {
        cases.extend(lane.map_err(failed)??);
    }
    Ok(cases)
}

fn event(case: CaseId, id: String, what: What) -> Event {
    Event {
        id,
        case,
        occurred_at: SystemClock.now(),
        by: Actor {
            name: "bench".to_owned(),
            roles: vec!["admin".to_owned()],
        },
        note: Some("bench: a note as people write them, of a usual length".to_owned()),
        expected_edit_rev: None,
        what,
    }
}

/// `in_flight` senders, each with its own cases, one event after another.
async fn round(
    handle: &Handle,
    cases: &Arc<Vec<CaseId>>,
    in_flight: usize,
    length: Duration,
) -> Result<Round, Failure> {
    let ends = Arc::new(AtomicBool::new(false));
    let watch = Stopwatch::start();
    let mut senders = JoinSet::new();
    for sender in 0..in_flight {
        let (handle, cases, ends) = (handle.clone(), cases.clone(), ends.clone());
        senders.spawn(async move {
            let mut took = Vec::new();
            let own = (sender..cases.len()).step_by(in_flight);
            for (nth, at) in own.cycle().enumerate() {
                if ends.load(Ordering::Relaxed) {
                    break;
                }
                let id = format!("{in_flight}:{sender}:{nth}");
                let started = Stopwatch::start();
                let note = event(cases[at], id, What::Note);
                handle.submit(note).await.map_err(failed)?;
                took.push(started.elapsed());
                if watch.elapsed() >= length {
                    ends.store(true, Ordering::Relaxed);
                }
            }
            Ok::<_, Failure>(took)
        });
    }
    let mut took = Vec::new();
    while let Some(sender) = senders.join_next().await {
        took.extend(sender.map_err(failed)??);
    }
    let seconds = watch.elapsed().as_secs_f64();
    took.sort_unstable();
    let share = |percent: usize| {
        took.get(took.len() * percent / 100)
            .copied()
            .unwrap_or_default()
    };
    Ok(Round {
        in_flight,
        events: took.len(),
        per_second: took.len() as f64 / seconds,
        p50: share(50),
        p99: share(99),
        floor: 0.0,
    })
}

fn tell(out: &Out, before: f64, rounds: &[Round]) {
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    if out.json {
        let line = |round: &Round| -> Value {
            json!({
                "in_flight": round.in_flight, "events": round.events, "events_per_second": round.per_second,
                "p50_ms": millis(round.p50), "p99_ms": millis(round.p99), "disk_per_second": round.floor,
            })
        };
        let rounds: Vec<Value> = rounds.iter().map(line).collect();
        out.json(&json!({
            "durability": DURABILITY, "cases": CASES, "disk_per_second_before": before, "rounds": rounds,
        }));
        return;
    }
    out.say(
        format!("磁盘自身：追加 4 KiB + fdatasync，每秒 {before:.0} 次"),
        format!("The disk itself: append 4 KiB + fdatasync, {before:.0}/s"),
    );
    let mut table = Table::new(&[
        out.pick("同时等待", "in flight"),
        out.pick("事件/秒", "events/s"),
        "p50 ms",
        "p99 ms",
        out.pick("磁盘次/秒", "disk/s"),
        out.pick("事件/磁盘", "events/disk"),
    ]);
    for round in rounds {
        table.row(vec![
            round.in_flight.to_string(),
            format!("{:.0}", round.per_second),
            format!("{:.2}", millis(round.p50)),
            format!("{:.2}", millis(round.p99)),
            format!("{:.0}", round.floor),
            format!("{:.1}", round.per_second / round.floor.max(1.0)),
        ]);
    }
    out.line(table.render());
    out.say(
        format!("{CASES} 个案件，每次记一句话；每个答复都在 flush + fdatasync 之后"),
        format!("{CASES} cases, one note at a time; {DURABILITY}"),
    );
}
