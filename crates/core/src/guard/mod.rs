//! Guards: CEL expressions compiled when a file is loaded.
//!
//! A guard is checked in full before it ever runs: its text keeps to limits, every field, parameter and function it names
//! exists, and it can yield true or false. What it reads is then looked up lazily, so an evaluation touches only the fields
//! it comes to. A rule that is unknown and an error while running are verdicts of their own, never *true*.
//!
//! CEL's `&&` and `||` decide as soon as either side decides: `unknown || true` holds, `error && false` fails.

mod call;
mod check;
mod eval;
mod shape;
#[cfg(test)]
mod tests;
mod text;
mod values;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use cel::IdedExpr;
use cel::parser::PrattParser;

use crate::words::say;
use crate::{Env, FieldKind, Fields, PackRef, Schema, Words};
use check::Checker;
use text::Text;

/// The names a guard may use besides the declared fields, and those the evaluation uses between itself and CEL, which no
/// text can spell.
mod names {
    pub(super) const STATE: &str = "state";
    pub(super) const ROUND: &str = "round";
    pub(super) const FLAGS: &str = "flags";
    pub(super) const PARAMS: &str = "params";
    pub(super) const RULE: &str = "rule";
    pub(super) const ROOTS: [&str; 4] = [STATE, ROUND, FLAGS, PARAMS];
    pub(super) const NULL: &str = "@null";
    pub(super) const RULE_PREFIX: &str = "@rule:";
    pub(super) const CALL_PREFIX: &str = "@call:";
}

/// A compiled guard expression. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Guard(Arc<Compiled>);

#[derive(Debug)]
struct Compiled {
    source: String,
    expr: IdedExpr,
    reads: BTreeMap<String, Read>,
}

/// One thing a guard reads.
#[derive(Clone, Debug, PartialEq)]
enum Read {
    Null,
    State,
    Round,
    Flags,
    /// The path below `params`; empty for all of them.
    Param(String),
    Field {
        path: String,
        kind: Option<FieldKind>,
    },
    /// A rule by its key.
    Rule(String),
    /// A domain function by its name.
    Call(String),
}

/// What is wrong with a guard's text. `Display` is the English sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", message.en)]
pub struct GuardError {
    /// What is wrong and what was expected.
    pub message: Words,
    /// A close name, for "did you mean".
    pub suggestion: Option<String>,
    /// Byte range in the expression's text.
    pub span: Range<usize>,
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
    Error(Words),
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
    ///
    /// Known names are the fields of `schema`, `params.…` as far as `params` holds them, `state` (a text), `round` (a whole
    /// number) and `flags` (a list of texts); the last four win over fields of the same name. Known functions are
    /// `rule("key")`, those named in `functions`, which take no arguments, and of CEL's own `has`, `size`, `int`, `double`,
    /// `string`, `bool`, `startsWith`, `endsWith`, `contains`, `all`, `exists`, `exists_one`, `map` and `filter`.
    ///
    /// # Errors
    /// The first problem: text of more than 1 KiB, 64 operators and brackets or 32 nested brackets, a slip of syntax, an
    /// unknown name, field or function, a choice that cannot be, or a result that cannot be true or false.
    pub fn compile(
        text: &str,
        schema: &Schema,
        params: &Fields,
        functions: &[&str],
    ) -> Result<Self, GuardError> {
        let text = Text::read(text)?;
        let expr = parse(&text)?;
        let mut checker = Checker::new(&text, schema, params, functions);
        let expr = checker.guard(expr)?;
        Ok(Self(Arc::new(Compiled {
            source: text.source().to_owned(),
            expr,
            reads: checker.reads,
        })))
    }

    /// The expression's text.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// Evaluates it. A declared field or parameter that is absent reads as null; a null compared with `<` and the like is
    /// an error.
    pub fn eval(&self, env: &Env, params: &Fields, scope: &GuardScope<'_>) -> Verdict {
        eval::eval(&self.0, env, params, scope)
    }
}

impl GuardError {
    fn new(message: Words, span: Range<usize>) -> Self {
        Self {
            message,
            suggestion: None,
            span,
        }
    }

    fn suggest(mut self, name: &str) -> Self {
        self.suggestion = Some(name.to_owned());
        self
    }
}

fn parse(text: &Text<'_>) -> Result<IdedExpr, GuardError> {
    PrattParser::new().parse(text.source()).map_err(|problems| {
        let Some(first) = problems.errors.first() else {
            return GuardError::new(
                Words::new("这不是表达式", "this is no expression"),
                text.whole(),
            );
        };
        let (line, column) = first.pos;
        let span = text.at(text.offset(line, column));
        let message = first.msg.trim_start_matches("Syntax error: ");
        GuardError::new(malformed(message), span)
    })
}

/// What the parser found, which it says in English only.
fn malformed(said: &str) -> Words {
    say!("写法不对：{said}", "{said}")
}
