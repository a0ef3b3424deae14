//! The case being changed, and everything the change gives rise to.

use qixian_time::{Timestamp, WorkCalendar};

use super::Transition;
use crate::definition::{DeadlineDef, MissedThen};
use crate::guard::{GuardScope, Verdict};
use crate::{
    Case, ClockState, Deadline, DeadlineChange, Env, Event, Fields, JournalLine, OutboxId,
    Rejection, ReminderIntent, Rev, RungState, Words, Workflow,
};

/// A case under change. The event decides once; what it did is read off the difference by [`Draft::finish`].
pub(super) struct Draft<'a> {
    pub(super) env: &'a Env,
    pub(super) workflow: &'a Workflow,
    pub(super) event: &'a Event,
    pub(super) now: Timestamp,
    pub(super) case: Case,
    /// The journal's name for the event.
    pub(super) name: String,
    /// When it happened: the event's own time, or the due time of a miss.
    pub(super) occurred_at: Timestamp,
    /// Words of our own for the journal, where the sender gave none.
    pub(super) note: Option<String>,
    pub(super) outbox: Vec<ReminderIntent>,
    pub(super) followups: Vec<Event>,
    pub(super) taken: Vec<usize>,
    pub(super) children_started: u32,
    /// A deadline that cannot be computed does not refuse the event but waits, flagged: for our own timers, which
    /// must not fail for ever.
    pub(super) lenient: bool,
    before: Option<&'a Case>,
}

/// A place in the making of a draft.
pub(super) struct Mark {
    case: Case,
    lengths: [usize; 3],
    children_started: u32,
}

impl<'a> Draft<'a> {
    /// A draft of an existing case.
    pub(super) fn of(
        env: &'a Env,
        workflow: &'a Workflow,
        case: &'a Case,
        event: &'a Event,
        now: Timestamp,
    ) -> Self {
        Self {
            before: Some(case),
            ..Self::new(env, workflow, case.clone(), event, now)
        }
    }

    /// A draft of a case that begins.
    pub(super) fn new(
        env: &'a Env,
        workflow: &'a Workflow,
        case: Case,
        event: &'a Event,
        now: Timestamp,
    ) -> Self {
        Self {
            env,
            workflow,
            event,
            now,
            case,
            name: event.what.name().to_owned(),
            occurred_at: event.occurred_at,
            note: None,
            outbox: Vec::new(),
            followups: Vec::new(),
            taken: Vec::new(),
            children_started: 0,
            lenient: !event.what.is_from_people(),
            before: None,
        }
    }

