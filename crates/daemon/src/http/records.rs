//! `/clients`, `/contacts`, `/assets`: records of their own that cases refer to.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use qixian_api as api;
use qixian_core::{CaseId, value};
use qixian_engine::SubmitError;
use qixian_store::{Record, RecordKind};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use utoipa::IntoParams;

use super::body::Body;
use super::caller::Caller;
use super::cases::{tagged, view_with};
use super::listing::{Query, limit, page};
use super::problem::Refusal;
use super::state::App;
use crate::from_api;
use crate::to_api::record_kind;

/// Which records to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct RecordFilter {
    /// Of this client.
    client: Option<String>,
    /// At most so many, 50 unless given, 500 at most.
    limit: Option<usize>,
    /// Where the last page ended.
    cursor: Option<String>,
}

type Listed = Result<Json<api::Page<api::RecordView>>, Refusal>;

async fn list(app: App, caller: Caller, kind: RecordKind, filter: RecordFilter) -> Listed {
    let client = filter
        .client
        .as_deref()
        .map(from_api::case_id)
        .transpose()?;
    let cursor = filter.cursor.as_deref();
    let found = app
        .store
        .records(kind, client, cursor, limit(filter.limit))
        .await?;
    let view = view_with(&app, &caller, None);
    Ok(page(
        found
            .items
            .iter()
            .map(|record| view.record(record))
            .collect(),
        found.next,
    ))
}

async fn show(app: App, caller: Caller, kind: RecordKind, id: &str) -> Result<Response, Refusal> {
    let record = load(&app, kind, id).await?;
    Ok(tagged(
        record.rev,
        &view_with(&app, &caller, None).record(&record),
    ))
}

async fn load(app: &App, kind: RecordKind, id: &str) -> Result<Record, Refusal> {
    let missing = || Refusal::not_found("记录", "record");
    let id: CaseId = id.parse().map_err(|_| missing())?;
    app.store.record(kind, id).await?.ok_or_else(missing)
}

async fn add(
    app: App,
    caller: Caller,
    kind: RecordKind,
    body: Body<api::PostRecord>,
) -> Result<Response, Refusal> {
    caller.may_write()?;
    let (title, client, fields) = from_api::record(body.value)?;
    check_client(&app, client).await?;
    // With a key the id follows from it, so that the same request finds the record it made.
    let id = caller
        .event_id()
        .map_or_else(|| app.handle.new_id(), |key| id_of(&key));
    let wanted = Record {
        kind,
        id,
        rev: 0,
        title,
        client,
        fields,
        changed_at: app.clock.now(),
    };
    let record = match app
        .handle
        .put_record((kind, id), 0, Some(wanted.clone()))
        .await
    {
        Ok(record) => record,
        Err(SubmitError::StaleRecord { .. }) => Some(first_answer(
            load(&app, kind, &id.to_string()).await?,
            &wanted,
        )?),
        Err(error) => return Err(error.into()),
    };
    let record = record.ok_or_else(|| Refusal::not_found("记录", "record"))?;
    let mut response = tagged(record.rev, &view_with(&app, &caller, None).record(&record));
    *response.status_mut() = StatusCode::CREATED;
    let place = format!("/api/v1/{}s/{id}", record_kind(kind));
    if let Ok(place) = HeaderValue::from_str(&place) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

/// The record that the same key made before, unless it was asked for something else.
fn first_answer(known: Record, wanted: &Record) -> Result<Record, Refusal> {
    let same = known.title == wanted.title
        && known.client == wanted.client
        && known.fields == wanted.fields;
    match known.rev > 1 || same {
        true => Ok(known),
        false => Err(SubmitError::IdempotencyMismatch.into()),
    }
}

async fn change(
    app: App,
    caller: Caller,
    kind: RecordKind,
    id: &str,
    body: Body<api::PatchRecord>,
) -> Result<Response, Refusal> {
    caller.may_write()?;
    let (title, client, patch) = from_api::record_patch(body.value)?;
    check_client(&app, client).await?;
    let mut record = load(&app, kind, id).await?;
    let expected = caller.if_match().unwrap_or(record.rev);
    let key = (kind, record.id);
    value::merge(&mut record.fields, &patch);
    record.title = title.unwrap_or(record.title);
    record.client = client.or(record.client);
    let changed = app.handle.put_record(key, expected, Some(record)).await?;
    let changed = changed.ok_or_else(|| Refusal::not_found("记录", "record"))?;
    Ok(tagged(
        changed.rev,
        &view_with(&app, &caller, None).record(&changed),
    ))
}

/// Refuses a client that there is no record of.
pub(super) async fn check_client(app: &App, client: Option<CaseId>) -> Result<(), Refusal> {
    let Some(client) = client else { return Ok(()) };
    match app.store.record(RecordKind::Client, client).await? {
        Some(_) => Ok(()),
        None => Err(Refusal::value(
            "/client",
            "没有这个客户",
            "there is no such client",
        )),
    }
}

fn id_of(key: &str) -> CaseId {
    let digest = Sha256::digest(key.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    // The first bit stays clear, like that of every id made from a time.
    bytes[0] &= 0x7f;
    CaseId::from_bytes(bytes)
}

/// Defines the four handlers of one kind of record.
macro_rules! handlers {
    ($kind:expr, $path:literal, $list:ident, $add:ident, $show:ident, $change:ident) => {
        #[doc = concat!("Lists ", $path, ".")]
        #[utoipa::path(get, path = concat!("/api/v1/", $path), tag = "records", params(RecordFilter), responses((status = 200, body = api::Page<api::RecordView>)))]
        pub(crate) async fn $list(State(app): State<App>, caller: Caller, Query(filter): Query<RecordFilter>) -> Listed {
            list(app, caller, $kind, filter).await
        }

        #[doc = concat!("Adds one to ", $path, ".")]
        #[utoipa::path(post, path = concat!("/api/v1/", $path), tag = "records", request_body = api::PostRecord, responses((status = 201, body = api::RecordView)))]
        pub(crate) async fn $add(State(app): State<App>, caller: Caller, body: Body<api::PostRecord>) -> Result<Response, Refusal> {
            add(app, caller, $kind, body).await
        }

        #[doc = concat!("Shows one of ", $path, ".")]
        #[utoipa::path(get, path = concat!("/api/v1/", $path, "/{id}"), tag = "records", params(("id" = String, Path)), responses((status = 200, body = api::RecordView)))]
        pub(crate) async fn $show(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Response, Refusal> {
            show(app, caller, $kind, &id).await
        }

        #[doc = concat!("Changes one of ", $path, ".")]
        #[utoipa::path(patch, path = concat!("/api/v1/", $path, "/{id}"), tag = "records", params(("id" = String, Path)), request_body = api::PatchRecord, responses((status = 200, body = api::RecordView), (status = 412, body = api::Problem)))]
        pub(crate) async fn $change(State(app): State<App>, caller: Caller, Path(id): Path<String>, body: Body<api::PatchRecord>) -> Result<Response, Refusal> {
            change(app, caller, $kind, &id, body).await
        }
    };
}

handlers!(
    RecordKind::Client,
    "clients",
    list_clients,
    add_client,
    show_client,
    change_client
);
handlers!(
    RecordKind::Contact,
    "contacts",
    list_contacts,
    add_contact,
    show_contact,
    change_contact
);
handlers!(
    RecordKind::Asset,
    "assets",
    list_assets,
    add_asset,
    show_asset,
    change_asset
);
