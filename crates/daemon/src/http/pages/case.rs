//! The page of one case.

use askama::Template;
use qixian_core::{Case, JournalLine, LegStatus, What};
use qixian_notify::Directory;
use qixian_store::OutboxEntry;

use super::card::Card;
use super::clock::{Clock, Teller, Tone, When};
use super::people::{self, Person};
use super::say::Say;

#[derive(Template)]
#[template(path = "case.html")]
pub(super) struct CasePage<'a> {
    pub(super) say: Say,
    /// Said in red above all.
    pub(super) alarm: Option<String>,
    pub(super) card: Card,
    pub(super) since: When,
    /// What is to be done in the present state.
    pub(super) help: String,
    /// Events that can be recorded now: name and title.
    pub(super) possible: Vec<(String, String)>,
    pub(super) items: Vec<Item>,
    pub(super) open: Vec<Clock>,
    pub(super) over: Vec<Clock>,
    pub(super) people: Vec<Person>,
    pub(super) parent: Option<String>,
    pub(super) children: Vec<Child>,
    pub(super) messages: Vec<Message>,
    /// How many older messages are not shown.
    pub(super) older_messages: usize,
    pub(super) journal: Vec<Entry>,
    /// Where the page of older journal lines begins.
    pub(super) older: Option<u64>,
    /// Whether these are not the newest lines.
    pub(super) further: bool,
    pub(super) now: When,
    pub(super) zone: &'a str,
}

/// One thing a rejection found wrong.
pub(super) struct Item {
    pub(super) words: String,
    pub(super) code: String,
    pub(super) field: String,
    pub(super) by: String,
}

/// A case that this one started.
pub(super) struct Child {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) ended: bool,
}

/// One message to one person.
pub(super) struct Message {
    pub(super) at: When,
    pub(super) about: String,
    pub(super) to: String,
    pub(super) via: String,
    pub(super) status: &'static str,
    pub(super) tone: Tone,
    /// When it is tried again.
    pub(super) next: Option<When>,
    /// What the last try said, where it went wrong.
    pub(super) trouble: String,
}

/// One line of the journal.
pub(super) struct Entry {
    pub(super) seq: u64,
    pub(super) title: String,
    pub(super) at: When,
    /// When it was recorded, where that was later.
    pub(super) recorded: Option<When>,
    pub(super) by: String,
    /// From and to, where the state changed.
    pub(super) moved: Option<(String, String)>,
    pub(super) party: Option<String>,
    pub(super) note: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) changes: Vec<String>,
}

/// What is to be done in the present state; empty where the workflow says nothing.
pub(super) fn help(teller: &Teller<'_>, case: &Case) -> String {
    let state = teller.workflow.and_then(|w| w.states.get(&case.state));
    state.map_or_else(String::new, |s| s.help.get(teller.say.0).to_owned())
}

/// The events that can be recorded now, in the workflow's order.
pub(super) fn possible(teller: &Teller<'_>, case: &Case) -> Vec<(String, String)> {
    let Some(workflow) = teller.workflow.filter(|_| !case.closed) else {
        return Vec::new();
    };
    let titled = |event: String| {
        let title = teller.say.event(Some(workflow), &event, &case.state);
        (event, title)
    };
    let events = workflow.events_in(&case.state);
    events.into_iter().map(titled).collect()
}

/// What the last rejection found and nobody has mended.
pub(super) fn items(say: Say, case: &Case) -> Vec<Item> {
    let item = |item: &qixian_core::Item| Item {
        words: item.words.clone(),
        code: item.code.clone(),
        field: item.field.clone(),
        by: say.reviewer(&item.by).to_owned(),
    };
    case.items.iter().filter(|i| !i.done).map(item).collect()
}

