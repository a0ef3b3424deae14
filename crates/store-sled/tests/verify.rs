//! Every kind of damage is found and named; what is derived is made anew.

mod common;

use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use common::{agency, beneath, exported, offline};
use qixian_store::conformance::samples::{at, definition, id, message, usual_case};
use qixian_store::core::{LegStatus, next_wake};
use qixian_store::kv::dump::{Finding, Problem, Verified, rebuild, verify};
use qixian_store::{Error, OutboxRow, RecordKind, TimerRow, codec, keys};
use qixian_store_sled::{Offline, Options};

fn verified(dir: &Path) -> (Verified, Vec<Finding>) {
    let rows = offline(dir);
    let mut findings = Vec::new();
    let sum = verify(&rows, &mut |finding| findings.push(finding));
    rows.close().expect("closes");
    assert_eq!(sum.findings as usize, findings.len());
    (sum, findings)
}

#[tokio::test]
async fn nothing_is_wrong_with_a_right_store() {
    let dir = tempfile::tempdir().expect("works");
    agency(dir.path(), 40).await;
    let (sum, findings) = verified(dir.path());
    assert_eq!(findings, []);
    let count = |name| sum.counts.get(name).copied().unwrap_or(0);
    let names = [
        "meta",
        "definition",
        "record",
        "case",
        "journal",
        "outbox",
        "seen",
    ];
    assert_eq!(names.map(count), [2, 1, 3, 43, common::LINES + 42, 2, 1]);
    assert!(count("index") > 150 && count("piece") > 2, "{sum:?}");
}

/// Does `harm` to a store and looks for the finding; where it can be mended, mends it.
async fn check(
    name: &str,
    harm: impl FnOnce(&sled::Db),
    kind: Problem,
    key: &[u8],
    repairable: bool,
) {
    let dir = tempfile::tempdir().expect("works");
    agency(dir.path(), 0).await;
    beneath(dir.path(), harm);
    let (sum, findings) = verified(dir.path());
    let wanted = |found: &&Finding| found.kind == kind && found.key == codec::printable(key);
    let found = findings.iter().find(wanted);
    let found = found.unwrap_or_else(|| panic!("{name}: {findings:#?}"));
    assert_eq!(found.repairable, repairable, "{name}: {found:?}");
    assert_eq!((sum.put, sum.removed), (0, 0), "looking changes nothing");

    let rows = offline(dir.path());
    let done = rebuild(&rows, &mut |_| {}).expect("works");
    rows.close().expect("works");
    assert!(!repairable || done.put + done.removed > 0, "{name}");
    let (_, left) = verified(dir.path());
    let mended: Vec<&Finding> = left.iter().filter(|found| found.repairable).collect();
    assert!(mended.is_empty(), "{name}: {mended:?}");
    assert!(!repairable || left.is_empty(), "{name}: {left:?}");
}

fn flip(db: &sled::Db, key: &[u8]) {
    let mut row = db.get(key).expect("works").expect("is there").to_vec();
    let middle = row.len() / 2;
    row[middle] ^= 4;
    db.insert(key, row).expect("works");
}

fn remove(db: &sled::Db, key: &[u8]) {
    db.remove(key).expect("works").expect("is there");
}

fn first_under(db: &sled::Db, prefix: &[u8]) -> Vec<u8> {
    let row = db.scan_prefix(prefix).next().expect("is there");
    row.expect("works").0.to_vec()
}

#[tokio::test]
async fn damaged_records_are_named() {
    let (case, line) = (keys::case(id(1)), keys::journal(id(1), 3));
    let entry = keys::outbox(message(2, 1, None, &[]).intent.id);
    let text = keys::definition(&definition("first-filing"));
    for key in [
        &case,
        &line,
        &entry,
        &text,
        &keys::seen("key-1"),
        &keys::record(RecordKind::Client, id(900)),
    ] {
        check(
            "a flipped bit",
            |db| flip(db, key),
            Problem::Damaged,
            key,
            false,
        )
        .await;
    }
    let large = keys::case(id(3));
    let piece = |db: &sled::Db| first_under(db, &[b"z", large.as_slice()].concat());
    check(
        "a bit of a piece",
        |db| flip(db, &piece(db)),
        Problem::Damaged,
        &large,
        false,
    )
    .await;
    check(
        "a lost piece",
        |db| remove(db, &piece(db)),
        Problem::Damaged,
        &large,
        false,
    )
    .await;
    let copy = |db: &sled::Db| {
        let row = db.get(&case).expect("works").expect("works");
        db.insert(keys::case(id(77)), row).expect("works");
    };
    check(
        "a wrong key",
        copy,
        Problem::Damaged,
        &keys::case(id(77)),
        false,
    )
    .await;
    let older = |db: &sled::Db| {
        let mut older = usual_case();
        older.rev = 9;
        db.insert(
            &case[..],
            codec::encode(&case, &(8_u64, older)).expect("works"),
        )
        .expect("works");
    };
    check("two revs", older, Problem::Damaged, &case, false).await;
}