    /// The case as it was before the event.
    pub(super) fn before(&self) -> Option<&'a Case> {
        self.before
    }

    /// The `seq` of the journal line being made.
    pub(super) fn seq(&self) -> Rev {
        self.before.map_or(0, |case| case.rev) + 1
    }

    /// The id of the next outbox entry.
    pub(super) fn next_outbox_id(&self) -> OutboxId {
        let index = u16::try_from(self.outbox.len())
            .expect("the number of messages of one event is bounded by the file's limits");
        OutboxId {
            case: self.case.id,
            seq: self.seq(),
            index,
        }
    }

    /// The calendar a deadline counts working days in.
    pub(super) fn calendar(&self, def: &DeadlineDef) -> Option<&'a WorkCalendar> {
        self.env
            .calendars
            .get(def.calendar.as_deref().unwrap_or(&self.workflow.calendar))
    }

    /// Whether the named guard answers `wanted` for these fields.
    pub(super) fn guard_answers(
        &self,
        name: &str,
        wanted: bool,
        fields: &Fields,
    ) -> Result<bool, Rejection> {
        let Some(def) = self.workflow.guards.get(name) else {
            return Err(Rejection::GuardFailed {
                guard: name.to_owned(),
                reason: Words::new("没有这个条件", "there is no such guard"),
            });
        };
        let scope = GuardScope {
            fields,
            state: &self.case.state,
            round: self.case.round,
            flags: &self.case.flags,
            pack: &self.case.pack,
            on: self.workflow.zone.date_of(self.occurred_at),
        };
        match def.when.eval(self.env, &self.workflow.params, &scope) {
            Verdict::Holds => Ok(wanted),
            Verdict::Fails => Ok(!wanted),
            Verdict::Unknown => Ok(def.unknown == wanted),
            Verdict::Error(reason) => Err(Rejection::GuardFailed {
                guard: name.to_owned(),
                reason,
            }),
        }
    }

    /// Where the draft stands, to come back to with [`Draft::back_to`].
    pub(super) fn mark(&self) -> Mark {
        Mark {
            case: self.case.clone(),
            lengths: [self.outbox.len(), self.followups.len(), self.taken.len()],
            children_started: self.children_started,
        }
    }

    /// Takes back everything done since `mark`.
    pub(super) fn back_to(&mut self, mark: Mark) {
        let [outbox, followups, taken] = mark.lengths;
        self.case = mark.case;
        self.outbox.truncate(outbox);
        self.followups.truncate(followups);
        self.taken.truncate(taken);
        self.children_started = mark.children_started;
    }

    /// The index of the deadline of this name, if it was ever begun.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.case.deadlines.iter().position(|d| d.name == name)
    }

    /// Puts `deadline` in the place of its predecessor of the same name.
    pub(super) fn put_deadline(&mut self, deadline: Deadline) -> usize {
        match self.position(&deadline.name) {
            Some(i) => {
                self.case.deadlines[i] = deadline;
                i
            }
            None => {
                self.case.deadlines.push(deadline);
                self.case.deadlines.len() - 1
            }
        }
    }

    /// The transition this draft amounts to.
    pub(super) fn finish(mut self) -> Transition {
        self.settle_rungs();
        self.settle_flags();
        let seq = self.seq();
        let from = self
            .before
            .map_or_else(|| self.case.state.clone(), |case| case.state.clone());
        let edit_rev = self.before.map_or(0, |case| case.edit_rev);
        let edited = self.event.what.is_from_people() || from != self.case.state;
        self.case.rev = seq;
        self.case.edit_rev = edit_rev + Rev::from(edited);
        let deadlines = deadline_changes(
            self.before.map_or(&[], |case| &case.deadlines),
            &self.case.deadlines,
        );
        let journal = JournalLine {
            seq,
            id: self.event.id.clone(),
            event: self.name,
            from,
            to: self.case.state.clone(),
            occurred_at: self.occurred_at,
            recorded_at: self.now,
            by: self.event.by.clone(),
            note: self.event.note.clone().or(self.note),
            what: self.event.what.clone(),
            deadlines,
        };
        Transition {
            case: self.case,
            journal,
            outbox: self.outbox,
            followups: self.followups,
            taken: self.taken,
        }
    }

    /// Rungs of a deadline that can no longer fire are moot.
    fn settle_rungs(&mut self) {
        for deadline in &mut self.case.deadlines {
            let alive = deadline.clock.is_open() || deadline.clock == ClockState::Missed;
            if !alive {
                for rung in deadline
                    .rungs
                    .iter_mut()
                    .filter(|r| r.state == RungState::Pending)
                {
                    rung.state = RungState::Moot;
                }
                deadline.assume_at = None;
            }
        }
    }

    /// The flags are those of missed deadlines whose states the case is still in.
    fn settle_flags(&mut self) {
        let (workflow, case) = (self.workflow, &self.case);
        let mut flags = Vec::new();
        for deadline in case
            .deadlines
            .iter()
            .filter(|d| d.clock == ClockState::Missed)
        {
            let Some(def) = workflow.deadlines.get(&deadline.name) else {
                continue;
            };
            let live = def.states.is_empty() || def.states.contains(&case.state);
            if let Some(MissedThen::Flag(flag)) = def.missed.as_ref().map(|m| &m.then)
                && live
                && !flags.contains(flag)
            {
                flags.push(flag.clone());
            }
        }
        self.case.flags = flags;
    }
}

/// What changed between two lists of deadlines, in the order of the new one.
fn deadline_changes(before: &[Deadline], after: &[Deadline]) -> Vec<DeadlineChange> {
    let mut changes = Vec::new();
    for now in after {
        let was = before.iter().find(|d| d.name == now.name);
        let replaced = was.filter(|was| was.generation != now.generation);
        if let Some(was) = replaced.filter(|was| was.clock.is_open()) {
            changes.push(change(was, ClockState::Superseded, None));
        }
        let same = was.filter(|was| was.generation == now.generation);
        let unchanged = same.is_some_and(|was| {
            was.clock == now.clock && was.due_at == now.due_at && was.provisional == now.provisional
        });
        if !unchanged {
            changes.push(change(
                now,
                now.clock,
                was.and_then(|w| w.due_at)
                    .filter(|was| Some(*was) != now.due_at),
            ));
        }
    }
    changes
}

fn change(deadline: &Deadline, clock: ClockState, was_due_at: Option<Timestamp>) -> DeadlineChange {
    DeadlineChange {
        name: deadline.name.clone(),
        generation: deadline.generation,
        clock,
        due_at: deadline.due_at,
        was_due_at,
        provisional: deadline.provisional,
    }
}
