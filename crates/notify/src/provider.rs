//! What every way of sending looks like to the dispatcher.

use std::fmt::Debug;

use async_trait::async_trait;
use qixian_time::Timestamp;

use crate::{Message, Outcome};

/// What a provider is told beside the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendContext {
    /// The same at every try of this message: a provider that knows it sends nothing twice. ASCII, at most 64
    /// characters.
    pub idempotency_key: String,
    /// From then on the message is useless; `None`: never.
    pub give_up_at: Option<Timestamp>,
    /// 1 for the first try.
    pub attempt: u32,
    /// When this try began.
    pub now: Timestamp,
}

/// A way to send. It answers within its own time limit, never panics on what comes from outside, and puts no text,
/// address or secret into its outcomes, logs and `Debug`.
#[async_trait]
pub trait Provider: Debug + Send + Sync {
    /// Its name in the configuration.
    fn name(&self) -> &str;

    /// Tries once.
    async fn send(&self, message: &Message, context: &SendContext) -> Outcome;

    /// What became of the try with this key, where the provider can be asked; `None` where it cannot or does not know.
    async fn lookup(&self, _idempotency_key: &str) -> Option<Outcome> {
        None
    }

    /// Whether it works now, found out without sending anything. [`Outcome::Accepted`] means it does.
    async fn probe(&self) -> Outcome;
}
