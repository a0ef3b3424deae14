//! `qixian case start`.

use std::path::PathBuf;

use clap::Args;
use qixian_api::{CaseView, PostCase};
use serde_json::{Map, Value};

use super::read::print_case;
use crate::failure::Failure;
use crate::out::Out;
use crate::remote::Session;
use crate::{files, given};

/// The case: a file, or the same by options, which win over the file.
#[derive(Debug, Args)]
pub(crate) struct StartArgs {
    /// POST /cases 的正文，JSON 或 TOML | The body of POST /cases, as JSON or TOML
    #[arg(value_name = "FILE", required_unless_present = "workflow")]
    file: Option<PathBuf>,
    /// 流程 | The workflow
    #[arg(long, value_name = "ID")]
    workflow: Option<String>,
    /// 标题 | The title
    #[arg(long)]
    title: Option<String>,
    /// 自己的参考号 | The agency's own reference
    #[arg(long)]
    reference: Option<String>,
    /// 字段：路径=文本 或 路径:=JSON，可多次 | A field: path=text or path:=JSON; may come again
    #[arg(long = "field", value_name = "FIELD")]
    fields: Vec<String>,
    /// 人：角色,name=…,mobile=…,email=…，可多次 | A person: role,name=…,mobile=…,email=…; may come again
    #[arg(long = "party", value_name = "PARTY")]
    parties: Vec<String>,
    /// 开始的时间 | When it began
    #[arg(long, value_name = "T")]
    at: Option<String>,
    /// 从此状态开始（负责人的权限） | Start mid-way in this state (a lead's right)
    #[arg(long)]
    state: Option<String>,
    /// 何时进入该状态 | When that state was entered
    #[arg(long, value_name = "T", requires = "state")]
    entered_at: Option<String>,
    /// 客户记录 | The client record
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// 规则包 | The rule pack
    #[arg(long, value_name = "ID")]
    rules: Option<String>,
}

/// Runs it.
pub(super) fn run(out: &Out, session: &Session, args: &StartArgs) -> Result<(), Failure> {
    let post = body(session, args)?;
    let case: CaseView = session.post("/cases", &post)?;
    match out.json {
        true => out.json(&case),
        false => print_case(out, &case),
    }
    Ok(())
}

fn body(session: &Session, args: &StartArgs) -> Result<PostCase, Failure> {
    let mut post = match &args.file {
        Some(path) => {
            let mut value = files::record(path)?;
            if let (Some(case), Some(workflow)) = (value.as_object_mut(), &args.workflow) {
                case.insert("workflow".to_owned(), Value::String(workflow.clone()));
            }
            serde_json::from_value(value).map_err(|error| files::bad(path, &error.to_string()))?
        }
        None => PostCase {
            workflow: args.workflow.clone().unwrap_or_default(),
            ..PostCase::default()
        },
    };
    merge(&mut post.fields, given::fields(&args.fields)?);
    for party in &args.parties {
        post.parties.push(given::party(party)?);
    }
    if let Some(title) = &args.title {
        post.title.clone_from(title);
    }
    let texts = [
        (&mut post.reference, &args.reference),
        (&mut post.state, &args.state),
        (&mut post.client, &args.client),
        (&mut post.rules, &args.rules),
    ];
    for (place, given) in texts {
        if given.is_some() {
            place.clone_from(given);
        }
    }
    let occurred_at = args.at.as_deref().or(post.occurred_at.as_deref());
    post.occurred_at = session.time(occurred_at)?;
    let entered_at = args.entered_at.as_deref().or(post.entered_at.as_deref());
    post.entered_at = session.time(entered_at)?;
    Ok(post)
}

/// Puts `more` over `fields`, records into records.
fn merge(fields: &mut Map<String, Value>, more: Map<String, Value>) {
    for (name, value) in more {
        match (fields.get_mut(&name), value) {
            (Some(Value::Object(inner)), Value::Object(more)) => merge(inner, more),
            (_, value) => {
                fields.insert(name, value);
            }
        }
    }
}
