//! The plain pages: cases, their deadlines and what happened, for whoever signed in with a token. No scripts.

mod card;
mod case;
mod clock;
mod people;
mod say;

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use qixian_core::{Case, Lang, Workflow};
use qixian_store::MessageQuery;
use serde::Deserialize;

use self::card::{Card, Choice, ListPage};
use self::case::{CasePage, Child};
use self::clock::Teller;
use self::say::Say;
use super::caller::{COOKIE, cookie};
use super::cases::{self, CaseFilter};
use super::lang;
use super::listing::Query;
use super::problem::Refusal;
use super::state::App;
use crate::auth::Holder;
use crate::from_api;

/// Nothing but our own style sheet in the page itself.
const CSP: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// Journal lines on a page.
const LINES: usize = 50;
/// Messages on a page.
const MESSAGES: usize = 50;

/// What a page can be asked.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PageQuery {
    lang: Option<String>,
    q: Option<String>,
    /// `workflow/state`, `workflow/` for all of its states, or a state of any workflow.
    state: Option<String>,
    cursor: Option<String>,
    /// Journal lines before this one.
    before: Option<u64>,
    /// Where to go after signing in: a case.
    case: Option<String>,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    say: Say,
    failed: bool,
    case: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "refused.html")]
struct RefusedPage {
    say: Say,
    missing: bool,
}

impl PageQuery {
    fn say(&self, headers: &HeaderMap, app: &App) -> Say {
        Say(chosen(self.lang.as_deref(), headers, app))
    }

    fn filter(&self) -> CaseFilter {
        let (workflow, state) = match self.state.as_deref().unwrap_or_default().split_once('/') {
            Some((workflow, state)) => (Some(workflow), Some(state)),
            None => (None, self.state.as_deref()),
        };
        let filled = |text: Option<&str>| {
            let text = text.map(str::trim).filter(|text| !text.is_empty());
            text.map(str::to_owned)
        };
        CaseFilter {
            workflow: filled(workflow),
            state: filled(state),
            q: filled(self.q.as_deref()),
            cursor: self.cursor.clone(),
            ..CaseFilter::default()
        }
    }
}

fn chosen(asked: Option<&str>, headers: &HeaderMap, app: &App) -> Lang {
    match asked {
        Some("en") => Lang::En,
        Some("zh") => Lang::Zh,
        _ => lang::asked(headers).unwrap_or(app.settings.lang),
    }
}

/// Cases, those due next first.
pub(crate) async fn list(
    State(app): State<App>,
    headers: HeaderMap,
    Query(query): Query<PageQuery>,
) -> Response {
    let say = query.say(&headers, &app);
    let Some(holder) = holder(&app, &headers) else {
        return ask_to_sign_in(&query, None);
    };
    let (found, next) = match cases::find(&app, &query.filter()).await {
        Ok(found) => found,
        Err(refusal) => return refused(say, refusal),
    };
    let whole = crate::auth::sees_people(&holder.actor);
    let mut cards = Vec::with_capacity(found.len());
    for case in &found {
        let workflow = app.workflow_of(case).await;
        let teller = teller(&app, say, workflow.as_deref());
        cards.push(Card::of(&teller, case, whole));
    }
    let page = ListPage {
        say,
        alarm: alarm(&app, say),
        q: query.q.as_deref().unwrap_or_default().trim(),
        state: query.state.as_deref().unwrap_or_default(),
        choices: app.loaded.workflows().map(|w| Choice::of(say, w)).collect(),
        cards,
        next: next.as_deref(),
        further: query.cursor.is_some(),
        now: teller(&app, say, None).when(app.clock.now()),
        zone: app.settings.zone.name(),
    };
    html(StatusCode::OK, &page)
}

/// One case: what to do, its deadlines and why, people, messages and journal.
pub(crate) async fn case(
    State(app): State<App>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Query(query): Query<PageQuery>,
) -> Response {
    let Some(holder) = holder(&app, &headers) else {
        return ask_to_sign_in(&query, Some(&id));
    };
    let say = query.say(&headers, &app);
    show_case(&app, say, &holder, &id, query.before)
        .await
        .unwrap_or_else(|refusal| refused(say, refusal))
}

async fn show_case(
    app: &App,
    say: Say,
    holder: &Holder,
    id: &str,
    before: Option<u64>,
) -> Result<Response, Refusal> {
    let case = cases::load(app, id).await?;
    let workflow = app.workflow_of(&case).await;
    let teller = teller(app, say, workflow.as_deref());
    let whole = crate::auth::sees_people(&holder.actor);
    let (open, over) = teller
        .clocks(&case, |_| true)
        .into_iter()
        .partition(|clock| clock.open);
    let mut messages = messages(app, &teller, &case, holder).await?;
    let older_messages = messages.len().saturating_sub(MESSAGES);
    messages.truncate(MESSAGES);

    let end = before.unwrap_or(u64::MAX).min(case.rev.saturating_add(1));
    let begin = end.saturating_sub(1).saturating_sub(LINES as u64);
    let wanted = usize::try_from(end.saturating_sub(1).saturating_sub(begin)).unwrap_or(LINES);
    let lines = match wanted {
        0 => Vec::new(),
        _ => app.store.journal(case.id, begin, wanted).await?,
    };
    let page = CasePage {
        say,
        alarm: alarm(app, say),
        card: Card::of(&teller, &case, whole),
        since: teller.when(case.entered_at),
        help: case::help(&teller, &case),
        possible: case::possible(&teller, &case),
        items: case::items(say, &case),
        open,
        over,
        people: people::of(&teller, &case, whole),
        parent: case.parent.map(|parent| parent.case.to_string()),
        children: children(app, say, &case),
        messages,
        older_messages,
        journal: lines
            .iter()
            .rev()
            .map(|l| case::entry(&teller, l))
            .collect(),
        older: (begin > 0).then_some(begin + 1),
        further: before.is_some(),
        now: teller.when(app.clock.now()),
        zone: teller.zone().name(),
    };
    Ok(html(StatusCode::OK, &page))
}

