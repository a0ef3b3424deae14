//! Commands that read workflow, case and configuration files, through the real binary.

mod common;

use common::{qixian, run, stderr, stdout};
use serde_json::Value;

const MINIMAL: &str = r#"
schema = 1
workflow = "seal"
version = 1
title = { zh = "刻章", en = "Seal" }

[states]
ordered = { title = { zh = "已下单", en = "Ordered" }, holder = "handler" }
done = { title = { zh = "完成", en = "Done" }, final = true }
lost = { title = { zh = "失败", en = "Lost" }, final = true }

[[on]]
event = "delivered"
title = { zh = "送达", en = "Delivered" }
from = "ordered"
to = "done"

[deadlines.delivery]
title = { zh = "送达期限", en = "Delivery" }
in = "ordered"
within = "2d"
remind = "daily"
missed = { to = "lost", reason = { zh = "逾期", en = "Late" } }

[ladders.daily]
steps = [{ before = "1d", via = ["mail"], to = ["handler"] }]

[[tests]]
name = "逾期"
at = "2026-03-02T10:00:00+08:00"
parties = [{ role = "handler", name = "小周", email = "zhou@agency.example" }]
steps = [{ at = "+72h", expect = { state = "STATE" } }]
"#;

fn json(words: &[&str]) -> (Option<i32>, Value) {
    let output = run(words);
    let text = stdout(&output);
    let value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}{}", stderr(&output)));
    (output.status.code(), value)
}

/// A workflow file whose test expects `state`.
fn file(state: &str) -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("seal.toml");
    std::fs::write(&path, MINIMAL.replace("STATE", state)).expect("written");
    let shown = path.display().to_string();
    (dir, shown)
}

#[test]
fn shipped_files_pass_their_own_tests() {
    let (code, answer) = json(&["workflow", "test", "--json"]);
    assert_eq!(
        (code, &answer["failed"]),
        (Some(0), &Value::from(0)),
        "{answer}"
    );
    assert!(
        answer["passed"].as_u64().is_some_and(|count| count > 30),
        "{answer}"
    );
    let (code, answer) = json(&["config", "check", "--json"]);
    assert_eq!(
        (code, &answer["errors"]),
        (Some(0), &Value::from(0)),
        "{answer}"
    );
}

#[test]
fn an_authors_file_is_checked_and_tested() {
    let (_dir, good) = file("lost");
    assert_eq!(json(&["workflow", "check", &good, "--json"]).0, Some(0));
    let (code, answer) = json(&["workflow", "test", &good, "--json"]);
    assert_eq!(
        (code, &answer["passed"]),
        (Some(0), &Value::from(1)),
        "{answer}"
    );
    let untaken = answer["files"][0]["untaken"].as_array().map(Vec::len);
    assert_eq!(untaken, Some(1), "nothing delivers in the test: {answer}");

    let (_dir, wrong) = file("done");
    let output = run(&["workflow", "test", &wrong]);
    assert_eq!(output.status.code(), Some(1));
    let told = stdout(&output);
    assert!(
        told.contains("✗ 逾期") && told.contains("seal.toml:3"),
        "{told}"
    );

    let (_dir, broken) = file("nowhere");
    let output = run(&["workflow", "check", &broken, "--lang", "en"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("nowhere"), "{}", stdout(&output));
    let missing = run(&["workflow", "check", "no-such-file.toml"]);
    assert_eq!(missing.status.code(), Some(2));
}

#[test]
fn a_workflow_is_shown_as_the_api_shows_it() {
    let (_, answer) = json(&["workflow", "show", "first-filing", "--json"]);
    for (key, place) in [("id", "first-filing"), ("initial", "collecting")] {
        assert_eq!(answer[key], place);
    }
    let states = answer["states"].as_array().expect("a list");
    assert!(
        states
            .iter()
            .any(|state| state["id"] == "sms_verification" && state["final"] == false)
    );
    let output = run(&["workflow", "show", "first-filling"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("“first-filing”"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn diagrams_name_every_state() {
    let mermaid = stdout(&run(&["workflow", "diagram", "police-filing"]));
    assert!(mermaid.starts_with("stateDiagram-v2"), "{mermaid}");
    let svg = stdout(&run(&["workflow", "diagram", "police-filing", "--svg"]));
    assert!(
        svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"),
        "{svg}"
    );
    let (_, answer) = json(&["workflow", "show", "police-filing", "--json"]);
    for state in answer["states"].as_array().expect("a list") {
        let id = state["id"].as_str().expect("a name");
        assert!(mermaid.contains(&format!(" as {id}\n")), "{id}: {mermaid}");
        let title = state["title"]["zh"].as_str().expect("a title");
        let begins: String = title.chars().take(6).collect();
        assert!(svg.contains(&begins), "{title}: {svg}");
    }
}

#[test]
fn the_gansu_case_runs_on_the_virtual_clock() {
    let output = run(&[
        "simulate",
        "--workflow",
        "first-filing",
        "--case",
        "config/examples/gansu.toml",
        "--events",
        "config/examples/gansu-events.jsonl",
        "--start",
        "2026-02-09T09:30:00+08:00",
        "--until",
        "2026-04-30",
    ]);
    assert!(output.status.success(), "{}", stderr(&output));
    let lines: Vec<Value> = stdout(&output)
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON on each line"))
        .collect();
    let find = |kind: &str, key: &str, value: &str| {
        lines
            .iter()
            .find(|line| line["kind"] == kind && line[key] == value)
    };
    let code = find("deadline", "deadline", "sms_code").expect("the SMS check's clock");
    assert_eq!(code["due_at"], "2026-02-15T17:30:00+08:00");
    let reminder = find("reminder", "deadline", "sms_code").expect("a reminder");
    for key in ["rung", "to", "via", "text"] {
        assert!(!reminder[key].is_null(), "{key}: {reminder}");
    }
    let approved = find("transition", "to", "approved").expect("approval");
    assert_eq!(approved["from"], "authority_review");
    let child = lines
        .iter()
        .find(|line| line["workflow"] == "police-filing");
    assert!(
        child.is_some_and(|line| line["case"] != code["case"]),
        "the police filing"
    );
    let times: Vec<&str> = lines
        .iter()
        .filter_map(|line| line["at"].as_str())
        .collect();
    assert!(times.is_sorted(), "in the order of time");
}

#[test]
fn settings_say_where_they_come_from_and_are_checked() {
    let output = qixian(&["config", "show", "--origin", "--json"])
        .env("QIXIAN_LIMITS_INBOX", "77")
        .output()
        .expect("runs");
    let answer: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    let items = answer["items"].as_array().expect("a list");
    let inbox = items
        .iter()
        .find(|item| item["name"] == "limits.inbox")
        .expect("known");
    assert_eq!(
        (&inbox["value"], &inbox["origin"]),
        (&Value::from("77"), &Value::from("env QIXIAN_LIMITS_INBOX"))
    );

    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("qixian.toml");
    std::fs::write(&path, "listne = \"127.0.0.1:1\"\n").expect("written");
    let output = run(&["config", "check", "--config", &path.display().to_string()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("listne"), "{}", stdout(&output));
}

#[test]
fn nobody_there_is_said_so() {
    let output = run(&["case", "list", "--server", "http://127.0.0.1:9"]);
    assert_eq!(output.status.code(), Some(69));
    assert!(
        stderr(&output).contains("qixian serve"),
        "{}",
        stderr(&output)
    );
}
