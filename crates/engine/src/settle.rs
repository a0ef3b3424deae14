//! What became of a send, and what comes next for that person.

use std::collections::HashMap;

use qixian_core::{Actor, Channel, Event, LegStatus, OutboxId, What};
use qixian_notify::Outcome;
use qixian_store::{OutboxEntry, OutboxWrite, Store};
use qixian_time::{Clock, Timestamp};

use crate::decide::{Failure, Scratch};
use crate::dispatch::{PAUSE_MILLIS, next_look};
use crate::inflight::Draft;
use crate::stats::Count;
use crate::work::{Answer, Decided};
use crate::{Engine, SendJob, Settled, SubmitError};

/// The shortest and longest wait a provider can ask for.
const THROTTLE_MILLIS: std::ops::RangeInclusive<i64> = 1_000..=3_600_000;

impl<S: Store, C: Clock> Engine<S, C> {
    /// Decides what an outcome means.
    pub(crate) async fn decide_settled(
        &mut self,
        settled: &Settled,
        entries: &HashMap<OutboxId, OutboxEntry>,
        now: Timestamp,
        draft: &mut Draft,
    ) -> Result<Decided, Failure> {
        let nothing = Ok(Decided::Answer(Answer::Nothing));
        let known = self.overlay.entry(settled.entry);
        let known = known.or_else(|| entries.get(&settled.entry));
        let leg = usize::from(settled.leg);
        let Some(mut entry) = known.filter(|e| leg < e.legs.len()).cloned() else {
            return nothing;
        };
        let state = &entry.legs[leg];
        let late_success = state.status == LegStatus::Unknown && settled.outcome.is_accepted();
        let tries = u32::try_from(state.attempts.len()).unwrap_or(u32::MAX);
        let is_present = state.status == LegStatus::Sending && tries == settled.attempt;
        if !is_present && !late_success {
            return nothing;
        }
        let due_before = entry.next_at;
        self.count(&settled.outcome);
        if let Some(last) = entry.legs[leg].attempts.last_mut() {
            settled.outcome.name().clone_into(&mut last.outcome);
            last.detail = settled.outcome.reason().unwrap_or_default().to_owned();
        }
        let (is_dead, job) = self.apply_outcome(&mut entry, leg, settled, now);
        entry.next_at = next_look(&entry, now);
        let dead: &[usize] = if is_dead { &[leg] } else { &[] };
        let write = OutboxWrite { due_before, entry };
        self.accept_entry(write, dead, now, draft).await?;
        Ok(Decided::Answer(Answer::Jobs(job.into_iter().collect())))
    }

    /// Changes the leg by the outcome; answers whether it is dead, and a question to the provider where one is due.
    fn apply_outcome(
        &mut self,
        entry: &mut OutboxEntry,
        leg: usize,
        settled: &Settled,
        now: Timestamp,
    ) -> (bool, Option<SendJob>) {
        let give_up_at = entry.intent.give_up_at;
        match &settled.outcome {
            Outcome::Accepted { receipt } => {
                let state = &mut entry.legs[leg];
                state.status = LegStatus::Accepted;
                state.next_at = None;
                state.receipt.clone_from(receipt);
                (false, None)
            }
            Outcome::Throttled { retry_after_ms } => {
                let wait = i64::try_from(*retry_after_ms).unwrap_or(i64::MAX);
                let wait = wait.clamp(*THROTTLE_MILLIS.start(), *THROTTLE_MILLIS.end());
                wait_until(entry, leg, now.saturating_add_millis(wait));
                (false, None)
            }
            Outcome::Transient { .. } => {
                let at = if settled.lookup {
                    self.again_after_doubt(entry, leg, now)
                } else {
                    self.retry_at(now, failures(entry, leg), give_up_at)
                };
                match at {
                    Some(at) => {
                        wait_until(entry, leg, at);
                        (false, None)
                    }
                    None => (next_channel(entry, leg, now), None),
                }
            }
            Outcome::Unknown { .. } if !settled.lookup => {
                let channel = current_channel(entry, leg);
                let job = channel
                    .and_then(|channel| self.ask(entry, leg, channel, &settled.provider, now));
                let dead = job.is_none() && self.after_unknown(entry, leg, now);
                (dead, job)
            }
            Outcome::Unknown { .. } => (self.after_unknown(entry, leg, now), None),
            Outcome::BadRecipient { .. } | Outcome::BadMessage { .. } => {
                (next_channel(entry, leg, now), None)
            }
            Outcome::ChannelDown { reason } => {
                tracing::error!(event = "provider_down", provider = settled.provider, reason);
                let until = now.saturating_add_millis(PAUSE_MILLIS);
                self.dispatcher.pause(&settled.provider, until);
                let place = usize::from(entry.legs[leg].channel);
                if place + 1 < entry.intent.legs[leg].via.len() {
                    (next_channel(entry, leg, now), None)
                } else {
                    wait_until(entry, leg, until);
                    (false, None)
                }
            }
        }
    }

