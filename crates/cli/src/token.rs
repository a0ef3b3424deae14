//! `qixian token`: who may call the daemon. Works on the data directory; a running daemon sees it at once.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use qixian_core::Words;
use qixian_daemon::auth::{self, ROLES, Tokens};
use qixian_time::{Clock, SystemClock};
use serde_json::json;

use crate::args::ConfigArgs;
use crate::failure::Failure;
use crate::out::Out;
use crate::table::Table;
use crate::{local, when};

/// `qixian token`.
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct TokenArgs {
    /// 数据目录 | The data directory
    #[arg(long, global = true, display_order = 810, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// 新建令牌；只显示这一次 | Make a token; it is shown this once
    #[command(after_help = "qixian token create wang --role handler")]
    Create(CreateArgs),
    /// 列出令牌 | List the tokens
    #[command(after_help = "qixian token list")]
    List,
    /// 收回令牌 | Take a token back
    #[command(after_help = "qixian token revoke wang")]
    Revoke(NameArgs),
}

#[derive(Debug, Args)]
struct CreateArgs {
    /// 名称，记在案件经过里 | Its name, which the journal will say
    #[arg(value_name = "NAME")]
    name: String,
    /// 角色，可多次 | A role; may come again
    #[arg(long = "role", value_name = "ROLE", required = true, value_parser = ROLES)]
    roles: Vec<String>,
}

#[derive(Debug, Args)]
struct NameArgs {
    /// 名称 | Its name
    #[arg(value_name = "NAME")]
    name: String,
}

/// Runs `qixian token`.
pub(crate) fn run(out: &Out, args: TokenArgs) -> Result<(), Failure> {
    let data = args
        .data
        .iter()
        .map(|data| ("data", data.display().to_string()));
    let settings = local::settings(&args.config, data.collect())?;
    if !settings.data.is_dir() {
        let dir = settings.data.display();
        return Err(Failure::refused(
            format!("没有数据目录 {dir}；先运行一次 qixian serve，或用 --data 指明"),
            format!(
                "there is no data directory {dir}; run qixian serve once, or name it with --data"
            ),
        ));
    }
    let tokens = Tokens::of(&settings.data);
    match args.command {
        TokenCommand::Create(args) => {
            let token = tokens
                .create(&args.name, &args.roles, SystemClock.now())
                .map_err(refused)?;
            match out.json {
                true => {
                    out.json(&json!({ "name": args.name, "roles": args.roles, "token": token }))
                }
                false => {
                    out.line(&token);
                    out.note(
                        "请现在保存，以后不再显示",
                        "Keep it now; it will not be shown again",
                    );
                }
            }
        }
        TokenCommand::List => list(out, &tokens, &settings.zone)?,
        TokenCommand::Revoke(args) => {
            tokens.revoke(&args.name).map_err(refused)?;
            let name = args.name;
            match out.json {
                true => out.json(&json!({ "revoked": name })),
                false => out.say(format!("已收回“{name}”"), format!("`{name}` is taken back")),
            }
        }
    }
    Ok(())
}

fn list(out: &Out, tokens: &Tokens, zone: &qixian_time::Zone) -> Result<(), Failure> {
    let entries = tokens.list().map_err(refused)?;
    if out.json {
        let items: Vec<_> = entries
            .iter()
            .map(|entry| {
                json!({ "name": entry.name, "roles": entry.roles, "created_at": entry.created_at.to_rfc3339(zone) })
            })
            .collect();
        out.json(&json!({ "items": items }));
        return Ok(());
    }
    let mut table = Table::new(&[
        out.pick("名称", "name"),
        out.pick("角色", "roles"),
        out.pick("创建于", "created"),
    ]);
    for entry in entries {
        let created = when::short(&entry.created_at.to_rfc3339(zone));
        table.row(vec![entry.name, entry.roles.join(" "), created]);
    }
    out.table(&table, &Words::new("没有令牌", "No tokens"));
    Ok(())
}

fn refused(error: auth::Error) -> Failure {
    Failure::Refused(error.words())
}
