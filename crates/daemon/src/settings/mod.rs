//! Settings: defaults, then the file, then the environment, then the command line; each value knows where it is from.

mod file;
mod keys;
pub(crate) mod names;
mod places;
mod routes;
mod sending;
mod shape;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use qixian_core::{Lang, Words};
use qixian_notify::BuildError;
use qixian_time::Zone;
use qixian_workflow::{Code, Diagnostic, Diagnostics, Label, Severity, Source, Span};

use crate::files::{ConfigFiles, FileError, read_text};
use keys::{KEYS, Key};
use places::Places;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Built in.
    Default,
    /// A line of the configuration file.
    File {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
    },
    /// An environment variable.
    Env(String),
    /// The command line.
    Flag,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Origin::Default => out.write_str("default"),
            Origin::File { file, line } => write!(out, "{file}:{line}"),
            Origin::Env(name) => write!(out, "env {name}"),
            Origin::Flag => out.write_str("command line"),
        }
    }
}

/// One value as `config show` prints it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The setting's dotted name.
    pub path: String,
    /// Its value; a secret is masked.
    pub value: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// What the command line adds.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// The configuration file (`--config`, `QIXIAN_CONFIG`); without it there is none.
    pub config: Option<PathBuf>,
    /// Settings by dotted name.
    pub values: Vec<(&'static str, String)>,
}

/// Everything that is configured, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The data directory.
    pub data: PathBuf,
    /// Where HTTP listens.
    pub listen: SocketAddr,
    /// The language of what is printed and of answers that ask for none.
    pub lang: Lang,
    /// The zone of the command line's times and of pages.
    pub zone: Zone,
    /// The calendar `due` counts with unless told otherwise.
    pub calendar: String,
    /// The rule pack new cases are decided under.
    pub rules: String,
    /// Where links in messages lead; `None`: messages hold none.
    pub base_url: Option<String>,
    /// Whether `/metrics` and the API description need no token.
    pub open_metrics: bool,
    /// Asked from the timer loop, so that somebody outside notices when it stands still.
    pub ping_url: Option<String>,
    /// How many events may wait.
    pub inbox: usize,
    /// The longest request body, in bytes.
    pub body_bytes: usize,
    /// How many messages one provider sends at once.
    pub sends_per_provider: usize,
    /// The longest a request may take, in seconds.
    pub request_seconds: u64,
    /// The store's cache, in MiB.
    pub cache_mib: u64,
    /// How much of the disk is kept for timers and outcomes, in MiB; 0 for nothing.
    pub reserve_mib: u64,
    /// How long the disk may take to make writes durable before the process ends, in seconds.
    pub flush_limit_seconds: u64,
    /// Whether log lines are JSON.
    pub log_json: bool,
    /// The least severity logged.
    pub log_level: String,
    /// Providers, staff and routes.
    pub sending: qixian_notify::Settings,
    /// The configuration files in force.
    pub files: ConfigFiles,
    shown: Vec<Shown>,
    places: Places,
    /// Parts of the file could not be read.
    incomplete: bool,
}

/// One value as it was given.
struct Given {
    text: String,
    origin: Origin,
    /// Where it stands, to be pointed at.
    place: Option<(Source, Span)>,
}

type Values = BTreeMap<&'static str, Given>;

