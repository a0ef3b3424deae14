//! Deciding one piece of work on top of everything decided before it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use qixian_core::{
    Case, CaseId, Event, EventId, FieldProblem, JournalLine, LegStatus, Rejection, ReminderIntent,
    Step, Transition, What, Words, Workflow, next_wake, step,
};
use qixian_store::{
    CaseWrite, Commit, LegState, MessageQuery, OutboxEntry, OutboxRow, OutboxWrite, Seen, Store,
    TimerRow,
};
use qixian_time::{Clock, Timestamp};

use crate::definitions::DefinitionError;
use crate::horizon::Moved;
use crate::inflight::Draft;
use crate::reference;
use crate::work::{Answer, Decided, Submission};
use crate::{Ack, DryRun, Engine, SubmitError};

/// Most events one event may give rise to in other cases.
const FOLLOWUPS_MAX: usize = 100;
/// How long a chain of followups may be.
const DEPTH_MAX: usize = 8;
/// Most wake-ups done before one event.
const CATCH_UP_MAX: usize = 32;
/// Journal lines read at a time.
const LINES: usize = 500;
/// Most journal lines a correction may have to replay.
const HISTORY_MAX: usize = 20_000;

/// The writes of one decision, while it is being made.
#[derive(Default)]
pub(crate) struct Scratch {
    pub(crate) commits: Vec<Commit>,
}

/// Why a decision was not made.
pub(crate) enum Failure {
    /// The sender is told.
    Refused(SubmitError),
    /// The store failed; try again.
    Store(qixian_store::Error),
}

impl From<qixian_store::Error> for Failure {
    fn from(error: qixian_store::Error) -> Self {
        Failure::Store(error)
    }
}

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Self {
        Failure::Refused(error)
    }
}

impl From<Rejection> for Failure {
    fn from(rejection: Rejection) -> Self {
        Failure::Refused(rejection.into())
    }
}

impl Scratch {
    /// The case as this decision left it so far.
    fn case(&self, id: CaseId) -> Option<&Arc<Case>> {
        let writes = self.commits.iter().rev().flat_map(|c| c.cases.iter().rev());
        writes.map(|w| &w.case).find(|case| case.id == id)
    }

    /// The commit to write the next change of `case` to: a case stands in a commit once.
    pub(crate) fn commit_for(&mut self, case: CaseId) -> &mut Commit {
        let last = self.commits.last();
        if last.is_none_or(|c| c.cases.iter().any(|w| w.case.id == case)) {
            self.commits.push(Commit::default());
        }
        self.commits.last_mut().expect("one was just pushed")
    }

    fn lines(&self) -> impl Iterator<Item = &JournalLine> {
        let writes = self.commits.iter().flat_map(|c| &c.cases);
        writes.filter_map(|w| w.journal.as_ref())
    }
}

impl<S: Store, C: Clock> Engine<S, C> {
    /// Decides a person's event.
    pub(crate) async fn decide_event(
        &mut self,
        submission: &Submission,
        seen: &HashMap<EventId, Result<Seen, qixian_store::Error>>,
        now: Timestamp,
        draft: &mut Draft,
    ) -> Result<Decided, Failure> {
        let event = &submission.event;
        if let Some(digest) = &submission.once {
            let known = match (self.overlay.seen(&event.id), seen.get(&event.id)) {
                (Some(known), _) | (None, Some(Ok(known))) => Some(known.clone()),
                (None, Some(Err(error))) => return Err(Self::unreadable(error).into()),
                (None, None) => None,
            };
            if let Some(known) = known {
                return self.answer_again(&known, digest).await;
            }
        }
        self.refuse_without_room()?;
        self.catch_up(event, now, draft).await?;
        if self.needs_quiet(event) && !self.in_flight_is_quiet(event.case, draft) {
            return Ok(Decided::Wait);
        }
        let mut scratch = Scratch::default();
        let saved = self.numbering;
        let decided = self.run(event, now, &mut scratch).await;
        let ack = match decided {
            Ok(ack) => ack,
            Err(failure) => {
                self.numbering = saved;
                return Err(failure);
            }
        };
        if let Some(digest) = submission.once {
            scratch.commits[0].seen = Some(Seen {
                id: event.id.clone(),
                digest,
                case: event.case,
                rev: ack.rev,
                at: now,
            });
        }
        self.accept(scratch, draft);
        Ok(Decided::Answer(Answer::Ack(ack)))
    }

