//! What a change says to people and to other cases.

use std::collections::BTreeMap;

use qixian_time::Timestamp;

use super::begin::nested;
use super::draft::Draft;
use crate::definition::{DeadlineDef, Missed, Name, Notify, RungDef, SetValue, StartChild, Tell};
use crate::words::say;
use crate::{
    Actor, Case, CaseId, Cause, Channel, ChildRef, Event, Leg, Party, Rejection, ReminderIntent,
    RungState, StartCase, Value, What, value,
};

/// Most children one event may start.
const CHILDREN_MAX: usize = 100;

/// Speaks for the rung `rung` of the deadline at `i`: the recipients of all its steps, united. Answers whether anybody is
/// left to be told.
pub(super) fn remind(draft: &mut Draft<'_>, i: usize, def: &DeadlineDef, rung: usize) -> bool {
    let deadline = &draft.case.deadlines[i];
    let asking = deadline.due_at.is_none();
    let ladder_name = if asking {
        def.ask.as_ref().map(|ask| &ask.ladder)
    } else {
        def.ladder.as_ref()
    };
    let Some(ladder) = ladder_name.and_then(|name| draft.workflow.ladders.get(name)) else {
        return false;
    };
    let steps: Vec<&RungDef> = deadline.rungs[rung]
        .steps
        .iter()
        .filter_map(|s| ladder.steps.get(usize::from(*s)))
        .collect();
    let own_name = if asking {
        format!("ask_{}", deadline.name)
    } else {
        deadline.name.clone()
    };
    let template = steps
        .iter()
        .rev()
        .find_map(|step| step.template.clone())
        .unwrap_or_else(|| format!("{}/{own_name}", draft.workflow.id));
    let next = deadline
        .rungs
        .iter()
        .filter(|r| r.state == RungState::Pending)
        .map(|r| r.at)
        .min();
    let due_at = deadline.due_at.filter(|due_at| *due_at > draft.now);
    let cause = Cause::Rung {
        deadline: deadline.name.clone(),
        generation: deadline.generation,
        rung: deadline.rungs[rung].name(),
    };
    let mut legs = Legs::default();
    for step in &steps {
        legs.add(&draft.case, &step.to, &step.via, true);
    }
    let intent = Intent {
        cause,
        template,
        legs: legs.0,
        urgent: steps.iter().any(|s| s.urgent),
        give_up_at: [next, due_at].into_iter().flatten().min(),
    };
    say(draft, intent)
}

/// Tells those a transition's `notify` names.
pub(super) fn tell_of_transition(draft: &mut Draft<'_>, notify: &Notify, event: &str) {
    let cause = Cause::Transition {
        event: event.to_owned(),
    };
    notify_by(draft, notify, cause);
}

/// Tells those a missed deadline's `notify` names.
pub(super) fn tell_missed(draft: &mut Draft<'_>, missed: &Missed, deadline: &str, generation: u32) {
    for notify in &missed.notify {
        notify_by(
            draft,
            notify,
            Cause::Missed {
                deadline: deadline.to_owned(),
                generation,
            },
        );
    }
}

/// Tells those who were told of a presumed outcome that it was wrong.
pub(super) fn tell_undone(draft: &mut Draft<'_>, deadline: &str) {
    let Some(missed) = draft
        .workflow
        .deadlines
        .get(deadline)
        .and_then(|def| def.missed.as_ref())
    else {
        return;
    };
    for notify in &missed.notify {
        let corrected = Notify {
            template: format!("{}/undone", draft.workflow.id),
            ..notify.clone()
        };
        notify_by(
            draft,
            &corrected,
            Cause::Transition {
                event: draft.name.clone(),
            },
        );
    }
}

