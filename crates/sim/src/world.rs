//! The world: everything around the engine, by one seed.

use std::sync::Arc;

use qixian_core::{Case, CaseId, Event, What};
use qixian_engine::{
    Ack, Engine, EngineSettings, Handle, SeededRandom, SendJob, Setup, SubmitError, Turn, meaning,
};
use qixian_store::{MemStore, MemStoreControl, Refusal, Store};
use qixian_time::{Clock, SimClock, Timestamp};
use qixian_workflow::Catalog;
use tokio::sync::oneshot::Receiver;

use crate::sabotage::SabotagedStore;
use crate::{
    Checker, Compared, Failure, FaultPlan, FaultProvider, Ground, Rng, Sabotage, people, setup,
};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// Between two full checks, in steps.
const FULL_CHECK: u64 = 500;
/// How many steps one seed may take.
const STEPS_MAX: u64 = 3_000_000;
/// How often a sender tries again.
const TRIES_MAX: u32 = 8;

/// What one seed came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Steps of the world.
    pub steps: u64,
    /// Events acknowledged.
    pub acknowledged: u64,
    /// Events refused.
    pub refused: u64,
    /// Messages that arrived.
    pub delivered: u64,
    /// Times the process died.
    pub crashes: u64,
    /// How often cases were compared with the reference model.
    pub compared: Compared,
}

/// An event whose sender waits.
struct Waiting {
    event: Event,
    answer: Option<Receiver<Result<Ack, SubmitError>>>,
    tries: u32,
}

/// The engine and everything around it.
pub struct World {
    seed: u64,
    rng: Rng,
    plan: FaultPlan,
    setup: Setup,
    providers: Vec<FaultProvider>,
    clock: SimClock,
    store: MemStore,
    control: MemStoreControl,
    engine: Engine<SabotagedStore, SimClock>,
    sabotage: Option<Sabotage>,
    handle: Handle,
    waiting: Vec<Waiting>,
    jobs: Vec<SendJob>,
    cases: Vec<CaseId>,
    next_event_at: Timestamp,
    events: u64,
    checker: Checker,
    ground: Ground,
    summary: Summary,
    trail: Vec<String>,
}

impl World {
    /// The world of `seed` over the workflows of `catalog`, beginning in March 2026.
    pub fn new(seed: u64, catalog: &Catalog) -> Self {
        Self::sabotaged(seed, catalog, None)
    }

    /// The world of `seed` with a bug in it.
    pub fn sabotaged(seed: u64, catalog: &Catalog, sabotage: Option<Sabotage>) -> Self {
        let mut rng = Rng::new(seed);
        let plan = FaultPlan::draw(&mut rng);
        let providers = ["mail", "sms", "chat"].map(|name| {
            FaultProvider::new(name, rng.below(u64::MAX), plan.provider, plan.can_look_up)
        });
        let setup = setup(catalog, &providers);
        let start = Timestamp::parse("2026-03-02T10:00:00+08:00").expect("a good time");
        let clock = SimClock::new(start);
        let (store, control) = MemStore::manual();
        control.durable_news();
        let engine = engine(&store, sabotage, &clock, &setup, seed);
        let ground = Ground::new(&setup);
        Self {
            seed,
            plan,
            setup,
            providers: providers.to_vec(),
            clock,
            store,
            control,
            handle: engine.handle(),
            engine,
            sabotage,
            waiting: Vec::new(),
            jobs: Vec::new(),
            cases: Vec::new(),
            next_event_at: start,
            events: 0,
            checker: Checker::default(),
            ground,
            summary: Summary::default(),
            trail: Vec::new(),
            rng,
        }
    }

    /// Lives through `days` days, then lets everything come to rest and looks at it all.
    ///
    /// # Errors
    /// A broken promise, with the seed and the last things that happened.
    pub fn live(mut self, days: i64) -> Result<Summary, Failure> {
        let outcome = self.run(days);
        match outcome {
            Ok(()) => {
                let arrived = self.providers.iter().map(|p| p.delivered().len() as u64);
                self.summary.delivered = arrived.sum();
                self.summary.compared = self.checker.compared();
                Ok(self.summary)
            }
            Err(Failure(what)) => {
                let from = self.trail.len().saturating_sub(12);
                let trail = self.trail[from..].join("\n");
                let (seed, plan, turn) = (self.seed, &self.plan, self.summary.steps);
                let when = format!("SEED={seed}, turn {turn}");
                Err(Failure(format!("{when}\n{what}\n{plan:?}\n{trail}")))
            }
        }
    }

    fn run(&mut self, days: i64) -> Result<(), Failure> {
        let end = self.clock.now().saturating_add_millis(days * DAY);
        while self.clock.now() < end {
            self.step()?;
        }
        self.plan = FaultPlan::none();
        self.providers.iter().for_each(FaultProvider::heal);
        let quiet_from = self.clock.now();
        let rest = quiet_from.saturating_add_millis(12 * HOUR);
        self.next_event_at = Timestamp::MAX;
        while self.clock.now() < rest {
            self.step()?;
        }
        self.settle_all()?;
        self.full_check()?;
        let delivered: Vec<_> = self.providers.iter().flat_map(|p| p.delivered()).collect();
        self.checker
            .at_rest(quiet_from, self.clock.now(), &delivered)?;
        let health = self.engine.stats().health();
        if health.set_aside > 0 {
            return Err(Failure(format!("{} cases set aside", health.set_aside)));
        }
        let overdue = self.store_rows(self.clock.now());
        if overdue > 0 {
            return Err(Failure(format!("{overdue} wake-ups overdue at rest")));
        }
        Ok(())
    }

