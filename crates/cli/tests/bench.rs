//! Each measurement, tiny: that it runs and what its answer holds. Never how fast.

mod common;

use common::{run, stderr, stdout};
use serde_json::Value;

fn measured(words: &[&str]) -> Value {
    let dir = tempfile::tempdir().expect("a directory");
    let place = dir.path().to_str().expect("UTF-8");
    let tiny = ["--seconds", "0", "--json", "--dir", place];
    let output = run(&[&["bench"], words, &tiny].concat());
    assert!(output.status.success(), "{words:?}: {}", stderr(&output));
    let left = std::fs::read_dir(dir.path()).expect("still there").count();
    assert_eq!(left, 0, "{words:?} left something behind");
    let told: Value = serde_json::from_str(&stdout(&output)).expect("one object");
    assert_eq!(told["bench"], words[0]);
    let durability = told["durability"].as_str();
    assert!(durability.is_some_and(|said| said.contains("fdatasync")));
    for fact in ["cores", "kernel", "filesystem", "build"] {
        assert!(!told["machine"][fact].is_null(), "{fact}: {told:#}");
    }
    for rate in told["floor"]["per_second"].as_array().expect("a list") {
        positive(rate, &told);
    }
    assert!(told["targets"][0]["met"].is_boolean(), "{told:#}");
    told
}

fn positive(value: &Value, told: &Value) {
    assert!(value.as_f64().is_some_and(|rate| rate > 0.0), "{told:#}");
}

/// The rows' values under this name.
fn column<'a>(told: &'a Value, name: &str) -> Vec<&'a Value> {
    let rows = told["rows"].as_array().expect("a list");
    rows.iter().map(|row| &row[name]).collect()
}

#[test]
fn the_store_alone() {
    let told = measured(&["store", "--cases", "60"]);
    assert_eq!(column(&told, "in_flight"), [1, 64, 1_024]);
    assert_eq!(told["commit"]["keys"], 6.0, "what a rung that fires writes");
    for name in ["per_second", "p50_ms", "p99_ms", "ratio_to_floor"] {
        column(&told, name)
            .iter()
            .for_each(|rate| positive(rate, &told));
    }
}

#[test]
fn the_engine_beside_the_store() {
    let told = measured(&["engine", "--cases", "70"]);
    let events = column(&told, "event");
    let kinds = ["note", "working", "start"];
    let three_times = kinds.iter().flat_map(|kind| [*kind; 3]).map(str::to_owned);
    let over_http = kinds.iter().map(|kind| format!("{kind}_over_http"));
    let expected: Vec<Value> = three_times.chain(over_http).map(Value::from).collect();
    assert_eq!(events, expected.iter().collect::<Vec<_>>());
    let rows = told["rows"].as_array().expect("a list");
    for row in rows {
        positive(&row["per_second"], &told);
        positive(&row["ratio_to_store"], &told);
        positive(&row["store_alone"]["per_second"], &told);
        positive(&row["commit"]["keys"], &told);
    }
    for row in &rows[9..] {
        positive(&row["ratio_to_engine"], &told);
    }
}

#[test]
fn wake_ups() {
    let told = measured(&["timers", "--at-once", "40"]);
    assert_eq!(column(&told, "count"), [40, 30, 300]);
    assert_eq!(told["pending"]["count"], 40);
    positive(&told["pending"]["resident_mb"], &told);
    positive(&told["rows"][0]["all_after_ms"], &told);
    for name in ["late_p50_ms", "late_p99_ms", "all_sent_after_ms"] {
        column(&told, name)
            .iter()
            .for_each(|late| positive(late, &told));
    }
}

#[test]
fn many_cases() {
    let told = measured(&["scale", "--cases", "120"]);
    let rows = told["rows"].as_array().expect("a list");
    let of = |name: &str| {
        let row = rows.iter().find(|row| row["what"] == name);
        &row.unwrap_or_else(|| panic!("no {name}: {told:#}"))["measured"]
    };
    for name in [
        "binary_mb",
        "empty_ready_ms",
        "ready_seconds",
        "ready_after_kill_seconds",
        "resident_ready_mb",
        "calm_events",
        "resident_calm_mb",
        "resident_mb",
        "page_p99_ms",
        "disk_used_mb",
    ] {
        positive(of(name), &told);
    }
    assert_eq!(of("timers_fired"), 100.0, "each message of each rung");
    assert!(of("idle_cpu_percent").is_number());
}
