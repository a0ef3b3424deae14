//! Looking at every row of a store, and making derived rows anew.

use std::collections::{BTreeMap, BTreeSet};

use qixian_core::{Case, CaseId, Rev};

use super::stored::{DERIVED, Kind, Stored, owner};
use super::sweep::Sweep;
use super::{Apply, BATCH, Finding, Problem};
use crate::keys::{self, Key};
use crate::kv::{Changes, Rows, value};
use crate::{Error, OutboxEntry, codec};

/// What was looked at and found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// How many records of each kind there are, by its name; `index` and `piece` count the other rows.
    pub counts: BTreeMap<&'static str, u64>,
    /// How many things are wrong.
    pub findings: u64,
    /// How many of them [`rebuild`] mends.
    pub repairable: u64,
    /// How many rows were put.
    pub put: u64,
    /// How many rows were removed.
    pub removed: u64,
}

/// Looks at every row: its checksum, whether it is the record of its key, and whether what it speaks of is there.
/// Everything wrong is told as it is found.
pub fn verify<R: Rows>(rows: &R, tell: &mut dyn FnMut(Finding)) -> Verified {
    let mut check = Check::new(rows, tell);
    // Nothing is changed, so nothing can fail.
    check.run(None::<fn(Changes) -> _>).ok();
    check.sum
}

/// The same, and derived rows that are missing, wrong or left over are put and removed. Records are never touched.
///
/// # Errors
/// Whatever the backend says to a change.
pub fn rebuild<R: Apply>(rows: &R, tell: &mut dyn FnMut(Finding)) -> Result<Verified, Error> {
    let mut check = Check::new(rows, tell);
    check.run(Some(|changes| rows.apply(changes)))?;
    Ok(check.sum)
}

struct Check<'a, R> {
    rows: &'a R,
    tell: &'a mut dyn FnMut(Finding),
    sum: Verified,
    /// What would mend the findings so far.
    fix: Changes,
    /// What the backend said of rows that cannot be read: one damaged page is told once, not for each row asked of it.
    unreadable: BTreeSet<String>,
    /// The case whose journal is looked at, and its last line so far.
    journal: Option<(CaseId, Rev)>,
}

impl<'a, R: Rows> Check<'a, R> {
    fn new(rows: &'a R, tell: &'a mut dyn FnMut(Finding)) -> Self {
        Self {
            rows,
            tell,
            sum: Verified::default(),
            fix: Changes::new(),
            unreadable: BTreeSet::new(),
            journal: None,
        }
    }

    fn run(
        &mut self,
        mut apply: Option<impl FnMut(Changes) -> Result<(), Error>>,
    ) -> Result<(), Error> {
        for kind in Kind::ALL {
            self.each(kind.prefix(), &mut apply, |check, key, row| {
                check.record(kind, key, row);
            })?;
            self.end_of_journal();
        }
        // Stray rows are looked for among those that are right now.
        self.mend(0, &mut apply)?;
        for prefix in DERIVED {
            self.each(*prefix, &mut apply, Self::derived)?;
        }
        self.each(b'z', &mut apply, Self::piece)?;
        let known =
            |prefix| prefix == b'z' || DERIVED.contains(&prefix) || Kind::of(&[prefix]).is_some();
        for prefix in (0..=u8::MAX).filter(|prefix| !known(*prefix)) {
            self.unknown(prefix);
        }
        self.mend(0, &mut apply)
    }

    fn each(
        &mut self,
        prefix: u8,
        apply: &mut Option<impl FnMut(Changes) -> Result<(), Error>>,
        mut look: impl FnMut(&mut Self, &[u8], Vec<u8>),
    ) -> Result<(), Error> {
        for page in Sweep::of(self.rows, prefix) {
            match page {
                Ok(rows) => rows
                    .into_iter()
                    .for_each(|(key, row)| look(self, &key, row)),
                Err(hole) => self.cannot_read(&hole.from, &hole.error),
            }
            self.mend(BATCH, apply)?;
        }
        Ok(())
    }

    /// Applies what was gathered, in batches, once there is more than `above`.
    fn mend(
        &mut self,
        above: usize,
        apply: &mut Option<impl FnMut(Changes) -> Result<(), Error>>,
    ) -> Result<(), Error> {
        let Some(apply) = apply else {
            self.fix.clear();
            return Ok(());
        };
        while self.fix.len() > above {
            let rest = match self.fix.keys().nth(BATCH).cloned() {
                Some(key) => self.fix.split_off(&key),
                None => Changes::new(),
            };
            let batch = std::mem::replace(&mut self.fix, rest);
            let put = batch.values().filter(|change| change.is_some()).count() as u64;
            self.sum.put += put;
            self.sum.removed += batch.len() as u64 - put;
            apply(batch)?;
        }
        Ok(())
    }

