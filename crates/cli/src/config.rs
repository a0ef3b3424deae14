//! `qixian config`: what is configured, and what is wrong with it.

use clap::{Args, Subcommand};
use qixian_core::Words;
use qixian_daemon::{Overrides, Settings};
use qixian_workflow::{Diagnostics, Severity};
use serde_json::json;

use crate::args::ConfigArgs;
use crate::failure::Failure;
use crate::local;
use crate::out::Out;
use crate::table::Table;

/// `qixian config`.
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct ConfigCommandArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// 检查全部配置文件，一次列出全部问题 | Check every configuration file; tells all problems at once
    #[command(after_help = "qixian config check --config ./config/qixian.toml")]
    Check(ConfigArgs),
    /// 显示每个设置的值，密钥不显示 | Show every setting's value, secrets masked
    #[command(after_help = "qixian config show --origin")]
    Show(ShowArgs),
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// 并显示来自何处 | Also say where each comes from
    #[arg(long)]
    origin: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs `qixian config`.
pub(crate) fn run(out: &Out, args: ConfigCommandArgs) -> Result<(), Failure> {
    match args.command {
        ConfigCommand::Check(config) => check(out, &config),
        ConfigCommand::Show(args) => show(out, &args),
    }
}

fn check(out: &Out, config: &ConfigArgs) -> Result<(), Failure> {
    let found = problems(config);
    let (errors, warnings) = (found.count(Severity::Error), found.count(Severity::Warning));
    match out.json {
        true => out.json(&json!({
            "errors": errors, "warnings": warnings, "problems": found.to_json(),
        })),
        false => {
            out.findings(&found);
            out.say(
                format!("配置检查完毕：{errors} 个错误，{warnings} 个警告"),
                format!("Configuration checked: {errors} error(s), {warnings} warning(s)"),
            );
        }
    }
    match found.has_errors() {
        true => Err(Failure::Told),
        false => Ok(()),
    }
}

/// Everything that is wrong, of the settings and of the files beside them.
fn problems(config: &ConfigArgs) -> Diagnostics {
    let overrides = Overrides {
        config: config.config.clone(),
        values: Vec::new(),
    };
    let (settings, mut found) = Settings::read(&overrides, &|name| std::env::var(name).ok());
    found.append(settings.check_providers());
    match qixian_daemon::catalog(&settings) {
        Ok(loaded) => found.append(loaded.catalog.warnings().clone()),
        Err(more) => found.append(more),
    }
    found
}

fn show(out: &Out, args: &ShowArgs) -> Result<(), Failure> {
    let settings = local::settings(&args.config, Vec::new())?;
    if out.json {
        let items: Vec<_> = settings
            .shown()
            .iter()
            .map(|shown| {
                json!({ "name": shown.path, "value": shown.value, "origin": shown.origin.to_string() })
            })
            .collect();
        out.json(&json!({ "items": items }));
        return Ok(());
    }
    let mut headings = vec![out.pick("设置", "setting"), out.pick("值", "value")];
    headings.extend(args.origin.then(|| out.pick("来源", "origin")));
    let mut table = Table::new(&headings);
    for shown in settings.shown() {
        let mut row = vec![shown.path.clone(), shown.value.clone()];
        row.extend(args.origin.then(|| shown.origin.to_string()));
        table.row(row);
    }
    out.table(&table, &Words::new("没有设置", "No settings"));
    Ok(())
}
