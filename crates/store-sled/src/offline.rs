//! A directory opened for work on all its rows, while no daemon uses it.

use std::fs::{self, File};
use std::io::{self, BufRead};
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use qixian_store::Error;
use qixian_store::kv::dump::{self, Apply, Finding, Imported, Problem};
use qixian_store::kv::{Changes, Rows};

use crate::batches::Batches;
use crate::lock::{Lock, PAGES};
use crate::open::{Purpose, open, sync, unusable};
use crate::options::Options;
use crate::rows::{Tree, system};
use crate::watchdog::panic_text;

/// An existing store's rows. Closed by [`Offline::close`], which makes changes durable.
#[derive(Debug)]
pub struct Offline {
    dir: PathBuf,
    tree: Tree,
    pages: File,
    batches: Option<Batches>,
    complaint: Option<Error>,
    _lock: Lock,
}

impl Offline {
    /// Opens a directory that a store was made in before. Rows of an older format stay as they are.
    ///
    /// # Errors
    /// As [`crate::SledStore::open`]; [`Error::Unusable`] too where there is no store, which is then not made.
    pub fn open(dir: &Path, options: &Options) -> Result<Self, Error> {
        Self::open_existing(dir, options, Purpose::Work)
    }

    /// The same to save what is intact: damage found on the way is no reason to refuse, but told by
    /// [`Offline::complaint`]. Such a store is only to be read, and is refused afterwards as it was before.
    ///
    /// # Errors
    /// As [`Offline::open`], where nothing can be read at all.
    pub fn open_to_save(dir: &Path, options: &Options) -> Result<Self, Error> {
        Self::open_existing(dir, options, Purpose::Save)
    }

    fn open_existing(dir: &Path, options: &Options, purpose: Purpose) -> Result<Self, Error> {
        if !dir.join(PAGES).is_file() {
            let none = io::Error::new(io::ErrorKind::NotFound, "there is no store in it");
            return Err(unusable(dir, &none));
        }
        Self::open_or_make(dir, options, purpose)
    }

    fn open_or_make(dir: &Path, options: &Options, purpose: Purpose) -> Result<Self, Error> {
        let opened = open(dir, options, purpose)?;
        Ok(Self {
            dir: dir.to_owned(),
            tree: Tree(opened.db),
            pages: opened.pages,
            batches: opened.batches,
            complaint: opened.complaint,
            _lock: opened.lock,
        })
    }

    /// Why this store would not be served: rows that were acknowledged are missing, or older than they were.
    pub fn complaint(&self) -> Option<&Error> {
        self.complaint.as_ref()
    }

    /// Pages that sled keeps in files of their own, since they are over 128 KiB. It never syncs those, so there should be
    /// none: values are cut into pieces of 4 KiB and keys are short. One finding for each.
    ///
    /// # Errors
    /// [`Error::Unusable`] where they cannot be listed.
    pub fn undurable(&self) -> Result<Vec<Finding>, Error> {
        let blobs = self.dir.join("blobs");
        let listed = fs::read_dir(&blobs).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let found = match listed {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            listed => listed.map_err(|error| unusable(&blobs, &error))?,
        };
        let mut names: Vec<_> = found.iter().map(fs::DirEntry::file_name).collect();
        names.sort();
        let finding = |name: std::ffi::OsString| Finding {
            kind: Problem::Undurable,
            key: format!("blobs/{}", name.to_string_lossy()),
            about: None,
            what:
                "a page over 128 KiB in a file of its own is never synced; export, and import anew"
                    .to_owned(),
            repairable: false,
        };
        Ok(names.into_iter().map(finding).collect())
    }

    /// Makes what was applied durable, and gives the directory free.
    ///
    /// # Errors
    /// Whatever the backend says; what was applied may then not be durable.
    pub fn close(self) -> Result<(), Error> {
        if self.complaint.is_some() {
            return Ok(());
        }
        self.guarded(|tree| sync(&tree.0, &self.pages).map_err(|error| system(&error)))?;
        if let Some(batches) = &self.batches {
            let noted = batches.durable(batches.last());
            noted.map_err(|error| system(&error))?;
            batches.close();
        }
        Ok(())
    }

    /// sled panics on some damage; that is an answer too.
    fn guarded<T>(&self, read: impl FnOnce(&Tree) -> Result<T, Error>) -> Result<T, Error> {
        catch_unwind(AssertUnwindSafe(|| read(&self.tree)))
            .unwrap_or_else(|panic| Err(Error::Backend(panic_text(&*panic).to_owned())))
    }
}

impl Rows for Offline {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.guarded(|tree| tree.get(key))
    }

    fn scan(
        &self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, Error> {
        self.guarded(|tree| tree.scan(from, to, limit))
    }
}

impl Apply for Offline {
    fn apply(&self, mut changes: Changes) -> Result<(), Error> {
        if let Some(complaint) = &self.complaint {
            return Err(complaint.clone());
        }
        if let Some(batches) = &self.batches {
            batches.number(&mut changes)?;
        }
        self.guarded(|tree| tree.apply(changes))
    }
}

/// Makes a store of an export in `dir`, which must be empty or not there. It is built beside, in `<dir>.importing`, and
/// renamed once it is whole and durable: after an error or a kill there is nothing in `dir`.
///
/// # Errors
/// [`Error::BadLine`] naming the line that cannot be taken; [`Error::Unusable`] where `dir` holds something, or the
/// directory beside it cannot be made; [`Error::InUse`] where another import goes on.
pub fn import(dir: &Path, input: &mut impl BufRead, options: &Options) -> Result<Imported, Error> {
    let empty = match fs::read_dir(dir) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => return Err(unusable(dir, &error)),
    };
    if !empty {
        let reason =
            io::Error::other("it is not empty; name another directory, or move this one away");
        return Err(unusable(dir, &reason));
    }
    let mut beside = dir.as_os_str().to_owned();
    beside.push(".importing");
    let beside = PathBuf::from(beside);
    clear(&beside)?;
    let imported = build(&beside, input, options).and_then(|imported| {
        let moved = fs::rename(&beside, dir).and_then(|()| sync_parent(dir));
        moved.map_err(|error| unusable(dir, &error))?;
        Ok(imported)
    });
    if imported.is_err() && !matches!(imported, Err(Error::InUse { .. })) {
        fs::remove_dir_all(&beside).ok();
    }
    imported
}

/// Removes what a killed import left.
fn clear(beside: &Path) -> Result<(), Error> {
    if !beside.exists() {
        return Ok(());
    }
    let lock = Lock::take(beside)?;
    fs::remove_dir_all(beside).map_err(|error| unusable(beside, &error))?;
    drop(lock);
    Ok(())
}

fn build(beside: &Path, input: &mut impl BufRead, options: &Options) -> Result<Imported, Error> {
    let rows = Offline::open_or_make(beside, options, Purpose::Work)?;
    let imported = dump::import(&rows, input)?;
    rows.close()?;
    Ok(imported)
}

fn sync_parent(dir: &Path) -> io::Result<()> {
    match fs::canonicalize(dir)?.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}
