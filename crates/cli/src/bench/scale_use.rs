//! The daemon with many cases in use: as calmly as a desk uses it, then as fast as it takes notes.

use std::time::Duration;

use qixian_core::Words;
use qixian_time::{Clock, Stopwatch, SystemClock, Zone};
use serde::Deserialize;
use serde_json::json;
use tokio::task::JoinSet;

use super::child::Daemon;
use super::http::Connection;
use super::kind::fact;
use super::load::{FIRST_RUNG_MILLIS, NOTE, id};
use super::over_http::CONNECTIONS;
use super::place::WORKFLOW;
use super::report::{Report, Target};
use super::scale::{Page, STRIDE, Scale};
use crate::failure::Failure;

/// Cases begun while it is used, whose first rung is due a moment later.
const SOON: usize = 100;
/// How soon.
const SOON_MILLIS: i64 = 500;
/// Events of a desk at work, at most so many a second, for so long.
const CALM_A_SECOND: u32 = 200;
const CALM_LENGTH: Duration = Duration::from_secs(10);
/// Of these, one in so many takes its case to the other state; the others are notes.
const WORKING_ONE_IN: usize = 4;
/// Up to so many cases the smaller limit of memory holds.
const FEW_CASES: usize = 20_000;

impl Scale<'_> {
    /// Rungs that come due, and events as fast as a busy desk records them.
    pub(super) async fn use_calmly(
        &self,
        daemon: &Daemon,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let soon = self.begin_soon(daemon).await?;
        let events = self.desk(daemon).await?;
        let fired = self.fired(daemon, &soon).await?;
        self.row(
            report,
            "timers_fired",
            ("平常使用中到点", "rungs fired in calm use"),
            fired as f64,
        );
        self.row(
            report,
            "calm_events",
            ("平常使用中事件", "events in calm use"),
            events as f64,
        );
        let peak = daemon.resident_peak();
        self.row(
            report,
            "resident_calm_mb",
            ("平常使用内存峰值 MB", "resident at most in calm use, MB"),
            peak,
        );
        if self.cases <= FEW_CASES {
            report.target(Target::below(
                Words::new("平常使用内存 < 100 MB", "resident in calm use < 100 MB"),
                100.0,
                peak,
            ));
        }
        Ok(())
    }

    /// Notes, and now and then a case that goes to its other state, one after another; answers how many.
    async fn desk(&self, daemon: &Daemon) -> Result<usize, Failure> {
        let note = json!({ "note": NOTE }).to_string();
        let mut connection = daemon.connect().await?;
        let mut there = vec![false; self.cases];
        let (watch, length) = (Stopwatch::start(), self.place.at_most(CALM_LENGTH));
        let gap = Duration::from_secs(1) / CALM_A_SECOND;
        let (mut count, mut next) = (0, Duration::ZERO);
        while next < length {
            self.wait(next.saturating_sub(watch.elapsed())).await;
            let at = (count * STRIDE) % self.cases;
            let case = id(at as u64 + 1);
            if count % WORKING_ONE_IN == 0 {
                let body = json!({ "event": fact(there[at]), "note": NOTE }).to_string();
                let path = format!("/cases/{case}/events");
                connection.send(&path, body.as_bytes()).await?;
                there[at] = !there[at];
            } else {
                let path = format!("/cases/{case}/notes");
                connection.send(&path, note.as_bytes()).await?;
            }
            count += 1;
            next += gap;
        }
        Ok(count)
    }

    /// Notes on every connection as fast as they are answered: this fills the store's cache.
    pub(super) async fn hammer(&self, daemon: &Daemon, report: &mut Report) -> Result<(), Failure> {
        let mut writing = self.write(daemon).await?;
        self.wait(self.place.round).await;
        writing.abort_all();
        while writing.join_next().await.is_some() {}
        let (resident, peak) = (daemon.resident(), daemon.resident_peak());
        self.row(
            report,
            "resident_mb",
            (
                "满速写入后内存 MB",
                "resident after writing at full speed, MB",
            ),
            resident,
        );
        self.row(
            report,
            "resident_peak_mb",
            (
                "满速写入时内存峰值 MB",
                "resident at most at full speed, MB",
            ),
            peak,
        );
        let cache = &self.cache;
        report.note(
            format!("满速写入会填满存储的缓存，内存上限约为 3.5 × 缓存（{cache} MiB）加就绪时的内存，与案件数关系不大"),
            format!("writing at full speed fills the store's cache: its bound is about 3.5 × the cache ({cache} MiB) and what is resident when ready, whatever the number of cases"),
        );
        if self.cases > FEW_CASES {
            report.target(Target::below(
                Words::new("使用中内存 < 800 MB", "resident in use < 800 MB"),
                800.0,
                peak,
            ));
        }
        Ok(())
    }

    /// Begins cases as long ago that their first rung is due in a moment.
    async fn begin_soon(&self, daemon: &Daemon) -> Result<Vec<String>, Failure> {
        let mut connection = daemon.connect().await?;
        let mut ids = Vec::new();
        for nth in 0..SOON {
            let began = SystemClock
                .now()
                .saturating_add_millis(SOON_MILLIS - FIRST_RUNG_MILLIS);
            let body = json!({
                "workflow": WORKFLOW, "title": format!("bench {nth}"), "occurred_at": began.to_rfc3339(&Zone::utc()),
            });
            let begun: Begun = connection
                .post("/cases", body.to_string().as_bytes())
                .await?;
            ids.push(begun.id);
        }
        Ok(ids)
    }

    /// Waits until all of them have fired; answers how many messages came of it.
    async fn fired(&self, daemon: &Daemon, ids: &[String]) -> Result<usize, Failure> {
        let mut connection = daemon.connect().await?;
        let mut fired = 0;
        for id in ids {
            loop {
                let messages: Page = connection.get(&format!("/cases/{id}/messages")).await?;
                if !messages.items.is_empty() {
                    fired += messages.items.len();
                    break;
                }
                self.wait(Duration::from_millis(50)).await;
            }
        }
        Ok(fired)
    }

    /// Notes on every connection, to cases all over the store, until the connection or the task ends.
    pub(super) async fn write(&self, daemon: &Daemon) -> Result<JoinSet<()>, Failure> {
        let mut writing = JoinSet::new();
        for lane in 0..CONNECTIONS {
            let connection = daemon.connect().await?;
            let cases = self.cases;
            writing.spawn(notes(connection, lane, cases));
        }
        Ok(writing)
    }
}

#[derive(Deserialize)]
struct Begun {
    id: String,
}

/// Sends notes, one after another, to cases a lane apart.
async fn notes(mut connection: Connection, lane: usize, cases: usize) {
    let body = json!({ "note": NOTE }).to_string();
    for nth in 0.. {
        let number = (lane + nth * CONNECTIONS * 131) % cases + 1;
        let path = format!("/cases/{}/notes", id(number as u64));
        if connection.send(&path, body.as_bytes()).await.is_err() {
            return;
        }
    }
}
