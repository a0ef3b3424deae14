//! What every handler can reach.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex};

use qixian_core::{Case, DefinitionRef, Words, Workflow};
use qixian_engine::{Handle, SubmitError};
use qixian_store::{RoomState, Store};
use qixian_time::{Clock, Stopwatch};

use crate::auth::Tokens;
use crate::catalog::Loaded;
use crate::settings::Settings;

/// Shared by all handlers; cheap to clone.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) settings: Settings,
    pub(crate) loaded: Loaded,
    pub(crate) handle: Handle,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) up: Stopwatch,
    older: Mutex<HashMap<DefinitionRef, Arc<Workflow>>>,
}

impl Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
    pub(crate) fn new(
        settings: Settings,
        loaded: Loaded,
        handle: Handle,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        tokens: Arc<Tokens>,
    ) -> Self {
        Self(Arc::new(Inner {
            settings,
            loaded,
            handle,
            store,
            clock,
            tokens,
            up: Stopwatch::start(),
            older: Mutex::default(),
        }))
    }

    /// What is to be said of a disk that has little room; `None` while it has enough.
    pub(crate) fn disk_alarm(&self) -> Option<(RoomState, Words)> {
        let room = self.store.room();
        match room.state() {
            RoomState::Enough => None,
            state => Some((state, SubmitError::DiskLow { room }.words())),
        }
    }

    /// The definition a case began with; `None` when its text is lost or unusable.
    pub(crate) async fn workflow_of(&self, case: &Case) -> Option<Arc<Workflow>> {
        let wanted = &case.workflow;
        if let Some(newest) = self.loaded.workflow(&wanted.id)
            && newest.digest.starts_with(&wanted.digest)
        {
            return Some(newest.clone());
        }
        let known = self.older.lock().ok()?.get(wanted).cloned();
        if known.is_some() {
            return known;
        }
        let text = self.store.definition(wanted).await.ok()??;
        let workflow = (self.loaded.compile())(&text).ok()?;
        self.older
            .lock()
            .ok()?
            .insert(wanted.clone(), workflow.clone());
        Some(workflow)
    }
}