    /// What the event would do; nothing is kept.
    pub(crate) async fn decide_dry(
        &mut self,
        event: &Event,
        now: Timestamp,
        draft: &mut Draft,
    ) -> Result<Decided, Failure> {
        self.catch_up(event, now, draft).await?;
        if matches!(event.what, What::Correct { .. }) && !self.in_flight_is_quiet(event.case, draft)
        {
            return Ok(Decided::Wait);
        }
        let mut scratch = Scratch::default();
        let saved = self.numbering;
        let decided = self.run(event, now, &mut scratch).await;
        self.numbering = saved;
        let ack = decided?;
        let first = scratch.lines().next();
        let messages = scratch.commits.iter().flat_map(|c| &c.outbox);
        let others = scratch.commits.iter().flat_map(|c| &c.cases);
        Ok(Decided::Answer(Answer::DryRun(DryRun {
            deadlines: first.map_or_else(Vec::new, |line| line.deadlines.clone()),
            messages: messages.map(|write| write.entry.intent.clone()).collect(),
            others: others
                .map(|write| write.case.clone())
                .filter(|case| case.id != event.case)
                .collect(),
            case: ack.case,
        })))
    }

    async fn answer_again(&mut self, known: &Seen, digest: &[u8; 32]) -> Result<Decided, Failure> {
        if known.digest != *digest {
            return Err(Failure::Refused(SubmitError::IdempotencyMismatch));
        }
        let case = self
            .load(known.case, &Scratch::default())
            .await?
            .ok_or(Failure::Refused(SubmitError::UnknownCase(known.case)))?;
        Ok(Decided::Answer(Answer::Ack(Ack {
            case,
            rev: known.rev,
            repeated: true,
        })))
    }

