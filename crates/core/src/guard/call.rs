//! Checks operators, functions and methods.

use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, LiteralValue, operators};

use super::check::{Checker, step};
use super::shape::Shape;
use super::{GuardError, Read, names};
use crate::Words;
use crate::words::say;

/// A function everybody may call: its name, how many arguments, what it yields.
type Builtin = (&'static str, usize, Shape<'static>);

const FUNCTIONS: [Builtin; 5] = [
    ("size", 1, Shape::Int),
    ("int", 1, Shape::Int),
    ("double", 1, Shape::Number),
    ("string", 1, Shape::Text),
    ("bool", 1, Shape::Bool),
];
const METHODS: [Builtin; 4] = [
    ("size", 0, Shape::Int),
    ("startsWith", 1, Shape::Bool),
    ("endsWith", 1, Shape::Bool),
    ("contains", 1, Shape::Bool),
];
/// What the parser turns into loops when they are called rightly.
const LOOPS: [&str; 5] = ["all", "exists", "exists_one", "map", "filter"];

type Checked<'s> = Result<(Expr, Shape<'s>), GuardError>;

/// Checks one call; `rule` and domain functions become names the evaluation looks up.
pub(super) fn check<'s>(checker: &mut Checker<'s>, mut call: CallExpr) -> Checked<'s> {
    if call.target.is_none() && call.func_name == names::RULE {
        return rule(checker, &call);
    }
    if call.target.is_none() && checker.functions.contains(&call.func_name.as_str()) {
        return domain(checker, call);
    }
    if is_operator(&call.func_name) {
        let mut shapes = Vec::with_capacity(call.args.len());
        let spans: Vec<_> = call
            .args
            .iter()
            .map(|arg| checker.span_of(&arg.expr))
            .collect();
        for arg in &mut call.args {
            shapes.push(checker.walk(arg)?);
        }
        let operator = Operator {
            checker,
            args: &call.args,
            shapes: &shapes,
            spans: &spans,
        };
        let shape = operator.shape(&call.func_name)?;
        return Ok((Expr::Call(call), shape));
    }
    let table: &[Builtin] = if call.target.is_some() {
        &METHODS
    } else {
        &FUNCTIONS
    };
    let span = checker.text.call(&call.func_name);
    let Some((_, args, shape)) = table.iter().find(|known| known.0 == call.func_name) else {
        return Err(unknown(checker, &call));
    };
    if call.args.len() != *args {
        let (name, found) = (&call.func_name, call.args.len());
        let message = say!(
            "“{name}”要 {args} 个参数，这里有 {found} 个",
            "`{name}` takes {args} argument(s), not {found}"
        );
        return Err(GuardError::new(message, span));
    }
    if let Some(target) = &mut call.target {
        checker.walk(target)?;
    }
    for arg in &mut call.args {
        checker.walk(arg)?;
    }
    Ok((Expr::Call(call), *shape))
}

/// `rule("key")` becomes the name `@rule:key`; the evaluation asks the pack when it comes to it.
fn rule<'s>(checker: &mut Checker<'s>, call: &CallExpr) -> Checked<'s> {
    let key = match call.args.as_slice() {
        [only] => literal_text(only),
        _ => None,
    };
    let Some(key) = key.map(str::to_owned) else {
        let message = Words::new(
            "“rule”要一个带引号的键，如 rule(\"sms_check.window\")",
            "`rule` takes one key in quotes, such as rule(\"sms_check.window\")",
        );
        return Err(GuardError::new(message, checker.text.call(names::RULE)));
    };
    // A number, not the key: a key has dots, which the evaluation would take for fields.
    let name = format!("{}{}", names::RULE_PREFIX, checker.reads.len());
    Ok((checker.asked(&name, Read::Rule(key)), Shape::Any))
}

fn domain<'s>(checker: &mut Checker<'s>, call: CallExpr) -> Checked<'s> {
    if !call.args.is_empty() {
        let name = &call.func_name;
        let message = say!(
            "“{name}”不要参数：它看得到整个案件",
            "`{name}` takes no arguments: it sees the whole case"
        );
        return Err(GuardError::new(message, checker.text.call(&call.func_name)));
    }
    let name = format!("{}{}", names::CALL_PREFIX, call.func_name);
    Ok((checker.asked(&name, Read::Call(call.func_name)), Shape::Any))
}

fn unknown(checker: &Checker<'_>, call: &CallExpr) -> GuardError {
    let name = call.func_name.as_str();
    let span = checker.text.call(name);
    let method = call.target.is_some();
    if method && LOOPS.contains(&name) {
        let message = say!(
            "“{name}”要一个名称和一个表达式，如 {name}(x, x != \"\")",
            "`{name}` takes a name and an expression, as in {name}(x, x != \"\")"
        );
        return GuardError::new(message, span);
    }
    let known: Vec<&str> = if method {
        METHODS.iter().map(|known| known.0).chain(LOOPS).collect()
    } else {
        FUNCTIONS
            .iter()
            .map(|known| known.0)
            .chain([names::RULE, "has"])
            .chain(checker.functions.iter().copied())
            .collect()
    };
    let what = match method {
        true => Words::new("方法", "method"),
        false => Words::new("函数", "function"),
    };
    let message = say!(
        "没有{}“{name}”；可用的有：{}",
        "unknown {} `{name}`; known: {}";
        what,
        Words::listed(&known)
    );
    GuardError::new(message, span).suggest_from(name, known)
}

