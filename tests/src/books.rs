//! The books: what the daemon says now, compared with what callers were told before it died.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;
use std::time::Duration;

use qixian_api::{CaseView, Client, DeadlineView, JournalView, MessageView, Page};
use qixian_time::{Clock, Stopwatch, SystemClock, Timestamp};
use serde::de::DeserializeOwned;

use crate::load::{Caller, Told};

/// What is due must have its outcome within this time of the first look: a busy machine is slow, a lost rung never comes.
const PATIENCE: Duration = Duration::from_secs(150);
/// Who is reminded by each rung of the load's workflow.
const REMINDED: [&str; 2] = ["handler", "lead"];

/// Counts for the last line of a run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Events found that were acknowledged.
    pub found: u64,
    /// Rungs whose time had come.
    pub due: u64,
    /// Of these, those with one accepted message for each who is reminded.
    pub told: u64,
    /// Those that needed no message: a later one stood in, or the case had ended.
    pub moot: u64,
    /// Those that a kill left in doubt with too little time for another try: dead, and said to be so in the journal.
    pub dead: u64,
    /// Deadlines missed, each by one line.
    pub missed: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.found += other.found;
        self.due += other.due;
        self.told += other.told;
        self.moot += other.moot;
        self.dead += other.dead;
        self.missed += other.missed;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} found; {} rungs due, {} told, {} moot, {} dead and said so; {} deadlines missed",
            self.found, self.due, self.told, self.moot, self.dead, self.missed
        )
    }
}

/// Reads every page of a list.
fn all<T: DeserializeOwned>(client: &Client, path: &str) -> Vec<T> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let page: Page<T> = client
            .get(&format!("{path}?limit=500{cursor}"))
            .expect("a page");
        items.extend(page.items);
        match page.next_cursor {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
}

fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a time")
}

/// Waits until `/readyz` says so.
///
/// # Panics
/// When it does not within a minute.
pub fn until_ready(client: &Client) {
    let watch = Stopwatch::start();
    while client.probe("/readyz").expect("the daemon answers").0 != 200 {
        assert!(watch.elapsed() < PATIENCE, "/readyz does not become ok");
    }
}

/// Compares the lines of the cases that the latest round touched, without waiting for what is due.
///
/// # Panics
/// With what is wrong.
pub fn check_touched(client: &Client, caller: &Caller) {
    for told in &caller.cases[caller.touched..] {
        let mut seen = look(client, told);
        while seen.is_none() {
            seen = look(client, told);
        }
        let seen = seen.expect("the loop ended");
        check_lines(&seen.case, &seen.lines, told);
    }
}

/// Compares every case that callers were told of.
///
/// # Panics
/// With what is wrong.
pub fn check_acknowledged(client: &Client, callers: &[Caller]) -> Counts {
    let mut counts = Counts::default();
    let now = SystemClock.now();
    for caller in callers {
        for told in &caller.cases {
            counts += check_case(client, told, now);
        }
        // Whoever was told of a case sees it among its lines: the first one is its start.
        counts.found += caller.cases.len() as u64;
    }
    counts
}

/// Compares all: no case and no file too many.
///
/// # Panics
/// With what is wrong.
pub fn check_whole(client: &Client, callers: &[Caller], data: &Path) -> Counts {
    let counts = check_acknowledged(client, callers);
    let listed = all::<CaseView>(client, "/cases");
    let titles: Vec<&str> = listed.iter().map(|case| &*case.title).collect();
    let told: Vec<&str> = callers
        .iter()
        .flat_map(|caller| caller.cases.iter().map(|told| &*told.title))
        .collect();
    assert_eq!(titles.len(), told.len(), "as many cases as were started");
    assert_eq!(
        BTreeSet::from_iter(titles),
        BTreeSet::from_iter(told),
        "the cases that were started"
    );
    check_files(client, data);
    counts
}

/// One file for each accepted message: nothing went out twice, and nothing is said to have gone out that did not.
fn check_files(client: &Client, data: &Path) {
    let name = |file: &str| {
        let (_, known) = file.split_once('-').unwrap_or_default();
        known.to_owned()
    };
    let files = fs::read_dir(data.join("messages")).map_or_else(
        |_| Vec::new(),
        |files| {
            let files = files.map(|file| file.expect("an entry").file_name());
            Vec::from_iter(
                files
                    .filter_map(|file| file.into_string().ok())
                    .filter(|file| !file.starts_with('.'))
                    .map(|file| name(&file)),
            )
        },
    );
    let accepted = all::<MessageView>(client, "/messages")
        .into_iter()
        .filter(|message| message.status == "accepted")
        .map(|message| {
            let receipt = message.receipt.as_deref().map(name);
            // One that was looked up after a kill has no receipt; its file's name says which message it is.
            receipt.unwrap_or_else(|| format!("{}-{}.eml", message.via, message.id))
        });
    let mut accepted: Vec<String> = accepted.collect();
    let mut files = files;
    accepted.sort();
    files.sort();
    assert_eq!(files, accepted, "one file for each accepted message");
}

/// What is said of a case at one moment.
struct Seen {
    case: CaseView,
    lines: Vec<JournalView>,
    messages: Vec<MessageView>,
}

