//! Load on a daemon: events of people, and deadlines whose rungs come due meanwhile. Each caller keeps a list of what it
//! was told, and of the one request it never got an answer to.

use std::fs;
use std::path::{Path, PathBuf};

use qixian_api::{Client, Error, PostCase, PostEvent, PostNote};
use qixian_time::{Clock, SystemClock, Zone};
use serde::Deserialize;
use serde_json::Value;

use crate::moments::Moments;

/// The workflow's rungs are so far apart, in milliseconds.
const RUNG: i64 = 60_000;
/// A new case has something due within so many milliseconds.
const SOON: u64 = 1_500;
/// New cases of a caller in one round: enough to have rungs due at any moment, few enough to be read again quickly.
const CASES_A_ROUND: usize = 6;
/// Events go to the latest so many cases of a caller.
const LATEST: usize = 8;

/// Writes a configuration for [`Caller`]s into `dir` and answers its path: two people to remind, and the workflow.
///
/// # Panics
/// When `dir` cannot be written.
pub fn configure(dir: &Path) -> PathBuf {
    let workflows = dir.join("workflows");
    fs::create_dir_all(&workflows).expect("a directory for workflows");
    fs::write(workflows.join("crash-load.toml"), include_str!("load.toml")).expect("a workflow");
    let staff = |name: &str, role: &str| {
        format!(
            "[[staff]]\nname = \"{name}\"\nroles = [\"{role}\"]\nemail = \"{role}@agency.example\"\n"
        )
    };
    let config = dir.join("qixian.toml");
    let text = staff("小周", "handler") + &staff("小李", "lead");
    fs::write(&config, text).expect("a configuration");
    config
}

/// A case and what was acknowledged of it: the line's number and the note that stands there.
#[derive(Clone, Debug)]
pub struct Told {
    /// The case's id.
    pub id: String,
    /// Its title: the key under which it was asked for.
    pub title: String,
    /// Each acknowledged line.
    pub lines: Vec<(u64, String)>,
}

/// A request as it goes out: again in the same words if nobody answers.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The idempotency key, which is also the note or the title.
    pub key: String,
    /// Index of the case; none for a new one.
    case: Option<usize>,
    path: String,
    body: Value,
}

/// What matters of an answer.
#[derive(Debug, Deserialize)]
struct Answered {
    id: String,
    rev: u64,
}

/// One caller with cases of its own.
#[derive(Debug)]
pub struct Caller {
    name: String,
    moments: Moments,
    asked: u64,
    /// Its cases, oldest first.
    pub cases: Vec<Told>,
    /// Index of the first case that the latest round may have touched.
    pub touched: usize,
    /// Asked and never answered.
    pub doubt: Option<Asked>,
    /// How many answers it got.
    pub acknowledged: u64,
    /// How many requests never got an answer and were asked again.
    pub doubts: u64,
}

impl Caller {
    /// A caller; `name` sets its requests apart from those of others.
    pub fn new(name: &str, seed: u64) -> Self {
        Self {
            name: name.to_owned(),
            moments: Moments::new(seed),
            asked: 0,
            cases: Vec::new(),
            touched: 0,
            doubt: None,
            acknowledged: 0,
            doubts: 0,
        }
    }

    /// Asks until nobody answers, or until `most` answers; `heard` is told of each answer.
    pub fn press(&mut self, client: &Client, most: usize, heard: &dyn Fn()) {
        let begun = self.cases.len();
        self.touched = begun.saturating_sub(LATEST);
        for _ in 0..most {
            let asked = self.next(self.cases.len() - begun);
            if !self.ask(client, asked) {
                return;
            }
            heard();
        }
    }

    /// Asks once more what was never answered. It takes effect once, whether it had been recorded or not.
    ///
    /// # Panics
    /// When it is not answered now.
    pub fn settle(&mut self, client: &Client) {
        if let Some(asked) = self.doubt.take() {
            self.doubts += 1;
            let key = asked.key.clone();
            assert!(self.ask(client, asked), "{key}: nobody answers");
        }
    }

    /// Whether somebody answered.
    fn ask(&mut self, client: &Client, asked: Asked) -> bool {
        let answer = client.post::<Answered>(&asked.path, &asked.body, Some(&asked.key));
        match answer {
            Ok(answer) => self.note(asked, answer),
            // Not possible any more: the deadline was missed meanwhile.
            Err(Error::Refused(problem)) if problem.status == 409 => {}
            Err(_) => {
                self.doubt = Some(asked);
                return false;
            }
        }
        true
    }

    fn note(&mut self, asked: Asked, answer: Answered) {
        self.acknowledged += 1;
        match asked.case {
            Some(index) => self.cases[index].lines.push((answer.rev, asked.key)),
            None => self.cases.push(Told {
                id: answer.id,
                title: asked.key,
                lines: Vec::new(),
            }),
        }
    }

    fn next(&mut self, new: usize) -> Asked {
        self.asked += 1;
        let key = format!("{}-{}", self.name, self.asked);
        if new < 2 || (new < CASES_A_ROUND && self.moments.one_in(12)) {
            return self.new_case(key);
        }
        let latest = self.cases.len().min(LATEST);
        let index = self.cases.len() - 1 - self.moments.index(latest);
        let id = &self.cases[index].id;
        let event = match self.moments.below(64) {
            0 => Some("finished"),
            1..16 => Some("handed"),
            16..32 => Some("returned"),
            _ => None,
        };
        let (path, body) = match event {
            None => (
                format!("/cases/{id}/notes"),
                serde_json::to_value(PostNote { note: key.clone() }),
            ),
            Some(event) => {
                let body = PostEvent {
                    event: event.to_owned(),
                    note: Some(key.clone()),
                    ..PostEvent::default()
                };
                (format!("/cases/{id}/events"), serde_json::to_value(body))
            }
        };
        let body = body.expect("a body is JSON");
        Asked {
            key,
            case: Some(index),
            path,
            body,
        }
    }

    /// A case that began one, two or three rungs ago but for a moment: the next rung, or the end, is due in that moment.
    fn new_case(&mut self, key: String) -> Asked {
        let ago = RUNG * (1 + self.moments.below(3) as i64) - self.moments.below(SOON) as i64;
        let began = SystemClock.now().saturating_add_millis(-ago);
        let body = PostCase {
            workflow: "crash-load".to_owned(),
            title: key.clone(),
            occurred_at: Some(began.to_rfc3339(&Zone::utc())),
            ..PostCase::default()
        };
        Asked {
            key,
            case: None,
            path: "/cases".to_owned(),
            body: serde_json::to_value(body).expect("a body is JSON"),
        }
    }
}
