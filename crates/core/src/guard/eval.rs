//! Runs a checked guard.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use cel::common::types::{CelBool, CelInt, CelString};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use cel::{Context, ExecutionError};

use super::values::{Absent, into_cel, to_cel};
use super::{Compiled, GuardScope, Read, Verdict, names};
use crate::words::say;
use crate::{Env, FieldKind, Fields, RuleAnswer, Value, Words, value};

/// CEL's own types and functions, built once; each evaluation puts only its lookup on top.
static LANGUAGE: LazyLock<Arc<cel::Env>> = LazyLock::new(|| Arc::new(cel::Env::stdlib()));

/// Answers the names of one guard during one evaluation, when CEL comes to them.
struct Lookup<'a> {
    guard: &'a Compiled,
    env: &'a Env,
    params: &'a Fields,
    scope: &'a GuardScope<'a>,
    /// Domain functions that could not answer: the name CEL asked by, and why.
    failed: Mutex<Vec<(String, Words)>>,
}

pub(super) fn eval(
    guard: &Compiled,
    env: &Env,
    params: &Fields,
    scope: &GuardScope<'_>,
) -> Verdict {
    let lookup = Lookup {
        guard,
        env,
        params,
        scope,
        failed: Mutex::default(),
    };
    let mut context = Context::with_env(Arc::clone(&LANGUAGE));
    context.set_variable_resolver(&lookup);
    match cel::Value::resolve_val(&guard.expr, &context) {
        Ok(result) => match result.downcast_ref::<CelBool>() {
            Some(holds) if *holds.inner() => Verdict::Holds,
            Some(_) => Verdict::Fails,
            None => {
                let found = noun(result.get_type().name());
                Verdict::Error(say!(
                    "条件给出的是{}，应为是或否",
                    "the guard gave {}, not true or false";
                    found
                ))
            }
        },
        Err(error) => lookup.verdict(&error),
    }
}

impl Lookup<'_> {
    fn verdict(&self, error: &ExecutionError) -> Verdict {
        let ExecutionError::UndeclaredReference(name) = error else {
            return Verdict::Error(sentence(error));
        };
        if name.starts_with(names::RULE_PREFIX) {
            return Verdict::Unknown;
        }
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        match failed.iter().find(|(asked, _)| asked == name.as_str()) {
            Some((_, why)) => Verdict::Error(why.clone()),
            None => Verdict::Error(sentence(error)),
        }
    }

    fn call<'b>(&self, asked: &str, name: &str) -> Option<CowVal<'b, 'b>> {
        match self.env.functions.call(name, self.scope.fields) {
            Ok(value) => Some(CowVal::Owned(into_cel(value))),
            Err(why) => {
                let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
                failed.push((asked.to_owned(), why));
                None
            }
        }
    }
}

impl VariableResolver for Lookup<'_> {
    /// `None` says *no such name*, which CEL turns into an error; that is how an unknown rule stops the evaluation.
    fn resolve<'b>(&'b self, asked: &str) -> Option<CowVal<'b, 'b>> {
        let (fields, params) = (self.scope.fields, self.params);
        let value: Box<dyn Val + 'b> = match self.guard.reads.get(asked)? {
            Read::Null => Box::new(Absent),
            Read::State => Box::new(CelString::from(self.scope.state)),
            Read::Round => Box::new(CelInt::from(i64::from(self.scope.round))),
            Read::Flags => {
                let flags = self.scope.flags.iter();
                let flags: Vec<Box<dyn Val + 'b>> = flags
                    .map(|flag| Box::new(CelString::from(flag.as_str())) as Box<dyn Val + 'b>)
                    .collect();
                Box::new(cel::common::types::CelList::from(flags))
            }
            Read::Param(path) if path.is_empty() => into_cel(Value::Record(params.clone())),
            Read::Param(path) => known(value::get(params, path), None),
            Read::Field { path, kind } => known(value::get(fields, path), kind.as_ref()),
            Read::Rule(key) => {
                let pack = self.env.pack(self.scope.pack)?;
                match pack.ask(key, fields, self.scope.on) {
                    RuleAnswer::Known(row) => to_cel(&row.value, None),
                    RuleAnswer::Unknown => return None,
                }
            }
            Read::Call(name) => return self.call(asked, name),
        };
        Some(CowVal::Owned(value))
    }
}

fn known<'v>(value: Option<&'v Value>, kind: Option<&'v FieldKind>) -> Box<dyn Val + 'v> {
    match value {
        Some(value) => to_cel(value, kind),
        None => Box::new(Absent),
    }
}

/// An error for people. No field's value is in it: it may be personal.
fn sentence(error: &ExecutionError) -> Words {
    match error {
        ExecutionError::NoSuchOverload(call) => {
            let (zh, en): (Vec<_>, Vec<_>) = call
                .argument_types()
                .iter()
                .map(|kind| noun(kind))
                .map(|words| (words.zh, words.en))
                .unzip();
            let operator = call.function().trim_matches(['_', '@']);
            let nouns = Words::new(zh.join("和"), en.join(" and "));
            say!("“{operator}”不能用于{}", "`{operator}` cannot be applied to {}"; nouns)
        }
        ExecutionError::UnsupportedBinaryOperator(name, left, right) => say!(
            "“{name}”不能用于{}和{}",
            "`{name}` cannot be applied to {} and {}";
            value_noun(left),
            value_noun(right)
        ),
        ExecutionError::ValuesNotComparable(left, right) => say!(
            "{}不能与{}比较",
            "{} cannot be compared with {}";
            value_noun(left),
            value_noun(right)
        ),
        ExecutionError::UnexpectedType { .. } => Words::new(
            "有的值类型不对，或还不知道",
            "a value is of a kind that does not fit here, or not known yet",
        ),
        ExecutionError::NoSuchKey(name) => say!("没有字段“{name}”", "there is no field `{name}`"),
        ExecutionError::IndexOutOfBounds(_) => {
            Words::new("列表里没有这一项", "the list has no such place")
        }
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            Words::new("除数为零", "a division by zero")
        }
        ExecutionError::Overflow(..) => Words::new("数字过大", "a number grew too large"),
        ExecutionError::FunctionError { function, .. } => {
            say!(
                "“{function}”读不懂给它的值",
                "`{function}` cannot read what it was given"
            )
        }
        _ => Words::new("条件无法判断", "the guard could not be evaluated"),
    }
}

fn value_noun(value: &cel::Value) -> Words {
    use cel::Value::{Bool, Float, Int, List, Map, Null, String, UInt};
    match value {
        Null => noun("null_type"),
        Bool(_) => noun("bool"),
        Int(_) | UInt(_) => noun("int"),
        Float(_) => noun("double"),
        String(_) => noun("string"),
        List(_) => noun("list"),
        Map(_) => noun("map"),
        _ => noun(""),
    }
}

fn noun(cel_type: &str) -> Words {
    let (zh, en) = match cel_type {
        "null_type" => ("空值（还不知道）", "null (not known yet)"),
        "bool" => ("是或否", "true or false"),
        "int" | "uint" => ("整数", "a whole number"),
        "double" => ("数字", "a number"),
        "string" => ("文字", "a text"),
        "list" => ("列表", "a list"),
        "map" => ("一组字段", "a record"),
        _ => ("一个值", "a value"),
    };
    Words::new(zh, en)
}
