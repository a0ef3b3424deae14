//! A provider with all seven outcomes, and two lies.

use std::collections::{HashMap, HashSet};
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

/// What goes wrong with one try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendFault {
    /// *Throttled*.
    Throttled,
    /// *Transient*.
    Transient,
    /// *Unknown*, and it arrives.
    ReceiptLost,
    /// *Unknown*, and it does not.
    NothingKnown,
    /// *Bad recipient*.
    BadRecipient,
    /// *Bad message*.
    BadMessage,
    /// *Channel down*.
    ChannelDown,
    /// A lie: *accepted*, and it does not arrive.
    SaysAccepted,
    /// A lie: *transient*, and it arrives.
    SaysFailed,
}

impl SendFault {
    /// One of the honest ones, or (`lies` times in a thousand) a lie.
    pub fn draw(rng: &mut Rng, lies: u64) -> Self {
        let honest = [
            Self::Throttled,
            Self::Transient,
            Self::ReceiptLost,
            Self::NothingKnown,
            Self::BadRecipient,
            Self::BadMessage,
            Self::ChannelDown,
        ];
        let lying = [Self::SaysAccepted, Self::SaysFailed];
        let of: &[Self] = if rng.chance(lies) { &lying } else { &honest };
        rng.pick(of).copied().unwrap_or(Self::Transient)
    }

    /// Its name in a [`crate::Tally`].
    pub fn name(self) -> &'static str {
        match self {
            Self::Throttled => "provider throttles",
            Self::Transient => "provider fails for now",
            Self::ReceiptLost => "sent, receipt lost",
            Self::NothingKnown => "not sent, receipt lost",
            Self::BadRecipient | Self::BadMessage => "provider refuses",
            Self::ChannelDown => "provider down",
            Self::SaysAccepted => "says accepted, did not send",
            Self::SaysFailed => "says failed, did send",
        }
    }

    fn arrives(self) -> bool {
        matches!(self, Self::ReceiptLost | Self::SaysFailed)
    }

    fn is_lie(self) -> bool {
        matches!(self, Self::SaysAccepted | Self::SaysFailed)
    }

    fn outcome(self, key: &str) -> Outcome {
        let reason = "by the seed".to_owned();
        match self {
            Self::Throttled => Outcome::Throttled {
                retry_after_ms: 30_000,
            },
            Self::Transient | Self::SaysFailed => Outcome::Transient { reason },
            Self::ReceiptLost | Self::NothingKnown => Outcome::Unknown { reason },
            Self::BadRecipient => Outcome::BadRecipient { reason },
            Self::BadMessage => Outcome::BadMessage { reason },
            Self::ChannelDown => Outcome::ChannelDown { reason },
            Self::SaysAccepted => Outcome::Accepted {
                receipt: Some(key.to_owned()),
            },
        }
    }
}

#[derive(Debug, Default)]
struct State {
    faults: HashMap<(String, u32), SendFault>,
    delivered: Vec<Delivery>,
    known: HashSet<String>,
    lied: HashSet<String>,
}

/// A provider that fails where it is told to. Clones are the same provider.
#[derive(Clone, Debug)]
pub struct FaultProvider {
    name: String,
    can_look_up: bool,
    state: Arc<Mutex<State>>,
}

impl FaultProvider {
    /// A provider known to routes as `name`, which may be able to say what became of a message.
    pub fn new(name: &str, can_look_up: bool) -> Self {
        Self {
            name: name.to_owned(),
            can_look_up,
            state: Arc::default(),
        }
    }

    /// Whether routes know it by this name.
    pub fn is(&self, name: &str) -> bool {
        self.name == name
    }

    /// This try under this key is to fail.
    pub fn fail(&self, key: &str, attempt: u32, fault: SendFault) {
        self.lock().faults.insert((key.to_owned(), attempt), fault);
    }

    /// Everything that arrived so far, in order.
    pub fn delivered(&self) -> Vec<Delivery> {
        self.lock().delivered.clone()
    }

    /// How much arrived so far.
    pub fn delivered_count(&self) -> u64 {
        self.lock().delivered.len() as u64
    }

    /// Whether it ever lied about a try under this key.
    pub fn lied_about(&self, key: &str) -> bool {
        self.lock().lied.contains(key)
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
        let key = &context.idempotency_key;
        let fault = state.faults.remove(&(key.clone(), context.attempt));
        if fault.is_some_and(SendFault::is_lie) {
            state.lied.insert(key.clone());
        }
        if fault.is_none_or(SendFault::arrives) {
            state.known.insert(key.clone());
            state.delivered.push(Delivery {
                key: key.clone(),
                case: message.case,
                channel: message.channel,
            });
        }
        match fault {
            Some(fault) => fault.outcome(key),
            None => Outcome::Accepted {
                receipt: Some(key.clone()),
            },
        }
    }

    async fn lookup(&self, key: &str) -> Option<Outcome> {
        if !self.can_look_up {
            return None;
        }
        let arrived = self.lock().known.contains(key);
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
