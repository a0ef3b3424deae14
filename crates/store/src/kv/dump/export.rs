//! Writing every record as a line of JSON.
//!
//! ```text
//! {"kind":"header","format":1,"version":"0.1.0","exported_at":"2026-11-23T02:00:00Z"}
//! {"kind":"case","key":"01JD…","crc":"8c3f0a12","data":{…}}
//! {"kind":"trailer","counts":{"case":1},"left_out":0}
//! ```
//! `crc` is the CRC-32 of `kind`, a newline, `key`, a newline and the text of `data` as it stands in the file.

use std::collections::BTreeMap;
use std::io::{self, Write};

use qixian_time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::stored::Kind;
use super::sweep::Sweep;
use super::verify::{read, reason};
use super::{EXPORT_FORMAT, Finding, Problem};
use crate::keys;
use crate::kv::Rows;

/// What the first line says.
#[derive(Clone, Debug)]
pub struct About<'a> {
    /// The version of the program that writes.
    pub version: &'a str,
    /// When.
    pub exported_at: Timestamp,
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Records by the name of their kind.
    pub counts: BTreeMap<String, u64>,
    /// How many records, or stretches of rows, could not be read and are not in the file.
    pub left_out: u64,
}

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) kind: String,
    pub(super) format: u32,
    pub(super) version: String,
    pub(super) exported_at: Timestamp,
}

/// A record's line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    pub(super) kind: String,
    pub(super) key: String,
    pub(super) crc: String,
    pub(super) data: Box<RawValue>,
}

/// The last line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Trailer {
    pub(super) kind: String,
    pub(super) counts: BTreeMap<String, u64>,
    pub(super) left_out: u64,
}

/// Writes every record that is intact, kinds in the order of [`Kind::ALL`], each in the order of its keys; what is not
/// intact is told. Derived rows are not written: [`super::import`] makes them.
///
/// # Errors
/// Whatever the writer says.
pub fn export<R: Rows>(
    rows: &R,
    out: &mut impl Write,
    about: &About<'_>,
    tell: &mut dyn FnMut(Finding),
) -> io::Result<Exported> {
    let mut done = Exported::default();
    let header = Header {
        kind: "header".to_owned(),
        format: EXPORT_FORMAT,
        version: about.version.to_owned(),
        exported_at: about.exported_at,
    };
    write_line(out, &header)?;
    let mut leave_out = |kind, key: &[u8], what| {
        done.left_out += 1;
        tell(Finding::new(kind, key, what, false));
    };
    for kind in Kind::ALL {
        let count = done.counts.entry(kind.name().to_owned()).or_default();
        for page in Sweep::of(rows, kind.prefix()) {
            let page = match page {
                Ok(page) => page,
                Err(hole) => {
                    let what = format!("rows from here on cannot be read: {}", hole.error);
                    leave_out(Problem::Unreadable, &hole.from, what);
                    continue;
                }
            };
            let moved = page
                .into_iter()
                .filter(|(key, _)| !keys::OWN.contains(&key.as_slice()));
            for (key, row) in moved {
                match line(rows, kind, &key, row) {
                    Ok(line) => {
                        write_line(out, &line)?;
                        *count += 1;
                    }
                    Err(what) => leave_out(Problem::Damaged, &key, what),
                }
            }
        }
    }
    let trailer = Trailer {
        kind: "trailer".to_owned(),
        counts: done.counts.clone(),
        left_out: done.left_out,
    };
    write_line(out, &trailer)?;
    Ok(done)
}

fn line<R: Rows>(rows: &R, kind: Kind, key: &[u8], row: Vec<u8>) -> Result<Line, String> {
    let stored = read(rows, key, row).map_err(reason)?;
    let data = RawValue::from_string(stored.to_json()?).map_err(|error| error.to_string())?;
    let label = stored.label();
    Ok(Line {
        kind: kind.name().to_owned(),
        crc: checksum(kind.name(), &label, data.get()),
        key: label,
        data,
    })
}

pub(super) fn checksum(kind: &str, key: &str, data: &str) -> String {
    let mut sum = crc32fast::Hasher::new();
    for part in [kind, "\n", key, "\n", data] {
        sum.update(part.as_bytes());
    }
    format!("{:08x}", sum.finalize())
}

fn write_line(out: &mut impl Write, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}
