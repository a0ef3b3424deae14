//! A plain page: cases and deadlines to look at, for whoever signed in with a token. No scripts.

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use qixian_api as api;
use qixian_core::Lang;
use serde::Deserialize;

use super::caller::{COOKIE, cookie};
use super::cases::{self, CaseFilter};
use super::lang;
use super::listing::Query;
use super::problem::Refusal;
use super::state::App;
use crate::to_api::View;

/// Nothing but our own style sheet in the page itself.
const CSP: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What a page can be asked.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PageQuery {
    lang: Option<String>,
    q: Option<String>,
    cursor: Option<String>,
}

#[derive(Template)]
#[template(path = "list.html")]
struct ListPage<'a> {
    zh: bool,
    q: &'a str,
    cases: &'a [api::CaseView],
    next: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "case.html")]
struct CasePage<'a> {
    zh: bool,
    case: &'a api::CaseView,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    zh: bool,
    failed: bool,
}

impl PageQuery {
    fn lang(&self, headers: &HeaderMap, app: &App) -> Lang {
        match self.lang.as_deref() {
            Some("en") => Lang::En,
            Some("zh") => Lang::Zh,
            _ => lang::asked(headers).unwrap_or(app.settings.lang),
        }
    }
}

/// Cases, those due next first.
pub(crate) async fn list(
    State(app): State<App>,
    headers: HeaderMap,
    Query(query): Query<PageQuery>,
) -> Result<Response, Refusal> {
    if !signed_in(&app, &headers) {
        return Ok(Redirect::to("/sign-in").into_response());
    }
    let filter = CaseFilter {
        q: query.q.clone().filter(|q| !q.trim().is_empty()),
        cursor: query.cursor.clone(),
        ..CaseFilter::default()
    };
    let lang = query.lang(&headers, &app);
    let (found, next) = cases::find(&app, &filter).await?;
    let mut views = Vec::with_capacity(found.len());
    for case in &found {
        views.push(view(&app, case, lang).await);
    }
    let page = ListPage {
        zh: lang == Lang::Zh,
        q: query.q.as_deref().unwrap_or_default(),
        cases: &views,
        next: next.as_deref(),
    };
    Ok(html(StatusCode::OK, &page))
}

/// One case with its deadlines and why they are due then.
pub(crate) async fn case(
    State(app): State<App>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Refusal> {
    if !signed_in(&app, &headers) {
        return Ok(Redirect::to("/sign-in").into_response());
    }
    let lang = query.lang(&headers, &app);
    let case = cases::load(&app, &id).await?;
    let view = view(&app, &case, lang).await;
    let page = CasePage {
        zh: lang == Lang::Zh,
        case: &view,
    };
    Ok(html(StatusCode::OK, &page))
}

async fn view(app: &App, case: &qixian_core::Case, lang: Lang) -> api::CaseView {
    let workflow = app.workflow_of(case).await;
    let view = View {
        env: &app.loaded.env,
        workflow: workflow.as_deref(),
        zone: &app.settings.zone,
        lang,
    };
    view.case(case)
}

/// Asks for a token.
pub(crate) async fn sign_in_form(
    State(app): State<App>,
    headers: HeaderMap,
    Query(query): Query<PageQuery>,
) -> Response {
    let zh = query.lang(&headers, &app) == Lang::Zh;
    html(StatusCode::OK, &SignInPage { zh, failed: false })
}

/// What the form sends.
#[derive(Deserialize)]
pub(crate) struct SignIn {
    token: String,
}

/// Keeps a valid token in a cookie that scripts cannot read and other sites cannot send.
pub(crate) async fn sign_in(
    State(app): State<App>,
    headers: HeaderMap,
    Form(form): Form<SignIn>,
) -> Response {
    let token = form.token.trim();
    if app.tokens.holder(token).is_none() {
        let zh = lang::asked(&headers).unwrap_or(app.settings.lang) == Lang::Zh;
        return html(StatusCode::UNAUTHORIZED, &SignInPage { zh, failed: true });
    }
    with_cookie(&format!(
        "{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=604800"
    ))
}

/// Forgets the token.
pub(crate) async fn sign_out() -> Response {
    with_cookie(&format!(
        "{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"
    ))
}

fn with_cookie(cookie: &str) -> Response {
    let mut response = Redirect::to("/").into_response();
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    response
}

fn signed_in(app: &App, headers: &HeaderMap) -> bool {
    cookie(headers).is_some_and(|token| app.tokens.holder(token).is_some())
}

fn html(status: StatusCode, page: &impl Template) -> Response {
    let Ok(text) = page.render() else {
        // Rendering plain values into a checked template fails only when memory does.
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, CSP),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (status, headers, text).into_response()
}
