//! The store: reads on the caller's thread or a blocking one, writes through the queue.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::{Builder, JoinHandle};

use async_trait::async_trait;
use qixian_store::core::{Case, CaseId, DefinitionRef, EventId, JournalLine, OutboxId, Rev, Words};
use qixian_store::kv::Reader;
use qixian_store::time::Timestamp;
use qixian_store::{
    CaseQuery, Error, Group, MessageQuery, OutboxEntry, OutboxRow, Page, Record, RecordKind, Room,
    Seen, Store, Ticket, TimerRow,
};

use crate::batches::Batches;
use crate::flusher::Sync;
use crate::format::Upgraded;
use crate::lock::Lock;
use crate::open::{Opened, Purpose, open, sync};
use crate::options::Options;
use crate::queue::Queue;
use crate::rows::Tree;
use crate::space::Space;
use crate::watchdog::{OnFatal, Watchdog, panic_text};
use crate::{flusher, writer};

/// Up to so many records are read on the caller's thread. A cached case takes about 15 µs with its decoding, as much as
/// handing the work to another thread (`qixian bench store` measures it); so a few hold a thread of the runtime for
/// a quarter of a millisecond at most, and one that is not cached for a disk read.
const INLINE_READS: usize = 16;
/// How many batches may be applied and not yet durable.
const BATCHES_AHEAD: usize = 8;

/// A store in a directory of its own. Dropping it writes what waits, makes it durable and closes it; do that, and opening,
/// where blocking does no harm.
#[derive(Debug)]
pub struct SledStore {
    queue: Arc<Queue>,
    tree: Tree,
    space: Arc<Space>,
    threads: Vec<JoinHandle<()>>,
    upgraded: Option<Upgraded>,
    batches: Arc<Batches>,
    /// Held until everything else is closed.
    _lock: Lock,
}

impl SledStore {
    /// Opens the directory, making it where there is none. Blocks while sled recovers: under 5 s for a million cases.
    ///
    /// Rows of an older format are exported, then brought to the present one: [`SledStore::upgraded`] says so.
    ///
    /// # Errors
    /// [`Error::InUse`], [`Error::NewerFormat`], [`Error::Unusable`], [`Error::Damaged`]; [`Error::Lost`] and
    /// [`Error::Uncounted`] where something that was acknowledged is, or may be, missing. The directory is then left as it
    /// was, but for snapshot files that sled could not have read; some damage only sled finds, which writes then.
    pub fn open(dir: impl AsRef<Path>, options: &Options) -> Result<Self, Error> {
        Self::open_with(dir.as_ref(), options, |sync| sync)
    }

    /// With something put round the making durable, in tests.
    fn open_with(
        dir: &Path,
        options: &Options,
        round: impl FnOnce(Sync) -> Sync,
    ) -> Result<Self, Error> {
        let opened = open(dir, options, Purpose::Serve)?;
        let Opened {
            db, pages, lock, ..
        } = opened;
        let batches = opened.batches.ok_or_else(|| {
            Error::Backend("the store was opened, but its batches are not numbered".to_owned())
        })?;
        let tree = Tree(db.clone());
        let parts = Parts {
            queue: Arc::new(Queue::default()),
            tree: tree.clone(),
            space: Arc::new(Space::new(dir, options)),
            batches: Arc::new(batches),
        };
        let making_durable = round(Box::new(move || sync(&db, &pages)));
        let threads = start(&parts, dir, making_durable, options)
            .map_err(|error| Error::Backend(format!("cannot start a thread: {error}")))?;
        Ok(Self {
            queue: parts.queue,
            tree,
            space: parts.space,
            threads,
            upgraded: opened.upgraded,
            batches: parts.batches,
            _lock: lock,
        })
    }

    /// The upgrade that opening it began with, if there was one.
    pub fn upgraded(&self) -> Option<&Upgraded> {
        self.upgraded.as_ref()
    }

    /// Reads on a blocking thread, or here when `few` or where no runtime runs.
    async fn read<T: Send + 'static>(
        &self,
        few: bool,
        read: impl FnOnce(Reader<'_, Tree>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let tree = self.tree.clone();
        // sled panics on some damage; that is an answer too, not the end of whoever asked.
        let guarded = move || {
            catch_unwind(AssertUnwindSafe(|| read(Reader(&tree))))
                .unwrap_or_else(|panic| Err(Error::Backend(panic_text(&*panic).to_owned())))
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) if !few => runtime
                .spawn_blocking(guarded)
                .await
                .map_err(|error| Error::Backend(error.to_string()))?,
            _ => guarded(),
        }
    }
}

impl Drop for SledStore {
    fn drop(&mut self) {
        self.queue.close();
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so by `on_fatal`.
            thread.join().ok();
        }
        // Where writing failed nobody knows what is on disk.
        if !self.queue.is_abandoned() {
            self.batches.close();
        }
    }
}

/// What the stages share.
struct Parts {
    queue: Arc<Queue>,
    tree: Tree,
    space: Arc<Space>,
    batches: Arc<Batches>,
}

