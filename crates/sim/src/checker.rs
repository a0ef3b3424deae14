//! Whether every promise was kept.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use qixian_core::{
    Case, CaseId, Cause, Channel, ClockState, Deadline, EventId, JournalLine, OutboxId, Rev, Rung,
    RungState, What, fold_by, next_wake,
};
use qixian_engine::{Ack, SendJob};
use qixian_store::{CaseQuery, MemStore, MessageQuery, OutboxEntry, Store};
use qixian_time::Timestamp;

use crate::{Delivery, Ground};

/// A promise that was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(pub String);

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Remembers what was promised.
#[derive(Debug, Default)]
pub struct Checker {
    /// What every event that was answered with success made.
    accepted: HashMap<EventId, (CaseId, Rev)>,
    /// Events whose last answer was a refusal.
    refused: HashSet<EventId>,
    /// Cases whose closing was acknowledged and that were not reopened since.
    closed: HashSet<CaseId>,
}

/// Everything in a store.
struct Contents {
    cases: Vec<Arc<Case>>,
    journals: HashMap<CaseId, Vec<JournalLine>>,
    entries: Vec<OutboxEntry>,
}

impl Checker {
    /// An event was acknowledged.
    ///
    /// # Errors
    /// When the same event was acknowledged before with another result.
    pub fn acknowledged(&mut self, id: &str, what: &What, ack: &Ack) -> Result<(), Failure> {
        let made = (ack.case.id, ack.rev);
        if let Some(before) = self.accepted.insert(id.to_owned(), made)
            && before != made
        {
            return fail(format!("{id} was answered {before:?}, then {made:?}"));
        }
        self.refused.remove(id);
        match what {
            What::Close { .. } => {
                self.closed.insert(ack.case.id);
            }
            What::Reopen { .. } => {
                self.closed.remove(&ack.case.id);
            }
            _ => {}
        }
        if !ack.case.closed {
            self.closed.remove(&ack.case.id);
        }
        Ok(())
    }

    /// An event was refused.
    pub fn refused(&mut self, id: &str) {
        self.refused.insert(id.to_owned());
    }

    /// A message is handed out.
    ///
    /// # Errors
    /// When its case is known to be closed.
    pub fn handed_out(&self, job: &SendJob) -> Result<(), Failure> {
        if job.message.is_some() && self.closed.contains(&job.entry.case) {
            return fail(format!("{} was sent for a closed case", job.entry));
        }
        Ok(())
    }

    /// Looks at everything: to be called when nothing is in flight.
    ///
    /// # Errors
    /// The first promise found broken.
    pub fn full(&self, store: &MemStore, ground: &Ground) -> Result<(), Failure> {
        let contents = Contents::read(store)?;
        self.events(&contents)?;
        for case in &contents.cases {
            folds(case, &contents.journals[&case.id], ground)?;
            rungs(case, &contents.journals[&case.id], &contents.entries)
                .map_err(|failure| contents.tell(case, failure))?;
        }
        timers(store, &contents.cases)
    }

    /// After everything came to rest: every message decided before `before` has its outcome, and no SMS came twice.
    ///
    /// # Errors
    /// The first promise found broken.
    pub fn at_rest(
        &self,
        store: &MemStore,
        before: Timestamp,
        delivered: &[Delivery],
    ) -> Result<(), Failure> {
        let contents = Contents::read(store)?;
        for entry in &contents.entries {
            let open = entry
                .legs
                .iter()
                .find(|leg| !leg.status.is_final() && leg.status != qixian_core::LegStatus::Held);
            if let Some(leg) = open
                && entry.intent.created_at < before
            {
                return fail(format!("{} never ended: {leg:?}", entry.intent.id));
            }
        }
        let mut once = BTreeSet::new();
        for delivery in delivered.iter().filter(|d| d.channel == Channel::Sms) {
            if !once.insert(&delivery.key) {
                let of_key =
                    |e: &&OutboxEntry| delivery.key.starts_with(&format!("{}.", e.intent.id));
                let entry = contents.entries.iter().find(of_key);
                let legs = entry.map(|entry| &entry.legs);
                return fail(format!("SMS {} arrived twice: {legs:#?}", delivery.key));
            }
        }
        let known: BTreeSet<OutboxId> = contents.entries.iter().map(|e| e.intent.id).collect();
        for delivery in delivered {
            let id = delivery
                .key
                .split('.')
                .next()
                .and_then(|id| id.parse().ok());
            if !id.is_some_and(|id| known.contains(&id)) {
                return fail(format!("{} arrived and is not in the outbox", delivery.key));
            }
        }
        Ok(())
    }

    fn events(&self, contents: &Contents) -> Result<(), Failure> {
        let mut found: HashMap<&str, (CaseId, Rev)> = HashMap::new();
        for (case, lines) in &contents.journals {
            for line in lines {
                if line.recorded_at < line.occurred_at && matches!(line.what, What::Wake) {
                    return fail(format!("{case} line {} fired early", line.seq));
                }
                if found.insert(&line.id, (*case, line.seq)).is_some() {
                    return fail(format!("{} is in the journals twice", line.id));
                }
            }
        }
        for (id, made) in &self.accepted {
            match found.get(id.as_str()) {
                Some(at) if at == made => {}
                other => {
                    return fail(format!(
                        "{id} was acknowledged as {made:?}, found {other:?}"
                    ));
                }
            }
        }
        match self
            .refused
            .iter()
            .find(|id| found.contains_key(id.as_str()))
        {
            Some(id) => fail(format!("{id} was refused and is in a journal")),
            None => Ok(()),
        }
    }
}

