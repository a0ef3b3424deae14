//! Wake-ups: how long after its instant a rung has fired durably, one by one and many at once.
//!
//! The engine runs in the daemon's own loop on the real store. Its clock is the monotonic one, put to a second before the
//! first instant, so that cases can be begun at leisure. Lateness runs from a wake-up's instant to the moment at which the
//! commit that fired it was durable. What is said goes to a provider that takes everything at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use indexmap::IndexMap;
use qixian_core::{Channel, What, Words};
use qixian_daemon::{SystemRandom, engine_loop};
use qixian_engine::{Engine, EngineSettings};
use qixian_notify::{Message, Outcome, Provider, RouteSettings, Router, SendContext};
use qixian_store::{Group, Intercepted, Interceptor, Resolution, Store as _, Ticket};
use qixian_store_sled::{Options, SledStore};
use qixian_time::{Clock, Stopwatch, SystemClock, Timestamp};
use serde_json::json;
use tokio::sync::Notify;

use super::TimersArgs;
use super::child::Daemon;
use super::load::Maker;
use super::place::{Place, failed};
use super::report::{Report, Spread, Target, figure, millis};
use crate::failure::Failure;
use crate::out::Out;

/// The clock begins so long before the first instant.
const LEAD_MILLIS: i64 = 1_000;
/// A round that takes longer than this has failed.
const LIMIT: Duration = Duration::from_secs(300);
/// Due a second, in the rounds that spread them.
const PACES: [usize; 2] = [500, 5_000];

