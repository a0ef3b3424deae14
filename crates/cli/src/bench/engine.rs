//! The engine on the real store, from submitting an event to its acknowledgement, beside the store alone given the very
//! same commits. Short slices of both take turns, so that the disk's moods hit both.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use qixian_core::What;
use qixian_daemon::{SystemRandom, engine_loop};
use qixian_engine::{Engine, EngineSettings, Handle};
use qixian_store::{Commit, Group, Intercepted, Interceptor, Store as _, Ticket};
use qixian_store_sled::{Options, SledStore};
use qixian_time::{Clock, Stopwatch, SystemClock};
use tokio::task::JoinSet;

use super::engine_table::{self, HttpRound, Round};
use super::kind::{Kind, OneCase, Sender};
use super::load::{Cost, Maker, Pressed, event, press};
use super::over_http::{CONNECTIONS, Desk};
use super::place::{Place, failed};
use super::report::Report;
use super::{EngineArgs, IN_FLIGHT};
use crate::failure::Failure;
use crate::out::Out;

/// Stretches of a round in which the engine and the store alone take turns.
const SLICES: u32 = 5;
/// Senders that begin the cases.
const BEGINNERS: usize = 256;
/// Commits whose cost is counted, of each kind of event.
const COUNTED: usize = 100;

/// Keeps what the engine commits, to give the same to the other store.
#[derive(Debug, Default)]
struct Recorder(Mutex<Vec<Group>>);

impl Recorder {
    fn take(&self) -> Vec<Group> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Interceptor<SledStore> for Recorder {
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
    engine: Arc<Intercepted<SledStore, Recorder>>,
    alone: SledStore,
    sender: Arc<Sender>,
    round: Duration,
}

/// Runs `qixian bench engine`.
pub(super) fn run(out: &Out, args: &EngineArgs) -> Result<(), Failure> {
    let place = Place::new(&args.place)?;
    let mut report = Report::new("engine", place.path(), &engine_table::headings(out));
    report.fact("cases", args.cases);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    runtime.block_on(measure(&place, args, &mut report))?;
    report.note(
        "note＝记一句话，working＝推进一步（期限结束、另一个起算、排一条消息），start＝新建案件",
        "note: words for the journal; working: a step onwards (a deadline ends, another begins, a message is planned); start: a new case",
    );
    report.note(
        format!("{} 个案件轮流；“仅存储”：同样的提交，另一个同样装满的存储，轮流各跑一段；消息只入库不发送", args.cases),
        format!("{} cases in turn; store: the same commits into another store filled alike, in turns of short slices; messages are kept, not sent", args.cases),
    );
    report.tell(out);
    Ok(())
}

async fn measure(place: &Place, args: &EngineArgs, report: &mut Report) -> Result<(), Failure> {
    let open = |name| SledStore::open(place.path().join(name), &Options::default()).map_err(failed);
    let recorded = Intercepted {
        store: open("engine")?,
        between: Recorder::default(),
    };
    let engine_store = Arc::new(recorded);
    let setup = place
        .loaded
        .setup(&place.settings, place.path())
        .map_err(failed)?;
    let limits = EngineSettings::default();
    let random = Box::new(SystemRandom);
    let engine = Engine::new(engine_store.clone(), SystemClock, setup, limits, random);
    let handle = engine.handle();
    let mut ended = engine_loop::spawn(engine).map_err(failed)?;
    // Sending would come on top of what the events themselves cost.
    handle.hold(true).map_err(failed)?;
    let maker = Arc::new(Maker::new(&place.loaded, &place.settings.rules)?);
    let cases = begin(&handle, &maker, args.cases).await?;
    let bench = Bench {
        handle,
        engine: engine_store,
        alone: open("alone")?,
        sender: Arc::new(Sender::new(maker, cases)),
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
async fn begin(handle: &Handle, maker: &Arc<Maker>, count: usize) -> Result<Vec<OneCase>, Failure> {
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
                cases.push(OneCase::new(id));
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
        for kind in Kind::ALL {
            for in_flight in IN_FLIGHT {
                let mut round = Round::default();
                for _ in 0..SLICES {
                    let pressed = self.slice(kind, in_flight).await?;
                    round.engine.add(pressed);
                    self.replay(in_flight, &mut round).await?;
                }
                floor(report).map_err(failed)?;
                engine_table::tell(report, kind, in_flight, round);
            }
        }
        Ok(())
    }

    /// The same over HTTP, in turns with the engine and the store alone; each stands idle while another is measured.
    async fn over_http(
        &self,
        place: &Place,
        cases: usize,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let desk = Desk::open(place, cases).await?;
        let floor = |report: &mut Report| report.floor.measure(place.path(), self.round);
        floor(report).map_err(failed)?;
        for kind in Kind::ALL {
            let mut round = HttpRound::default();
            for _ in 0..SLICES {
                let pressed = self.slice(kind, CONNECTIONS).await?;
                round.here.engine.add(pressed);
                self.replay(CONNECTIONS, &mut round.here).await?;
                let before = desk.processor();
                round.http.add(desk.slice(kind, self.round / SLICES).await?);
                round.used.add(before, desk.processor());
            }
            floor(report).map_err(failed)?;
            engine_table::tell_http(report, kind, round);
        }
        desk.close()
    }

    /// One slice of the engine: `in_flight` senders, each with its own cases, one event after another.
    async fn slice(&self, kind: Kind, in_flight: usize) -> Result<Pressed, Failure> {
        let length = self.round / SLICES;
        let watch = Stopwatch::start();
        let mut senders = JoinSet::new();
        for nth in 0..in_flight {
            let (handle, sender) = (self.handle.clone(), self.sender.clone());
            senders.spawn(async move {
                let mut took = Vec::new();
                for at in sender.own(nth, in_flight).cycle() {
                    if watch.elapsed() >= length {
                        break;
                    }
                    let (case, what) = sender.what(kind, at, || handle.new_id());
                    let event = event(case, took.len() as u64, SystemClock.now(), what);
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
        let groups = self.engine.between.take();
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
