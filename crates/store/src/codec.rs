//! How a record becomes bytes: a form, a checksum, then postcard.
//!
//! | byte | holds |
//! | --- | --- |
//! | 0 | the form: [`PLAIN`] or [`PACKED`] |
//! | 1–4 | CRC-32 (big-endian) of form, key and the rest: a value that stands under a wrong key is found too |
//! | 5… | the payload, postcard; packed: its length (4 bytes, little-endian), then one LZ4 block |
//!
//! Packing takes a microsecond and a fifth off a usual case, whose deadlines and texts repeat themselves; what a store
//! writes, keeps and caches shrinks with it.

use std::borrow::Cow;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;

/// The form of a payload as it is.
pub const PLAIN: u8 = 1;
/// The form of a packed payload.
pub const PACKED: u8 = 2;
/// The largest payload a store takes, in bytes.
pub const VALUE_MAX: usize = 1 << 20;
/// The most bytes that [`encode`] gives: packed only where that is shorter.
pub(crate) const ENCODED_MAX: usize = VALUE_MAX + HEADER;
/// Shorter payloads are not worth packing.
const PACK_FROM: usize = 256;
const HEADER: usize = 5;

/// The bytes of `record` as they stand under `key`.
///
/// # Errors
/// [`Error::TooLarge`] above [`VALUE_MAX`]; [`Error::Backend`] for a value that has no binary form.
pub fn encode<T: Serialize>(key: &[u8], record: &T) -> Result<Vec<u8>, Error> {
    let mut bytes = plain(key, record)?;
    if bytes.len() >= HEADER + PACK_FROM {
        let packed = lz4_flex::block::compress_prepend_size(&bytes[HEADER..]);
        if packed.len() < bytes.len() - HEADER {
            bytes[0] = PACKED;
            bytes.truncate(HEADER);
            bytes.extend(packed);
        }
    }
    let sum = checksum(bytes[0], key, &bytes[HEADER..]);
    bytes[1..HEADER].copy_from_slice(&sum.to_be_bytes());
    Ok(bytes)
}

/// Whether `record` is small enough to be taken.
///
/// # Errors
/// As [`encode`].
pub fn check_size<T: Serialize>(key: &[u8], record: &T) -> Result<(), Error> {
    plain(key, record).map(drop)
}

/// The payload after an empty header.
fn plain<T: Serialize>(key: &[u8], record: &T) -> Result<Vec<u8>, Error> {
    let header = vec![PLAIN, 0, 0, 0, 0];
    let bytes = postcard::to_extend(record, header).map_err(|error| {
        let key = printable(key);
        Error::Backend(format!("record {key} has no binary form: {error}"))
    })?;
    let size = bytes.len() - HEADER;
    if size > VALUE_MAX {
        return Err(Error::TooLarge {
            what: format!("record {}", printable(key)),
            size,
            limit: VALUE_MAX,
        });
    }
    Ok(bytes)
}

/// The record that stands as `bytes` under `key`.
///
/// # Errors
/// [`Error::Damaged`] for an unknown version, a wrong checksum, or bytes that are no such record.
pub fn decode<T: DeserializeOwned>(key: &[u8], bytes: &[u8]) -> Result<T, Error> {
    let payload = payload(key, bytes)?;
    match postcard::take_from_bytes(&payload) {
        Ok((record, [])) => Ok(record),
        Ok((_, rest)) => Err(damaged(key, format!("{} bytes too many", rest.len()))),
        Err(error) => Err(damaged(key, format!("not the expected record: {error}"))),
    }
}

/// The first part of the record that stands as `bytes` under `key`; what follows it is checked but not read.
///
/// # Errors
/// As [`decode`].
pub fn decode_first<T: DeserializeOwned>(key: &[u8], bytes: &[u8]) -> Result<T, Error> {
    postcard::take_from_bytes(&payload(key, bytes)?)
        .map(|(first, _)| first)
        .map_err(|error| damaged(key, format!("not the expected record: {error}")))
}

