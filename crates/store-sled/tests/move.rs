//! Export and import: nothing is lost on the way, and nothing broken gets in.

mod common;

use std::path::Path;

use common::{agency, exported, offline, open};
use qixian_store::conformance::{compare, seeded_history};
use qixian_store::kv::dump::{Imported, rebuild, verify};
use qixian_store::{Error, MemStore};
use qixian_store_sled::{Options, import};

fn take(dir: &Path, lines: &[String]) -> Result<Imported, Error> {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    import(dir, &mut text.as_bytes(), &Options::default())
}

fn lines_of(dir: &Path) -> Vec<String> {
    let rows = offline(dir);
    let (lines, findings) = exported(&rows);
    assert_eq!(findings, []);
    rows.close().expect("closes");
    lines
}

#[tokio::test]
async fn what_was_exported_comes_back_the_same() {
    let dir = tempfile::tempdir().expect("works");
    let (one, two) = (dir.path().join("one"), dir.path().join("two"));
    agency(&one, 30).await;
    let lines = lines_of(&one);
    let imported = take(&two, &lines).expect("works");
    assert_eq!(
        imported.counts.values().sum::<u64>() as usize,
        lines.len() - 2
    );
    assert_eq!(lines_of(&two), lines);
    let rows = offline(&two);
    let mut findings = Vec::new();
    verify(&rows, &mut |finding| findings.push(finding));
    assert_eq!(findings, []);
    rows.close().expect("works");
    compare(&open(&one), &open(&two), &[], &[]).await;
}

#[tokio::test]
async fn random_histories_come_back_the_same() {
    for seed in [1, 77, 4_711] {
        let dir = tempfile::tempdir().expect("works");
        let (one, two) = (dir.path().join("one"), dir.path().join("two"));
        let store = open(&one);
        seeded_history(seed, 60, &store, &MemStore::new()).await;
        drop(store);
        // That history's wake-ups are not those that the core asks for, as derived rows must be.
        let rows = offline(&one);
        rebuild(&rows, &mut |_| {}).expect("works");
        rows.close().expect("works");
        let lines = lines_of(&one);
        take(&two, &lines).expect("works");
        assert_eq!(lines_of(&two), lines, "seed {seed}");
        compare(&open(&one), &open(&two), &[], &[]).await;
    }
}

#[tokio::test]
async fn a_broken_line_is_refused_by_its_number() {
    let dir = tempfile::tempdir().expect("works");
    let (one, two) = (dir.path().join("one"), dir.path().join("two"));
    agency(&one, 0).await;
    let lines = lines_of(&one);
    let last = lines.len();
    let place = |kind: &str| {
        let wanted = format!("{{\"kind\":\"{kind}\"");
        lines
            .iter()
            .position(|line| line.starts_with(&wanted))
            .expect("is there")
    };
    let case = place("case");
    let check = |change: &dyn Fn(&mut Vec<String>), line: usize, said: &str| {
        let mut broken = lines.clone();
        change(&mut broken);
        let error = take(&two, &broken).expect_err(said);
        let Error::BadLine {
            line: named,
            reason,
        } = &error
        else {
            panic!("{said}: {error}");
        };
        assert_eq!(*named as usize, line, "{reason}");
        assert!(reason.contains(said), "{reason}");
        let left: Vec<_> = std::fs::read_dir(dir.path()).expect("works").collect();
        assert_eq!(left.len(), 1, "nothing is left half done");
    };
    check(
        &|all| all[case] = all[case].replacen("黄河", "长江", 1),
        case + 1,
        "checksum",
    );
    check(
        &|all| all[case] = all[case].replacen("\"key\":\"0", "\"key\":\"1", 1),
        case + 1,
        "checksum",
    );
    check(
        &|all| all[case] = all[case].replacen("case", "seen", 1),
        case + 1,
        "checksum",
    );
    check(
        &|all| all[case] = all[case].replacen("case", "boat", 1),
        case + 1,
        "`boat` is unknown",
    );
    check(
        &|all| all[case].truncate(40),
        case + 1,
        "no line of an export",
    );
    check(&|all| all[case].clear(), case + 1, "no line of an export");
    check(
        &|all| all.insert(case, all[case].clone()),
        case + 2,
        "in an earlier line",
    );
    check(
        &|all| drop(all.remove(case)),
        last - 1,
        "should hold 3 lines of `case`, but holds 2",
    );
    check(&|all| all.truncate(case), case + 1, "cut off");
    check(&|all| all.truncate(0), 1, "cut off");
    check(
        &|all| all.push("{}".to_owned()),
        last + 1,
        "follows the last line",
    );
    check(&|all| drop(all.remove(0)), 1, "not the first line");
    check(
        &|all| all[0] = all[0].replacen("\"format\":1", "\"format\":9", 1),
        1,
        "format 9",
    );
    let half = lines.join("\n");
    let error = import(&two, &mut half.as_bytes(), &Options::default()).unwrap_err();
    assert!(error.to_string().contains("the line has no end"), "{error}");
    take(&two, &lines).expect("works");
}

#[tokio::test]
async fn only_an_empty_directory_is_filled() {
    let dir = tempfile::tempdir().expect("works");
    let (one, two) = (dir.path().join("one"), dir.path().join("two"));
    agency(&one, 0).await;
    let lines = lines_of(&one);
    let error = take(&one, &lines).unwrap_err();
    assert!(error.to_string().contains("not empty"), "{error}");
    assert_eq!(lines_of(&one), lines);
    // What a killed import left is no hindrance, one that goes on is.
    let beside = dir.path().join("two.importing");
    let going_on = open(&beside);
    assert!(matches!(take(&two, &lines), Err(Error::InUse { .. })));
    drop(going_on);
    std::fs::create_dir(&two).expect("works");
    take(&two, &lines).expect("works");
    assert!(!beside.exists());
    assert_eq!(lines_of(&two), lines);
}
