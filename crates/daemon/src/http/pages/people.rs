//! People, with their numbers masked for those who only read.

use qixian_core::{Case, Channel, Party, Workflow};
use qixian_notify::{Directory, mask};

use super::clock::Teller;
use super::say::Say;

/// One person of a case.
pub(super) struct Person {
    pub(super) role: String,
    pub(super) name: String,
    pub(super) mobile: Option<String>,
    pub(super) email: Option<String>,
    /// Whether number and address are shown whole, so that they can be links.
    pub(super) whole: bool,
    pub(super) robots: Vec<String>,
    /// Where each of several people must confirm something now: what, and whether this one has.
    pub(super) asked: Option<(String, bool)>,
}

/// A role in words, with the name of the case's person in it.
pub(super) fn with_role(say: Say, case: &Case, role: &str, whole: bool) -> String {
    let title = say.role(role);
    match case.parties_as(role).next() {
        Some(party) if !party.name.is_empty() => format!("{title} {}", name(&party.name, whole)),
        _ => title.to_owned(),
    }
}

/// Those of several people asked who have not confirmed yet; `None` where the present state asks nobody in particular.
pub(super) fn who_acts(teller: &Teller<'_>, case: &Case, whole: bool) -> Option<String> {
    let (say, workflow) = (teller.say, teller.workflow?);
    let missing = case.parties.iter().filter(|party| {
        let asked = asked(say, workflow, case, party);
        asked.is_some_and(|(_, done)| !done)
    });
    let mut named: Vec<String> = missing
        .map(|party| format!("{} {}", say.role(&party.role), name(&party.name, whole)))
        .collect();
    named.dedup();
    (!named.is_empty()).then(|| named.join(say.t("、", ", ")))
}

/// The people of a case.
pub(super) fn of(teller: &Teller<'_>, case: &Case, whole: bool) -> Vec<Person> {
    let person = |party: &Party| Person {
        role: teller.say.role(&party.role).to_owned(),
        name: name(&party.name, whole),
        mobile: filled(&party.mobile).map(|number| shown(number, whole, mask::mobile)),
        email: filled(&party.email).map(|address| shown(address, whole, mask::mail)),
        whole,
        robots: party.robots.clone(),
        asked: teller
            .workflow
            .and_then(|workflow| asked(teller.say, workflow, case, party)),
    };
    case.parties.iter().map(person).collect()
}

/// What this person is asked to confirm in the present state, and whether that was recorded.
fn asked(say: Say, workflow: &Workflow, case: &Case, party: &Party) -> Option<(String, bool)> {
    let here = workflow.transitions.iter();
    let mut here = here.filter(|t| t.from.contains(&case.state) && t.needs.contains(&party.role));
    let event = &here.next()?.event;
    let done = case
        .confirmed
        .iter()
        .any(|c| c.event == *event && c.role == party.role);
    Some((say.event(Some(workflow), event, &case.state), done))
}

/// Who gets a message, and at which address.
pub(super) fn addressee(
    say: Say,
    case: &Case,
    leg: &qixian_core::Leg,
    channel: Option<Channel>,
    directory: &dyn Directory,
    whole: bool,
) -> String {
    use qixian_notify::Address;
    let title = say.role(&leg.role);
    let Some(person) = directory.resolve(case, &leg.role, leg.nth) else {
        return title.to_owned();
    };
    let address = channel.and_then(|channel| person.address(channel));
    let address = address.map(|address| match address {
        Address::Robot(name) => name,
        _ if !whole => address.masked(),
        Address::Mail(text) | Address::Mobile(text) => text,
        Address::Person { mail, mobile } => mobile.or(mail).unwrap_or_default(),
    });
    let parts = [
        Some(title.to_owned()),
        Some(name(&person.name, whole)),
        address,
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .flatten()
        .filter(|p| !p.is_empty())
        .collect();
    parts.join(" ")
}

fn name(name: &str, whole: bool) -> String {
    shown(name, whole, mask::name)
}

fn shown(text: &str, whole: bool, mask: impl Fn(&str) -> String) -> String {
    if whole { text.to_owned() } else { mask(text) }
}

fn filled(text: &Option<String>) -> Option<&str> {
    text.as_deref().filter(|text| !text.is_empty())
}
