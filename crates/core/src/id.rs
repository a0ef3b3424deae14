//! Identifiers: 128 bits written as 26 ASCII characters, made outside (time and randomness are the caller's).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::Rev;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The id of a case, client, contact or asset: 128 bits, shown as 26 characters of Crockford's base 32.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CaseId([u8; 16]);

/// A text that is no [`CaseId`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no id: expected 26 characters of 0-9 and A-Z without I, L, O and U")]
pub struct IdError(String);

impl CaseId {
    /// An id whose first 48 bits are `millis`, so that ids made later sort later; `random` fills the rest.
    pub fn new(millis: i64, random: [u8; 10]) -> Self {
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
        bytes[6..].copy_from_slice(&random);
        Self(bytes)
    }

    /// The id of the `index`-th child that the journal line `seq` of `self` starts: the same on every replay.
    pub fn child(&self, seq: Rev, index: u32) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(seq.to_be_bytes());
        hash.update(index.to_be_bytes());
        let digest = hash.finalize();
        let mut bytes = self.0;
        bytes[6..].copy_from_slice(&digest[..10]);
        Self(bytes)
    }

    /// The 16 bytes, big-endian: byte order is id order.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The id of these 16 bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for CaseId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = u128::from_be_bytes(self.0);
        let text: [u8; 26] =
            std::array::from_fn(|i| ALPHABET[((bits >> (5 * (25 - i))) & 31) as usize]);
        out.pad(std::str::from_utf8(&text).expect("the alphabet is ASCII"))
    }
}

impl fmt::Debug for CaseId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl FromStr for CaseId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let bad = || IdError(text.chars().take(40).collect());
        if text.len() != 26 || text.as_bytes()[0] > b'7' {
            return Err(bad());
        }
        let mut bits: u128 = 0;
        for byte in text.bytes() {
            let digit = ALPHABET
                .iter()
                .position(|c| *c == byte.to_ascii_uppercase())
                .ok_or_else(bad)?;
            bits = bits << 5 | digit as u128;
        }
        Ok(Self(bits.to_be_bytes()))
    }
}

impl Serialize for CaseId {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        if out.is_human_readable() {
            out.collect_str(self)
        } else {
            self.0.serialize(out)
        }
    }
}

impl<'de> Deserialize<'de> for CaseId {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        if input.is_human_readable() {
            String::deserialize(input)?
                .parse()
                .map_err(serde::de::Error::custom)
        } else {
            <[u8; 16]>::deserialize(input).map(Self)
        }
    }
}

/// The id of one outbox entry: the case, the journal line that caused it and its place among that line's entries. It is
/// also the root of every try's idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OutboxId {
    /// The case that is spoken of.
    pub case: CaseId,
    /// The journal line that caused the entry.
    pub seq: Rev,
    /// 0 for the line's first entry.
    pub index: u16,
}

impl fmt::Display for OutboxId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}-{}-{}", self.case, self.seq, self.index)
    }
}

impl FromStr for OutboxId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let bad = || IdError(text.chars().take(40).collect());
        let mut parts = text.split('-');
        let (Some(case), Some(seq), Some(index), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(bad());
        };
        Ok(Self {
            case: case.parse()?,
            seq: seq.parse().map_err(|_| bad())?,
            index: index.parse().map_err(|_| bad())?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_written() {
        for id in [
            CaseId::new(0, [0; 10]),
            CaseId::new(1_795_399_200_000, [0xa5; 10]),
            CaseId::from_bytes([0xff; 16]),
        ] {
            assert_eq!(id.to_string().len(), 26);
            assert_eq!(id.to_string().parse(), Ok(id));
            let outbox = OutboxId {
                case: id,
                seq: 7,
                index: 2,
            };
            assert_eq!(outbox.to_string().parse(), Ok(outbox));
        }
        assert!(
            "8ZZZZZZZZZZZZZZZZZZZZZZZZZ".parse::<CaseId>().is_err(),
            "more than 128 bits"
        );
        assert!("短".repeat(26).parse::<CaseId>().is_err());
    }

    #[test]
    fn children_differ_and_repeat() {
        let parent = CaseId::new(5, [1; 10]);
        assert_eq!(parent.child(3, 0), parent.child(3, 0));
        assert_ne!(parent.child(3, 0), parent.child(3, 1));
        assert_ne!(parent.child(3, 0), parent.child(4, 0));
    }
}
