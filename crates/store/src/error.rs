//! What can go wrong with a store, by what the caller can do about it.

/// An error of a store. Codes are listed in `docs/errors.md`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// ST0001: another process has the directory open.
    #[error("ST0001: the data directory {dir} is in use by another process; stop that one first")]
    InUse {
        /// The directory.
        dir: String,
    },
    /// ST0002: the directory was written by a newer version.
    #[error(
        "ST0002: the data directory has format {found}; this version reads up to {known}: use a newer qixian"
    )]
    NewerFormat {
        /// What it has.
        found: u32,
        /// What this version knows.
        known: u32,
    },
    /// ST0003: a record does not read back: damaged or unknown.
    #[error("ST0003: record {key} cannot be read: {reason}")]
    Damaged {
        /// The record's key, printable.
        key: String,
        /// What is wrong.
        reason: String,
    },
    /// ST0004: the directory cannot be used (not writable, no space, not a directory).
    #[error("ST0004: the data directory {dir} cannot be used: {reason}")]
    Unusable {
        /// The directory.
        dir: String,
        /// What the system said.
        reason: String,
    },
    /// ST0005: the backend failed.
    #[error("ST0005: the store failed: {0}")]
    Backend(String),
    /// ST0006: a cursor that this store did not give out.
    #[error("ST0006: the cursor is not one that was given out")]
    BadCursor,
    /// ST0007: a record is larger than the store takes.
    #[error("ST0007: {what} has {size} bytes; at most {limit} are taken")]
    TooLarge {
        /// What it is.
        what: String,
        /// Its size.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// ST0008: a file to import does not hold what an export writes.
    #[error("ST0008: line {line} of the file cannot be taken: {reason}")]
    BadLine {
        /// Its number, 1 for the first.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
}