/// The messages of an outbox entry, one for each person.
pub(super) fn messages<'a>(
    teller: &'a Teller<'_>,
    case: &'a Case,
    entry: &'a OutboxEntry,
    directory: &'a dyn Directory,
    whole: bool,
) -> impl Iterator<Item = Message> + 'a {
    let say = teller.say;
    let legs = entry.intent.legs.iter().zip(&entry.legs);
    legs.map(move |(leg, state)| {
        let channel = leg.via.get(usize::from(state.channel)).or(leg.via.last());
        let last = state.attempts.last();
        let in_trouble = matches!(
            state.status,
            LegStatus::Dead | LegStatus::Unknown | LegStatus::Queued
        );
        let trouble = last.filter(|_| in_trouble).map(|a| a.detail.clone());
        Message {
            at: teller.when(last.map_or(entry.intent.created_at, |attempt| attempt.at)),
            about: say.about(teller.workflow, &entry.intent.cause),
            to: people::addressee(say, case, leg, channel.copied(), directory, whole),
            via: channel
                .map_or("", |channel| say.channel(*channel))
                .to_owned(),
            status: say.message(state.status),
            tone: match state.status {
                LegStatus::Dead => Tone::Late,
                LegStatus::Unknown | LegStatus::Held => Tone::Soon,
                LegStatus::Moot => Tone::Idle,
                _ => Tone::Calm,
            },
            next: state.next_at.map(|at| teller.when(at)),
            trouble: trouble.unwrap_or_default(),
        }
    })
}

/// One journal line in words.
pub(super) fn entry(teller: &Teller<'_>, line: &JournalLine) -> Entry {
    const AT_ONCE_MS: i64 = 60_000;
    let (say, workflow) = (teller.say, teller.workflow);
    let moved = (line.from != line.to).then(|| {
        (
            say.state(workflow, &line.from),
            say.state(workflow, &line.to),
        )
    });
    let late = line.recorded_at.millis_since(line.occurred_at) > AT_ONCE_MS;
    let change = |change: &qixian_core::DeadlineChange| {
        let title = say.deadline(workflow, &change.name);
        let colon = say.t("：", ": ");
        let due = change.due_at.filter(|_| change.clock.is_open());
        let due = due.map(|at| format!("{}{}", say.t("，截止 ", ", due "), teller.when(at).full));
        let was = change
            .was_due_at
            .map(|at| format!("{}{}", say.t("，原定 ", ", was "), teller.when(at).full));
        let (due, was) = (due.unwrap_or_default(), was.unwrap_or_default());
        format!("{title}{colon}{}{due}{was}", say.clock(change.clock))
    };
    Entry {
        seq: line.seq,
        title: say.event(workflow, &line.event, &line.from),
        at: teller.when(line.occurred_at),
        recorded: late.then(|| teller.when(line.recorded_at)),
        by: say.actor(&line.by),
        moved,
        party: whose(&line.what).map(|role| say.role(role).to_owned()),
        note: line.note.as_deref().and_then(|note| noted(teller, note)),
        reason: reason(&line.what),
        changes: line.deadlines.iter().map(change).collect(),
    }
}

/// The note of a line. What a missed deadline noted down stands in the workflow in both languages.
fn noted(teller: &Teller<'_>, note: &str) -> Option<String> {
    let all = teller.workflow.map(|w| w.deadlines.values());
    let reasons = all
        .into_iter()
        .flatten()
        .filter_map(|def| def.missed.as_ref());
    let ours = reasons
        .map(|missed| &missed.reason)
        .find(|words| words.zh == note);
    let told = ours.map_or(note, |words| words.get(teller.say.0));
    (!told.is_empty()).then(|| told.to_owned())
}

/// Whose fact it was, or whom it concerns.
fn whose(what: &What) -> Option<&str> {
    match what {
        What::Fact { party, .. } => party.as_deref(),
        What::MessageDead { role, .. } => Some(role),
        What::Party(qixian_core::PartyChange::Put { party, .. }) => Some(&party.role),
        What::Party(qixian_core::PartyChange::Remove { role, .. }) => Some(role),
        _ => None,
    }
}

fn reason(what: &What) -> Option<String> {
    match what {
        What::Fact {
            override_reason, ..
        } => override_reason.clone(),
        What::Correct { reason, .. }
        | What::Close { reason }
        | What::Reopen { reason }
        | What::MoveDeadline { reason, .. }
        | What::PauseDeadline { reason, .. }
        | What::ResumeDeadline { reason, .. } => Some(reason.clone()),
        _ => None,
    }
}
