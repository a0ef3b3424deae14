//! `/workflows`: what can be started, and how it runs.

use axum::Json;
use axum::extract::{Path, State};
use qixian_api as api;

use super::caller::Caller;
use super::listing::page;
use super::problem::Refusal;
use super::state::App;
use crate::views::workflow_view;

/// Every workflow that can be started.
#[utoipa::path(get, path = "/api/v1/workflows", tag = "workflows", responses((status = 200, body = api::Page<api::WorkflowView>)))]
pub(crate) async fn list(State(app): State<App>, _: Caller) -> Json<api::Page<api::WorkflowView>> {
    page(
        app.loaded
            .workflows()
            .map(|workflow| workflow_view(workflow))
            .collect(),
        None,
    )
}

/// One workflow.
#[utoipa::path(get, path = "/api/v1/workflows/{id}", tag = "workflows", params(("id" = String, Path)), responses((status = 200, body = api::WorkflowView)))]
pub(crate) async fn show(
    State(app): State<App>,
    _: Caller,
    Path(id): Path<String>,
) -> Result<Json<api::WorkflowView>, Refusal> {
    let workflow = app.loaded.workflow(&id);
    let workflow = workflow.ok_or_else(|| Refusal::not_found("流程", "workflow"))?;
    Ok(Json(workflow_view(workflow)))
}