    /// It may have gone out and nobody can say: mail and chat go again, an SMS does not but the next channel does.
    /// Answers whether the leg is dead.
    pub(crate) fn after_unknown(
        &mut self,
        entry: &mut OutboxEntry,
        leg: usize,
        now: Timestamp,
    ) -> bool {
        let place = usize::from(entry.legs[leg].channel);
        let has_next = place + 1 < entry.intent.legs[leg].via.len();
        if current_channel(entry, leg) == Some(Channel::Sms) {
            if has_next {
                return next_channel(entry, leg, now);
            }
            let state = &mut entry.legs[leg];
            state.status = LegStatus::Unknown;
            state.next_at = None;
            return false;
        }
        match self.again_after_doubt(entry, leg, now) {
            Some(at) => {
                wait_until(entry, leg, at);
                false
            }
            None => next_channel(entry, leg, now),
        }
    }

    /// When to try again after a try nobody knew the fate of: the first time at once, since the trouble was mostly ours (a
    /// process that ended), later with the usual waits.
    fn again_after_doubt(
        &self,
        entry: &OutboxEntry,
        leg: usize,
        now: Timestamp,
    ) -> Option<Timestamp> {
        match failures(entry, leg) {
            0 | 1 => Some(now),
            failed => self.retry_at(now, failed, entry.intent.give_up_at),
        }
    }

    fn retry_at(
        &self,
        now: Timestamp,
        failed: usize,
        give_up_at: Option<Timestamp>,
    ) -> Option<Timestamp> {
        let mut random = self.random.lock().ok()?;
        let retry = &self.settings.retry;
        retry.next_at(now, failed, give_up_at, random.as_mut())
    }

    /// A dead letter is an event of its case.
    pub(crate) async fn tell_dead(
        &mut self,
        message: OutboxId,
        leg: usize,
        role: String,
        now: Timestamp,
        draft: &mut Draft,
    ) -> Result<(), Failure> {
        let leg = u16::try_from(leg).unwrap_or(u16::MAX);
        // A message that a person sent again may die again: that is another event.
        let case = self.load(message.case, &Scratch::default()).await?;
        let seq = case.map_or(0, |case| case.rev) + 1;
        let event = Event {
            id: format!("dead:{message}:{leg}:{seq}"),
            case: message.case,
            occurred_at: now,
            by: Actor::system("dispatcher"),
            note: None,
            expected_edit_rev: None,
            what: What::MessageDead { message, leg, role },
        };
        let mut scratch = Scratch::default();
        match self.run(&event, now, &mut scratch).await {
            Ok(_) => {
                self.accept(scratch, draft);
                Ok(())
            }
            Err(Failure::Refused(error)) => {
                tracing::warn!(event = "dead_letter_untold", %message, leg, %error);
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }

    /// A person asks for one recipient's message to be sent again.
    pub(crate) async fn decide_retry(
        &mut self,
        message: OutboxId,
        leg: u16,
        entries: &HashMap<OutboxId, OutboxEntry>,
        now: Timestamp,
        draft: &mut Draft,
    ) -> Result<Decided, Failure> {
        self.refuse_without_room()?;
        let unknown = || Failure::Refused(SubmitError::UnknownMessage(message));
        let known = self
            .overlay
            .entry(message)
            .or_else(|| entries.get(&message));
        let mut entry = known.cloned().ok_or_else(unknown)?;
        let due_before = entry.next_at;
        let state = entry.legs.get_mut(usize::from(leg)).ok_or_else(unknown)?;
        let again = matches!(
            state.status,
            LegStatus::Dead | LegStatus::Unknown | LegStatus::Queued | LegStatus::Held
        );
        if !again {
            return Err(unknown());
        }
        state.status = LegStatus::Queued;
        state.channel = 0;
        state.next_at = Some(now);
        entry.next_at = next_look(&entry, now);
        let write = OutboxWrite { due_before, entry };
        self.accept_entry(write, &[], now, draft).await?;
        Ok(Decided::Answer(Answer::Retried))
    }

    fn count(&self, outcome: &Outcome) {
        let count = match outcome {
            Outcome::Accepted { .. } => Count::Accepted,
            Outcome::Throttled { .. } | Outcome::Transient { .. } => Count::Failed,
            Outcome::Unknown { .. } => Count::UnknownSends,
            _ => Count::Bounced,
        };
        self.stats.add(count, 1);
    }
}

fn current_channel(entry: &OutboxEntry, leg: usize) -> Option<Channel> {
    let place = usize::from(entry.legs[leg].channel);
    entry.intent.legs[leg].via.get(place).copied()
}

fn wait_until(entry: &mut OutboxEntry, leg: usize, at: Timestamp) {
    let state = &mut entry.legs[leg];
    state.status = LegStatus::Queued;
    state.next_at = Some(at);
}

/// Goes on to the person's next channel; `true` where there is none: the leg is dead.
fn next_channel(entry: &mut OutboxEntry, leg: usize, now: Timestamp) -> bool {
    let channels = entry.intent.legs[leg].via.len();
    let state = &mut entry.legs[leg];
    if usize::from(state.channel) + 1 < channels {
        state.channel += 1;
        state.status = LegStatus::Queued;
        state.next_at = Some(now);
        return false;
    }
    state.status = LegStatus::Dead;
    state.next_at = None;
    true
}

/// How many tries on the present channel have failed so far.
fn failures(entry: &OutboxEntry, leg: usize) -> usize {
    let channel = current_channel(entry, leg);
    let attempts = entry.legs[leg].attempts.iter();
    attempts
        .filter(|a| Some(a.channel) == channel)
        .filter(|a| matches!(a.outcome.as_str(), "transient" | "unknown"))
        .count()
}
