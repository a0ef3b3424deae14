//! `/cases/{id}/events` and the journal.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use qixian_api as api;
use qixian_core::{Case, Cause, Workflow};
use qixian_engine::DryRun;
use qixian_store::MessageQuery;
use qixian_time::{Timestamp, WorkCalendar};
use serde::Deserialize;
use utoipa::IntoParams;

use super::body::Body;
use super::caller::Caller;
use super::cases::{load, record, view_with};
use super::listing::{Query, limit, page};
use super::messages::views_of;
use super::problem::Refusal;
use super::state::App;
use crate::from_api;

/// How an event is posted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct PostOptions {
    /// Only say what the event would do.
    dry_run: bool,
}

/// Records that something happened, or with `dry_run=true` says what that would do.
#[utoipa::path(post, path = "/api/v1/cases/{id}/events", tag = "events", params(("id" = String, Path), PostOptions), request_body = api::PostEvent, responses((status = 200, body = api::EventAnswer), (status = 409, body = api::Problem), (status = 422, body = api::Problem)))]
pub(crate) async fn post(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Query(options): Query<PostOptions>,
    body: Body<api::PostEvent>,
) -> Result<Response, Refusal> {
    let said = from_api::event(body.value, app.clock.now())?;
    if !options.dry_run {
        let recorded = record(&app, &caller, &id, said, &body.plain).await;
        return recorded.map_err(Refusal::of_event);
    }
    caller.may_write()?;
    let event = caller.event(&app, from_api::case_id(&id)?, said, None);
    let draft = app.handle.dry_run(event).await;
    let draft = draft.map_err(|error| Refusal::from(error).of_event())?;
    Ok(Json(draft_view(&app, &caller, &draft).await).into_response())
}

async fn draft_view(app: &App, caller: &Caller, draft: &DryRun) -> api::EventDraft {
    let workflow = app.workflow_of(&draft.case).await;
    let view = view_with(app, caller, workflow.as_deref());
    let told = draft.messages.iter().flat_map(|intent| &intent.legs);
    let mut messages: Vec<String> = told
        .map(|leg| {
            let via: Vec<&str> = leg.via.iter().map(|channel| channel.name()).collect();
            format!("{} via {}", leg.role, via.join(", "))
        })
        .collect();
    messages.dedup();
    let warnings = workflow
        .as_deref()
        .map(|w| hours_on_days_off(app, caller, w, &draft.case));
    api::EventDraft {
        dry_run: true,
        id: draft.case.id.to_string(),
        state: draft.case.state.clone(),
        deadlines: view.deadlines(&draft.case),
        changes: view.changes(&draft.deadlines),
        messages,
        sent: Vec::new(),
        warnings: warnings.unwrap_or_default(),
    }
}

/// The messages of a case that have gone out, or may have, about the line `seq` or about a deadline of `draft` that
/// would change: those who got them were told what the correction takes back.
async fn sent_before(
    app: &App,
    caller: &Caller,
    seq: u64,
    draft: &DryRun,
) -> Result<Vec<api::MessageView>, Refusal> {
    const MOST: usize = 500;
    let query = MessageQuery {
        case: Some(draft.case.id),
        status: None,
    };
    let entries = app.store.messages(&query, None, MOST).await?.items;
    let changed = |name: &str| draft.deadlines.iter().any(|change| change.name == name);
    let concerned = entries.iter().filter(|entry| {
        entry.intent.id.seq == seq
            || match &entry.intent.cause {
                Cause::Rung { deadline, .. } | Cause::Missed { deadline, .. } => changed(deadline),
                Cause::Transition { .. } | Cause::Manual => false,
            }
    });
    let mut sent = Vec::new();
    for entry in concerned {
        let views = views_of(app, caller, entry).await?;
        let gone = ["sending", "accepted", "delivered", "unknown"];
        sent.extend(
            views
                .into_iter()
                .filter(|view| gone.contains(&view.status.as_str())),
        );
    }
    Ok(sent)
}

