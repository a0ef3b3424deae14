//! The store: reads on the caller's thread or a blocking one, writes through the queue.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::{Builder, JoinHandle};

use async_trait::async_trait;
use qixian_store::core::{Case, CaseId, DefinitionRef, EventId, JournalLine, OutboxId, Rev};
use qixian_store::kv::Reader;
use qixian_store::time::Timestamp;
use qixian_store::{
    CaseQuery, Error, Group, MessageQuery, OutboxEntry, OutboxRow, Page, Record, RecordKind, Room,
    Seen, Store, Ticket, TimerRow,
};

use crate::lock::Lock;
use crate::open::{Opened, Options, open, write_last};
use crate::queue::Queue;
use crate::rows::Tree;
use crate::space::Space;
use crate::watchdog::{OnFatal, Watchdog, panic_text};
use crate::{flusher, writer};

/// Up to so many records are read on the caller's thread. A cached case takes about 15 µs with its decoding, as much as
/// handing the work to another thread (`examples/commit_rate.rs` measures it); so a few hold a thread of the runtime for
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
    pages: File,
    /// Held until everything else is closed.
    lock: Lock,
}

impl SledStore {
    /// Opens the directory, making it where there is none. Blocks while sled recovers: under 5 s for a million cases.
    ///
    /// # Errors
    /// [`Error::InUse`], [`Error::NewerFormat`], [`Error::Unusable`] and [`Error::Damaged`]; the directory is then left as
    /// it was, but for snapshot files that sled could not have read.
    pub fn open(dir: impl AsRef<Path>, options: &Options) -> Result<Self, Error> {
        let Opened { db, pages, lock } = open(dir.as_ref(), options)?;
        let tree = Tree(db);
        let queue = Arc::new(Queue::default());
        let space = Arc::new(Space::new(dir.as_ref(), options));
        let threads = (pages.try_clone())
            .and_then(|pages| start(&queue, &tree, &space, pages, options))
            .map_err(|error| Error::Backend(format!("cannot start a thread: {error}")))?;
        Ok(Self {
            queue,
            tree,
            space,
            threads,
            pages,
            lock,
        })
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
        if self.queue.is_abandoned() {
            return;
        }
        let last = || write_last(&self.tree.0, &self.pages, &self.lock);
        match catch_unwind(AssertUnwindSafe(last)) {
            Ok(Ok(())) => {}
            // Nothing is lost: the next opening only can't tell whether the file was damaged meanwhile.
            Ok(Err(error)) => tracing::warn!(event = "store_close_not_marked", reason = %error),
            Err(panic) => {
                let reason = panic_text(&*panic);
                tracing::warn!(event = "store_close_not_marked", reason);
            }
        }
    }
}

/// Starts the two stages and their watchdogs. Each ends by itself once the queue is closed.
fn start(
    queue: &Arc<Queue>,
    tree: &Tree,
    space: &Arc<Space>,
    pages: File,
    options: &Options,
) -> std::io::Result<Vec<JoinHandle<()>>> {
    let (applied, inbox) = sync_channel(BATCHES_AHEAD);
    let watchdog = || Watchdog::start(options.flush_limit, options.on_fatal.clone());
    let ((watch_a, watching_a), (watch_b, watching_b)) = (watchdog()?, watchdog()?);
    let (queue_a, tree_a, tree_b) = (queue.clone(), tree.clone(), tree.clone());
    let space = space.clone();
    let writing = stage("store-writer", queue, &options.on_fatal, move || {
        writer::run(&queue_a, &tree_a, &space, &watch_a, &applied)
            .map_err(|error| error.to_string())
    })?;
    let flushing = stage("store-flusher", queue, &options.on_fatal, move || {
        flusher::run(&inbox, &tree_b, &pages, &watch_b).map_err(|error| error.to_string())
    })?;
    Ok(vec![writing, flushing, watching_a, watching_b])
}

/// Runs `work` on a thread of its own. Its failure is the end: nothing is written after it.
fn stage(
    name: &str,
    queue: &Arc<Queue>,
    fatal: &OnFatal,
    work: impl FnOnce() -> Result<(), String> + Send + 'static,
) -> std::io::Result<JoinHandle<()>> {
    let (queue, fatal) = (queue.clone(), fatal.clone());
    Builder::new().name(name.to_owned()).spawn(move || {
        let word = match catch_unwind(AssertUnwindSafe(work)) {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error,
            Err(panic) => format!("panicked: {}", panic_text(&*panic)),
        };
        queue.abandon();
        fatal(&format!(
            "the store cannot write any more: {word}. What was acknowledged is safe; look at the disk, then start again"
        ));
    })
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
    use qixian_store::Resolution;
    use std::sync::mpsc::channel;

    fn last_word(work: impl FnOnce() -> Result<(), String> + Send + 'static) -> (String, Ticket) {
        let (say, said) = channel();
        let fatal: OnFatal = Arc::new(move |word| say.send(word.to_owned()).unwrap());
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
        let (word, mut waiting) = last_word(|| Err("no space left".to_owned()));
        assert!(word.contains("no space left"), "{word}");
        assert!(matches!(waiting.poll_now(), Some(Resolution::Unknown(_))));
        let (word, _) = last_word(|| panic!("a bug in sled"));
        assert!(word.contains("panicked: a bug in sled"), "{word}");
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
}
