//! The keys of providers and staff, checked one by one: the derived readers would stop at the first that is wrong.

use qixian_core::Words;
use qixian_workflow::{Code, Diagnostic, Span};
use toml::de::{DeTable, DeValue};

use super::names::{did_you_mean, one_of};
use super::problem;

/// What a key holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Holds {
    /// A text that is not empty.
    Text,
    /// Any text.
    MaybeEmpty,
    /// A list of texts.
    Texts,
    /// A whole number, both ends included.
    Count(u64, u64),
    /// `true` or `false`.
    Flag,
    /// One of these.
    Choice(&'static [&'static str]),
}

/// One key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) holds: Holds,
    /// How it may be written, when it must be there.
    pub(super) needed: Option<&'static str>,
}

const fn may(name: &'static str, holds: Holds) -> Field {
    Field {
        name,
        holds,
        needed: None,
    }
}

const fn must(name: &'static str, holds: Holds, example: &'static str) -> Field {
    Field {
        needed: Some(example),
        ..may(name, holds)
    }
}

/// The kinds of provider there are.
pub(super) const KINDS: &[&str] = &["folder", "smtp"];
const KIND: Field = must("kind", Holds::Choice(KINDS), "kind = \"smtp\"");

const FOLDER: &[Field] = &[KIND, may("dir", Holds::Text)];

const SMTP: &[Field] = &[
    KIND,
    must("host", Holds::Text, "host = \"smtp.example.cn\""),
    may("port", Holds::Count(1, 65_535)),
    may("tls", Holds::Choice(&["implicit", "starttls", "none"])),
    may("allow_plaintext", Holds::Flag),
    must("from", Holds::Text, "from = \"icp@example.cn\""),
    may("from_name", Holds::MaybeEmpty),
    may("reply_to", Holds::Text),
    may("user", Holds::Text),
    may("password_file", Holds::Text),
    may("password_env", Holds::Text),
    may("ca_file", Holds::Text),
    may("connections", Holds::Count(1, 10)),
    may("connect_timeout_ms", Holds::Count(1, 3_600_000)),
    may("send_timeout_ms", Holds::Count(1, 3_600_000)),
];

/// The keys of `[[staff]]`.
pub(super) const STAFF: &[Field] = &[
    must("name", Holds::Text, "name = \"王芳\""),
    must("roles", Holds::Texts, "roles = [\"handler\"]"),
    may("email", Holds::Text),
    may("mobile", Holds::Text),
    may("robots", Holds::Texts),
    may("lang", Holds::Choice(&["zh", "en"])),
];

/// The keys of a provider of this kind; only the kind itself when it is none.
pub(super) fn of_kind(kind: &str) -> &'static [Field] {
    match kind {
        "folder" => FOLDER,
        "smtp" => SMTP,
        _ => &[KIND],
    }
}

/// Everything in `table` that does not fit `fields`. `place` is its header; `shown` how people write it.
pub(super) fn check(
    table: &DeTable<'_>,
    place: &Span,
    shown: &str,
    fields: &[Field],
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (key, value) in table {
        let name: &str = key.get_ref();
        match fields.iter().find(|field| field.name == name) {
            Some(field) => found.extend(unfit(field, value.get_ref(), value.span(), shown)),
            None => found.push(unknown(name, key.span(), shown, fields)),
        }
    }
    for field in fields {
        if let Some(example) = field.needed.filter(|_| !table.contains_key(field.name)) {
            found.push(missing(field.name, example, place, shown));
        }
    }
    found
}

/// What is wrong with one key, the others left alone.
pub(super) fn check_one(
    table: &DeTable<'_>,
    place: &Span,
    shown: &str,
    field: &Field,
) -> Vec<Diagnostic> {
    let found = match (table.get(field.name), field.needed) {
        (Some(value), _) => unfit(field, value.get_ref(), value.span(), shown),
        (None, Some(example)) => Some(missing(field.name, example, place, shown)),
        (None, None) => None,
    };
    found.into_iter().collect()
}

fn unknown(name: &str, span: Span, shown: &str, fields: &[Field]) -> Diagnostic {
    let known: Vec<&str> = fields.iter().map(|field| field.name).collect();
    let message = Words::new(
        format!("{shown} 里没有“{name}”这个键"),
        format!("{shown} has no key `{name}`"),
    );
    let label = Words::new("不认识这个键", "this key is not known");
    let mut found = problem(Code::SettingsUnknownKey, span, message, label);
    found.help = did_you_mean(name, &known).unwrap_or_else(|| one_of(&known));
    found
}