/// Runs `qixian bench timers`.
pub(super) fn run(out: &Out, args: &TimersArgs) -> Result<(), Failure> {
    let place = Place::new(&args.place)?;
    let headings = [
        out.pick("到点", "due"),
        out.pick("个", "count"),
        out.pick("全部完成 ms", "all after ms"),
        out.pick("迟 p50 ms", "late p50 ms"),
        out.pick("迟 p99 ms", "late p99 ms"),
        out.pick("最迟 ms", "latest ms"),
        out.pick("已发完 ms", "all sent ms"),
        "F",
    ];
    let mut report = Report::new("timers", place.path(), &headings);
    report.note(
        "迟＝从应到点的时刻到该提交落盘；消息交给即刻接收的通道；引擎用守护进程的循环，真实存储",
        "late: from the instant to the durable commit; messages go to a provider that takes them at once; the daemon's own loop, the real store",
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    runtime.block_on(measure(&place, args, &mut report))?;
    report.tell(out);
    Ok(())
}

async fn measure(place: &Place, args: &TimersArgs, report: &mut Report) -> Result<(), Failure> {
    let floor = |report: &mut Report| report.floor.measure(place.path(), place.round);
    pending(place, args.at_once, report).await?;
    floor(report).map_err(failed)?;
    let start = SystemClock.now();
    let at_once = round(place, "at-once", start, vec![start; args.at_once]).await?;
    floor(report).map_err(failed)?;
    let count = args.at_once;
    let by = |limit: &str, goal: (&str, &str)| {
        Words::new(
            format!("{count} 个同时到点：全部 < {limit}{}", goal.0),
            format!("{count} at once: all < {limit}{}", goal.1),
        )
    };
    let all = tell(report, "at_once", None, at_once);
    report.target(Target::below(by("3 s", ("", "")), 3_000.0, millis(all.max)));
    report.target(Target::below(
        by("1 s", ("（追求）", " (goal)")),
        1_000.0,
        millis(all.max),
    ));
    for pace in PACES {
        let count = (pace as f64 * place.round.as_secs_f64()) as usize;
        let due = |nth: usize| start.saturating_add_millis((nth * 1_000 / pace) as i64);
        let dues = (0..count.max(1)).map(due).collect();
        let fired = round(place, &format!("pace-{pace}"), start, dues).await?;
        floor(report).map_err(failed)?;
        let spread = tell(report, "evenly", Some(pace), fired);
        if pace == PACES[0] {
            report.target(Target::below(
                late(pace, "p50 < 4 ms"),
                4.0,
                millis(spread.p50),
            ));
            report.target(Target::below(
                late(pace, "p99 < 16 ms"),
                16.0,
                millis(spread.p99),
            ));
        } else {
            report.target(Target::below(
                late(pace, "p99 < 250 ms"),
                250.0,
                millis(spread.p99),
            ));
        }
    }
    Ok(())
}

/// What a pace is to reach.
fn late(pace: usize, limit: &str) -> Words {
    Words::new(
        format!("每秒 {pace} 个：迟 {limit}"),
        format!("{pace}/s: late {limit}"),
    )
}

/// What the daemon itself takes in memory with so many wake-ups ahead of it in the next minutes.
async fn pending(place: &Place, count: usize, report: &mut Report) -> Result<(), Failure> {
    let data = place.path().join("pending");
    let soon = SystemClock.now().saturating_add_millis(5 * 60_000);
    let store = SledStore::open(data.join("store"), &Options::default()).map_err(failed)?;
    let maker = Maker::new(&place.loaded, &place.settings.rules)?;
    maker.fill(&store, vec![soon; count]).await?;
    drop(store);
    let daemon = Daemon::start(place, &data, &[])?;
    let resident = daemon.resident();
    daemon.stop()?;
    report.fact(
        "pending",
        json!({ "count": count, "resident_mb": resident }),
    );
    report.note(
        format!(
            "守护进程有 {count} 个待到点的唤醒时占内存 {} MB",
            figure(resident)
        ),
        format!(
            "the daemon with {count} wake-ups pending: {} MB resident",
            figure(resident)
        ),
    );
    Ok(())
}

/// Lateness of each wake-up, and when the last message had gone out, from the first instant on.
struct Fired {
    late: Vec<Duration>,
    sent_after: Duration,
}

/// Begins a case for each instant, lets the engine run over them, and waits until everything was fired and sent.
async fn round(
    place: &Place,
    name: &str,
    first: Timestamp,
    dues: Vec<Timestamp>,
) -> Result<Fired, Failure> {
    let store = SledStore::open(place.path().join(name), &Options::default()).map_err(failed)?;
    let maker = Maker::new(&place.loaded, &place.settings.rules)?;
    let count = dues.len();
    maker.fill(&store, dues).await?;
    let clock = Monotonic::from(first.saturating_add_millis(-LEAD_MILLIS));
    let seen = Arc::new(Seen::default());
    let watch = Lateness {
        clock,
        seen: seen.clone(),
        runtime: tokio::runtime::Handle::current(),
    };
    let store = Arc::new(Intercepted {
        store,
        between: watch,
    });
    let mut setup = place
        .loaded
        .setup(&place.settings, place.path())
        .map_err(failed)?;
    setup.router = null_router();
    let limits = EngineSettings {
        sends_per_provider: place.settings.sends_per_provider,
        ..EngineSettings::default()
    };
    let engine = Engine::new(store, clock, setup, limits, Box::new(SystemRandom));
    let handle = engine.handle();
    let mut ended = engine_loop::spawn(engine).map_err(failed)?;
    let waited = tokio::time::timeout(LIMIT, seen.wait_for(count)).await;
    handle.drain();
    ended.wait().await;
    waited.map_err(|_| failed(format!("{name}: not everything was fired and sent in time")))?;
    let state = seen.lock();
    let lead = Duration::from_millis(LEAD_MILLIS.unsigned_abs());
    Ok(Fired {
        late: state.late.clone(),
        sent_after: state.last_sent.saturating_sub(lead),
    })
}

fn tell(report: &mut Report, due: &str, pace: Option<usize>, mut fired: Fired) -> Spread {
    let spread = Spread::of(&mut fired.late);
    let (count, floor) = (fired.late.len(), report.floor.around());
    let all = match pace {
        // From the first instant on, which is that of all.
        None => Some(spread.max),
        Some(_) => None,
    };
    report.row(
        json!({
            "due": due, "a_second": pace, "count": count, "all_after_ms": all.map(millis),
            "late_p50_ms": millis(spread.p50), "late_p99_ms": millis(spread.p99), "late_max_ms": millis(spread.max),
            "all_sent_after_ms": millis(fired.sent_after), "floor": floor,
            "per_second": all.map(|all| count as f64 / all.as_secs_f64()),
            "ratio_to_floor": all.map(|all| count as f64 / all.as_secs_f64() / floor),
        }),
        vec![
            pace.map_or(due.to_owned(), |pace| format!("{pace}/s")),
            count.to_string(),
            all.map_or("–".to_owned(), |all| figure(millis(all))),
            figure(millis(spread.p50)),
            figure(millis(spread.p99)),
            figure(millis(spread.max)),
            figure(millis(fired.sent_after)),
            figure(floor),
        ],
    );
    spread
}

/// A clock that runs as the monotonic one does, from where it was put.
#[derive(Clone, Copy, Debug)]
struct Monotonic {
    from: Timestamp,
    watch: Stopwatch,
}

impl Monotonic {
    fn from(from: Timestamp) -> Self {
        let watch = Stopwatch::start();
        Self { from, watch }
    }

    /// How long ago that instant was, finer than in milliseconds.
    fn since(&self, instant: Timestamp) -> Duration {
        let ahead = Duration::from_millis((instant - self.from).max(0).unsigned_abs());
        self.watch.elapsed().saturating_sub(ahead)
    }
}

impl Clock for Monotonic {
    fn now(&self) -> Timestamp {
        let millis = i64::try_from(self.watch.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.from.saturating_add_millis(millis)
    }
}

/// What became durable so far.
#[derive(Debug, Default)]
struct Seen {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    late: Vec<Duration>,
    sent: usize,
    /// On the round's clock.
    last_sent: Duration,
}

impl Seen {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn wait_for(&self, count: usize) {
        loop {
            let changed = self.changed.notified();
            let done = {
                let state = self.lock();
                state.late.len() >= count && state.sent >= count
            };
            if done {
                return;
            }
            changed.await;
        }
    }
}

/// Notes when each wake-up's commit and each message's last one became durable.
struct Lateness {
    clock: Monotonic,
    seen: Arc<Seen>,
    runtime: tokio::runtime::Handle,
}

impl Interceptor<SledStore> for Lateness {
    fn submit(&self, store: &SledStore, group: Group) -> Ticket {
        let cases = group.commits.iter().flat_map(|commit| &commit.cases);
        let woken = cases.filter(|write| {
            let line = write.journal.as_ref();
            line.is_some_and(|line| matches!(line.what, What::Wake))
        });
        let dues: Vec<Timestamp> = woken.filter_map(|write| write.wake_before).collect();
        let messages = group.commits.iter().flat_map(|commit| &commit.outbox);
        let ended =
            messages.filter(|write| write.entry.legs.iter().all(|leg| leg.status.is_final()));
        let sent = ended.count();
        let mut inner = store.submit(group);
        let (ticket, resolver) = Ticket::new();
        let (clock, seen) = (self.clock, self.seen.clone());
        self.runtime.spawn(async move {
            let resolution = inner.wait().await;
            if resolution == Resolution::Durable {
                let mut state = seen.lock();
                state
                    .late
                    .extend(dues.into_iter().map(|due| clock.since(due)));
                if sent > 0 {
                    state.sent += sent;
                    state.last_sent = clock.watch.elapsed();
                }
            }
            resolver.resolve(resolution);
            seen.changed.notify_one();
        });
        ticket
    }
}

/// Takes every message at once.
#[derive(Debug)]
struct Null;

#[async_trait]
impl Provider for Null {
    fn name(&self) -> &str {
        "null"
    }

    async fn send(&self, _message: &Message, _context: &SendContext) -> Outcome {
        Outcome::Accepted { receipt: None }
    }

    async fn probe(&self) -> Outcome {
        Outcome::Accepted { receipt: None }
    }
}

fn null_router() -> Router {
    let routes = RouteSettings {
        channels: IndexMap::from([(Channel::Mail, "null".to_owned())]),
        ..RouteSettings::default()
    };
    let null: Arc<dyn Provider> = Arc::new(Null);
    Router::new(routes, BTreeMap::from([("null".to_owned(), null)]))
}
