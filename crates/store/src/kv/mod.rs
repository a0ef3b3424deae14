//! The contract over ordered bytes: what a group changes, and how every read is answered. Shared by embedded backends,
//! which add files, threads and durability.

mod draft;
pub mod dump;
mod list;
mod messages;
mod read;
mod value;

pub use draft::{Changes, Draft};
pub use read::Reader;
pub use value::PIECE;

use std::ops::Bound;

use crate::Error;
use crate::keys::Key;

/// The most rows taken in one scan: an iterator pins memory while it lives.
pub const SCAN_MAX: usize = 1_000;

/// Ordered rows as they are now.
pub trait Rows {
    /// The value under `key`.
    ///
    /// # Errors
    /// Whatever the backend says.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;

    /// Rows between the bounds in the order of their keys, at most `limit` (≤ [`SCAN_MAX`]).
    ///
    /// # Errors
    /// Whatever the backend says.
    fn scan(
        &self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Key, Vec<u8>)>, Error>;
}