    fn step(&mut self) -> Result<(), Failure> {
        self.summary.steps += 1;
        if self.summary.steps > STEPS_MAX {
            return Err(Failure("it never comes to rest".to_owned()));
        }
        if self.rng.chance(self.plan.crash) {
            self.crash()?;
        }
        while self.clock.now() >= self.next_event_at {
            self.somebody_acts();
        }
        self.look()?;
        self.collect()?;
        match pollster::block_on(self.engine.turn()) {
            Turn::Worked => {
                if self.rng.chance(100) {
                    self.resolve_one();
                }
            }
            Turn::Send(job) => {
                self.checker.handed_out(&job)?;
                self.note_job("handed out", &job);
                self.jobs.push(job);
            }
            Turn::IdleUntil(_) => self.idle()?,
        }
        if self.summary.steps.is_multiple_of(FULL_CHECK) {
            self.settle_all()?;
            self.full_check()?;
        }
        Ok(())
    }

    /// The engine has nothing to do: something around it goes on.
    fn idle(&mut self) -> Result<(), Failure> {
        if self.control.pending() > 0 {
            if self.rng.chance(self.plan.slow_disk) {
                let millis = self.rng.below(60_000) as i64;
                self.clock.advance_millis(millis);
            } else {
                self.resolve_one();
            }
            return Ok(());
        }
        if !self.jobs.is_empty() && !self.rng.chance(self.plan.slow) {
            let place = self.rng.place(self.jobs.len());
            let job = self.jobs.swap_remove(place);
            let settled = pollster::block_on(job.run());
            self.note(format!(
                "settled {} {}",
                settled.entry,
                settled.outcome.name()
            ));
            self.handle.settle(settled);
            return Ok(());
        }
        if self.rng.chance(self.plan.clock_jump) {
            self.jump();
            return Ok(());
        }
        self.pass_time();
        Ok(())
    }

    /// Moves on to the next instant at which anything is due.
    fn pass_time(&mut self) {
        let now = self.clock.now();
        let timers = pollster::block_on(self.store.timers_due(Timestamp::MAX, None, 1));
        let messages = pollster::block_on(self.store.outbox_due(Timestamp::MAX, None, 1));
        let timers = timers.into_iter().flatten().map(|row| row.at);
        let messages = messages.into_iter().flatten().map(|row| row.at);
        let next = timers.chain(messages).chain([self.next_event_at]).min();
        let least = now.saturating_add_millis(1);
        let most = now.saturating_add_millis(6 * HOUR);
        // A row that is due and still there waits for something else (a provider, a lease): time must go on.
        let stuck = next.is_some_and(|at| at <= now);
        let next = if stuck {
            now.saturating_add_millis(60_000)
        } else {
            next.unwrap_or(most)
        };
        self.clock.set(next.clamp(least, most));
    }

    fn jump(&mut self) {
        let millis = if self.rng.chance(600) {
            self.rng.below(5 * DAY as u64) as i64
        } else {
            -(self.rng.below(2 * HOUR as u64) as i64)
        };
        self.note(format!("the clock jumps by {millis} ms"));
        self.clock.advance_millis(millis);
    }

    fn resolve_one(&mut self) {
        if self.rng.chance(self.plan.refused) {
            self.note("a group is refused".to_owned());
            self.control
                .refuse_next(Refusal::Unavailable("by the seed".to_owned()));
        } else if self.rng.chance(self.plan.unknown) {
            let took_effect = self.rng.chance(500);
            self.note(format!(
                "a group's answer is lost, took effect: {took_effect}"
            ));
            self.control.fail_unknown_next(took_effect);
        } else {
            self.control.make_durable(1);
        }
    }

    /// The process dies; some groups may have reached the disk, some messages may have gone out.
    fn crash(&mut self) -> Result<(), Failure> {
        self.summary.crashes += 1;
        for job in std::mem::take(&mut self.jobs) {
            if self.rng.chance(500) {
                self.note_job("sent and forgotten", &job);
                pollster::block_on(job.run());
            }
        }
        let keep = self.rng.place(self.control.pending() + 1);
        self.note(format!("crash, {keep} groups kept"));
        (self.store, self.control) = self.control.crash(keep);
        let seed = self.rng.below(u64::MAX);
        self.engine = engine(&self.store, self.sabotage, &self.clock, &self.setup, seed);
        self.handle = self.engine.handle();
        for waiting in &mut self.waiting {
            waiting.answer = None;
        }
        self.full_check()
    }

