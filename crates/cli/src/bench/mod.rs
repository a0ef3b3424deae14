//! `qixian bench`: how much it takes on this machine, with this disk.
//!
//! Each measurement works in a temporary directory beside the data directory, on the real store, and counts an answer only
//! when it survives a power cut. Everything is told beside what the disk itself gives at that moment (`floor`).

mod child;
mod engine;
mod engine_table;
mod floor;
mod http;
mod kind;
mod load;
mod over_http;
mod place;
mod report;
mod scale;
mod scale_use;
mod store;
mod timers;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::args::ConfigArgs;
use crate::failure::Failure;
use crate::out::Out;

/// How many callers wait for their answers at once, round by round.
const IN_FLIGHT: [usize; 3] = [1, 64, 1_024];

/// `qixian bench`.
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    command: BenchCommand,
}

#[derive(Debug, Subcommand)]
enum BenchCommand {
    /// 引擎：每秒可靠记录多少事件，直接的与经 HTTP 的，与仅存储、与磁盘自身的速度并列 | The engine: durable events per second, directly and over HTTP, beside the store alone and the disk's own rate
    #[command(
        after_help = "qixian bench engine\nqixian bench engine --seconds 10 --dir /var/lib --json"
    )]
    Engine(EngineArgs),
    /// 仅存储：每秒多少次断电也不丢的提交 | The store alone: commits per second that survive a power cut
    #[command(after_help = "qixian bench store\nqixian bench store --seconds 10 --json")]
    Store(StoreArgs),
    /// 到点：提醒迟多久落盘，两万个同时到点要多久 | Wake-ups: how late they are durable, and how long 20,000 at once take
    #[command(after_help = "qixian bench timers\nqixian bench timers --at-once 1000 --json")]
    Timers(TimersArgs),
    /// 规模：装入许多案件的守护进程，被杀后多久就绪、占多少内存 | Scale: the daemon with many cases, how soon it is ready after a kill, what it holds in memory
    #[command(
        after_help = "qixian bench scale\nqixian bench scale --cases 1000000 --cache-mib 128 --dir /var/lib"
    )]
    Scale(ScaleArgs),
}

/// Where is measured, and how long.
#[derive(Debug, Args)]
struct Where {
    /// 每一轮几秒；0 只试一下能否运行 | Seconds for each round; 0 only tries whether it runs
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(0..=3_600))]
    seconds: u64,
    /// 在此目录下建临时目录；默认数据目录所在的磁盘 | Where a temporary directory is made; the data directory's disk unless given
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

/// How the engine is measured.
#[derive(Debug, Args)]
struct EngineArgs {
    #[command(flatten)]
    place: Where,
    /// 案件数 | How many cases
    #[arg(long, value_name = "COUNT", default_value_t = 10_000, value_parser = count())]
    cases: usize,
}

/// How the store is measured.
#[derive(Debug, Args)]
struct StoreArgs {
    #[command(flatten)]
    place: Where,
    /// 预先装入的案件数 | How many cases are there beforehand
    #[arg(long, value_name = "COUNT", default_value_t = 50_000, value_parser = count())]
    cases: usize,
}

/// How wake-ups are measured.
#[derive(Debug, Args)]
struct TimersArgs {
    #[command(flatten)]
    place: Where,
    /// 同一时刻到点的案件数 | How many cases are due in the same instant
    #[arg(long, value_name = "COUNT", default_value_t = 20_000, value_parser = count())]
    at_once: usize,
}

/// How many cases are measured with.
#[derive(Debug, Args)]
struct ScaleArgs {
    #[command(flatten)]
    place: Where,
    /// 未结案件数，每个四级待到点的提醒 | Open cases, each with four armed rungs
    #[arg(long, value_name = "COUNT", default_value_t = 20_000, value_parser = count())]
    cases: usize,
    /// 存储缓存（MiB）；默认为出厂设置 | Cache of the store (MiB); as shipped unless given
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(8..=1_048_576))]
    cache_mib: Option<u64>,
    /// 空闲时观察几秒 | Seconds to watch it while idle
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    idle: u64,
}

/// A number of cases.
fn count() -> impl clap::builder::TypedValueParser<Value = usize> {
    use clap::builder::TypedValueParser;
    clap::value_parser!(u64)
        .range(1..=10_000_000)
        .map(|count| usize::try_from(count).unwrap_or(usize::MAX))
}

/// Runs `qixian bench`.
pub(crate) fn run(out: &Out, args: BenchArgs) -> Result<(), Failure> {
    match args.command {
        BenchCommand::Engine(args) => engine::run(out, &args),
        BenchCommand::Store(args) => store::run(out, &args),
        BenchCommand::Timers(args) => timers::run(out, &args),
        BenchCommand::Scale(args) => scale::run(out, &args),
    }
}
