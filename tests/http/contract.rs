//! What programs that were written against the description rely on, where it is easily lost.

use serde_json::{Value, json};

use crate::start::{fresh, gansu, record, start_gansu, text, to_sms_check};

#[test]
fn the_first_answer_comes_again_though_the_case_went_on() {
    let (_dir, daemon) = fresh();
    let key = [("idempotency-key", "start")];
    let first = daemon.post("/cases", &key, &gansu());
    let case = text(&first.body["id"]);
    let path = format!("/cases/{case}/events");
    let key_of_event = [("idempotency-key", "event")];
    let event = json!({"event": "type_verified"});
    let done = daemon.post(&path, &key_of_event, &event);
    for event in ["product_verified", "submitted"] {
        assert_eq!(record(&daemon, &case, event, json!({})).status, 200);
    }
    let edit = json!({"title": "改过的标题", "fields": {"order_number": "T-2"}});
    let edited = daemon.ask(
        "PATCH",
        &format!("/api/v1/cases/{case}"),
        &[],
        &edit.to_string(),
    );
    assert_eq!(edited.status, 200, "{edited:?}");

    let again = daemon.post("/cases", &key, &gansu());
    assert_eq!(again.status, 201);
    assert_eq!(again.body, first.body);
    assert_eq!(again.header("etag"), first.header("etag"));
    let repeated = daemon.post(&path, &key_of_event, &event);
    assert_eq!(repeated.body, done.body);
    assert_eq!(repeated.header("etag"), done.header("etag"));
}

#[test]
fn unknown_names_in_an_address_are_not_found() {
    let (_dir, daemon) = fresh();
    let case = start_gansu(&daemon);
    let check = |path: &str, body: Value| {
        let answer = daemon.post(&format!("/cases/{case}{path}"), &[], &body);
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
    };
    let reason = json!({"reason": "r"});
    check("/deadlines/nope/move", json!({"by": "+3d", "reason": "r"}));
    check("/deadlines/nope/pause", reason.clone());
    check("/deadlines/nope/resume", reason);
    let withdrawn = json!({"withdraw": true, "reason": "r"});
    check("/journal/0/correct", withdrawn.clone());
    check("/journal/99/correct", withdrawn.clone());
    check("/journal/x/correct", withdrawn);
}

#[test]
fn a_tag_that_was_never_given_out_matches_nothing() {
    let (_dir, daemon) = fresh();
    let case = start_gansu(&daemon);
    let check = |tag: &str, status: u16| {
        let path = format!("/cases/{case}/notes");
        let answer = daemon.post(&path, &[("if-match", tag)], &json!({"note": "n"}));
        assert_eq!(answer.status, status, "{tag}: {answer:?}");
    };
    check("\"of-another-service\"", 412);
    check("\"0\"", 412);
    check("*", 200);
    check("\"2\"", 200);
}

#[test]
fn values_of_a_query_are_refused_by_name() {
    let (_dir, daemon) = fresh();
    let check = |path: &str, pointer: &str| {
        let answer = daemon.get(path);
        assert_eq!(answer.status, 422, "{path}: {answer:?}");
        assert_eq!(answer.body["errors"][0]["pointer"], pointer, "{answer:?}");
    };
    check("/cases?limit=x", "/limit");
    check("/cases?client=x", "/client");
    check("/cases?colour=red", "/colour");
    check("/cases?due_before=2026-01-01T00:00:00", "/due_before");
    check("/deadlines?state=late", "/state");
    check("/messages?status=late", "/status");
}

#[test]
fn a_closed_case_takes_no_event_and_says_how_it_would() {
    let (_dir, daemon) = fresh();
    let case = start_gansu(&daemon);
    let closed = daemon.post(
        &format!("/cases/{case}/close"),
        &[],
        &json!({"reason": "放弃"}),
    );
    assert_eq!(closed.status, 200, "{closed:?}");
    let refused = record(&daemon, &case, "type_verified", json!({}));
    assert_eq!(refused.status, 409, "{refused:?}");
    assert_eq!(refused.body["code"], "event_not_possible");
    assert_eq!(refused.body["possible"], json!([]));
    assert_eq!(refused.body["hint"], "reopen");

    let reopen = || {
        let path = format!("/cases/{case}/reopen");
        daemon.post(&path, &[], &json!({"reason": "回来了"}))
    };
    assert_eq!(reopen().status, 200);
    let again = reopen();
    assert_eq!((again.status, &again.body["hint"]), (409, &Value::Null));
}

