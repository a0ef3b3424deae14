//! One deadline as people read it: the last moment, the time left, how urgent it is, and why.

use qixian_core::definition::Kind;
use qixian_core::{Case, ClockState, Deadline, Env, Lang, Workflow, why};
use qixian_notify::phrases;
use qixian_time::{Timestamp, Zone};

use super::say::Say;

const DAY_MS: i64 = 24 * 3_600_000;

/// How urgent something is, most urgent first; a class of the style sheet each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tone {
    /// Missed or overdue.
    Late,
    /// Less than a day left, or its last day.
    Soon,
    /// Running, with time left.
    Calm,
    /// Waiting, paused or over.
    Idle,
}

impl Tone {
    /// The class that colours it.
    pub(super) fn class(self) -> &'static str {
        match self {
            Tone::Late => "late",
            Tone::Soon => "soon",
            Tone::Calm => "calm",
            Tone::Idle => "idle",
        }
    }
}

/// What pages of one case are told with.
#[derive(Clone, Copy)]
pub(super) struct Teller<'a> {
    pub(super) say: Say,
    pub(super) now: Timestamp,
    pub(super) env: &'a Env,
    /// The definition the case began with, if it is at hand.
    pub(super) workflow: Option<&'a Workflow>,
    /// The zone where the workflow is not at hand.
    pub(super) zone: &'a Zone,
}

/// A point in time, for people and for machines.
pub(super) struct When {
    /// `周五 24:00`, `Fri 24:00`; with the date where it is not in the coming days.
    pub(super) short: String,
    /// Always with the date: `2月13日（周五）24:00`.
    pub(super) full: String,
    /// RFC 3339 with offset.
    pub(super) iso: String,
}

/// One deadline.
pub(super) struct Clock {
    pub(super) title: String,
    pub(super) tone: Tone,
    pub(super) kind: &'static str,
    pub(super) state: &'static str,
    /// Whether it still runs towards `due`.
    pub(super) running: bool,
    pub(super) waiting: bool,
    pub(super) open: bool,
    pub(super) due: Option<When>,
    /// `还剩 1 天 3 小时`, `2 hours overdue`.
    pub(super) left: Option<String>,
    /// Provisional, assumed and the like, in words.
    pub(super) marks: Vec<String>,
    pub(super) holder: Option<String>,
    pub(super) rungs: Vec<Reminder>,
    pub(super) why: Vec<String>,
    order: i64,
}

/// One reminder of a deadline.
pub(super) struct Reminder {
    pub(super) at: When,
    pub(super) state: &'static str,
    pub(super) pending: bool,
}

