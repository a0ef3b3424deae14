//! A disk without room: the process ends with a clear last word, and what was durable is there once there is room again.
//!
//! A limit on the size of files stands in for the full disk: the system refuses to let the store's file grow. The test
//! binary runs itself again as the writer, with the directory in an environment variable.
#![cfg(unix)]

use std::process::Command;

use qixian_store::conformance::samples::{case, cases, id, next, write};
use qixian_store::{Resolution, Store};
use qixian_store_sled::{Options, SledStore};

const DIR: &str = "QIXIAN_FULL_TEST_DIR";
/// Blocks of 512 bytes that a file may have: 4 MiB.
const BLOCKS: u32 = 8_192;
/// Words enough to fill that after some hundred writes.
const WORDS: usize = 3_000;

/// Only does something when run by the test below: writes until it can't, and says each rev that is durable.
#[tokio::test]
async fn writer() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let store = SledStore::open(&dir, &Options::default()).unwrap();
    let mut write = write(None, case(1));
    loop {
        let resolution = store.submit(cases([write.clone()])).wait().await;
        if resolution != Resolution::Durable {
            // The last word is said by the store's own thread, which ends the process.
            std::future::pending::<()>().await;
        }
        let rev = write.case.rev;
        println!("durable {rev}");
        // Words that do not compress, so that the file grows.
        let mut seed = rev;
        let words = std::iter::repeat_with(|| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(b'a' + (seed >> 59) as u8 % 26)
        });
        let title: String = words.take(WORDS).collect();
        write = next(&write.case.clone(), |case| case.title.clone_from(&title));
    }
}

#[tokio::test]
async fn a_full_disk_ends_the_process_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let limits = format!("trap '' XFSZ; ulimit -c 0; ulimit -f {BLOCKS}; exec \"$0\" \"$@\"");
    let ended = Command::new("sh")
        .args(["-c", &limits])
        .arg(std::env::current_exe().expect("runs from a file"))
        .args(["writer", "--exact", "--nocapture"])
        .env(DIR, dir.path())
        .output()
        .expect("runs");
    let (said, last_word) = (
        String::from_utf8_lossy(&ended.stdout),
        String::from_utf8_lossy(&ended.stderr),
    );
    assert!(!ended.status.success(), "{said}");
    for part in [
        "ST0011：磁盘没有空间了",
        "ST0011: the disk has no room left",
        "File too large",
    ] {
        assert!(last_word.contains(part), "{last_word}");
    }
    let mut revs = said.lines().filter_map(|line| line.split_once("durable "));
    let said: u64 = revs.next_back().expect("some fit").1.parse().unwrap();
    assert!(said > 10, "it filled too early");
    let store = SledStore::open(dir.path(), &Options::default()).unwrap();
    let found = store.cases(&[id(1)]).await.unwrap().remove(0).unwrap();
    assert!(found.rev >= said && found.rev <= said + 1, "{}", found.rev);
    let lines = store.journal(id(1), 0, 1_000_000).await.unwrap();
    assert_eq!(lines.len() as u64, found.rev);
}
