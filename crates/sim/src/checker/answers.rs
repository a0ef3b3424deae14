//! What people were told: after it was durable, the same each time, and never what is not so.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use qixian_core::{Case, CaseId, EventId, Rev, What};
use qixian_engine::Ack;

use super::{Checker, Failure, fail};

/// Every answer given.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// What every event that was answered with success made.
    pub(super) accepted: HashMap<EventId, (CaseId, Rev)>,
    /// Events whose last answer was a refusal.
    refused: HashSet<EventId>,
    /// Each case as somebody was last told it is.
    pub(super) told: HashMap<CaseId, Arc<Case>>,
}

impl Answers {
    /// # Errors
    /// When this event was refused and is durable nevertheless.
    pub(super) fn not_refused(&self, id: &str, (case, seq): (CaseId, Rev)) -> Result<(), Failure> {
        if self.refused.contains(id) {
            return fail(format!(
                "`{id}` was refused, and is line {seq} of case {case}"
            ));
        }
        Ok(())
    }
}

impl Checker {
    /// How many events were acknowledged, each counted once, and how many of them are on disk as they were answered.
    pub fn acknowledged_and_found(&self) -> (u64, u64) {
        let accepted = &self.answers.accepted;
        let on_disk = |(id, made): &(&EventId, &(CaseId, Rev))| {
            let line = self.books.events.get(*id);
            let kept = self.books.cases.get(&made.0);
            line.is_none_or(|line| line == *made) && kept.is_some_and(|k| k.case.rev >= made.1)
        };
        (
            accepted.len() as u64,
            accepted.iter().filter(on_disk).count() as u64,
        )
    }

    /// An event was acknowledged. To be called after [`Checker::look`].
    ///
    /// # Errors
    /// When it is not durable, or was acknowledged before with another result.
    pub fn acknowledged(&mut self, id: &str, what: &What, ack: &Ack) -> Result<(), Failure> {
        let made = (ack.case.id, ack.rev);
        if let Some((case, rev)) = self.answers.accepted.insert(id.to_owned(), made)
            && (case, rev) != made
        {
            return fail(format!(
                "`{id}` was answered twice and not alike: line {rev} of case {case}, then line {} of case {}",
                made.1, made.0
            ));
        }
        self.answers.refused.remove(id);
        let moves_nothing = matches!(what, What::Recompute { .. });
        match self.books.events.get(id) {
            Some(found) if *found == made => {}
            // What moved nothing has no line; what it is answered by is on disk.
            None if moves_nothing
                && self
                    .books
                    .cases
                    .get(&made.0)
                    .is_some_and(|k| k.case.rev >= made.1) => {}
            found => {
                let (case, rev) = made;
                return fail(format!(
                    "answered before it was durable: `{id}` was acknowledged as line {rev} of case {case}; on disk is {found:?}"
                ));
            }
        }
        let told = self.answers.told.entry(ack.case.id);
        let told = told.or_insert_with(|| ack.case.clone());
        if told.rev <= ack.case.rev {
            *told = ack.case.clone();
        }
        Ok(())
    }

    /// An event was refused.
    ///
    /// # Errors
    /// When it took effect nevertheless.
    pub fn refused(&mut self, id: &str) -> Result<(), Failure> {
        if let Some((case, seq)) = self.books.events.get(id) {
            return fail(format!(
                "`{id}` was refused, and is line {seq} of case {case}"
            ));
        }
        self.answers.refused.insert(id.to_owned());
        Ok(())
    }
}