/// An operator with its checked operands.
struct Operator<'c, 's> {
    checker: &'c Checker<'s>,
    args: &'c [IdedExpr],
    shapes: &'c [Shape<'s>],
    spans: &'c [std::ops::Range<usize>],
}

impl<'s> Operator<'_, 's> {
    fn shape(&self, name: &str) -> Result<Shape<'s>, GuardError> {
        match name {
            operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT => {
                (0..self.args.len()).try_for_each(|at| self.need_bool(at))?;
                Ok(Shape::Bool)
            }
            operators::CONDITIONAL => {
                self.need_bool(0)?;
                let (then, or) = (self.operand(1), self.operand(2));
                Ok(if then == or { then } else { Shape::Any })
            }
            operators::EQUALS | operators::NOT_EQUALS => {
                self.known_choice(0, 1)?;
                self.known_choice(1, 0)?;
                Ok(Shape::Bool)
            }
            operators::IN => self.contained(),
            operators::INDEX => self.index(),
            operators::NEGATE => Ok(self.operand(0)),
            operators::ADD
            | operators::SUBSTRACT
            | operators::MULTIPLY
            | operators::DIVIDE
            | operators::MODULO => self.arithmetic(),
            _ => Ok(Shape::Bool),
        }
    }

    fn operand(&self, at: usize) -> Shape<'s> {
        self.shapes.get(at).copied().unwrap_or(Shape::Any)
    }

    fn error(&self, at: usize, message: Words) -> GuardError {
        let span = self.spans.get(at).cloned();
        GuardError::new(message, span.unwrap_or_else(|| self.checker.text.whole()))
    }

    fn need_bool(&self, at: usize) -> Result<(), GuardError> {
        let shape = self.operand(at);
        if shape.may_be_bool() {
            return Ok(());
        }
        let message = say!(
            "这是{}；这里应为 true 或 false",
            "this is {}; expected true or false here";
            shape.noun()
        );
        Err(self.error(at, message))
    }

    /// A choice compared with a text that is none of its choices can never be equal.
    fn known_choice(&self, field: usize, literal: usize) -> Result<(), GuardError> {
        match (self.operand(field), self.args.get(literal)) {
            (Shape::Choice(choices), Some(literal)) => self.check_choice(choices, literal),
            _ => Ok(()),
        }
    }

    fn check_choice(&self, choices: &[String], literal: &IdedExpr) -> Result<(), GuardError> {
        let Some(text) = literal_text(literal) else {
            return Ok(());
        };
        if choices.iter().any(|choice| choice == text) {
            return Ok(());
        }
        let message = say!(
            "永远不会相等：可选的只有 {}",
            "never equal: the choices are {}";
            Words::listed(choices)
        );
        let error = GuardError::new(message, self.checker.text.string(text));
        Err(error.suggest_from(text, choices.iter().map(String::as_str)))
    }

    fn contained(&self) -> Result<Shape<'s>, GuardError> {
        let within = self.operand(1);
        if within.item().is_none() {
            let message = say!(
                "这是{}；“in”后面应为列表",
                "this is {}; `in` looks into a list";
                within.noun()
            );
            return Err(self.error(1, message));
        }
        match (self.operand(0), self.args.get(1).map(|arg| &arg.expr)) {
            (Shape::Choice(choices), Some(Expr::List(list))) => {
                for literal in &list.elements {
                    self.check_choice(choices, literal)?;
                }
            }
            (_, _) => {
                if let (Shape::List(Some(kind)), Some(literal)) = (within, self.args.first())
                    && let Shape::Choice(choices) = Shape::of_kind(kind)
                {
                    self.check_choice(choices, literal)?;
                }
            }
        }
        Ok(Shape::Bool)
    }

    fn index(&self) -> Result<Shape<'s>, GuardError> {
        let (of, literal) = (self.operand(0), self.args.get(1).and_then(literal_text));
        match (of, literal) {
            (Shape::List(_), _) => Ok(of.item().unwrap_or(Shape::Any)),
            (Shape::Record(_) | Shape::Params(_), Some(name)) => {
                step(of, name, self.checker.text.string(name))
            }
            (Shape::Record(_) | Shape::Params(_) | Shape::Any, _) => Ok(Shape::Any),
            _ => Err(self.error(
                0,
                say!("这是{}；它没有下级", "this is {}; it has no parts"; of.noun()),
            )),
        }
    }

    fn arithmetic(&self) -> Result<Shape<'s>, GuardError> {
        let (left, right) = (self.operand(0), self.operand(1));
        match (left, right) {
            (Shape::Number, Shape::Int) | (Shape::Int, Shape::Number) => {
                let at = usize::from(left == Shape::Number);
                let message = Words::new(
                    "整数和小数不能一起算：请写 1.0，或用 double(…)",
                    "a whole number beside a fraction: write 1.0, or double(…)",
                );
                Err(self.error(at, message))
            }
            (Shape::List(_), _) => Ok(Shape::List(None)),
            (Shape::Text | Shape::Choice(_), _) => Ok(Shape::Text),
            (Shape::Int | Shape::Number, _) => Ok(left),
            _ => Ok(Shape::Any),
        }
    }
}

fn literal_text(expr: &IdedExpr) -> Option<&str> {
    match &expr.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}

/// Operators carry signs no name can have (`_&&_`, `!_`, `@in`).
fn is_operator(name: &str) -> bool {
    name.contains(|c: char| !c.is_alphanumeric() && c != '_')
}
