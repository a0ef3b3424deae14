//! One turn: a bounded piece of work.

use std::collections::{HashMap, HashSet, VecDeque};
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use qixian_core::{CaseId, EventId, LegStatus, OutboxId};
use qixian_store::{
    Error, MessageQuery, OutboxEntry, OutboxRow, RecordWrite, Resolution, Seen, Store,
};
use qixian_time::{Clock, Timestamp};

use crate::decide::Failure;
use crate::inflight::Draft;
use crate::work::{Admin, Answer, Decided, Done, Input, Item, RecordJob, Work};
use crate::{Engine, SendJob, SubmitError};

/// Most groups in flight: one is written while the next is decided.
const GROUPS_IN_FLIGHT: usize = 2;
/// How far the clock may step back and still be taken for the time seen before.
const STEP_BACK_MILLIS: i64 = 60_000;
/// How long to wait after the store failed to read.
const STORE_PAUSE_MILLIS: i64 = 1_000;
/// Entries of a former process looked at per turn.
const RECOVERY_PAGE: usize = 100;

/// What a turn came to.
#[derive(Debug)]
pub enum Turn {
    /// Something was done; there may be more.
    Worked,
    /// Carry this out and bring back what became of it with [`crate::Handle::settle`].
    Send(SendJob),
    /// Nothing to do before then, unless an input comes ([`Engine::wait_input`]); `None`: before an input comes.
    IdleUntil(Option<Timestamp>),
}

/// What a turn has read beforehand.
#[derive(Default)]
struct Read {
    seen: HashMap<String, Result<Seen, Error>>,
    entries: HashMap<OutboxId, OutboxEntry>,
}

impl<S: Store, C: Clock> Engine<S, C> {
    /// Does one bounded piece of work. It awaits the store's reads only.
    pub async fn turn(&mut self) -> Turn {
        let now = self.observe();
        if let Some(until) = self.pause_until
            && until > now
            && until - now <= STORE_PAUSE_MILLIS
        {
            return Turn::IdleUntil(Some(until));
        }
        self.pause_until = None;
        match self.work(now).await {
            Ok(turn) => turn,
            Err(error) => {
                tracing::error!(event = "store_read_failed", %error);
                let until = now.saturating_add_millis(STORE_PAUSE_MILLIS);
                self.pause_until = Some(until);
                Turn::IdleUntil(Some(until))
            }
        }
    }

    /// Waits until there is something new for [`Engine::turn`]: an event, an outcome, or a ticket that resolved. Safe to
    /// drop and call again. While nothing more can be taken (the store could not be read) it waits for ever: the caller
    /// goes on at the instant that the turn named.
    pub async fn wait_input(&mut self) {
        // What can't be decided yet stays in the inbox, whose bound tells senders to come back later.
        let is_full =
            self.in_flight.len() >= GROUPS_IN_FLIGHT || self.backlog.len() >= self.most_waiting();
        let (inbox, outcomes, backlog) = (&mut self.inbox, &mut self.outcomes, &mut self.backlog);
        let mut admin = None;
        match self.in_flight.iter_mut().find(|g| g.resolution().is_none()) {
            Some(group) => {
                let mut resolved = None;
                {
                    let mut ticket = pin!(group.ticket.wait());
                    poll_fn(|cx| {
                        if let Poll::Ready(resolution) = ticket.as_mut().poll(cx) {
                            resolved = Some(resolution);
                            return Poll::Ready(());
                        }
                        if is_full {
                            return Poll::Pending;
                        }
                        poll_queues(inbox, outcomes, backlog, &mut admin, cx)
                    })
                    .await;
                }
                if let Some(resolution) = resolved {
                    group.resolve(resolution);
                }
            }
            None if is_full => std::future::pending().await,
            None => {
                poll_fn(|cx| poll_queues(inbox, outcomes, backlog, &mut admin, cx)).await;
            }
        }
        if let Some(admin) = admin {
            self.administer(admin);
        }
    }

    /// The present time; small steps back are not followed, so that what was handled stays in the past.
    fn observe(&mut self) -> Timestamp {
        let now = self.clock.now();
        if now >= self.latest || self.latest - now > STEP_BACK_MILLIS {
            self.latest = now;
        }
        self.latest
    }

