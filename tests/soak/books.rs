//! At the end: what was acknowledged, compared with what the journals hold.

use qixian_api::{CaseView, Client, JournalView, Page};
use serde::de::DeserializeOwned;

use crate::caller::{Line, Told};

const KINDS: [Line; 8] = [
    Line::Started,
    Line::Handed,
    Line::Returned,
    Line::Finished,
    Line::Note,
    Line::Edited,
    Line::Moved,
    Line::Closed,
];

/// What was found.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Found {
    pub(crate) cases: u64,
    /// Lines of people: each was acknowledged under its number.
    pub(crate) events: u64,
    /// Lines of timers: rungs and missed deadlines.
    pub(crate) others: u64,
    /// The longest journal.
    pub(crate) longest: usize,
}

fn all<T: DeserializeOwned>(client: &Client, path: &str, mut take: impl FnMut(T)) {
    let mut cursor = String::new();
    loop {
        let page: Page<T> = client
            .get(&format!("{path}?limit=500{cursor}"))
            .expect("a page");
        page.items.into_iter().for_each(&mut take);
        match page.next_cursor {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return,
        }
    }
}

/// Compares one case.
///
/// # Panics
/// With what is wrong.
pub(crate) fn check(client: &Client, told: &Told, found: &mut Found) {
    let mut lines = Vec::new();
    let path = format!("/cases/{}/journal", told.id);
    all(client, &path, |line: JournalView| lines.push(line));
    let mut seen = Vec::new();
    for (line, number) in lines.iter().zip(1_u64..) {
        assert_eq!((line.seq, line.rev), (number, number), "{}", told.id);
        let rev = u32::try_from(number).expect("a journal is shorter");
        match KINDS.iter().find(|kind| kind.event() == line.event) {
            Some(kind) => seen.push((rev, *kind)),
            None => found.others += 1,
        }
    }
    assert_eq!(seen, told.lines, "{}: found and acknowledged", told.id);
    found.cases += 1;
    found.events += seen.len() as u64;
    found.longest = found.longest.max(lines.len());
}

/// How many cases the daemon lists.
pub(crate) fn listed(client: &Client) -> u64 {
    let mut cases = 0;
    all(client, "/cases", |_: CaseView| cases += 1);
    cases
}
