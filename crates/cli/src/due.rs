//! `qixian due`: one date, computed and explained.

use clap::Args;
use qixian_core::{Why, why_counted};
use qixian_time::{Due, Period, Start, TimeError, Unit, Zone};
use serde_json::{Value, json};

use crate::args::ConfigArgs;
use crate::failure::Failure;
use crate::out::Out;
use crate::{local, when};

/// What is asked.
#[derive(Debug, Args)]
#[command(
    after_help = "qixian due --from 2026-02-13T17:30 --within 48h\nqixian due --from 2026-02-15 --within 20wd --why\nqixian due --from 2026-01-31 --within 1mo --json"
)]
pub(crate) struct DueArgs {
    /// 起算的日期或时间（无时区偏移时按配置的时区），或 now | The day or time it starts (in the configured zone without an offset), or now
    #[arg(long, value_name = "DATE_OR_TIME")]
    from: String,
    /// 长度：整数加 m、h、d、wd、mo | How long: a whole number and m, h, d, wd or mo
    #[arg(long, value_name = "LENGTH")]
    within: String,
    /// 工作日历，仅用于 wd | The working-day calendar, for wd
    #[arg(long, value_name = "ID")]
    calendar: Option<String>,
    /// 时区 | The zone
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// 逐日说明 | Explain day by day
    #[arg(long)]
    why: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs `qixian due`.
pub(crate) fn run(out: &Out, args: DueArgs) -> Result<(), Failure> {
    let settings = local::settings(&args.config, Vec::new())?;
    let zone = match &args.zone {
        Some(name) => Zone::named(name)?,
        None => settings.zone.clone(),
    };
    let from = when::start(&args.from, &zone)?;
    let within: Period = args.within.parse()?;
    let id = args.calendar.as_deref().unwrap_or(&settings.calendar);
    let calendar = match (within.unit, &args.calendar) {
        (Unit::WorkDays, _) | (_, Some(_)) => {
            Some(local::calendar(&local::loaded(&settings)?, id)?)
        }
        _ => None,
    };
    let counted = why_counted(from, within, &zone, calendar.as_ref(), &[]);
    let (due, why) = counted.map_err(|error| refused(error, &args))?;
    match out.json {
        true => out.json(&as_json(&due, &why, &zone)),
        false => print(out, &due, &why, from, within, &zone, args.why),
    }
    Ok(())
}

fn refused(error: TimeError, args: &DueArgs) -> Failure {
    match error {
        TimeError::DayWithoutTime { length } => {
            let from = &args.from;
            Failure::usage(
                format!("“{from}”没有钟点，{length} 要从某一时刻算起；请写作 {from}T17:30"),
                format!(
                    "`{from}` has no time of day, and {length} counts from an instant; write {from}T17:30"
                ),
            )
        }
        other => other.into(),
    }
}

fn as_json(due: &Due, why: &Why, zone: &Zone) -> Value {
    let line = |line: &qixian_core::WhyLine| {
        json!({
            "kind": line.kind,
            "day": line.day.map(|day| day.to_string()),
            "text": line.text.zh,
            "text_en": line.text.en,
        })
    };
    json!({
        "due_at": due.due_at.to_rfc3339(zone),
        "last_day": due.last_day.to_string(),
        "provisional": due.provisional,
        "why": why.lines.iter().map(line).collect::<Vec<_>>(),
    })
}

fn print(out: &Out, due: &Due, why: &Why, from: Start, within: Period, zone: &Zone, explain: bool) {
    let last_day = when::day_words(due.last_day);
    match within.is_elapsed() {
        true => {
            let at = when::time_words(due.due_at, zone, out.lang);
            out.say(
                format!("到期：{at}（{zone}）"),
                format!("Due: {at} ({zone})"),
            );
        }
        false => out.say(
            format!("最后一天：{}，当日 24:00 前（{zone}）", last_day.zh),
            format!("Last day: {}, until 24:00 ({zone})", last_day.en),
        ),
    }
    if due.provisional {
        out.say(
            "暂定：所经年份的工作日历尚未公布，按周一至周五估算",
            "Provisional: a year it runs through has no published calendar; Monday to Friday assumed",
        );
    }
    if explain {
        let start = match from {
            Start::Instant(at) => when::time_words(at, zone, out.lang),
            Start::Day(day) => when::day_words(day).get(out.lang).to_owned(),
        };
        out.line("");
        out.say(
            format!("自 {start} 起 {within}："),
            format!("{within} from {start}:"),
        );
        for line in &why.lines {
            out.line(format!("  {}", line.text.get(out.lang)));
        }
    }
}
