//! What comes out of good files, and that no text whatever makes the readers panic.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use qixian_core::definition::{Length, LengthSource, MissedThen, RungAt, SetValue, Starts};
use qixian_core::{ClockState, FieldKind, NoFunctions, Value};
use qixian_time::{Period, Timestamp};
use qixian_workflow::{
    Catalog, ReadContext, Render, Severity, Sources, WorkflowFile, definition_ref, digest,
    read_calendar_year, read_rules, read_workflow,
};

const GOOD: &str = include_str!("golden/good.toml");
const WATCH: &str = r#"
schema = 1
workflow = "watch"
version = 1
[fields]
"domain" = { type = "text" }
[states]
on = { title = "看着" }
off = { title = "不看了", final = true }
[[on]]
event = "opened"
from = "on"
[[on]]
event = "dropped"
from = "on"
to = "off"
"#;
const CALENDAR: &str = r#"
schema = 1
calendar = "cn"
year = 2026
notice = "测试"
makeup = ["2026-02-14"]
[[holiday]]
name = "春节"
from = "2026-02-15"
to = "2026-02-23"
"#;
const CLOSURES: &str = r#"
schema = 1
calendar = "aliyun"
base = "cn"
year = 2026
[[closure]]
name = "年会"
from = "2026-03-05"
to = "2026-03-05"
source = "公告"
"#;
const RULES: &str = r#"
schema = 1
pack = "guide"
version = 3
[[rule]]
key = "sms_check.required"
match = { "subject.province" = ["甘肃", "青海"], "subject.nature" = ["a", "b"] }
value = true
source = "guide S129"
[[rule]]
key = "sms_check.window"
source = "nobody knows"
"#;

fn good() -> WorkflowFile {
    read_workflow("good.toml", GOOD, &ReadContext::default()).expect("the good file is good")
}

fn sources() -> Sources {
    let named = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    Sources {
        calendars: vec![named("2026.toml", CALENDAR), named("aliyun.toml", CLOSURES)],
        rules: vec![named("guide.toml", RULES)],
        workflows: vec![named("good.toml", GOOD), named("watch.toml", WATCH)],
        templates: None,
    }
}

#[test]
fn a_good_file_becomes_its_definition() {
    let file = good();
    let w = &*file.workflow;
    assert_eq!(
        (w.id.as_str(), w.version, &*w.initial),
        ("errand", 2, "open")
    );
    assert_eq!(w.digest, digest(GOOD));
    assert_eq!(w.roles, ["principal", "handler", "lead"]);
    assert_eq!(w.params["most_sites"], Value::Int(5));
    assert_eq!(
        w.states.keys().collect::<Vec<_>>(),
        ["open", "check", "review", "done"]
    );
    assert!(w.is_final("done"));
    let name = w.fields.at("name").expect("declared");
    assert!(name.personal && name.kind == FieldKind::Text(Some(20)));
    let FieldKind::List(item) = &w.fields.at("site.domains").expect("declared").kind else {
        panic!("a list was declared");
    };
    assert!(matches!(&**item, FieldKind::Record(inner) if inner.at("name").is_some()));
}

#[test]
fn transitions_keep_order_and_values() {
    let file = good();
    let w = &*file.workflow;
    assert_eq!(
        w.transitions[0].when,
        Some(("check_needed".to_owned(), true))
    );
    assert_eq!(w.transitions[1].when, None);
    assert_eq!(w.transitions[2].to, None, "it stays");
    let verified = &w.transitions[3];
    assert_eq!(verified.needs, ["principal"]);
    assert_eq!(verified.set[0].1, SetValue::OccurredAt);
    assert_eq!(
        verified.set[1].1,
        SetValue::Fixed(Value::Text("small".to_owned()))
    );
    let approved = w.transitions.last().expect("there are some");
    assert_eq!(
        approved.fields,
        ["site.domains", "site.number"],
        "required implies allowed"
    );
    assert_eq!(approved.notify[0].template, "errand/approved");
    assert_eq!(approved.start[0].for_each.as_deref(), Some("site.domains"));
    assert_eq!(approved.tell[0].event, "opened");
}

