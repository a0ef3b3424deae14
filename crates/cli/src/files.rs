//! Files named on the command line, and names that were misspelt.

use std::path::Path;

use qixian_daemon::files::read_text;
use serde_json::Value;

use crate::failure::Failure;

/// The text of a file named on the command line.
pub(crate) fn text(path: &Path) -> Result<String, Failure> {
    read_text(path).map_err(|error| {
        let (path, source) = (path.display(), &error.source);
        Failure::usage(
            format!("读不了文件 {path}：{source}"),
            format!("cannot read {path}: {source}"),
        )
    })
}

/// A record from a TOML file (by its name's ending `.toml`) or a JSON file.
pub(crate) fn record(path: &Path) -> Result<Value, Failure> {
    let text = text(path)?;
    let read = match path.extension().is_some_and(|ending| ending == "toml") {
        true => toml::from_str::<toml::Value>(&text)
            .map(from_toml)
            .map_err(|error| error.to_string()),
        false => serde_json::from_str(&text).map_err(|error| error.to_string()),
    };
    read.map_err(|error| bad(path, &error))
}

/// As JSON; days and times become texts.
fn from_toml(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => Value::from(number),
        toml::Value::Float(number) => Value::from(number),
        toml::Value::Boolean(flag) => Value::Bool(flag),
        toml::Value::Datetime(time) => Value::String(time.to_string()),
        toml::Value::Array(items) => items.into_iter().map(from_toml).collect(),
        toml::Value::Table(table) => {
            let fields = table
                .into_iter()
                .map(|(name, value)| (name, from_toml(value)));
            Value::Object(fields.collect())
        }
    }
}

/// The file does not hold what it should.
pub(crate) fn bad(path: &Path, reason: &str) -> Failure {
    let path = path.display();
    Failure::refused(format!("{path}：{reason}"), format!("{path}: {reason}"))
}

/// What to say of a name that does not exist, in both languages, to be put behind the sentence that says so.
pub(crate) fn closest(name: &str, known: &[&str]) -> (String, String) {
    let near = known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), *candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match near {
        Some((_, meant)) => (
            format!("；是“{meant}”吗？"),
            format!("; did you mean `{meant}`?"),
        ),
        None => {
            let all = known.join(", ");
            (format!("；现有：{all}"), format!("; there are: {all}"))
        }
    }
}