/// Hour clocks that would run into days off, when offices do not answer.
fn hours_on_days_off(app: &App, caller: &Caller, workflow: &Workflow, case: &Case) -> Vec<String> {
    let Some(calendar) = app.loaded.env.calendars.get(&workflow.calendar) else {
        return Vec::new();
    };
    let armed = case.deadlines.iter().filter(|d| d.clock.is_armed());
    let by_hours = armed.filter(|d| {
        let within = d.length.as_ref().and_then(|length| length.within);
        within.is_some_and(|within| within.is_elapsed())
    });
    let warned = by_hours.filter_map(|deadline| {
        let (from, to) = (deadline.started_at?, deadline.due_at?);
        let off = first_day_off(calendar, workflow, from, to)?;
        let def = workflow.deadlines.get(&deadline.name)?;
        Some(match caller.lang {
            qixian_core::Lang::Zh => format!("{}按小时计，会跨过休息日 {off}", def.title.zh),
            qixian_core::Lang::En => format!(
                "{} counts hours and runs into {off}, a day off",
                def.title.en
            ),
        })
    });
    warned.collect()
}

fn first_day_off(
    calendar: &WorkCalendar,
    workflow: &Workflow,
    from: Timestamp,
    to: Timestamp,
) -> Option<String> {
    const MOST_DAYS: usize = 60;
    let last = workflow.zone.date_of(to);
    let first = workflow.zone.date_of(from);
    let days = std::iter::successors(Some(first), |day| day.tomorrow().ok());
    let mut days = days.take_while(|day| *day <= last).take(MOST_DAYS);
    days.find(|day| !calendar.is_working(*day))
        .map(|day| day.to_string())
}

/// Which journal lines to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct JournalRange {
    /// At most so many, 50 unless given, 500 at most.
    limit: Option<usize>,
    /// Where the last page ended: the last `seq` seen.
    cursor: Option<String>,
}

/// The journal of a case, oldest line first.
#[utoipa::path(get, path = "/api/v1/cases/{id}/journal", tag = "events", params(("id" = String, Path), JournalRange), responses((status = 200, body = api::Page<api::JournalView>)))]
pub(crate) async fn journal(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Query(range): Query<JournalRange>,
) -> Result<Json<api::Page<api::JournalView>>, Refusal> {
    let case = load(&app, &id).await?;
    let after = match range.cursor.as_deref().map(str::parse) {
        None => 0,
        Some(Ok(seq)) => seq,
        Some(Err(_)) => return Err(qixian_store::Error::BadCursor.into()),
    };
    let wanted = limit(range.limit);
    let lines = app.store.journal(case.id, after, wanted).await?;
    let workflow = app.workflow_of(&case).await;
    let view = view_with(&app, &caller, workflow.as_deref());
    let more = lines
        .last()
        .filter(|line| lines.len() == wanted && line.seq < case.rev);
    let next = more.map(|line| line.seq.to_string());
    Ok(page(
        lines.iter().map(|line| view.journal(line)).collect(),
        next,
    ))
}

/// Corrects or withdraws a recorded fact, or with `dry_run=true` says what that would do and what was sent already.
#[utoipa::path(post, path = "/api/v1/cases/{id}/journal/{seq}/correct", tag = "events", params(("id" = String, Path), ("seq" = u64, Path), PostOptions), request_body = api::CorrectFact, responses((status = 200, body = api::EventAnswer), (status = 409, body = api::Problem)))]
pub(crate) async fn correct(
    State(app): State<App>,
    caller: Caller,
    Path((id, seq)): Path<(String, String)>,
    Query(options): Query<PostOptions>,
    body: Body<api::CorrectFact>,
) -> Result<Response, Refusal> {
    let case = load(&app, &id).await?;
    let seq = seq.parse().ok().filter(|seq| (1..=case.rev).contains(seq));
    let seq = seq.ok_or_else(|| Refusal::not_found("记录", "journal line"))?;
    let said = from_api::correct(seq, body.value, app.clock.now())?;
    if options.dry_run {
        caller.may_write()?;
        let event = caller.event(&app, case.id, said, None);
        let draft = app.handle.dry_run(event).await?;
        let mut view = draft_view(&app, &caller, &draft).await;
        view.sent = sent_before(&app, &caller, seq, &draft).await?;
        return Ok(Json(view).into_response());
    }
    // The line's number is part of what is meant, and the address carries it.
    let plain = serde_json::json!([seq, body.plain]);
    record(&app, &caller, &id, said, &plain).await
}
