//! Times, days and lengths from the command line. There a time without offset is in the configured zone.

use qixian_core::{Lang, Words};
use qixian_time::{
    Clock, Date, Period, Start, SystemClock, TimeError, TimeOfDay, Timestamp, Zone, parse_date,
};

use crate::failure::Failure;

/// A day, a time with offset, a time on the clocks of `zone` (`2026-02-13T17:30` or with a blank), or `now`.
pub(crate) fn start(text: &str, zone: &Zone) -> Result<Start, TimeError> {
    if text == "now" {
        return Ok(Start::Instant(SystemClock.now()));
    }
    let has_time = text
        .split_once(['T', 't', ' '])
        .is_some_and(|(day, _)| day.starts_with(|c: char| c.is_ascii_digit()));
    if !has_time {
        return parse_date(text).map(Start::Day);
    }
    instant(text, zone).map(Start::Instant)
}

/// A time with offset, or on the clocks of `zone`; a bare day is its beginning.
pub(crate) fn instant_or_day(text: &str, zone: &Zone) -> Result<Timestamp, TimeError> {
    Ok(match start(text, zone)? {
        Start::Instant(at) => at,
        Start::Day(day) => zone.start_of_day(day),
    })
}

fn instant(text: &str, zone: &Zone) -> Result<Timestamp, TimeError> {
    match Timestamp::parse(&text.replacen(' ', "T", 1)) {
        Err(TimeError::MissingOffset { .. }) => {}
        read => return read,
    }
    let wrong = || TimeError::Timestamp {
        text: text.to_owned(),
    };
    let (day, time) = text.split_once(['T', 't', ' ']).ok_or_else(wrong)?;
    let day = parse_date(day)?;
    let minute: TimeOfDay = time
        .get(..5)
        .ok_or_else(wrong)?
        .parse()
        .map_err(|_| wrong())?;
    let seconds = match time.get(5..).unwrap_or_default() {
        "" => 0,
        rest => rest.strip_prefix(':').and_then(seconds).ok_or_else(wrong)?,
    };
    Ok(zone.at(day, minute).saturating_add_millis(seconds * 1_000))
}

fn seconds(text: &str) -> Option<i64> {
    let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds: i64 = text.parse().ok().filter(|_| digits)?;
    (seconds < 60).then_some(seconds)
}

/// A time relative to `from` (`+48h`, elapsed lengths and `d` of 24 h), or absolute as [`instant_or_day`].
pub(crate) fn relative(text: &str, from: Timestamp, zone: &Zone) -> Result<Timestamp, Failure> {
    let Some(length) = text.strip_prefix('+') else {
        return Ok(instant_or_day(text, zone)?);
    };
    let length: Period = length.parse()?;
    let millis = match length.unit {
        qixian_time::Unit::Days => Some(i64::from(length.count) * 86_400_000),
        _ => length.elapsed_millis(),
    };
    let millis = millis.ok_or_else(|| {
        Failure::usage(
            format!("“{text}”：此处只能用 m、h、d"),
            format!("`{text}`: only m, h and d can be used here"),
        )
    })?;
    Ok(from.saturating_add_millis(millis))
}

/// `2026-02-15 周日` / `2026-02-15 Sun`.
pub(crate) fn day_words(day: Date) -> Words {
    const ZH: [&str; 7] = ["周一", "周二", "周三", "周四", "周五", "周六", "周日"];
    const EN: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let nth = usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or(0);
    Words::new(format!("{day} {}", ZH[nth]), format!("{day} {}", EN[nth]))
}

/// A time for people, on the clocks of `zone`: `2026-02-15 17:30 周日`.
pub(crate) fn time_words(at: Timestamp, zone: &Zone, lang: Lang) -> String {
    let words = day_words(zone.date_of(at));
    let (day, weekday) = words.get(lang).split_once(' ').unwrap_or_default();
    format!("{day} {} {weekday}", zone.time_of_day(at))
}

/// A time of an answer (RFC 3339) for people: `2026-02-15 17:30`, in the offset it came with.
pub(crate) fn short(text: &str) -> String {
    match text.split_once('T') {
        Some((day, time)) => format!("{day} {}", time.get(..5).unwrap_or(time)),
        None => text.to_owned(),
    }
}

/// [`short`], or a dash.
pub(crate) fn short_or_dash(text: Option<&str>) -> String {
    text.map_or_else(|| "–".to_owned(), short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_without_offset_is_in_the_zone() {
        let zone = Zone::shanghai();
        let check = |text: &str, expected: Option<&str>| {
            let read = instant_or_day(text, &zone).ok();
            assert_eq!(
                read.map(|at| at.to_rfc3339(&zone)).as_deref(),
                expected,
                "{text}"
            );
        };
        check("2026-02-13T17:30", Some("2026-02-13T17:30:00+08:00"));
        check("2026-02-13 17:30", Some("2026-02-13T17:30:00+08:00"));
        check("2026-02-13T17:30:05", Some("2026-02-13T17:30:05+08:00"));
        check("2026-02-13T17:30:00Z", Some("2026-02-14T01:30:00+08:00"));
        check("2026-02-13", Some("2026-02-13T00:00:00+08:00"));
        for wrong in [
            "2026-02-13T",
            "2026-02-13T7:30",
            "2026-02-13T17:30:61",
            "2026-02-30T10:00",
            "tomorrow",
            "二月",
        ] {
            check(wrong, None);
        }
    }

    #[test]
    fn a_plus_counts_from_the_start() {
        let zone = Zone::shanghai();
        let from = Timestamp::parse("2026-02-13T17:30:00+08:00").expect("a time");
        let check = |text: &str, expected: Option<&str>| {
            let read = relative(text, from, &zone).ok();
            assert_eq!(
                read.map(|at| at.to_rfc3339(&zone)).as_deref(),
                expected,
                "{text}"
            );
        };
        check("+48h", Some("2026-02-15T17:30:00+08:00"));
        check("+1d", Some("2026-02-14T17:30:00+08:00"));
        check("+1wd", None);
        check("2026-02-14", Some("2026-02-14T00:00:00+08:00"));
    }
}
