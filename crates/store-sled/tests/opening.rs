//! What may be wrong with a directory when it is opened, and what is found in it afterwards.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use qixian_store::conformance::samples::{case, cases, durable, id, next, usual_case, write};
use qixian_store::{Error, Resolution, Store, codec, keys};
use qixian_store_sled::{Options, SledStore};

fn open(dir: &Path) -> Result<SledStore, Error> {
    SledStore::open(dir, &Options::default())
}

/// A directory with one case of 20 revs in it, closed.
async fn filled() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("works");
    let store = open(dir.path()).expect("works");
    let mut latest = write(None, usual_case());
    durable(&store, cases([latest.clone()])).await;
    for _ in 1..20 {
        latest = next(&latest.case, |_| {});
        durable(&store, cases([latest.clone()])).await;
    }
    dir
}

async fn check_filled(dir: &Path) {
    let store = open(dir).expect("works");
    let read = store.cases(&[id(1)]).await.expect("works");
    assert_eq!(read[0].as_ref().map(|case| case.rev), Some(20));
    assert_eq!(store.journal(id(1), 0, 99).await.expect("works").len(), 20);
}

#[tokio::test]
async fn the_file_is_written_synchronously_where_that_is_possible() {
    use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};
    let dir = filled().await;
    let file = fs::File::open(dir.path().join("db")).expect("works");
    let Ok(flags) = ioctl_getflags(&file) else {
        println!("skipped: this file system has no attributes");
        return;
    };
    assert!(flags.contains(IFlags::SYNC), "{flags:?}");
    // A copy comes without it.
    ioctl_setflags(&file, flags - IFlags::SYNC).expect("works");
    check_filled(dir.path()).await;
    let flags = ioctl_getflags(&file).expect("works");
    assert!(flags.contains(IFlags::SYNC), "{flags:?}");
}

fn snapshots(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir)
        .expect("works")
        .map(|entry| entry.expect("works").path());
    entries
        .filter(|path| {
            let name = path.file_name().expect("works").to_string_lossy();
            name.starts_with("snap.")
        })
        .collect()
}

#[tokio::test]
async fn what_was_written_is_there_after_closing() {
    let dir = filled().await;
    check_filled(dir.path()).await;
    check_filled(dir.path()).await;
}

#[tokio::test]
async fn settings_cut_while_a_store_was_made_are_written_anew() {
    let whole = filled().await;
    let settings = fs::read(whole.path().join("conf")).unwrap();
    let zeroed = [&[0; 58][..], &settings[58..]].concat();
    for left in [&settings[..58], &settings[..30], &zeroed, &[]] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("conf"), left).unwrap();
        drop(open(dir.path()).unwrap());
        assert_eq!(fs::read(dir.path().join("conf")).unwrap(), settings);
    }
}

#[tokio::test]
async fn closing_writes_what_waits() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let mut tickets: Vec<_> = (1..100)
        .map(|n| store.submit(cases([write(None, case(n))])))
        .collect();
    drop(store);
    for ticket in &mut tickets {
        assert_eq!(ticket.poll_now(), Some(Resolution::Durable));
    }
    let store = open(dir.path()).unwrap();
    let read = store.cases(&[id(1), id(99)]).await.unwrap();
    assert!(read.iter().all(Option::is_some));
}

#[tokio::test]
async fn a_directory_in_use_is_refused() {
    let dir = filled().await;
    let first = open(dir.path()).unwrap();
    let error = open(dir.path()).unwrap_err();
    let named = dir.path().display().to_string();
    assert_eq!(error, Error::InUse { dir: named });
    drop(first);
    check_filled(dir.path()).await;
}

#[tokio::test]
async fn an_unfinished_snapshot_is_removed() {
    let dir = filled().await;
    let left = dir.path().join("snap.FFFFFFFFFFFFFFF0.generating");
    fs::write(&left, b"half").unwrap();
    check_filled(dir.path()).await;
    assert!(!left.exists());
}

