//! `qixian case list`, `show` and `journal`.

use clap::Args;
use qixian_api::{CaseView, JournalView, Page};
use qixian_core::Words;

use super::{deadline_table, nothing};
use crate::failure::Failure;
use crate::out::Out;
use crate::remote::{Session, query};
use crate::table::Table;
use crate::when::{short, short_or_dash};

/// Which cases.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// 流程 | The workflow
    #[arg(long, value_name = "ID")]
    workflow: Option<String>,
    /// 状态 | The state
    #[arg(long)]
    state: Option<String>,
    /// 参考号，或标题的开头 | A reference, or how the title begins
    #[arg(long, value_name = "TEXT")]
    q: Option<String>,
    /// 在此之前到期 | Due before
    #[arg(long, value_name = "T")]
    due_before: Option<String>,
    /// 轮到谁 | Who holds the ball
    #[arg(long, value_name = "ROLE")]
    holder: Option<String>,
    /// 客户 | The client
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// 最多几个 | At most so many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
    /// 接着上一页 | Where the last page ended
    #[arg(long)]
    cursor: Option<String>,
}

/// Which case.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// 案件编号或参考号 | The case's id or reference
    #[arg(value_name = "CASE")]
    pub(super) case: String,
}

/// Runs `qixian case list`.
pub(super) fn list(out: &Out, session: &Session, args: &ListArgs) -> Result<(), Failure> {
    let query = query(&[
        ("workflow", args.workflow.clone()),
        ("state", args.state.clone()),
        ("q", args.q.clone()),
        ("due_before", session.time(args.due_before.as_deref())?),
        ("holder", args.holder.clone()),
        ("client", args.client.clone()),
        ("limit", Some(args.limit.to_string())),
        ("cursor", args.cursor.clone()),
    ]);
    let page: Page<CaseView> = session.get(&format!("/cases{query}"))?;
    if out.json {
        out.json(&page);
        return Ok(());
    }
    let mut table = Table::new(&[
        out.pick("参考号", "reference"),
        out.pick("标题", "title"),
        out.pick("流程", "workflow"),
        out.pick("状态", "state"),
        out.pick("轮到", "holder"),
        out.pick("下一到期", "next due"),
        out.pick("标记", "flags"),
    ]);
    for case in &page.items {
        let mut marks = case.flags.clone();
        marks.extend(case.held.then(|| out.pick("已扣留", "held").to_owned()));
        marks.extend(case.closed.then(|| out.pick("已结", "ended").to_owned()));
        table.row(vec![
            case.reference.clone(),
            case.title.clone(),
            case.workflow.clone(),
            case.state_title.clone(),
            case.holder.clone().unwrap_or_default(),
            short_or_dash(case.next_due_at.as_deref()),
            marks.join(" "),
        ]);
    }
    let empty = Words::new(
        "没有案件；开始一个：qixian case start --help",
        "No cases; start one: qixian case start --help",
    );
    out.table(&table, &empty);
    more(out, page.next_cursor.as_deref());
    Ok(())
}

/// Says how to see the next page.
pub(crate) fn more(out: &Out, cursor: Option<&str>) {
    if let Some(cursor) = cursor {
        out.note(
            format!("还有更多：--cursor {cursor}"),
            format!("There are more: --cursor {cursor}"),
        );
    }
}

/// Runs `qixian case show`.
pub(super) fn show(out: &Out, session: &Session, args: &ShowArgs) -> Result<(), Failure> {
    let id = session.case_id(&args.case)?;
    let case: CaseView = session.get(&format!("/cases/{id}"))?;
    match out.json {
        true => out.json(&case),
        false => print_case(out, &case),
    }
    Ok(())
}

/// A case for people.
pub(super) fn print_case(out: &Out, case: &CaseView) {
    let say = |zh: &str, en: &str, value: &str| {
        if !value.is_empty() {
            out.say(format!("{zh}：{value}"), format!("{en}: {value}"));
        }
    };
    out.line(format!("{}  {}", case.reference, case.title));
    say("编号", "Id", &case.id);
    say(
        "流程",
        "Workflow",
        &format!(
            "{} v{}（{}）",
            case.workflow, case.workflow_version, case.rules
        ),
    );
    let since = short(&case.entered_at);
    say(
        "状态",
        "State",
        &format!("{} {}  {since}", case.state_title, case.state),
    );
    say("轮到", "Holder", case.holder.as_deref().unwrap_or_default());
    say("标记", "Flags", &case.flags.join(" "));
    if case.presumed {
        out.say(
            "此状态为推定，请核实",
            "This state is presumed; please check",
        );
    }
    if case.held {
        out.say(
            "消息已扣留，放行：qixian case release",
            "Messages are held; qixian case release lets them go",
        );
    }
    let confirmed = case
        .confirmed
        .iter()
        .map(|c| format!("{}:{}", c.event, c.role));
    say(
        "已确认",
        "Confirmed",
        &confirmed.collect::<Vec<_>>().join(" "),
    );
    say("现在可以", "Possible now", &case.possible.join(" "));
    let children = case
        .children
        .iter()
        .map(|c| format!("{} {}", c.workflow, c.case));
    say(
        "子案件",
        "Children",
        &children.collect::<Vec<_>>().join("; "),
    );
    for item in case.items.iter().filter(|item| !item.done) {
        say(
            "待改",
            "To mend",
            &format!("{} {} {}", item.code, item.field, item.words),
        );
    }
    out.line("");
    let mut parties = Table::new(&[
        out.pick("角色", "role"),
        out.pick("姓名", "name"),
        out.pick("手机", "mobile"),
        out.pick("邮箱", "email"),
    ]);
    for party in &case.parties {
        parties.row(vec![
            party.role.clone(),
            party.name.clone(),
            party.mobile.clone().unwrap_or_default(),
            party.email.clone().unwrap_or_default(),
        ]);
    }
    out.table(&parties, &Words::new("没有相关人", "No people"));
    out.line("");
    let deadlines = deadline_table(out, case.deadlines.iter(), false);
    out.table(&deadlines, &Words::new("没有期限", "No deadlines"));
}

/// Runs `qixian case journal`.
pub(super) fn journal(out: &Out, session: &Session, args: &ShowArgs) -> Result<(), Failure> {
    let id = session.case_id(&args.case)?;
    let mut lines: Vec<JournalView> = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let query = query(&[("limit", Some("500".to_owned())), ("cursor", cursor)]);
        let page: Page<JournalView> = session.get(&format!("/cases/{id}/journal{query}"))?;
        lines.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    if out.json {
        lines.iter().for_each(|line| out.json_line(line));
        return Ok(());
    }
    let mut table = Table::new(&[
        "#",
        out.pick("发生", "occurred"),
        out.pick("记录", "recorded"),
        out.pick("事件", "event"),
        out.pick("状态", "state"),
        out.pick("由", "by"),
        out.pick("说明", "words"),
    ]);
    for line in &lines {
        let state = match line.from == line.to {
            true => line.to.clone(),
            false => format!("{} → {}", line.from, line.to),
        };
        let words = [&line.party, &line.reason, &line.note];
        let words: Vec<&str> = words.into_iter().flatten().map(String::as_str).collect();
        table.row(vec![
            line.seq.to_string(),
            short(&line.occurred_at),
            short(&line.recorded_at),
            line.event.clone(),
            state,
            line.by.clone(),
            words.join("；"),
        ]);
    }
    out.table(&table, &nothing());
    Ok(())
}
