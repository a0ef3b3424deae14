//! What a watch watches over: the open cases that hang on the same assets.

use std::sync::Arc;

use qixian_core::{Case, Lang, Words, Workflow};
use qixian_notify::Related;
use qixian_store::{CaseQuery, Error, Store};
use qixian_time::Clock;

use crate::Engine;

/// Most cases a message names.
const NAMED_MAX: usize = 20;
/// Cases of one asset looked at.
const LOOKED_AT: usize = 100;

/// An open case that hangs on a watched asset.
pub(crate) struct Watched {
    case: Arc<Case>,
    state: Words,
    pub(crate) under_review: bool,
}

impl Watched {
    /// As a message tells of it.
    pub(crate) fn told(&self, lang: Lang) -> Related {
        Related {
            title: self.case.title.clone(),
            reference: self.case.reference.clone(),
            state_title: self.state.get(lang).to_owned(),
            under_review: self.under_review,
        }
    }
}

impl<S: Store, C: Clock> Engine<S, C> {
    /// The open cases that hang on the assets of `case`, those under review first; none unless its workflow is a watch.
    pub(crate) async fn watched_by(
        &mut self,
        case: &Case,
        workflow: &Workflow,
    ) -> Result<Vec<Watched>, Error> {
        let mut watched: Vec<Watched> = Vec::new();
        if !workflow.watch {
            return Ok(watched);
        }
        for asset in &case.assets {
            let query = CaseQuery {
                asset: Some(*asset),
                ..CaseQuery::default()
            };
            for other in self.store.list(&query, None, LOOKED_AT).await?.items {
                let known = other.id == case.id || watched.iter().any(|w| w.case.id == other.id);
                if known || other.closed {
                    continue;
                }
                // A case whose definition cannot be read is set aside when its own turn comes.
                let Ok(definition) = self.setup.definitions.of(&other, &*self.store).await else {
                    continue;
                };
                let Some(state) = definition.states.get(&other.state) else {
                    continue;
                };
                if !state.is_final && !definition.watch {
                    watched.push(Watched {
                        state: state.title.clone(),
                        under_review: state.under_review,
                        case: other,
                    });
                }
            }
        }
        watched.sort_by_key(|w| (!w.under_review, w.case.id));
        watched.truncate(NAMED_MAX);
        Ok(watched)
    }
}
