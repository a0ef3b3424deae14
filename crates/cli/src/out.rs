//! Printing: tables and sentences for people, JSON for machines, failures for both.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use qixian_core::{Lang, Words};
use qixian_workflow::{Diagnostics, Render};
use serde::Serialize;
use serde_json::json;

use crate::failure::Failure;
use crate::table::Table;

/// Where a command's answer goes, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Out {
    /// The language of sentences.
    pub(crate) lang: Lang,
    /// Whether programs read it.
    pub(crate) json: bool,
}

impl Out {
    pub(crate) fn new(lang: Lang, json: bool) -> Self {
        Self { lang, json }
    }

    /// The text in the language spoken.
    pub(crate) fn pick<'a>(&self, zh: &'a str, en: &'a str) -> &'a str {
        match self.lang {
            Lang::Zh => zh,
            Lang::En => en,
        }
    }

    /// One line of the answer. A reader that went away ends the command quietly, as it does other tools.
    pub(crate) fn line(&self, text: impl AsRef<str>) {
        let mut stdout = io::stdout().lock();
        if writeln!(stdout, "{}", text.as_ref()).is_err() {
            std::process::exit(1);
        }
    }

    /// One line in the language spoken.
    pub(crate) fn say(&self, zh: impl AsRef<str>, en: impl AsRef<str>) {
        self.line(self.pick(zh.as_ref(), en.as_ref()));
    }

    /// One line beside the answer: on standard error.
    pub(crate) fn note(&self, zh: impl AsRef<str>, en: impl AsRef<str>) {
        eprintln!("{}", self.pick(zh.as_ref(), en.as_ref()));
    }

    /// One JSON value on one line.
    pub(crate) fn json_line(&self, value: &impl Serialize) {
        match serde_json::to_string(value) {
            Ok(text) => self.line(text),
            Err(error) => eprintln!("cannot be written as JSON: {error}"),
        }
    }

    /// One JSON value over several lines, for single answers.
    pub(crate) fn json(&self, value: &impl Serialize) {
        match serde_json::to_string_pretty(value) {
            Ok(text) => self.line(text),
            Err(error) => eprintln!("cannot be written as JSON: {error}"),
        }
    }

    /// A table, or the sentence when it has no rows.
    pub(crate) fn table(&self, table: &Table, empty: &Words) {
        match table.is_empty() {
            true => self.line(empty.get(self.lang)),
            false => self.line(table.render()),
        }
    }

    /// Diagnostics that are the answer, drawn for people.
    pub(crate) fn findings(&self, found: &Diagnostics) {
        let drawn = self.draw(found, io::stdout().is_terminal());
        if !drawn.is_empty() {
            self.line(drawn);
        }
    }

    fn draw(&self, found: &Diagnostics, is_terminal: bool) -> String {
        found.render(Render {
            lang: self.lang,
            colour: is_terminal && std::env::var_os("NO_COLOR").is_none(),
            width: 110,
        })
    }

    /// Tells why the command failed, on standard error, and answers its exit code.
    pub(crate) fn fail(&self, failure: &Failure) -> ExitCode {
        match self.json {
            true => self.fail_json(failure),
            false => self.fail_text(failure),
        }
        ExitCode::from(failure.exit_code())
    }

    fn fail_json(&self, failure: &Failure) {
        let detail = match failure {
            Failure::Refused(words) | Failure::Usage(words) | Failure::Unreachable(words) => {
                json!({ "message": words })
            }
            Failure::Files(found) => json!({ "problems": found.to_json() }),
            Failure::Problem(problem) => json!({ "problem": problem }),
            Failure::Told => return,
        };
        let mut error = json!({ "code": failure.code() });
        if let (Some(error), Some(detail)) = (error.as_object_mut(), detail.as_object()) {
            error.extend(detail.clone());
        }
        eprintln!("{}", json!({ "error": error }));
    }

    fn fail_text(&self, failure: &Failure) {
        match failure {
            Failure::Refused(words) | Failure::Usage(words) | Failure::Unreachable(words) => {
                eprintln!("{}{}", self.pick("错误：", "error: "), words.get(self.lang));
            }
            Failure::Files(found) => {
                eprint!("{}", self.draw(found, io::stderr().is_terminal()));
            }
            Failure::Problem(problem) => self.problem(problem),
            Failure::Told => {}
        }
    }

    fn problem(&self, problem: &qixian_api::Problem) {
        let prefix = self.pick("被拒绝：", "refused: ");
        eprintln!("{prefix}{} [{}]", problem.detail, problem.code);
        let told = |text: &str| problem.detail.contains(text);
        for item in problem.errors.iter().filter(|item| !told(&item.detail)) {
            eprintln!("  {}: {}", item.pointer, item.detail);
        }
        let lists = [
            (&problem.possible, "现在可以：", "possible now: "),
            (
                &problem.override_by,
                "以下角色可用 --override 说明理由后记录：",
                "may be recorded with --override REASON by: ",
            ),
            (&problem.asked, "尚未确认：", "not confirmed yet: "),
        ];
        for (names, zh, en) in lists {
            if let Some(names) = names.as_ref().filter(|names| !told(&names.join(", "))) {
                eprintln!("  {}{}", self.pick(zh, en), names.join(", "));
            }
        }
        let advice = match problem.hint.as_deref() {
            Some("reopen") => self.pick(
                "可先用 qixian case reopen 重新打开",
                "qixian case reopen may help",
            ),
            Some("token") => self.pick(
                "用 --token 或 QIXIAN_TOKEN 给出令牌，或用 --data 指明守护进程的数据目录",
                "give a token with --token or QIXIAN_TOKEN, or name the daemon's data directory with --data",
            ),
            _ => return,
        };
        eprintln!("  {advice}");
    }
}
