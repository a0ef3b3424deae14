//! The plain pages.

use qixian_tests::daemon::{Answer, Daemon};
use qixian_time::{Clock, SystemClock};
use serde_json::json;

use crate::start::{fresh, gansu, record, start_gansu, text, to_sms_check};

const FORM: [(&str, &str); 2] = [
    ("authorization", ""),
    ("content-type", "application/x-www-form-urlencoded"),
];

/// Signs in and answers the cookie as a browser would send it back.
fn sign_in(daemon: &Daemon) -> String {
    let form = format!("token={}&lang=en", daemon.token);
    let answer = daemon.ask("POST", "/sign-in", &FORM, &form);
    assert_eq!(answer.status, 303, "{answer:?}");
    let cookie = answer.header("set-cookie");
    for part in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=604800"] {
        assert!(cookie.contains(part), "{part} is missing: {cookie}");
    }
    cookie.split(';').next().unwrap_or_default().to_owned()
}

fn open(daemon: &Daemon, cookie: &str, path: &str) -> Answer {
    let headers = [("authorization", ""), ("cookie", cookie)];
    daemon.ask("GET", path, &headers, "")
}

/// The text of a page that must be there and well guarded.
fn page(daemon: &Daemon, cookie: &str, path: &str) -> String {
    let answer = open(daemon, cookie, path);
    assert_eq!(answer.status, 200, "{path}");
    let policy = answer.header("content-security-policy");
    assert!(policy.contains("default-src 'none'"), "{path}: {policy}");
    assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    text(&answer.body)
}

fn chinese(page: &str) -> String {
    let is_chinese = |c: &char| matches!(c, '\u{2e80}'..='\u{9fff}' | '\u{ff00}'..='\u{ffef}');
    page.chars().filter(is_chinese).collect()
}

#[test]
fn pages_want_a_token() {
    let (_dir, daemon) = fresh();
    let case = start_gansu(&daemon);
    let check = |path: &str, expected: &str| {
        let answer = open(&daemon, "qixian_token=wrong", path);
        assert_eq!(
            (answer.status, answer.header("location")),
            (303, expected),
            "{path}"
        );
    };
    check("/", "/sign-in");
    check("/?lang=en&q=x", "/sign-in?lang=en");
    check("/?lang=%22%3E", "/sign-in");
    check(&format!("/cases/{case}"), &format!("/sign-in?case={case}"));
    check("/cases/%0d%0aX", "/sign-in");

    let refused = daemon.ask("POST", "/sign-in", &FORM, "token=wrong&lang=en&case=%22%3E");
    assert_eq!(refused.status, 401);
    assert!(refused.header("set-cookie").is_empty());
    let said = text(&refused.body);
    assert!(
        said.contains("not valid") && said.contains("admin.token"),
        "{said}"
    );
    assert!(!said.contains("value=\"\">"), "{said}");

    let form = format!("token={}&lang=zh&case={case}", daemon.token);
    let signed_in = daemon.ask("POST", "/sign-in", &FORM, &form);
    let back = format!("/cases/{case}?lang=zh");
    assert_eq!(signed_in.header("location"), back);
    let form = format!("token={}&lang=zh&case=//elsewhere.example", daemon.token);
    let signed_in = daemon.ask("POST", "/sign-in", &FORM, &form);
    assert_eq!(signed_in.header("location"), "/?lang=zh");

    let cookie = sign_in(&daemon);
    let api = open(&daemon, &cookie, "/api/v1/cases");
    assert_eq!(api.status, 401, "a cookie opens pages, never the API");
    let signed_out = daemon.ask("POST", "/sign-out", &FORM, "");
    assert!(signed_out.header("set-cookie").contains("Max-Age=0"));
}

