//! Rule files: values that vary by province, provider or date, each with its source.

use std::collections::BTreeMap;

use qixian_core::{RulePack, RuleRow, Value};
use qixian_time::Date;

use crate::Code;
use crate::codes::{Basic, Family};
use crate::diagnostics::{Diagnostic, Diagnostics, Source, Span, say};
use crate::report::{Report, suggestion};
use crate::source::{check_id, check_schema, read_file, read_version, shaped_like};
use crate::table::{At, Item, Table};

/// Most rows of a pack, after lists of values have become rows of their own.
const MOST: usize = 2_000;
/// How sure an author can be.
const CONFIDENCE: [&str; 3] = ["high", "medium", "low"];

/// Reads and checks a rule file. `name` is what diagnostics call it.
///
/// # Errors
/// Every problem of the file at once, when at least one is an error.
pub fn read_rules(name: &str, text: &str) -> Result<RulePack, Diagnostics> {
    let source = Source::new(name, text);
    let (pack, _warnings) = read_file(&source, Family::Rules, read_root)?;
    Ok(pack)
}

fn read_root(root: Table<'_>) -> Option<RulePack> {
    let report = root.report();
    check_schema(&root);
    let version = read_version(&root);
    let id = root.need("pack", "pack = \"guide\"").and_then(Item::text);
    if let Some(id) = &id {
        check_id(report, id);
    }
    // The title is for people who list packs; the file keeps it.
    root.words("title");
    let (mut rows, mut spans) = (Vec::new(), Vec::new());
    for rule in root.tables("rule") {
        let span = rule.text("key").map_or(rule.span(), |key| key.span);
        let new = read_rule(rule);
        if rows.len() + new.len() > MOST {
            let message = say!("规则超过 {MOST} 行", "more than {MOST} rows");
            report.push(report.basic(Basic::TooLarge, span, message));
            break;
        }
        spans.extend(std::iter::repeat_n(span, new.len()));
        rows.extend(new);
    }
    root.finish();
    build(&id?.value, version, rows, &spans, report)
}

fn build(
    id: &str,
    version: u32,
    rows: Vec<RuleRow>,
    spans: &[Span],
    report: &Report,
) -> Option<RulePack> {
    let errors = match RulePack::build(id, version, rows) {
        Ok(pack) => return Some(pack),
        Err(errors) => errors,
    };
    for error in errors {
        let (first, second) = (&spans[error.first], &spans[error.second]);
        let key = &error.key;
        let problem = match first == second {
            true => say!(
                "“{key}”的这条规则自相重复：match 里同一个值写了两次",
                "this rule of `{key}` ties with itself: `match` lists one value twice"
            ),
            false => say!(
                "“{key}”有两条规则同等适用，分不出用哪一条",
                "two rules of `{key}` fit the same cases equally well"
            ),
        };
        let help = match first == second {
            true => say!("删去重复的值", "remove the value that is repeated"),
            false => say!(
                "让其中一条多写一个 match 条件，或用 from/until 把时间分开",
                "give one of them one more condition in `match`, or part their times with from/until"
            ),
        };
        let mut problem = Diagnostic::error(Code::RulesTie, second.clone(), problem)
            .label(say!("这一条", "this one"))
            .help(help);
        if first != second {
            problem = problem.also(first.clone(), say!("与这一条", "and this one"));
        }
        report.push(problem);
    }
    None
}

