//! Work on all rows of a store that nobody else uses meanwhile: [`verify`] looks at every one, [`export`] writes those
//! that say something of their own as JSON lines, [`import`] takes such lines in.
//!
//! A row is either a *record* (`c e o i d r m`, see [`crate::keys`]), which nothing else in the store says again, or
//! *derived* (`t p x y b n w l a q f`), made of records alone and so made anew at any time. What cannot be read is named and
//! gone round; nothing here gives up at the first damage.

mod export;
mod import;
mod stored;
mod sweep;
mod verify;

use serde::Serialize;

use crate::kv::{Changes, Rows};
use crate::{Error, codec};

pub use export::{About, Exported, export};
pub use import::{Imported, import};
pub use stored::Kind;
pub use verify::{Verified, rebuild, verify};

/// The format of export files that this version writes.
pub const EXPORT_FORMAT: u32 = 1;

/// The most keys changed at once.
const BATCH: usize = 250;

/// Rows that can be changed.
pub trait Apply: Rows {
    /// Puts and removes these rows, all or none. Durable only when the backend is closed, or earlier.
    ///
    /// # Errors
    /// Whatever the backend says.
    fn apply(&self, changes: Changes) -> Result<(), Error>;
}

/// One thing that is wrong with a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Of which sort it is.
    pub kind: Problem,
    /// The key it is about, printable.
    pub key: String,
    /// The case, message, reference … it is about, as people know it; `None` where the key does not say.
    pub about: Option<String>,
    /// What is wrong.
    pub what: String,
    /// Whether [`rebuild`] mends it: only derived rows can be made anew.
    pub repairable: bool,
}

impl Finding {
    fn new(kind: Problem, key: &[u8], what: String, repairable: bool) -> Self {
        Self {
            kind,
            key: codec::printable(key),
            about: stored::about(key),
            what,
            repairable,
        }
    }
}

/// The sorts of finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// A record that does not read back: a wrong checksum, a missing piece, the wrong key.
    Damaged,
    /// Rows that the backend cannot give.
    Unreadable,
    /// A case's journal has a gap, or does not end where the case stands.
    Journal,
    /// Something speaks of a record that is not there.
    Missing,
    /// A derived row that should be there is not, or says something else.
    IndexMissing,
    /// A derived row that nothing in the store makes.
    IndexStray,
    /// Two cases have one reference.
    ReferenceTaken,
    /// Rows that this version does not know.
    Unknown,
    /// Rows in a file that the backend does not make durable: a power cut may take them.
    Undurable,
}
