//! Providers, staff and routes: read into `notify`'s types, one problem for each entry that does not fit.

use qixian_core::{Channel, Words};
use qixian_notify::{FolderSettings, ProviderSettings, RouteSettings, Settings, StaffMember};
use qixian_workflow::{Code, Diagnostic, Diagnostics, Source, Span};
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeValue, ValueDeserializer};

use super::file::syntax;
use super::{Origin, Shown, problem};
use crate::files::ConfigFile;
use crate::said::{known, quoted, translated};

/// The provider there is when none is configured: each message a file in the data directory.
const FOLDER: &str = "folder";

/// What was read so far.
#[derive(Debug, Default)]
pub(super) struct Sending {
    pub(super) settings: Settings,
    origins: Vec<(String, Origin)>,
    /// Whether a provider was refused; a route to it is then no second problem.
    broken: bool,
}

impl Sending {
    /// `[providers.*]`
    pub(super) fn take_providers(
        &mut self,
        source: &Source,
        value: Spanned<DeValue<'_>>,
    ) -> Vec<Diagnostic> {
        let span = value.span();
        let DeValue::Table(table) = value.into_inner() else {
            return vec![entry_problem(span, "providers", "[providers.NAME]")];
        };
        let mut found = Vec::new();
        for (name, value) in table {
            let (place, name) = (name.span(), name.get_ref().to_string());
            match entry::<ProviderSettings>(value, &place, &format!("providers.{name}")) {
                Ok(provider) => {
                    self.note(source, &format!("providers.{name}"), &place);
                    self.settings.providers.insert(name, provider);
                }
                Err(problem) => found.push(*problem),
            }
        }
        self.broken |= !found.is_empty();
        found
    }

    /// `[[staff]]`
    pub(super) fn take_staff(
        &mut self,
        source: &Source,
        value: Spanned<DeValue<'_>>,
    ) -> Vec<Diagnostic> {
        let span = value.span();
        let DeValue::Array(items) = value.into_inner() else {
            return vec![entry_problem(span, "staff", "[[staff]]")];
        };
        let mut found = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            let place = item.span();
            match entry::<StaffMember>(item, &place, "staff") {
                Ok(member) => {
                    self.note(source, &format!("staff.{index}"), &place);
                    self.settings.staff.push(member);
                }
                Err(problem) => found.push(*problem),
            }
        }
        found
    }

    fn note(&mut self, source: &Source, path: &str, span: &Span) {
        let (line, _) = source.place(span.start);
        let file = source.name.to_string();
        self.origins
            .push((path.to_owned(), Origin::File { file, line }));
    }

    /// Reads `routes.toml`, fills in what nobody said, and checks that every route leads to a provider.
    pub(super) fn finish(&mut self, routes: Option<&ConfigFile>) -> Diagnostics {
        if self.settings.providers.is_empty() {
            let folder = ProviderSettings::Folder(FolderSettings::default());
            self.settings.providers.insert(FOLDER.to_owned(), folder);
            self.origins
                .push((format!("providers.{FOLDER}"), Origin::Default));
        }
        let mut problems = Diagnostics::default();
        if let Some(file) = routes {
            let source = Source::new(&file.shown, &file.text);
            match toml::from_str::<RouteSettings>(&file.text) {
                Ok(routes) => self.settings.routes = routes,
                Err(error) => {
                    problems.append(Diagnostics::of(&source, vec![syntax(&source, &error)]))
                }
            }
            // The shipped routes speak of a folder, which an agency's own providers replace.
            if !file.shown.starts_with("(embedded)") && !self.broken {
                problems.append(self.check_routes(&source));
            }
        }
        self.route_the_rest();
        problems
    }

    fn check_routes(&self, source: &Source) -> Diagnostics {
        let routes = &self.settings.routes;
        let all = routes.channels.iter().chain(&routes.urgent);
        let lost = all.filter(|(_, name)| !self.settings.providers.contains_key(*name));
        let found = lost.map(|(channel, name)| {
            let at = source.text.find(&format!("\"{name}\"")).unwrap_or_default();
            let message = Words::new(
                format!("{channel} 指向“{name}”，但没有 [providers.{name}]"),
                format!("{channel} is routed to `{name}`, but there is no [providers.{name}]"),
            );
            let known: Vec<&str> = self.settings.providers.keys().map(String::as_str).collect();
            let expected = Words::new(
                format!("可用的有：{}", known.join("、")),
                format!("known here: {}", known.join(", ")),
            );
            problem(
                Code::SettingsUnknownName,
                at..at + name.len() + 2,
                message,
                expected,
            )
        });
        Diagnostics::of(source, found.collect())
    }

    /// Channels without a usable route: mail and tasks go by the first mail server, else all go to the first folder.
    fn route_the_rest(&mut self) {
        let settings = &mut self.settings;
        let providers = &settings.providers;
        settings
            .routes
            .channels
            .retain(|_, name| providers.contains_key(name));
        settings
            .routes
            .urgent
            .retain(|_, name| providers.contains_key(name));
        let first = |wanted: fn(&ProviderSettings) -> bool| {
            providers
                .iter()
                .find(|(_, p)| wanted(p))
                .map(|(name, _)| name.clone())
        };
        let folder = first(|p| matches!(p, ProviderSettings::Folder(_)));
        let smtp = first(|p| matches!(p, ProviderSettings::Smtp(_)));
        for channel in Channel::ALL {
            let by_mail = matches!(channel, Channel::Mail | Channel::Person);
            let fitting = if by_mail {
                smtp.as_ref().or(folder.as_ref())
            } else {
                folder.as_ref()
            };
            if let Some(name) = fitting {
                settings
                    .routes
                    .channels
                    .entry(channel)
                    .or_insert_with(|| name.clone());
            }
        }
    }

    /// What `config show` says of it. Addresses, logins and passwords are left out.
    pub(super) fn shown(&self) -> Vec<Shown> {
        let origin = |path: &str| {
            let found = self.origins.iter().find(|(known, _)| known == path);
            found.map_or(Origin::Default, |(_, origin)| origin.clone())
        };
        let provider = |(name, provider): (&String, &ProviderSettings)| {
            let path = format!("providers.{name}");
            let value = match provider {
                ProviderSettings::Folder(_) => "folder".to_owned(),
                ProviderSettings::Smtp(smtp) => format!("smtp {}:{}", smtp.host, smtp.port()),
            };
            Shown {
                origin: origin(&path),
                path,
                value,
            }
        };
        let staff = |(index, member): (usize, &StaffMember)| {
            let path = format!("staff.{index}");
            let value = format!(
                "{} ({})",
                qixian_notify::mask::name(&member.name),
                member.roles.join(", ")
            );
            Shown {
                origin: origin(&path),
                path,
                value,
            }
        };
        let route = |(channel, name): (&Channel, &String)| Shown {
            path: format!("routes.channels.{channel}"),
            value: name.clone(),
            origin: Origin::Default,
        };
        let providers = self.settings.providers.iter().map(provider);
        let members = self.settings.staff.iter().enumerate().map(staff);
        let routes = self.settings.routes.channels.iter().map(route);
        providers.chain(members).chain(routes).collect()
    }
}