#[test]
fn hostile_text_stays_text() {
    const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
    let (_dir, daemon) = fresh();
    let mut body = gansu();
    body["title"] = json!(HOSTILE);
    body["reference"] = json!("R\"><b>");
    body["parties"] = json!([
        {"role": "handler", "name": HOSTILE, "email": "\"<b>\"@agency.example"},
        {"role": "lead", "name": "a\" onclick=\"x"}
    ]);
    let started = daemon.post("/cases", &[], &body);
    let case = match started.status {
        201 => text(&started.body["id"]),
        _ => {
            // Such a reference or address may be refused, which is as good; the rest must be shown.
            body["reference"] = json!("R-1");
            body["parties"][0]["email"] = json!("zhou@agency.example");
            text(&daemon.post("/cases", &[], &body).body["id"])
        }
    };
    let note = json!({"note": HOSTILE});
    assert_eq!(
        daemon
            .post(&format!("/cases/{case}/notes"), &[], &note)
            .status,
        200
    );
    let cookie = sign_in(&daemon);
    let asked = "%3Cscript%3E%22%3E%3Cb%3E";
    for path in [
        "/".to_owned(),
        format!("/cases/{case}?lang=zh"),
        format!("/?q={asked}&state={asked}"),
    ] {
        let page = page(&daemon, &cookie, &path);
        for raw in ["<script", "<img", "<b>", "onclick=\"x"] {
            assert!(!page.contains(raw), "{path}: {raw}\n{page}");
        }
        assert!(page.contains("&#60;script&#62;"), "{path}\n{page}");
    }
}

#[test]
fn the_english_pages_are_english_and_the_chinese_ones_chinese() {
    let (_dir, daemon) = fresh();
    let cookie = sign_in(&daemon);
    let empty = page(&daemon, &cookie, "/?lang=en");
    assert!(empty.contains("qixian case start"), "{empty}");
    let mut body = gansu();
    body["title"] = json!("Lanzhou Example, first filing");
    body["fields"] = json!({"subject": {"province": "甘肃"}});
    // Straight into a state whose clocks count hours: the official notices of day clocks are Chinese in both languages.
    body["state"] = json!("sms_verification");
    body["parties"] = json!([
        {"role": "principal", "name": "Wang", "mobile": "13800000001"},
        {"role": "site_owner", "name": "Li", "mobile": "13800000002"},
        {"role": "handler", "name": "Zhou", "email": "zhou@agency.example"}
    ]);
    let case = text(&daemon.post("/cases", &[], &body).body["id"]);
    let more = json!({"party": "principal"});
    assert_eq!(record(&daemon, &case, "sms_verified", more).status, 200);

    let of_case = format!("/cases/{case}");
    for path in ["/", "/sign-in", of_case.as_str(), "/?q=none"] {
        let ask = |lang: &str| {
            let joint = if path.contains('?') { '&' } else { '?' };
            page(&daemon, &cookie, &format!("{path}{joint}lang={lang}"))
        };
        let (en, zh) = (ask("en"), ask("zh"));
        assert!(en.contains("<html lang=\"en\">"), "{en}");
        assert!(zh.contains("<html lang=\"zh-CN\">"), "{zh}");
        // The link to the other language and the list of fonts are not words of the page.
        let words = en.split("</style>").nth(1).unwrap_or_default();
        assert_eq!(chinese(words), "中文", "{path}\n{en}");
        assert!(chinese(&zh).chars().count() > 20, "{path}\n{zh}");
        for page in [&en, &zh] {
            let shown = words_of(page);
            let codes = ["armed", "site_owner", "+08:00", "duty", "queued"];
            let found = codes.iter().find(|code| shown.contains(**code));
            assert!(found.is_none(), "{path} shows {found:?}\n{shown}");
        }
    }
    let (en, zh) = (
        page(&daemon, &cookie, &format!("{of_case}?lang=en")),
        page(&daemon, &cookie, &format!("{of_case}?lang=zh")),
    );
    assert!(
        en.contains("not yet: ") && en.contains("done: ") && en.contains("left</span>"),
        "{en}"
    );
    assert!(
        zh.contains("网站负责人 Li") && zh.contains("还剩 ") && zh.contains(" 前</time>"),
        "{zh}"
    );
}

/// What stands outside of tags.
fn words_of(page: &str) -> String {
    let pieces = page.split('<').filter_map(|piece| piece.split_once('>'));
    pieces.map(|(_, text)| text).collect()
}

