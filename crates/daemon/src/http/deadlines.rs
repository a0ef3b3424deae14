//! Deadlines: of one case, of all, and changed by hand.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use qixian_api as api;
use qixian_core::ClockState;
use qixian_store::CaseQuery;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as ValueError, StrDeserializer};
use utoipa::IntoParams;

use super::body::Body;
use super::caller::Caller;
use super::cases::{load, record, view_with};
use super::listing::{Query, limit, page, time};
use super::problem::Refusal;
use super::state::App;
use crate::from_api;

/// Which deadlines to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeadlineFilter {
    /// In this state; `armed` unless given.
    state: Option<String>,
    /// Due before this instant.
    due_before: Option<String>,
    /// Of at most so many cases, 50 unless given, 500 at most.
    limit: Option<usize>,
    /// Where the last page ended.
    cursor: Option<String>,
}

/// The deadlines of a case: the latest generation of each, explained.
#[utoipa::path(get, path = "/api/v1/cases/{id}/deadlines", tag = "deadlines", params(("id" = String, Path)), responses((status = 200, body = api::Page<api::DeadlineView>)))]
pub(crate) async fn of_case(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<api::Page<api::DeadlineView>>, Refusal> {
    let case = load(&app, &id).await?;
    let workflow = app.workflow_of(&case).await;
    let view = view_with(&app, &caller, workflow.as_deref());
    Ok(page(view.deadlines(&case), None))
}

/// Deadlines of all cases: those due next first. A page covers whole cases.
#[utoipa::path(get, path = "/api/v1/deadlines", tag = "deadlines", params(DeadlineFilter), responses((status = 200, body = api::Page<api::DeadlineView>)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(filter): Query<DeadlineFilter>,
) -> Result<Json<api::Page<api::DeadlineView>>, Refusal> {
    let wanted = clock_state(filter.state.as_deref().unwrap_or("armed"))?;
    let before = time("due_before", filter.due_before.as_deref())?;
    // Only armed deadlines move a case's place in the list, so the store can narrow by time for those alone.
    let query = CaseQuery {
        due_before: before.filter(|_| wanted == ClockState::Armed),
        ..CaseQuery::default()
    };
    let cases = app
        .store
        .list(&query, filter.cursor.as_deref(), limit(filter.limit))
        .await?;
    let mut found = Vec::new();
    for case in &cases.items {
        let workflow = app.workflow_of(case).await;
        let view = view_with(&app, &caller, workflow.as_deref());
        let kept = case.deadlines.iter().filter(|deadline| {
            deadline.clock == wanted
                && before.is_none_or(|before| deadline.due_at.is_some_and(|due| due < before))
        });
        found.extend(kept.map(|deadline| (deadline.due_at, view.deadline(case, deadline))));
    }
    found.sort_by_key(|(due, _)| (due.is_none(), *due));
    Ok(page(
        found.into_iter().map(|(_, view)| view).collect(),
        cases.next,
    ))
}

fn clock_state(text: &str) -> Result<ClockState, Refusal> {
    let input: StrDeserializer<'_, ValueError> = text.into_deserializer();
    ClockState::deserialize(input).map_err(|_| {
        let known = "waiting, armed, paused, met, missed, cancelled, superseded";
        Refusal::value(
            "/state",
            format!("应为：{known}"),
            format!("expected one of: {known}"),
        )
    })
}

/// Refuses names that the case's workflow does not have.
async fn check_name(app: &App, id: &str, name: &str) -> Result<(), Refusal> {
    let case = load(app, id).await?;
    match app.workflow_of(&case).await {
        Some(workflow) if !workflow.deadlines.contains_key(name) => {
            Err(Refusal::not_found("期限", "deadline"))
        }
        _ => Ok(()),
    }
}

/// Moves a deadline by hand.
#[utoipa::path(post, path = "/api/v1/cases/{id}/deadlines/{name}/move", tag = "deadlines", params(("id" = String, Path), ("name" = String, Path)), request_body = api::MoveDeadline, responses((status = 200, body = api::EventAnswer)))]
pub(crate) async fn shift(
    State(app): State<App>,
    caller: Caller,
    Path((id, name)): Path<(String, String)>,
    body: Body<api::MoveDeadline>,
) -> Result<Response, Refusal> {
    check_name(&app, &id, &name).await?;
    let plain = serde_json::json!([name, body.plain]);
    let said = from_api::move_deadline(name, body.value, app.clock.now())?;
    record(&app, &caller, &id, said, &plain).await
}

/// Stops a deadline's clock.
#[utoipa::path(post, path = "/api/v1/cases/{id}/deadlines/{name}/pause", tag = "deadlines", params(("id" = String, Path), ("name" = String, Path)), request_body = api::PostClock, responses((status = 200, body = api::EventAnswer)))]
pub(crate) async fn pause(
    State(app): State<App>,
    caller: Caller,
    Path((id, name)): Path<(String, String)>,
    body: Body<api::PostClock>,
) -> Result<Response, Refusal> {
    check_name(&app, &id, &name).await?;
    let plain = serde_json::json!([name, body.plain]);
    let said = from_api::clock(name, body.value, app.clock.now(), false)?;
    record(&app, &caller, &id, said, &plain).await
}

/// Lets a deadline's clock go on.
#[utoipa::path(post, path = "/api/v1/cases/{id}/deadlines/{name}/resume", tag = "deadlines", params(("id" = String, Path), ("name" = String, Path)), request_body = api::PostClock, responses((status = 200, body = api::EventAnswer)))]
pub(crate) async fn resume(
    State(app): State<App>,
    caller: Caller,
    Path((id, name)): Path<(String, String)>,
    body: Body<api::PostClock>,
) -> Result<Response, Refusal> {
    check_name(&app, &id, &name).await?;
    let plain = serde_json::json!([name, body.plain]);
    let said = from_api::clock(name, body.value, app.clock.now(), true)?;
    record(&app, &caller, &id, said, &plain).await
}
