//! Going through a journal again: the case is what its lines make of it.

use super::{Step, step};
use crate::{Case, CaseId, Env, JournalLine, Rejection, Rev, What, Workflow};

/// A journal that does not make a case.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FoldError {
    /// A line would be refused today.
    #[error("line {seq}: {rejection}")]
    Refused {
        /// The line.
        seq: Rev,
        /// Why.
        rejection: Rejection,
    },
    /// A line that is not what its event makes of the case before it.
    #[error("line {seq} differs from what its event does")]
    Differs {
        /// The line.
        seq: Rev,
    },
    /// There is no line at all.
    #[error("the journal is empty")]
    Empty,
}

/// The case that `journal` (all of it, in order) makes under `env`. Each line must be exactly what its event does, which
/// holds as long as `env` has the calendars and rules the lines were decided under.
///
/// # Errors
/// [`FoldError`], naming the line.
pub fn fold(
    env: &Env,
    workflow: &Workflow,
    id: CaseId,
    journal: &[JournalLine],
) -> Result<Case, FoldError> {
    fold_by(|_| env, workflow, id, journal)
}

/// Like [`fold`], where the calendars and rules changed meanwhile: `env_of` tells what each line was decided under.
///
/// # Errors
/// [`FoldError`], naming the line.
pub fn fold_by<'e>(
    env_of: impl Fn(&JournalLine) -> &'e Env,
    workflow: &Workflow,
    id: CaseId,
    journal: &[JournalLine],
) -> Result<Case, FoldError> {
    let mut case: Option<Case> = None;
    for (i, line) in journal.iter().enumerate() {
        let mut event = line.to_event(id);
        if let What::Correct { history, .. } = &mut event.what {
            *history = Some(journal[..i].into());
        }
        let env = env_of(line);
        match step(env, workflow, case.as_ref(), &event, line.recorded_at) {
            Ok(Step::Changed(transition)) if same_effect(&transition.journal, line) => {
                case = Some(transition.case)
            }
            Ok(_) => return Err(FoldError::Differs { seq: line.seq }),
            Err(rejection) => {
                return Err(FoldError::Refused {
                    seq: line.seq,
                    rejection,
                });
            }
        }
    }
    case.ok_or(FoldError::Empty)
}

/// Whether two lines say the same happened and did the same. Our own words in a line are not compared: they are for
/// people. An event's time is overwritten by the due time of a miss, so a wake-up is compared by what it did.
fn same_effect(made: &JournalLine, kept: &JournalLine) -> bool {
    (made.seq, &made.event, &made.from, &made.to, &made.deadlines)
        == (kept.seq, &kept.event, &kept.from, &kept.to, &kept.deadlines)
}