    fn found(&mut self, kind: Problem, key: &[u8], what: impl Into<String>, repairable: bool) {
        self.sum.findings += 1;
        self.sum.repairable += u64::from(repairable);
        (self.tell)(Finding::new(kind, key, what.into(), repairable));
    }

    fn cannot_read(&mut self, key: &[u8], error: &Error) {
        let what = format!("rows from here on cannot be read: {error}");
        self.unreadable.insert(error.to_string());
        self.found(Problem::Unreadable, key, what, false);
    }

    fn count(&mut self, name: &'static str) {
        *self.sum.counts.entry(name).or_default() += 1;
    }

    /// The row under `key`; where it cannot be read that is told, and nothing more is said of it.
    fn get(&mut self, key: &[u8]) -> Option<Option<Vec<u8>>> {
        match self.rows.get(key) {
            Ok(row) => Some(row),
            Err(error) => {
                if !self.unreadable.contains(&error.to_string()) {
                    self.cannot_read(key, &error);
                }
                None
            }
        }
    }

    fn record(&mut self, kind: Kind, key: &[u8], row: Vec<u8>) {
        self.count(kind.name());
        if kind == Kind::Journal {
            self.line(key);
        }
        let stored = match read(self.rows, key, row) {
            Ok(stored) => stored,
            Err(error) => {
                let kind = match kind {
                    Kind::Meta if key != keys::FORMAT && !keys::OWN.contains(&key) => {
                        Problem::Unknown
                    }
                    _ => Problem::Damaged,
                };
                return self.found(kind, key, reason(error), false);
            }
        };
        match &stored {
            Stored::Case(case) => self.case(key, case),
            Stored::Outbox(entry) => self.message(key, entry),
            _ => {}
        }
        match stored.derived() {
            Ok(rows) => rows
                .into_iter()
                .for_each(|(index, row)| self.expect(key, index, row)),
            Err(error) => self.found(Problem::Damaged, key, reason(error), false),
        }
    }

    fn case(&mut self, key: &[u8], case: &Case) {
        if self.get(&keys::definition(&case.workflow)) == Some(None) {
            let (id, version) = (&case.workflow.id, case.workflow.version);
            let what = format!("its workflow {id} version {version} is not there");
            self.found(Problem::Missing, key, what, false);
        }
        if self.get(&keys::journal(case.id, case.rev)) == Some(None) {
            let what = format!("it is at rev {}, but has no such journal line", case.rev);
            self.found(Problem::Journal, key, what, false);
        }
    }

    fn message(&mut self, key: &[u8], entry: &OutboxEntry) {
        if self.get(&keys::case(entry.intent.id.case)) == Some(None) {
            self.found(Problem::Missing, key, "its case is not there", false);
        }
        if entry.legs.len() != entry.intent.legs.len() {
            let (has, wanted) = (entry.legs.len(), entry.intent.legs.len());
            let what = format!("it is for {wanted} people, but says of {has} what became of it");
            self.found(Problem::Damaged, key, what, false);
        }
    }

    /// A journal line has a place even where the line itself is damaged.
    fn line(&mut self, key: &[u8]) {
        let Some((case, seq)) = keys::read_journal(key) else {
            return;
        };
        if self.journal.is_some_and(|(of, _)| of != case) {
            self.end_of_journal();
        }
        let before = match self.journal {
            Some((_, last)) => last,
            None => {
                if self.get(&keys::case(case)) == Some(None) {
                    self.found(Problem::Missing, key, "its case is not there", false);
                }
                0
            }
        };
        if seq != before + 1 {
            let what = match seq.saturating_sub(before) {
                0 => "lines are numbered from 1".to_owned(),
                2 => format!("line {} before it is missing", seq - 1),
                _ => format!("lines {} to {} before it are missing", before + 1, seq - 1),
            };
            self.found(Problem::Journal, key, what, false);
        }
        self.journal = Some((case, seq));
    }

