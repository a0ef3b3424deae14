//! Opening a directory: whose it is, what a kill or power cut may have left in it, and of which format it is.

use std::fs::{self, File};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use qixian_store::{Error, codec, keys};

use crate::lock::{Lock, PAGES};
use crate::rows::failed;
use crate::space::{FileSystem, FreeSpace};

/// The format of the rows that this version writes.
const FORMAT: u32 = 1;
/// What sled says when its file is locked.
const LOCKED: &str = "could not acquire lock";
/// How often, and how long between, sled's lock is waited for: two seconds in all.
const LOCK_TRIES: usize = 200;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

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
    /// Called with a last word when writing failed for good. It should not return: unless said otherwise it logs, prints
    /// and aborts. Where it returns (in tests), the store takes nothing any more.
    pub on_fatal: Arc<dyn Fn(&str) + Send + Sync>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_capacity: 128 << 20,
            flush_limit: Duration::from_secs(30),
            reserve: 256 << 20,
            look_every: Duration::from_secs(1),
            free_space: Arc::new(FileSystem),
            on_fatal: Arc::new(|word| {
                tracing::error!(event = "store_failed", reason = word);
                eprintln!("qixian: {word}");
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

/// An open directory. The fields are dropped in this order: the lock is held longest.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) db: sled::Db,
    pub(crate) pages: File,
    pub(crate) lock: Lock,
}

/// Opens the directory, making it where there is none.
pub(crate) fn open(dir: &Path, options: &Options) -> Result<Opened, Error> {
    fs::create_dir_all(dir).map_err(|error| unusable(dir, &error))?;
    let lock = Lock::take(dir)?;
    lock.check_length()?;
    remove_unfinished_snapshots(dir).map_err(|error| unusable(dir, &error))?;
    let db = match open_sled(dir, options) {
        // Snapshots only shorten recovery: without them sled reads its whole log, and loses nothing.
        Err(sled::Error::Corruption { at: None, .. }) => {
            set_snapshots_aside(dir).map_err(|error| unusable(dir, &error))?;
            open_sled(dir, options)
        }
        opened => opened,
    };
    let db = db.map_err(|error| cannot_open(dir, error))?;
    check(dir, &db, &lock)?;
    let pages = File::open(dir.join(PAGES)).map_err(|error| unusable(dir, &error))?;
    let synced = sync(&db, &pages)
        .and_then(|()| lock.mark_as_made())
        .and_then(|()| sync_directories(dir));
    synced.map_err(|error| unusable(dir, &error))?;
    Ok(Opened { db, pages, lock })
}

/// Makes durable whatever was applied before the call.
pub(crate) fn sync(db: &sled::Db, pages: &File) -> io::Result<()> {
    db.flush().map_err(io::Error::from)?;
    pages.sync_data()
}

/// Writes the last row before a clean close, by which the next opening knows that it sees everything.
pub(crate) fn write_last(db: &sled::Db, pages: &File, lock: &Lock) -> Result<(), Error> {
    let closings = closings(db, failed)? + 1;
    let row = codec::encode(keys::CLOSINGS, &closings)?;
    db.insert(keys::CLOSINGS, row).map_err(failed)?;
    sync(db, pages).map_err(|error| Error::Backend(error.to_string()))?;
    lock.set_closings(closings);
    Ok(())
}

fn closings(db: &sled::Db, say: impl FnOnce(sled::Error) -> Error) -> Result<u64, Error> {
    match db.get(keys::CLOSINGS).map_err(say)? {
        Some(row) => codec::decode(keys::CLOSINGS, &row),
        None => Ok(0),
    }
}

/// sled takes damage near the end of its log for what a power cut leaves, and opens the state before it.
fn check_closings(dir: &Path, db: &sled::Db, lock: &Lock) -> Result<(), Error> {
    let left = lock.closings().map_err(|error| unusable(dir, &error))?;
    let found = closings(db, |error| cannot_open(dir, error))?;
    match left {
        Some(left) if found < left => Err(Error::Damaged {
            key: dir.join(PAGES).display().to_string(),
            reason: "what was written last is not in it any more; restore a backup".to_owned(),
        }),
        _ => Ok(()),
    }
}

/// sled's own lock is given free a moment after its last handle, by a thread of its own. Ours is held already, so nobody
/// but an earlier handle of this process can have it.
fn open_sled(dir: &Path, options: &Options) -> Result<sled::Db, sled::Error> {
    for _ in 0..LOCK_TRIES {
        match try_open_sled(dir, options) {
            Err(sled::Error::Io(error)) if error.to_string().contains(LOCKED) => {
                std::thread::park_timeout(LOCK_PAUSE);
            }
            opened => return opened,
        }
    }
    try_open_sled(dir, options)
}

fn try_open_sled(dir: &Path, options: &Options) -> Result<sled::Db, sled::Error> {
    let config = sled::Config::new()
        .path(dir)
        .cache_capacity(options.cache_capacity)
        .flush_every_ms(None);
    catch_unwind(AssertUnwindSafe(|| config.open())).unwrap_or_else(|panic| {
        let word = format!("it panicked: {}", crate::watchdog::panic_text(&*panic));
        Err(sled::Error::ReportableBug(word))
    })
}

/// A snapshot that was being written when the process died sorts last and would be taken for the newest one. Only the
/// rename that never came makes it valid, so removing it is always safe.
fn remove_unfinished_snapshots(dir: &Path) -> io::Result<()> {
    for path in snapshots(dir)? {
        if path.extension().is_some_and(|end| end == "generating") {
            tracing::warn!(event = "unfinished_snapshot_removed", path = %path.display());
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn set_snapshots_aside(dir: &Path) -> io::Result<()> {
    for path in snapshots(dir)? {
        let Some(name) = path.file_name() else {
            continue;
        };
        let mut aside = std::ffi::OsString::from("damaged-");
        aside.push(name);
        tracing::warn!(event = "damaged_snapshot_set_aside", path = %path.display());
        fs::rename(&path, dir.join(aside))?;
    }
    Ok(())
}

fn snapshots(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("snap.") {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// The first reads, and so the first that may meet damage.
fn check(dir: &Path, db: &sled::Db, lock: &Lock) -> Result<(), Error> {
    let look = || check_format(dir, db, lock).and_then(|()| check_closings(dir, db, lock));
    catch_unwind(AssertUnwindSafe(look)).unwrap_or_else(|panic| {
        let word = format!("it panicked: {}", crate::watchdog::panic_text(&*panic));
        Err(cannot_open(dir, sled::Error::ReportableBug(word)))
    })
}

fn check_format(dir: &Path, db: &sled::Db, lock: &Lock) -> Result<(), Error> {
    let backend = |error| cannot_open(dir, error);
    match db.get(keys::FORMAT).map_err(backend)? {
        Some(row) => {
            let found: u32 = codec::decode(keys::FORMAT, &row)?;
            let known = FORMAT;
            match found > known {
                true => Err(Error::NewerFormat { found, known }),
                false => Ok(()),
            }
        }
        // sled takes a file that was cut to nothing for a new one.
        None if lock.made_before() => Err(Error::Damaged {
            key: dir.join(PAGES).display().to_string(),
            reason: "a store was made here, but the file holds nothing; restore a backup"
                .to_owned(),
        }),
        None if db.is_empty() => {
            let row = codec::encode(keys::FORMAT, &FORMAT)?;
            db.insert(keys::FORMAT, row).map_err(backend)?;
            Ok(())
        }
        None => Err(Error::Damaged {
            key: codec::printable(keys::FORMAT),
            reason: "there are rows but no format; restore a backup".to_owned(),
        }),
    }
}

/// New names are durable only once their directories are.
fn sync_directories(dir: &Path) -> io::Result<()> {
    let dir = fs::canonicalize(dir)?;
    File::open(&dir)?.sync_all()?;
    match dir.parent() {
        // Where a parent may not be read, its entry for us was there before or is not ours to keep.
        Some(parent) => match File::open(parent) {
            Ok(parent) => parent.sync_all(),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
            Err(error) => Err(error),
        },
        None => Ok(()),
    }
}

pub(crate) fn unusable(dir: &Path, error: &io::Error) -> Error {
    use io::ErrorKind;
    let remedy = match error.kind() {
        ErrorKind::PermissionDenied => "; let the user that runs qixian write there",
        ErrorKind::ReadOnlyFilesystem => "; it is on a file system mounted read-only",
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => "; name a directory, not a file",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "; make room on that disk",
        _ => "",
    };
    Error::Unusable {
        dir: dir.display().to_string(),
        reason: format!("{error}{remedy}"),
    }
}

fn cannot_open(dir: &Path, error: sled::Error) -> Error {
    match error {
        sled::Error::Io(error) => unusable(dir, &error),
        error => Error::Damaged {
            key: dir.join(PAGES).display().to_string(),
            reason: format!("{error}; restore a backup"),
        },
    }
}
