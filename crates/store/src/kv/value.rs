//! Values above 4 KiB are cut into pieces that stand in rows of their own.
//!
//! The row under the key itself is then a head: [`HEAD`], the value's checksum (4 bytes), its length (4 bytes). Pieces
//! are named by that checksum, so that a reader beside the writer never mixes the pieces of two values.

use super::Rows;
use crate::codec::damaged;
use crate::keys::{self, Key};
use crate::{Error, codec};

/// The largest value a row holds, in bytes; larger ones are cut into pieces of this size.
pub const PIECE: usize = 4096;
/// The first byte of a head; no form of [`codec`] ever gets this number.
const HEAD: u8 = 0xfe;
/// How often a value that changes while it is read is begun anew.
const TRIES: usize = 100;

/// The rows of an encoded value: that of the key itself first, then its pieces.
pub(super) fn rows(key: &[u8], encoded: Vec<u8>) -> Vec<(Key, Vec<u8>)> {
    if encoded.len() <= PIECE {
        return vec![(key.to_vec(), encoded)];
    }
    let checksum = [encoded[1], encoded[2], encoded[3], encoded[4]];
    let length = u32::try_from(encoded.len()).unwrap_or(u32::MAX);
    let mut head = vec![HEAD];
    head.extend(checksum);
    head.extend(length.to_be_bytes());
    let mut rows = vec![(key.to_vec(), head)];
    for (number, piece) in (0..).zip(encoded.chunks(PIECE)) {
        rows.push((keys::piece(key, checksum, number), piece.to_vec()));
    }
    rows
}

/// The keys of the pieces that the row of `key` speaks of; none where it is no head.
pub(super) fn pieces(key: &[u8], row: &[u8]) -> Vec<Key> {
    let Some((checksum, length)) = head(row) else {
        return Vec::new();
    };
    let count = u16::try_from(length.div_ceil(PIECE)).unwrap_or(u16::MAX);
    (0..count)
        .map(|number| keys::piece(key, checksum, number))
        .collect()
}

/// The encoded value whose row under `key` was just read as `row`. `None`: it is gone meanwhile.
pub(super) fn whole(rows: &impl Rows, key: &[u8], row: Vec<u8>) -> Result<Option<Vec<u8>>, Error> {
    let mut row = row;
    for _ in 0..TRIES {
        let Some((_, length)) = head(&row) else {
            return Ok(Some(row));
        };
        if length > codec::ENCODED_MAX {
            return Err(damaged(key, format!("its head says {length} bytes")));
        }
        let mut encoded = Vec::with_capacity(length);
        for piece in pieces(key, &row) {
            encoded.extend(rows.get(&piece)?.unwrap_or_default());
        }
        if encoded.len() == length {
            return Ok(Some(encoded));
        }
        // A piece is missing: either it is lost, or the value was replaced while it was read.
        match rows.get(key)? {
            None => return Ok(None),
            Some(again) if again == row => break,
            Some(again) => row = again,
        }
    }
    Err(damaged(key, "a piece of it is missing"))
}

fn head(row: &[u8]) -> Option<([u8; 4], usize)> {
    let [HEAD, a, b, c, d, length @ ..] = row else {
        return None;
    };
    let length = u32::from_be_bytes(length.try_into().ok()?);
    Some(([*a, *b, *c, *d], usize::try_from(length).ok()?))
}
