//! Groups: being made, under way, and what becomes of them.

use qixian_core::{CaseId, EventId, Rev};
use qixian_store::{
    Commit, Group, OutboxEntry, OutboxRow, OutboxWrite, Record, RecordKind, RecordWrite, Refusal,
    Resolution, Store, Ticket, TimerRow,
};
use qixian_time::Clock;

use crate::Engine;
use crate::horizon::Moved;
use crate::overlay::{GroupNo, Touched};
use crate::stats::Count;
use crate::work::{Answer, Done};

/// How long to wait after the store refused a group for want of room or time.
const REFUSED_PAUSE_MILLIS: i64 = 200;

/// A group being made.
pub(crate) struct Draft {
    pub(crate) no: GroupNo,
    commits: Vec<Commit>,
    keys: usize,
    pub(crate) touched: Touched,
    pub(crate) timers: Vec<Moved<TimerRow>>,
    pub(crate) messages: Vec<Moved<OutboxRow>>,
    pub(crate) done: Vec<Done>,
}

/// A submitted group and what hangs on it.
pub(crate) struct InFlight {
    pub(crate) no: GroupNo,
    pub(crate) ticket: Ticket,
    resolution: Option<Resolution>,
    touched: Touched,
    pub(crate) timers: Vec<Moved<TimerRow>>,
    pub(crate) messages: Vec<Moved<OutboxRow>>,
    pub(crate) done: Vec<Done>,
    trace: Trace,
    /// Whether it only writes something again to learn that an earlier group is durable.
    confirms: bool,
}

/// By what one can see in the store whether a group took effect.
#[derive(Clone, Debug)]
enum Trace {
    Line(CaseId, Rev, EventId),
    Entry(Box<OutboxEntry>),
    Record((RecordKind, CaseId), Option<Box<Record>>),
    /// Only rows moved: doing it again does no harm.
    None,
}

impl InFlight {
    /// What became of it, once known.
    pub(crate) fn resolution(&self) -> Option<&Resolution> {
        self.resolution.as_ref()
    }

    /// Notes what became of it; the next turn acts on it.
    pub(crate) fn resolve(&mut self, resolution: Resolution) {
        self.resolution = Some(resolution);
    }
}

impl Draft {
    pub(crate) fn new(no: GroupNo) -> Self {
        Self {
            no,
            commits: Vec::new(),
            keys: 0,
            touched: Touched::default(),
            timers: Vec::new(),
            messages: Vec::new(),
            done: Vec::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.commits.is_empty()
    }

    /// Roughly how many keys it writes.
    pub(crate) fn keys(&self) -> usize {
        self.keys
    }

    pub(crate) fn push(&mut self, commit: Commit) {
        self.keys += 5 * commit.cases.len() + 2 * commit.outbox.len();
        self.keys += 2 * usize::from(commit.seen.is_some()) + 3 * commit.records.len();
        self.commits.push(commit);
    }

    fn trace(&self) -> Trace {
        let lines = self.commits.iter().flat_map(|c| &c.cases);
        if let Some((case, line)) = lines
            .filter_map(|w| Some((w.case.id, w.journal.as_ref()?)))
            .next()
        {
            return Trace::Line(case, line.seq, line.id.clone());
        }
        if let Some(write) = self.commits.iter().flat_map(|c| &c.outbox).next_back() {
            return Trace::Entry(Box::new(write.entry.clone()));
        }
        match self.commits.iter().flat_map(|c| &c.records).next_back() {
            Some(write) => Trace::Record(write.key, write.after.clone().map(Box::new)),
            None => Trace::None,
        }
    }
}

impl<S: Store, C: Clock> Engine<S, C> {
    /// Hands a group to the store; without anything to write its answers wait for what they read.
    pub(crate) fn submit(&mut self, draft: Draft) {
        if draft.is_empty() {
            match self.in_flight.back_mut() {
                Some(last) => last.done.extend(draft.done),
                None => self.deliver(draft.done),
            }
            return;
        }
        let trace = draft.trace();
        self.last_group = draft.no;
        let ticket = self.store.submit(Group {
            commits: draft.commits,
        });
        self.in_flight.push_back(InFlight {
            no: draft.no,
            ticket,
            resolution: None,
            touched: draft.touched,
            timers: draft.timers,
            messages: draft.messages,
            done: draft.done,
            trace,
            confirms: false,
        });
    }