/// One `[[rule]]`: a row for each combination of the values listed in its `match`.
fn read_rule(rule: Table<'_>) -> Vec<RuleRow> {
    let report = rule.report();
    let key = rule
        .need("key", "key = \"sms_check.required\"")
        .and_then(Item::text);
    if let Some(key) = &key {
        check_key(report, key);
    }
    let matches = rule.table("match").map(read_matches).unwrap_or_default();
    let value = rule.get("value").and_then(Item::value).unwrap_or_default();
    let source = rule
        .need("source", "source = \"guide S129\"")
        .and_then(Item::text);
    let (from, until) = read_days(&rule);
    let confidence = read_confidence(&rule);
    rule.finish();
    let (Some(key), Some(source)) = (key, source) else {
        return Vec::new();
    };
    let row = |matches| RuleRow {
        key: key.value.clone(),
        matches,
        value: value.clone(),
        source: source.value.clone(),
        from,
        until,
        confidence: confidence.clone(),
    };
    combinations(&matches).into_iter().map(row).collect()
}

fn check_key(report: &Report, key: &At<String>) {
    if key.value.split('.').all(|step| shaped_like(step, '_')) {
        return;
    }
    let text = &key.value;
    let message = say!(
        "“{text}”不能用作规则的键",
        "`{text}` cannot be a rule's key"
    );
    report.push(
        report
            .basic(Basic::BadName, key.span.clone(), message)
            .label(say!("写法不对", "not written as a key"))
            .help(say!(
                "用点相连的 snake_case 名称，如 sms_check.required",
                "use snake_case names joined by dots, like sms_check.required"
            )),
    );
}

/// The days between which a rule is in force, both included.
fn read_days(rule: &Table<'_>) -> (Option<Date>, Option<Date>) {
    let from = rule.get("from").and_then(Item::date);
    let until_item = rule.get("until");
    let until = until_item.and_then(Item::date);
    if let (Some(from), Some(until), Some(item)) = (from, until, until_item)
        && until < from
    {
        item.bad_value(
            say!(
                "{until} 早于开始的 {from}",
                "{until} lies before the beginning, {from}"
            ),
            say!("应不早于 {from}", "expected {from} or later"),
        );
    }
    (from, until)
}

fn read_confidence(rule: &Table<'_>) -> String {
    let Some(item) = rule.get("confidence") else {
        return "high".to_owned();
    };
    let Some(given) = item.text() else {
        return String::new();
    };
    if !CONFIDENCE.contains(&given.value.as_str()) {
        let word = &given.value;
        let report = item.report();
        let message = say!("没有“{word}”这一档", "there is no confidence `{word}`");
        report.push(
            report
                .basic(Basic::BadValue, given.span, message)
                .label(say!("没有这一档", "no such confidence"))
                .help(suggestion(word, &CONFIDENCE)),
        );
    }
    given.value
}

/// `match`: field paths, each with the values that fit.
fn read_matches(table: Table<'_>) -> Vec<(String, Vec<Value>)> {
    let mut matches = Vec::new();
    for (path, item) in table.named() {
        let report = table.report();
        let text = path.value.to_owned();
        check_key(report, &At::new(text.clone(), path.span));
        if item.is_table() {
            item.wrong_type(say!(
                "一个值或值的列表（路径要加引号，如 \"subject.province\"）",
                "a value or a list of values (quote the path, like \"subject.province\")"
            ));
            continue;
        }
        let values: Vec<Value> = match item.is_list() {
            true => item.items().filter_map(Item::value).collect(),
            false => item.value().into_iter().collect(),
        };
        if values.is_empty() && item.is_list() {
            item.bad_value(
                say!("空列表不会与任何案件相符", "an empty list fits no case"),
                say!("至少写一个值", "expected at least one value"),
            );
        }
        matches.push((text, values));
    }
    matches
}

fn combinations(matches: &[(String, Vec<Value>)]) -> Vec<BTreeMap<String, Value>> {
    let mut rows = vec![BTreeMap::new()];
    for (path, values) in matches {
        // One past the limit is enough for the caller to refuse it.
        rows = rows
            .iter()
            .flat_map(|row| values.iter().map(move |value| (row, value)))
            .take(MOST + 1)
            .map(|(row, value)| {
                let mut row: BTreeMap<String, Value> = row.clone();
                row.insert(path.clone(), value.clone());
                row
            })
            .collect();
    }
    rows
}
