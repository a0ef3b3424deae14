//! What is durable, kept by what became so.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use qixian_core::{Case, CaseId, EventId, JournalLine, OutboxId, Rev};
use qixian_store::{Group, OutboxEntry};
use qixian_time::Timestamp;

use super::{Checker, Failure};
use crate::Ground;
use crate::reference::Reference;

/// A case with all that belongs to it.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) case: Arc<Case>,
    pub(super) journal: Vec<JournalLine>,
    /// Where its wake-up row lies.
    pub(super) row: Option<Timestamp>,
    /// Whether it ever ended.
    pub(super) ended: bool,
    pub(super) model: Reference,
}

/// All that is durable.
#[derive(Debug, Default)]
pub(super) struct Books {
    pub(super) cases: HashMap<CaseId, Kept>,
    pub(super) messages: BTreeMap<OutboxId, OutboxEntry>,
    /// Which line records each event.
    pub(super) events: HashMap<EventId, (CaseId, Rev)>,
    pub(super) references: HashMap<String, CaseId>,
    /// Recipients found dead in the group looked at.
    pub(super) newly_dead: Vec<(OutboxId, u16)>,
    /// Cases with lines that were not folded from the beginning yet.
    pub(super) unfolded: BTreeSet<CaseId>,
}

impl Checker {
    /// Looks at the groups that became durable since the last look, at `now`.
    ///
    /// # Errors
    /// The first promise found broken.
    pub fn look(
        &mut self,
        news: Vec<Group>,
        ground: &Ground,
        now: Timestamp,
    ) -> Result<(), Failure> {
        self.latest = self.latest.max(Some(now));
        for group in news {
            self.group(&group, ground)?;
        }
        Ok(())
    }

    fn group(&mut self, group: &Group, ground: &Ground) -> Result<(), Failure> {
        for commit in &group.commits {
            for write in &commit.cases {
                match &write.journal {
                    Some(line) => self.line(write, line, commit, ground)?,
                    None => self.books.unchanged(write)?,
                }
                self.books.row(write)?;
            }
            for write in &commit.outbox {
                self.message(write, commit)?;
            }
        }
        self.dead_are_told(group)?;
        self.books.families(group, ground)
    }
}
