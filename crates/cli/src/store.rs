//! `qixian store`: looks at the stored data, writes them out and takes them in, while no daemon runs.

mod transfer;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use qixian_core::Words;
use qixian_daemon::Settings;
use qixian_store::Error;
use qixian_store::kv::dump::{Finding, Problem, Verified, rebuild, verify};
use qixian_store_sled::{Offline, Options};
use serde_json::json;

use crate::args::ConfigArgs;
use crate::failure::Failure;
use crate::local;
use crate::out::Out;

/// `qixian store`.
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct StoreArgs {
    /// 数据目录 | The data directory
    #[arg(long, global = true, display_order = 810, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(subcommand)]
    command: StoreCommand,
}

#[derive(Debug, Subcommand)]
enum StoreCommand {
    /// 逐行检查：校验和，以及案件、经过、定时、消息、索引是否相符 | Check every row: checksums, and whether cases, journals, wake-ups, messages and indexes agree
    #[command(
        after_help = "qixian store verify --data /var/lib/qixian\nqixian store verify --rebuild"
    )]
    Verify(VerifyArgs),
    /// 导出为 JSON 行，每行带校验和 | Write everything as JSON lines, a checksum each
    #[command(
        after_help = "qixian store export qixian-2026-11-23.jsonl\nqixian store export - --data /var/lib/qixian | gzip > qixian.jsonl.gz"
    )]
    Export(FileArgs),
    /// 把导出的文件装入空的数据目录 | Take an exported file into an empty data directory
    #[command(
        after_help = "qixian store import qixian-2026-11-23.jsonl --data /var/lib/qixian-new"
    )]
    Import(FileArgs),
}

#[derive(Debug, Args)]
struct VerifyArgs {
    /// 重建可由记录推出的行：索引、定时、待发 | Make derived rows anew: indexes, wake-ups, due messages
    #[arg(long)]
    rebuild: bool,
}

#[derive(Debug, Args)]
struct FileArgs {
    /// 文件；- 为标准输入输出 | The file; - is standard input or output
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Runs `qixian store`.
pub(crate) fn run(out: &Out, args: StoreArgs) -> Result<(), Failure> {
    let data = args.data.map(|data| ("data", data.display().to_string()));
    let settings = local::settings(&args.config, data.into_iter().collect())?;
    match args.command {
        StoreCommand::Verify(args) => check(out, &settings, args.rebuild),
        StoreCommand::Export(args) => transfer::export(out, &settings, &args.file),
        StoreCommand::Import(args) => transfer::import(out, &settings, &args.file),
    }
}

fn options(settings: &Settings) -> Options {
    Options {
        cache_capacity: settings.cache_mib << 20,
        ..Options::default()
    }
}

fn open(settings: &Settings) -> Result<Offline, Failure> {
    Offline::open(&settings.data.join("store"), &options(settings)).map_err(failed)
}

fn check(out: &Out, settings: &Settings, mend: bool) -> Result<(), Failure> {
    let rows = open(settings)?;
    let mut tell = |finding: Finding| told(out, &finding);
    let mut sum = match mend {
        true => rebuild(&rows, &mut tell).map_err(failed)?,
        false => verify(&rows, &mut tell),
    };
    for finding in rows.undurable().map_err(failed)? {
        told(out, &finding);
        sum.findings += 1;
    }
    rows.close().map_err(failed)?;
    summary(out, &sum, mend);
    let left = sum.findings - if mend { sum.repairable } else { 0 };
    match left {
        0 => Ok(()),
        _ => Err(Failure::Told),
    }
}

/// One finding, as a line of the answer.
fn told(out: &Out, finding: &Finding) {
    match out.json {
        true => out.json_line(finding),
        false => out.line(sentence(finding).get(out.lang)),
    }
}

fn sentence(finding: &Finding) -> Words {
    let (zh, en) = match finding.kind {
        Problem::Damaged => ("记录损坏", "damaged record"),
        Problem::Unreadable => ("读不出", "unreadable"),
        Problem::Journal => ("经过不完整", "incomplete journal"),
        Problem::Missing => ("所指不存在", "missing"),
        Problem::IndexMissing => ("缺派生行", "derived row missing"),
        Problem::IndexStray => ("多余的派生行", "stray derived row"),
        Problem::ReferenceTaken => ("编号重复", "reference used twice"),
        Problem::Unknown => ("不认识的行", "unknown row"),
        Problem::Undurable => ("断电可能丢", "a power cut may take it"),
    };
    let (key, what) = (&finding.key, &finding.what);
    let about = finding.about.as_ref().map(|about| format!("{about} "));
    let about = about.unwrap_or_default();
    Words::new(
        format!("{zh}：{about}[{key}] {what}"),
        format!("{en}: {about}[{key}] {what}"),
    )
}

fn summary(out: &Out, sum: &Verified, mended: bool) {
    if out.json {
        return out.json_line(&json!({
            "counts": sum.counts, "findings": sum.findings, "repairable": sum.repairable,
            "put": sum.put, "removed": sum.removed,
        }));
    }
    let counts: Vec<String> = (sum.counts.iter())
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    let counts = counts.join(", ");
    out.say(format!("已检查：{counts}"), format!("Checked: {counts}"));
    let (findings, repairable) = (sum.findings, sum.repairable);
    match (findings, mended) {
        (0, _) => out.say("没有问题", "Nothing is wrong"),
        (_, true) => {
            let (put, removed, left) = (sum.put, sum.removed, findings - repairable);
            out.say(
                format!("{findings} 个问题；已写入 {put} 行、删除 {removed} 行派生数据；{left} 个重建无法修复"),
                format!("{findings} problem(s); {put} derived rows written, {removed} removed; {left} cannot be rebuilt"),
            );
        }
        (_, false) => out.say(
            format!("{findings} 个问题，其中 {repairable} 个可用 --rebuild 修复"),
            format!("{findings} problem(s); --rebuild mends {repairable} of them"),
        ),
    }
    if findings > repairable {
        out.say(
            "损坏的记录请从备份恢复；先用 qixian store export 保存完好的部分",
            "Restore damaged records from a backup; keep what is intact with qixian store export first",
        );
    }
}

/// Why the store could not be used, in both languages.
fn failed(error: Error) -> Failure {
    Failure::Refused(error.words())
}
