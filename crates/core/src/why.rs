//! Why a deadline is due when it is: recomputed from what is kept, never stored.

use std::collections::BTreeSet;

use qixian_time::{
    Date, DayCount, DayReason, Due, Explanation, Pause, Period, Start, TimeError, Timestamp,
    WorkCalendar, Zone, explain,
};
use serde::{Deserialize, Serialize};

use crate::definition::{DeadlineDef, Length, LengthSource, Starts};
use crate::{Case, ClockState, Deadline, Env, Words, Workflow};

/// The explanation of one deadline.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// In the order a person would tell it.
    pub lines: Vec<WhyLine>,
}

/// One line of an explanation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhyLine {
    /// What kind of line: `trigger`, `length`, `rule`, `calendar`, `counted`, `skipped`, `pause`, `moved`, `due`,
    /// `earliest`, `provisional`, `waiting` or `outcome`.
    pub kind: String,
    /// The day it speaks of, for `counted` and `skipped`.
    pub day: Option<Date>,
    /// The sentence.
    pub text: Words,
}

impl Why {
    fn say(&mut self, kind: &str, zh: impl Into<String>, en: impl Into<String>) {
        self.lines.push(WhyLine {
            kind: kind.to_owned(),
            day: None,
            text: Words::new(zh, en),
        });
    }

    fn say_of(&mut self, count: &DayCount) {
        let kind = if count.kind.counts()
            || matches!(
                count.kind,
                DayReason::Begun | DayReason::Elapsed | DayReason::Month { .. }
            ) {
            "counted"
        } else {
            "skipped"
        };
        let text = Words::new(
            format!("{} {}", day_zh(count.date), count.kind.zh()),
            format!("{} {}", day_en(count.date), count.kind),
        );
        self.lines.push(WhyLine {
            kind: kind.to_owned(),
            day: Some(count.date),
            text,
        });
    }
}

/// Computes and explains one date: `length` from `from`, with the calendar's notices and every day.
///
/// # Errors
/// Those of [`explain`].
pub fn why_counted(
    from: Start,
    length: Period,
    zone: &Zone,
    calendar: Option<&WorkCalendar>,
    pauses: &[Pause],
) -> Result<(Due, Why), TimeError> {
    let explanation = explain(from, length, zone, calendar, pauses)?;
    let mut why = Why::default();
    say_counting(&mut why, length, &explanation, calendar);
    say_due(
        &mut why,
        zone,
        explanation.due.due_at,
        explanation.due.last_day,
        length.is_elapsed(),
    );
    say_provisional(&mut why, explanation.due.provisional, calendar);
    Ok((explanation.due, why))
}

/// Explains `deadline` of `case`: what started it, how long it runs and who says so, each day counted or skipped, pauses,
/// changes by hand, and what became of it.
pub fn why(env: &Env, workflow: &Workflow, case: &Case, deadline: &Deadline) -> Why {
    let mut why = Why::default();
    let Some(def) = workflow.deadlines.get(&deadline.name) else {
        return why;
    };
    let zone = &workflow.zone;
    say_trigger(&mut why, workflow, def, deadline);
    if deadline.due_at.is_none() && deadline.started_at.is_some() {
        say_length_unknown(&mut why, workflow, def);
    }
    if let Some(due_at) = deadline.due_at {
        let calendar = env
            .calendars
            .get(def.calendar.as_deref().unwrap_or(&workflow.calendar));
        say_length(&mut why, workflow, def, deadline);
        let within = deadline.length.as_ref().and_then(|length| length.within);
        for pause in &deadline.pauses {
            say_pause(&mut why, zone, pause, deadline.clock);
        }
        let closed: Vec<Pause> = deadline
            .pauses
            .iter()
            .filter(|p| p.from < p.to)
            .copied()
            .collect();
        // Hours are told by their start, pauses and end; there are no days to count.
        if let (Some(start), Some(within)) = (deadline.start(zone), within)
            && !within.is_elapsed()
            && let Ok(explanation) = explain(start, within, zone, calendar, &closed)
        {
            say_counting(&mut why, within, &explanation, calendar);
        }
        if let Some(earliest_at) = deadline.earliest_at {
            let day = zone.date_of(earliest_at.saturating_add_millis(-1));
            why.say(
                "earliest",
                format!("最早：{}", day_zh(day)),
                format!("Earliest: {}", day_en(day)),
            );
        }
        if let Some(moved) = &deadline.moved {
            let at = moved.at.to_rfc3339(zone);
            why.say(
                "moved",
                format!("{} 于 {at} 手动改期：{}", moved.by, moved.reason),
                format!("Moved by {} at {at}: {}", moved.by, moved.reason),
            );
        }
        let last_day = deadline
            .last_day(zone)
            .unwrap_or_else(|| zone.date_of(due_at));
        let elapsed = if deadline.moved.is_some() {
            zone.start_of_day(zone.date_of(due_at)) != due_at
        } else {
            within.is_some_and(Period::is_elapsed)
        };
        say_due(&mut why, zone, due_at, last_day, elapsed);
        say_provisional(&mut why, deadline.provisional, calendar);
    }
    say_outcome(&mut why, case, deadline);
    why
}

