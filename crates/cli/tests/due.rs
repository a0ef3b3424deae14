//! `qixian due` and `qixian calendar` through the real binary.

mod common;

use common::{run, stderr, stdout};
use serde_json::Value;

fn due(from: &str, within: &str, more: &[&str]) -> Value {
    let words = [&["due", "--from", from, "--within", within, "--json"], more].concat();
    let output = run(&words);
    assert!(output.status.success(), "{words:?}: {}", stderr(&output));
    serde_json::from_str(&stdout(&output)).expect("one JSON object")
}

#[test]
fn dates_are_those_of_the_guide() {
    let check = |from: &str, within: &str, due_at: &str, last_day: &str, provisional: bool| {
        let answer = due(from, within, &[]);
        let found = (
            answer["due_at"].as_str(),
            answer["last_day"].as_str(),
            answer["provisional"].as_bool(),
        );
        let expected = (Some(due_at), Some(last_day), Some(provisional));
        assert_eq!(found, expected, "{from} + {within}");
    };
    check(
        "2026-02-13T17:30",
        "48h",
        "2026-02-15T17:30:00+08:00",
        "2026-02-15",
        false,
    );
    check(
        "2026-02-13 17:30",
        "48h",
        "2026-02-15T17:30:00+08:00",
        "2026-02-15",
        false,
    );
    check(
        "2026-02-13T09:30:00Z",
        "48h",
        "2026-02-15T17:30:00+08:00",
        "2026-02-15",
        false,
    );
    check(
        "2026-02-15",
        "20wd",
        "2026-03-21T00:00:00+08:00",
        "2026-03-20",
        false,
    );
    check(
        "2026-02-15T17:30",
        "20wd",
        "2026-03-21T00:00:00+08:00",
        "2026-03-20",
        false,
    );
    check(
        "2026-12-04",
        "20wd",
        "2027-01-02T00:00:00+08:00",
        "2027-01-01",
        true,
    );
    check(
        "2026-01-31",
        "1mo",
        "2026-03-01T00:00:00+08:00",
        "2026-02-28",
        false,
    );
    check(
        "2026-03-25",
        "30d",
        "2026-04-25T00:00:00+08:00",
        "2026-04-24",
        false,
    );
}

#[test]
fn a_zone_can_be_named() {
    let answer = due("2026-02-13T17:30", "48h", &["--zone", "Europe/Berlin"]);
    assert_eq!(answer["due_at"], "2026-02-15T17:30:00+01:00");
}

#[test]
fn every_day_says_why() {
    let answer = due("2026-02-15", "20wd", &["--why"]);
    let lines = answer["why"].as_array().expect("a list");
    let of = |kind: &str| lines.iter().filter(|line| line["kind"] == kind).count();
    assert_eq!(of("counted"), 20);
    assert!(
        of("skipped") > 8 && of("due") == 1 && of("calendar") >= 1,
        "{lines:?}"
    );
    let makeup = lines
        .iter()
        .find(|line| line["day"] == "2026-02-28")
        .expect("the make-up Saturday");
    assert!(
        makeup["text"]
            .as_str()
            .is_some_and(|text| text.contains("调休"))
    );
    assert!(
        makeup["text_en"]
            .as_str()
            .is_some_and(|text| text.contains("exchange"))
    );
}

#[test]
fn what_cannot_be_computed_is_refused_with_a_sentence() {
    let check = |from: &str, within: &str, more: &[&str], said: &str| {
        let words = [&["due", "--from", from, "--within", within], more].concat();
        let output = run(&words);
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        let told = stderr(&output);
        assert!(told.contains(said), "{words:?}: {told}");
        assert!(stdout(&output).is_empty(), "{words:?}");
    };
    check("2026-02-15", "48h", &[], "没有钟点");
    check("2026-02-15", "48h", &["--lang", "en"], "no time of day");
    check("2026-02-30", "1d", &[], "不是日期");
    check("tomorrow", "1d", &["--lang", "en"], "not a date");
    check("2026-02-15", "20", &[], "不是期限");
    check("2026-02-15", "20wd", &["--calendar", "cm"], "现有：cn");
    check(
        "2026-02-15",
        "20wd",
        &["--zone", "Asia/Beijing"],
        "Asia/Beijing",
    );
}

#[test]
fn people_get_the_last_day() {
    let zh = stdout(&run(&["due", "--from", "2026-02-15", "--within", "20wd"]));
    assert!(
        zh.contains("2026-03-20 周五") && zh.contains("24:00"),
        "{zh}"
    );
    let en = stdout(&run(&[
        "--lang",
        "en",
        "due",
        "--from",
        "2026-12-04",
        "--within",
        "20wd",
    ]));
    assert!(
        en.contains("2027-01-01 Fri") && en.contains("Provisional"),
        "{en}"
    );
}

#[test]
fn a_year_has_its_notice_and_its_odd_days() {
    let output = run(&["calendar", "show", "2026", "--json"]);
    let year: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!(
        (&year["known"], &year["working_days"]),
        (&Value::Bool(true), &Value::from(248))
    );
    let output = run(&["calendar", "show", "2099", "--json"]);
    let year: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!(
        (&year["known"], &year["notice"]),
        (&Value::Bool(false), &Value::Null)
    );
}
