//! `qixian bench`: how much it takes on this machine, with this disk.

mod engine;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::args::ConfigArgs;
use crate::failure::Failure;
use crate::out::Out;

/// `qixian bench`.
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    command: BenchCommand,
}

#[derive(Debug, Subcommand)]
enum BenchCommand {
    /// 引擎：每秒可靠记录多少事件，与磁盘自身的速度并列 | The engine: durable events per second, beside the disk's own rate
    #[command(
        after_help = "qixian bench engine\nqixian bench engine --seconds 10 --dir /var/lib --json"
    )]
    Engine(EngineArgs),
}

/// How the engine is measured.
#[derive(Debug, Args)]
struct EngineArgs {
    /// 每一轮几秒 | Seconds for each round
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// 在此目录下建临时目录；默认数据目录所在的磁盘 | Where a temporary directory is made; the data directory's disk unless given
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs `qixian bench`.
pub(crate) fn run(out: &Out, args: BenchArgs) -> Result<(), Failure> {
    let BenchCommand::Engine(args) = args.command;
    engine::run(out, &args)
}
