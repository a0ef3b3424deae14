//! The part of the configuration that is about sending: `[providers.*]`, `[[staff]]`, and `routes.toml`.

use std::fmt;
use std::path::PathBuf;

use indexmap::IndexMap;
use qixian_core::definition::Name;
use qixian_core::{Channel, Lang};
use serde::{Deserialize, Serialize};

use crate::mask;

/// Everything [`crate::build()`] needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Providers by the name that routes use.
    pub providers: IndexMap<String, ProviderSettings>,
    /// The agency's people.
    pub staff: Vec<StaffMember>,
    /// Which provider serves which channel.
    pub routes: RouteSettings,
}

/// `routes.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RouteSettings {
    /// The provider of each channel.
    pub channels: IndexMap<Channel, String>,
    /// The provider for urgent messages, where it is another one.
    pub urgent: IndexMap<Channel, String>,
}

/// One of the agency's people.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StaffMember {
    /// The name used in greetings.
    pub name: String,
    /// The roles this person answers for (`handler`, `lead`).
    pub roles: Vec<Name>,
    /// The mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// The mobile number.
    #[serde(default)]
    pub mobile: Option<String>,
    /// Robots of this person's group: `NAME` or `CHANNEL:NAME`.
    #[serde(default)]
    pub robots: Vec<String>,
    /// The language to write in.
    #[serde(default)]
    pub lang: Lang,
}

impl fmt::Debug for StaffMember {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("StaffMember")
            .field("name", &mask::name(&self.name))
            .field("roles", &self.roles)
            .finish_non_exhaustive()
    }
}

/// One provider, by its `kind`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ProviderSettings {
    /// Each message a file: for a first look, for tests and demos.
    Folder(FolderSettings),
    /// A mail server.
    Smtp(SmtpSettings),
}

/// Settings of a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FolderSettings {
    /// The directory, made when missing; a relative one lies in the data directory. Default: `messages`.
    #[serde(default)]
    pub dir: Option<PathBuf>,
}

/// How the connection to a mail server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tls {
    /// TLS from the first byte (port 465); what mainland mail hosts want.
    #[default]
    Implicit,
    /// Begins in the clear and must switch before anything else is said (port 587).
    Starttls,
    /// No protection: refused unless the host is loopback or `allow_plaintext` is set.
    None,
}

/// Settings of a mail server. `Debug` hides the user.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpSettings {
    /// The server's name or address.
    pub host: String,
    /// The port. Default: 465, 587 or 25 by `tls`.
    #[serde(default)]
    pub port: Option<u16>,
    /// How the connection is protected.
    #[serde(default)]
    pub tls: Tls,
    /// Allows `tls = "none"` to a host that is not loopback.
    #[serde(default)]
    pub allow_plaintext: bool,
    /// The sender's address. Most hosts want it to be the login.
    pub from: String,
    /// The sender's name as people see it.
    #[serde(default)]
    pub from_name: String,
    /// Where answers go, where not to `from`.
    #[serde(default)]
    pub reply_to: Option<String>,
    /// The login; without it nobody signs in.
    #[serde(default)]
    pub user: Option<String>,
    /// A file whose first line is the password or authorisation code (授权码). Either this or `password_env`.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// The environment variable that holds the password.
    #[serde(default)]
    pub password_env: Option<String>,
    /// A PEM file with further certificate authorities to trust.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Connections at most, 1 to 10. Mainland hosts count them per mailbox.
    #[serde(default = "SmtpSettings::default_connections")]
    pub connections: u8,
    /// Longest time to connect and greet, in milliseconds.
    #[serde(default = "SmtpSettings::default_connect_timeout_ms")]
    pub connect_timeout_ms: u64,
    /// Longest time for one whole send, in milliseconds.
    #[serde(default = "SmtpSettings::default_send_timeout_ms")]
    pub send_timeout_ms: u64,
}

impl SmtpSettings {
    fn default_connections() -> u8 {
        2
    }

    fn default_connect_timeout_ms() -> u64 {
        10_000
    }

    fn default_send_timeout_ms() -> u64 {
        60_000
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            Tls::Implicit => 465,
            Tls::Starttls => 587,
            Tls::None => 25,
        })
    }
}

impl fmt::Debug for SmtpSettings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("SmtpSettings")
            .field("host", &self.host)
            .field("port", &self.port())
            .field("tls", &self.tls)
            .field("signs_in", &self.user.is_some())
            .finish_non_exhaustive()
    }
}
