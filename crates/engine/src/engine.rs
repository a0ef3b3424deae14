//! The engine's parts, and what it is built from.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use qixian_core::{CaseId, Env, OutboxId, PackRef};
use qixian_notify::{Directory, Router, Templates};
use qixian_store::{OutboxRow, Room, RoomState, Store, TimerRow};
use qixian_time::{Clock, Timestamp};
use tokio::sync::mpsc;

use crate::dispatch::Dispatcher;
use crate::handle::Ids;
use crate::horizon::Horizon;
use crate::inflight::InFlight;
use crate::overlay::{GroupNo, Overlay};
use crate::reference::Numbering;
use crate::work::{Done, Input, Item};
use crate::{Definitions, EngineStats, Handle, Randomness, RetryPolicy, SendJob, Settled};

/// What the engine decides by and speaks with. It can be replaced while it runs ([`Handle::reload`]).
#[derive(Clone)]
pub struct Setup {
    /// Calendars, rules and domain functions.
    pub env: Env,
    /// Workflows.
    pub definitions: Definitions,
    /// The pack of cases whose start names none.
    pub pack: PackRef,
    /// The words.
    pub templates: Arc<Templates>,
    /// Who has which role.
    pub directory: Arc<dyn Directory>,
    /// Which provider serves which channel.
    pub router: Router,
    /// Where links in messages lead to.
    pub base_url: Option<String>,
}

/// Limits. The default suits one daemon on two cores.
#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// How many events may wait.
    pub inbox: usize,
    /// Most pieces of work in one group.
    pub group_items: usize,
    /// Most keys in one group, roughly.
    pub group_keys: usize,
    /// Most due rows kept in memory.
    pub horizon_rows: usize,
    /// How many cases are cached.
    pub cached_cases: usize,
    /// How often a piece of work is decided again before its sender is told that it did not work.
    pub tries_per_item: u32,
    /// How many messages one provider may have in its hands.
    pub sends_per_provider: usize,
    /// Back-off between tries.
    pub retry: RetryPolicy,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            inbox: 4_096,
            group_items: 128,
            group_keys: 500,
            horizon_rows: 20_000,
            cached_cases: 4_096,
            tries_per_item: 5,
            sends_per_provider: 8,
            retry: RetryPolicy::default(),
        }
    }
}

/// The one writer. It spawns nothing and never sleeps; see the crate's documentation for how it is driven.
pub struct Engine<S: Store, C: Clock> {
    pub(crate) store: Arc<S>,
    pub(crate) clock: C,
    pub(crate) setup: Setup,
    pub(crate) settings: EngineSettings,
    pub(crate) stats: Arc<EngineStats>,
    pub(crate) random: Arc<Mutex<Box<dyn Randomness>>>,
    handle: Handle,
    pub(crate) inbox: mpsc::Receiver<Input>,
    pub(crate) outcomes: mpsc::UnboundedReceiver<Settled>,
    /// Work taken from the queues or come back, in order.
    pub(crate) backlog: VecDeque<Item>,
    pub(crate) in_flight: VecDeque<InFlight>,
    pub(crate) last_group: GroupNo,
    pub(crate) overlay: Overlay,
    pub(crate) timers: Horizon<TimerRow>,
    pub(crate) due_messages: Horizon<OutboxRow>,
    pub(crate) dispatcher: Dispatcher,
    /// Sends whose mark is durable.
    pub(crate) ready: VecDeque<SendJob>,
    /// Answers that leave once those sends are handed out.
    pub(crate) to_answer: VecDeque<Done>,
    pub(crate) numbering: Numbering,
    /// Cases that could not be decided, and until when they are left alone.
    pub(crate) aside: HashMap<CaseId, Timestamp>,
    /// The latest instant seen.
    pub(crate) latest: Timestamp,
    /// After the store failed to read: not before then.
    pub(crate) pause_until: Option<Timestamp>,
    pub(crate) held: bool,
    /// What the store had left when this turn began.
    pub(crate) room: Room,
    /// What the log said last of it.
    pub(crate) told_room: RoomState,
    /// Entries a former process may have left in `sending`; looked for once, page by page.
    pub(crate) recovery: Option<Option<String>>,
    /// Entries that are being sent by this process.
    pub(crate) sending: HashMap<OutboxId, usize>,
}

impl<S: Store, C: Clock + Clone + 'static> Engine<S, C> {
    /// An engine over `store`. `random` makes ids and jitter.
    pub fn new(
        store: Arc<S>,
        clock: C,
        setup: Setup,
        settings: EngineSettings,
        random: Box<dyn Randomness>,
    ) -> Self {
        let (inbox_in, inbox) = mpsc::channel(settings.inbox);
        let (outcomes_in, outcomes) = mpsc::unbounded_channel();
        let stats = Arc::new(EngineStats::default());
        let random = Arc::new(Mutex::new(random));
        let handle = Handle {
            inbox: inbox_in,
            outcomes: outcomes_in,
            draining: Arc::new(AtomicBool::new(false)),
            stats: stats.clone(),
            ids: Ids {
                clock: Arc::new(clock.clone()),
                random: random.clone(),
            },
        };
        Self {
            store,
            clock,
            setup,
            stats,
            random,
            handle,
            inbox,
            outcomes,
            backlog: VecDeque::new(),
            in_flight: VecDeque::new(),
            last_group: 0,
            overlay: Overlay::new(settings.cached_cases),
            timers: Horizon::new(),
            due_messages: Horizon::new(),
            dispatcher: Dispatcher::new(settings.sends_per_provider),
            ready: VecDeque::new(),
            to_answer: VecDeque::new(),
            numbering: Numbering::default(),
            aside: HashMap::new(),
            latest: Timestamp::MIN,
            pause_until: None,
            held: false,
            room: Room::default(),
            told_room: RoomState::default(),
            recovery: Some(None),
            sending: HashMap::new(),
            settings,
        }
    }

    /// A door to this engine.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Holds timers and dispatch from the start: for a restored backup. [`Handle::hold`] releases them.
    pub fn start_held(&mut self) {
        self.held = true;
    }
}

impl<S: Store, C: Clock> Engine<S, C> {
    /// Whether it takes no more events, and all that waited is answered and every message handed out has come back. What
    /// only waits for room on the disk is not waited for: the next start finds it again.
    pub fn is_drained(&self) -> bool {
        self.is_draining()
            && self.inbox.is_empty()
            && self.outcomes.is_empty()
            && self.in_flight.is_empty()
            && self.ready.is_empty()
            && self.to_answer.is_empty()
            && self.only_waits_for_room()
    }

    /// Counters and health.
    pub fn stats(&self) -> &Arc<EngineStats> {
        &self.stats
    }

    /// The store it writes to.
    pub fn store(&self) -> &Arc<S> {
        &self.store
    }

    /// The clock it reads.
    pub fn clock(&self) -> &C {
        &self.clock
    }

    /// What it decides by now.
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.handle.draining.load(Ordering::SeqCst)
    }
}
