//! What authors are told about broken files, kept as text: each `golden/*.toml` has beside it what is said of it in
//! Chinese and in English. `UPDATE_GOLDEN=1` writes the texts anew; read them before committing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use qixian_core::Lang;
use qixian_workflow::{
    Diagnostics, ReadContext, Render, read_calendar_year, read_rules, read_workflow,
};

fn context() -> ReadContext {
    let set = |names: &[&str]| {
        names
            .iter()
            .map(|n| (*n).to_owned())
            .collect::<BTreeSet<_>>()
    };
    ReadContext {
        calendars: Some(vec!["cn".to_owned()]),
        rule_keys: Some(set(&["sms_check.required", "sms_check.window"])),
        templates: Some(set(&[
            "errand/approved",
            "errand/missed",
            "errand/last_call",
        ])),
        functions: Vec::new(),
    }
}

/// What is said of a file; its name says which kind it is.
fn said(name: &str, text: &str) -> Diagnostics {
    let result = match name.get(..2) {
        Some("ru") => read_rules(name, text).map(|_| Diagnostics::default()),
        Some("ca") => read_calendar_year(name, text).map(|_| Diagnostics::default()),
        _ => read_workflow(name, text, &context()).map(|file| file.warnings),
    };
    result.unwrap_or_else(|problems| problems)
}

fn rendered(found: &Diagnostics) -> String {
    let render = |lang| {
        found.render(Render {
            lang,
            ..Render::default()
        })
    };
    format!("{}\n{}", render(Lang::Zh), render(Lang::En))
}

fn golden_files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let entries = std::fs::read_dir(folder).expect("the folder is in the repository");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a readable entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    files.sort();
    files
}

#[test]
fn every_broken_file_is_told_as_before() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut changed = Vec::new();
    for path in golden_files() {
        let text = std::fs::read_to_string(&path).expect("UTF-8");
        let name = path.file_name().expect("a file").to_string_lossy();
        let now = rendered(&said(&name, &text));
        let kept = path.with_extension("txt");
        if update {
            std::fs::write(&kept, &now).expect("the golden folder can be written");
        }
        if std::fs::read_to_string(&kept).unwrap_or_default() != now {
            changed.push(format!("--- {name} ---\n{now}"));
        }
    }
    assert!(
        changed.is_empty(),
        "these are told otherwise now (UPDATE_GOLDEN=1 takes them):\n{}",
        changed.join("\n")
    );
}

#[test]
fn only_the_good_file_is_told_nothing_of() {
    for path in golden_files() {
        let text = std::fs::read_to_string(&path).expect("UTF-8");
        let name = path.file_name().expect("a file").to_string_lossy();
        let found = said(&name, &text);
        assert_eq!(found.is_empty(), name == "good.toml", "{name}:\n{found}");
        let json = found.to_json();
        let listed = json.as_array().map_or(0, Vec::len);
        assert_eq!(listed, found.iter().count());
        for (source, diagnostic) in found.iter() {
            let span = &diagnostic.label.span;
            assert!(span.start <= span.end && span.end <= source.text.len());
            assert!(!diagnostic.message.zh.is_empty() && !diagnostic.message.en.is_empty());
        }
    }
}
