//! When the rungs of a ladder are to be said, step by step as the workflow file has them.

use qixian_core::definition::{Ladder, RungAt};
use qixian_core::{Rung, RungState};
use qixian_time::{Date, Period, TimeOfDay, Timestamp};

use super::count::Days;

const MINUTE: i64 = 60_000;

/// What a ladder is hung on.
pub(super) struct Hung<'a> {
    pub(super) days: Days<'a>,
    pub(super) ladder: &'a Ladder,
    pub(super) started_at: Timestamp,
    pub(super) start_day: Date,
    /// When it is due, and its last day; `None` for the questions for a start.
    pub(super) due: Option<(Timestamp, Date)>,
    /// Whether it ends on a given day, so that rungs may lie before its start.
    pub(super) until: bool,
}

impl Hung<'_> {
    /// All rungs in order of time; what falls on one minute is said together.
    pub(super) fn rungs(&self) -> Vec<Rung> {
        let mut places: Vec<(Timestamp, u16)> = Vec::new();
        for (step, def) in self.ladder.steps.iter().enumerate() {
            if let (Some(at), Ok(step)) = (self.place(def.at), u16::try_from(step)) {
                places.push((at, step));
            }
        }
        places.sort_unstable();
        let mut rungs: Vec<Rung> = Vec::new();
        for (at, step) in places {
            let minute = |at: Timestamp| at.as_millis().div_euclid(MINUTE);
            match rungs.last_mut() {
                Some(rung) if minute(rung.at) == minute(at) => rung.steps.push(step),
                _ => rungs.push(Rung {
                    steps: vec![step],
                    at,
                    state: RungState::Pending,
                }),
            }
        }
        rungs
    }

    /// When a start that nobody reports is taken for known.
    pub(super) fn assumed_at(&self, after: Period) -> Option<Timestamp> {
        self.after_start(after)
    }

    fn place(&self, at: RungAt) -> Option<Timestamp> {
        match at {
            RungAt::AfterStart(length) => {
                let at = self.after_start(length)?;
                let in_time = self.due.is_none_or(|(due_at, _)| at < due_at);
                in_time.then_some(at)
            }
            RungAt::BeforeStart(length) => match length.elapsed_millis() {
                Some(millis) => Some(self.started_at.saturating_sub_millis(millis)),
                None => {
                    let day = self.days.away(self.start_day, length, false)?;
                    Some(self.days.zone.at(day, self.time_of_day()))
                }
            },
            RungAt::BeforeDue(length) => {
                let (due_at, last_day) = self.due?;
                let at = match length.elapsed_millis() {
                    Some(millis) => due_at.saturating_sub_millis(millis),
                    None => self.on(self.on_worked(self.days.away(last_day, length, false)?)),
                };
                self.not_before_start(at)
            }
            RungAt::AfterDue(length) => {
                let (due_at, last_day) = self.due?;
                if let Some(millis) = length.elapsed_millis() {
                    return Some(due_at.saturating_add_millis(millis));
                }
                let mut day = self.days.away(last_day, length, true)?;
                day = day.max(self.days.zone.date_of(due_at));
                if self.ladder.working_days && self.days.calendar.is_some() {
                    day = self.days.worked_from(day)?;
                }
                Some(self.days.zone.at(day, self.time_of_day()).max(due_at))
            }
            RungAt::BeforeDaysOff => {
                let (_, last_day) = self.due?;
                let worked = self.days.worked_by(last_day)?;
                if worked == last_day {
                    return None;
                }
                self.not_before_start(self.on(worked))
            }
        }
    }

    fn after_start(&self, length: Period) -> Option<Timestamp> {
        if let Some(millis) = length.elapsed_millis() {
            return Some(self.started_at.saturating_add_millis(millis));
        }
        let day = self.on_worked(self.days.away(self.start_day, length, true)?);
        Some(self.on(day).max(self.started_at))
    }

    /// Where the ladder keeps to working days: the last one up to `day`, but not before the start's day.
    fn on_worked(&self, day: Date) -> Date {
        match self.days.worked_by(day) {
            Some(worked) if self.ladder.working_days => worked.max(self.start_day.min(day)),
            _ => day,
        }
    }

    /// The ladder's time of day on `day`; a minute before it is due where that is no longer in time.
    fn on(&self, day: Date) -> Timestamp {
        let at = self.days.zone.at(day, self.time_of_day());
        match self.due {
            Some((due_at, _)) if at >= due_at => due_at.saturating_sub_millis(MINUTE),
            _ => at,
        }
    }

    fn not_before_start(&self, at: Timestamp) -> Option<Timestamp> {
        (self.until || at >= self.started_at).then_some(at)
    }

    fn time_of_day(&self) -> TimeOfDay {
        let minute = self.ladder.at_minute % (24 * 60);
        let (hour, minute) = (minute / 60, minute % 60);
        TimeOfDay::new(hour as u8, minute as u8).unwrap_or(TimeOfDay::MIDNIGHT)
    }
}