#[test]
fn deadlines_keep_their_lengths_starts_and_consequences() {
    let file = good();
    let deadlines = &file.workflow.deadlines;
    let code = &deadlines["code"];
    assert_eq!(code.starts, Starts::Event("code_sent".to_owned()));
    let rule = LengthSource::Rule {
        key: "sms_check.window".to_owned(),
        default: Some(Period::hours(24)),
    };
    assert_eq!(code.length, Length::Within(rule));
    let missed = code.missed.as_ref().expect("it says");
    assert_eq!(missed.then, MissedThen::To("open".to_owned()));
    assert!(missed.notify[0].urgent);
    let window = Length::Window {
        earliest: LengthSource::Fixed(Period::work_days(3)),
        latest: LengthSource::Fixed(Period::work_days(20)),
    };
    assert_eq!(deadlines["review"].length, window);
    let param = Length::Within(LengthSource::Fixed(Period::work_days(3)));
    assert_eq!(deadlines["correct"].length, param);
    assert_eq!(
        deadlines["expiry"].length,
        Length::Until("expires_on".to_owned())
    );
    let days = &file.workflow.ladders["days"];
    assert_eq!((days.at_minute, days.working_days), (10 * 60 + 30, true));
    assert_eq!(days.steps[1].at, RungAt::BeforeDaysOff);
    let hours = &file.workflow.ladders["hours"];
    assert_eq!(hours.steps[1].template.as_deref(), Some("errand/last_call"));
}

#[test]
fn tests_of_a_file_know_their_times() {
    let file = good();
    let test = &file.tests[0];
    let at = |text| Timestamp::parse(text).expect("a good time");
    assert_eq!(test.at, at("2026-02-13T17:30:00+08:00"));
    let times: Vec<Timestamp> = test.steps.iter().map(|step| step.at).collect();
    let expected = [
        at("2026-02-13T18:30:00+08:00"),
        at("2026-02-13T19:30:00+08:00"),
        at("2026-02-16T17:30:00+08:00"),
        at("2026-02-16T17:30:00+08:00"),
    ];
    assert_eq!(times, expected);
    let refused = test.steps[2].event.as_ref().expect("an event");
    assert_eq!(refused.refused.as_deref(), Some("event_not_possible"));
    let expect = test.steps[3].expect.as_ref().expect("an expectation");
    assert_eq!(expect.deadlines[0].clock, Some(ClockState::Missed));
    assert_eq!(
        expect.deadlines[0].due_at,
        Some(at("2026-02-15T19:00:00+08:00"))
    );
    assert_eq!(expect.reminded.as_ref().map(BTreeSet::len), Some(1));
}

#[test]
fn transitions_no_test_takes_are_told_with_their_place() {
    let file = good();
    let all: BTreeSet<usize> = (0..file.workflow.transitions.len()).collect();
    assert!(file.untaken(&all).is_empty());
    let told = file.untaken(&(1..all.len()).collect());
    assert_eq!(told.count(Severity::Warning), 1);
    assert!(
        told.to_string().starts_with("good.toml:43:9: WF0036"),
        "{told}"
    );
}

#[test]
fn a_catalog_knows_files_definitions_and_surroundings() {
    let mut catalog = Catalog::build(&sources(), Arc::new(NoFunctions))
        .unwrap_or_else(|found| panic!("\n{}", found.render(Render::default())));
    let errand = catalog.workflow("errand").expect("read").clone();
    let reference = definition_ref(&errand);
    assert_eq!(reference.digest.len(), 16);
    assert!(catalog.definition(&reference).is_some());
    let env = catalog.env();
    assert_eq!(env.calendars.keys().collect::<Vec<_>>(), ["aliyun", "cn"]);
    let closed = "2026-03-05".parse().expect("a date");
    assert!(env.calendars["cn"].is_working(closed));
    assert!(!env.calendars["aliyun"].is_working(closed));
    assert_eq!(
        env.rules["guide"].rows().count(),
        5,
        "2 × 2 values, and one without"
    );

    let old = GOOD.replace("version = 2", "version = 1");
    let old = catalog.compile_text("kept text", &old).expect("still good");
    assert!(catalog.definition(&definition_ref(&old)).is_some());
    assert_eq!(catalog.workflow("errand").map(|w| w.version), Some(2));
}

