//! A dropping file layer: `drop.c` notes inside the daemon what it does to its files and what it makes durable; from the
//! notes, the files are made as a power cut would have left them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use qixian_tests::moments::Moments;

/// A disk writes so many bytes whole or not at all.
const SECTOR: u64 = 512;
/// The store's directory in the daemon's.
const STORE: &str = "store";
/// The length of a note without its bytes, as in `drop.c`.
const NOTE: usize = 48;

/// What becomes of changes that were not made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Model {
    /// All are lost.
    Drop,
    /// Each is kept or lost by a coin, in any order, and one write is torn between two sectors.
    Coin,
    /// All are kept, as a killed process leaves them.
    Keep,
    /// As `Drop`, on a disk that lied: what it said was durable in the second half of the notes was not.
    Lie,
}

/// The shared library, built by `cc` into `dir`.
///
/// # Panics
/// When it cannot be built.
pub(crate) fn build(dir: &Path) -> PathBuf {
    let library = dir.join("drop.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/powercut/drop.c");
    let built = Command::new("cc")
        .args([
            "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-pthread", "-o",
        ])
        .args([&library, Path::new(source)])
        .status();
    assert!(built.expect("cc runs").success(), "{source} is built");
    library
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    File(Vec<u8>),
    Dir(BTreeMap<OsString, u64>),
}

/// The files below one directory, by inode.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    root: u64,
    nodes: BTreeMap<u64, Node>,
}

/// What was done to a directory or a file; numbers of nodes as in [`Disk`].
#[derive(Clone, Debug)]
enum Change {
    Write {
        node: u64,
        at: u64,
        data: Vec<u8>,
        /// It was durable once it returned.
        through: bool,
    },
    Truncate {
        node: u64,
        length: u64,
    },
    Make {
        node: u64,
        empty: Node,
        parent: u64,
        name: OsString,
    },
    Remove {
        parent: u64,
        name: OsString,
    },
    Rename {
        node: u64,
        from: (u64, OsString),
        to: (u64, OsString),
    },
}

impl Change {
    /// The nodes that must be synced for it to last.
    fn lies_in(&self) -> [u64; 2] {
        match self {
            Self::Write { node, .. } | Self::Truncate { node, .. } => [*node; 2],
            Self::Make { parent, .. } | Self::Remove { parent, .. } => [*parent; 2],
            Self::Rename { from, to, .. } => [from.0, to.0],
        }
    }
}

#[derive(Clone, Debug)]
enum Note {
    Change(Change),
    /// The node was synced with all that stood in the notes before this number.
    Sync {
        node: u64,
        before: usize,
    },
}

/// What the layer noted in one run of the daemon.
#[derive(Debug)]
pub(crate) struct Notes(Vec<Note>);

/// What a cut did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Loss {
    /// Changes that were not durable at the cut.
    pub(crate) unsynced: u64,
    /// Of these, those to files of the store.
    pub(crate) of_store: u64,
    /// Of all, those that were lost, the torn ones included.
    pub(crate) dropped: u64,
}

impl std::ops::AddAssign for Loss {
    fn add_assign(&mut self, other: Self) {
        self.unsynced += other.unsynced;
        self.of_store += other.of_store;
        self.dropped += other.dropped;
    }
}

impl Notes {
    /// Reads them. What the kill left of a last note counts for nothing: its change was not durable.
    pub(crate) fn read(path: &Path) -> Self {
        let bytes = fs::read(path).expect("notes");
        let (mut rest, mut notes, mut names) = (&*bytes, Vec::new(), Names::default());
        while let Some((note, after)) = names.note(rest) {
            notes.push(note);
            rest = after;
        }
        Self(notes)
    }

    /// Whether each note is a change that lasts whatever happens.
    fn lasting(&self, lied: usize) -> Vec<bool> {
        let mut synced = BTreeMap::new();
        let mut lasting = vec![false; self.0.len()];
        for (index, note) in self.0.iter().enumerate().rev() {
            match note {
                // From behind: the first sync met is the last one, and begins last too unless two ran side by side.
                Note::Sync { node, before } if index < lied => {
                    let until = synced.entry(*node).or_insert(0);
                    *until = (*before).max(*until);
                }
                Note::Sync { .. } => {}
                Note::Change(Change::Write { through: true, .. }) if index < lied => {
                    lasting[index] = true;
                }
                Note::Change(change) => {
                    let is_synced = |node| synced.get(&node).is_some_and(|until| index < *until);
                    lasting[index] = change.lies_in().into_iter().all(is_synced);
                }
            }
        }
        lasting
    }
}

