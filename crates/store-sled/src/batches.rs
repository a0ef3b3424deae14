//! Numbers for batches, in the store and beside it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use qixian_store::kv::Changes;
use qixian_store::{Error, codec, keys};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::durable::{Durable, Marks};
use crate::lock::{LOCK_PAUSE, LOCK_TRIES, PAGES};

/// Counts the batches of an open store. Dropping it, after sled, notes a clean close.
#[derive(Debug)]
pub(crate) struct Batches {
    dir: PathBuf,
    last: AtomicU64,
    /// What the file says.
    marks: Mutex<Marks>,
    file: Durable,
    closed: AtomicBool,
}

impl Batches {
    /// Goes on after the last batch that `marks` knows, which are what the file says.
    pub(crate) fn new(dir: &Path, file: Durable, marks: Marks) -> Self {
        Self {
            dir: dir.to_owned(),
            last: AtomicU64::new(marks.batches),
            marks: Mutex::new(marks),
            file,
            closed: AtomicBool::new(false),
        }
    }

    /// Makes of these changes the next batch; answers its number. Batches are to be applied in this order.
    pub(crate) fn number(&self, changes: &mut Changes) -> Result<u64, Error> {
        let number = self.last.fetch_add(1, Ordering::SeqCst) + 1;
        let row = codec::encode(keys::BATCHES, &number)?;
        changes.insert(keys::BATCHES.to_vec(), Some(row));
        Ok(number)
    }

    /// The last number given.
    pub(crate) fn last(&self) -> u64 {
        self.last.load(Ordering::SeqCst)
    }

    /// To be called once this batch and all before it are durable, and before anybody is told.
    pub(crate) fn durable(&self, number: u64) -> io::Result<()> {
        let mut marks = self.marks.lock().expect("no code panics while it holds it");
        marks.batches = number;
        self.file.set(*marks)
    }

    /// To be called once everything is durable and nothing more comes.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    fn note_closed(&self) -> io::Result<()> {
        wait_for_sled(&self.dir)?;
        let length = fs::metadata(self.dir.join(PAGES))?.len();
        let marks = *self.marks.lock().expect("no code panics while it holds it");
        Durable::write(&self.dir, Marks { length, ..marks }).map(drop)
    }
}

/// sled closes its file, and may cut it shorter before, on a thread of its own after its last handle was dropped. Its lock
/// is free then.
fn wait_for_sled(dir: &Path) -> io::Result<()> {
    let pages = File::open(dir.join(PAGES))?;
    for _ in 0..LOCK_TRIES {
        match flock(&pages, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => std::thread::park_timeout(LOCK_PAUSE),
            taken => return taken.map_err(io::Error::from),
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

impl Drop for Batches {
    fn drop(&mut self) {
        if !self.closed.load(Ordering::SeqCst) {
            return;
        }
        if let Err(error) = self.note_closed() {
            // Nothing is lost: the next opening only knows less of what should be there.
            tracing::warn!(event = "store_close_not_marked", reason = %error);
        }
    }
}
