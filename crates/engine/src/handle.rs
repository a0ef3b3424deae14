//! The only door to the engine.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use qixian_core::{
    Case, CaseId, DeadlineChange, Event, OutboxId, Rejection, ReminderIntent, Rev, What, Words,
};
use qixian_store::{Record, RecordKind, Room, RoomState};
use qixian_time::Clock;
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, oneshot};

use crate::work::{Admin, Input, RecordJob, Submission};
use crate::{EngineStats, Randomness, Settled, Setup};

/// How long a sender should wait when the inbox is full.
const BUSY_RETRY: Duration = Duration::from_secs(1);

/// An accepted event, durable.
#[derive(Clone, Debug)]
pub struct Ack {
    /// The case: right after the event, or (when `repeated`) as it is now.
    pub case: Arc<Case>,
    /// The rev the event made, which is also the `seq` of its journal line.
    pub rev: Rev,
    /// Whether this is the first answer again.
    pub repeated: bool,
}

/// What an event would do now. Nothing was written.
#[derive(Clone, Debug)]
pub struct DryRun {
    /// The case after it.
    pub case: Arc<Case>,
    /// What it would do to deadlines.
    pub deadlines: Vec<DeadlineChange>,
    /// What would be said.
    pub messages: Vec<ReminderIntent>,
    /// Other cases as they would be (children started or told, the parent).
    pub others: Vec<Arc<Case>>,
}

/// Why an event was not taken.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SubmitError {
    /// The case refuses it; nothing was written.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// There is no such case.
    #[error("there is no case {0}")]
    UnknownCase(CaseId),
    /// There is no such workflow.
    #[error("there is no workflow `{0}`")]
    UnknownWorkflow(String),
    /// There is no such message, or it cannot be sent again.
    #[error("there is no message {0} with that recipient that could be sent again")]
    UnknownMessage(OutboxId),
    /// The record is not at the rev the sender saw.
    #[error("the record is at rev {actual}")]
    StaleRecord {
        /// The rev it has; 0 where it does not exist.
        actual: Rev,
    },
    /// The same key came with another meaning before.
    #[error("the idempotency key was used for something else")]
    IdempotencyMismatch,
    /// The inbox is full.
    #[error("too much is waiting; try again in {} s", retry_after.as_secs())]
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// The disk is nearly full, so nothing new is taken; what was acknowledged goes on.
    #[error("{}", disk_low(room).en)]
    DiskLow {
        /// What is left.
        room: Room,
    },
    /// The engine is being shut down.
    #[error("the service is shutting down")]
    Draining,
    /// The store does not take it now, or nobody can say whether it did: send it again under the same key.
    #[error("the store does not answer: {0}")]
    Unavailable(String),
}

impl SubmitError {
    /// The sentence in both languages; `Display` is the English one. What a store or the engine itself says of a failure
    /// stands in English in both.
    pub fn words(&self) -> Words {
        let zh = match self {
            SubmitError::Rejected(rejection) => return rejection.words(),
            SubmitError::UnknownCase(id) => format!("没有案件 {id}"),
            SubmitError::UnknownWorkflow(id) => format!("没有流程“{id}”"),
            SubmitError::UnknownMessage(id) => format!("没有可以重发给这位收件人的消息 {id}"),
            SubmitError::StaleRecord { actual } => format!("记录的版本已是 {actual}"),
            SubmitError::IdempotencyMismatch => "这个 Idempotency-Key 已用于别的请求".to_owned(),
            SubmitError::Busy { retry_after } => {
                format!("排队的事件太多；请 {} 秒后再试", retry_after.as_secs())
            }
            SubmitError::DiskLow { room } => return disk_low(room),
            SubmitError::Draining => "服务正在停止".to_owned(),
            SubmitError::Unavailable(why) => format!("现在处理不了：{why}"),
        };
        Words::new(zh, self.to_string())
    }
}

/// Submits events. Cheap to clone; all clones lead to one engine.
#[derive(Clone, Debug)]
pub struct Handle {
    pub(crate) inbox: mpsc::Sender<Input>,
    pub(crate) outcomes: mpsc::UnboundedSender<Settled>,
    pub(crate) draining: Arc<AtomicBool>,
    pub(crate) stats: Arc<EngineStats>,
    pub(crate) ids: Ids,
}

/// Makes ids from a clock and a source of randomness.
#[derive(Clone)]
pub(crate) struct Ids {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<Mutex<Box<dyn Randomness>>>,
}

impl std::fmt::Debug for Ids {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Ids")
    }
}

impl Handle {
    /// A fresh id for a case or record.
    pub fn new_id(&self) -> CaseId {
        let mut bytes = [0; 10];
        if let Ok(mut random) = self.ids.random.lock() {
            random.fill(&mut bytes);
        }
        CaseId::new(self.ids.clock.now().as_millis(), bytes)
    }

    /// Submits an event and waits until its effect is durable.
    ///
    /// # Errors
    /// [`SubmitError`]; except for [`SubmitError::Unavailable`] nothing was written then.
    pub async fn submit(&self, event: Event) -> Result<Ack, SubmitError> {
        self.enter(event, None).await
    }

    /// Like [`Handle::submit`], but `event.id` is an idempotency key: the same key with the same `digest` of its meaning
    /// gets the first answer again, for 7 days.
    ///
    /// # Errors
    /// As [`Handle::submit`], and [`SubmitError::IdempotencyMismatch`].
    pub async fn submit_once(&self, event: Event, digest: [u8; 32]) -> Result<Ack, SubmitError> {
        self.enter(event, Some(digest)).await
    }

