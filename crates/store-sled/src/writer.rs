//! The first stage of writing: groups become batches, batches are applied.

use std::collections::VecDeque;
use std::sync::mpsc::SyncSender;

use qixian_store::kv::dump::Apply;
use qixian_store::kv::{Changes, Draft};
use qixian_store::{Error, Refusal, Resolution, Resolver, Room, RoomState};
use tokio::sync::oneshot;

use crate::batches::Batches;
use crate::queue::{Job, Queue};
use crate::rows::Tree;
use crate::space::Space;
use crate::watchdog::Watchdog;

/// Another group joins a batch only while that has fewer keys, so that few batches pass 500: larger ones keep old pages
/// alive and eat memory. A single group with more is still one batch, since it is all or nothing.
const JOIN_BELOW: usize = 250;

/// Something to answer once all that was applied before is durable.
#[derive(Debug)]
pub(crate) enum Answer {
    Group(Resolver, Resolution),
    Forgotten(oneshot::Sender<usize>, usize),
}

/// What was applied as one batch, or found to need no batch.
#[derive(Debug)]
pub(crate) struct Applied {
    pub(crate) answers: Vec<Answer>,
    /// The number of the batch that must be made durable first, where anything changed.
    pub(crate) batch: Option<u64>,
}

/// Writes until the queue is closed and empty, or the second stage is gone.
///
/// # Errors
/// Whatever sled says; nothing can be written after that.
pub(crate) fn run(
    queue: &Queue,
    tree: &Tree,
    space: &Space,
    batches: &Batches,
    watchdog: &Watchdog,
    out: &SyncSender<Applied>,
) -> Result<(), Error> {
    while let Some(mut jobs) = queue.take() {
        while !jobs.is_empty() {
            let watched = watchdog.watch();
            let (changes, answers) = draft(queue, tree, space.room(), &mut jobs)?;
            space.wrote(bytes(&changes));
            let batch = apply(tree, batches, changes)?;
            drop(watched);
            if out.send(Applied { answers, batch }).is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Takes jobs from the front until a batch is full. Where no room is left groups are refused and nothing is forgotten, since
/// to take rows away writes pages too.
fn draft(
    queue: &Queue,
    tree: &Tree,
    room: Room,
    jobs: &mut VecDeque<Job>,
) -> Result<(Changes, Vec<Answer>), Error> {
    let mut draft = Draft::new(tree);
    let mut answers = Vec::new();
    while draft.changes().len() < JOIN_BELOW {
        let Some(job) = jobs.pop_front() else { break };
        match job {
            Job::Write {
                resolver,
                refusal: Some(refusal),
                ..
            } => answers.push(Answer::Group(resolver, Resolution::Refused(refusal))),
            Job::Write { resolver, .. } if room.state() == RoomState::Exhausted => {
                queue.refuse_rest(resolver.receipt(), jobs);
                let refusal = Refusal::Unavailable(room.to_string());
                answers.push(Answer::Group(resolver, Resolution::Refused(refusal)));
            }
            Job::Write {
                group, resolver, ..
            } => match draft.add(&group)? {
                Ok(()) => answers.push(Answer::Group(resolver, Resolution::Durable)),
                Err(refusal) => {
                    queue.refuse_rest(resolver.receipt(), jobs);
                    answers.push(Answer::Group(resolver, Resolution::Refused(refusal)));
                }
            },
            Job::Forget { done, .. } if room.state() == RoomState::Exhausted => {
                answers.push(Answer::Forgotten(done, 0));
            }
            Job::Forget {
                before,
                limit,
                done,
            } => {
                let count = draft.forget_seen(before, limit)?;
                answers.push(Answer::Forgotten(done, count));
            }
        }
    }
    Ok((draft.into_changes(), answers))
}

fn bytes(changes: &Changes) -> u64 {
    let row = |row: &Option<Vec<u8>>| row.as_ref().map_or(0, Vec::len);
    let sizes = changes.iter().map(|(key, value)| key.len() + row(value));
    sizes.sum::<usize>() as u64
}

fn apply(tree: &Tree, batches: &Batches, mut changes: Changes) -> Result<Option<u64>, Error> {
    if changes.is_empty() {
        return Ok(None);
    }
    let number = batches.number(&mut changes)?;
    tree.apply(changes)?;
    Ok(Some(number))
}