    fn end_of_journal(&mut self) {
        let Some((id, last)) = self.journal.take() else {
            return;
        };
        let key = keys::case(id);
        let Ok(Some(row)) = self.rows.get(&key) else {
            return;
        };
        // A case that does not read back is told where cases are looked at.
        if let Ok(Stored::Case(case)) = read(self.rows, &key, row)
            && last > case.rev
        {
            let what = format!(
                "its journal goes on to line {last}, but it is at rev {}",
                case.rev
            );
            self.found(Problem::Journal, &key, what, false);
        }
    }

    /// The derived row of the record under `of`.
    fn expect(&mut self, of: &[u8], index: Key, row: Vec<u8>) {
        let Some(found) = self.get(&index) else {
            return;
        };
        if found.as_ref() == Some(&row) {
            return;
        }
        let of = codec::printable(of);
        if let Some(found) = &found
            && let Some(other) = owner(&index, found)
            && self.makes(&other, &index)
        {
            let other = codec::printable(&other);
            let what = format!("both {of} and {other} have this reference");
            return self.found(Problem::ReferenceTaken, &index, what, false);
        }
        let what = match found {
            None => format!("{of} has no such row"),
            Some(_) => format!("it should lead to {of}, but says something else"),
        };
        self.found(Problem::IndexMissing, &index, what, true);
        self.fix.insert(index, Some(row));
    }

    /// Whether the record under `key` is there and makes this derived row.
    fn makes(&self, key: &[u8], index: &[u8]) -> bool {
        let Ok(Some(row)) = self.rows.get(key) else {
            return false;
        };
        let rows = read(self.rows, key, row).and_then(|stored| stored.derived());
        rows.is_ok_and(|rows| rows.iter().any(|(key, _)| key == index))
    }

    fn derived(&mut self, key: &[u8], row: Vec<u8>) {
        self.count("index");
        let what = match owner(key, &row) {
            None => "it does not read back".to_owned(),
            Some(owner) => {
                let named = codec::printable(&owner);
                match self.get(&owner) {
                    None => return,
                    Some(None) => format!("it leads to {named}, which is not there"),
                    Some(Some(row)) => match read(self.rows, &owner, row) {
                        // Told already; the row may still be what leads people to it.
                        Err(_) => return,
                        Ok(stored) => match stored.derived() {
                            Ok(rows) if rows.iter().all(|(index, _)| index != key) => {
                                format!("{named} has no such row any more")
                            }
                            _ => return,
                        },
                    },
                }
            }
        };
        if self.fix.contains_key(key) {
            return;
        }
        self.found(Problem::IndexStray, key, what, true);
        self.fix.insert(key.to_vec(), None);
    }

    fn piece(&mut self, key: &[u8], _row: Vec<u8>) {
        self.count("piece");
        let Some(owner) = keys::read_piece(key) else {
            return self.found(Problem::Unknown, key, "its key does not read back", false);
        };
        let named = codec::printable(owner);
        match self.get(owner) {
            Some(Some(row)) if !value::pieces(owner, &row).iter().any(|own| own == key) => {
                let what = format!("it is left over from an older value of {named}");
                self.found(Problem::IndexStray, key, what, true);
                self.fix.insert(key.to_vec(), None);
            }
            Some(None) => {
                let what = format!("it is a piece of {named}, which is not there");
                self.found(Problem::Missing, key, what, false);
            }
            _ => {}
        }
    }

    fn unknown(&mut self, prefix: u8) {
        let mut first = None;
        let mut count = 0_u64;
        for page in Sweep::of(self.rows, prefix) {
            match page {
                Ok(rows) => {
                    count += rows.len() as u64;
                    first = first.or_else(|| rows.into_iter().next().map(|(key, _)| key));
                }
                Err(hole) => self.cannot_read(&hole.from, &hole.error),
            }
        }
        if let Some(key) = first {
            let what = format!("this version does not know rows that begin so; there are {count}");
            self.found(Problem::Unknown, &key, what, false);
        }
    }
}

/// The record whose row was read.
pub(super) fn read<R: Rows>(rows: &R, key: &[u8], row: Vec<u8>) -> Result<Stored, Error> {
    let encoded = value::whole(rows, key, row)?;
    let gone = || codec::damaged(key, "it is gone");
    Stored::read(key, &encoded.ok_or_else(gone)?)
}

/// What is wrong, without the key, which is said beside it.
pub(super) fn reason(error: Error) -> String {
    match error {
        Error::Damaged { reason, .. } => reason,
        error => error.to_string(),
    }
}
