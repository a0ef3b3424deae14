//! A file system in a file, mounted through a loop device.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A file that holds an ext4.
#[derive(Debug)]
pub(crate) struct Device(PathBuf);

/// A mounted one. Dropping it unmounts it.
#[derive(Debug)]
pub(crate) struct Mounted {
    /// Where it is mounted.
    pub(crate) path: PathBuf,
}

fn run(program: &str, arguments: &[&Path]) -> Result<(), String> {
    let status = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .status()
        .map_err(|error| format!("{program}: {error}"))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("{program} {arguments:?}: {status}")),
    }
}

/// Whether a loop device can be mounted here.
///
/// # Errors
/// Why not.
pub(crate) fn usable() -> Result<(), String> {
    if !rustix::process::geteuid().is_root() {
        return Err("no loop device: only root may mount one".to_owned());
    }
    run("losetup", &[Path::new("-f")]).map_err(|error| format!("no loop device: {error}"))?;
    let dir =
        tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).map_err(|error| error.to_string())?;
    let file = dir.path().join("trial");
    let made = File::create(&file).and_then(|file| file.set_len(16 << 20));
    made.map_err(|error| error.to_string())?;
    run("mkfs.ext4", &[Path::new("-q"), &file])?;
    let at = dir.path().join("mounted");
    fs::create_dir(&at).map_err(|error| error.to_string())?;
    run("mount", &[Path::new("-o"), Path::new("loop"), &file, &at])
        .map_err(|error| format!("no loop device can be mounted: {error}"))?;
    run("umount", &[&at])
}

impl Device {
    /// Makes one of so many bytes with an empty file system.
    pub(crate) fn make(path: &Path, bytes: u64) -> Self {
        let file = File::create(path).expect("a file");
        file.set_len(bytes).expect("a length");
        run("mkfs.ext4", &[Path::new("-q"), path]).expect("a file system");
        Self(path.to_owned())
    }

    /// A copy as of one moment: while anything but the copying happened, it is taken again.
    pub(crate) fn copy(&self, to: &Path) -> Self {
        loop {
            let copied = fs::read(&self.0).expect("it can be read");
            if fs::read(&self.0).expect("it can be read") == copied {
                fs::write(to, copied).expect("it can be copied");
                return Self(to.to_owned());
            }
        }
    }
}

impl Mounted {
    /// Mounts `device` at `path`, which is made; a journal left by the cut is replayed by that.
    pub(crate) fn at(device: &Device, path: &Path) -> Self {
        fs::create_dir(path).expect("a directory");
        run(
            "mount",
            &[Path::new("-o"), Path::new("loop"), &device.0, path],
        )
        .expect("it is mounted");
        Self {
            path: path.to_owned(),
        }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        run("umount", &[&self.path]).ok();
    }
}
