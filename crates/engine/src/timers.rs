//! The timer service: wake-up rows that are due become events, by the same door as people's.

use std::sync::Arc;

use qixian_core::{Actor, Case, CaseId, Event, What, next_wake};
use qixian_store::{CaseWrite, Store, TimerRow};
use qixian_time::{Clock, Timestamp};

use crate::decide::{Failure, Scratch};
use crate::inflight::Draft;
use crate::work::{Answer, Decided};
use crate::{Engine, SubmitError};

/// How far ahead rows are kept in memory.
const AHEAD_MILLIS: i64 = 10 * 60 * 1_000;
/// Rows are read anew when the end of what is known is nearer than this.
const MARGIN_MILLIS: i64 = 5 * 60 * 1_000;
/// Rows read at a time.
const PAGE: usize = 1_000;
/// How long a case that cannot be decided is left alone.
const ASIDE_MILLIS: i64 = 60 * 60 * 1_000;

impl<S: Store, C: Clock> Engine<S, C> {
    /// Reads the near future where it is not known.
    pub(crate) async fn look_ahead(&mut self, now: Timestamp) -> Result<(), qixian_store::Error> {
        let (limit, low) = (self.settings.horizon_rows, self.settings.horizon_rows / 4);
        let until = now.saturating_add_millis(AHEAD_MILLIS);
        if self.timers.wants_filling(now, MARGIN_MILLIS, low) {
            let mut rows: Vec<TimerRow> = Vec::new();
            let mut more = true;
            while more && rows.len() < limit {
                let page = self.store.timers_due(until, rows.last().copied(), PAGE);
                let page = page.await?;
                more = page.len() == PAGE;
                rows.extend(page);
            }
            self.timers.fill(rows, until, more);
            for group in &self.in_flight {
                group.timers.iter().for_each(|m| self.timers.follow(*m));
            }
        }
        if self.due_messages.wants_filling(now, MARGIN_MILLIS, low) {
            let mut rows = Vec::new();
            let mut more = true;
            let mut last = None;
            while more && rows.len() < limit {
                let page = self.store.outbox_due(until, last, PAGE).await?;
                more = page.len() == PAGE;
                last = page.last().copied();
                // Those that wait for a provider's hands are known, and would only be in the way of the others.
                rows.extend(page.into_iter().filter(|r| !self.dispatcher.is_parked(r)));
            }
            self.due_messages.fill(rows, until, more);
            for group in &self.in_flight {
                let moves = group.messages.iter();
                moves.for_each(|m| self.due_messages.follow(*m));
            }
        }
        Ok(())
    }

    /// Decides a wake-up row that came due.
    pub(crate) async fn decide_wake(
        &mut self,
        row: TimerRow,
        now: Timestamp,
        draft: &mut Draft,
    ) -> Result<Decided, Failure> {
        let nothing = Ok(Decided::Answer(Answer::Nothing));
        if self.aside.get(&row.case).is_some_and(|until| *until > now) {
            return nothing;
        }
        let Some(case) = self.load(row.case, &Scratch::default()).await? else {
            tracing::warn!(event = "timer_without_case", case = %row.case);
            return nothing;
        };
        if next_wake(&case) != Some(row.at) {
            // Either the case moved on in this very group, or the stored row is wrong and is put right.
            if !self.overlay.is_in_flight(case.id) {
                self.move_row(&case, row.at, draft);
            }
            return nothing;
        }
        self.wake(&case, row.at, now, draft).await?;
        nothing
    }

    /// Wakes a case whose wake-up is due; `false` where nothing came of it.
    pub(crate) async fn wake(
        &mut self,
        case: &Arc<Case>,
        at: Timestamp,
        now: Timestamp,
        draft: &mut Draft,
    ) -> Result<bool, Failure> {
        let event = Event {
            id: format!("wake:{}:{}", case.id, case.rev),
            case: case.id,
            occurred_at: at,
            by: Actor::system("timer"),
            note: None,
            expected_edit_rev: None,
            what: What::Wake,
        };
        let mut scratch = Scratch::default();
        let decided = self.run(&event, now, &mut scratch).await;
        match decided {
            Ok(ack) if ack.rev > case.rev => {
                self.accept(scratch, draft);
                Ok(true)
            }
            Ok(_) => {
                // Nothing to do, and the row still stands where the case says: asking again would change nothing.
                self.set_aside(case.id, now, "its wake-up finds nothing to do");
                Ok(false)
            }
            Err(Failure::Refused(error)) => {
                self.set_aside(case.id, now, &error.to_string());
                Ok(false)
            }
            Err(failure) => Err(failure),
        }
    }

    fn move_row(&mut self, case: &Arc<Case>, from: Timestamp, draft: &mut Draft) {
        let mut scratch = Scratch::default();
        scratch.commit_for(case.id).cases.push(CaseWrite {
            before: Some(case.clone()),
            case: case.clone(),
            journal: None,
            wake_before: Some(from),
            wake_after: next_wake(case),
        });
        self.accept(scratch, draft);
    }

    /// Leaves a case alone for an hour; its row stays, and health says so.
    pub(crate) fn set_aside(&mut self, case: CaseId, now: Timestamp, why: &str) {
        tracing::error!(event = "case_set_aside", %case, why);
        let until = now.saturating_add_millis(ASIDE_MILLIS);
        self.aside.insert(case, until);
    }

    /// Takes up cases again that were left alone for long enough, or until a time that the clock went back from.
    pub(crate) fn forget_aside(&mut self, now: Timestamp) {
        self.aside
            .retain(|_, until| *until > now && *until - now <= ASIDE_MILLIS);
    }

    /// What to answer for a case that cannot be read.
    pub(crate) fn unreadable(error: &qixian_store::Error) -> SubmitError {
        SubmitError::Unavailable(error.to_string())
    }
}
