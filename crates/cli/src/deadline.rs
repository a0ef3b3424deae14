//! `qixian deadline`: deadlines of a running daemon.

use clap::{Args, Subcommand};
use qixian_api::{DeadlineView, EventAnswer, MoveDeadline, Page, PostClock};

use crate::case::{clock_word, deadline_table, kind_word, nothing, print_answer};
use crate::failure::Failure;
use crate::files::closest;
use crate::out::Out;
use crate::remote::{RemoteArgs, Session, encode, query};
use crate::when::short;

/// `qixian deadline`.
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct DeadlineArgs {
    #[command(flatten)]
    remote: RemoteArgs,
    #[command(subcommand)]
    command: DeadlineCommand,
}

#[derive(Debug, Subcommand)]
enum DeadlineCommand {
    /// 列出期限，最先到期的在前 | List deadlines, the next due first
    #[command(
        after_help = "qixian deadline list\nqixian deadline list --due-before 2026-02-16\nqixian deadline list --case QX-2026-000001"
    )]
    List(ListArgs),
    /// 一个期限为何是这一天 | Why a deadline is due when it is
    #[command(after_help = "qixian deadline why QX-2026-000001 sms_code")]
    Why(NameArgs),
    /// 手动改期 | Move a deadline by hand
    #[command(
        after_help = "qixian deadline move QX-2026-000001 opening --to 2026-04-30 --reason '客户出差'\nqixian deadline move QX-2026-000001 opening --by +3d --reason '客户出差'"
    )]
    Move(MoveArgs),
    /// 停表 | Stop its clock
    #[command(
        after_help = "qixian deadline pause QX-2026-000001 provider_review --reason '服务商暂停受理'"
    )]
    Pause(ClockArgs),
    /// 续表 | Let its clock go on
    #[command(
        after_help = "qixian deadline resume QX-2026-000001 provider_review --reason '恢复受理'"
    )]
    Resume(ClockArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    /// 只看一个案件，含已结束的期限 | Only of this case, ended ones too
    #[arg(long, value_name = "CASE", conflicts_with_all = ["state", "due_before"])]
    case: Option<String>,
    /// 状态，默认 armed | The state, armed unless given
    #[arg(long, value_parser = ["waiting", "armed", "paused", "met", "missed", "cancelled", "superseded"])]
    state: Option<String>,
    /// 在此之前到期 | Due before
    #[arg(long, value_name = "T")]
    due_before: Option<String>,
    /// 最多几个案件 | Of at most so many cases
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
    /// 接着上一页 | Where the last page ended
    #[arg(long)]
    cursor: Option<String>,
}

#[derive(Debug, Args)]
struct NameArgs {
    /// 案件编号或参考号 | The case's id or reference
    #[arg(value_name = "CASE")]
    case: String,
    /// 期限 | The deadline
    #[arg(value_name = "NAME")]
    name: String,
}

#[derive(Debug, Args)]
struct MoveArgs {
    #[command(flatten)]
    which: NameArgs,
    /// 改到此时，或此日 24:00 | To this time, or to 24:00 of this day
    #[arg(
        long,
        value_name = "T",
        required_unless_present = "by",
        conflicts_with = "by"
    )]
    to: Option<String>,
    /// 推后多久，如 +3d、+2wd | How much later, such as +3d or +2wd
    #[arg(long, value_name = "LENGTH")]
    by: Option<String>,
    /// 理由 | Why
    #[arg(long)]
    reason: String,
}

#[derive(Debug, Args)]
struct ClockArgs {
    #[command(flatten)]
    which: NameArgs,
    /// 理由 | Why
    #[arg(long)]
    reason: String,
    /// 何时；默认现在 | When; now unless given
    #[arg(long, value_name = "T")]
    at: Option<String>,
}

