//! Cases that have a reminder due one after another, and waiting for what the daemon says.

use std::time::Duration;

use qixian_tests::daemon::{Answer, Daemon};
use qixian_time::{Clock, Stopwatch, SystemClock, Timestamp, Zone};
use serde_json::{Value, json};

/// Reminders of the workflow are so far apart, in milliseconds.
const RUNG: i64 = 60_000;
/// The cases' reminders are due so far apart, and so many.
const APART: i64 = 4_000;
const CASES: i64 = 14;
/// A busy machine is slow; what is lost never comes.
const PATIENCE: Duration = Duration::from_secs(150);

/// A case whose next reminder is due at a known moment.
#[derive(Debug)]
pub(crate) struct Due {
    pub(crate) id: String,
    pub(crate) at: Timestamp,
    body: Value,
}

pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

/// Asks until it is so.
pub(crate) fn until(what: &str, is_so: impl Fn() -> bool) {
    let watch = Stopwatch::start();
    while !is_so() {
        assert!(watch.elapsed() < PATIENCE, "never: {what}");
    }
}

impl Due {
    /// Cases with a reminder due every few seconds, for most of a minute.
    pub(crate) fn every_few_seconds(daemon: &Daemon) -> Vec<Self> {
        let begun = now();
        let case = |number: i64| {
            let at = begun.saturating_add_millis(APART * number);
            let began = at.saturating_sub_millis(RUNG);
            let body = json!({
                "workflow": "crash-load", "title": format!("due-{number}"),
                "occurred_at": began.to_rfc3339(&Zone::utc()),
            });
            let answer = ask(daemon, &body);
            let id = answer.body["id"].as_str().expect("an id").to_owned();
            Self { id, at, body }
        };
        (1..=CASES).map(case).collect()
    }

    /// The request that started it, once more.
    pub(crate) fn ask_again(&self, daemon: &Daemon) -> Answer {
        ask(daemon, &self.body)
    }

    /// Whether the reminder went out.
    pub(crate) fn has_fired(&self, daemon: &Daemon) -> bool {
        let deadlines = daemon.get(&format!("/cases/{}/deadlines", self.id)).body;
        let rungs = &deadlines["items"][0]["rungs"];
        let rung = rungs.as_array().expect("rungs").iter().find(|rung| {
            let at = rung["at"].as_str().expect("a time");
            Timestamp::parse(at).expect("a time") == self.at
        });
        let rung = rung.unwrap_or_else(|| panic!("no rung at {}: {deadlines}", self.at));
        rung["state"] == "fired"
    }
}

fn ask(daemon: &Daemon, body: &Value) -> Answer {
    let key = body["title"].as_str().expect("a title");
    let answer = daemon.post("/cases", &[("idempotency-key", key)], body);
    assert!(answer.status < 300, "{answer:?}");
    answer
}
