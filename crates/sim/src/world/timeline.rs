//! What happens at its own time: people, deaths of the process, jumps of the clock, suspensions, loads.

use std::sync::Arc;

use qixian_core::{Actor, Case, Deadline, Event, What};
use qixian_store::{CaseQuery, Store};
use qixian_time::Timestamp;

use super::{DAY, HOUR, World, engine};
use crate::{Extent, Failure, FaultPlan, Key, Kind, Rng, Stage};

/// How long a crash and the like may wait for the engine to be in the middle of something.
const STEPS_AHEAD: u64 = 8;

/// One kind of thing, again and again.
#[derive(Debug)]
struct Stream {
    key: Key,
    at: Timestamp,
    /// Between two of them.
    mean: i64,
    /// The choices of the next one.
    rng: Rng,
}

/// Everything to come.
#[derive(Debug)]
pub(super) struct Timeline {
    seed: u64,
    streams: Vec<Stream>,
    /// Things whose time has come and which wait for the engine to be busy, and how many busy steps more.
    armed: Vec<(Key, u64, Rng)>,
    /// A load that the engine has not taken yet, or whose cases were not asked yet to be counted again.
    load: Option<Load>,
    /// Dates that are provisional though the calendar that was loaded knows them.
    provisional: u64,
}

#[derive(Debug)]
struct Load {
    no: u64,
    before: Stage,
    after: Stage,
}

impl Timeline {
    pub(super) fn new(seed: u64, plan: &FaultPlan, start: Timestamp) -> Self {
        let days = |days: u64| i64::try_from(days).unwrap_or(0) * DAY;
        let minutes = i64::try_from(plan.busy_minutes).unwrap_or(0) * 60_000;
        let means = [
            (Kind::People, minutes),
            (Kind::Crash, days(plan.crash_days)),
            (Kind::Jump, days(plan.jump_days)),
            (Kind::Suspend, days(plan.suspend_days)),
            (Kind::Load, days(plan.load_days)),
            (Kind::Room, days(plan.room_days)),
        ];
        let means = means.into_iter().filter(|(_, mean)| *mean > 0);
        let streams = means.map(|(kind, mean)| {
            let key = Key { kind, no: 0 };
            let mut stream = Stream {
                key,
                at: start,
                mean,
                rng: Rng::of(seed, key),
            };
            stream.wait();
            stream
        });
        Self {
            seed,
            streams: streams.collect(),
            armed: Vec::new(),
            load: None,
            provisional: 0,
        }
    }

    /// Nothing more happens.
    pub(super) fn end(&mut self) {
        self.streams.clear();
        self.armed.clear();
    }

    pub(super) fn next_at(&self) -> Timestamp {
        let next = self.streams.iter().map(|stream| stream.at).min();
        next.unwrap_or(Timestamp::MAX)
    }

    /// The next thing whose time has come, with its choices.
    fn take(&mut self, now: Timestamp) -> Option<(Key, Rng)> {
        let due = self.streams.iter_mut().filter(|stream| stream.at <= now);
        let stream = due.min_by_key(|stream| (stream.at, stream.key))?;
        let (key, rng) = (stream.key, stream.rng.clone());
        stream.key.no += 1;
        stream.rng = Rng::of(self.seed, stream.key);
        stream.wait();
        Some((key, rng))
    }
}

impl Stream {
    /// Draws the wait until the next one, some of it none at all where people are concerned.
    fn wait(&mut self) {
        let burst = self.key.kind == Kind::People && self.rng.chance(300);
        let wait = if burst {
            0
        } else {
            self.rng.millis(2 * self.mean)
        };
        self.at = self.at.saturating_add_millis(wait);
    }
}

impl World {
    /// Everything whose time has come happens.
    pub(super) fn happen(&mut self) -> Result<(), Failure> {
        while let Some((key, mut rng)) = self.timeline.take(self.times.now()) {
            if !self.script.allows(key) {
                continue;
            }
            match key.kind {
                Kind::People => self.somebody_acts(key, rng),
                _ => {
                    let steps = if rng.chance(200) {
                        0
                    } else {
                        1 + rng.below(STEPS_AHEAD)
                    };
                    self.timeline.armed.push((key, steps, rng));
                }
            }
        }
        let is_busy = self.disk_is_busy() || !self.sends.is_empty();
        for (_, steps, _) in &mut self.timeline.armed {
            *steps = steps.saturating_sub(u64::from(is_busy));
        }
        while let Some(place) = self.timeline.armed.iter().position(|a| a.1 == 0) {
            let (key, _, rng) = self.timeline.armed.remove(place);
            match key.kind {
                Kind::Crash => self.crash(key, rng)?,
                Kind::Jump => self.jump(key, rng),
                Kind::Suspend => self.suspend(key, rng),
                Kind::Room => self.squeeze(key, rng),
                _ => self.load(key, rng),
            }
        }
        Ok(())
    }

    /// The process dies; some groups may have reached the disk, some messages may have gone out.
    fn crash(&mut self, key: Key, mut rng: Rng) -> Result<(), Failure> {
        self.summary.crashes += 1;
        self.drop_sends();
        let pending = self.control.pending();
        let keep = rng.place(pending + 1);
        let tally = &mut self.summary.tally;
        tally.tried("crash");
        for (name, happened) in [
            ("crash, groups kept", keep > 0),
            ("crash, groups lost", keep < pending),
            ("crash, durable and not answered", self.disk.has_unsaid()),
        ] {
            if happened {
                tally.tried(name);
            }
        }
        let what = format!("crash, {keep} of {pending} groups kept");
        self.script.note(key, self.times.now(), what.clone());
        self.note(|| what);
        (self.store, self.control) = self.control.crash(keep);
        self.forget_disk();
        let (store, clock) = (&self.store, &self.times.clock);
        self.engine = engine(store, self.sabotage, clock, &self.setup, rng.number());
        self.handle = self.engine.handle();
        self.senders.engine_died(&mut self.records);
        self.full_check(Extent::Grown)
    }

