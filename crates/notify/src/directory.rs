//! Who is meant by a role, looked up when a message is sent: people and numbers change while a case runs.

use qixian_core::definition::Name;
use qixian_core::{Case, Channel, Lang, Party};

use crate::{Address, StaffMember, mask};

/// Roles that are the agency's own people, whoever the workflow is for.
const STAFF_ROLES: [&str; 2] = ["handler", "lead"];

/// A person as a message needs to know them. `Debug` masks name and addresses.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// The role they are addressed in.
    pub role: Name,
    /// Their name; may be empty.
    pub name: String,
    /// Their mobile number.
    pub mobile: Option<String>,
    /// Their mail address.
    pub email: Option<String>,
    /// Names of configured robots of their group: `NAME`, or `CHANNEL:NAME` for one that serves this channel only.
    pub robots: Vec<String>,
    /// The language they are written to in.
    pub lang: Lang,
    /// Whether they are one of the agency's own people, who are told more plainly what to do.
    pub staff: bool,
}

impl Person {
    /// Where this person is reached by `channel`; `None` where nothing fitting is known.
    pub fn address(&self, channel: Channel) -> Option<Address> {
        let filled = |text: &Option<String>| text.clone().filter(|t| !t.trim().is_empty());
        match channel {
            Channel::Mail => filled(&self.email).map(Address::Mail),
            Channel::Sms => filled(&self.mobile).map(Address::Mobile),
            Channel::Wecom | Channel::Dingtalk | Channel::Feishu | Channel::Webhook => {
                self.robot(channel).map(Address::Robot)
            }
            Channel::Person => Some(Address::Person {
                mail: filled(&self.email),
                mobile: filled(&self.mobile),
            }),
        }
    }

    fn robot(&self, channel: Channel) -> Option<String> {
        let prefix = format!("{channel}:");
        let own = self.robots.iter().find_map(|r| r.strip_prefix(&prefix));
        let any = || self.robots.iter().find(|r| !r.contains(':'));
        own.map(str::to_owned).or_else(|| any().cloned())
    }
}

impl std::fmt::Debug for Person {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Person")
            .field("role", &self.role)
            .field("name", &mask::name(&self.name))
            .field("mobile", &self.mobile.as_deref().map(mask::mobile))
            .field("email", &self.email.as_deref().map(mask::mail))
            .finish_non_exhaustive()
    }
}

/// Knows who has a role.
pub trait Directory: Send + Sync {
    /// The `nth` person (0 first) with this role for this case; `None` where there is none.
    fn resolve(&self, case: &Case, role: &str, nth: u16) -> Option<Person>;
}

/// The built-in directory: the case's own parties first, then the staff named in the configuration.
#[derive(Clone, Debug, Default)]
pub struct Staff {
    members: Vec<StaffMember>,
}

impl Staff {
    /// A directory over these members, in the order of the file.
    pub fn new(members: Vec<StaffMember>) -> Self {
        Self { members }
    }
}

impl Directory for Staff {
    fn resolve(&self, case: &Case, role: &str, nth: u16) -> Option<Person> {
        let nth = usize::from(nth);
        let mut parties = case.parties_as(role).peekable();
        if parties.peek().is_some() {
            return parties.nth(nth).map(from_party);
        }
        self.members
            .iter()
            .filter(|m| m.roles.iter().any(|r| r == role))
            .nth(nth)
            .map(|member| from_staff(member, role))
    }
}

/// A party of a case as a person.
pub(crate) fn from_party(party: &Party) -> Person {
    Person {
        role: party.role.clone(),
        name: party.name.clone(),
        mobile: party.mobile.clone(),
        email: party.email.clone(),
        robots: party.robots.clone(),
        lang: party.lang.unwrap_or_default(),
        staff: STAFF_ROLES.contains(&party.role.as_str()),
    }
}

fn from_staff(member: &StaffMember, role: &str) -> Person {
    Person {
        role: role.to_owned(),
        name: member.name.clone(),
        mobile: member.mobile.clone(),
        email: member.email.clone(),
        robots: member.robots.clone(),
        lang: member.lang,
        staff: true,
    }
}
