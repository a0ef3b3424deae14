//! `[guards]`: expressions compiled when the file is read.

use indexmap::IndexMap;
use qixian_core::definition::{GuardDef, Name};
use qixian_core::{Guard, Words};

use crate::Code;
use crate::diagnostics::{Diagnostic, Span, say};
use crate::names::{Names, Sort};
use crate::source::{check_count, check_name};
use crate::table::{At, Item, Table};

/// Most guards a workflow has.
const MOST: usize = 200;

/// Reads the section. `text` is the whole file.
pub(crate) fn read(table: &Table<'_>, names: &Names<'_>, text: &str) -> IndexMap<Name, GuardDef> {
    let report = table.report();
    let mut guards = IndexMap::new();
    for (name, guard) in table.named_tables() {
        check_name(report, name.value, name.span.clone());
        let when = guard
            .need("when", "when = 'subject.province != null'")
            .and_then(Item::text)
            .and_then(|when| compile(&when, names, text));
        let otherwise = guard
            .need(
                "else",
                "else = { zh = \"尚未填写主体名称\", en = \"The subject's name is missing\" }",
            )
            .and_then(Item::words)
            .unwrap_or_default();
        let unknown = guard.flag("unknown");
        let override_by = names.resolve_all(Sort::Role, guard.texts("override"));
        guard.finish();
        if let Some(when) = when {
            let def = GuardDef {
                when,
                otherwise,
                unknown,
                override_by,
            };
            guards.insert(name.value.to_owned(), def);
        }
    }
    check_count(
        report,
        say!("条件", "guards"),
        guards.len(),
        MOST,
        table.span(),
    );
    guards
}

fn compile(when: &At<String>, names: &Names<'_>, text: &str) -> Option<Guard> {
    let functions = &names.context.functions;
    let functions: Vec<&str> = functions.iter().map(String::as_str).collect();
    match Guard::compile(&when.value, &names.schema, &names.params, &functions) {
        Ok(guard) => Some(guard),
        Err(error) => {
            let Words { zh, en } = &error.message;
            let help = match &error.suggestion {
                Some(close) => say!("是不是想写“{close}”？", "did you mean `{close}`?"),
                None => Words::default(),
            };
            names.report.push(
                Diagnostic::error(
                    Code::Guard,
                    place_in_file(when, text, &error.span),
                    say!("条件表达式有误：{zh}", "in the guard's expression: {en}"),
                )
                .label(say!("这里有误", "here"))
                .help(help),
            );
            None
        }
    }
}

/// Where a byte range of the expression stands in the file; the whole text where escapes make that unclear.
fn place_in_file(when: &At<String>, text: &str, span: &Span) -> Span {
    let written = text.get(when.span.clone()).unwrap_or_default();
    let offset = written.find(&when.value).filter(|_| !when.value.is_empty());
    match offset {
        Some(offset) if span.start <= span.end && span.end <= when.value.len() => {
            let start = when.span.start + offset;
            start + span.start..start + span.end
        }
        _ => when.span.clone(),
    }
}
