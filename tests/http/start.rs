//! What the tests begin with.

use qixian_tests::daemon::{Answer, Daemon};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A daemon on a fresh directory.
pub(crate) fn fresh() -> (TempDir, Daemon) {
    let dir = tempfile::tempdir().expect("a directory");
    let daemon = Daemon::start(dir.path(), &[]);
    (dir, daemon)
}

/// The body of a Gansu first filing: two people with two phones.
pub(crate) fn gansu() -> Value {
    json!({
        "workflow": "first-filing",
        "title": "兰州示例科技 首次备案",
        "fields": {
            "subject": {"nature": "enterprise", "name": "兰州示例科技有限公司", "province": "甘肃"},
            "site": {"name": "兰州示例科技", "domains": [{"name": "lanzhou.example"}]},
            "order_number": "T-1"
        },
        "parties": [
            {"role": "principal", "name": "王建国", "mobile": "13800000001", "email": "wang@client.example"},
            {"role": "site_owner", "name": "李敏", "mobile": "13800000002", "email": "li@client.example"},
            {"role": "handler", "name": "小周", "email": "zhou@agency.example"}
        ]
    })
}

/// Starts a Gansu first filing and answers its id.
pub(crate) fn start_gansu(daemon: &Daemon) -> String {
    let answer = daemon.post("/cases", &[], &gansu());
    assert_eq!(answer.status, 201, "{answer:?}");
    text(&answer.body["id"])
}

/// Records an event and answers what came of it.
pub(crate) fn record(daemon: &Daemon, case: &str, event: &str, more: Value) -> Answer {
    let mut body = json!({"event": event});
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more);
    }
    daemon.post(&format!("/cases/{case}/events"), &[], &body)
}

/// Takes a case through to the SMS check.
pub(crate) fn to_sms_check(daemon: &Daemon, case: &str) {
    let steps = [
        "type_verified",
        "product_verified",
        "submitted",
        "provider_passed",
        "photo_passed",
        "handed_to_bureau",
    ];
    for event in steps {
        let answer = record(daemon, case, event, json!({}));
        assert_eq!(answer.status, 200, "{event}: {answer:?}");
    }
}

/// A text out of an answer.
pub(crate) fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("no text: {value}"))
        .to_owned()
}