impl Teller<'_> {
    pub(super) fn zone(&self) -> &Zone {
        self.workflow.map_or(self.zone, |workflow| &workflow.zone)
    }

    /// A point in time.
    pub(super) fn when(&self, at: Timestamp) -> When {
        let (now, zone, lang) = (self.now, self.zone(), self.say.0);
        When {
            short: phrases::weekday(at, now, zone, lang),
            full: phrases::local(at, now, zone, lang),
            iso: at.to_rfc3339(zone),
        }
    }

    /// The deadlines worth a line in the list of cases: running, stopped, or missed and still of consequence.
    pub(super) fn urgent(&self, case: &Case) -> Vec<Clock> {
        let mut clocks = self.clocks(case, |deadline| match deadline.clock {
            ClockState::Armed | ClockState::Paused => true,
            ClockState::Waiting => deadline.assume_at.is_some(),
            ClockState::Missed => self.still_matters(case, deadline),
            _ => false,
        });
        for clock in &mut clocks {
            clock.holder = None;
            clock.why.clear();
            clock.rungs.clear();
        }
        clocks
    }

    /// The latest generation of each deadline that `wanted` keeps: open ones first, then by time.
    pub(super) fn clocks(&self, case: &Case, wanted: impl Fn(&Deadline) -> bool) -> Vec<Clock> {
        let latest = case.deadlines.iter().filter(|deadline| {
            let newest = case.deadline(&deadline.name);
            newest.is_some_and(|newest| newest.generation == deadline.generation)
        });
        let mut clocks: Vec<Clock> = latest
            .filter(|deadline| wanted(deadline))
            .map(|deadline| self.clock(case, deadline))
            .collect();
        clocks.sort_by_key(|clock| (!clock.open, clock.order));
        clocks
    }

    /// Whether a missed deadline still says something about where the case stands.
    fn still_matters(&self, case: &Case, deadline: &Deadline) -> bool {
        let ended = case.closed || self.workflow.is_some_and(|w| w.is_final(&case.state));
        let presumed = case.presumed.as_ref();
        let def = self.workflow.and_then(|w| w.deadlines.get(&deadline.name));
        let lives_here =
            def.is_none_or(|def| def.states.is_empty() || def.states.contains(&case.state));
        !ended && (lives_here || presumed.is_some_and(|p| p.deadline == deadline.name))
    }

    fn clock(&self, case: &Case, deadline: &Deadline) -> Clock {
        let (say, now) = (self.say, self.now);
        let def = self.workflow.and_then(|w| w.deadlines.get(&deadline.name));
        let running = deadline.clock.is_armed();
        let missed = deadline.clock == ClockState::Missed && self.still_matters(case, deadline);
        let lines = self
            .workflow
            .map(|w| why(self.env, w, case, deadline).lines);
        let text = |line: qixian_core::WhyLine| self.readable(line.text.get(say.0));
        let reminder = |rung: &qixian_core::Rung| Reminder {
            at: self.when(rung.at),
            state: say.rung(rung.state),
            pending: rung.state == qixian_core::RungState::Pending,
        };
        Clock {
            title: say.deadline(self.workflow, &deadline.name),
            tone: if missed {
                Tone::Late
            } else {
                self.tone(deadline)
            },
            kind: say.kind(def.map_or(Kind::Duty, |def| def.kind)),
            state: say.clock(deadline.clock),
            running,
            waiting: deadline.clock == ClockState::Waiting,
            open: deadline.clock.is_open() || missed,
            due: deadline.due_at.map(|at| self.when(at)),
            left: deadline
                .due_at
                .filter(|_| running || missed)
                .map(|due| phrases::left(due, now, say.0)),
            marks: self.marks(deadline),
            holder: def
                .and_then(|def| def.holder.as_deref())
                .map(|role| say.role(role).to_owned()),
            rungs: deadline.rungs.iter().map(reminder).collect(),
            why: lines.unwrap_or_default().into_iter().map(text).collect(),
            order: deadline.due_at.map_or(i64::MAX, Timestamp::as_millis),
        }
    }

    fn tone(&self, deadline: &Deadline) -> Tone {
        let Some(due) = deadline.due_at.filter(|_| deadline.clock.is_armed()) else {
            return Tone::Idle;
        };
        let left = due.millis_since(self.now);
        let last_day = deadline.last_day(self.zone()) == Some(self.zone().date_of(self.now));
        match left {
            ..=0 => Tone::Late,
            _ if left < DAY_MS || last_day => Tone::Soon,
            _ => Tone::Calm,
        }
    }

    fn marks(&self, deadline: &Deadline) -> Vec<String> {
        let say = self.say;
        let mut marks = Vec::new();
        if deadline.provisional {
            marks.push(say.t(
                "暂定：假期安排未公布",
                "provisional: holidays not published yet",
            ));
        }
        if deadline.assumed {
            marks.push(say.t("起算日为推定", "start assumed"));
        }
        if deadline.moved.is_some() {
            marks.push(say.t("手动改过期", "moved by hand"));
        }
        if deadline.late_recorded {
            marks.push(say.t("事后补记", "recorded late"));
        }
        let mut marks: Vec<String> = marks.into_iter().map(str::to_owned).collect();
        let open = deadline.clock.is_open();
        let earliest = deadline.earliest_at.filter(|at| open && *at > self.now);
        if let Some(earliest) = earliest {
            let day = phrases::day(earliest, self.now, self.zone(), say.0);
            marks.push(format!("{}{day}", say.t("最早 ", "earliest ")));
        }
        marks
    }

    /// `text` with the instants in it told as people say them.
    pub(super) fn readable(&self, text: &str) -> String {
        let mut told = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
            let (before, tail) = rest.split_at(start);
            told.push_str(before);
            let end = tail.find(|c: char| !is_of_an_instant(c));
            let (word, after) = tail.split_at(end.unwrap_or(tail.len()));
            let instant = Some(word).filter(|word| word.contains('T'));
            match instant.map(Timestamp::parse) {
                Some(Ok(at)) => told.push_str(&self.when(at).full),
                _ => told.push_str(word),
            }
            rest = after;
        }
        told.push_str(rest);
        told
    }
}

fn is_of_an_instant(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | ':' | '.')
}

impl Clock {
    /// The last moment as a phrase: `周五 24:00 前`, `by Fri 24:00`; for one that is over, when that was.
    pub(super) fn until(&self, say: &Say) -> String {
        let Some(due) = &self.due else {
            return self.state.to_owned();
        };
        match (self.running && self.tone != Tone::Late, say.0) {
            (true, Lang::Zh) => format!("{} 前", due.short),
            (true, Lang::En) => format!("by {}", due.short),
            (false, Lang::Zh) => format!("原定 {}", due.short),
            (false, Lang::En) => format!("was due {}", due.short),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::sync::Arc;

    #[test]
    fn instants_in_sentences_are_told_as_people_say_them() {
        let env = Env {
            calendars: BTreeMap::new().into(),
            rules: BTreeMap::new().into(),
            functions: Arc::new(qixian_core::NoFunctions),
        };
        let zone = Zone::shanghai();
        let check = |lang: Lang, text: &str, expected: &str| {
            let teller = Teller {
                say: Say(lang),
                now: Timestamp::parse("2026-02-13T09:30:00Z").expect("a time"),
                env: &env,
                workflow: None,
                zone: &zone,
            };
            assert_eq!(teller.readable(text), expected);
        };
        check(
            Lang::Zh,
            "起算：进入“短信核验”，2026-02-13T17:30:00.000+08:00",
            "起算：进入“短信核验”，2月13日（周五）17:30",
        );
        check(
            Lang::En,
            "Paused from 2026-02-13T17:30:00+08:00 to 2026-02-15T00:00:00+08:00",
            "Paused from Fri 13 Feb 17:30 to Sat 14 Feb 24:00",
        );
        check(
            Lang::En,
            "Sat 2026-02-14 T4 (rule v2, 48 h)",
            "Sat 2026-02-14 T4 (rule v2, 48 h)",
        );
    }
}
