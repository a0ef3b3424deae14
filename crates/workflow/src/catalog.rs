//! All files together: every definition by name, and what they say of one another.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use qixian_core::{DefinitionRef, Env, Functions, RulePack, Workflow};
use qixian_time::WorkCalendar;

use crate::children::ChildUse;
use crate::diagnostics::{Diagnostic, Diagnostics, Source, say};
use crate::names::field_paths;
use crate::report::suggestion;
use crate::table::At;
use crate::{
    CalendarFile, Code, ReadContext, WorkflowFile, digest, read_calendar_year, read_rules,
    read_workflow,
};

/// The texts a catalog is built from, each with the name diagnostics call it.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Calendar files, any number of years of any number of calendars.
    pub calendars: Vec<(String, String)>,
    /// Rule packs.
    pub rules: Vec<(String, String)>,
    /// Workflows.
    pub workflows: Vec<(String, String)>,
    /// The full names of the message templates there are; `None` leaves them unchecked.
    pub templates: Option<BTreeSet<String>>,
}

/// Every definition that was read, ready for use.
#[derive(Clone, Debug)]
pub struct Catalog {
    files: BTreeMap<String, WorkflowFile>,
    definitions: BTreeMap<(String, u32, String), Arc<Workflow>>,
    calendars: Arc<BTreeMap<String, WorkCalendar>>,
    rules: Arc<BTreeMap<String, RulePack>>,
    functions: Arc<dyn Functions>,
    warnings: Diagnostics,
}

/// How a case names the definition it begins with.
pub fn definition_ref(workflow: &Workflow) -> DefinitionRef {
    DefinitionRef {
        id: workflow.id.clone(),
        version: workflow.version,
        digest: workflow.digest.chars().take(16).collect(),
    }
}

fn key(reference: &DefinitionRef) -> (String, u32, String) {
    let DefinitionRef {
        id,
        version,
        digest,
    } = reference.clone();
    (id, version, digest)
}

impl Catalog {
    /// Reads all files: calendars first, then rules, then workflows against both, then the workflows against one
    /// another.
    ///
    /// # Errors
    /// Every problem of every file at once, when at least one is an error.
    pub fn build(sources: &Sources, functions: Arc<dyn Functions>) -> Result<Self, Diagnostics> {
        let mut found = Diagnostics::default();
        let calendars = read_calendars(&sources.calendars, &mut found);
        let rules = read_packs(&sources.rules, &mut found);
        // Names from files that could not be read are not held against those that use them.
        let context = ReadContext {
            calendars: (!found.has_errors()).then(|| calendars.keys().cloned().collect()),
            rule_keys: (!found.has_errors() && !rules.is_empty()).then(|| rule_keys(&rules)),
            templates: sources.templates.clone(),
            functions: functions.names().iter().map(|f| (*f).to_owned()).collect(),
        };
        let read = read_workflows(&sources.workflows, &context, &mut found);
        let files = read.files;
        if read.complete {
            for file in files.values() {
                found.append(check_children(file, &files));
            }
        }
        if found.has_errors() {
            return Err(found);
        }
        let definitions = files
            .values()
            .map(|file| (key(&definition_ref(&file.workflow)), file.workflow.clone()))
            .collect();
        Ok(Self {
            files,
            definitions,
            calendars: Arc::new(calendars),
            rules: Arc::new(rules),
            functions,
            warnings: found,
        })
    }

    /// The current workflow of this id.
    pub fn workflow(&self, id: &str) -> Option<&Arc<Workflow>> {
        self.files.get(id).map(|file| &file.workflow)
    }

    /// The current file of this id, with its tests.
    pub fn file(&self, id: &str) -> Option<&WorkflowFile> {
        self.files.get(id)
    }

    /// All current files, by id.
    pub fn files(&self) -> impl Iterator<Item = &WorkflowFile> {
        self.files.values()
    }

    /// The workflow a case began with: a current one, or one added by [`Catalog::compile_text`].
    pub fn definition(&self, reference: &DefinitionRef) -> Option<&Arc<Workflow>> {
        self.definitions.get(&key(reference))
    }

