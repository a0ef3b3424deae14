//! Ladders: when each rung of a deadline fires, and what happens to those whose time has passed.

use qixian_time::{
    Date, Period, Start, TimeError, TimeOfDay, Timestamp, WorkCalendar, Zone, day_after,
    day_before, instant_after, instant_before,
};

use super::arm::start_day;
use super::draft::Draft;
use super::outgoing;
use crate::definition::{Ask, DeadlineDef, Ladder, Length, RungAt};
use crate::{ClockState, Rung, RungState};

const MINUTE: i64 = 60_000;

/// Where a ladder stands in time.
struct Frame<'a> {
    zone: &'a Zone,
    calendar: Option<&'a WorkCalendar>,
    at: TimeOfDay,
    working_days: bool,
    started_at: Timestamp,
    start_day: Date,
    /// When it is due, and the last day; `None` for questions.
    due: Option<(Timestamp, Date)>,
    /// Rungs before the start are dropped: the deadline did not exist then.
    from_start_only: bool,
}

/// Plans the rungs of an armed deadline. Of rungs planned before, those that lie ahead are pending (again, where the due
/// time moved away from them), the others keep what became of them.
pub(super) fn plan(draft: &mut Draft<'_>, i: usize, def: &DeadlineDef) {
    let deadline = &draft.case.deadlines[i];
    let Some(ladder) = def
        .ladder
        .as_ref()
        .and_then(|name| draft.workflow.ladders.get(name))
    else {
        return;
    };
    let (Some(started_at), Some(due_at)) = (deadline.started_at, deadline.due_at) else {
        return;
    };
    let zone = &draft.workflow.zone;
    let last_day = deadline
        .last_day(zone)
        .unwrap_or_else(|| zone.date_of(due_at));
    let frame = Frame {
        zone,
        calendar: draft.calendar(def),
        at: time_of_day(ladder),
        working_days: ladder.working_days,
        started_at,
        start_day: zone.date_of(started_at),
        due: Some((due_at, last_day)),
        from_start_only: !matches!(def.length, Length::Until(_)),
    };
    let rungs = frame.rungs(ladder);
    let old = &draft.case.deadlines[i].rungs;
    draft.case.deadlines[i].rungs = keep_states(old, rungs, draft.now);
}

/// Plans the questions for a start that nobody reports, and when it will be assumed. Questions asked before stay asked.
pub(super) fn plan_questions(
    draft: &mut Draft<'_>,
    i: usize,
    def: &DeadlineDef,
    ask: &Ask,
    since: Start,
) {
    let Some(ladder) = draft.workflow.ladders.get(&ask.ladder) else {
        return;
    };
    let zone = &draft.workflow.zone;
    let day = start_day(draft, since);
    let at = time_of_day(ladder);
    let started_at = match since {
        Start::Instant(instant) => instant,
        Start::Day(day) => zone.start_of_day(day),
    };
    let frame = Frame {
        zone,
        calendar: draft.calendar(def),
        at,
        working_days: ladder.working_days,
        started_at,
        start_day: day,
        due: None,
        from_start_only: true,
    };
    let rungs = frame.rungs(ladder);
    let assume_at = frame.after_start(ask.assume_after).ok();
    let old = &draft.case.deadlines[i].rungs;
    draft.case.deadlines[i].rungs = keep_states(old, rungs, draft.now);
    draft.case.deadlines[i].assume_at = assume_at;
}

/// Fires what is due at `now`: of all rungs whose time has come the latest speaks, the others are moot (design §8); it is
/// moot too where nobody is left to be told. Answers whether any was due. A running deadline whose due time has come says
/// nothing here: it passes at the wake-up that follows at once, and what to say is known then.
pub(super) fn fire_due(draft: &mut Draft<'_>, i: usize, def: &DeadlineDef) -> bool {
    let now = draft.now;
    let deadline = &draft.case.deadlines[i];
    if deadline.clock == ClockState::Armed && deadline.due_at.is_some_and(|due_at| due_at <= now) {
        return false;
    }
    let rungs = &mut draft.case.deadlines[i].rungs;
    let due: Vec<usize> = (0..rungs.len())
        .filter(|r| rungs[*r].state == RungState::Pending && rungs[*r].at <= now)
        .collect();
    let Some((&latest, earlier)) = due.split_last() else {
        return false;
    };
    for r in earlier {
        rungs[*r].state = RungState::Moot;
    }
    rungs[latest].state = RungState::Fired;
    if !outgoing::remind(draft, i, def, latest) {
        draft.case.deadlines[i].rungs[latest].state = RungState::Moot;
    }
    true
}

fn time_of_day(ladder: &Ladder) -> TimeOfDay {
    let (hour, minute) = (ladder.at_minute / 60 % 24, ladder.at_minute % 60);
    TimeOfDay::new(hour as u8, minute as u8).expect("hour and minute are reduced to their ranges")
}

