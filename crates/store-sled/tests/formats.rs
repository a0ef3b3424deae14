//! Data of every format that was ever written stay readable, and are upgraded: a packed directory and an export of each
//! are kept.
//!
//! `UPDATE_FIXTURES=1` makes those of the present format anew; those of older formats were made so by the version that
//! wrote them. Do that only where the format's number rises; before then a difference here is data that people have and
//! this version misreads.

mod common;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use common::{agency, beneath, exported, offline};
use qixian_store::conformance::samples::{case, cases, durable, id, write};
use qixian_store::core::{Event, Rev};
use qixian_store::kv::Rows;
use qixian_store::kv::dump::verify;
use qixian_store::{Error, Store, codec, keys};
use qixian_store_sled::{FreeSpace, Options, SledStore, import};

fn fixtures(format: u32) -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    tests.join(format!("fixtures/format-{format}"))
}

/// Packs each file of a closed store: sled's is mostly zeros.
async fn make(to: &Path) {
    let dir = tempfile::tempdir().expect("made");
    agency(dir.path(), 2).await;
    let rows = offline(dir.path());
    let (lines, _) = exported(&rows);
    rows.close().expect("closes");
    fs::remove_dir_all(to).ok();
    fs::create_dir_all(to).expect("made");
    fs::write(to.join("export.jsonl"), lines.join("\n") + "\n").expect("written");
    for entry in fs::read_dir(dir.path()).expect("listed") {
        let path = entry.expect("listed").path();
        if path.is_file() {
            let packed = lz4_flex::compress_prepend_size(&fs::read(&path).expect("read"));
            let name = path.file_name().expect("named").to_string_lossy();
            fs::write(to.join(format!("{name}.lz4")), packed).expect("written");
        }
    }
}

fn unpack(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("kept") {
        let path = entry.expect("listed").path();
        if path.extension().is_some_and(|end| end == "lz4") {
            let packed = fs::read(&path).expect("read");
            let bytes = lz4_flex::decompress_size_prepended(&packed).expect("unpacks");
            let name = path.file_stem().expect("named");
            fs::write(to.join(name), bytes).expect("written");
        }
    }
}

/// Of the rows that this version writes.
const PRESENT: u32 = 2;

#[tokio::test]
async fn every_format_stays_readable() {
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        make(&fixtures(PRESENT)).await;
    }
    for format in 1..=PRESENT {
        stays_readable(format).await;
    }
}

async fn stays_readable(format: u32) {
    let kept = fixtures(format);
    let dir = tempfile::tempdir().expect("works");
    unpack(&kept, dir.path());
    let rows = offline(dir.path());
    let mut findings = Vec::new();
    verify(&rows, &mut |finding| findings.push(finding));
    assert_eq!(findings, []);
    let (lines, told) = exported(&rows);
    assert_eq!(told, []);
    rows.close().expect("works");
    let text = fs::read_to_string(kept.join("export.jsonl")).expect("works");
    let wanted: Vec<&str> = text.lines().collect();
    assert!(
        lines == wanted,
        "format {format}: the kept directory reads differently now"
    );

    let again = dir.path().join("again");
    import(&again, &mut text.as_bytes(), &Options::default()).expect("works");
    let rows = offline(&again);
    let (lines, _) = exported(&rows);
    rows.close().expect("works");
    let records = |lines: &[&str]| -> Vec<String> {
        let records = lines
            .iter()
            .filter(|line| !line.contains(r#""kind":"meta""#));
        records.map(|line| (*line).to_owned()).collect()
    };
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert!(
        records(&lines) == records(&wanted),
        "format {format}: the kept export reads differently now"
    );
    journal_is_whole(&SledStore::open(&again, &Options::default()).expect("works")).await;
}

async fn journal_is_whole(store: &SledStore) {
    let journal = store.journal(id(1), 0, 99).await.expect("works");
    let seqs: Vec<Rev> = journal.iter().map(|line| line.seq).collect();
    assert_eq!(seqs, (1..=common::LINES).collect::<Vec<_>>());
    let kinds = journal.iter().map(|line| line.to_event(id(1)));
    let mut kinds: Vec<String> = kinds
        .map(|event: Event| event.what.name().to_owned())
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds.len(), 16, "every kind of event is kept: {kinds:?}");
}

fn lines_of(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).expect("works");
    // The first line says when it was written, and the last version it was written by.
    text.lines().skip(1).map(str::to_owned).collect()
}

fn exports(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).expect("works");
    let paths = entries.map(|entry| entry.expect("works").path());
    paths
        .filter(|path| path.to_string_lossy().contains("before-format-"))
        .collect()
}

fn number(dir: &Path, key: &[u8]) -> Option<u64> {
    let rows = offline(dir);
    let row = rows.get(key).expect("works");
    let number = row.map(|row| codec::decode(key, &row).expect("works"));
    rows.close().expect("works");
    number
}

