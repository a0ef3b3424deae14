//! The engine on the real store, from submitting an event to its acknowledgement, beside the store alone given the very
//! same commits. Short slices of both take turns, so that the disk's moods hit both.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use qixian_core::{CaseId, Fields, What};
use qixian_daemon::{SystemRandom, engine_loop};
use qixian_engine::{Engine, EngineSettings, Handle};
use qixian_store::{Commit, Group, Store as _, Ticket};
use qixian_store_sled::{Options, SledStore};
use qixian_time::{Clock, Stopwatch, SystemClock};
use serde_json::json;
use tokio::task::JoinSet;

use super::load::{Cost, Maker, Pressed, event, press};
use super::over_http::{CONNECTIONS, Desk};
use super::place::{Place, failed};
use super::report::{Report, Spread, Target, figure, millis};
use super::watched::{Watch, Watched};
use super::{EngineArgs, IN_FLIGHT};
use crate::failure::Failure;
use crate::out::Out;

/// Stretches of a round in which the engine and the store alone take turns.
const SLICES: u32 = 5;
/// Senders that begin the cases.
const BEGINNERS: usize = 256;
/// Commits whose cost is counted, of each kind of event.
const COUNTED: usize = 100;

/// What people send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Words for the journal: the smallest event.
    Note,
    /// The case goes to its other state: a deadline ends, another is armed with its ladder, a message is planned.
    Working,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Working => "working",
        }
    }
}

/// Keeps what the engine commits, to give the same to the other store.
#[derive(Debug, Default)]
struct Recorder(Mutex<Vec<Group>>);

impl Recorder {
    fn take(&self) -> Vec<Group> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Watch for Recorder {
    fn submit(&self, store: &SledStore, group: Group) -> Ticket {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(group.clone());
        drop(kept);
        store.submit(group)
    }
}

/// One engine with cases of its own, and the store that gets the same.
struct Bench {
    handle: Handle,
    engine: Arc<Watched<Recorder>>,
    alone: SledStore,
    cases: Arc<Vec<OneCase>>,
    round: Duration,
}

/// A case and whether it is in its second state.
struct OneCase {
    id: CaseId,
    there: AtomicBool,
}

/// What a round came to: the engine, the store alone, and how the engine grouped.
#[derive(Default)]
struct Round {
    engine: Pressed,
    alone: Pressed,
    groups: usize,
    cost: Cost,
}

/// Runs `qixian bench engine`.
pub(super) fn run(out: &Out, args: &EngineArgs) -> Result<(), Failure> {
    let place = Place::new(&args.place)?;
    let headings = [
        out.pick("事件", "event"),
        out.pick("同时等待", "in flight"),
        out.pick("引擎/秒", "engine/s"),
        "p50 ms",
        "p99 ms",
        out.pick("仅存储/秒", "store/s"),
        out.pick("引擎/存储", "engine/store"),
        "F",
        out.pick("引擎/F", "engine/F"),
        out.pick("每组", "a group"),
        out.pick("每次键数", "keys each"),
    ];
    let mut report = Report::new("engine", place.path(), &headings);
    report.fact("cases", args.cases);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    runtime.block_on(measure(&place, args, &mut report))?;
    report.note(
        format!("{} 个案件轮流；“仅存储”：同样的提交，另一个同样装满的存储，轮流各跑一段；消息只入库不发送", args.cases),
        format!("{} cases in turn; store: the same commits into another store filled alike, in turns of short slices; messages are kept, not sent", args.cases),
    );
    report.tell(out);
    Ok(())
}

async fn measure(place: &Place, args: &EngineArgs, report: &mut Report) -> Result<(), Failure> {
    let open = |name| SledStore::open(place.path().join(name), &Options::default()).map_err(failed);
    let watched = Watched {
        store: open("engine")?,
        watch: Recorder::default(),
    };
    let watched = Arc::new(watched);
    let setup = place
        .loaded
        .setup(&place.settings, place.path())
        .map_err(failed)?;
    let limits = EngineSettings::default();
    let random = Box::new(SystemRandom);
    let engine = Engine::new(watched.clone(), SystemClock, setup, limits, random);
    let handle = engine.handle();
    let mut ended = engine_loop::spawn(engine).map_err(failed)?;
    // Sending would come on top of what the events themselves cost.
    handle.hold(true).map_err(failed)?;
    let cases = begin(&handle, place, args.cases).await?;
    let bench = Bench {
        handle,
        engine: watched,
        alone: open("alone")?,
        cases: Arc::new(cases),
        round: place.round,
    };
    bench.replay(64, &mut Round::default()).await?;
    bench.rounds(place, report).await?;
    bench.over_http(place, args.cases, report).await?;
    bench.handle.drain();
    ended.wait().await;
    Ok(())
}

/// Begins the cases, many at once.
async fn begin(handle: &Handle, place: &Place, count: usize) -> Result<Vec<OneCase>, Failure> {
    let maker = Arc::new(Maker::new(&place.loaded, &place.settings.rules)?);
    let mut beginning = JoinSet::new();
    for beginner in 0..BEGINNERS.min(count) {
        let (handle, maker) = (handle.clone(), maker.clone());
        beginning.spawn(async move {
            let mut cases = Vec::new();
            for number in (beginner..count).step_by(BEGINNERS) {
                let id = handle.new_id();
                let start = What::Start(Box::new(maker.start(number as u64)));
                let start = event(id, 1, SystemClock.now(), start);
                handle.submit(start).await.map_err(failed)?;
                let there = AtomicBool::new(false);
                cases.push(OneCase { id, there });
            }
            Ok::<_, Failure>(cases)
        });
    }
    let mut cases = Vec::new();
    while let Some(begun) = beginning.join_next().await {
        cases.extend(begun.map_err(failed)??);
    }
    Ok(cases)
}

impl Bench {
    async fn rounds(&self, place: &Place, report: &mut Report) -> Result<(), Failure> {
        let floor = |report: &mut Report| report.floor.measure(place.path(), self.round);
        floor(report).map_err(failed)?;
        for kind in [Kind::Note, Kind::Working] {
            for in_flight in IN_FLIGHT {
                let mut round = Round::default();
                for _ in 0..SLICES {
                    let pressed = self.slice(kind, in_flight).await?;
                    round.engine.add(pressed);
                    self.replay(in_flight, &mut round).await?;
                }
                floor(report).map_err(failed)?;
                tell(report, kind, in_flight, round);
            }
        }
        Ok(())
    }

