//! Reads `routes.toml` with the place of everything.

use qixian_core::{Channel, Words};
use qixian_notify::RouteSettings;
use qixian_workflow::{Code, Diagnostic, Diagnostics, Source, Span, syntax_problem};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::names::{did_you_mean, one_of};
use super::places::Places;
use super::problem;

const TABLES: &[&str] = &["channels", "urgent"];

/// The routes and every problem in them. `known` are the providers there are; `None`: not to be asked.
pub(super) fn read(
    source: &Source,
    known: Option<&[String]>,
    places: &mut Places,
) -> (RouteSettings, Diagnostics) {
    let (root, errors) = DeTable::parse_recoverable(&source.text);
    let end = source.text.len();
    let mut found: Vec<Diagnostic> = Vec::new();
    let mut routes = RouteSettings::default();
    for (key, value) in root.get_ref() {
        let name: &str = key.get_ref();
        let into = match name {
            "channels" => &mut routes.channels,
            "urgent" => &mut routes.urgent,
            _ => {
                found.push(unknown_table(name, key.span()));
                continue;
            }
        };
        let mut table = Entries {
            source,
            known,
            path: format!("routes.{name}"),
            places,
            found: &mut found,
        };
        into.extend(table.read(value));
    }
    // A header that could not be read makes what follows it look wrong too.
    if !errors.is_empty() {
        found.clear();
    }
    found.extend(errors.iter().map(|error| {
        let span = error.span().unwrap_or(end..end);
        syntax_problem(source, Code::SettingsSyntax, error.message(), span)
    }));
    (routes, Diagnostics::of(source, found))
}

fn unknown_table(name: &str, span: Span) -> Diagnostic {
    let message = Words::new(
        format!("routes.toml 里没有“{name}”"),
        format!("routes.toml has no `{name}`"),
    );
    let label = Words::new(
        "只有 [channels] 和 [urgent] 两张表",
        "there are two tables: [channels] and [urgent]",
    );
    let mut found = problem(Code::SettingsUnknownKey, span, message, label);
    let is_channel = name.parse::<Channel>().is_ok();
    found.help = match is_channel {
        true => Words::new(
            "把这一行写到 [channels] 下面",
            "put this line below [channels]",
        ),
        false => did_you_mean(name, TABLES).unwrap_or_default(),
    };
    found
}

/// One of the two tables while it is read.
struct Entries<'a> {
    source: &'a Source,
    known: Option<&'a [String]>,
    path: String,
    places: &'a mut Places,
    found: &'a mut Vec<Diagnostic>,
}

impl Entries<'_> {
    fn read(&mut self, value: &Spanned<DeValue<'_>>) -> Vec<(Channel, String)> {
        let Some(table) = value.get_ref().as_table() else {
            let message = Words::new("这里应是一张表", "expected a table");
            let label = Words::new("应写成 [channels]", "write it as [channels]");
            let wrong = problem(Code::SettingsWrongType, value.span(), message, label);
            self.found.push(wrong);
            return Vec::new();
        };
        let mut routes = Vec::new();
        for (key, value) in table {
            let Ok(channel) = key.get_ref().parse::<Channel>() else {
                self.found.push(unknown_channel(key.get_ref(), key.span()));
                continue;
            };
            let Some(name) = value.get_ref().as_str() else {
                self.found.push(no_text(channel, value.span()));
                continue;
            };
            let path = format!("{}.{channel}", self.path);
            self.places.note(&path, self.source, value.span());
            if let Some(known) = self.known.filter(|known| !known.iter().any(|k| k == name)) {
                self.found.push(lost(channel, name, value.span(), known));
            }
            routes.push((channel, name.to_owned()));
        }
        routes
    }
}

fn unknown_channel(name: &str, span: Span) -> Diagnostic {
    let known = Channel::ALL.map(Channel::name);
    let message = Words::new(
        format!("没有“{name}”这个渠道"),
        format!("there is no channel `{name}`"),
    );
    let label = Words::new("不认识这个渠道", "this channel is not known");
    let mut found = problem(Code::SettingsUnknownName, span, message, label);
    found.help = did_you_mean(name, &known).unwrap_or_else(|| one_of(&known));
    found
}

fn no_text(channel: Channel, span: Span) -> Diagnostic {
    let message = Words::new(
        format!("{channel} 的类型不对"),
        format!("{channel} is of the wrong type"),
    );
    let label = Words::new(
        "应为服务商的名字，加双引号",
        "expected a provider's name in quotes",
    );
    problem(Code::SettingsWrongType, span, message, label)
}

fn lost(channel: Channel, name: &str, span: Span, known: &[String]) -> Diagnostic {
    let message = Words::new(
        format!("{channel} 指向“{name}”，但没有 [providers.{name}]"),
        format!("{channel} is routed to `{name}`, but there is no [providers.{name}]"),
    );
    let label = Words::new("没有这个服务商", "there is no such provider");
    let mut found = problem(Code::RouteUnknownProvider, span, message, label);
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    found.help = did_you_mean(name, &known).unwrap_or_else(|| one_of(&known));
    found
}
