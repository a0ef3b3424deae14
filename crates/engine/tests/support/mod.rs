//! A small world for the engine's tests: one workflow, one provider that takes everything, a clock that is told.

use std::sync::Arc;

use qixian_core::{
    Actor, Case, CaseId, Event, Fields, JournalLine, NoFunctions, PackRef, Party, StartCase, What,
};
use qixian_engine::replay::Recorder;
use qixian_engine::{
    Ack, Definitions, Engine, EngineSettings, Handle, SeededRandom, SendJob, Setup, SubmitError,
    Turn, meaning,
};
use qixian_notify::{Provider, RouteSettings, Router, Staff, Templates};
use qixian_store::{MemStore, MemStoreControl, MessageQuery, OutboxEntry, Store};
use qixian_time::{Clock, SimClock, Timestamp};
use qixian_workflow::{Catalog, Sources};
use tokio::sync::oneshot::Receiver;

pub(crate) const HOUR: i64 = 3_600_000;

const WORKFLOW: &str = r#"
schema = 1
workflow = "asking"
version = 1
title = { zh = "询问", en = "Asking" }

[states]
open = { title = "待问" }
waiting = { title = "等待" }
done = { title = "完成", final = true }

[[on]]
event = "asked"
from = "open"
to = "waiting"

[[on]]
event = "answered"
from = "waiting"
to = "done"

[deadlines.answer]
title = { zh = "答复", en = "Answer" }
in = "waiting"
within = "48h"
remind = "hours"
missed = { to = "open", reason = { zh = "没有答复", en = "No answer" } }

[ladders.hours]
steps = [
  { after = "0m", via = ["mail"], to = ["handler"] },
  { before = "24h", via = ["mail"], to = ["handler"] },
]
"#;

const WORDS: [&str; 8] = [
    "rung_duty",
    "rung_expectation",
    "manual",
    "missed",
    "transition",
    "ask",
    "person",
    "dead",
];

