//! What people do by hand in the model: dates, pauses, parties, and putting right what was recorded wrong.

use qixian_core::definition::DeadlineDef;
use qixian_core::{
    CaseId, ClockState, Correction, Env, JournalLine, MoveTo, PackRef, PartyChange, Rev, Rung,
    RungState, What, Workflow, value,
};
use qixian_time::{Start, Timestamp};

use super::arm::Origin;
use super::clock::Clock;
use super::{Fact, Reference, Turn};

/// Most wake-ups between two facts that are gone through again.
const WAKES_MAX: usize = 1_000;

impl Turn<'_> {
    pub(super) fn move_to(&mut self, name: &str, to: &MoveTo) -> Option<()> {
        let i = self.place(name)?;
        let def = self.def(name)?;
        let zone = &self.workflow.zone;
        let clock = &self.model.clocks[i];
        let was = clock.due_at?;
        let due_at = match to {
            MoveTo::At(at) => *at,
            MoveTo::EndOf(day) => zone.end_of_day(*day),
            MoveTo::Later(period) => match period.elapsed_millis() {
                Some(millis) => was.saturating_add_millis(millis),
                None => {
                    let last_day = clock.last_day(zone)?;
                    zone.end_of_day(self.days(def).away(last_day, *period, true)?)
                }
            },
        };
        let clock = &mut self.model.clocks[i];
        clock.due_at = Some(due_at);
        clock.earliest_at = clock.earliest_at.map(|earliest| earliest.min(due_at));
        clock.provisional = false;
        clock.state = ClockState::Armed;
        clock.moved = true;
        self.plan(i, def);
        self.say_what_is_due(i, def);
        Some(())
    }

    pub(super) fn pause(&mut self, name: &str) -> Option<()> {
        let i = self.place(name)?;
        self.model.clocks[i].stop(self.at, &self.workflow.zone);
        Some(())
    }

    pub(super) fn resume(&mut self, name: &str) -> Option<()> {
        let (i, def) = (self.place(name)?, self.def(name)?);
        let at = self.at;
        self.go_on(i, def, at);
        Some(())
    }

    pub(super) fn party(&mut self, change: &PartyChange) {
        let (role, nth) = match change {
            PartyChange::Put { nth, party } => (&party.role, *nth),
            PartyChange::Remove { role, nth } => (role, *nth),
        };
        let parties = self.model.parties.iter().enumerate();
        let mut of_role = parties.filter(|(_, party)| party.role == *role);
        let place = of_role.nth(nth as usize).map(|(place, _)| place);
        match (change, place) {
            (PartyChange::Put { party, .. }, Some(place)) => {
                self.model.parties[place] = party.clone();
            }
            (PartyChange::Put { party, .. }, None) => self.model.parties.push(party.clone()),
            (PartyChange::Remove { .. }, Some(place)) => {
                self.model.parties.remove(place);
            }
            (PartyChange::Remove { .. }, None) => {}
        }
    }

    fn recount_one(&mut self, i: usize, def: &DeadlineDef) {
        if self.count_again(i, def) {
            self.plan(i, def);
            self.say_what_is_due(i, def);
        }
    }

    /// Calendars or rules changed: what runs is counted again, what lacks its length may learn it.
    pub(super) fn recount(&mut self, pack: Option<&PackRef>) {
        if let Some(pack) = pack {
            self.model.pack = pack.clone();
        }
        for i in 0..self.model.clocks.len() {
            let clock = self.model.clocks[i].clone();
            let Some(def) = self.def(&clock.name) else {
                continue;
            };
            match (clock.state, clock.start) {
                (ClockState::Armed, _) => self.recount_one(i, def),
                (ClockState::Waiting, Some(start)) => {
                    let assumed = clock.assumed;
                    self.arm(&clock.name, def, Origin { start, assumed });
                    if self.model.clocks[i].state != ClockState::Armed {
                        self.model.clocks[i] = clock;
                    }
                }
                _ => {}
            }
        }
    }
}

/// The facts of a journal, with every correction in it carried out on those before it.
pub(super) fn facts(history: &[JournalLine]) -> Vec<Fact> {
    let mut facts: Vec<Fact> = Vec::new();
    for line in history {
        match &line.what {
            What::Correct { seq, change, .. } => put_right(&mut facts, *seq, change),
            What::Wake | What::MessageDead { .. } => {}
            _ => facts.push(Fact::of(line)),
        }
    }
    facts
}

fn put_right(facts: &mut Vec<Fact>, seq: Rev, change: &Correction) {
    let Some(place) = facts.iter().position(|fact| fact.seq == seq) else {
        return;
    };
    let Correction::Replace {
        occurred_at,
        fields,
        party,
    } = change
    else {
        facts.remove(place);
        return;
    };
    let fact = &mut facts[place];
    if let Some(at) = occurred_at {
        fact.at = *at;
        fact.now = fact.now.max(*at);
    }
    match &mut fact.what {
        What::Fact {
            fields: own,
            party: person,
            ..
        } => {
            value::merge(own, fields);
            if party.is_some() {
                person.clone_from(party);
            }
        }
        What::Edit { fields: own, .. } => value::merge(own, fields),
        What::Start(start) => value::merge(&mut start.fields, fields),
        _ => {}
    }
}

