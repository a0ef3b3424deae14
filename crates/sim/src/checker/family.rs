//! Parents and children: they know of each other, and of each other's end.

use qixian_core::CaseId;
use qixian_store::Group;

use super::books::Books;
use super::lines::named;
use super::{Failure, fail};
use crate::Ground;

impl Books {
    /// Looks at the families of all cases in the group.
    pub(super) fn families(&self, group: &Group, ground: &Ground) -> Result<(), Failure> {
        for write in group.commits.iter().flat_map(|commit| &commit.cases) {
            self.family(write.case.id, ground)?;
        }
        Ok(())
    }

    fn family(&self, id: CaseId, ground: &Ground) -> Result<(), Failure> {
        let Some(kept) = self.cases.get(&id) else {
            return Ok(());
        };
        let case = &kept.case;
        if let Some(parent) = &case.parent {
            let Some(parent) = self.cases.get(&parent.case) else {
                return fail(format!("{} has no parent on disk", named(case)));
            };
            let child = parent.case.children.iter().find(|child| child.case == id);
            let Some(child) = child else {
                return fail(format!("the parent of {} does not know of it", named(case)));
            };
            let is_final = ground
                .workflow(case)
                .is_some_and(|w| w.is_final(&case.state));
            if (case.closed || is_final) && !child.ended {
                return fail(format!(
                    "{} has ended and its parent was not told",
                    named(case)
                ));
            }
            if case.root != parent.case.root {
                return fail(format!("{} has another root than its parent", named(case)));
            }
        }
        for child in &case.children {
            let Some(kept) = self.cases.get(&child.case) else {
                return fail(format!(
                    "{}: its child {} is not on disk",
                    named(case),
                    child.case
                ));
            };
            if child.ended && !kept.ended {
                return fail(format!(
                    "{} was told that {} ended, which it never did",
                    named(case),
                    child.case
                ));
            }
            if kept.case.parent.as_ref().map(|parent| parent.case) != Some(id) {
                return fail(format!(
                    "{}: its child {} has another parent",
                    named(case),
                    child.case
                ));
            }
        }
        Ok(())
    }
}