/// The plan `new` with what became of the rungs of `old`, matched step by step since rungs may merge otherwise than
/// before. One that spoke but has no place in the new plan stays on record.
fn keep_states(old: &[Rung], mut new: Vec<Rung>, now: Timestamp) -> Vec<Rung> {
    let same = |a: &Rung, b: &Rung| a.steps.iter().any(|step| b.steps.contains(step));
    for rung in new.iter_mut().filter(|rung| rung.at <= now) {
        let settled = old
            .iter()
            .filter(|was| was.state != RungState::Pending && same(was, rung))
            .max_by_key(|was| (was.state == RungState::Fired, was.at));
        if let Some(was) = settled {
            (rung.state, rung.at) = (was.state, was.at);
        }
    }
    let dropped: Vec<Rung> = old
        .iter()
        .filter(|was| was.state == RungState::Fired && !new.iter().any(|rung| same(was, rung)))
        .cloned()
        .collect();
    new.extend(dropped);
    new.sort_by_key(|rung| rung.at);
    new
}

impl Frame<'_> {
    /// The rungs in the order they fire; those that fall on the same minute are one.
    fn rungs(&self, ladder: &Ladder) -> Vec<Rung> {
        let mut placed: Vec<(Timestamp, u16)> = ladder
            .steps
            .iter()
            .enumerate()
            .filter_map(|(step, def)| Some((self.place(def.at).ok()??, u16::try_from(step).ok()?)))
            .collect();
        placed.sort();
        let mut rungs: Vec<Rung> = Vec::with_capacity(placed.len());
        for (at, step) in placed {
            match rungs.last_mut() {
                Some(last)
                    if last.at.as_millis().div_euclid(MINUTE)
                        == at.as_millis().div_euclid(MINUTE) =>
                {
                    last.steps.push(step);
                }
                _ => rungs.push(Rung {
                    steps: vec![step],
                    at,
                    state: RungState::Pending,
                }),
            }
        }
        rungs
    }

    /// Where a rung lies; `None` where it has no place (past the due time, before the start).
    fn place(&self, at: RungAt) -> Result<Option<Timestamp>, TimeError> {
        let placed = match (at, self.due) {
            (RungAt::AfterStart(length), due) => {
                let at = self.after_start(length)?;
                return Ok(due.is_none_or(|(due_at, _)| at < due_at).then_some(at));
            }
            (RungAt::BeforeStart(length), _) if length.is_elapsed() => {
                return instant_before(self.started_at, length).map(Some);
            }
            (RungAt::BeforeStart(length), _) => {
                return Ok(Some(
                    self.zone
                        .at(day_before(self.start_day, length, self.calendar)?, self.at),
                ));
            }
            (_, None) => return Ok(None),
            (RungAt::BeforeDue(length), Some((due_at, _))) if length.is_elapsed() => {
                instant_before(due_at, length)?
            }
            (RungAt::BeforeDue(length), Some((_, last_day))) => {
                self.on(self.shifted(day_before(last_day, length, self.calendar)?))
            }
            (RungAt::AfterDue(length), Some((due_at, _))) if length.is_elapsed() => {
                return instant_after(due_at, length).map(Some);
            }
            (RungAt::AfterDue(length), Some((due_at, last_day))) => {
                let first = self.zone.date_of(due_at);
                let day = day_after(last_day, length, self.calendar)?.max(first);
                let day = match self.calendar {
                    Some(calendar) if self.working_days => {
                        calendar.first_working_day_on_or_after(day)?
                    }
                    _ => day,
                };
                return Ok(Some(self.zone.at(day, self.at).max(due_at)));
            }
            (RungAt::BeforeDaysOff, Some((_, last_day))) => match self.calendar {
                Some(calendar) if !calendar.is_working(last_day) => {
                    self.on(calendar.last_working_day_on_or_before(last_day)?)
                }
                _ => return Ok(None),
            },
        };
        Ok((!self.from_start_only || placed >= self.started_at).then_some(placed))
    }

    /// The instant `length` after the start; days fire at the ladder's time of day, but not before the start.
    fn after_start(&self, length: Period) -> Result<Timestamp, TimeError> {
        if length.is_elapsed() {
            return instant_after(self.started_at, length);
        }
        let day = self.shifted(day_after(self.start_day, length, self.calendar)?);
        Ok(self.on(day).max(self.started_at))
    }

    /// The last working day up to `day`, where the ladder keeps to working days; never before the start.
    fn shifted(&self, day: Date) -> Date {
        match self.calendar {
            Some(calendar) if self.working_days => calendar
                .last_working_day_on_or_before(day)
                .map_or(day, |worked| worked.max(self.start_day.min(day))),
            _ => day,
        }
    }

    /// The ladder's time of day on `day`, but never at or after the due time.
    fn on(&self, day: Date) -> Timestamp {
        let at = self.zone.at(day, self.at);
        match self.due {
            Some((due_at, _)) if at >= due_at => due_at.saturating_sub_millis(MINUTE),
            _ => at,
        }
    }
}
