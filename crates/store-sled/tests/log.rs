//! What sled's log may look like when a store is opened, and what is made of it.

use std::fs;
use std::path::Path;

use qixian_store::conformance::samples::{case, cases, durable, id, write};
use qixian_store::{CaseWrite, Error, Store};
use qixian_store_sled::{Options, SledStore};

const SEGMENT: usize = 512 * 1024;
/// More than 16 segments with the titles that [`big`] makes.
const MANY: u64 = 3_000;

fn open(dir: &Path) -> Result<SledStore, Error> {
    SledStore::open(dir, &Options::default())
}

/// A case that does not pack well.
fn big(number: u64) -> CaseWrite {
    let mut seed = number;
    let mut letter = || {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        char::from(b' ' + (seed >> 33) as u8 % 90)
    };
    let mut case = case(number);
    case.title = std::iter::repeat_with(&mut letter).take(3_000).collect();
    write(None, case)
}

/// sled writes the rows of a batch in no order, so that each store has the number of its one batch somewhere else.
#[tokio::test]
async fn a_group_of_many_segments_is_there_after_closing() {
    for nth in 0..5 {
        let dir = tempfile::tempdir().expect("works");
        let store = open(dir.path()).expect("works");
        durable(&store, cases((1..=MANY).map(big))).await;
        drop(store);
        let length = fs::metadata(dir.path().join("db")).expect("works").len();
        assert!(length > 16 * SEGMENT as u64, "{length} bytes");
        let store = open(dir.path()).unwrap_or_else(|error| panic!("store {nth}: {error}"));
        let ids: Vec<_> = (1..=MANY).map(id).collect();
        let found = store.cases(&ids).await.expect("works");
        assert!(found.iter().all(Option::is_some));
    }
}

/// The files as a kill would leave them now.
fn copied(dir: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("works");
    for entry in fs::read_dir(dir).expect("works") {
        let path = entry.expect("works").path();
        if path.is_file() {
            fs::copy(&path, copy.path().join(path.file_name().expect("works"))).expect("works");
        }
    }
    copy
}

/// The number of a segment, and that of the one that held the end of what was synced when it was begun.
fn header(segment: &[u8]) -> Option<(usize, usize)> {
    let place = |at: usize| {
        let bytes = segment.get(at..at + 8)?.try_into().ok()?;
        Some((i64::from_le_bytes(bytes) ^ i64::MAX).max(0) as usize / SEGMENT)
    };
    let is_there = segment.iter().take(20).any(|byte| *byte != 0);
    is_there.then_some((place(4)?, place(12)?))
}

/// Zeroes the segment on which all rests that sled had synced since it was opened.
fn wipe(pages: &Path) {
    let mut bytes = fs::read(pages).expect("works");
    let headers: Vec<_> = bytes.chunks(SEGMENT).map(header).collect();
    let tail = headers.iter().flatten().map(|(_, tail)| *tail).max();
    let held = |header: &Option<(usize, usize)>| header.map(|(number, _)| number) == tail;
    let nth = headers.iter().position(held).expect("it is there");
    assert_ne!(nth, 0, "not the one that the snapshot covers");
    let segment = bytes.chunks_mut(SEGMENT).nth(nth).expect("works");
    segment.fill(0);
    fs::write(pages, bytes).expect("works");
}

/// sled would pass over the rest of the segment and take what follows, and so a part of a group.
#[tokio::test]
async fn a_hole_after_what_was_acknowledged_is_refused_too() {
    use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};
    let (_dir, copy) = grown().await;
    let pages = copy.path().join("db");
    let mut bytes = fs::read(&pages).expect("works");
    let headers: Vec<_> = bytes.chunks(SEGMENT).map(header).collect();
    let tail = headers.iter().flatten().map(|(_, tail)| *tail).max();
    let before = |header: &Option<(usize, usize)>| header.map(|(number, _)| number + 1) == tail;
    let nth = headers.iter().position(before).expect("it is there");
    let middle = nth * SEGMENT + SEGMENT / 2;
    bytes[middle..middle + 100].fill(0);
    fs::write(&pages, bytes).expect("works");
    let file = fs::File::open(&pages).expect("works");
    let Ok(flags) = ioctl_getflags(&file) else {
        println!("skipped: this file system has no attributes");
        return;
    };
    ioctl_setflags(&file, flags | IFlags::SYNC).expect("works");
    let error = open(copy.path()).expect_err("a hole");
    assert!(error.to_string().contains("does not read back"), "{error}");
}

/// sled would begin anew where it was opened last, and write over the rest.
#[tokio::test]
async fn a_log_without_the_segment_that_all_rests_on_is_refused() {
    let (_dir, copy) = grown().await;
    let pages = copy.path().join("db");
    wipe(&pages);
    let wiped = fs::read(&pages).expect("works");
    for _ in 0..2 {
        let error = open(copy.path()).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "{error}");
    }
    assert!(
        fs::read(&pages).expect("works") == wiped,
        "nothing was changed"
    );
}

/// A store that grew by many segments since it was opened, and a copy as a power cut might have left it.
async fn grown() -> (tempfile::TempDir, tempfile::TempDir) {
    let dir = tempfile::tempdir().expect("works");
    let store = open(dir.path()).expect("works");
    durable(&store, cases([big(1)])).await;
    drop(store);
    let store = open(dir.path()).expect("works");
    let counted = fs::read(dir.path().join("durable")).expect("works");
    for number in 2..800 {
        durable(&store, cases([big(number)])).await;
    }
    let copy = copied(dir.path());
    // A power cut may leave an older count, so that nothing counts as acknowledged since.
    fs::write(copy.path().join("durable"), counted).expect("works");
    let whole = copied(copy.path());
    let read = open(whole.path())
        .expect("works")
        .cases(&[id(799)])
        .await
        .expect("works");
    assert!(read[0].is_some());
    (dir, copy)
}
