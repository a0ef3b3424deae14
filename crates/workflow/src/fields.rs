//! `[fields]`: dotted paths into a schema of records.

use indexmap::IndexMap;
use qixian_core::{FieldDef, FieldKind, Schema, Words};

use crate::Code;
use crate::codes::Basic;
use crate::diagnostics::{Diagnostic, Span, say};
use crate::report::{Report, suggestion};
use crate::source::shaped_like;
use crate::table::{At, Item, Table};

/// Most fields a workflow declares.
const MOST: usize = 500;
/// Most records a path leads through.
const DEEPEST: usize = 8;
/// Longest text a field may allow, in characters.
const LONGEST_TEXT: i64 = 100_000;
/// What `type` may say.
const TYPES: [&str; 9] = [
    "text", "int", "number", "bool", "date", "time", "choice", "list", "record",
];

/// A declaration before it found its place.
struct Declared {
    def: FieldDef,
    span: Span,
}

/// Reads the section.
pub(crate) fn read(table: &Table<'_>) -> Schema {
    let report = table.report();
    let mut declared: IndexMap<String, Declared> = IndexMap::new();
    for (path, field) in table.named_tables() {
        let good_path = check_path(report, &path);
        let def = read_field(&field);
        field.finish();
        if let (true, Some(def)) = (good_path, def) {
            let span = path.span;
            declared.insert(path.value.to_owned(), Declared { def, span });
        }
    }
    crate::source::check_count(
        report,
        say!("字段", "fields"),
        declared.len(),
        MOST,
        table.span(),
    );
    let mut schema = Schema::default();
    for (path, found) in &declared {
        if let Err(problem) = place(&mut schema, &declared, path) {
            report.push(
                Diagnostic::error(Code::FieldKind, found.span.clone(), problem)
                    .label(say!("放不进去", "does not fit in")),
            );
        }
    }
    schema
}

fn check_path(report: &Report, path: &At<&str>) -> bool {
    let steps: Vec<&str> = path.value.split('.').collect();
    let name_of = |step: &&str| step.strip_suffix("[]").unwrap_or(step).to_owned();
    let shaped = steps.iter().all(|step| shaped_like(&name_of(step), '_'))
        && steps.last().is_some_and(|step| !step.ends_with("[]"))
        && steps.len() <= DEEPEST;
    if !shaped {
        let text = path.value;
        let message = say!("“{text}”不是字段路径", "`{text}` is no field path");
        report.push(
            report
                .basic(Basic::BadName, path.span.clone(), message)
                .label(say!("路径写法不对", "not written as a path"))
                .help(say!(
                    "路径由 snake_case 名称以点相连，最多 {DEEPEST} 段；列表里记录的字段写 list[].name，如 \"site.domains[].name\"",
                    "a path is snake_case names joined by dots, {DEEPEST} at most; fields of a list's records are written list[].name, like \"site.domains[].name\""
                )),
        );
    }
    shaped
}

fn read_field(field: &Table<'_>) -> Option<FieldDef> {
    let title = field.words("title");
    let personal = field.flag("personal");
    let max = field.get("max");
    let choices = field.get("choices");
    let of = field.get("of");
    let name = field.need("type", "type = \"text\"")?.text()?;
    let belongs = |item: Option<Item<'_>>, key: &str, to: &str| {
        if let Some(item) = item.filter(|_| name.value != to) {
            let kind = &name.value;
            item.bad_value(
                say!(
                    "“{key}”只用于 type = \"{to}\"，这里是“{kind}”",
                    "`{key}` is for type = \"{to}\" only; this is `{kind}`"
                ),
                say!("此类型没有这个键", "not for this type"),
            );
        }
    };
    belongs(max, "max", "text");
    belongs(choices, "choices", "choice");
    belongs(of, "of", "list");
    let kind = match name.value.as_str() {
        "text" => FieldKind::Text(max.and_then(read_max)),
        "choice" => FieldKind::Choice(read_choices(field)?),
        "list" => {
            let of = field.need("of", "of = \"text\"")?.text()?;
            FieldKind::List(Box::new(list_kind(field.report(), &of)?))
        }
        "record" => FieldKind::Record(Schema::default()),
        _ => simple_kind(field.report(), &name, &TYPES)?,
    };
    Some(FieldDef {
        title,
        kind,
        personal,
    })
}

