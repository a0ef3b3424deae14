//! Messages: decided by a line, tried in order, and what became of them stays.

use qixian_core::{Case, Cause, ClockState, LegStatus, OutboxId, RungState, What};
use qixian_store::{Commit, Group, LegState, OutboxEntry, OutboxWrite};

use super::{Checker, Failure, fail};

impl Checker {
    /// An entry of the outbox was written.
    pub(super) fn message(&mut self, write: &OutboxWrite, commit: &Commit) -> Result<(), Failure> {
        let entry = &write.entry;
        let id = entry.intent.id;
        let is_waiting =
            |leg: &LegState| matches!(leg.status, LegStatus::Queued | LegStatus::Sending);
        if entry.legs.iter().any(is_waiting) != entry.next_at.is_some() {
            return fail(format!(
                "message {id} waits and nobody will look at it, or the other way round: {entry:?}"
            ));
        }
        match self.books.messages.get(&id) {
            None => begins(entry, commit)?,
            Some(before) => {
                for (leg, (was, is)) in before.legs.iter().zip(&entry.legs).enumerate() {
                    let attempt = was.attempts.len();
                    let may_have_left = self.sends.may_have_left(id, leg, attempt);
                    goes_on(id, leg, (was, is), may_have_left)?;
                    if is.status == LegStatus::Moot && was.status != LegStatus::Moot {
                        self.is_moot(entry, leg)?;
                    }
                    if is.status == LegStatus::Dead && was.status != LegStatus::Dead {
                        all_channels_tried(entry, leg)?;
                        let leg = u16::try_from(leg).unwrap_or(u16::MAX);
                        self.books.newly_dead.push((id, leg));
                    }
                }
            }
        }
        self.books.messages.insert(id, entry.clone());
        Ok(())
    }

    /// A message that ends as moot is needed by nobody.
    fn is_moot(&self, entry: &OutboxEntry, leg: usize) -> Result<(), Failure> {
        let intent = &entry.intent;
        let Some(kept) = self.books.cases.get(&intent.id.case) else {
            return fail(format!("message {} belongs to no case", intent.id));
        };
        let is_over = intent.give_up_at.is_some_and(|at| Some(at) <= self.latest);
        let role = intent.legs.get(leg).map(|leg| &leg.role);
        let has_confirmed = kept.case.confirmed.iter().any(|c| Some(&c.role) == role);
        if is_over || kept.case.closed {
            return Ok(());
        }
        let wrong = match &intent.cause {
            Cause::Rung { .. } if has_confirmed => None,
            Cause::Rung {
                deadline,
                generation,
                rung,
            } => still_asked(&kept.case, deadline, *generation, *rung),
            Cause::Missed {
                deadline,
                generation,
            } => {
                let mut all = kept.case.deadlines.iter();
                let of = all.find(|d| d.name == *deadline && d.generation == *generation);
                let is_missed = of.is_none_or(|d| d.clock == ClockState::Missed);
                is_missed.then(|| format!("`{deadline}` is missed"))
            }
            Cause::Transition { .. } | Cause::Manual => Some("its case is open".to_owned()),
        };
        match wrong {
            Some(why) => fail(format!(
                "message {} to {role:?} was dropped as moot although {why}: {:?}",
                intent.id, intent.cause
            )),
            None => Ok(()),
        }
    }

    /// Somebody is told of each recipient that was reached on no channel.
    pub(super) fn dead_are_told(&mut self, group: &Group) -> Result<(), Failure> {
        let writes = group.commits.iter().flat_map(|commit| &commit.cases);
        let told = |dead: &(OutboxId, u16)| {
            let mut lines = writes.clone().filter_map(|write| write.journal.as_ref());
            lines.any(|line| match &line.what {
                What::MessageDead { message, leg, .. } => (*message, *leg) == *dead,
                _ => false,
            })
        };
        let dead = std::mem::take(&mut self.books.newly_dead);
        match dead.iter().find(|dead| !told(dead)) {
            Some((id, leg)) => fail(format!(
                "message {id}: recipient {leg} was reached on no channel, and no line of the case says so"
            )),
            None => Ok(()),
        }
    }
}

