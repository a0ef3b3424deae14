//! What happened in a world, thing by thing; and which things may happen, so that a history can be told again shorter.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::str::FromStr;

use qixian_time::Timestamp;

/// The kinds of thing that a seed chooses. Each has its own choices ([`crate::Rng::of`]), whatever else happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// People do something.
    People = 1,
    /// The process dies.
    Crash = 2,
    /// The clock jumps.
    Jump = 3,
    /// The host is suspended.
    Suspend = 4,
    /// A calendar, rules or workflows are loaded.
    Load = 5,
    /// The disk does not do with a group what it should.
    Group = 6,
    /// A provider does not do with a message what it should, or is slow.
    Send = 7,
    /// An answer does not reach its sender.
    Lost = 8,
    /// The disk has little room for a while, or none.
    Room = 9,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 9] = [
        Kind::People,
        Kind::Crash,
        Kind::Jump,
        Kind::Suspend,
        Kind::Load,
        Kind::Group,
        Kind::Send,
        Kind::Lost,
        Kind::Room,
    ];

    fn name(self) -> &'static str {
        match self {
            Kind::People => "people",
            Kind::Crash => "crash",
            Kind::Jump => "jump",
            Kind::Suspend => "suspend",
            Kind::Load => "load",
            Kind::Group => "group",
            Kind::Send => "send",
            Kind::Lost => "lost",
            Kind::Room => "room",
        }
    }
}

/// One thing that may happen in the world of a seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// What kind of thing.
    pub kind: Kind,
    /// Which of its kind: a running number, or the hash of what it concerns.
    pub no: u64,
}

impl fmt::Display for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.kind.name(), self.no)
    }
}

impl FromStr for Key {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a thing like `people:12`");
        let (kind, no) = text.split_once(':').ok_or_else(wrong)?;
        let kind = Kind::ALL.into_iter().find(|known| known.name() == kind);
        Ok(Self {
            kind: kind.ok_or_else(wrong)?,
            no: no.parse().map_err(|_| wrong())?,
        })
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    /// Which.
    pub key: Key,
    /// When, in the world's true time.
    pub at: Timestamp,
    /// In words.
    pub what: String,
}

impl fmt::Display for Happened {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} # {} {}", self.key, self.at, self.what)
    }
}

/// Which things may happen, and what did.
#[derive(Debug, Default)]
pub(crate) struct Script {
    only: Option<HashSet<Key>>,
    pub(crate) happened: Vec<Happened>,
}

impl Script {
    /// Only these may happen; `None`: everything.
    pub(crate) fn new(only: Option<&BTreeSet<Key>>) -> Self {
        Self {
            only: only.map(|keys| keys.iter().copied().collect()),
            happened: Vec::new(),
        }
    }

    /// Whether this may happen.
    pub(crate) fn allows(&self, key: Key) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(&key))
    }

    /// It happened.
    pub(crate) fn note(&mut self, key: Key, at: Timestamp, what: String) {
        self.happened.push(Happened { key, at, what });
    }
}

/// A life that can be lived again: a seed, how long, and the only things that happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// The seed that makes the choices.
    pub seed: u64,
    /// Days it lives before everything comes to rest.
    pub days: i64,
    /// What may happen; `None`: everything the seed brings.
    pub only: Option<BTreeSet<Key>>,
}

impl History {
    /// Everything the seed brings.
    pub fn whole(seed: u64, days: i64) -> Self {
        Self {
            seed,
            days,
            only: None,
        }
    }

    /// Reads what [`crate::Kept`] writes. What follows a `#` is for people.
    ///
    /// # Errors
    /// The first line that is neither `seed N`, `days N` nor a thing.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (mut seed, mut days) = (None, None);
        let mut only = BTreeSet::new();
        let lines = text.lines().map(|l| l.split('#').next().unwrap_or(l));
        for line in lines.map(str::trim).filter(|line| !line.is_empty()) {
            let number = |text: &str| text.parse().map_err(|_| format!("no number in `{line}`"));
            match line.split_once(' ') {
                Some(("seed", no)) => seed = Some(number(no)?),
                Some(("days", no)) => days = i64::try_from(number(no)?).ok(),
                _ => {
                    only.insert(line.parse()?);
                }
            }
        }
        Ok(Self {
            seed: seed.ok_or("there is no line `seed N`")?,
            days: days.ok_or("there is no line `days N`")?,
            only: Some(only),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_reads_as_it_was_written() {
        let text = "# why\nseed 7\ndays 30\npeople:3 # 2026-03-02 e3\n\ncrash:0\n";
        let read = History::parse(text).expect("it is well-formed");
        assert_eq!((read.seed, read.days), (7, 30));
        let keys: Vec<_> = read.only.iter().flatten().map(Key::to_string).collect();
        assert_eq!(keys, ["people:3", "crash:0"]);
        for wrong in ["seed 7", "seed 7\ndays x", "seed 1\ndays 1\npeeple:1"] {
            assert!(History::parse(wrong).is_err(), "{wrong}");
        }
    }
}
