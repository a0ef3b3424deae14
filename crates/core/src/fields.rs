//! The fields a workflow declares, and checking values against them.

use indexmap::IndexMap;
use qixian_time::{Date, Timestamp};

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
    pub detail: String,
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
                    let detail = format!("no such field; known here: {}", known.join(", "));
                    problems.push(FieldProblem { pointer, detail });
                }
            }
        }
    }
}

impl FieldKind {
    /// Adds what is wrong with `value` to `problems`; `pointer` says where it stands.
    pub fn check(&self, value: &Value, pointer: &str, problems: &mut Vec<FieldProblem>) {
        let mut wrong = |detail: String| {
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
                    wrong(format!("{len} characters; at most {max} are taken"));
                } else if text.contains('\0') {
                    wrong("holds a NUL character".to_owned());
                }
            }
            (FieldKind::Choice(choices), Value::Text(text)) => {
                if !choices.contains(text) {
                    wrong(format!("expected one of: {}", choices.join(", ")));
                }
            }
            (FieldKind::Date, Value::Text(text)) => {
                if parse_date(text).is_none() {
                    wrong("expected a day such as 2026-02-13".to_owned());
                }
            }
            (FieldKind::Time, Value::Text(text)) => {
                if Timestamp::parse(text).is_err() {
                    wrong(
                        "expected a time with offset such as 2026-02-13T17:30:00+08:00".to_owned(),
                    );
                }
            }
            (FieldKind::List(kind), Value::List(items)) => {
                if items.len() > LIST_MAX {
                    wrong(format!(
                        "{} values; at most {LIST_MAX} are taken",
                        items.len()
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
            _ => wrong(format!("expected {}", self.expected())),
        }
    }

    fn expected(&self) -> &'static str {
        match self {
            FieldKind::Text(_) | FieldKind::Choice(_) => "a text",
            FieldKind::Int => "a whole number",
            FieldKind::Number => "a number",
            FieldKind::Bool => "true or false",
            FieldKind::Date => "a day as text, such as \"2026-02-13\"",
            FieldKind::Time => "a time as text, such as \"2026-02-13T17:30:00+08:00\"",
            FieldKind::List(_) => "a list",
            FieldKind::Record(_) => "a record",
        }
    }
}

/// The day a text names, if it is exactly `YYYY-MM-DD`.
pub(crate) fn parse_date(text: &str) -> Option<Date> {
    if text.len() != 10 {
        return None;
    }
    text.parse().ok()
}
