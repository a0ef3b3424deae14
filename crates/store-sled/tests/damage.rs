//! A process that writes is killed, then its files are damaged: whatever was acknowledged is there, or nothing is served.
//!
//! The test binary runs itself again as the writer, with the directory in an environment variable. `SEED=…` repeats the
//! places of a run; where the kills come, no seed repeats.

mod common;
#[path = "common/killed.rs"]
mod killed;

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

use common::exported;
use killed::{DIR, run_and_kill};
use qixian_store::conformance::samples::{case, cases, id, next, write};
use qixian_store::{Error, Resolution, Store};
use qixian_store_sled::{Offline, Options, SledStore};

const CASES: u64 = 20;
/// Kills, each with a number of acknowledged writes before it, and damages after each of them.
const KILLS: [u64; 4] = [40, 250, 400, 90];
const DAMAGES: u64 = 20;
/// So near to the end of the file the damage is, half of the time.
const END: u64 = 64 * 1024;

/// Only does something when run by the test below: changes cases one after another, and says each rev that is durable.
#[tokio::test]
async fn writer() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let store = SledStore::open(&dir, &Options::default()).expect("opens");
    let ids: Vec<_> = (1..=CASES).map(id).collect();
    let mut latest = store.cases(&ids).await.expect("reads");
    for n in 0.. {
        let slot = (n % CASES) as usize;
        let mut seed = n;
        let noise = std::iter::repeat_with(|| char::from(b'a' + (random(&mut seed) % 26) as u8));
        let title: String = noise.take(2_000).collect();
        let written = match &latest[slot] {
            Some(before) => next(before, |case| case.title.clone_from(&title)),
            None => write(None, case(slot as u64 + 1)),
        };
        latest[slot] = Some(written.case.clone());
        let resolution = store.submit(cases([written.clone()])).wait().await;
        assert_eq!(resolution, Resolution::Durable);
        println!("durable {} {}", slot + 1, written.case.rev);
    }
}

fn random(seed: &mut u64) -> u64 {
    *seed = seed
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    *seed >> 33
}

/// What became of one damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Refused,
    /// Opened; what could not be read was an error.
    Unreadable,
    AllThere,
}

#[tokio::test]
async fn after_a_kill_and_damage_all_is_there_or_nothing_is_served() {
    let seed = std::env::var("SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let mut seed: u64 = seed.unwrap_or(u64::from(std::process::id()));
    println!("SEED={seed}");
    let dir = tempfile::tempdir().expect("made");
    let mut revs = vec![0; CASES as usize];
    let mut ends = Vec::new();
    for (kill, lines) in KILLS.into_iter().enumerate() {
        run_and_kill(dir.path(), lines, &mut revs);
        for damage in 0..DAMAGES {
            let copy = tempfile::tempdir().expect("made");
            copy_dir(dir.path(), copy.path());
            let what = harm(&copy.path().join("db"), damage, &mut seed);
            let what = format!("kill {kill}, damage {damage}: {what}");
            let end = look(copy.path(), &revs, &what).await;
            println!("{what}: {end:?}");
            ends.push(end);
        }
        // Undamaged it opens, and has everything.
        let copy = tempfile::tempdir().expect("made");
        copy_dir(dir.path(), copy.path());
        let end = look(copy.path(), &revs, "undamaged").await;
        assert_eq!(end, End::AllThere);
    }
    let count = |end| ends.iter().filter(|found| **found == end).count();
    let (refused, there) = (count(End::Refused), count(End::AllThere));
    let unreadable = count(End::Unreadable);
    println!("{refused} refused, {unreadable} with errors where it was damaged, {there} whole");
    assert!(refused > 0);
}

/// Flips a bit, zeroes some bytes or a page, or cuts the file; says what.
fn harm(path: &Path, damage: u64, seed: &mut u64) -> String {
    let file = File::options().read(true).write(true).open(path);
    let file = file.expect("opens");
    let length = file.metadata().expect("works").len();
    let from = match damage % 2 {
        0 => length.saturating_sub(END),
        _ => 0,
    };
    let at = from + random(seed) % (length - from);
    match damage / 2 % 4 {
        0 => {
            let mut byte = [0];
            file.read_exact_at(&mut byte, at).expect("reads");
            file.write_all_at(&[byte[0] ^ 1 << (random(seed) % 8)], at)
                .expect("writes");
            format!("a bit at {at} of {length}")
        }
        1 => {
            let count = (1 + random(seed) % 64).min(length - at);
            file.write_all_at(&vec![0; count as usize], at)
                .expect("writes");
            format!("{count} bytes zeroed at {at} of {length}")
        }
        2 => {
            let page = at / 4_096 * 4_096;
            let count = 4_096.min(length - page);
            file.write_all_at(&vec![0; count as usize], page)
                .expect("writes");
            format!("the page at {page} of {length} zeroed")
        }
        _ => {
            file.set_len(at).expect("cuts");
            format!("cut to {at} of {length}")
        }
    }
}

async fn look(dir: &Path, revs: &[u64], what: &str) -> End {
    let store = match SledStore::open(dir, &Options::default()) {
        Ok(store) => store,
        Err(error) => {
            println!("{error}");
            refused(dir, &error, what);
            return End::Refused;
        }
    };
    let mut end = End::AllThere;
    for (number, rev) in (1..).zip(revs) {
        let case = match store.cases(&[id(number)]).await {
            Ok(mut found) => found.remove(0),
            Err(_) => {
                end = End::Unreadable;
                continue;
            }
        };
        let found = case.map_or(0, |case| case.rev);
        assert!(
            found >= *rev,
            "{what}: case {number} is at {found}, told {rev}"
        );
        match store.journal(id(number), 0, 100_000).await {
            Ok(lines) => assert_eq!(lines.len() as u64, found, "{what}: case {number}"),
            Err(_) => end = End::Unreadable,
        }
    }
    end
}

/// The error names the file, comes again, and does not keep what is intact from being saved.
fn refused(dir: &Path, error: &Error, what: &str) {
    let said = error.to_string();
    let file = dir.join("db").display().to_string();
    assert!(
        said.starts_with("ST00") && said.contains(&file),
        "{what}: {said}"
    );
    // sled mends some damage in its way when it opens; that makes nothing of it right.
    let again = SledStore::open(dir, &Options::default()).map(drop);
    again.expect_err(what);
    if let Ok(rows) = Offline::open_to_save(dir, &Options::default()) {
        assert!(rows.complaint().is_some(), "{what}: saved as if whole");
        let (lines, _) = exported(&rows);
        assert!(lines.len() >= 2, "{what}: header and trailer");
        rows.close().expect("closes");
    }
    for again in [
        SledStore::open(dir, &Options::default()).map(drop),
        Offline::open(dir, &Options::default()).map(drop),
    ] {
        let again = again.expect_err(what).to_string();
        assert!(again.contains(&file), "{what}: {again}");
    }
}

fn copy_dir(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("lists") {
        let entry = entry.expect("lists");
        let to = to.join(entry.file_name());
        match entry.file_type().expect("works").is_dir() {
            true => {
                fs::create_dir_all(&to).expect("made");
                copy_dir(&entry.path(), &to);
            }
            false => drop(fs::copy(entry.path(), to).expect("copies")),
        }
    }
}
