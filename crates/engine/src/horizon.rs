//! The near future in memory: due rows of the next minutes, refilled from the store by range.
//!
//! Only rows up to a bound are kept, so that a million timers cost nothing until they come near. Late rows are found
//! like all others: by reading everything up to now.

use std::collections::BTreeSet;

use qixian_core::{CaseId, OutboxId};
use qixian_store::{OutboxRow, TimerRow};
use qixian_time::Timestamp;

/// A row that becomes due.
pub(crate) trait DueRow: Ord + Copy {
    /// When.
    fn at(self) -> Timestamp;
    /// A row after every row of that instant.
    fn last_at(at: Timestamp) -> Self;
}

impl DueRow for TimerRow {
    fn at(self) -> Timestamp {
        self.at
    }

    fn last_at(at: Timestamp) -> Self {
        let case = CaseId::from_bytes([0xff; 16]);
        Self { at, case }
    }
}

impl DueRow for OutboxRow {
    fn at(self) -> Timestamp {
        self.at
    }

    fn last_at(at: Timestamp) -> Self {
        let id = OutboxId {
            case: CaseId::from_bytes([0xff; 16]),
            seq: u64::MAX,
            index: u16::MAX,
        };
        Self { at, id }
    }
}

/// A row that left its place for another (or came, or went).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moved<R> {
    pub(crate) from: Option<R>,
    pub(crate) to: Option<R>,
}

/// All rows up to `bound`.
#[derive(Debug)]
pub(crate) struct Horizon<R> {
    rows: BTreeSet<R>,
    bound: Option<R>,
    /// Whether the last filling stopped at its limit, so that more may wait before the usual end.
    cut: bool,
}

impl<R: DueRow> Horizon<R> {
    /// Nothing known yet.
    pub(crate) fn new() -> Self {
        Self {
            rows: BTreeSet::new(),
            bound: None,
            cut: false,
        }
    }

    /// Forgets everything; the next turn reads anew.
    pub(crate) fn reset(&mut self) {
        *self = Self::new();
    }

    /// Whether it must be read anew: never read, nearly worked off, or the bound is within `margin_millis` of `now`.
    pub(crate) fn wants_filling(&self, now: Timestamp, margin_millis: i64, low: usize) -> bool {
        match self.bound {
            None => true,
            Some(_) if self.cut => self.rows.len() <= low,
            Some(bound) => bound.at() < now.saturating_add_millis(margin_millis),
        }
    }

    /// Puts what was read: all rows up to `until`, or (where `cut`) up to the last one read.
    pub(crate) fn fill(&mut self, rows: Vec<R>, until: Timestamp, cut: bool) {
        self.bound = match (cut, rows.last()) {
            (true, Some(last)) => Some(*last),
            _ => Some(R::last_at(until)),
        };
        self.cut = cut;
        self.rows = rows.into_iter().collect();
    }

    /// Follows a change that was decided, if it lies within the bound.
    pub(crate) fn follow(&mut self, moved: Moved<R>) {
        if let Some(from) = moved.from {
            self.rows.remove(&from);
        }
        if let Some(to) = moved.to
            && self.bound.is_some_and(|bound| to <= bound)
        {
            self.rows.insert(to);
        }
    }

    /// Takes the first row due at `now`.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> Option<R> {
        let first = *self.rows.first()?;
        (first.at() <= now).then(|| {
            self.rows.pop_first();
            first
        })
    }

    /// Puts a row back that was taken and not dealt with, at another instant in memory only.
    pub(crate) fn put_back(&mut self, row: R) {
        self.rows.insert(row);
    }

    /// When to look again: the first row, or the end of what is known.
    pub(crate) fn next_at(&self) -> Option<Timestamp> {
        let first = self.rows.first().map(|row| row.at());
        let bound = self.bound.map(DueRow::at);
        match (first, bound) {
            (Some(first), Some(bound)) => Some(first.min(bound)),
            (first, bound) => first.or(bound),
        }
    }

    /// The first row.
    pub(crate) fn first(&self) -> Option<R> {
        self.rows.first().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(at: i64, case: u8) -> TimerRow {
        TimerRow {
            at: Timestamp::from_millis(at),
            case: CaseId::from_bytes([case; 16]),
        }
    }

    #[test]
    fn follows_only_what_lies_within_its_bound() {
        let mut horizon = Horizon::new();
        assert!(horizon.wants_filling(Timestamp::MIN, 0, 0));
        horizon.fill(vec![row(5, 1)], Timestamp::from_millis(10), false);
        let moved = |from, to| Moved { from, to };
        horizon.follow(moved(None, Some(row(11, 2))));
        horizon.follow(moved(None, Some(row(10, 3))));
        horizon.follow(moved(Some(row(5, 1)), None));
        assert_eq!(horizon.take_due(Timestamp::from_millis(9)), None);
        assert_eq!(
            horizon.take_due(Timestamp::from_millis(50)),
            Some(row(10, 3))
        );
        assert_eq!(horizon.take_due(Timestamp::from_millis(50)), None);
    }

    #[test]
    fn a_cut_filling_is_read_on_when_worked_off() {
        let mut horizon = Horizon::new();
        horizon.fill(
            vec![row(1, 1), row(1, 2)],
            Timestamp::from_millis(100),
            true,
        );
        assert!(!horizon.wants_filling(Timestamp::from_millis(50), 0, 0));
        horizon.follow(Moved {
            from: None,
            to: Some(row(1, 3)),
        });
        horizon.take_due(Timestamp::from_millis(1));
        horizon.take_due(Timestamp::from_millis(1));
        assert!(
            horizon.wants_filling(Timestamp::from_millis(50), 0, 0),
            "what lies past the cut is read, not remembered"
        );
    }
}
