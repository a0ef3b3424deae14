//! One message to one person, ready to be sent.

use std::fmt;

use qixian_core::definition::Name;
use qixian_core::{CaseId, Channel, Lang};

use crate::mask;

/// One message to one person by one channel. `Debug` hides the words and masks the address.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The outbox id and the leg: `01JD…-7-0.2`. ASCII, at most 64 characters; the same at each try.
    pub id: String,
    /// The case it speaks of.
    pub case: CaseId,
    /// The channel it was written for.
    pub channel: Channel,
    /// Who gets it.
    pub recipient: Recipient,
    /// One line without line breaks; empty for SMS.
    pub subject: String,
    /// The plain words, ending without a line break.
    pub text: String,
    /// The same in HTML; mail only.
    pub html: Option<String>,
    /// The template the words came from: `zh/first-filing/sms_code.sms`.
    pub template: String,
    /// Whether it may come at night.
    pub urgent: bool,
    /// The language it is written in.
    pub lang: Lang,
}

impl fmt::Debug for Message {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Message")
            .field("id", &self.id)
            .field("channel", &self.channel)
            .field("recipient", &self.recipient)
            .field("template", &self.template)
            .field("urgent", &self.urgent)
            .field("lang", &self.lang)
            .finish_non_exhaustive()
    }
}

/// Who gets a message. `Debug` masks name and address.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient {
    /// The role addressed.
    pub role: Name,
    /// The person's name; may be empty.
    pub name: String,
    /// Where the person is reached by this channel.
    pub address: Address,
}

impl fmt::Debug for Recipient {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} {} {:?}",
            self.role,
            mask::name(&self.name),
            self.address
        )
    }
}

/// Where a person is reached. `Debug` masks it; the plain value is for providers only.
#[derive(Clone, PartialEq, Eq)]
pub enum Address {
    /// A mail address.
    Mail(String),
    /// A mobile number: digits with an optional leading `+`.
    Mobile(String),
    /// The name of a configured chat robot or webhook; no secret.
    Robot(String),
    /// A colleague who gets a task (channel `person`), by whatever the provider of that channel needs.
    Person {
        /// The colleague's own mail address.
        mail: Option<String>,
        /// The colleague's own mobile number.
        mobile: Option<String>,
    },
}

impl Address {
    /// The address as logs may show it.
    pub fn masked(&self) -> String {
        match self {
            Address::Mail(address) => mask::mail(address),
            Address::Mobile(number) => mask::mobile(number),
            Address::Robot(name) => format!("robot {name}"),
            Address::Person {
                mail: Some(address),
                ..
            } => mask::mail(address),
            Address::Person {
                mobile: Some(number),
                ..
            } => mask::mobile(number),
            Address::Person { .. } => "-".to_owned(),
        }
    }

    /// The mail address, where there is one: also a colleague's own for a task.
    pub fn mail(&self) -> Option<&str> {
        match self {
            Address::Mail(address) => Some(address),
            Address::Person { mail, .. } => mail.as_deref(),
            Address::Mobile(_) | Address::Robot(_) => None,
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.masked())
    }
}
