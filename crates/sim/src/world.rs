//! The world: everything around the engine, by one seed.

mod disk;
mod room;
mod senders;
mod sends;
mod timeline;
mod times;

use std::collections::HashSet;
use std::sync::Arc;

use qixian_core::{Case, CaseId, Channel, OutboxId};
use qixian_engine::{Engine, EngineSettings, Handle, SeededRandom, Setup, Turn};
use qixian_store::{MemStore, MemStoreControl, Store};
use qixian_time::{SimClock, Timestamp};

use crate::history::Script;
use crate::records::Records;
use crate::sabotage::{SabotagedStore, Saboteur};
use crate::{
    Checker, Compared, Delivery, Extent, Failure, FaultPlan, FaultProvider, Ground, Happened,
    History, Rng, Sabotage, Scenery, Stage, Tally,
};
use disk::Disk;
use senders::Senders;
use sends::Send;
use timeline::Timeline;
use times::Times;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// Between two full checks, in steps.
const FULL_CHECK: u64 = 500;
/// Between two that read every journal and message again, in steps.
const EVERYTHING: u64 = 5_000;
/// How many steps one seed may take.
const STEPS_MAX: u64 = 3_000_000;

/// What one seed came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Steps of the world.
    pub steps: u64,
    /// Events acknowledged, each counted once.
    pub acknowledged: u64,
    /// Those of them that are on disk in the end, as they were answered.
    pub found: u64,
    /// Events refused.
    pub refused: u64,
    /// Messages that arrived.
    pub delivered: u64,
    /// Times the process died.
    pub crashes: u64,
    /// How often cases were compared with the reference model.
    pub compared: Compared,
    /// How often each kind of thing happened.
    pub tally: Tally,
}

/// A life that was lived: what it came to, and what happened in it.
#[derive(Clone, Debug)]
pub struct Lived {
    /// What it came to, or the promise that was broken.
    pub outcome: Result<Summary, Failure>,
    /// What happened, in order.
    pub happened: Vec<Happened>,
}

/// The engine and everything around it.
pub struct World {
    seed: u64,
    plan: FaultPlan,
    script: Script,
    scenery: Scenery,
    stage: Stage,
    setup: Setup,
    providers: Vec<FaultProvider>,
    times: Times,
    store: MemStore,
    control: MemStoreControl,
    engine: Engine<SabotagedStore, SimClock>,
    sabotage: Option<Sabotage>,
    handle: Handle,
    timeline: Timeline,
    senders: Senders,
    disk: Disk,
    /// Until when the disk has little room, where it has.
    squeezed_until: Option<Timestamp>,
    sends: Vec<Send>,
    records: Records,
    cases: Vec<CaseId>,
    /// Messages people sent again, which may arrive twice.
    retried: HashSet<OutboxId>,
    checker: Checker,
    ground: Ground,
    summary: Summary,
    trail: Vec<String>,
}

impl World {
    /// The world of `seed`, beginning in March 2026.
    pub fn new(seed: u64, scenery: &Scenery) -> Self {
        Self::sabotaged(seed, scenery, None)
    }

    /// The world of `seed` with a bug in it.
    pub fn sabotaged(seed: u64, scenery: &Scenery, sabotage: Option<Sabotage>) -> Self {
        Self::of(&History::whole(seed, 0), scenery, sabotage)
    }

    /// A world in which only what `history` names happens, maybe with a bug in it.
    pub fn of(history: &History, scenery: &Scenery, sabotage: Option<Sabotage>) -> Self {
        let seed = history.seed;
        let mut rng = Rng::new(seed);
        let plan = FaultPlan::draw(&mut rng);
        let names = ["mail", "sms", "chat"];
        let providers = names.map(|name| FaultProvider::new(name, plan.can_look_up));
        let stage = Stage::default();
        let setup = scenery.setup(stage, &providers);
        let start = Timestamp::parse("2026-03-02T10:00:00+08:00").expect("a good time");
        let times = Times::new(start);
        let (store, control) = MemStore::manual();
        control.durable_news();
        let engine = engine(&store, sabotage, &times.clock, &setup, seed);
        Self {
            seed,
            script: Script::new(history.only.as_ref()),
            scenery: scenery.clone(),
            stage,
            providers: providers.to_vec(),
            store,
            control,
            handle: engine.handle(),
            engine,
            sabotage,
            timeline: Timeline::new(seed, &plan, start),
            senders: Senders::default(),
            disk: Disk::default(),
            squeezed_until: None,
            sends: Vec::new(),
            records: Records::default(),
            cases: Vec::new(),
            retried: HashSet::new(),
            checker: Checker::default(),
            ground: Ground::new(&setup),
            summary: Summary::default(),
            trail: Vec::new(),
            times,
            plan,
            setup,
        }
    }

