//! The test binary runs itself again as a process that writes, and is killed: its test `writer` writes into the directory
//! that [`DIR`] names and says `durable SLOT REV` for each rev it was told is durable.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// The environment variable that makes `writer` write.
pub(crate) const DIR: &str = "QIXIAN_KILLED_WRITER_DIR";

/// Runs the writer until it has said so many lines, kills it, and answers the last rev it said of each case.
pub(crate) fn run_and_kill(dir: &Path, lines: u64, revs: &mut [u64]) {
    let mut child = Command::new(std::env::current_exe().expect("runs from a file"))
        .args(["writer", "--exact", "--nocapture"])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let output = BufReader::new(child.stdout.take().expect("is piped"));
    let mut said = 0;
    for line in output.lines() {
        let line = line.expect("is text");
        let words: Vec<&str> = line.split(' ').collect();
        if let ["durable", slot, rev] = words[..] {
            let slot: usize = slot.parse().expect("a number");
            revs[slot - 1] = rev.parse().expect("a number");
            said += 1;
        }
        if said == lines {
            // What it says between here and its end is read too: it was told that those are durable.
            child.kill().expect("is killed");
            said += 1;
        }
    }
    child.wait().expect("ends");
    assert!(said > lines, "the writer ended by itself");
}