/// A new message stems from a line of the same commit and waits for its first try.
fn begins(entry: &OutboxEntry, commit: &Commit) -> Result<(), Failure> {
    let intent = &entry.intent;
    let lines = commit
        .cases
        .iter()
        .filter_map(|write| write.journal.as_ref().map(|l| (write.case.id, l.seq)));
    if !lines
        .clone()
        .any(|line| line == (intent.id.case, intent.id.seq))
    {
        return fail(format!(
            "message {} stems from no line of its commit",
            intent.id
        ));
    }
    let first = if intent.held {
        LegStatus::Held
    } else {
        LegStatus::Queued
    };
    let is_fresh =
        |leg: &LegState| leg.status == first && leg.attempts.is_empty() && leg.channel == 0;
    if entry.legs.len() != intent.legs.len() || !entry.legs.iter().all(is_fresh) {
        return fail(format!(
            "message {} does not wait for its first try: {entry:?}",
            intent.id
        ));
    }
    Ok(())
}

/// What is known of a recipient stays known: tries are added, ends stay ends. A try that never left may be taken back
/// (the disk was full by then).
fn goes_on(
    id: OutboxId,
    leg: usize,
    (was, is): (&LegState, &LegState),
    may_have_left: bool,
) -> Result<(), Failure> {
    let stays = was.status == is.status;
    let asked_again = is.status == LegStatus::Queued && is.attempts.len() == was.attempts.len();
    let allowed = match was.status {
        LegStatus::Accepted | LegStatus::Delivered | LegStatus::Moot => stays,
        LegStatus::Dead => stays || asked_again,
        LegStatus::Unknown => stays || asked_again || is.status == LegStatus::Accepted,
        LegStatus::Queued | LegStatus::Sending => is.status != LegStatus::Held,
        LegStatus::Held => stays || is.status == LegStatus::Queued,
    };
    let begun = |leg: &LegState| leg.attempts.first().map(|a| (a.at, a.channel));
    let tries = was.attempts.len();
    let taken_back = was.status == LegStatus::Sending && !may_have_left;
    let least = tries - usize::from(taken_back && tries > 0);
    let kept = is.attempts.len() >= least
        && (is.attempts.is_empty() || was.attempts.is_empty() || begun(was) == begun(is));
    if allowed && kept {
        return Ok(());
    }
    fail(format!(
        "message {id}: what was known of recipient {leg} was lost: it was {was:?}, it is {is:?}"
    ))
}

/// A message that nothing can overtake ends as dead only after its last channel.
fn all_channels_tried(entry: &OutboxEntry, leg: usize) -> Result<(), Failure> {
    let intent = &entry.intent;
    let channels = intent.legs.get(leg).map_or(0, |leg| leg.via.len());
    let last = usize::from(entry.legs[leg].channel) + 1 >= channels;
    if last || intent.give_up_at.is_some() {
        return Ok(());
    }
    let state = &entry.legs[leg];
    let id = intent.id;
    fail(format!(
        "message {id}: recipient {leg} was given up with channels left to try: {state:?}"
    ))
}

/// Why a rung's message is still wanted, if it is: it has fired as the latest of a deadline that runs or waits.
fn still_asked(case: &Case, name: &str, generation: u32, rung: u16) -> Option<String> {
    let mut all = case.deadlines.iter();
    let deadline = all.find(|d| d.name == name && d.generation == generation)?;
    let own = deadline.rungs.iter().find(|r| r.steps.contains(&rung))?;
    let later = |r: &qixian_core::Rung| r.state == RungState::Fired && r.at > own.at;
    let runs = matches!(deadline.clock, ClockState::Armed | ClockState::Waiting);
    let is_latest = own.state == RungState::Fired && !deadline.rungs.iter().any(later);
    (runs && is_latest)
        .then(|| format!("`{name}` is {} and rung {rung} its latest", deadline.clock))
}
