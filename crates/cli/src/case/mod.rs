//! `qixian case`: cases of a running daemon.

mod read;
mod start;
mod write;

use clap::{Args, Subcommand};
use qixian_api::{DeadlineView, EventAnswer};
use qixian_core::{ClockState, Words};

pub(crate) use read::more;

use crate::failure::Failure;
use crate::out::Out;
use crate::remote::RemoteArgs;
use crate::table::Table;
use crate::when::short_or_dash;

/// `qixian case`.
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct CaseArgs {
    #[command(flatten)]
    remote: RemoteArgs,
    #[command(subcommand)]
    command: CaseCommand,
}

#[derive(Debug, Subcommand)]
enum CaseCommand {
    /// 开始一个案件 | Start a case
    #[command(
        after_help = "qixian case start config/examples/gansu.toml\nqixian case start --workflow first-filing --title 'example.cn 首次备案' --party principal,name=王建国,mobile=13800000001 --field subject.province=甘肃"
    )]
    Start(start::StartArgs),
    /// 列出案件，最先到期的在前 | List cases, the next due first
    #[command(
        after_help = "qixian case list\nqixian case list --state sms_verification --due-before 2026-02-16"
    )]
    List(read::ListArgs),
    /// 一个案件的全部 | All of one case
    #[command(after_help = "qixian case show QX-2026-000001")]
    Show(read::ShowArgs),
    /// 一个案件的经过 | What happened to a case
    #[command(after_help = "qixian case journal QX-2026-000001")]
    Journal(read::ShowArgs),
    /// 记录一个事件 | Record an event
    #[command(
        after_help = "qixian case event QX-2026-000001 sms_verified --party principal --at 2026-02-13T18:30\nqixian case event QX-2026-000001 bureau_approved --field site.number=陇ICP备2026000001号-1 --dry-run"
    )]
    Event(write::EventArgs),
    /// 更正已记录的事实 | Correct a recorded fact
    #[command(
        after_help = "qixian case correct QX-2026-000001 7 --at 2026-02-13T17:00 --reason '日期记错'\nqixian case correct QX-2026-000001 7 --withdraw --reason '记错了案件'"
    )]
    Correct(write::CorrectArgs),
    /// 修改标题、参考号或字段 | Change title, reference or fields
    #[command(after_help = "qixian case edit QX-2026-000001 --field site.name=示例网")]
    Edit(write::EditArgs),
    /// 记一句话 | Add a note
    #[command(after_help = "qixian case note QX-2026-000001 '王总来电，下午处理'")]
    Note(write::NoteArgs),
    /// 关闭案件 | Close a case
    #[command(after_help = "qixian case close QX-2026-000001 --reason '客户不再备案'")]
    Close(write::ReasonArgs),
    /// 重新打开案件 | Reopen a case
    #[command(after_help = "qixian case reopen QX-2026-000001 --reason '客户改变主意'")]
    Reopen(write::ReasonArgs),
    /// 放行中途开始的案件所扣留的消息 | Release the messages held since a mid-way start
    #[command(after_help = "qixian case release QX-2026-000001")]
    Release(read::ShowArgs),
}

/// Runs `qixian case`.
pub(crate) fn run(out: &Out, args: CaseArgs) -> Result<(), Failure> {
    let session = args.remote.session(out)?;
    match args.command {
        CaseCommand::Start(args) => start::run(out, &session, &args),
        CaseCommand::List(args) => read::list(out, &session, &args),
        CaseCommand::Show(args) => read::show(out, &session, &args),
        CaseCommand::Journal(args) => read::journal(out, &session, &args),
        CaseCommand::Event(args) => write::event(out, &session, args),
        CaseCommand::Correct(args) => write::correct(out, &session, args),
        CaseCommand::Edit(args) => write::edit(out, &session, args),
        CaseCommand::Note(args) => write::note(out, &session, args),
        CaseCommand::Close(args) => write::end(out, &session, args, "close"),
        CaseCommand::Reopen(args) => write::end(out, &session, args, "reopen"),
        CaseCommand::Release(args) => write::release(out, &session, &args),
    }
}

/// Prints what an accepted event made of its case.
pub(crate) fn print_answer(out: &Out, answer: &EventAnswer) {
    if out.json {
        out.json(answer);
        return;
    }
    let (rev, state) = (answer.rev, &answer.state);
    out.say(
        format!("已记录（第 {rev} 条），状态：{state}"),
        format!("Recorded as line {rev}; state: {state}"),
    );
    let open = answer.deadlines.iter().filter(|deadline| is_open(deadline));
    let table = deadline_table(out, open, false);
    if !table.is_empty() {
        out.line(table.render());
    }
}

/// Whether a deadline can still become something by itself.
pub(crate) fn is_open(deadline: &DeadlineView) -> bool {
    matches!(deadline.state.as_str(), "waiting" | "armed" | "paused")
}

/// Deadlines as rows, the case's id in front where they are of several.
pub(crate) fn deadline_table<'a>(
    out: &Out,
    deadlines: impl Iterator<Item = &'a DeadlineView>,
    with_case: bool,
) -> Table {
    let mut headings = vec![out.pick("参考号", "reference"), out.pick("案件", "case")];
    headings.retain(|_| with_case);
    headings.extend([
        out.pick("期限", "deadline"),
        out.pick("名称", "title"),
        out.pick("类别", "kind"),
        out.pick("状态", "state"),
        out.pick("到期", "due"),
        out.pick("最后一天", "last day"),
        "",
    ]);
    let mut table = Table::new(&headings);
    for deadline in deadlines {
        let mut marks = Vec::new();
        marks.extend(
            deadline
                .provisional
                .then(|| out.pick("暂定", "provisional")),
        );
        marks.extend(
            deadline
                .assumed
                .then(|| out.pick("推定起算", "assumed start")),
        );
        let mut row = vec![deadline.reference.clone(), deadline.case_title.clone()];
        row.retain(|_| with_case);
        row.extend([
            deadline.name.clone(),
            deadline.title.clone(),
            kind_word(out, &deadline.kind).to_owned(),
            clock_word(out, &deadline.state),
            short_or_dash(deadline.due_at.as_deref()),
            deadline.last_day.clone().unwrap_or_else(|| "–".to_owned()),
            marks.join(" "),
        ]);
        table.row(row);
    }
    table
}

/// What a deadline is to people, in a word.
pub(crate) fn kind_word<'a>(out: &Out, kind: &'a str) -> &'a str {
    match kind {
        "duty" => out.pick("必须办", "duty"),
        "expectation" => out.pick("预计", "expectation"),
        other => other,
    }
}

/// Where a clock stands, in words; a state of a newer daemon stands as it is.
pub(crate) fn clock_word(out: &Out, state: &str) -> String {
    let known: Result<ClockState, _> = serde_json::from_value(state.into());
    known.map_or_else(
        |_| state.to_owned(),
        |clock| clock.words().get(out.lang).to_owned(),
    )
}

/// What is said of an empty list.
pub(crate) fn nothing() -> Words {
    Words::new("（无）", "(none)")
}
