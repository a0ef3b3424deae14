//! Where the next page begins, as opaque text: a letter for the kind of list, then the place in hex.
//!
//! Every backend writes the same cursors, so that one given out before a change of backend still holds.

use qixian_core::{CaseId, OutboxId};
use qixian_time::Timestamp;

use crate::Error;

/// The place of a case in the order of [`crate::Store::list`]: next due, those without one last, then id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DuePlace {
    /// Milliseconds of the next due instant, or [`DuePlace::NEVER`].
    pub due: u64,
    /// The case.
    pub case: CaseId,
}

impl DuePlace {
    /// Stands for *no due date*: after every instant.
    pub const NEVER: u64 = u64::MAX;

    /// The place of a case that is due then.
    pub fn new(due: Option<Timestamp>, case: CaseId) -> Self {
        let due = due.map_or(Self::NEVER, millis);
        Self { due, case }
    }

    /// As text to hand out.
    pub fn to_cursor(self) -> String {
        let mut bytes = self.due.to_be_bytes().to_vec();
        bytes.extend(self.case.as_bytes());
        write('c', &bytes)
    }

    /// Reads a handed out text.
    ///
    /// # Errors
    /// [`Error::BadCursor`] for anything else.
    pub fn from_cursor(text: &str) -> Result<Self, Error> {
        let bytes: [u8; 24] = read('c', text)?;
        let (due, case) = bytes.split_first_chunk::<8>().ok_or(Error::BadCursor)?;
        Ok(Self {
            due: u64::from_be_bytes(*due),
            case: id(case)?,
        })
    }
}

/// An outbox id as a cursor.
pub fn of_message(message: OutboxId) -> String {
    write('m', &outbox_bytes(message))
}

/// The outbox id of a cursor.
///
/// # Errors
/// [`Error::BadCursor`] for a text that [`of_message`] did not write.
pub fn message(text: &str) -> Result<OutboxId, Error> {
    outbox_from_bytes(&read::<26>('m', text)?).ok_or(Error::BadCursor)
}

/// A record's id as a cursor.
pub fn of_record(record: CaseId) -> String {
    write('r', record.as_bytes())
}

/// The record's id of a cursor.
///
/// # Errors
/// [`Error::BadCursor`] for a text that [`of_record`] did not write.
pub fn record(text: &str) -> Result<CaseId, Error> {
    read('r', text).map(CaseId::from_bytes)
}

/// Milliseconds since 1970, never negative, so that big-endian bytes sort as the instants do.
pub(crate) fn millis(at: Timestamp) -> u64 {
    at.as_millis().unsigned_abs()
}

/// Case, journal line and index, big-endian: byte order is id order.
pub(crate) fn outbox_bytes(id: OutboxId) -> [u8; 26] {
    let mut bytes = [0; 26];
    bytes[..16].copy_from_slice(id.case.as_bytes());
    bytes[16..24].copy_from_slice(&id.seq.to_be_bytes());
    bytes[24..].copy_from_slice(&id.index.to_be_bytes());
    bytes
}

pub(crate) fn outbox_from_bytes(bytes: &[u8]) -> Option<OutboxId> {
    let (case, rest) = bytes.split_first_chunk::<16>()?;
    let (seq, rest) = rest.split_first_chunk::<8>()?;
    Some(OutboxId {
        case: CaseId::from_bytes(*case),
        seq: u64::from_be_bytes(*seq),
        index: u16::from_be_bytes(rest.try_into().ok()?),
    })
}

fn id(bytes: &[u8]) -> Result<CaseId, Error> {
    bytes
        .try_into()
        .map(CaseId::from_bytes)
        .map_err(|_| Error::BadCursor)
}

fn write(kind: char, bytes: &[u8]) -> String {
    let mut text = String::from(kind);
    for byte in bytes {
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

fn read<const N: usize>(kind: char, text: &str) -> Result<[u8; N], Error> {
    let hex = text.strip_prefix(kind).ok_or(Error::BadCursor)?.as_bytes();
    if hex.len() != 2 * N || !hex.iter().all(u8::is_ascii_hexdigit) {
        return Err(Error::BadCursor);
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or(0) as u8;
    Ok(std::array::from_fn(|i| {
        digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1])
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_others_do_not() {
        let case = CaseId::new(7, [9; 10]);
        for place in [
            DuePlace::new(None, case),
            DuePlace::new(Some(Timestamp::MAX), case),
        ] {
            assert_eq!(DuePlace::from_cursor(&place.to_cursor()), Ok(place));
        }
        let id = OutboxId {
            case,
            seq: 3,
            index: 2,
        };
        assert_eq!(message(&of_message(id)), Ok(id));
        assert_eq!(record(&of_record(case)), Ok(case));
        for bad in ["", "r", "rzz", "苏", &of_message(id), "c00"] {
            assert_eq!(record(bad), Err(Error::BadCursor), "{bad}");
        }
    }
}
