//! The embedded store passes the suite every backend must pass, and answers as the in-memory store does.

use std::cell::RefCell;
use std::sync::Arc;

use qixian_store::conformance::{run_all, seeded_history};
use qixian_store::{MemStore, Store};
use qixian_store_sled::{Options, SledStore};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passes_the_suite() {
    let dirs = RefCell::new(Vec::new());
    run_all(|| {
        let dir = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> =
            Arc::new(SledStore::open(dir.path(), &Options::default()).unwrap());
        dirs.borrow_mut().push(dir);
        store
    })
    .await;
}

#[tokio::test]
async fn a_seeded_history_gives_the_same_answers_in_memory_and_on_disk() {
    for seed in [1, 2, 3, 20_260_213] {
        let dir = tempfile::tempdir().unwrap();
        let disk = SledStore::open(dir.path(), &Options::default()).unwrap();
        seeded_history(seed, 150, &MemStore::new(), &disk).await;
    }
}
