//! `docs/logs.md` lists every log event once, with its level. Events are names inside macro calls, so the source text is
//! read for them.

use std::collections::BTreeSet;

use crate::page::{assert_same, rows};
use crate::source;

#[test]
fn logs_page_lists_every_event_with_its_level() {
    let listed: Vec<String> = rows("logs.md")
        .into_iter()
        .map(|row| format!("{} {}", row[0], row[1]))
        .collect();
    assert_same("logs.md", &listed, &events());
}

/// `NAME LEVEL` of every call.
fn events() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for text in source::all() {
        for call in text.split("tracing::").skip(1) {
            let Some((level, rest)) = call.split_once("!(") else {
                continue;
            };
            if !["error", "warn", "info", "debug", "trace"].contains(&level) {
                continue;
            }
            let name = rest.trim_start().strip_prefix("event = \"");
            let name = name.and_then(|rest| rest.split_once('"'));
            let (name, _) = name.expect("a log line begins with its event's name");
            found.insert(format!("{name} {level}"));
        }
    }
    assert!(found.len() > 20, "only {} events were found", found.len());
    found
}
