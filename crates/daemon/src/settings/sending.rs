//! Providers, staff and routes: read into `notify`'s types, one problem for each entry that does not fit.

use qixian_core::{Channel, Words};
use qixian_notify::{FolderSettings, ProviderSettings, Settings, StaffMember};
use qixian_workflow::{Code, Diagnostic, Diagnostics, Source, Span};
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeValue, ValueDeserializer};

use super::places::Places;
use super::shape::{self, Field};
use super::{Shown, problem, routes};
use crate::files::ConfigFile;
use crate::said::translated;

/// The provider there is when none is configured: each message a file in the data directory.
const FOLDER: &str = "folder";

/// What was read so far.
#[derive(Debug, Default)]
pub(super) struct Sending {
    pub(super) settings: Settings,
    pub(super) places: Places,
    /// Every provider that the file names, those included that cannot be used: a route to one is no second problem.
    declared: Vec<String>,
    /// Whether parts of the file could not be read, so that what seems missing may well be there.
    pub(super) incomplete: bool,
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
            let path = format!("providers.{name}");
            self.declared.push(name.clone());
            self.note(source, &path, &place, value.get_ref());
            let kind = value
                .get_ref()
                .get("kind")
                .and_then(|kind| kind.get_ref().as_str());
            let fields = shape::of_kind(kind.unwrap_or_default());
            match entry::<ProviderSettings>(value, &place, &format!("[{path}]"), fields) {
                Ok(provider) => drop(self.settings.providers.insert(name, provider)),
                Err(problems) => found.extend(problems),
            }
        }
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
        for item in items {
            let place = item.span();
            let path = format!("staff.{}", self.settings.staff.len());
            self.note(source, &path, &place, item.get_ref());
            match entry::<StaffMember>(item, &place, "[[staff]]", shape::STAFF) {
                Ok(member) => {
                    found.extend(unreachable(&member, &self.places, &path));
                    self.settings.staff.push(member);
                }
                Err(problems) => found.extend(problems),
            }
        }
        found
    }

    /// Notes the places of an entry and of its keys.
    fn note(&mut self, source: &Source, path: &str, span: &Span, value: &DeValue<'_>) {
        self.places.note(path, source, span.clone());
        for (key, value) in value.as_table().into_iter().flatten() {
            let below = format!("{path}.{}", key.get_ref());
            self.places.note(&below, source, value.span());
        }
    }

    /// Reads `routes.toml`, fills in what nobody said, and checks that every route leads to a provider.
    pub(super) fn finish(&mut self, routes: Option<&ConfigFile>) -> Diagnostics {
        if self.declared.is_empty() {
            let folder = ProviderSettings::Folder(FolderSettings::default());
            self.settings.providers.insert(FOLDER.to_owned(), folder);
            self.declared.push(FOLDER.to_owned());
        }
        let mut problems = Diagnostics::default();
        if let Some(file) = routes {
            // The shipped routes speak of a folder, which an agency's own providers replace.
            let strict = !file.shown.starts_with("(embedded)") && !self.incomplete;
            let known = strict.then_some(&*self.declared);
            let source = Source::new(&file.shown, &file.text);
            let (routes, found) = routes::read(&source, known, &mut self.places);
            self.settings.routes = routes;
            problems.append(found);
        }
        self.route_the_rest();
        problems
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
        let origin = |path: &str| self.places.origin(path);
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
        let route = |(channel, name): (&Channel, &String)| {
            let path = format!("routes.channels.{channel}");
            Shown {
                origin: origin(&path),
                path,
                value: name.clone(),
            }
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

/// One entry: all that does not fit its shape, or else what the derived reader makes of it.
fn entry<T: DeserializeOwned>(
    value: Spanned<DeValue<'_>>,
    place: &Span,
    shown: &str,
    fields: &[Field],
) -> Result<T, Vec<Diagnostic>> {
    let DeValue::Table(table) = value.get_ref() else {
        return Err(vec![entry_problem(value.span(), shown, shown)]);
    };
    let found = match fields {
        // Nothing can be said of the other keys while the kind is not known.
        [kind] => shape::check_one(table, place, shown, kind),
        _ => shape::check(table, place, shown, fields),
    };
    if !found.is_empty() {
        return Err(found);
    }
    T::deserialize(ValueDeserializer::from(value)).map_err(|error| {
        let words = translated(&error.message().trim().replace('\n', "; "));
        let message = Words::new(
            format!("{shown} 不可用：{}", words.zh),
            format!("{shown} cannot be used: {}", words.en),
        );
        let span = error.span().unwrap_or_else(|| place.clone());
        vec![problem(
            Code::SettingsProvider,
            span,
            message,
            Words::default(),
        )]
    })
}

/// What keeps every reminder from a member of staff.
fn unreachable(member: &StaffMember, places: &Places, path: &str) -> Vec<Diagnostic> {
    let place = |key: &str| places.nearest(&format!("{path}{key}")).unzip().1;
    let refused = |key: &str, message: Words, help: Words| {
        let span = place(key).unwrap_or_default();
        let mut found = problem(Code::SettingsProvider, span, message, Words::default());
        found.help = help;
        found
    };
    let name = &member.name;
    if member.email.is_none() && member.mobile.is_none() && member.robots.is_empty() {
        let message = Words::new(
            format!("{name} 没有任何联系方式，提醒送不到"),
            format!("{name} has no address at all: no reminder can arrive"),
        );
        let help = Words::new(
            "写上 email 或 mobile，如 email = \"wang@example.cn\"",
            "give email or mobile, such as email = \"wang@example.cn\"",
        );
        return vec![refused("", message, help)];
    }
    let mail = member.email.as_deref().filter(|text| !is_mail(text));
    let mail = mail.map(|text| {
        let message = Words::new(
            format!("{name} 的 email“{text}”不是邮箱地址"),
            format!("email of {name}: `{text}` is not a mail address"),
        );
        let help = Words::new(
            "应如 wang@example.cn",
            "expected one such as wang@example.cn",
        );
        refused(".email", message, help)
    });
    let mobile = member.mobile.as_deref().filter(|text| !is_mobile(text));
    let mobile = mobile.map(|text| {
        let message = Words::new(
            format!("{name} 的 mobile“{text}”不是手机号码"),
            format!("mobile of {name}: `{text}` is not a mobile number"),
        );
        let help = Words::new("应如 13800138000", "expected one such as 13800138000");
        refused(".mobile", message, help)
    });
    mail.into_iter().chain(mobile).collect()
}

/// Roughly: what a slip of the pen breaks.
fn is_mail(text: &str) -> bool {
    let parts = text.split_once('@');
    parts.is_some_and(|(user, host)| !user.is_empty() && host.contains('.') && !host.contains('@'))
        && !text.contains(char::is_whitespace)
}

fn is_mobile(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let only = text
        .chars()
        .all(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | ' '));
    only && (5..=15).contains(&digits)
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
            problems.contains("post") && problems.contains("NT0011"),
            "{problems}"
        );
    }
}
