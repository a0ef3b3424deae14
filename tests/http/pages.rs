//! The plain page.

use crate::start::{fresh, start_gansu};

#[test]
fn pages_want_a_token_and_escape_what_they_show() {
    let (_dir, daemon) = fresh();
    let case = start_gansu(&daemon);
    let patch = r#"{"title":"<script>alert(1)</script>"}"#;
    assert_eq!(
        daemon
            .ask("PATCH", &format!("/api/v1/cases/{case}"), &[], patch)
            .status,
        200
    );

    let form = [
        ("authorization", ""),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    let refused = daemon.ask("POST", "/sign-in", &form, "token=wrong");
    assert_eq!(refused.status, 401);
    assert_eq!(
        daemon.ask("GET", "/", &[("authorization", "")], "").status,
        303
    );
    let signed_in = daemon.ask(
        "POST",
        "/sign-in",
        &form,
        &format!("token={}", daemon.token),
    );
    let cookie = signed_in.header("set-cookie");
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
        "{cookie}"
    );
    let cookie = cookie.split(';').next().unwrap_or_default().to_owned();

    let ask = |path: &str| {
        let answer = daemon.ask(
            "GET",
            path,
            &[("authorization", ""), ("cookie", &cookie)],
            "",
        );
        assert_eq!(answer.status, 200, "{path}");
        assert!(
            answer
                .header("content-security-policy")
                .contains("default-src 'none'")
        );
        answer.body.as_str().expect("a page").to_owned()
    };
    let page = ask("/?lang=zh");
    assert!(
        page.contains("lang=\"zh-CN\"") && !page.contains("<script>"),
        "{page}"
    );
    assert!(
        page.contains("&#60;script&#62;") || page.contains("&lt;script&gt;"),
        "{page}"
    );
    assert!(ask("/?lang=en").contains("Sign out"));
    assert!(
        ask(&format!("/cases/{case}")).contains("收集材料")
            || ask(&format!("/cases/{case}?lang=zh")).contains("收集材料")
    );
    let api = daemon.ask(
        "GET",
        "/api/v1/cases",
        &[("authorization", ""), ("cookie", &cookie)],
        "",
    );
    assert_eq!(api.status, 401, "a cookie opens pages, never the API");
}
