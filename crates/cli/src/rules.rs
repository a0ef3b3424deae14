//! `qixian rules`: the rule packs, row by row with their sources.

use clap::{Args, Subcommand};
use qixian_core::{RuleRow, Words};
use serde_json::json;

use crate::args::ConfigArgs;
use crate::failure::Failure;
use crate::local;
use crate::out::Out;
use crate::table::Table;

/// `qixian rules`.
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct RulesArgs {
    #[command(subcommand)]
    command: RulesCommand,
}

#[derive(Debug, Subcommand)]
enum RulesCommand {
    /// 列出规则及其来源 | List the rules with their sources
    #[command(
        after_help = "qixian rules list\nqixian rules list --pack guide --key sms_check.window"
    )]
    List(ListArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    /// 只看这个规则包 | Only this pack
    #[arg(long, value_name = "ID")]
    pack: Option<String>,
    /// 只看这个键 | Only this key
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs `qixian rules`.
pub(crate) fn run(out: &Out, args: RulesArgs) -> Result<(), Failure> {
    let RulesCommand::List(args) = args.command;
    let loaded = local::loaded(&local::settings(&args.config, Vec::new())?)?;
    let packs = loaded.env.rules.values();
    let packs = packs.filter(|pack| {
        args.pack
            .as_ref()
            .is_none_or(|id| pack.reference().id == *id)
    });
    let mut rows = Vec::new();
    for pack in packs {
        let wanted = |row: &&RuleRow| args.key.as_ref().is_none_or(|key| row.key == *key);
        rows.extend(
            pack.rows()
                .filter(wanted)
                .map(|row| (pack.reference(), row)),
        );
    }
    if out.json {
        let items: Vec<_> = rows
            .iter()
            .map(|(pack, row)| {
                json!({
                    "pack": pack.id, "pack_version": pack.version, "key": row.key,
                    "match": row.matches, "value": row.value, "source": row.source,
                    "from": row.from.map(|day| day.to_string()),
                    "until": row.until.map(|day| day.to_string()),
                    "confidence": row.confidence,
                })
            })
            .collect();
        out.json(&json!({ "items": items }));
        return Ok(());
    }
    let mut table = Table::new(&[
        out.pick("规则包", "pack"),
        out.pick("键", "key"),
        out.pick("适用于", "match"),
        out.pick("值", "value"),
        out.pick("来源", "source"),
        out.pick("自", "from"),
        out.pick("至", "until"),
        out.pick("把握", "confidence"),
    ]);
    let day = |day: Option<qixian_time::Date>| day.map_or_else(String::new, |day| day.to_string());
    for (pack, row) in rows {
        let matches = row
            .matches
            .iter()
            .map(|(path, value)| format!("{path}={}", plain(value)));
        table.row(vec![
            format!("{} v{}", pack.id, pack.version),
            row.key.clone(),
            matches.collect::<Vec<_>>().join(" "),
            plain(&row.value),
            row.source.clone(),
            day(row.from),
            day(row.until),
            row.confidence.clone(),
        ]);
    }
    out.table(&table, &Words::new("没有这样的规则", "No such rules"));
    Ok(())
}

/// A value as people write it.
fn plain(value: &qixian_core::Value) -> String {
    match (value.as_text(), value.is_null()) {
        (Some(text), _) => text.to_owned(),
        (None, true) => "?".to_owned(),
        (None, false) => serde_json::to_string(value).unwrap_or_default(),
    }
}
