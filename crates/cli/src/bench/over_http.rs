//! The same events over HTTP: a daemon in a process of its own, asked over keep-alive connections from this one. Both share
//! the cores, so that whatever this side does for a request is taken from the daemon: it looks at the status, no more.

use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use qixian_time::Stopwatch;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::child::{Daemon, Processor};
use super::http::Connection;
use super::kind::{Kind, fact};
use super::load::{Maker, NOTE, Pressed};
use super::place::{Place, WORKFLOW, failed};
use crate::failure::Failure;

/// Connections, each with one request at a time.
pub(super) const CONNECTIONS: usize = 64;
/// One message under way, to a server that never answers, keeps all others waiting: as in the engine that holds them.
const ONE_AT_A_TIME: (&str, &str) = ("QIXIAN_LIMITS_SENDS_PER_PROVIDER", "1");

/// What an answer about a case tells.
#[derive(Debug, Deserialize)]
struct Answered {
    id: String,
}

/// The daemon, its cases, and the connections to it.
pub(super) struct Desk {
    daemon: Daemon,
    lanes: Vec<Arc<Mutex<Lane>>>,
    starts: Arc<Starts>,
    /// Where its mail goes: nobody takes it up.
    _mail: TcpListener,
}

/// One connection and the cases it writes to.
struct Lane {
    connection: Connection,
    cases: Vec<Paths>,
    at: usize,
}

/// The addresses of one case, and whether it is in its second state.
struct Paths {
    notes: String,
    events: String,
    there: bool,
}

impl Desk {
    /// Starts a daemon in the place and begins so many cases.
    pub(super) async fn open(place: &Place, cases: usize) -> Result<Self, Failure> {
        let mail = TcpListener::bind("127.0.0.1:0").map_err(failed)?;
        let port = mail.local_addr().map_err(failed)?.port();
        let config = place.other_config("desk", &sent_to(port))?;
        let data = place.path().join("served");
        let daemon = Daemon::start_with(&config, &data, &[ONE_AT_A_TIME])?;
        let starts = Arc::new(Starts::new(place)?);
        let mut opening = JoinSet::new();
        for lane in 0..CONNECTIONS.min(cases) {
            let connection = daemon.connect().await?;
            let count = (lane..cases).step_by(CONNECTIONS).len();
            opening.spawn(begin(connection, starts.clone(), count));
        }
        let mut lanes = Vec::new();
        while let Some(lane) = opening.join_next().await {
            lanes.push(Arc::new(Mutex::new(lane.map_err(failed)??)));
        }
        Ok(Self {
            daemon,
            lanes,
            starts,
            _mail: mail,
        })
    }

    /// Events of a kind over every connection for a while.
    pub(super) async fn slice(&self, kind: Kind, length: Duration) -> Result<Pressed, Failure> {
        let watch = Stopwatch::start();
        let mut sending = JoinSet::new();
        for lane in &self.lanes {
            let (lane, starts) = (lane.clone(), self.starts.clone());
            sending.spawn(async move {
                let mut lane = lane.lock().await;
                lane.send(kind, &starts, watch, length).await
            });
        }
        let mut took = Vec::new();
        while let Some(sent) = sending.join_next().await {
            took.extend(sent.map_err(failed)??);
        }
        let lasted = watch.elapsed();
        Ok(Pressed { took, lasted })
    }

    /// Processor time of both sides so far.
    pub(super) fn processor(&self) -> Processor {
        Processor::now(&self.daemon)
    }

    /// Ends the daemon: at once, since its message to nobody never ends.
    pub(super) fn close(self) -> Result<(), Failure> {
        self.daemon.kill()
    }
}

impl Lane {
    async fn send(
        &mut self,
        kind: Kind,
        starts: &Starts,
        watch: Stopwatch,
        length: Duration,
    ) -> Result<Vec<Duration>, Failure> {
        let note = json!({ "note": NOTE }).to_string();
        let working = |there| json!({ "event": fact(there), "note": NOTE }).to_string();
        let working = [working(false), working(true)];
        let (mut start, mut took) = (Vec::new(), Vec::new());
        while watch.elapsed() < length {
            self.at = (self.at + 1) % self.cases.len();
            let case = &mut self.cases[self.at];
            let (path, body) = match kind {
                Kind::Note => (case.notes.as_str(), note.as_bytes()),
                Kind::Working => {
                    let body = &working[usize::from(case.there)];
                    case.there = !case.there;
                    (case.events.as_str(), body.as_bytes())
                }
                Kind::Start => {
                    starts.next(&mut start);
                    (CASES, start.as_slice())
                }
            };
            let started = Stopwatch::start();
            self.connection.send(path, body).await?;
            took.push(started.elapsed());
        }
        Ok(took)
    }
}

/// Where cases begin.
const CASES: &str = "/cases";

async fn begin(
    mut connection: Connection,
    starts: Arc<Starts>,
    count: usize,
) -> Result<Lane, Failure> {
    let (mut cases, mut body) = (Vec::new(), Vec::new());
    for _ in 0..count {
        starts.next(&mut body);
        let Answered { id } = connection.post(CASES, &body).await?;
        cases.push(Paths {
            notes: format!("/cases/{id}/notes"),
            events: format!("/cases/{id}/events"),
            there: false,
        });
    }
    Ok(Lane {
        connection,
        cases,
        at: 0,
    })
}

/// Bodies that begin cases: they differ in their reference.
struct Starts {
    before: String,
    after: String,
    next: AtomicU64,
}

impl Starts {
    fn new(place: &Place) -> Result<Self, Failure> {
        let start = Maker::new(&place.loaded, &place.settings.rules)?.start(0);
        let party = |party: &qixian_core::Party| json!({ "role": party.role, "name": party.name, "mobile": party.mobile, "email": party.email });
        let parties: Vec<_> = start.parties.iter().map(party).collect();
        let body = json!({
            "workflow": WORKFLOW, "title": start.title, "reference": start.reference,
            "fields": start.fields, "parties": parties,
        })
        .to_string();
        let (before, after) = body
            .split_once(&start.reference)
            .ok_or_else(|| failed("a case without a reference"))?;
        Ok(Self {
            before: before.to_owned(),
            after: after.to_owned(),
            next: AtomicU64::new(0),
        })
    }

    /// Writes the next body over `body`.
    fn next(&self, body: &mut Vec<u8>) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        body.clear();
        let (before, after) = (&self.before, &self.after);
        // Memory takes everything.
        write!(body, "{before}BENCH-{number:08}{after}").ok();
    }
}

/// Mail goes to a port of this machine.
fn sent_to(port: u16) -> String {
    format!(
        "[providers.mail]\nkind = \"smtp\"\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nfrom = \"bench@agency.example\"\n\
         connect_timeout_ms = 3600000\nsend_timeout_ms = 3600000\n\n"
    )
}
