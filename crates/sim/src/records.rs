//! What people know of clients, contacts and assets: an acknowledged record is there as it was acknowledged.

use std::collections::BTreeMap;

use qixian_core::CaseId;
use qixian_store::{MemStore, Record, RecordKind, Store};

use crate::Failure;

/// Which record.
pub(crate) type RecordKey = (RecordKind, CaseId);

/// What was last acknowledged of each record.
#[derive(Debug, Default)]
pub(crate) struct Records(BTreeMap<RecordKey, Known>);

#[derive(Debug, Default)]
struct Known {
    /// As acknowledged last; `None`: not there.
    record: Option<Record>,
    /// A change is under way.
    waits: bool,
    /// A change was under way whose fate nobody told.
    doubt: bool,
}

impl Records {
    /// Those that nobody is changing now.
    pub(crate) fn idle(&self) -> Vec<RecordKey> {
        let idle = self.0.iter().filter(|(_, known)| !known.waits);
        idle.map(|(key, _)| *key).collect()
    }

    /// Somebody changes it from now on.
    pub(crate) fn begin(&mut self, key: RecordKey) {
        self.0.entry(key).or_default().waits = true;
    }

    /// A change was acknowledged.
    pub(crate) fn acknowledged(&mut self, key: RecordKey, record: Option<Record>) {
        self.0.insert(
            key,
            Known {
                record,
                waits: false,
                doubt: false,
            },
        );
    }

    /// A change was refused.
    pub(crate) fn refused(&mut self, key: RecordKey) {
        self.0.entry(key).or_default().waits = false;
    }

    /// Nobody can say what became of a change.
    pub(crate) fn doubtful(&mut self, key: RecordKey) {
        let known = self.0.entry(key).or_default();
        (known.waits, known.doubt) = (false, true);
    }

    /// Compares with what is stored.
    ///
    /// # Errors
    /// The first record that is not as it was acknowledged.
    pub(crate) fn check(&self, store: &MemStore) -> Result<(), Failure> {
        let sure = self.0.iter().filter(|(_, k)| !k.waits && !k.doubt);
        for ((kind, id), known) in sure {
            let found = pollster::block_on(store.record(*kind, *id));
            let found = found.map_err(|error| Failure(error.to_string()))?;
            if found != known.record {
                let known = &known.record;
                return Err(Failure(format!(
                    "record {id} was acknowledged as {known:?}, found {found:?}"
                )));
            }
        }
        Ok(())
    }
}
