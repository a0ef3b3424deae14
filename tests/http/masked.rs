//! Who only reads sees people masked; who works with them sees them whole.

use std::path::Path;
use std::process::Command;

use qixian_tests::daemon::{Daemon, binary};

use crate::start::{fresh, start_gansu, to_sms_check};

/// A token of this role, made beside the running daemon.
fn token(data: &Path, role: &str) -> String {
    let made = Command::new(binary())
        .args(["token", "create", role, "--role", role, "--data"])
        .arg(data)
        .output()
        .expect("the binary runs");
    assert!(made.status.success(), "{made:?}");
    String::from_utf8_lossy(&made.stdout).trim().to_owned()
}

/// What a holder of `token` gets to see of the case: its fields, people, journal and messages.
fn seen(daemon: &Daemon, case: &str, token: &str) -> String {
    let bearer = format!("Bearer {token}");
    let paths = ["", "/journal", "/messages"];
    let answers = paths.map(|part| {
        let path = format!("/api/v1/cases/{case}{part}");
        let answer = daemon.ask("GET", &path, &[("authorization", &bearer)], "");
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body.to_string()
    });
    answers.concat()
}

#[test]
fn a_reader_sees_people_masked_and_a_handler_whole() {
    let (dir, daemon) = fresh();
    let case = start_gansu(&daemon);
    to_sms_check(&daemon, &case);
    let personal = [
        "13800000001",
        "wang@client.example",
        "王建国",
        "兰州示例科技有限公司",
    ];
    let by_handler = seen(&daemon, &case, &token(dir.path(), "handler"));
    let by_reader = seen(&daemon, &case, &token(dir.path(), "reader"));
    for text in personal {
        assert!(by_handler.contains(text), "{text}: {by_handler}");
        assert!(!by_reader.contains(text), "{text}: {by_reader}");
    }
    assert!(
        by_reader.contains("甘肃"),
        "what is not personal stays: {by_reader}"
    );
}