    /// Lives through `days` days, then lets everything come to rest and looks at it all.
    ///
    /// # Errors
    /// A broken promise, with the seed and the last things that happened.
    pub fn live(self, days: i64) -> Result<Summary, Failure> {
        self.lived(days).outcome
    }

    /// Like [`World::live`], and tells what happened.
    pub fn lived(mut self, days: i64) -> Lived {
        let outcome = self.run(days);
        let outcome = match outcome {
            Ok(()) => {
                let arrived = self.providers.iter().map(FaultProvider::delivered_count);
                self.summary.delivered = arrived.sum();
                self.summary.compared = self.checker.compared();
                (self.summary.acknowledged, self.summary.found) =
                    self.checker.acknowledged_and_found();
                Ok(self.summary)
            }
            Err(Failure(what)) => {
                let from = self.trail.len().saturating_sub(12);
                let trail = self.trail[from..].join("\n");
                let (seed, plan, turn) = (self.seed, &self.plan, self.summary.steps);
                let when = format!("SEED={seed}, turn {turn}");
                Err(Failure(format!("{when}\n{what}\n{plan:?}\n{trail}")))
            }
        };
        Lived {
            outcome,
            happened: self.script.happened,
        }
    }

    fn run(&mut self, days: i64) -> Result<(), Failure> {
        let end = self.times.now().saturating_add_millis(days * DAY);
        while self.times.now() < end {
            self.step()?;
        }
        self.plan = FaultPlan::none();
        self.timeline.end();
        self.make_room(true);
        // Messages decided while the clock was ahead are tried when it gets there.
        let ahead = self.times.ahead().max(0);
        let quiet_from = self.times.shown();
        let rest = self.times.now().saturating_add_millis(12 * HOUR + ahead);
        while self.times.now() < rest || !self.sends.is_empty() {
            self.step()?;
        }
        self.settle_all()?;
        self.full_check(Extent::All)?;
        let delivered = self.honest_deliveries();
        let now = self.times.shown();
        self.checker.at_rest(quiet_from, now, &delivered)?;
        let health = self.engine.stats().health();
        if health.set_aside > 0 {
            return Err(Failure(format!("{} cases set aside", health.set_aside)));
        }
        let overdue = pollster::block_on(self.store.timers_due(now, None, usize::MAX));
        let overdue = overdue.map_or(0, |rows| rows.len());
        if overdue > 0 {
            return Err(Failure(format!("{overdue} wake-ups overdue at rest")));
        }
        Ok(())
    }

    /// What arrived, without what providers lied about and what people sent again: that may arrive twice.
    fn honest_deliveries(&self) -> Vec<Delivery> {
        let is_honest = |provider: &FaultProvider, delivery: &Delivery| {
            let id = delivery
                .key
                .split('.')
                .next()
                .and_then(|id| id.parse().ok());
            let is_retried = id.is_some_and(|id: OutboxId| self.retried.contains(&id));
            let may_repeat = provider.lied_about(&delivery.key) || is_retried;
            delivery.channel != Channel::Sms || !may_repeat
        };
        let all = self.providers.iter().flat_map(|provider| {
            let arrived = provider.delivered().into_iter();
            arrived.filter(move |delivery| is_honest(provider, delivery))
        });
        all.collect()
    }

    fn steps(&self) -> u64 {
        self.summary.steps
    }

