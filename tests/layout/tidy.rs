//! What source files may hold.

use crate::assert_none;
use crate::source::{File, code_of, files, has_word, rust_files};
use crate::table::UNSAFE_CRATES;

/// A file this long hides its own structure; most are a third of it.
const MOST_LINES: usize = 900;

fn crate_of(path: &str) -> Option<&str> {
    path.strip_prefix("crates/")?.split('/').next()
}

/// Runs `rule` over the code of each Rust file, line by line; `Some` is what to do about the line.
fn each_line(rule: impl Fn(&str, &str) -> Option<String>) -> Vec<String> {
    let mut findings = Vec::new();
    for File { path, text } in rust_files() {
        for (index, line) in code_of(&text).lines().enumerate() {
            findings
                .extend(rule(&path, line).map(|advice| format!("{path}:{}: {advice}", index + 1)));
        }
    }
    findings
}

#[test]
fn unsafe_code_stays_at_the_plugin_boundary() {
    assert_none(&each_line(|path, line| {
        let boundary = crate_of(path).is_some_and(|name| UNSAFE_CRATES.contains(&name))
            || path.starts_with("plugins/");
        (!boundary && has_word(line, "unsafe")).then(|| {
            format!(
                "unsafe code; only plugins and {} may hold it",
                UNSAFE_CRATES.join(", ")
            )
        })
    }));
}

#[test]
fn nothing_is_left_for_later() {
    assert_none(&each_line(|_, line| {
        let left = ["todo!", "unimplemented!", "dbg!"]
            .into_iter()
            .find(|name| {
                line.match_indices(name)
                    .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
            });
        left.map(|name| format!("`{name}` left in; finish it or take it out"))
    }));
}

#[test]
fn only_time_reads_the_clock() {
    assert_none(&each_line(|path, line| {
        let read = ["SystemTime::now", "Instant::now"]
            .into_iter()
            .find(|name| line.contains(name));
        read.filter(|_| crate_of(path) != Some("time")).map(|name| {
            format!(
                "`{name}`; take a qixian_time::Clock, so that the simulation can drive this code"
            )
        })
    }));
}

#[test]
fn files_stay_short() {
    let long = rust_files()
        .into_iter()
        .filter(|file| file.path.starts_with("crates/"));
    let findings: Vec<String> = long
        .map(|file| (file.text.lines().count(), file.path))
        .filter(|(lines, _)| *lines > MOST_LINES)
        .map(|(lines, path)| {
            format!("{path}: {lines} lines; split it by what its parts do (most is {MOST_LINES})")
        })
        .collect();
    assert_none(&findings);
}

#[test]
fn each_crate_says_why_it_exists() {
    let roots = rust_files().into_iter().filter(|file| {
        let Some(rest) = file.path.strip_prefix("crates/") else {
            return false;
        };
        rest.ends_with("/src/lib.rs") || rest.ends_with("/src/main.rs")
    });
    let findings: Vec<String> = roots
        .filter(|file| !file.text.starts_with("//!"))
        .map(|file| {
            format!(
                "{}: open it with `//!`: why the crate exists and what it leaves to others",
                file.path
            )
        })
        .collect();
    assert_none(&findings);
}

/// The attributes of `code`, each from `#` to its closing bracket, with the line it begins on.
fn attributes(code: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices('#') {
        let tail = &code[at..];
        if !tail.starts_with("#[") && !tail.starts_with("#![") {
            continue;
        }
        let mut depth = 0_i32;
        let end = tail.char_indices().find(|(_, c)| {
            depth += i32::from(*c == '[') - i32::from(*c == ']');
            *c == ']' && depth == 0
        });
        let length = end.map_or(tail.len(), |(end, _)| end + 1);
        found.push((code[..at].matches('\n').count() + 1, &tail[..length]));
    }
    found
}

/// Lines of attributes that silence a lint and give no reason.
fn silent_exceptions(source: &str) -> Vec<usize> {
    let code = code_of(source);
    let silent = attributes(&code).into_iter().filter(|(_, attribute)| {
        let silences = ["allow(", "expect("]
            .iter()
            .any(|word| attribute.contains(word));
        silences && !has_word(attribute, "reason")
    });
    silent.map(|(line, _)| line).collect()
}

#[test]
fn each_silenced_lint_has_its_reason() {
    let mut findings = Vec::new();
    for File { path, text } in rust_files() {
        let advice =
            "a lint is silenced without `reason = \"…\"`; give the reason, or mend the code";
        findings.extend(
            silent_exceptions(&text)
                .into_iter()
                .map(|line| format!("{path}:{line}: {advice}")),
        );
    }
    assert_none(&findings);
}

#[test]
fn silent_exceptions_are_found() {
    fn check(source: &str, expected: &[usize]) {
        assert_eq!(silent_exceptions(source), expected, "{source:?}");
    }
    check("#[derive(Debug)]\nstruct A;", &[]);
    check("#[allow(dead_code)]", &[1]);
    check("\n#![expect(\n  dead_code,\n)]", &[2]);
    check("#[allow(dead_code, reason = \"x\")]", &[]);
    check("#[cfg_attr(test, allow(dead_code))]", &[1]);
    check("// #[allow(dead_code)]\nlet x = \"#[allow(y)]\";", &[]);
}

#[test]
fn nothing_names_the_machine_it_was_written_on() {
    // Put together here, so that this file does not find itself.
    let places = [
        concat!("../", "shared"),
        concat!("/work", "/"),
        concat!("/root", "/"),
        concat!(".libra", "ry/"),
    ];
    let mut findings = Vec::new();
    for File { path, text } in files() {
        for (index, line) in text.lines().enumerate() {
            if let Some(place) = places.iter().find(|place| line.contains(**place)) {
                let number = index + 1;
                findings.push(format!("{path}:{number}: names `{place}`, which no other machine has; cite a file of the repository"));
            }
        }
    }
    assert_none(&findings);
}
