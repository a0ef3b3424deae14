//! A provider with all seven outcomes.

use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use qixian_core::{CaseId, Channel};
use qixian_notify::{Message, Outcome, Provider, SendContext};

use crate::Rng;

/// A message that really arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The key it was sent under.
    pub key: String,
    /// The case it speaks of.
    pub case: CaseId,
    /// How.
    pub channel: Channel,
}

#[derive(Debug)]
struct State {
    rng: Rng,
    fault_rate: u64,
    can_look_up: bool,
    delivered: Vec<Delivery>,
}

/// A provider that fails by its seed. Clones are the same provider.
#[derive(Clone, Debug)]
pub struct FaultProvider {
    name: String,
    state: Arc<Mutex<State>>,
}

impl FaultProvider {
    /// A provider known to routes as `name` that fails `fault_rate` times in a thousand.
    pub fn new(name: &str, seed: u64, fault_rate: u64, can_look_up: bool) -> Self {
        Self {
            name: name.to_owned(),
            state: Arc::new(Mutex::new(State {
                rng: Rng::new(seed),
                fault_rate,
                can_look_up,
                delivered: Vec::new(),
            })),
        }
    }

    /// Works without faults from now on.
    pub fn heal(&self) {
        self.lock().fault_rate = 0;
    }

    /// Everything that arrived so far, in order.
    pub fn delivered(&self) -> Vec<Delivery> {
        self.lock().delivered.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("no code panics while it holds the lock")
    }
}

#[async_trait]
impl Provider for FaultProvider {
    fn name(&self) -> &str {
        &self.name
    }

    async fn send(&self, message: &Message, context: &SendContext) -> Outcome {
        let mut state = self.lock();
        let reason = || "by the seed".to_owned();
        let rate = state.fault_rate;
        let fault = state.rng.chance(rate).then(|| state.rng.below(7));
        let (arrives, outcome) = match fault {
            None => (
                true,
                Outcome::Accepted {
                    receipt: Some(context.idempotency_key.clone()),
                },
            ),
            Some(0) => (
                false,
                Outcome::Throttled {
                    retry_after_ms: 30_000,
                },
            ),
            Some(1) => (false, Outcome::Transient { reason: reason() }),
            Some(2) => (true, Outcome::Unknown { reason: reason() }),
            Some(3) => (false, Outcome::Unknown { reason: reason() }),
            Some(4) => (false, Outcome::BadRecipient { reason: reason() }),
            Some(5) => (false, Outcome::BadMessage { reason: reason() }),
            Some(_) => (false, Outcome::ChannelDown { reason: reason() }),
        };
        if arrives {
            state.delivered.push(Delivery {
                key: context.idempotency_key.clone(),
                case: message.case,
                channel: message.channel,
            });
        }
        outcome
    }

    async fn lookup(&self, key: &str) -> Option<Outcome> {
        let state = self.lock();
        if !state.can_look_up {
            return None;
        }
        let arrived = state.delivered.iter().any(|d| d.key == key);
        Some(if arrived {
            Outcome::Accepted {
                receipt: Some(key.to_owned()),
            }
        } else {
            Outcome::Transient {
                reason: "never arrived".to_owned(),
            }
        })
    }

    async fn probe(&self) -> Outcome {
        Outcome::Accepted { receipt: None }
    }
}
