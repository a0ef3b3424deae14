//! Events of the workflow file in the model: which transition is taken, and what it does.

use qixian_core::definition::{Name, SetValue, TransitionDef};
use qixian_core::{ClockState, Confirmation, Fields, RungState, Value, value};
use qixian_time::Timestamp;

use super::arm::mobile;
use super::life::lives_in;
use super::{Presumption, Turn};

/// Whether everybody asked has confirmed.
enum Heard {
    /// Yes, the last of them then.
    All(Timestamp),
    /// Somebody is missing.
    Some,
}

impl<'a> Turn<'a> {
    /// An accepted fact. `None` where the model finds no transition for it.
    pub(super) fn fact(&mut self, event: &str, party: Option<&str>, fields: &Fields) -> Option<()> {
        let workflow = self.workflow;
        let here = self.model.state.clone();
        let is_possible = workflow.transitions_on(event, &here).next().is_some();
        let presumed = if is_possible {
            None
        } else {
            Some(self.model.presumed.clone()?)
        };
        let from = presumed.as_ref().map_or(&here, |p| &p.from);
        let mut own = fields.clone();
        own.remove("items");
        let mut merged = self.model.fields.clone();
        value::merge(&mut merged, &own);
        let mut fitting = workflow.transitions_on(event, from);
        let (_, def) = fitting.find(|(_, def)| match &def.when {
            None => true,
            Some((guard, wanted)) => self.answers(guard, *wanted, &merged) == Some(true),
        })?;
        match self.confirm(def, party, presumed.is_some())? {
            Heard::Some => {
                self.model.fields = merged;
                self.follow_fields();
            }
            Heard::All(at) => {
                if let Some(presumed) = &presumed {
                    self.undo(presumed, at);
                }
                self.take(def, &own, at, true);
            }
        }
        Some(())
    }

    /// Who has confirmed: people with one mobile are one person.
    fn confirm(&mut self, def: &TransitionDef, party: Option<&str>, late: bool) -> Option<Heard> {
        let mut people: Vec<Vec<&Name>> = Vec::new();
        for role in &def.needs {
            let Some(person) = self.parties(role).next() else {
                continue;
            };
            let is_them = |known: &&mut Vec<&Name>| {
                let other = self.parties(known[0]).next();
                let number = mobile(person);
                number.is_some() && other.and_then(mobile) == number
            };
            match people.iter_mut().find(is_them) {
                Some(known) => known.push(role),
                None => people.push(vec![role]),
            }
        }
        if people.len() < 2 {
            return Some(Heard::All(self.at));
        }
        let done = match (&self.model.presumed, late) {
            (Some(presumed), true) => &presumed.confirmed,
            _ => &self.model.confirmed,
        };
        let own: Vec<&Confirmation> = done.iter().filter(|c| c.event == def.event).collect();
        let party = party?;
        let is_missing = |roles: &&Vec<&Name>| {
            let has = own
                .iter()
                .any(|c| roles.iter().any(|role| **role == c.role));
            !has && !roles.iter().any(|role| *role == party)
        };
        let missing = people.iter().filter(is_missing).count();
        let last = own.iter().map(|c| c.at).max();
        let last = last.map_or(self.at, |last| last.max(self.at));
        if missing == 0 {
            return Some(Heard::All(last));
        }
        let confirmation = Confirmation {
            event: def.event.clone(),
            role: party.to_owned(),
            at: self.at,
        };
        match (&mut self.model.presumed, late) {
            (Some(presumed), true) => presumed.confirmed.push(confirmation),
            _ => self.model.confirmed.push(confirmation),
        }
        Some(Heard::Some)
    }

    /// What was presumed never happened: back to where the case was, with the clocks it had then.
    fn undo(&mut self, presumed: &Presumption, at: Timestamp) {
        let reached = self.model.state.clone();
        self.leave(&presumed.from, at, None);
        self.model.state.clone_from(&presumed.from);
        self.model.entered_at = presumed.from_entered_at;
        self.model.presumed = None;
        let workflow = self.workflow;
        for i in 0..self.model.clocks.len() {
            let clock = &self.model.clocks[i];
            let Some(def) = self.def(&clock.name) else {
                continue;
            };
            let missed = clock.name == presumed.deadline && clock.generation == presumed.generation;
            let ended_by_it = match (clock.state, def.states.is_empty()) {
                (ClockState::Cancelled, true) => workflow.is_final(&reached),
                (ClockState::Cancelled, false) => {
                    lives_in(def, &presumed.from) && !lives_in(def, &reached)
                }
                _ => false,
            };
            if !missed && !ended_by_it {
                continue;
            }
            let clock = &mut self.model.clocks[i];
            clock.state = match clock.due_at {
                _ if missed => ClockState::Armed,
                None => ClockState::Waiting,
                Some(_) if clock.is_stopped() => ClockState::Paused,
                Some(_) => ClockState::Armed,
            };
            for rung in &mut clock.rungs {
                if rung.state == RungState::Moot && rung.at > at {
                    rung.state = RungState::Pending;
                }
            }
            if clock.start.is_none() {
                self.plan_questions(i, def);
            }
        }
    }

