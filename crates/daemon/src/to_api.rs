//! From what the store and the engine hold to what goes over the wire.

use std::borrow::Cow;

use qixian_api as api;
use qixian_core::definition::Kind;
use qixian_core::{
    Case, Cause, Correction, Deadline, DeadlineChange, Env, Fields, JournalLine, Lang, Party,
    PartyChange, What, Words, Workflow, why,
};
use qixian_notify::Directory;
use qixian_store::{OutboxEntry, Record, RecordKind};
use qixian_time::{Timestamp, Zone};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::masking;

/// What the views of one case are made with.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) env: &'a Env,
    /// The definition the case began with, if it is at hand.
    pub(crate) workflow: Option<&'a Workflow>,
    /// The zone times are written in where the workflow is not at hand.
    pub(crate) zone: &'a Zone,
    pub(crate) lang: Lang,
    /// Whether people are shown whole; else names, numbers and personal fields are masked.
    pub(crate) whole: bool,
}

impl View<'_> {
    fn zone(&self) -> &Zone {
        self.workflow.map_or(self.zone, |workflow| &workflow.zone)
    }

    fn time(&self, at: Timestamp) -> String {
        at.to_rfc3339(self.zone())
    }

    fn time_or(&self, at: Option<Timestamp>) -> Option<String> {
        at.map(|at| self.time(at))
    }

    /// A person of a case.
    fn party(&self, party: &Party) -> api::PartyBody {
        let party = if self.whole {
            party.clone()
        } else {
            masking::party(party)
        };
        api::PartyBody {
            role: party.role,
            name: party.name,
            mobile: party.mobile,
            email: party.email,
            robots: party.robots,
            lang: party.lang.map(|lang| name_of(&lang)),
            contact: party.contact.map(|id| id.to_string()),
        }
    }

    /// Fields of the case, personal ones masked for those who only read.
    fn shown<'f>(&self, fields: &'f Fields) -> Cow<'f, Fields> {
        match self.workflow {
            Some(workflow) if !self.whole => Cow::Owned(masking::fields(&workflow.fields, fields)),
            _ => Cow::Borrowed(fields),
        }
    }

    fn shown_record<'f>(&self, record: &'f Record) -> Cow<'f, Fields> {
        if self.whole {
            Cow::Borrowed(&record.fields)
        } else {
            Cow::Owned(masking::record(record))
        }
    }

    /// Party, reason and fields of an event, where it has them.
    fn said(&self, what: &What) -> (Option<String>, Option<String>, Map<String, Value>) {
        let none = Map::new;
        match what {
            What::Start(start) => (None, None, object(&self.shown(&start.fields))),
            What::Fact {
                party,
                fields,
                override_reason,
                ..
            } => (
                party.clone(),
                override_reason.clone(),
                object(&self.shown(fields)),
            ),
            What::Edit { fields, .. } => (None, None, object(&self.shown(fields))),
            What::Correct {
                change: Correction::Replace { fields, party, .. },
                reason,
                ..
            } => (
                party.clone(),
                Some(reason.clone()),
                object(&self.shown(fields)),
            ),
            What::Party(PartyChange::Put { party, .. }) => (Some(party.role.clone()), None, none()),
            What::Party(PartyChange::Remove { role, .. }) => (Some(role.clone()), None, none()),
            What::Correct { reason, .. }
            | What::Close { reason }
            | What::Reopen { reason }
            | What::MoveDeadline { reason, .. }
            | What::PauseDeadline { reason, .. }
            | What::ResumeDeadline { reason, .. } => (None, Some(reason.clone()), none()),
            _ => (None, None, none()),
        }
    }

    /// A case, its deadlines explained.
    pub(crate) fn case(&self, case: &Case) -> api::CaseView {
        let state = self.workflow.and_then(|w| w.states.get(&case.state));
        let possible = match (case.closed, self.workflow) {
            (false, Some(workflow)) => workflow.events_in(&case.state),
            _ => Vec::new(),
        };
        let confirmed = case.confirmed.iter().map(|c| api::ConfirmationView {
            event: c.event.clone(),
            role: c.role.clone(),
            at: self.time(c.at),
        });
        let items = case.items.iter().map(|item| api::ItemView {
            round: item.round,
            code: item.code.clone(),
            field: item.field.clone(),
            words: item.words.clone(),
            by: item.by.clone(),
            done: item.done,
        });
        let children = case.children.iter().map(|child| api::ChildView {
            case: child.case.to_string(),
            workflow: child.workflow.clone(),
            ended: child.ended,
        });
        api::CaseView {
            id: case.id.to_string(),
            reference: case.reference.clone(),
            title: case.title.clone(),
            rev: case.rev,
            edit_rev: case.edit_rev,
            workflow: case.workflow.id.clone(),
            workflow_version: case.workflow.version,
            rules: case.pack.id.clone(),
            state: case.state.clone(),
            state_title: state
                .map_or_else(|| case.state.clone(), |s| s.title.get(self.lang).to_owned()),
            entered_at: self.time(case.entered_at),
            began_at: self.time(case.began_at),
            holder: state.and_then(|s| s.holder.clone()),
            closed: case.closed || state.is_some_and(|s| s.is_final),
            held: case.held,
            round: case.round,
            possible,
            fields: object(&self.shown(&case.fields)),
            parties: case.parties.iter().map(|p| self.party(p)).collect(),
            deadlines: self.deadlines(case),
            flags: case.flags.clone(),
            confirmed: confirmed.collect(),
            presumed: case.presumed.is_some(),
            items: items.collect(),
            parent: case.parent.map(|parent| parent.case.to_string()),
            children: children.collect(),
            client: case.client.map(|id| id.to_string()),
            assets: case.assets.iter().map(|id| id.to_string()).collect(),
            next_due_at: self.time_or(case.next_due()),
        }
    }

    /// The latest generation of each deadline, in the order they first came.
    pub(crate) fn deadlines(&self, case: &Case) -> Vec<api::DeadlineView> {
        let mut names: Vec<&str> = Vec::new();
        for deadline in &case.deadlines {
            if !names.contains(&deadline.name.as_str()) {
                names.push(&deadline.name);
            }
        }
        let latest = names.into_iter().filter_map(|name| case.deadline(name));
        latest
            .map(|deadline| self.deadline(case, deadline))
            .collect()
    }

    /// One deadline, explained.
    pub(crate) fn deadline(&self, case: &Case, deadline: &Deadline) -> api::DeadlineView {
        let def = self.workflow.and_then(|w| w.deadlines.get(&deadline.name));
        let lines = self
            .workflow
            .map(|w| why(self.env, w, case, deadline).lines);
        let rung = |rung: &qixian_core::Rung| api::RungView {
            at: self.time(rung.at),
            state: name_of(&rung.state),
        };
        api::DeadlineView {
            case: case.id.to_string(),
            reference: case.reference.clone(),
            case_title: case.title.clone(),
            name: deadline.name.clone(),
            title: def.map_or_else(
                || deadline.name.clone(),
                |d| d.title.get(self.lang).to_owned(),
            ),
            kind: kind_name(def.map_or(Kind::Duty, |d| d.kind)).to_owned(),
            generation: deadline.generation,
            state: name_of(&deadline.clock),
            started_at: self.time_or(deadline.started_at),
            due_at: self.time_or(deadline.due_at),
            last_day: deadline.last_day(self.zone()).map(|day| day.to_string()),
            earliest_at: self.time_or(deadline.earliest_at),
            provisional: deadline.provisional,
            assumed: deadline.assumed,
            late_recorded: deadline.late_recorded,
            rungs: deadline.rungs.iter().map(rung).collect(),
            why: lines
                .unwrap_or_default()
                .into_iter()
                .map(why_line)
                .collect(),
        }
    }

    /// What an event did to deadlines.
    pub(crate) fn changes(&self, changes: &[DeadlineChange]) -> Vec<api::ChangeView> {
        let view = |change: &DeadlineChange| api::ChangeView {
            name: change.name.clone(),
            generation: change.generation,
            state: name_of(&change.clock),
            due_at: self.time_or(change.due_at),
            was_due_at: self.time_or(change.was_due_at),
            provisional: change.provisional,
        };
        changes.iter().map(view).collect()
    }

    /// What an accepted event made of its case. `rev` is the event's, also where the case went on since.
    pub(crate) fn answer(&self, case: &Case, rev: u64) -> api::EventAnswer {
        api::EventAnswer {
            id: case.id.to_string(),
            rev,
            edit_rev: case.edit_rev,
            state: case.state.clone(),
            deadlines: self.deadlines(case),
        }
    }

    /// One journal line.
    pub(crate) fn journal(&self, line: &JournalLine) -> api::JournalView {
        let (party, reason, fields) = self.said(&line.what);
        api::JournalView {
            seq: line.seq,
            rev: line.seq,
            event: line.event.clone(),
            from: line.from.clone(),
            to: line.to.clone(),
            occurred_at: self.time(line.occurred_at),
            recorded_at: self.time(line.recorded_at),
            by: line.by.name.clone(),
            note: line.note.clone(),
            party,
            reason,
            fields,
            corrects: self.correction(&line.what),
            deadlines: self.changes(&line.deadlines),
        }
    }

    fn correction(&self, what: &What) -> Option<api::CorrectionView> {
        let What::Correct { seq, change, .. } = what else {
            return None;
        };
        let occurred_at = match change {
            Correction::Replace { occurred_at, .. } => *occurred_at,
            Correction::Withdraw => None,
        };
        Some(api::CorrectionView {
            seq: *seq,
            withdrawn: matches!(change, Correction::Withdraw),
            occurred_at: self.time_or(occurred_at),
        })
    }

    /// The messages of one outbox entry, one for each person.
    pub(crate) fn messages(
        &self,
        entry: &OutboxEntry,
        case: Option<&Case>,
        directory: &dyn Directory,
        masked: bool,
    ) -> Vec<api::MessageView> {
        let intent = &entry.intent;
        let (cause, deadline, rung, event) = cause(&intent.cause);
        let legs = intent.legs.iter().zip(&entry.legs).enumerate();
        let view =
            |(index, (leg, state)): (usize, (&qixian_core::Leg, &qixian_store::LegState))| {
                let channel = leg.via.get(usize::from(state.channel)).or(leg.via.last());
                let person = case.and_then(|case| directory.resolve(case, &leg.role, leg.nth));
                let to = match (&person, channel) {
                    (Some(person), Some(channel)) => addressed(person, *channel, masked),
                    _ => leg.role.clone(),
                };
                let attempt = |a: &qixian_store::Attempt| api::AttemptView {
                    at: self.time(a.at),
                    via: a.channel.to_string(),
                    provider: a.provider.clone(),
                    outcome: a.outcome.clone(),
                    detail: a.detail.clone(),
                };
                api::MessageView {
                    id: format!("{}.{index}", intent.id),
                    case: intent.id.case.to_string(),
                    cause: cause.to_owned(),
                    deadline: deadline.clone(),
                    rung,
                    event: event.clone(),
                    via: channel.map(|c| c.to_string()).unwrap_or_default(),
                    role: leg.role.clone(),
                    to,
                    status: name_of(&state.status),
                    created_at: self.time(intent.created_at),
                    next_at: self.time_or(state.next_at),
                    attempts: state.attempts.iter().map(attempt).collect(),
                    receipt: state.receipt.clone(),
                }
            };
        legs.map(view).collect()
    }

    /// A client, contact or asset.
    pub(crate) fn record(&self, record: &Record) -> api::RecordView {
        api::RecordView {
            id: record.id.to_string(),
            kind: record_kind(record.kind).to_owned(),
            rev: record.rev,
            title: record.title.clone(),
            client: record.client.map(|id| id.to_string()),
            fields: object(&self.shown_record(record)),
            changed_at: self.time(record.changed_at),
        }
    }
}