    /// Work that is due on the event's case is done before the event, whatever becomes of the event then.
    async fn catch_up(
        &mut self,
        event: &Event,
        now: Timestamp,
        draft: &mut Draft,
    ) -> Result<(), Failure> {
        let waits = self.held || self.is_without_room();
        if waits || matches!(event.what, What::Start(_)) || !event.what.is_from_people() {
            return Ok(());
        }
        for _ in 0..CATCH_UP_MAX {
            let Some(case) = self.load(event.case, &Scratch::default()).await? else {
                return Ok(());
            };
            let due = next_wake(&case).filter(|at| *at <= now);
            let Some(at) = due else { return Ok(()) };
            if !self.wake(&case, at, now, draft).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Whether the event reads records that the overlay cannot show.
    fn needs_quiet(&self, event: &Event) -> bool {
        matches!(event.what, What::Correct { .. } | What::Release)
    }

    fn in_flight_is_quiet(&self, case: CaseId, draft: &Draft) -> bool {
        !self.overlay.is_in_flight(case) && draft.is_empty() && self.in_flight.is_empty()
    }

    /// Decides `event` and everything it gives rise to in other cases.
    pub(crate) async fn run(
        &mut self,
        event: &Event,
        now: Timestamp,
        scratch: &mut Scratch,
    ) -> Result<Ack, Failure> {
        let prepared = self.prepare(event, now).await?;
        let event = prepared.as_ref().unwrap_or(event);
        let followups = self.apply(event, now, scratch).await?;
        let Some(followups) = followups else {
            // Accepted without effect (a recomputation that moves nothing): the case is its own answer.
            let case = self.load(event.case, scratch).await?;
            let case = case.ok_or(Failure::Refused(SubmitError::UnknownCase(event.case)))?;
            scratch.commits.push(Commit::default());
            let rev = case.rev;
            return Ok(Ack {
                case,
                rev,
                repeated: false,
            });
        };
        if matches!(event.what, What::Release) {
            self.release_held(event.case, now, scratch).await?;
        }
        let case = scratch.case(event.case).cloned();
        let case = case.ok_or(Failure::Refused(SubmitError::UnknownCase(event.case)))?;
        self.follow(followups, now, scratch).await?;
        Ok(Ack {
            rev: case.rev,
            case,
            repeated: false,
        })
    }

    async fn follow(
        &mut self,
        first: Vec<Event>,
        now: Timestamp,
        scratch: &mut Scratch,
    ) -> Result<(), Failure> {
        let mut queue: VecDeque<(Event, usize)> = first.into_iter().map(|e| (e, 1)).collect();
        let mut done = 0;
        while let Some((event, depth)) = queue.pop_front() {
            done += 1;
            let starts = matches!(event.what, What::Start(_));
            if done > FOLLOWUPS_MAX || depth > DEPTH_MAX {
                let problem = Words::new(
                    format!("会牵动 {FOLLOWUPS_MAX} 个以上的案件，或超过 {DEPTH_MAX} 层"),
                    format!("more than {FOLLOWUPS_MAX} cases or {DEPTH_MAX} levels"),
                );
                return Err(invalid("/event", problem).into());
            }
            let prepared = self.prepare(&event, now).await?;
            let event = prepared.as_ref().unwrap_or(&event);
            match self.apply(event, now, scratch).await {
                Ok(more) => queue.extend(more.into_iter().flatten().map(|e| (e, depth + 1))),
                Err(Failure::Refused(error)) if !starts => {
                    tracing::info!(event = "followup_dropped", case = %event.case, what = event.what.name(), %error);
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(())
    }

    /// One call of `step`, its writes put into `scratch`; answers the followups, or `None` where nothing changed.
    async fn apply(
        &mut self,
        event: &Event,
        now: Timestamp,
        scratch: &mut Scratch,
    ) -> Result<Option<Vec<Event>>, Failure> {
        let case = self.load(event.case, scratch).await?;
        let workflow = self.workflow_for(event, case.as_deref()).await?;
        match step(&self.setup.env, &workflow, case.as_deref(), event, now)? {
            Step::Nothing => Ok(None),
            Step::Changed(transition) => {
                Ok(Some(self.write(case, &workflow, *transition, scratch)))
            }
        }
    }

    fn write(
        &mut self,
        before: Option<Arc<Case>>,
        workflow: &Workflow,
        transition: Transition,
        scratch: &mut Scratch,
    ) -> Vec<Event> {
        let Transition {
            case,
            journal,
            outbox,
            followups,
            ..
        } = transition;
        let begun = before.is_none();
        let wake_after = next_wake(&case);
        let commit = scratch.commit_for(case.id);
        if begun && let Some(text) = self.setup.definitions.text_to_store(&case, workflow) {
            commit.definitions.push(text);
        }
        commit.outbox.extend(outbox.into_iter().map(new_entry));
        commit.cases.push(CaseWrite {
            wake_before: before.as_deref().and_then(next_wake),
            wake_after,
            before,
            case: Arc::new(case),
            journal: Some(journal),
        });
        followups
    }

    /// Puts into the event what only the engine knows; `None` where nothing is missing.
    async fn prepare(&mut self, event: &Event, now: Timestamp) -> Result<Option<Event>, Failure> {
        match &event.what {
            What::Start(start) => {
                let mut start = start.clone();
                if start.pack.id.is_empty() {
                    start.pack = self.setup.pack.clone();
                }
                if start.reference.is_empty() {
                    let (store, overlay) = (&*self.store, &self.overlay);
                    start.reference = self.numbering.next(now, store, overlay).await?;
                } else {
                    self.refuse_taken(&start.reference).await?;
                }
                let what = What::Start(start);
                Ok(Some(Event {
                    what,
                    ..event.clone()
                }))
            }
            What::Edit {
                reference: Some(reference),
                ..
            } => {
                let case = self.load(event.case, &Scratch::default()).await?;
                if case.is_some_and(|case| case.reference != *reference) {
                    self.refuse_taken(reference).await?;
                }
                Ok(None)
            }
            What::Correct {
                seq,
                change,
                reason,
                ..
            } => {
                let history = Some(self.history(event.case).await?.into());
                let what = What::Correct {
                    seq: *seq,
                    change: change.clone(),
                    reason: reason.clone(),
                    history,
                };
                Ok(Some(Event {
                    what,
                    ..event.clone()
                }))
            }
            _ => Ok(None),
        }
    }

    async fn refuse_taken(&self, wanted: &str) -> Result<(), Failure> {
        if reference::is_taken(wanted, &*self.store, &self.overlay).await? {
            let problem = Words::new("已有案件用这个编号", "another case has this reference");
            return Err(invalid("/reference", problem).into());
        }
        Ok(())
    }

    async fn history(&self, case: CaseId) -> Result<Vec<JournalLine>, Failure> {
        let mut lines: Vec<JournalLine> = Vec::new();
        loop {
            let after = lines.last().map_or(0, |line| line.seq);
            let page = self.store.journal(case, after, LINES).await?;
            let full = page.len() == LINES;
            lines.extend(page);
            if !full {
                return Ok(lines);
            }
            if lines.len() > HISTORY_MAX {
                let problem = Words::new(
                    format!("案件的记录超过 {HISTORY_MAX} 行"),
                    format!("the case has more than {HISTORY_MAX} journal lines"),
                );
                return Err(invalid("/seq", problem).into());
            }
        }
    }

    async fn workflow_for(
        &mut self,
        event: &Event,
        case: Option<&Case>,
    ) -> Result<Arc<Workflow>, Failure> {
        let unknown = |id: &str| Failure::Refused(SubmitError::UnknownWorkflow(id.to_owned()));
        match (case, &event.what) {
            (Some(case), _) => match self.setup.definitions.of(case, &*self.store).await {
                Ok(workflow) => Ok(workflow),
                Err(DefinitionError::Store(error)) => Err(error.into()),
                Err(error) => Err(Failure::Refused(SubmitError::Unavailable(
                    error.to_string(),
                ))),
            },
            (None, What::Start(start)) => {
                let newest = self.setup.definitions.newest(&start.workflow);
                newest.cloned().ok_or_else(|| unknown(&start.workflow))
            }
            (None, _) => Err(Failure::Refused(SubmitError::UnknownCase(event.case))),
        }
    }

    /// Messages held since a mid-way start may go.
    async fn release_held(
        &mut self,
        case: CaseId,
        now: Timestamp,
        scratch: &mut Scratch,
    ) -> Result<(), Failure> {
        let query = MessageQuery {
            case: Some(case),
            status: Some(LegStatus::Held),
        };
        let mut cursor: Option<String> = None;
        loop {
            let page = self
                .store
                .messages(&query, cursor.as_deref(), LINES)
                .await?;
            let commit = scratch.commits.last_mut();
            let commit = commit.expect("the release itself was written before");
            commit
                .outbox
                .extend(page.items.into_iter().map(|entry| released(entry, now)));
            cursor = page.next;
            if cursor.is_none() {
                return Ok(());
            }
        }
    }

    /// The case as decided so far: by this decision, by those before, or as stored.
    pub(crate) async fn load(
        &mut self,
        id: CaseId,
        scratch: &Scratch,
    ) -> Result<Option<Arc<Case>>, qixian_store::Error> {
        if let Some(case) = scratch.case(id) {
            return Ok(Some(case.clone()));
        }
        if let Some(case) = self.overlay.case(id) {
            return Ok(Some(case));
        }
        if self.overlay.is_absent(id) {
            return Ok(None);
        }
        let found = self.store.cases(&[id]).await?.into_iter().next().flatten();
        if let Some(case) = &found {
            self.overlay.cache(case.clone());
        }
        Ok(found)
    }

    /// Takes a decision into the group being made: later ones build on it.
    pub(crate) fn accept(&mut self, scratch: Scratch, draft: &mut Draft) {
        for commit in scratch.commits {
            if commit == Commit::default() {
                continue;
            }
            for write in &commit.cases {
                let case = write.case.id;
                let row = |at: Timestamp| TimerRow { at, case };
                let moved = Moved {
                    from: write.wake_before.map(row),
                    to: write.wake_after.map(row),
                };
                self.timers.follow(moved);
                draft.timers.push(moved);
            }
            for write in &commit.outbox {
                let id = write.entry.intent.id;
                let row = |at: Timestamp| OutboxRow { at, id };
                let moved = Moved {
                    from: write.due_before.map(row),
                    to: write.entry.next_at.map(row),
                };
                self.due_messages.follow(moved);
                draft.messages.push(moved);
            }
            self.overlay.apply(&commit, draft.no, &mut draft.touched);
            draft.push(commit);
        }
    }
}

fn invalid(pointer: &str, detail: Words) -> Rejection {
    Rejection::Invalid(vec![FieldProblem {
        pointer: pointer.to_owned(),
        detail,
    }])
}

fn new_entry(intent: ReminderIntent) -> OutboxWrite {
    let (status, next_at) = if intent.held {
        (LegStatus::Held, None)
    } else {
        (LegStatus::Queued, Some(intent.created_at))
    };
    let leg = LegState {
        status,
        channel: 0,
        next_at,
        attempts: Vec::new(),
        receipt: None,
    };
    OutboxWrite {
        due_before: None,
        entry: OutboxEntry {
            legs: vec![leg; intent.legs.len()],
            next_at: next_at.filter(|_| !intent.legs.is_empty()),
            intent,
        },
    }
}

fn released(mut entry: OutboxEntry, now: Timestamp) -> OutboxWrite {
    let due_before = entry.next_at;
    for leg in entry
        .legs
        .iter_mut()
        .filter(|l| l.status == LegStatus::Held)
    {
        leg.status = LegStatus::Queued;
        leg.next_at = Some(now);
    }
    entry.next_at = Some(now);
    OutboxWrite { due_before, entry }
}
