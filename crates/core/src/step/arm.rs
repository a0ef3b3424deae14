//! Clocks: computing when a deadline is due, and letting it run, wait, stop and end.

use qixian_time::{Date, Period, Start, Timestamp, due};

use super::draft::Draft;
use super::ladder;
use crate::definition::{Ask, DeadlineDef, Length, LengthSource, Name, Starts};
use crate::fields::parse_date;
use crate::rules::RuleAnswer;
use crate::words::say;
use crate::{
    ClockState, Deadline, LengthUsed, PackRef, Rejection, RuleUsed, Rung, RungState, Value, Words,
    value,
};

/// What a clock counts from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Origin {
    pub(super) start: Start,
    pub(super) assumed: bool,
}

impl Origin {
    pub(super) fn at(at: Timestamp) -> Self {
        Self {
            start: Start::Instant(at),
            assumed: false,
        }
    }
}

/// When a deadline is due, and how that came.
struct Computed {
    due_at: Timestamp,
    earliest_at: Option<Timestamp>,
    provisional: bool,
    length: LengthUsed,
}

/// Arms the deadline `name` from `origin`, superseding what ran before, and plans its rungs. Rungs that lie in the past
/// already collapse into one message.
pub(super) fn arm(
    draft: &mut Draft<'_>,
    name: &Name,
    def: &DeadlineDef,
    origin: Origin,
) -> Result<(), Rejection> {
    let computed = match compute(draft, def, origin.start) {
        Ok(Some(computed)) => computed,
        Ok(None) => {
            wait_for_length(draft, name, origin);
            return Ok(());
        }
        Err(reason) if draft.lenient => {
            draft.note.get_or_insert(format!("{name}：{}", reason.zh));
            wait_for_length(draft, name, origin);
            return Ok(());
        }
        Err(reason) => {
            return Err(Rejection::Uncomputable {
                deadline: name.clone(),
                reason,
            });
        }
    };
    let deadline = Deadline {
        clock: ClockState::Armed,
        due_at: Some(computed.due_at),
        earliest_at: computed.earliest_at,
        provisional: computed.provisional,
        length: Some(computed.length),
        ..started(draft, name, origin)
    };
    let i = draft.put_deadline(deadline);
    ladder::plan(draft, i, def);
    ladder::fire_due(draft, i, def);
    Ok(())
}

/// Lets the deadline wait for its start, asking for it where the file says so.
pub(super) fn wait(draft: &mut Draft<'_>, name: &Name, def: &DeadlineDef) {
    let deadline = fresh(draft, name);
    let i = draft.put_deadline(deadline);
    if let Some(ask) = &def.ask
        && let Some(origin) = ask_origin(draft, ask)
    {
        ladder::plan_questions(draft, i, def, ask, origin);
        ladder::fire_due(draft, i, def);
    }
}

/// Lets the deadline wait although its start is known, since how long it runs is not: the rule is unknown, or the field
/// it ends by is empty. There is nothing to ask of anybody, and nothing to assume.
fn wait_for_length(draft: &mut Draft<'_>, name: &Name, origin: Origin) {
    let deadline = started(draft, name, origin);
    draft.put_deadline(deadline);
}

/// The point from which a missing start is asked for, and which is assumed in the end.
pub(super) fn ask_origin(draft: &Draft<'_>, ask: &Ask) -> Option<Start> {
    match &ask.since {
        None => Some(Start::Instant(draft.case.began_at)),
        Some(path) => origin_in_field(draft, path).map(|origin| origin.start),
    }
}

/// A waiting deadline of the next generation.
fn fresh(draft: &Draft<'_>, name: &Name) -> Deadline {
    let generation = draft
        .position(name)
        .map_or(0, |i| draft.case.deadlines[i].generation)
        + 1;
    Deadline {
        name: name.clone(),
        generation,
        clock: ClockState::Waiting,
        started_at: None,
        started_as_day: false,
        assumed: false,
        due_at: None,
        earliest_at: None,
        provisional: false,
        length: None,
        pauses: Vec::new(),
        moved: None,
        rungs: Vec::new(),
        assume_at: None,
        late_recorded: false,
    }
}

/// A waiting deadline of the next generation whose start is known.
fn started(draft: &Draft<'_>, name: &Name, origin: Origin) -> Deadline {
    let (started_at, started_as_day) = match origin.start {
        Start::Instant(at) => (at, false),
        Start::Day(day) => (draft.workflow.zone.start_of_day(day), true),
    };
    Deadline {
        started_at: Some(started_at),
        started_as_day,
        assumed: origin.assumed,
        ..fresh(draft, name)
    }
}

