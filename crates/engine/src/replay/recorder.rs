//! A provider that takes everything.

use std::sync::Mutex;

use async_trait::async_trait;
use qixian_notify::{Message, Outcome, Provider, SendContext};

/// Takes every message, sends none, and remembers what it took.
#[derive(Debug, Default)]
pub struct Recorder {
    name: String,
    taken: Mutex<Vec<(Message, SendContext)>>,
}

impl Recorder {
    /// A recorder that routes know by this name.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// What it took since the last call.
    pub fn take(&self) -> Vec<(Message, SendContext)> {
        let taken = self.taken.lock();
        taken.map_or_else(|_| Vec::new(), |mut taken| std::mem::take(&mut *taken))
    }
}

#[async_trait]
impl Provider for Recorder {
    fn name(&self) -> &str {
        &self.name
    }

    async fn send(&self, message: &Message, context: &SendContext) -> Outcome {
        if let Ok(mut taken) = self.taken.lock() {
            taken.push((message.clone(), context.clone()));
        }
        let receipt = Some(context.idempotency_key.clone());
        Outcome::Accepted { receipt }
    }

    async fn probe(&self) -> Outcome {
        Outcome::Accepted { receipt: None }
    }
}
