//! Where a case goes in the model, and which deadlines begin and end on the way.

use qixian_core::ClockState;
use qixian_core::definition::{DeadlineDef, Length, MissedThen, Name, Starts};
use qixian_core::{Fields, GuardScope, Verdict, value};
use qixian_time::Timestamp;

use super::arm::Origin;
use super::{Presumption, Turn};

impl<'a> Turn<'a> {
    /// Begins the deadlines that live as long as the case.
    pub(super) fn begin_lifelong(&mut self, at: Timestamp) {
        let workflow = self.workflow;
        for (name, def) in &workflow.deadlines {
            if def.states.is_empty() {
                self.begin(name, def, at, None);
            }
        }
    }

    /// Enters `state`, by the event `by` where one led there.
    pub(super) fn enter(&mut self, state: &str, at: Timestamp, by: Option<&str>) {
        let workflow = self.workflow;
        let from = std::mem::replace(&mut self.model.state, state.to_owned());
        self.model.entered_at = at;
        self.model.confirmed.clear();
        if workflow.is_final(state) {
            self.end_all();
            return;
        }
        for (name, def) in &workflow.deadlines {
            if !lives_in(def, state) {
                continue;
            }
            let came_along = from != state && lives_in(def, &from);
            let known = self.place(name).map(|i| &self.model.clocks[i]);
            if known.is_none_or(|clock| !came_along && !clock.is_open()) {
                self.begin(name, def, at, by);
            }
        }
    }

    /// Leaves the present state for `to`. What does not live on there ends: met where leaving answers it, else cancelled.
    pub(super) fn leave(&mut self, to: &str, at: Timestamp, by: Option<&str>) {
        let state = self.model.state.clone();
        for i in 0..self.model.clocks.len() {
            let Some(def) = self.def(&self.model.clocks[i].name) else {
                continue;
            };
            let stays = to != state && lives_in(def, to);
            if !lives_in(def, &state) || stays {
                continue;
            }
            let now = self.now;
            let clock = &mut self.model.clocks[i];
            let answered = by.is_some() && def.met_by.is_empty();
            match clock.state {
                ClockState::Armed | ClockState::Paused | ClockState::Missed if answered => {
                    clock.meet(at, now);
                }
                _ if clock.is_open() => clock.state = ClockState::Cancelled,
                ClockState::Missed => clock.silence(),
                _ => {}
            }
        }
    }

    pub(super) fn end_all(&mut self) {
        for clock in &mut self.model.clocks {
            if clock.is_open() {
                clock.state = ClockState::Cancelled;
            }
            clock.silence();
        }
    }

    /// Begins one deadline: it runs, or waits for its start.
    pub(super) fn begin(&mut self, name: &str, def: &DeadlineDef, at: Timestamp, by: Option<&str>) {
        if !self.is_wanted(def) {
            if let Some(i) = self.place(name)
                && self.model.clocks[i].is_open()
            {
                self.model.clocks[i].state = ClockState::Cancelled;
            }
            return;
        }
        let origin = match &def.starts {
            Starts::Entering => Some(Origin::at(at)),
            Starts::Event(event) if by == Some(event) => Some(Origin::at(at)),
            Starts::Event(_) => None,
            Starts::Field(path) => self.day_in(path).map(Origin::known),
        };
        match origin {
            Some(origin) => self.arm(name, def, origin),
            None => self.wait(name, def),
        }
    }

    pub(super) fn is_wanted(&self, def: &DeadlineDef) -> bool {
        match &def.when {
            None => true,
            // Where it cannot be said, a reminder too many is better than one too few.
            Some((guard, wanted)) => self
                .answers(guard, *wanted, &self.model.fields)
                .unwrap_or(true),
        }
    }