/// Runs `qixian deadline`.
pub(crate) fn run(out: &Out, args: DeadlineArgs) -> Result<(), Failure> {
    let session = args.remote.session(out)?;
    match args.command {
        DeadlineCommand::List(args) => list(out, &session, &args),
        DeadlineCommand::Why(args) => why(out, &session, &args),
        DeadlineCommand::Move(args) => shift(out, &session, args),
        DeadlineCommand::Pause(args) => clock(out, &session, args, "pause"),
        DeadlineCommand::Resume(args) => clock(out, &session, args, "resume"),
    }
}

fn list(out: &Out, session: &Session, args: &ListArgs) -> Result<(), Failure> {
    let path = match &args.case {
        Some(case) => format!("/cases/{}/deadlines", session.case_id(case)?),
        None => {
            let query = query(&[
                ("state", args.state.clone()),
                ("due_before", session.time(args.due_before.as_deref())?),
                ("limit", Some(args.limit.to_string())),
                ("cursor", args.cursor.clone()),
            ]);
            format!("/deadlines{query}")
        }
    };
    let page: Page<DeadlineView> = session.get(&path)?;
    if out.json {
        out.json(&page);
        return Ok(());
    }
    let table = deadline_table(out, page.items.iter(), args.case.is_none());
    out.table(&table, &nothing());
    crate::case::more(out, page.next_cursor.as_deref());
    Ok(())
}

/// What became of a reminder, in a word.
fn rung_word<'a>(out: &Out, state: &'a str) -> &'a str {
    match state {
        "pending" => out.pick("待发", "pending"),
        "fired" => out.pick("已发", "sent"),
        "moot" => out.pick("不再需要", "moot"),
        other => other,
    }
}

fn why(out: &Out, session: &Session, args: &NameArgs) -> Result<(), Failure> {
    let id = session.case_id(&args.case)?;
    let page: Page<DeadlineView> = session.get(&format!("/cases/{id}/deadlines"))?;
    let Some(deadline) = page
        .items
        .iter()
        .find(|deadline| deadline.name == args.name)
    else {
        let known: Vec<&str> = page
            .items
            .iter()
            .map(|deadline| deadline.name.as_str())
            .collect();
        let (zh, en) = closest(&args.name, &known);
        let name = &args.name;
        return Err(Failure::refused(
            format!("这个案件没有期限“{name}”{zh}"),
            format!("this case has no deadline `{name}`{en}"),
        ));
    };
    if out.json {
        out.json(deadline);
        return Ok(());
    }
    let title = &deadline.title;
    let kind = kind_word(out, &deadline.kind);
    let state = clock_word(out, &deadline.state);
    out.line(format!("{title}  {}  {kind}  {state}", deadline.name));
    for line in &deadline.why {
        out.line(format!("  {}", out.pick(&line.text, &line.text_en)));
    }
    let rungs = deadline
        .rungs
        .iter()
        .map(|rung| format!("{} {}", short(&rung.at), rung_word(out, &rung.state)));
    let rungs: Vec<String> = rungs.collect();
    if !rungs.is_empty() {
        out.say(
            format!("  提醒：{}", rungs.join("；")),
            format!("  Reminders: {}", rungs.join("; ")),
        );
    }
    Ok(())
}

fn shift(out: &Out, session: &Session, args: MoveArgs) -> Result<(), Failure> {
    let body = MoveDeadline {
        due_at: session.time_or_day(args.to.as_deref())?,
        by: args.by,
        reason: args.reason,
    };
    let path = path_of(session, &args.which, "move")?;
    let answer: EventAnswer = session.post(&path, &body)?;
    print_answer(out, &answer);
    Ok(())
}

fn clock(out: &Out, session: &Session, args: ClockArgs, verb: &str) -> Result<(), Failure> {
    let body = PostClock {
        reason: args.reason,
        occurred_at: session.time(args.at.as_deref())?,
    };
    let path = path_of(session, &args.which, verb)?;
    let answer: EventAnswer = session.post(&path, &body)?;
    print_answer(out, &answer);
    Ok(())
}

fn path_of(session: &Session, which: &NameArgs, verb: &str) -> Result<String, Failure> {
    let id = session.case_id(&which.case)?;
    Ok(format!(
        "/cases/{id}/deadlines/{}/{verb}",
        encode(&which.name)
    ))
}
