//! Walks a parsed guard: every name it uses must exist, and what it asks for is written down for the evaluation.

use std::collections::BTreeMap;
use std::ops::Range;

use cel::IdedExpr;
use cel::common::ast::{
    CallExpr, ComprehensionExpr, Expr, ListExpr, LiteralValue, SelectExpr, operators,
};

use super::shape::{Shape, closest};
use super::text::Text;
use super::{GuardError, Read, call, names};
use crate::words::say;
use crate::{FieldKind, Fields, Schema, Words};

/// Deepest tree. The evaluation recurses over it, and a level takes 40 KiB of stack where CEL is built unoptimised. Long
/// `&&` and `||` chains are balanced by the parser and stay shallow.
const MAX_DEPTH: usize = 24;
/// Deepest nesting of loops: each may go over 500 values.
const MAX_LOOPS: usize = 2;

static FLAG: FieldKind = FieldKind::Text(None);

type Checked<'s> = Result<(Expr, Shape<'s>), GuardError>;

/// The state of one walk.
pub(super) struct Checker<'s> {
    pub(super) text: &'s Text<'s>,
    schema: &'s Schema,
    params: &'s Fields,
    pub(super) functions: &'s [&'s str],
    /// Variables of the loops around, innermost last.
    locals: Vec<(String, Shape<'s>)>,
    loops: usize,
    depth: usize,
    /// What the expression reads, by the name it is asked by.
    pub(super) reads: BTreeMap<String, Read>,
}

