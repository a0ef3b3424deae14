//! sled's snapshots of its page table: they only shorten recovery. Without them sled reads its whole log, and loses nothing.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// Removes those that were being written when the process died: such a file sorts last and would be taken for the newest
/// one. Only the rename that never came makes it valid, so removing it is always safe.
pub(crate) fn remove_unfinished(dir: &Path) -> io::Result<()> {
    for path in all(dir)? {
        if path.extension().is_some_and(|end| end == "generating") {
            tracing::warn!(event = "unfinished_snapshot_removed", path = %path.display());
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Sets all aside where the newest does not read back: sled looks at no other.
pub(crate) fn set_damaged_aside(dir: &Path) -> io::Result<()> {
    let newest = all(dir)?.into_iter().max();
    match newest.map(|path| is_whole(&path)).transpose()? {
        Some(false) => set_aside(dir),
        _ => Ok(()),
    }
}

/// Sets all aside, so that sled does not find them.
pub(crate) fn set_aside(dir: &Path) -> io::Result<()> {
    for path in all(dir)? {
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

/// How far the newest goes in sled's log: its name says so. 0 where there is none.
pub(crate) fn covered(dir: &Path) -> io::Result<u64> {
    let newest = all(dir)?.into_iter().max();
    let end = newest.and_then(|path| {
        path.extension()
            .map(|end| end.to_string_lossy().into_owned())
    });
    Ok(end
        .and_then(|end| u64::from_str_radix(&end, 16).ok())
        .unwrap_or(0))
}

/// The last bytes are its length and checksum.
fn is_whole(path: &Path) -> io::Result<bool> {
    let bytes = fs::read(path)?;
    let Some((rest, sum)) = bytes.split_last_chunk::<4>() else {
        return Ok(false);
    };
    let body = rest.len().checked_sub(8).map(|end| &rest[..end]);
    Ok(body
        .is_some_and(|body| !body.is_empty() && crc32fast::hash(body) == u32::from_le_bytes(*sum)))
}

fn all(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("snap.") {
            found.push(entry.path());
        }
    }
    Ok(found)
}