/// Inodes are used again for new files; here each file has a number of its own.
#[derive(Debug, Default)]
struct Names {
    known: BTreeMap<u64, u64>,
    count: u64,
}

impl Names {
    fn of(&self, inode: u64) -> u64 {
        self.known.get(&inode).copied().unwrap_or(inode)
    }

    fn made(&mut self, inode: u64) -> u64 {
        self.count += 1;
        // Far from any inode that was there before.
        let number = u64::MAX - self.count;
        self.known.insert(inode, number);
        number
    }

    fn note<'a>(&mut self, bytes: &'a [u8]) -> Option<(Note, &'a [u8])> {
        let (head, rest) = bytes.split_at_checked(NOTE)?;
        let short = |at: usize| Some(u32::from_le_bytes(head.get(at..at + 4)?.try_into().ok()?));
        let long = |at: usize| Some(u64::from_le_bytes(head.get(at..at + 8)?.try_into().ok()?));
        let (kind, first, second) = (short(0)?, short(4)? as usize, short(8)? as usize);
        let (node, parent, to, number) = (long(16)?, long(24)?, long(32)?, long(40)?);
        let (first, rest) = rest.split_at_checked(first)?;
        let (second, rest) = rest.split_at_checked(second)?;
        let name = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
        let change = match char::from_u32(kind)? {
            'S' => {
                let (node, before) = (self.of(node), usize::try_from(number).ok()?);
                return Some((Note::Sync { node, before }, rest));
            }
            'W' => Change::Write {
                node: self.of(node),
                at: number,
                data: first.to_vec(),
                through: short(12)? == 1,
            },
            'T' => Change::Truncate {
                node: self.of(node),
                length: number,
            },
            made @ ('C' | 'M') => Change::Make {
                parent: self.of(parent),
                node: self.made(node),
                empty: match made {
                    'C' => Node::File(Vec::new()),
                    _ => Node::Dir(BTreeMap::new()),
                },
                name: name(first),
            },
            'U' | 'D' => Change::Remove {
                parent: self.of(parent),
                name: name(first),
            },
            'R' => Change::Rename {
                node: self.of(node),
                from: (self.of(parent), name(first)),
                to: (self.of(to), name(second)),
            },
            other => panic!("a note of kind {other:?}"),
        };
        Some((Note::Change(change), rest))
    }
}

impl Disk {
    /// What lies in `dir` now.
    pub(crate) fn read(dir: &Path) -> Self {
        let inode = |path: &Path| fs::metadata(path).expect("it is there").ino();
        let mut disk = Self {
            root: inode(dir),
            nodes: BTreeMap::new(),
        };
        let mut left = vec![dir.to_owned()];
        while let Some(path) = left.pop() {
            let node = if path.is_dir() {
                let entries = fs::read_dir(&path).expect("a directory");
                let entries = entries.map(|entry| entry.expect("an entry").path());
                let entries = Vec::from_iter(entries);
                left.extend(entries.iter().cloned());
                let name = |path: &Path| path.file_name().expect("a name").to_owned();
                Node::Dir(
                    entries
                        .iter()
                        .map(|path| (name(path), inode(path)))
                        .collect(),
                )
            } else {
                Node::File(fs::read(&path).expect("a file"))
            };
            disk.nodes.insert(inode(&path), node);
        }
        disk
    }

    /// Writes all into `dir`, which is made.
    pub(crate) fn write(&self, dir: &Path) {
        self.write_node(self.root, dir);
    }

    fn write_node(&self, node: u64, path: &Path) {
        match &self.nodes[&node] {
            Node::File(bytes) => fs::write(path, bytes).expect("room"),
            Node::Dir(entries) => {
                fs::create_dir(path).expect("a new directory");
                for (name, node) in entries {
                    self.write_node(*node, &path.join(name));
                }
            }
        }
    }

    /// Each file by its path, to be compared.
    pub(crate) fn files(&self) -> BTreeMap<PathBuf, &[u8]> {
        let (mut files, mut left) = (BTreeMap::new(), vec![(PathBuf::new(), self.root)]);
        while let Some((path, node)) = left.pop() {
            match &self.nodes[&node] {
                Node::File(bytes) => drop(files.insert(path, &**bytes)),
                Node::Dir(entries) => {
                    left.extend(entries.iter().map(|(name, node)| (path.join(name), *node)));
                }
            }
        }
        files
    }