    /// Notes over HTTP, in turns with the same through the engine alone.
    async fn over_http(
        &self,
        place: &Place,
        cases: usize,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let desk = Desk::open(place, cases).await?;
        let floor = |report: &mut Report| report.floor.measure(place.path(), self.round);
        floor(report).map_err(failed)?;
        let (mut engine, mut http) = (Pressed::default(), Pressed::default());
        for _ in 0..SLICES {
            engine.add(self.slice(Kind::Note, CONNECTIONS).await?);
            http.add(desk.slice(self.round / SLICES).await?);
        }
        floor(report).map_err(failed)?;
        tell_http(report, engine.rate(), http);
        desk.close()
    }

    /// One slice of the engine: `in_flight` senders, each with its own cases, one event after another.
    async fn slice(&self, kind: Kind, in_flight: usize) -> Result<Pressed, Failure> {
        let length = self.round / SLICES;
        let watch = Stopwatch::start();
        let mut senders = JoinSet::new();
        for sender in 0..in_flight {
            let (handle, cases) = (self.handle.clone(), self.cases.clone());
            senders.spawn(async move {
                let mut took = Vec::new();
                let own = (sender..cases.len()).step_by(in_flight);
                for at in own.cycle() {
                    if watch.elapsed() >= length {
                        break;
                    }
                    let what = what(kind, &cases[at]);
                    let event = event(cases[at].id, took.len() as u64, SystemClock.now(), what);
                    let started = Stopwatch::start();
                    handle.submit(event).await.map_err(failed)?;
                    took.push(started.elapsed());
                }
                Ok::<_, Failure>(took)
            });
        }
        let mut took = Vec::new();
        while let Some(sender) = senders.join_next().await {
            took.extend(sender.map_err(failed)??);
        }
        let lasted = watch.elapsed();
        Ok(Pressed { took, lasted })
    }

