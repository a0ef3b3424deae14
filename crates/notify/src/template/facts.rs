//! What templates can speak of: gathered from a case, then handed over as values. The same shape is used for the sample
//! that every template is rendered with when it is loaded.

use minijinja::Value;
use qixian_core::definition::Kind;
use qixian_core::value::{Fields, Value as Field};
use qixian_core::{Case, Deadline, Item, Lang, Party, Workflow};
use qixian_time::{Timestamp, Zone};

use crate::compose::{ComposeScope, Related};
use crate::directory::Person;

/// Every name a template may use. A name under a loop variable is found by rendering the sample.
pub(crate) const NAMES: &[&str] = &[
    "lang",
    "now",
    "urgent",
    "base_url",
    "case",
    "case.id",
    "case.title",
    "case.reference",
    "case.state",
    "case.state_title",
    "case.state_help",
    "case.round",
    "workflow",
    "workflow.id",
    "workflow.title",
    "person",
    "person.name",
    "person.role",
    "person.role_title",
    "person.greeting",
    "person.staff",
    "deadline",
    "deadline.name",
    "deadline.title",
    "deadline.kind",
    "deadline.due_at",
    "deadline.earliest_at",
    "deadline.started_at",
    "deadline.assume_at",
    "deadline.assumed",
    "deadline.provisional",
    "deadline.overdue",
    "deadline.missed_reason",
    "presumed",
    "items",
    "related",
    "missing",
    "to_call",
    "message",
    "subject",
    "paragraphs",
    "field",
];

/// Everything of one message that words can use.
pub(crate) struct Facts {
    pub(crate) lang: Lang,
    pub(crate) now: Timestamp,
    pub(crate) zone: Zone,
    pub(crate) urgent: bool,
    pub(crate) base_url: Option<String>,
    pub(crate) case: CaseFacts,
    pub(crate) workflow: (String, String),
    pub(crate) person: Person,
    pub(crate) deadline: Option<DeadlineFacts>,
    pub(crate) items: Vec<Item>,
    pub(crate) related: Vec<Related>,
    pub(crate) missing: Vec<Party>,
    pub(crate) to_call: Vec<Party>,
    pub(crate) fields: Fields,
}

pub(crate) struct CaseFacts {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) reference: String,
    pub(crate) state: String,
    pub(crate) state_title: String,
    pub(crate) state_help: String,
    pub(crate) round: u32,
    /// Whether an automatic miss brought it where it is.
    pub(crate) presumed: bool,
}

#[derive(Default)]
pub(crate) struct DeadlineFacts {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) expectation: bool,
    pub(crate) due_at: Option<Timestamp>,
    pub(crate) earliest_at: Option<Timestamp>,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) assume_at: Option<Timestamp>,
    pub(crate) assumed: bool,
    pub(crate) provisional: bool,
    pub(crate) missed_reason: String,
}

impl Facts {
    /// What is true of the scope's case at `now`.
    pub(crate) fn gather(scope: &ComposeScope<'_>, urgent: bool, now: Timestamp) -> Self {
        let (case, workflow, lang) = (scope.case, scope.workflow, scope.person.lang);
        Self {
            lang,
            now,
            zone: workflow.zone.clone(),
            urgent,
            base_url: scope.base_url.map(str::to_owned),
            case: CaseFacts::of(case, workflow, lang),
            workflow: (workflow.id.clone(), workflow.title.get(lang).to_owned()),
            person: scope.person.clone(),
            deadline: scope.deadline.map(|d| DeadlineFacts::of(d, workflow, lang)),
            items: case.items.iter().filter(|i| !i.done).cloned().collect(),
            related: scope.related.to_vec(),
            missing: missing(case, workflow),
            to_call: to_call(case, workflow, scope.person),
            fields: case.fields.clone(),
        }
    }

