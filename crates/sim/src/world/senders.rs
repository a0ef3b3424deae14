//! People and programs that wait for answers, and ask again when none comes.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use qixian_core::{Case, CaseId, Event, OutboxId, What, Workflow};
use qixian_engine::{Ack, DryRun, SubmitError, meaning};
use qixian_store::{MessageQuery, Record, Store};
use qixian_time::Timestamp;
use tokio::sync::oneshot::Receiver;

use super::{HOUR, World};
use crate::people::{self, Act};
use crate::records::{RecordKey, Records};
use crate::rng::{hash, hash_bytes};
use crate::{Failure, Key, Kind, Rng, Tally};

/// How often a sender tries again.
const TRIES_MAX: u32 = 8;

type Answer<T> = Pin<Box<dyn Future<Output = Result<T, SubmitError>>>>;

/// An event whose sender waits.
struct Waiting {
    event: Event,
    /// What it is, for the counts.
    name: &'static str,
    answer: Option<Receiver<Result<Ack, SubmitError>>>,
    tries: u32,
    /// Not sent again before.
    later: Timestamp,
    /// Whether it was told that the disk is full.
    without_room: bool,
}

/// Another request whose sender waits.
enum Errand {
    Record(&'static str, RecordKey, Answer<Option<Record>>),
    Retry(Answer<()>),
    DryRun(Answer<DryRun>),
}

/// Everybody who waits.
#[derive(Default)]
pub(super) struct Senders {
    events: Vec<Waiting>,
    errands: Vec<Errand>,
    /// How many cases still have to be counted again after a load; `None` where that is not being done.
    recomputing: Option<usize>,
    /// The last event that was taken: somebody may use its key again.
    last_taken: Option<String>,
}

impl Senders {
    /// Whether somebody has not sent at `now` what is to be sent by then.
    pub(super) fn anything_new(&self, now: Timestamp) -> bool {
        self.next_at().is_some_and(|at| at <= now)
    }

    /// When somebody next sends something.
    pub(super) fn next_at(&self) -> Option<Timestamp> {
        let unsent = self.events.iter().filter(|w| w.answer.is_none());
        unsent.map(|waiting| waiting.later).min()
    }

    /// Whether somebody waits for an answer about this event.
    pub(super) fn is_asked_for(&self, id: &str) -> bool {
        self.events.iter().any(|waiting| waiting.event.id == id)
    }

    fn event(&mut self, name: &'static str, event: Event) {
        self.events.push(Waiting {
            event,
            name,
            answer: None,
            tries: 0,
            later: Timestamp::MIN,
            without_room: false,
        });
    }

    /// A case is to be counted again after a load.
    pub(super) fn recompute(&mut self, event: Event, tally: &mut Tally) {
        tally.tried("recompute");
        *self.recomputing.get_or_insert_default() += 1;
        self.event("recompute", event);
    }

    /// Whether the last case was just counted again after a load.
    pub(super) fn recomputed(&mut self) -> bool {
        self.recomputing.take_if(|count| *count == 0).is_some()
    }

    /// Nobody answers any more: events are sent again, other requests are given up.
    pub(super) fn engine_died(&mut self, records: &mut Records) {
        for waiting in &mut self.events {
            waiting.answer = None;
        }
        for errand in self.errands.drain(..) {
            if let Errand::Record(_, key, _) = errand {
                records.doubtful(key);
            }
        }
    }
}

impl World {
    /// Somebody does something.
    pub(super) fn somebody_acts(&mut self, key: Key, mut rng: Rng) {
        let now = self.times.shown();
        let id = format!("e{}", key.no);
        let act = if key.no < 4 || rng.chance(40) {
            let all: Vec<_> = self.setup.definitions.all().cloned().collect();
            let packs = self.scenery.packs(self.stage);
            people::begin(&mut rng, &all, &packs, (id, now))
        } else {
            let Some((case, workflow)) = self.some_case(&mut rng) else {
                return;
            };
            people::act(&mut rng, &workflow, &case, (id, now))
        };
        self.send_out(key, rng, act);
    }

    /// A case somebody does something about, mostly one that has not ended.
    fn some_case(&self, rng: &mut Rng) -> Option<(Arc<Case>, Arc<Workflow>)> {
        let mut found = None;
        for _ in 0..4 {
            let id = rng.prefer(&self.cases, |id| hash_bytes(id.as_bytes()))?;
            let case = self.case(*id)?;
            let workflow = self.ground.workflow(&case)?.clone();
            let is_open = !case.closed && !workflow.is_final(&case.state);
            found = Some((case, workflow));
            if is_open || rng.chance(50) {
                break;
            }
        }
        found
    }