#[tokio::test]
async fn an_older_format_is_exported_then_upgraded() {
    let kept = fixtures(1);
    let dir = tempfile::tempdir().expect("works");
    let (store, beside) = (dir.path().join("store"), dir.path().join("beside"));
    fs::create_dir_all(&store).expect("works");
    unpack(&kept, &store);
    let file = dir.path().join("file");
    fs::write(&file, b"").expect("works");
    let options = |exports: &Path| Options {
        exports: Some(exports.to_owned()),
        ..Options::default()
    };

    // Without the export nothing is changed, and looking at rows does not upgrade.
    for _ in 0..2 {
        let error = SledStore::open(&store, &options(&file.join("below"))).unwrap_err();
        assert!(matches!(error, Error::Unusable { .. }), "{error}");
        assert!(error.to_string().contains("nothing was changed"), "{error}");
        assert_eq!(number(&store, keys::FORMAT), Some(1));
        assert_eq!(number(&store, keys::BATCHES), None);
        assert!(!store.join("durable").exists());
    }

    fs::create_dir_all(&beside).expect("works");
    let opened = SledStore::open(&store, &options(&beside)).expect("works");
    let upgraded = opened.upgraded().cloned().expect("it says so");
    assert_eq!((upgraded.from, upgraded.to), (1, PRESENT));
    assert_eq!(exports(&beside), [upgraded.export.expect("works")]);
    journal_is_whole(&opened).await;
    durable(&opened, cases([write(None, case(77))])).await;
    drop(opened);
    assert!(lines_of(&exports(&beside)[0]) == lines_of(&kept.join("export.jsonl")));
    for (key, wanted) in [
        (keys::FORMAT, Some(u64::from(PRESENT))),
        (keys::BATCHES, Some(1)),
        (keys::CLOSINGS, None),
        (keys::UPGRADING, None),
    ] {
        assert_eq!(number(&store, key), wanted, "{}", codec::printable(key));
    }
    let opened = SledStore::open(&store, &options(&beside)).expect("works");
    assert_eq!(opened.upgraded(), None);
    assert_eq!(exports(&beside).len(), 1);
}

struct Room(u64);

impl FreeSpace for Room {
    fn free(&self, _: &Path) -> io::Result<u64> {
        Ok(self.0)
    }
}

/// Starts that end while they export, over and over, must not fill the disk.
#[tokio::test]
async fn an_export_that_has_no_room_does_not_begin_and_leaves_one_file_at_most() {
    let dir = tempfile::tempdir().expect("works");
    unpack(&fixtures(1), dir.path());
    let needed = fs::metadata(dir.path().join("db")).expect("works").len();
    let partial = dir.path().join("before-format-2-unfinished.jsonl.partial");
    let open = |free: u64| {
        let free_space = Arc::new(Room(free));
        let options = Options {
            free_space,
            ..Options::default()
        };
        SledStore::open(dir.path(), &options)
    };
    for _ in 0..2 {
        let error = open(needed - 1_000).expect_err("no room");
        assert!(matches!(error, Error::Unusable { .. }), "{error}");
        let said = format!("{needed} bytes must be free there");
        assert!(error.to_string().contains(&said), "{error}");
        assert_eq!(exports(dir.path()), [] as [PathBuf; 0]);
        assert!(!partial.exists());
    }
    // What an earlier start left is written over, so that it counts as room.
    fs::write(&partial, [b'x'; 1_000]).expect("works");
    let store = open(needed - 1_000).expect("room");
    assert!(store.upgraded().is_some());
    assert_eq!(exports(dir.path()).len(), 1);
    assert!(!partial.exists());
}

/// What a stop leaves between the steps of an upgrade: the next start goes on, and exports nothing half-done.
#[tokio::test]
async fn an_upgrade_goes_on_after_a_stop() {
    let put = |db: &sled::Db, key: &[u8], number: u64| {
        db.insert(key, codec::encode(key, &number).expect("works"))
            .expect("works");
    };
    type Left<'a> = &'a dyn Fn(&sled::Db);
    let exported: Left = &|db| put(db, keys::UPGRADING, PRESENT.into());
    let stepped: Left = &|db| {
        put(db, keys::UPGRADING, PRESENT.into());
        put(db, keys::BATCHES, 0);
        db.remove(keys::CLOSINGS).expect("works");
    };
    for (left, with_file) in [(exported, false), (stepped, true)] {
        let dir = tempfile::tempdir().expect("works");
        unpack(&fixtures(1), dir.path());
        // As written before the stop; an upgrade that had begun does not write it again.
        let export = dir.path().join("before-format-2-20261123T000000Z.jsonl");
        fs::write(&export, b"whole").expect("works");
        beneath(dir.path(), left);
        if with_file {
            let fresh = tempfile::tempdir().expect("works");
            drop(SledStore::open(fresh.path(), &Options::default()).expect("works"));
            fs::copy(fresh.path().join("durable"), dir.path().join("durable")).expect("works");
        }
        let store = SledStore::open(dir.path(), &Options::default()).expect("works");
        let upgraded = store.upgraded().cloned().expect("it went on");
        assert_eq!(upgraded.export.as_deref(), Some(export.as_path()));
        journal_is_whole(&store).await;
        drop(store);
        assert_eq!(number(dir.path(), keys::FORMAT), Some(PRESENT.into()));
        assert_eq!(number(dir.path(), keys::UPGRADING), None);
        assert_eq!(exports(dir.path()).len(), 1);
        assert_eq!(fs::read(&export).expect("works"), b"whole");
    }
}