fn missing(name: &str, example: &str, place: &Span, shown: &str) -> Diagnostic {
    let message = Words::new(
        format!("{shown} 缺少“{name}”"),
        format!("{shown} lacks `{name}`"),
    );
    let label = Words::new(
        format!("这里要写“{name}”"),
        format!("`{name}` belongs in here"),
    );
    let mut found = problem(Code::SettingsProvider, place.clone(), message, label);
    found.help = Words::new(
        format!("例如：{example}"),
        format!("for example: {example}"),
    );
    found
}

fn unfit(field: &Field, value: &DeValue<'_>, span: Span, shown: &str) -> Option<Diagnostic> {
    let name = field.name;
    let fits = match (field.holds, value) {
        (Holds::Text, DeValue::String(text)) => !text.trim().is_empty(),
        (Holds::MaybeEmpty, DeValue::String(_)) | (Holds::Flag, DeValue::Boolean(_)) => true,
        (Holds::Choice(known), DeValue::String(text)) => known.contains(&text.as_ref()),
        (Holds::Count(least, most), DeValue::Integer(number)) => {
            let read = u64::from_str_radix(number.as_str(), number.radix());
            read.is_ok_and(|count| (least..=most).contains(&count))
        }
        (Holds::Texts, DeValue::Array(items)) => {
            !items.is_empty() && items.iter().all(|item| item.get_ref().is_str())
        }
        _ => return Some(wrong_type(field, span, shown)),
    };
    if fits {
        return None;
    }
    let message = match (field.holds, value.as_str()) {
        (Holds::Choice(_), Some(text)) => Words::new(
            format!("{shown} 的“{name}”不能是“{text}”"),
            format!("`{name}` of {shown} cannot be `{text}`"),
        ),
        _ => Words::new(
            format!("{shown} 的“{name}”的值不可用"),
            format!("`{name}` of {shown} cannot have this value"),
        ),
    };
    let mut found = problem(Code::SettingsBadValue, span, message, expected(field.holds));
    if let (Holds::Choice(known), Some(text)) = (field.holds, value.as_str()) {
        found.help = did_you_mean(text, known).unwrap_or_default();
    }
    Some(found)
}

fn wrong_type(field: &Field, span: Span, shown: &str) -> Diagnostic {
    let message = Words::new(
        format!("{shown} 的“{}”的类型不对", field.name),
        format!("`{}` of {shown} is of the wrong type", field.name),
    );
    problem(
        Code::SettingsWrongType,
        span,
        message,
        expected(field.holds),
    )
}

fn expected(holds: Holds) -> Words {
    match holds {
        Holds::Text => Words::new(
            "应为不空的文本，加双引号",
            "expected a text in quotes, not empty",
        ),
        Holds::MaybeEmpty => Words::new("应为文本，加双引号", "expected a text in quotes"),
        Holds::Texts => Words::new(
            "应为文本的列表，如 [\"handler\", \"lead\"]",
            "expected a list of texts, such as [\"handler\", \"lead\"]",
        ),
        Holds::Count(least, most) => Words::new(
            format!("应为 {least} 到 {most} 之间的整数，不加引号"),
            format!("expected a whole number from {least} to {most}, without quotes"),
        ),
        Holds::Flag => Words::new(
            "应为 true 或 false，不加引号",
            "expected true or false, without quotes",
        ),
        Holds::Choice(known) => Words::new(
            format!("应为其中之一：{}", known.join("、")),
            format!("expected one of: {}", known.join(", ")),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a table with every key of `fields` into `T`, which refuses keys it does not know.
    fn reads<T: serde::de::DeserializeOwned>(fields: &[Field]) {
        let lines = fields.iter().map(|field| {
            let value = match field.holds {
                Holds::Text | Holds::MaybeEmpty => "\"x\"".to_owned(),
                Holds::Texts => "[\"x\"]".to_owned(),
                Holds::Count(least, _) => least.to_string(),
                Holds::Flag => "true".to_owned(),
                Holds::Choice(known) => format!("\"{}\"", known[0]),
            };
            format!("{} = {value}\n", field.name)
        });
        let text: String = lines.collect();
        assert!(toml::from_str::<T>(&text).is_ok(), "{text}");
    }

    #[test]
    fn the_readers_know_the_same_keys() {
        let without_kind = |kind: &str| {
            let fields = of_kind(kind).iter().copied();
            fields
                .filter(|field| field.name != "kind")
                .collect::<Vec<_>>()
        };
        reads::<qixian_notify::FolderSettings>(&without_kind("folder"));
        reads::<qixian_notify::SmtpSettings>(&without_kind("smtp"));
        reads::<qixian_notify::StaffMember>(STAFF);
    }
}
