//! Data of every format that was ever written stay readable: a packed directory and an export of each are kept.
//!
//! `UPDATE_FIXTURES=1` makes those of the present format anew. Do that only where the format's number rises; before then
//! a difference here is data that people have and this version misreads.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{agency, exported, offline};
use qixian_store::core::{Event, Rev};
use qixian_store::kv::dump::verify;
use qixian_store::{Store, conformance::samples::id};
use qixian_store_sled::{Options, SledStore, import};

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

#[tokio::test]
async fn format_1_stays_readable() {
    let kept = fixtures(1);
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        make(&kept).await;
    }
    let dir = tempfile::tempdir().unwrap();
    unpack(&kept, dir.path());
    let rows = offline(dir.path());
    let mut findings = Vec::new();
    verify(&rows, &mut |finding| findings.push(finding));
    assert_eq!(findings, []);
    let (lines, told) = exported(&rows);
    assert_eq!(told, []);
    rows.close().unwrap();
    let text = fs::read_to_string(kept.join("export.jsonl")).unwrap();
    let wanted: Vec<&str> = text.lines().collect();
    assert!(lines == wanted, "the kept directory reads differently now");

    let again = dir.path().join("again");
    import(&again, &mut text.as_bytes(), &Options::default()).unwrap();
    let rows = offline(&again);
    let (lines, _) = exported(&rows);
    rows.close().unwrap();
    assert!(lines == wanted, "the kept export reads differently now");

    let store = SledStore::open(&again, &Options::default()).unwrap();
    let journal = store.journal(id(1), 0, 99).await.unwrap();
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
