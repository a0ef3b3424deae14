//! What every command starts from: calendars, rules, workflows, message templates and who sends them, loaded once.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use qixian_core::{Env, Lang, NoFunctions, PackRef, Words, Workflow};
use qixian_engine::{CompileText, Definitions, Setup};
use qixian_notify::{Staff, TemplateError, Templates};
use qixian_workflow::{
    Catalog, Code, Diagnostic, Diagnostics, Label, ReadContext, Severity, Source, Sources,
    read_workflow,
};

use crate::files::{ConfigFile, ConfigFiles};
use crate::said::template_words;
use crate::settings::Settings;
use crate::settings::names::{did_you_mean, one_of};

/// Everything that was loaded.
#[derive(Clone)]
pub struct Loaded {
    /// Workflows with their tests, calendars and rules.
    pub catalog: Arc<Catalog>,
    /// What decisions may ask.
    pub env: Env,
    /// The words.
    pub templates: Arc<Templates>,
    /// The agency's people.
    pub staff: Arc<Staff>,
}

/// Loads everything the settings name.
///
/// # Errors
/// Every problem of every file at once.
pub fn catalog(settings: &Settings) -> Result<Loaded, Diagnostics> {
    let files = &settings.files;
    let (templates, mut problems) = read_templates(files);
    let sources = Sources {
        calendars: texts(files, "calendars"),
        rules: texts(files, "rules"),
        workflows: texts(files, "workflows"),
        templates: templates.as_ref().map(base_names),
    };
    let catalog = match Catalog::build(&sources, Arc::new(NoFunctions)) {
        Ok(catalog) => catalog,
        Err(found) => {
            problems.append(found);
            problems.append(names_without_workflows(settings, sources));
            return Err(problems);
        }
    };
    let env = catalog.env();
    problems.append(check_names(settings, &env));
    problems.append(check_roles(settings, &catalog));
    let Some(templates) = templates.filter(|_| !problems.has_errors()) else {
        return Err(problems);
    };
    Ok(Loaded {
        catalog: Arc::new(catalog),
        env,
        templates: Arc::new(templates),
        staff: Arc::new(Staff::new(settings.sending.staff.clone())),
    })
}

impl Loaded {
    /// The current workflow of this id.
    pub fn workflow(&self, id: &str) -> Option<&Arc<Workflow>> {
        self.catalog.workflow(id)
    }

    /// The current workflows, by id.
    pub fn workflows(&self) -> impl Iterator<Item = &Arc<Workflow>> {
        self.catalog.files().map(|file| &file.workflow)
    }

    /// The rule pack of this id, in the version that is loaded.
    pub fn pack(&self, id: &str) -> Option<PackRef> {
        self.env.rules.get(id).map(|pack| pack.reference())
    }

    /// Reads the text of a definition that an older case began with.
    pub fn compile(&self) -> CompileText {
        let functions: Vec<String> = self
            .env
            .functions
            .names()
            .iter()
            .map(|name| (*name).to_owned())
            .collect();
        Arc::new(move |text| {
            let context = ReadContext {
                functions: functions.clone(),
                ..ReadContext::default()
            };
            let file = read_workflow("stored workflow", text, &context);
            file.map(|file| file.workflow)
                .map_err(|problems| problems.to_string())
        })
    }

    /// What the engine decides by and speaks with. `data` is where a folder with a relative path lies.
    ///
    /// # Errors
    /// A provider that cannot be made.
    pub fn setup(
        &self,
        settings: &Settings,
        data: &Path,
    ) -> Result<Setup, qixian_notify::BuildError> {
        Ok(Setup {
            env: self.env.clone(),
            definitions: Definitions::new(self.workflows().cloned(), self.compile()),
            pack: self.pack(&settings.rules).unwrap_or_default(),
            templates: self.templates.clone(),
            directory: self.staff.clone(),
            router: qixian_notify::build(&settings.sending, data)?,
            base_url: settings.base_url.clone(),
        })
    }
}

fn texts(files: &ConfigFiles, folder: &str) -> Vec<(String, String)> {
    let toml = files
        .below(folder)
        .filter(|file| file.name.ends_with(".toml"));
    toml.map(|file| (file.shown.clone(), file.text.clone()))
        .collect()
}

/// Template names as workflow files use them: without language, channel and ending.
fn base_names(templates: &Templates) -> BTreeSet<String> {
    let base = |name: &str| {
        let (_lang, rest) = name.split_once('/')?;
        let (folder, file) = rest.rsplit_once('/')?;
        let file = file.split('.').next()?;
        Some(format!("{folder}/{file}"))
    };
    templates.names().filter_map(base).collect()
}

fn read_templates(files: &ConfigFiles) -> (Option<Templates>, Diagnostics) {
    let all: Vec<&ConfigFile> = files.below("templates").collect();
    let sources = all
        .iter()
        .map(|file| (file.shown.clone(), file.text.clone()));
    match Templates::from_sources(sources) {
        Ok(templates) => (Some(templates), Diagnostics::default()),
        Err(errors) => {
            let mut problems = Diagnostics::default();
            for error in &errors {
                problems.append(template_problem(&all, error));
            }
            (None, problems)
        }
    }
}