fn say_trigger(why: &mut Why, workflow: &Workflow, def: &DeadlineDef, deadline: &Deadline) {
    let zone = &workflow.zone;
    let (what_zh, what_en) = match &def.starts {
        Starts::Entering => match def.states.first().and_then(|s| workflow.states.get(s)) {
            Some(state) => (
                format!("进入“{}”", state.title.zh),
                format!("entering \"{}\"", state.title.en),
            ),
            None => ("立案".to_owned(), "the case's beginning".to_owned()),
        },
        Starts::Event(event) => {
            let title = workflow
                .transitions
                .iter()
                .find(|t| t.event == *event)
                .map(|t| &t.title);
            let title = title.cloned().unwrap_or_else(|| Words::same(event));
            (
                format!("事件“{}”", title.zh),
                format!("the event \"{}\"", title.en),
            )
        }
        Starts::Field(path) => field_title(workflow, path),
    };
    let Some(started_at) = deadline.started_at else {
        why.say(
            "waiting",
            format!("起算日未知，等待{what_zh}"),
            format!("Its start is not known yet; waits for {what_en}"),
        );
        if let Some(assume_at) = deadline.assume_at {
            let at = assume_at.to_rfc3339(zone);
            why.say(
                "waiting",
                format!("到 {at} 仍无人报告，就按推定的日期起算"),
                format!("If nobody has reported it by {at}, a start is assumed"),
            );
        }
        return;
    };
    let at = if deadline.started_as_day {
        zone.date_of(started_at).to_string()
    } else {
        started_at.to_rfc3339(zone)
    };
    if deadline.assumed {
        why.say(
            "trigger",
            format!("无人报告{what_zh}，暂按 {at} 起算（推定）"),
            format!("Nobody reported {what_en}; counted from {at} (assumed)"),
        );
    } else {
        why.say(
            "trigger",
            format!("起算：{what_zh}，{at}"),
            format!("Starts with {what_en}, {at}"),
        );
    }
}

/// It waits although its start is known.
fn say_length_unknown(why: &mut Why, workflow: &Workflow, def: &DeadlineDef) {
    let source = match &def.length {
        Length::Until(path) => {
            let (zh, en) = field_title(workflow, path);
            why.say(
                "waiting",
                format!("截止日未知，等待{zh}"),
                format!("Its end is not known yet; waits for {en}"),
            );
            return;
        }
        Length::Within(source) | Length::Window { latest: source, .. } => source,
    };
    if let LengthSource::Rule { key, .. } = source {
        why.say(
            "waiting",
            format!("期限未知：规则 {key} 对本案没有给出期限"),
            format!("Its length is not known: rule {key} says none for this case"),
        );
    }
}

/// A field as people call it, quoted.
fn field_title(workflow: &Workflow, path: &str) -> (String, String) {
    let title = workflow
        .fields
        .at(path)
        .map(|f| f.title.clone())
        .filter(|t| !t.zh.is_empty());
    let title = title.unwrap_or_else(|| Words::same(path));
    (format!("“{}”", title.zh), format!("\"{}\"", title.en))
}

fn say_length(why: &mut Why, workflow: &Workflow, def: &DeadlineDef, deadline: &Deadline) {
    let Some(length) = &deadline.length else {
        return;
    };
    match (&def.length, length.within) {
        (Length::Until(path), _) => {
            let (zh, en) = field_title(workflow, path);
            why.say(
                "length",
                format!("截止日取自{zh}"),
                format!("Ends on the day given as {en}"),
            );
        }
        (_, Some(within)) => {
            let (zh, en) = (period_zh(within), period_en(within));
            why.say("length", format!("期限：{zh}"), format!("Length: {en}"));
        }
        (_, None) => {}
    }
    if let Some(rule) = &length.rule {
        why.say(
            "rule",
            format!(
                "依据：规则 {}（规则包 {} 第 {} 版，来源 {}）",
                rule.key, rule.pack, rule.pack_version, rule.source
            ),
            format!(
                "By rule {} (pack {} version {}, source {})",
                rule.key, rule.pack, rule.pack_version, rule.source
            ),
        );
    }
    if !def.source.zh.is_empty() {
        why.say(
            "rule",
            format!("依据：{}", def.source.zh),
            format!("By {}", def.source.en),
        );
    }
}