    /// Takes a transition. `observed`: it really happened, it does not stand for a miss.
    pub(super) fn take(
        &mut self,
        def: &TransitionDef,
        own: &Fields,
        at: Timestamp,
        observed: bool,
    ) {
        value::merge(&mut self.model.fields, own);
        for (path, source) in &def.set {
            let value = self.set_value(source, at);
            value::set(&mut self.model.fields, path, value);
        }
        self.model.round += u32::from(def.hand_in);
        self.model.confirmed.retain(|c| c.event != def.event);
        self.change_clocks(&def.event, at);
        if let Some(to) = &def.to {
            self.model.presumed = None;
            let by = observed.then_some(def.event.as_str());
            self.leave(to, at, by);
            self.enter(to, at, Some(&def.event));
        }
        self.start_clocks(&def.event, at);
        self.follow_fields();
    }

    /// The event a miss stands for: the first transition with nothing against it, if any.
    pub(super) fn take_by_itself(&mut self, event: &str, at: Timestamp) {
        let workflow = self.workflow;
        let state = self.model.state.clone();
        let fields = &self.model.fields;
        let mut fitting = workflow.transitions_on(event, &state);
        let found = fitting.find(|(_, def)| {
            let selects = def.when.iter().map(|(guard, wanted)| (guard, *wanted));
            let guards = def.guards.iter().map(|guard| (guard, true));
            let mut all = selects.chain(guards);
            all.all(|(guard, wanted)| self.answers(guard, wanted, fields) == Some(true))
                && def
                    .required
                    .iter()
                    .all(|path| value::get(fields, path).is_some())
        });
        if let Some((_, def)) = found {
            self.take(def, &Fields::new(), at, false);
        }
    }

    fn set_value(&self, source: &SetValue, at: Timestamp) -> Value {
        let zone = &self.workflow.zone;
        match source {
            SetValue::Fixed(value) => value.clone(),
            SetValue::OccurredOn => Value::Text(zone.date_of(at).to_string()),
            SetValue::OccurredAt => Value::Text(at.to_rfc3339(zone)),
            SetValue::Field(path) => value::get(&self.model.fields, path)
                .cloned()
                .unwrap_or(Value::Null),
        }
    }

    /// Deadlines that name the event: met, stopped or going on by it.
    fn change_clocks(&mut self, event: &str, at: Timestamp) {
        let named = |names: &[Name]| names.iter().any(|name| name == event);
        for i in 0..self.model.clocks.len() {
            let Some(def) = self.def(&self.model.clocks[i].name) else {
                continue;
            };
            let lives = self.lives(def);
            let (now, zone) = (self.now, &self.workflow.zone);
            let clock = &mut self.model.clocks[i];
            let before_the_end = clock.due_at.is_some_and(|due_at| at < due_at);
            if named(&def.met_by) {
                match clock.state {
                    ClockState::Armed | ClockState::Paused | ClockState::Missed => {
                        clock.meet(at, now);
                        continue;
                    }
                    ClockState::Waiting => {
                        clock.state = ClockState::Met;
                        clock.silence();
                        continue;
                    }
                    _ => {}
                }
            }
            match clock.state {
                ClockState::Armed if named(&def.pause_on) => clock.stop(at, zone),
                // Learnt late: it had stopped before it could be missed.
                ClockState::Missed if named(&def.pause_on) && before_the_end && lives => {
                    clock.stop(at, zone);
                }
                ClockState::Paused if named(&def.resume_on) => self.go_on(i, def, at),
                _ => {}
            }
        }
    }

    /// Deadlines that the event starts, unless coming here has just started them.
    fn start_clocks(&mut self, event: &str, at: Timestamp) {
        let workflow = self.workflow;
        for (name, def) in &workflow.deadlines {
            let starts =
                matches!(&def.starts, qixian_core::definition::Starts::Event(e) if e == event);
            if !starts || !self.lives(def) {
                continue;
            }
            let runs_from_here = self.place(name).is_some_and(|i| {
                let clock = &self.model.clocks[i];
                clock.is_open() && clock.started_at(&workflow.zone) == Some(at)
            });
            if !runs_from_here {
                self.begin(name, def, at, Some(event));
            }
        }
    }
}
