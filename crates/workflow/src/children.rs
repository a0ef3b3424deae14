//! `set`, `start` and `tell`: the values a transition writes, here or into child cases.

use std::mem::discriminant;

use qixian_core::definition::{SetValue, StartChild, Tell};
use qixian_core::{FieldKind, Schema};

use crate::Code;
use crate::codes::Basic;
use crate::diagnostics::{Diagnostic, Span, say};
use crate::names::{Names, kind_names};
use crate::table::{At, Item, Table};

/// What a transition says of another workflow; the catalog checks it when all files are read.
#[derive(Clone, Debug)]
pub(crate) struct ChildUse {
    pub(crate) workflow: At<String>,
    /// The event it tells, with `tell`.
    pub(crate) event: Option<At<String>>,
    /// The child's fields it fills.
    pub(crate) fields: Vec<At<String>>,
}

/// `set`: this case's fields.
pub(crate) fn read_set(table: Option<Table<'_>>, names: &Names<'_>) -> Vec<(String, SetValue)> {
    let mut set = Vec::new();
    let Some(table) = table else { return set };
    for (path, item) in table.named() {
        let target = names.field(&path_of(&path)).map(|def| def.kind.clone());
        let Some(value) = read_value(item, names, None) else {
            continue;
        };
        if let Some(target) = target {
            check_fits(&value, &target, &path, item, names);
            set.push((path.value.to_owned(), value));
        }
    }
    set
}

fn path_of(path: &At<&str>) -> At<String> {
    At::new(path.value.to_owned(), path.span.clone())
}

/// `start`: one child or a list of them.
pub(crate) fn read_start(
    table: &Table<'_>,
    names: &Names<'_>,
    uses: &mut Vec<ChildUse>,
) -> Vec<StartChild> {
    let mut children = Vec::new();
    for child in table.tables("start") {
        let workflow = child
            .need("workflow", "workflow = \"police-filing\"")
            .and_then(Item::text);
        let for_each = child.text("for_each");
        let item_kind = for_each.as_ref().map(|path| list_item(path, names));
        let fields = read_child_fields(&child, names, item_kind.as_ref());
        let title = child.words("title");
        child.finish();
        let Some(workflow) = workflow else { continue };
        children.push(StartChild {
            workflow: workflow.value.clone(),
            for_each: for_each.map(|path| path.value),
            fields: fields.1,
            title,
        });
        uses.push(ChildUse {
            workflow,
            event: None,
            fields: fields.0,
        });
    }
    children
}

/// `tell`: one event or a list of them.
pub(crate) fn read_tell(
    table: &Table<'_>,
    names: &Names<'_>,
    uses: &mut Vec<ChildUse>,
) -> Vec<Tell> {
    let mut told = Vec::new();
    for tell in table.tables("tell") {
        let workflow = tell
            .need("workflow", "workflow = \"police-filing\"")
            .and_then(Item::text);
        let event = tell
            .need("event", "event = \"site_opened\"")
            .and_then(Item::text);
        let fields = read_child_fields(&tell, names, None);
        tell.finish();
        let (Some(workflow), Some(event)) = (workflow, event) else {
            continue;
        };
        told.push(Tell {
            workflow: workflow.value.clone(),
            event: event.value.clone(),
            fields: fields.1,
        });
        uses.push(ChildUse {
            workflow,
            event: Some(event),
            fields: fields.0,
        });
    }
    told
}

/// What the list of `for_each` holds; `None` when it is no list, which is then a problem.
fn list_item(path: &At<String>, names: &Names<'_>) -> Option<FieldKind> {
    match &names.field(path)?.kind {
        FieldKind::List(item) => Some((**item).clone()),
        other => {
            let (field, (zh, en)) = (&path.value, kind_names(other));
            names.report.push(
                Diagnostic::error(
                    Code::FieldKind,
                    path.span.clone(),
                    say!(
                        "字段“{field}”是{zh}，for_each 要列表",
                        "field `{field}` is {en}; `for_each` needs a list"
                    ),
                )
                .label(say!("不是列表", "no list")),
            );
            None
        }
    }
}

type ChildFields = (Vec<At<String>>, Vec<(String, SetValue)>);

/// `fields` of a child: its own paths, and values from this case or from `item`.
fn read_child_fields(
    table: &Table<'_>,
    names: &Names<'_>,
    item_kind: Option<&Option<FieldKind>>,
) -> ChildFields {
    let mut fields = ChildFields::default();
    let Some(table) = table.table("fields") else {
        return fields;
    };
    for (path, item) in table.named() {
        let Some(value) = read_value(item, names, item_kind) else {
            continue;
        };
        fields.0.push(path_of(&path));
        fields.1.push((path.value.to_owned(), value));
    }
    fields
}

