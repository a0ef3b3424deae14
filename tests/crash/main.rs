//! Kills the daemon while events are recorded, and asks afterwards for every one that was acknowledged.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::thread;

use qixian_api::{CaseView, Client, EventAnswer, JournalView, Page, PostCase, PostNote};
use qixian_tests::daemon::Daemon;

/// Callers at once, and how many acknowledgements are waited for before each kill.
const CALLERS: usize = 8;
const ACKNOWLEDGED: usize = 400;
const KILLS: usize = 3;

/// What one caller was told: its case, and the highest line it saw acknowledged.
#[derive(Debug)]
struct Told {
    case: String,
    notes: Vec<u64>,
}

fn start_case(client: &Client, number: usize) -> String {
    let body = PostCase {
        workflow: "first-filing".to_owned(),
        title: format!("crash {number}"),
        ..PostCase::default()
    };
    let case: CaseView = client.post("/cases", &body, None).expect("a case");
    case.id
}

/// Records notes until nobody answers any more; counts each acknowledgement.
fn record(
    client: &Client,
    case: String,
    count: &AtomicUsize,
    enough: &(Mutex<bool>, Condvar),
) -> Told {
    let path = format!("/cases/{case}/notes");
    let mut notes = Vec::new();
    loop {
        let body = PostNote {
            note: format!("note {}", notes.len()),
        };
        let Ok(answer) = client.post::<EventAnswer>(&path, &body, None) else {
            return Told { case, notes };
        };
        notes.push(answer.rev);
        if count.fetch_add(1, Ordering::SeqCst) + 1 == ACKNOWLEDGED {
            *enough.0.lock().expect("no panic holds it") = true;
            enough.1.notify_all();
        }
    }
}

fn wait(enough: &(Mutex<bool>, Condvar)) {
    let mut seen = enough.0.lock().expect("no panic holds it");
    while !*seen {
        seen = enough.1.wait(seen).expect("no panic holds it");
    }
}

/// Loads a daemon from several threads and kills it in the middle.
fn load_and_kill(daemon: Daemon, cases: &[String]) -> Vec<Told> {
    let client = daemon.client();
    let (count, enough) = (AtomicUsize::new(0), (Mutex::new(false), Condvar::new()));
    thread::scope(|scope| {
        let callers: Vec<_> = cases
            .iter()
            .map(|case| {
                let (client, count, enough) = (&client, &count, &enough);
                scope.spawn(move || record(client, case.clone(), count, enough))
            })
            .collect();
        wait(&enough);
        daemon.kill();
        callers
            .into_iter()
            .map(|caller| caller.join().expect("a caller"))
            .collect()
    })
}

fn check(client: &Client, told: &Told) {
    let mut lines: Vec<JournalView> = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/cases/{}/journal?limit=500{cursor}", told.case);
        let page: Page<JournalView> = client.get(&path).expect("a journal");
        lines.extend(page.items);
        let Some(next) = page.next_cursor else { break };
        cursor = format!("&cursor={next}");
    }
    let numbers: Vec<u64> = lines.iter().map(|line| line.seq).collect();
    assert_eq!(
        numbers,
        (1..=numbers.len() as u64).collect::<Vec<_>>(),
        "lines follow one another"
    );
    for (index, rev) in told.notes.iter().enumerate() {
        let line = lines.iter().find(|line| line.seq == *rev);
        let note = line.and_then(|line| line.note.clone());
        assert_eq!(
            note,
            Some(format!("note {index}")),
            "line {rev} of {} was acknowledged",
            told.case
        );
    }
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let dir = tempfile::tempdir().expect("a directory");
    for _ in 0..KILLS {
        let daemon = Daemon::start(dir.path(), &[]);
        let client = daemon.client();
        let cases: Vec<String> = (0..CALLERS)
            .map(|number| start_case(&client, number))
            .collect();
        let told = load_and_kill(daemon, &cases);
        assert!(told.iter().map(|told| told.notes.len()).sum::<usize>() >= ACKNOWLEDGED);
        let daemon = Daemon::start(dir.path(), &[]);
        let client = daemon.client();
        for told in &told {
            check(&client, told);
        }
        daemon.kill();
    }
}
