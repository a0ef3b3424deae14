//! A plain reference model of a case's deadlines, beside `core::step`.
//!
//! Written from the words of the design, naively and for reading: it goes through the accepted facts of a case one by
//! one and says which deadlines exist, where their clocks stand, from when they count, when they are due, and what became
//! of each rung. It shares with `core` the words (workflow definitions, journal lines, clock states), the guards, the rule
//! table, and which days are worked; states, clocks, day counting and ladders are its own. It never refuses anything:
//! whether an event is possible is for `core` to say, the model follows what was accepted.
//!
//! Left out: when children and parents are told, who is written to how, and the words of journal lines. Where the model
//! cannot follow a line (no transition of its own fits an accepted fact), the comparison is counted as skipped and the
//! model takes over the case as it is.

mod arm;
mod clock;
mod compare;
mod count;
mod facts;
mod hand;
mod ladder;
mod life;
#[cfg(test)]
mod tests;

use std::fmt;

use qixian_core::definition::Name;
use qixian_core::{
    Case, CaseId, Confirmation, Env, Fields, JournalLine, PackRef, Party, Rev, StartCase, What,
    Workflow, value,
};
use qixian_time::Timestamp;

use clock::Clock;

/// How often the model was compared with the engine's cases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// Cases compared, each after one journal line.
    pub cases: u64,
    /// Deadlines compared among them.
    pub deadlines: u64,
    /// Corrections among them: the whole history was lived through again.
    pub corrections: u64,
    /// Lines the model could not follow.
    pub skipped: u64,
}

impl std::ops::AddAssign for Compared {
    fn add_assign(&mut self, other: Self) {
        self.cases += other.cases;
        self.deadlines += other.deadlines;
        self.corrections += other.corrections;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            cases,
            deadlines,
            corrections,
            skipped,
        } = self;
        write!(
            out,
            "the model was compared after {cases} lines ({deadlines} deadlines, {corrections} corrections), {skipped} skipped"
        )
    }
}

/// One case as the model knows it.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    case: CaseId,
    state: Name,
    entered_at: Timestamp,
    began_at: Timestamp,
    fields: Fields,
    parties: Vec<Party>,
    pack: PackRef,
    round: u32,
    flags: Vec<Name>,
    confirmed: Vec<Confirmation>,
    presumed: Option<Presumption>,
    closed: bool,
    clocks: Vec<Clock>,
}

/// The miss that brought the case where it is, though nobody saw it happen.
#[derive(Clone, Debug)]
struct Presumption {
    deadline: Name,
    generation: u32,
    from: Name,
    from_entered_at: Timestamp,
    confirmed: Vec<Confirmation>,
}

/// Something that happened, and when we learnt of it.
#[derive(Clone, Debug)]
struct Fact {
    seq: Rev,
    what: What,
    at: Timestamp,
    now: Timestamp,
}

impl Fact {
    fn of(line: &JournalLine) -> Self {
        Self {
            seq: line.seq,
            what: line.what.clone(),
            at: line.occurred_at,
            now: line.recorded_at,
        }
    }
}

/// One fact being worked into the model.
struct Turn<'a> {
    model: &'a mut Reference,
    env: &'a Env,
    workflow: &'a Workflow,
    now: Timestamp,
    /// When it happened: the fact's own time, or the end that is passing.
    at: Timestamp,
    before_fields: Fields,
    before_generations: Vec<(Name, u32)>,
}

impl<'a> Turn<'a> {
    fn of(
        model: &'a mut Reference,
        env: &'a Env,
        workflow: &'a Workflow,
        now: Timestamp,
        at: Timestamp,
    ) -> Self {
        let generations = model.clocks.iter().map(|c| (c.name.clone(), c.generation));
        Self {
            before_fields: model.fields.clone(),
            before_generations: generations.collect(),
            model,
            env,
            workflow,
            now,
            at,
        }
    }
}

impl Reference {
    /// The model after the first line of a journal.
    fn begin(env: &Env, workflow: &Workflow, case: CaseId, fact: &Fact) -> Option<Self> {
        let What::Start(start) = &fact.what else {
            return None;
        };
        let entered_at = start.entered_at.unwrap_or(fact.at);
        let state = start
            .state
            .clone()
            .unwrap_or_else(|| workflow.initial.clone());
        let mut model = Self {
            case,
            state: state.clone(),
            entered_at,
            began_at: entered_at.min(fact.at),
            fields: known(&start.fields),
            parties: parties(workflow, start),
            pack: start.pack.clone(),
            round: 0,
            flags: Vec::new(),
            confirmed: Vec::new(),
            presumed: None,
            closed: false,
            clocks: Vec::new(),
        };
        let mut turn = Turn::of(&mut model, env, workflow, fact.now, fact.at);
        turn.begin_lifelong(entered_at);
        turn.enter(&state, entered_at, None);
        turn.settle();
        Some(model)
    }

    /// Works one later fact in; `None` where the model cannot follow.
    fn apply(&mut self, env: &Env, workflow: &Workflow, fact: &Fact) -> Option<()> {
        let mut turn = Turn::of(self, env, workflow, fact.now, fact.at);
        match &fact.what {
            What::Fact {
                event,
                party,
                fields,
                ..
            } => turn.fact(event, party.as_deref(), fields)?,
            What::Edit { fields, .. } => {
                value::merge(&mut turn.model.fields, fields);
                turn.follow_fields();
            }
            What::Party(change) => turn.party(change),
            What::Close { .. } => {
                turn.end_all();
                turn.model.closed = true;
            }
            What::Reopen { .. } => {
                turn.model.closed = false;
                turn.model.presumed = None;
                let (state, at) = (turn.model.state.clone(), turn.at);
                turn.begin_lifelong(at);
                turn.enter(&state, at, None);
            }
            What::MoveDeadline { deadline, to, .. } => turn.move_to(deadline, to)?,
            What::PauseDeadline { deadline, .. } => turn.pause(deadline)?,
            What::ResumeDeadline { deadline, .. } => turn.resume(deadline)?,
            What::Recompute { pack, .. } => turn.recount(pack.as_ref()),
            What::Wake => {
                turn.wake();
            }
            What::Note | What::MessageDead { .. } | What::ChildClosed { .. } | What::Release => {}
            What::Start(_) | What::Correct { .. } => return None,
        }
        turn.settle();
        Some(())
    }

    /// Follows one line of the journal. `history` is what stood before it, `model` what it made.
    pub(crate) fn follow(
        model: Option<Self>,
        (env, workflow): (&Env, &Workflow),
        case: CaseId,
        line: &JournalLine,
        history: &[JournalLine],
    ) -> Option<Self> {
        match (model, &line.what) {
            (None, _) => Self::begin(env, workflow, case, &Fact::of(line)),
            (Some(model), What::Correct { .. }) => model.corrected(env, workflow, line, history),
            (Some(mut model), _) => {
                model.apply(env, workflow, &Fact::of(line))?;
                Some(model)
            }
        }
    }

    /// Takes a case over as it is, where the model could not follow.
    pub(crate) fn of(case: &Case, workflow: &Workflow) -> Self {
        compare::taken_over(case, workflow)
    }
}

/// The fields that say something.
fn known(fields: &Fields) -> Fields {
    let said = fields.iter().filter(|(_, value)| !value.is_null());
    said.map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// The people a case begins with; a child takes over those whose role it knows.
fn parties(workflow: &Workflow, start: &StartCase) -> Vec<Party> {
    let is_known = |party: &&Party| start.parent.is_none() || workflow.roles.contains(&party.role);
    start.parties.iter().filter(is_known).cloned().collect()
}
