//! The embedded backend on sled 0.34.7, as its measured behaviour asks for.
//!
//! What sled does not do by itself is done here: `flush` is followed by an `fdatasync` of our own, since sled's alone does
//! not survive a power cut; left-over and damaged snapshot files are set aside before they make the store refuse to open;
//! writes come from one thread, in batches that stay small; a second thread makes what was applied durable and answers,
//! so that the disk's wait and the tree's work overlap. The rows and their order are [`qixian_store::keys`]'s.
//!
//! sled opens what a power cut or damage left as an older state, without a word. So batches are numbered, the number of the
//! last durable one is kept beside, and the log is looked at before sled does: what misses something acknowledged is refused.
//!
//! After an error or a panic while writing nobody knows what is on disk: the process ends with a last word, and opening
//! again recovers what was acknowledged.

mod batches;
mod durable;
mod flusher;
mod format;
mod lock;
mod log;
mod offline;
mod open;
mod opening;
mod options;
mod queue;
mod rows;
mod snapshots;
mod space;
mod store;
mod watchdog;
mod write_through;
mod writer;

pub use format::Upgraded;
pub use offline::{Offline, import};
pub use options::Options;
pub use space::{FileSystem, FreeSpace};
pub use store::SledStore;
