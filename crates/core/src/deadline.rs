//! A deadline of a case, as it is stored: what it started from, when it is due, and what became of each rung.

use qixian_time::{Date, Pause, Period, Start, Timestamp, Zone};
use serde::{Deserialize, Serialize};

use crate::Words;
use crate::definition::Name;

/// One deadline. A new start of the same deadline is a new generation; the old one stays as superseded or ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deadline {
    /// Its name in the definition.
    pub name: Name,
    /// 1 for the first start, rising over the whole life of the case.
    pub generation: u32,
    /// Where its clock stands.
    pub clock: ClockState,
    /// What the clock counts from; `None` while waiting.
    pub started_at: Option<Timestamp>,
    /// Whether `started_at` is a day without a time (a date field): counting then takes the whole day.
    pub started_as_day: bool,
    /// Whether the start was assumed because nobody reported it.
    pub assumed: bool,
    /// When it is due; `None` while waiting.
    pub due_at: Option<Timestamp>,
    /// The earliest end of a window.
    pub earliest_at: Option<Timestamp>,
    /// Whether the date runs past the known calendar.
    pub provisional: bool,
    /// The length it was armed with, and whence.
    pub length: Option<LengthUsed>,
    /// Completed pauses, and the open one (with `to` = `from` until it ends).
    pub pauses: Vec<Pause>,
    /// Moved by hand; then calendars and rules no longer move it.
    pub moved: Option<Moved>,
    /// The planned rungs, by time. While waiting: the questions for the start.
    pub rungs: Vec<Rung>,
    /// While waiting for a start that will be assumed: when.
    pub assume_at: Option<Timestamp>,
    /// Whether the fact that met it was recorded after it had passed.
    pub late_recorded: bool,
}

impl Deadline {
    /// The last local day on which it may be met: for day lengths the day that ends at `due_at`.
    pub fn last_day(&self, zone: &Zone) -> Option<Date> {
        let due_at = self.due_at?;
        let elapsed = self.moved.is_none()
            && self
                .length
                .as_ref()
                .and_then(|length| length.within)
                .is_some_and(Period::is_elapsed);
        Some(if elapsed {
            zone.date_of(due_at)
        } else {
            zone.date_of(due_at.saturating_add_millis(-1))
        })
    }

    /// What its clock counts from.
    pub fn start(&self, zone: &Zone) -> Option<Start> {
        let at = self.started_at?;
        Some(if self.started_as_day {
            Start::Day(zone.date_of(at))
        } else {
            Start::Instant(at)
        })
    }
}

/// Where the clock of a deadline stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockState {
    /// Its start is not known yet. Leaves by the start's event or field, or by an assumption.
    Waiting,
    /// Running towards `due_at`.
    Armed,
    /// Stopped by an event or by hand; leaves by resuming.
    Paused,
    /// The fact came in time. Final.
    Met,
    /// `due_at` passed first. Final but for a fact that proves otherwise; rungs after the due time go on.
    Missed,
    /// Its states were left, or the case was closed. Final.
    Cancelled,
    /// A later start replaced it. Final.
    Superseded,
}

impl std::fmt::Display for ClockState {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            ClockState::Waiting => "waiting",
            ClockState::Armed => "armed",
            ClockState::Paused => "paused",
            ClockState::Met => "met",
            ClockState::Missed => "missed",
            ClockState::Cancelled => "cancelled",
            ClockState::Superseded => "superseded",
        })
    }
}

impl ClockState {
    /// What people call it; the English is that of `Display`.
    pub fn words(self) -> Words {
        let zh = match self {
            ClockState::Waiting => "还没起算",
            ClockState::Armed => "进行中",
            ClockState::Paused => "暂停中",
            ClockState::Met => "已按期完成",
            ClockState::Missed => "已逾期",
            ClockState::Cancelled => "已取消",
            ClockState::Superseded => "已重新起算",
        };
        Words::new(zh, self.to_string())
    }

    /// Whether it runs.
    pub fn is_armed(self) -> bool {
        self == ClockState::Armed
    }

    /// Whether it can still become something else by itself: waiting, armed or paused.
    pub fn is_open(self) -> bool {
        matches!(
            self,
            ClockState::Waiting | ClockState::Armed | ClockState::Paused
        )
    }
}

/// The length a deadline was armed with; kept, never reread (style §9).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LengthUsed {
    /// The length to `due_at`; `None` where a field's day ends it.
    pub within: Option<Period>,
    /// The length to `earliest_at` of a window.
    pub earliest: Option<Period>,
    /// The rule that gave `within`.
    pub rule: Option<RuleUsed>,
}

/// The rule row a value came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleUsed {
    /// The rule's key.
    pub key: String,
    /// The row's source (`guide S132`).
    pub source: String,
    /// The pack it stands in.
    pub pack: String,
    /// That pack's version.
    pub pack_version: u32,
}

/// A due time set by a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// The new due time.
    pub due_at: Timestamp,
    /// Why.
    pub reason: String,
    /// By whom.
    pub by: String,
    /// When it was decided.
    pub at: Timestamp,
}

/// One planned rung.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rung {
    /// The ladder's steps that fall on this minute, by index, at least one; their recipients are united.
    pub steps: Vec<u16>,
    /// When it fires.
    pub at: Timestamp,
    /// What became of it.
    pub state: RungState,
}

impl Rung {
    /// Its name within its deadline and generation: the lowest of its steps. It stays when the plan is made anew, as its
    /// place among the rungs does not.
    pub fn name(&self) -> u16 {
        self.steps.iter().copied().min().unwrap_or_default()
    }
}

/// What became of a rung.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RungState {
    /// Its time has not come.
    Pending,
    /// It fired: its message is in the outbox under the journal line of that moment.
    Fired,
    /// It was no longer needed: met first, a later rung stood in for it, or the deadline ended.
    Moot,
}

/// What one event did to one deadline; part of its journal line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeadlineChange {
    /// The deadline.
    pub name: Name,
    /// Its generation.
    pub generation: u32,
    /// Where its clock stands now.
    pub clock: ClockState,
    /// When it is due now.
    pub due_at: Option<Timestamp>,
    /// When it was due before, where that differs.
    pub was_due_at: Option<Timestamp>,
    /// Whether the date is provisional.
    pub provisional: bool,
}
