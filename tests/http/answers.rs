//! Idempotency, revisions, and the problems people meet.

use serde_json::{Value, json};

use crate::start::{fresh, gansu, record, start_gansu, text};

#[test]
fn the_same_key_gets_the_first_answer() {
    let (_dir, daemon) = fresh();
    let key = [("idempotency-key", "k-1")];
    let first = daemon.post("/cases", &key, &gansu());
    let again = daemon.post("/cases", &key, &gansu());
    assert_eq!((first.status, again.status), (201, 201), "{again:?}");
    assert_eq!(first.body["id"], again.body["id"]);
    let mut other = gansu();
    other["title"] = json!("另一个");
    let refused = daemon.post("/cases", &key, &other);
    assert_eq!(refused.status, 422, "{refused:?}");
    assert_eq!(refused.body["code"], "idempotency_mismatch");
    assert_eq!(
        daemon.get("/cases").body["items"].as_array().map(Vec::len),
        Some(1)
    );

    let path = format!("/cases/{}/events", text(&first.body["id"]));
    let event = json!({"event": "type_verified"});
    let once = daemon.post(&path, &key, &event);
    let twice = daemon.post(&path, &key, &event);
    assert_eq!(
        (once.status, twice.status),
        (200, 200),
        "keys are scoped by route: {once:?}"
    );
    assert_eq!(once.body["rev"], twice.body["rev"]);
}

