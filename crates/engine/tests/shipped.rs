//! The shipped workflows pass their own tests on the real engine.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use qixian_core::{Functions, NoFunctions};
use qixian_engine::replay::run_test;
use qixian_engine::{Definitions, Setup};
use qixian_notify::{Router, Staff, Templates};
use qixian_workflow::{Catalog, Sources};

fn files(dir: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|e| e == "toml" || e == "txt") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path.to_string_lossy().into_owned(), text));
        }
    }
    found.sort();
    found
}

#[test]
fn shipped_workflows_pass_their_tests() {
    let config = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../config");
    let sources = Sources {
        calendars: files(&config.join("calendars")),
        rules: files(&config.join("rules")),
        workflows: files(&config.join("workflows")),
        templates: None,
    };
    let functions: Arc<dyn Functions> = Arc::new(NoFunctions);
    let catalog = Catalog::build(&sources, functions).unwrap_or_else(|found| panic!("{found:?}"));
    let words = [
        "rung_duty",
        "rung_expectation",
        "manual",
        "missed",
        "transition",
        "ask",
        "person",
    ]
    .map(|name| {
        let text = "subject: 提醒\n\n{{ case.title }}\n";
        (format!("zh/_default/{name}.txt"), text)
    });
    let setup = Setup {
        env: catalog.env(),
        definitions: Definitions::of_catalog(&catalog),
        pack: Default::default(),
        templates: Arc::new(Templates::from_sources(words).unwrap()),
        directory: Arc::new(Staff::default()),
        router: Router::default(),
        base_url: None,
    };
    let mut failures = Vec::new();
    let mut ran = 0;
    for file in catalog.files() {
        let id = &file.workflow.id;
        for test in &file.tests {
            ran += 1;
            let report = pollster::block_on(run_test(&setup, id, test));
            for failure in report.failures {
                let line = file.source.text[..failure.span.start].lines().count();
                failures.push(format!("{id}:{line} {}: {}", test.name, failure.message.en));
            }
        }
    }
    assert!(ran > 0);
    assert!(
        failures.is_empty(),
        "{} of {ran}:\n{}",
        failures.len(),
        failures.join("\n")
    );
}