    /// Whether a guard gives this answer; `None` where it cannot be evaluated.
    pub(super) fn answers(&self, guard: &str, wanted: bool, fields: &Fields) -> Option<bool> {
        let def = self.workflow.guards.get(guard)?;
        let scope = GuardScope {
            fields,
            state: &self.model.state,
            round: self.model.round,
            flags: &self.model.flags,
            pack: &self.model.pack,
            on: self.workflow.zone.date_of(self.at),
        };
        match def.when.eval(self.env, &self.workflow.params, &scope) {
            Verdict::Holds => Some(wanted),
            Verdict::Fails => Some(!wanted),
            Verdict::Unknown => Some(def.unknown == wanted),
            Verdict::Error(_) => None,
        }
    }

    /// Whether the case is where this deadline lives.
    pub(super) fn lives(&self, def: &DeadlineDef) -> bool {
        !self.model.closed
            && !self.workflow.is_final(&self.model.state)
            && (def.states.is_empty() || lives_in(def, &self.model.state))
    }

    /// Deadlines whose days stand in fields that changed begin anew, and so do those that never learnt their length.
    pub(super) fn follow_fields(&mut self) {
        let workflow = self.workflow;
        for (name, def) in &workflow.deadlines {
            if !self.lives(def) || self.is_begun_now(name) || !self.follows(name, def) {
                continue;
            }
            let known = self.place(name).map(|i| &self.model.clocks[i]);
            let began =
                known.and_then(|c| Some((c.start?, c.started_at(&workflow.zone)?, c.assumed)));
            match (began, &def.starts) {
                (Some((_, at, false)), Starts::Entering) => self.begin(name, def, at, None),
                (Some((_, at, false)), Starts::Event(_)) => self.arm(name, def, Origin::at(at)),
                _ => {
                    let at = self.model.entered_at;
                    self.begin(name, def, at, None);
                }
            }
        }
    }

    fn follows(&self, name: &str, def: &DeadlineDef) -> bool {
        let (before, after) = (&self.before_fields, &self.model.fields);
        let changed = |path: &str| value::get(before, path) != value::get(after, path);
        if matches!(&def.length, Length::Until(path) if changed(path)) {
            return true;
        }
        let known = self.place(name).map(|i| &self.model.clocks[i]);
        let state = known.map(|clock| clock.state);
        if !matches!(state, Some(ClockState::Met | ClockState::Cancelled)) {
            let unsure = known.is_none_or(|c| c.state == ClockState::Waiting || c.assumed);
            let asked = def.ask.as_ref().and_then(|ask| ask.since.as_deref());
            if matches!(&def.starts, Starts::Field(path) if changed(path))
                || unsure && asked.is_some_and(changed)
            {
                return true;
            }
        }
        let length_unknown =
            known.is_some_and(|c| c.state == ClockState::Waiting && c.start.is_some());
        length_unknown && before != after
    }

    /// Whether this very event began it already.
    fn is_begun_now(&self, name: &str) -> bool {
        let now = self.place(name).map(|i| self.model.clocks[i].generation);
        let before = self
            .before_generations
            .iter()
            .find(|(known, _)| known == name);
        before.map(|(_, generation)| *generation) != now
    }

    /// Our own timers at `now`: what has passed, passes in order of time; then what is due is said. Whether anything was.
    pub(super) fn wake(&mut self) -> bool {
        if self.model.closed {
            return false;
        }
        let mut passed: Vec<(Name, Timestamp)> = Vec::new();
        while let Some((i, at)) = self.first_passed()
            && passed.len() < PASSES_MAX
        {
            let this = (self.model.clocks[i].name.clone(), at);
            if passed.contains(&this) {
                // It comes round by its own consequence: it ends here.
                let clock = &mut self.model.clocks[i];
                if clock.state == ClockState::Armed {
                    clock.state = ClockState::Missed;
                }
                clock.silence();
            } else {
                self.at = at;
                match self.model.clocks[i].state {
                    ClockState::Waiting => self.assume(i),
                    _ => self.miss(i, at),
                }
            }
            passed.push(this);
        }
        let mut worked = !passed.is_empty();
        worked |= self.say_all();
        worked
    }