/// The day or instant in a field of the case.
pub(super) fn origin_in_field(draft: &Draft<'_>, path: &str) -> Option<Origin> {
    let text = value::get(&draft.case.fields, path)?.as_text()?;
    let start = match parse_date(text) {
        Some(day) => Start::Day(day),
        None => Start::Instant(Timestamp::parse(text).ok()?),
    };
    Some(Origin {
        start,
        assumed: false,
    })
}

/// The field whose day or instant starts the clock.
pub(super) fn start_field(def: &DeadlineDef) -> Option<&str> {
    match &def.starts {
        Starts::Field(path) => Some(path),
        _ => None,
    }
}

/// The field whose day or instant ends it.
pub(super) fn end_field(def: &DeadlineDef) -> Option<&str> {
    match &def.length {
        Length::Until(path) => Some(path),
        _ => None,
    }
}

/// The field from which a missing start is asked for.
pub(super) fn asked_field(def: &DeadlineDef) -> Option<&str> {
    def.ask.as_ref()?.since.as_deref()
}

fn compute(draft: &Draft<'_>, def: &DeadlineDef, start: Start) -> Result<Option<Computed>, Words> {
    match &def.length {
        Length::Until(path) => Ok(until(draft, path)),
        Length::Within(source) => {
            let Some((within, rule)) = length(draft, source)? else {
                return Ok(None);
            };
            let length = LengthUsed {
                within: Some(within),
                earliest: None,
                rule,
            };
            count(draft, def, start, length).map(Some)
        }
        Length::Window { earliest, latest } => {
            let (Some((earliest, _)), Some((within, rule))) =
                (length(draft, earliest)?, length(draft, latest)?)
            else {
                return Ok(None);
            };
            let length = LengthUsed {
                within: Some(within),
                earliest: Some(earliest),
                rule,
            };
            count(draft, def, start, length).map(Some)
        }
    }
}

fn until(draft: &Draft<'_>, path: &str) -> Option<Computed> {
    let length = LengthUsed {
        within: None,
        earliest: None,
        rule: None,
    };
    let due_at = match origin_in_field(draft, path)?.start {
        Start::Day(day) => draft.workflow.zone.end_of_day(day),
        Start::Instant(at) => at,
    };
    Some(Computed {
        due_at,
        earliest_at: None,
        provisional: false,
        length,
    })
}

fn count(
    draft: &Draft<'_>,
    def: &DeadlineDef,
    start: Start,
    length: LengthUsed,
) -> Result<Computed, Words> {
    let calendar = draft.calendar(def);
    let end = |period: Period| {
        due(start, period, &draft.workflow.zone, calendar, &[]).map_err(|e| Words::from(&e))
    };
    let within = length
        .within
        .ok_or_else(|| Words::new("它没有长度", "it has no length"))?;
    let latest = end(within)?;
    let earliest = length.earliest.map(end).transpose()?;
    Ok(Computed {
        due_at: latest.due_at,
        earliest_at: earliest.map(|e| e.due_at.min(latest.due_at)),
        provisional: latest.provisional,
        length,
    })
}

/// The length a source gives now, and the rule it came from; `None` where the rule is unknown and has no default.
fn length(
    draft: &Draft<'_>,
    source: &LengthSource,
) -> Result<Option<(Period, Option<RuleUsed>)>, Words> {
    let (key, default) = match source {
        LengthSource::Fixed(period) => return Ok(Some((*period, None))),
        LengthSource::Rule { key, default } => (key, default),
    };
    let on = draft.workflow.zone.date_of(draft.occurred_at);
    let Some(pack) = draft.env.pack(&draft.case.pack) else {
        let pack = &draft.case.pack.id;
        return Err(say!(
            "规则包“{pack}”没有加载",
            "rule pack `{pack}` is not loaded"
        ));
    };
    let RuleAnswer::Known(row) = pack.ask(key, &draft.case.fields, on) else {
        return Ok(default.map(|period| (period, None)));
    };
    let Value::Text(text) = &row.value else {
        return Err(say!(
            "规则“{key}”给出的不是时长",
            "rule `{key}` gives no length"
        ));
    };
    let period = text
        .parse()
        .map_err(|e| say!("规则“{key}”：{}", "rule `{key}`: {}"; Words::from(&e)))?;
    let PackRef {
        id: pack,
        version: pack_version,
    } = pack.reference();
    let used = RuleUsed {
        key: key.clone(),
        source: row.source.clone(),
        pack,
        pack_version,
    };
    Ok(Some((period, Some(used))))
}

