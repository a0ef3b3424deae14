//! What every measurement tells: on which machine, how durable, beside which floor, and which targets were met.

use std::fs;
use std::path::Path;
use std::time::Duration;

use qixian_core::Words;
use serde_json::{Map, Value, json};

use super::floor::Floor;
use crate::out::Out;
use crate::table::Table;

/// What an acknowledgement means in every measurement.
pub(super) const DURABILITY: &str = "each answer after flush + fdatasync";
/// The targets are for disks that give at least this many appends a second.
const FLOOR_FOR_TARGETS: f64 = 1_000.0;

/// How long things took: the median, the 99th percentile and the longest.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spread {
    /// Half took at most this.
    pub(super) p50: Duration,
    /// All but one in a hundred took at most this.
    pub(super) p99: Duration,
    /// The longest.
    pub(super) max: Duration,
}

impl Spread {
    /// Of these; nothing where there are none. Sorts them.
    pub(super) fn of(took: &mut [Duration]) -> Self {
        took.sort_unstable();
        let at = |percent: usize| took.get(took.len() * percent / 100).copied();
        Self {
            p50: at(50).unwrap_or_default(),
            p99: at(99).unwrap_or_default(),
            max: took.last().copied().unwrap_or_default(),
        }
    }

    /// In milliseconds.
    pub(super) fn json(self) -> Value {
        json!({ "p50_ms": millis(self.p50), "p99_ms": millis(self.p99), "max_ms": millis(self.max) })
    }
}

/// A length in milliseconds, with their fractions.
pub(super) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Something that was to be reached.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// What, with its figure.
    pub(super) what: Words,
    /// What was measured.
    pub(super) measured: f64,
    /// Whether that is enough.
    pub(super) met: bool,
}

impl Target {
    /// At least `wanted`.
    pub(super) fn at_least(what: Words, wanted: f64, measured: f64) -> Self {
        Self {
            what,
            measured,
            met: measured >= wanted,
        }
    }

    /// Less than `wanted`.
    pub(super) fn below(what: Words, wanted: f64, measured: f64) -> Self {
        Self {
            what,
            measured,
            met: measured < wanted,
        }
    }
}

/// The answer of one measurement.
pub(super) struct Report {
    name: &'static str,
    facts: Map<String, Value>,
    rows: Vec<Value>,
    table: Table,
    notes: Vec<(String, String)>,
    targets: Vec<Target>,
    /// The disk's own pace.
    pub(super) floor: Floor,
}

impl Report {
    /// An empty one; the headings are of the table for people.
    pub(super) fn new(name: &'static str, dir: &Path, headings: &[&str]) -> Self {
        let mut report = Self {
            name,
            facts: Map::new(),
            rows: Vec::new(),
            table: Table::new(headings),
            notes: Vec::new(),
            targets: Vec::new(),
            floor: Floor::default(),
        };
        report.fact("machine", machine(dir));
        report.fact("durability", DURABILITY);
        report
    }

    /// Adds something that holds for all rows.
    pub(super) fn fact(&mut self, name: &str, value: impl Into<Value>) {
        self.facts.insert(name.to_owned(), value.into());
    }

    /// Adds a row, for programs and for people.
    pub(super) fn row(&mut self, row: Value, cells: Vec<String>) {
        self.rows.push(row);
        self.table.row(cells);
    }

    /// Adds a sentence below the table.
    pub(super) fn note(&mut self, zh: impl Into<String>, en: impl Into<String>) {
        self.notes.push((zh.into(), en.into()));
    }

    /// Adds a target.
    pub(super) fn target(&mut self, target: Target) {
        self.targets.push(target);
    }

    /// Prints it.
    pub(super) fn tell(self, out: &Out) {
        match out.json {
            true => out.json(&self.json()),
            false => self.text(out),
        }
    }

    fn json(&self) -> Value {
        let target = |target: &Target| json!({ "target": target.what.en, "measured": target.measured, "met": target.met });
        let mut all = Map::from_iter([("bench".to_owned(), Value::from(self.name))]);
        all.extend(self.facts.clone());
        all.insert("floor".to_owned(), self.floor.json());
        all.insert("rows".to_owned(), Value::from(self.rows.clone()));
        let targets: Vec<Value> = self.targets.iter().map(target).collect();
        all.insert(
            "targets_apply".to_owned(),
            Value::from(self.targets_apply()),
        );
        all.insert("targets".to_owned(), Value::from(targets));
        Value::Object(all)
    }

    fn text(&self, out: &Out) {
        let fact = |name: &str| {
            let value = self.facts.get("machine").and_then(|m| m.get(name));
            value.map_or_else(String::new, |v| {
                v.as_str().map_or(v.to_string(), str::to_owned)
            })
        };
        let (cores, kernel, disk) = (fact("cores"), fact("kernel"), fact("filesystem"));
        out.say(
            format!("机器：{cores} 核，{kernel}，{disk}；每个答复都在 flush + fdatasync 之后"),
            format!("machine: {cores} cores, {kernel}, {disk}; {DURABILITY}"),
        );
        let (lowest, highest) = self.floor.range();
        out.say(
            format!("磁盘自身 F：追加 4 KiB + fdatasync，每秒 {lowest:.0}～{highest:.0} 次"),
            format!("the disk itself, F: append 4 KiB + fdatasync, {lowest:.0} to {highest:.0}/s"),
        );
        out.line(self.table.render());
        for (zh, en) in &self.notes {
            out.say(zh, en);
        }
        if !self.targets_apply() {
            out.say(
                "以下目标是给每秒至少 1000 次的磁盘定的，这块磁盘慢一些：",
                "the targets are for disks of at least 1,000/s; this one is slower:",
            );
        }
        for target in &self.targets {
            let met = match target.met {
                true => out.pick("达到  ", "met     "),
                false => out.pick("未达到", "not met "),
            };
            out.line(format!(
                "{met} {}: {}",
                out.pick(&target.what.zh, &target.what.en),
                figure(target.measured)
            ));
        }
    }

    fn targets_apply(&self) -> bool {
        self.floor.median() >= FLOOR_FOR_TARGETS
    }
}

/// A figure as people read it: no more digits than are true.
pub(super) fn figure(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Cores this process may use, kernel, and the file system `dir` lies on.
fn machine(dir: &Path) -> Value {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel = format!("{} {}", std::env::consts::OS, kernel.trim());
    json!({
        "cores": cores,
        "kernel": kernel.trim(),
        "filesystem": filesystem(dir).unwrap_or_else(|| "?".to_owned()),
        "build": if cfg!(debug_assertions) { "debug" } else { "release" },
    })
}

/// The type of the mount that holds `dir`: that with the longest path in front of it.
fn filesystem(dir: &Path) -> Option<String> {
    let dir = dir.canonicalize().ok()?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let holding = mounts.lines().filter_map(|line| {
        let (place, rest) = line.split_once(" - ")?;
        let point = place.split(' ').nth(4)?;
        let kind = rest.split(' ').next()?;
        dir.starts_with(point).then_some((point.len(), kind))
    });
    holding.max().map(|(_, kind)| kind.to_owned())
}
