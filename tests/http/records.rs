//! Clients, contacts and assets; notes, people, closing.

use serde_json::json;

use crate::start::{fresh, gansu, start_gansu, text};

#[test]
fn clients_have_contacts_and_cases() {
    let (_dir, daemon) = fresh();
    let client = daemon.post(
        "/clients",
        &[("idempotency-key", "c")],
        &json!({"title": "兰州示例科技"}),
    );
    assert_eq!(client.status, 201, "{client:?}");
    let again = daemon.post(
        "/clients",
        &[("idempotency-key", "c")],
        &json!({"title": "兰州示例科技"}),
    );
    assert_eq!(again.body["id"], client.body["id"]);
    let other = daemon.post(
        "/clients",
        &[("idempotency-key", "c")],
        &json!({"title": "别家"}),
    );
    assert_eq!(other.status, 422, "{other:?}");
    let id = text(&client.body["id"]);

    let contact = json!({"title": "王建国", "client": id, "fields": {"mobile": "13800000001"}});
    let contact = daemon.post("/contacts", &[], &contact);
    assert_eq!(contact.status, 201, "{contact:?}");
    let lost = json!({"title": "x", "client": "01AAAAAAAAAAAAAAAAAAAAAAAA"});
    assert_eq!(
        daemon.post("/contacts", &[], &lost).body["errors"][0]["pointer"],
        "/client"
    );
    let list = daemon.get(&format!("/contacts?client={id}")).body;
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1), "{list}");

    let path = format!("/api/v1/contacts/{}", text(&contact.body["id"]));
    let patch = json!({"fields": {"mobile": "13800000009"}}).to_string();
    let changed = daemon.ask(
        "PATCH",
        &path,
        &[("if-match", contact.header("etag"))],
        &patch,
    );
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(changed.body["fields"]["mobile"], "13800000009");
    assert_eq!(changed.body["rev"], 2);
    let stale = daemon.ask(
        "PATCH",
        &path,
        &[("if-match", contact.header("etag"))],
        &patch,
    );
    assert_eq!(stale.status, 412, "{stale:?}");

    let mut case = gansu();
    case["client"] = json!(id);
    assert_eq!(daemon.post("/cases", &[], &case).status, 201);
    start_gansu(&daemon);
    let mine = daemon.get(&format!("/cases?client={id}")).body;
    assert_eq!(mine["items"].as_array().map(Vec::len), Some(1), "{mine}");
}

#[test]
fn notes_people_and_the_end_stand_in_the_journal() {
    let (_dir, daemon) = fresh();
    let case = start_gansu(&daemon);
    let post = |verb: &str, body: serde_json::Value| {
        let answer = daemon.post(&format!("/cases/{case}/{verb}"), &[], &body);
        assert_eq!(answer.status, 200, "{verb}: {answer:?}");
    };
    post("notes", json!({"note": "客户来电"}));
    post(
        "parties",
        json!({"party": {"role": "client", "name": "赵会计", "email": "zhao@client.example"}}),
    );
    post("parties/remove", json!({"role": "client"}));
    post("close", json!({"reason": "客户撤单"}));
    assert_eq!(daemon.get(&format!("/cases/{case}")).body["closed"], true);
    post("reopen", json!({"reason": "又要办了"}));
    let journal = daemon.get(&format!("/cases/{case}/journal")).body;
    let lines = journal["items"].as_array().expect("a list");
    let events: Vec<String> = lines.iter().map(|line| text(&line["event"])).collect();
    assert_eq!(
        events,
        [
            "case_started",
            "note_added",
            "party_changed",
            "party_changed",
            "case_closed",
            "case_reopened"
        ]
    );
    assert_eq!(lines[1]["by"], "admin");
    assert_eq!(lines[4]["reason"], "客户撤单");
}
