//! Times as people say them, in both languages. The filters of the templates end here.

use qixian_core::Lang;
use qixian_time::{Date, TimeOfDay, Timestamp, Zone};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

const WEEKDAYS_ZH: [&str; 7] = ["周一", "周二", "周三", "周四", "周五", "周六", "周日"];
const WEEKDAYS_EN: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS_EN: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// The time from `now` to `due`, rounded down to what people count in: `1 天 3 小时`, `5 小时 20 分钟`. Past it:
/// `已超期 2 小时`, `2 hours overdue`.
pub(crate) fn time_left(due: Timestamp, now: Timestamp, lang: Lang) -> String {
    let left = due.millis_since(now);
    if left > 0 {
        return length(left, lang);
    }
    match (-left < MINUTE, lang) {
        (true, Lang::Zh) => "刚刚到期".to_owned(),
        (true, Lang::En) => "due just now".to_owned(),
        (false, Lang::Zh) => format!("已超期 {}", length(-left, lang)),
        (false, Lang::En) => format!("{} overdue", length(-left, lang)),
    }
}

/// The time left as a phrase of its own: `还剩 1 天 3 小时`, `1 day 3 hours left`; overdue as there.
pub fn left(due: Timestamp, now: Timestamp, lang: Lang) -> String {
    let words = time_left(due, now, lang);
    match (due.millis_since(now) > 0, lang) {
        (true, Lang::Zh) => format!("还剩 {words}"),
        (true, Lang::En) => format!("{words} left"),
        (false, _) => words,
    }
}

/// A positive length in its two largest units, rounded down.
fn length(millis: i64, lang: Lang) -> String {
    let (days, hours, minutes) = (millis / DAY, millis % DAY / HOUR, millis % HOUR / MINUTE);
    let parts = match (days, hours, minutes) {
        (0, 0, 0) => return less_than_a_minute(lang).to_owned(),
        (0, 0, m) => [(m, Piece::Minute), (0, Piece::Minute)],
        (0, h, m) => [(h, Piece::Hour), (m, Piece::Minute)],
        (d, h, _) => [(d, Piece::Day), (h, Piece::Hour)],
    };
    let said: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, piece)| piece.say(*count, lang))
        .collect();
    said.join(" ")
}

fn less_than_a_minute(lang: Lang) -> &'static str {
    match lang {
        Lang::Zh => "不到 1 分钟",
        Lang::En => "less than a minute",
    }
}

#[derive(Clone, Copy)]
enum Piece {
    Day,
    Hour,
    Minute,
}

impl Piece {
    fn say(self, count: i64, lang: Lang) -> String {
        let (zh, en) = match self {
            Piece::Day => ("天", "day"),
            Piece::Hour => ("小时", "hour"),
            Piece::Minute => ("分钟", "minute"),
        };
        match lang {
            Lang::Zh => format!("{count} {zh}"),
            Lang::En if count == 1 => format!("1 {en}"),
            Lang::En => format!("{count} {en}s"),
        }
    }
}

/// A local day and time: `2月15日（周日）17:30`, `Sun 15 Feb 17:30`; with the year where it is not the present one. An
/// instant at midnight is 24:00 of the day it ends.
pub fn local(at: Timestamp, now: Timestamp, zone: &Zone, lang: Lang) -> String {
    let (day, time) = day_and_time(at, zone);
    format!("{}{}{time}", date(day, now, zone, lang), gap(lang))
}

/// Short for SMS: `周五 17:30` within the coming six days, else as [`local`].
pub fn weekday(at: Timestamp, now: Timestamp, zone: &Zone, lang: Lang) -> String {
    let away = at.millis_since(now);
    if !(0..6 * DAY).contains(&away) {
        return local(at, now, zone, lang);
    }
    let (day, time) = day_and_time(at, zone);
    format!("{} {time}", weekday_name(day, lang))
}

/// The local day alone: `2月15日（周日）`, `Sun 15 Feb`; midnight belongs to the day it ends.
pub fn day(at: Timestamp, now: Timestamp, zone: &Zone, lang: Lang) -> String {
    date(day_and_time(at, zone).0, now, zone, lang)
}

