//! The fields a workflow declares, and checking values against them.

use indexmap::IndexMap;
use qixian_time::{Date, Timestamp};

use crate::words::say;
use crate::{Fields, Value, Words};

/// Longest text a field takes unless it says otherwise, in characters.
const DEFAULT_TEXT_MAX: usize = 2_000;
/// Most values a list holds.
const LIST_MAX: usize = 500;

/// The declared fields of a workflow: a record, possibly of records.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schema {
    /// Fields by name, in the file's order.
    pub fields: IndexMap<String, FieldDef>,
}

/// One declared field.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldDef {
    /// What people call it.
    pub title: Words,
    /// What it holds.
    pub kind: FieldKind,
    /// Whether it is personal data, masked in logs.
    pub personal: bool,
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldKind {
    /// Text of at most this many characters (`None`: 2,000).
    Text(Option<usize>),
    /// A whole number.
    Int,
    /// A number.
    Number,
    /// True or false.
    Bool,
    /// A day, `YYYY-MM-DD`.
    Date,
    /// An instant, RFC 3339 with offset.
    Time,
    /// One of these texts.
    Choice(Vec<String>),
    /// Values of one kind, at most 500.
    List(Box<FieldKind>),
    /// Named fields.
    Record(Schema),
}

/// What is wrong with a value, and where.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FieldProblem {
    /// A JSON pointer from the fields' root (`/site/domains/0/name`).
    pub pointer: String,
    /// What is wrong and what was expected.
    pub detail: Words,
}

impl FieldProblem {
    /// The same problem, its pointer starting at the request's root.
    pub(crate) fn in_request(mut self) -> Self {
        self.pointer.insert_str(0, "/fields");
        self
    }
}

impl Schema {
    /// The definition at a dotted path; list items are not stepped into.
    pub fn at(&self, path: &str) -> Option<&FieldDef> {
        let (first, rest) = path
            .split_once('.')
            .map_or((path, None), |(f, r)| (f, Some(r)));
        let def = self.fields.get(first)?;
        match (rest, &def.kind) {
            (None, _) => Some(def),
            (Some(rest), FieldKind::Record(inner)) => inner.at(rest),
            (Some(_), _) => None,
        }
    }

    /// Every problem of `fields`, all at once; empty when they fit. Null fits everywhere: it says *not known yet*.
    pub fn check(&self, fields: &Fields) -> Vec<FieldProblem> {
        let mut problems = Vec::new();
        self.check_record(fields, "", &mut problems);
        problems
    }

    fn check_record(&self, fields: &Fields, pointer: &str, problems: &mut Vec<FieldProblem>) {
        for (name, value) in fields {
            let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
            match self.fields.get(name) {
                Some(def) => def.kind.check(value, &pointer, problems),
                None => {
                    let known: Vec<&str> = self.fields.keys().map(String::as_str).collect();
                    let known = Words::listed(&known);
                    let detail =
                        say!("没有这个字段；可用的有：{}", "no such field; known here: {}"; known);
                    problems.push(FieldProblem { pointer, detail });
                }
            }
        }
    }
}

impl FieldKind {
    /// Adds what is wrong with `value` to `problems`; `pointer` says where it stands.
    pub fn check(&self, value: &Value, pointer: &str, problems: &mut Vec<FieldProblem>) {
        let mut wrong = |detail: Words| {
            problems.push(FieldProblem {
                pointer: pointer.to_owned(),
                detail,
            })
        };
        match (self, value) {
            (_, Value::Null)
            | (FieldKind::Int, Value::Int(_))
            | (FieldKind::Number, Value::Int(_) | Value::Number(_))
            | (FieldKind::Bool, Value::Bool(_)) => {}
            (FieldKind::Text(max), Value::Text(text)) => {
                let (max, len) = (max.unwrap_or(DEFAULT_TEXT_MAX), text.chars().count());
                if len > max {
                    wrong(say!(
                        "有 {len} 个字；最多 {max} 个字",
                        "{len} characters; at most {max} are taken"
                    ));
                } else if text.contains('\0') {
                    wrong(Words::new("含有空字符（NUL）", "holds a NUL character"));
                }
            }
            (FieldKind::Choice(choices), Value::Text(text)) => {
                if !choices.contains(text) {
                    wrong(say!("应为其中之一：{}", "expected one of: {}"; Words::listed(choices)));
                }
            }
            (FieldKind::Date, Value::Text(text)) => {
                if parse_date(text).is_none() {
                    wrong(Words::new(
                        "应为日期，如 2026-02-13",
                        "expected a day such as 2026-02-13",
                    ));
                }
            }
            (FieldKind::Time, Value::Text(text)) => {
                if Timestamp::parse(text).is_err() {
                    wrong(Words::new(
                        "应为带时区的时间，如 2026-02-13T17:30:00+08:00",
                        "expected a time with offset such as 2026-02-13T17:30:00+08:00",
                    ));
                }
            }
            (FieldKind::List(kind), Value::List(items)) => {
                if items.len() > LIST_MAX {
                    let count = items.len();
                    wrong(say!(
                        "有 {count} 项；最多 {LIST_MAX} 项",
                        "{count} values; at most {LIST_MAX} are taken"
                    ));
                    return;
                }
                for (i, item) in items.iter().enumerate() {
                    kind.check(item, &format!("{pointer}/{i}"), problems);
                }
            }
            (FieldKind::Record(schema), Value::Record(fields)) => {
                schema.check_record(fields, pointer, problems)
            }
            _ => wrong(say!("应为{}", "expected {}"; self.expected())),
        }
    }

    fn expected(&self) -> Words {
        let (zh, en) = match self {
            FieldKind::Text(_) | FieldKind::Choice(_) => ("文字", "a text"),
            FieldKind::Int => ("整数", "a whole number"),
            FieldKind::Number => ("数字", "a number"),
            FieldKind::Bool => ("是或否（true 或 false）", "true or false"),
            FieldKind::Date => (
                "写成文字的日期，如 \"2026-02-13\"",
                "a day as text, such as \"2026-02-13\"",
            ),
            FieldKind::Time => (
                "写成文字的时间，如 \"2026-02-13T17:30:00+08:00\"",
                "a time as text, such as \"2026-02-13T17:30:00+08:00\"",
            ),
            FieldKind::List(_) => ("列表", "a list"),
            FieldKind::Record(_) => ("一组字段", "a record"),
        };
        Words::new(zh, en)
    }
}

/// The day a text names, if it is exactly `YYYY-MM-DD`.
pub(crate) fn parse_date(text: &str) -> Option<Date> {
    if text.len() != 10 {
        return None;
    }
    text.parse().ok()
}