/// Everything as files in `dir`, whatever was configured.
pub(super) fn folder_only(dir: &str, staff: Vec<StaffMember>) -> Settings {
    let mut sending = Sending::default();
    let folder = FolderSettings {
        dir: Some(dir.into()),
    };
    let providers = &mut sending.settings.providers;
    providers.insert(FOLDER.to_owned(), ProviderSettings::Folder(folder));
    sending.settings.staff = staff;
    sending.route_the_rest();
    sending.settings
}

fn entry<T: DeserializeOwned>(
    value: Spanned<DeValue<'_>>,
    place: &Span,
    path: &str,
) -> Result<T, Box<Diagnostic>> {
    let keys = key_spans(value.get_ref());
    T::deserialize(ValueDeserializer::from(value)).map_err(|error| {
        let said = error.message().trim().replace('\n', "; ");
        let words = translated(&said);
        let message = Words::new(
            format!("[{path}] 不可用：{}", words.zh),
            format!("[{path}] cannot be used: {}", words.en),
        );
        // A provider is read by its kind first, which loses the place of what stands beside it.
        let named = quoted(&said).and_then(|name| keys.iter().find(|(key, _)| key == name));
        let span = named.map(|(_, span)| span.clone()).or_else(|| error.span());
        let span = span.unwrap_or_else(|| place.clone());
        let mut found = problem(Code::SettingsProvider, span, message, Words::default());
        let close = quoted(&said).and_then(|name| {
            let mut known = known(&said);
            known.find(|known| strsim::jaro_winkler(name, known) >= 0.8)
        });
        if let Some(close) = close {
            let (zh, en) = (
                format!("是不是想写“{close}”？"),
                format!("did you mean `{close}`?"),
            );
            found.help = Words::new(zh, en);
        }
        Box::new(found)
    })
}

fn key_spans(value: &DeValue<'_>) -> Vec<(String, Span)> {
    let DeValue::Table(table) = value else {
        return Vec::new();
    };
    let keys = table
        .iter()
        .map(|(key, _)| (key.get_ref().to_string(), key.span()));
    keys.collect()
}

fn entry_problem(span: Span, name: &str, shape: &str) -> Diagnostic {
    let message = Words::new(
        format!("“{name}”应写成 {shape}"),
        format!("write `{name}` as {shape}"),
    );
    problem(Code::SettingsWrongType, span, message, Words::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_providers_everything_goes_to_the_folder() {
        let mut sending = Sending::default();
        assert!(sending.finish(None).is_empty());
        assert!(
            Channel::ALL
                .iter()
                .all(|c| sending.settings.routes.channels[c] == FOLDER)
        );
    }

    #[test]
    fn a_route_to_nowhere_is_told() {
        let mut sending = Sending::default();
        let file = ConfigFile {
            name: "routes.toml".to_owned(),
            shown: "routes.toml".to_owned(),
            text: "[channels]\nmail = \"post\"\n".to_owned(),
        };
        let problems = sending.finish(Some(&file)).to_string();
        assert!(
            problems.contains("post") && problems.contains("CF0005"),
            "{problems}"
        );
    }
}
