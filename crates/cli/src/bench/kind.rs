//! What people send while events are measured, in the same measure to the engine and over HTTP.

use std::iter::StepBy;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use qixian_core::{CaseId, Fields, What};

use super::load::Maker;

/// One of the events that are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Words for the journal: the smallest event.
    Note,
    /// The case goes to its other state: a deadline ends, another is armed with its ladder, a message is planned.
    Working,
    /// A new case with its people and fields, a reference, and a deadline with its ladder.
    Start,
}

impl Kind {
    /// In the order they are measured; what begins cases comes last, so that the others find as many as were asked for.
    pub(super) const ALL: [Self; 3] = [Self::Note, Self::Working, Self::Start];

    /// For tables.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Working => "working",
            Self::Start => "start",
        }
    }
}

/// The event that takes a case to its other state. `there`: whether it is in its second one.
pub(super) fn fact(there: bool) -> &'static str {
    match there {
        true => "returned",
        false => "handed",
    }
}

/// A case and whether it is in its second state.
pub(super) struct OneCase {
    id: CaseId,
    there: AtomicBool,
}

impl OneCase {
    /// One that has just begun.
    pub(super) fn new(id: CaseId) -> Self {
        let there = AtomicBool::new(false);
        Self { id, there }
    }
}

/// The cases that events go to, and the number of the next new one.
pub(super) struct Sender {
    maker: Arc<Maker>,
    cases: Vec<OneCase>,
    next: AtomicU64,
}

impl Sender {
    /// For these cases, numbered from 0 on.
    pub(super) fn new(maker: Arc<Maker>, cases: Vec<OneCase>) -> Self {
        let next = AtomicU64::new(cases.len() as u64);
        Self { maker, cases, next }
    }

    /// The cases of one of so many senders: nobody else writes to them meanwhile.
    pub(super) fn own(&self, nth: usize, senders: usize) -> StepBy<Range<usize>> {
        (nth..self.cases.len()).step_by(senders)
    }

    /// What is sent next, and to which case; `new_id` names a new one.
    pub(super) fn what(
        &self,
        kind: Kind,
        at: usize,
        new_id: impl FnOnce() -> CaseId,
    ) -> (CaseId, What) {
        let case = &self.cases[at];
        match kind {
            Kind::Note => (case.id, What::Note),
            Kind::Working => {
                let event = fact(case.there.fetch_xor(true, Ordering::Relaxed)).to_owned();
                let what = What::Fact {
                    event,
                    party: None,
                    fields: Fields::new(),
                    override_reason: None,
                };
                (case.id, what)
            }
            Kind::Start => {
                let number = self.next.fetch_add(1, Ordering::Relaxed);
                (new_id(), What::Start(Box::new(self.maker.start(number))))
            }
        }
    }
}