    /// The disk after what was noted, cut by `model`.
    pub(crate) fn cut(
        mut self,
        notes: &Notes,
        model: Model,
        moments: &mut Moments,
    ) -> (Self, Loss) {
        let lied = match model {
            Model::Lie => notes.0.len() / 2,
            _ => usize::MAX,
        };
        let lasting = notes.lasting(lied);
        let torn = (model == Model::Coin)
            .then(|| torn(notes, &lasting, moments))
            .flatten();
        let mut loss = Loss::default();
        let store = self.clone().below_store(notes);
        for (index, (note, lasts)) in notes.0.iter().zip(lasting).enumerate() {
            let Note::Change(change) = note else { continue };
            loss.unsynced += u64::from(!lasts);
            let [node, _] = change.lies_in();
            loss.of_store += u64::from(!lasts && store.contains(&node));
            let is_torn = torn == Some(index);
            let kept = lasts
                || is_torn
                || match model {
                    Model::Drop | Model::Lie => false,
                    Model::Coin => moments.one_in(2),
                    Model::Keep => true,
                };
            loss.dropped += u64::from(!kept || is_torn);
            match (is_torn, change) {
                (true, Change::Write { node, at, data, .. }) => {
                    self.tear(*node, *at, data, moments)
                }
                _ => self.apply(change, kept),
            }
        }
        (self, loss)
    }

    /// The store's directory and what was ever in it.
    fn below_store(mut self, notes: &Notes) -> BTreeSet<u64> {
        let mut found = BTreeSet::new();
        let mut look = |disk: &mut Self| {
            let store = disk.entries(disk.root).get(OsStr::new(STORE)).copied();
            let Some(store) = store else { return };
            found.insert(store);
            found.extend(disk.entries(store).values());
        };
        look(&mut self);
        for note in &notes.0 {
            let Note::Change(change) = note else { continue };
            self.apply(change, true);
            if !matches!(change, Change::Write { .. } | Change::Truncate { .. }) {
                look(&mut self);
            }
        }
        found
    }

    /// A node without a name may still be written to, and a later rename may give it one.
    fn apply(&mut self, change: &Change, kept: bool) {
        match change {
            Change::Make {
                node,
                empty,
                parent,
                name,
            } => {
                self.nodes.insert(*node, empty.clone());
                if kept {
                    self.entries(*parent).insert(name.clone(), *node);
                }
            }
            _ if !kept => {}
            Change::Write { node, at, data, .. } => self.overwrite(*node, *at, data),
            Change::Truncate { node, length } => self.bytes(*node).resize(as_len(*length), 0),
            Change::Remove { parent, name } => drop(self.entries(*parent).remove(name)),
            Change::Rename { node, from, to } => {
                let old = self.entries(from.0);
                if old.get(&from.1) == Some(node) {
                    old.remove(&from.1);
                }
                self.entries(to.0).insert(to.1.clone(), *node);
            }
        }
    }

    fn bytes(&mut self, node: u64) -> &mut Vec<u8> {
        match self.nodes.get_mut(&node) {
            Some(Node::File(bytes)) => bytes,
            other => panic!("node {node} is no file: {other:?}"),
        }
    }

    fn entries(&mut self, node: u64) -> &mut BTreeMap<OsString, u64> {
        match self.nodes.get_mut(&node) {
            Some(Node::Dir(entries)) => entries,
            other => panic!("node {node} is no directory: {other:?}"),
        }
    }

    fn overwrite(&mut self, node: u64, at: u64, data: &[u8]) {
        let (bytes, at) = (self.bytes(node), as_len(at));
        let end = at + data.len();
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
        bytes[at..end].copy_from_slice(data);
    }

    /// Writes one part of `data`: what lies before a border of two sectors, or what lies behind it.
    fn tear(&mut self, node: u64, at: u64, data: &[u8], moments: &mut Moments) {
        let borders = borders(at, data.len());
        let border = at / SECTOR + 1 + moments.below(borders);
        let (before, behind) = data.split_at(as_len(border * SECTOR - at));
        match moments.one_in(2) {
            true => self.overwrite(node, at, before),
            false => self.overwrite(node, border * SECTOR, behind),
        }
    }
}

fn as_len(number: u64) -> usize {
    usize::try_from(number).expect("a file that fits into memory")
}

/// How many borders of sectors lie inside a write.
fn borders(at: u64, length: usize) -> u64 {
    (at + length as u64).saturating_sub(1) / SECTOR - at / SECTOR
}

/// The write to be torn, of those that are not durable and longer than a sector.
fn torn(notes: &Notes, lasting: &[bool], moments: &mut Moments) -> Option<usize> {
    let long = |index: &usize| match &notes.0[*index] {
        Note::Change(Change::Write { at, data, .. }) => borders(*at, data.len()) > 0,
        _ => false,
    };
    let long = (0..lasting.len()).filter(|index| !lasting[*index] && long(index));
    let long: Vec<usize> = long.collect();
    (!long.is_empty()).then(|| long[moments.index(long.len())])
}
