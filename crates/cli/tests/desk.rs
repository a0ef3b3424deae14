//! The desk from a terminal: a daemon and the commands that talk to it, all by the real binary.

mod common;

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use common::{qixian, run, stderr, stdout};
use serde_json::Value;

/// A daemon of its own in a directory of its own.
struct Desk {
    daemon: Child,
    dir: tempfile::TempDir,
}

impl Drop for Desk {
    fn drop(&mut self) {
        // It may have ended already.
        self.daemon.kill().ok();
        self.daemon.wait().ok();
    }
}

impl Desk {
    fn open() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let data = dir.path().display().to_string();
        let words = [
            "serve",
            "--demo",
            "--data",
            &data,
            "--listen",
            "127.0.0.1:0",
        ];
        let mut command = qixian(&words);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut daemon = command.spawn().expect("the daemon starts");
        let said = BufReader::new(daemon.stdout.take().expect("piped"));
        // It prints its address once it listens.
        let mut lines = said.lines().map_while(Result::ok);
        assert!(
            lines.any(|line| line.contains("http://")),
            "the daemon went away"
        );
        Self { daemon, dir }
    }

    fn ask(&self, words: &[&str]) -> (Option<i32>, String, String) {
        let data = self.dir.path().display().to_string();
        let output = run(&[words, &["--data", &data]].concat());
        (output.status.code(), stdout(&output), stderr(&output))
    }

    fn json(&self, words: &[&str]) -> Value {
        let (code, answer, error) = self.ask(&[words, &["--json"]].concat());
        assert_eq!(code, Some(0), "{words:?}: {error}");
        serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{words:?}: {answer}"))
    }
}

#[test]
fn a_case_lives_at_the_terminal() {
    let desk = Desk::open();
    let case = desk.json(&[
        "case",
        "start",
        "config/examples/gansu.toml",
        "--reference",
        "LZ-1",
        "--at",
        "2026-02-09T09:30",
    ]);
    assert_eq!(
        (&case["state"], &case["rev"]),
        (&Value::from("collecting"), &Value::from(1))
    );
    assert_eq!(case["began_at"], "2026-02-09T09:30:00+08:00");

    let (code, told, _) = desk.ask(&[
        "case",
        "event",
        "LZ-1",
        "type_verified",
        "--dry-run",
        "--lang",
        "en",
    ]);
    assert!(code == Some(0) && told.contains("type_verified"), "{told}");
    let answer = desk.json(&[
        "case",
        "event",
        "LZ-1",
        "type_verified",
        "--at",
        "2026-02-09T10:30",
        "--note",
        "来电",
    ]);
    assert_eq!(
        (&answer["rev"], &answer["state"]),
        (&Value::from(2), &Value::from("type_verified")),
        "a dry run leaves no line"
    );
    let (code, _, error) = desk.ask(&["case", "event", "LZ-1", "site_opened"]);
    assert!(
        code == Some(1) && error.contains("product_verified"),
        "what is possible is named: {error}"
    );

    desk.json(&[
        "case",
        "edit",
        "LZ-1",
        "--field",
        "site.name=新名",
        "--field",
        "site.uses_cdn:=true",
    ]);
    desk.json(&[
        "party",
        "put",
        "LZ-1",
        "lead",
        "--name",
        "老李",
        "--email",
        "li@agency.example",
    ]);
    desk.json(&["case", "note", "LZ-1", "等客户回话"]);
    let case = desk.json(&["case", "show", "LZ-1"]);
    assert_eq!(
        (
            &case["fields"]["site"]["name"],
            &case["fields"]["site"]["uses_cdn"]
        ),
        (&Value::from("新名"), &Value::from(true))
    );
    let (_, journal, _) = desk.ask(&["case", "journal", "LZ-1", "--json"]);
    assert_eq!(journal.lines().count(), 5, "{journal}");
    let list = desk.json(&["case", "list", "--q", "LZ-1"]);
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1));

    desk.json(&["case", "close", "LZ-1", "--reason", "不再备案"]);
    assert_eq!(
        desk.json(&["case", "reopen", "LZ-1", "--reason", "又要了"])["rev"],
        7
    );
}

#[test]
fn deadlines_messages_records_and_tokens() {
    let desk = Desk::open();
    let list = desk.json(&["deadline", "list"]);
    let first = &list["items"][0];
    let (case, name) = (
        first["case"].as_str().expect("an id"),
        first["name"].as_str().expect("a name"),
    );
    let (code, why, _) = desk.ask(&["deadline", "why", case, name]);
    assert!(code == Some(0) && why.contains("截止"), "{why}");
    let moved = desk.json(&[
        "deadline", "move", case, name, "--by", "+3d", "--reason", "春节",
    ]);
    let due = moved["deadlines"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|d| d["name"] == name);
    assert!(
        due.is_some_and(|due| due["due_at"] != first["due_at"]),
        "{moved}"
    );
    let (code, _, error) = desk.ask(&["deadline", "why", case, "sms_cod"]);
    assert!(code == Some(1) && error.contains("sms_code"), "{error}");

    let preview = desk.json(&["message", "preview", "--days", "30"]);
    assert!(
        preview["items"]
            .as_array()
            .is_some_and(|items| !items.is_empty())
    );
    let client = desk.json(&["client", "add", "--title", "甲方", "--field", "level=A"]);
    let id = client["id"].as_str().expect("an id");
    let client = desk.json(&["client", "edit", id, "--field", "level=B"]);
    assert_eq!(
        (&client["rev"], &client["fields"]["level"]),
        (&Value::from(2), &Value::from("B"))
    );

    let made = desk.json(&["token", "create", "wang", "--role", "reader"]);
    let token = made["token"].as_str().expect("a token");
    assert_eq!(
        desk.ask(&["case", "list", "--token", token]).0,
        Some(0),
        "at once"
    );
    assert_eq!(
        desk.ask(&["client", "add", "--title", "乙方", "--token", token])
            .0,
        Some(1),
        "a reader does not write"
    );
    desk.json(&["token", "revoke", "wang"]);
    assert_eq!(
        desk.ask(&["case", "list", "--token", token]).0,
        Some(1),
        "at once"
    );
    let health = desk.json(&["doctor"]);
    let daemon = health["checks"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|c| c["name"] == "ready");
    assert_eq!(
        daemon.map(|check| &check["status"]),
        Some(&Value::from("ok")),
        "{health}"
    );
}
