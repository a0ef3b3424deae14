//! A send that is durable as *under way* and is now carried out by whoever drives the engine.

use std::sync::Arc;

use qixian_core::{Cause, OutboxId};
use qixian_notify::{Message, Outcome, Provider, SendContext};

/// One try to send, or one question what became of an earlier try.
#[derive(Clone, Debug)]
pub struct SendJob {
    /// The outbox entry.
    pub entry: OutboxId,
    /// The place of the recipient in it.
    pub leg: u16,
    /// What carries it.
    pub provider: Arc<dyn Provider>,
    /// What is said to whom; `None`: only ask what became of an earlier try, send nothing.
    pub message: Option<Arc<Message>>,
    /// Key, end and number of the try.
    pub context: SendContext,
    /// Why it is said.
    pub cause: Cause,
    /// The id of the case's workflow; empty for a question to the provider.
    pub workflow: String,
}

/// What became of a [`SendJob`].
#[derive(Clone, Debug, PartialEq)]
pub struct Settled {
    /// The outbox entry.
    pub entry: OutboxId,
    /// The place of the recipient in it.
    pub leg: u16,
    /// The provider's name.
    pub provider: String,
    /// Which try it was, 1 for the first.
    pub attempt: u32,
    /// What became of it.
    pub outcome: Outcome,
    /// Whether it answers a lookup.
    pub lookup: bool,
}

impl SendJob {
    /// Carries the job out. The result goes to [`crate::Handle::settle`]; a driver that gives up waiting settles with
    /// [`SendJob::settled`] and [`Outcome::Unknown`].
    pub async fn run(&self) -> Settled {
        let outcome = match &self.message {
            Some(message) => self.provider.send(message, &self.context).await,
            None => {
                let found = self.provider.lookup(&self.context.idempotency_key).await;
                found.unwrap_or_else(|| Outcome::Unknown {
                    reason: "the provider cannot say".to_owned(),
                })
            }
        };
        self.settled(outcome)
    }

    /// The result for this outcome.
    pub fn settled(&self, outcome: Outcome) -> Settled {
        Settled {
            entry: self.entry,
            leg: self.leg,
            provider: self.provider.name().to_owned(),
            attempt: self.context.attempt,
            outcome,
            lookup: self.message.is_none(),
        }
    }
}
