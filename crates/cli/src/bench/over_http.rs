//! The same events over HTTP: a daemon in a process of its own, asked over keep-alive connections from this one.

use std::sync::Arc;
use std::time::Duration;

use qixian_time::Stopwatch;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::child::Daemon;
use super::http::Connection;
use super::load::{Maker, Pressed};
use super::place::{Place, WORKFLOW, failed};
use crate::failure::Failure;

/// Connections, each with one request at a time.
pub(super) const CONNECTIONS: usize = 64;

/// What an answer about a case tells.
#[derive(Debug, Deserialize)]
struct Answered {
    id: String,
}

/// The daemon, its cases, and the connections to it.
pub(super) struct Desk {
    daemon: Daemon,
    lanes: Vec<Arc<Mutex<Lane>>>,
}

/// One connection and the cases it writes to.
struct Lane {
    connection: Connection,
    cases: Vec<String>,
    at: usize,
}

impl Desk {
    /// Starts a daemon in the place and begins so many cases.
    pub(super) async fn open(place: &Place, cases: usize) -> Result<Self, Failure> {
        let daemon = Daemon::start(place, &place.path().join("served"), &[])?;
        let maker = Maker::new(&place.loaded, &place.settings.rules)?;
        let mut opening = JoinSet::new();
        for lane in 0..CONNECTIONS.min(cases) {
            let connection = daemon.connect().await?;
            let numbers = (lane..cases).step_by(CONNECTIONS);
            let bodies: Vec<String> = numbers.map(|number| body(&maker, number)).collect();
            opening.spawn(begin(connection, bodies));
        }
        let mut lanes = Vec::new();
        while let Some(lane) = opening.join_next().await {
            lanes.push(Arc::new(Mutex::new(lane.map_err(failed)??)));
        }
        Ok(Self { daemon, lanes })
    }

    /// Notes over every connection for a while.
    pub(super) async fn slice(&self, length: Duration) -> Result<Pressed, Failure> {
        let watch = Stopwatch::start();
        let mut sending = JoinSet::new();
        for lane in &self.lanes {
            let lane = lane.clone();
            sending.spawn(async move { lane.lock().await.notes(watch, length).await });
        }
        let mut took = Vec::new();
        while let Some(sent) = sending.join_next().await {
            took.extend(sent.map_err(failed)??);
        }
        let lasted = watch.elapsed();
        Ok(Pressed { took, lasted })
    }

    /// Ends the daemon in its order.
    pub(super) fn close(self) -> Result<(), Failure> {
        self.daemon.stop()
    }
}

impl Lane {
    async fn notes(
        &mut self,
        watch: Stopwatch,
        length: Duration,
    ) -> Result<Vec<Duration>, Failure> {
        let body = json!({ "note": "bench: a note as people write them, of a usual length" });
        let (body, mut took) = (body.to_string(), Vec::new());
        while watch.elapsed() < length {
            self.at = (self.at + 1) % self.cases.len();
            let path = format!("/cases/{}/notes", self.cases[self.at]);
            let started = Stopwatch::start();
            self.connection.post::<Answered>(&path, &body).await?;
            took.push(started.elapsed());
        }
        Ok(took)
    }
}

async fn begin(mut connection: Connection, bodies: Vec<String>) -> Result<Lane, Failure> {
    let mut cases = Vec::new();
    for body in bodies {
        let answered: Answered = connection.post("/cases", &body).await?;
        cases.push(answered.id);
    }
    Ok(Lane {
        connection,
        cases,
        at: 0,
    })
}

/// The body that begins the case of this number.
fn body(maker: &Maker, number: usize) -> String {
    let start = maker.start(number as u64);
    let party = |party: &qixian_core::Party| json!({ "role": party.role, "name": party.name, "mobile": party.mobile, "email": party.email });
    let parties: Vec<_> = start.parties.iter().map(party).collect();
    json!({
        "workflow": WORKFLOW, "title": start.title, "reference": start.reference,
        "fields": start.fields, "parties": parties,
    })
    .to_string()
}
