//! Each journal line: there once, in order, not before its time, and just what its event makes of the case.

use std::sync::Arc;

use qixian_core::{Case, ClockState, Event, JournalLine, RungState, Step, What, step};
use qixian_store::{CaseWrite, Commit};
use qixian_time::Timestamp;

use super::books::{Books, Kept};
use super::{Checker, Failure, fail, rungs};
use crate::Ground;
use crate::reference::Reference;

impl Checker {
    /// One line more.
    pub(super) fn line(
        &mut self,
        write: &CaseWrite,
        line: &JournalLine,
        commit: &Commit,
        ground: &Ground,
    ) -> Result<(), Failure> {
        let case = &write.case;
        self.books.in_order(write, line)?;
        self.only_once(case, line)?;
        let Some(workflow) = ground.workflow(case) else {
            return fail(format!("{} has no definition any more", named(case)));
        };
        let env = ground.env(case.id, line.seq);
        let kept = self.books.cases.remove(&case.id);
        let before = kept.as_ref().map(|kept| &*kept.case);
        never_early(before, case, line)?;
        rungs::spoken(before, case, line, commit)?;
        let journal = kept.as_ref().map_or(&[][..], |kept| &kept.journal[..]);
        let event = event_of(case, line, journal);
        match step(env, workflow, before, &event, line.recorded_at) {
            Ok(Step::Changed(made)) => {
                if made.case != **case {
                    let seq = line.seq;
                    let what = format!(
                        "{}: line {seq} does not make the case that is stored",
                        named(case)
                    );
                    return fail(format!("{what}\n{case:?}\n{:?}", made.case));
                }
                rungs::all_written(case, line, &made.outbox, commit)?;
            }
            Ok(Step::Nothing) => {
                return fail(format!("{}: line {} does nothing", named(case), line.seq));
            }
            Err(refused) => {
                let seq = line.seq;
                return fail(format!(
                    "{}: line {seq} is not possible: {refused}",
                    named(case)
                ));
            }
        }
        let (before, mut journal, row, ended) = match kept {
            Some(kept) => (Some(kept.model), kept.journal, kept.row, kept.ended),
            None => (None, Vec::new(), None, false),
        };
        let model = Reference::follow(before, (env, workflow), case.id, line, &journal);
        journal.push(as_stored(line));
        let model = match model {
            Some(model) => {
                let deadlines = model.compare(case, workflow).map_err(|what| {
                    Failure(told(&format!("{}: {what}", named(case)), case, &journal))
                })?;
                self.compared.cases += 1;
                self.compared.deadlines += deadlines;
                self.compared.corrections += u64::from(matches!(line.what, What::Correct { .. }));
                model
            }
            None => {
                self.compared.skipped += 1;
                Reference::of(case, workflow)
            }
        };
        let kept = Kept {
            case: case.clone(),
            journal,
            row,
            ended: ended || case.closed || workflow.is_final(&case.state),
            model,
        };
        self.books.cases.insert(case.id, kept);
        self.books.unfolded.insert(case.id);
        self.books.name(write)
    }

    /// The same event is recorded once, and one that was refused never.
    fn only_once(&mut self, case: &Case, line: &JournalLine) -> Result<(), Failure> {
        let here = (case.id, line.seq);
        if let Some((other, seq)) = self.books.events.insert(line.id.clone(), here) {
            return fail(format!(
                "an event took effect twice: `{}` ({}) is line {seq} of {other} and line {} of {}",
                line.id, line.event, line.seq, case.id
            ));
        }
        self.answers.not_refused(&line.id, here)
    }
}

impl Books {
    /// A line follows the one before it, so that nothing acknowledged is written over.
    fn in_order(&self, write: &CaseWrite, line: &JournalLine) -> Result<(), Failure> {
        let case = &write.case;
        let kept = self.cases.get(&case.id).map_or(0, |kept| kept.case.rev);
        if line.seq != kept + 1 || case.rev != line.seq || write.expected_rev() != kept {
            let (seq, rev, built) = (line.seq, case.rev, write.expected_rev());
            return fail(format!(
                "{}: line {seq} makes rev {rev} out of rev {built}, but rev {kept} is what is durable",
                named(case)
            ));
        }
        Ok(())
    }

    /// A write without a line changes nothing but rows.
    pub(super) fn unchanged(&self, write: &CaseWrite) -> Result<(), Failure> {
        match self.cases.get(&write.case.id) {
            Some(kept) if kept.case == write.case => Ok(()),
            _ => fail(format!(
                "{} changed without a line in its journal",
                named(&write.case)
            )),
        }
    }

