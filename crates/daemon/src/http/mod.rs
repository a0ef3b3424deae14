//! HTTP: routes, who may call them, and what every answer has in common.

mod body;
mod calendar;
mod caller;
mod cases;
mod deadlines;
mod events;
mod lang;
mod listing;
mod messages;
mod meta;
mod openapi;
mod pages;
mod preview;
mod problem;
mod records;
mod state;
mod workflows;

use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

pub(crate) use problem::Refusal;
pub(crate) use state::App;

pub use openapi::description;

/// All routes.
pub(crate) fn router(app: App) -> Router {
    let limit = DefaultBodyLimit::max(app.settings.body_bytes);
    Router::new()
        .nest("/api/v1", api())
        .route("/", get(pages::list))
        .route("/cases/{id}", get(pages::case))
        .route("/sign-in", get(pages::sign_in_form).post(pages::sign_in))
        .route("/sign-out", post(pages::sign_out))
        .route("/livez", get(meta::livez))
        .route("/readyz", get(meta::readyz))
        .route("/metrics", get(meta::metrics))
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(limit)
        .layer(middleware::from_fn_with_state(app.clone(), within_time))
        .layer(middleware::from_fn_with_state(
            app.clone(),
            problem::in_callers_language,
        ))
        .with_state(app)
}

fn api() -> Router<App> {
    Router::new()
        .route("/openapi.json", get(openapi::get))
        .route("/cases", get(cases::list).post(cases::start))
        .route("/cases/{id}", get(cases::show).patch(cases::patch))
        .route("/cases/{id}/events", post(events::post))
        .route("/cases/{id}/journal", get(events::journal))
        .route("/cases/{id}/journal/{seq}/correct", post(events::correct))
        .route("/cases/{id}/notes", post(cases::note))
        .route("/cases/{id}/close", post(cases::close))
        .route("/cases/{id}/reopen", post(cases::reopen))
        .route("/cases/{id}/release", post(cases::release))
        .route("/cases/{id}/parties", post(cases::put_party))
        .route("/cases/{id}/parties/remove", post(cases::remove_party))
        .route("/cases/{id}/deadlines", get(deadlines::of_case))
        .route("/cases/{id}/deadlines/{name}/move", post(deadlines::shift))
        .route("/cases/{id}/deadlines/{name}/pause", post(deadlines::pause))
        .route(
            "/cases/{id}/deadlines/{name}/resume",
            post(deadlines::resume),
        )
        .route("/cases/{id}/messages", get(messages::of_case))
        .route("/deadlines", get(deadlines::list))
        .route("/messages", get(messages::list))
        .route("/messages/{id}", get(messages::show))
        .route("/messages/{id}/retry", post(messages::retry))
        .route("/preview", get(preview::list))
        .route(
            "/clients",
            get(records::list_clients).post(records::add_client),
        )
        .route(
            "/clients/{id}",
            get(records::show_client).patch(records::change_client),
        )
        .route(
            "/contacts",
            get(records::list_contacts).post(records::add_contact),
        )
        .route(
            "/contacts/{id}",
            get(records::show_contact).patch(records::change_contact),
        )
        .route(
            "/assets",
            get(records::list_assets).post(records::add_asset),
        )
        .route(
            "/assets/{id}",
            get(records::show_asset).patch(records::change_asset),
        )
        .route("/workflows", get(workflows::list))
        .route("/workflows/{id}", get(workflows::show))
        .route("/calendar/{calendar}/{year}", get(calendar::show))
}

async fn no_route() -> Refusal {
    Refusal::not_found("地址", "address")
}

async fn no_method(method: Method) -> Response {
    if method == Method::OPTIONS {
        // What is possible stands in `Allow`; other sites get no further permission.
        return StatusCode::NO_CONTENT.into_response();
    }
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "这个地址不接受这种方法",
        "this address does not take that method",
    )
    .into_response()
}

/// Ends requests that take too long. What they submitted still takes effect; the same key gets its answer.
async fn within_time(State(app): State<App>, request: Request, next: Next) -> Response {
    let limit = Duration::from_secs(app.settings.request_seconds);
    let mut response = match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "timeout",
            "处理超时，请用同一个 Idempotency-Key 再试",
            "it took too long; try again under the same Idempotency-Key",
        )
        .retry_after(1)
        .into_response(),
    };
    let headers = response.headers_mut();
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}
