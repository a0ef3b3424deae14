//! Collecting the problems of one file while it is read.

use std::cell::RefCell;

use qixian_core::Words;

use crate::codes::{Basic, Family};
use crate::diagnostics::{Diagnostic, Diagnostics, Source, Span, say};
use crate::{Code, Severity};

/// Most problems kept of one file; a file with more is not read by anybody to the end.
const MOST: usize = 200;

/// The list of problems that every reader of one file adds to.
#[derive(Debug)]
pub(crate) struct Report {
    family: Family,
    found: RefCell<Vec<Diagnostic>>,
}

impl Report {
    pub(crate) fn new(family: Family) -> Self {
        Self {
            family,
            found: RefCell::default(),
        }
    }

    /// Whether more problems would be dropped, so that looking for close names is not worth the time.
    pub(crate) fn is_full(&self) -> bool {
        self.found.borrow().len() >= MOST
    }

    /// How many errors there are so far.
    pub(crate) fn errors(&self) -> usize {
        let found = self.found.borrow();
        found
            .iter()
            .filter(|d| d.severity == Severity::Error)
            .count()
    }

    pub(crate) fn push(&self, diagnostic: Diagnostic) {
        let mut found = self.found.borrow_mut();
        if found.len() < MOST {
            found.push(diagnostic);
        }
    }

    /// A problem any file can have, under the code of this file's family.
    pub(crate) fn basic(&self, basic: Basic, span: Span, message: Words) -> Diagnostic {
        Diagnostic::error(self.family.code(basic), span, message)
    }

    /// Says that `name` is none of `known`, and which of them may have been meant.
    pub(crate) fn unknown(&self, code: Code, what: Words, name: &str, span: Span, known: &[&str]) {
        if self.is_full() {
            return;
        }
        let (zh, en) = (&what.zh, &what.en);
        let diagnostic = Diagnostic::error(
            code,
            span,
            say!("没有名为“{name}”的{zh}", "there is no {en} `{name}`"),
        )
        .label(say!("这个{zh}没有定义", "this {en} is not defined"))
        .help(suggestion(name, known));
        self.push(diagnostic);
    }

    /// Leaves out what the syntax errors at these places may have caused: whatever is not wrong by itself, unknown keys
    /// after the first of them (they may belong to a table whose header was not read), and what is said of the places
    /// themselves.
    pub(crate) fn keep_beside(&self, syntax: &[Span]) {
        let first = syntax.iter().map(|span| span.start).min().unwrap_or(0);
        let unknown_key = self.family.code(Basic::UnknownKey);
        self.found.borrow_mut().retain(|d| {
            let place = &d.label.span;
            let overlaps = |span: &Span| span.start <= place.end && place.start <= span.end;
            d.code.is_local()
                && !(d.code == unknown_key && place.start > first)
                && !syntax.iter().any(overlaps)
        });
    }

    /// All problems; `Err` when one of them is an error.
    pub(crate) fn finish(self, source: &Source) -> Result<Diagnostics, Diagnostics> {
        let found = self.found.into_inner();
        let refused = found.iter().any(|d| d.severity == Severity::Error);
        let all = Diagnostics::of(source, found);
        if refused { Err(all) } else { Ok(all) }
    }
}

/// "Did you mean", or else what is known; empty where nothing is.
pub(crate) fn suggestion(name: &str, known: &[&str]) -> Words {
    const SHOWN: usize = 12;
    if let Some(close) = closest(name, known) {
        return say!("是不是想写“{close}”？", "did you mean `{close}`?");
    }
    match known.len() {
        0 => Words::default(),
        1..=SHOWN => {
            let (zh, en) = (known.join("、"), known.join(", "));
            say!("可用的有：{zh}", "known here: {en}")
        }
        more => {
            let (zh, en) = (known[..SHOWN].join("、"), known[..SHOWN].join(", "));
            say!(
                "可用的有：{zh} 等 {more} 个",
                "known here: {en} and others, {more} in all"
            )
        }
    }
}

/// The known name most like `name`, if it is like it at all.
pub(crate) fn closest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    const ALIKE: f64 = 0.8;
    // Comparing grows with the product of the lengths; no name anybody meant is this long.
    if name.len() > 100 {
        return None;
    }
    known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), *candidate))
        .filter(|(score, candidate)| {
            *score >= ALIKE || strsim::damerau_levenshtein(name, candidate) <= 1
        })
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}
