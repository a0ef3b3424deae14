//! After everything came to rest: all that was begun has ended.

use std::collections::HashSet;

use qixian_core::{Channel, LegStatus, OutboxId};
use qixian_time::Timestamp;

use super::{Checker, Failure, fail};
use crate::Delivery;
use crate::checker::lines::{named, wanted};

impl Checker {
    /// Every message decided before `before` has its outcome, nothing that is due at `now` was left undone, no SMS came
    /// twice, and nothing arrived that nobody decided.
    ///
    /// # Errors
    /// The first promise found broken.
    pub fn at_rest(
        &self,
        before: Timestamp,
        now: Timestamp,
        delivered: &[Delivery],
    ) -> Result<(), Failure> {
        for entry in self.books.messages.values() {
            let open = |status: LegStatus| !status.is_final() && status != LegStatus::Held;
            let open = entry.legs.iter().position(|leg| open(leg.status));
            if let Some(leg) = open
                && entry.intent.created_at < before
            {
                let (id, state) = (entry.intent.id, &entry.legs[leg]);
                return fail(format!(
                    "message {id} to recipient {leg} never ended: {state:?}"
                ));
            }
        }
        for kept in self.books.cases.values() {
            if let Some((at, why)) = wanted(&kept.case).filter(|(at, _)| *at <= now) {
                let case = named(&kept.case);
                return fail(format!(
                    "{case}: {why} was due at {at} and nothing happened by {now}"
                ));
            }
        }
        let mut once = HashSet::new();
        for delivery in delivered {
            if delivery.channel == Channel::Sms && !once.insert(&delivery.key) {
                return fail(format!("SMS {} arrived twice", delivery.key));
            }
            let id = delivery
                .key
                .split('.')
                .next()
                .and_then(|id| id.parse::<OutboxId>().ok());
            if !id.is_some_and(|id| self.books.messages.contains_key(&id)) {
                return fail(format!("{} arrived and nobody decided it", delivery.key));
            }
        }
        Ok(())
    }
}