/// A key for people: letters and digits as they are, other bytes in hex.
pub fn printable(key: &[u8]) -> String {
    let mut text = String::new();
    for byte in key {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                text.push(char::from(*byte))
            }
            other => text.push_str(&format!("\\{other:02x}")),
        }
    }
    text
}

/// The error for a record that does not read back.
pub(crate) fn damaged(key: &[u8], reason: impl Into<String>) -> Error {
    Error::Damaged {
        key: printable(key),
        reason: reason.into(),
    }
}

fn payload<'a>(key: &[u8], bytes: &'a [u8]) -> Result<Cow<'a, [u8]>, Error> {
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER>() else {
        return Err(damaged(key, format!("only {} bytes long", bytes.len())));
    };
    let [form, sum @ ..] = *header;
    if form != PLAIN && form != PACKED {
        let reason = format!("form {form} is unknown; this version reads {PLAIN} and {PACKED}");
        return Err(damaged(key, reason));
    }
    if u32::from_be_bytes(sum) != checksum(form, key, rest) {
        return Err(damaged(key, "its checksum is wrong"));
    }
    if form == PLAIN {
        return Ok(Cow::Borrowed(rest));
    }
    unpacked(rest)
        .map(Cow::Owned)
        .ok_or_else(|| damaged(key, "it does not unpack"))
}

fn unpacked(bytes: &[u8]) -> Option<Vec<u8>> {
    let (size, block) = bytes.split_first_chunk::<4>()?;
    let size = usize::try_from(u32::from_le_bytes(*size)).ok()?;
    // Never more than could have been written, whatever the bytes say.
    (size <= VALUE_MAX)
        .then(|| lz4_flex::block::decompress(block, size).ok())
        .flatten()
}

fn checksum(form: u8, key: &[u8], payload: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&[form]);
    sum.update(key);
    sum.update(payload);
    sum.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_is_found() {
        check_flips(("苏州", 7, vec![1, 2, 3]), PLAIN);
        check_flips(("苏州", 7, vec![9; 400]), PACKED);
    }

    fn check_flips(record: (&str, u64, Vec<u8>), form: u8) {
        let good = encode(b"k1", &record).unwrap();
        assert_eq!(good[0], form);
        let back: (String, u64, Vec<u8>) = decode(b"k1", &good).unwrap();
        assert_eq!((back.0.as_str(), back.1, back.2), record);
        for bit in 0..good.len() * 8 {
            let mut torn = good.clone();
            torn[bit / 8] ^= 1 << (bit % 8);
            assert!(
                decode::<(String, u64, Vec<u8>)>(b"k1", &torn).is_err(),
                "bit {bit}"
            );
        }
        for len in 0..good.len() {
            assert!(
                decode::<(String, u64, Vec<u8>)>(b"k1", &good[..len]).is_err(),
                "cut to {len}"
            );
        }
    }

    #[test]
    fn a_value_under_a_wrong_key_is_named() {
        let bytes = encode(b"c\x01", &7_u64).unwrap();
        assert_eq!(decode::<u64>(b"c\x01", &bytes), Ok(7));
        let error = decode::<u64>(b"c\x02", &bytes).unwrap_err();
        assert_eq!(
            error.to_string(),
            "ST0003: record c\\02 cannot be read: its checksum is wrong"
        );
    }

    #[test]
    fn another_form_and_too_large_values_are_refused() {
        let mut bytes = encode(b"k", &7_u64).unwrap();
        bytes[0] = 9;
        let error = decode::<u64>(b"k", &bytes).unwrap_err().to_string();
        assert!(error.contains("form 9 is unknown"), "{error}");
        let error = encode(b"k", &"x".repeat(VALUE_MAX)).unwrap_err();
        assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    }

    #[test]
    fn the_first_part_can_be_read_alone() {
        let bytes = encode(b"k", &(300_u64, "the rest")).unwrap();
        assert_eq!(decode_first::<u64>(b"k", &bytes), Ok(300));
    }
}