#[test]
fn a_case_begins_on_the_whole_second() {
    let (_dir, daemon) = fresh();
    let started = daemon.post("/cases", &[], &gansu());
    let began = text(&started.body["began_at"]);
    assert!(!began.contains('.'), "{began}");
    let case = text(&started.body["id"]);
    let at_once = record(
        &daemon,
        &case,
        "type_verified",
        json!({"occurred_at": began}),
    );
    assert_eq!(at_once.status, 200, "{at_once:?}");
}

#[test]
fn a_correction_can_be_tried_and_names_what_was_sent() {
    let (_dir, daemon) = fresh();
    let case = start_gansu(&daemon);
    to_sms_check(&daemon, &case);
    let journal = daemon.get(&format!("/cases/{case}/journal")).body;
    let lines = journal["items"].as_array().expect("lines");
    let line = lines
        .iter()
        .find(|line| line["event"] == "handed_to_bureau")
        .expect("the hand-over");
    let path = format!("/cases/{case}/journal/{}/correct", line["seq"]);
    let body = json!({"withdraw": true, "reason": "记错了案件"});
    let all_sent = || {
        let queued = daemon.get(&format!("/cases/{case}/messages?status=queued"));
        queued.body["items"].as_array().is_some_and(Vec::is_empty)
    };
    while !all_sent() {
        std::thread::yield_now();
    }
    let before = daemon.get(&format!("/cases/{case}")).body;
    let tried = daemon.post(&format!("{path}?dry_run=true"), &[], &body);
    assert_eq!(tried.status, 200, "{tried:?}");
    assert_eq!(tried.body["state"], "handing_over");
    let sent = tried.body["sent"].as_array().expect("messages");
    assert!(
        sent.iter()
            .any(|message| message["deadline"] == "sms_code" && message["role"] == "principal"),
        "{sent:?}"
    );
    assert_eq!(daemon.get(&format!("/cases/{case}")).body, before);
    let done = daemon.post(&path, &[], &body);
    assert_eq!(done.body["state"], "handing_over", "{done:?}");
    let seq = done.body["rev"].as_u64().expect("a revision");
    let last = daemon.get(&format!("/cases/{case}/journal?cursor={}", seq - 1));
    let last = &last.body["items"][0];
    assert_eq!(last["corrects"]["seq"], line["seq"], "{last:?}");
    assert_eq!(last["corrects"]["withdrawn"], true, "{last:?}");
}

#[test]
fn a_transition_names_every_state_it_leaves() {
    let (_dir, daemon) = fresh();
    let workflow = daemon.get("/workflows/server-watch").body;
    let transitions = workflow["transitions"].as_array().expect("transitions");
    let released = transitions
        .iter()
        .find(|transition| transition["event"] == "released");
    assert_eq!(
        released.expect("it is there")["from"],
        json!(["watching", "expired"])
    );
}

#[test]
fn a_case_belongs_to_records_that_exist() {
    let (_dir, daemon) = fresh();
    let check = |name: &str, value: Value, pointer: &str| {
        let mut body = gansu();
        body[name] = value;
        let answer = daemon.post("/cases", &[], &body);
        assert_eq!(answer.status, 422, "{answer:?}");
        assert_eq!(answer.body["errors"][0]["pointer"], pointer, "{answer:?}");
    };
    let unknown = "01AAAAAAAAAAAAAAAAAAAAAAAA";
    check("client", json!(unknown), "/client");
    check("assets", json!([unknown]), "/assets/0");
}

#[test]
fn who_has_confirmed_is_in_no_preview() {
    let (_dir, daemon) = fresh();
    let case = start_gansu(&daemon);
    to_sms_check(&daemon, &case);
    let asked = || {
        let preview = daemon.get("/preview?days=14").body;
        let items = preview["items"].as_array().expect("items").clone();
        let reaches = |number: &str| {
            items
                .iter()
                .any(|item| text(&item["to"]).contains(number) && item["case"] == case.as_str())
        };
        (reaches("13800000001"), reaches("13800000002"))
    };
    assert_eq!(asked(), (true, true));
    let party = json!({"party": "principal"});
    assert_eq!(record(&daemon, &case, "sms_verified", party).status, 200);
    assert_eq!(asked(), (false, true));
}

#[test]
fn one_mobile_is_one_person_with_and_without_the_country_code() {
    let (_dir, daemon) = fresh();
    let mut body = gansu();
    body["parties"][1]["mobile"] = json!("+8613800000001");
    body["parties"][1]["email"] = json!("");
    let case = text(&daemon.post("/cases", &[], &body).body["id"]);
    to_sms_check(&daemon, &case);
    let done = record(&daemon, &case, "sms_verified", json!({}));
    assert_eq!(done.body["state"], "authority_review", "{done:?}");
}
