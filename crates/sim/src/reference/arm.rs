//! Setting the model's clocks: starting, counting, and saying what is due.

use qixian_core::definition::{Ask, DeadlineDef, Length, LengthSource, RungDef};
use qixian_core::{ClockState, Confirmation, Party, RuleAnswer, Rung, RungState, Value, value};
use qixian_time::{Period, Start, Timestamp};

use super::Turn;
use super::clock::Clock;
use super::count::Days;
use super::ladder::Hung;

/// Why a clock runs: from when, and whether anybody said so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    pub(super) start: Start,
    pub(super) assumed: bool,
}

impl Origin {
    pub(super) fn at(at: Timestamp) -> Self {
        Self::known(Start::Instant(at))
    }

    pub(super) fn known(start: Start) -> Self {
        Self {
            start,
            assumed: false,
        }
    }
}

impl<'a> Turn<'a> {
    pub(super) fn def(&self, name: &str) -> Option<&'a DeadlineDef> {
        self.workflow.deadlines.get(name)
    }

    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.model.clocks.iter().position(|c| c.name == name)
    }

    /// A clock of the next generation in the place of the last.
    fn renew(&mut self, name: &str) -> usize {
        match self.place(name) {
            Some(i) => {
                let generation = self.model.clocks[i].generation + 1;
                self.model.clocks[i] = Clock::new(name, generation);
                i
            }
            None => {
                self.model.clocks.push(Clock::new(name, 1));
                self.model.clocks.len() - 1
            }
        }
    }

    /// The deadline runs from `origin`; where nobody can say how long, it waits with its start known.
    pub(super) fn arm(&mut self, name: &str, def: &DeadlineDef, origin: Origin) {
        let counted = self.counted(def, origin.start);
        let i = self.renew(name);
        let clock = &mut self.model.clocks[i];
        clock.start = Some(origin.start);
        clock.assumed = origin.assumed;
        let Some(counted) = counted else {
            return;
        };
        clock.state = ClockState::Armed;
        clock.due_at = Some(counted.due_at);
        clock.earliest_at = counted.earliest_at;
        clock.provisional = counted.provisional;
        clock.within = counted.within;
        clock.earliest = counted.earliest;
        self.plan(i, def);
        self.say_what_is_due(i, def);
    }

    /// The deadline waits for its start, which is asked for where the file says so.
    pub(super) fn wait(&mut self, name: &str, def: &DeadlineDef) {
        let i = self.renew(name);
        if self.plan_questions(i, def) {
            self.say_what_is_due(i, def);
        }
    }

    /// Where a deadline that counts from `start` ends; `None` where that cannot be known now.
    fn counted(&self, def: &DeadlineDef, start: Start) -> Option<Counted> {
        let (within, earliest) = match &def.length {
            Length::Until(path) => {
                let due_at = match self.day_in(path)? {
                    Start::Day(day) => self.workflow.zone.end_of_day(day),
                    Start::Instant(at) => at,
                };
                return Some(Counted {
                    due_at,
                    earliest_at: None,
                    provisional: false,
                    within: None,
                    earliest: None,
                });
            }
            Length::Within(source) => (self.length(source)?, None),
            Length::Window { earliest, latest } => {
                (self.length(latest)?, Some(self.length(earliest)?))
            }
        };
        let days = self.days(def);
        let end = days.end(start, within, &[])?;
        let first = match earliest {
            Some(length) => Some(days.end(start, length, &[])?.due_at.min(end.due_at)),
            None => None,
        };
        Some(Counted {
            due_at: end.due_at,
            earliest_at: first,
            provisional: end.provisional,
            within: Some(within),
            earliest,
        })
    }

    fn length(&self, source: &LengthSource) -> Option<Period> {
        let (key, default) = match source {
            LengthSource::Fixed(period) => return Some(*period),
            LengthSource::Rule { key, default } => (key, default),
        };
        let on = self.workflow.zone.date_of(self.at);
        let pack = self.env.pack(&self.model.pack)?;
        match pack.ask(key, &self.model.fields, on) {
            RuleAnswer::Unknown => *default,
            RuleAnswer::Known(row) => match &row.value {
                Value::Text(text) => text.parse().ok(),
                _ => None,
            },
        }
    }

    pub(super) fn days(&self, def: &DeadlineDef) -> Days<'a> {
        let calendar = def.calendar.as_deref().unwrap_or(&self.workflow.calendar);
        Days {
            zone: &self.workflow.zone,
            calendar: self.env.calendars.get(calendar),
        }
    }

    /// Counts a running deadline again from what it was armed with; whether anything moved. A date set by hand and the day
    /// in a field stay.
    pub(super) fn count_again(&mut self, i: usize, def: &DeadlineDef) -> bool {
        let days = self.days(def);
        let clock = &mut self.model.clocks[i];
        let (Some(start), Some(within), false) = (clock.start, clock.within, clock.moved) else {
            return false;
        };
        let Some(end) = days.end(start, within, &clock.pauses) else {
            return false;
        };
        let first = clock
            .earliest
            .and_then(|length| days.end(start, length, &clock.pauses))
            .map(|first| first.due_at.min(end.due_at));
        let was = (clock.due_at, clock.earliest_at, clock.provisional);
        clock.due_at = Some(end.due_at);
        clock.earliest_at = first;
        clock.provisional = end.provisional;
        was != (clock.due_at, clock.earliest_at, clock.provisional)
    }

    /// The clock goes on at `at`, and what is still to come moves by the pause.
    pub(super) fn go_on(&mut self, i: usize, def: &DeadlineDef, at: Timestamp) {
        let clock = &mut self.model.clocks[i];
        clock.state = ClockState::Armed;
        if let Some(pause) = clock.pauses.last_mut() {
            pause.to = at.max(pause.from);
        }
        self.count_again(i, def);
        let zone = &self.workflow.zone;
        let clock = &mut self.model.clocks[i];
        if let (true, Some(due_at), Some(pause)) = (clock.moved, clock.due_at, clock.pauses.last())
        {
            let day = zone.date_of(due_at);
            let ends_a_day = zone.start_of_day(day) == due_at;
            clock.due_at = Some(if ends_a_day {
                let mut ended = day;
                let mut stood = zone.date_of(pause.from);
                while stood < zone.date_of(pause.to) {
                    stood = stood.tomorrow().unwrap_or(qixian_time::Date::MAX);
                    ended = ended.tomorrow().unwrap_or(qixian_time::Date::MAX);
                }
                zone.start_of_day(ended)
            } else {
                due_at.saturating_add_millis(pause.to - pause.from)
            });
        }
        self.plan(i, def);
        self.say_what_is_due(i, def);
    }

    /// Plans the rungs of a running deadline anew.
    pub(super) fn plan(&mut self, i: usize, def: &DeadlineDef) {
        let clock = &self.model.clocks[i];
        let zone = &self.workflow.zone;
        let ladder = def.ladder.as_ref();
        let ladder = ladder.and_then(|name| self.workflow.ladders.get(name));
        let parts = (
            ladder,
            clock.started_at(zone),
            clock.due_at,
            clock.last_day(zone),
        );
        let (Some(ladder), Some(started_at), Some(due_at), Some(last_day)) = parts else {
            return;
        };
        let hung = Hung {
            days: self.days(def),
            ladder,
            started_at,
            start_day: zone.date_of(started_at),
            due: Some((due_at, last_day)),
            until: matches!(def.length, Length::Until(_)),
        };
        let rungs = hung.rungs();
        self.replace_rungs(i, rungs);
    }

    /// Plans the questions for a missing start and when it is assumed; whether there is anything to ask from.
    pub(super) fn plan_questions(&mut self, i: usize, def: &DeadlineDef) -> bool {
        let Some(ask) = &def.ask else { return false };
        let (Some(since), Some(ladder)) =
            (self.asked_from(ask), self.workflow.ladders.get(&ask.ladder))
        else {
            return false;
        };
        let zone = &self.workflow.zone;
        let (started_at, start_day) = match since {
            Start::Instant(at) => (at, zone.date_of(at)),
            Start::Day(day) => (zone.start_of_day(day), day),
        };
        let hung = Hung {
            days: self.days(def),
            ladder,
            started_at,
            start_day,
            due: None,
            until: false,
        };
        let (rungs, assume_at) = (hung.rungs(), hung.assumed_at(ask.assume_after));
        self.replace_rungs(i, rungs);
        self.model.clocks[i].assume_at = assume_at;
        true
    }

    pub(super) fn asked_from(&self, ask: &Ask) -> Option<Start> {
        match &ask.since {
            None => Some(Start::Instant(self.model.began_at)),
            Some(path) => self.day_in(path),
        }
    }

    /// The day or instant a field holds.
    pub(super) fn day_in(&self, path: &str) -> Option<Start> {
        let text = value::get(&self.model.fields, path)?.as_text()?;
        match qixian_time::parse_date(text) {
            Ok(day) => Some(Start::Day(day)),
            Err(_) => Timestamp::parse(text).ok().map(Start::Instant),
        }
    }

    /// A new plan: what lies ahead is to be said (again); what lies behind keeps what became of it at its time, and what
    /// was said stays on record though the new plan has no place for it.
    fn replace_rungs(&mut self, i: usize, planned: Vec<Rung>) {
        let shares = |a: &Rung, b: &Rung| a.steps.iter().any(|step| b.steps.contains(step));
        let old = std::mem::take(&mut self.model.clocks[i].rungs);
        let mut rungs = Vec::new();
        for mut rung in planned {
            let mut best: Option<&Rung> = None;
            for was in old.iter().filter(|was| shares(was, &rung)) {
                let rank = |r: &Rung| (r.state == RungState::Fired, r.at);
                let better = best.is_none_or(|b| rank(was) >= rank(b));
                if was.state != RungState::Pending && better {
                    best = Some(was);
                }
            }
            if let (Some(was), true) = (best, rung.at <= self.now) {
                rung.state = was.state;
                rung.at = was.at;
            }
            rungs.push(rung);
        }
        for was in old.into_iter().filter(|was| was.state == RungState::Fired) {
            if !rungs.iter().any(|rung| shares(&was, rung)) {
                rungs.push(was);
            }
        }
        rungs.sort_by_key(|rung| rung.at);
        self.model.clocks[i].rungs = rungs;
    }

    /// However many rungs lie behind, only the latest is said, if anybody is left to hear it. A running deadline whose
    /// end has come says nothing: its passing will.
    pub(super) fn say_what_is_due(&mut self, i: usize, def: &DeadlineDef) -> bool {
        let clock = &self.model.clocks[i];
        if clock.state == ClockState::Armed && clock.due_at.is_some_and(|at| at <= self.now) {
            return false;
        }
        let is_due = |rung: &Rung| rung.state == RungState::Pending && rung.at <= self.now;
        let Some(latest) = clock.rungs.iter().rposition(is_due) else {
            return false;
        };
        let heard = self.is_heard(clock, &clock.rungs[latest], def);
        let now = self.now;
        let rungs = self.model.clocks[i].rungs.iter_mut().enumerate();
        for (place, rung) in rungs.filter(|(_, r)| r.state == RungState::Pending && r.at <= now) {
            rung.state = if place == latest && heard {
                RungState::Fired
            } else {
                RungState::Moot
            };
        }
        true
    }

    /// Whether anybody a rung speaks to has not yet confirmed what it is about.
    fn is_heard(&self, clock: &Clock, rung: &Rung, def: &DeadlineDef) -> bool {
        let ladder = match clock.due_at {
            None => def.ask.as_ref().map(|ask| &ask.ladder),
            Some(_) => def.ladder.as_ref(),
        };
        let Some(ladder) = ladder.and_then(|name| self.workflow.ladders.get(name)) else {
            return false;
        };
        let steps = rung.steps.iter();
        let mut steps = steps.filter_map(|step| ladder.steps.get(usize::from(*step)));
        steps.any(|step: &RungDef| step.to.iter().any(|role| self.is_anybody_left(role)))
    }

    fn is_anybody_left(&self, role: &str) -> bool {
        let people: Vec<&Party> = self.parties(role).collect();
        if people.is_empty() {
            return !self.model.confirmed.iter().any(|c| c.role == role);
        }
        people
            .iter()
            .any(|person| !self.has_confirmed(role, person))
    }

    fn has_confirmed(&self, role: &str, person: &Party) -> bool {
        let by = |c: &Confirmation| {
            let mut first = self.parties(&c.role);
            c.role == role || first.next().is_some_and(|other| is_same(person, other))
        };
        self.model.confirmed.iter().any(by)
    }

    pub(super) fn parties<'m>(&'m self, role: &'m str) -> impl Iterator<Item = &'m Party> {
        let parties = self.model.parties.iter();
        parties.filter(move |party| party.role == role)
    }
}

struct Counted {
    due_at: Timestamp,
    earliest_at: Option<Timestamp>,
    provisional: bool,
    within: Option<Period>,
    earliest: Option<Period>,
}

/// One mobile, one person; where one of them has none, one mail address.
fn is_same(a: &Party, b: &Party) -> bool {
    match (mobile(a), mobile(b)) {
        (Some(a), Some(b)) => a == b,
        _ => a.email.is_some() && a.email == b.email,
    }
}

/// The number without the country's code.
pub(super) fn mobile(party: &Party) -> Option<&str> {
    let number = party.mobile.as_deref()?;
    Some(number.strip_prefix("+86").unwrap_or(number))
}
