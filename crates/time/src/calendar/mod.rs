//! Working days: which day counts, which does not, and who says so.
//!
//! The State Council's yearly notice names the days off and the weekend days that are worked in exchange (调休). A
//! calendar holds the notices of consecutive years. Past the last one nothing is known: such days are *assumed* from
//! Monday to Friday, and every date that rests on them is provisional. Nothing here guesses holidays.

mod build;

use std::{fmt, sync::Arc};

use jiff::civil::Weekday;

use crate::{Date, TimeError};

/// What one notice says about one year. Its dates may reach into December of the year before and January of the year
/// after (New Year 2019 began on 2018-12-30 by the notice for 2019).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CalendarYear {
    /// The year the notice is for.
    pub year: i16,
    /// The notice: its title, number and date, as far as known.
    pub notice: String,
    /// Later notices that changed it, already worked into the days below.
    pub amended: Vec<String>,
    /// The official days off.
    pub holidays: Vec<Holiday>,
    /// Saturdays and Sundays that are worked in exchange (make-up days).
    pub workdays: Vec<Date>,
    /// Days on which this provider or bureau does not work although the country does (T15).
    pub closures: Vec<Closure>,
}

/// An official holiday, both ends included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holiday {
    /// First day off.
    pub from: Date,
    /// Last day off.
    pub to: Date,
    /// Its name, such as 春节.
    pub name: String,
}

/// A closure beyond the official holidays, both ends included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closure {
    /// First day closed.
    pub from: Date,
    /// Last day closed.
    pub to: Date,
    /// Its name.
    pub name: String,
    /// Who announced it and where.
    pub source: String,
}

/// What a day is in a [`WorkCalendar`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DayKind<'c> {
    /// Monday to Friday, worked.
    Working,
    /// A Saturday or Sunday off.
    Weekend,
    /// An official day off, with the holiday's name; weekend days inside a holiday too.
    Holiday(&'c str),
    /// A Saturday or Sunday worked in exchange for a holiday.
    Makeup,
    /// A day on which the country works but this provider or bureau does not.
    Closed {
        /// The closure's name.
        name: &'c str,
        /// Who announced it.
        source: &'c str,
    },
    /// Monday to Friday in a year without a published notice.
    AssumedWorking,
    /// Saturday or Sunday in a year without a published notice.
    AssumedWeekend,
}

impl DayKind<'_> {
    /// Whether the day counts as a working day.
    pub fn is_working(self) -> bool {
        matches!(self, Self::Working | Self::Makeup | Self::AssumedWorking)
    }
}

/// A working-day calendar. Cloning is cheap.
#[derive(Clone)]
pub struct WorkCalendar {
    data: Arc<Data>,
}

struct Data {
    id: String,
    title: String,
    version: String,
    base: Option<WorkCalendar>,
    /// First and last day for which a notice is known.
    known: (Date, Date),
    notices: Vec<Notice>,
    days: Days,
}

struct Notice {
    year: i16,
    text: String,
    amended: Vec<String>,
}

impl WorkCalendar {
    /// Makes a calendar from its years, in any order.
    ///
    /// Without `base` the years must follow one another without a gap. With `base` the calendar is that one plus the
    /// closures of `years`; holidays and make-up days are the base's alone.
    ///
    /// # Errors
    /// [`TimeError::Calendar`] when there is no year, a year is missing in between or comes twice, a range ends before
    /// it begins or lies outside its year, a make-up day is not on a weekend or falls into a holiday, holidays
    /// overlap, or an extending calendar brings holidays or make-up days.
    pub fn build(
        id: impl Into<String>,
        title: impl Into<String>,
        version: impl Into<String>,
        base: Option<&WorkCalendar>,
        years: Vec<CalendarYear>,
    ) -> Result<Self, TimeError> {
        let data = build::data(id.into(), title.into(), version.into(), base, years)?;
        Ok(Self {
            data: Arc::new(data),
        })
    }

    /// The name by which files refer to it, such as `cn`.
    pub fn id(&self) -> &str {
        &self.data.id
    }

    /// The title shown to people.
    pub fn title(&self) -> &str {
        &self.data.title
    }

    /// The version of its data, kept with every date computed from it.
    pub fn version(&self) -> &str {
        &self.data.version
    }

    /// The calendar it extends, if any.
    pub fn base(&self) -> Option<&WorkCalendar> {
        self.data.base.as_ref()
    }

    /// The last day covered by a published notice; days after it are assumed. An extending calendar knows as much as
    /// its base.
    pub fn known_until(&self) -> Option<Date> {
        Some(self.data.known.1)
    }

    /// Whether a published notice covers the day.
    pub fn is_known(&self, day: Date) -> bool {
        let (first, last) = self.data.known;
        first <= day && day <= last
    }

