//! Messages: what was said or is to be said.

use axum::Json;
use axum::extract::{Path, State};
use qixian_api as api;
use qixian_core::{CaseId, LegStatus};
use qixian_store::{MessageQuery, OutboxEntry};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as ValueError, StrDeserializer};
use utoipa::IntoParams;

use super::caller::Caller;
use super::cases::{load, view_with};
use super::listing::{Query, limit, page};
use super::problem::Refusal;
use super::state::App;
use crate::from_api;

/// Which messages to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct MessageFilter {
    /// `queued`, `held`, `sending`, `accepted`, `delivered`, `moot`, `dead` or `unknown`.
    status: Option<String>,
    /// At most so many outbox entries, 50 unless given, 500 at most.
    limit: Option<usize>,
    /// Where the last page ended.
    cursor: Option<String>,
}

/// Messages of all cases.
#[utoipa::path(get, path = "/api/v1/messages", tag = "messages", params(MessageFilter), responses((status = 200, body = api::Page<api::MessageView>)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(filter): Query<MessageFilter>,
) -> Result<Json<api::Page<api::MessageView>>, Refusal> {
    find(&app, &caller, None, filter).await
}

/// The messages of a case, newest last.
#[utoipa::path(get, path = "/api/v1/cases/{id}/messages", tag = "messages", params(("id" = String, Path), MessageFilter), responses((status = 200, body = api::Page<api::MessageView>)))]
pub(crate) async fn of_case(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Query(filter): Query<MessageFilter>,
) -> Result<Json<api::Page<api::MessageView>>, Refusal> {
    let case = load(&app, &id).await?;
    find(&app, &caller, Some(case.id), filter).await
}

async fn find(
    app: &App,
    caller: &Caller,
    case: Option<CaseId>,
    filter: MessageFilter,
) -> Result<Json<api::Page<api::MessageView>>, Refusal> {
    let status = filter.status.as_deref().map(status).transpose()?;
    let query = MessageQuery { case, status };
    let found = app
        .store
        .messages(&query, filter.cursor.as_deref(), limit(filter.limit))
        .await?;
    let mut views = Vec::new();
    for entry in &found.items {
        views.extend(views_of(app, caller, entry).await?);
    }
    if let Some(status) = &filter.status {
        views.retain(|view| view.status == *status);
    }
    Ok(page(views, found.next))
}

fn status(text: &str) -> Result<LegStatus, Refusal> {
    let input: StrDeserializer<'_, ValueError> = text.into_deserializer();
    LegStatus::deserialize(input).map_err(|_| {
        let known = "queued, held, sending, accepted, delivered, moot, dead, unknown";
        Refusal::value(
            "/status",
            format!("应为：{known}"),
            format!("expected one of: {known}"),
        )
    })
}

pub(super) async fn views_of(
    app: &App,
    caller: &Caller,
    entry: &OutboxEntry,
) -> Result<Vec<api::MessageView>, Refusal> {
    let case = app
        .store
        .cases(&[entry.intent.id.case])
        .await?
        .into_iter()
        .next()
        .flatten();
    let workflow = match &case {
        Some(case) => app.workflow_of(case).await,
        None => None,
    };
    let view = view_with(app, caller, workflow.as_deref());
    let masked = !caller.sees_people();
    Ok(view.messages(entry, case.as_deref(), app.loaded.staff.as_ref(), masked))
}

/// One message.
#[utoipa::path(get, path = "/api/v1/messages/{id}", tag = "messages", params(("id" = String, Path)), responses((status = 200, body = api::MessageView)))]
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<api::MessageView>, Refusal> {
    one(&app, &caller, &id).await.map(Json)
}

async fn one(app: &App, caller: &Caller, id: &str) -> Result<api::MessageView, Refusal> {
    let unknown = || Refusal::not_found("消息", "message");
    let (entry, leg) = from_api::message_id(id)?;
    let found = app
        .store
        .outbox(&[entry])
        .await?
        .into_iter()
        .next()
        .flatten();
    let entry = found.ok_or_else(unknown)?;
    let mut views = views_of(app, caller, &entry).await?;
    match usize::from(leg) < views.len() {
        true => Ok(views.swap_remove(usize::from(leg))),
        false => Err(unknown()),
    }
}

/// Sends a message again, from its first channel. The body may be empty.
#[utoipa::path(post, path = "/api/v1/messages/{id}/retry", tag = "messages", params(("id" = String, Path)), responses((status = 200, body = api::MessageView)))]
pub(crate) async fn retry(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<api::MessageView>, Refusal> {
    caller.may_write()?;
    let (entry, leg) = from_api::message_id(&id)?;
    app.handle.retry_message(entry, leg).await?;
    one(&app, &caller, &id).await.map(Json)
}
