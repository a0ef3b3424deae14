//! `qixian workflow test`: runs the files' own `[[tests]]` on the virtual clock.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use qixian_daemon::{Loaded, Settings};
use qixian_engine::replay::{TestFailure, run_test};
use qixian_engine::{Definitions, Setup};
use qixian_workflow::{Catalog, Diagnostics, Source, WorkflowFile};
use serde_json::{Value, json};

use super::check;
use crate::args::ConfigArgs;
use crate::failure::Failure;
use crate::local;
use crate::out::Out;

/// What is tested.
#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// 流程文件；不填则测试现有的全部流程 | Workflow files; all workflows in force when there are none
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

/// What came of one file.
struct FileResult<'a> {
    file: &'a WorkflowFile,
    /// Each test with what failed in it.
    tests: Vec<(&'a str, Vec<TestFailure>)>,
    untaken: Diagnostics,
}

/// Runs `qixian workflow test`.
pub(super) fn run(out: &Out, args: &TestArgs) -> Result<(), Failure> {
    let settings = local::settings(&args.config, Vec::new())?;
    let loaded = local::loaded(&settings)?;
    let given = (!args.files.is_empty()).then(|| check::build(&settings, &args.files));
    let catalog = match given.transpose()? {
        Some((Some(catalog), _)) => catalog,
        Some((None, problems)) => return Err(problems.into()),
        None => (*loaded.catalog).clone(),
    };
    let setup = setup(&settings, &loaded, &catalog)?;
    let names: Vec<String> = args
        .files
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let runtime = local::runtime()?;
    let mut results = Vec::new();
    for file in catalog.files() {
        if names.is_empty() || names.iter().any(|name| *name == *file.source.name) {
            results.push(runtime.block_on(test_file(&setup, file)));
        }
    }
    tell(out, &results);
    match results.iter().any(|result| result.failed() > 0) {
        true => Err(Failure::Told),
        false => Ok(()),
    }
}

/// The setup of the files in force, with the workflows, calendars and rules of `catalog`.
pub(crate) fn setup(
    settings: &Settings,
    loaded: &Loaded,
    catalog: &Catalog,
) -> Result<Setup, Failure> {
    let setup = loaded.setup(settings, &settings.data).map_err(|error| {
        Failure::refused(
            format!("通道设置有误：{error}"),
            format!("a provider cannot be made: {error}"),
        )
    })?;
    let workflows = catalog.files().map(|file| file.workflow.clone());
    Ok(Setup {
        env: catalog.env(),
        definitions: Definitions::new(workflows, loaded.compile()),
        ..setup
    })
}

async fn test_file<'a>(setup: &Setup, file: &'a WorkflowFile) -> FileResult<'a> {
    let mut taken = BTreeSet::new();
    let mut tests = Vec::new();
    for test in &file.tests {
        let report = run_test(setup, &file.workflow.id, test).await;
        taken.extend(report.taken);
        tests.push((test.name.as_str(), report.failures));
    }
    FileResult {
        file,
        tests,
        untaken: file.untaken(&taken),
    }
}

impl FileResult<'_> {
    fn failed(&self) -> usize {
        self.tests
            .iter()
            .filter(|(_, failures)| !failures.is_empty())
            .count()
    }

    fn to_json(&self) -> Value {
        let failure = |failure: &TestFailure| {
            let (line, column) = self.file.source.place(failure.span.start);
            json!({ "line": line, "column": column, "message": failure.message })
        };
        let test = |(name, failures): &(&str, Vec<TestFailure>)| {
            json!({
                "name": name, "passed": failures.is_empty(),
                "failures": failures.iter().map(failure).collect::<Vec<_>>(),
            })
        };
        json!({
            "workflow": self.file.workflow.id, "file": &*self.file.source.name,
            "tests": self.tests.iter().map(test).collect::<Vec<_>>(),
            "passed": self.tests.len() - self.failed(), "failed": self.failed(),
            "untaken": self.untaken.to_json(),
        })
    }

    fn print(&self, out: &Out) {
        let (id, failed) = (&self.file.workflow.id, self.failed());
        let passed = self.tests.len() - failed;
        out.say(
            format!("{id}：{passed} 项通过，{failed} 项未通过"),
            format!("{id}: {passed} passed, {failed} failed"),
        );
        for (name, failures) in self.tests.iter().filter(|(_, f)| !f.is_empty()) {
            out.line(format!("  ✗ {name}"));
            for failure in failures {
                let place = place(&self.file.source, failure.span.start);
                out.line(format!("      {place}  {}", failure.message.get(out.lang)));
            }
        }
        for (source, warning) in self.untaken.iter() {
            let place = place(source, warning.label.span.start);
            out.line(format!("  ! {place}  {}", warning.message.get(out.lang)));
        }
    }
}

fn place(source: &Source, byte: usize) -> String {
    let (line, column) = source.place(byte);
    format!("{}:{line}:{column}", source.name)
}

fn tell(out: &Out, results: &[FileResult<'_>]) {
    let failed: usize = results.iter().map(FileResult::failed).sum();
    let all: usize = results.iter().map(|result| result.tests.len()).sum();
    if out.json {
        let files: Vec<Value> = results.iter().map(FileResult::to_json).collect();
        out.json(&json!({ "files": files, "passed": all - failed, "failed": failed }));
        return;
    }
    for result in results {
        result.print(out);
    }
    let passed = all - failed;
    out.say(
        format!("共 {all} 项测试：{passed} 项通过，{failed} 项未通过"),
        format!("{all} test(s): {passed} passed, {failed} failed"),
    );
}
