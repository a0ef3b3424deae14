//! `/cases`: start, list, show, change, close.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use qixian_api as api;
use qixian_core::{Case, CaseId, Rev, What, fold};
use qixian_engine::Ack;
use qixian_store::{CaseQuery, RecordKind};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::IntoParams;

use super::body::Body;
use super::caller::Caller;
use super::listing::{Query, limit, page, time};
use super::problem::Refusal;
use super::records::check_client;
use super::state::App;
use crate::from_api::{self, Said};
use crate::to_api::View;

/// Which cases to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct CaseFilter {
    /// Of this workflow.
    pub(crate) workflow: Option<String>,
    /// In this state.
    pub(crate) state: Option<String>,
    /// An exact reference, or the beginning of a title.
    pub(crate) q: Option<String>,
    /// Next due before this instant.
    pub(crate) due_before: Option<String>,
    /// Where this role holds the ball.
    pub(crate) holder: Option<String>,
    /// Of this client.
    pub(crate) client: Option<String>,
    /// That hang on this asset.
    pub(crate) asset: Option<String>,
    /// At most so many, 50 unless given, 500 at most.
    pub(crate) limit: Option<usize>,
    /// Where the last page ended.
    pub(crate) cursor: Option<String>,
}

/// Starts a case.
#[utoipa::path(post, path = "/api/v1/cases", tag = "cases", request_body = api::PostCase, responses((status = 201, body = api::CaseView), (status = 422, body = api::Problem)))]
pub(crate) async fn start(
    State(app): State<App>,
    caller: Caller,
    body: Body<api::PostCase>,
) -> Result<Response, Refusal> {
    let pack = |asked: Option<&str>| app.loaded.pack(asked.unwrap_or(&app.settings.rules));
    let said = from_api::start(body.value, app.clock.now(), pack)?;
    check_records(&app, &said.what).await?;
    let ack = caller
        .submit(&app, app.handle.new_id(), said, &body.plain)
        .await?;
    let place = format!("/api/v1/cases/{}", ack.case.id);
    let case = case_of(&app, &ack).await;
    let mut response = whole(&app, &caller, &case).await;
    *response.status_mut() = StatusCode::CREATED;
    if let Ok(place) = HeaderValue::from_str(&place) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

/// Refuses a client and assets that there are no records of.
async fn check_records(app: &App, what: &What) -> Result<(), Refusal> {
    let What::Start(start) = what else {
        return Ok(());
    };
    check_client(app, start.client).await?;
    for (i, asset) in start.assets.iter().enumerate() {
        if app.store.record(RecordKind::Asset, *asset).await?.is_none() {
            return Err(Refusal::value(
                &format!("/assets/{i}"),
                "没有这项资产",
                "there is no such asset",
            ));
        }
    }
    Ok(())
}

/// Lists cases, those due next first, those without a due date last.
#[utoipa::path(get, path = "/api/v1/cases", tag = "cases", params(CaseFilter), responses((status = 200, body = api::Page<api::CaseView>)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(filter): Query<CaseFilter>,
) -> Result<Json<api::Page<api::CaseView>>, Refusal> {
    let (cases, next) = find(&app, &filter).await?;
    let mut views = Vec::with_capacity(cases.len());
    for case in &cases {
        views.push(view(&app, &caller, case).await);
    }
    Ok(page(views, next))
}

/// The cases of a filter and the next cursor. Holders are not indexed: pages are read on until enough were found.
pub(crate) async fn find(
    app: &App,
    filter: &CaseFilter,
) -> Result<(Vec<Arc<Case>>, Option<String>), Refusal> {
    const MOST_PAGES: usize = 20;
    let id = |name: &str, text: &Option<String>| {
        let id = text.as_deref().map(str::parse::<CaseId>).transpose();
        let zh = "应为 26 个字符的编号";
        id.map_err(|error| Refusal::value(&format!("/{name}"), zh, error.to_string()))
    };
    let query = CaseQuery {
        workflow: filter.workflow.clone(),
        state: filter.state.clone(),
        q: filter.q.clone(),
        due_before: time("due_before", filter.due_before.as_deref())?,
        client: id("client", &filter.client)?,
        asset: id("asset", &filter.asset)?,
    };
    let wanted = limit(filter.limit);
    let mut found: Vec<Arc<Case>> = Vec::new();
    let mut cursor = filter.cursor.clone();
    for _ in 0..MOST_PAGES {
        let page = app
            .store
            .list(&query, cursor.as_deref(), wanted - found.len())
            .await?;
        for case in page.items {
            if is_held_by(app, &case, filter.holder.as_deref()).await {
                found.push(case);
            }
        }
        cursor = page.next;
        if cursor.is_none() || found.len() >= wanted {
            break;
        }
    }
    Ok((found, cursor))
}