fn read_max(item: Item<'_>) -> Option<usize> {
    item.count(LONGEST_TEXT)
        .and_then(|max| usize::try_from(max).ok())
}

fn read_choices(field: &Table<'_>) -> Option<Vec<String>> {
    let item = field.need("choices", "choices = [\"enterprise\", \"person\"]")?;
    let choices: Vec<String> = item.texts().into_iter().map(|c| c.value).collect();
    if choices.is_empty() {
        item.bad_value(
            say!("没有任何选项", "there is nothing to choose"),
            say!("至少写一项", "expected at least one text"),
        );
    }
    Some(choices)
}

fn list_kind(report: &Report, of: &At<String>) -> Option<FieldKind> {
    match of.value.as_str() {
        "record" => Some(FieldKind::Record(Schema::default())),
        "text" => Some(FieldKind::Text(None)),
        _ => {
            let known = ["text", "int", "number", "bool", "date", "time", "record"];
            simple_kind(report, of, &known)
        }
    }
}

fn simple_kind(report: &Report, name: &At<String>, known: &[&str]) -> Option<FieldKind> {
    Some(match name.value.as_str() {
        "int" => FieldKind::Int,
        "number" => FieldKind::Number,
        "bool" => FieldKind::Bool,
        "date" => FieldKind::Date,
        "time" => FieldKind::Time,
        other => {
            let message = say!("没有“{other}”这种类型", "there is no field type `{other}`");
            report.push(
                report
                    .basic(Basic::BadValue, name.span.clone(), message)
                    .label(say!("没有这种类型", "no such type"))
                    .help(suggestion(other, known)),
            );
            return None;
        }
    })
}

/// Puts the declaration of `path` into the schema, its parents first; does nothing when it is already there.
fn place(
    schema: &mut Schema,
    declared: &IndexMap<String, Declared>,
    path: &str,
) -> Result<(), Words> {
    let def = match declared.get(path) {
        Some(found) => found.def.clone(),
        None => FieldDef {
            title: Words::default(),
            kind: FieldKind::Record(Schema::default()),
            personal: false,
        },
    };
    let Some((parent, name)) = path.rsplit_once('.') else {
        schema.fields.entry(path.to_owned()).or_insert(def);
        return Ok(());
    };
    let list = parent.strip_suffix("[]");
    let parent = list.unwrap_or(parent);
    if list.is_some() && !declared.contains_key(parent) {
        return Err(say!(
            "“{parent}”没有声明为列表",
            "`{parent}` is not declared as a list"
        ));
    }
    place(schema, declared, parent)?;
    match record_at(schema, parent, list.is_some()) {
        Some(record) => {
            record.fields.entry(name.to_owned()).or_insert(def);
            Ok(())
        }
        None if list.is_some() => Err(say!(
            "“{parent}”不是记录的列表（type = \"list\"、of = \"record\"）",
            "`{parent}` is no list of records (type = \"list\", of = \"record\")"
        )),
        None => Err(say!("“{parent}”不是记录", "`{parent}` is no record")),
    }
}

/// The record at a path whose steps may be `list[]`; with `in_list`, the record in the list there.
fn record_at<'s>(schema: &'s mut Schema, path: &str, in_list: bool) -> Option<&'s mut Schema> {
    let (first, rest) = match path.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (path, None),
    };
    let (name, list_step) = match first.strip_suffix("[]") {
        Some(name) => (name, true),
        None => (first, rest.is_none() && in_list),
    };
    let inner = match (&mut schema.fields.get_mut(name)?.kind, list_step) {
        (FieldKind::Record(inner), false) => inner,
        (FieldKind::List(item), true) => match &mut **item {
            FieldKind::Record(inner) => inner,
            _ => return None,
        },
        _ => return None,
    };
    match rest {
        Some(rest) => record_at(inner, rest, in_list),
        None => Some(inner),
    }
}
