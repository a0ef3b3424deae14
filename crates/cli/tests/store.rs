//! The stored data from a terminal: looked at, mended, written out, taken in.

mod common;

use std::path::Path;

use common::{run, stderr, stdout};
use qixian_core::next_wake;
use qixian_store::conformance::samples::{at, case, definition, due, durable, group, write};
use qixian_store::kv::dump::Apply;
use qixian_store::{Commit, DefinitionText, codec, keys};
use qixian_store_sled::{Offline, Options, SledStore};
use serde_json::Value;

const NAMES: [&str; 2] = ["one", "two"];

/// A data directory with two cases.
fn made(dir: &Path) -> SledStore {
    let store = SledStore::open(dir.join("store"), &Options::default()).expect("opens");
    let mut commit = Commit {
        definitions: vec![DefinitionText {
            definition: definition("first-filing"),
            text: "title = \"首次备案\"".into(),
        }],
        ..Commit::default()
    };
    for number in [1, 2] {
        let mut written = write(None, due(case(number), at(9_000)));
        written.wake_after = next_wake(&written.case);
        commit.cases.push(written);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("starts");
    runtime.block_on(durable(&store, group([commit])));
    store
}

/// Puts and removes rows beneath the command.
fn change(dir: &Path, key: Vec<u8>, row: Option<Vec<u8>>) {
    let rows = Offline::open(&dir.join("store"), &Options::default()).expect("opens");
    rows.apply([(key, row)].into()).expect("applies");
    rows.close().expect("closes");
}

fn data_lines(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).expect("is there");
    text.lines().skip(1).map(str::to_owned).collect()
}

#[test]
fn a_store_is_moved_and_damage_is_told() {
    let dir = tempfile::tempdir().expect("made");
    let [one, two] = NAMES.map(|name| dir.path().join(name));
    let files = NAMES.map(|name| dir.path().join(format!("{name}.jsonl")));
    let text = |path: &Path| path.display().to_string();
    let (data, other) = (text(&one), text(&two));
    let store = |words: &[&str], data: &str| run(&[&["store"], words, &["--data", data]].concat());

    let running = made(&one);
    let refused = store(&["verify"], &data);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        stderr(&refused).contains("先停下守护进程"),
        "{}",
        stderr(&refused)
    );
    drop(running);

    let clean = store(&["verify"], &data);
    assert!(clean.status.success(), "{}", stdout(&clean));
    assert!(stdout(&clean).contains("case 2") && stdout(&clean).contains("没有问题"));
    let written = store(&["export", &text(&files[0])], &data);
    assert!(written.status.success(), "{}", stderr(&written));
    let again = store(&["export", &text(&files[0])], &data);
    assert!(stderr(&again).contains("已经存在"));
    let taken = store(&["import", &text(&files[0])], &other);
    assert!(
        taken.status.success(),
        "{}{}",
        stdout(&taken),
        stderr(&taken)
    );
    assert!(
        store(&["export", &text(&files[1])], &other)
            .status
            .success()
    );
    assert_eq!(data_lines(&files[0]), data_lines(&files[1]));
    let full = store(&["import", &text(&files[0])], &other);
    assert_eq!(full.status.code(), Some(1));
    assert!(stderr(&full).contains("ST0004"), "{}", stderr(&full));

    let lost = keys::index_rows(&due(case(1), at(9_000)));
    change(&one, lost.first().expect("some").clone(), None);
    let found = store(&["verify", "--json"], &data);
    assert_eq!(found.status.code(), Some(1));
    let lines: Vec<Value> = stdout(&found)
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(lines[0]["kind"], "index_missing");
    assert_eq!(lines[0]["repairable"], true);
    assert_eq!(
        (&lines[1]["findings"], &lines[1]["put"]),
        (&1.into(), &0.into())
    );
    assert!(store(&["verify", "--rebuild"], &data).status.success());
    assert!(store(&["verify"], &data).status.success());

    let torn = keys::case(case(2).id);
    change(&one, torn.clone(), Some(b"torn".to_vec()));
    let found = store(&["verify", "--rebuild", "--lang", "en"], &data);
    assert_eq!(found.status.code(), Some(1));
    let named = format!("damaged record: case {}", case(2).id);
    assert!(stdout(&found).contains(&named), "{}", stdout(&found));
    let part = store(&["export", "-"], &data);
    assert_eq!(part.status.code(), Some(1));
    assert!(
        stderr(&part).contains(&codec::printable(&torn)),
        "{}",
        stderr(&part)
    );
    assert!(stdout(&part).contains(&case(1).reference));
    assert!(!stdout(&part).contains(&case(2).reference));
}

#[test]
fn a_broken_file_leaves_nothing_behind() {
    let dir = tempfile::tempdir().expect("made");
    let file = dir.path().join("broken.jsonl");
    std::fs::write(&file, "{}\n").expect("written");
    let data = dir.path().join("data");
    let (file, data) = (file.display().to_string(), data.display().to_string());
    let refused = run(&["store", "import", &file, "--data", &data]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        stderr(&refused).contains("ST0008：第 1 行"),
        "{}",
        stderr(&refused)
    );
    assert!(!Path::new(&data).join("store").exists());
    let nothing = run(&["store", "verify", "--data", &data]);
    assert!(stderr(&nothing).contains("ST0004"), "{}", stderr(&nothing));
}

#[test]
fn a_store_that_may_lack_writes_is_refused_but_saved() {
    let dir = tempfile::tempdir().expect("made");
    drop(made(dir.path()));
    let (data, file) = (
        dir.path().display().to_string(),
        dir.path().join("saved.jsonl"),
    );
    let store = |words: &[&str]| run(&[&["store"], words, &["--data", &data]].concat());
    std::fs::remove_file(dir.path().join("store/durable")).expect("was there");
    let looked = store(&["verify"]);
    assert_eq!(looked.status.code(), Some(1));
    assert!(stderr(&looked).contains("ST0010"), "{}", stderr(&looked));
    let saved = store(&["export", &file.display().to_string()]);
    assert_eq!(saved.status.code(), Some(1));
    assert!(stderr(&saved).contains("ST0010"), "{}", stderr(&saved));
    assert!(
        data_lines(&file)
            .iter()
            .any(|line| line.contains(r#""kind":"case""#))
    );
    let again = store(&["verify"]);
    assert!(stderr(&again).contains("ST0010"), "{}", stderr(&again));
}
