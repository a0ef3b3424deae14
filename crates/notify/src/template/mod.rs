//! The words: one small file per language, workflow, message and channel.
//!
//! `config/templates/LANG/WORKFLOW/NAME.txt` begins with the line `subject: …` and an empty line; the rest is the text.
//! `NAME.sms.txt` is the SMS and has no subject. `NAME.CHANNEL.txt` serves one other channel, `NAME.html` replaces the
//! HTML that is otherwise made from the text. Names stand in [`facts::NAMES`], filters in [`filters`].
//!
//! A message looks for its own words, then for `_default` words of the same name, then for those of its cause; each time
//! first for the channel, then for any; all in the person's language. Loading finds every mistake it can at once:
//! syntax, unknown names also in branches that are not taken, and whatever rendering a sample brings to light.

mod check;
pub(crate) mod facts;
mod filters;
pub(crate) mod phrases;

use std::collections::{BTreeMap, BTreeSet};

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};
use qixian_core::{Channel, Lang};

/// Steps one rendering may take: a hundred times what the shipped ones need.
const FUEL: u64 = 50_000;

/// Words that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("NT0030: {}: {detail}", place(file, *line))]
pub struct TemplateError {
    /// The file, or the name it should have.
    pub file: String,
    /// The line, 1 for the first, where it is known.
    pub line: Option<usize>,
    /// What is wrong and what was expected; nothing of the message.
    pub detail: String,
}

fn place(file: &str, line: Option<usize>) -> String {
    match line {
        Some(line) => format!("{file}:{line}"),
        None => file.to_owned(),
    }
}

/// All loaded words, compiled.
///
/// `LANG/WORKFLOW/NAME.txt` holds `subject: …`, an empty line and the text; `NAME.sms.txt` only the text of the SMS;
/// `NAME.CHANNEL.txt` the words of one other channel; `NAME.html` a mail's HTML, else made from the text in the frame
/// `_default/mail.html`. Words know `case` (`title`, `reference`, `state_title`, …), `workflow`, `person` (`greeting`,
/// `name`, `role_title`, `staff`), `deadline` (`title`, `due_at`, `overdue`, `assumed`, `provisional`, …), `items`,
/// `related`, `missing` (who has not confirmed), `to_call`, `urgent`, `presumed` and `field("site.number")`. Times are
/// said by the filters `left`, `time_left`, `local`, `weekday` and `day`.
#[derive(Debug)]
pub struct Templates {
    env: Environment<'static>,
    /// By name without ending (`zh/first-filing/sms_code.sms`).
    files: BTreeMap<String, File>,
}

/// Where one template came from.
#[derive(Clone, Debug)]
struct File {
    path: String,
    has_subject: bool,
    /// Lines before its body.
    body_offset: usize,
}

impl Templates {
    /// Reads templates from `(path, text)` pairs. Paths end in `LANG/WORKFLOW/FILE`; what stands before is kept for
    /// messages only. A later pair replaces an earlier one of the same `LANG/WORKFLOW/FILE`, so that an agency's own
    /// words win over the shipped ones.
    ///
    /// # Errors
    /// Every problem of every file, by file and line.
    pub fn from_sources<P, T>(
        sources: impl IntoIterator<Item = (P, T)>,
    ) -> Result<Self, Vec<TemplateError>>
    where
        P: Into<String>,
        T: Into<String>,
    {
        let mut templates = Self {
            env: environment(),
            files: BTreeMap::new(),
        };
        let mut problems = Vec::new();
        for (path, text) in sources {
            let (path, text) = (path.into(), text.into());
            if let Err(problem) = templates.add(&path, &text) {
                problems.push(problem);
            }
        }
        problems.extend(check::all(&templates));
        if problems.is_empty() {
            Ok(templates)
        } else {
            Err(problems)
        }
    }

    /// The names of all loaded templates (`zh/first-filing/sms_code.sms`), in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// The messages there are words for in both languages, as workflow files name them (`first-filing/approved`).
    pub fn messages(&self) -> BTreeSet<String> {
        let zh = self
            .files
            .keys()
            .filter_map(|name| name.strip_prefix("zh/"));
        zh.filter(|name| !name.contains('.') && self.has(&format!("en/{name}")))
            .map(str::to_owned)
            .collect()
    }