    /// Says what is due of every deadline that speaks; whether anything was.
    pub(super) fn say_all(&mut self) -> bool {
        let mut worked = false;
        for i in 0..self.model.clocks.len() {
            if let Some(def) = self.def(&self.model.clocks[i].name)
                && self.model.clocks[i].speaks()
            {
                worked |= self.say_what_is_due(i, def);
            }
        }
        worked
    }

    /// The earliest end (or assumed start) that has come, the first in the list of equal ones.
    fn first_passed(&self) -> Option<(usize, Timestamp)> {
        let mut first: Option<(usize, Timestamp)> = None;
        for (i, clock) in self.model.clocks.iter().enumerate() {
            let at = match clock.state {
                ClockState::Armed => clock.due_at,
                ClockState::Waiting => clock.assume_at,
                _ => None,
            };
            if let Some(at) = at.filter(|at| *at <= self.now)
                && self.def(&clock.name).is_some()
                && first.is_none_or(|(_, earliest)| at < earliest)
            {
                first = Some((i, at));
            }
        }
        first
    }

    /// Nobody reported the start.
    fn assume(&mut self, i: usize) {
        let name = self.model.clocks[i].name.clone();
        let Some(def) = self.def(&name) else { return };
        let since = def.ask.as_ref().and_then(|ask| self.asked_from(ask));
        self.model.clocks[i].silence();
        if !self.is_wanted(def) {
            self.model.clocks[i].state = ClockState::Cancelled;
        } else if let Some(start) = since {
            let assumed = true;
            self.arm(&name, def, Origin { start, assumed });
        }
    }

    /// The end came first.
    fn miss(&mut self, i: usize, at: Timestamp) {
        let clock = &mut self.model.clocks[i];
        clock.state = ClockState::Missed;
        for rung in &mut clock.rungs {
            if rung.at < at && rung.state == qixian_core::RungState::Pending {
                rung.state = qixian_core::RungState::Moot;
            }
        }
        let (name, generation) = (clock.name.clone(), clock.generation);
        let Some(missed) = self.def(&name).and_then(|def| def.missed.as_ref()) else {
            return;
        };
        let was = Presumption {
            deadline: name,
            generation,
            from: self.model.state.clone(),
            from_entered_at: self.model.entered_at,
            confirmed: self.model.confirmed.clone(),
        };
        match &missed.then {
            MissedThen::Flag(_) => {}
            MissedThen::To(state) => {
                self.leave(state, at, None);
                self.enter(state, at, None);
            }
            MissedThen::Event(event) => self.take_by_itself(event, at),
        }
        if self.model.state != was.from {
            self.model.presumed = Some(was);
        }
    }

    /// What every event leaves behind: ended deadlines say nothing more, and the marks are those of what is missed here.
    pub(super) fn settle(&mut self) {
        for clock in &mut self.model.clocks {
            if !clock.is_open() && clock.state != ClockState::Missed {
                clock.silence();
            }
        }
        let mut flags: Vec<Name> = Vec::new();
        for clock in self
            .model
            .clocks
            .iter()
            .filter(|c| c.state == ClockState::Missed)
        {
            let Some(def) = self.def(&clock.name) else {
                continue;
            };
            if let Some(MissedThen::Flag(flag)) = def.missed.as_ref().map(|missed| &missed.then)
                && (def.states.is_empty() || lives_in(def, &self.model.state))
                && !flags.contains(flag)
            {
                flags.push(flag.clone());
            }
        }
        self.model.flags = flags;
    }
}

/// Most ends handled by one wake-up.
const PASSES_MAX: usize = 64;

pub(super) fn lives_in(def: &DeadlineDef, state: &str) -> bool {
    def.states.iter().any(|name| name == state)
}
