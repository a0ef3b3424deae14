//! Tables of a manual.

use std::collections::BTreeSet;

use crate::source::root;

/// The cells of each table row of `docs/NAME` whose first cell is one `name in backticks`; that cell comes bare.
pub(crate) fn rows(name: &str) -> Vec<Vec<String>> {
    let path = root().join("docs").join(name);
    let text = std::fs::read_to_string(&path).expect("a manual");
    text.lines().filter_map(cells).collect()
}

fn cells(line: &str) -> Option<Vec<String>> {
    let inner = line.strip_prefix("| `")?.strip_suffix(" |")?;
    let (name, rest) = inner.split_once("` | ")?;
    let rest = rest.split(" | ").map(|cell| cell.trim().to_owned());
    Some([name.to_owned()].into_iter().chain(rest).collect())
}

/// Fails with everything that the page lacks, has too much, or says twice.
#[track_caller]
pub(crate) fn assert_same(page: &str, listed: &[String], known: &BTreeSet<String>) {
    let mut seen = BTreeSet::new();
    let mut findings = Vec::new();
    for name in listed {
        if !seen.insert(name.clone()) {
            findings.push(format!("`{name}` is listed twice"));
        }
    }
    let missing = known.difference(&seen);
    findings.extend(missing.map(|name| format!("`{name}` is not listed")));
    let gone = seen.difference(known);
    findings.extend(gone.map(|name| format!("`{name}` is in no source")));
    assert!(
        findings.is_empty(),
        "docs/{page}:\n  {}",
        findings.join("\n  ")
    );
}