#[tokio::test]
async fn damaged_snapshots_are_set_aside() {
    let dir = filled().await;
    // Opening and closing makes sure that there is a snapshot.
    check_filled(dir.path()).await;
    let all = snapshots(dir.path());
    assert!(!all.is_empty());
    for path in &all {
        let mut bytes = fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x55;
        fs::write(path, bytes).unwrap();
    }
    check_filled(dir.path()).await;
    let aside = fs::read_dir(dir.path()).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().starts_with("damaged-snap.")
    });
    assert_eq!(aside.count(), all.len());
}

/// The length of sled's file that the last close left; 0 once the store was opened again.
fn noted_length(dir: &Path) -> u64 {
    let text = fs::read_to_string(dir.join("durable")).expect("works");
    let numbers = text.lines().nth(1).expect("two lines");
    let length = numbers.split(' ').nth(1).expect("three numbers and a sum");
    length.parse().expect("a number")
}

/// sled may cut its file shorter when it opens it, and the process may die at once.
#[tokio::test]
async fn the_length_counts_only_until_the_next_opening() {
    let dir = filled().await;
    let length = || fs::metadata(dir.path().join("db")).unwrap().len();
    assert_eq!(noted_length(dir.path()), length());
    let store = open(dir.path()).unwrap();
    assert_eq!(noted_length(dir.path()), 0);
    drop(store);
    assert_eq!(noted_length(dir.path()), length());
    // This opening ends right after sled's.
    beneath(dir.path(), |db| {
        let row = codec::encode(keys::FORMAT, &7_u32).unwrap();
        db.insert(keys::FORMAT, row).unwrap();
    });
    assert_ne!(noted_length(dir.path()), 0);
    let error = open(dir.path()).unwrap_err();
    assert_eq!(error, Error::NewerFormat { found: 7, known: 2 });
    assert_eq!(noted_length(dir.path()), 0);
}

/// Changes rows beneath the store, as nothing but a fault would.
fn beneath(dir: &Path, change: impl FnOnce(&sled::Db)) {
    // sled gives its lock free a moment after the last handle.
    let opened = (0..200).find_map(|_| {
        let opened = sled::open(dir).ok();
        if opened.is_none() {
            std::thread::park_timeout(std::time::Duration::from_millis(10));
        }
        opened
    });
    let db = opened.expect("opens");
    change(&db);
    db.flush().expect("works");
}

#[tokio::test]
async fn a_newer_format_is_left_alone() {
    let dir = filled().await;
    let put = |format: u32| {
        beneath(dir.path(), |db| {
            let row = codec::encode(keys::FORMAT, &format).unwrap();
            db.insert(keys::FORMAT, row).unwrap();
        });
    };
    put(7);
    let error = open(dir.path()).unwrap_err();
    assert_eq!(error, Error::NewerFormat { found: 7, known: 2 });
    put(2);
    check_filled(dir.path()).await;
}

#[tokio::test]
async fn a_torn_record_is_named_and_the_others_are_read() {
    let dir = filled().await;
    let store = open(dir.path()).unwrap();
    durable(&store, cases([write(None, case(2))])).await;
    drop(store);
    let key = keys::case(id(1));
    beneath(dir.path(), |db| {
        let mut row = db.get(&key).unwrap().unwrap().to_vec();
        row[200] ^= 1;
        db.insert(&key, row).unwrap();
    });
    let store = open(dir.path()).unwrap();
    let error = store.cases(&[id(1)]).await.unwrap_err();
    let Error::Damaged { key: named, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(*named, codec::printable(&key));
    assert!(store.cases(&[id(2)]).await.unwrap()[0].is_some());
    // Nothing is built on it.
    let again = next(&Arc::new(usual_case()), |_| {});
    let resolution = store.submit(cases([again])).wait().await;
    assert!(
        matches!(resolution, Resolution::Refused(_)),
        "{resolution:?}"
    );
}

#[tokio::test]
async fn what_is_no_writable_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, b"mine").unwrap();
    for path in [file.clone(), file.join("below"), "/proc/qixian".into()] {
        let error = open(&path).unwrap_err();
        assert!(matches!(error, Error::Unusable { .. }), "{error}");
        assert!(error.to_string().contains(&path.display().to_string()));
    }
    assert_eq!(fs::read(&file).unwrap(), b"mine");
}

