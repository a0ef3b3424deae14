//! `/preview`: the reminders of the coming days, as they would read now.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use qixian_api as api;
use qixian_core::definition::RungDef;
use qixian_core::{
    Case, Cause, Deadline, Leg, OutboxId, ReminderIntent, Rung, RungState, Workflow,
};
use qixian_notify::{ComposeScope, Directory, compose};
use qixian_time::Timestamp;
use serde::Deserialize;
use utoipa::IntoParams;

use super::caller::Caller;
use super::listing::{Query, page};
use super::problem::Refusal;
use super::state::App;
use crate::to_api::addressed;

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;
/// Most cases looked at, and most reminders answered.
const MOST_CASES: usize = 2_000;
const MOST_ITEMS: usize = 1_000;

/// How far to look.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct Ahead {
    /// Days ahead, 14 unless given, 90 at most.
    days: Option<i64>,
}

/// The reminders of the coming days, soonest first, at most 1,000. One that is met first will not go out.
#[utoipa::path(get, path = "/api/v1/preview", tag = "messages", params(Ahead), responses((status = 200, body = api::Page<api::PreviewItem>)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(ahead): Query<Ahead>,
) -> Result<Json<api::Page<api::PreviewItem>>, Refusal> {
    let days = ahead.days.unwrap_or(14).clamp(1, 90);
    let until = app.clock.now().saturating_add_millis(days * DAY_MILLIS);
    let mut found = Vec::new();
    for case in waking(&app, until).await? {
        if let Some(workflow) = app.workflow_of(&case).await {
            let scope = Scope {
                app: &app,
                caller: &caller,
                case: &case,
                workflow: &workflow,
            };
            scope.rungs(until, &mut found);
        }
    }
    found.sort_by_key(|(at, _)| *at);
    found.truncate(MOST_ITEMS);
    Ok(page(
        found.into_iter().map(|(_, item)| item).collect(),
        None,
    ))
}

/// The cases that wake up before `until`: only those have a rung in that time.
async fn waking(app: &App, until: Timestamp) -> Result<Vec<Arc<Case>>, Refusal> {
    let rows = app.store.timers_due(until, None, MOST_CASES).await?;
    let mut ids: Vec<_> = rows.into_iter().map(|row| row.case).collect();
    ids.dedup();
    Ok(app.store.cases(&ids).await?.into_iter().flatten().collect())
}

struct Scope<'a> {
    app: &'a App,
    caller: &'a Caller,
    case: &'a Arc<Case>,
    workflow: &'a Workflow,
}

impl Scope<'_> {
    fn rungs(&self, until: Timestamp, found: &mut Vec<(Timestamp, api::PreviewItem)>) {
        for deadline in self.case.deadlines.iter().filter(|d| d.clock.is_open()) {
            let Some(def) = self.workflow.deadlines.get(&deadline.name) else {
                continue;
            };
            let waits = deadline.clock == qixian_core::ClockState::Waiting;
            let asked = def.ask.as_ref().filter(|_| waits).map(|ask| &ask.ladder);
            let Some(ladder) = asked.or(def.ladder.as_ref()) else {
                continue;
            };
            let Some(ladder) = self.workflow.ladders.get(ladder) else {
                continue;
            };
            let rungs = deadline.rungs.iter();
            for rung in rungs.filter(|r| r.state == RungState::Pending && r.at <= until) {
                for step in rung
                    .steps
                    .iter()
                    .filter_map(|step| ladder.steps.get(usize::from(*step)))
                {
                    self.step(deadline, rung, step, found);
                }
            }
        }
    }

    /// One step of a rung: one item for each person it reaches.
    fn step(
        &self,
        deadline: &Deadline,
        rung: &Rung,
        step: &RungDef,
        found: &mut Vec<(Timestamp, api::PreviewItem)>,
    ) {
        let at = rung.at;
        let intent = self.intent(deadline, rung, step);
        let masked = !self.caller.sees_people();
        for (index, leg) in intent.legs.iter().enumerate() {
            let directory = self.app.loaded.staff.as_ref();
            let Some(person) = directory.resolve(self.case, &leg.role, leg.nth) else {
                continue;
            };
            let scope = ComposeScope {
                templates: &self.app.loaded.templates,
                case: self.case,
                workflow: self.workflow,
                deadline: Some(deadline),
                person: &person,
                related: &[],
                base_url: self.app.settings.base_url.as_deref(),
            };
            let composed = leg.via.iter().find_map(|channel| {
                let message = compose(&intent, index, *channel, &scope, at).ok()?;
                Some((*channel, message))
            });
            let Some((channel, message)) = composed else {
                continue;
            };
            let item = api::PreviewItem {
                at: at.to_rfc3339(&self.workflow.zone),
                case: self.case.id.to_string(),
                title: self.case.title.clone(),
                deadline: deadline.name.clone(),
                rung: rung.name(),
                via: channel.to_string(),
                to: addressed(&person, channel, masked),
                text: message.text,
            };
            found.push((at, item));
        }
    }

    /// Whether the person has confirmed what the deadline waits for: who has gets no more messages.
    fn has_confirmed(&self, deadline: &Deadline, leg: &Leg) -> bool {
        let def = self.workflow.deadlines.get(&deadline.name);
        self.case.confirmed.iter().any(|done| {
            let by = Leg {
                role: done.role.clone(),
                nth: 0,
                via: Vec::new(),
            };
            let is_met_by =
                def.is_none_or(|def| def.met_by.is_empty() || def.met_by.contains(&done.event));
            is_met_by && (done.role == leg.role || self.is_one_person(&by, leg))
        })
    }

    fn is_one_person(&self, a: &Leg, b: &Leg) -> bool {
        let party = |leg: &Leg| self.case.parties_as(&leg.role).nth(usize::from(leg.nth));
        party(a)
            .zip(party(b))
            .is_some_and(|(a, b)| a.is_reached_as(b))
    }

    /// What the rung would ask to be said.
    fn intent(&self, deadline: &Deadline, rung: &Rung, step: &RungDef) -> ReminderIntent {
        let id = &self.workflow.id;
        let own = || format!("{id}/{}", deadline.name);
        let mut legs: Vec<Leg> = Vec::new();
        for role in &step.to {
            for nth in 0..self.case.parties_as(role).count().max(1) {
                let leg = Leg {
                    role: role.clone(),
                    nth: u16::try_from(nth).unwrap_or(u16::MAX),
                    via: step.via.clone(),
                };
                let is_reached = legs.iter().any(|known| self.is_one_person(known, &leg));
                if !is_reached && !self.has_confirmed(deadline, &leg) {
                    legs.push(leg);
                }
            }
        }
        ReminderIntent {
            id: OutboxId {
                case: self.case.id,
                seq: self.case.rev + 1,
                index: 0,
            },
            cause: Cause::Rung {
                deadline: deadline.name.clone(),
                generation: deadline.generation,
                rung: rung.name(),
            },
            template: step.template.clone().unwrap_or_else(own),
            legs,
            urgent: step.urgent,
            held: self.case.held,
            created_at: rung.at,
            give_up_at: None,
        }
    }
}