impl Reference {
    /// The case as it would be at `now` had these been the facts, each recorded when it was, our own timers punctual.
    /// `None` where the model cannot follow.
    pub(super) fn relive(
        env: &Env,
        workflow: &Workflow,
        case: CaseId,
        facts: &[Fact],
        now: Timestamp,
    ) -> Option<Self> {
        let (first, rest) = facts.split_first()?;
        let mut model = Self::begin(env, workflow, case, first)?;
        for fact in rest {
            model.wake_until(env, workflow, fact.now);
            model.apply(env, workflow, fact)?;
        }
        model.wake_until(env, workflow, now);
        Some(model)
    }

    fn wake_until(&mut self, env: &Env, workflow: &Workflow, until: Timestamp) {
        for _ in 0..WAKES_MAX {
            let Some(at) = self.next_wake().filter(|at| *at <= until) else {
                return;
            };
            let mut turn = Turn::of(self, env, workflow, at, at);
            let worked = turn.wake();
            turn.settle();
            if !worked {
                return;
            }
        }
    }

    /// When the case must be looked at next.
    pub(super) fn next_wake(&self) -> Option<Timestamp> {
        let next = self.clocks.iter().filter_map(|clock| clock.next()).min();
        next.filter(|_| !self.closed)
    }

    /// A recorded fact was wrong: the history is lived through again. What was said stays said.
    pub(super) fn corrected(
        &self,
        env: &Env,
        workflow: &Workflow,
        line: &JournalLine,
        history: &[JournalLine],
    ) -> Option<Self> {
        let What::Correct { seq, change, .. } = &line.what else {
            return None;
        };
        let mut facts = facts(history);
        put_right(&mut facts, *seq, change);
        let now = line.recorded_at;
        let mut model = Self::relive(env, workflow, self.case, &facts, now)?;
        model.keep_what_was_said(self, workflow, now);
        let mut turn = Turn::of(&mut model, env, workflow, now, line.occurred_at);
        turn.say_all();
        turn.settle();
        Some(model)
    }

    fn keep_what_was_said(&mut self, before: &Self, workflow: &Workflow, now: Timestamp) {
        let zone = &workflow.zone;
        let came_out = |c: &Clock| (c.started_at(zone), c.due_at, c.state, c.assume_at);
        let presumed = self.presumed.clone();
        for clock in &mut self.clocks {
            let is_presumed = presumed
                .as_ref()
                .is_some_and(|p| p.deadline == clock.name && p.generation == clock.generation);
            match before.clocks.iter().find(|was| was.name == clock.name) {
                None => clock.unsay(&[], now),
                Some(was) if came_out(was) == came_out(clock) => {
                    clock.generation = was.generation;
                    clock.rungs.clone_from(&was.rungs);
                }
                Some(was) => {
                    clock.generation = was.generation + 1;
                    clock.unsay(&was.rungs, now);
                }
            }
            if let (true, Some(presumed)) = (is_presumed, &mut self.presumed) {
                presumed.generation = clock.generation;
            }
        }
        for was in &before.clocks {
            if !self.clocks.iter().any(|clock| clock.name == was.name) {
                let mut was = was.clone();
                was.state = ClockState::Cancelled;
                self.clocks.push(was);
            }
        }
    }
}

impl Clock {
    /// What was really said stays said, of a rung that lies behind be it in part; what was said in living through it again
    /// only is still to come, unless its time is over: of a missed deadline, what precedes its end.
    fn unsay(&mut self, really: &[Rung], now: Timestamp) {
        let really = really.iter().filter(|r| r.state == RungState::Fired);
        let said: Vec<u16> = really.flat_map(|r| &r.steps).copied().collect();
        let missed = self.state == ClockState::Missed;
        let is_over = |at: Timestamp| self.due_at.is_some_and(|due_at| at < due_at);
        let to_come = |at: Timestamp| self.is_open() || missed && !is_over(at);
        let mut rungs = self.rungs.clone();
        for rung in &mut rungs {
            let left = rung
                .steps
                .iter()
                .filter(|step| !said.contains(step))
                .count();
            if left == 0 || rung.at <= now && left < rung.steps.len() {
                rung.state = RungState::Fired;
            } else if rung.state == RungState::Fired {
                rung.state = if to_come(rung.at) {
                    RungState::Pending
                } else {
                    RungState::Moot
                };
            }
        }
        self.rungs = rungs;
    }
}

/// The start of a deadline as a case holds it.
pub(super) fn start_of(at: Timestamp, as_day: bool, zone: &qixian_time::Zone) -> Start {
    if as_day {
        Start::Day(zone.date_of(at))
    } else {
        Start::Instant(at)
    }
}