#[test]
fn the_list_is_filtered_and_a_wrong_address_gets_a_page() {
    let (_dir, daemon) = fresh();
    let case = start_gansu(&daemon);
    to_sms_check(&daemon, &case);
    let cookie = sign_in(&daemon);
    let check = |query: &str, expected: bool| {
        let page = page(&daemon, &cookie, &format!("/?lang=en&{query}"));
        let link = format!("/cases/{case}?");
        assert_eq!(page.contains(&link), expected, "{query}\n{page}");
    };
    check("state=first-filing/sms_verification", true);
    check("state=first-filing/", true);
    check("state=sms_verification&q=", true);
    check("state=first-filing/collecting", false);
    check("state=police-filing/", false);
    check("q=%E5%85%B0%E5%B7%9E", true);
    check("q=nothing", false);

    let journal = page(&daemon, &cookie, &format!("/cases/{case}?lang=en&before=3"));
    assert!(
        journal.contains("#2 ") && !journal.contains("#3 "),
        "{journal}"
    );
    page(&daemon, &cookie, &format!("/cases/{case}?before=0"));
    page(
        &daemon,
        &cookie,
        &format!("/cases/{case}?before=18446744073709551615"),
    );
    for (path, status) in [
        ("/cases/00000000000000000000000000?lang=en", 404),
        ("/cases/x?lang=en", 404),
        ("/?cursor=x&lang=en", 422),
    ] {
        let answer = open(&daemon, &cookie, path);
        assert!(
            answer.header("content-type").starts_with("text/html"),
            "{path}: {answer:?}"
        );
        assert_eq!(answer.status, status, "{path}");
        assert!(text(&answer.body).contains("Show all cases"), "{path}");
    }
}

#[test]
fn numbers_are_masked_for_those_who_only_read() {
    let (dir, daemon) = fresh();
    let case = start_gansu(&daemon);
    let token = |name: &str, role: &str| {
        let made = std::process::Command::new(qixian_tests::daemon::binary())
            .args(["token", "create", name, "--role", role, "--data"])
            .arg(dir.path())
            .output()
            .expect("the binary runs");
        let said = String::from_utf8_lossy(&made.stdout).into_owned();
        let mut words = said.split_whitespace();
        let token = words.find(|word| word.starts_with("qx_"));
        token
            .unwrap_or_else(|| panic!("no token: {said}"))
            .to_owned()
    };
    let check = |role: &str, sees: bool| {
        let cookie = format!("qixian_token={}", token(role, role));
        let page = page(&daemon, &cookie, &format!("/cases/{case}"));
        assert_eq!(page.contains("13800000001"), sees, "{role}\n{page}");
        assert_eq!(page.contains("王建国"), sees, "{role}\n{page}");
        assert_eq!(page.contains("138****0001"), !sees, "{role}\n{page}");
    };
    check("handler", true);
    check("reader", false);
}

#[test]
fn urgency_is_seen_in_the_list() {
    const HOUR_MS: i64 = 3_600_000;
    let (_dir, daemon) = fresh();
    let cookie = sign_in(&daemon);
    let check = |state: &str, hours_ago: i64, expected: &[&str]| {
        let began = SystemClock.now().saturating_sub_millis(hours_ago * HOUR_MS);
        let mut body = gansu();
        body["title"] = json!(format!("{state} {hours_ago}"));
        body["state"] = json!(state);
        body["entered_at"] = json!(began.to_string());
        assert_eq!(daemon.post("/cases", &[], &body).status, 201);
        let path = format!("/?lang=en&q={state}%20{hours_ago}");
        let list = page(&daemon, &cookie, &path);
        for part in expected {
            assert!(list.contains(part), "{state} {hours_ago}: {part}\n{list}");
        }
    };
    let held = "messages held until released";
    check(
        "sms_verification",
        1,
        &["edge calm", "1 day 22 hours left", held],
    );
    check(
        "sms_verification",
        30,
        &["edge soon", "clock soon", "17 hours 59 minutes left"],
    );
    // The timer has moved this one on by the time the list is asked, or is about to.
    check("sms_verification", 49, &["edge late", "1 hour overdue"]);
    check(
        "collecting",
        24 * 40,
        &["edge idle", "No deadline is running now"],
    );
}