#[test]
fn what_files_say_of_one_another_is_checked() {
    let check = |spoil: fn(&mut Sources), expected: &[&str]| {
        let mut all = sources();
        spoil(&mut all);
        let found = Catalog::build(&all, Arc::new(NoFunctions)).expect_err("spoilt");
        let codes: Vec<&str> = found.iter().map(|(_, d)| d.code.as_str()).collect();
        assert_eq!(codes, expected, "{found}");
    };
    check(|s| drop(s.workflows.pop()), &["WF0020", "WF0020"]);
    check(
        |s| s.workflows[1].1 = WATCH.replace("domain", "name").replace("opened", "open"),
        &["WF0015", "WF0011"],
    );
    check(|s| s.workflows.push(s.workflows[1].clone()), &["WF0037"]);
    check(|s| s.rules.push(s.rules[0].clone()), &["RU0011"]);
    check(|s| drop(s.calendars.remove(0)), &["CA0011"]);
    check(
        |s| s.calendars.push(s.calendars[0].clone()),
        &["CA0010", "CA0011"],
    );
    check(
        |s| {
            s.rules[0].1 = s.rules[0].1.replace("pack", "park");
            s.calendars[0].1.push_str("zzz = 1");
        },
        &["CA0002", "CA0011", "RU0003", "RU0002"],
    );
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let text = format!("{GOOD}\n# {}", "长".repeat(100_000));
    let found = read_workflow("big.toml", &text, &ReadContext::default()).expect_err("too large");
    assert!(found.to_string().contains("WF0007"), "{found}");
}

#[test]
fn thousands_of_problems_are_cut_short() {
    let mut text = GOOD.to_owned();
    for i in 0..9_000 {
        text.push_str(&format!("\n[k{i}]"));
    }
    let found = read_workflow("noisy.toml", &text, &ReadContext::default()).expect_err("noisy");
    assert_eq!(found.iter().count(), 200);
}

/// Reads the text as every kind of file and draws what is found.
fn read_all(text: &str) {
    let context = ReadContext {
        calendars: Some(vec!["cn".to_owned()]),
        ..ReadContext::default()
    };
    let mut found = Vec::new();
    found.extend(read_workflow("t", text, &context).err());
    found.extend(read_rules("t", text).err());
    found.extend(read_calendar_year("t", text).err());
    for problems in found {
        assert!(problems.has_errors());
        assert!(!problems.render(Render::default()).is_empty());
        assert!(problems.to_json().is_array());
    }
}

/// A byte position, moved back to where a character begins.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len()))
        .rev()
        .find(|i| text.is_char_boundary(*i))
        .unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cut_texts_never_panic(from in 0..GOOD.len(), length in 0..400usize, end in 0..GOOD.len()) {
        let (start, stop) = (boundary(GOOD, from), boundary(GOOD, from + length));
        read_all(&format!("{}{}", &GOOD[..start], &GOOD[stop..]));
        read_all(&GOOD[..boundary(GOOD, end)]);
    }

    #[test]
    fn changed_texts_never_panic(
        at in 0..GOOD.len(),
        put in prop_oneof![
            Just("\""), Just("'"), Just("["), Just("]"), Just("{"), Just("}"), Just("="), Just("\n"), Just("."),
            Just("[]"), Just("0"), Just("-1"), Just("汉"), Just("🈳"), Just("\\u0000"), Just("\r"), Just("true"),
            Just("99999999999999999999"), Just("nan"), Just("1979-05-27"), Just("!"), Just("item."), Just("\u{7}"),
        ],
        line in 0..150usize,
        other in 0..150usize,
    ) {
        let at = boundary(GOOD, at);
        read_all(&format!("{}{put}{}", &GOOD[..at], &GOOD[at..]));
        let mut lines: Vec<&str> = GOOD.lines().collect();
        let count = lines.len();
        lines.swap(line % count, other % count);
        read_all(&lines.join("\n"));
    }

    #[test]
    fn words_in_the_wrong_place_never_panic(seed in any::<u64>()) {
        let words: Vec<&str> = GOOD.split_inclusive([' ', '\n']).collect();
        let (a, b) = (seed as usize % words.len(), (seed >> 32) as usize % words.len());
        let mut mixed = words.clone();
        mixed[a] = words[b];
        read_all(&mixed.concat());
    }
}