/// Name and address as people see them.
pub(crate) fn addressed(
    person: &qixian_notify::Person,
    channel: qixian_core::Channel,
    masked: bool,
) -> String {
    use qixian_notify::Address;
    let address = person.address(channel).map(|address| match address {
        _ if masked => address.masked(),
        Address::Mail(text) | Address::Mobile(text) | Address::Robot(text) => text,
        Address::Person { mail, mobile } => mail.or(mobile).unwrap_or_default(),
    });
    let name = match (masked, person.name.is_empty()) {
        (_, true) => person.role.clone(),
        (true, false) => qixian_notify::mask::name(&person.name),
        (false, false) => person.name.clone(),
    };
    match address {
        Some(address) if !address.is_empty() => format!("{name} <{address}>"),
        _ => name,
    }
}

fn cause(cause: &Cause) -> (&'static str, Option<String>, Option<u16>, Option<String>) {
    match cause {
        Cause::Rung { deadline, rung, .. } => ("rung", Some(deadline.clone()), Some(*rung), None),
        Cause::Missed { deadline, .. } => ("missed", Some(deadline.clone()), None, None),
        Cause::Transition { event } => ("transition", None, None, Some(event.clone())),
        Cause::Manual => ("manual", None, None, None),
    }
}

fn why_line(line: qixian_core::WhyLine) -> api::WhyView {
    api::WhyView {
        kind: line.kind,
        day: line.day.map(|day| day.to_string()),
        text: line.text.zh,
        text_en: line.text.en,
    }
}

/// Text in both languages.
pub(crate) fn words(words: &Words) -> api::WordsView {
    api::WordsView {
        zh: words.zh.clone(),
        en: words.en.clone(),
    }
}

/// The name of a record's kind.
pub(crate) fn record_kind(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::Client => "client",
        RecordKind::Contact => "contact",
        RecordKind::Asset => "asset",
    }
}

/// The name of a deadline's kind.
pub(crate) fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Duty => "duty",
        Kind::Expectation => "expectation",
    }
}

/// Fields as JSON.
pub(crate) fn object(fields: &Fields) -> Map<String, Value> {
    match serde_json::to_value(fields) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

/// The serialised name of a plain enum value.
pub(crate) fn name_of(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(name)) => name,
        _ => String::new(),
    }
}