    /// Looks what became of the groups in flight; `true` where something was dealt with.
    pub(crate) async fn resolve(&mut self) -> Result<bool, qixian_store::Error> {
        for group in &mut self.in_flight {
            if group.resolution.is_none() {
                group.resolution = group.ticket.poll_now();
            }
        }
        match self.in_flight.front().and_then(|g| g.resolution.as_ref()) {
            None => Ok(false),
            Some(Resolution::Durable) => {
                self.front_is_durable();
                Ok(true)
            }
            // What was built on a doubtful group is doubtful: everything in flight is settled together.
            Some(_) if self.in_flight.iter().any(|g| g.resolution.is_none()) => Ok(false),
            Some(_) => {
                self.settle_doubt().await?;
                Ok(true)
            }
        }
    }

    fn front_is_durable(&mut self) {
        if let Some(group) = self.in_flight.pop_front() {
            self.stats.add(Count::Groups, 1);
            self.overlay.durable(&group.touched, group.no);
            self.deliver(group.done);
        }
    }

    /// The front group was refused or its fate is unknown, and all later ones have their answer too.
    async fn settle_doubt(&mut self) -> Result<(), qixian_store::Error> {
        let effects = self.effects().await?;
        // Groups become durable in order: what stands before a durable one is durable too.
        let known = self.last_durable();
        let mut confirmations = Vec::new();
        for (place, group) in self.in_flight.iter().enumerate() {
            let doubtful = effects[place] && known.is_none_or(|last| place > last);
            confirmations.push(if doubtful {
                self.confirmation(group).await?
            } else {
                Commit::default()
            });
        }
        // From here on nothing can fail: no item may be lost.
        self.overlay.clear();
        self.timers.reset();
        self.due_messages.reset();
        self.setup.definitions.doubt();
        self.numbering = Default::default();
        let groups: Vec<InFlight> = self.in_flight.drain(..).collect();
        let (mut again, mut confirm) = (Vec::new(), Vec::new());
        let mut why = String::new();
        let found = effects.into_iter().zip(confirmations);
        for (place, (mut group, (effect, commit))) in groups.into_iter().zip(found).enumerate() {
            let refused = matches!(&group.resolution, Some(Resolution::Refused(_)));
            match &group.resolution {
                Some(Resolution::Refused(refusal)) => {
                    self.stats.add(Count::Refused, 1);
                    if let Refusal::Unavailable(_) = refusal {
                        let until = self.latest.saturating_add_millis(REFUSED_PAUSE_MILLIS);
                        self.pause_until = Some(until);
                    }
                    why = said(refusal);
                }
                Some(Resolution::Unknown(reason)) => {
                    self.stats.add(Count::Unknown, 1);
                    why.clone_from(reason);
                }
                Some(Resolution::Durable) | None => {}
            }
            if effect && known.is_some_and(|last| place <= last) {
                group.resolution = Some(Resolution::Durable);
                self.in_flight.push_back(group);
                continue;
            }
            tracing::warn!(
                event = "group_doubtful",
                group = group.no,
                refused,
                effect,
                why
            );
            if effect {
                confirm.push((group, commit));
            } else {
                self.undo_sends(&group.done);
                again.extend(group.done.into_iter().map(|done| done.item));
            }
        }
        self.decide_again(again, &why);
        for (group, commit) in confirm {
            self.confirm(group, commit);
        }
        Ok(())
    }

