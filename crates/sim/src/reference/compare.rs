//! What the engine made of a case against what the model did.

use qixian_core::{Case, Deadline, Rung, Workflow};
use qixian_time::{Timestamp, Zone};

use super::clock::Clock;
use super::hand::start_of;
use super::{Presumption, Reference};

impl Reference {
    /// Compares the case with the model; answers how many deadlines that were.
    ///
    /// # Errors
    /// The first difference, in words.
    pub(crate) fn compare(&self, case: &Case, workflow: &Workflow) -> Result<u64, String> {
        let zone = &workflow.zone;
        same("the state", &self.state, &case.state)?;
        same("closed", &self.closed, &case.closed)?;
        let there_since = (Some(self.entered_at), Some(case.entered_at));
        same_time("since when it is there", there_since.0, there_since.1, zone)?;
        same("the fields", &self.fields, &case.fields)?;
        same("the marks", &self.flags, &case.flags)?;
        same("who has confirmed", &self.confirmed, &case.confirmed)?;
        for deadline in &case.deadlines {
            let name = &deadline.name;
            let clock = self.clocks.iter().find(|clock| clock.name == *name);
            let clock =
                clock.ok_or_else(|| format!("the model knows no deadline `{name}` here"))?;
            differs(clock, deadline, zone).map_err(|what| format!("deadline `{name}`: {what}"))?;
        }
        let is_there = |clock: &&Clock| case.deadlines.iter().any(|d| d.name == clock.name);
        match self.clocks.iter().find(|clock| !is_there(clock)) {
            Some(clock) => Err(format!("the case lacks the deadline `{}`", clock.name)),
            None => Ok(case.deadlines.len() as u64),
        }
    }
}

fn differs(clock: &Clock, deadline: &Deadline, zone: &Zone) -> Result<(), String> {
    same("its clock", &clock.state, &deadline.clock)?;
    let started_at = clock.started_at(zone);
    same_time("counts from", started_at, deadline.started_at, zone)?;
    same_time("is due", clock.due_at, deadline.due_at, zone)?;
    same_time("earliest", clock.earliest_at, deadline.earliest_at, zone)?;
    same("provisional", &clock.provisional, &deadline.provisional)?;
    same("assumed", &clock.assumed, &deadline.assumed)?;
    same_time("start assumed", clock.assume_at, deadline.assume_at, zone)?;
    same(
        "recorded late",
        &clock.late_recorded,
        &deadline.late_recorded,
    )?;
    if clock.rungs == deadline.rungs {
        return Ok(());
    }
    let (model, found) = (rungs(&clock.rungs, zone), rungs(&deadline.rungs, zone));
    same("its rungs", &model, &found)
}

fn rungs(rungs: &[Rung], zone: &Zone) -> Vec<String> {
    let one = |rung: &Rung| {
        let at = told(Some(rung.at), zone);
        format!("{:?} at {at} {:?}", rung.steps, rung.state)
    };
    rungs.iter().map(one).collect()
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, model: &T, found: &T) -> Result<(), String> {
    if model == found {
        return Ok(());
    }
    Err(format!(
        "{what}: the model says {model:?}, the case has {found:?}"
    ))
}

fn same_time(
    what: &str,
    model: Option<Timestamp>,
    found: Option<Timestamp>,
    zone: &Zone,
) -> Result<(), String> {
    if model == found {
        return Ok(());
    }
    let (model, found) = (told(model, zone), told(found, zone));
    Err(format!(
        "{what}: the model says {model}, the case has {found}"
    ))
}

fn told(at: Option<Timestamp>, zone: &Zone) -> String {
    at.map_or_else(|| "nothing".to_owned(), |at| at.to_rfc3339(zone))
}

/// The model of a case as it is.
pub(super) fn taken_over(case: &Case, workflow: &Workflow) -> Reference {
    let zone = &workflow.zone;
    let clock = |d: &Deadline| Clock {
        name: d.name.clone(),
        generation: d.generation,
        state: d.clock,
        start: d.started_at.map(|at| start_of(at, d.started_as_day, zone)),
        assumed: d.assumed,
        due_at: d.due_at,
        earliest_at: d.earliest_at,
        provisional: d.provisional,
        within: d.length.as_ref().and_then(|length| length.within),
        earliest: d.length.as_ref().and_then(|length| length.earliest),
        pauses: d.pauses.clone(),
        moved: d.moved.is_some(),
        rungs: d.rungs.clone(),
        assume_at: d.assume_at,
        late_recorded: d.late_recorded,
    };
    let presumed = case.presumed.as_ref().map(|p| Presumption {
        deadline: p.deadline.clone(),
        generation: p.generation,
        from: p.from.clone(),
        from_entered_at: p.from_entered_at,
        confirmed: p.confirmed.clone(),
    });
    Reference {
        case: case.id,
        state: case.state.clone(),
        entered_at: case.entered_at,
        began_at: case.began_at,
        fields: case.fields.clone(),
        parties: case.parties.clone(),
        pack: case.pack.clone(),
        round: case.round,
        flags: case.flags.clone(),
        confirmed: case.confirmed.clone(),
        presumed,
        closed: case.closed,
        clocks: case.deadlines.iter().map(clock).collect(),
    }
}