/// A message reached nobody: the handler is told, or the lead where it was the handler's.
pub(super) fn message_dead<'a>(mut draft: Draft<'a>, role: &str) -> Draft<'a> {
    let to = match role {
        "lead" => return draft,
        "handler" => "lead",
        _ => "handler",
    };
    let notify = Notify {
        template: format!("{}/message_dead", draft.workflow.id),
        to: vec![to.to_owned()],
        via: vec![Channel::Mail, Channel::Sms],
        urgent: true,
    };
    notify_by(
        &mut draft,
        &notify,
        Cause::Transition {
            event: "message_dead".to_owned(),
        },
    );
    draft
}

fn notify_by(draft: &mut Draft<'_>, notify: &Notify, cause: Cause) {
    let mut legs = Legs::default();
    legs.add(&draft.case, &notify.to, &notify.via, false);
    let template = notify.template.clone();
    say(
        draft,
        Intent {
            cause,
            template,
            legs: legs.0,
            urgent: notify.urgent,
            give_up_at: None,
        },
    );
}

struct Intent {
    cause: Cause,
    template: String,
    legs: Vec<Leg>,
    urgent: bool,
    give_up_at: Option<Timestamp>,
}

/// Puts the intent in the outbox, unless it is for nobody.
fn say(draft: &mut Draft<'_>, intent: Intent) -> bool {
    if intent.legs.is_empty() {
        return false;
    }
    let intent = ReminderIntent {
        id: draft.next_outbox_id(),
        cause: intent.cause,
        template: intent.template,
        legs: intent.legs,
        urgent: intent.urgent,
        held: draft.case.held,
        created_at: draft.now,
        give_up_at: intent.give_up_at,
    };
    draft.outbox.push(intent);
    true
}

/// Recipients, each person once.
#[derive(Default)]
struct Legs(Vec<Leg>);

impl Legs {
    /// Adds everyone with one of `roles`. Where the case names nobody for a role, the directory is asked when it is sent.
    fn add(&mut self, case: &Case, roles: &[Name], via: &[Channel], spare_confirmed: bool) {
        for role in roles {
            let count = case.parties_as(role).count();
            for nth in 0..count.max(1) {
                let spared = spare_confirmed && has_confirmed(case, role, nth);
                if !spared {
                    self.add_one(case, role, nth, via);
                }
            }
        }
    }

    fn add_one(&mut self, case: &Case, role: &Name, nth: usize, via: &[Channel]) {
        let nth = u16::try_from(nth).expect("a case's parties are bounded");
        let person = party_of(case, role, nth);
        let known = self.0.iter_mut().find(|leg| {
            let other = party_of(case, &leg.role, leg.nth);
            let same_person = person.zip(other).is_some_and(|(a, b)| a.is_reached_as(b));
            same_person || leg.role == *role && leg.nth == nth
        });
        match known {
            Some(leg) => {
                for channel in via {
                    if !leg.via.contains(channel) {
                        leg.via.push(*channel);
                    }
                }
            }
            None => self.0.push(Leg {
                role: role.clone(),
                nth,
                via: via.to_vec(),
            }),
        }
    }
}

fn party_of<'c>(case: &'c Case, role: &str, nth: u16) -> Option<&'c Party> {
    case.parties_as(role).nth(usize::from(nth))
}

/// Whether this person has confirmed what is waited for: who has gets no more messages (design §9).
fn has_confirmed(case: &Case, role: &str, nth: usize) -> bool {
    let person = case.parties_as(role).nth(nth);
    case.confirmed.iter().any(|c| {
        let other = party_of(case, &c.role, 0);
        c.role == role || person.zip(other).is_some_and(|(a, b)| a.is_reached_as(b))
    })
}

/// The value a file's `set` stands for. `item` is the list item a child is started for.
pub(super) fn resolve(
    draft: &Draft<'_>,
    source: &SetValue,
    at: Timestamp,
    item: Option<&Value>,
) -> Value {
    let zone = &draft.workflow.zone;
    match source {
        SetValue::Fixed(value) => value.clone(),
        SetValue::OccurredOn => Value::Text(zone.date_of(at).to_string()),
        SetValue::OccurredAt => Value::Text(at.to_rfc3339(zone)),
        SetValue::Field(path) => match (path.as_str(), path.strip_prefix("item."), item) {
            ("item", _, Some(item)) => item.clone(),
            (_, Some(rest), Some(item)) => item.at(rest).cloned().unwrap_or_default(),
            _ => value::get(&draft.case.fields, path)
                .cloned()
                .unwrap_or_default(),
        },
    }
}

