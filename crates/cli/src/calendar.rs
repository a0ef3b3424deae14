//! `qixian calendar`: which days are worked.

use clap::{Args, Subcommand};
use qixian_api::CalendarView;
use qixian_core::Words;
use qixian_daemon::calendar_view;
use qixian_time::{WorkCalendar, parse_date};

use crate::args::ConfigArgs;
use crate::failure::Failure;
use crate::out::Out;
use crate::table::Table;
use crate::{local, when};

/// `qixian calendar`.
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct CalendarArgs {
    #[command(subcommand)]
    command: CalendarCommand,
}

#[derive(Debug, Subcommand)]
enum CalendarCommand {
    /// 一年的放假和调休 | The days off and make-up days of a year
    #[command(after_help = "qixian calendar show 2026")]
    Show(ShowArgs),
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// 年份 | The year
    #[arg(value_parser = clap::value_parser!(i16).range(1970..=9998))]
    year: i16,
    /// 日历 | The calendar
    #[arg(long, value_name = "ID")]
    calendar: Option<String>,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs `qixian calendar`.
pub(crate) fn run(out: &Out, args: CalendarArgs) -> Result<(), Failure> {
    let CalendarCommand::Show(args) = args.command;
    let settings = local::settings(&args.config, Vec::new())?;
    let id = args.calendar.as_deref().unwrap_or(&settings.calendar);
    let calendar = local::calendar(&local::loaded(&settings)?, id)?;
    let Some(view) = calendar_view(&calendar, args.year) else {
        return Err(Failure::usage("没有这一年", "there is no such year"));
    };
    match out.json {
        true => out.json(&view),
        false => print(out, &view, &calendar),
    }
    Ok(())
}

fn print(out: &Out, view: &CalendarView, calendar: &WorkCalendar) {
    let (title, year, count) = (calendar.title(), view.year, view.working_days);
    out.say(
        format!("{title} {year} 年：{count} 个工作日"),
        format!("{title} {year}: {count} working days"),
    );
    match &view.notice {
        Some(notice) => out.say(format!("依据：{notice}"), format!("By: {notice}")),
        None => out.say(
            "该年放假安排尚未公布，以下按周一至周五暂计",
            "The year's notice is not published; Monday to Friday is assumed",
        ),
    }
    let mut table = Table::new(&[
        out.pick("日期", "day"),
        out.pick("类别", "kind"),
        out.pick("名称", "name"),
    ]);
    for day in &view.days {
        let kind = match day.kind.as_str() {
            "holiday" => out.pick("放假", "holiday"),
            "makeup" => out.pick("调休上班", "worked"),
            _ => out.pick("停办", "closed"),
        };
        let shown = parse_date(&day.day).map_or_else(
            |_| day.day.clone(),
            |date| when::day_words(date).get(out.lang).to_owned(),
        );
        table.row(vec![shown, kind.to_owned(), day.name.clone()]);
    }
    let empty = Words::new(
        "没有与周一至周五不同的日子",
        "No day differs from Monday to Friday",
    );
    out.table(&table, &empty);
}
