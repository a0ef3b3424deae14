//! The pauses of a deadline as days.

use crate::{Date, Pause, Zone};

/// Pauses as pairs of local days: the day on which the clock was stopped and the day on which it went on. Read along
/// with a walk over the days, without allocating.
#[derive(Clone)]
pub(crate) struct Stops<'p> {
    zone: &'p Zone,
    rest: std::slice::Iter<'p, Pause>,
    current: Option<(Date, Date)>,
}

impl<'p> Stops<'p> {
    /// `pauses` must be in order of time and not overlap.
    pub(crate) fn new(zone: &'p Zone, pauses: &'p [Pause]) -> Self {
        let mut stops = Self {
            zone,
            rest: pauses.iter(),
            current: None,
        };
        stops.current = stops.read();
        stops
    }

    fn read(&mut self) -> Option<(Date, Date)> {
        self.rest
            .next()
            .map(|pause| (self.zone.date_of(pause.from), self.zone.date_of(pause.to)))
    }

    /// Whether `day` lies after the day of a stop, up to and including the day on which the clock went on. To be asked
    /// of days in ascending order.
    pub(crate) fn covers(&mut self, day: Date) -> bool {
        while self.current.is_some_and(|(_, goes_on)| goes_on < day) {
            self.current = self.read();
        }
        self.current
            .is_some_and(|(stopped, goes_on)| stopped < day && day <= goes_on)
    }

    /// When the clock stands still at 24:00 of `day`, the day on which it goes on.
    pub(crate) fn stopped_over_night(&self, day: Date) -> Option<Date> {
        self.clone()
            .take_while(|(stopped, _)| *stopped <= day)
            .find(|(_, goes_on)| day < *goes_on)
            .map(|(_, goes_on)| goes_on)
    }
}

impl Iterator for Stops<'_> {
    type Item = (Date, Date);

    fn next(&mut self) -> Option<(Date, Date)> {
        let following = self.read();
        std::mem::replace(&mut self.current, following)
    }
}
