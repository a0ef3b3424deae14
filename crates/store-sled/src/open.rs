//! Opening a directory: whose it is, what a kill, a power cut or damage may have left in it, and of which format it is.

use std::fs::{self, File};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use qixian_store::{Error, codec, keys};

use crate::batches::Batches;
use crate::durable::{self, Durable, Found, Marks};
use crate::format::{self, FORMAT, Upgraded};
use crate::lock::{LOCK_PAUSE, LOCK_TRIES, Lock, PAGES};
use crate::opening::Opening;
use crate::options::Options;
use crate::rows::{Tree, failed};
use crate::{snapshots, write_through};

/// The file in which sled keeps how its pages are laid out.
const SETTINGS: &str = "conf";
/// What sled says when its file is locked.
const LOCKED: &str = "could not acquire lock";

/// What a directory is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To serve it: an older format is upgraded.
    Serve,
    /// To look at its rows or change some, of whatever format.
    Work,
    /// To read what is intact, although something is missing.
    Save,
}

/// An open directory. The fields are dropped in this order: the lock is held longest.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) db: sled::Db,
    pub(crate) pages: File,
    /// `None` where batches are not to be numbered: an older format, or one that is not whole.
    pub(crate) batches: Option<Batches>,
    pub(crate) upgraded: Option<Upgraded>,
    /// Why it may only be read.
    pub(crate) complaint: Option<Error>,
    pub(crate) lock: Lock,
}

/// Opens the directory, making it where there is none.
pub(crate) fn open(dir: &Path, options: &Options, purpose: Purpose) -> Result<Opened, Error> {
    let system = |error| unusable(dir, &error);
    fs::create_dir_all(dir).map_err(system)?;
    let lock = Lock::take(dir)?;
    snapshots::remove_unfinished(dir).map_err(system)?;
    snapshots::set_damaged_aside(dir).map_err(system)?;
    let known = durable::read(dir)?;
    let mut opening = Opening {
        dir,
        purpose,
        known,
        made: lock.made_before() || known != Found::Nothing,
        logged: None,
        complaint: None,
    };
    if !opening.made && purpose == Purpose::Serve {
        remove_settings(dir).map_err(system)?;
    }
    opening.look(&lock)?;
    opening.forget_length(&lock).map_err(system)?;
    if !write_through::ask_for(dir).map_err(system)? {
        tracing::warn!(event = "writes_not_synchronous", dir = %dir.display());
    }
    let db = match open_sled(dir, options) {
        Err(sled::Error::Corruption { at: None, .. }) => {
            snapshots::set_aside(dir).map_err(system)?;
            opening.look(&lock)?;
            open_sled(dir, options)
        }
        opened => opened,
    };
    let db = db.map_err(|error| cannot_open(dir, error))?;
    let pages = File::open(dir.join(PAGES)).map_err(system)?;
    let tree = Tree(db.clone());
    let checked = guarded(dir, || opening.check(&tree, &lock))?;
    let mut upgraded = None;
    if checked.format < FORMAT && purpose == Purpose::Serve {
        let done = guarded(dir, || {
            opening.upgrade(&tree, &pages, checked.format, options)
        })?;
        upgraded = Some(done);
    }
    let batches = match (&opening.complaint, checked.format) {
        (None, FORMAT) => Some(opening.begin(&db, &pages, &lock, checked.batches)?),
        (None, _) if upgraded.is_some() => Some(opening.begin(&db, &pages, &lock, 0)?),
        _ => None,
    };
    Ok(Opened {
        db,
        pages,
        batches,
        upgraded,
        complaint: opening.complaint,
        lock,
    })
}

struct Checked {
    format: u32,
    batches: u64,
}

