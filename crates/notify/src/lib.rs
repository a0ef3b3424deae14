//! Saying things to people: making the words, choosing the way, and handing them to a provider.
//!
//! The walk of one message: the dispatcher takes a [`qixian_core::ReminderIntent`], looks up each leg's person in a
//! [`Directory`], calls [`compose`] for the text as it is true at this moment, asks the [`Router`] which [`Provider`]
//! serves the channel, and calls [`Provider::send`], which answers one of the seven [`Outcome`]s.
//!
//! | question | look at |
//! | --- | --- |
//! | who is it said to | [`Directory`], [`Staff`], [`Person`] |
//! | in which words | [`Templates`], [`compose`], [`ComposeScope`] |
//! | by which provider | [`Router`], [`build`], [`Settings`] |
//! | what became of it | [`Outcome`] |
//! | what may stand in a log | [`mask`] |
//! | how are times and roles said | [`phrases`] |
//!
//! Left to others: when to say something (`qixian-core`), keeping and retrying it (`qixian-engine`), reading the
//! configuration files and embedding the shipped templates (`qixian-daemon`).

mod build;
mod compose;
mod directory;
mod folder;
pub mod mask;
mod message;
mod outcome;
mod provider;
mod router;
mod settings;
mod sms;
mod smtp;
mod template;

pub use build::{BuildError, build, problems, why_unread};
pub use compose::{ComposeError, ComposeScope, Related, compose};
pub use directory::{Directory, Person, Staff};
pub use folder::FolderProvider;
pub use message::{Address, Message, Recipient};
pub use outcome::Outcome;
pub use provider::{Provider, SendContext};
pub use router::{NoRoute, Router};
pub use settings::{
    FolderSettings, ProviderSettings, RouteSettings, Settings, SmtpSettings, StaffMember, Tls,
};
pub use sms::{SmsLength, sms_segments};
pub use smtp::SmtpProvider;
pub use template::{TemplateError, Templates};

/// What templates say of times and roles, for pages that speak of the same things.
pub mod phrases {
    pub use crate::template::facts::role_title;
    pub use crate::template::phrases::{day, left, local, weekday};
}
