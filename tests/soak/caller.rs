//! Callers at a steady pace. Each has cases of its own, so that it knows their state; what was acknowledged is kept to be
//! compared at the end.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use qixian_api::{
    Client, Error, MoveDeadline, PatchCase, PostCase, PostEvent, PostNote, PostReason,
};
use qixian_tests::moments::Moments;
use qixian_time::Stopwatch;
use serde::{Deserialize, Serialize};

use crate::tally::Tally;

/// What a line of the journal is called after what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Started,
    Handed,
    Returned,
    Finished,
    Note,
    Edited,
    Moved,
    Closed,
}

impl Line {
    /// The event's name in the journal.
    pub(crate) fn event(self) -> &'static str {
        match self {
            Self::Started => "case_started",
            Self::Handed => "handed",
            Self::Returned => "returned",
            Self::Finished => "finished",
            Self::Note => "note_added",
            Self::Edited => "case_edited",
            Self::Moved => "deadline_moved",
            Self::Closed => "case_closed",
        }
    }
}

/// A case and each line of it that was acknowledged.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) id: String,
    /// Whether it is with us; else it is with others.
    here: bool,
    /// Number and kind of each acknowledged line.
    pub(crate) lines: Vec<(u32, Line)>,
}

#[derive(Debug, Deserialize)]
struct Answered {
    id: String,
    rev: u32,
}

/// One caller.
pub(crate) struct Caller<'a> {
    pub(crate) name: String,
    pub(crate) client: Client,
    pub(crate) moments: Moments,
    /// How many cases it keeps open.
    pub(crate) open_cases: usize,
    /// Between one request and the next.
    pub(crate) pace: Duration,
    pub(crate) tally: &'a Tally,
    /// Events asked for so far.
    pub(crate) asked: u64,
    /// Every case it started.
    pub(crate) cases: Vec<Told>,
    /// Indexes of those that are not closed.
    pub(crate) open: Vec<usize>,
}

impl Caller<'_> {
    /// Asks at its pace until `length` is over. What a slow answer held up is asked right after it, and its wait counts.
    pub(crate) fn run(&mut self, length: Duration) {
        let watch = Stopwatch::start();
        let (_kept, never) = channel::<()>();
        for number in 0_u32.. {
            let due = self.pace * number;
            if due >= length {
                return;
            }
            let early = due.saturating_sub(watch.elapsed());
            if !early.is_zero() {
                // Nothing comes this way: the time passing is the signal.
                assert_eq!(never.recv_timeout(early), Err(RecvTimeoutError::Timeout));
            }
            self.act();
            self.tally.took(watch.elapsed().saturating_sub(due));
        }
    }

    fn act(&mut self) {
        if self.open.len() < self.open_cases {
            return self.start();
        }
        let place = self.moments.index(self.open.len());
        let index = self.open[place];
        match self.moments.below(128) {
            0 => self.event(index, Line::Finished),
            1 => self.close(index),
            2..54 if self.cases[index].here => self.event(index, Line::Handed),
            2..54 => self.event(index, Line::Returned),
            54..98 => self.note(index),
            98..116 => self.edit(index),
            _ => self.shift(index),
        }
    }

    fn start(&mut self) {
        let title = format!("{}-{}", self.name, self.cases.len());
        let body = PostCase {
            workflow: "soak".to_owned(),
            title: title.clone(),
            ..PostCase::default()
        };
        match self.client.post::<Answered>("/cases", &body, Some(&title)) {
            Ok(answer) => {
                self.open.push(self.cases.len());
                self.cases.push(Told {
                    id: answer.id,
                    here: true,
                    lines: vec![(answer.rev, Line::Started)],
                });
                self.tally.acknowledged();
            }
            Err(error) => self.tally.failed(&error),
        }
    }

    fn event(&mut self, index: usize, line: Line) {
        let body = PostEvent {
            event: line.event().to_owned(),
            ..PostEvent::default()
        };
        self.post(index, line, "events", &body);
    }

    fn note(&mut self, index: usize) {
        let note = "客户来电：材料已补寄，请查收后回复。".to_owned();
        self.post(index, Line::Note, "notes", &PostNote { note });
    }

    fn close(&mut self, index: usize) {
        let body = PostReason {
            reason: "客户撤回".to_owned(),
            occurred_at: None,
        };
        self.post(index, Line::Closed, "close", &body);
    }

    fn shift(&mut self, index: usize) {
        let body = MoveDeadline {
            due_at: None,
            by: Some("+5m".to_owned()),
            reason: "管局要求补充".to_owned(),
        };
        self.post(index, Line::Moved, "deadlines/whole/move", &body);
    }

    fn edit(&mut self, index: usize) {
        let round = self.moments.below(1_000_000);
        let fields = serde_json::json!({ "round": round, "remark": format!("第 {round} 次核对，地址与证件一致") });
        let body = PatchCase {
            fields: fields.as_object().cloned().unwrap_or_default(),
            ..PatchCase::default()
        };
        let path = format!("/cases/{}", self.cases[index].id);
        let answer = self.client.patch(&path, &body, None);
        self.heard(index, Line::Edited, answer);
    }

    fn post(&mut self, index: usize, line: Line, what: &str, body: &impl Serialize) {
        let told = &self.cases[index];
        let path = format!("/cases/{}/{what}", told.id);
        self.asked += 1;
        let key = format!("{}-event-{}", self.name, self.asked);
        let answer = self.client.post(&path, body, Some(&key));
        self.heard(index, line, answer);
    }

    fn heard(&mut self, index: usize, line: Line, answer: Result<Answered, Error>) {
        match answer {
            Ok(answer) => {
                let told = &mut self.cases[index];
                told.lines.push((answer.rev, line));
                told.here = match line {
                    Line::Handed => false,
                    Line::Returned => true,
                    _ => told.here,
                };
                if matches!(line, Line::Finished | Line::Closed) {
                    self.open.retain(|open| *open != index);
                }
                self.tally.acknowledged();
            }
            // Not possible any more: the deadline to be moved was missed meanwhile.
            Err(Error::Refused(problem)) if problem.status == 409 => self.tally.refused(),
            Err(error) => self.tally.failed(&error),
        }
    }
}
