//! Calendars or rules changed: running deadlines are counted again.

use super::draft::Draft;
use super::{arm, ladder};
use crate::{ClockState, PackRef, Rejection};

/// Counts running deadlines again; `None` where nothing moves. The lengths they were armed with are kept (style §9).
pub(super) fn recompute<'a>(
    mut draft: Draft<'a>,
    pack: Option<&PackRef>,
) -> Result<Option<Draft<'a>>, Rejection> {
    let workflow = draft.workflow;
    let mut moved = pack.is_some_and(|pack| *pack != draft.case.pack);
    if let Some(pack) = pack {
        draft.case.pack = pack.clone();
    }
    for i in 0..draft.case.deadlines.len() {
        let deadline = &draft.case.deadlines[i];
        let Some(def) = workflow.deadlines.get(&deadline.name) else {
            continue;
        };
        if deadline.clock != ClockState::Armed {
            continue;
        }
        let name = deadline.name.clone();
        if arm::recount(&mut draft, i, def).map_err(|reason| Rejection::Uncomputable {
            deadline: name,
            reason,
        })? {
            ladder::plan(&mut draft, i, def);
            ladder::fire_due(&mut draft, i, def);
            moved = true;
        }
    }
    Ok(moved.then_some(draft))
}
