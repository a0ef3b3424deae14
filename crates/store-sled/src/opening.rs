//! What a directory's files say before sled looks at them, and whether they may be served.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use qixian_store::Error;

use crate::durable::{Durable, Found, Marks};
use crate::lock::{Lock, PAGES};
use crate::open::{Purpose, sync_directories, unusable};
use crate::{log, snapshots, write_through};

/// What is known of a directory while it is opened.
pub(crate) struct Opening<'a> {
    pub(crate) dir: &'a Path,
    pub(crate) purpose: Purpose,
    pub(crate) known: Found,
    /// Whether a store was made here before.
    pub(crate) made: bool,
    /// The number of the last batch that sled's log held before sled looked at it, if one was found.
    pub(crate) logged: Option<u64>,
    pub(crate) complaint: Option<Error>,
}

impl Opening<'_> {
    /// Looks at the files before sled does, which would write over what it does not understand.
    pub(crate) fn look(&mut self, lock: &Lock) -> Result<(), Error> {
        if !self.made {
            return Ok(());
        }
        let system = |error| unusable(self.dir, &error);
        let path = self.dir.join(PAGES);
        let length = fs::metadata(&path).map_or(0, |file| file.len());
        if length == 0 {
            return Err(
                self.damaged("a store was made here, but the file holds nothing; restore a backup")
            );
        }
        let (marks, closed) = match self.known {
            Found::Marks(marks) => (Some(marks), marks.length),
            Found::Nothing => {
                let note = lock.closed().map_err(system)?.unwrap_or_default();
                (None, note.length)
            }
            Found::Damaged => (None, 0),
        };
        if let Some(Marks { damage: 1.., .. }) = marks {
            self.complain(self.damaged("damage was found in it before; restore a backup"))?;
        }
        if length < closed {
            let reason = format!("it had {closed} bytes and has {length}; restore a backup");
            self.complain_for_good(self.damaged(&reason), length)?;
        }
        let covered = snapshots::covered(self.dir).map_err(system)?;
        let pages = File::open(&path).map_err(system)?;
        let log = log::look(&pages, covered).map_err(system)?;
        let acknowledged = marks.map(|marks| marks.batches);
        // What comes after the last acknowledged batch may be as a power cut left it: where each write was on disk before
        // the next came, that is a torn end and never a hole.
        let beyond = acknowledged.is_some() && log.newest >= acknowledged;
        let beyond = beyond && !write_through::is_set(&pages);
        self.logged = log.newest;
        if let Some(at) = log.wiped.or(log.hole.filter(|_| !beyond)) {
            let reason = format!("it does not read back at byte {at}; restore a backup");
            self.complain_for_good(self.damaged(&reason), at)?;
        }
        match (log.newest, acknowledged) {
            (Some(found), Some(expected)) => self.compare(found, expected),
            // What sled reads is compared once it is open.
            _ => Ok(()),
        }
    }

    pub(crate) fn compare(&mut self, found: u64, expected: u64) -> Result<(), Error> {
        match found < expected {
            true => self.complain(Error::Lost {
                file: self.dir.join(PAGES).display().to_string(),
                found,
                expected,
            }),
            false => Ok(()),
        }
    }

    pub(crate) fn damaged(&self, reason: &str) -> Error {
        Error::Damaged {
            key: self.dir.join(PAGES).display().to_string(),
            reason: reason.to_owned(),
        }
    }

    /// Refuses, unless what is intact shall be saved.
    pub(crate) fn complain(&mut self, error: Error) -> Result<(), Error> {
        match self.purpose {
            Purpose::Save => {
                self.complaint.get_or_insert(error);
                Ok(())
            }
            _ => Err(error),
        }
    }

    /// As [`Opening::complain`], about damage that sled mends in its way when it opens: it is noted first.
    fn complain_for_good(&mut self, error: Error, at: u64) -> Result<(), Error> {
        self.complain(error)?;
        let marks = match self.known {
            Found::Marks(marks) => marks,
            Found::Nothing => Marks::default(),
            Found::Damaged => return Ok(()),
        };
        let marks = Marks {
            damage: at.max(1),
            ..marks
        };
        let noted = Durable::write(self.dir, marks).and_then(|_| sync_directories(self.dir));
        noted.map_err(|error| unusable(self.dir, &error))?;
        self.known = Found::Marks(marks);
        Ok(())
    }

    /// sled may cut free segments off when it opens. From before that on nobody may rely on the length at the last close,
    /// however this opening ends.
    pub(crate) fn forget_length(&mut self, lock: &Lock) -> io::Result<()> {
        match self.known {
            Found::Marks(marks) if marks.length > 0 => {
                let marks = Marks { length: 0, ..marks };
                Durable::write(self.dir, marks)?;
                self.known = Found::Marks(marks);
                Ok(())
            }
            Found::Nothing => lock.forget_length(),
            _ => Ok(()),
        }
    }
}
