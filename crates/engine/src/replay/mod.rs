//! The engine on a virtual clock, for `simulate` and the tests of workflow files.
//!
//! It is the real engine over an in-memory store. Time moves from one due instant to the next, every message is taken by
//! a [`Recorder`], and what happened is told as [`ReplayLine`]s.

mod lines;
mod recorder;
mod test;

use std::collections::BTreeMap;
use std::sync::Arc;

use qixian_core::{Actor, Case, CaseId, Channel, Event, JournalLine, StartCase, What};
use qixian_notify::{RouteSettings, Router};
use qixian_store::{MemStore, Store};
use qixian_time::{SimClock, Timestamp};

use crate::{Ack, Engine, EngineSettings, Handle, SeededRandom, Setup, SubmitError, Turn};

pub use lines::{ReplayLine, ReplayWhat};
pub use recorder::Recorder;
pub use test::{TestFailure, TestReport, run_test};

/// The name of the provider that takes every message of a replay.
const RECORDER: &str = "recorder";
/// Journal lines read at a time.
const LINES: usize = 500;

/// A case and its children on a virtual clock.
pub struct Replay {
    engine: Engine<MemStore, SimClock>,
    handle: Handle,
    clock: SimClock,
    /// The cases in the order they began, each with the last journal line told.
    told: Vec<(CaseId, u64)>,
    lines: Vec<ReplayLine>,
    events: u64,
}

impl Replay {
    /// An empty world at `start`. The setup's routes are replaced: every channel leads to a [`Recorder`].
    pub fn new(setup: Setup, start: Timestamp) -> Self {
        let channels = Channel::ALL.map(|channel| (channel, RECORDER.to_owned()));
        let routes = RouteSettings {
            channels: channels.into_iter().collect(),
            ..RouteSettings::default()
        };
        let provider: Arc<dyn qixian_notify::Provider> = Arc::new(Recorder::named(RECORDER));
        let providers = BTreeMap::from([(RECORDER.to_owned(), provider)]);
        let setup = Setup {
            router: Router::new(routes, providers),
            ..setup
        };
        let clock = SimClock::new(start);
        let engine = Engine::new(
            Arc::new(MemStore::new()),
            clock.clone(),
            setup,
            EngineSettings::default(),
            Box::new(SeededRandom::new(1)),
        );
        Self {
            handle: engine.handle(),
            engine,
            clock,
            told: Vec::new(),
            lines: Vec::new(),
            events: 0,
        }
    }

    /// The present time.
    pub fn now(&self) -> Timestamp {
        qixian_time::Clock::now(&self.clock)
    }

    /// Starts a case now. `occurred_at` is now where not given.
    ///
    /// # Errors
    /// [`SubmitError`] as from the real engine.
    pub async fn start(
        &mut self,
        start: StartCase,
        occurred_at: Option<Timestamp>,
        by: Actor,
    ) -> Result<Ack, SubmitError> {
        let event = Event {
            id: String::new(),
            case: self.handle.new_id(),
            occurred_at: occurred_at.unwrap_or_else(|| self.now()),
            by,
            note: None,
            expected_edit_rev: None,
            what: What::Start(Box::new(start)),
        };
        self.submit(event).await
    }

    /// Submits an event now; an empty id is replaced by a fresh one.
    ///
    /// # Errors
    /// [`SubmitError`] as from the real engine.
    pub async fn submit(&mut self, mut event: Event) -> Result<Ack, SubmitError> {
        self.events += 1;
        if event.id.is_empty() {
            event.id = format!("replay:{}", self.events);
        }
        let case = event.case;
        if matches!(event.what, What::Start(_)) {
            self.told.push((case, 0));
        }
        let mut answer = self.handle.begin(event, None)?;
        self.work().await;
        let answer = answer.try_recv().unwrap_or_else(|_| {
            let why = "the replay stopped before the answer".to_owned();
            Err(SubmitError::Unavailable(why))
        });
        if answer.is_err() {
            self.told.retain(|(id, last)| *id != case || *last > 0);
        }
        answer
    }

