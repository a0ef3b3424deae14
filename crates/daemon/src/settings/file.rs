//! Reads `qixian.toml` with the place of everything.

use qixian_core::Words;
use qixian_workflow::{Code, Diagnostic, Diagnostics, Source, Span};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{KEYS, Key, Kind};
use super::sending::Sending;
use super::{Origin, Values, bad_value, problem};

/// Tables that are read by their own reader.
const SENDING: [&str; 2] = ["providers", "staff"];

/// Takes the values of the file, and answers every problem in it.
pub(super) fn read(source: &Source, values: &mut Values, sending: &mut Sending) -> Diagnostics {
    let (root, errors) = DeTable::parse_recoverable(&source.text);
    let mut found: Vec<Diagnostic> = errors.iter().map(|error| syntax(source, error)).collect();
    for (key, value) in root.into_inner() {
        let (name, span) = (key.get_ref().to_string(), key.span());
        match name.as_str() {
            "providers" => found.extend(sending.take_providers(source, value)),
            "staff" => found.extend(sending.take_staff(source, value)),
            _ => take(source, &name, span, &value, values, &mut found),
        }
    }
    Diagnostics::of(source, found)
}

pub(super) fn syntax(source: &Source, error: &toml::de::Error) -> Diagnostic {
    let detail = error.message().trim().replace('\n', "; ");
    let end = source.text.len();
    problem(
        Code::SettingsSyntax,
        error.span().unwrap_or(end..end),
        Words::new(
            format!("不是合法的 TOML：{detail}"),
            format!("not valid TOML: {detail}"),
        ),
        Words::new("读到这里读不下去", "reading stops here"),
    )
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
                values.insert(key.path, (text, Origin::File { file, line }));
            }
            Ok(_) => found.push(bad_value(key, value.span())),
            Err(wrong) => found.push(*wrong),
        }
        return;
    }
    let prefix = format!("{path}.");
    match value.get_ref() {
        DeValue::Table(table) if KEYS.iter().any(|key| key.path.starts_with(&prefix)) => {
            for (name, value) in table.iter() {
                let path = format!("{path}.{}", name.get_ref());
                take(source, &path, name.span(), value, values, found);
            }
        }
        _ => found.push(unknown(path, key_span)),
    }
}

/// The value as text, if it is of a type the setting may have.
fn scalar(key: &Key, value: &Spanned<DeValue<'_>>) -> Result<String, Box<Diagnostic>> {
    match (key.kind, value.get_ref()) {
        (Kind::Flag, DeValue::Boolean(flag)) => Ok(flag.to_string()),
        (Kind::Count(..), DeValue::Integer(number)) => Ok(number.as_str().to_owned()),
        (Kind::Flag | Kind::Count(..), _) => Err(Box::new(wrong_type(key, value.span()))),
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
    let known = KEYS.iter().map(|key| key.path).chain(SENDING);
    let close = known
        .map(|known| (strsim::jaro_winkler(path, known), known))
        .filter(|(score, _)| *score >= 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let message = Words::new(
        format!("没有“{path}”这个设置"),
        format!("there is no setting `{path}`"),
    );
    let mut found = problem(Code::SettingsUnknownKey, span, message, Words::default());
    if let Some((_, close)) = close {
        found.help = Words::new(
            format!("是不是想写“{close}”？"),
            format!("did you mean `{close}`?"),
        );
    }
    found
}
