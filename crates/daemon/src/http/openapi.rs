//! The description of the API, made from the handlers themselves.

use axum::extract::{FromRequestParts, Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

use super::caller::Caller;
use super::problem::Refusal;
use super::state::App;
use super::{calendar, cases, deadlines, events, messages, meta, preview, records, workflows};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "期限 Qixian",
        description = "Cases, their events and deadlines, and the messages about them. Times are RFC 3339 with offset; problems follow RFC 9457. Send an Idempotency-Key with POST: the same key and body get the first answer again. ETag and If-Match carry `edit_rev`."
    ),
    paths(
        cases::start, cases::list, cases::show, cases::patch, cases::note, cases::close, cases::reopen, cases::release,
        cases::put_party, cases::remove_party,
        events::post, events::journal, events::correct,
        deadlines::of_case, deadlines::list, deadlines::shift, deadlines::pause, deadlines::resume,
        messages::list, messages::of_case, messages::show, messages::retry,
        preview::list,
        records::list_clients, records::add_client, records::show_client, records::change_client,
        records::list_contacts, records::add_contact, records::show_contact, records::change_contact,
        records::list_assets, records::add_asset, records::show_asset, records::change_asset,
        workflows::list, workflows::show,
        calendar::show,
        meta::livez, meta::readyz, meta::metrics,
    ),
    security(("token" = [])),
    modifiers(&Tokens)
)]
struct Description;

struct Tokens;

impl utoipa::Modify for Tokens {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = description.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// The description as JSON, indented.
pub fn description() -> String {
    // A plain tree of texts always serialises.
    Description::openapi().to_pretty_json().unwrap_or_default()
}

/// `/api/v1/openapi.json`
pub(crate) async fn get(State(app): State<App>, request: Request) -> Result<Response, Refusal> {
    if !app.settings.open_metrics {
        let (mut parts, _) = request.into_parts();
        Caller::from_request_parts(&mut parts, &app).await?;
    }
    Ok(([(header::CONTENT_TYPE, "application/json")], description()).into_response())
}
