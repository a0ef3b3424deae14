//! From a file's text to its root table, with the checks every kind of file shares.

use qixian_core::Words;
use toml::de::DeTable;

use crate::Code;
use crate::codes::{Basic, Family};
use crate::diagnostics::{Diagnostic, Diagnostics, Source, Span, say};
use crate::report::Report;
use crate::table::{At, Table};

/// Longest file read, in bytes.
pub(crate) const MOST_BYTES: usize = 256 * 1024;
/// The file format written today.
const SCHEMA: i64 = 1;

/// Parses `source` and lets `read` walk it. `None` from `read` goes with an error in the report.
///
/// # Errors
/// All problems when one of them is an error.
pub(crate) fn read_file<T>(
    source: &Source,
    family: Family,
    read: impl FnOnce(Table<'_>) -> Option<T>,
) -> Result<(T, Diagnostics), Diagnostics> {
    let report = Report::new(family);
    if source.text.len() > MOST_BYTES {
        let (size, most) = (source.text.len(), MOST_BYTES / 1024);
        let message = say!(
            "文件有 {size} 字节，最多 {most} KiB",
            "the file has {size} bytes; at most {most} KiB are read"
        );
        report.push(report.basic(Basic::TooLarge, 0..0, message));
        // Drawing the place would print the file.
        let nameless = Source::new(&source.name, "");
        return Err(report.finish(&nameless).unwrap_or_else(|found| found));
    }
    let (root, errors) = DeTable::parse_recoverable(&source.text);
    let value = read(Table::new(root.get_ref(), 0..0, &report));
    if !errors.is_empty() {
        let end = source.text.len();
        let places: Vec<Span> = errors
            .iter()
            .map(|e| e.span().unwrap_or(end..end))
            .collect();
        report.keep_beside(&places);
        for (error, place) in errors.iter().zip(places) {
            report.push(syntax_problem(
                source,
                family.code(Basic::Syntax),
                error.message(),
                place,
            ));
        }
    }
    match (report.finish(source), value) {
        (Ok(warnings), Some(value)) => Ok((value, warnings)),
        (Ok(found) | Err(found), _) => Err(found),
    }
}

/// What the TOML reader says of the text at `span`, with what to do about it.
pub fn syntax_problem(source: &Source, code: Code, detail: &str, span: Span) -> Diagnostic {
    let detail = detail.trim().replace('\n', "; ");
    let zh = syntax_zh(&detail);
    let message = say!("不是合法的 TOML：{zh}", "not valid TOML: {detail}");
    let label = match detail.starts_with("duplicate key") {
        true => say!("前面已经写过", "it was given before"),
        false => say!("读到这里读不下去", "reading stops here"),
    };
    let rest = source.text.get(span.start..).unwrap_or_default();
    let help = match rest.starts_with(['“', '”']) {
        true => say!(
            "用了中文引号“”；请换成英文双引号 \"",
            "these are Chinese quotes; write plain double quotes \" instead"
        ),
        false => syntax_help(&detail),
    };
    Diagnostic::error(code, span, message)
        .label(label)
        .help(help)
}

/// The reader's sentence in Chinese, where it is one that people meet.
fn syntax_zh(detail: &str) -> String {
    const KNOWN: &[(&str, &str)] = &[
        ("duplicate key", "同一个键写了两次"),
        ("unclosed array table", "表头少了右方括号 ]]"),
        ("unclosed table", "表头少了右方括号 ]"),
        ("unclosed inline table", "花括号没有合上"),
        ("unclosed array", "列表的方括号没有合上"),
        ("invalid basic string", "文本没有写完整"),
        ("unquoted key", "键里有不能直接写的字符"),
        ("string values must be quoted", "文本没有加引号"),
        ("key with no value", "键后面没有等号和值"),
        ("missing value", "等号后面没有值"),
        ("missing comma", "两项之间少了逗号"),
        ("extra comma", "多了一个逗号"),
        (
            "unexpected key or value",
            "这一行前面已经写完，后面多了东西",
        ),
        ("missing key", "等号前面没有键"),
    ];
    let known = KNOWN.iter().find(|(en, _)| detail.starts_with(en));
    known.map_or_else(|| detail.to_owned(), |(_, zh)| (*zh).to_owned())
}

/// What to do about the mistakes people make most.
fn syntax_help(detail: &str) -> Words {
    if detail.contains("duplicate key") {
        say!(
            "同一张表里一个键只能写一次；合并或删去其中一处",
            "a table has each key once; join the two or remove one"
        )
    } else if detail.contains("unquoted key") {
        say!(
            "含其他字符的键要加引号，如 \"site.name\"",
            "put keys with other characters in quotes, like \"site.name\""
        )
    } else if detail.contains("unclosed") {
        say!(
            "前面的括号或引号没有合上",
            "a bracket or quote before it is not closed"
        )
    } else if detail.contains("basic string") {
        say!(
            "文本的右引号不见了，或反斜杠后的字符不对",
            "the closing quote is missing, or a backslash stands before the wrong character"
        )
    } else if detail.contains("missing comma") {
        say!("两项之间要有逗号", "put a comma between two items")
    } else if detail.contains("string") {
        say!(
            "文本要加双引号，如 title = \"收集材料\"",
            "put texts in double quotes, like title = \"Collecting\""
        )
    } else {
        Words::default()
    }
}

/// Checks `schema`, which every file begins with.
pub(crate) fn check_schema(root: &Table<'_>) {
    let Some(item) = root.need("schema", "schema = 1") else {
        return;
    };
    let Some(found) = item.count(i64::MAX) else {
        return;
    };
    if found == SCHEMA {
        return;
    }
    let message = say!(
        "文件格式版本 {found} 不认识",
        "schema {found} is not known to this program"
    );
    let help = match found > SCHEMA {
        true => say!(
            "本程序认识到版本 {SCHEMA}；请升级程序，或用 schema = {SCHEMA} 重写此文件",
            "this program knows schema {SCHEMA}; upgrade it, or write the file for schema = {SCHEMA}"
        ),
        false => say!("请写 schema = {SCHEMA}", "write schema = {SCHEMA}"),
    };
    let report = root.report();
    report.push(
        report
            .basic(Basic::Schema, item.span(), message)
            .label(say!("版本不认识", "unknown version"))
            .help(help),
    );
}

/// `version`, the author's.
pub(crate) fn read_version(root: &Table<'_>) -> u32 {
    root.need("version", "version = 1")
        .and_then(|item| item.count(i64::from(u32::MAX)))
        .and_then(|version| u32::try_from(version).ok())
        .unwrap_or_default()
}

/// Checks that an id is kebab-case: what files, addresses and templates are called by.
pub(crate) fn check_id(report: &Report, id: &At<String>) {
    let shaped = shaped_like(&id.value, '-');
    if !shaped {
        bad_name(report, &id.value, id.span.clone(), "first-filing");
    }
}

/// Checks that a name is snake_case.
pub(crate) fn check_name(report: &Report, name: &str, span: Span) -> bool {
    let shaped = shaped_like(name, '_');
    if !shaped {
        bad_name(report, name, span, "sms_code");
    }
    shaped
}

fn bad_name(report: &Report, name: &str, span: Span, example: &str) {
    let message = say!("“{name}”不能用作标识", "`{name}` cannot be a name");
    report.push(
        report
            .basic(Basic::BadName, span, message)
            .label(say!("标识写法不对", "not written as a name"))
            .help(say!(
                "小写字母开头，只用小写字母、数字和连接符，最多 64 个字符，如 {example}",
                "begin with a small letter; use small letters, digits and separators only, 64 characters at most, like {example}"
            )),
    );
}

/// Small ASCII letters and digits in words joined by single `joint`s.
pub(crate) fn shaped_like(name: &str, joint: char) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.split(joint).all(|word| {
            !word.is_empty()
                && word
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        })
}

/// Refuses a list that is longer than `most`.
pub(crate) fn check_count(report: &Report, what: Words, count: usize, most: usize, span: Span) {
    if count > most {
        let (zh, en) = (&what.zh, &what.en);
        let message = say!(
            "{zh}有 {count} 个，最多 {most} 个",
            "{count} {en}; at most {most} are taken"
        );
        report.push(report.basic(Basic::TooLarge, span, message));
    }
}
