//! Checks a calendar's years and lays them out day by day.

use super::{
    CalendarYear, Data, Days, FIRST_LABEL, Label, MAKEUP, Mark, Notice, PLACES_PER_YEAR, is_weekend,
};
use crate::{Date, TimeError, WorkCalendar};

/// Years between which calendars may lie; wide enough for any filing, narrow enough to keep the table small.
const YEARS: std::ops::RangeInclusive<i16> = 1970..=2200;

pub(super) fn data(
    id: String,
    title: String,
    version: String,
    base: Option<&WorkCalendar>,
    mut years: Vec<CalendarYear>,
) -> Result<Data, TimeError> {
    years.sort_by_key(|year| year.year);
    let known = known_range(base, &years).and_then(|known| {
        let days = lay_out(base, &years)?;
        Ok((known, days))
    });
    match known {
        Err(problem) => Err(TimeError::Calendar {
            calendar: id,
            problem,
        }),
        Ok((known, days)) => {
            let notices = years.into_iter().map(notice_of).collect();
            Ok(Data {
                id,
                title,
                version,
                base: base.cloned(),
                known,
                notices,
                days,
            })
        }
    }
}

fn notice_of(year: CalendarYear) -> Notice {
    Notice {
        year: year.year,
        text: year.notice,
        amended: year.amended,
    }
}

/// First and last known day, after checking that the years can be taken together.
fn known_range(
    base: Option<&WorkCalendar>,
    years: &[CalendarYear],
) -> Result<(Date, Date), String> {
    if let Some(year) = years.iter().find(|year| !YEARS.contains(&year.year)) {
        return Err(format!(
            "year {} is out of range; expected {} to {}",
            year.year,
            YEARS.start(),
            YEARS.end()
        ));
    }
    for pair in years.windows(2) {
        let (before, after) = (pair[0].year, pair[1].year);
        if before == after {
            return Err(format!("year {before} comes twice"));
        }
        if base.is_none() && after != before + 1 {
            return Err(format!(
                "the years between {before} and {after} are missing"
            ));
        }
    }
    if let Some(base) = base {
        return closures_only(years).map(|()| base.data.known);
    }
    match (years.first(), years.last()) {
        (Some(first), Some(last)) => Ok((january_first(first.year), december_last(last.year))),
        _ => Err("there is no year in it".to_owned()),
    }
}

fn closures_only(years: &[CalendarYear]) -> Result<(), String> {
    match years
        .iter()
        .find(|year| !year.holidays.is_empty() || !year.workdays.is_empty())
    {
        Some(year) => Err(format!(
            "year {} brings holidays or make-up days; a calendar that extends another may add closures only",
            year.year
        )),
        None => Ok(()),
    }
}

fn january_first(year: i16) -> Date {
    Date::constant(year, 1, 1)
}

fn december_last(year: i16) -> Date {
    Date::constant(year, 12, 31)
}

fn lay_out(base: Option<&WorkCalendar>, years: &[CalendarYear]) -> Result<Days, String> {
    let mut days = room_for(base.map(|base| &base.data.days), years);
    for year in years {
        for holiday in &year.holidays {
            days.add_holiday(year.year, holiday.from, holiday.to, &holiday.name)?;
        }
    }
    for year in years {
        for day in &year.workdays {
            days.add_makeup(year.year, *day)?;
        }
    }
    for year in years {
        for closure in &year.closures {
            let label = Label::Closed {
                name: closure.name.clone(),
                source: closure.source.clone(),
            };
            days.add_closure(year.year, closure.from, closure.to, label)?;
        }
    }
    Ok(days)
}

/// The base's days, or none, with room for all years and their neighbours, into which a notice may reach.
fn room_for(base: Option<&Days>, years: &[CalendarYear]) -> Days {
    let mut days = base.cloned().unwrap_or_default();
    let (Some(first), Some(last)) = (years.first(), years.last()) else {
        return days;
    };
    let (first, last) = (first.year - 1, last.year + 1);
    if base.is_none() {
        days.first_year = first;
    }
    let places = |years: i16| usize::try_from(years).unwrap_or(0) * PLACES_PER_YEAR;
    let missing_before = places(days.first_year - first);
    days.marks
        .splice(0..0, std::iter::repeat_n(0, missing_before));
    days.first_year = days.first_year.min(first);
    let wanted = places(last - days.first_year + 1).max(days.marks.len());
    days.marks.resize(wanted, 0);
    days
}

impl Days {
    fn add_holiday(&mut self, year: i16, from: Date, to: Date, name: &str) -> Result<(), String> {
        check_range(year, from, to, name)?;
        let label = self.label(Label::Holiday(name.to_owned()))?;
        for day in days_between(from, to) {
            if let Mark::Label(_) = self.mark(day) {
                return Err(format!("{day} belongs to {name} and to another holiday"));
            }
            self.set(day, label);
        }
        Ok(())
    }

    fn add_makeup(&mut self, year: i16, day: Date) -> Result<(), String> {
        check_range(year, day, day, "the make-up day")?;
        if !is_weekend(day) {
            return Err(format!("the make-up day {day} is not a Saturday or Sunday"));
        }
        match self.mark(day) {
            Mark::Ordinary => self.set(day, MAKEUP),
            Mark::Makeup => return Err(format!("the make-up day {day} comes twice")),
            Mark::Label(_) => return Err(format!("the make-up day {day} falls into a holiday")),
        }
        Ok(())
    }

    /// Closes the days that would be worked; weekends and holidays keep their own reason.
    fn add_closure(&mut self, year: i16, from: Date, to: Date, label: Label) -> Result<(), String> {
        check_range(year, from, to, "the closure")?;
        let label = self.label(label)?;
        for day in days_between(from, to) {
            let worked = match self.mark(day) {
                Mark::Makeup => true,
                Mark::Ordinary => !is_weekend(day),
                Mark::Label(_) => false,
            };
            if worked {
                self.set(day, label);
            }
        }
        Ok(())
    }

    fn label(&mut self, label: Label) -> Result<u16, String> {
        let index = u16::try_from(self.labels.len())
            .ok()
            .and_then(|index| index.checked_add(FIRST_LABEL));
        self.labels.push(label);
        index.ok_or_else(|| "it has too many entries".to_owned())
    }

    fn set(&mut self, day: Date, mark: u16) {
        let place = self.place(day).and_then(|place| self.marks.get_mut(place));
        *place.expect("check_range keeps days within the room made for them") = mark;
    }
}

/// A range must be in order and lie in its notice's year, or in the December before or the January after.
fn check_range(year: i16, from: Date, to: Date, name: &str) -> Result<(), String> {
    if from > to {
        return Err(format!("{name} ends on {to}, before it begins on {from}"));
    }
    let (first, last) = (
        Date::constant(year - 1, 12, 1),
        Date::constant(year + 1, 1, 31),
    );
    if from < first || to > last {
        return Err(format!(
            "{name} ({from} to {to}) lies outside the year {year}"
        ));
    }
    Ok(())
}

fn days_between(from: Date, to: Date) -> impl Iterator<Item = Date> {
    std::iter::successors(Some(from), move |day| {
        day.tomorrow().ok().filter(|next| *next <= to)
    })
}
