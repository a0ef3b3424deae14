//! What waits for the engine, and what it found.

use qixian_core::{CaseId, Event, OutboxId, Rev};
use qixian_store::{OutboxRow, Record, RecordKind, TimerRow};
use tokio::sync::oneshot;

use crate::{Ack, DryRun, SendJob, Settled, Setup, SubmitError};

type Reply<T> = oneshot::Sender<Result<T, SubmitError>>;

/// What comes through the inbox.
pub(crate) enum Input {
    Event(Box<Submission>),
    DryRun(Box<(Event, Reply<DryRun>)>),
    Record(Box<RecordJob>),
    Retry(OutboxId, u16, Reply<()>),
    Admin(Admin),
}

/// What is done at once, without a commit.
pub(crate) enum Admin {
    Reload(Box<Setup>),
    Hold(bool),
    Look,
}

/// An event and whoever waits for its answer.
pub(crate) struct Submission {
    pub(crate) event: Event,
    /// The digest of its meaning, where its id is an idempotency key.
    pub(crate) once: Option<[u8; 32]>,
    pub(crate) reply: Reply<Ack>,
}

/// A record to put or remove.
pub(crate) struct RecordJob {
    pub(crate) key: (RecordKind, CaseId),
    pub(crate) expected_rev: Rev,
    pub(crate) after: Option<Record>,
    pub(crate) reply: Reply<Option<Record>>,
}

/// One piece of work; it is kept until its group is durable, so that it can be decided again.
pub(crate) enum Work {
    Event(Box<Submission>),
    DryRun(Box<(Event, Reply<DryRun>)>),
    Record(Box<RecordJob>),
    Retry(OutboxId, u16, Reply<()>),
    Wake(TimerRow),
    Dispatch(OutboxRow),
    Settle(Settled),
    Untried(Untried),
}

/// A try that is marked as under way and never left.
pub(crate) struct Untried {
    pub(crate) entry: OutboxId,
    pub(crate) leg: u16,
    pub(crate) provider: String,
    pub(crate) attempt: u32,
}

/// Work and how often it was decided in vain.
pub(crate) struct Item {
    pub(crate) work: Work,
    pub(crate) tries: u32,
}

/// What leaves when everything the decision read is durable.
pub(crate) enum Answer {
    Ack(Ack),
    DryRun(DryRun),
    Record(Option<Record>),
    Retried,
    Jobs(Vec<SendJob>),
    Refused(SubmitError),
    Nothing,
}

/// A decided item.
pub(crate) struct Done {
    pub(crate) item: Item,
    pub(crate) answer: Answer,
}

/// What deciding an item came to.
pub(crate) enum Decided {
    /// It has this answer.
    Answer(Answer),
    /// It must wait until what is in flight is durable.
    Wait,
}

impl Input {
    /// The work in it; administrative inputs are no work.
    pub(crate) fn into_work(self) -> Result<Work, Admin> {
        Ok(match self {
            Input::Event(submission) => Work::Event(submission),
            Input::DryRun(run) => Work::DryRun(run),
            Input::Record(job) => Work::Record(job),
            Input::Retry(message, leg, reply) => Work::Retry(message, leg, reply),
            Input::Admin(admin) => return Err(admin),
        })
    }
}

impl Work {
    /// The case it must read, where that is known beforehand.
    pub(crate) fn case(&self) -> Option<CaseId> {
        match self {
            Work::Event(submission) => Some(submission.event.case),
            Work::DryRun(run) => Some(run.0.case),
            Work::Wake(row) => Some(row.case),
            Work::Dispatch(row) => Some(row.id.case),
            Work::Retry(message, ..) => Some(message.case),
            Work::Settle(_) | Work::Untried(_) | Work::Record(_) => None,
        }
    }
}
