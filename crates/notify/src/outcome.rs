//! What became of one try.

/// The seven ways a try can end. Reasons hold the provider's code and our own short words: never a message's text, an
/// address or a secret, since they are stored and logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The provider took it.
    Accepted {
        /// The provider's own id for it, where it gave one.
        receipt: Option<String>,
    },
    /// Too fast; does not count as a failed try.
    Throttled {
        /// How long to wait, in milliseconds.
        retry_after_ms: u64,
    },
    /// Certainly not taken, and worth another try.
    Transient {
        /// Why.
        reason: String,
    },
    /// It may have gone out: never simply sent again.
    Unknown {
        /// What was last seen.
        reason: String,
    },
    /// This address will never work; the person's next channel may.
    BadRecipient {
        /// Why.
        reason: String,
    },
    /// These words or their form were refused; somebody has to mend them.
    BadMessage {
        /// Why.
        reason: String,
    },
    /// Credentials, balance, settings: nothing goes out by this provider until the operator acts.
    ChannelDown {
        /// Why.
        reason: String,
    },
}

impl Outcome {
    /// Its name in files, metrics and the API.
    pub fn name(&self) -> &'static str {
        match self {
            Outcome::Accepted { .. } => "accepted",
            Outcome::Throttled { .. } => "throttled",
            Outcome::Transient { .. } => "transient",
            Outcome::Unknown { .. } => "unknown",
            Outcome::BadRecipient { .. } => "bad_recipient",
            Outcome::BadMessage { .. } => "bad_message",
            Outcome::ChannelDown { .. } => "channel_down",
        }
    }

    /// Why, where it is not a success.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Outcome::Accepted { .. } | Outcome::Throttled { .. } => None,
            Outcome::Transient { reason }
            | Outcome::Unknown { reason }
            | Outcome::BadRecipient { reason }
            | Outcome::BadMessage { reason }
            | Outcome::ChannelDown { reason } => Some(reason),
        }
    }

    /// Whether the provider took it.
    pub fn is_accepted(&self) -> bool {
        matches!(self, Outcome::Accepted { .. })
    }
}