    async fn work(&mut self, now: Timestamp) -> Result<Turn, Error> {
        self.look_at_room();
        // Jobs leave before later answers: who was told that a case is closed sees no message leave after that.
        if let Some(job) = self.ready.pop_front() {
            return Ok(self.hand_out(job));
        }
        if !self.to_answer.is_empty() {
            self.answer_on();
            return Ok(Turn::Worked);
        }
        if self.resolve().await? {
            return Ok(Turn::Worked);
        }
        self.take_inputs();
        self.look_ahead(now).await?;
        self.recover(now).await?;
        let oldest = self.timers.first().map(|row| row.at);
        let passed = (!self.is_without_room()).then_some(now);
        self.stats
            .see_timers(passed, oldest.filter(|at| *at <= now));
        self.forget_aside(now);
        let inbox = self.inbox.len() + self.backlog.len();
        let sends = self.dispatcher.in_flight();
        self.stats.see_queues(inbox, sends, self.aside.len());
        let doubtful = |r: &Resolution| *r != Resolution::Durable;
        let blocked = self.in_flight.len() >= GROUPS_IN_FLIGHT
            || self
                .in_flight
                .iter()
                .any(|g| g.resolution().is_some_and(doubtful));
        if blocked {
            return Ok(Turn::IdleUntil(None));
        }
        let batch = self.gather(now);
        if batch.is_empty() {
            return Ok(Turn::IdleUntil(self.next_look(now)));
        }
        self.decide_batch(batch, now).await
    }

    fn next_look(&self, now: Timestamp) -> Option<Timestamp> {
        if let Some(look) = self.next_look_for_room(now) {
            return Some(look);
        }
        if self.held || self.is_draining() {
            return None;
        }
        let looks = [self.timers.next_at(), self.due_messages.next_at()];
        let next = looks.into_iter().flatten().min();
        next.map(|at| at.max(now))
    }

    fn take_inputs(&mut self) {
        while let Ok(settled) = self.outcomes.try_recv() {
            self.backlog.push_back(Item {
                work: Work::Settle(settled),
                tries: 0,
            });
        }
        let most = self.most_waiting();
        while self.backlog.len() < most {
            let Ok(input) = self.inbox.try_recv() else {
                return;
            };
            match input.into_work() {
                Ok(work) => self.backlog.push_back(Item { work, tries: 0 }),
                Err(admin) => self.administer(admin),
            }
        }
    }

    fn administer(&mut self, admin: Admin) {
        match admin {
            Admin::Reload(setup) => {
                let mut setup = *setup;
                std::mem::swap(&mut self.setup.definitions, &mut setup.definitions);
                let newer = std::mem::replace(&mut self.setup, setup);
                self.setup.definitions.replace(newer.definitions);
            }
            Admin::Hold(held) => self.held = held,
            Admin::Look => {}
        }
    }

    /// Entries that a former process left under way are looked at once, page by page.
    async fn recover(&mut self, now: Timestamp) -> Result<(), Error> {
        if self.held || self.is_draining() || self.is_without_room() {
            return Ok(());
        }
        let Some(cursor) = self.recovery.clone() else {
            return Ok(());
        };
        let query = MessageQuery {
            case: None,
            status: Some(LegStatus::Sending),
        };
        let page = self
            .store
            .messages(&query, cursor.as_deref(), RECOVERY_PAGE);
        let page = match page.await {
            Err(error @ Error::Damaged { .. }) => {
                // The others are found when their leases end; the damaged one is for a person to see.
                tracing::error!(event = "message_unreadable", %error);
                self.recovery = None;
                return Ok(());
            }
            page => page?,
        };
        for entry in page.items {
            let id = entry.intent.id;
            let at = entry.next_at.unwrap_or(now);
            self.backlog.push_back(Item {
                work: Work::Dispatch(OutboxRow { at, id }),
                tries: 0,
            });
        }
        self.recovery = page.next.map(Some);
        Ok(())
    }

    /// Takes what the next group is to decide: people first, but timers and messages always have a share.
    fn gather(&mut self, now: Timestamp) -> VecDeque<Item> {
        if self.is_without_room() {
            return self.gather_answers();
        }
        let most = self.settings.group_items;
        let mut batch = VecDeque::with_capacity(most);
        self.gather_backlog(&mut batch, most * 5 / 8);
        if !self.held && !self.is_draining() {
            self.gather_wakes(&mut batch, most / 4, now);
            self.gather_messages(&mut batch, most / 8, now);
        }
        let room = most.saturating_sub(batch.len());
        self.gather_backlog(&mut batch, room);
        if !self.held && !self.is_draining() {
            let room = most.saturating_sub(batch.len());
            self.gather_wakes(&mut batch, room, now);
            let room = most.saturating_sub(batch.len());
            self.gather_messages(&mut batch, room, now);
        }
        batch
    }

    fn gather_backlog(&mut self, batch: &mut VecDeque<Item>, most: usize) {
        let count = most.min(self.backlog.len());
        batch.extend(self.backlog.drain(..count));
    }

    fn gather_wakes(&mut self, batch: &mut VecDeque<Item>, most: usize, now: Timestamp) {
        let rows = std::iter::from_fn(|| self.timers.take_due(now)).take(most);
        batch.extend(rows.map(|row| Item {
            work: Work::Wake(row),
            tries: 0,
        }));
    }

