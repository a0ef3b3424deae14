//! A first filing from its start to its last reminder.

use qixian_tests::daemon::Daemon;
use serde_json::{Value, json};

use crate::start::{fresh, record, start_gansu, text, to_sms_check};

fn deadline(daemon: &Daemon, case: &str, name: &str) -> Value {
    let found = daemon.get(&format!("/cases/{case}/deadlines")).body;
    let items = found["items"].as_array().expect("a list").clone();
    let deadline = items.into_iter().find(|item| item["name"] == name);
    deadline.unwrap_or_else(|| panic!("no {name} in {found}"))
}

#[test]
fn a_gansu_filing_waits_for_both_people() {
    let (_dir, daemon) = fresh();
    let case = start_gansu(&daemon);
    to_sms_check(&daemon, &case);
    let armed = deadline(&daemon, &case, "sms_code");
    assert_eq!(armed["state"], "armed");
    assert_eq!(armed["kind"], "duty");
    assert!(text(&armed["due_at"]).ends_with("+08:00"), "{armed}");
    assert!(
        armed["why"].as_array().is_some_and(|lines| lines.len() > 2),
        "{armed}"
    );
    assert!(
        armed["rungs"]
            .as_array()
            .is_some_and(|rungs| rungs.len() > 3),
        "{armed}"
    );

    let first = record(
        &daemon,
        &case,
        "sms_verified",
        json!({"party": "principal"}),
    );
    assert_eq!(
        first.body["state"], "sms_verification",
        "the other one is still asked: {first:?}"
    );
    let second = record(
        &daemon,
        &case,
        "sms_verified",
        json!({"party": "site_owner"}),
    );
    assert_eq!(second.body["state"], "authority_review");
    assert_eq!(deadline(&daemon, &case, "sms_code")["state"], "met");

    let journal = daemon.get(&format!("/cases/{case}/journal")).body;
    let lines = journal["items"].as_array().expect("a list");
    assert_eq!(lines[0]["event"], "case_started");
    let numbers: Vec<u64> = lines
        .iter()
        .filter_map(|line| line["seq"].as_u64())
        .collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    let messages = daemon.get(&format!("/cases/{case}/messages")).body;
    assert!(
        messages["items"]
            .as_array()
            .is_some_and(|items| !items.is_empty()),
        "{messages}"
    );
}

#[test]
fn a_stop_and_a_start_keep_everything() {
    let (dir, daemon) = fresh();
    let case = start_gansu(&daemon);
    to_sms_check(&daemon, &case);
    let before = daemon.get(&format!("/cases/{case}/journal")).body;
    assert!(daemon.stop().success(), "an orderly end is no failure");
    let daemon = Daemon::start(dir.path(), &[]);
    let after = daemon.get(&format!("/cases/{case}/journal")).body;
    let count = |journal: &Value| journal["items"].as_array().map_or(0, Vec::len);
    assert!(count(&after) >= count(&before));
    assert_eq!(after["items"][0], before["items"][0]);
    assert_eq!(
        daemon.get(&format!("/cases/{case}")).body["state"],
        "sms_verification"
    );
}

#[test]
fn a_dry_run_says_what_would_happen_and_writes_nothing() {
    let (_dir, daemon) = fresh();
    let case = start_gansu(&daemon);
    let path = format!("/cases/{case}/events?dry_run=true");
    let draft = daemon.post(&path, &[], &json!({"event": "type_verified"}));
    assert_eq!(draft.status, 200, "{draft:?}");
    assert_eq!(draft.body["dry_run"], true);
    assert_eq!(draft.body["state"], "type_verified", "{draft:?}");
    assert_eq!(
        daemon.get(&format!("/cases/{case}")).body["state"],
        "collecting"
    );
}

#[test]
fn deadlines_are_moved_paused_and_resumed_with_a_reason() {
    let (_dir, daemon) = fresh();
    let case = start_gansu(&daemon);
    to_sms_check(&daemon, &case);
    let path = |verb: &str| format!("/cases/{case}/deadlines/sms_code/{verb}");
    let due = text(&deadline(&daemon, &case, "sms_code")["due_at"]);
    let refused = daemon.post(&path("move"), &[], &json!({"by": "+3h", "reason": " "}));
    assert_eq!(refused.status, 422, "{refused:?}");
    assert_eq!(refused.body["errors"][0]["pointer"], "/reason");
    let moved = daemon.post(
        &path("move"),
        &[],
        &json!({"by": "+3h", "reason": "agreed with the bureau"}),
    );
    assert_eq!(moved.status, 200, "{moved:?}");
    assert_ne!(text(&deadline(&daemon, &case, "sms_code")["due_at"]), due);
    let paused = daemon.post(&path("pause"), &[], &json!({"reason": "bureau offline"}));
    assert_eq!(paused.status, 200, "{paused:?}");
    assert_eq!(deadline(&daemon, &case, "sms_code")["state"], "paused");
    let resumed = daemon.post(&path("resume"), &[], &json!({"reason": "online again"}));
    assert_eq!(resumed.status, 200, "{resumed:?}");
    assert_eq!(deadline(&daemon, &case, "sms_code")["state"], "armed");
}

#[test]
fn the_demo_has_cases_and_messages_at_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let daemon = Daemon::start(dir.path(), &["--demo"]);
    let cases = daemon.get("/cases").body;
    assert!(
        cases["items"]
            .as_array()
            .is_some_and(|items| items.len() >= 6),
        "{cases}"
    );
    let armed = daemon.get("/deadlines").body;
    assert!(
        armed["items"]
            .as_array()
            .is_some_and(|items| items.len() >= 4),
        "{armed}"
    );
    let ahead = daemon.get("/preview?days=14").body;
    assert!(
        ahead["items"]
            .as_array()
            .is_some_and(|items| !items.is_empty()),
        "{ahead}"
    );
    assert!(daemon.printed.contains("admin.token"), "{}", daemon.printed);
    assert!(
        daemon.printed.contains("guide"),
        "the pack in force is named"
    );
    assert!(daemon.stop().success());
    let files = std::fs::read_dir(dir.path().join("outbox")).expect("a folder of messages");
    assert!(files.count() >= 3);
}
