//! Which workflow a case is decided by: the version it began with.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex};

use qixian_core::{Case, DefinitionRef, Workflow};
use qixian_store::{DefinitionText, Store};
use qixian_workflow::Catalog;

/// Turns the text of a stored workflow file into a checked one.
pub type CompileText = Arc<dyn Fn(&str) -> Result<Arc<Workflow>, String> + Send + Sync>;

/// The definitions in use: the newest of each id, and older ones that open cases still run on.
#[derive(Clone)]
pub struct Definitions {
    newest: BTreeMap<String, Arc<Workflow>>,
    known: HashMap<DefinitionRef, Arc<Workflow>>,
    /// Those whose text is in the store, as far as known.
    stored: HashSet<DefinitionRef>,
    compile: CompileText,
}

impl fmt::Debug for Definitions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self.newest.keys()).finish()
    }
}

/// Why a case's definition cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DefinitionError {
    /// The store has no text for it.
    #[error("the text of {0} is not stored")]
    Missing(String),
    /// Its text does not compile any more.
    #[error("the stored text of {0} cannot be used: {1}")]
    Unusable(String, String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] qixian_store::Error),
}

impl Definitions {
    /// These workflows; `compile` reads texts of older versions from the store.
    pub fn new(workflows: impl IntoIterator<Item = Arc<Workflow>>, compile: CompileText) -> Self {
        let mut definitions = Self {
            newest: BTreeMap::new(),
            known: HashMap::new(),
            stored: HashSet::new(),
            compile,
        };
        for workflow in workflows {
            definitions
                .known
                .insert(reference(&workflow), workflow.clone());
            definitions.newest.insert(workflow.id.clone(), workflow);
        }
        definitions
    }

    /// The workflows of a catalog; stored texts of older versions are read as the catalog reads them.
    pub fn of_catalog(catalog: &Catalog) -> Self {
        let reader = Mutex::new(catalog.clone());
        let compile = move |text: &str| {
            let mut reader = reader.lock().map_err(|_| "the reader is gone".to_owned())?;
            let read = reader.compile_text("stored", text);
            read.map_err(|problems| format!("{problems:?}"))
        };
        let workflows = catalog.files().map(|file| file.workflow.clone());
        Self::new(workflows, Arc::new(compile))
    }

    /// The newest workflow of this id.
    pub fn newest(&self, id: &str) -> Option<&Arc<Workflow>> {
        self.newest.get(id)
    }

    /// The newest of every id.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Workflow>> {
        self.newest.values()
    }

    /// The workflow a case began with, if it is at hand.
    pub(crate) fn at_hand(&self, case: &Case) -> Option<Arc<Workflow>> {
        self.known.get(&case.workflow).cloned()
    }

    /// The workflow a case began with, read from the store where needed.
    pub(crate) async fn of<S: Store>(
        &mut self,
        case: &Case,
        store: &S,
    ) -> Result<Arc<Workflow>, DefinitionError> {
        if let Some(workflow) = self.at_hand(case) {
            return Ok(workflow);
        }
        let wanted = &case.workflow;
        let name = || format!("{} v{} ({})", wanted.id, wanted.version, wanted.digest);
        let text = store
            .definition(wanted)
            .await?
            .ok_or_else(|| DefinitionError::Missing(name()))?;
        let workflow =
            (self.compile)(&text).map_err(|why| DefinitionError::Unusable(name(), why))?;
        self.known.insert(wanted.clone(), workflow.clone());
        self.stored.insert(wanted.clone());
        Ok(workflow)
    }

    /// The text to store with a case that begins, unless it is stored already.
    pub(crate) fn text_to_store(
        &mut self,
        case: &Case,
        workflow: &Workflow,
    ) -> Option<DefinitionText> {
        if !self.stored.insert(case.workflow.clone()) {
            return None;
        }
        Some(DefinitionText {
            definition: case.workflow.clone(),
            text: workflow.text.clone(),
        })
    }

    /// A group was lost: what was thought stored may not be.
    pub(crate) fn doubt(&mut self) {
        self.stored.clear();
    }

    /// Takes over the newest ones of `other`, keeping the older ones that are in use.
    pub(crate) fn replace(&mut self, other: Definitions) {
        self.known.extend(other.known);
        self.newest = other.newest;
        self.compile = other.compile;
    }
}

fn reference(workflow: &Workflow) -> DefinitionRef {
    DefinitionRef {
        id: workflow.id.clone(),
        version: workflow.version,
        digest: workflow.digest.chars().take(16).collect(),
    }
}