    fn gather_messages(&mut self, batch: &mut VecDeque<Item>, most: usize, now: Timestamp) {
        for row in self.dispatcher.unpark() {
            self.due_messages.put_back(row);
        }
        let rows = std::iter::from_fn(|| self.due_messages.take_due(now)).take(most);
        batch.extend(rows.map(|row| Item {
            work: Work::Dispatch(row),
            tries: 0,
        }));
    }

    async fn decide_batch(
        &mut self,
        mut batch: VecDeque<Item>,
        now: Timestamp,
    ) -> Result<Turn, Error> {
        self.overlay.next_turn();
        let read = match self.read_ahead(&batch).await {
            Ok(read) => read,
            Err(error) => {
                self.put_back(batch);
                return Err(error);
            }
        };
        let mut draft = Draft::new(self.last_group + 1);
        let mut failed = None;
        let mut waits = false;
        while let Some(item) = batch.pop_front() {
            match self.decide_item(&item, &read, now, &mut draft).await {
                Ok(Decided::Answer(answer)) => draft.done.push(Done { item, answer }),
                Ok(Decided::Wait) => {
                    waits = true;
                    batch.push_front(item);
                    break;
                }
                Err(Failure::Refused(error)) => {
                    let answer = Answer::Refused(error);
                    draft.done.push(Done { item, answer });
                }
                Err(Failure::Store(error @ Error::Damaged { .. })) => {
                    if let Some(case) = item.work.case() {
                        self.set_aside(case, now, &error.to_string());
                    }
                    let answer = Answer::Refused(Self::unreadable(&error));
                    draft.done.push(Done { item, answer });
                }
                Err(Failure::Store(error)) => {
                    failed = Some(error);
                    batch.push_front(item);
                    break;
                }
            }
            if draft.keys() >= self.settings.group_keys {
                break;
            }
        }
        self.put_back(batch);
        let idle = waits && draft.is_empty() && draft.done.is_empty();
        self.submit(draft);
        match failed {
            Some(error) => Err(error),
            None if idle => Ok(Turn::IdleUntil(None)),
            None => Ok(Turn::Worked),
        }
    }

    fn put_back(&mut self, items: VecDeque<Item>) {
        for item in items.into_iter().rev() {
            self.backlog.push_front(item);
        }
    }

    async fn decide_item(
        &mut self,
        item: &Item,
        read: &Read,
        now: Timestamp,
        draft: &mut Draft,
    ) -> Result<Decided, Failure> {
        match &item.work {
            Work::Event(submission) => self.decide_event(submission, &read.seen, now, draft).await,
            Work::DryRun(run) => self.decide_dry(&run.0, now, draft).await,
            Work::Wake(row) => self.decide_wake(*row, now, draft).await,
            Work::Dispatch(row) => self.decide_dispatch(*row, &read.entries, now, draft).await,
            Work::Settle(settled) => {
                let decided = self
                    .decide_settled(settled, &read.entries, now, draft)
                    .await?;
                // Only once: when its group fails it is decided again.
                if item.tries == 0 {
                    self.send_ended(settled.entry, &settled.provider);
                }
                Ok(decided)
            }
            Work::Untried(untried) => {
                let entries = &read.entries;
                let decided = self.decide_untried(untried, entries, now, draft).await?;
                if item.tries == 0 {
                    self.send_ended(untried.entry, &untried.provider);
                }
                Ok(decided)
            }
            Work::Retry(message, leg, _) => {
                let entries = &read.entries;
                self.decide_retry(*message, *leg, entries, now, draft).await
            }
            Work::Record(job) => self.decide_record(job, now, draft).await,
        }
    }

    async fn decide_record(
        &mut self,
        job: &RecordJob,
        now: Timestamp,
        draft: &mut Draft,
    ) -> Result<Decided, Failure> {
        // Records are few and not in the overlay: each is decided on durable ground.
        if !self.in_flight.is_empty() || !draft.is_empty() {
            return Ok(Decided::Wait);
        }
        let before = self.store.record(job.key.0, job.key.1).await?;
        let actual = before.as_ref().map_or(0, |record| record.rev);
        if actual != job.expected_rev {
            return Err(Failure::Refused(SubmitError::StaleRecord { actual }));
        }
        self.refuse_without_room()?;
        let mut after = job.after.clone();
        if let Some(record) = &mut after {
            record.rev = actual + 1;
            record.changed_at = now;
            (record.kind, record.id) = job.key;
        }
        let mut commit = qixian_store::Commit::default();
        commit.records.push(RecordWrite {
            before,
            after: after.clone(),
            key: job.key,
        });
        draft.push(commit);
        Ok(Decided::Answer(Answer::Record(after)))
    }