    fn send_out(&mut self, key: Key, mut rng: Rng, act: Act) {
        let (name, told) = match act {
            Act::Event(name, event) => {
                let told = format!("{} of {}: {:?}", event.id, event.case, event.what);
                self.senders.event(name, event);
                (name, told)
            }
            Act::KeyAgain(mut event) => {
                let Some(id) = self.senders.last_taken.clone() else {
                    return;
                };
                event.id.clone_from(&id);
                self.senders.event("key used again", event);
                ("key used again", id)
            }
            Act::DryRun(event) => {
                let told = format!("{:?}", event.what);
                let handle = self.handle.clone();
                let answer = Box::pin(async move { handle.dry_run(event).await });
                self.senders.errands.push(Errand::DryRun(answer));
                ("dry run", told)
            }
            Act::Record(change) => {
                let idle = self.records.idle();
                let change = change.of(&mut rng, &idle, &self.store);
                let (name, key, told) = (change.name, change.key, format!("{:?}", change.key));
                let handle = self.handle.clone();
                let answer = Box::pin(async move {
                    let people::RecordChange {
                        key,
                        expected_rev,
                        after,
                        ..
                    } = change;
                    handle.put_record(key, expected_rev, after).await
                });
                self.records.begin(key);
                let errand = Errand::Record(name, key, answer);
                self.senders.errands.push(errand);
                (name, told)
            }
            Act::Retry(case) => {
                let Some((id, leg)) = self.message_to_retry(&mut rng, case) else {
                    return;
                };
                self.retried.insert(id);
                let handle = self.handle.clone();
                let answer = Box::pin(async move { handle.retry_message(id, leg).await });
                self.senders.errands.push(Errand::Retry(answer));
                ("message retried", format!("{id} {leg}"))
            }
        };
        self.summary.tally.tried(name);
        self.note(|| format!("{name} {told}"));
        let told: String = told.chars().take(160).collect();
        let told = format!("{name}: {told}");
        self.script.note(key, self.times.now(), told);
    }

    fn message_to_retry(&self, rng: &mut Rng, case: CaseId) -> Option<(OutboxId, u16)> {
        let query = MessageQuery {
            case: Some(case),
            status: None,
        };
        let found = pollster::block_on(self.store.messages(&query, None, 500)).ok()?;
        let entry = rng.pick(&found.items)?;
        let leg = rng.place(entry.legs.len());
        Some((entry.intent.id, u16::try_from(leg).ok()?))
    }

    /// Senders ask for their answers, and send again what was lost or not taken.
    pub(super) fn collect(&mut self) -> Result<(), Failure> {
        let mut still = Vec::new();
        for mut waiting in std::mem::take(&mut self.senders.events) {
            let answer = match &mut waiting.answer {
                Some(answer) => answer.try_recv().ok(),
                None if waiting.later > self.times.now() => None,
                None => {
                    waiting.tries += 1;
                    let digest = meaning(&waiting.event);
                    waiting.answer = self.handle.begin(waiting.event.clone(), Some(digest)).ok();
                    None
                }
            };
            let again = match answer {
                None => true,
                Some(answer) => self.answered(&mut waiting, answer)?,
            };
            if again {
                still.push(waiting);
            } else if waiting.name == "recompute" {
                let left = &mut self.senders.recomputing;
                left.iter_mut()
                    .for_each(|left| *left = left.saturating_sub(1));
            }
        }
        self.senders.events.append(&mut still);
        self.collect_errands()
    }

    /// Somebody has an answer; `true` where it is asked again.
    fn answered(
        &mut self,
        waiting: &mut Waiting,
        answer: Result<Ack, SubmitError>,
    ) -> Result<bool, Failure> {
        match answer {
            Ok(ack) => {
                self.taken(waiting, &ack)?;
                let lost = self.is_lost(waiting);
                if lost {
                    waiting.answer = None;
                }
                Ok(lost)
            }
            Err(SubmitError::Unavailable(_)) => {
                waiting.answer = None;
                // What a load brings must reach every case.
                Ok(waiting.tries < TRIES_MAX || waiting.name == "recompute")
            }
            Err(SubmitError::DiskLow { .. }) => self.without_room(waiting),
            Err(error) => {
                self.summary.refused += 1;
                let id = &waiting.event.id;
                if waiting.name != "key used again" {
                    self.checker.refused(id)?;
                }
                self.note(|| format!("{} refused: {error}", waiting.event.id));
                Ok(false)
            }
        }
    }

