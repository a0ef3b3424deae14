//! `qixian case event`, `correct`, `edit`, `note`, `close`, `reopen` and `release`.

use clap::Args;
use qixian_api::{
    CaseView, CorrectFact, EventAnswer, EventDraft, OverrideGuard, PatchCase, PostEvent, PostNote,
    PostReason,
};

use super::read::{ShowArgs, print_case};
use super::{deadline_table, is_open, print_answer};
use crate::failure::Failure;
use crate::given;
use crate::out::Out;
use crate::remote::Session;

/// What happened.
#[derive(Debug, Args)]
pub(crate) struct EventArgs {
    /// 案件编号或参考号 | The case's id or reference
    #[arg(value_name = "CASE")]
    case: String,
    /// 事件（见 case show 的“现在可以”） | The event (see "possible now" of case show)
    #[arg(value_name = "EVENT")]
    event: String,
    /// 谁的事实：角色 | Whose fact it is: a role
    #[arg(long, value_name = "ROLE")]
    party: Option<String>,
    /// 字段：路径=文本 或 路径:=JSON，可多次 | A field: path=text or path:=JSON; may come again
    #[arg(long = "field", value_name = "FIELD")]
    fields: Vec<String>,
    /// 何时发生；默认现在 | When it happened; now unless given
    #[arg(long, value_name = "T")]
    at: Option<String>,
    /// 备注 | Words for the journal
    #[arg(long)]
    note: Option<String>,
    /// 守卫拒绝时仍记录，并说明理由 | Record it although a guard refuses, and why
    #[arg(long = "override", value_name = "REASON")]
    override_reason: Option<String>,
    /// 只看会怎样，不记录 | Only see what it would do
    #[arg(long)]
    dry_run: bool,
}

/// Runs `qixian case event`.
pub(super) fn event(out: &Out, session: &Session, args: EventArgs) -> Result<(), Failure> {
    let id = session.case_id(&args.case)?;
    let post = PostEvent {
        event: args.event,
        party: args.party,
        fields: given::fields(&args.fields)?,
        occurred_at: session.time(args.at.as_deref())?,
        note: args.note,
        override_guard: args.override_reason.map(|reason| OverrideGuard { reason }),
    };
    if args.dry_run {
        let draft: EventDraft = session.post(&format!("/cases/{id}/events?dry_run=true"), &post)?;
        print_draft(out, &draft);
        return Ok(());
    }
    let answer: EventAnswer = session.post(&format!("/cases/{id}/events"), &post)?;
    print_answer(out, &answer);
    Ok(())
}

fn print_draft(out: &Out, draft: &EventDraft) {
    if out.json {
        out.json(draft);
        return;
    }
    let state = &draft.state;
    out.say(
        format!("试算，未记录。状态将为：{state}"),
        format!("Dry run, nothing recorded. The state would be: {state}"),
    );
    let table = deadline_table(out, draft.deadlines.iter().filter(|d| is_open(d)), false);
    if !table.is_empty() {
        out.line(table.render());
    }
    if !draft.messages.is_empty() {
        let told = draft.messages.join(", ");
        out.say(
            format!("将立即通知：{told}"),
            format!("Would be told at once: {told}"),
        );
    }
    for message in &draft.sent {
        let (via, to, at) = (&message.via, &message.to, &message.created_at);
        out.say(
            format!("已经发出：{via} {to}，{at}"),
            format!("Sent already: {via} {to}, {at}"),
        );
    }
    for warning in &draft.warnings {
        out.line(format!("! {warning}"));
    }
}

/// What was wrong.
#[derive(Debug, Args)]
pub(crate) struct CorrectArgs {
    /// 案件编号或参考号 | The case's id or reference
    #[arg(value_name = "CASE")]
    case: String,
    /// 经过中的序号（见 case journal） | The journal line (see case journal)
    #[arg(value_name = "SEQ")]
    seq: u64,
    /// 理由 | Why
    #[arg(long)]
    reason: String,
    /// 从未发生 | It never happened
    #[arg(long, conflicts_with_all = ["at", "fields", "party"])]
    withdraw: bool,
    /// 实际发生的时间 | When it really happened
    #[arg(long, value_name = "T")]
    at: Option<String>,
    /// 正确的字段，可多次 | A right field; may come again
    #[arg(long = "field", value_name = "FIELD")]
    fields: Vec<String>,
    /// 实际是谁的事实 | Whose fact it really was
    #[arg(long, value_name = "ROLE")]
    party: Option<String>,
    /// 只看会怎样、哪些消息已经发出，不更正 | Only see what it would do and what was sent already
    #[arg(long)]
    dry_run: bool,
}

