//! Field values as CEL sees them.

use std::any::Any;
use std::collections::HashMap;

use cel::ExecutionError;
use cel::common::traits::Indexer;
use cel::common::types::{
    CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelString, NULL_TYPE, Type,
};
use cel::common::value::{CowVal, StaticVal, Val};

use crate::{FieldKind, Value};

/// The only null a guard ever meets, also for the literal. Unlike CEL's own, a field of it is null again, so that
/// `subject.owner.name` is null and no error where there is no owner.
#[derive(Clone, Copy, Debug)]
pub(super) struct Absent;

impl Val for Absent {
    fn get_type(&self) -> &Type {
        &NULL_TYPE
    }

    fn cel_type() -> &'static Type {
        &NULL_TYPE
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn equals(&self, other: &dyn Val) -> bool {
        other.downcast_ref::<Absent>().is_some()
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(Absent)
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Absent {}

impl Indexer for Absent {
    fn get<'b, 'v>(&'b self, _index: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        Ok(CowVal::owned(Absent))
    }

    fn steal<'v>(self: Box<Self>, _index: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        Ok(self)
    }
}

/// `value` for CEL, borrowing its texts. Where `kind` declares a record, fields it lacks are null; where it declares a
/// number, a whole one is a fraction too, so that arithmetic does not depend on how the value was written.
pub(super) fn to_cel<'v>(value: &'v Value, kind: Option<&'v FieldKind>) -> Box<dyn Val + 'v> {
    match value {
        Value::Null => Box::new(Absent),
        Value::Bool(v) => Box::new(CelBool::from(*v)),
        Value::Int(v) if matches!(kind, Some(FieldKind::Number)) => {
            Box::new(CelDouble::from(*v as f64))
        }
        Value::Int(v) => Box::new(CelInt::from(*v)),
        Value::Number(v) => Box::new(CelDouble::from(*v)),
        Value::Text(v) => Box::new(CelString::from(v.as_str())),
        Value::List(items) => {
            let kind = match kind {
                Some(FieldKind::List(kind)) => Some(kind.as_ref()),
                _ => None,
            };
            let items: Vec<Box<dyn Val + 'v>> =
                items.iter().map(|item| to_cel(item, kind)).collect();
            Box::new(CelList::from(items))
        }
        Value::Record(fields) => {
            let schema = match kind {
                Some(FieldKind::Record(schema)) => Some(schema),
                _ => None,
            };
            let mut map: HashMap<CelMapKey<'v>, Box<dyn Val + 'v>> = HashMap::new();
            for name in schema.into_iter().flat_map(|schema| schema.fields.keys()) {
                map.insert(CelMapKey::from(name.as_str()), Box::new(Absent));
            }
            for (name, value) in fields {
                let kind = schema.and_then(|schema| schema.fields.get(name));
                let value = to_cel(value, kind.map(|def| &def.kind));
                map.insert(CelMapKey::from(name.as_str()), value);
            }
            Box::new(CelMap::from(map))
        }
    }
}

/// As [`to_cel`], for a value that does not live long enough to borrow from.
pub(super) fn into_cel<'v>(value: Value) -> Box<dyn Val + 'v> {
    match value {
        Value::Text(v) => Box::new(CelString::from(v)),
        Value::List(items) => {
            let items: Vec<Box<dyn Val + 'v>> = items.into_iter().map(into_cel).collect();
            Box::new(CelList::from(items))
        }
        Value::Record(fields) => {
            let map: HashMap<CelMapKey<'v>, Box<dyn Val + 'v>> = fields
                .into_iter()
                .map(|(name, value)| (CelMapKey::from(name), into_cel(value)))
                .collect();
            Box::new(CelMap::from(map))
        }
        Value::Null => Box::new(Absent),
        Value::Bool(v) => Box::new(CelBool::from(v)),
        Value::Int(v) => Box::new(CelInt::from(v)),
        Value::Number(v) => Box::new(CelDouble::from(v)),
    }
}
