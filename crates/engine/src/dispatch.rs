//! The dispatcher: due entries of the outbox become marks *under way*, and these become jobs once they are durable.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use qixian_core::{Case, Channel, LegStatus, OutboxId, Workflow};
use qixian_notify::{ComposeError, ComposeScope, Message, Provider, Related, SendContext, compose};
use qixian_store::{Attempt, OutboxEntry, OutboxRow, OutboxWrite, Store};
use qixian_time::{Clock, Timestamp};

use crate::decide::{Failure, Scratch};
use crate::inflight::Draft;
use crate::needed::{Need, need};
use crate::stats::Count;
use crate::watched::Watched;
use crate::work::{Answer, Decided};
use crate::{Engine, SendJob};

/// A try that has not come back after this long is taken for lost once nobody in this process carries it.
pub(crate) const LEASE_MILLIS: i64 = 2 * 60 * 1_000;
/// How long a provider rests that said it is down.
pub(crate) const PAUSE_MILLIS: i64 = 10 * 60 * 1_000;
/// How many tries an entry remembers per person: the first and the latest.
const ATTEMPTS_MAX: usize = 20;

/// Who is sending how much.
#[derive(Debug)]
pub(crate) struct Dispatcher {
    limit: usize,
    busy: HashMap<String, usize>,
    parked: HashMap<String, BTreeSet<OutboxRow>>,
    paused: HashMap<String, Timestamp>,
}

impl Dispatcher {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
            busy: HashMap::new(),
            parked: HashMap::new(),
            paused: HashMap::new(),
        }
    }

    fn is_full(&self, provider: &str) -> bool {
        self.busy.get(provider).is_some_and(|n| *n >= self.limit)
    }

    /// Until when nothing goes out by this provider. A rest longer than any is one that the clock went back from.
    fn paused_until(&self, provider: &str, now: Timestamp) -> Option<Timestamp> {
        let until = self.paused.get(provider).copied();
        until.filter(|until| *until > now && *until - now <= PAUSE_MILLIS)
    }

    /// Whether this row waits for a provider's hands to be free.
    pub(crate) fn is_parked(&self, row: &OutboxRow) -> bool {
        self.parked.values().any(|rows| rows.contains(row))
    }

    /// Takes rows that can be tried now: as many of each provider's as it has hands free.
    pub(crate) fn unpark(&mut self) -> Vec<OutboxRow> {
        let mut rows = Vec::new();
        self.parked.retain(|provider, waiting| {
            let busy = self.busy.get(provider).copied().unwrap_or(0);
            let free = self.limit.saturating_sub(busy);
            rows.extend(std::iter::from_fn(|| waiting.pop_first()).take(free));
            !waiting.is_empty()
        });
        rows
    }

    /// Lets nothing out by this provider until then.
    pub(crate) fn pause(&mut self, provider: &str, until: Timestamp) {
        self.paused.insert(provider.to_owned(), until);
    }

    /// How many messages are in providers' hands.
    pub(crate) fn in_flight(&self) -> usize {
        self.busy.values().sum()
    }
}

/// Why a channel cannot be used: the outcome's name and the reason.
type NoWay = (&'static str, String);

/// What an entry speaks of.
struct About<'a> {
    workflow: &'a Workflow,
    case: &'a Case,
    watched: &'a [Watched],
}

/// What became of the attempt to begin one leg.
enum Begun {
    Job(Box<SendJob>),
    /// Its state changed and nothing is sent now.
    Changed,
    /// The provider has its hands full.
    Parked(String),
    /// Every channel is exhausted.
    Dead,
}