    /// Which groups in flight took effect. They do so in order: where a later one did, the earlier ones did, though what
    /// they wrote may be overwritten by now.
    async fn effects(&self) -> Result<Vec<bool>, qixian_store::Error> {
        let mut effects = vec![false; self.in_flight.len()];
        let mut later_did = false;
        for (place, group) in self.in_flight.iter().enumerate().rev() {
            let is_effective = later_did
                || match &group.resolution {
                    Some(Resolution::Durable) => true,
                    Some(Resolution::Refused(_)) if !group.confirms => false,
                    _ => self.took_effect(group).await?,
                };
            effects[place] = is_effective;
            later_did = is_effective;
        }
        Ok(effects)
    }

    fn last_durable(&self) -> Option<usize> {
        let mut groups = self.in_flight.iter();
        groups.rposition(|g| g.resolution == Some(Resolution::Durable))
    }

    /// Whether a group whose answer was lost is in the store.
    async fn took_effect(&self, group: &InFlight) -> Result<bool, qixian_store::Error> {
        match &group.trace {
            Trace::Line(case, seq, id) => {
                let lines = self.store.journal(*case, seq.saturating_sub(1), 1).await?;
                let found = lines.first();
                Ok(found.is_some_and(|line| line.seq == *seq && line.id == *id))
            }
            Trace::Entry(entry) => {
                let found = self.store.outbox(&[entry.intent.id]).await?;
                Ok(found.into_iter().flatten().next().as_ref() == Some(entry))
            }
            Trace::Record((kind, id), after) => {
                let found = self.store.record(*kind, *id).await?;
                Ok(found.as_ref() == after.as_deref())
            }
            Trace::None => Ok(false),
        }
    }

    /// One of the records of a group that took effect, to be written once more unchanged.
    async fn confirmation(&self, group: &InFlight) -> Result<Commit, qixian_store::Error> {
        let mut commit = Commit::default();
        match &group.trace {
            Trace::Line(case, ..) => {
                let found = self.store.cases(&[*case]).await?;
                if let Some(case) = found.into_iter().flatten().next() {
                    let row = qixian_core::next_wake(&case);
                    commit.cases.push(qixian_store::CaseWrite {
                        before: Some(case.clone()),
                        case,
                        journal: None,
                        wake_before: row,
                        wake_after: row,
                    });
                }
            }
            Trace::Entry(entry) => {
                // As it is now: a later group that took effect too may have changed it since.
                let found = self.store.outbox(&[entry.intent.id]).await?;
                let writes = found.into_iter().flatten().map(|entry| OutboxWrite {
                    due_before: entry.next_at,
                    entry,
                });
                commit.outbox.extend(writes);
            }
            Trace::Record(key, after) => commit.records.push(RecordWrite {
                before: after.as_deref().cloned(),
                after: after.as_deref().cloned(),
                key: *key,
            }),
            Trace::None => {}
        }
        Ok(commit)
    }

    /// A group is seen in the store, but nobody said that it is durable: `commit` says once more what it wrote, and the
    /// answers leave when *that* is durable, since groups become durable in order.
    fn confirm(&mut self, group: InFlight, commit: Commit) {
        let ticket = self.store.submit(Group {
            commits: vec![commit],
        });
        self.last_group += 1;
        let no = self.last_group;
        self.in_flight.push_back(InFlight {
            no,
            ticket,
            resolution: None,
            confirms: true,
            ..group
        });
    }

    /// Sends that were decided but never leave give their places back.
    fn undo_sends(&mut self, done: &[Done]) {
        for done in done {
            if let Answer::Jobs(jobs) = &done.answer {
                for job in jobs {
                    self.send_ended(job.entry, job.provider.name());
                }
            }
        }
    }
}

fn said(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Conflict(why) | Refusal::Unavailable(why) | Refusal::TooLarge(why) => why.clone(),
    }
}