fn day_and_time(at: Timestamp, zone: &Zone) -> (Date, String) {
    let (day, time) = (zone.date_of(at), zone.time_of_day(at));
    if time == TimeOfDay::MIDNIGHT && zone.start_of_day(day) == at {
        let ended = zone.date_of(at.saturating_sub_millis(1));
        return (ended, "24:00".to_owned());
    }
    (day, format!("{:02}:{:02}", time.hour(), time.minute()))
}

fn date(day: Date, now: Timestamp, zone: &Zone, lang: Lang) -> String {
    let this_year = zone.date_of(now).year() == day.year();
    let week = weekday_name(day, lang);
    match (lang, this_year) {
        (Lang::Zh, true) => format!("{}月{}日（{week}）", day.month(), day.day()),
        (Lang::Zh, false) => format!("{}年{}月{}日（{week}）", day.year(), day.month(), day.day()),
        (Lang::En, true) => format!("{week} {} {}", day.day(), month_name(day)),
        (Lang::En, false) => format!("{week} {} {} {}", day.day(), month_name(day), day.year()),
    }
}

fn gap(lang: Lang) -> &'static str {
    match lang {
        Lang::Zh => "",
        Lang::En => " ",
    }
}

fn weekday_name(day: Date, lang: Lang) -> &'static str {
    let names = match lang {
        Lang::Zh => WEEKDAYS_ZH,
        Lang::En => WEEKDAYS_EN,
    };
    index(&names, day.weekday().to_monday_zero_offset())
}

fn month_name(day: Date) -> &'static str {
    index(&MONTHS_EN, day.month() - 1)
}

fn index(names: &[&'static str], at: i8) -> &'static str {
    usize::try_from(at)
        .ok()
        .and_then(|at| names.get(at))
        .copied()
        .expect("a date has a weekday and a month")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn time_left_is_rounded_down_and_says_when_it_is_over() {
        let now = at("2026-02-13T17:30:00+08:00");
        for (due, zh, en) in [
            ("2026-02-15T17:30:00+08:00", "还剩 2 天", "2 days left"),
            (
                "2026-02-14T21:29:59+08:00",
                "还剩 1 天 3 小时",
                "1 day 3 hours left",
            ),
            (
                "2026-02-14T17:29:59+08:00",
                "还剩 23 小时 59 分钟",
                "23 hours 59 minutes left",
            ),
            (
                "2026-02-13T18:31:00+08:00",
                "还剩 1 小时 1 分钟",
                "1 hour 1 minute left",
            ),
            (
                "2026-02-13T17:30:59+08:00",
                "还剩 不到 1 分钟",
                "less than a minute left",
            ),
            ("2026-02-13T17:30:00+08:00", "刚刚到期", "due just now"),
            (
                "2026-02-13T15:00:00+08:00",
                "已超期 2 小时 30 分钟",
                "2 hours 30 minutes overdue",
            ),
        ] {
            assert_eq!(left(at(due), now, Lang::Zh), zh);
            assert_eq!(left(at(due), now, Lang::En), en);
        }
    }

    #[test]
    fn days_end_at_24_00() {
        let zone = Zone::shanghai();
        let now = at("2026-02-11T09:00:00+08:00");
        for (due, zh, en, short) in [
            (
                "2026-02-15T17:30:00+08:00",
                "2月15日（周日）17:30",
                "Sun 15 Feb 17:30",
                "周日 17:30",
            ),
            (
                "2026-02-14T00:00:00+08:00",
                "2月13日（周五）24:00",
                "Fri 13 Feb 24:00",
                "周五 24:00",
            ),
            (
                "2027-01-01T00:00:00+08:00",
                "12月31日（周四）24:00",
                "Thu 31 Dec 24:00",
                "12月31日（周四）24:00",
            ),
            (
                "2027-01-01T00:00:01+08:00",
                "2027年1月1日（周五）00:00",
                "Fri 1 Jan 2027 00:00",
                "2027年1月1日（周五）00:00",
            ),
            (
                "2026-02-10T17:30:00+08:00",
                "2月10日（周二）17:30",
                "Tue 10 Feb 17:30",
                "2月10日（周二）17:30",
            ),
        ] {
            assert_eq!(local(at(due), now, &zone, Lang::Zh), zh);
            assert_eq!(local(at(due), now, &zone, Lang::En), en);
            assert_eq!(weekday(at(due), now, &zone, Lang::Zh), short);
        }
    }
}