async fn is_held_by(app: &App, case: &Case, holder: Option<&str>) -> bool {
    let Some(holder) = holder else { return true };
    let workflow = app.workflow_of(case).await;
    let state = workflow.as_ref().and_then(|w| w.states.get(&case.state));
    state.is_some_and(|state| state.holder.as_deref() == Some(holder))
}

/// Shows a case.
#[utoipa::path(get, path = "/api/v1/cases/{id}", tag = "cases", params(("id" = String, Path)), responses((status = 200, body = api::CaseView), (status = 404, body = api::Problem)))]
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let case = load(&app, &id).await?;
    Ok(whole(&app, &caller, &case).await)
}

/// Changes title, reference or fields.
#[utoipa::path(patch, path = "/api/v1/cases/{id}", tag = "cases", params(("id" = String, Path)), request_body = api::PatchCase, responses((status = 200, body = api::CaseView), (status = 412, body = api::Problem)))]
pub(crate) async fn patch(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body: Body<api::PatchCase>,
) -> Result<Response, Refusal> {
    let said = from_api::patch(body.value, app.clock.now())?;
    let ack = caller
        .submit(&app, from_api::case_id(&id)?, said, &body.plain)
        .await?;
    let case = case_of(&app, &ack).await;
    Ok(whole(&app, &caller, &case).await)
}

/// Adds words to the journal.
#[utoipa::path(post, path = "/api/v1/cases/{id}/notes", tag = "cases", params(("id" = String, Path)), request_body = api::PostNote, responses((status = 200, body = api::EventAnswer)))]
pub(crate) async fn note(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body: Body<api::PostNote>,
) -> Result<Response, Refusal> {
    let said = from_api::note(body.value, app.clock.now())?;
    record(&app, &caller, &id, said, &body.plain).await
}

/// Closes a case by hand.
#[utoipa::path(post, path = "/api/v1/cases/{id}/close", tag = "cases", params(("id" = String, Path)), request_body = api::PostReason, responses((status = 200, body = api::EventAnswer)))]
pub(crate) async fn close(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body: Body<api::PostReason>,
) -> Result<Response, Refusal> {
    let said = from_api::close(body.value, app.clock.now(), false)?;
    let closed = record(&app, &caller, &id, said, &body.plain).await;
    closed.map_err(Refusal::without_hint)
}

/// Opens a case again.
#[utoipa::path(post, path = "/api/v1/cases/{id}/reopen", tag = "cases", params(("id" = String, Path)), request_body = api::PostReason, responses((status = 200, body = api::EventAnswer)))]
pub(crate) async fn reopen(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body: Body<api::PostReason>,
) -> Result<Response, Refusal> {
    let said = from_api::close(body.value, app.clock.now(), true)?;
    let opened = record(&app, &caller, &id, said, &body.plain).await;
    opened.map_err(Refusal::without_hint)
}

/// Lets messages go that were held since a mid-way start. The body may be empty.
#[utoipa::path(post, path = "/api/v1/cases/{id}/release", tag = "cases", params(("id" = String, Path)), responses((status = 200, body = api::EventAnswer)))]
pub(crate) async fn release(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let said = Said {
        what: What::Release,
        occurred_at: app.clock.now(),
        note: None,
    };
    record(&app, &caller, &id, said, &serde_json::Value::Null).await
}

