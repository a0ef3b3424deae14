//! What "why" says, in both languages, word for word.

use super::world::*;
use crate::{Fields, Lang, MoveTo, What, why};

/// Every line of the explanation of `name`, Chinese and English; of the days only the first and last three.
#[track_caller]
fn check(world: &World, name: &str, expected: &str) {
    let why = why(
        &world.env,
        &world.workflow,
        &world.case,
        world.deadline(name),
    );
    let is_day = |kind: &str| matches!(kind, "counted" | "skipped");
    let days = why.lines.iter().filter(|l| is_day(&l.kind)).count();
    let (mut told, mut day) = (String::new(), 0);
    for line in &why.lines {
        if is_day(&line.kind) {
            day += 1;
            if day == 4 && days > 6 {
                told += "…\n";
            }
            if day > 3 && day + 3 <= days {
                continue;
            }
        }
        told += &format!(
            "{} | {} | {}\n",
            line.kind,
            line.text.get(Lang::Zh),
            line.text.get(Lang::En)
        );
    }
    assert_eq!(told.trim(), expected.trim(), "\n{told}");
}

fn handed_in(start: &str, at: &str) -> World {
    let mut world = World::gansu(start);
    world.happens(at, fact("handed_in")).unwrap();
    world
}

fn reviewed(from: &str) -> World {
    let mut world = World::start(from, start_of(vec![], fields(&[("subject.name", "x")])));
    world.happens(from, fact("handed_in")).unwrap();
    world
}

#[test]
fn the_sms_check() {
    let world = handed_in("2026-02-13T09:00", "2026-02-13T17:30");
    check(
        &world,
        "sms",
        r#"
trigger | 起算：进入“state”，2026-02-13T17:30:00+08:00 | Starts with entering "state", 2026-02-13T17:30:00+08:00
length | 期限：48 小时 | Length: 48 hours
rule | 依据：规则 sms_check.window（规则包 guide 第 1 版，来源 guide S129） | By rule sms_check.window (pack guide version 1, source guide S129)
rule | 依据：guide S132 | By guide S132
due | 截止：2026-02-15（周日） 17:30 | Due Sun 2026-02-15 17:30
"#,
    );
}

#[test]
fn twenty_working_days_over_spring_festival() {
    check(
        &reviewed("2026-02-13T17:30"),
        "review",
        r#"
trigger | 起算：进入“state”，2026-02-13T17:30:00+08:00 | Starts with entering "state", 2026-02-13T17:30:00+08:00
length | 期限：20 个工作日 | Length: 20 working days
rule | 依据：guide S132 | By guide S132
calendar | 日历 cn（版本 2026）2026 年：国办发明电〔2025〕7号 | Calendar cn (version 2026), 2026: 国办发明电〔2025〕7号
skipped | 2026-02-13（周五） 起算日，不计入 | Fri 2026-02-13 start, not counted
counted | 2026-02-14（周六） 第 1 天（调休上班） | Sat 2026-02-14 day 1 (worked in exchange for a holiday)
skipped | 2026-02-15（周日） 春节放假，不计入 | Sun 2026-02-15 holiday 春节, not counted
…
counted | 2026-03-17（周二） 第 18 天 | Tue 2026-03-17 day 18
counted | 2026-03-18（周三） 第 19 天 | Wed 2026-03-18 day 19
counted | 2026-03-19（周四） 第 20 天 | Thu 2026-03-19 day 20
earliest | 最早：2026-02-25（周三） | Earliest: Wed 2026-02-25
due | 截止：2026-03-19（周四） 24:00 前 | Due by 24:00 of Thu 2026-03-19
"#,
    );
}

#[test]
fn moved_by_hand() {
    let mut world = handed_in("2026-03-02T09:00", "2026-03-02T10:00");
    let later = What::MoveDeadline {
        deadline: "sms".to_owned(),
        to: MoveTo::EndOf("2026-03-06".parse().unwrap()),
        reason: "管局系统维护".to_owned(),
    };
    world.happens("2026-03-02T11:00", later).unwrap();
    check(
        &world,
        "sms",
        r#"
trigger | 起算：进入“state”，2026-03-02T10:00:00+08:00 | Starts with entering "state", 2026-03-02T10:00:00+08:00
length | 期限：48 小时 | Length: 48 hours
rule | 依据：规则 sms_check.window（规则包 guide 第 1 版，来源 guide S129） | By rule sms_check.window (pack guide version 1, source guide S129)
rule | 依据：guide S132 | By guide S132
moved | wang 于 2026-03-02T11:00:00+08:00 手动改期：管局系统维护 | Moved by wang at 2026-03-02T11:00:00+08:00: 管局系统维护
due | 截止：2026-03-06（周五） 24:00 前 | Due by 24:00 of Fri 2026-03-06
"#,
    );
}