    /// Releases what a case that started mid-way holds back.
    pub async fn release(&mut self, case: CaseId) {
        let event = Event {
            id: String::new(),
            case,
            occurred_at: self.now(),
            by: Actor::system("system"),
            note: None,
            expected_edit_rev: None,
            what: What::Release,
        };
        if let Err(error) = self.submit(event).await {
            tracing::warn!(event = "release_refused", %case, %error);
        }
    }

    /// Lets time pass until `until`; whatever comes due on the way happens at its own instant. Time does not go back.
    ///
    /// # Errors
    /// A workflow whose timers never come to rest: more than a million instants.
    pub async fn advance_to(&mut self, until: Timestamp) -> Result<(), SubmitError> {
        for _ in 0..1_000_000 {
            self.work().await;
            match self.next_due(until).await {
                Some(at) => self.clock.set(at.max(self.now())),
                None => {
                    self.clock.set(until.max(self.now()));
                    self.work().await;
                    return Ok(());
                }
            }
        }
        let why = "the timers never come to rest".to_owned();
        Err(SubmitError::Unavailable(why))
    }

    /// What happened since the last call, in order.
    pub fn take_lines(&mut self) -> Vec<ReplayLine> {
        std::mem::take(&mut self.lines)
    }

    /// A case as it is now.
    pub async fn case(&self, id: CaseId) -> Option<Arc<Case>> {
        let found = self.engine.store().cases(&[id]).await.ok()?;
        found.into_iter().next().flatten()
    }

    /// All cases in the order they began.
    pub async fn cases(&self) -> Vec<Arc<Case>> {
        let ids: Vec<CaseId> = self.told.iter().map(|(id, _)| *id).collect();
        let found = self.engine.store().cases(&ids).await.unwrap_or_default();
        found.into_iter().flatten().collect()
    }

    /// The whole journal of a case.
    pub async fn journal(&self, case: CaseId) -> Vec<JournalLine> {
        self.journal_after(case, 0).await
    }

    /// What it decides by.
    pub fn setup(&self) -> &Setup {
        self.engine.setup()
    }

    /// The next instant at which something is due, at or before `until`, if it lies ahead.
    async fn next_due(&self, until: Timestamp) -> Option<Timestamp> {
        let store = self.engine.store();
        let timers = store.timers_due(until, None, 1).await.unwrap_or_default();
        let messages = store.outbox_due(until, None, 1).await.unwrap_or_default();
        let instants = timers.iter().map(|row| row.at);
        let instants = instants.chain(messages.iter().map(|row| row.at));
        instants.min().filter(|at| *at > self.now())
    }

    /// Turns until nothing is left to do at this instant.
    async fn work(&mut self) {
        loop {
            match self.engine.turn().await {
                Turn::Worked => {}
                Turn::Send(job) => {
                    self.tell_journals().await;
                    self.lines.extend(lines::of_send(&job, self.now()));
                    self.handle.settle(job.run().await);
                }
                Turn::IdleUntil(_) => break,
            }
        }
        self.tell_journals().await;
    }

    /// Tells the journal lines that are new, and finds the children they brought.
    async fn tell_journals(&mut self) {
        let mut next = 0;
        while let Some((id, last)) = self.told.get(next).copied() {
            let lines = self.journal_after(id, last).await;
            if let Some(newest) = lines.last()
                && let Some(case) = self.case(id).await
            {
                self.told[next].1 = newest.seq;
                let definitions = &self.engine.setup().definitions;
                let workflow = definitions.at_hand(&case);
                for line in &lines {
                    let told = lines::of_journal(&case, workflow.as_deref(), line);
                    self.lines.extend(told);
                }
                for child in &case.children {
                    if self.told.iter().all(|(known, _)| *known != child.case) {
                        self.told.push((child.case, 0));
                    }
                }
            }
            next += 1;
        }
    }

    async fn journal_after(&self, case: CaseId, after: u64) -> Vec<JournalLine> {
        let mut lines: Vec<JournalLine> = Vec::new();
        loop {
            let last = lines.last().map_or(after, |line| line.seq);
            let page = self.engine.store().journal(case, last, LINES).await;
            let page = page.unwrap_or_default();
            let full = page.len() == LINES;
            lines.extend(page);
            if !full {
                return lines;
            }
        }
    }
}
