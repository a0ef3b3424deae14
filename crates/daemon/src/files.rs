//! The configuration files: those embedded in the binary, overlaid by a directory's.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use qixian_core::Words;
use qixian_notify::why_unread;

/// Every file of the repository's `config/`, by its name below it, with `/` between the parts.
const EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/embedded_files.rs"));

/// The folders a configuration directory may hold; other files in it are none of ours.
const FOLDERS: &[&str] = &["workflows", "rules", "calendars", "templates"];
/// Single files likewise.
const SINGLE: &[&str] = &["routes.toml"];
/// Longest file read, in bytes; what lies beside by mistake is not swallowed.
const MOST_BYTES: u64 = 4 << 20;

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFile {
    /// Its name below the configuration directory (`workflows/first-filing.toml`).
    pub name: String,
    /// What people are shown: the path on disk, or `(embedded)/` and the name.
    pub shown: String,
    /// Its text.
    pub text: String,
}

/// The files in force, by name. A file of the directory replaces the embedded one of the same name.
#[derive(Clone, Debug, Default)]
pub struct ConfigFiles {
    files: BTreeMap<String, ConfigFile>,
}

/// A file or directory that could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}: {source}", path.display())]
pub struct FileError {
    /// Which.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

impl ConfigFiles {
    /// What the binary carries.
    pub fn embedded() -> Self {
        let files = EMBEDDED.iter().map(|(name, text)| {
            let file = ConfigFile {
                name: (*name).to_owned(),
                shown: format!("(embedded)/{name}"),
                text: (*text).to_owned(),
            };
            (file.name.clone(), file)
        });
        Self {
            files: files.collect(),
        }
    }

    /// The embedded files, overlaid by those of `dir`, and every file or directory that could not be read.
    pub fn with_directory(dir: Option<&Path>) -> (Self, Vec<FileError>) {
        let mut all = Self::embedded();
        let mut unread = Vec::new();
        let Some(dir) = dir else { return (all, unread) };
        for name in SINGLE.iter().filter(|name| dir.join(name).exists()) {
            all.put(dir, Path::new(name), &mut unread);
        }
        for folder in FOLDERS.iter().filter(|name| dir.join(name).is_dir()) {
            all.put_folder(dir, Path::new(folder), &mut unread);
        }
        (all, unread)
    }

    fn put_folder(&mut self, root: &Path, folder: &Path, unread: &mut Vec<FileError>) {
        let names = match names_in(&root.join(folder)) {
            Ok(names) => names,
            Err(error) => return unread.push(error),
        };
        for name in names {
            let below = folder.join(name);
            match root.join(&below).is_dir() {
                true => self.put_folder(root, &below, unread),
                false => self.put(root, &below, unread),
            }
        }
    }

    fn put(&mut self, root: &Path, below: &Path, unread: &mut Vec<FileError>) {
        let path = root.join(below);
        let text = match read_text(&path) {
            Ok(text) => text,
            Err(error) => return unread.push(error),
        };
        let name = below.to_string_lossy().replace('\\', "/");
        let file = ConfigFile {
            shown: path.display().to_string(),
            text,
            name: name.clone(),
        };
        self.files.insert(name, file);
    }

    /// The file of this name.
    pub fn get(&self, name: &str) -> Option<&ConfigFile> {
        self.files.get(name)
    }

    /// The files whose names begin with `folder` and a slash, by name.
    pub fn below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a ConfigFile> {
        self.files.values().filter(move |file| {
            file.name
                .strip_prefix(folder)
                .is_some_and(|rest| rest.starts_with('/'))
        })
    }
}

/// The names in a directory in their order, without hidden ones.
fn names_in(path: &Path) -> Result<Vec<OsString>, FileError> {
    let read = || -> io::Result<Vec<OsString>> {
        let entries = std::fs::read_dir(path)?;
        let mut names = Vec::new();
        for entry in entries {
            names.push(entry?.file_name());
        }
        names.retain(|name| !name.to_string_lossy().starts_with('.'));
        names.sort();
        Ok(names)
    };
    read().map_err(|source| FileError {
        path: path.to_owned(),
        source,
    })
}

/// The text of a file, if it is not absurdly long.
///
/// # Errors
/// When it cannot be read, is longer than 4 MiB or no UTF-8.
pub fn read_text(path: &Path) -> Result<String, FileError> {
    let read = || {
        let size = std::fs::metadata(path)?.len();
        match size > MOST_BYTES {
            true => Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("{size} bytes; at most {MOST_BYTES} are read"),
            )),
            false => std::fs::read_to_string(path),
        }
    };
    read().map_err(|source| FileError {
        path: path.to_owned(),
        source,
    })
}

impl FileError {
    /// Why it could not be read, for people; without its name.
    pub fn why(&self) -> Words {
        match self.source.kind() {
            io::ErrorKind::FileTooLarge => {
                let most = MOST_BYTES >> 20;
                Words::new(
                    format!("文件太大，超过 {most} MiB；是不是放错了文件？"),
                    format!("it is larger than {most} MiB; is it the right file?"),
                )
            }
            _ => why_unread(&self.source),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_overlays_what_is_embedded() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::create_dir_all(dir.path().join("calendars/cn")).expect("made");
        std::fs::write(dir.path().join("calendars/cn/2026.toml"), "mine").expect("written");
        std::fs::write(dir.path().join("notes.txt"), "not ours").expect("written");
        let (files, unread) = ConfigFiles::with_directory(Some(dir.path()));
        assert!(unread.is_empty(), "{unread:?}");
        let text = |name: &str| files.get(name).map(|file| file.text.as_str());
        assert_eq!(text("calendars/cn/2026.toml"), Some("mine"));
        assert!(text("calendars/cn/2025.toml").is_some_and(|t| t.contains("2025")));
        assert_eq!(text("notes.txt"), None);
        assert!(files.below("calendars").count() >= 9);
        assert_eq!(files.below("calendar").count(), 0);
    }
}
