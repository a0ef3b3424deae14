//! The file that is locked while a directory is in use, and that remembers what sled does not notice by itself.
//!
//! It is empty until a store was made here, then holds [`TEXT`]; a clean close adds the length of sled's file and how often
//! the store was closed, which the last row written says too. A file cut shorter or zeroed at the end of sled's log while
//! nobody used it would else be opened as an older state, or as a new store, without a word.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use qixian_store::Error;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::open::unusable;

/// The file in which sled keeps its pages.
pub(crate) const PAGES: &str = "db";
const LOCK: &str = "lock";
const TEXT: &str = "A Qixian store. Don't remove this file while the others are here.\n";

/// A directory taken for this process. Dropping it, after sled, gives it free.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
    dir: PathBuf,
    /// Whether the store was opened: only then does dropping this close it.
    opened: AtomicBool,
    /// What the last row says, once it is written; 0 before.
    closings: AtomicU64,
}

impl Lock {
    /// Takes the directory.
    pub(crate) fn take(dir: &Path) -> Result<Self, Error> {
        let mut how = File::options();
        let how = how.create(true).truncate(false).read(true).write(true);
        let file = how
            .open(dir.join(LOCK))
            .map_err(|error| unusable(dir, &error))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self {
                file,
                dir: dir.to_owned(),
                opened: AtomicBool::new(false),
                closings: AtomicU64::new(0),
            }),
            Err(Errno::WOULDBLOCK) => Err(Error::InUse {
                dir: dir.display().to_string(),
            }),
            Err(error) => Err(unusable(dir, &error.into())),
        }
    }

    /// Compares sled's file with what the last clean close left.
    pub(crate) fn check_length(&self) -> Result<(), Error> {
        let closed_at = self
            .closed_at()
            .map_err(|error| unusable(&self.dir, &error))?;
        let found = self.length();
        match closed_at {
            Some((length, _)) if found < length => Err(Error::Damaged {
                key: self.dir.join(PAGES).display().to_string(),
                reason: format!("it had {length} bytes and has {found}; restore a backup"),
            }),
            _ => Ok(()),
        }
    }

    /// How often the store was closed, as the last clean close left it.
    pub(crate) fn closings(&self) -> io::Result<Option<u64>> {
        Ok(self.closed_at()?.and_then(|(_, closings)| closings))
    }

    /// Says that the last row is durable and what it says.
    pub(crate) fn set_closings(&self, closings: u64) {
        self.closings.store(closings, Ordering::SeqCst);
    }

    /// Whether a store was made here before.
    pub(crate) fn made_before(&self) -> bool {
        self.file.metadata().is_ok_and(|file| file.len() > 0)
    }

    /// To be called once the first rows are durable. Forgets the length at the last close: it may change from now on.
    pub(crate) fn mark_as_made(&self) -> io::Result<()> {
        self.opened.store(true, Ordering::SeqCst);
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(TEXT.as_bytes())?;
        file.set_len(TEXT.len() as u64)?;
        file.sync_all()
    }

    /// The length, and how often it was closed; versions before the second was kept left it out.
    fn closed_at(&self) -> io::Result<Option<(u64, Option<u64>)>> {
        let mut text = String::new();
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))?;
        file.read_to_string(&mut text)?;
        let numbers = text.strip_prefix(TEXT).unwrap_or_default();
        let mut numbers = numbers.split_whitespace().map(|n| n.parse().ok());
        let length = numbers.next().flatten();
        Ok(length.map(|length| (length, numbers.next().flatten())))
    }

    fn length(&self) -> u64 {
        fs::metadata(self.dir.join(PAGES)).map_or(0, |file| file.len())
    }

    fn mark_as_closed(&self) -> io::Result<()> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(TEXT.len() as u64))?;
        match self.closings.load(Ordering::SeqCst) {
            0 => writeln!(file, "{}", self.length())?,
            closings => writeln!(file, "{} {closings}", self.length())?,
        }
        file.sync_all()
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if !self.opened.load(Ordering::SeqCst) {
            return;
        }
        if let Err(error) = self.mark_as_closed() {
            // Nothing is lost: the next opening only can't tell whether the file was cut.
            tracing::warn!(event = "store_close_not_marked", reason = %error);
        }
    }
}
