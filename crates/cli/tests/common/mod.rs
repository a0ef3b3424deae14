//! Runs the real binary.

use std::path::PathBuf;
use std::process::{Command, Output};

/// `qixian` in an empty environment, so that the machine's settings do not matter.
pub(crate) fn qixian(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qixian"));
    command.args(words).env_clear().env("COLUMNS", "100");
    command.current_dir(root());
    command
}

/// Its answer.
pub(crate) fn run(words: &[&str]) -> Output {
    qixian(words).output().expect("the binary runs")
}

/// Standard output as text.
pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

/// Standard error as text.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}