#[tokio::test]
async fn what_does_not_fit_together_is_named() {
    let (case, line) = (keys::case(id(1)), |seq| keys::journal(id(1), seq));
    check(
        "a gap",
        |db| remove(db, &line(3)),
        Problem::Journal,
        &line(4),
        false,
    )
    .await;
    check(
        "no beginning",
        |db| remove(db, &line(1)),
        Problem::Journal,
        &line(2),
        false,
    )
    .await;
    check(
        "no end",
        |db| remove(db, &line(common::LINES)),
        Problem::Journal,
        &case,
        false,
    )
    .await;
    let further = |db: &sled::Db| {
        let row = db.get(line(5)).expect("works").expect("works");
        db.insert(line(common::LINES + 1), row).expect("works");
    };
    check("a line too many", further, Problem::Journal, &case, false).await;
    let lost = |db: &sled::Db| remove(db, &case);
    check(
        "a lost case: its journal",
        lost,
        Problem::Missing,
        &line(1),
        false,
    )
    .await;
    let entry = keys::outbox(message(1, 1, None, &[]).intent.id);
    check(
        "a lost case: its messages",
        lost,
        Problem::Missing,
        &entry,
        false,
    )
    .await;
    let text = keys::definition(&definition("first-filing"));
    check(
        "a lost definition",
        |db| remove(db, &text),
        Problem::Missing,
        &case,
        false,
    )
    .await;
    let twice = |db: &sled::Db| {
        let key = keys::case(id(2));
        let row = db.get(&key).expect("works").expect("works");
        let (rev, mut case): (u64, qixian_store::core::Case) =
            codec::decode(&key, &row).expect("works");
        case.reference = usual_case().reference;
        db.insert(&key[..], codec::encode(&key, &(rev, case)).expect("works"))
            .expect("works");
    };
    let reference = keys::reference(&usual_case().reference);
    check(
        "one reference twice",
        twice,
        Problem::ReferenceTaken,
        &reference,
        false,
    )
    .await;
    let put = |key: &'static [u8]| move |db: &sled::Db| drop(db.insert(key, b"?").expect("works"));
    check(
        "a strange prefix",
        put(b"Q17"),
        Problem::Unknown,
        b"Q17",
        false,
    )
    .await;
    check(
        "a strange fact",
        put(b"mood"),
        Problem::Unknown,
        b"mood",
        false,
    )
    .await;
}

#[tokio::test]
async fn derived_rows_are_made_anew() {
    let usual = usual_case();
    let wake = keys::timer(TimerRow {
        at: next_wake(&usual).expect("works"),
        case: usual.id,
    });
    let seen = keys::seen_at(at(5), "key-1");
    let due = keys::outbox_due(OutboxRow {
        at: at(50),
        id: message(1, 1, None, &[]).intent.id,
    });
    let dead = message(2, 1, None, &[LegStatus::Dead]);
    let mut derived = vec![wake, seen, due, keys::reference(&usual.reference)];
    derived.extend(keys::attention_rows(&dead));
    derived.extend(keys::index_rows(&usual));
    assert_eq!(derived.len(), 10);
    for key in &derived {
        check(
            "a lost row",
            |db| remove(db, key),
            Problem::IndexMissing,
            key,
            true,
        )
        .await;
    }
    let reference = keys::reference(&usual.reference);
    check(
        "a damaged row",
        |db| flip(db, &reference),
        Problem::IndexMissing,
        &reference,
        true,
    )
    .await;

    let wrong = TimerRow {
        at: at(1),
        case: id(1),
    };
    let nobody = OutboxRow {
        at: at(1),
        id: message(1, 99, None, &[]).intent.id,
    };
    let strays = [
        keys::timer(wrong),
        keys::outbox_due(nobody),
        keys::seen_at(at(5), "key-9"),
        b"n?".to_vec(),
        keys::piece(&keys::case(id(1)), [1, 2, 3, 4], 0),
    ];
    for key in &strays {
        let put = |db: &sled::Db| drop(db.insert(&key[..], b"").expect("works"));
        check("a row too many", put, Problem::IndexStray, key, true).await;
    }
}