    fn add(&mut self, path: &str, text: &str) -> Result<(), TemplateError> {
        let problem = |line, detail: String| TemplateError {
            file: path.to_owned(),
            line,
            detail,
        };
        let name = name_of(path).map_err(|detail| problem(None, detail))?;
        let text = text.replace("\r\n", "\n");
        let has_subject = !is_bare(&name);
        let (subject, body, body_offset) = if has_subject {
            split_subject(&text).map_err(|detail| problem(Some(1), detail))?
        } else {
            ("", text.as_str(), 0)
        };
        let file = File {
            path: path.to_owned(),
            has_subject,
            body_offset,
        };
        if has_subject {
            self.compile(&file, format!("{name}#subject"), subject, 0)?;
        }
        self.compile(&file, name.clone(), body, body_offset)?;
        self.files.insert(name, file);
        Ok(())
    }

    fn compile(
        &mut self,
        file: &File,
        name: String,
        text: &str,
        offset: usize,
    ) -> Result<(), TemplateError> {
        self.env
            .add_template_owned(name, text.to_owned())
            .map_err(|error| problem_at(file, offset, &error))
    }

    /// The first of `bases` (`first-filing/sms_code`) that has words in `lang` for `channel`: its name.
    pub(crate) fn find(&self, lang: Lang, bases: &[&str], channel: Channel) -> Option<String> {
        let lang = facts::lang_name(lang);
        let names = bases
            .iter()
            .flat_map(|base| [format!("{lang}/{base}.{channel}"), format!("{lang}/{base}")]);
        names.into_iter().find(|name| self.files.contains_key(name))
    }

    /// The first of `bases` that has words of its own for just this channel.
    pub(crate) fn find_exact(
        &self,
        lang: Lang,
        bases: &[&str],
        channel: Channel,
    ) -> Option<String> {
        let lang = facts::lang_name(lang);
        let mut names = bases.iter().map(|base| format!("{lang}/{base}.{channel}"));
        names.find(|name| self.has(name))
    }

    /// Whether this template exists.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.files.contains_key(name)
    }

    /// Subject (empty where the file has none) and text of one template.
    pub(crate) fn render(
        &self,
        name: &str,
        facts: &Value,
    ) -> Result<(String, String), TemplateError> {
        let Some(file) = self.files.get(name) else {
            return Err(TemplateError {
                file: format!("{name}.txt"),
                line: None,
                detail: "there is no such template".to_owned(),
            });
        };
        let subject = if file.has_subject {
            let subject = self.render_part(file, &format!("{name}#subject"), 0, facts)?;
            subject.split_whitespace().collect::<Vec<_>>().join(" ")
        } else {
            String::new()
        };
        let text = self.render_part(file, name, file.body_offset, facts)?;
        Ok((subject, text.trim().to_owned()))
    }

    fn render_part(
        &self,
        file: &File,
        name: &str,
        offset: usize,
        facts: &Value,
    ) -> Result<String, TemplateError> {
        self.env
            .get_template(name)
            .and_then(|template| template.render(facts))
            .map_err(|error| problem_at(file, offset, &error))
    }
}

fn environment() -> Environment<'static> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_fuel(Some(FUEL));
    env.set_auto_escape_callback(|name| match name.ends_with(".html") {
        true => AutoEscape::Html,
        false => AutoEscape::None,
    });
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()
        .expect("the default delimiters are valid");
    env.set_syntax(syntax);
    filters::add(&mut env);
    env
}

/// `…/zh/first-filing/sms_code.sms.txt` → `zh/first-filing/sms_code.sms`.
fn name_of(path: &str) -> Result<String, String> {
    let parts: Vec<&str> = path.split(['/', '\\']).collect();
    let [.., lang @ ("zh" | "en"), workflow, file] = parts.as_slice() else {
        return Err(
            "expected a path that ends in zh/WORKFLOW/NAME.txt or en/WORKFLOW/NAME.txt".to_owned(),
        );
    };
    let file = match file.strip_suffix(".txt") {
        Some(name) => name,
        None if file.ends_with(".html") => file,
        None => return Err("expected a file that ends in .txt or .html".to_owned()),
    };
    Ok(format!("{lang}/{workflow}/{file}"))
}

/// Whether files of this name have no subject line.
fn is_bare(name: &str) -> bool {
    name.ends_with(".sms") || name.ends_with(".html")
}

/// `subject: …`, an empty line, the text.
fn split_subject(text: &str) -> Result<(&str, &str, usize), String> {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let Some(subject) = first.strip_prefix("subject:") else {
        return Err("expected `subject: …` in the first line".to_owned());
    };
    match rest.strip_prefix('\n') {
        Some(body) => Ok((subject.trim(), body, 2)),
        None => Err("expected an empty line after the subject".to_owned()),
    }
}

fn problem_at(file: &File, offset: usize, error: &minijinja::Error) -> TemplateError {
    let detail = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    TemplateError {
        file: file.path.clone(),
        line: error.line().map(|line| line + offset),
        detail,
    }
}
