//! `qixian workflow diagram`: the states and what leads from one to another, as Mermaid text or as a picture.

use std::fmt::Write;

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
    let mut text = String::from("stateDiagram-v2\n");
    for (name, state) in &workflow.states {
        let title = plain(state.title.get(lang));
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(text, "    state \"{title}\" as {name}");
    }
    let _ = writeln!(text, "    [*] --> {}", workflow.initial);
    for arrow in graph::arrows(workflow, lang) {
        let labels: Vec<String> = arrow.labels.iter().map(|label| plain(label)).collect();
        let (from, to) = (&arrow.from, &arrow.to);
        let _ = writeln!(text, "    {from} --> {to} : {}", labels.join(" / "));
    }
    for (name, _) in workflow.states.iter().filter(|(_, state)| state.is_final) {
        let _ = writeln!(text, "    {name} --> [*]");
    }
    text
}

/// Without the characters that mean something to Mermaid.
fn plain(text: &str) -> String {
    text.replace(['"', ';', '\n'], " ").replace(':', "：")
}
