//! Field values: what JSON can hold, with whole numbers kept apart from fractions.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A record of named values; the fields of a case are one.
pub type Fields = BTreeMap<String, Value>;

/// One value of a field. Dates and instants are [`Value::Text`] in their canonical form (`2026-02-13`, RFC 3339); the
/// field's kind says which it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// Not known yet.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A fraction; never NaN or infinite when it came from a file or request.
    Number(f64),
    /// Text, a date or an instant.
    Text(String),
    /// Values in order.
    List(Vec<Value>),
    /// Named values.
    Record(Fields),
}

impl Value {
    /// The value at a dotted path below this one (`certificate.number`), if every step is a record and holds it.
    pub fn at(&self, path: &str) -> Option<&Value> {
        path.split('.').try_fold(self, |value, name| match value {
            Value::Record(fields) => fields.get(name),
            _ => None,
        })
    }

    /// The text, where this is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether this is [`Value::Null`].
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }
}

/// The value at a dotted path of a record; `None` where any step is missing or the value is null.
pub fn get<'a>(fields: &'a Fields, path: &str) -> Option<&'a Value> {
    let (first, rest) = match path.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (path, None),
    };
    let value = fields.get(first)?;
    let value = match rest {
        Some(rest) => value.at(rest)?,
        None => value,
    };
    (!value.is_null()).then_some(value)
}

/// Sets the value at a dotted path, making the records on the way. A value on the way that is no record is replaced.
pub fn set(fields: &mut Fields, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            fields.insert(path.to_owned(), value);
        }
        Some((first, rest)) => {
            let slot = fields.entry(first.to_owned()).or_default();
            if !matches!(slot, Value::Record(_)) {
                *slot = Value::Record(Fields::new());
            }
            if let Value::Record(inner) = slot {
                set(inner, rest, value);
            }
        }
    }
}

/// Merges `patch` into `fields` as a JSON merge patch (RFC 7396) does, but keeps nulls: a null says *not known*.
pub fn merge(fields: &mut Fields, patch: &Fields) {
    for (name, new) in patch {
        match (fields.get_mut(name), new) {
            (Some(Value::Record(old)), Value::Record(new)) => merge(old, new),
            _ => {
                fields.insert(name.clone(), new.clone());
            }
        }
    }
}

/// The form used where the format has no self-description: every variant named by its index.
#[derive(Serialize, Deserialize)]
enum Tagged {
    Null,
    Bool(bool),
    Int(i64),
    Number(f64),
    Text(String),
    List(Vec<Value>),
    Record(Fields),
}

/// [`Tagged`] by reference, so that writing copies nothing. The variants stand in the same order.
#[derive(Serialize)]
enum TaggedRef<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Number(f64),
    Text(&'a str),
    List(&'a [Value]),
    Record(&'a Fields),
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        if out.is_human_readable() {
            return match self {
                Value::Null => out.serialize_unit(),
                Value::Bool(v) => out.serialize_bool(*v),
                Value::Int(v) => out.serialize_i64(*v),
                Value::Number(v) => out.serialize_f64(*v),
                Value::Text(v) => out.serialize_str(v),
                Value::List(v) => v.serialize(out),
                Value::Record(v) => v.serialize(out),
            };
        }
        match self {
            Value::Null => TaggedRef::Null,
            Value::Bool(v) => TaggedRef::Bool(*v),
            Value::Int(v) => TaggedRef::Int(*v),
            Value::Number(v) => TaggedRef::Number(*v),
            Value::Text(v) => TaggedRef::Text(v),
            Value::List(v) => TaggedRef::List(v),
            Value::Record(v) => TaggedRef::Record(v),
        }
        .serialize(out)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        if input.is_human_readable() {
            return input.deserialize_any(AnyValue);
        }
        Ok(match Tagged::deserialize(input)? {
            Tagged::Null => Value::Null,
            Tagged::Bool(v) => Value::Bool(v),
            Tagged::Int(v) => Value::Int(v),
            Tagged::Number(v) => Value::Number(v),
            Tagged::Text(v) => Value::Text(v),
            Tagged::List(v) => Value::List(v),
            Tagged::Record(v) => Value::Record(v),
        })
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("null, true, false, a number, a text, a list or a record")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, input: D) -> Result<Value, D::Error> {
        Value::deserialize(input)
    }

    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(Value::Bool(v))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(Value::Int(v))
    }

    fn visit_u64<E: serde::de::Error>(self, v: u64) -> Result<Value, E> {
        i64::try_from(v)
            .map(Value::Int)
            .map_err(|_| E::custom("the number is larger than 9223372036854775807"))
    }

    fn visit_f64<E>(self, v: f64) -> Result<Value, E> {
        Ok(Value::Number(v))
    }

    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(Value::Text(v.to_owned()))
    }

    fn visit_string<E>(self, v: String) -> Result<Value, E> {
        Ok(Value::Text(v))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = seq.next_element()? {
            list.push(value);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Fields::new();
        while let Some((name, value)) = map.next_entry()? {
            fields.insert(name, value);
        }
        Ok(Value::Record(fields))
    }
}