/// Harms the file itself at many places. Either opening says so, or looking does, or the place held nothing any more:
/// then everything is there. What is exported is never anything but what was there.
#[tokio::test]
async fn a_damaged_file_is_named_and_never_served() {
    let dir = tempfile::tempdir().expect("works");
    agency(dir.path(), 150).await;
    let whole = {
        let rows = offline(dir.path());
        let whole = exported(&rows);
        rows.close().expect("works");
        whole.0
    };
    let length = fs::metadata(dir.path().join("db")).expect("works").len();
    let mut came = [0; 3];
    for round in 0..48_u64 {
        let copy = tempfile::tempdir().expect("works");
        copy_dir(dir.path(), copy.path());
        let path = copy.path().join("db");
        let place = (round * 0x9e37_79b9_7f4a) % length;
        match round % 3 {
            0 => change_file(&path, place, 1, |byte| byte ^ 0x10),
            1 => change_file(&path, place / 4096 * 4096, 4096, |_| 0),
            _ => fs::File::options()
                .write(true)
                .open(&path)
                .expect("works")
                .set_len(place)
                .expect("works"),
        }
        let rows = match Offline::open(copy.path(), &Options::default()) {
            Ok(rows) => rows,
            Err(error) => {
                let said = error.to_string();
                assert!(
                    matches!(error, Error::Damaged { .. }),
                    "round {round}: {said}"
                );
                assert!(
                    said.contains(&path.display().to_string()),
                    "round {round}: {said}"
                );
                came[0] += 1;
                continue;
            }
        };
        let mut findings = Vec::new();
        verify(&rows, &mut |finding| findings.push(finding));
        let (lines, told) = exported(&rows);
        let records = &lines[1..lines.len() - 1];
        assert!(
            records.iter().all(|line| whole.contains(line)),
            "round {round}"
        );
        match findings.is_empty() {
            true => assert!(
                lines == whole && told.is_empty(),
                "round {round}: {} of {} lines",
                lines.len(),
                whole.len()
            ),
            false => println!(
                "round {round}: {} records left, {findings:?}",
                records.len()
            ),
        }
        came[if findings.is_empty() { 2 } else { 1 }] += 1;
    }
    println!("refused to open, found by looking, in dead space: {came:?}");
    assert!(came[0] > 0);
}

fn copy_dir(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("works") {
        let entry = entry.expect("works");
        let to = to.join(entry.file_name());
        match entry.file_type().expect("works").is_dir() {
            true => {
                fs::create_dir_all(&to).expect("works");
                copy_dir(&entry.path(), &to);
            }
            false => drop(fs::copy(entry.path(), to).expect("works")),
        }
    }
}

fn change_file(path: &Path, at: u64, length: usize, change: impl Fn(u8) -> u8) {
    let mut file = fs::File::options()
        .read(true)
        .write(true)
        .open(path)
        .expect("works");
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(at)).expect("works");
    Read::by_ref(&mut file)
        .take(length as u64)
        .read_to_end(&mut bytes)
        .expect("works");
    bytes.iter_mut().for_each(|byte| *byte = change(*byte));
    file.seek(SeekFrom::Start(at)).expect("works");
    file.write_all(&bytes).expect("works");
}

/// sled writes a page over 128 KiB to a file of its own, which nothing makes durable. Ours never are that large.
#[tokio::test]
async fn a_page_that_a_power_cut_may_take_is_told() {
    let dir = tempfile::tempdir().expect("works");
    agency(dir.path(), 40).await;
    let rows = offline(dir.path());
    assert_eq!(rows.undurable(), Ok(Vec::new()));
    rows.close().expect("closes");
    beneath(dir.path(), |db| {
        let large = vec![7_u8; 300 << 10];
        db.insert(b"x", large).expect("is written");
    });
    let rows = offline(dir.path());
    let found = rows.undurable().expect("is listed");
    assert!(!found.is_empty());
    for finding in found {
        assert_eq!(finding.kind, Problem::Undurable);
        assert!(finding.key.starts_with("blobs/"), "{finding:?}");
    }
    rows.close().expect("closes");
}
