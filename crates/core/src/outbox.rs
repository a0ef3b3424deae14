//! What `step` asks to be said to people: who, about what, which template. The text is made when it is sent.

use std::fmt;
use std::str::FromStr;

use qixian_time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::OutboxId;
use crate::definition::Name;

/// A way to reach a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// E-mail.
    Mail,
    /// SMS.
    Sms,
    /// A WeCom group robot.
    Wecom,
    /// A DingTalk robot.
    Dingtalk,
    /// A Feishu robot.
    Feishu,
    /// A webhook.
    Webhook,
    /// A task for a colleague: call that person.
    Person,
}

impl Channel {
    /// Every channel.
    pub const ALL: [Channel; 7] = [
        Channel::Mail,
        Channel::Sms,
        Channel::Wecom,
        Channel::Dingtalk,
        Channel::Feishu,
        Channel::Webhook,
        Channel::Person,
    ];

    /// Its name in files and the API.
    pub fn name(self) -> &'static str {
        match self {
            Channel::Mail => "mail",
            Channel::Sms => "sms",
            Channel::Wecom => "wecom",
            Channel::Dingtalk => "dingtalk",
            Channel::Feishu => "feishu",
            Channel::Webhook => "webhook",
            Channel::Person => "person",
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl FromStr for Channel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Channel::ALL
            .into_iter()
            .find(|c| c.name() == text)
            .ok_or_else(|| {
                let names: Vec<&str> = Channel::ALL.iter().map(|c| c.name()).collect();
                format!(
                    "`{text}` is no channel; expected one of: {}",
                    names.join(", ")
                )
            })
    }
}

/// Why something is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// A rung of a deadline's ladder.
    Rung {
        /// The deadline.
        deadline: Name,
        /// Its generation.
        generation: u32,
        /// The rung's name ([`crate::Rung::name`]): the lowest of its ladder's steps, counted from 0. A rung that is to
        /// come again, since its deadline was moved away from it, has the same name.
        rung: u16,
    },
    /// A transition's `notify`.
    Transition {
        /// The event.
        event: Name,
    },
    /// A missed deadline.
    Missed {
        /// The deadline.
        deadline: Name,
        /// Its generation.
        generation: u32,
    },
    /// A person asked for it.
    Manual,
}

/// One thing to say to some people: one row in the outbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReminderIntent {
    /// Its id, also the root of every idempotency key.
    pub id: OutboxId,
    /// Why.
    pub cause: Cause,
    /// The template's name without language and channel: `workflow/deadline` or as the file says.
    pub template: String,
    /// One leg per person.
    pub legs: Vec<Leg>,
    /// Whether it may come at night.
    pub urgent: bool,
    /// Whether it waits for a person to release it.
    pub held: bool,
    /// When it was decided.
    pub created_at: Timestamp,
    /// When it becomes useless; `None`: never.
    pub give_up_at: Option<Timestamp>,
}

/// One person of an intent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
    /// The role addressed; the person is looked up when it is sent.
    pub role: Name,
    /// Which of the case's parties with that role, 0 first; staff from the directory where the case has none.
    pub nth: u16,
    /// Channels in order of preference.
    pub via: Vec<Channel>,
}

/// What became of one leg; the dispatcher keeps it in the outbox row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegStatus {
    /// Waits for its (next) try.
    Queued,
    /// Waits for a person to release it.
    Held,
    /// A try is under way; after a restart its outcome is unknown.
    Sending,
    /// A provider took it.
    Accepted,
    /// It is known to have arrived.
    Delivered,
    /// No longer needed when its turn came.
    Moot,
    /// It reached nobody on any channel.
    Dead,
    /// It may have gone out, nobody can say, and it is not tried again.
    Unknown,
}

impl LegStatus {
    /// Whether nothing more will happen by itself.
    pub fn is_final(self) -> bool {
        !matches!(
            self,
            LegStatus::Queued | LegStatus::Sending | LegStatus::Held
        )
    }
}
