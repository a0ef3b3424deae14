//! Everything outside the case that a decision may read: calendars, rules and domain functions.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use qixian_time::WorkCalendar;

use crate::words::say;
use crate::{Fields, PackRef, RulePack, Value, Words};

/// What [`crate::step()`] may ask besides its arguments. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Env {
    /// Calendars by id (`cn`).
    pub calendars: Arc<BTreeMap<String, WorkCalendar>>,
    /// Rule packs by id (`guide`, `current`).
    pub rules: Arc<BTreeMap<String, RulePack>>,
    /// Domain functions guards may call.
    pub functions: Arc<dyn Functions>,
}

impl Env {
    /// The pack a case is decided under, if it is loaded.
    pub fn pack(&self, pack: &PackRef) -> Option<&RulePack> {
        self.rules.get(&pack.id)
    }
}

/// Functions of a domain that guards may call by name, the only way a guard reaches domain code. Pure: the same
/// arguments give the same answer.
pub trait Functions: Debug + Send + Sync {
    /// The names it answers to.
    fn names(&self) -> &[&'static str];

    /// Calls `name` on the case's fields.
    ///
    /// # Errors
    /// A sentence for people when the function does not exist or cannot answer.
    fn call(&self, name: &str, fields: &Fields) -> Result<Value, Words>;
}

/// No domain functions.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFunctions;

impl Functions for NoFunctions {
    fn names(&self) -> &[&'static str] {
        &[]
    }

    fn call(&self, name: &str, _fields: &Fields) -> Result<Value, Words> {
        Err(say!("没有函数“{name}”", "there is no function `{name}`"))
    }
}
