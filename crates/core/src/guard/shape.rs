//! What is known of a value before the guard runs.

use crate::{FieldKind, Fields, Schema, Value, Words};

/// The kind of value an expression yields, as far as it is evident.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shape<'s> {
    Bool,
    Int,
    Number,
    Text,
    Choice(&'s [String]),
    /// A list; of what, where that is declared.
    List(Option<&'s FieldKind>),
    Record(&'s Schema),
    /// `params`, or a record in it.
    Params(&'s Fields),
    Any,
}

impl<'s> Shape<'s> {
    pub(super) fn of_kind(kind: &'s FieldKind) -> Self {
        match kind {
            FieldKind::Text(_) | FieldKind::Date | FieldKind::Time => Shape::Text,
            FieldKind::Int => Shape::Int,
            FieldKind::Number => Shape::Number,
            FieldKind::Bool => Shape::Bool,
            FieldKind::Choice(choices) => Shape::Choice(choices),
            FieldKind::List(kind) => Shape::List(Some(kind)),
            FieldKind::Record(schema) => Shape::Record(schema),
        }
    }

    pub(super) fn of_value(value: &'s Value) -> Self {
        match value {
            Value::Null => Shape::Any,
            Value::Bool(_) => Shape::Bool,
            Value::Int(_) => Shape::Int,
            Value::Number(_) => Shape::Number,
            Value::Text(_) => Shape::Text,
            Value::List(_) => Shape::List(None),
            Value::Record(fields) => Shape::Params(fields),
        }
    }

    /// The shape of a field; the names it has, if it has not this one; `None` if it has no fields at all.
    pub(super) fn field(self, name: &str) -> Option<Result<Self, Vec<&'s str>>> {
        match self {
            Shape::Any => Some(Ok(Shape::Any)),
            Shape::Record(schema) => Some(match schema.fields.get(name) {
                Some(def) => Ok(Shape::of_kind(&def.kind)),
                None => Err(schema.fields.keys().map(String::as_str).collect()),
            }),
            Shape::Params(fields) => Some(match fields.get(name) {
                Some(value) => Ok(Shape::of_value(value)),
                None => Err(fields.keys().map(String::as_str).collect()),
            }),
            _ => None,
        }
    }

    /// The shape of what a loop over it meets; `None` if there is nothing to go over.
    pub(super) fn item(self) -> Option<Self> {
        match self {
            Shape::List(Some(kind)) => Some(Shape::of_kind(kind)),
            Shape::List(None) | Shape::Any => Some(Shape::Any),
            Shape::Record(_) | Shape::Params(_) => Some(Shape::Text),
            _ => None,
        }
    }

    pub(super) fn may_be_bool(self) -> bool {
        matches!(self, Shape::Bool | Shape::Any)
    }

    pub(super) fn noun(self) -> Words {
        let (zh, en) = match self {
            Shape::Bool => ("是或否", "true or false"),
            Shape::Int => ("整数", "a whole number"),
            Shape::Number => ("数字", "a number"),
            Shape::Text | Shape::Choice(_) => ("文字", "a text"),
            Shape::List(_) => ("列表", "a list"),
            Shape::Record(_) | Shape::Params(_) => ("一组字段", "a record"),
            Shape::Any => ("一个值", "a value"),
        };
        Words::new(zh, en)
    }
}

/// The closest of `known` to a name nobody knows, if it is close enough to be meant.
pub(super) fn closest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let allowed = (name.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|other| (strsim::damerau_levenshtein(name, other), other))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, other)| other.to_owned())
}