#[test]
fn paused() {
    let mut world = reviewed("2026-03-23T10:00");
    world.happens("2026-03-24T10:00", fact("paused")).unwrap();
    world.happens("2026-03-26T10:00", fact("resumed")).unwrap();
    world.happens("2026-03-27T10:00", fact("paused")).unwrap();
    check(
        &world,
        "review",
        r#"
trigger | 起算：进入“state”，2026-03-23T10:00:00+08:00 | Starts with entering "state", 2026-03-23T10:00:00+08:00
length | 期限：20 个工作日 | Length: 20 working days
rule | 依据：guide S132 | By guide S132
pause | 暂停：2026-03-24T10:00:00+08:00 至 2026-03-26T10:00:00+08:00 | Paused from 2026-03-24T10:00:00+08:00 to 2026-03-26T10:00:00+08:00
pause | 自 2026-03-27T10:00:00+08:00 起暂停，恢复后顺延 | Paused since 2026-03-27T10:00:00+08:00; it is due later by as long as that lasts
calendar | 日历 cn（版本 2026）2026 年：国办发明电〔2025〕7号 | Calendar cn (version 2026), 2026: 国办发明电〔2025〕7号
skipped | 2026-03-23（周一） 起算日，不计入 | Mon 2026-03-23 start, not counted
counted | 2026-03-24（周二） 第 1 天 | Tue 2026-03-24 day 1
skipped | 2026-03-25（周三） 暂停，不计入 | Wed 2026-03-25 paused, not counted
…
counted | 2026-04-20（周一） 第 18 天 | Mon 2026-04-20 day 18
counted | 2026-04-21（周二） 第 19 天 | Tue 2026-04-21 day 19
counted | 2026-04-22（周三） 第 20 天 | Wed 2026-04-22 day 20
earliest | 最早：2026-03-30（周一） | Earliest: Mon 2026-03-30
due | 截止：2026-04-22（周三） 24:00 前 | Due by 24:00 of Wed 2026-04-22
"#,
    );
}

#[test]
fn waiting_then_assumed() {
    let mut world = reviewed("2026-03-02T10:00");
    world.happens("2026-03-10T15:00", fact("approved")).unwrap();
    check(
        &world,
        "police",
        r#"
waiting | 起算日未知，等待“site.opened_on” | Its start is not known yet; waits for "site.opened_on"
waiting | 到 2026-03-17T09:00:00+08:00 仍无人报告，就按推定的日期起算 | If nobody has reported it by 2026-03-17T09:00:00+08:00, a start is assumed
"#,
    );
    world.wait_until(at("2026-03-20T12:00"));
    check(
        &world,
        "police",
        r#"
trigger | 无人报告“site.opened_on”，暂按 2026-03-10 起算（推定） | Nobody reported "site.opened_on"; counted from 2026-03-10 (assumed)
length | 期限：30 天（自然日） | Length: 30 calendar days
rule | 依据：guide S132 | By guide S132
skipped | 2026-03-10（周二） 起算日，不计入 | Tue 2026-03-10 start, not counted
counted | 2026-03-11（周三） 第 1 天 | Wed 2026-03-11 day 1
counted | 2026-03-12（周四） 第 2 天 | Thu 2026-03-12 day 2
…
counted | 2026-04-07（周二） 第 28 天 | Tue 2026-04-07 day 28
counted | 2026-04-08（周三） 第 29 天 | Wed 2026-04-08 day 29
counted | 2026-04-09（周四） 第 30 天 | Thu 2026-04-09 day 30
due | 截止：2026-04-09（周四） 24:00 前 | Due by 24:00 of Thu 2026-04-09
"#,
    );
}

#[test]
fn provisional_past_the_known_calendar() {
    check(
        &reviewed("2026-12-28T10:00"),
        "review",
        r#"
trigger | 起算：进入“state”，2026-12-28T10:00:00+08:00 | Starts with entering "state", 2026-12-28T10:00:00+08:00
length | 期限：20 个工作日 | Length: 20 working days
rule | 依据：guide S132 | By guide S132
calendar | 日历 cn（版本 2026）2026 年：国办发明电〔2025〕7号 | Calendar cn (version 2026), 2026: 国办发明电〔2025〕7号
calendar | 日历 cn（版本 2026）：2027 年尚未公布 | Calendar cn (version 2026): 2027 is not published yet
skipped | 2026-12-28（周一） 起算日，不计入 | Mon 2026-12-28 start, not counted
counted | 2026-12-29（周二） 第 1 天 | Tue 2026-12-29 day 1
counted | 2026-12-30（周三） 第 2 天 | Wed 2026-12-30 day 2
…
skipped | 2027-01-23（周六） 周末，不计入（该年日历未公布） | Sat 2027-01-23 weekend, not counted (calendar not published)
skipped | 2027-01-24（周日） 周末，不计入（该年日历未公布） | Sun 2027-01-24 weekend, not counted (calendar not published)
counted | 2027-01-25（周一） 第 20 天（该年日历未公布，按周一至周五暂计） | Mon 2027-01-25 day 20 (calendar not published, Monday to Friday assumed)
earliest | 最早：2026-12-31（周四） | Earliest: Thu 2026-12-31
due | 截止：2027-01-25（周一） 24:00 前 | Due by 24:00 of Mon 2027-01-25
provisional | 暂定：日历只公布到 2026-12-31，其后按周一至周五估算，公布后重算 | Provisional: the calendar is known until 2026-12-31; later days are Monday to Friday until it is published
"#,
    );
}

#[test]
fn waiting_for_its_day_then_ended_by_it() {
    let mut world = World::start("2026-03-02T10:00", start_of(vec![], Fields::new()));
    check(
        &world,
        "expiry",
        r#"
waiting | 起算日未知，等待“expires_on” | Its start is not known yet; waits for "expires_on"
"#,
    );
    let renewed = fact_with("renewed", None, fields(&[("expires_on", "2026-06-01")]));
    world.happens("2026-03-03T10:00", renewed).unwrap();
    check(
        &world,
        "expiry",
        r#"
trigger | 起算：“expires_on”，2026-06-01 | Starts with "expires_on", 2026-06-01
length | 截止日取自“expires_on” | Ends on the day given as "expires_on"
rule | 依据：guide S132 | By guide S132
due | 截止：2026-06-01（周一） 24:00 前 | Due by 24:00 of Mon 2026-06-01
"#,
    );
}
