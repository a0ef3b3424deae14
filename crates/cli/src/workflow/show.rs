//! `qixian workflow show`: one workflow, as the API tells it or as tables.

use clap::Args;
use qixian_api::{FieldView, StateView, TransitionView, WordsView, WorkflowDeadline, WorkflowView};
use qixian_core::Words;

use crate::args::ConfigArgs;
use crate::failure::Failure;
use crate::local;
use crate::out::Out;
use crate::table::Table;

/// What is shown.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// 流程 | The workflow
    id: String,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs `qixian workflow show`.
pub(super) fn run(out: &Out, args: &ShowArgs) -> Result<(), Failure> {
    let loaded = local::loaded(&local::settings(&args.config, Vec::new())?)?;
    let workflow = &local::workflow(&loaded, &args.id)?.workflow;
    let view = qixian_daemon::workflow_view(workflow);
    match out.json {
        true => out.json(&view),
        false => print(out, &view),
    }
    Ok(())
}

fn print(out: &Out, view: &WorkflowView) {
    let (id, version) = (&view.id, view.version);
    out.line(format!("{}  {id} v{version}", text(out, &view.title)));
    out.say(
        format!(
            "起始状态：{}  角色：{}",
            view.initial,
            view.roles.join("、")
        ),
        format!(
            "Initial state: {}  Roles: {}",
            view.initial,
            view.roles.join(", ")
        ),
    );
    section(out, "状态", "States", &states(out, &view.states));
    section(out, "事件", "Events", &transitions(out, &view.transitions));
    section(out, "期限", "Deadlines", &deadlines(out, &view.deadlines));
    section(out, "字段", "Fields", &fields(out, &view.fields));
}

fn text(out: &Out, words: &WordsView) -> String {
    out.pick(&words.zh, &words.en).to_owned()
}

fn section(out: &Out, zh: &str, en: &str, table: &Table) {
    out.line("");
    out.say(format!("{zh}："), format!("{en}:"));
    out.table(table, &Words::new("（无）", "(none)"));
}

fn states(out: &Out, states: &[StateView]) -> Table {
    let mut table = Table::new(&[
        out.pick("状态", "state"),
        out.pick("名称", "title"),
        out.pick("轮到", "holder"),
        out.pick("终态", "final"),
    ]);
    for state in states {
        table.row(vec![
            state.id.clone(),
            text(out, &state.title),
            state.holder.clone().unwrap_or_default(),
            if state.is_final {
                "✓".to_owned()
            } else {
                String::new()
            },
        ]);
    }
    table
}

fn transitions(out: &Out, transitions: &[TransitionView]) -> Table {
    let mut table = Table::new(&[
        out.pick("事件", "event"),
        out.pick("名称", "title"),
        out.pick("从", "from"),
        out.pick("到", "to"),
        out.pick("守卫", "guards"),
        out.pick("须各自确认", "each confirms"),
    ]);
    for transition in transitions {
        let from = match transition.from.is_empty() {
            true => out.pick("（任一未结状态）", "(any open state)").to_owned(),
            false => transition.from.join(", "),
        };
        table.row(vec![
            transition.event.clone(),
            text(out, &transition.title),
            from,
            transition.to.clone().unwrap_or_else(|| "–".to_owned()),
            transition.guards.join(", "),
            transition.needs.join(", "),
        ]);
    }
    table
}

fn deadlines(out: &Out, deadlines: &[WorkflowDeadline]) -> Table {
    let mut table = Table::new(&[
        out.pick("期限", "deadline"),
        out.pick("名称", "title"),
        out.pick("类别", "kind"),
        out.pick("所在状态", "in"),
        out.pick("长度", "within"),
        out.pick("依据", "source"),
    ]);
    for deadline in deadlines {
        table.row(vec![
            deadline.name.clone(),
            text(out, &deadline.title),
            deadline.kind.clone(),
            deadline.states.join(", "),
            deadline.within.clone(),
            text(out, &deadline.source),
        ]);
    }
    table
}

fn fields(out: &Out, fields: &[FieldView]) -> Table {
    let mut table = Table::new(&[
        out.pick("字段", "field"),
        out.pick("名称", "title"),
        out.pick("类型", "type"),
        out.pick("可选值", "choices"),
    ]);
    for field in fields {
        table.row(vec![
            field.path.clone(),
            text(out, &field.title),
            field.kind.clone(),
            field.choices.join(" "),
        ]);
    }
    table
}