impl<'s> Checker<'s> {
    pub(super) fn new(
        text: &'s Text<'s>,
        schema: &'s Schema,
        params: &'s Fields,
        functions: &'s [&'s str],
    ) -> Self {
        Self {
            text,
            schema,
            params,
            functions,
            locals: Vec::new(),
            loops: 0,
            depth: 0,
            reads: BTreeMap::new(),
        }
    }

    /// Checks the whole expression, which must be able to yield a bool.
    pub(super) fn guard(&mut self, mut expr: IdedExpr) -> Result<IdedExpr, GuardError> {
        let span = self.span_of(&expr.expr);
        let shape = self.walk(&mut expr)?;
        if shape.may_be_bool() {
            return Ok(expr);
        }
        let message = say!(
            "这是{}；条件的结果应为 true 或 false",
            "this is {}; a guard must be true or false";
            shape.noun()
        );
        Err(GuardError::new(message, span))
    }

    /// Checks one expression and rewrites it in place.
    pub(super) fn walk(&mut self, expr: &mut IdedExpr) -> Result<Shape<'s>, GuardError> {
        if self.depth >= MAX_DEPTH {
            let message = say!(
                "运算嵌套超过 {MAX_DEPTH} 层；请拆成几个条件",
                "operations nest more than {MAX_DEPTH} deep; split the guard"
            );
            return Err(GuardError::new(message, self.text.whole()));
        }
        self.depth += 1;
        let (rewritten, shape) = self.check(std::mem::take(&mut expr.expr))?;
        self.depth -= 1;
        expr.expr = rewritten;
        Ok(shape)
    }

    fn check(&mut self, expr: Expr) -> Checked<'s> {
        match expr {
            Expr::Literal(LiteralValue::Null) => {
                Ok((self.asked(names::NULL, Read::Null), Shape::Any))
            }
            Expr::Literal(literal) => {
                let shape = literal_shape(&literal);
                Ok((Expr::Literal(literal), shape))
            }
            Expr::Ident(name) => {
                let shape = self.path(std::slice::from_ref(&name))?;
                Ok((Expr::Ident(name), shape))
            }
            Expr::Select(select) => self.select(select),
            Expr::Call(call) => call::check(self, call),
            Expr::List(list) => self.list(list),
            Expr::Comprehension(comprehension) => self.comprehension(*comprehension),
            Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
                let message = Words::new(
                    "条件里不能写一组字段（{…}）",
                    "records cannot be written in a guard",
                );
                Err(GuardError::new(message, self.text.whole()))
            }
        }
    }

    /// An identifier the evaluation looks up as `read`.
    pub(super) fn asked(&mut self, name: &str, read: Read) -> Expr {
        self.reads.insert(name.to_owned(), read);
        Expr::Ident(name.to_owned())
    }

    fn select(&mut self, mut select: SelectExpr) -> Checked<'s> {
        if select.test {
            // `has(x.y)`: a field that is there but null is *not known yet*, so it is not had.
            select.test = false;
            return self.check(Expr::Call(CallExpr {
                func_name: operators::NOT_EQUALS.to_owned(),
                target: None,
                args: vec![
                    ided(Expr::Select(select)),
                    ided(Expr::Literal(LiteralValue::Null)),
                ],
            }));
        }
        let expr = Expr::Select(select);
        if let Some(path) = segments(&expr) {
            let shape = self.path(&path)?;
            return Ok((expr, shape));
        }
        let Expr::Select(mut select) = expr else {
            return Ok((expr, Shape::Any));
        };
        let operand = self.walk(&mut select.operand)?;
        let span = self.text.field(&select.field);
        let shape = step(operand, &select.field, span)?;
        Ok((Expr::Select(select), shape))
    }

    /// The shape at a path of names, the first of which is a loop's variable or one of the roots.
    fn path(&mut self, path: &[String]) -> Result<Shape<'s>, GuardError> {
        let Some(root) = path.first() else {
            return Ok(Shape::Any);
        };
        let local = self.locals.iter().rev().find(|(name, _)| name == root);
        let bound = local.is_some();
        let mut shape = match local {
            Some((_, shape)) => *shape,
            None => self.root(root)?,
        };
        for (at, name) in path.iter().enumerate().skip(1) {
            shape = step(shape, name, self.text.path(&path[..=at], bound))?;
        }
        if !bound {
            let read = self.read(path);
            self.reads.insert(path.join("."), read);
        }
        Ok(shape)
    }

    fn root(&self, name: &str) -> Result<Shape<'s>, GuardError> {
        match name {
            names::STATE => return Ok(Shape::Text),
            names::ROUND => return Ok(Shape::Int),
            names::FLAGS => return Ok(Shape::List(Some(&FLAG))),
            names::PARAMS => return Ok(Shape::Params(self.params)),
            _ => {}
        }
        if let Some(def) = self.schema.fields.get(name) {
            return Ok(Shape::of_kind(&def.kind));
        }
        let span = self
            .text
            .path(std::slice::from_ref(&name.to_owned()), false);
        if name == names::RULE || self.functions.contains(&name) {
            let message = say!(
                "“{name}”是函数；请加括号调用",
                "`{name}` is a function; call it with brackets"
            );
            return Err(GuardError::new(message, span));
        }
        let known: Vec<&str> = self
            .locals
            .iter()
            .map(|(name, _)| name.as_str())
            .filter(|name| !name.starts_with('@'))
            .chain(self.schema.fields.keys().map(String::as_str))
            .chain(names::ROOTS)
            .collect();
        let message = say!(
            "没有名称“{name}”；这里可用的有：{}",
            "unknown name `{name}`; known here: {}";
            Words::listed(&known)
        );
        Err(GuardError::new(message, span).suggest_from(name, known))
    }

    fn read(&self, path: &[String]) -> Read {
        match path.first().map(String::as_str) {
            Some(names::STATE) => Read::State,
            Some(names::ROUND) => Read::Round,
            Some(names::FLAGS) => Read::Flags,
            Some(names::PARAMS) => Read::Param(path[1..].join(".")),
            _ => {
                let path = path.join(".");
                let kind = self.schema.at(&path).map(|def| def.kind.clone());
                Read::Field { path, kind }
            }
        }
    }

    fn list(&mut self, mut list: ListExpr) -> Checked<'s> {
        for element in &mut list.elements {
            self.walk(element)?;
        }
        Ok((Expr::List(list), Shape::List(None)))
    }

    fn comprehension(&mut self, mut loops: ComprehensionExpr) -> Checked<'s> {
        let span = self.span_of(&loops.iter_range.expr);
        let range = self.walk(&mut loops.iter_range)?;
        let Some(item) = range.item() else {
            let message = say!(
                "这是{}；只有列表才能逐项检查",
                "this is {}; only a list can be gone over";
                range.noun()
            );
            return Err(GuardError::new(message, span));
        };
        if self.loops == MAX_LOOPS {
            let message = say!(
                "循环嵌套超过 {MAX_LOOPS} 层",
                "loops nest more than {MAX_LOOPS} deep"
            );
            return Err(GuardError::new(message, span));
        }
        let kept = keeps_items(&loops);
        let result = self.walk(&mut loops.accu_init)?;
        let result = if kept { range } else { result };
        let outer = self.locals.len();
        self.locals.push((loops.iter_var.clone(), item));
        self.locals.push((loops.accu_var.clone(), result));
        self.loops += 1;
        self.walk(&mut loops.loop_cond)?;
        self.walk(&mut loops.loop_step)?;
        self.loops -= 1;
        let shape = self.walk(&mut loops.result)?;
        self.locals.truncate(outer);
        Ok((Expr::Comprehension(Box::new(loops)), shape))
    }

    /// Where an expression stands, as well as it can be told.
    pub(super) fn span_of(&self, expr: &Expr) -> Range<usize> {
        match expr {
            Expr::Call(call) if self.text.call(&call.func_name) != self.text.whole() => {
                self.text.call(&call.func_name)
            }
            Expr::Literal(LiteralValue::String(text)) => self.text.string(text.inner()),
            _ => match segments(expr) {
                Some(path) => {
                    let bound = self
                        .locals
                        .iter()
                        .any(|(name, _)| Some(name) == path.first());
                    self.text.whole_path(&path, bound)
                }
                None => self.text.whole(),
            },
        }
    }
}