/// Starts a child, or one for each value of a list.
pub(super) fn start_children(
    draft: &mut Draft<'_>,
    start: &StartChild,
    at: Timestamp,
) -> Result<(), Rejection> {
    let items: Vec<Option<Value>> = match &start.for_each {
        None => vec![None],
        Some(path) => match value::get(&draft.case.fields, path) {
            Some(Value::List(items)) => items.iter().cloned().map(Some).collect(),
            _ => Vec::new(),
        },
    };
    if items.len() > CHILDREN_MAX {
        let name = &draft.name;
        return Err(super::invalid(
            "/fields",
            say!(
                "“{name}”会开始超过 {CHILDREN_MAX} 个案件",
                "`{name}` would start more than {CHILDREN_MAX} cases"
            ),
        ));
    }
    for item in items {
        let fields: BTreeMap<String, Value> = start
            .fields
            .iter()
            .map(|(path, source)| (path.clone(), resolve(draft, source, at, item.as_ref())))
            .filter(|(_, value)| !value.is_null())
            .collect();
        start_child(draft, start, nested(fields), at);
    }
    Ok(())
}

fn start_child(draft: &mut Draft<'_>, start: &StartChild, fields: crate::Fields, at: Timestamp) {
    let id = draft.case.id.child(draft.seq(), draft.children_started);
    draft.children_started += 1;
    let number = draft.case.children.len() + 1;
    let title = match start.title.zh.as_str() {
        "" => draft.case.title.clone(),
        own => format!("{} · {own}", draft.case.title),
    };
    let begun = StartCase {
        workflow: start.workflow.clone(),
        pack: draft.case.pack.clone(),
        reference: format!("{}-{number}", draft.case.reference),
        title,
        fields,
        parties: draft.case.parties.clone(),
        state: None,
        entered_at: None,
        parent: Some((draft.case.id, draft.case.root)),
        client: draft.case.client,
        assets: draft.case.assets.clone(),
    };
    draft.case.children.push(ChildRef {
        case: id,
        workflow: start.workflow.clone(),
        ended: false,
    });
    follow_up(draft, id, at, What::Start(Box::new(begun)));
}

/// Sends an event to the open children of one workflow.
pub(super) fn tell_children(draft: &mut Draft<'_>, tell: &Tell, at: Timestamp) {
    let children: Vec<CaseId> = draft
        .case
        .children
        .iter()
        .filter(|child| child.workflow == tell.workflow && !child.ended)
        .map(|child| child.case)
        .collect();
    for child in children {
        let mut fields = crate::Fields::new();
        for (path, source) in &tell.fields {
            let value = resolve(draft, source, at, None);
            if !value.is_null() {
                value::set(&mut fields, path, value);
            }
        }
        let what = What::Fact {
            event: tell.event.clone(),
            party: None,
            fields,
            override_reason: None,
        };
        follow_up(draft, child, at, what);
    }
}

/// Tells the parent that this case ended at `at`.
pub(super) fn tell_parent(draft: &mut Draft<'_>, at: Timestamp) {
    if let Some(parent) = draft.case.parent {
        let what = What::ChildClosed {
            child: draft.case.id,
            state: draft.case.state.clone(),
        };
        follow_up(draft, parent.case, at, what);
    }
}

fn follow_up(draft: &mut Draft<'_>, case: CaseId, at: Timestamp, what: What) {
    let id = format!(
        "{}:{}:{}",
        draft.case.id,
        draft.seq(),
        draft.followups.len()
    );
    draft.followups.push(Event {
        id,
        case,
        occurred_at: at,
        by: Actor::system("case"),
        note: None,
        expected_edit_rev: None,
        what,
    });
}
