//! How much room the disk has, so that sled never meets its end: a write error is for good until the next start.
//!
//! What sled 0.34.7 needs beyond the rows of a batch: its file grows by segments of 512 KiB; about every tenth change of a
//! page writes the whole page again (up to 16 rows of at most 4 KiB), and cleaning a segment moves what lives in it to the end
//! of the file before it is free; a page over 128 KiB gets a file of its own below `blobs/`. An ordinary batch of 500 keys
//! takes 1–2 MiB, the largest possible about 32 MiB. Opening writes a new snapshot (some 20 bytes a page) before the old one
//! goes, and fills the last segment; closing writes one row. So a reserve under 64 MiB, of which a quarter is 16 MiB, is too
//! small to close and open again with certainty; the default of 256 MiB leaves 64 MiB when everything stops.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use qixian_store::Room;
use qixian_store::time::Stopwatch;

use crate::Options;

/// Tells how many bytes this process may still write where a directory lies.
pub trait FreeSpace: Send + Sync {
    /// The free bytes of the file system that holds `dir`.
    ///
    /// # Errors
    /// Whatever the system says; the store then goes on as if there were room.
    fn free(&self, dir: &Path) -> io::Result<u64>;
}

/// What the file system itself says: blocks that others than root may use.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileSystem;

impl FreeSpace for FileSystem {
    fn free(&self, dir: &Path) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(dir)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

/// The room of one directory. A look is good for `look_every`, and until a sixteenth of the reserve was written after it.
pub(crate) struct Space {
    dir: PathBuf,
    reserve: u64,
    look_every: Duration,
    probe: Arc<dyn FreeSpace>,
    looked: Mutex<Option<Looked>>,
}

struct Looked {
    since: Stopwatch,
    free: Option<u64>,
    written: u64,
}

impl Space {
    /// Of `dir`; nothing is looked at yet.
    pub(crate) fn new(dir: &Path, options: &Options) -> Self {
        Self {
            dir: dir.to_owned(),
            reserve: options.reserve,
            look_every: options.look_every,
            probe: options.free_space.clone(),
            looked: Mutex::new(None),
        }
    }

    /// What is left.
    pub(crate) fn room(&self) -> Room {
        let mut looked = self.lock();
        let good = looked.as_ref().filter(|last| !self.is_old(last));
        let free = match good {
            Some(last) => last.free,
            None => {
                let free = self.look(looked.as_ref().is_none_or(|last| last.free.is_some()));
                *looked = Some(Looked {
                    since: Stopwatch::start(),
                    free,
                    written: 0,
                });
                free
            }
        };
        Room {
            free,
            reserve: self.reserve,
        }
    }

    /// So many bytes were given to sled.
    pub(crate) fn wrote(&self, bytes: u64) {
        if let Some(last) = self.lock().as_mut() {
            last.written = last.written.saturating_add(bytes);
        }
    }

    fn is_old(&self, last: &Looked) -> bool {
        last.since.elapsed() >= self.look_every
            || (self.reserve > 0 && last.written >= self.reserve / 16)
    }

    fn look(&self, tell: bool) -> Option<u64> {
        match self.probe.free(&self.dir) {
            Ok(free) => Some(free),
            Err(error) => {
                if tell {
                    tracing::warn!(event = "disk_space_unknown", reason = %error);
                }
                None
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Looked>> {
        self.looked
            .lock()
            .expect("no code panics while it holds the lock")
    }
}

impl std::fmt::Debug for Space {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Space")
            .field("dir", &self.dir)
            .field("reserve", &self.reserve)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// Answers how often it was asked; the first time it does not know.
    #[derive(Default)]
    struct Counting(AtomicU64);

    impl FreeSpace for Counting {
        fn free(&self, _: &Path) -> io::Result<u64> {
            match self.0.fetch_add(1, Ordering::SeqCst) {
                0 => Err(io::Error::other("not yet")),
                asked => Ok(asked),
            }
        }
    }

    fn space(look_every: Duration) -> Space {
        let options = Options {
            reserve: 1_600,
            look_every,
            free_space: Arc::new(Counting::default()),
            ..Options::default()
        };
        Space::new(Path::new("/"), &options)
    }

    #[test]
    fn a_look_is_kept_until_it_is_old_or_much_was_written() {
        let kept = space(Duration::MAX);
        assert_eq!(kept.room().free, None, "the first look failed");
        kept.wrote(99);
        assert_eq!(kept.room().free, None);
        kept.wrote(1);
        assert_eq!(kept.room().free, Some(1));
        assert_eq!(kept.room().free, Some(1));
        let always = space(Duration::ZERO);
        always.room();
        assert_eq!(always.room().free, Some(1));
        assert_eq!(always.room().free, Some(2));
    }

    #[test]
    fn the_file_system_tells() {
        let free = FileSystem.free(&std::env::temp_dir());
        assert!(free.is_ok_and(|free| free > 0));
        assert!(FileSystem.free(Path::new("/nowhere/at/all")).is_err());
    }
}