impl<S: Store, C: Clock> Engine<S, C> {
    /// Decides an outbox row that came due (or, after a start, one that was under way).
    pub(crate) async fn decide_dispatch(
        &mut self,
        row: OutboxRow,
        entries: &HashMap<OutboxId, OutboxEntry>,
        now: Timestamp,
        draft: &mut Draft,
    ) -> Result<Decided, Failure> {
        let nothing = Decided::Answer(Answer::Nothing);
        let known = self.overlay.entry(row.id).or_else(|| entries.get(&row.id));
        let Some(mut entry) = known.cloned() else {
            return Ok(nothing);
        };
        let lost = has_sending(&entry) && !self.sending.contains_key(&row.id);
        if !lost && entry.next_at.is_none_or(|at| at > now) {
            return Ok(nothing);
        }
        let Some(case) = self.load(row.id.case, &Scratch::default()).await? else {
            tracing::warn!(event = "message_without_case", id = %row.id);
            return Ok(nothing);
        };
        let workflow = match self.setup.definitions.of(&case, &*self.store).await {
            Ok(workflow) => workflow,
            Err(error) => {
                self.set_aside(case.id, now, &error.to_string());
                return Ok(nothing);
            }
        };
        let due_before = entry.next_at;
        let watched = self.watched_by(&case, &workflow).await?;
        entry.intent.urgent |= watched.iter().any(|other| other.under_review);
        let about = About {
            workflow: &workflow,
            case: &case,
            watched: &watched,
        };
        let (mut jobs, mut dead, mut parked, mut changed) = (Vec::new(), Vec::new(), None, false);
        for leg in 0..entry.legs.len() {
            let begun = if lost && entry.legs[leg].status == LegStatus::Sending {
                self.ask_for_lost(&mut entry, leg, now)
            } else if is_due(&entry, leg, now) {
                self.begin_leg(&about, &mut entry, leg, now)
            } else {
                continue;
            };
            changed |= !matches!(begun, Begun::Parked(_));
            match begun {
                Begun::Job(job) => jobs.push(*job),
                Begun::Dead => dead.push(leg),
                Begun::Parked(provider) => parked = Some(provider),
                Begun::Changed => {}
            }
        }
        entry.next_at = next_look(&entry, now);
        let row = entry.next_at.map(|at| OutboxRow { at, id: row.id });
        if changed {
            let write = OutboxWrite { due_before, entry };
            self.accept_entry(write, &dead, now, draft).await?;
        }
        self.park(parked, row, now);
        Ok(Decided::Answer(Answer::Jobs(jobs)))
    }

    /// Keeps a row that can do nothing now out of the way until a provider is free or the lease ends.
    fn park(&mut self, provider: Option<String>, row: Option<OutboxRow>, now: Timestamp) {
        let Some(row) = row.filter(|row| row.at <= now) else {
            return;
        };
        self.due_messages.follow(crate::horizon::Moved {
            from: Some(row),
            to: None,
        });
        match provider {
            Some(provider) => {
                self.dispatcher
                    .parked
                    .entry(provider)
                    .or_default()
                    .insert(row);
            }
            None => {
                let at = now.saturating_add_millis(LEASE_MILLIS);
                self.due_messages.put_back(OutboxRow { at, ..row });
            }
        }
    }

    /// Takes a changed entry into the group, with the events of the people it did not reach.
    pub(crate) async fn accept_entry(
        &mut self,
        write: OutboxWrite,
        dead: &[usize],
        now: Timestamp,
        draft: &mut Draft,
    ) -> Result<(), Failure> {
        let id = write.entry.intent.id;
        let roles: Vec<(usize, String)> = dead
            .iter()
            .filter_map(|leg| Some((*leg, write.entry.intent.legs.get(*leg)?.role.clone())))
            .collect();
        let mut scratch = Scratch::default();
        scratch.commit_for(id.case).outbox.push(write);
        self.accept(scratch, draft);
        for (leg, role) in roles {
            self.stats.add(Count::Dead, 1);
            self.tell_dead(id, leg, role, now, draft).await?;
        }
        Ok(())
    }

    fn begin_leg(
        &mut self,
        about: &About<'_>,
        entry: &mut OutboxEntry,
        leg: usize,
        now: Timestamp,
    ) -> Begun {
        let About { workflow, case, .. } = *about;
        let need = need(workflow, case, &entry.intent, leg, now);
        if need == Need::Overtaken && !entry.legs[leg].attempts.is_empty() {
            return end(entry, leg, LegStatus::Dead);
        }
        if need != Need::Needed {
            self.stats.add(Count::Moot, 1);
            return end(entry, leg, LegStatus::Moot);
        }
        loop {
            let place = usize::from(entry.legs[leg].channel);
            let via = &entry.intent.legs[leg].via;
            let Some(channel) = via.get(place).copied() else {
                return end(entry, leg, LegStatus::Dead);
            };
            let is_last = place + 1 >= via.len();
            match self.way(about, entry, leg, channel, now) {
                Ok((provider, message)) => {
                    let name = provider.name();
                    if let Some(until) = self.dispatcher.paused_until(name, now) {
                        note_pause(entry, leg, channel, name, now);
                        if is_last {
                            entry.legs[leg].next_at = Some(until);
                            return Begun::Changed;
                        }
                    } else if self.dispatcher.is_full(name) {
                        return Begun::Parked(name.to_owned());
                    } else {
                        let mut job = self.start(entry, leg, channel, provider, Some(message), now);
                        job.workflow.clone_from(&workflow.id);
                        return Begun::Job(Box::new(job));
                    }
                }
                Err((outcome, detail)) => {
                    note(entry, leg, channel, "", (outcome, &detail), now);
                }
            }
            entry.legs[leg].channel += 1;
        }
    }