/// What was read between two equal looks belongs together; `None` where the case moved meanwhile.
fn look(client: &Client, told: &Told) -> Option<Seen> {
    let path = format!("/cases/{}", told.id);
    let case: CaseView = client.get(&path).expect("a case");
    let lines = all(client, &format!("{path}/journal"));
    let messages = all(client, &format!("{path}/messages"));
    let again: CaseView = client.get(&path).expect("a case");
    (case.rev == again.rev).then_some(Seen {
        case,
        lines,
        messages,
    })
}

fn check_case(client: &Client, told: &Told, now: Timestamp) -> Counts {
    let watch = Stopwatch::start();
    loop {
        let seen = look(client, told);
        if let Some(seen) = seen.filter(|seen| settled(&seen.case, &seen.messages, now)) {
            check_lines(&seen.case, &seen.lines, told);
            let mut counts = Counts {
                found: told.lines.len() as u64,
                ..Counts::default()
            };
            for deadline in &seen.case.deadlines {
                check_rungs(deadline, &seen.lines, &seen.messages, now, &mut counts);
            }
            return counts;
        }
        let waited = watch.elapsed();
        assert!(waited < PATIENCE, "{} does not settle", told.id);
    }
}

/// Whether all that was due at `now` has happened.
fn settled(case: &CaseView, messages: &[MessageView], now: Timestamp) -> bool {
    let fired = case.deadlines.iter().all(|deadline| {
        let rungs = deadline.rungs.iter();
        let waiting = |at: &str, state: &str| state == "pending" && time(at) <= now;
        let armed = deadline.state == "armed";
        let over = armed && deadline.due_at.as_deref().is_some_and(|at| time(at) <= now);
        !over && !rungs.clone().any(|rung| waiting(&rung.at, &rung.state))
    });
    let sent = messages
        .iter()
        .all(|message| matches!(&*message.status, "accepted" | "delivered" | "moot" | "dead"));
    fired && sent
}

/// No line is torn, lost, doubled or out of its order.
fn check_lines(case: &CaseView, lines: &[JournalView], told: &Told) {
    let id = &told.id;
    assert_eq!(case.title, told.title, "{id}");
    assert_eq!(case.rev, lines.len() as u64, "{id}: rev counts the lines");
    let last = lines.last().expect("a case has a first line");
    assert_eq!(
        case.state, last.to,
        "{id}: the state is where the last line led"
    );
    for (line, number) in lines.iter().zip(1..) {
        assert_eq!((line.seq, line.rev), (number, number), "{id}");
    }
    for pair in lines.windows(2) {
        assert_eq!(pair[0].to, pair[1].from, "{id}: line {}", pair[1].seq);
    }
    let mut notes = BTreeMap::new();
    for line in lines {
        if let Some(note) = &line.note {
            let before = notes.insert(note.clone(), line.seq);
            assert_eq!(before, None, "{id}: {note} is there twice");
        }
    }
    for (rev, key) in &told.lines {
        assert_eq!(notes.get(key), Some(rev), "{id}: {key} was acknowledged");
    }
}

/// Each rung that is due has one outcome, none came early, and a missed deadline was missed once.
fn check_rungs(
    deadline: &DeadlineView,
    lines: &[JournalView],
    messages: &[MessageView],
    now: Timestamp,
    counts: &mut Counts,
) {
    let case = &deadline.case;
    for line in lines.iter().filter(|line| line.by == "timer") {
        let early = time(&line.recorded_at) < time(&line.occurred_at);
        assert!(!early, "{case}: line {} came early", line.seq);
    }
    for (index, rung) in deadline.rungs.iter().enumerate() {
        let fired_lines = lines
            .iter()
            .filter(|line| line.event == "rung_due" && line.occurred_at == rung.at);
        assert!(fired_lines.count() <= 1, "{case}: rung {index} fired twice");
        let own = messages.iter().filter(|message| {
            message.deadline.as_deref() == Some(&*deadline.name)
                && message.rung.map(usize::from) == Some(index)
                && message.cause == "rung"
        });
        let mut outcomes = Vec::from_iter(own.map(|message| (&*message.role, &*message.status)));
        outcomes.sort_unstable();
        let is_due = time(&rung.at) <= now;
        counts.due += u64::from(is_due);
        match &*rung.state {
            "fired" => {
                let roles = Vec::from_iter(outcomes.iter().map(|(role, _)| *role));
                assert_eq!(roles, REMINDED, "{case}: rung {index}: {outcomes:?}");
                let is = |end: &str| outcomes.iter().any(|(_, status)| *status == end);
                let said = lines.iter().any(|line| line.event == "message_dead");
                assert!(!is("dead") || said, "{case}: rung {index}: {messages:?}");
                match (is("dead"), is("moot")) {
                    _ if !is_due => {}
                    (true, _) => counts.dead += 1,
                    (_, true) => counts.moot += 1,
                    _ => counts.told += 1,
                }
            }
            "moot" => {
                assert_eq!(outcomes, [], "{case}: rung {index} is moot");
                counts.moot += u64::from(is_due);
            }
            state => assert!(!is_due, "{case}: rung {index} is due and {state}"),
        }
    }
    let missed = lines.iter().filter(|line| line.event == "deadline_passed");
    let missed = missed.count() as u64;
    assert_eq!(
        missed,
        u64::from(deadline.state == "missed"),
        "{case}: missed once"
    );
    counts.missed += missed;
}
