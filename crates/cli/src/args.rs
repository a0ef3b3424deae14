//! The command line as a whole. Each command's own arguments stand in its module.
//!
//! Texts are written `中文 | English`; [`crate::lang::localise`] keeps one of the two. `after_help` holds plain examples.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};

/// `qixian`.
#[derive(Debug, Parser)]
#[command(
    name = "qixian",
    version,
    about = "备案期限不漏：案件、期限、提醒 | Keeps every filing moving and lets no deadline lapse",
    disable_help_flag = true,
    disable_version_flag = true,
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "qixian serve --demo\nqixian due --from 2026-02-13T17:30 --within 48h --why\nqixian case list"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// 语言：zh 或 en | Language: zh or en
    #[arg(long, global = true, display_order = 900, value_name = "LANG", env = "QIXIAN_LANG", value_parser = ["zh", "en"], hide_env_values = true)]
    lang: Option<String>,
    /// 输出 JSON，供程序使用 | Print JSON, for programs
    #[arg(long, global = true, display_order = 901)]
    pub(crate) json: bool,
    /// 显示帮助 | Print help
    #[arg(short, long, global = true, display_order = 902, action = ArgAction::Help)]
    help: Option<bool>,
    /// 显示版本 | Print the version
    #[arg(short = 'V', long, action = ArgAction::Version)]
    version: Option<bool>,
}

/// Where settings come from, for commands that work without a daemon.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ConfigArgs {
    /// 配置文件；流程、规则、日历、模板在其同一目录 | Configuration file; workflows, rules, calendars and templates lie beside it
    #[arg(
        long,
        display_order = 800,
        value_name = "FILE",
        env = "QIXIAN_CONFIG",
        hide_env_values = true
    )]
    pub(crate) config: Option<PathBuf>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// 启动守护进程 | Run the daemon
    Serve(crate::serve::ServeArgs),
    /// 案件 | Cases
    Case(crate::case::CaseArgs),
    /// 期限 | Deadlines
    Deadline(crate::deadline::DeadlineArgs),
    /// 消息 | Messages
    Message(crate::message::MessageArgs),
    /// 案件的相关人 | The people of a case
    Party(crate::party::PartyArgs),
    /// 客户记录 | Client records
    Client(crate::record::RecordArgs),
    /// 联系人记录 | Contact records
    Contact(crate::record::RecordArgs),
    /// 资产记录：服务器、域名、备案号 | Asset records: servers, domains, filing numbers
    Asset(crate::record::RecordArgs),
    /// 令牌 | Tokens
    Token(crate::token::TokenArgs),
    /// 计算一个期限，并说明理由 | Compute one date and say why
    Due(crate::due::DueArgs),
    /// 工作日历 | Working-day calendars
    Calendar(crate::calendar::CalendarArgs),
    /// 流程：查看、检查、测试、画图 | Workflows: look, check, test, draw
    Workflow(crate::workflow::WorkflowArgs),
    /// 在虚拟时钟上走一遍案件 | Walk a case on a virtual clock
    Simulate(crate::simulate::SimulateArgs),
    /// 规则包 | Rule packs
    Rules(crate::rules::RulesArgs),
    /// 配置：检查、显示 | Configuration: check, show
    Config(crate::config::ConfigCommandArgs),
    /// 数据文件：检查、导出、导入 | The stored data: check, export, import
    Store(crate::store::StoreArgs),
    /// 检查一切是否正常 | Check that everything is in order
    Doctor(crate::doctor::DoctorArgs),
    /// 测速 | Measure
    Bench(crate::bench::BenchArgs),
}
