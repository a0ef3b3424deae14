//! `qixian message`: what was said, and what will be.

use clap::{Args, Subcommand};
use qixian_api::{MessageView, Page, PreviewItem};
use qixian_core::Words;

use crate::case::{more, nothing};
use crate::failure::Failure;
use crate::out::Out;
use crate::remote::{RemoteArgs, Session, encode, query};
use crate::table::Table;
use crate::when::{short, short_or_dash};

/// `qixian message`.
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct MessageArgs {
    #[command(flatten)]
    remote: RemoteArgs,
    #[command(subcommand)]
    command: MessageCommand,
}

#[derive(Debug, Subcommand)]
enum MessageCommand {
    /// 列出消息 | List messages
    #[command(
        after_help = "qixian message list --status dead\nqixian message list --case QX-2026-000001"
    )]
    List(ListArgs),
    /// 一条消息及其每次发送 | One message with every try to send it
    #[command(after_help = "qixian message show 01KH00A4E0R5E052FC5M592SZC-7-0.1")]
    Show(IdArgs),
    /// 今后几天将要发出的提醒 | The reminders of the coming days
    #[command(after_help = "qixian message preview --days 3")]
    Preview(PreviewArgs),
    /// 重新发送 | Send again
    #[command(after_help = "qixian message retry 01KH00A4E0R5E052FC5M592SZC-7-0.1")]
    Retry(IdArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    /// 只看一个案件 | Only of this case
    #[arg(long, value_name = "CASE")]
    case: Option<String>,
    /// 状态 | The status
    #[arg(long, value_parser = ["queued", "held", "sending", "accepted", "delivered", "moot", "dead", "unknown"])]
    status: Option<String>,
    /// 最多几条 | At most so many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
    /// 接着上一页 | Where the last page ended
    #[arg(long)]
    cursor: Option<String>,
}

#[derive(Debug, Args)]
struct IdArgs {
    /// 消息编号 | The message's id
    #[arg(value_name = "ID")]
    id: String,
}

#[derive(Debug, Args)]
struct PreviewArgs {
    /// 看几天 | How many days
    #[arg(long, default_value_t = 14, value_parser = clap::value_parser!(u32).range(1..=90))]
    days: u32,
}

/// Runs `qixian message`.
pub(crate) fn run(out: &Out, args: MessageArgs) -> Result<(), Failure> {
    let session = args.remote.session(out)?;
    match args.command {
        MessageCommand::List(args) => list(out, &session, &args),
        MessageCommand::Show(args) => {
            let message = session.get(&format!("/messages/{}", encode(&args.id)))?;
            show(out, &message);
            Ok(())
        }
        MessageCommand::Preview(args) => preview(out, &session, &args),
        MessageCommand::Retry(args) => {
            let path = format!("/messages/{}/retry", encode(&args.id));
            let message = session.post(&path, &serde_json::json!({}))?;
            show(out, &message);
            Ok(())
        }
    }
}

fn list(out: &Out, session: &Session, args: &ListArgs) -> Result<(), Failure> {
    let query = query(&[
        ("status", args.status.clone()),
        ("limit", Some(args.limit.to_string())),
        ("cursor", args.cursor.clone()),
    ]);
    let path = match &args.case {
        Some(case) => format!("/cases/{}/messages{query}", session.case_id(case)?),
        None => format!("/messages{query}"),
    };
    let page: Page<MessageView> = session.get(&path)?;
    if out.json {
        out.json(&page);
        return Ok(());
    }
    let mut table = Table::new(&[
        "ID",
        out.pick("时间", "at"),
        out.pick("事由", "about"),
        out.pick("通道", "via"),
        out.pick("收件人", "to"),
        out.pick("状态", "status"),
        out.pick("次数", "tries"),
    ]);
    for message in &page.items {
        let about = message.deadline.as_ref().or(message.event.as_ref());
        table.row(vec![
            message.id.clone(),
            short(&message.created_at),
            about.unwrap_or(&message.cause).clone(),
            message.via.clone(),
            message.to.clone(),
            message.status.clone(),
            message.attempts.len().to_string(),
        ]);
    }
    out.table(&table, &nothing());
    more(out, page.next_cursor.as_deref());
    Ok(())
}

fn show(out: &Out, message: &MessageView) {
    if out.json {
        out.json(message);
        return;
    }
    out.line(format!(
        "{}  {}  {}",
        message.id, message.status, message.to
    ));
    let about = message.deadline.as_ref().or(message.event.as_ref());
    out.say(
        format!(
            "案件：{}  事由：{} {}",
            message.case,
            message.cause,
            about.map_or("", |a| a)
        ),
        format!(
            "Case: {}  About: {} {}",
            message.case,
            message.cause,
            about.map_or("", |a| a)
        ),
    );
    let next = short_or_dash(message.next_at.as_deref());
    out.say(format!("下次发送：{next}"), format!("Next try: {next}"));
    if let Some(receipt) = &message.receipt {
        out.say(format!("回执：{receipt}"), format!("Receipt: {receipt}"));
    }
    let mut table = Table::new(&[
        out.pick("时间", "at"),
        out.pick("通道", "via"),
        out.pick("服务商", "provider"),
        out.pick("结果", "outcome"),
        out.pick("说明", "detail"),
    ]);
    for attempt in &message.attempts {
        table.row(vec![
            short(&attempt.at),
            attempt.via.clone(),
            attempt.provider.clone(),
            attempt.outcome.clone(),
            attempt.detail.clone(),
        ]);
    }
    out.table(&table, &Words::new("还没有发送过", "Not tried yet"));
}

fn preview(out: &Out, session: &Session, args: &PreviewArgs) -> Result<(), Failure> {
    let page: Page<PreviewItem> = session.get(&format!("/preview?days={}", args.days))?;
    if out.json {
        out.json(&page);
        return Ok(());
    }
    let mut table = Table::new(&[
        out.pick("时间", "at"),
        out.pick("案件", "case"),
        out.pick("期限", "deadline"),
        out.pick("通道", "via"),
        out.pick("收件人", "to"),
        out.pick("内容", "text"),
    ]);
    for item in &page.items {
        table.row(vec![
            short(&item.at),
            item.title.clone(),
            item.deadline.clone(),
            item.via.clone(),
            item.to.clone(),
            item.text.chars().take(60).collect(),
        ]);
    }
    let days = args.days;
    out.table(
        &table,
        &Words::new(
            format!("今后 {days} 天没有提醒"),
            format!("No reminders in the coming {days} days"),
        ),
    );
    Ok(())
}