    /// The one wake-up row of a case lies where the case next wants to be looked at.
    pub(super) fn row(&mut self, write: &CaseWrite) -> Result<(), Failure> {
        let Some(kept) = self.cases.get_mut(&write.case.id) else {
            return Ok(());
        };
        let case = &kept.case;
        if let Some(old) = kept.row
            && write.wake_before != kept.row
            && write.wake_after != kept.row
        {
            return fail(format!(
                "{}: its old wake-up row at {old} was left behind",
                named(case)
            ));
        }
        kept.row = write.wake_after;
        let wanted = wanted(case);
        let asked = |asked: &Option<(Timestamp, String)>| match asked {
            Some((at, why)) => format!("it wants to be looked at on {at} for {why}"),
            None => "it wants nothing".to_owned(),
        };
        match (kept.row, &wanted) {
            (None, None) => Ok(()),
            (Some(row), Some((at, _))) if row == *at => Ok(()),
            (None, wanted) => fail(format!(
                "a timer was lost: {} has no wake-up row, and {}",
                named(case),
                asked(wanted)
            )),
            (Some(row), wanted) => fail(format!(
                "a timer stands wrong: the wake-up row of {} lies at {row}, and {}",
                named(case),
                asked(wanted)
            )),
        }
    }

    /// No two cases have one reference.
    fn name(&mut self, write: &CaseWrite) -> Result<(), Failure> {
        if let Some(before) = &write.before {
            self.references.remove(&before.reference);
        }
        let case = &write.case;
        match self.references.insert(case.reference.clone(), case.id) {
            Some(other) if other != case.id => {
                fail(format!("{other} and {} have one reference", named(case)))
            }
            _ => Ok(()),
        }
    }
}

/// When a case next wants to be looked at, and for what.
pub(super) fn wanted(case: &Case) -> Option<(Timestamp, String)> {
    if case.closed {
        return None;
    }
    let mut first: Option<(Timestamp, String)> = None;
    let mut want = |at: Timestamp, why: &dyn Fn() -> String| {
        if first.as_ref().is_none_or(|(earliest, _)| at < *earliest) {
            first = Some((at, why()));
        }
    };
    for deadline in &case.deadlines {
        let (name, clock) = (&deadline.name, deadline.clock);
        if !matches!(
            clock,
            ClockState::Waiting | ClockState::Armed | ClockState::Missed
        ) {
            continue;
        }
        for rung in deadline
            .rungs
            .iter()
            .filter(|r| r.state == RungState::Pending)
        {
            want(rung.at, &|| format!("rung {} of `{name}`", rung.name()));
        }
        if let (ClockState::Armed, Some(at)) = (clock, deadline.due_at) {
            want(at, &|| format!("the end of `{name}`"));
        }
        if let (ClockState::Waiting, Some(at)) = (clock, deadline.assume_at) {
            want(at, &|| format!("the assumed start of `{name}`"));
        }
    }
    first
}

/// Nothing fires or passes before its time.
fn never_early(before: Option<&Case>, case: &Case, line: &JournalLine) -> Result<(), Failure> {
    let now = line.recorded_at;
    for deadline in &case.deadlines {
        let name = &deadline.name;
        for rung in rungs::newly_fired(before, deadline, line) {
            if rung.at > now {
                let (no, at) = (rung.name(), rung.at);
                return fail(format!(
                    "{}: rung {no} of `{name}` fired at {now}, early: it is planned for {at}",
                    named(case)
                ));
            }
        }
        let was = before.and_then(|case| case.deadlines.iter().find(|d| d.name == *name));
        let was_missed = was.is_some_and(|was| {
            was.generation == deadline.generation && was.clock == ClockState::Missed
        });
        if deadline.clock == ClockState::Missed
            && !was_missed
            && matches!(line.what, What::Wake)
            && let Some(due_at) = deadline.due_at.filter(|due_at| *due_at > now)
        {
            return fail(format!(
                "{}: `{name}` was found missed at {now}, early: it is due at {due_at}",
                named(case)
            ));
        }
    }
    Ok(())
}

/// The event of a line as it was decided, a correction with the history it stood on.
fn event_of(case: &Case, line: &JournalLine, journal: &[JournalLine]) -> Event {
    let mut event = line.to_event(case.id);
    if let What::Correct { history, .. } = &mut event.what {
        *history = Some(Arc::from(journal));
    }
    event
}

/// The line without the history that a correction was decided with, which is not stored.
fn as_stored(line: &JournalLine) -> JournalLine {
    let mut line = line.clone();
    if let What::Correct { history, .. } = &mut line.what {
        *history = None;
    }
    line
}

/// The case in a sentence.
pub(super) fn named(case: &Case) -> String {
    format!("case {} ({}, {})", case.id, case.workflow.id, case.state)
}

/// A failure with what happened to the case, latest last.
pub(super) fn told(what: &str, case: &Case, journal: &[JournalLine]) -> String {
    let mut told = format!("{what}\n{} began at {}:", case.workflow.id, case.began_at);
    for line in &journal[journal.len().saturating_sub(LINES_TOLD)..] {
        told += &format!(
            "\n  {} {} {}>{} occurred {} recorded {} {:?}",
            line.seq, line.event, line.from, line.to, line.occurred_at, line.recorded_at, line.what
        );
    }
    told
}

/// Most lines of a journal in a failure.
const LINES_TOLD: usize = 30;
