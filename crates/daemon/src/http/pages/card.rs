//! The list of cases.

use askama::Template;
use qixian_core::{Case, Workflow};

use super::clock::{Clock, Teller, Tone, When};
use super::people;
use super::say::Say;

#[derive(Template)]
#[template(path = "list.html")]
pub(super) struct ListPage<'a> {
    pub(super) say: Say,
    /// Said in red above all.
    pub(super) alarm: Option<String>,
    pub(super) q: &'a str,
    /// The chosen filter, `workflow/state`; empty: all.
    pub(super) state: &'a str,
    pub(super) choices: Vec<Choice>,
    pub(super) cards: Vec<Card>,
    pub(super) next: Option<&'a str>,
    /// Whether this is not the first page.
    pub(super) further: bool,
    pub(super) now: When,
    pub(super) zone: &'a str,
}

/// One workflow and its states, to choose from.
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) title: String,
    /// `workflow/state` and title each.
    pub(super) states: Vec<(String, String)>,
}

/// One case of the list.
pub(super) struct Card {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) reference: String,
    pub(super) workflow: String,
    pub(super) state: String,
    /// Who holds the ball: role and name; `None` while others are to answer.
    pub(super) holder: Option<String>,
    pub(super) ended: bool,
    pub(super) presumed: bool,
    pub(super) held: bool,
    pub(super) round: u32,
    pub(super) flags: Vec<String>,
    pub(super) clocks: Vec<Clock>,
    pub(super) tone: Tone,
}

impl ListPage<'_> {
    /// Whether cases were asked for by a filter.
    fn filtered(&self) -> bool {
        !self.q.is_empty() || !self.state.is_empty()
    }

    /// How many cases of this page are this urgent.
    fn count(&self, tone: Tone) -> usize {
        self.cards.iter().filter(|card| card.tone == tone).count()
    }
}

impl Choice {
    pub(super) fn of(say: Say, workflow: &Workflow) -> Self {
        let state = |name: &String| {
            (
                format!("{}/{name}", workflow.id),
                say.state(Some(workflow), name),
            )
        };
        Self {
            value: format!("{}/", workflow.id),
            title: say.workflow(Some(workflow), &workflow.id),
            states: workflow.states.keys().map(state).collect(),
        }
    }
}

impl Card {
    /// What the list and the head of its own page say of a case. `whole`: names are not masked.
    pub(super) fn of(teller: &Teller<'_>, case: &Case, whole: bool) -> Self {
        let (say, workflow) = (teller.say, teller.workflow);
        let state = workflow.and_then(|w| w.states.get(&case.state));
        let ended = case.closed || state.is_some_and(|state| state.is_final);
        let holder = state.and_then(|state| state.holder.as_deref());
        let clocks = teller.urgent(case);
        let tone = clocks.iter().map(|clock| clock.tone).min();
        Self {
            id: case.id.to_string(),
            title: case.title.clone(),
            reference: case.reference.clone(),
            workflow: say.workflow(workflow, &case.workflow.id),
            state: say.state(workflow, &case.state),
            holder: people::who_acts(teller, case, whole)
                .or_else(|| holder.map(|role| people::with_role(say, case, role, whole)))
                .filter(|_| !ended),
            ended,
            presumed: case.presumed.is_some(),
            held: case.held,
            round: case.round,
            flags: case
                .flags
                .iter()
                .map(|flag| say.flag(workflow, flag))
                .collect(),
            clocks,
            tone: tone.unwrap_or(Tone::Idle),
        }
    }
}