    async fn enter(&self, event: Event, once: Option<[u8; 32]>) -> Result<Ack, SubmitError> {
        self.begin(event, once)?
            .await
            .unwrap_or_else(|_| Err(gone()))
    }

    /// Enqueues without waiting; the receiver gets the answer. For callers that drive the engine themselves.
    ///
    /// # Errors
    /// [`SubmitError::Busy`] and [`SubmitError::Draining`].
    pub fn begin(
        &self,
        event: Event,
        once: Option<[u8; 32]>,
    ) -> Result<oneshot::Receiver<Result<Ack, SubmitError>>, SubmitError> {
        let (reply, answer) = oneshot::channel();
        self.send(Input::Event(Box::new(Submission { event, once, reply })))?;
        Ok(answer)
    }

    /// What an event would do now.
    ///
    /// # Errors
    /// As [`Handle::submit`].
    pub async fn dry_run(&self, event: Event) -> Result<DryRun, SubmitError> {
        let (reply, answer) = oneshot::channel();
        self.send(Input::DryRun(Box::new((event, reply))))?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Puts (or with `after: None` removes) a client, contact or asset that is at `expected_rev` (0: new). The engine sets
    /// the record's rev and time of change.
    ///
    /// # Errors
    /// [`SubmitError::StaleRecord`] when it is at another rev.
    pub async fn put_record(
        &self,
        key: (RecordKind, CaseId),
        expected_rev: Rev,
        after: Option<Record>,
    ) -> Result<Option<Record>, SubmitError> {
        let (reply, answer) = oneshot::channel();
        self.send(Input::Record(Box::new(RecordJob {
            key,
            expected_rev,
            after,
            reply,
        })))?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Sends one recipient's message again, from the first channel: dead, unknown or waiting for its next try.
    ///
    /// # Errors
    /// [`SubmitError::UnknownMessage`].
    pub async fn retry_message(&self, message: OutboxId, leg: u16) -> Result<(), SubmitError> {
        let (reply, answer) = oneshot::channel();
        self.send(Input::Retry(message, leg, reply))?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Works with other definitions, calendars, rules, routes and templates from now on.
    ///
    /// # Errors
    /// [`SubmitError::Busy`] and [`SubmitError::Draining`].
    pub fn reload(&self, setup: Setup) -> Result<(), SubmitError> {
        self.send(Input::Admin(Admin::Reload(Box::new(setup))))
    }

    /// Holds timers and dispatch (a restored backup), or lets them go on.
    ///
    /// # Errors
    /// [`SubmitError::Busy`] and [`SubmitError::Draining`].
    pub fn hold(&self, held: bool) -> Result<(), SubmitError> {
        self.send(Input::Admin(Admin::Hold(held)))
    }

    /// Brings back what became of a [`crate::SendJob`]. Never refused: what was handed out is bounded.
    pub fn settle(&self, settled: Settled) {
        // An engine that is gone finds the message in `sending` at its next start.
        self.outcomes.send(settled).ok();
    }

    /// Takes no more events from now on; what waits is still answered. May be called more than once.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
        // Only to wake the engine; a full inbox wakes it as well.
        self.inbox.try_send(Input::Admin(Admin::Look)).ok();
    }

    /// Counters and health, for metrics and `/readyz`.
    pub fn stats(&self) -> &Arc<EngineStats> {
        &self.stats
    }

    fn send(&self, input: Input) -> Result<(), SubmitError> {
        if self.draining.load(Ordering::SeqCst) {
            return Err(SubmitError::Draining);
        }
        self.inbox.try_send(input).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SubmitError::Busy {
                retry_after: BUSY_RETRY,
            },
            mpsc::error::TrySendError::Closed(_) => SubmitError::Draining,
        })
    }
}

/// The digest of an event's meaning: what happened to which case and who says so, without its id and without the time
/// it was given where the sender named none. A new case's id is not part of it.
pub fn meaning(event: &Event) -> [u8; 32] {
    let mut hash = Sha256::new();
    if !matches!(event.what, What::Start(_)) {
        hash.update(event.case.as_bytes());
    }
    let parts = (&event.by.name, &event.note, &event.what);
    // Serialising plain values with text keys cannot fail.
    hash.update(serde_json::to_vec(&parts).unwrap_or_default());
    hash.finalize().into()
}

fn disk_low(room: &Room) -> Words {
    let (free, reserve) = (room.free_mib(), room.reserve_mib());
    let (zh, en) = match room.state() {
        RoomState::Exhausted => ("提醒也已暂停", "and reminders are paused"),
        RoomState::Enough | RoomState::Low => ("定时提醒照常", "while reminders go on"),
    };
    Words::new(
        format!(
            "数据目录所在的磁盘只剩 {free} MiB，少于预留的 {reserve} MiB：暂不接受新的案件、事件和改动，{zh}。请在那块盘上腾出空间"
        ),
        format!(
            "the disk of the data directory has {free} MiB left, less than the {reserve} MiB kept in reserve: nothing new is taken, {en}. Make room on that disk"
        ),
    )
}

fn gone() -> SubmitError {
    SubmitError::Unavailable("the engine stopped before it answered".to_owned())
}