impl Contents {
    /// The failure with the history of its case.
    fn tell(&self, case: &Case, Failure(what): Failure) -> Failure {
        let mut told = format!("{what}\n{}:", case.workflow.id);
        for line in &self.journals[&case.id] {
            let JournalLine {
                seq,
                event,
                from,
                to,
                occurred_at,
                recorded_at,
                ..
            } = line;
            told += &format!(
                "\n  {seq} {event} {from}>{to} {occurred_at} {recorded_at} {:?}",
                line.deadlines
            );
        }
        Failure(told)
    }

    fn read(store: &MemStore) -> Result<Self, Failure> {
        pollster::block_on(async {
            let mut cases = Vec::new();
            let mut cursor: Option<String> = None;
            loop {
                let query = CaseQuery::default();
                let page = store.list(&query, cursor.as_deref(), 500).await?;
                cases.extend(page.items);
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            let mut entries = Vec::new();
            loop {
                let query = MessageQuery::default();
                let page = store.messages(&query, cursor.as_deref(), 500).await?;
                entries.extend(page.items);
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            let mut journals = HashMap::new();
            for case in &cases {
                let lines = store.journal(case.id, 0, usize::MAX).await?;
                journals.insert(case.id, lines);
            }
            Ok(Self {
                cases,
                journals,
                entries,
            })
        })
        .map_err(|error: qixian_store::Error| Failure(error.to_string()))
    }
}

fn fail<T>(what: String) -> Result<T, Failure> {
    Err(Failure(what))
}

fn folds(case: &Case, journal: &[JournalLine], ground: &Ground) -> Result<(), Failure> {
    if journal.len() as u64 != case.rev {
        return fail(format!(
            "{} has rev {} and {} lines",
            case.id,
            case.rev,
            journal.len()
        ));
    }
    let Some(workflow) = ground.workflow(case) else {
        return fail(format!("{} has no definition", case.id));
    };
    let env_of = |line: &JournalLine| ground.env(case.id, line.seq);
    match fold_by(env_of, workflow, case.id, journal) {
        Ok(folded) if folded == *case => Ok(()),
        Ok(folded) => fail(format!(
            "{} folds to another case:\n{case:?}\n{folded:?}",
            case.id
        )),
        Err(error) => fail(format!("{} does not fold: {error}", case.id)),
    }
}

/// Every fired rung of the present generations has its entry under the rung's name, and none is said without having
/// fired. A deadline that was planned once says each rung at most once; after a move, a pause or a correction a rung that
/// lies ahead again may be said once more for each plan.
fn rungs(case: &Case, journal: &[JournalLine], entries: &[OutboxEntry]) -> Result<(), Failure> {
    let corrections = journal
        .iter()
        .filter(|line| matches!(line.what, What::Correct { .. }))
        .count();
    let mut said: BTreeMap<(&str, u32, u16), usize> = BTreeMap::new();
    for entry in entries.iter().filter(|e| e.intent.id.case == case.id) {
        if let Cause::Rung {
            deadline,
            generation,
            rung,
        } = &entry.intent.cause
        {
            *said.entry((deadline, *generation, *rung)).or_default() += 1;
        }
    }
    for deadline in &case.deadlines {
        let plans = plans(deadline, journal).max(1) + corrections;
        for rung in &deadline.rungs {
            let key = (deadline.name.as_str(), deadline.generation, rung.name());
            let found = said.get(&key).copied().unwrap_or(0);
            let is_right = match (rung.state == RungState::Fired, plans) {
                (fired, 1) => found == usize::from(fired),
                (true, _) => found <= plans && (found > 0 || told_together(deadline, rung, &said)),
                (false, _) => found < plans,
            };
            if !is_right {
                return fail(format!(
                    "{} {} generation {} rung {} is {:?} with {found} entries in {plans} plans: {:?}, said {said:?}",
                    case.id,
                    deadline.name,
                    deadline.generation,
                    rung.name(),
                    rung.state,
                    deadline.rungs
                ));
            }
        }
    }
    Ok(())
}

/// How often this generation was planned: whenever a line lets it run or wait.
fn plans(deadline: &Deadline, journal: &[JournalLine]) -> usize {
    let changes = journal.iter().flat_map(|line| &line.deadlines);
    changes
        .filter(|change| {
            (&change.name, change.generation) == (&deadline.name, deadline.generation)
                && matches!(change.clock, ClockState::Armed | ClockState::Waiting)
        })
        .count()
}

/// Whether a fired rung spoke as part of another: rungs that once fell on one minute, or (after a correction) under an
/// earlier generation.
fn told_together(
    deadline: &Deadline,
    rung: &Rung,
    said: &BTreeMap<(&str, u32, u16), usize>,
) -> bool {
    let mut together = deadline.rungs.iter().filter(|r| r.at == rung.at);
    together.any(|r| {
        let mut keys = said.keys();
        keys.any(|(name, _, step)| *name == deadline.name && r.steps.contains(step))
    })
}

/// The wake-up rows are exactly those the cases ask for.
fn timers(store: &MemStore, cases: &[Arc<Case>]) -> Result<(), Failure> {
    let rows = pollster::block_on(store.timers_due(Timestamp::MAX, None, usize::MAX));
    let rows = rows.map_err(|error| Failure(error.to_string()))?;
    let found: BTreeSet<_> = rows.iter().map(|row| (row.at, row.case)).collect();
    let wanted: BTreeSet<_> = cases
        .iter()
        .filter_map(|case| Some((next_wake(case)?, case.id)))
        .collect();
    if found != wanted {
        let lost: Vec<_> = wanted.difference(&found).collect();
        let extra: Vec<_> = found.difference(&wanted).collect();
        return fail(format!("wake-up rows lost: {lost:?}, left over: {extra:?}"));
    }
    Ok(())
}