    /// Reads what the batch needs in as few calls as possible.
    async fn read_ahead(&mut self, batch: &VecDeque<Item>) -> Result<Read, Error> {
        let mut cases: HashSet<CaseId> = HashSet::new();
        let (mut keys, mut messages) = (Vec::new(), Vec::new());
        for item in batch {
            if let Some(case) = item.work.case()
                && self.overlay.case(case).is_none()
            {
                cases.insert(case);
            }
            match &item.work {
                Work::Event(submission) if submission.once.is_some() => {
                    keys.push(submission.event.id.clone());
                }
                Work::Dispatch(row) => messages.push(row.id),
                Work::Settle(settled) => messages.push(settled.entry),
                Work::Untried(untried) => messages.push(untried.entry),
                Work::Retry(message, ..) => messages.push(*message),
                _ => {}
            }
        }
        let cases: Vec<CaseId> = cases.into_iter().collect();
        self.read_cases(&cases).await?;
        Ok(Read {
            seen: self.read_seen(keys).await?,
            entries: self.read_entries(messages).await?,
        })
    }

    /// The known ones of these idempotency keys. One that can't be read is known with its error: its event is refused.
    async fn read_seen(
        &self,
        ids: Vec<EventId>,
    ) -> Result<HashMap<EventId, Result<Seen, Error>>, Error> {
        let mut read = HashMap::new();
        if ids.is_empty() {
            return Ok(read);
        }
        match self.store.seen(&ids).await {
            Ok(found) => {
                let known = ids.into_iter().zip(found);
                read.extend(known.filter_map(|(id, seen)| Some((id, Ok(seen?)))));
            }
            Err(Error::Damaged { .. }) => {
                for id in ids {
                    match self.store.seen(std::slice::from_ref(&id)).await {
                        Ok(found) => {
                            let seen = found.into_iter().flatten();
                            read.extend(seen.map(|seen| (id.clone(), Ok(seen))));
                        }
                        Err(error @ Error::Damaged { .. }) => {
                            read.insert(id, Err(error));
                        }
                        Err(error) => return Err(error),
                    }
                }
            }
            Err(error) => return Err(error),
        }
        Ok(read)
    }

    /// These outbox entries. One that can't be read is left out, so that it does not stop the others.
    async fn read_entries(
        &self,
        ids: Vec<OutboxId>,
    ) -> Result<HashMap<OutboxId, OutboxEntry>, Error> {
        let mut read = HashMap::new();
        if ids.is_empty() {
            return Ok(read);
        }
        match self.store.outbox(&ids).await {
            Ok(found) => {
                let known = ids.into_iter().zip(found);
                read.extend(known.filter_map(|(id, entry)| Some((id, entry?))));
            }
            Err(Error::Damaged { .. }) => {
                for id in ids {
                    match self.store.outbox(&[id]).await {
                        Ok(found) => read.extend(found.into_iter().flatten().map(|e| (id, e))),
                        Err(error @ Error::Damaged { .. }) => {
                            tracing::error!(event = "message_unreadable", message = %id, %error);
                        }
                        Err(error) => return Err(error),
                    }
                }
            }
            Err(error) => return Err(error),
        }
        Ok(read)
    }

    async fn read_cases(&mut self, ids: &[CaseId]) -> Result<(), Error> {
        if ids.is_empty() {
            return Ok(());
        }
        match self.store.cases(ids).await {
            Ok(found) => {
                for (id, case) in ids.iter().zip(found) {
                    match case {
                        Some(case) => self.overlay.cache(case),
                        None => self.overlay.note_absent(*id),
                    }
                }
                Ok(())
            }
            // One damaged record must not stop the others: each is then read by itself.
            Err(Error::Damaged { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Moves one input into the backlog, if there is one.
fn poll_queues(
    inbox: &mut tokio::sync::mpsc::Receiver<Input>,
    outcomes: &mut tokio::sync::mpsc::UnboundedReceiver<crate::Settled>,
    backlog: &mut VecDeque<Item>,
    admin: &mut Option<Admin>,
    cx: &mut std::task::Context<'_>,
) -> Poll<()> {
    if let Poll::Ready(Some(settled)) = outcomes.poll_recv(cx) {
        let work = Work::Settle(settled);
        backlog.push_back(Item { work, tries: 0 });
        return Poll::Ready(());
    }
    match inbox.poll_recv(cx) {
        Poll::Ready(Some(input)) => {
            match input.into_work() {
                Ok(work) => backlog.push_back(Item { work, tries: 0 }),
                Err(other) => *admin = Some(other),
            }
            Poll::Ready(())
        }
        _ => Poll::Pending,
    }
}