    /// Adds an older definition from the text kept with its cases. Rules, calendars and templates it names may be gone
    /// by now; it is taken nevertheless, since its cases finish on it.
    ///
    /// # Errors
    /// The problems of the text, when it can no longer be read at all.
    pub fn compile_text(&mut self, name: &str, text: &str) -> Result<Arc<Workflow>, Diagnostics> {
        let context = ReadContext {
            functions: self
                .functions
                .names()
                .iter()
                .map(|f| (*f).to_owned())
                .collect(),
            ..ReadContext::default()
        };
        let workflow = read_workflow(name, text, &context)?.workflow;
        let reference = key(&definition_ref(&workflow));
        Ok(self
            .definitions
            .entry(reference)
            .or_insert(workflow)
            .clone())
    }

    /// What `step` may ask besides its arguments.
    pub fn env(&self) -> Env {
        Env {
            calendars: self.calendars.clone(),
            rules: self.rules.clone(),
            functions: self.functions.clone(),
        }
    }

    /// What the authors should look at.
    pub fn warnings(&self) -> &Diagnostics {
        &self.warnings
    }
}

fn rule_keys(rules: &BTreeMap<String, RulePack>) -> BTreeSet<String> {
    let rows = rules.values().flat_map(RulePack::rows);
    rows.map(|row| row.key.clone()).collect()
}

fn read_packs(sources: &[(String, String)], found: &mut Diagnostics) -> BTreeMap<String, RulePack> {
    let mut packs = BTreeMap::new();
    for (name, text) in sources {
        match read_rules(name, text) {
            Ok(pack) => {
                let id = pack.reference().id;
                if packs.insert(id.clone(), pack).is_some() {
                    let message = say!("规则包“{id}”有两个文件", "two files are the pack `{id}`");
                    found.append(at_key(name, text, "pack", Code::DuplicatePack, message));
                }
            }
            Err(problems) => found.append(problems),
        }
    }
    packs
}

struct ReadFiles {
    files: BTreeMap<String, WorkflowFile>,
    /// Whether every file could be read.
    complete: bool,
}

fn read_workflows(
    sources: &[(String, String)],
    context: &ReadContext,
    found: &mut Diagnostics,
) -> ReadFiles {
    let mut read = ReadFiles {
        files: BTreeMap::new(),
        complete: true,
    };
    for (name, text) in sources {
        match read_workflow(name, text, context) {
            Ok(file) => {
                found.append(file.warnings.clone());
                let id = file.workflow.id.clone();
                if read.files.insert(id.clone(), file).is_some() {
                    let message = say!("流程“{id}”有两个文件", "two files are the workflow `{id}`");
                    let code = Code::DuplicateWorkflow;
                    found.append(at_key(name, text, "workflow", code, message));
                }
            }
            Err(problems) => {
                read.complete = false;
                found.append(problems);
            }
        }
    }
    read
}

/// A problem at the line that begins with `key`.
fn at_key(
    name: &str,
    text: &str,
    key: &str,
    code: Code,
    message: qixian_core::Words,
) -> Diagnostics {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if line.starts_with(key) {
            break;
        }
        start += line.len();
    }
    let span = start..(start + key.len());
    let problem = Diagnostic::error(code, span, message).help(say!(
        "换一个标识，或删去其中一个文件",
        "choose another id, or remove one of the files"
    ));
    Diagnostics::of(&Source::new(name, text), vec![problem])
}

/// Checks what a file says of other workflows.
fn check_children(file: &WorkflowFile, files: &BTreeMap<String, WorkflowFile>) -> Diagnostics {
    let mut problems = Vec::new();
    for used in &file.children {
        match files.get(&used.workflow.value) {
            Some(target) => problems.extend(check_child(used, &target.workflow)),
            None => problems.push(unknown_workflow(used, files)),
        }
    }
    Diagnostics::of(&file.source, problems)
}

fn unknown_workflow(used: &ChildUse, files: &BTreeMap<String, WorkflowFile>) -> Diagnostic {
    let id = &used.workflow.value;
    let known: Vec<&str> = files.keys().map(String::as_str).collect();
    let message = say!("没有名为“{id}”的流程", "there is no workflow `{id}`");
    Diagnostic::error(Code::UnknownWorkflow, used.workflow.span.clone(), message)
        .label(say!("没有这个流程", "no such workflow"))
        .help(suggestion(id, &known))
}

