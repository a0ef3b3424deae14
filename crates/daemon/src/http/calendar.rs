//! `/calendar/{id}/{year}`: the working days of a year.

use axum::Json;
use axum::extract::{Path, State};
use qixian_api as api;

use super::caller::Caller;
use super::problem::Refusal;
use super::state::App;
use crate::views::calendar_view;

/// One year of a working-day calendar.
#[utoipa::path(get, path = "/api/v1/calendar/{calendar}/{year}", tag = "calendar", params(("calendar" = String, Path), ("year" = i16, Path)), responses((status = 200, body = api::CalendarView)))]
pub(crate) async fn show(
    State(app): State<App>,
    _: Caller,
    Path((calendar, year)): Path<(String, String)>,
) -> Result<Json<api::CalendarView>, Refusal> {
    let missing = || Refusal::not_found("日历年份", "calendar year");
    let year: i16 = year.parse().map_err(|_| missing())?;
    let calendar = app
        .loaded
        .env
        .calendars
        .get(&calendar)
        .ok_or_else(missing)?;
    calendar_view(calendar, year).map(Json).ok_or_else(missing)
}
