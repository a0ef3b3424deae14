//! The whole: the store holds just what the books say, and each journal makes its case from the beginning.

use std::collections::BTreeSet;

use qixian_core::{JournalLine, fold_by};
use qixian_store::{CaseQuery, MemStore, MessageQuery, Store, TimerRow};
use qixian_time::Timestamp;

use super::lines::named;
use super::{Checker, Failure, fail};
use crate::Ground;

/// How much of the store is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All cases and rows, and the journals that grew since they were last read.
    Grown,
    /// Everything.
    All,
}

impl Checker {
    /// Compares the whole store with what became durable, and folds the journals that grew. To be called after
    /// [`Checker::look`] when nothing is in flight.
    ///
    /// # Errors
    /// The first promise found broken.
    pub fn whole(
        &mut self,
        store: &MemStore,
        ground: &Ground,
        extent: Extent,
    ) -> Result<(), Failure> {
        let read = pollster::block_on(self.compare(store, extent));
        read.map_err(|error| Failure(error.to_string()))??;
        for id in std::mem::take(&mut self.books.unfolded) {
            self.folds(id, ground)?;
        }
        for (id, (case, rev)) in &self.answers.accepted {
            let durable = self.books.cases.get(case).map_or(0, |kept| kept.case.rev);
            if durable < *rev {
                return fail(format!(
                    "`{id}` was acknowledged as line {rev} of case {case} and is lost"
                ));
            }
        }
        Ok(())
    }

    fn folds(&self, id: qixian_core::CaseId, ground: &Ground) -> Result<(), Failure> {
        let Some(kept) = self.books.cases.get(&id) else {
            return fail(format!("case {id} is gone"));
        };
        let Some(workflow) = ground.workflow(&kept.case) else {
            return fail(format!("{} has no definition any more", named(&kept.case)));
        };
        let env_of = |line: &JournalLine| ground.env(id, line.seq);
        match fold_by(env_of, workflow, id, &kept.journal) {
            Ok(folded) if folded == *kept.case => Ok(()),
            Ok(folded) => fail(format!(
                "{} is not what its journal makes:\n{:?}\n{folded:?}",
                named(&kept.case),
                kept.case
            )),
            Err(error) => fail(format!(
                "{}: its journal makes no case: {error}",
                named(&kept.case)
            )),
        }
    }

    async fn compare(
        &self,
        store: &MemStore,
        extent: Extent,
    ) -> Result<Result<(), Failure>, qixian_store::Error> {
        let mut count = 0;
        let mut cursor: Option<String> = None;
        loop {
            let page = store
                .list(&CaseQuery::default(), cursor.as_deref(), 500)
                .await?;
            for case in &page.items {
                count += 1;
                let kept = self.books.cases.get(&case.id);
                let Some(kept) = kept.filter(|kept| kept.case == *case) else {
                    return Ok(fail(format!("{} is not what became durable", named(case))));
                };
                if extent == Extent::Grown && !self.books.unfolded.contains(&case.id) {
                    continue;
                }
                let lines = store.journal(case.id, 0, usize::MAX).await?;
                if lines != kept.journal {
                    return Ok(fail(format!(
                        "{}: its journal is not what became durable",
                        named(case)
                    )));
                }
            }
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        if count != self.books.cases.len() {
            let kept = self.books.cases.len();
            return Ok(fail(format!(
                "{count} cases are listed, {kept} are durable"
            )));
        }
        let rows = store.timers_due(Timestamp::MAX, None, usize::MAX).await?;
        let kept = self.books.cases.values();
        let row = |kept: &super::books::Kept| Some((kept.row?, kept.case.id));
        let wanted: BTreeSet<_> = kept.filter_map(row).collect();
        let found: BTreeSet<_> = rows
            .iter()
            .map(|TimerRow { at, case }| (*at, *case))
            .collect();
        if found != wanted {
            let lost: Vec<_> = wanted.difference(&found).collect();
            let left: Vec<_> = found.difference(&wanted).collect();
            return Ok(fail(format!(
                "wake-up rows lost: {lost:?}, left over: {left:?}"
            )));
        }
        match extent {
            Extent::Grown => Ok(Ok(())),
            Extent::All => self.compare_messages(store).await,
        }
    }

    async fn compare_messages(
        &self,
        store: &MemStore,
    ) -> Result<Result<(), Failure>, qixian_store::Error> {
        let mut count = 0;
        let mut cursor: Option<String> = None;
        loop {
            let page = store
                .messages(&MessageQuery::default(), cursor.as_deref(), 500)
                .await?;
            for entry in &page.items {
                count += 1;
                let id = entry.intent.id;
                if self.books.messages.get(&id) != Some(entry) {
                    return Ok(fail(format!("message {id} is not what became durable")));
                }
            }
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        if count != self.books.messages.len() {
            let kept = self.books.messages.len();
            return Ok(fail(format!(
                "{count} messages are listed, {kept} are durable"
            )));
        }
        let due = store.outbox_due(Timestamp::MAX, None, usize::MAX).await?;
        let due: BTreeSet<_> = due.iter().map(|row| (row.at, row.id)).collect();
        let entries = self.books.messages.values();
        let wanted: BTreeSet<_> = entries
            .filter_map(|entry| Some((entry.next_at?, entry.intent.id)))
            .collect();
        if due != wanted {
            let lost: Vec<_> = wanted.difference(&due).collect();
            let left: Vec<_> = due.difference(&wanted).collect();
            return Ok(fail(format!(
                "rows of the outbox lost: {lost:?}, left over: {left:?}"
            )));
        }
        Ok(Ok(()))
    }
}
