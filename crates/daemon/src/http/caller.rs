//! Who calls, in which language, and under which idempotency key.

use axum::extract::{FromRequestParts, MatchedPath};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use qixian_core::{Actor, CaseId, Event, EventId, Lang, Rev};
use qixian_engine::Ack;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::lang;
use super::problem::Refusal;
use super::state::App;
use crate::auth::hex;
use crate::from_api::Said;

/// Longest idempotency key.
const MOST_KEY: usize = 200;
/// The cookie that pages sign in with.
pub(crate) const COOKIE: &str = "qixian_token";

/// An authenticated caller of one request.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) actor: Actor,
    pub(crate) lang: Lang,
    scope: String,
    /// Method and route, as far as they scope idempotency keys.
    route: String,
    key: Option<String>,
    if_match: Option<Rev>,
}

impl FromRequestParts<App> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let token = bearer(&parts.headers).ok_or_else(Refusal::unauthorised)?;
        let holder = app.tokens.holder(token).ok_or_else(Refusal::unauthorised)?;
        let route = parts.extensions.get::<MatchedPath>();
        let route = route.map_or_else(|| parts.uri.path(), MatchedPath::as_str);
        Ok(Self {
            actor: holder.actor,
            scope: holder.scope,
            lang: lang::asked(&parts.headers).unwrap_or(app.settings.lang),
            route: format!("{} {route}", parts.method),
            key: idempotency_key(&parts.headers)?,
            if_match: if_match(&parts.headers),
        })
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(key) if !key.is_empty() && key.len() <= MOST_KEY => Ok(Some(key.to_owned())),
        _ => Err(Refusal::malformed(
            format!("Idempotency-Key 应为 1 到 {MOST_KEY} 个 ASCII 字符。"),
            format!("an Idempotency-Key has 1 to {MOST_KEY} ASCII characters"),
        )),
    }
}

fn if_match(headers: &HeaderMap) -> Option<Rev> {
    let value = headers.get(header::IF_MATCH)?;
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return None;
    }
    let rev = text.trim_start_matches("W/").trim_matches('"').parse();
    // A tag that we never gave out matches nothing.
    Some(rev.unwrap_or(Rev::MAX))
}

impl Caller {
    /// Whether the caller sees people's names, numbers and addresses whole.
    pub(crate) fn sees_people(&self) -> bool {
        crate::auth::sees_people(&self.actor)
    }

    /// Refuses tokens that may only read.
    pub(crate) fn may_write(&self) -> Result<(), Refusal> {
        let writes = ["admin", "lead", "handler"];
        match self
            .actor
            .roles
            .iter()
            .any(|role| writes.contains(&role.as_str()))
        {
            true => Ok(()),
            false => Err(Refusal::forbidden(&writes)),
        }
    }

    /// The revision the caller insists on.
    pub(crate) fn if_match(&self) -> Option<Rev> {
        self.if_match
    }

    /// The event id that the idempotency key gives, scoped to token, method and route.
    pub(crate) fn event_id(&self) -> Option<EventId> {
        let key = self.key.as_ref()?;
        let mut hash = Sha256::new();
        for part in [&self.scope, &self.route, key] {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        Some(format!("key:{}", hex(&hash.finalize())))
    }

    /// Submits what was said about `case`, once where the caller gave a key.
    pub(crate) async fn submit(
        &self,
        app: &App,
        case: CaseId,
        said: Said,
        plain: &Value,
    ) -> Result<Ack, Refusal> {
        self.may_write()?;
        let once = self.event_id();
        let event = self.event(app, case, said, once.clone());
        let starts = matches!(event.what, qixian_core::What::Start(_));
        let ack = match once {
            Some(_) => {
                let about = if starts { None } else { Some(case) };
                app.handle.submit_once(event, digest(about, plain)).await
            }
            None => app.handle.submit(event).await,
        };
        Ok(ack?)
    }

    /// The event of what was said.
    pub(crate) fn event(&self, app: &App, case: CaseId, said: Said, id: Option<EventId>) -> Event {
        Event {
            id: id.unwrap_or_else(|| format!("http:{}", app.handle.new_id())),
            case,
            occurred_at: said.occurred_at,
            by: self.actor.clone(),
            note: said.note,
            expected_edit_rev: self.if_match,
            what: said.what,
        }
    }
}

/// The meaning of a request: the body as it was sent, and the case where the address names one.
fn digest(case: Option<CaseId>, plain: &Value) -> [u8; 32] {
    let mut hash = Sha256::new();
    if let Some(case) = case {
        hash.update(case.as_bytes());
    }
    hash.update(plain.to_string());
    hash.finalize().into()
}

/// The token in the sign-in cookie.
pub(crate) fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter();
    let mut pairs = cookies
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(';'));
    pairs.find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}
