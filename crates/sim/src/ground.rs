//! What decisions stood on: calendars and rules are loaded while the engine runs, so each journal line has its own.

use std::collections::HashMap;
use std::sync::Arc;

use qixian_core::{Case, CaseId, DefinitionRef, Env, Rev, Workflow};
use qixian_engine::Setup;
use qixian_store::Group;
use qixian_workflow::definition_ref;

/// Every set of calendars, rules and workflows that was in use, and which lines were decided under which.
#[derive(Debug)]
pub struct Ground {
    loads: Vec<Env>,
    workflows: HashMap<DefinitionRef, Arc<Workflow>>,
    made_under: HashMap<(CaseId, Rev), usize>,
}

impl Ground {
    /// At first everything is decided under `setup`.
    pub fn new(setup: &Setup) -> Self {
        let mut ground = Self {
            loads: Vec::new(),
            workflows: HashMap::new(),
            made_under: HashMap::new(),
        };
        ground.load(setup);
        ground
    }

    /// From some moment on decisions may be made under `setup`.
    pub fn load(&mut self, setup: &Setup) {
        self.loads.push(setup.env.clone());
        let workflows = setup.definitions.all();
        self.workflows
            .extend(workflows.map(|w| (definition_ref(w), w.clone())));
    }

    /// This group was decided under the present setup of the engine. A line that is decided again counts as the last.
    pub fn decided(&mut self, group: &Group, under: &Env) {
        let is_same = |env: &Env| {
            Arc::ptr_eq(&env.calendars, &under.calendars) && Arc::ptr_eq(&env.rules, &under.rules)
        };
        let place = self.loads.iter().rposition(is_same).unwrap_or(0);
        let writes = group.commits.iter().flat_map(|commit| &commit.cases);
        for write in writes.filter(|write| write.journal.is_some()) {
            self.made_under
                .insert((write.case.id, write.case.rev), place);
        }
    }

    /// What line `seq` of `case` was decided under.
    pub fn env(&self, case: CaseId, seq: Rev) -> &Env {
        let place = self.made_under.get(&(case, seq)).copied();
        &self.loads[place.unwrap_or(0)]
    }

    /// The workflow the case began with.
    pub fn workflow(&self, case: &Case) -> Option<&Arc<Workflow>> {
        self.workflows.get(&case.workflow)
    }
}
