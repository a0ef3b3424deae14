//! References for cases whose sender gave none: `QX-2026-000123`, rising within the year.
//!
//! No counter is stored. The first number free is found by doubling steps and halving, and each number is looked up
//! before it is given, so that gaps and numbers given by people do no harm.

use qixian_store::{Error, Store};
use qixian_time::{Timestamp, Zone};

use crate::overlay::Overlay;

/// Where the numbering stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Numbering {
    year: i16,
    last: u64,
}

impl Numbering {
    /// The next free reference.
    pub(crate) async fn next<S: Store>(
        &mut self,
        now: Timestamp,
        store: &S,
        overlay: &Overlay,
    ) -> Result<String, Error> {
        let year = Zone::shanghai().date_of(now).year();
        if self.year != year {
            let last = find_last(year, store, overlay).await?;
            *self = Self { year, last };
        }
        loop {
            self.last += 1;
            let reference = text(year, self.last);
            if !is_taken(&reference, store, overlay).await? {
                return Ok(reference);
            }
        }
    }
}

/// Whether a case has this reference, durable or not.
pub(crate) async fn is_taken<S: Store>(
    reference: &str,
    store: &S,
    overlay: &Overlay,
) -> Result<bool, Error> {
    Ok(overlay.reference(reference).is_some()
        || store.case_by_reference(reference).await?.is_some())
}

/// A number that is taken while the next is free, or 0.
async fn find_last<S: Store>(year: i16, store: &S, overlay: &Overlay) -> Result<u64, Error> {
    let mut free = 1;
    while is_taken(&text(year, free), store, overlay).await? {
        free *= 2;
    }
    let mut taken = free / 2;
    while taken + 1 < free {
        let middle = taken + (free - taken) / 2;
        if is_taken(&text(year, middle), store, overlay).await? {
            taken = middle;
        } else {
            free = middle;
        }
    }
    Ok(taken)
}

fn text(year: i16, number: u64) -> String {
    format!("QX-{year}-{number:06}")
}