#[test]
fn one_key_sent_many_times_at_once_takes_effect_once() {
    let (_dir, daemon) = fresh();
    let ids: Vec<String> = std::thread::scope(|scope| {
        let send = || {
            text(
                &daemon
                    .post("/cases", &[("idempotency-key", "k")], &gansu())
                    .body["id"],
            )
        };
        let senders: Vec<_> = (0..8).map(|_| scope.spawn(send)).collect();
        senders
            .into_iter()
            .map(|sender| sender.join().expect("an answer"))
            .collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(
        daemon.get("/cases").body["items"].as_array().map(Vec::len),
        Some(1)
    );
}

#[test]
fn a_repeated_answer_tells_what_the_event_did_then() {
    let (_dir, daemon) = fresh();
    let case = start_gansu(&daemon);
    let path = format!("/cases/{case}/events");
    let send = || {
        daemon.post(
            &path,
            &[("idempotency-key", "k")],
            &json!({"event": "type_verified"}),
        )
    };
    assert_eq!(send().body["state"], "type_verified");
    assert_eq!(
        record(&daemon, &case, "product_verified", json!({})).status,
        200
    );
    let again = send();
    assert_eq!(
        (again.body["rev"].as_u64(), again.body["state"].as_str()),
        (Some(2), Some("type_verified"))
    );
}

#[test]
fn an_old_revision_is_refused() {
    let (_dir, daemon) = fresh();
    let case = start_gansu(&daemon);
    let shown = daemon.get(&format!("/cases/{case}"));
    let tag = shown.header("etag").to_owned();
    assert!(tag.starts_with('"'), "{shown:?}");
    let path = format!("/api/v1/cases/{case}");
    let patch = |title: &str, tag: &str| {
        let body = json!({"title": title}).to_string();
        daemon.ask("PATCH", &path, &[("if-match", tag)], &body)
    };
    let changed = patch("新标题", &tag);
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(changed.body["title"], "新标题");
    let stale = patch("更新的标题", &tag);
    assert_eq!(stale.status, 412, "{stale:?}");
    let events = format!("/cases/{case}/events");
    let stale = daemon.post(
        &events,
        &[("if-match", &tag)],
        &json!({"event": "type_verified"}),
    );
    assert_eq!(stale.status, 412, "{stale:?}");
    assert_eq!(patch("更新的标题", changed.header("etag")).status, 200);
}

#[test]
fn what_is_not_possible_says_what_is() {
    let (_dir, daemon) = fresh();
    let case = start_gansu(&daemon);
    let refused = record(&daemon, &case, "bureau_approved", json!({}));
    assert_eq!(refused.status, 409, "{refused:?}");
    assert_eq!(refused.header("content-type"), "application/problem+json");
    assert_eq!(refused.body["code"], "event_not_possible");
    let possible = refused.body["possible"].as_array().expect("a list");
    assert!(possible.contains(&json!("type_verified")), "{possible:?}");
}

#[test]
fn problems_have_their_status_and_place() {
    let (_dir, daemon) = fresh();
    let case = start_gansu(&daemon);
    let check = |method: &str,
                 path: &str,
                 headers: &[(&str, &str)],
                 body: &str,
                 status: u16,
                 code: &str| {
        let answer = daemon.ask(method, &format!("/api/v1{path}"), headers, body);
        assert_eq!(
            (answer.status, answer.body["code"].as_str()),
            (status, Some(code)),
            "{method} {path} {body}: {answer:?}"
        );
        answer.body
    };
    check(
        "GET",
        "/cases",
        &[("authorization", "")],
        "",
        401,
        "unauthorised",
    );
    check(
        "GET",
        "/cases",
        &[("authorization", "Bearer qx_no")],
        "",
        401,
        "unauthorised",
    );
    check(
        "GET",
        "/cases/01AAAAAAAAAAAAAAAAAAAAAAAA",
        &[],
        "",
        404,
        "not_found",
    );
    check("GET", "/cases/nonsense", &[], "", 404, "not_found");
    check("GET", "/cases?colour=red", &[], "", 422, "invalid_value");
    check("GET", "/cases?cursor=zzz", &[], "", 422, "invalid_value");
    check("DELETE", "/cases", &[], "", 405, "method_not_allowed");
    check("POST", "/cases", &[], "{", 400, "malformed_request");
    check(
        "POST",
        "/cases",
        &[("content-type", "text/plain")],
        "{}",
        415,
        "unsupported_media_type",
    );
    let large = format!(r#"{{"workflow":"{}"}}"#, "x".repeat(2 << 20));
    check("POST", "/cases", &[], &large, 413, "body_too_large");

    let pointer = |path: &str, body: serde_json::Value| {
        let problem = check("POST", path, &[], &body.to_string(), 422, "invalid_value");
        text(&problem["errors"][0]["pointer"])
    };
    assert_eq!(
        pointer("/cases", json!({"workflow": "no-such"})),
        "/workflow"
    );
    assert_eq!(
        pointer("/cases", json!({"workflow": "first-filing", "colour": 1})),
        "/colour"
    );
    assert_eq!(
        pointer(
            "/cases",
            json!({"workflow": "first-filing", "fields": {"subjct": {}}})
        ),
        "/fields/subjct"
    );
    let ahead = json!({"event": "type_verified", "occurred_at": "2999-01-01T00:00:00+08:00"});
    assert_eq!(
        pointer(&format!("/cases/{case}/events"), ahead),
        "/occurred_at"
    );
    let before = json!({"event": "type_verified", "occurred_at": "2001-01-01T00:00:00+08:00"});
    assert_eq!(
        pointer(&format!("/cases/{case}/events"), before),
        "/occurred_at"
    );
    let local = json!({"event": "type_verified", "occurred_at": "2026-01-01T00:00:00"});
    assert_eq!(
        pointer(&format!("/cases/{case}/events"), local),
        "/occurred_at"
    );
}

#[test]
fn problems_speak_the_callers_language() {
    let (_dir, daemon) = fresh();
    let ask = |lang: &str| {
        daemon
            .ask("GET", "/api/v1/cases/x", &[("accept-language", lang)], "")
            .body
    };
    assert_eq!(ask("en")["title"], "not found");
    assert_eq!(ask("zh-CN")["title"], "找不到");
}

#[test]
fn what_the_core_refuses_is_told_in_the_callers_language() {
    let (_dir, daemon) = fresh();
    let case = start_gansu(&daemon);
    let post = |path: &str, body: &Value, lang: &str| {
        daemon.post(path, &[("accept-language", lang)], body)
    };
    let events = format!("/cases/{case}/events");
    let early = json!({"event": "bureau_approved"});
    let conflict = |lang: &str| {
        let answer = post(&events, &early, lang);
        assert_eq!(answer.status, 409, "{answer:?}");
        text(&answer.body["detail"])
    };
    let said = conflict("zh-CN");
    let begins = "状态“collecting”下不能记录“bureau_approved”；现在可以：type_verified";
    assert!(said.starts_with(begins), "{said}");
    let said = conflict("en");
    let begins =
        "`bureau_approved` is not possible in state `collecting`; possible now: type_verified";
    assert!(said.starts_with(begins), "{said}");

    let mut wrong = gansu();
    wrong["fields"]["site"]["name"] = json!(7);
    let invalid = |lang: &str| {
        let answer = post("/cases", &wrong, lang);
        assert_eq!(answer.status, 422, "{answer:?}");
        let item = &answer.body["errors"][0];
        assert_eq!(item["pointer"], "/fields/site/name");
        (text(&item["detail"]), text(&answer.body["detail"]))
    };
    let told = |one: &str, whole: &str| (one.to_owned(), whole.to_owned());
    assert_eq!(
        invalid("zh-CN"),
        told("应为文字", "/fields/site/name：应为文字")
    );
    assert_eq!(
        invalid("en"),
        told("expected a text", "/fields/site/name: expected a text")
    );
}

#[test]
fn pages_of_a_list_follow_one_another() {
    let (_dir, daemon) = fresh();
    let mut made: Vec<String> = (0..5).map(|_| start_gansu(&daemon)).collect();
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = daemon.get(&format!("/cases?limit=2{cursor}")).body;
        let items = page["items"].as_array().expect("a list");
        assert!(items.len() <= 2);
        seen.extend(items.iter().map(|item| text(&item["id"])));
        let Some(next) = page["next_cursor"].as_str() else {
            break;
        };
        cursor = format!("&cursor={next}");
    }
    made.sort();
    seen.sort();
    assert_eq!(seen, made);
}