#[tokio::test]
async fn a_file_cut_short_is_an_error_each_time() {
    for kept in [0, 1, 50, 99] {
        let dir = filled().await;
        let path = dir.path().join("db");
        let file = fs::File::options().write(true).open(&path).unwrap();
        let length = file.metadata().unwrap().len() * kept / 100;
        file.set_len(length).unwrap();
        for _ in 0..2 {
            let error = open(dir.path()).unwrap_err();
            assert!(matches!(error, Error::Damaged { .. }), "{error}");
            assert!(error.to_string().contains(&path.display().to_string()));
        }
        assert_eq!(file.metadata().unwrap().len(), length);
    }
}

#[tokio::test]
async fn a_store_without_what_was_written_last_is_refused() {
    let dir = filled().await;
    // As sled opens a log whose end was zeroed: the state before it.
    let batches = |change: fn(u64) -> u64| {
        beneath(dir.path(), |db| {
            let row = db.get(keys::BATCHES).unwrap().unwrap();
            let count: u64 = codec::decode(keys::BATCHES, &row).unwrap();
            let row = codec::encode(keys::BATCHES, &change(count)).unwrap();
            db.insert(keys::BATCHES, row).unwrap();
        });
    };
    batches(|count| count - 1);
    for _ in 0..2 {
        let error = open(dir.path()).unwrap_err();
        let file = dir.path().join("db").display().to_string();
        let (found, expected) = (19, 20);
        let lost = Error::Lost {
            file,
            found,
            expected,
        };
        assert_eq!(error, lost);
    }
    batches(|count| count + 1);
    check_filled(dir.path()).await;
    check_filled(dir.path()).await;
}

#[tokio::test]
async fn without_the_count_of_what_was_durable_nothing_is_served() {
    let dir = filled().await;
    let path = dir.path().join("durable");
    let whole = fs::read(&path).unwrap();
    let refused = |damaged: bool| {
        let file = path.display().to_string();
        for _ in 0..2 {
            let error = open(dir.path()).unwrap_err();
            let file = file.clone();
            assert_eq!(error, Error::Uncounted { file, damaged });
        }
    };
    fs::remove_file(&path).unwrap();
    refused(false);
    fs::write(&path, b"").unwrap();
    refused(true);
    let mut damaged = whole.clone();
    damaged[100] ^= 1;
    fs::write(&path, damaged).unwrap();
    refused(true);
    fs::write(&path, whole).unwrap();
    check_filled(dir.path()).await;
}

#[tokio::test]
async fn a_damaged_and_an_unfinished_snapshot_at_once() {
    let dir = filled().await;
    check_filled(dir.path()).await;
    let newest = snapshots(dir.path()).pop().expect("some");
    let length = fs::metadata(&newest).unwrap().len();
    let file = fs::File::options().write(true).open(&newest).unwrap();
    file.set_len(length / 2).unwrap();
    fs::write(dir.path().join("snap.FFFFFFFFFFFFFFF0.generating"), b"half").unwrap();
    check_filled(dir.path()).await;
}

/// Without its snapshot sled reads all of its log; damage in the middle would then cost whatever follows it.
#[tokio::test]
async fn a_damaged_snapshot_and_a_damaged_log_at_once_are_refused() {
    let dir = filled().await;
    for path in snapshots(dir.path()) {
        fs::write(&path, b"no snapshot").unwrap();
    }
    let path = dir.path().join("db");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, &bytes).unwrap();
    for _ in 0..2 {
        let error = open(dir.path()).unwrap_err().to_string();
        assert!(error.contains(&path.display().to_string()), "{error}");
    }
    assert!(fs::read(&path).unwrap() == bytes, "nothing was changed");
}
