//! A span of time with an early and a late end.

use serde::{Deserialize, Serialize};

use crate::{Due, Pause, Period, Start, TimeError, WorkCalendar, Zone, due};

/// From an earliest to a latest end, such as the bureau's review of 3 to 20 working days (guide S134, DL9; T10).
/// The deadline is the latest end; the earliest says from when on an answer is likely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// The length to the earliest end.
    pub earliest: Period,
    /// The length to the latest end.
    pub latest: Period,
}

impl Window {
    /// A window between two lengths, in the same unit or not.
    ///
    /// # Errors
    /// [`TimeError::WindowReversed`] when both are in one unit and the first is the longer. With different units only
    /// [`Window::due`] can tell.
    pub fn new(earliest: Period, latest: Period) -> Result<Self, TimeError> {
        if earliest.unit == latest.unit && earliest.count > latest.count {
            return Err(TimeError::WindowReversed { earliest, latest });
        }
        Ok(Self { earliest, latest })
    }

    /// Both ends, counted as [`due`] counts: the earliest, then the latest.
    ///
    /// # Errors
    /// Those of [`due`], and [`TimeError::WindowReversed`] when the earliest end falls after the latest.
    pub fn due(
        self,
        from: Start,
        zone: &Zone,
        calendar: Option<&WorkCalendar>,
        pauses: &[Pause],
    ) -> Result<(Due, Due), TimeError> {
        let earliest = due(from, self.earliest, zone, calendar, pauses)?;
        let latest = due(from, self.latest, zone, calendar, pauses)?;
        if earliest.due_at > latest.due_at {
            return Err(TimeError::WindowReversed {
                earliest: self.earliest,
                latest: self.latest,
            });
        }
        Ok((earliest, latest))
    }
}