/// The messages of a case, newest first. Addresses are whole for an admin only, as over the API.
async fn messages(
    app: &App,
    teller: &Teller<'_>,
    case: &Case,
    holder: &Holder,
) -> Result<Vec<case::Message>, Refusal> {
    const MOST: usize = 500;
    let query = MessageQuery {
        case: Some(case.id),
        status: None,
    };
    let whole = holder.actor.roles.iter().any(|role| role == "admin");
    let found = app.store.messages(&query, None, MOST).await?;
    let staff = app.loaded.staff.as_ref();
    let newest_first = found.items.iter().rev();
    Ok(newest_first
        .flat_map(|entry| case::messages(teller, case, entry, staff, whole))
        .collect())
}

fn children(app: &App, say: Say, case: &Case) -> Vec<Child> {
    let child = |child: &qixian_core::ChildRef| {
        let workflow = app.loaded.workflow(&child.workflow);
        Child {
            id: child.case.to_string(),
            title: say.workflow(workflow.map(AsRef::as_ref), &child.workflow),
            ended: child.ended,
        }
    };
    case.children.iter().map(child).collect()
}

fn teller<'a>(app: &'a App, say: Say, workflow: Option<&'a Workflow>) -> Teller<'a> {
    Teller {
        say,
        now: app.clock.now(),
        env: &app.loaded.env,
        workflow,
        zone: &app.settings.zone,
    }
}

/// What everybody should see first, whatever they came for.
fn alarm(app: &App, say: Say) -> Option<String> {
    let (_, words) = app.disk_alarm()?;
    Some(words.get(say.0).to_owned())
}

/// Asks for a token.
pub(crate) async fn sign_in_form(
    State(app): State<App>,
    headers: HeaderMap,
    Query(query): Query<PageQuery>,
) -> Response {
    let page = SignInPage {
        say: query.say(&headers, &app),
        failed: false,
        case: query.case.as_deref(),
    };
    html(StatusCode::OK, &page)
}

/// What the form sends.
#[derive(Deserialize)]
pub(crate) struct SignIn {
    token: String,
    lang: Option<String>,
    case: Option<String>,
}

/// Keeps a valid token in a cookie that scripts cannot read and other sites cannot send.
pub(crate) async fn sign_in(
    State(app): State<App>,
    headers: HeaderMap,
    Form(form): Form<SignIn>,
) -> Response {
    let token = form.token.trim();
    let say = Say(chosen(form.lang.as_deref(), &headers, &app));
    if app.tokens.holder(token).is_none() {
        let page = SignInPage {
            say,
            failed: true,
            case: form.case.as_deref(),
        };
        return html(StatusCode::UNAUTHORIZED, &page);
    }
    let place = match form.case.as_deref().and_then(a_case) {
        Some(case) => format!("/cases/{case}?lang={}", say.code()),
        None => format!("/?lang={}", say.code()),
    };
    let cookie = format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=604800");
    with_cookie(&place, &cookie)
}

/// Forgets the token.
pub(crate) async fn sign_out(Query(query): Query<PageQuery>) -> Response {
    let place = sign_in_place(&query, None);
    let cookie = format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    with_cookie(&place, &cookie)
}

fn ask_to_sign_in(query: &PageQuery, case: Option<&str>) -> Response {
    Redirect::to(&sign_in_place(query, case)).into_response()
}

/// The sign-in page, in the language chosen, leading back to a case where one was asked for.
fn sign_in_place(query: &PageQuery, case: Option<&str>) -> String {
    let lang = query.lang.as_deref().filter(|l| ["zh", "en"].contains(l));
    let lang = lang.map(|lang| format!("lang={lang}"));
    let case = case.and_then(a_case).map(|case| format!("case={case}"));
    let asked: Vec<String> = lang.into_iter().chain(case).collect();
    match asked.is_empty() {
        true => "/sign-in".to_owned(),
        false => format!("/sign-in?{}", asked.join("&")),
    }
}

/// The id of a case as we write it, so that nothing else gets into an address.
fn a_case(text: &str) -> Option<String> {
    from_api::case_id(text).ok().map(|id| id.to_string())
}

fn with_cookie(place: &str, cookie: &str) -> Response {
    let mut response = Redirect::to(place).into_response();
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    response
}

fn holder(app: &App, headers: &HeaderMap) -> Option<Holder> {
    cookie(headers).and_then(|token| app.tokens.holder(token))
}

/// A refusal as a page: people who followed a link can do nothing with JSON.
fn refused(say: Say, refusal: Refusal) -> Response {
    let status = refusal.into_response().status();
    let page = RefusedPage {
        say,
        missing: status == StatusCode::NOT_FOUND,
    };
    html(status, &page)
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
