//! The rows of the CSV, and what they say together.

use std::fmt::Write as _;

use crate::probe::Look;
use crate::tally::Latency;

/// The columns, in order.
pub(crate) const COLUMNS: [&str; 19] = [
    "elapsed_s",
    "acknowledged",
    "events_per_s",
    "p50_ms",
    "p99_ms",
    "max_ms",
    "read_p50_ms",
    "read_p99_ms",
    "rss_mib",
    "cpu_s",
    "data_mib",
    "fds",
    "timer_late_ms",
    "inbox",
    "wakes",
    "mails",
    "reads",
    "refused",
    "errors",
];

/// One row: a value for each column.
pub(crate) type Row = [f64; COLUMNS.len()];

/// What one window saw.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) elapsed: f64,
    /// Acknowledged, refused, errors so far.
    pub(crate) counts: [u64; 3],
    pub(crate) reads: u64,
    pub(crate) writing: Latency,
    pub(crate) reading: Latency,
    pub(crate) look: Look,
}

const MIB: f64 = 1_048_576.0;

impl Window {
    /// Its row; `before` is the one before it.
    pub(crate) fn row(&self, before: Option<&Row>) -> Row {
        let [acknowledged, refused, errors] = self.counts.map(|count| count as f64);
        let (since, from) = before.map_or((0.0, 0.0), |row| (row[0], row[1]));
        let look = &self.look;
        [
            self.elapsed,
            acknowledged,
            (acknowledged - from) / (self.elapsed - since).max(0.001),
            self.writing.p50,
            self.writing.p99,
            self.writing.max,
            self.reading.p50,
            self.reading.p99,
            look.rss_kib as f64 / 1_024.0,
            look.cpu_seconds,
            look.data_bytes as f64 / MIB,
            look.fds as f64,
            look.timer_late_ms as f64,
            look.inbox as f64,
            look.wakes as f64,
            look.sent as f64,
            self.reads as f64,
            refused,
            errors,
        ]
    }
}

/// A row as a line.
pub(crate) fn line(row: &Row) -> String {
    let mut text = String::new();
    for (value, name) in row.iter().zip(COLUMNS) {
        let digits = match name {
            name if name.ends_with("_ms") && name != "timer_late_ms" => 2,
            "elapsed_s" | "events_per_s" | "rss_mib" | "cpu_s" | "data_mib" => 1,
            _ => 0,
        };
        let comma = if text.is_empty() { "" } else { "," };
        // Writing to a text cannot fail.
        write!(text, "{comma}{value:.digits$}").ok();
    }
    text
}

/// Reads a CSV that was written here.
///
/// # Panics
/// When it was not.
pub(crate) fn read(text: &str) -> Vec<Row> {
    let rows = text.lines().skip(1).map(|line| {
        let values = line
            .split(',')
            .map(|value| value.parse().expect("a number"));
        let values: Vec<f64> = values.collect();
        Row::try_from(values).expect("all columns")
    });
    rows.collect()
}

/// The values of one column.
pub(crate) fn column(rows: &[Row], name: &str) -> Vec<f64> {
    let place = COLUMNS.iter().position(|column| *column == name);
    let place = place.expect("a column of this name");
    rows.iter().map(|row| row[place]).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// How the last third compares with the second, in words: growth would show there, as caches are full by then.
pub(crate) fn verdict(rows: &[Row]) -> String {
    let third = rows.len() / 3;
    let (second, last) = (&rows[third..2 * third], &rows[2 * third..]);
    let mut text = String::from("median of the second third, of the last third, ratio:");
    for (name, most) in [
        ("rss_mib", 1.05),
        ("p50_ms", 1.25),
        ("p99_ms", 1.25),
        ("fds", 1.05),
    ] {
        let (before, after) = (median(column(second, name)), median(column(last, name)));
        let ratio = after / before;
        let word = if ratio <= most { "flat" } else { "NOT flat" };
        write!(
            text,
            "\n  {name:8} {before:9.2} {after:9.2} {ratio:6.3} {word}"
        )
        .ok();
    }
    text
}