    /// Provider and words for one channel, or the outcome and reason why there are none.
    fn way(
        &self,
        of: &About<'_>,
        entry: &OutboxEntry,
        leg: usize,
        channel: Channel,
        now: Timestamp,
    ) -> Result<(Arc<dyn Provider>, Message), NoWay> {
        let addressed = &entry.intent.legs[leg];
        let person = self
            .setup
            .directory
            .resolve(of.case, &addressed.role, addressed.nth)
            .ok_or_else(|| ("bad_recipient", "nobody has this role".to_owned()))?;
        let provider = self
            .setup
            .router
            .route(channel, entry.intent.urgent)
            .map_err(|error| ("channel_down", error.to_string()))?;
        let related: Vec<Related> = of.watched.iter().map(|w| w.told(person.lang)).collect();
        let scope = ComposeScope {
            templates: &self.setup.templates,
            case: of.case,
            workflow: of.workflow,
            deadline: deadline_of(entry).and_then(|name| of.case.deadline(name)),
            person: &person,
            related: &related,
            base_url: self.setup.base_url.as_deref(),
        };
        match compose(&entry.intent, leg, channel, &scope, now) {
            Ok(message) => Ok((provider, message)),
            Err(error @ ComposeError::NoAddress { .. }) => {
                Err(("bad_recipient", error.to_string()))
            }
            Err(error) => Err(("bad_message", error.to_string())),
        }
    }

    /// Marks a leg as under way and makes the job for it.
    pub(crate) fn start(
        &mut self,
        entry: &mut OutboxEntry,
        leg: usize,
        channel: Channel,
        provider: Arc<dyn Provider>,
        message: Option<Message>,
        now: Timestamp,
    ) -> SendJob {
        let id = entry.intent.id;
        if message.is_some() {
            note(entry, leg, channel, provider.name(), ("sending", ""), now);
        }
        let state = &mut entry.legs[leg];
        state.status = LegStatus::Sending;
        state.next_at = None;
        let place = state.channel;
        *self.sending.entry(id).or_default() += 1;
        let busy = &mut self.dispatcher.busy;
        *busy.entry(provider.name().to_owned()).or_default() += 1;
        SendJob {
            entry: id,
            leg: u16::try_from(leg).unwrap_or(u16::MAX),
            context: SendContext {
                idempotency_key: key(id, leg, place),
                give_up_at: entry.intent.give_up_at,
                attempt: u32::try_from(state.attempts.len()).unwrap_or(u32::MAX),
                now,
            },
            provider,
            message: message.map(Arc::new),
            cause: entry.intent.cause.clone(),
            workflow: String::new(),
        }
    }

    /// A try whose process is gone: nobody can say what became of it but the provider.
    fn ask_for_lost(&mut self, entry: &mut OutboxEntry, leg: usize, now: Timestamp) -> Begun {
        let last = entry.legs[leg].attempts.last_mut();
        let Some(last) = last else {
            entry.legs[leg].status = LegStatus::Queued;
            entry.legs[leg].next_at = Some(now);
            return Begun::Changed;
        };
        "unknown".clone_into(&mut last.outcome);
        "the process ended meanwhile".clone_into(&mut last.detail);
        let (channel, name) = (last.channel, last.provider.clone());
        match self.ask(entry, leg, channel, &name, now) {
            Some(job) => Begun::Job(Box::new(job)),
            None if self.after_unknown(entry, leg, now) => Begun::Dead,
            None => Begun::Changed,
        }
    }

    /// A job that asks the provider what became of the last try; `None` where there is no such provider any more.
    pub(crate) fn ask(
        &mut self,
        entry: &mut OutboxEntry,
        leg: usize,
        channel: Channel,
        provider: &str,
        now: Timestamp,
    ) -> Option<SendJob> {
        let provider = {
            let mut providers = self.setup.router.providers();
            providers.find(|p| p.name() == provider)?.clone()
        };
        Some(self.start(entry, leg, channel, provider, None, now))
    }

    /// A job came back or will never leave: its places are free again.
    pub(crate) fn send_ended(&mut self, entry: OutboxId, provider: &str) {
        if let Some(count) = self.sending.get_mut(&entry) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.sending.remove(&entry);
            }
        }
        if let Some(busy) = self.dispatcher.busy.get_mut(provider) {
            *busy = busy.saturating_sub(1);
        }
    }
}

