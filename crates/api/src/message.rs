//! Messages: what was said, or is to be said, to one person.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One message to one person.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MessageView {
    /// Its id.
    pub id: String,
    /// The case it speaks of.
    pub case: String,
    /// `rung`, `transition`, `missed` or `manual`.
    pub cause: String,
    /// The deadline it reminds of.
    pub deadline: Option<String>,
    /// Which reminder of the deadline: the first of the ladder's steps it stands for, counted from 0.
    pub rung: Option<u16>,
    /// The event it tells of.
    pub event: Option<String>,
    /// The channel tried now or last.
    pub via: String,
    /// The role addressed.
    pub role: String,
    /// Who gets it: name and address, the address masked unless an admin asks.
    pub to: String,
    /// `queued`, `held`, `sending`, `accepted`, `delivered`, `moot`, `dead` or `unknown`.
    pub status: String,
    /// When it was decided.
    pub created_at: String,
    /// When it is tried next.
    pub next_at: Option<String>,
    /// Every try, oldest first.
    pub attempts: Vec<AttemptView>,
    /// The provider's id for it, once taken.
    pub receipt: Option<String>,
}

/// One try to send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AttemptView {
    /// When it began.
    pub at: String,
    /// The channel.
    pub via: String,
    /// The provider's configured name.
    pub provider: String,
    /// `sending`, `accepted`, `throttled`, `transient`, `unknown`, `bad_recipient`, `bad_message` or `channel_down`.
    pub outcome: String,
    /// The provider's code and our short reason.
    pub detail: String,
}

/// One reminder that is still to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PreviewItem {
    /// When it goes out, unless the deadline is met first.
    pub at: String,
    /// The case.
    pub case: String,
    /// The case's title.
    pub title: String,
    /// The deadline.
    pub deadline: String,
    /// Which reminder of it: the first of the ladder's steps it stands for, counted from 0.
    pub rung: u16,
    /// The channel.
    pub via: String,
    /// Who would get it, the address masked unless an admin asks.
    pub to: String,
    /// The text as it would be today.
    pub text: String,
}
