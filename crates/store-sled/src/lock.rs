//! The file that is locked while a directory is in use, and that remembers that a store was made here.
//!
//! It is empty until then. Stores of format 1 noted in it what a clean close left: the length of sled's file, and how often
//! the store was closed, which the last row written says too. Later formats have a file of their own
//! ([`crate::durable`]); the note is taken away when the store is upgraded.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use qixian_store::Error;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::open::unusable;

/// The file in which sled keeps its pages.
pub(crate) const PAGES: &str = "db";
/// How often, and how long between, sled's lock on it is waited for: two seconds in all.
pub(crate) const LOCK_TRIES: usize = 200;
pub(crate) const LOCK_PAUSE: Duration = Duration::from_millis(10);
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

    /// Takes the length out of a note of format 1, if there is one.
    pub(crate) fn forget_length(&self) -> io::Result<()> {
        let Some(note) = self.closed()?.filter(|note| note.length > 0) else {
            return Ok(());
        };
        // Never longer than what stands there, and it counts whatever follows it.
        let text = format!("{TEXT}0 {}\n", note.closings);
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(text.as_bytes())?;
        file.set_len(text.len() as u64)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_is_taken_out_of_an_old_note() {
        for (note, kept) in [("123456 7\n", 7), ("123456\n", 0), ("9 7\n", 7)] {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join(LOCK), format!("{TEXT}{note}")).unwrap();
            let lock = Lock::take(dir.path()).unwrap();
            for _ in 0..2 {
                lock.forget_length().unwrap();
                let (length, closings) = (0, kept);
                let left = Closed { length, closings };
                assert_eq!(lock.closed().unwrap(), Some(left));
            }
        }
        let dir = tempfile::tempdir().unwrap();
        let lock = Lock::take(dir.path()).unwrap();
        lock.forget_length().unwrap();
        assert!(!lock.made_before());
    }
}
