//! `qixian workflow`: the procedures, their files and their tests.

mod check;
mod diagram;
mod graph;
mod show;
mod svg;
mod test;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use qixian_core::Words;
use qixian_daemon::{Loaded, Settings};
use qixian_workflow::Catalog;

use crate::args::ConfigArgs;
use crate::failure::Failure;
use crate::local;
use crate::out::Out;
use crate::table::Table;

/// `qixian workflow`.
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct WorkflowArgs {
    #[command(subcommand)]
    command: WorkflowCommand,
}

#[derive(Debug, Subcommand)]
enum WorkflowCommand {
    /// 列出流程 | List the workflows
    #[command(after_help = "qixian workflow list")]
    List(ConfigArgs),
    /// 一个流程的状态、事件和期限 | The states, events and deadlines of a workflow
    #[command(
        after_help = "qixian workflow show first-filing\nqixian workflow show first-filing --json"
    )]
    Show(show::ShowArgs),
    /// 检查流程、规则、日历文件，一次列出全部问题 | Check workflow, rule and calendar files; tells all problems at once
    #[command(after_help = "qixian workflow check my-filing.toml")]
    Check(check::CheckArgs),
    /// 在虚拟时钟上运行流程文件自带的测试 | Run the files' own tests on the virtual clock
    #[command(after_help = "qixian workflow test\nqixian workflow test my-filing.toml")]
    Test(test::TestArgs),
    /// 状态图：Mermaid 文本或 SVG | The diagram of a workflow: Mermaid text or SVG
    #[command(
        after_help = "qixian workflow diagram first-filing\nqixian workflow diagram first-filing --svg > first-filing.svg"
    )]
    Diagram(diagram::DiagramArgs),
}

/// Runs `qixian workflow`.
pub(crate) fn run(out: &Out, args: WorkflowArgs) -> Result<(), Failure> {
    match args.command {
        WorkflowCommand::List(config) => list(out, &config),
        WorkflowCommand::Show(args) => show::run(out, &args),
        WorkflowCommand::Check(args) => check::run(out, &args),
        WorkflowCommand::Test(args) => test::run(out, &args),
        WorkflowCommand::Diagram(args) => diagram::run(out, &args),
    }
}

/// The catalog with these files in place of those that define the same, and the ids of the workflows they hold.
pub(crate) fn build_with(
    settings: &Settings,
    loaded: &Loaded,
    given: &[PathBuf],
) -> Result<(Catalog, Vec<String>), Failure> {
    if given.is_empty() {
        return Ok(((*loaded.catalog).clone(), Vec::new()));
    }
    let catalog = match check::build(settings, given)? {
        (Some(catalog), _) => catalog,
        (None, problems) => return Err(problems.into()),
    };
    let is_given = |name: &str| given.iter().any(|path| path.display().to_string() == name);
    let own = catalog.files().filter(|file| is_given(&file.source.name));
    let ids = own.map(|file| file.workflow.id.clone()).collect();
    Ok((catalog, ids))
}

pub(crate) use test::setup as setup_of;

fn list(out: &Out, config: &ConfigArgs) -> Result<(), Failure> {
    let loaded = local::loaded(&local::settings(config, Vec::new())?)?;
    if out.json {
        let items: Vec<_> = loaded
            .catalog
            .files()
            .map(|file| {
                let workflow = &file.workflow;
                serde_json::json!({
                    "id": workflow.id, "version": workflow.version, "title": workflow.title,
                    "states": workflow.states.len(), "deadlines": workflow.deadlines.len(),
                    "tests": file.tests.len(), "file": &*file.source.name,
                })
            })
            .collect();
        out.json(&serde_json::json!({ "items": items }));
        return Ok(());
    }
    let mut table = Table::new(&[
        "ID",
        out.pick("版本", "version"),
        out.pick("名称", "title"),
        out.pick("状态", "states"),
        out.pick("期限", "deadlines"),
        out.pick("测试", "tests"),
        out.pick("文件", "file"),
    ]);
    for file in loaded.catalog.files() {
        let workflow = &file.workflow;
        table.row(vec![
            workflow.id.clone(),
            workflow.version.to_string(),
            workflow.title.get(out.lang).to_owned(),
            workflow.states.len().to_string(),
            workflow.deadlines.len().to_string(),
            file.tests.len().to_string(),
            file.source.name.to_string(),
        ]);
    }
    out.table(&table, &Words::new("没有流程", "No workflows"));
    Ok(())
}
