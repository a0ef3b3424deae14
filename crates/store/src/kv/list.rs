//! Lists of cases: the narrowest index is walked in due order, the other conditions are looked at case by case.

use std::collections::VecDeque;
use std::sync::Arc;

use qixian_core::{Case, CaseId};

use super::Rows;
use super::read::{Reader, page, page_limit, unknown_key};
use crate::cursor::DuePlace;
use crate::keys::{self, Key};
use crate::{CaseQuery, Error, Page};

/// Up to so many titles with a beginning are looked at and sorted; where more begin so, walking in due order finds a
/// page of them soon.
const TITLES_MAX: usize = 2_000;

/// A case found, and the place of the row that led to it.
type Found = (DuePlace, Arc<Case>);

impl<R: Rows> Reader<'_, R> {
    /// See [`crate::Store::list`].
    #[allow(
        clippy::missing_errors_doc,
        reason = "the errors are those of the contract, said once there"
    )]
    pub fn list(
        &self,
        query: &CaseQuery,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Arc<Case>>, Error> {
        let after = cursor.map(DuePlace::from_cursor).transpose()?;
        let limit = page_limit(limit);
        let titled = match query.q.as_deref() {
            Some(q) if !q.is_empty() => self.titled(q)?,
            _ => None,
        };
        let found = match titled {
            Some(ids) => self.sorted(query, ids, after)?,
            None => self.walked(query, after, limit)?,
        };
        let page = page(found, limit, |(place, _)| place.to_cursor());
        Ok(Page {
            items: page.items.into_iter().map(|(_, case)| case).collect(),
            next: page.next,
        })
    }

    /// The cases with this reference or beginning of a title; `None` where they are too many.
    fn titled(&self, q: &str) -> Result<Option<Vec<CaseId>>, Error> {
        let prefix = keys::by_title(q);
        let to = keys::after(&prefix).unwrap_or_default();
        let mut ids: Vec<CaseId> = self.case_by_reference(q)?.into_iter().collect();
        self.walk(prefix, &to, TITLES_MAX, |key, _| {
            ids.push(keys::read_id(key).ok_or_else(|| unknown_key(key))?);
            Ok(ids.len() <= TITLES_MAX)
        })?;
        ids.sort_unstable();
        ids.dedup();
        Ok(Some(ids).filter(|ids| ids.len() <= TITLES_MAX))
    }

    /// Those of `ids` that fit and come after the place, sorted.
    fn sorted(
        &self,
        query: &CaseQuery,
        ids: Vec<CaseId>,
        after: Option<DuePlace>,
    ) -> Result<Vec<Found>, Error> {
        let mut found: Vec<Found> = Vec::new();
        for id in ids {
            let case = self.case(id)?.filter(|case| query.matches(case));
            found.extend(case.map(|case| (DuePlace::new(case.next_due(), id), case)));
        }
        found.retain(|(place, _)| after.is_none_or(|after| *place > after));
        found.sort_unstable_by_key(|(place, _)| *place);
        Ok(found)
    }

    /// One more than `limit` cases that fit, by walking indexes. A case that changes meanwhile may come at its old place,
    /// but comes.
    fn walked(
        &self,
        query: &CaseQuery,
        after: Option<DuePlace>,
        limit: usize,
    ) -> Result<Vec<Found>, Error> {
        let before = query.due_before.map(|at| DuePlace {
            due: crate::cursor::millis(at),
            case: CaseId::from_bytes([0; 16]),
        });
        let mut lanes = Vec::new();
        for prefix in self.prefixes(query)? {
            lanes.push(Lane::new(prefix, after, before));
        }
        let mut found = Vec::new();
        while found.len() <= limit {
            let Some(place) = self.next_place(&mut lanes, limit + 1)? else {
                break;
            };
            let case = self.case(place.case)?;
            let fits = case.filter(|case| query.matches(case));
            found.extend(fits.map(|case| (place, case)));
        }
        Ok(found)
    }

    /// The parts of indexes that hold every case that may fit; each is in due order by itself.
    fn prefixes(&self, query: &CaseQuery) -> Result<Vec<Key>, Error> {
        if let Some(client) = query.client {
            return Ok(vec![keys::by_client(client)]);
        }
        if let Some(asset) = query.asset {
            return Ok(vec![keys::by_asset(asset)]);
        }
        match (&query.workflow, &query.state) {
            (Some(workflow), Some(state)) => Ok(vec![keys::by_state(workflow, state)]),
            (None, None) => Ok(vec![keys::by_due()]),
            (workflow, state) => self.states(workflow.as_deref(), state.as_deref()),
        }
    }

    /// The workflows and states that some case is in, jumping from one to the next.
    fn states(&self, workflow: Option<&str>, state: Option<&str>) -> Result<Vec<Key>, Error> {
        let within = workflow.map_or_else(|| vec![b'w'], keys::by_workflow);
        let to = keys::after(&within).unwrap_or_default();
        let mut from = within;
        let mut prefixes = Vec::new();
        while let Some(key) = self.first_key(&from, &to)? {
            let (workflow, found) = keys::read_state(&key).ok_or_else(|| unknown_key(&key))?;
            let prefix = keys::by_state(workflow, found);
            from = keys::after(&prefix).unwrap_or_default();
            if state.is_none_or(|state| state == found) {
                prefixes.push(prefix);
            }
        }
        Ok(prefixes)
    }

    /// The earliest place of all lanes.
    fn next_place(&self, lanes: &mut [Lane], hint: usize) -> Result<Option<DuePlace>, Error> {
        for lane in lanes.iter_mut() {
            lane.fill(self, hint)?;
        }
        let first = lanes
            .iter_mut()
            .filter(|lane| !lane.ready.is_empty())
            .min_by_key(|lane| lane.ready.front().copied());
        Ok(first.and_then(|lane| lane.ready.pop_front()))
    }
}

/// A part of an index, walked in due order.
struct Lane {
    from: Key,
    to: Key,
    ready: VecDeque<DuePlace>,
    ended: bool,
}

impl Lane {
    fn new(prefix: Key, after: Option<DuePlace>, before: Option<DuePlace>) -> Self {
        let place = |place| keys::at_place(prefix.clone(), place);
        let to = match before {
            Some(before) => place(before),
            None => keys::after(&prefix).unwrap_or_default(),
        };
        let from = after.map_or_else(|| prefix.clone(), place);
        Self {
            from,
            to,
            ready: VecDeque::new(),
            ended: false,
        }
    }

    fn fill(&mut self, reader: &Reader<'_, impl Rows>, hint: usize) -> Result<(), Error> {
        if self.ended || !self.ready.is_empty() {
            return Ok(());
        }
        let wanted = hint.clamp(1, super::SCAN_MAX);
        let mut last = None;
        reader.walk(self.from.clone(), &self.to, wanted, |key, _| {
            let place = keys::read_place(key).ok_or_else(|| unknown_key(key))?;
            self.ready.push_back(place);
            last = Some(key.to_vec());
            Ok(self.ready.len() < wanted)
        })?;
        self.ended = self.ready.len() < wanted;
        self.from = last.unwrap_or_default();
        Ok(())
    }
}
