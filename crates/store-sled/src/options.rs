//! How to open a store.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use qixian_store::core::Words;

use crate::space::{FileSystem, FreeSpace};

/// How to open a store.
#[derive(Clone)]
pub struct Options {
    /// How much sled may cache, in bytes; resident memory comes to 2–3.5 times that. 128 MiB unless said otherwise.
    pub cache_capacity: u64,
    /// How long applying a batch, or making it durable, may take before the process ends; 30 s unless said otherwise.
    pub flush_limit: Duration,
    /// How many bytes of the disk are kept for timers and outcomes; 256 MiB unless said otherwise, 0 for none. Under 64 MiB is
    /// less than sled may need to end and start again.
    pub reserve: u64,
    /// How long a look at the free space is good; a second unless said otherwise.
    pub look_every: Duration,
    /// Who is asked for the free space: the file system unless said otherwise.
    pub free_space: Arc<dyn FreeSpace>,
    /// Where the export before an upgrade is written, a directory that is there; the store's own unless said otherwise.
    pub exports: Option<PathBuf>,
    /// Called with a last word when writing failed for good. It should not return: unless said otherwise it logs, prints
    /// and aborts. Where it returns (in tests), the store takes nothing any more.
    pub on_fatal: Arc<dyn Fn(&Words) + Send + Sync>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_capacity: 128 << 20,
            flush_limit: Duration::from_secs(30),
            reserve: 256 << 20,
            look_every: Duration::from_secs(1),
            free_space: Arc::new(FileSystem),
            exports: None,
            on_fatal: Arc::new(|word| {
                tracing::error!(event = "store_failed", reason = word.en);
                eprintln!("qixian: {}\nqixian: {}", word.zh, word.en);
                std::process::abort()
            }),
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Options")
            .field("cache_capacity", &self.cache_capacity)
            .field("flush_limit", &self.flush_limit)
            .field("reserve", &self.reserve)
            .finish_non_exhaustive()
    }
}
