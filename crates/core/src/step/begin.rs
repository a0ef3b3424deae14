//! A case begins.

use std::collections::BTreeMap;

use qixian_time::Timestamp;

use super::{Transition, check_not_ahead, draft::Draft, places};
use crate::words::say;
use crate::{
    Case, DefinitionRef, Env, Event, FieldProblem, ParentRef, Party, Rejection, StartCase, Words,
    Workflow,
};

/// Most parties a case may have.
pub(super) const PARTIES_MAX: usize = 50;

pub(super) fn begin(
    env: &Env,
    workflow: &Workflow,
    event: &Event,
    start: &StartCase,
    now: Timestamp,
) -> Result<Transition, Rejection> {
    let mid_way = start.state.is_some() || start.entered_at.is_some();
    check(workflow, start)?;
    if start.parent.is_none() {
        check_not_ahead("/occurred_at", event.occurred_at, now)?;
    }
    if mid_way && !(event.by.may_as("lead") || event.by.name == "system") {
        return Err(Rejection::NotAllowed {
            roles: vec!["lead".to_owned()],
        });
    }
    let entered_at = start.entered_at.unwrap_or(event.occurred_at);
    check_not_ahead("/entered_at", entered_at, now)?;
    let mut fields = start.fields.clone();
    fields.retain(|_, value| !value.is_null());
    let state = start
        .state
        .clone()
        .unwrap_or_else(|| workflow.initial.clone());
    let case = Case {
        id: event.case,
        root: start.parent.map_or(event.case, |(_, root)| root),
        parent: start.parent.map(|(case, _)| ParentRef { case }),
        reference: start.reference.clone(),
        title: start.title.clone(),
        workflow: DefinitionRef {
            id: workflow.id.clone(),
            version: workflow.version,
            digest: workflow.digest.chars().take(16).collect(),
        },
        pack: start.pack.clone(),
        state: state.clone(),
        entered_at,
        began_at: event.occurred_at.min(entered_at),
        rev: 0,
        edit_rev: 0,
        round: 0,
        fields,
        parties: parties(workflow, start),
        deadlines: Vec::new(),
        confirmed: Vec::new(),
        flags: Vec::new(),
        items: Vec::new(),
        children: Vec::new(),
        presumed: None,
        closed: false,
        held: mid_way,
        client: start.client,
        assets: start.assets.clone(),
    };
    let mut draft = Draft::new(env, workflow, case, event, now);
    places::arm_for_life(&mut draft, entered_at)?;
    places::enter(&mut draft, &state, entered_at, None)?;
    Ok(draft.finish())
}

/// The parties of the new case. A child takes over those of its parent whose role it knows.
fn parties(workflow: &Workflow, start: &StartCase) -> Vec<Party> {
    let known =
        |party: &&Party| start.parent.is_none() || role_problem(workflow, &party.role).is_none();
    start.parties.iter().filter(known).cloned().collect()
}

fn check(workflow: &Workflow, start: &StartCase) -> Result<(), Rejection> {
    let mut problems: Vec<FieldProblem> = workflow
        .fields
        .check(&start.fields)
        .into_iter()
        .map(FieldProblem::in_request)
        .collect();
    let mut problem =
        |pointer: String, detail: Words| problems.push(FieldProblem { pointer, detail });
    if let Some(state) = &start.state
        && !workflow.states.contains_key(state)
    {
        let known: Vec<&str> = workflow.states.keys().map(String::as_str).collect();
        problem(
            "/state".to_owned(),
            say!("没有这个状态；可用的有：{}", "no such state; known: {}"; Words::listed(&known)),
        );
    }
    if start.parties.len() > PARTIES_MAX {
        problem(
            "/parties".to_owned(),
            say!("最多 {PARTIES_MAX} 人", "at most {PARTIES_MAX} are taken"),
        );
    }
    for (i, party) in parties(workflow, start).iter().enumerate() {
        if let Some(detail) = role_problem(workflow, &party.role) {
            problem(format!("/parties/{i}/role"), detail);
        }
    }
    if start.title.trim().is_empty() {
        problem(
            "/title".to_owned(),
            Words::new("案件需要标题", "a case needs a title"),
        );
    }
    if start.title.chars().count() > 200 {
        problem(
            "/title".to_owned(),
            Words::new("最多 200 个字", "at most 200 characters are taken"),
        );
    }
    if start.reference.len() > 100 {
        problem(
            "/reference".to_owned(),
            Words::new("最多 100 字节", "at most 100 bytes are taken"),
        );
    }
    if start.assets.len() > 50 {
        problem(
            "/assets".to_owned(),
            Words::new("最多 50 项", "at most 50 are taken"),
        );
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Rejection::Invalid(problems))
    }
}

/// What is wrong with a role, if it is none of the workflow's.
pub(super) fn role_problem(workflow: &Workflow, role: &str) -> Option<Words> {
    let known = || Words::listed(&workflow.roles);
    (!workflow.roles.iter().any(|r| r == role))
        .then(|| say!("没有这个角色；可用的有：{}", "no such role; known: {}"; known()))
}

/// The fields a child begins with, out of the values its parent set.
pub(super) fn nested(values: BTreeMap<String, crate::Value>) -> crate::Fields {
    let mut fields = crate::Fields::new();
    for (path, value) in values {
        crate::value::set(&mut fields, &path, value);
    }
    fields
}