/// Starts the two stages and their watchdogs. Each ends by itself once the queue is closed.
fn start(
    parts: &Parts,
    dir: &Path,
    sync: Sync,
    options: &Options,
) -> std::io::Result<Vec<JoinHandle<()>>> {
    let (applied, inbox) = sync_channel(BATCHES_AHEAD);
    let fatal = &options.on_fatal;
    let watchdog = || Watchdog::start(dir, options.flush_limit, fatal.clone());
    let ((watch_a, watching_a), (watch_b, watching_b)) = (watchdog()?, watchdog()?);
    let (queue, tree, space) = (parts.queue.clone(), parts.tree.clone(), parts.space.clone());
    let (numbering, noting) = (parts.batches.clone(), parts.batches.clone());
    let writing = stage("store-writer", &parts.queue, fatal, move || {
        writer::run(&queue, &tree, &space, &numbering, &watch_a, &applied)
    })?;
    let flushing = stage("store-flusher", &parts.queue, fatal, move || {
        flusher::run(&inbox, &sync, &noting, &watch_b)
    })?;
    Ok(vec![writing, flushing, watching_a, watching_b])
}

/// Runs `work` on a thread of its own. Its failure is the end: nothing is written after it.
fn stage(
    name: &str,
    queue: &Arc<Queue>,
    fatal: &OnFatal,
    work: impl FnOnce() -> Result<(), Error> + Send + 'static,
) -> std::io::Result<JoinHandle<()>> {
    let (queue, fatal) = (queue.clone(), fatal.clone());
    Builder::new().name(name.to_owned()).spawn(move || {
        let error = match catch_unwind(AssertUnwindSafe(work)) {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error,
            Err(panic) => Error::Backend(format!("panicked: {}", panic_text(&*panic))),
        };
        queue.abandon();
        fatal(&last_word(&error));
    })
}

fn last_word(error: &Error) -> Words {
    let Words { zh, en } = error.words();
    Words::new(
        format!("{zh}。存储写不下去，进程就此结束；已确认的都在。查看磁盘，再启动"),
        format!(
            "{en}. The store cannot write any more and the process ends; what was acknowledged is safe. Look at the disk, then start again"
        ),
    )
}

#[async_trait]
impl Store for SledStore {
    fn submit(&self, group: Group) -> Ticket {
        self.queue.submit(group)
    }

    fn room(&self) -> Room {
        self.space.room()
    }

    async fn cases(&self, ids: &[CaseId]) -> Result<Vec<Option<Arc<Case>>>, Error> {
        let ids = ids.to_vec();
        self.read(ids.len() <= INLINE_READS, move |rows| rows.cases(&ids))
            .await
    }

    async fn seen(&self, ids: &[EventId]) -> Result<Vec<Option<Seen>>, Error> {
        let ids = ids.to_vec();
        self.read(ids.len() <= INLINE_READS, move |rows| rows.seen(&ids))
            .await
    }

    async fn case_by_reference(&self, reference: &str) -> Result<Option<CaseId>, Error> {
        let reference = reference.to_owned();
        self.read(true, move |rows| rows.case_by_reference(&reference))
            .await
    }

