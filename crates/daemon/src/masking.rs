//! People as those see them who only read: names, numbers and personal fields masked.

use qixian_core::{FieldKind, Fields, Party, Schema, Value};
use qixian_notify::mask;
use qixian_store::{Record, RecordKind};

/// The fields of a case; those its workflow declares personal are masked.
pub(crate) fn fields(schema: &Schema, fields: &Fields) -> Fields {
    let masked = fields.iter().map(|(name, value)| {
        let value = match schema.fields.get(name) {
            Some(def) => shown(&def.kind, def.personal, value),
            None => value.clone(),
        };
        (name.clone(), value)
    });
    masked.collect()
}

fn shown(kind: &FieldKind, personal: bool, value: &Value) -> Value {
    match (kind, value) {
        (FieldKind::Record(inner), Value::Record(values)) => Value::Record(fields(inner, values)),
        (FieldKind::List(of), Value::List(values)) => {
            Value::List(values.iter().map(|v| shown(of, personal, v)).collect())
        }
        _ if personal => hidden(value),
        _ => value.clone(),
    }
}

/// Everything of a contact, who is a person; other records as they are.
pub(crate) fn record(record: &Record) -> Fields {
    match record.kind {
        RecordKind::Contact => {
            let fields = record.fields.iter();
            fields
                .map(|(name, value)| (name.clone(), hidden(value)))
                .collect()
        }
        RecordKind::Client | RecordKind::Asset => record.fields.clone(),
    }
}

/// A person of a case.
pub(crate) fn party(party: &Party) -> Party {
    Party {
        name: mask::name(&party.name),
        mobile: party.mobile.as_deref().map(mask::mobile),
        email: party.email.as_deref().map(mask::mail),
        ..party.clone()
    }
}

/// A value of which only the kind is to be seen: of a text its first character.
fn hidden(value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::Text(text) => Value::Text(mask::name(text)),
        Value::List(values) => Value::List(values.iter().map(hidden).collect()),
        Value::Record(fields) => {
            let fields = fields.iter();
            Value::Record(
                fields
                    .map(|(name, value)| (name.clone(), hidden(value)))
                    .collect(),
            )
        }
        Value::Bool(_) | Value::Int(_) | Value::Number(_) => Value::Text("*".to_owned()),
    }
}
