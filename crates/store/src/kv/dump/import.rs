//! Taking in what [`super::export`] wrote.

use std::collections::BTreeMap;
use std::io::{BufRead, Read};

use super::export::{Header, Line, Trailer, checksum};
use super::stored::{Kind, Stored, owner};
use super::{Apply, BATCH, EXPORT_FORMAT};
use crate::kv::{Changes, Rows, value};
use crate::{Error, codec};

/// The longest line taken, in bytes: a record of the largest size, written as JSON.
const LINE_MAX: u64 = 16 << 20;

/// What was taken in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Records by the name of their kind.
    pub counts: BTreeMap<String, u64>,
    /// How many records the export had to leave out.
    pub left_out: u64,
}

/// Puts the records of an export into rows that hold nothing but their format, and makes all derived rows. After an error
/// the rows hold a part of the file and are of no use.
///
/// # Errors
/// [`Error::BadLine`] for the first line that is broken, twice there, or not of an export; whatever the backend says.
pub fn import<R: Apply>(rows: &R, input: &mut impl BufRead) -> Result<Imported, Error> {
    let mut lines = Lines { input, number: 0 };
    let mut taking = Taking {
        rows,
        pending: Changes::new(),
        done: Imported::default(),
    };
    header(&lines.next()?).map_err(|reason| lines.bad(reason))?;
    loop {
        let text = lines.next()?;
        match kind(&text).as_deref() {
            Some("trailer") => {
                taking.trailer(&text).map_err(|reason| lines.bad(reason))?;
                break;
            }
            _ => taking.line(&text).map_err(|stop| match stop {
                Stop::Line(reason) => lines.bad(reason),
                Stop::Store(error) => error,
            })?,
        }
    }
    lines.nothing_more()?;
    taking.apply()?;
    Ok(taking.done)
}

/// Why a line was not taken.
enum Stop {
    Line(String),
    Store(Error),
}

impl From<String> for Stop {
    fn from(reason: String) -> Self {
        Self::Line(reason)
    }
}

struct Lines<'a, I> {
    input: &'a mut I,
    number: u64,
}

impl<I: BufRead> Lines<'_, I> {
    fn next(&mut self) -> Result<String, Error> {
        self.number += 1;
        let mut bytes = Vec::new();
        let mut limited = (&mut *self.input).take(LINE_MAX);
        limited
            .read_until(b'\n', &mut bytes)
            .map_err(|error| self.bad(error.to_string()))?;
        if bytes.is_empty() {
            return Err(self.bad("the file ends here, without its last line: it is cut off"));
        }
        if bytes.pop_if(|last| *last == b'\n').is_none() {
            return Err(self.bad("the line has no end: it is cut off, or longer than 16 MiB"));
        }
        String::from_utf8(bytes).map_err(|_| self.bad("it is not UTF-8"))
    }

    fn nothing_more(&mut self) -> Result<(), Error> {
        let rest = self.input.fill_buf().map(|rest| rest.is_empty());
        self.number += 1;
        match rest {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.bad("something follows the last line")),
            Err(error) => Err(self.bad(error.to_string())),
        }
    }

    fn bad(&self, reason: impl Into<String>) -> Error {
        Error::BadLine {
            line: self.number,
            reason: reason.into(),
        }
    }
}

/// The kind of a line, where it is JSON at all.
fn kind(text: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Named {
        kind: String,
    }
    let named: Named = serde_json::from_str(text).ok()?;
    Some(named.kind)
}

fn header(text: &str) -> Result<(), String> {
    let header: Header = serde_json::from_str(text)
        .ok()
        .filter(|header: &Header| header.kind == "header")
        .ok_or("it is not the first line of an export")?;
    match header.format {
        1..=EXPORT_FORMAT => Ok(()),
        found => Err(format!(
            "the file has format {found} (written by {}); this version reads 1 to {EXPORT_FORMAT}",
            header.version
        )),
    }
}

struct Taking<'a, R> {
    rows: &'a R,
    pending: Changes,
    done: Imported,
}

impl<R: Apply> Taking<'_, R> {
    fn line(&mut self, text: &str) -> Result<(), Stop> {
        let line: Line = serde_json::from_str(text)
            .map_err(|error| format!("it is no line of an export: {error}"))?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == line.kind);
        let kind = kind.ok_or_else(|| format!("kind `{}` is unknown", line.kind))?;
        let data = line.data.get();
        if line.crc != checksum(&line.kind, &line.key, data) {
            return Err("its checksum is wrong: it was damaged or changed"
                .to_owned()
                .into());
        }
        let stored = Stored::from_json(kind, &line.key, data)?;
        *self.done.counts.entry(line.kind).or_default() += 1;
        match &stored {
            // The rows have the format that this version writes.
            Stored::Format(_) => Ok(()),
            stored => self.put(stored),
        }
    }

    fn put(&mut self, stored: &Stored) -> Result<(), Stop> {
        let key = stored.key();
        if self.get(&key)?.is_some() {
            return Err(format!("{} stands in an earlier line too", stored.label()).into());
        }
        let encoded = stored.encode().map_err(|error| error.to_string())?;
        for (index, row) in stored.derived().map_err(|error| error.to_string())? {
            if let Some(taken) = self.get(&index)? {
                let other = owner(&index, &taken).unwrap_or_default();
                let other = codec::printable(&other);
                return Err(format!("its reference is that of {other} too").into());
            }
            self.pending.insert(index, Some(row));
        }
        let rows = value::rows(&key, encoded);
        self.pending
            .extend(rows.into_iter().map(|(key, row)| (key, Some(row))));
        if self.pending.len() >= BATCH {
            self.apply().map_err(Stop::Store)?;
        }
        Ok(())
    }

    fn trailer(&mut self, text: &str) -> Result<(), String> {
        let trailer: Trailer = serde_json::from_str(text).map_err(|error| error.to_string())?;
        for (kind, said) in &trailer.counts {
            let found = self.done.counts.get(kind).copied().unwrap_or(0);
            if found != *said {
                return Err(format!(
                    "the file should hold {said} lines of `{kind}`, but holds {found}"
                ));
            }
        }
        self.done.counts = trailer.counts;
        self.done.left_out = trailer.left_out;
        Ok(())
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Stop> {
        match self.pending.get(key) {
            Some(change) => Ok(change.clone()),
            None => Rows::get(self.rows, key).map_err(Stop::Store),
        }
    }

    fn apply(&mut self) -> Result<(), Error> {
        match self.pending.is_empty() {
            true => Ok(()),
            false => self.rows.apply(std::mem::take(&mut self.pending)),
        }
    }
}