/// Computes the due time of a running deadline again, from what it was armed with, after a pause or with new calendars.
/// Answers whether anything moved. One that was moved by hand or ends by a field stays.
pub(super) fn recount(draft: &mut Draft<'_>, i: usize, def: &DeadlineDef) -> Result<bool, Words> {
    let deadline = &draft.case.deadlines[i];
    let (Some(start), Some(length)) = (deadline.start(&draft.workflow.zone), &deadline.length)
    else {
        return Ok(false);
    };
    let (None, Some(within)) = (&deadline.moved, length.within) else {
        return Ok(false);
    };
    let zone = &draft.workflow.zone;
    let calendar = draft.calendar(def);
    let latest =
        due(start, within, zone, calendar, &deadline.pauses).map_err(|e| Words::from(&e))?;
    let earliest = length
        .earliest
        .map(|period| due(start, period, zone, calendar, &deadline.pauses))
        .transpose()
        .map_err(|e| Words::from(&e))?
        .map(|e| e.due_at.min(latest.due_at));
    let moved = deadline.due_at != Some(latest.due_at)
        || deadline.earliest_at != earliest
        || deadline.provisional != latest.provisional;
    let deadline = &mut draft.case.deadlines[i];
    deadline.due_at = Some(latest.due_at);
    deadline.earliest_at = earliest;
    deadline.provisional = latest.provisional;
    Ok(moved)
}

/// The fact that answers a deadline happened at `at` and is recorded at `now`. It counts although the deadline has been
/// found missed meanwhile: what matters is when it happened.
pub(super) fn meet(deadline: &mut Deadline, at: Timestamp, now: Timestamp) {
    let stopped = deadline.clock == ClockState::Paused;
    let in_time = stopped || deadline.due_at.is_none_or(|due_at| at < due_at);
    deadline.late_recorded =
        in_time && !stopped && deadline.due_at.is_some_and(|due_at| due_at <= now);
    deadline.clock = if in_time {
        ClockState::Met
    } else {
        ClockState::Missed
    };
    silence(deadline);
}

/// A due time set by hand moves on by the pause that ended last: by its length, or where it is the end of a day by whole
/// days.
pub(super) fn shift_moved(draft: &mut Draft<'_>, i: usize) {
    let zone = &draft.workflow.zone;
    let deadline = &mut draft.case.deadlines[i];
    let (Some(_), Some(due_at), Some(pause)) =
        (&deadline.moved, deadline.due_at, deadline.pauses.last())
    else {
        return;
    };
    let day = zone.date_of(due_at);
    let days = zone.date_of(pause.to) - zone.date_of(pause.from);
    let shifted = match day.checked_add(days) {
        Ok(later) if zone.start_of_day(day) == due_at => zone.start_of_day(later),
        _ => due_at.saturating_add_millis(pause.to.millis_since(pause.from)),
    };
    deadline.due_at = Some(shifted);
}

/// A deadline that was ended by mistake runs again, or waits; its rungs after `at` are to come again.
pub(super) fn revive(draft: &mut Draft<'_>, i: usize, def: &DeadlineDef, at: Timestamp) {
    let deadline = &mut draft.case.deadlines[i];
    let stopped = deadline.pauses.last().is_some_and(|p| p.from == p.to);
    deadline.clock = match deadline.due_at {
        None => ClockState::Waiting,
        Some(_) if stopped => ClockState::Paused,
        Some(_) => ClockState::Armed,
    };
    let moot = |rung: &&mut Rung| rung.state == RungState::Moot && rung.at > at;
    for rung in deadline.rungs.iter_mut().filter(moot) {
        rung.state = RungState::Pending;
    }
    if deadline.started_at.is_none()
        && let Some(ask) = &def.ask
        && let Some(origin) = ask_origin(draft, ask)
    {
        ladder::plan_questions(draft, i, def, ask, origin);
    }
}

/// Nothing more is said about this deadline.
pub(super) fn silence(deadline: &mut Deadline) {
    for rung in deadline
        .rungs
        .iter_mut()
        .filter(|r| r.state == RungState::Pending)
    {
        rung.state = RungState::Moot;
    }
    deadline.assume_at = None;
}

/// The local day a start falls on.
pub(super) fn start_day(draft: &Draft<'_>, start: Start) -> Date {
    match start {
        Start::Instant(at) => draft.workflow.zone.date_of(at),
        Start::Day(day) => day,
    }
}
