//! `qixian client`, `contact` and `asset`: records that cases refer to.

use clap::{Args, Subcommand};
use qixian_api::{Page, PatchRecord, PostRecord, RecordView};
use serde_json::Value;

use crate::case::{more, nothing};
use crate::failure::Failure;
use crate::given;
use crate::out::Out;
use crate::remote::{RemoteArgs, Session, encode, query};
use crate::table::Table;
use crate::when::short;

/// `qixian client`, `contact` or `asset`.
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct RecordArgs {
    #[command(flatten)]
    remote: RemoteArgs,
    #[command(subcommand)]
    command: RecordCommand,
}

#[derive(Debug, Subcommand)]
enum RecordCommand {
    /// 新增 | Add one
    #[command(
        after_help = "qixian client add --title 兰州示例科技有限公司\nqixian asset add --title 'ecs-1' --client 01KH00A4E0R5E052FC5M592SZC --field kind=server --field expires_on=2027-01-10"
    )]
    Add(AddArgs),
    /// 列出 | List them
    #[command(
        after_help = "qixian client list\nqixian asset list --client 01KH00A4E0R5E052FC5M592SZC"
    )]
    List(ListArgs),
    /// 查看 | Show one
    #[command(after_help = "qixian client show 01KH00A4E0R5E052FC5M592SZC")]
    Show(IdArgs),
    /// 修改 | Change one
    #[command(
        after_help = "qixian contact edit 01KH00A4E0R5E052FC5M592SZC --field mobile=13800000009"
    )]
    Edit(EditArgs),
}

#[derive(Debug, Args)]
struct AddArgs {
    /// 名称 | What people call it
    #[arg(long)]
    title: String,
    /// 所属客户 | The client it belongs to
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// 字段：路径=文本 或 路径:=JSON，可多次 | A field: path=text or path:=JSON; may come again
    #[arg(long = "field", value_name = "FIELD")]
    fields: Vec<String>,
}

#[derive(Debug, Args)]
struct ListArgs {
    /// 所属客户 | The client they belong to
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// 最多几个 | At most so many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
    /// 接着上一页 | Where the last page ended
    #[arg(long)]
    cursor: Option<String>,
}

#[derive(Debug, Args)]
struct IdArgs {
    /// 编号 | The id
    #[arg(value_name = "ID")]
    id: String,
}

#[derive(Debug, Args)]
struct EditArgs {
    /// 编号 | The id
    #[arg(value_name = "ID")]
    id: String,
    /// 新名称 | The new title
    #[arg(long)]
    title: Option<String>,
    /// 所属客户 | The client it belongs to
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// 字段：路径=文本 或 路径:=JSON（null 为未知），可多次 | A field: path=text or path:=JSON (null: not known); may come again
    #[arg(long = "field", value_name = "FIELD")]
    fields: Vec<String>,
    /// 仅当 rev 仍为此值 | Only while `rev` is this
    #[arg(long, value_name = "REV")]
    if_rev: Option<u64>,
}

/// Runs the command on the records below `path` (`/clients`, `/contacts`, `/assets`).
pub(crate) fn run(out: &Out, args: RecordArgs, path: &str) -> Result<(), Failure> {
    let session = args.remote.session(out)?;
    let record: RecordView = match args.command {
        RecordCommand::List(args) => return list(out, &session, &args, path),
        RecordCommand::Show(args) => session.get(&format!("{path}/{}", encode(&args.id)))?,
        RecordCommand::Add(args) => {
            let body = PostRecord {
                title: args.title,
                client: args.client,
                fields: given::fields(&args.fields)?,
            };
            session.post(path, &body)?
        }
        RecordCommand::Edit(args) => {
            let body = PatchRecord {
                title: args.title,
                client: args.client,
                fields: given::fields(&args.fields)?,
            };
            session.patch(&format!("{path}/{}", encode(&args.id)), &body, args.if_rev)?
        }
    };
    show(out, &record);
    Ok(())
}

fn list(out: &Out, session: &Session, args: &ListArgs, path: &str) -> Result<(), Failure> {
    let query = query(&[
        ("client", args.client.clone()),
        ("limit", Some(args.limit.to_string())),
        ("cursor", args.cursor.clone()),
    ]);
    let page: Page<RecordView> = session.get(&format!("{path}{query}"))?;
    if out.json {
        out.json(&page);
        return Ok(());
    }
    let mut table = Table::new(&[
        "ID",
        out.pick("名称", "title"),
        out.pick("内容", "fields"),
        out.pick("修改于", "changed"),
    ]);
    for record in &page.items {
        let fields = record
            .fields
            .iter()
            .map(|(name, value)| format!("{name}={}", plain(value)));
        table.row(vec![
            record.id.clone(),
            record.title.clone(),
            fields.collect::<Vec<_>>().join(" "),
            short(&record.changed_at),
        ]);
    }
    out.table(&table, &nothing());
    more(out, page.next_cursor.as_deref());
    Ok(())
}

fn show(out: &Out, record: &RecordView) {
    if out.json {
        out.json(record);
        return;
    }
    out.line(format!(
        "{}  {}  {} rev {}",
        record.id, record.title, record.kind, record.rev
    ));
    if let Some(client) = &record.client {
        out.say(format!("客户：{client}"), format!("Client: {client}"));
    }
    for (name, value) in &record.fields {
        out.line(format!("  {name} = {}", plain(value)));
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
