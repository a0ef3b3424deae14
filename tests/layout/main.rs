//! Rules of the repository that no compiler knows, kept true by a test: which crate may use which, and what
//! source files may hold. Each failure says what to do about it.

mod order;
mod source;
mod table;
mod tidy;

use std::path::PathBuf;

/// The directory that holds the workspace's `Cargo.toml`.
fn root() -> PathBuf {
    let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    tests
        .parent()
        .expect("the tests member lies in the workspace")
        .to_owned()
}

/// Fails with all findings at once, so that nobody mends them one by one.
#[track_caller]
fn assert_none(findings: &[String]) {
    assert!(
        findings.is_empty(),
        "{} finding(s):\n  {}",
        findings.len(),
        findings.join("\n  ")
    );
}
