//! One deadline of the model: when it counts from, when it is due, what is to be said and what became of it.

use qixian_core::definition::Name;
use qixian_core::{ClockState, Rung, RungState};
use qixian_time::{Date, Pause, Period, Start, Timestamp, Zone};

/// A deadline as the model knows it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Clock {
    pub(super) name: Name,
    pub(super) generation: u32,
    pub(super) state: ClockState,
    pub(super) start: Option<Start>,
    pub(super) assumed: bool,
    pub(super) due_at: Option<Timestamp>,
    pub(super) earliest_at: Option<Timestamp>,
    pub(super) provisional: bool,
    /// The lengths it was armed with, to `due_at` and to `earliest_at`; never asked for again.
    pub(super) within: Option<Period>,
    pub(super) earliest: Option<Period>,
    pub(super) pauses: Vec<Pause>,
    pub(super) moved: bool,
    pub(super) rungs: Vec<Rung>,
    pub(super) assume_at: Option<Timestamp>,
    pub(super) late_recorded: bool,
}

impl Clock {
    pub(super) fn new(name: &str, generation: u32) -> Self {
        Self {
            name: name.to_owned(),
            generation,
            state: ClockState::Waiting,
            start: None,
            assumed: false,
            due_at: None,
            earliest_at: None,
            provisional: false,
            within: None,
            earliest: None,
            pauses: Vec::new(),
            moved: false,
            rungs: Vec::new(),
            assume_at: None,
            late_recorded: false,
        }
    }

    pub(super) fn started_at(&self, zone: &Zone) -> Option<Timestamp> {
        Some(match self.start? {
            Start::Instant(at) => at,
            Start::Day(day) => zone.start_of_day(day),
        })
    }

    /// The last local day on which it may be met.
    pub(super) fn last_day(&self, zone: &Zone) -> Option<Date> {
        let due_at = self.due_at?;
        let by_the_hour = !self.moved && self.within.is_some_and(Period::is_elapsed);
        let inside = if by_the_hour {
            due_at
        } else {
            due_at.saturating_sub_millis(1)
        };
        Some(zone.date_of(inside))
    }

    /// Waiting, armed or paused.
    pub(super) fn is_open(&self) -> bool {
        use ClockState::{Armed, Paused, Waiting};
        [Waiting, Armed, Paused].contains(&self.state)
    }

    /// Whether its rungs are said when their time comes.
    pub(super) fn speaks(&self) -> bool {
        use ClockState::{Armed, Missed, Waiting};
        [Waiting, Armed, Missed].contains(&self.state)
    }

    /// What was still to be said never will be.
    pub(super) fn silence(&mut self) {
        for rung in &mut self.rungs {
            if rung.state == RungState::Pending {
                rung.state = RungState::Moot;
            }
        }
        self.assume_at = None;
    }

    /// The fact that answers it happened at `at` and is learnt at `now`: what counts is when it happened, and a stopped
    /// clock has not run out.
    pub(super) fn meet(&mut self, at: Timestamp, now: Timestamp) {
        let paused = self.state == ClockState::Paused;
        let in_time = paused || self.due_at.is_none_or(|due_at| at < due_at);
        let had_passed = self.due_at.is_some_and(|due_at| due_at <= now);
        self.late_recorded = in_time && had_passed && !paused;
        self.state = if in_time {
            ClockState::Met
        } else {
            ClockState::Missed
        };
        self.silence();
    }

    /// The clock stands still from `at`, not before its start or the end of its last pause.
    pub(super) fn stop(&mut self, at: Timestamp, zone: &Zone) {
        let since = self.pauses.last().map(|pause| pause.to);
        let since = since.or(self.started_at(zone)).unwrap_or(at);
        let from = at.max(since);
        self.pauses.push(Pause { from, to: from });
        self.state = ClockState::Paused;
    }

    /// Whether it was stopped and has not gone on.
    pub(super) fn is_stopped(&self) -> bool {
        self.pauses
            .last()
            .is_some_and(|pause| pause.from == pause.to)
    }

    /// When something of it comes due without anybody's doing.
    pub(super) fn next(&self) -> Option<Timestamp> {
        let pending = self.rungs.iter().filter(|r| r.state == RungState::Pending);
        let rung = pending.map(|rung| rung.at).min();
        let own = match self.state {
            ClockState::Armed => self.due_at,
            ClockState::Waiting => self.assume_at,
            ClockState::Missed => None,
            _ => return None,
        };
        [rung, own].into_iter().flatten().min()
    }
}
