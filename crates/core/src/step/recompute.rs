//! Calendars or rules changed: running deadlines are counted again.

use super::draft::Draft;
use super::{arm, ladder};
use crate::definition::DeadlineDef;
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
        moved |= match deadline.clock {
            ClockState::Armed => count_again(&mut draft, i, def),
            ClockState::Waiting => try_again(&mut draft, i, def)?,
            _ => false,
        };
    }
    Ok(moved.then_some(draft))
}

/// Counts a running deadline again. One that cannot be counted any more keeps its date, and the line says so.
fn count_again(draft: &mut Draft<'_>, i: usize, def: &DeadlineDef) -> bool {
    match arm::recount(draft, i, def) {
        Ok(true) => {
            ladder::plan(draft, i, def);
            ladder::fire_due(draft, i, def);
            true
        }
        Ok(false) => false,
        Err(reason) => {
            let name = &draft.case.deadlines[i].name;
            draft.note.get_or_insert(format!("{name}：{}", reason.zh));
            false
        }
    }
}

/// A deadline that knows its start but not its length may be told by the new rules.
fn try_again(draft: &mut Draft<'_>, i: usize, def: &DeadlineDef) -> Result<bool, Rejection> {
    let deadline = draft.case.deadlines[i].clone();
    let Some(start) = deadline.start(&draft.workflow.zone) else {
        return Ok(false);
    };
    let origin = arm::Origin {
        start,
        assumed: deadline.assumed,
    };
    arm::arm(draft, &deadline.name, def, origin)?;
    let armed = draft.case.deadlines[i].clock == ClockState::Armed;
    if !armed {
        draft.case.deadlines[i] = deadline;
    }
    Ok(armed)
}