/// The event told and the fields filled must be the child's.
fn check_child(used: &ChildUse, target: &Workflow) -> Vec<Diagnostic> {
    let id = &target.id;
    let mut problems = Vec::new();
    if let Some(event) = used
        .event
        .as_ref()
        .filter(|e| !target.knows_event(&e.value))
    {
        let name = &event.value;
        let known: Vec<&str> = target.transitions.iter().map(|t| &*t.event).collect();
        let message = say!(
            "流程“{id}”没有事件“{name}”",
            "workflow `{id}` has no event `{name}`"
        );
        problems.push(
            Diagnostic::error(Code::UnknownEvent, event.span.clone(), message)
                .label(say!("没有这个事件", "no such event"))
                .help(suggestion(name, &known)),
        );
    }
    let known = field_paths(&target.fields);
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let unknown = |path: &&At<String>| target.fields.at(&path.value).is_none();
    for path in used.fields.iter().filter(unknown) {
        let field = &path.value;
        let message = say!(
            "流程“{id}”没有字段“{field}”",
            "workflow `{id}` has no field `{field}`"
        );
        problems.push(
            Diagnostic::error(Code::UnknownField, path.span.clone(), message)
                .label(say!("没有这个字段", "no such field"))
                .help(suggestion(field, &known)),
        );
    }
    problems
}

/// Reads the years and builds the calendars, those that extend others after them.
fn read_calendars(
    sources: &[(String, String)],
    found: &mut Diagnostics,
) -> BTreeMap<String, WorkCalendar> {
    let mut waiting: BTreeMap<String, Vec<CalendarFile>> = BTreeMap::new();
    for (name, text) in sources {
        match read_calendar_year(name, text) {
            Ok(file) => waiting.entry(file.calendar.clone()).or_default().push(file),
            Err(problems) => found.append(problems),
        }
    }
    let mut calendars = BTreeMap::new();
    loop {
        let ready: Vec<String> = waiting
            .iter()
            .filter(|(_, years)| base_of(years).is_none_or(|base| calendars.contains_key(base)))
            .map(|(id, _)| id.clone())
            .collect();
        if ready.is_empty() {
            break;
        }
        for id in ready {
            let years = waiting.remove(&id).unwrap_or_default();
            let base = base_of(&years)
                .and_then(|base| calendars.get(base))
                .cloned();
            match build_calendar(&id, &years, base.as_ref()) {
                Ok(calendar) => {
                    calendars.insert(id, calendar);
                }
                Err(problems) => found.append(problems),
            }
        }
    }
    for years in waiting.values() {
        found.append(base_missing(years));
    }
    calendars
}

fn base_of(years: &[CalendarFile]) -> Option<&str> {
    years.iter().find_map(|year| year.base.as_deref())
}

fn build_calendar(
    id: &str,
    years: &[CalendarFile],
    base: Option<&WorkCalendar>,
) -> Result<WorkCalendar, Diagnostics> {
    let mut titles = years.iter().map(|year| year.title.as_str());
    let title = titles.rfind(|title| !title.is_empty()).unwrap_or(id);
    let mut texts: Vec<&str> = years.iter().map(|year| &*year.source.text).collect();
    texts.sort_unstable();
    let version: String = digest(&texts.concat()).chars().take(16).collect();
    let data = years.iter().map(|year| year.year.clone()).collect();
    WorkCalendar::build(id, title, version, base, data).map_err(|error| {
        let message = qixian_core::Words::new(error.zh(), error.to_string());
        let problem = Diagnostic::error(Code::CalendarDays, 0..0, message);
        // The error names the days; the file shown is the latest year's.
        let last = years.iter().max_by_key(|year| year.year.year);
        let source = last.map_or_else(|| Source::new(id, ""), |year| year.source.clone());
        Diagnostics::of(&source, vec![problem])
    })
}

fn base_missing(years: &[CalendarFile]) -> Diagnostics {
    let mut all = Diagnostics::default();
    for year in years {
        let Some(base) = &year.base else { continue };
        let text = &year.source.text;
        let message = say!(
            "所扩展的日历“{base}”不存在，或有误，或互相扩展",
            "the base calendar `{base}` is missing, broken, or extends this one"
        );
        let found = at_key(&year.source.name, text, "base", Code::CalendarBase, message);
        all.append(found);
    }
    all
}
