//! Tables of guards and what they answer, and soup that must never end the process.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::{Guard, GuardError, GuardScope, Verdict};
use crate::{
    Env, FieldDef, FieldKind, Fields, Functions, NoFunctions, PackRef, RulePack, RuleRow, Schema,
    Value, Words, value,
};

fn def(kind: FieldKind) -> FieldDef {
    FieldDef {
        title: Words::same("t"),
        kind,
        personal: false,
    }
}

fn record<const N: usize>(fields: [(&str, FieldKind); N]) -> FieldKind {
    FieldKind::Record(schema_of(fields))
}

fn schema_of<const N: usize>(fields: [(&str, FieldKind); N]) -> Schema {
    let fields = fields.map(|(name, kind)| (name.to_owned(), def(kind)));
    Schema {
        fields: fields.into_iter().collect(),
    }
}

fn schema() -> Schema {
    let nature = FieldKind::Choice(vec!["enterprise".to_owned(), "person".to_owned()]);
    let domain = record([
        ("name", FieldKind::Text(None)),
        ("owner", record([("name", FieldKind::Text(None))])),
    ]);
    schema_of([
        (
            "subject",
            record([
                ("province", FieldKind::Text(None)),
                ("nature", nature),
                ("certificate", record([("number", FieldKind::Text(None))])),
            ]),
        ),
        (
            "site",
            record([
                ("domains", FieldKind::List(Box::new(domain))),
                ("tags", FieldKind::List(Box::new(FieldKind::Text(None)))),
            ]),
        ),
        ("count", FieldKind::Int),
        ("share", FieldKind::Number),
        ("ready", FieldKind::Bool),
    ])
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn fields_of<const N: usize>(pairs: [(&str, Value); N]) -> Fields {
    let mut fields = Fields::new();
    for (path, new) in pairs {
        value::set(&mut fields, path, new);
    }
    fields
}

fn fields() -> Fields {
    let domain = |name: &str| Value::Record(fields_of([("name", text(name))]));
    fields_of([
        ("subject.province", text("甘肃")),
        ("count", Value::Int(3)),
        ("share", Value::Int(1)),
        ("ready", Value::Bool(true)),
        (
            "site.domains",
            Value::List(vec![domain("a.cn"), domain("b.cn")]),
        ),
    ])
}

fn params() -> Fields {
    fields_of([("grace", Value::Int(2)), ("label", text("x"))])
}

#[derive(Debug)]
struct Domain;

impl Functions for Domain {
    fn names(&self) -> &[&'static str] {
        &["filing_type", "broken"]
    }

    fn call(&self, name: &str, fields: &Fields) -> Result<Value, Words> {
        match name {
            "filing_type" => Ok(Value::Record(fields_of([
                ("type", text("first_filing")),
                ("fields", Value::Int(fields.len() as i64)),
            ]))),
            _ => Err(Words::new("登记簿没有加载", "the registry is not loaded")),
        }
    }
}

fn rules() -> RulePack {
    let row = |key: &str, value: Value| RuleRow {
        key: key.to_owned(),
        matches: BTreeMap::new(),
        value,
        source: "test".to_owned(),
        from: None,
        until: None,
        confidence: "high".to_owned(),
    };
    let rows = vec![
        row("sms_check.needed", Value::Bool(true)),
        row("sms_check.window", text("48h")),
        row("open", Value::Null),
    ];
    RulePack::build("guide", 1, rows).unwrap()
}

fn env(functions: Arc<dyn Functions>) -> Env {
    Env {
        calendars: Arc::default(),
        rules: Arc::new(BTreeMap::from([("guide".to_owned(), rules())])),
        functions,
    }
}

fn compile(text: &str) -> Result<Guard, GuardError> {
    Guard::compile(text, &schema(), &params(), Domain.names())
}

fn eval_on(text: &str, fields: &Fields) -> Verdict {
    let guard = compile(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    let pack = PackRef {
        id: "guide".to_owned(),
        version: 1,
    };
    let scope = GuardScope {
        fields,
        state: "sms_check",
        round: 2,
        flags: &["urgent".to_owned()],
        pack: &pack,
        on: "2026-02-13".parse().unwrap(),
    };
    guard.eval(&env(Arc::new(Domain)), &params(), &scope)
}

fn is_chinese(text: &str) -> bool {
    text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
}

fn check(text: &str, expected: Verdict) {
    assert_eq!(eval_on(text, &fields()), expected, "{text}");
}

#[test]
fn expressions_hold_or_fail() {
    for (text, holds) in [
        (r#"subject.province == "甘肃""#, true),
        (r#"subject.province in ["江苏", "甘肃"]"#, true),
        (r#"subject.province.startsWith("江")"#, false),
        (r#"subject["province"] == "甘肃""#, true),
        ("size(subject.province) == 2", true),
        ("count >= 3 && count < 4", true),
        ("!(count == 3) || ready", true),
        ("count - 1 == 2 && -count == -3", true),
        (r#"count > 5 ? false : state == "sms_check""#, true),
        ("round == params.grace", true),
        (r#""urgent" in flags"#, true),
        (r#"site.domains.all(d, d.name.endsWith(".cn"))"#, true),
        (r#"site.domains.exists(d, d.name == "c.cn")"#, false),
        (r#"site.domains.exists_one(d, d.name == "a.cn")"#, true),
        (
            r#"site.domains.filter(d, d.name != "").map(d, d.name) == ["a.cn", "b.cn"]"#,
            true,
        ),
        (r#"site.domains[1].name == "b.cn""#, true),
        (
            "site.domains.all(a, site.domains.exists(b, a.name == b.name))",
            true,
        ),
        ("share + 0.5 == 1.5", true),
        ("share / 2.0 < 1", true),
        (r#""label" in params && params.label == "x""#, true),
    ] {
        let expected = if holds {
            Verdict::Holds
        } else {
            Verdict::Fails
        };
        check(text, expected);
    }
}

#[test]
fn what_is_absent_reads_as_null() {
    for text in [
        "subject.nature == null",
        "null == subject.nature",
        "subject.certificate == null",
        "null == subject.certificate",
        "subject.certificate.number == null",
        r#"subject["certificate"].number == null"#,
        "!has(subject.nature) && has(subject.province)",
        "!has(subject.certificate.number)",
        "subject.nature in [null]",
        r#"subject.nature != "person""#,
        "site.tags == null",
        "site.domains.all(d, d.owner == null && d.owner.name == null && !has(d.owner.name))",
        "subject.certificate == subject.nature",
    ] {
        check(text, Verdict::Holds);
        let nothing = eval_on(
            "subject.province == null && subject == null",
            &Fields::new(),
        );
        assert_eq!(nothing, Verdict::Holds);
    }
}

#[test]
fn what_goes_wrong_while_running_is_never_true() {
    for (text, part) in [
        (r#"subject.nature < "x""#, "null (not known yet)"),
        ("count < subject.province", "a whole number and a text"),
        ("site.tags.all(t, t == t)", "not known yet"),
        ("site.domains[9] == null", "no such place"),
        ("1 / (count - 3) == 1", "division by zero"),
        ("count + 9223372036854775807 == 0", "too large"),
        (r#"int(subject.province) == 1"#, "cannot"),
        (r#"rule("sms_check.window")"#, "gave a text"),
        ("broken() == 1", "the registry is not loaded"),
        ("filing_type().absent == 1", "no field `absent`"),
        ("ready && count / 0 == 1", "division by zero"),
    ] {
        let Verdict::Error(why) = eval_on(text, &fields()) else {
            panic!(
                "{text}: expected an error, got {:?}",
                eval_on(text, &fields())
            );
        };
        assert!(why.en.contains(part), "{text}: {why:?}");
        assert!(is_chinese(&why.zh), "{text}: {why:?}");
        assert!(
            !why.zh.contains("甘肃") && !why.en.contains("甘肃"),
            "{text}: a value in {why:?}"
        );
    }
}

#[test]
fn rules_answer_or_leave_the_guard_unknown() {
    use Verdict::{Fails, Holds, Unknown};
    for (text, expected) in [
        (r#"rule("sms_check.needed")"#, Holds),
        (r#"rule("sms_check.window") == "24h""#, Fails),
        (r#"rule("open") == 1"#, Unknown),
        (r#"rule("open") == null"#, Unknown),
        (r#"rule("nobody.knows")"#, Unknown),
        (r#"!(rule("open") == 1)"#, Unknown),
        (r#"ready && rule("open") == 1"#, Unknown),
        (r#"!ready && rule("open") == 1"#, Fails),
        (r#"ready || rule("open") == 1"#, Holds),
        (r#"ready ? true : rule("open") == 1"#, Holds),
        (r#"site.domains.all(d, d.name == rule("open"))"#, Unknown),
        (r#"rule("open").part == 1"#, Unknown),
    ] {
        check(text, expected);
    }
}

#[test]
fn an_unloaded_pack_knows_nothing() {
    let guard = compile(r#"rule("sms_check.needed")"#).unwrap();
    let (fields, pack) = (fields(), PackRef::default());
    let scope = GuardScope {
        fields: &fields,
        state: "s",
        round: 1,
        flags: &[],
        pack: &pack,
        on: "2026-02-13".parse().unwrap(),
    };
    let verdict = guard.eval(&env(Arc::new(NoFunctions)), &params(), &scope);
    assert_eq!(verdict, Verdict::Unknown);
}

#[test]
fn domain_functions_see_the_case() {
    check(r#"filing_type().type == "first_filing""#, Verdict::Holds);
    check("filing_type().fields == 5", Verdict::Holds);
    check("broken() == 1 && false", Verdict::Fails);
}

/// Each slip with the text its span covers, a part of the message and the suggestion.
#[test]
fn slips_are_found_when_compiled() {
    for (text, covers, part, suggestion) in [
        (
            "subject.provinse == \"\"",
            "provinse",
            "unknown field",
            "province",
        ),
        (
            "ready && subjct.province == \"\"",
            "subjct",
            "unknown name",
            "subject",
        ),
        ("stat == \"x\"", "stat", "unknown name", "state"),
        ("params.gracee == 1", "gracee", "unknown field", "grace"),
        ("has(subject.natur)", "natur", "unknown field", "nature"),
        (
            "subject[\"natur\"] == null",
            "\"natur\"",
            "unknown field",
            "nature",
        ),
        (
            "site.domains.all(d, d.nme != \"\")",
            "nme",
            "unknown field",
            "name",
        ),
        (
            "site.domains.filter(d, ready).all(e, e.nme != \"\")",
            "nme",
            "unknown field",
            "name",
        ),
        (
            "site.domains.all(d, ready) && d.name == \"\"",
            "d",
            "unknown name",
            "",
        ),
        (
            "site.domains[0].nme == \"\"",
            "nme",
            "unknown field",
            "name",
        ),
        ("site.domains.name == \"\"", "name", "asked of a list", ""),
        ("state.name == \"\"", "name", "asked of a text", ""),
        ("siz(flags) == 1", "siz", "unknown function", "size"),
        (
            "filing_typ() == 1",
            "filing_typ",
            "unknown function",
            "filing_type",
        ),
        (
            "filing_type(1) == 1",
            "filing_type",
            "takes no arguments",
            "",
        ),
        ("filing_type == 1", "filing_type", "is a function", ""),
        (
            "state.startWith(\"x\")",
            "startWith",
            "unknown method",
            "startsWith",
        ),
        ("state.matches(\"x\")", "matches", "unknown method", ""),
        ("flags.all(f)", "all", "takes a name", ""),
        ("size() == 1", "size", "takes 1 argument", ""),
        ("rule() == 1", "rule", "one key in quotes", ""),
        ("rule(state) == 1", "rule", "one key in quotes", ""),
        ("rule(\"a\", \"b\") == 1", "rule", "one key in quotes", ""),
        ("count", "count", "this is a whole number", ""),
        ("count + 1", "count + 1", "must be true or false", ""),
        ("\"true\"", "\"true\"", "this is a text", ""),
        ("ready && state", "state", "expected true or false", ""),
        ("!count", "count", "expected true or false", ""),
        (
            "count ? ready : ready",
            "count",
            "expected true or false",
            "",
        ),
        ("count.all(c, ready)", "count", "only a list", ""),
        ("1 in state", "state", "looks into a list", ""),
        (
            "subject.nature == \"persn\"",
            "\"persn\"",
            "never equal",
            "person",
        ),
        (
            "subject.nature in [\"person\", \"x\"]",
            "\"x\"",
            "never equal",
            "",
        ),
        (
            "share + 1 == 2.0",
            "share + 1 == 2.0",
            "whole number beside a fraction",
            "",
        ),
        (
            "{\"a\": 1} == null",
            "{\"a\": 1} == null",
            "records cannot",
            "",
        ),
        ("ready = true", "=", "write `==`", "=="),
        ("ready &", "&", "single '&'", ""),
        ("ready && 中", "中", "unexpected character", ""),
        ("", "", "empty", ""),
        ("// nothing", "// nothing", "empty", ""),
        ("ready && ", "", "", ""),
        ("ready ready", "ready", "mismatched", ""),
        (
            "flags.all(f, flags.all(g, flags.all(h, f == g)))",
            "flags",
            "loops nest",
            "",
        ),
    ] {
        let error = compile(text).expect_err(text);
        let found = text.get(error.span.clone());
        assert!(error.message.en.contains(part), "{text}: {error:?}");
        assert!(is_chinese(&error.message.zh), "{text}: {error:?}");
        assert_eq!(found, Some(covers), "{text}: {error:?}");
        assert_eq!(error.suggestion.unwrap_or_default(), suggestion, "{text}");
    }
}

#[test]
fn limits_are_held_before_parsing() {
    let check = |text: String, part: Option<&str>| match (compile(&text), part) {
        (Ok(_), None) => {}
        (Err(error), Some(part)) => {
            assert!(error.message.en.contains(part), "{error:?}");
            assert!(text.get(error.span.clone()).is_some(), "{error:?}");
        }
        (result, part) => panic!("{text}: {result:?}, expected {part:?}"),
    };
    let joined = |n: usize| vec!["ready"; n].join("&&");
    check(joined(65), None);
    check(joined(66), Some("64 operators"));
    check(format!("{}ready", "!".repeat(65)), Some("64 operators"));
    check(format!("{}ready{}", "(".repeat(32), ")".repeat(32)), None);
    check(
        format!("{}ready{}", "(".repeat(33), ")".repeat(33)),
        Some("32 deep"),
    );
    check(format!("ready{}", " ".repeat(1019)), None);
    check(format!("ready{}", " ".repeat(1020)), Some("1024"));
    check(format!("\"{}\" == state", "中".repeat(400)), Some("1024"));
    check("(".repeat(1024), Some("32 deep"));
    check("[".repeat(2000), Some("1024"));
}

/// The deepest texts the limits let through, on a stack smaller than any thread of ours has.
#[test]
fn the_deepest_texts_fit_a_small_stack() {
    let deepest = [
        format!("filing_type(){} == 1", ".a".repeat(500)),
        format!("filing_type(){} == 1", "[0]".repeat(62)),
        format!("{}ready", "!".repeat(64)),
        format!("count{} == 1", "+1".repeat(63)),
        format!("{}count{} == 1", "(".repeat(31), "+1)".repeat(31)),
        format!("{}ready", "ready?ready:".repeat(64)),
        format!("{}ready{}", "ready?(".repeat(31), "):ready".repeat(31)),
        format!("{}1{} == 1", "size(".repeat(31), ")".repeat(31)),
        format!("filing_type().x{} == 1", ".size()".repeat(62)),
    ];
    let run = move || {
        for text in deepest {
            if let Ok(guard) = compile(&text) {
                drop(eval_on(guard.source(), &fields()));
            }
        }
    };
    let small = std::thread::Builder::new().stack_size(1024 * 1024);
    small.spawn(run).unwrap().join().unwrap();
}

#[test]
fn guards_are_shared_between_threads() {
    fn shared<T: Clone + std::fmt::Debug + Send + Sync>(_: &T) {}
    let guard = compile("ready").unwrap();
    shared(&guard);
    assert_eq!(guard.clone().source(), "ready");
}

const WORDS: &[&str] = &[
    "subject",
    "province",
    "nature",
    "site",
    "domains",
    "count",
    "share",
    "ready",
    "state",
    "flags",
    "params",
    "grace",
    "d",
    "name",
    ".",
    ".",
    ".",
    ",",
    "(",
    ")",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "==",
    "!=",
    "<",
    ">=",
    "&&",
    "||",
    "!",
    "?",
    ":",
    "+",
    "-",
    "*",
    "/",
    "%",
    "in",
    "null",
    "true",
    "1",
    "0",
    "9223372036854775807",
    "1.5",
    "2u",
    "\"x\"",
    "'甘肃'",
    "b'x'",
    "r\"\\d\"",
    "中",
    "\\",
    "`",
    "\"",
    "//",
    "\n",
    "size",
    "int",
    "string",
    "double",
    "bool",
    "rule",
    "\"open\"",
    "has",
    "all",
    "exists",
    "map",
    "filter",
    "startsWith",
    "filing_type",
    "broken",
    "d,",
    "all(d,",
    "rule(\"open\")",
];

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<f64>().prop_map(Value::Number),
        ".{0,6}".prop_map(Value::Text),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let name = prop::sample::select(WORDS).prop_map(str::to_owned);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
            prop::collection::btree_map(name, inner, 0..4).prop_map(Value::Record),
        ]
    })
}

fn any_fields() -> impl Strategy<Value = Fields> {
    let roots = prop::sample::select(&["subject", "site", "count", "share", "ready", "odd"][..]);
    prop::collection::btree_map(roots.prop_map(str::to_owned), any_value(), 0..6)
}

/// Expressions that compile, so that random fields reach the evaluation.
const GUARDS: &[&str] = &[
    "subject.province == null || size(subject.province) > 0",
    "subject.certificate.number < \"x\"",
    "site.domains.all(d, d.name != \"\" && d.owner.name == null)",
    "site.domains.map(d, d.owner).filter(o, o == null).size() == count",
    "count * count - count / (count + 1) % 3 == -count",
    "share / share + share * -share < 1.0",
    "int(share) == count || double(count) == share || string(share) == string(count)",
    "subject == site || [subject] == [null] || count in [share]",
    "site.tags[count] == site.tags[0]",
    "has(subject.certificate.number) ? ready : !ready",
    "params.grace in flags || subject.nature in [\"person\", null]",
];

proptest! {
    #[test]
    fn no_soup_of_words_panics(
        words in prop::collection::vec(prop::sample::select(WORDS), 0..60),
        fields in any_fields(),
    ) {
        for text in [words.concat(), words.join(" ")] {
            match compile(&text) {
                Ok(_) => drop(eval_on(&text, &fields)),
                Err(error) => prop_assert!(text.get(error.span).is_some()),
            }
        }
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,80}") {
        if let Err(error) = compile(&text) {
            prop_assert!(text.get(error.span).is_some());
        }
    }

    #[test]
    fn no_fields_panic(guard in prop::sample::select(GUARDS), fields in any_fields()) {
        drop(eval_on(guard, &fields));
    }
}
