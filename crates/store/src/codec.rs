//! How a record becomes bytes: a version, a checksum, then postcard.
//!
//! | byte | holds |
//! | --- | --- |
//! | 0 | the version of the form, [`VERSION`] |
//! | 1–4 | CRC-32 (big-endian) of version, key and payload: a value that stands under a wrong key is found too |
//! | 5… | the payload, postcard |

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;

/// The version that [`encode`] writes.
pub const VERSION: u8 = 1;
/// The largest encoded record a store takes, in bytes.
pub const VALUE_MAX: usize = 1 << 20;
const HEADER: usize = 5;

/// The bytes of `record` as they stand under `key`.
///
/// # Errors
/// [`Error::TooLarge`] above [`VALUE_MAX`]; [`Error::Backend`] for a value that has no binary form.
pub fn encode<T: Serialize>(key: &[u8], record: &T) -> Result<Vec<u8>, Error> {
    let header = vec![VERSION, 0, 0, 0, 0];
    let mut bytes = postcard::to_extend(record, header).map_err(|error| {
        Error::Backend(format!(
            "record {} has no binary form: {error}",
            printable(key)
        ))
    })?;
    if bytes.len() > VALUE_MAX {
        return Err(Error::TooLarge {
            what: format!("record {}", printable(key)),
            size: bytes.len(),
            limit: VALUE_MAX,
        });
    }
    let sum = checksum(VERSION, key, &bytes[HEADER..]);
    bytes[1..HEADER].copy_from_slice(&sum.to_be_bytes());
    Ok(bytes)
}

/// The record that stands as `bytes` under `key`.
///
/// # Errors
/// [`Error::Damaged`] for an unknown version, a wrong checksum, or bytes that are no such record.
pub fn decode<T: DeserializeOwned>(key: &[u8], bytes: &[u8]) -> Result<T, Error> {
    let payload = payload(key, bytes)?;
    match postcard::take_from_bytes(payload) {
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
    postcard::take_from_bytes(payload(key, bytes)?)
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

fn payload<'a>(key: &[u8], bytes: &'a [u8]) -> Result<&'a [u8], Error> {
    let Some((header, payload)) = bytes.split_first_chunk::<HEADER>() else {
        return Err(damaged(key, format!("only {} bytes long", bytes.len())));
    };
    let [version, sum @ ..] = *header;
    if version != VERSION {
        let reason = format!("written in form {version}; this version reads form {VERSION}");
        return Err(damaged(key, reason));
    }
    if u32::from_be_bytes(sum) != checksum(version, key, payload) {
        return Err(damaged(key, "its checksum is wrong"));
    }
    Ok(payload)
}

fn checksum(version: u8, key: &[u8], payload: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&[version]);
    sum.update(key);
    sum.update(payload);
    sum.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_is_found() {
        let record = ("苏州", 7_u64, vec![1_u8, 2, 3]);
        let good = encode(b"k1", &record).unwrap();
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
        assert!(error.contains("form 9"), "{error}");
        let error = encode(b"k", &"x".repeat(VALUE_MAX)).unwrap_err();
        assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    }

    #[test]
    fn the_first_part_can_be_read_alone() {
        let bytes = encode(b"k", &(300_u64, "the rest")).unwrap();
        assert_eq!(decode_first::<u64>(b"k", &bytes), Ok(300));
    }
}