/// One value: a keyword, `{ value = … }` or `{ field = "…" }`. `item_kind` is there under `for_each`.
fn read_value(
    item: Item<'_>,
    names: &Names<'_>,
    item_kind: Option<&Option<FieldKind>>,
) -> Option<SetValue> {
    if item.is_text() {
        return keyword(item);
    }
    if !item.is_table() {
        item.wrong_type(say!(
            "“occurred_on”、“occurred_at”、{{ value = … }} 或 {{ field = \"…\" }}",
            "\"occurred_on\", \"occurred_at\", {{ value = … }} or {{ field = \"…\" }}"
        ));
        return None;
    }
    let table = item.table()?;
    let (value, field) = (table.get("value"), table.get("field"));
    table.finish();
    match (value, field) {
        (Some(value), None) => value.value().map(SetValue::Fixed),
        (None, Some(field)) => {
            let path = field.text()?;
            check_source(&path, names, item_kind).then_some(SetValue::Field(path.value))
        }
        _ => {
            conflict(item, names);
            None
        }
    }
}

fn conflict(item: Item<'_>, names: &Names<'_>) {
    let report = names.report;
    let message = say!(
        "要写 value 或 field，且只写一个",
        "exactly one of `value` and `field` is needed"
    );
    report.push(
        report
            .basic(Basic::Conflict, item.span(), message)
            .label(say!("二者取一", "one of the two")),
    );
}

fn keyword(item: Item<'_>) -> Option<SetValue> {
    let word = item.text()?.value;
    match word.as_str() {
        "occurred_on" => Some(SetValue::OccurredOn),
        "occurred_at" => Some(SetValue::OccurredAt),
        _ => {
            item.bad_value(
                say!("“{word}”不是关键字", "`{word}` is no keyword"),
                say!(
                    "应为 occurred_on 或 occurred_at；固定值写 {{ value = \"{word}\" }}",
                    "expected occurred_on or occurred_at; a fixed value is {{ value = \"{word}\" }}"
                ),
            );
            None
        }
    }
}

/// Whether the path a value is taken from exists: a field of this case, or `item…` under `for_each`.
fn check_source(
    path: &At<String>,
    names: &Names<'_>,
    item_kind: Option<&Option<FieldKind>>,
) -> bool {
    let rest = match path.value.strip_prefix("item") {
        Some("") => None,
        Some(rest) if rest.starts_with('.') => Some(&rest[1..]),
        _ => return names.field(path).is_some(),
    };
    match (item_kind, rest) {
        (None, _) => names.field(path).is_some(),
        // The list itself was wrong; that has been said.
        (Some(None), _) | (Some(Some(_)), None) => true,
        (Some(Some(FieldKind::Record(inner))), Some(rest)) => {
            if inner.at(rest).is_none() {
                unknown_in_item(path, inner, names);
            }
            inner.at(rest).is_some()
        }
        (Some(Some(_)), Some(_)) => {
            unknown_in_item(path, &Schema::default(), names);
            false
        }
    }
}

fn unknown_in_item(path: &At<String>, inner: &Schema, names: &Names<'_>) {
    let known: Vec<String> = crate::names::field_paths(inner)
        .iter()
        .map(|path| format!("item.{path}"))
        .collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let what = say!("字段", "field");
    names.report.unknown(
        Code::UnknownField,
        what,
        &path.value,
        path.span.clone(),
        &known,
    );
}

fn check_fits(
    value: &SetValue,
    target: &FieldKind,
    path: &At<&str>,
    item: Item<'_>,
    names: &Names<'_>,
) {
    let text_like = |kind: &FieldKind| matches!(kind, FieldKind::Text(_) | FieldKind::Choice(_));
    let fits = match value {
        SetValue::OccurredOn => matches!(target, FieldKind::Date | FieldKind::Text(_)),
        SetValue::OccurredAt => matches!(target, FieldKind::Time | FieldKind::Text(_)),
        SetValue::Field(from) => names.schema.at(from).is_none_or(|def| {
            discriminant(&def.kind) == discriminant(target)
                || (text_like(&def.kind) && text_like(target))
        }),
        SetValue::Fixed(value) => {
            let mut problems = Vec::new();
            target.check(value, "", &mut problems);
            problems.is_empty()
        }
    };
    if !fits {
        report_misfit(target, path, item.span(), names);
    }
}

fn report_misfit(target: &FieldKind, path: &At<&str>, span: Span, names: &Names<'_>) {
    let (field, (zh, en)) = (path.value, kind_names(target));
    let mut problem = Diagnostic::error(
        Code::FieldKind,
        span,
        say!(
            "这个值放不进字段“{field}”",
            "this value does not fit field `{field}`"
        ),
    )
    .label(say!("字段是{zh}", "the field holds {en}"));
    if let FieldKind::Choice(choices) = target {
        let (zh, en) = (choices.join("、"), choices.join(", "));
        problem = problem.help(say!("可选：{zh}", "expected one of: {en}"));
    }
    names.report.push(problem);
}