    fn step(&mut self) -> Result<(), Failure> {
        self.summary.steps += 1;
        if self.summary.steps > STEPS_MAX {
            return Err(Failure("it never comes to rest".to_owned()));
        }
        self.make_room(false);
        self.happen()?;
        self.look()?;
        self.collect()?;
        self.work_disk(false);
        if let Some(Turn::IdleUntil(until)) = self.turn()? {
            self.idle(until);
        }
        self.go_on_loading()?;
        if self.summary.steps.is_multiple_of(FULL_CHECK) {
            self.settle_all()?;
            let all = self.summary.steps.is_multiple_of(EVERYTHING);
            self.full_check(if all { Extent::All } else { Extent::Grown })?;
        }
        Ok(())
    }

    /// The engine has nothing to do: something around it goes on, or else time does.
    fn idle(&mut self, until: Option<Timestamp>) {
        if !self.work_disk(true)
            && !self.settle_send()
            && !self.senders.anything_new(self.times.now())
        {
            self.pass_time(until);
        }
    }

    /// Moves on to the next instant at which anything is due.
    fn pass_time(&mut self, until: Option<Timestamp>) {
        let (shown, now, awake) = (self.times.shown(), self.times.now(), self.times.awake());
        let timers = pollster::block_on(self.store.timers_due(Timestamp::MAX, None, 1));
        let messages = pollster::block_on(self.store.outbox_due(Timestamp::MAX, None, 1));
        let timers = timers.into_iter().flatten().map(|row| row.at);
        let messages = messages.into_iter().flatten().map(|row| row.at);
        // A row that is due and still there waits for something else (a provider, a lease): time must go on.
        let rows = timers.chain(messages).map(|at| at.millis_since(shown));
        let rows = rows.map(|wait| if wait > 0 { wait } else { 60_000 });
        // Further ahead it is mostly the end of what the engine has read of the rows, which are looked at here.
        let until = until.map(|at| at.millis_since(shown));
        let until = until.filter(|wait| (1..60_000).contains(wait));
        let around = [self.disk_at(), self.send_at()];
        let around = around.into_iter().flatten().map(|at| at - awake);
        let acts = [
            Some(self.timeline.next_at()),
            self.squeezed_until,
            self.senders.next_at(),
        ];
        let acts = acts.into_iter().flatten().map(|at| at.millis_since(now));
        // With a full disk what is due waits for room, however often the engine looks for it.
        let is_full = self.is_full();
        let inside = rows.chain(until).filter(|_| !is_full);
        let waits = inside.chain(around).chain(acts);
        let wait = waits.min().unwrap_or(DAY);
        self.times.pass(wait.clamp(1, DAY));
    }

    /// Lets what is in flight become durable.
    fn settle_all(&mut self) -> Result<(), Failure> {
        for _ in 0..10_000 {
            self.finish_disk();
            self.look()?;
            self.collect()?;
            let idle = self.turn()?.is_some();
            if idle && !self.disk_is_busy() {
                return Ok(());
            }
        }
        Err(Failure("the engine never comes to rest".to_owned()))
    }

    fn full_check(&mut self, extent: Extent) -> Result<(), Failure> {
        self.look()?;
        self.records.check(&self.store)?;
        self.checker.whole(&self.store, &self.ground, extent)
    }

    fn look(&mut self) -> Result<(), Failure> {
        let news = self.control.durable_news();
        self.checker.look(news, &self.ground, self.times.shown())
    }

    fn case(&self, id: CaseId) -> Option<Arc<Case>> {
        let found = pollster::block_on(self.store.cases(&[id])).ok()?;
        found.into_iter().next().flatten()
    }

    fn note(&mut self, what: impl FnOnce() -> String) {
        if self.trail.len() > 200 {
            self.trail.drain(..100);
        }
        self.trail
            .push(format!("{} {}", self.times.shown(), what()));
    }
}

fn engine(
    store: &MemStore,
    sabotage: Option<Sabotage>,
    clock: &SimClock,
    setup: &Setup,
    seed: u64,
) -> Engine<SabotagedStore, SimClock> {
    Engine::new(
        Arc::new(Saboteur::before(store.clone(), sabotage)),
        clock.clone(),
        setup.clone(),
        EngineSettings::default(),
        Box::new(SeededRandom::new(seed)),
    )
}