    /// Gives the store alone what the engine has committed since, as many at a time; all of it in the same order.
    async fn replay(&self, in_flight: usize, round: &mut Round) -> Result<(), Failure> {
        let groups = self.engine.watch.take();
        round.groups += groups.len();
        let commits: Vec<Commit> = groups.into_iter().flat_map(|group| group.commits).collect();
        if round.cost.is_empty() {
            round.cost = Cost::of(&commits[..commits.len().min(COUNTED)])?;
        }
        let mut commits = commits.into_iter();
        let next = |most| {
            let commits: Vec<Commit> = commits.by_ref().take(most).collect();
            (!commits.is_empty()).then_some(Group { commits })
        };
        round.alone.add(press(&self.alone, in_flight, next).await?);
        Ok(())
    }
}

fn what(kind: Kind, case: &OneCase) -> What {
    if kind == Kind::Note {
        return What::Note;
    }
    let event = match case.there.fetch_xor(true, Ordering::Relaxed) {
        true => "returned",
        false => "handed",
    };
    What::Fact {
        event: event.to_owned(),
        party: None,
        fields: Fields::new(),
        override_reason: None,
    }
}

fn tell(report: &mut Report, kind: Kind, in_flight: usize, mut round: Round) {
    let (engine, alone) = (round.engine.rate(), round.alone.rate());
    let (ratio, floor) = (engine / alone, report.floor.around());
    let group = round.engine.took.len() as f64 / round.groups.max(1) as f64;
    let spread = Spread::of(&mut round.engine.took);
    let spread_alone = Spread::of(&mut round.alone.took);
    report.row(
        json!({
            "event": kind.name(), "in_flight": in_flight, "events": round.engine.took.len(),
            "per_second": engine, "p50_ms": millis(spread.p50), "p99_ms": millis(spread.p99), "max_ms": millis(spread.max),
            "store_alone": {
                "per_second": alone, "p50_ms": millis(spread_alone.p50), "p99_ms": millis(spread_alone.p99),
                "ratio_to_floor": alone / floor,
            },
            "ratio_to_store": ratio, "floor": floor, "ratio_to_floor": engine / floor,
            "events_a_group": group, "commit": round.cost.json(),
        }),
        vec![
            kind.name().to_owned(),
            in_flight.to_string(),
            figure(engine),
            figure(millis(spread.p50)),
            figure(millis(spread.p99)),
            figure(alone),
            figure(ratio),
            figure(floor),
            figure(engine / floor),
            figure(group),
            figure(round.cost.keys()),
        ],
    );
    let what = format!("{} {in_flight}: engine/store ≥ 0.75", kind.name());
    report.target(Target::at_least(what, 0.75, ratio));
}

fn tell_http(report: &mut Report, engine: f64, mut http: Pressed) {
    let (rate, floor) = (http.rate(), report.floor.around());
    let ratio = rate / engine;
    let spread = Spread::of(&mut http.took);
    report.row(
        json!({
            "event": "note_over_http", "in_flight": CONNECTIONS, "events": http.took.len(), "per_second": rate,
            "p50_ms": millis(spread.p50), "p99_ms": millis(spread.p99), "max_ms": millis(spread.max),
            "engine_per_second": engine, "ratio_to_engine": ratio, "floor": floor, "ratio_to_floor": rate / floor,
        }),
        vec![
            "note/HTTP".to_owned(),
            CONNECTIONS.to_string(),
            figure(rate),
            figure(millis(spread.p50)),
            figure(millis(spread.p99)),
            "–".to_owned(),
            "–".to_owned(),
            figure(floor),
            figure(rate / floor),
        ],
    );
    report.note(
        format!("经 HTTP：另一个进程里的守护进程，{CONNECTIONS} 条保持的连接；同时引擎为每秒 {engine:.0}，HTTP/引擎 {ratio:.2}"),
        format!("over HTTP: the daemon in a process of its own, {CONNECTIONS} keep-alive connections; the engine gave {engine:.0}/s in turns with it, HTTP/engine {ratio:.2}"),
    );
    let what = format!("note over HTTP {CONNECTIONS}: HTTP/engine ≥ 0.60");
    report.target(Target::at_least(what, 0.6, ratio));
}