    /// The notice for a year, from this calendar or the one it extends.
    pub fn notice(&self, year: i16) -> Option<&str> {
        self.find_notice(year).map(|notice| notice.text.as_str())
    }

    /// The notices that amended a year's notice, oldest first.
    pub fn amendments(&self, year: i16) -> &[String] {
        self.find_notice(year).map_or(&[], |notice| &notice.amended)
    }

    fn find_notice(&self, year: i16) -> Option<&Notice> {
        let own = self.data.notices.iter().find(|notice| notice.year == year);
        own.or_else(|| self.base()?.find_notice(year))
    }

    /// What the day is.
    pub fn day(&self, day: Date) -> DayKind<'_> {
        match self.data.days.mark(day) {
            Mark::Makeup => DayKind::Makeup,
            Mark::Label(label) => label.as_kind(),
            Mark::Ordinary => match (is_weekend(day), self.is_known(day)) {
                (false, true) => DayKind::Working,
                (true, true) => DayKind::Weekend,
                (false, false) => DayKind::AssumedWorking,
                (true, false) => DayKind::AssumedWeekend,
            },
        }
    }

    /// Whether the day counts as a working day; past what is known, Monday to Friday.
    pub fn is_working(&self, day: Date) -> bool {
        self.day(day).is_working()
    }

    /// The day itself when it is worked, else the last working day before it.
    ///
    /// # Errors
    /// [`TimeError::Endless`] when there is none within 300 years.
    pub fn last_working_day_on_or_before(&self, day: Date) -> Result<Date, TimeError> {
        self.nearest(day, Date::yesterday)
    }

    /// The day itself when it is worked, else the first working day after it.
    ///
    /// # Errors
    /// [`TimeError::Endless`] when there is none within 300 years.
    pub fn first_working_day_on_or_after(&self, day: Date) -> Result<Date, TimeError> {
        self.nearest(day, Date::tomorrow)
    }

    /// The first working day after `day`, never `day` itself.
    ///
    /// # Errors
    /// [`TimeError::Endless`] when there is none within 300 years.
    pub fn next_working_day(&self, day: Date) -> Result<Date, TimeError> {
        let next = day
            .tomorrow()
            .map_err(|_| TimeError::Endless { from: day })?;
        self.first_working_day_on_or_after(next)
    }

    fn nearest(
        &self,
        from: Date,
        step: fn(Date) -> Result<Date, jiff::Error>,
    ) -> Result<Date, TimeError> {
        let mut day = from;
        for _ in 0..crate::count::MOST_DAYS {
            if self.is_working(day) {
                return Ok(day);
            }
            day = step(day).map_err(|_| TimeError::Endless { from })?;
        }
        Err(TimeError::Endless { from })
    }
}

impl fmt::Debug for WorkCalendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "WorkCalendar({} {}, known until {})",
            self.id(),
            self.version(),
            self.data.known.1
        )
    }
}

fn is_weekend(day: Date) -> bool {
    matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
}

/// One mark per day in a flat table, so that looking a day up needs no search: counting 20 working days touches a few
/// bytes. Each year takes 366 places.
#[derive(Clone, Default)]
struct Days {
    first_year: i16,
    /// [`ORDINARY`], [`MAKEUP`], or [`FIRST_LABEL`] plus an index into `labels`.
    marks: Vec<u16>,
    labels: Vec<Label>,
}

const ORDINARY: u16 = 0;
const MAKEUP: u16 = 1;
const FIRST_LABEL: u16 = 2;
const PLACES_PER_YEAR: usize = 366;

#[derive(Clone)]
enum Label {
    Holiday(String),
    Closed { name: String, source: String },
}

impl Label {
    fn as_kind(&self) -> DayKind<'_> {
        match self {
            Self::Holiday(name) => DayKind::Holiday(name),
            Self::Closed { name, source } => DayKind::Closed { name, source },
        }
    }
}

enum Mark<'d> {
    Ordinary,
    Makeup,
    Label(&'d Label),
}

impl Days {
    fn mark(&self, day: Date) -> Mark<'_> {
        match self
            .place(day)
            .and_then(|place| self.marks.get(place))
            .copied()
        {
            None | Some(ORDINARY) => Mark::Ordinary,
            Some(MAKEUP) => Mark::Makeup,
            Some(label) => Mark::Label(&self.labels[usize::from(label - FIRST_LABEL)]),
        }
    }

    fn place(&self, day: Date) -> Option<usize> {
        let year = usize::try_from(day.year() - self.first_year).ok()?;
        let day_of_year = usize::try_from(day.day_of_year()).ok()?;
        Some(year * PLACES_PER_YEAR + day_of_year - 1)
    }
}
