//! `qixian party`: the people of a case.

use clap::{Args, Subcommand};
use qixian_api::{EventAnswer, PartyBody, PutParty, RemoveParty};

use crate::case::print_answer;
use crate::failure::Failure;
use crate::out::Out;
use crate::remote::RemoteArgs;

/// `qixian party`.
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct PartyArgs {
    #[command(flatten)]
    remote: RemoteArgs,
    #[command(subcommand)]
    command: PartyCommand,
}

#[derive(Debug, Subcommand)]
enum PartyCommand {
    /// 加一个人，或改一个人 | Add a person, or change one
    #[command(
        after_help = "qixian party put QX-2026-000001 principal --name 王建国 --mobile 13800000001 --nth 0"
    )]
    Put(PutArgs),
    /// 去掉一个人 | Take a person out
    #[command(after_help = "qixian party remove QX-2026-000001 client")]
    Remove(RemoveArgs),
}

#[derive(Debug, Args)]
struct PutArgs {
    /// 案件编号或参考号 | The case's id or reference
    #[arg(value_name = "CASE")]
    case: String,
    /// 角色 | The role
    #[arg(value_name = "ROLE")]
    role: String,
    /// 姓名 | The name
    #[arg(long)]
    name: String,
    /// 手机 | The mobile number
    #[arg(long)]
    mobile: Option<String>,
    /// 邮箱 | The mail address
    #[arg(long)]
    email: Option<String>,
    /// 群机器人，可多次 | A chat robot; may come again
    #[arg(long = "robot", value_name = "NAME")]
    robots: Vec<String>,
    /// 用何种语言写给此人：zh 或 en | The language to write in: zh or en
    #[arg(long = "write-in", value_name = "LANG", value_parser = ["zh", "en"])]
    write_in: Option<String>,
    /// 联系人记录 | The contact record
    #[arg(long, value_name = "ID")]
    contact: Option<String>,
    /// 替换该角色的第几人（从 0 起）；不填则新增 | Which of this role is replaced, 0 first; one is added without it
    #[arg(long, value_name = "N")]
    nth: Option<u32>,
}

#[derive(Debug, Args)]
struct RemoveArgs {
    /// 案件编号或参考号 | The case's id or reference
    #[arg(value_name = "CASE")]
    case: String,
    /// 角色 | The role
    #[arg(value_name = "ROLE")]
    role: String,
    /// 该角色的第几人（从 0 起） | Which of this role, 0 first
    #[arg(long, value_name = "N", default_value_t = 0)]
    nth: u32,
}

/// Runs `qixian party`.
pub(crate) fn run(out: &Out, args: PartyArgs) -> Result<(), Failure> {
    let session = args.remote.session(out)?;
    let answer: EventAnswer = match args.command {
        PartyCommand::Put(args) => {
            let id = session.case_id(&args.case)?;
            let party = PartyBody {
                role: args.role,
                name: args.name,
                mobile: args.mobile,
                email: args.email,
                robots: args.robots,
                lang: args.write_in,
                contact: args.contact,
            };
            let body = PutParty {
                party,
                nth: args.nth,
            };
            session.post(&format!("/cases/{id}/parties"), &body)?
        }
        PartyCommand::Remove(args) => {
            let id = session.case_id(&args.case)?;
            let body = RemoveParty {
                role: args.role,
                nth: args.nth,
            };
            session.post(&format!("/cases/{id}/parties/remove"), &body)?
        }
    };
    print_answer(out, &answer);
    Ok(())
}