    fn somebody_acts(&mut self) {
        let now = self.clock.now();
        let wait = match self.rng.below(10) {
            0..3 => 0,
            _ => self.rng.below(12 * HOUR as u64) as i64,
        };
        self.next_event_at = now.saturating_add_millis(wait);
        self.events += 1;
        let id = format!("e{}", self.events);
        let known = if self.cases.len() < 4 || self.rng.chance(40) {
            None
        } else {
            self.rng
                .pick(&self.cases)
                .copied()
                .and_then(|id| self.case(id))
        };
        let event = match known {
            Some(case) => {
                let Some(workflow) = self.setup.definitions.newest(&case.workflow.id).cloned()
                else {
                    return;
                };
                let what = people::happening(&mut self.rng, &workflow, &case, now);
                let at = people::occurred(&mut self.rng, now);
                people::event(id, case.id, at, what)
            }
            None => {
                let all: Vec<_> = self.setup.definitions.all().cloned().collect();
                let Some(workflow) = self.rng.pick(&all).cloned() else {
                    return;
                };
                let what = people::start(&mut self.rng, &workflow, now);
                people::event(id, self.handle.new_id(), now, What::Start(Box::new(what)))
            }
        };
        self.note(format!("{} {} {}", event.id, event.case, event.what.name()));
        self.waiting.push(Waiting {
            event,
            answer: None,
            tries: 0,
        });
    }

    /// Senders ask for their answers, and send again what was lost or not taken.
    fn collect(&mut self) -> Result<(), Failure> {
        let mut still = Vec::new();
        for mut waiting in std::mem::take(&mut self.waiting) {
            let Some(answer) = &mut waiting.answer else {
                waiting.tries += 1;
                let digest = meaning(&waiting.event);
                waiting.answer = self.handle.begin(waiting.event.clone(), Some(digest)).ok();
                still.push(waiting);
                continue;
            };
            match answer.try_recv() {
                Err(_) => still.push(waiting),
                Ok(Ok(ack)) => {
                    self.summary.acknowledged += 1;
                    let event = &waiting.event;
                    self.checker.acknowledged(&event.id, &event.what, &ack)?;
                    if matches!(event.what, What::Start(_)) && !self.cases.contains(&ack.case.id) {
                        self.cases.push(ack.case.id);
                    }
                    self.cases
                        .extend(ack.case.children.iter().map(|child| child.case));
                    self.cases.sort_unstable();
                    self.cases.dedup();
                    if self.rng.chance(50) && waiting.tries < TRIES_MAX {
                        // The answer got lost on the way: the sender asks again.
                        waiting.answer = None;
                        still.push(waiting);
                    }
                }
                Ok(Err(SubmitError::Unavailable(_))) if waiting.tries < TRIES_MAX => {
                    waiting.answer = None;
                    still.push(waiting);
                }
                Ok(Err(SubmitError::Unavailable(_))) => {}
                Ok(Err(error)) => {
                    self.summary.refused += 1;
                    self.note(format!("{} refused: {error}", waiting.event.id));
                    self.checker.refused(&waiting.event.id)?;
                }
            }
        }
        self.waiting.append(&mut still);
        Ok(())
    }

    /// Lets what is in flight become durable.
    fn settle_all(&mut self) -> Result<(), Failure> {
        for _ in 0..10_000 {
            self.control.make_durable(usize::MAX);
            self.look()?;
            self.collect()?;
            match pollster::block_on(self.engine.turn()) {
                Turn::Worked => {}
                Turn::Send(job) => {
                    self.checker.handed_out(&job)?;
                    self.jobs.push(job);
                }
                Turn::IdleUntil(_) if self.control.pending() == 0 => return Ok(()),
                Turn::IdleUntil(_) => {}
            }
        }
        Err(Failure("the engine never comes to rest".to_owned()))
    }

    fn full_check(&mut self) -> Result<(), Failure> {
        self.look()?;
        self.checker.whole(&self.store, &self.ground)
    }

    fn look(&mut self) -> Result<(), Failure> {
        self.checker
            .look(self.control.durable_news(), &self.ground, self.clock.now())
    }

    fn case(&self, id: CaseId) -> Option<Arc<Case>> {
        let found = pollster::block_on(self.store.cases(&[id])).ok()?;
        found.into_iter().next().flatten()
    }

    fn store_rows(&self, until: Timestamp) -> usize {
        let rows = pollster::block_on(self.store.timers_due(until, None, usize::MAX));
        rows.map_or(0, |rows| rows.len())
    }

    fn note_job(&mut self, what: &str, job: &SendJob) {
        let lookup = if job.message.is_some() {
            ""
        } else {
            " (lookup)"
        };
        self.note(format!("{what} {}{lookup}", job.context.idempotency_key));
    }

    fn note(&mut self, what: String) {
        if self.trail.len() > 1_000 {
            self.trail.drain(..500);
        }
        self.trail.push(format!("{} {what}", self.clock.now()));
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
        Arc::new(SabotagedStore::new(store.clone(), sabotage)),
        clock.clone(),
        setup.clone(),
        EngineSettings::default(),
        Box::new(SeededRandom::new(seed)),
    )
}