    /// The clock goes wrong, or (mostly) is put right where it is wrong.
    fn jump(&mut self, key: Key, mut rng: Rng) {
        let ahead = self.times.ahead();
        let millis = match rng.below(10) {
            _ if ahead != 0 && rng.chance(700) => -ahead,
            0..5 => rng.millis(5 * DAY),
            5..8 => -rng.millis(2 * HOUR),
            _ => -rng.millis(3 * DAY),
        };
        let name = if millis < 0 {
            "clock back"
        } else {
            "clock forward"
        };
        self.summary.tally.tried(name);
        let what = format!("{name} by {} s", millis.abs() / 1_000);
        self.script.note(key, self.times.now(), what.clone());
        self.note(|| what);
        self.times.jump(millis);
    }

    /// Time passes, and nothing on the host runs: what is under way is where it was when it wakes.
    fn suspend(&mut self, key: Key, mut rng: Rng) {
        let millis = HOUR + rng.millis(6 * DAY);
        self.summary.tally.tried("host suspended");
        let what = format!("the host is suspended for {} h", millis / HOUR);
        self.script.note(key, self.times.now(), what.clone());
        self.note(|| what);
        self.times.suspend(millis);
    }

    /// New calendars, rules or workflows are put in place.
    fn load(&mut self, key: Key, mut rng: Rng) {
        let before = self.stage;
        let after = self.scenery.next(before, || rng.chance(600));
        if after == before || self.timeline.load.is_some() {
            return;
        }
        let setup = self.scenery.setup(after, &self.providers);
        if self.handle.reload(setup.clone()).is_err() {
            return;
        }
        self.ground.load(&setup);
        self.setup = setup;
        self.stage = after;
        let what = format!("loaded: {after:?}");
        self.script.note(key, self.times.now(), what.clone());
        self.note(|| what);
        for (name, changes) in [
            ("calendar loaded", before.calendars != after.calendars),
            ("rules loaded", before.rules != after.rules),
            ("workflows loaded", before.workflows != after.workflows),
        ] {
            if changes {
                self.summary.tally.tried(name);
                self.summary.tally.accepted(name);
            }
        }
        let no = key.no;
        self.timeline.load = Some(Load { no, before, after });
    }

    /// Once the engine decides by what was loaded, every open case is counted again; once that is done, no date that the
    /// calendar knows is provisional.
    pub(super) fn go_on_loading(&mut self) -> Result<(), Failure> {
        let setup = self.engine.setup();
        let taken = Arc::ptr_eq(&setup.env.calendars, &self.setup.env.calendars);
        if taken && !self.disk_is_busy() && self.timeline.load.is_some() {
            let load = self.timeline.load.take();
            load.iter().for_each(|load| self.recompute_all(load));
        }
        if self.senders.recomputed() && self.timeline.load.is_none() {
            self.check_firm()?;
        }
        Ok(())
    }

    fn recompute_all(&mut self, load: &Load) {
        let packs = self.scenery.packs(self.stage);
        let changed = load.before.rules != load.after.rules;
        let open = self.open_cases();
        for case in open {
            let to_firm = case
                .deadlines
                .iter()
                .filter(|d| self.should_be_firm(d))
                .count();
            self.timeline.provisional += to_firm as u64;
            let pack = packs.iter().find(|pack| pack.id == case.pack.id);
            let what = What::Recompute {
                load: format!("load {}", load.no),
                pack: pack.filter(|_| changed).cloned(),
            };
            let event = Event {
                id: format!("load{}:{}", load.no, case.id),
                case: case.id,
                occurred_at: self.times.shown(),
                by: Actor::system("calendar"),
                note: None,
                expected_edit_rev: None,
                what,
            };
            self.senders.recompute(event, &mut self.summary.tally);
        }
    }

    fn open_cases(&self) -> Vec<Arc<Case>> {
        let (mut open, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let query = CaseQuery::default();
            let page = self.store.list(&query, cursor.as_deref(), 500);
            let Ok(page) = pollster::block_on(page) else {
                return open;
            };
            open.extend(page.items.into_iter().filter(|case| !case.closed));
            cursor = page.next;
            if cursor.is_none() {
                return open;
            }
        }
    }

    fn check_firm(&mut self) -> Result<(), Failure> {
        for case in self.open_cases() {
            if let Some(deadline) = case.deadlines.iter().find(|d| self.should_be_firm(d)) {
                let (id, name) = (case.id, &deadline.name);
                let what = format!("{id} {name} stayed provisional though its calendar was loaded");
                return Err(Failure(what));
            }
        }
        for _ in 0..std::mem::take(&mut self.timeline.provisional) {
            self.summary.tally.tried("provisional date made firm");
            self.summary.tally.accepted("provisional date made firm");
        }
        Ok(())
    }

    /// Whether a running deadline is provisional though the calendar loaded knows its days.
    fn should_be_firm(&self, deadline: &Deadline) -> bool {
        let known = Timestamp::parse("2027-12-01T00:00:00+08:00").unwrap_or(Timestamp::MIN);
        self.stage.calendars >= 2
            && deadline.provisional
            && deadline.clock.is_armed()
            && deadline.moved.is_none()
            && deadline.due_at.is_some_and(|at| at < known)
    }
}
