//! The file that remembers how far the store was made durable.
//!
//! Every batch has a number, which stands in the store too ([`keys::BATCHES`](qixian_store::keys::BATCHES)). Once a batch is
//! durable, and before anybody is told, its number is written here, without a sync of its own. A killed process loses
//! nothing of it. After a power cut the file may be older than the store, never newer. So a store that has fewer batches
//! than this file says has lost what was acknowledged.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use qixian_store::Error;

use crate::open::unusable;

const NAME: &str = "durable";
const TITLE: &str = "Qixian: batches that are durable; keep this file beside the others.";

/// What the file says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    /// The number of the last batch that was durable.
    pub(crate) batches: u64,
    /// The length of sled's file, where the store was closed cleanly; 0 otherwise.
    pub(crate) length: u64,
    /// Where in sled's file damage was found before it was opened all the same, to save what is intact; 0 otherwise. sled
    /// would not see it a second time.
    pub(crate) damage: u64,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// There is no such file: an older format, or somebody took it away.
    Nothing,
    /// It does not read back.
    Damaged,
    Marks(Marks),
}

/// The file, open.
#[derive(Debug)]
pub(crate) struct Durable {
    file: File,
}

pub(crate) fn path(dir: &Path) -> PathBuf {
    dir.join(NAME)
}

/// Reads the file.
pub(crate) fn read(dir: &Path) -> Result<Found, Error> {
    match fs::read(path(dir)) {
        Ok(bytes) => Ok(parse(&bytes).map_or(Found::Damaged, Found::Marks)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Found::Nothing),
        Err(error) => Err(unusable(dir, &error)),
    }
}

impl Durable {
    /// Opens the file, making it where there is none, and writes durably what it shall say. Its name is durable once the
    /// directory is. A new one has its name only once it is whole; its length never changes and is less than a sector, so
    /// that what it says is changed wholly or not at all.
    pub(crate) fn write(dir: &Path, marks: Marks) -> io::Result<Self> {
        let path = path(dir);
        let made = path.exists();
        let place = match made {
            true => path.clone(),
            false => path.with_extension("new"),
        };
        let mut how = File::options();
        let file = how.create(true).truncate(!made).write(true).open(&place)?;
        let durable = Self { file };
        durable.set(marks)?;
        durable.file.set_len(text(marks).len() as u64)?;
        durable.file.sync_all()?;
        if !made {
            fs::rename(&place, &path)?;
        }
        Ok(durable)
    }

    /// Says something else from now on; what a power cut leaves of it may be older.
    pub(crate) fn set(&self, marks: Marks) -> io::Result<()> {
        self.file.write_all_at(text(marks).as_bytes(), 0)
    }
}

fn text(marks: Marks) -> String {
    let Marks {
        batches,
        length,
        damage,
    } = marks;
    let numbers = format!("{TITLE}\n{batches:020} {length:020} {damage:020}");
    let sum = crc32fast::hash(numbers.as_bytes());
    format!("{numbers} {sum:08x}\n")
}

fn parse(bytes: &[u8]) -> Option<Marks> {
    let text = std::str::from_utf8(bytes).ok()?;
    let numbers = text.strip_prefix(TITLE)?;
    let mut numbers = numbers.split_whitespace().map(|word| word.parse().ok());
    let mut next = || numbers.next().flatten();
    let marks = Marks {
        batches: next()?,
        length: next()?,
        damage: next()?,
    };
    let whole = self::text(marks);
    (whole.as_bytes() == bytes).then_some(marks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_reads_back_and_damage_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()).unwrap(), Found::Nothing);
        let marks = Marks {
            batches: u64::MAX,
            length: 1 << 40,
            damage: 3,
        };
        let durable = Durable::write(dir.path(), Marks::default()).unwrap();
        durable.set(marks).unwrap();
        assert_eq!(read(dir.path()).unwrap(), Found::Marks(marks));
        let whole = std::fs::read(path(dir.path())).unwrap();
        assert!(whole.len() < 512, "one sector");
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 4;
            std::fs::write(path(dir.path()), bytes).unwrap();
            assert_eq!(read(dir.path()).unwrap(), Found::Damaged, "byte {at}");
        }
        std::fs::write(path(dir.path()), &whole[..9]).unwrap();
        assert_eq!(read(dir.path()).unwrap(), Found::Damaged);
    }
}
