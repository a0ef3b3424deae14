//! Clients, contacts and assets.

use qixian_core::{CaseId, Fields, Rev};
use qixian_store::{MemStore, Record, RecordKind, Store};
use qixian_time::Timestamp;

use crate::Rng;
use crate::records::RecordKey;
use crate::rng::hash_bytes;

/// What somebody wants to do with some record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordWish {
    New,
    Change,
    Remove,
    /// A change of what somebody else changed meanwhile.
    Stale,
}

/// A record to put or remove.
pub(crate) struct RecordChange {
    /// What it counts as.
    pub(crate) name: &'static str,
    pub(crate) key: RecordKey,
    pub(crate) expected_rev: Rev,
    pub(crate) after: Option<Record>,
}

impl RecordWish {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        match rng.below(10) {
            0..4 => Self::New,
            4..7 => Self::Change,
            7..9 => Self::Remove,
            _ => Self::Stale,
        }
    }

    /// The wish for one of these records, as it is in the store now; a new one where there is none.
    pub(crate) fn of(self, rng: &mut Rng, idle: &[RecordKey], store: &MemStore) -> RecordChange {
        let kinds = [RecordKind::Client, RecordKind::Contact, RecordKind::Asset];
        let kind = rng.pick(&kinds).copied().unwrap_or(RecordKind::Client);
        let mut bytes = [0; 10];
        bytes[..8].copy_from_slice(&rng.number().to_le_bytes());
        let fresh = (kind, CaseId::new(0, bytes));
        let known = rng.prefer(idle, |key| hash_bytes(key.1.as_bytes()));
        let key = known.copied().filter(|_| self != Self::New);
        let key = key.unwrap_or(fresh);
        let found = pollster::block_on(store.record(key.0, key.1));
        let rev = found.ok().flatten().map_or(0, |record| record.rev);
        let record = Record {
            kind: key.0,
            id: key.1,
            rev: 0,
            title: format!("某{}", rng.below(100)),
            client: None,
            fields: Fields::new(),
            changed_at: Timestamp::MIN,
        };
        let (name, expected_rev, after) = match self {
            Self::Stale => ("stale record", rev + 7, Some(record)),
            Self::Remove if rev > 0 => ("record removed", rev, None),
            _ => ("record put", rev, Some(record)),
        };
        RecordChange {
            name,
            key,
            expected_rev,
            after,
        }
    }
}
