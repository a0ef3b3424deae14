//! `docs/errors.md` lists every stable code once.
//!
//! Only the codes of files have a list to ask ([`CODES`]). The others stand where their errors are defined: some in
//! attributes of enums that no function enumerates, some private to their crate. So the source text is read for literals
//! of their shape, which also notices a family that nobody has thought of here.

use std::collections::BTreeSet;

use qixian_workflow::CODES;

use crate::page::{assert_same, rows};
use crate::source;

#[test]
fn errors_page_lists_every_code_once() {
    let listed: Vec<String> = rows("errors.md").into_iter().map(first).collect();
    let mut known = family_codes();
    known.extend(CODES.iter().map(|(code, ..)| (*code).to_owned()));
    known.extend(problem_codes());
    known.extend(arm_literals(&source::text("cli/src/failure.rs")));
    known.extend(["0", "1", "2", "69"].map(str::to_owned));
    assert_same("errors.md", &listed, &known);
}

#[test]
fn errors_page_says_what_to_do_in_both_languages() {
    for row in rows("errors.md") {
        assert_eq!(row.len(), 3, "cells of `{}`", row[0]);
        let is_done = row[0] == "0";
        let both = row[1..].iter().all(|cell| cell.contains("<br>*"));
        assert!(both || is_done, "`{}` lacks a language", row[0]);
    }
}

fn first(mut row: Vec<String>) -> String {
    row.swap_remove(0)
}

/// Codes like `ST0003` at the start of a string literal, of whatever family.
fn family_codes() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for text in source::all() {
        for after in text.split('"').skip(1) {
            let Some(code) = after.get(..6) else { continue };
            let (family, number) = code.as_bytes().split_at(2);
            let shaped =
                family.iter().all(u8::is_ascii_uppercase) && number.iter().all(u8::is_ascii_digit);
            let ends = after.len() == 6 || after[6..].starts_with(':');
            if shaped && ends {
                found.insert(code.to_owned());
            }
        }
    }
    for family in ["TM", "WF", "RU", "CA", "CF", "ST", "NT"] {
        assert!(
            found.iter().any(|code| code.starts_with(family)),
            "no code of {family} was found: has its writing changed?"
        );
    }
    found
}

/// Problem codes: those of `Rejection::code`, and the literals beside a status in the HTTP layer.
fn problem_codes() -> BTreeSet<String> {
    let mut found = arm_literals(&source::text("core/src/rejection.rs"));
    for text in source::all() {
        for after in text.split("::new(").skip(1) {
            let Some((status, rest)) = after.split_once(',') else {
                continue;
            };
            if !status.trim_start().starts_with("StatusCode::") {
                continue;
            }
            let literal = rest.trim_start().strip_prefix('"');
            let literal = literal.and_then(|rest| rest.split_once('"'));
            found.extend(literal.map(|(code, _)| code.to_owned()));
        }
    }
    assert!(found.contains("guard_refused") && found.contains("busy"));
    found
}

/// The literals that match arms answer in `fn code`.
fn arm_literals(text: &str) -> BTreeSet<String> {
    let (_, body) = text.split_once("fn code(&self)").expect("a fn code");
    let (body, _) = body.split_once("\n    }\n").expect("its end");
    let literals = body.lines().filter_map(|line| {
        let (_, literal) = line.split_once("=> \"")?;
        Some(literal.split_once('"')?.0.to_owned())
    });
    literals.collect()
}