/// Puts a person into a case, or changes one.
#[utoipa::path(post, path = "/api/v1/cases/{id}/parties", tag = "cases", params(("id" = String, Path)), request_body = api::PutParty, responses((status = 200, body = api::EventAnswer)))]
pub(crate) async fn put_party(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body: Body<api::PutParty>,
) -> Result<Response, Refusal> {
    let said = from_api::put_party(body.value, app.clock.now())?;
    record(&app, &caller, &id, said, &body.plain).await
}

/// Takes a person out of a case.
#[utoipa::path(post, path = "/api/v1/cases/{id}/parties/remove", tag = "cases", params(("id" = String, Path)), request_body = api::RemoveParty, responses((status = 200, body = api::EventAnswer)))]
pub(crate) async fn remove_party(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body: Body<api::RemoveParty>,
) -> Result<Response, Refusal> {
    let said = from_api::remove_party(body.value, app.clock.now());
    record(&app, &caller, &id, said, &body.plain).await
}

/// Submits what was said about the case with this id, and answers what it made of it.
pub(super) async fn record(
    app: &App,
    caller: &Caller,
    id: &str,
    said: Said,
    plain: &serde_json::Value,
) -> Result<Response, Refusal> {
    let ack = caller
        .submit(app, from_api::case_id(id)?, said, plain)
        .await?;
    Ok(answer(app, caller, &ack).await)
}

/// The answer to an accepted event.
pub(super) async fn answer(app: &App, caller: &Caller, ack: &Ack) -> Response {
    let case = case_of(app, ack).await;
    let workflow = app.workflow_of(&case).await;
    let view = view_with(app, caller, workflow.as_deref());
    tagged(case.edit_rev, &view.answer(&case, ack.rev))
}

/// The case right after the event: a repeated answer is the first one again, though the case may have gone on since.
async fn case_of(app: &App, ack: &Ack) -> Arc<Case> {
    if !ack.repeated || ack.case.rev == ack.rev {
        return ack.case.clone();
    }
    match as_it_was(app, &ack.case, ack.rev).await {
        Some(case) => Arc::new(case),
        None => ack.case.clone(),
    }
}

/// The case at `rev`, made again from its journal. Where calendars or rules have changed since so much that this cannot
/// be done, the state and the revision alone are what they were.
async fn as_it_was(app: &App, case: &Case, rev: Rev) -> Option<Case> {
    let wanted = usize::try_from(rev).ok()?;
    let lines = app.store.journal(case.id, 0, wanted).await.ok()?;
    let last = lines.last().filter(|line| line.seq == rev)?;
    let workflow = app.workflow_of(case).await?;
    let mut was = match fold(&app.loaded.env, &workflow, case.id, &lines) {
        Ok(was) => was,
        Err(_) => Case {
            state: last.to.clone(),
            rev,
            ..case.clone()
        },
    };
    // Given by the engine, so that the journal does not have it.
    was.reference.clone_from(&case.reference);
    Some(was)
}

/// The case with this id.
pub(super) async fn load(app: &App, id: &str) -> Result<Arc<Case>, Refusal> {
    let id: CaseId = from_api::case_id(id)?;
    let found = app.store.cases(&[id]).await?.into_iter().next().flatten();
    found.ok_or_else(|| Refusal::not_found("案件", "case"))
}

pub(super) fn view_with<'a>(
    app: &'a App,
    caller: &Caller,
    workflow: Option<&'a qixian_core::Workflow>,
) -> View<'a> {
    View {
        env: &app.loaded.env,
        workflow,
        zone: &app.settings.zone,
        lang: caller.lang,
        whole: caller.sees_people(),
    }
}

async fn view(app: &App, caller: &Caller, case: &Case) -> api::CaseView {
    let workflow = app.workflow_of(case).await;
    view_with(app, caller, workflow.as_deref()).case(case)
}

async fn whole(app: &App, caller: &Caller, case: &Case) -> Response {
    let view = view(app, caller, case).await;
    tagged(case.edit_rev, &view)
}

/// JSON with its revision as ETag.
pub(super) fn tagged(rev: u64, body: &impl Serialize) -> Response {
    let tag = HeaderValue::from_str(&format!("\"{rev}\""));
    let mut response = Json(body).into_response();
    if let Ok(tag) = tag {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}