    /// Somebody was told that the disk has little room, and asks again after some hours.
    fn without_room(&mut self, waiting: &mut Waiting) -> Result<bool, Failure> {
        let id = &waiting.event.id;
        if waiting.name != "key used again" && self.checker.has_line(id) {
            let what = format!("`{id}` is recorded, and its sender was told that there is no room");
            return Err(Failure(what));
        }
        if !waiting.without_room {
            self.summary.tally.tried("asked again with room");
        }
        waiting.answer = None;
        waiting.without_room = true;
        let wait = i64::from(waiting.tries.min(TRIES_MAX)) * HOUR;
        waiting.later = self.times.now().saturating_add_millis(wait);
        Ok(waiting.tries < TRIES_MAX || waiting.name == "recompute")
    }

    fn taken(&mut self, waiting: &Waiting, ack: &Ack) -> Result<(), Failure> {
        let event = &waiting.event;
        if Tally::WRONG.contains(&waiting.name) {
            let what = format!("{}, and taken: {event:?}", waiting.name);
            return Err(Failure(what));
        }
        self.checker.acknowledged(&event.id, &event.what, ack)?;
        let is_recompute = matches!(event.what, What::Recompute { .. });
        let effect = !is_recompute || self.checker.has_line(&event.id);
        let tally = &mut self.summary.tally;
        tally.accepted(if effect {
            waiting.name
        } else {
            "recompute without effect"
        });
        if waiting.without_room && !ack.repeated {
            tally.accepted("asked again with room");
        }
        if waiting.tries > 1 && ack.repeated {
            tally.accepted("asked again");
        }
        if !is_recompute {
            self.senders.last_taken = Some(event.id.clone());
        }
        let children = ack.case.children.iter().map(|child| child.case);
        for id in children.chain([ack.case.id]) {
            if let Err(place) = self.cases.binary_search(&id) {
                self.cases.insert(place, id);
            }
        }
        Ok(())
    }

    /// Whether the answer gets lost on the way, so that the sender asks again.
    fn is_lost(&mut self, waiting: &Waiting) -> bool {
        let key = Key {
            kind: Kind::Lost,
            no: hash(&format!("{} {}", waiting.event.id, waiting.tries)),
        };
        let lost = waiting.tries < TRIES_MAX
            && Rng::of(self.seed, key).chance(self.plan.lost_answer)
            && self.script.allows(key);
        if lost {
            self.summary.tally.tried("asked again");
            let what = format!("the answer for {} is lost", waiting.event.id);
            self.script.note(key, self.times.now(), what);
        }
        lost
    }

    fn collect_errands(&mut self) -> Result<(), Failure> {
        let mut context = Context::from_waker(Waker::noop());
        let mut still = Vec::new();
        for mut errand in std::mem::take(&mut self.senders.errands) {
            let tally = &mut self.summary.tally;
            let waits = match &mut errand {
                Errand::Record(name, key, answer) => match answer.as_mut().poll(&mut context) {
                    Poll::Pending => true,
                    Poll::Ready(Ok(_)) if Tally::WRONG.contains(name) => {
                        return Err(Failure(format!("{name}, and taken: {key:?}")));
                    }
                    Poll::Ready(Ok(record)) => {
                        tally.accepted(name);
                        self.records.acknowledged(*key, record);
                        false
                    }
                    Poll::Ready(Err(SubmitError::Unavailable(_))) => {
                        self.records.doubtful(*key);
                        false
                    }
                    Poll::Ready(Err(_)) => {
                        self.records.refused(*key);
                        false
                    }
                },
                Errand::Retry(answer) => match answer.as_mut().poll(&mut context) {
                    Poll::Pending => true,
                    Poll::Ready(found) => {
                        if found.is_ok() {
                            tally.accepted("message retried");
                        }
                        false
                    }
                },
                Errand::DryRun(answer) => match answer.as_mut().poll(&mut context) {
                    Poll::Pending => true,
                    Poll::Ready(found) => {
                        if found.is_ok() {
                            tally.accepted("dry run");
                        }
                        false
                    }
                },
            };
            if waits {
                still.push(errand);
            }
        }
        self.senders.errands.append(&mut still);
        Ok(())
    }
}
