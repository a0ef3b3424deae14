//! Whether every promise was kept.
//!
//! After each turn the checker reads which groups became durable meanwhile and looks at just these: lines, cases, rows
//! and messages, each against what was known before ([`Checker::look`]). Its books of all that is durable are compared
//! with the store, and every changed journal folded from its beginning, now and then and at the end
//! ([`Checker::whole`]). What people were told is checked when they are told it.

mod answers;
mod books;
mod family;
mod lines;
mod messages;
mod rest;
mod rungs;
mod sends;
mod whole;

use std::fmt;

use qixian_time::Timestamp;

use crate::reference::Compared;
use answers::Answers;
use books::Books;
use sends::Sends;
pub use whole::Extent;

/// A promise that was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(pub String);

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Remembers what was promised, and what is durable.
#[derive(Debug, Default)]
pub struct Checker {
    answers: Answers,
    books: Books,
    sends: Sends,
    compared: Compared,
    /// The latest instant looked at.
    latest: Option<Timestamp>,
}

impl Checker {
    /// Whether an event made a durable line.
    pub fn has_line(&self, id: &str) -> bool {
        self.books.events.contains_key(id)
    }

    /// How often cases were compared with the reference model.
    pub fn compared(&self) -> Compared {
        self.compared
    }
}

fn fail<T>(what: String) -> Result<T, Failure> {
    Err(Failure(what))
}
