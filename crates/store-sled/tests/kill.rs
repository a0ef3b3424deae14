//! A process that writes is killed at odd moments; what it was told is durable must be there when the store is opened.
//!
//! The test binary runs itself again as the writer, with the directory in an environment variable.

#[path = "common/killed.rs"]
mod killed;

use killed::{DIR, run_and_kill};
use qixian_store::conformance::samples::{at, case, cases, due, id, next, write};
use qixian_store::{CaseQuery, Resolution, Store};
use qixian_store_sled::{Options, SledStore};

const CASES: u64 = 20;
const ROUNDS: u64 = 12;

/// Only does something when run by the test below: changes cases one after another, and says each rev that is durable.
#[tokio::test]
async fn writer() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let store = SledStore::open(&dir, &Options::default()).unwrap();
    let ids: Vec<_> = (1..=CASES).map(id).collect();
    let mut latest = store.cases(&ids).await.unwrap();
    println!("open");
    for n in 0.. {
        let slot = (n % CASES) as usize;
        let seconds = n as i64;
        let written = match &latest[slot] {
            Some(before) => next(before, |case| *case = due(case.clone(), at(seconds))),
            None => write(None, due(case(slot as u64 + 1), at(seconds))),
        };
        latest[slot] = Some(written.case.clone());
        let resolution = store.submit(cases([written.clone()])).wait().await;
        assert_eq!(resolution, Resolution::Durable);
        println!("durable {} {}", slot + 1, written.case.rev);
    }
}

#[tokio::test]
async fn nothing_said_to_be_durable_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let mut revs = vec![0; CASES as usize];
    let mut said = 0;
    for round in 0..ROUNDS {
        run_and_kill(dir.path(), 1 + round * 37 % 101, &mut revs);
        let store = SledStore::open(dir.path(), &Options::default()).unwrap();
        let mut found = 0;
        for (number, rev) in (1..).zip(&revs) {
            let read = store.cases(&[id(number)]).await.unwrap();
            let Some(case) = &read[0] else {
                assert_eq!(*rev, 0, "round {round}: case {number} is lost");
                continue;
            };
            // One more than said may be there: durable, but killed before it could be said.
            assert!(case.rev >= *rev && case.rev <= rev + 1, "round {round}");
            let lines = store.journal(case.id, 0, 10_000).await.unwrap();
            assert_eq!(lines.len() as u64, case.rev, "round {round}");
            found += 1;
        }
        let timers = store.timers_due(at(1 << 40), None, 999).await.unwrap();
        assert_eq!(timers.len(), found, "round {round}");
        let page = store.list(&CaseQuery::default(), None, 500).await.unwrap();
        let listed: Vec<_> = page.items.iter().map(|case| case.next_due()).collect();
        assert_eq!(
            listed,
            Vec::from_iter(timers.iter().map(|row| Some(row.at)))
        );
        said = revs.iter().sum();
    }
    println!("{ROUNDS} kills, {said} revs said to be durable, none lost");
}
