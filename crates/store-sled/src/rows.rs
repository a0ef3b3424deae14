//! sled's tree as ordered rows.

use std::io;
use std::ops::Bound;

use qixian_store::Error;
use qixian_store::kv::dump::Apply;
use qixian_store::kv::{Changes, Rows};

/// The one tree.
#[derive(Clone)]
pub(crate) struct Tree(pub(crate) sled::Db);

/// Without its contents, which sled would print.
impl std::fmt::Debug for Tree {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Tree")
    }
}

impl Rows for Tree {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let row = self.0.get(key).map_err(failed)?;
        Ok(row.map(|row| row.to_vec()))
    }

    fn scan(
        &self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, Error> {
        self.0
            .range::<&[u8], _>((from, to))
            .take(limit)
            .map(|row| {
                let (key, row) = row.map_err(failed)?;
                Ok((key.to_vec(), row.to_vec()))
            })
            .collect()
    }
}

/// As one batch, without a number.
impl Apply for Tree {
    fn apply(&self, changes: Changes) -> Result<(), Error> {
        let mut batch = sled::Batch::default();
        for (key, row) in changes {
            match row {
                Some(row) => batch.insert(key, row),
                None => batch.remove(key),
            }
        }
        self.0.apply_batch(batch).map_err(failed)
    }
}

pub(crate) fn failed(error: sled::Error) -> Error {
    match error {
        sled::Error::Io(error) => system(&error),
        sled::Error::Corruption { at, .. } => Error::Damaged {
            key: format!("page at {at:?}"),
            reason: "sled found it damaged; restore a backup".to_owned(),
        },
        error => Error::Backend(error.to_string()),
    }
}

/// What the system said while something was written or read.
pub(crate) fn system(error: &io::Error) -> Error {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    let reason = error.to_string();
    match error.kind() {
        StorageFull | QuotaExceeded | FileTooLarge => Error::Full { reason },
        _ => Error::Backend(reason),
    }
}
