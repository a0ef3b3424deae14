//! Health and metrics.

use std::fmt::Write;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use qixian_store::RoomState;

use super::caller::Caller;
use super::problem::Refusal;
use super::state::App;
use axum::extract::FromRequestParts;

/// A wake-up this late says that the timer loop does not keep up, or stands still.
const LATE_MILLIS: i64 = 120_000;

/// The process answers.
#[utoipa::path(get, path = "/livez", tag = "health", responses((status = 200, body = String)))]
pub(crate) async fn livez() -> &'static str {
    "ok\n"
}

/// The daemon does its work: there is room to write, timers are looked at, and the oldest due one is not late.
#[utoipa::path(get, path = "/readyz", tag = "health", responses((status = 200, body = String), (status = 503, body = qixian_api::Problem)))]
pub(crate) async fn readyz(State(app): State<App>) -> Result<&'static str, Refusal> {
    let health = app.handle.stats().health();
    let now = app.clock.now();
    let age = |at: Option<qixian_time::Timestamp>| at.map(|at| now.millis_since(at));
    if let Some((RoomState::Exhausted, said)) = app.disk_alarm() {
        let (zh, en) = (format!("{}。", said.zh), format!("{}.", said.en));
        return Err(not_ready().detail(zh, en));
    }
    let late = age(health.oldest_due_timer).is_some_and(|age| age > LATE_MILLIS);
    let stands_still = age(health.last_timer_pass).is_none_or(|age| age > LATE_MILLIS);
    if late || stands_still {
        return Err(match late {
            true => not_ready().detail(
                "最早到期的提醒已经晚了。",
                "The oldest due reminder is late.",
            ),
            false => not_ready().detail("定时循环没有在走。", "The timer loop is not running."),
        });
    }
    Ok("ready\n")
}

fn not_ready() -> Refusal {
    Refusal::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "not_ready",
        "还没有准备好",
        "not ready",
    )
    .retry_after(5)
}

/// Counters in the text format of Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "health", responses((status = 200, body = String)))]
pub(crate) async fn metrics(
    State(app): State<App>,
    request: axum::extract::Request,
) -> Result<Response, Refusal> {
    if !app.settings.open_metrics {
        let (mut parts, _) = request.into_parts();
        Caller::from_request_parts(&mut parts, &app).await?;
    }
    let mut headers = HeaderMap::new();
    let kind = header::HeaderValue::from_static("text/plain; version=0.0.4");
    headers.insert(header::CONTENT_TYPE, kind);
    Ok((headers, exposition(&app)).into_response())
}

fn exposition(app: &App) -> String {
    let stats = app.handle.stats();
    let (counts, health) = (stats.snapshot(), stats.health());
    let now = app.clock.now();
    let late = health
        .oldest_due_timer
        .map_or(0, |at| now.millis_since(at).max(0));
    let counters = [
        ("events_total", "People's events accepted.", counts.events),
        (
            "rejections_total",
            "People's events refused.",
            counts.rejections,
        ),
        ("wakes_total", "Wake-ups handled.", counts.wakes),
        (
            "groups_total",
            "Groups of commits made durable.",
            counts.groups,
        ),
        (
            "groups_refused_total",
            "Groups the store refused.",
            counts.groups_refused,
        ),
        (
            "groups_unknown_total",
            "Groups whose fate the store could not tell.",
            counts.groups_unknown,
        ),
        (
            "sends_accepted_total",
            "Sends a provider took.",
            counts.sends_accepted,
        ),
        (
            "sends_failed_total",
            "Sends that are tried again.",
            counts.sends_failed,
        ),
        (
            "sends_unknown_total",
            "Sends nobody can say anything about.",
            counts.sends_unknown,
        ),
        (
            "sends_bounced_total",
            "Sends that recipient, text or channel stood in the way of.",
            counts.sends_bounced,
        ),
        (
            "messages_moot_total",
            "Messages that were no longer needed.",
            counts.moot,
        ),
        (
            "messages_dead_total",
            "Messages that reached nobody.",
            counts.dead,
        ),
    ];
    let room = app.store.room();
    let gauges = [
        ("inbox", "Events waiting.", health.inbox as u64),
        (
            "sends_in_flight",
            "Messages at providers.",
            health.sends_in_flight as u64,
        ),
        (
            "cases_set_aside",
            "Cases that could not be read or decided.",
            health.set_aside as u64,
        ),
        (
            "timer_late_milliseconds",
            "How late the oldest due wake-up is.",
            late.unsigned_abs(),
        ),
        (
            "disk_free_bytes",
            "Free where the data directory lies; 0 where that is not known.",
            room.free.unwrap_or(0),
        ),
        (
            "disk_reserve_bytes",
            "Kept for timers and outcomes.",
            room.reserve,
        ),
        (
            "disk_state",
            "1 when less than the reserve is free, 2 when less than a quarter of it is.",
            room.state() as u64,
        ),
        (
            "uptime_seconds",
            "Since the process started.",
            app.up.elapsed().as_secs(),
        ),
    ];
    let mut text = String::new();
    let typed = [("counter", &counters[..]), ("gauge", &gauges[..])];
    for (kind, list) in typed {
        for (name, help, value) in list {
            // Writing to a text cannot fail.
            write!(
                text,
                "# HELP qixian_{name} {help}\n# TYPE qixian_{name} {kind}\nqixian_{name} {value}\n"
            )
            .ok();
        }
    }
    text
}