/// Runs `qixian case correct`.
pub(super) fn correct(out: &Out, session: &Session, args: CorrectArgs) -> Result<(), Failure> {
    let id = session.case_id(&args.case)?;
    let body = CorrectFact {
        reason: args.reason,
        withdraw: args.withdraw,
        occurred_at: session.time(args.at.as_deref())?,
        fields: given::fields(&args.fields)?,
        party: args.party,
    };
    let path = format!("/cases/{id}/journal/{}/correct", args.seq);
    if args.dry_run {
        let draft: EventDraft = session.post(&format!("{path}?dry_run=true"), &body)?;
        print_draft(out, &draft);
        return Ok(());
    }
    let answer: EventAnswer = session.post(&path, &body)?;
    print_answer(out, &answer);
    Ok(())
}

/// What changes.
#[derive(Debug, Args)]
pub(crate) struct EditArgs {
    /// 案件编号或参考号 | The case's id or reference
    #[arg(value_name = "CASE")]
    case: String,
    /// 新标题 | The new title
    #[arg(long)]
    title: Option<String>,
    /// 新参考号 | The new reference
    #[arg(long)]
    reference: Option<String>,
    /// 字段：路径=文本 或 路径:=JSON（null 为未知），可多次 | A field: path=text or path:=JSON (null: not known); may come again
    #[arg(long = "field", value_name = "FIELD")]
    fields: Vec<String>,
    /// 备注 | Words for the journal
    #[arg(long)]
    note: Option<String>,
    /// 仅当 edit_rev 仍为此值 | Only while `edit_rev` is this
    #[arg(long, value_name = "REV")]
    if_rev: Option<u64>,
}

/// Runs `qixian case edit`.
pub(super) fn edit(out: &Out, session: &Session, args: EditArgs) -> Result<(), Failure> {
    let id = session.case_id(&args.case)?;
    let body = PatchCase {
        title: args.title,
        reference: args.reference,
        fields: given::fields(&args.fields)?,
        note: args.note,
    };
    let case: CaseView = session.patch(&format!("/cases/{id}"), &body, args.if_rev)?;
    match out.json {
        true => out.json(&case),
        false => print_case(out, &case),
    }
    Ok(())
}

/// What is noted.
#[derive(Debug, Args)]
pub(crate) struct NoteArgs {
    /// 案件编号或参考号 | The case's id or reference
    #[arg(value_name = "CASE")]
    case: String,
    /// 要记的话 | The words
    #[arg(value_name = "TEXT")]
    note: String,
}

/// Runs `qixian case note`.
pub(super) fn note(out: &Out, session: &Session, args: NoteArgs) -> Result<(), Failure> {
    let id = session.case_id(&args.case)?;
    let body = PostNote { note: args.note };
    let answer: EventAnswer = session.post(&format!("/cases/{id}/notes"), &body)?;
    print_answer(out, &answer);
    Ok(())
}

/// Why a case ends or goes on.
#[derive(Debug, Args)]
pub(crate) struct ReasonArgs {
    /// 案件编号或参考号 | The case's id or reference
    #[arg(value_name = "CASE")]
    case: String,
    /// 理由 | Why
    #[arg(long)]
    reason: String,
    /// 何时；默认现在 | When; now unless given
    #[arg(long, value_name = "T")]
    at: Option<String>,
}

/// Runs `qixian case close` and `reopen`.
pub(super) fn end(
    out: &Out,
    session: &Session,
    args: ReasonArgs,
    verb: &str,
) -> Result<(), Failure> {
    let id = session.case_id(&args.case)?;
    let body = PostReason {
        reason: args.reason,
        occurred_at: session.time(args.at.as_deref())?,
    };
    let answer: EventAnswer = session.post(&format!("/cases/{id}/{verb}"), &body)?;
    print_answer(out, &answer);
    Ok(())
}

/// Runs `qixian case release`.
pub(super) fn release(out: &Out, session: &Session, args: &ShowArgs) -> Result<(), Failure> {
    let id = session.case_id(&args.case)?;
    let body = serde_json::json!({});
    let answer: EventAnswer = session.post(&format!("/cases/{id}/release"), &body)?;
    print_answer(out, &answer);
    Ok(())
}