    /// The values a template sees. `extra` are names of one use only (`message`; `subject` and `paragraphs`).
    pub(crate) fn to_value(&self, extra: &[(&'static str, Value)]) -> Value {
        let lang = self.lang;
        let mut names = vec![
            ("lang", Value::from(lang_name(lang))),
            ("now", instant(self.now)),
            ("zone", Value::from(self.zone.name())),
            ("urgent", Value::from(self.urgent)),
            (
                "base_url",
                self.base_url
                    .as_deref()
                    .map_or(Value::from(()), Value::from),
            ),
            ("case", self.case.to_value()),
            ("presumed", Value::from(self.case.presumed)),
            (
                "workflow",
                Value::from_pairs([("id", &self.workflow.0), ("title", &self.workflow.1)]),
            ),
            ("person", person(&self.person, lang)),
            (
                "deadline",
                self.deadline
                    .as_ref()
                    .map_or(Value::from(()), |d| d.to_value(self.now)),
            ),
            ("items", list(&self.items, item)),
            ("related", list(&self.related, related)),
            ("missing", list(&self.missing, |p| party(p, lang))),
            ("to_call", list(&self.to_call, |p| party(p, lang))),
            ("fields", record(&self.fields)),
        ];
        names.extend(extra.iter().cloned());
        Value::from_pairs(names)
    }
}

impl CaseFacts {
    fn of(case: &Case, workflow: &Workflow, lang: Lang) -> Self {
        let state = workflow.states.get(&case.state);
        Self {
            id: case.id.to_string(),
            title: case.title.clone(),
            reference: case.reference.clone(),
            state: case.state.clone(),
            state_title: state.map_or(case.state.clone(), |s| s.title.get(lang).to_owned()),
            state_help: state.map_or(String::new(), |s| s.help.get(lang).to_owned()),
            round: case.round,
            presumed: case.presumed.is_some(),
        }
    }

    fn to_value(&self) -> Value {
        Value::from_pairs([
            ("id", Value::from(&self.id)),
            ("title", Value::from(&self.title)),
            ("reference", Value::from(&self.reference)),
            ("state", Value::from(&self.state)),
            ("state_title", Value::from(&self.state_title)),
            ("state_help", Value::from(&self.state_help)),
            ("round", Value::from(self.round)),
        ])
    }
}

impl DeadlineFacts {
    fn of(deadline: &Deadline, workflow: &Workflow, lang: Lang) -> Self {
        let def = workflow.deadlines.get(&deadline.name);
        let missed = def.and_then(|d| d.missed.as_ref());
        Self {
            name: deadline.name.clone(),
            title: def.map_or(deadline.name.clone(), |d| d.title.get(lang).to_owned()),
            expectation: def.is_some_and(|d| d.kind == Kind::Expectation),
            due_at: deadline.due_at,
            earliest_at: deadline.earliest_at,
            started_at: deadline.started_at,
            assume_at: deadline.assume_at,
            assumed: deadline.assumed,
            provisional: deadline.provisional,
            missed_reason: missed.map_or(String::new(), |m| m.reason.get(lang).to_owned()),
        }
    }

    fn to_value(&self, now: Timestamp) -> Value {
        let kind = if self.expectation {
            "expectation"
        } else {
            "duty"
        };
        let time = |at: Option<Timestamp>| at.map_or(Value::from(()), instant);
        Value::from_pairs([
            ("name", Value::from(&self.name)),
            ("title", Value::from(&self.title)),
            ("kind", Value::from(kind)),
            ("due_at", time(self.due_at)),
            ("earliest_at", time(self.earliest_at)),
            ("started_at", time(self.started_at)),
            ("assume_at", time(self.assume_at)),
            ("assumed", Value::from(self.assumed)),
            ("provisional", Value::from(self.provisional)),
            (
                "overdue",
                Value::from(self.due_at.is_some_and(|due| due <= now)),
            ),
            ("missed_reason", Value::from(&self.missed_reason)),
        ])
    }
}

/// The parties who have not confirmed an event of the present state that waits for each of them.
fn missing(case: &Case, workflow: &Workflow) -> Vec<Party> {
    let asked = workflow
        .transitions
        .iter()
        .filter(|t| t.from.contains(&case.state))
        .flat_map(|t| t.needs.iter().map(move |role| (&t.event, role)));
    let open = asked.filter(|(event, role)| {
        !case
            .confirmed
            .iter()
            .any(|c| c.event == **event && c.role == **role)
    });
    let mut parties: Vec<Party> = Vec::new();
    for (_, role) in open {
        for party in case.parties_as(role) {
            if !parties.contains(party) {
                parties.push(party.clone());
            }
        }
    }
    parties
}

/// Whom a colleague may have to call: who has not confirmed, else everybody of the case with a number.
fn to_call(case: &Case, workflow: &Workflow, caller: &Person) -> Vec<Party> {
    let mut people = missing(case, workflow);
    if people.is_empty() {
        people = case.parties.clone();
    }
    people.retain(|p| p.role != caller.role && p.mobile.as_deref().is_some_and(|m| !m.is_empty()));
    people.dedup_by(|a, b| a.mobile == b.mobile);
    people
}

/// What people call a role; one that is not known keeps its name.
pub fn role_title(role: &str, lang: Lang) -> &str {
    match (role, lang) {
        ("principal", Lang::Zh) => "主体负责人",
        ("principal", Lang::En) => "principal",
        ("site_owner", Lang::Zh) => "网站负责人",
        ("site_owner", Lang::En) => "site owner",
        ("client", Lang::Zh) => "客户",
        ("handler", Lang::Zh) => "经办人",
        ("lead", Lang::Zh) => "负责人",
        _ => role,
    }
}

pub(crate) fn lang_name(lang: Lang) -> &'static str {
    match lang {
        Lang::Zh => "zh",
        Lang::En => "en",
    }
}

fn instant(at: Timestamp) -> Value {
    Value::from(at.as_millis())
}

fn list<T>(items: &[T], value: impl Fn(&T) -> Value) -> Value {
    Value::from(items.iter().map(value).collect::<Vec<Value>>())
}

fn person(person: &Person, lang: Lang) -> Value {
    Value::from_pairs([
        ("name", Value::from(&person.name)),
        ("role", Value::from(&person.role)),
        ("role_title", Value::from(role_title(&person.role, lang))),
        ("greeting", Value::from(greeting(&person.name, lang))),
        ("staff", Value::from(person.staff)),
    ])
}

fn greeting(name: &str, lang: Lang) -> String {
    match (name.is_empty(), lang) {
        (true, Lang::Zh) => "您好：".to_owned(),
        (true, Lang::En) => "Hello,".to_owned(),
        (false, Lang::Zh) => format!("{name}，您好："),
        (false, Lang::En) => format!("Dear {name},"),
    }
}

fn party(party: &Party, lang: Lang) -> Value {
    Value::from_pairs([
        ("name", Value::from(&party.name)),
        ("role_title", Value::from(role_title(&party.role, lang))),
        (
            "mobile",
            Value::from(party.mobile.as_deref().unwrap_or_default()),
        ),
    ])
}

fn item(item: &Item) -> Value {
    Value::from_pairs([
        ("code", &item.code),
        ("field", &item.field),
        ("words", &item.words),
        ("by", &item.by),
    ])
}

fn related(case: &Related) -> Value {
    Value::from_pairs([
        ("title", Value::from(&case.title)),
        ("reference", Value::from(&case.reference)),
        ("state_title", Value::from(&case.state_title)),
        ("under_review", Value::from(case.under_review)),
    ])
}

fn record(fields: &Fields) -> Value {
    Value::from_pairs(
        fields
            .iter()
            .map(|(name, value)| (name.clone(), field(value))),
    )
}

fn field(value: &Field) -> Value {
    match value {
        Field::Null => Value::from(()),
        Field::Bool(v) => Value::from(*v),
        Field::Int(v) => Value::from(*v),
        Field::Number(v) => Value::from(*v),
        Field::Text(v) => Value::from(v),
        Field::List(v) => list(v, field),
        Field::Record(v) => record(v),
    }
}
