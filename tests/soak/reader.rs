//! Somebody who looks while others write: lists, single cases and the pages.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use qixian_api::Client;
use qixian_tests::daemon::Daemon;
use qixian_time::Stopwatch;
use serde_json::Value;
use ureq::Agent;

use crate::tally::Tally;

/// Between one look and the next.
const PACE: Duration = Duration::from_millis(100);

/// Looks until the other end of `until` is gone.
pub(crate) fn look_around(daemon: &Daemon, tally: &Tally, until: &Receiver<()>) {
    let (client, pages) = (daemon.client(), Agent::new_with_defaults());
    let mut case = None;
    for number in 0_u32.. {
        if until.recv_timeout(PACE) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        let watch = Stopwatch::start();
        match (number % 8, &case) {
            (1, _) => read(&client, tally, "/deadlines?limit=50"),
            (2, _) => read(&client, tally, "/messages?limit=50"),
            (3, _) => page(&pages, daemon, tally, "/"),
            (4, Some(id)) => page(&pages, daemon, tally, &format!("/cases/{id}")),
            (5, Some(id)) => read(&client, tally, &format!("/cases/{id}")),
            (6, Some(id)) => read(&client, tally, &format!("/cases/{id}/journal?limit=50")),
            (7, Some(id)) => read(&client, tally, &format!("/cases/{id}/messages?limit=50")),
            _ => {
                case = read(&client, tally, "/cases?limit=50")
                    .and_then(|list| Some(list["items"][0]["id"].as_str()?.to_owned()));
                None
            }
        };
        tally.took(watch.elapsed());
    }
}

fn read(client: &Client, tally: &Tally, path: &str) -> Option<Value> {
    match client.get::<Value>(path) {
        Ok(value) => {
            tally.acknowledged();
            Some(value)
        }
        Err(error) => {
            tally.failed(&error);
            None
        }
    }
}

fn page(pages: &Agent, daemon: &Daemon, tally: &Tally, path: &str) -> Option<Value> {
    let cookie = format!("qixian_token={}", daemon.token);
    let request = pages.get(format!("{}{path}", daemon.address));
    let text = request.header("cookie", cookie).call();
    match text.and_then(|mut answer| answer.body_mut().read_to_string()) {
        Ok(text) if text.ends_with("</html>\n") || text.ends_with("</html>") => {
            tally.acknowledged()
        }
        Ok(text) => tally.failed(&format!("{path} is no page: {text:.80}")),
        Err(error) => tally.failed(&error),
    }
    None
}