/// The shape of a field below `shape`; the error stands at `span`.
pub(super) fn step<'s>(
    shape: Shape<'s>,
    name: &str,
    span: Range<usize>,
) -> Result<Shape<'s>, GuardError> {
    match shape.field(name) {
        Some(Ok(shape)) => Ok(shape),
        Some(Err(known)) => {
            let message = say!(
                "没有字段“{name}”；这里可用的有：{}",
                "unknown field `{name}`; known here: {}";
                Words::listed(&known)
            );
            Err(GuardError::new(message, span).suggest_from(name, known))
        }
        None if matches!(shape, Shape::List(_)) => {
            let message = say!(
                "“{name}”前面是列表；请用 all(x, …) 或 exists(x, …)",
                "`{name}` is asked of a list; use all(x, …) or exists(x, …)"
            );
            Err(GuardError::new(message, span))
        }
        None => {
            let message = say!(
                "“{name}”前面是{}，它没有字段",
                "`{name}` is asked of {}, which has no fields";
                shape.noun()
            );
            Err(GuardError::new(message, span))
        }
    }
}

/// The names of a path `a.b.c`; `None` where the expression is none.
fn segments(expr: &Expr) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut at = expr;
    loop {
        match at {
            Expr::Ident(name) => {
                names.push(name.clone());
                names.reverse();
                return Some(names);
            }
            Expr::Select(select) if !select.test => {
                names.push(select.field.clone());
                at = &select.operand.expr;
            }
            _ => return None,
        }
    }
}

/// Whether a loop is a `filter`, whose result holds items of what it goes over: its step adds `[x]`.
fn keeps_items(loops: &ComprehensionExpr) -> bool {
    let Expr::Call(step) = &loops.loop_step.expr else {
        return false;
    };
    let Some(Expr::Call(add)) = step.args.get(1).map(|arg| &arg.expr) else {
        return false;
    };
    let Some(Expr::List(list)) = add.args.get(1).map(|arg| &arg.expr) else {
        return false;
    };
    step.func_name == operators::CONDITIONAL
        && list.elements.len() == 1
        && list.elements[0].expr == Expr::Ident(loops.iter_var.clone())
}

fn literal_shape(literal: &LiteralValue) -> Shape<'static> {
    match literal {
        LiteralValue::Boolean(_) => Shape::Bool,
        LiteralValue::Int(_) | LiteralValue::UInt(_) => Shape::Int,
        LiteralValue::Double(_) => Shape::Number,
        LiteralValue::String(_) => Shape::Text,
        LiteralValue::Bytes(_) | LiteralValue::Null => Shape::Any,
    }
}

/// An expression without a number of its own; nothing after the parser reads them.
fn ided(expr: Expr) -> IdedExpr {
    IdedExpr { id: 0, expr }
}

impl GuardError {
    /// With the closest of the known names as suggestion.
    pub(super) fn suggest_from<'a>(
        mut self,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        self.suggestion = closest(name, known);
        self
    }
}
