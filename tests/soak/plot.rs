//! The plot of a soak: small charts one below the other, over the same time. Colours are seen on light and on dark ground.

use std::fmt::Write as _;

use crate::row::{Row, column};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 96.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
const GAP: f64 = 44.0;
const GREY: &str = "#888";

/// A line with its name and colour.
struct Series {
    name: &'static str,
    colour: &'static str,
    values: Vec<f64>,
}

struct Chart {
    /// What the upright axis counts, with its unit.
    label: &'static str,
    series: Vec<Series>,
}

fn series(name: &'static str, colour: &'static str, values: Vec<f64>) -> Series {
    Series {
        name,
        colour,
        values,
    }
}

fn charts(rows: &[Row]) -> Vec<Chart> {
    let (blue, orange) = ("#3b82c4", "#d9822b");
    let cpu = column(rows, "cpu_s");
    let times = column(rows, "elapsed_s");
    let busy = (0..rows.len()).map(|at| match at.checked_sub(1) {
        Some(before) => 100.0 * (cpu[at] - cpu[before]) / (times[at] - times[before]),
        None => 0.0,
    });
    let one = |label, series| Chart {
        label,
        series: vec![series],
    };
    vec![
        one(
            "resident memory, MiB",
            series("", blue, column(rows, "rss_mib")),
        ),
        Chart {
            label: "answer to an event, ms",
            series: vec![
                series("p99", orange, column(rows, "p99_ms")),
                series("p50", blue, column(rows, "p50_ms")),
            ],
        },
        one(
            "events a second",
            series("", blue, column(rows, "events_per_s")),
        ),
        one("CPU, % of one core", series("", blue, busy.collect())),
        one(
            "data directory, MiB",
            series("", blue, column(rows, "data_mib")),
        ),
    ]
}

/// The whole picture.
pub(crate) fn draw(rows: &[Row]) -> String {
    let minutes: Vec<f64> = column(rows, "elapsed_s").iter().map(|s| s / 60.0).collect();
    let charts = charts(rows);
    let height = 24.0 + charts.len() as f64 * (HEIGHT + GAP);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\" fill=\"{GREY}\">\n"
    );
    for (number, chart) in charts.iter().enumerate() {
        let top = 24.0 + number as f64 * (HEIGHT + GAP);
        draw_one(&mut svg, chart, &minutes, top);
    }
    svg += "</svg>\n";
    svg
}

/// The next of 1, 2, 5, 10, 20 … that is at least `most`.
fn round_up(most: f64) -> f64 {
    let power = 10_f64.powf(most.max(1e-9).log10().floor());
    let steps = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    let fits = steps
        .iter()
        .map(|step| step * power)
        .find(|end| *end >= most);
    fits.unwrap_or(10.0 * power)
}

fn draw_one(svg: &mut String, chart: &Chart, minutes: &[f64], top: f64) {
    let values = chart.series.iter().flat_map(|series| &series.values);
    let most = round_up(values.copied().fold(0.0, f64::max));
    let last = minutes.last().copied().unwrap_or(1.0).max(0.001);
    let x = |minute: f64| LEFT + (WIDTH - LEFT - RIGHT) * minute / last;
    let y = |value: f64| top + HEIGHT * (1.0 - value / most);
    let mut put = |text: String| {
        svg.push_str(&text);
        svg.push('\n');
    };
    put(format!(
        "<text x=\"{LEFT}\" y=\"{:.1}\">{}</text>",
        top - 6.0,
        chart.label
    ));
    for share in [0.0, 0.5, 1.0] {
        let (at, number) = (y(share * most), share * most);
        let end = WIDTH - RIGHT;
        put(format!(
            "<path d=\"M{LEFT} {at:.1}H{end}\" stroke=\"{GREY}\" stroke-opacity=\"0.35\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{number}</text>",
            LEFT - 6.0,
            at + 4.0
        ));
    }
    for sixth in 0..=6 {
        let minute = last * f64::from(sixth) / 6.0;
        let unit = if sixth == 6 { " min" } else { "" };
        let anchor = if sixth == 6 { "end" } else { "middle" };
        put(format!(
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{minute:.0}{unit}</text>",
            x(minute),
            top + HEIGHT + 16.0
        ));
    }
    for (number, series) in chart.series.iter().enumerate() {
        let mut points = String::new();
        for (minute, value) in minutes.iter().zip(&series.values) {
            // Writing to a text cannot fail.
            write!(points, "{:.1},{:.1} ", x(*minute), y(*value)).ok();
        }
        let colour = series.colour;
        put(format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>",
            points.trim_end()
        ));
        put(format!(
            "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">{}</text>",
            LEFT + 160.0 + 40.0 * number as f64,
            top - 6.0,
            series.name
        ));
    }
}