fn say_pause(why: &mut Why, zone: &Zone, pause: &Pause, clock: ClockState) {
    let (from, to) = (pause.from.to_rfc3339(zone), pause.to.to_rfc3339(zone));
    if clock == ClockState::Paused && pause.from == pause.to {
        why.say(
            "pause",
            format!("自 {from} 起暂停，恢复后顺延"),
            format!("Paused since {from}; it is due later by as long as that lasts"),
        );
    } else {
        why.say(
            "pause",
            format!("暂停：{from} 至 {to}"),
            format!("Paused from {from} to {to}"),
        );
    }
}

fn say_counting(
    why: &mut Why,
    length: Period,
    explanation: &Explanation,
    calendar: Option<&WorkCalendar>,
) {
    if length.unit == qixian_time::Unit::WorkDays
        && let Some(calendar) = calendar
    {
        let years: BTreeSet<i16> = explanation.days.iter().map(|d| d.date.year()).collect();
        for year in years {
            say_notice(why, calendar, year);
        }
    }
    for count in &explanation.days {
        why.say_of(count);
    }
}

fn say_notice(why: &mut Why, calendar: &WorkCalendar, year: i16) {
    let (id, version) = (calendar.id(), calendar.version());
    match calendar.notice(year) {
        Some(notice) => {
            let amended: String = calendar
                .amendments(year)
                .iter()
                .map(|a| format!("；{a}"))
                .collect();
            why.say(
                "calendar",
                format!("日历 {id}（版本 {version}）{year} 年：{notice}{amended}"),
                format!("Calendar {id} (version {version}), {year}: {notice}{amended}"),
            );
        }
        None => why.say(
            "calendar",
            format!("日历 {id}（版本 {version}）：{year} 年尚未公布"),
            format!("Calendar {id} (version {version}): {year} is not published yet"),
        ),
    }
}

fn say_due(why: &mut Why, zone: &Zone, due_at: Timestamp, last_day: Date, elapsed: bool) {
    if elapsed {
        let (day, time) = (zone.date_of(due_at), zone.time_of_day(due_at));
        why.say(
            "due",
            format!("截止：{} {time}", day_zh(day)),
            format!("Due {} {time}", day_en(day)),
        );
    } else {
        why.say(
            "due",
            format!("截止：{} 24:00 前", day_zh(last_day)),
            format!("Due by 24:00 of {}", day_en(last_day)),
        );
    }
}

fn say_provisional(why: &mut Why, provisional: bool, calendar: Option<&WorkCalendar>) {
    if !provisional {
        return;
    }
    let known = calendar
        .and_then(WorkCalendar::known_until)
        .map(|day| day.to_string())
        .unwrap_or_default();
    why.say(
        "provisional",
        format!("暂定：日历只公布到 {known}，其后按周一至周五估算，公布后重算"),
        format!("Provisional: the calendar is known until {known}; later days are Monday to Friday until it is published"),
    );
}

fn say_outcome(why: &mut Why, case: &Case, deadline: &Deadline) {
    let (zh, en) = match deadline.clock {
        ClockState::Met if deadline.late_recorded => {
            ("按期完成（事后补记）", "Met in time (recorded late)")
        }
        ClockState::Met => ("已按期完成", "Met in time"),
        ClockState::Missed => match &case.presumed {
            Some(presumed) if presumed.deadline == deadline.name => (
                "已逾期，结果为推定，请核实",
                "Missed; the outcome is presumed, please check",
            ),
            _ => ("已逾期", "Missed"),
        },
        ClockState::Cancelled => ("已取消", "Cancelled"),
        ClockState::Superseded => ("已被新的起算取代", "Superseded by a later start"),
        ClockState::Waiting | ClockState::Armed | ClockState::Paused => return,
    };
    why.say("outcome", zh, en);
}

fn day_zh(day: Date) -> String {
    const NAMES: [&str; 7] = ["周一", "周二", "周三", "周四", "周五", "周六", "周日"];
    format!(
        "{day}（{}）",
        NAMES[usize::from(day.weekday().to_monday_zero_offset().unsigned_abs()) % 7]
    )
}

fn day_en(day: Date) -> String {
    const NAMES: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    format!(
        "{} {day}",
        NAMES[usize::from(day.weekday().to_monday_zero_offset().unsigned_abs()) % 7]
    )
}

fn period_zh(period: Period) -> String {
    use qixian_time::Unit;
    let unit = match period.unit {
        Unit::Minutes => "分钟",
        Unit::Hours => "小时",
        Unit::Days => "天（自然日）",
        Unit::WorkDays => "个工作日",
        Unit::Months => "个月",
    };
    format!("{} {unit}", period.count)
}

fn period_en(period: Period) -> String {
    use qixian_time::Unit;
    let unit = match period.unit {
        Unit::Minutes => "minute",
        Unit::Hours => "hour",
        Unit::Days => "calendar day",
        Unit::WorkDays => "working day",
        Unit::Months => "month",
    };
    let plural = if period.count == 1 { "" } else { "s" };
    format!("{} {unit}{plural}", period.count)
}
