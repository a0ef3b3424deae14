//! Messages on their way out: on disk before the first try, under one key, and to nobody who was told that it is over.

use std::collections::{HashMap, HashSet};

use qixian_core::{Cause, ClockState, LegStatus, OutboxId};
use qixian_engine::SendJob;

use super::{Checker, Failure, fail};

/// A recipient of a message by one channel.
type Way = (OutboxId, u16, u16);

/// Which key each try went out under.
#[derive(Debug, Default)]
pub(super) struct Sends {
    key_of: HashMap<Way, String>,
    way_of: HashMap<String, Way>,
    /// Tries that were handed out: message, recipient, which try.
    handed_out: HashSet<(OutboxId, usize, usize)>,
}

impl Sends {
    /// Whether this try was handed out, so that it may have arrived.
    pub(super) fn may_have_left(&self, id: OutboxId, leg: usize, attempt: usize) -> bool {
        self.handed_out.contains(&(id, leg, attempt))
    }
}

impl Checker {
    /// A message is handed out, or a question about one. To be called after [`Checker::look`].
    ///
    /// # Errors
    /// When it is not durable as under way, goes by another key than before, or is for a case or a deadline of which
    /// somebody was told that it is over.
    pub fn handed_out(&mut self, job: &SendJob) -> Result<(), Failure> {
        let id = job.entry;
        let leg = usize::from(job.leg);
        let entry = self.books.messages.get(&id);
        let Some(state) = entry.and_then(|entry| entry.legs.get(leg)) else {
            return fail(format!("message {id} is handed out and not on disk"));
        };
        if state.status != LegStatus::Sending {
            return fail(format!(
                "message {id} is handed out and not marked as under way on disk: {state:?}"
            ));
        }
        let tries = u32::try_from(state.attempts.len()).unwrap_or(u32::MAX);
        if tries != job.context.attempt {
            return fail(format!(
                "message {id}: try {} is handed out, on disk are {tries}",
                job.context.attempt
            ));
        }
        let attempt = state.attempts.len();
        let way = (id, job.leg, state.channel);
        self.sends.handed_out.insert((id, leg, attempt));
        self.one_key(way, &job.context.idempotency_key)?;
        match job.message {
            Some(_) => self.not_over(job),
            None => Ok(()),
        }
    }

    fn one_key(&mut self, way: Way, key: &str) -> Result<(), Failure> {
        let (id, leg, channel) = way;
        let known = self
            .sends
            .key_of
            .entry(way)
            .or_insert_with(|| key.to_owned());
        if known != key {
            return fail(format!(
                "message {id} to recipient {leg} by channel {channel} goes out under {key}, before it was {known}"
            ));
        }
        let other = *self.sends.way_of.entry(key.to_owned()).or_insert(way);
        if other != way {
            return fail(format!("{key} is the key of {other:?} and of {way:?}"));
        }
        Ok(())
    }

    fn not_over(&self, job: &SendJob) -> Result<(), Failure> {
        let Some(case) = self.answers.told.get(&job.entry.case) else {
            return Ok(());
        };
        let (id, no) = (job.entry, case.id);
        if case.closed {
            return fail(format!(
                "message {id} is sent for case {no}, which somebody was told is closed"
            ));
        }
        let Cause::Rung {
            deadline,
            generation,
            rung,
        } = &job.cause
        else {
            return Ok(());
        };
        let mut all = case.deadlines.iter();
        let of = all.find(|d| d.name == *deadline && d.generation == *generation);
        match of.map(|d| d.clock) {
            Some(clock @ (ClockState::Met | ClockState::Cancelled)) => fail(format!(
                "message {id} reminds of `{deadline}` (rung {rung}) of case {no}, which somebody was told is {clock}"
            )),
            _ => Ok(()),
        }
    }
}