/// The key of every try of one person's message by one channel: the message's id, and from the second channel on its
/// place, since what a provider knows of one channel says nothing of another.
fn key(id: OutboxId, leg: usize, place: u16) -> String {
    match place {
        0 => format!("{id}.{leg}"),
        _ => format!("{id}.{leg}.{place}"),
    }
}

fn deadline_of(entry: &OutboxEntry) -> Option<&str> {
    match &entry.intent.cause {
        qixian_core::Cause::Rung { deadline, .. } | qixian_core::Cause::Missed { deadline, .. } => {
            Some(deadline)
        }
        _ => None,
    }
}

fn has_sending(entry: &OutboxEntry) -> bool {
    let mut legs = entry.legs.iter();
    legs.any(|leg| leg.status == LegStatus::Sending)
}

fn is_due(entry: &OutboxEntry, leg: usize, now: Timestamp) -> bool {
    let state = &entry.legs[leg];
    state.status == LegStatus::Queued && state.next_at.is_none_or(|at| at <= now)
}

/// When to look at the entry next: at the first waiting leg, or when a try under way is to be taken for lost.
pub(crate) fn next_look(entry: &OutboxEntry, now: Timestamp) -> Option<Timestamp> {
    let looks = entry.legs.iter().filter_map(|leg| match leg.status {
        LegStatus::Queued => Some(leg.next_at.unwrap_or(now)),
        LegStatus::Sending => Some(now.saturating_add_millis(LEASE_MILLIS)),
        _ => None,
    });
    looks.min()
}

/// Nothing more happens to this leg by itself.
fn end(entry: &mut OutboxEntry, leg: usize, status: LegStatus) -> Begun {
    let state = &mut entry.legs[leg];
    state.status = status;
    state.next_at = None;
    match status {
        LegStatus::Dead => Begun::Dead,
        _ => Begun::Changed,
    }
}

/// Remembers once that a channel could not be used.
fn note_pause(
    entry: &mut OutboxEntry,
    leg: usize,
    channel: Channel,
    provider: &str,
    now: Timestamp,
) {
    let paused = ("channel_down", "paused");
    let last = entry.legs[leg].attempts.last();
    if !last.is_some_and(|a| {
        a.provider == provider && (a.outcome.as_str(), a.detail.as_str()) == paused
    }) {
        note(entry, leg, channel, provider, paused, now);
    }
}

/// Remembers a try.
pub(crate) fn note(
    entry: &mut OutboxEntry,
    leg: usize,
    channel: Channel,
    provider: &str,
    (outcome, detail): (&str, &str),
    now: Timestamp,
) {
    let attempts = &mut entry.legs[leg].attempts;
    if attempts.len() >= ATTEMPTS_MAX {
        attempts.remove(1);
    }
    attempts.push(Attempt {
        at: now,
        channel,
        provider: provider.to_owned(),
        outcome: outcome.to_owned(),
        detail: detail.to_owned(),
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use qixian_core::CaseId;

    fn row(seq: u64) -> OutboxRow {
        let id = OutboxId {
            case: CaseId::from_bytes([1; 16]),
            seq,
            index: 0,
        };
        let at = Timestamp::from_millis(0);
        OutboxRow { at, id }
    }

    #[test]
    fn parked_rows_come_back_as_hands_get_free_whatever_became_of_those_before() {
        let mut dispatcher = Dispatcher::new(2);
        dispatcher.busy.insert("post".to_owned(), 2);
        let waiting = dispatcher.parked.entry("post".to_owned()).or_default();
        waiting.extend((1..=5).map(row));
        assert_eq!(dispatcher.unpark(), []);
        assert!(dispatcher.is_parked(&row(5)));
        dispatcher.busy.insert("post".to_owned(), 1);
        assert_eq!(dispatcher.unpark(), [row(1)]);
        // That one turned out to be moot: nothing was sent, and the next ones come all the same.
        dispatcher.busy.insert("post".to_owned(), 0);
        assert_eq!(dispatcher.unpark(), [row(2), row(3)]);
        assert_eq!(dispatcher.unpark(), [row(4), row(5)]);
        assert!(dispatcher.unpark().is_empty() && dispatcher.parked.is_empty());
    }

    #[test]
    fn a_rest_ends_also_when_the_clock_goes_back() {
        let mut dispatcher = Dispatcher::new(1);
        let at = Timestamp::from_millis;
        dispatcher.pause("post", at(5 * 86_400_000 + PAUSE_MILLIS));
        assert!(
            dispatcher
                .paused_until("post", at(5 * 86_400_000))
                .is_some()
        );
        assert_eq!(dispatcher.paused_until("post", at(0)), None);
    }
}
