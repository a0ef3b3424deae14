//! A disk that fills up, as an injected probe tells it: the store refuses in time, and goes on when there is room again.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use qixian_store::conformance::samples::{at, case, cases, durable, group, id, next, seen, write};
use qixian_store::{Commit, Refusal, Resolution, RoomState, Store};
use qixian_store_sled::{FreeSpace, Options, SledStore};

const MIB: u64 = 1 << 20;

/// As much as the test says.
#[derive(Default)]
struct Disk(AtomicU64);

impl Disk {
    fn has(&self, free: u64) {
        self.0.store(free, Ordering::SeqCst);
    }
}

impl FreeSpace for Disk {
    fn free(&self, _: &Path) -> io::Result<u64> {
        match self.0.load(Ordering::SeqCst) {
            u64::MAX => Err(io::Error::other("nobody knows")),
            free => Ok(free),
        }
    }
}

fn open(dir: &Path, reserve: u64) -> (SledStore, Arc<Disk>) {
    let disk = Arc::new(Disk::default());
    let options = Options {
        reserve,
        look_every: Duration::ZERO,
        free_space: disk.clone(),
        ..Options::default()
    };
    disk.has(1_000 * MIB);
    (SledStore::open(dir, &options).expect("opens"), disk)
}

async fn rev(store: &SledStore) -> u64 {
    let found = store.cases(&[id(1)]).await.expect("reads").remove(0);
    found.map_or(0, |case| case.rev)
}

#[tokio::test]
async fn the_writer_refuses_while_the_quarter_is_gone_and_goes_on_by_itself() {
    let dir = tempfile::tempdir().expect("a directory");
    let (store, disk) = open(dir.path(), 256 * MIB);
    let first = write(None, case(1));
    let second = next(&first.case, |case| case.title = "二".to_owned());
    assert_eq!(store.room().state(), RoomState::Enough);
    let mut commit = Commit {
        seen: Some(seen("key-1", at(5))),
        ..Commit::default()
    };
    commit.cases.push(first);
    durable(&store, group([commit])).await;

    disk.has(64 * MIB);
    assert_eq!(store.room().state(), RoomState::Low);
    durable(&store, cases([second.clone()])).await;
    assert_eq!(rev(&store).await, 2, "timers and outcomes go on");

    disk.has(64 * MIB - 1);
    let room = store.room();
    assert_eq!(room.state(), RoomState::Exhausted);
    assert_eq!((room.free_mib(), room.reserve_mib()), (63, 256));
    let third = next(&second.case, |case| case.title = "三".to_owned());
    let fourth = next(&third.case, |case| case.title = "四".to_owned());
    let mut tickets = [third.clone(), fourth.clone()].map(|w| store.submit(cases([w])));
    let refused = tickets[0].wait().await;
    let Resolution::Refused(Refusal::Unavailable(why)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(why, "63 MiB free, 256 MiB kept in reserve");
    // Whether the writer takes both at once or not, the later one does not pass.
    assert!(matches!(tickets[1].wait().await, Resolution::Refused(_)));
    assert_eq!(rev(&store).await, 2, "nothing was written");
    let forgotten = store.forget_seen(at(6), 10).await;
    assert_eq!(forgotten, Ok(0), "taking away writes too");
    let known = store.seen(&["key-1".to_owned()]).await.expect("reads");
    assert!(known[0].is_some());

    disk.has(256 * MIB);
    assert_eq!(store.forget_seen(at(6), 10).await, Ok(1));
    durable(&store, cases([third])).await;
    durable(&store, cases([fourth])).await;
    assert_eq!(rev(&store).await, 4);
}

#[tokio::test]
async fn without_a_reserve_or_an_answer_it_just_writes() {
    let dir = tempfile::tempdir().expect("a directory");
    let (store, disk) = open(&dir.path().join("none"), 0);
    disk.has(0);
    durable(&store, cases([write(None, case(1))])).await;
    let (store, disk) = open(&dir.path().join("unknown"), 256 * MIB);
    disk.has(u64::MAX);
    assert_eq!((store.room().free, rev(&store).await), (None, 0));
    durable(&store, cases([write(None, case(1))])).await;
    assert_eq!(rev(&store).await, 1);
}