    async fn list(
        &self,
        query: &CaseQuery,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Arc<Case>>, Error> {
        let (query, cursor) = (query.clone(), cursor.map(str::to_owned));
        self.read(false, move |rows| {
            rows.list(&query, cursor.as_deref(), limit)
        })
        .await
    }

    async fn journal(
        &self,
        case: CaseId,
        after: Rev,
        limit: usize,
    ) -> Result<Vec<JournalLine>, Error> {
        self.read(limit <= INLINE_READS, move |rows| {
            rows.journal(case, after, limit)
        })
        .await
    }

    async fn timers_due(
        &self,
        until: Timestamp,
        after: Option<TimerRow>,
        limit: usize,
    ) -> Result<Vec<TimerRow>, Error> {
        self.read(limit <= INLINE_READS, move |rows| {
            rows.timers_due(until, after, limit)
        })
        .await
    }

    async fn outbox_due(
        &self,
        until: Timestamp,
        after: Option<OutboxRow>,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, Error> {
        self.read(limit <= INLINE_READS, move |rows| {
            rows.outbox_due(until, after, limit)
        })
        .await
    }

    async fn outbox(&self, ids: &[OutboxId]) -> Result<Vec<Option<OutboxEntry>>, Error> {
        let ids = ids.to_vec();
        self.read(ids.len() <= INLINE_READS, move |rows| rows.outbox(&ids))
            .await
    }

    async fn messages(
        &self,
        query: &MessageQuery,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<OutboxEntry>, Error> {
        let (query, cursor) = (query.clone(), cursor.map(str::to_owned));
        self.read(false, move |rows| {
            rows.messages(&query, cursor.as_deref(), limit)
        })
        .await
    }

    async fn definition(&self, definition: &DefinitionRef) -> Result<Option<Arc<str>>, Error> {
        let definition = definition.clone();
        self.read(true, move |rows| rows.definition(&definition))
            .await
    }

    async fn record(&self, kind: RecordKind, id: CaseId) -> Result<Option<Record>, Error> {
        self.read(true, move |rows| rows.record(kind, id)).await
    }

    async fn records(
        &self,
        kind: RecordKind,
        client: Option<CaseId>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Record>, Error> {
        let cursor = cursor.map(str::to_owned);
        self.read(false, move |rows| {
            rows.records(kind, client, cursor.as_deref(), limit)
        })
        .await
    }

    async fn forget_seen(&self, before: Timestamp, limit: usize) -> Result<usize, Error> {
        self.queue
            .forget(before, limit)
            .await
            .map_err(|_| Error::Backend("the store is closed".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use qixian_store::Resolution;
    use qixian_store::conformance::samples::{case, cases, id, write};

    const STUCK_DIR: &str = "QIXIAN_STUCK_TEST_DIR";
    /// So often the disk makes durable what was written, then no more.
    const MADE_DURABLE: usize = 5;

    fn said_of(work: impl FnOnce() -> Result<(), Error> + Send + 'static) -> (Words, Ticket) {
        let (say, said) = channel();
        let fatal: OnFatal = Arc::new(move |word| say.send(word.clone()).unwrap());
        let queue = Arc::new(Queue::default());
        let waiting = queue.submit(Group::default());
        let thread = stage("test", &queue, &fatal, work).unwrap();
        thread.join().unwrap();
        let refused = queue.submit(Group::default()).poll_now();
        assert!(matches!(refused, Some(Resolution::Unknown(_))));
        (said.try_recv().unwrap(), waiting)
    }

    #[test]
    fn a_failed_or_panicking_stage_is_the_end() {
        let full = std::io::Error::from_raw_os_error(28);
        let (word, mut waiting) = said_of(move || Err(crate::rows::system(&full)));
        assert!(word.en.starts_with("ST0011: "), "{}", word.en);
        assert!(word.zh.starts_with("ST0011：磁盘没有空间了"), "{}", word.zh);
        assert!(word.zh.contains("os error 28"), "{}", word.zh);
        assert!(matches!(waiting.poll_now(), Some(Resolution::Unknown(_))));
        let (word, _) = said_of(|| panic!("a bug in sled"));
        assert!(word.en.contains("panicked: a bug in sled"), "{}", word.en);
    }

    #[test]
    fn a_full_queue_refuses() {
        let queue = Queue::default();
        let mut waiting: Vec<Ticket> = (0..300).map(|_| queue.submit(Group::default())).collect();
        assert_eq!(waiting[255].poll_now(), None);
        for ticket in &mut waiting[256..] {
            let resolution = ticket.poll_now();
            assert!(matches!(resolution, Some(Resolution::Refused(_))));
        }
    }

    /// Only does something when run by the test below: writes to a disk that stands still, and says what is durable.
    #[tokio::test]
    async fn writer_whose_disk_stops() {
        let Ok(dir) = std::env::var(STUCK_DIR) else {
            return;
        };
        let options = Options {
            flush_limit: Duration::from_millis(1_500),
            ..Options::default()
        };
        let stops = |sync: Sync| -> Sync {
            let done = AtomicUsize::new(0);
            Box::new(move || {
                while done.load(Ordering::SeqCst) == MADE_DURABLE {
                    std::thread::park();
                }
                done.fetch_add(1, Ordering::SeqCst);
                sync()
            })
        };
        let store = SledStore::open_with(Path::new(&dir), &options, stops).unwrap();
        for number in 1.. {
            let group = cases([write(None, case(number))]);
            assert_eq!(store.submit(group).wait().await, Resolution::Durable);
            println!("durable {number}");
        }
    }

    #[tokio::test]
    async fn a_disk_that_stops_ends_the_process_with_a_last_word_and_nothing_is_lost() {
        let dir = tempfile::tempdir().unwrap();
        let test = "store::tests::writer_whose_disk_stops";
        let ended = Command::new("sh")
            .args(["-c", "ulimit -c 0; exec \"$0\" \"$@\""])
            .arg(std::env::current_exe().unwrap())
            .args([test, "--exact", "--nocapture"])
            .env(STUCK_DIR, dir.path())
            .output()
            .unwrap();
        let (said, word) = (
            String::from_utf8_lossy(&ended.stdout),
            String::from_utf8_lossy(&ended.stderr),
        );
        assert!(!ended.status.success(), "{said}");
        let place = dir.path().display();
        for part in [
            format!(
                "ST0012：磁盘在 1.5 秒内（[store] flush_limit_seconds）没有收下写到 {place} 的内容"
            ),
            format!("ST0012: the disk did not take what was written to {place} within 1.5 s"),
        ] {
            assert!(word.contains(&part), "{word}");
        }
        let said: usize = said.matches("durable ").count();
        assert!(said <= MADE_DURABLE, "{said} were said to be durable");
        let store = SledStore::open(dir.path(), &Options::default()).unwrap();
        let ids: Vec<CaseId> = (1..=said as u64).map(id).collect();
        let found = store.cases(&ids).await.unwrap();
        assert!(found.iter().all(Option::is_some), "{said} were durable");
        let goes_on = store.submit(cases([write(None, case(99))])).wait().await;
        assert_eq!(goes_on, Resolution::Durable);
    }
}
