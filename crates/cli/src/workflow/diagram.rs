//! `qixian workflow diagram`: the states and what leads from one to another, as Mermaid text or as a picture.

use clap::Args;
use qixian_core::{Lang, Workflow};

use super::{graph, svg};
use crate::args::ConfigArgs;
use crate::failure::Failure;
use crate::local;
use crate::out::Out;

/// What is drawn.
#[derive(Debug, Args)]
pub(crate) struct DiagramArgs {
    /// 流程 | The workflow
    id: String,
    /// 输出 SVG 图 | Draw an SVG picture
    #[arg(long)]
    svg: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs `qixian workflow diagram`.
pub(super) fn run(out: &Out, args: &DiagramArgs) -> Result<(), Failure> {
    let loaded = local::loaded(&local::settings(&args.config, Vec::new())?)?;
    let workflow = &local::workflow(&loaded, &args.id)?.workflow;
    let drawn = match args.svg {
        true => svg::draw(workflow, out.lang),
        false => mermaid(workflow, out.lang),
    };
    match out.json {
        true => out.json(&serde_json::json!({ "workflow": workflow.id, "diagram": drawn })),
        false => out.line(drawn.trim_end()),
    }
    Ok(())
}

fn mermaid(workflow: &Workflow, lang: Lang) -> String {
    let mut lines = vec!["stateDiagram-v2".to_owned()];
    for (name, state) in &workflow.states {
        let title = plain(state.title.get(lang));
        lines.push(format!("    state \"{title}\" as {name}"));
    }
    lines.push(format!("    [*] --> {}", workflow.initial));
    for arrow in graph::arrows(workflow, lang) {
        let labels: Vec<String> = arrow.labels.iter().map(|label| plain(label)).collect();
        let (from, to) = (&arrow.from, &arrow.to);
        lines.push(format!("    {from} --> {to} : {}", labels.join(" / ")));
    }
    let ends = workflow.states.iter().filter(|(_, state)| state.is_final);
    lines.extend(ends.map(|(name, _)| format!("    {name} --> [*]")));
    lines.join("\n")
}

/// Without the characters that mean something to Mermaid.
fn plain(text: &str) -> String {
    text.replace(['"', ';', '\n'], " ").replace(':', "：")
}
