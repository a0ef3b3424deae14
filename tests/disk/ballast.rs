//! A file that takes the room of a file system away.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate, statvfs};

/// What is taken at once, so that the rest comes close to what was asked for although the file system needs some itself.
const PIECE: u64 = 4 << 20;

/// The file.
#[derive(Debug)]
pub(crate) struct Ballast(PathBuf);

impl Ballast {
    /// Takes nothing yet.
    pub(crate) fn on(mounted: &Path) -> Self {
        Self(mounted.join("ballast"))
    }

    /// Takes all but so many MiB.
    pub(crate) fn leave(&self, mib: u64) {
        let file = File::options().create(true).append(true).open(&self.0);
        let file = file.expect("a file");
        while self.free() > mib << 20 {
            let begun = file.metadata().expect("a length").len();
            let piece = PIECE.min(self.free() - (mib << 20));
            fallocate(&file, FallocateFlags::empty(), begun, piece).expect("room is taken");
        }
    }

    /// Gives everything back.
    pub(crate) fn leave_all(&self) {
        fs::remove_file(&self.0).expect("it is removed");
    }

    fn free(&self) -> u64 {
        let dir = self.0.parent().expect("it lies in the file system");
        let stat = statvfs(dir).expect("the file system tells");
        stat.f_bavail * stat.f_frsize
    }
}