pub(crate) struct World {
    pub(crate) engine: Engine<MemStore, SimClock>,
    pub(crate) handle: Handle,
    pub(crate) clock: SimClock,
    pub(crate) provider: Arc<Recorder>,
    pub(crate) keep_jobs: bool,
    pub(crate) kept: Vec<SendJob>,
    setup: Setup,
    events: u32,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::over(MemStore::new())
    }

    pub(crate) fn manual() -> (Self, MemStoreControl) {
        let (store, control) = MemStore::manual();
        (Self::over(store), control)
    }

    fn over(store: MemStore) -> Self {
        let sources = Sources {
            workflows: vec![("asking.toml".to_owned(), WORKFLOW.to_owned())],
            calendars: vec![("2026.toml".to_owned(), CALENDAR.to_owned())],
            ..Sources::default()
        };
        let catalog = Catalog::build(&sources, Arc::new(NoFunctions)).unwrap();
        let words = WORDS.map(|name| {
            let path = format!("zh/_default/{name}.txt");
            (path, "subject: 提醒\n\n{{ case.title }}\n".to_owned())
        });
        let provider = Arc::new(Recorder::named("post"));
        let as_provider: Arc<dyn Provider> = provider.clone();
        let routes = RouteSettings {
            channels: qixian_core::Channel::ALL
                .map(|channel| (channel, "post".to_owned()))
                .into_iter()
                .collect(),
            ..RouteSettings::default()
        };
        let setup = Setup {
            env: catalog.env(),
            definitions: Definitions::of_catalog(&catalog),
            pack: PackRef::default(),
            templates: Arc::new(Templates::from_sources(words).unwrap()),
            directory: Arc::new(Staff::default()),
            router: Router::new(routes, [("post".to_owned(), as_provider)].into()),
            base_url: None,
        };
        let clock = SimClock::new(Timestamp::parse("2026-03-02T10:00:00+08:00").unwrap());
        let engine = engine(Arc::new(store), &clock, &setup);
        Self {
            handle: engine.handle(),
            engine,
            clock,
            provider,
            keep_jobs: false,
            kept: Vec::new(),
            setup,
            events: 0,
        }
    }

    /// The process ends and another takes over the same store.
    pub(crate) fn restart(&mut self) {
        let store = self.engine.store().clone();
        self.engine = engine(store, &self.clock, &self.setup);
        self.handle = self.engine.handle();
        self.kept.clear();
    }

    /// Turns until nothing is left to do now.
    pub(crate) fn run(&mut self) -> Option<Timestamp> {
        pollster::block_on(async {
            loop {
                match self.engine.turn().await {
                    Turn::Worked => {}
                    Turn::Send(job) if self.keep_jobs => self.kept.push(job),
                    Turn::Send(job) => self.handle.settle(job.run().await),
                    Turn::IdleUntil(at) => return at,
                }
            }
        })
    }

    /// What the driver does between two turns: waits for input, here without waiting. Answers whether the wait was over.
    pub(crate) fn take_one_input(&mut self) -> bool {
        let mut wait = std::pin::pin!(self.engine.wait_input());
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        wait.as_mut().poll(&mut cx).is_ready()
    }

    pub(crate) fn advance(&mut self, millis: i64) {
        let until = self.clock.now().saturating_add_millis(millis);
        while let Some(next) = self.run().filter(|at| *at <= until) {
            self.clock
                .set(next.max(self.clock.now().saturating_add_millis(1)));
        }
        self.clock.set(until);
        self.run();
    }

    pub(crate) fn jump(&mut self, millis: i64) {
        self.clock.advance_millis(millis);
    }

    pub(crate) fn event(&self, case: CaseId, name: &str, id: &str) -> Event {
        Event {
            id: id.to_owned(),
            case,
            occurred_at: self.clock.now(),
            by: Actor::system("test"),
            note: None,
            expected_edit_rev: None,
            what: What::Fact {
                event: name.to_owned(),
                party: None,
                fields: Fields::new(),
                override_reason: None,
            },
        }
    }

    pub(crate) fn begin(&mut self, case: CaseId, name: &str) -> Receiver<Result<Ack, SubmitError>> {
        self.events += 1;
        let event = self.event(case, name, &format!("e{}", self.events));
        self.handle.begin(event, None).unwrap()
    }

    pub(crate) fn fact(&mut self, case: CaseId, name: &str) -> Result<Ack, SubmitError> {
        self.events += 1;
        let event = self.event(case, name, &format!("e{}", self.events));
        self.submit(event, None)
    }

    pub(crate) fn fact_once(
        &mut self,
        case: CaseId,
        name: &str,
        key: &str,
    ) -> Result<Ack, SubmitError> {
        let event = self.event(case, name, key);
        let digest = meaning(&event);
        self.submit(event, Some(digest))
    }

    pub(crate) fn submit(
        &mut self,
        event: Event,
        once: Option<[u8; 32]>,
    ) -> Result<Ack, SubmitError> {
        let mut answer = self.handle.begin(event, once)?;
        self.run();
        answer.try_recv().expect("answered by now")
    }

    pub(crate) fn begin_start(&mut self, id: CaseId) -> Receiver<Result<Ack, SubmitError>> {
        let event = self.start_event(id, "");
        self.handle.begin(event, None).unwrap()
    }

    pub(crate) fn start(&mut self) -> CaseId {
        self.start_as("").unwrap().case.id
    }

    pub(crate) fn start_as(&mut self, reference: &str) -> Result<Ack, SubmitError> {
        let event = self.start_event(self.handle.new_id(), reference);
        self.submit(event, None)
    }

    fn start_event(&self, id: CaseId, reference: &str) -> Event {
        let handler = Party {
            role: "handler".to_owned(),
            name: "小周".to_owned(),
            email: Some("zhou@agency.example".to_owned()),
            ..Party::default()
        };
        Event {
            what: What::Start(Box::new(StartCase {
                workflow: "asking".to_owned(),
                reference: reference.to_owned(),
                title: "首次备案".to_owned(),
                parties: vec![handler],
                ..StartCase::default()
            })),
            ..self.event(id, "", &format!("start:{id}"))
        }
    }

    pub(crate) fn case(&self, id: CaseId) -> Case {
        let found = pollster::block_on(self.engine.store().cases(&[id])).unwrap();
        (**found[0].as_ref().expect("the case exists")).clone()
    }

    pub(crate) fn journal(&self, id: CaseId) -> Vec<JournalLine> {
        pollster::block_on(self.engine.store().journal(id, 0, 500)).unwrap()
    }

    pub(crate) fn entries(&self, case: CaseId) -> Vec<OutboxEntry> {
        let query = MessageQuery {
            case: Some(case),
            status: None,
        };
        let page = self.engine.store().messages(&query, None, 500);
        pollster::block_on(page).unwrap().items
    }

    /// What went out since the last call.
    pub(crate) fn sent(&self) -> Vec<String> {
        let taken = self.provider.take();
        let name = |message: &qixian_notify::Message| {
            format!("{} via {}", message.recipient.role, message.channel)
        };
        taken.iter().map(|(message, _)| name(message)).collect()
    }
}

fn engine(store: Arc<MemStore>, clock: &SimClock, setup: &Setup) -> Engine<MemStore, SimClock> {
    Engine::new(
        store,
        clock.clone(),
        setup.clone(),
        EngineSettings::default(),
        Box::new(SeededRandom::new(7)),
    )
}

const CALENDAR: &str = include_str!("../../../../config/calendars/cn/2026.toml");
