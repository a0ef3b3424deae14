//! Query strings of lists, and the pages they answer with.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use qixian_api::Page;
use qixian_time::Timestamp;
use serde::de::DeserializeOwned;

use super::problem::Refusal;
use super::state::App;

/// Things on a page unless the caller says how many.
const USUAL: usize = 50;
/// Things on a page at most.
const MOST: usize = 500;

/// A query string read into `T`; unknown names are refused. What does not fit is told as in a body, by `/name`.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<App> for Query<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Refusal> {
        match axum::extract::Query::<T>::try_from_uri(&parts.uri) {
            Ok(query) => Ok(Self(query.0)),
            Err(error) => {
                let said = std::error::Error::source(&error)
                    .map_or_else(|| error.to_string(), ToString::to_string);
                let (name, said) = said.split_once(": ").unwrap_or(("", &said));
                Err(Refusal::value(
                    &format!("/{name}"),
                    format!("查询参数不合适：{said}"),
                    format!("the query does not fit: {said}"),
                ))
            }
        }
    }
}

/// How many things to answer, 1 to 500.
pub(crate) fn limit(asked: Option<usize>) -> usize {
    asked.unwrap_or(USUAL).clamp(1, MOST)
}

/// A time of a query string.
pub(crate) fn time(name: &str, text: Option<&str>) -> Result<Option<Timestamp>, Refusal> {
    let Some(text) = text else { return Ok(None) };
    // A `+` in a query means a space; people forget to escape it.
    Timestamp::parse(&text.replace(' ', "+"))
        .map(Some)
        .map_err(|error| Refusal::value(&format!("/{name}"), error.zh(), error.to_string()))
}

/// One page as JSON.
pub(crate) fn page<T>(items: Vec<T>, next: Option<String>) -> Json<Page<T>> {
    Json(Page {
        items,
        next_cursor: next,
    })
}