impl Settings {
    /// Reads all sources. `env` answers an environment variable.
    ///
    /// # Errors
    /// Every problem of every source at once.
    pub fn load(
        overrides: &Overrides,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, Diagnostics> {
        let (settings, problems) = Self::read(overrides, env);
        match problems.has_errors() {
            true => Err(problems),
            false => Ok(settings),
        }
    }

    /// Like [`Settings::load`], with the default in the place of each value that is wrong: for looking further.
    pub fn read(
        overrides: &Overrides,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> (Self, Diagnostics) {
        let mut problems = Diagnostics::default();
        let mut values = defaults();
        let config = overrides.config.clone();
        let config = config.or_else(|| env("QIXIAN_CONFIG").map(PathBuf::from));
        let mut sending = sending::Sending::default();
        if let Some(path) = &config {
            match read_text(path) {
                Ok(text) => {
                    let source = Source::new(&path.display().to_string(), &text);
                    problems.append(file::read(&source, &mut values, &mut sending));
                }
                Err(error) => {
                    sending.incomplete = true;
                    let help = Words::new(
                        "配置文件由 --config 或环境变量 QIXIAN_CONFIG 指定",
                        "the file is the one that --config or the variable QIXIAN_CONFIG names",
                    );
                    problems.append(unreadable(&error, help));
                }
            }
        }
        problems.append(from_environment(&mut values, env));
        problems.append(from_flags(&mut values, &overrides.values));
        let dir = config.as_deref().and_then(Path::parent);
        let (files, unread) = ConfigFiles::with_directory(dir);
        for error in &unread {
            problems.append(unreadable(error, Words::default()));
        }
        problems.append(sending.finish(files.get("routes.toml")));
        (build(values, sending, files), problems)
    }

    /// Replaces every provider by a folder, `outbox` in the data directory, and pings nobody: for demos.
    pub fn stay_on_this_machine(&mut self) {
        self.ping_url = None;
        self.sending = sending::folder_only("outbox", std::mem::take(&mut self.sending.staff));
    }

    /// Every reason for which a provider cannot be made from its settings. Files that they name are read.
    pub fn check_providers(&self) -> Diagnostics {
        let mut by_file: Vec<(Source, Vec<Diagnostic>)> = Vec::new();
        let errors = match self.incomplete {
            true => Vec::new(),
            false => qixian_notify::problems(&self.sending),
        };
        for error in errors {
            let code = match error {
                BuildError::Setting { .. } => Code::ProviderSetting,
                BuildError::File { .. } => Code::ProviderFile,
                BuildError::Route(_) => Code::RouteUnknownProvider,
            };
            let (source, mut found) = self.problem_at(&error.setting(), code, error.words());
            found.help = error.advice();
            match by_file.iter_mut().find(|(file, _)| *file == source) {
                Some((_, beside)) => beside.push(found),
                None => by_file.push((source, vec![found])),
            }
        }
        let mut problems = Diagnostics::default();
        for (source, found) in by_file {
            problems.append(Diagnostics::of(&source, found));
        }
        problems
    }

    /// A problem that points at the setting of this dotted name, or at the table that should hold it.
    pub(crate) fn problem_at(
        &self,
        path: &str,
        code: Code,
        message: Words,
    ) -> (Source, Diagnostic) {
        let place = self.places.nearest(path);
        let (source, span) = place.unwrap_or_else(|| (Source::new(path, ""), 0..0));
        (source, problem(code, span, message, Words::default()))
    }

    /// Every value with its origin, in the order of the shipped file.
    pub fn shown(&self) -> &[Shown] {
        &self.shown
    }
}

fn defaults() -> Values {
    let default = |key: &Key| {
        let given = Given {
            text: key.default.to_owned(),
            origin: Origin::Default,
            place: None,
        };
        (key.path, given)
    };
    KEYS.iter().map(default).collect()
}

fn build(values: Values, mut sending: sending::Sending, files: ConfigFiles) -> Settings {
    let text = |path: &str| values[path].text.clone();
    let count = |path: &str| -> u64 { text(path).parse().expect("checked by its kind") };
    let address = |path: &str| Some(text(path)).filter(|url| !url.is_empty());
    let size = |path: &str| usize::try_from(count(path)).unwrap_or(usize::MAX);
    let mut shown: Vec<Shown> = KEYS.iter().map(|key| show(key, &values)).collect();
    shown.extend(sending.shown());
    for (path, given) in &values {
        if let Some((source, span)) = &given.place {
            sending.places.note(path, source, span.clone());
        }
    }
    Settings {
        data: text("data").into(),
        listen: text("listen").parse().expect("checked by its kind"),
        lang: match text("lang").as_str() {
            "en" => Lang::En,
            _ => Lang::Zh,
        },
        zone: Zone::named(&text("zone")).expect("checked by its kind"),
        calendar: text("calendar"),
        rules: text("rules"),
        base_url: address("base_url"),
        open_metrics: text("open_metrics") == "true",
        ping_url: address("ping.url"),
        inbox: size("limits.inbox"),
        body_bytes: size("limits.body_kib").saturating_mul(1024),
        sends_per_provider: size("limits.sends_per_provider"),
        request_seconds: count("limits.request_seconds"),
        cache_mib: count("store.cache_mib"),
        reserve_mib: count("store.reserve_mib"),
        flush_limit_seconds: count("store.flush_limit_seconds"),
        log_json: text("log.format") == "json",
        log_level: text("log.level"),
        sending: sending.settings,
        places: sending.places,
        incomplete: sending.incomplete,
        files,
        shown,
    }
}

fn show(key: &Key, values: &Values) -> Shown {
    let Given {
        text: value,
        origin,
        ..
    } = &values[key.path];
    let masked = key.secret && !value.is_empty();
    Shown {
        path: key.path.to_owned(),
        value: if masked {
            "********".to_owned()
        } else {
            value.clone()
        },
        origin: origin.clone(),
    }
}

fn from_environment(values: &mut Values, env: &dyn Fn(&str) -> Option<String>) -> Diagnostics {
    let mut problems = Diagnostics::default();
    for key in KEYS {
        let name = key.env();
        let Some(value) = env(&name) else { continue };
        let origin = Origin::Env(name.clone());
        problems.append(put_outer(
            values,
            key,
            &format!("{name}="),
            "environment",
            value,
            origin,
        ));
    }
    problems
}

fn from_flags(values: &mut Values, flags: &[(&'static str, String)]) -> Diagnostics {
    let mut problems = Diagnostics::default();
    for (path, value) in flags {
        let Some(key) = KEYS.iter().find(|key| key.path == *path) else {
            continue;
        };
        let before = format!("--{path} ");
        problems.append(put_outer(
            values,
            key,
            &before,
            "command line",
            value.clone(),
            Origin::Flag,
        ));
    }
    problems
}

/// Takes a value from outside the file, or draws it as if it stood in one.
fn put_outer(
    values: &mut Values,
    key: &Key,
    before: &str,
    place: &str,
    value: String,
    origin: Origin,
) -> Diagnostics {
    let shown = if key.secret { "********" } else { &value };
    let text = format!("{before}{shown}");
    let (source, span) = (Source::new(place, &text), before.len()..text.len());
    if !key.accepts(&value) {
        return Diagnostics::of(&source, vec![bad_value(key, span)]);
    }
    let given = Given {
        text: value,
        origin,
        place: Some((source, span)),
    };
    values.insert(key.path, given);
    Diagnostics::default()
}

fn unreadable(error: &FileError, help: Words) -> Diagnostics {
    let path = error.path.display().to_string();
    let why = error.why();
    let message = Words::new(
        format!("读不了 {path}：{}", why.zh),
        format!("cannot read {path}: {}", why.en),
    );
    let mut found = problem(Code::SettingsUnreadable, 0..0, message, Words::default());
    found.help = help;
    Diagnostics::of(&Source::new(&path, ""), vec![found])
}

fn bad_value(key: &Key, span: Span) -> Diagnostic {
    let message = Words::new(
        format!("“{}”的值不可用", key.path),
        format!("`{}` cannot have this value", key.path),
    );
    problem(Code::SettingsBadValue, span, message, key.expected())
}

/// An error at `span` whose label says what was expected.
fn problem(code: Code, span: Span, message: Words, expected: Words) -> Diagnostic {
    Diagnostic {
        code,
        severity: Severity::Error,
        message,
        label: Label {
            span,
            text: match expected.zh.is_empty() {
                true => Words::new("在这里", "here"),
                false => expected,
            },
        },
        also: Vec::new(),
        help: Words::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none(_: &str) -> Option<String> {
        None
    }

    fn load(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Settings, Diagnostics> {
        let dir = tempfile::tempdir().expect("a directory");
        let config = dir.path().join("qixian.toml");
        std::fs::write(&config, text).expect("written");
        let overrides = Overrides {
            config: Some(config),
            values: Vec::new(),
        };
        Settings::load(&overrides, env)
    }

    #[test]
    fn later_sources_win_and_say_so() {
        let env = |name: &str| (name == "QIXIAN_LOG_LEVEL").then(|| "debug".to_owned());
        let text = "listen = \"127.0.0.1:9000\"\n\n[log]\nlevel = \"warn\"\n";
        let settings = load(text, &env).expect("good settings");
        assert_eq!(settings.listen.port(), 9000);
        assert_eq!(settings.log_level, "debug");
        let origin = |path: &str| {
            let shown = settings.shown().iter().find(|shown| shown.path == path);
            shown
                .map(|shown| shown.origin.to_string())
                .unwrap_or_default()
        };
        assert!(origin("listen").ends_with("qixian.toml:1"));
        assert_eq!(origin("log.level"), "env QIXIAN_LOG_LEVEL");
        assert_eq!(origin("zone"), "default");
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let text = "listn = \"x\"\nzone = \"Asia/Beijing\"\nlang = 3\n[limits]\ninbox = 0\n[providers.mail]\nkind = \"smpt\"\n";
        let problems = load(text, &none).expect_err("broken settings");
        let drawn = problems.to_string();
        for part in ["listn", "zone", "lang", "limits.inbox", "smpt"] {
            assert!(drawn.contains(part), "{part} is missing in:\n{drawn}");
        }
    }

    #[test]
    fn secrets_are_masked() {
        let settings = load("[ping]\nurl = \"https://hc.example.cn/secret\"\n", &none);
        let settings = settings.expect("good settings");
        assert!(
            settings
                .shown()
                .iter()
                .all(|shown| !shown.value.contains("secret"))
        );
    }

    #[test]
    fn the_shipped_file_says_what_holds_anyway() {
        let shipped = ConfigFiles::embedded();
        let text = &shipped.get("qixian.toml").expect("shipped").text;
        let settings = load(text, &none).expect("the shipped file is good");
        for shown in settings.shown() {
            let key = KEYS.iter().find(|key| key.path == shown.path);
            assert!(
                key.is_none_or(|key| key.default == shown.value),
                "{}",
                shown.path
            );
        }
    }
}
