//! The file that is locked while a directory is in use, and that remembers that a store was made here.
//!
//! It is empty until then. Stores of format 1 noted in it what a clean close left: the length of sled's file, and how often
//! the store was closed, which the last row written says too. Later formats have a file of their own
//! ([`crate::durable`]); the note is taken away when the store is upgraded.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

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
}

/// What a clean close of a store of format 1 left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Closed {
    /// The length of sled's file.
    pub(crate) length: u64,
    /// How often the store was closed; the first versions left it out.
    pub(crate) closings: u64,
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
            Ok(()) => Ok(Self { file }),
            Err(Errno::WOULDBLOCK) => Err(Error::InUse {
                dir: dir.display().to_string(),
            }),
            Err(error) => Err(unusable(dir, &error.into())),
        }
    }

    /// Whether a store was made here before.
    pub(crate) fn made_before(&self) -> bool {
        self.file.metadata().is_ok_and(|file| file.len() > 0)
    }

    /// To be called once the first rows, and the file that numbers them, are durable. Takes an old note away.
    pub(crate) fn mark_as_made(&self) -> io::Result<()> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(TEXT.as_bytes())?;
        file.set_len(TEXT.len() as u64)?;
        file.sync_all()
    }

    /// The note of format 1.
    pub(crate) fn closed(&self) -> io::Result<Option<Closed>> {
        let mut text = String::new();
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))?;
        file.read_to_string(&mut text)?;
        let numbers = text.strip_prefix(TEXT).unwrap_or_default();
        let mut numbers = numbers.split_whitespace().map(|n| n.parse().ok());
        let length = numbers.next().flatten();
        Ok(length.map(|length| Closed {
            length,
            closings: numbers.next().flatten().unwrap_or(0),
        }))
    }
}
