//! Reads `qixian.toml` with the place of everything.

use qixian_core::Words;
use qixian_workflow::{Code, Diagnostic, Diagnostics, Source, Span, syntax_problem};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{KEYS, Key, Kind};
use super::names::{did_you_mean, one_of};
use super::sending::Sending;
use super::{Given, Origin, Values, bad_value, problem};

/// Tables that are read by their own reader.
const SENDING: [&str; 2] = ["providers", "staff"];

/// Takes the values of the file, and answers every problem in it.
pub(super) fn read(source: &Source, values: &mut Values, sending: &mut Sending) -> Diagnostics {
    let (root, errors) = DeTable::parse_recoverable(&source.text);
    let end = source.text.len();
    let place = |error: &toml::de::Error| error.span().unwrap_or(end..end);
    let first = errors.iter().map(|error| place(error).start).min();
    sending.incomplete = first.is_some();
    let mut found: Vec<Diagnostic> = Vec::new();
    for (key, value) in root.into_inner() {
        let (name, span) = (key.get_ref().to_string(), key.span());
        match name.as_str() {
            "providers" => found.extend(sending.take_providers(source, value)),
            "staff" => found.extend(sending.take_staff(source, value)),
            _ => take(source, &name, span, &value, values, &mut found),
        }
    }
    if let Some(first) = first {
        // What follows text that cannot be read may belong to a table whose header was lost, and what seems to be
        // missing may stand in it.
        found.retain(|d| d.label.span.end < first && d.code != Code::SettingsProvider);
    }
    let syntax = |error: &toml::de::Error| {
        syntax_problem(source, Code::SettingsSyntax, error.message(), place(error))
    };
    found.extend(errors.iter().map(syntax));
    Diagnostics::of(source, found)
}

fn take(
    source: &Source,
    path: &str,
    key_span: Span,
    value: &Spanned<DeValue<'_>>,
    values: &mut Values,
    found: &mut Vec<Diagnostic>,
) {
    if let Some(key) = KEYS.iter().find(|key| key.path == path) {
        match scalar(key, value) {
            Ok(text) if key.accepts(&text) => {
                let (line, _) = source.place(key_span.start);
                let file = source.name.to_string();
                let given = Given {
                    text,
                    origin: Origin::File { file, line },
                    place: Some((source.clone(), value.span())),
                };
                values.insert(key.path, given);
            }
            Ok(_) => found.push(bad_value(key, value.span())),
            Err(wrong) => found.push(*wrong),
        }
        return;
    }
    let prefix = format!("{path}.");
    let is_group = KEYS.iter().any(|key| key.path.starts_with(&prefix));
    match value.get_ref() {
        DeValue::Table(table) if is_group => {
            for (name, value) in table.iter() {
                let path = format!("{path}.{}", name.get_ref());
                take(source, &path, name.span(), value, values, found);
            }
        }
        _ if is_group => found.push(no_table(path, value.span())),
        _ => found.push(unknown(path, key_span)),
    }
}

fn no_table(path: &str, span: Span) -> Diagnostic {
    let message = Words::new(
        format!("“{path}”的类型不对"),
        format!("`{path}` is of the wrong type"),
    );
    let label = Words::new(
        format!("应为一张表：另起一行写 [{path}]，设置写在它下面"),
        format!("expected a table: write [{path}] on a line and the settings below it"),
    );
    problem(Code::SettingsWrongType, span, message, label)
}

/// The value as text, if it is of a type the setting may have.
fn scalar(key: &Key, value: &Spanned<DeValue<'_>>) -> Result<String, Box<Diagnostic>> {
    match (key.kind, value.get_ref()) {
        (Kind::Flag, DeValue::Boolean(flag)) => Ok(flag.to_string()),
        (Kind::Count(..) | Kind::CountOrNone(..), DeValue::Integer(number)) => {
            Ok(number.as_str().to_owned())
        }
        (Kind::Flag | Kind::Count(..) | Kind::CountOrNone(..), _) => {
            Err(Box::new(wrong_type(key, value.span())))
        }
        (_, DeValue::String(text)) => Ok(text.to_string()),
        _ => Err(Box::new(wrong_type(key, value.span()))),
    }
}

fn wrong_type(key: &Key, span: Span) -> Diagnostic {
    let message = Words::new(
        format!("“{}”的类型不对", key.path),
        format!("`{}` is of the wrong type", key.path),
    );
    problem(Code::SettingsWrongType, span, message, key.expected())
}

fn unknown(path: &str, span: Span) -> Diagnostic {
    let (table, name) = path.rsplit_once('.').unwrap_or(("", path));
    let known = beside(table);
    let message = Words::new(
        format!("没有“{path}”这个设置"),
        format!("there is no setting `{path}`"),
    );
    let label = Words::new("不认识这个设置", "this setting is not known");
    let mut found = problem(Code::SettingsUnknownKey, span, message, label);
    let misplaced = || {
        let ending = format!(".{name}");
        let key = KEYS.iter().find(|key| key.path.ends_with(&ending))?;
        let (table, _) = key.path.rsplit_once('.')?;
        Some(Words::new(
            format!("“{name}”要写在 [{table}] 下面"),
            format!("`{name}` belongs below [{table}]"),
        ))
    };
    let help = did_you_mean(name, &known).or_else(misplaced);
    found.help = help.unwrap_or_else(|| one_of(&known));
    found
}

/// The names that may stand in a table; the empty one is the file itself.
fn beside(table: &str) -> Vec<&'static str> {
    let inside = |key: &super::keys::Key| {
        let rest = match table {
            "" => key.path,
            _ => key.path.strip_prefix(table)?.strip_prefix('.')?,
        };
        Some(rest.split('.').next().unwrap_or(rest))
    };
    let mut names: Vec<&str> = KEYS.iter().filter_map(inside).collect();
    if table.is_empty() {
        names.extend(SENDING);
    }
    names.dedup();
    names
}
