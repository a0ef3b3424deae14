//! sled's file is written synchronously: each write is on disk, power cut included, before sled goes on.
//!
//! sled calls a part of its log stable after `sync_file_range`, which a power cut does not respect, and on that word frees
//! segments and writes over them. Were the new place of a page lost and its old place written over, what was acknowledged
//! long ago would be gone. So stable must mean durable, and the file system is asked to make it so: by the file's own
//! attribute *synchronous updates* (`chattr +S`), which ext4, XFS, Btrfs and F2FS have.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};

use crate::lock::PAGES;

/// Whether sled's file is written synchronously, and so was since it was opened last.
pub(crate) fn is_set(pages: &File) -> bool {
    ioctl_getflags(pages).is_ok_and(|flags| flags.contains(IFlags::SYNC))
}

/// Makes sled's file where there is none, and has it written synchronously. Answers `false` where the file system has no
/// such attribute (a RAM disk, some network and stacked file systems).
///
/// # Errors
/// Whatever the system says when the file is made or its attributes are changed.
pub(crate) fn ask_for(dir: &Path) -> io::Result<bool> {
    let mut how = File::options();
    let file = how
        .create(true)
        .truncate(false)
        .write(true)
        .open(dir.join(PAGES))?;
    let Ok(flags) = ioctl_getflags(&file) else {
        return Ok(false);
    };
    if flags.contains(IFlags::SYNC) {
        return Ok(true);
    }
    Ok(ioctl_setflags(&file, flags | IFlags::SYNC).is_ok())
}