fn template_problem(files: &[&ConfigFile], error: &TemplateError) -> Diagnostics {
    let file = files.iter().find(|file| file.shown == error.file);
    let text = file.map_or("", |file| file.text.as_str());
    let before = error.line.map_or(0, |line| line.saturating_sub(1));
    let start: usize = text.split_inclusive('\n').take(before).map(str::len).sum();
    let end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    let said = template_words(&error.detail);
    let narrow = said.name.and_then(|name| {
        let at = start + text[start..end].find(name)?;
        Some(at..at + name.len())
    });
    let mut found = plain_error(
        Code::TemplateBroken,
        narrow.unwrap_or(start..end),
        said.message,
    );
    found.help = said.help;
    Diagnostics::of(&Source::new(&error.file, text), vec![found])
}

/// What is wrong with the settings' names, when rules and calendars can be read though workflows cannot.
fn names_without_workflows(settings: &Settings, sources: Sources) -> Diagnostics {
    let sources = Sources {
        workflows: Vec::new(),
        ..sources
    };
    match Catalog::build(&sources, Arc::new(NoFunctions)) {
        Ok(catalog) => check_names(settings, &catalog.env()),
        Err(_) => Diagnostics::default(),
    }
}

/// The names that settings give must exist.
fn check_names(settings: &Settings, env: &Env) -> Diagnostics {
    let packs: Vec<&str> = env.rules.keys().map(String::as_str).collect();
    let calendars: Vec<&str> = env.calendars.keys().map(String::as_str).collect();
    let checks = [
        (
            "rules",
            settings.rules.as_str(),
            packs,
            "规则包",
            "rule pack",
        ),
        (
            "calendar",
            settings.calendar.as_str(),
            calendars,
            "工作日历",
            "calendar",
        ),
    ];
    let mut problems = Diagnostics::default();
    for (name, value, known, zh, en) in checks {
        if known.contains(&value) {
            continue;
        }
        let message = Words::new(
            format!("{name} 指向“{value}”，没有这个{zh}"),
            format!("`{name}` names `{value}`, and there is no such {en}"),
        );
        let code = Code::SettingsUnknownName;
        let (source, mut found) = settings.problem_at(name, code, message);
        found.help = did_you_mean(value, &known).unwrap_or_else(|| one_of(&known));
        problems.append(Diagnostics::of(&source, vec![found]));
    }
    problems
}

/// A role that no workflow has is a slip of the pen: nothing would ever be sent to its holder.
fn check_roles(settings: &Settings, catalog: &Catalog) -> Diagnostics {
    let roles = catalog.files().flat_map(|file| &file.workflow.roles);
    let known: BTreeSet<&str> = roles.map(|role| role.as_str()).collect();
    let known: Vec<&str> = known.into_iter().collect();
    let mut problems = Diagnostics::default();
    for (index, member) in settings.sending.staff.iter().enumerate() {
        for role in member
            .roles
            .iter()
            .filter(|role| !known.contains(&role.as_str()))
        {
            let message = Words::new(
                format!("{} 的角色“{role}”在任何流程里都没有", member.name),
                format!(
                    "{} has the role `{role}`, which no workflow has",
                    member.name
                ),
            );
            let path = format!("staff.{index}.roles");
            let code = Code::SettingsUnknownName;
            let (source, mut found) = settings.problem_at(&path, code, message);
            found.help = did_you_mean(role, &known).unwrap_or_else(|| one_of(&known));
            problems.append(Diagnostics::of(&source, vec![found]));
        }
    }
    problems
}

fn plain_error(code: Code, span: qixian_workflow::Span, message: Words) -> Diagnostic {
    Diagnostic {
        code,
        severity: Severity::Error,
        message,
        label: Label {
            span,
            text: Words::new("在这里", "here"),
        },
        also: Vec::new(),
        help: Words::default(),
    }
}

/// Both languages at once, for what is printed before anybody said which.
pub fn both(words: &Words) -> String {
    match words.zh == words.en {
        true => words.zh.clone(),
        false => format!("{} · {}", words.get(Lang::Zh), words.get(Lang::En)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Overrides;

    #[test]
    fn what_is_embedded_loads_and_runs_alone() {
        let settings = Settings::load(&Overrides::default(), &|_| None).expect("defaults are good");
        let loaded = catalog(&settings).unwrap_or_else(|problems| panic!("{problems}"));
        for id in ["first-filing", "police-filing", "server-watch"] {
            let workflow = loaded.workflow(id).expect("shipped");
            let again = (loaded.compile())(&workflow.text).expect("its text compiles alone");
            assert_eq!(again.digest, workflow.digest);
        }
        assert!(loaded.pack("guide").is_some() && loaded.pack("current").is_some());
        let dir = tempfile::tempdir().expect("a directory");
        loaded
            .setup(&settings, dir.path())
            .expect("the folder provider");
    }

    #[test]
    fn a_rule_pack_that_does_not_exist_is_told() {
        let overrides = Overrides {
            config: None,
            values: vec![("rules", "guid".to_owned())],
        };
        let settings = Settings::load(&overrides, &|_| None).expect("well-formed");
        let problems = catalog(&settings).err().expect("refused");
        assert!(problems.to_string().contains("guid"), "{problems}");
    }
}