impl Opening<'_> {
    /// The first reads, and so the first that may meet damage.
    fn check(&mut self, tree: &Tree, lock: &Lock) -> Result<Checked, Error> {
        let format = match self.number::<u32>(tree, keys::FORMAT)? {
            Some(found) if found > FORMAT => {
                let known = FORMAT;
                return Err(Error::NewerFormat { found, known });
            }
            Some(format) => format,
            None => self.make(tree)?,
        };
        let batches = self.number(tree, keys::BATCHES)?.unwrap_or(0);
        match self.known {
            _ if format < FORMAT => self.check_closings(tree, lock)?,
            // sled must not have dropped what was whole, acknowledged or not.
            Found::Marks(marks) => {
                let logged = self.logged.unwrap_or_default();
                self.compare(batches, marks.batches.max(logged))?;
            }
            found if self.made => self.complain(Error::Uncounted {
                file: durable::path(self.dir).display().to_string(),
                damaged: found == Found::Damaged,
            })?,
            _ => {}
        }
        Ok(Checked { format, batches })
    }

    /// The first rows of a new store.
    fn make(&self, tree: &Tree) -> Result<u32, Error> {
        if self.made {
            // sled takes a file whose beginning is lost for a new one.
            return Err(
                self.damaged("a store was made here, but the file holds nothing; restore a backup")
            );
        }
        if !tree.0.is_empty() {
            return Err(Error::Damaged {
                key: codec::printable(keys::FORMAT),
                reason: "there are rows but no format; restore a backup".to_owned(),
            });
        }
        let row = codec::encode(keys::FORMAT, &FORMAT)?;
        tree.0.insert(keys::FORMAT, row).map_err(failed)?;
        Ok(FORMAT)
    }

    /// As stores of format 1 noted it.
    fn check_closings(&mut self, tree: &Tree, lock: &Lock) -> Result<(), Error> {
        let note = lock.closed().map_err(|error| unusable(self.dir, &error))?;
        if self.number::<u64>(tree, keys::UPGRADING)?.is_some() {
            // It was compared before the upgrade began, which takes the count away and then the note.
            return Ok(());
        }
        let found = self.number(tree, keys::CLOSINGS)?.unwrap_or(0);
        match note {
            Some(note) if found < note.closings => {
                let reason = "what was written last is not in it any more; restore a backup";
                self.complain(self.damaged(reason))
            }
            _ => Ok(()),
        }
    }

    fn number<T: serde::de::DeserializeOwned>(
        &self,
        tree: &Tree,
        key: &[u8],
    ) -> Result<Option<T>, Error> {
        let row = tree.0.get(key);
        let row = row.map_err(|error| cannot_open(self.dir, error))?;
        row.map(|row| codec::decode(key, &row)).transpose()
    }

    fn upgrade(
        &self,
        tree: &Tree,
        pages: &File,
        from: u32,
        options: &Options,
    ) -> Result<Upgraded, Error> {
        let exports = options.exports.as_deref().unwrap_or(self.dir);
        let needed = pages
            .metadata()
            .map_err(|error| unusable(self.dir, &error))?
            .len();
        format::check_room(tree, FORMAT, exports, needed, &*options.free_space)?;
        let sync = || {
            // Where rows are numbered the file that counts them must be there too.
            Durable::write(self.dir, Marks::default())
                .and_then(|_| sync_directories(self.dir))
                .and_then(|()| sync(&tree.0, pages))
                .map_err(|error| unusable(self.dir, &error))
        };
        format::upgrade(tree, from, &format::steps(), exports, sync)
    }

    /// Everything was checked: from here on batches are numbered.
    fn begin(
        &self,
        db: &sled::Db,
        pages: &File,
        lock: &Lock,
        batches: u64,
    ) -> Result<Batches, Error> {
        let begin = || {
            sync(db, pages)?;
            // Before the file that says that a store was made: without its settings sled would never open it again.
            File::open(self.dir.join(SETTINGS))?.sync_all()?;
            sync_directories(self.dir)?;
            let marks = Marks {
                batches,
                ..Marks::default()
            };
            let file = Durable::write(self.dir, marks)?;
            sync_directories(self.dir)?;
            lock.mark_as_made()?;
            Ok(Batches::new(self.dir, file, marks))
        };
        begin().map_err(|error| unusable(self.dir, &error))
    }
}

/// sled panics on some damage; that is an answer too.
fn guarded<T>(dir: &Path, look: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(look)).unwrap_or_else(|panic| {
        let word = format!("it panicked: {}", crate::watchdog::panic_text(&*panic));
        Err(cannot_open(dir, sled::Error::ReportableBug(word)))
    })
}

/// Makes durable whatever was applied before the call.
pub(crate) fn sync(db: &sled::Db, pages: &File) -> io::Result<()> {
    db.flush().map_err(io::Error::from)?;
    pages.sync_data()
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

/// Until a store was made, a power cut may have left part of sled's settings, and it would never open again; sled writes
/// them anew. It does not sync them: that is done before the store counts as made.
fn remove_settings(dir: &Path) -> io::Result<()> {
    match fs::remove_file(dir.join(SETTINGS)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// New names are durable only once their directories are.
pub(crate) fn sync_directories(dir: &Path) -> io::Result<()> {
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
