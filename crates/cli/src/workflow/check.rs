//! `qixian workflow check`: files as they would be loaded, beside those in force.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use qixian_core::NoFunctions;
use qixian_daemon::Settings;
use qixian_workflow::{Catalog, Diagnostics, Severity, Sources};
use serde_json::json;

use crate::args::ConfigArgs;
use crate::failure::Failure;
use crate::out::Out;
use crate::{files, local};

/// What is checked.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// 流程、规则或日历文件 | Workflow, rule or calendar files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs `qixian workflow check`.
pub(super) fn run(out: &Out, args: &CheckArgs) -> Result<(), Failure> {
    let settings = local::settings(&args.config, Vec::new())?;
    let (_, found) = build(&settings, &args.files)?;
    tell(out, args.files.len(), &found);
    match found.has_errors() {
        true => Err(Failure::Told),
        false => Ok(()),
    }
}

/// What a file defines: two files may not define the same.
#[derive(PartialEq, Eq)]
enum Defines {
    Workflow(String),
    Pack(String),
    Year(String, String),
}

impl Defines {
    /// Told by the first lines that name it, also where the rest of the file cannot be read.
    fn of(text: &str) -> Self {
        let value = |key: &str| {
            let lines = text
                .lines()
                .filter_map(|line| line.trim_start().strip_prefix(key));
            let mut values = lines.filter_map(|rest| rest.trim_start().strip_prefix('='));
            let value = values.next()?.split('#').next()?;
            Some(value.trim().trim_matches(['"', '\'']).to_owned())
        };
        match (value("pack"), value("calendar"), value("year")) {
            (Some(pack), _, _) => Self::Pack(pack),
            (_, Some(calendar), Some(year)) => Self::Year(calendar, year),
            _ => Self::Workflow(value("workflow").unwrap_or_default()),
        }
    }
}

/// The catalog of the files in force with `given` in place of those that define the same, and what is wrong with the
/// given ones. Template names are left to `config check`, which knows the templates a file will run with.
///
/// # Errors
/// When a file cannot be read at all.
pub(super) fn build(
    settings: &Settings,
    given: &[PathBuf],
) -> Result<(Option<Catalog>, Diagnostics), Failure> {
    let mut own = Vec::new();
    for path in given {
        own.push((path.display().to_string(), files::text(path)?));
    }
    let defined: Vec<Defines> = own.iter().map(|(_, text)| Defines::of(text)).collect();
    let in_force = |folder| {
        let toml = settings
            .files
            .below(folder)
            .filter(|file| file.name.ends_with(".toml"));
        let kept = toml.filter(|file| !defined.contains(&Defines::of(&file.text)));
        kept.map(|file| (file.shown.clone(), file.text.clone()))
            .collect()
    };
    let mut sources = Sources {
        calendars: in_force("calendars"),
        rules: in_force("rules"),
        workflows: in_force("workflows"),
        templates: None,
    };
    for (file, defines) in own.iter().zip(&defined) {
        let list = match defines {
            Defines::Workflow(_) => &mut sources.workflows,
            Defines::Pack(_) => &mut sources.rules,
            Defines::Year(..) => &mut sources.calendars,
        };
        list.push(file.clone());
    }
    match Catalog::build(&sources, Arc::new(NoFunctions)) {
        Ok(catalog) => {
            let found = catalog.warnings().clone();
            Ok((Some(catalog), found))
        }
        Err(found) => Ok((None, found)),
    }
}

fn tell(out: &Out, files: usize, found: &Diagnostics) {
    let (errors, warnings) = (found.count(Severity::Error), found.count(Severity::Warning));
    if out.json {
        out.json(&json!({
            "files": files, "errors": errors, "warnings": warnings, "problems": found.to_json(),
        }));
        return;
    }
    out.findings(found);
    out.say(
        format!("检查了 {files} 个文件：{errors} 个错误，{warnings} 个警告"),
        format!("{files} file(s) checked: {errors} error(s), {warnings} warning(s)"),
    );
}
