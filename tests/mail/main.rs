//! Reminders as real mail: the real daemon, a real mail server with TLS and sign-in.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod exim;

use std::fs;
use std::path::Path;

use exim::{CODE, Exim, USER};
use qixian_tests::daemon::Daemon;
use qixian_time::{Clock, SystemClock, Timestamp, Zone};
use serde_json::{Value, json};

const HOUR: i64 = 3_600_000;

/// A directory with a configuration that sends mail by `port`; the data directory lies in it.
fn configure(dir: &Path, exim: &Exim, port: u16, tls: &str) -> String {
    let secret = dir.join("password");
    fs::write(&secret, CODE).unwrap();
    let config = dir.join("qixian.toml");
    let text = format!(
        "[providers.mail]\nkind = \"smtp\"\nhost = \"localhost\"\nport = {port}\ntls = \"{tls}\"\nfrom = \"{USER}\"\n\
         from_name = \"备案小组\"\nuser = \"{USER}\"\npassword_file = \"{}\"\nca_file = \"{}\"\n\n\
         [[staff]]\nname = \"小周\"\nroles = [\"handler\"]\nemail = \"zhou@agency.example\"\n",
        secret.display(),
        exim.ca_file().display()
    );
    fs::write(&config, text).unwrap();
    config.display().to_string()
}

/// A Gansu first filing with two people and two phones, handed to the bureau at `handed_over`.
fn hand_over(daemon: &Daemon, handed_over: Timestamp) -> String {
    let began = handed_over
        .saturating_add_millis(-HOUR)
        .to_rfc3339(&Zone::shanghai());
    let body = json!({
        "workflow": "first-filing",
        "title": "兰州示例科技 首次备案",
        "occurred_at": began,
        "fields": {
            "subject": { "province": "甘肃", "name": "兰州示例科技有限公司" },
            "site": { "name": "兰州示例科技" }
        },
        "parties": [
            { "role": "principal", "name": "王建国", "mobile": "13800000001", "email": "wang@client.example" },
            { "role": "site_owner", "name": "李敏", "mobile": "13800000002", "email": "li@client.example" }
        ]
    });
    let started = daemon.post("/cases", &[], &body);
    assert_eq!(started.status, 201, "{:?}", started.body);
    let id = started.body["id"].as_str().unwrap().to_owned();
    for event in [
        "type_verified",
        "product_verified",
        "submitted",
        "provider_passed",
    ] {
        tell(daemon, &id, json!({ "event": event, "occurred_at": began }));
    }
    let at = handed_over.to_rfc3339(&Zone::shanghai());
    let view = tell(
        daemon,
        &id,
        json!({ "event": "handed_to_bureau", "occurred_at": at }),
    );
    assert_eq!(view["state"], "sms_verification");
    id
}

fn tell(daemon: &Daemon, id: &str, event: Value) -> Value {
    let answer = daemon.post(&format!("/cases/{id}/events"), &[], &event);
    assert_eq!(answer.status, 200, "{event}: {:?}", answer.body);
    answer.body
}

/// Begins a case whose handover lies `before` seconds short of `hours` ago: what comes that many hours after it comes soon.
fn soon(daemon: &Daemon, hours: i64, before: i64) -> String {
    hand_over(
        daemon,
        SystemClock
            .now()
            .saturating_add_millis(before * 1_000 - hours * HOUR),
    )
}

#[test]
fn one_confirms_and_only_the_other_is_still_reminded() {
    let exim = Exim::start();
    let dir = tempfile::tempdir().unwrap();
    let config = configure(dir.path(), &exim, exim.implicit, "implicit");
    let daemon = Daemon::start(&dir.path().join("data"), &["--config", &config]);
    let id = soon(&daemon, 8, 6);
    tell(
        &daemon,
        &id,
        json!({ "event": "sms_verified", "party": "principal" }),
    );
    // The rung eight hours after the hand-over, to those who have not confirmed.
    let mails =
        exim.until(|mail| mail.to == "li@client.example" && mail.subject.contains("短信核验"));
    let last = mails.last().unwrap();
    assert!(
        last.text.contains("剩"),
        "the true time left: {}",
        last.text
    );
    assert!(last.message_id.starts_with(&id), "{}", last.message_id);
    let sent_to_both = |to: &str| {
        mails
            .iter()
            .filter(|m| m.to == to && m.subject == last.subject)
            .count()
    };
    assert_eq!(
        (
            sent_to_both("li@client.example"),
            sent_to_both("wang@client.example")
        ),
        (1, 0)
    );
    let messages = daemon.get(&format!("/cases/{id}/messages")).body;
    let text = messages.to_string();
    assert!(!text.contains(CODE), "no secret in an answer");
}

#[test]
fn unconfirmed_it_returns_and_says_so_over_starttls() {
    let exim = Exim::start();
    let dir = tempfile::tempdir().unwrap();
    let config = configure(dir.path(), &exim, exim.starttls, "starttls");
    let daemon = Daemon::start(&dir.path().join("data"), &["--config", &config]);
    let id = soon(&daemon, 48, 6);
    tell(
        &daemon,
        &id,
        json!({ "event": "sms_verified", "party": "principal" }),
    );
    exim.until(|mail| mail.to == "zhou@agency.example" && mail.subject.contains("退回"));
    let case = daemon.get(&format!("/cases/{id}")).body;
    assert_eq!(case["state"], "returned");
    let sms = case["deadlines"]
        .as_array()
        .unwrap()
        .iter()
        .find(|d| d["name"] == "sms_code")
        .unwrap()
        .clone();
    assert_eq!(sms["state"], "missed", "{sms}");
}
