//! The arrows between a workflow's states, as both diagrams draw them.

use qixian_core::definition::MissedThen;
use qixian_core::{Lang, Workflow};

/// One arrow; all that leads from one state to another is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Arrow {
    pub(super) from: String,
    pub(super) to: String,
    /// What leads there: titles of events, and deadlines that are missed (after an alarm clock).
    pub(super) labels: Vec<String>,
}

/// All arrows, by their origin in the file's order. Events that stay where they are have none.
pub(super) fn arrows(workflow: &Workflow, lang: Lang) -> Vec<Arrow> {
    let mut arrows: Vec<Arrow> = Vec::new();
    let mut add = |from: &str, to: &str, label: String| {
        let known = arrows.iter_mut().find(|a| a.from == from && a.to == to);
        match known {
            Some(arrow) if !arrow.labels.contains(&label) => arrow.labels.push(label),
            Some(_) => {}
            None => arrows.push(Arrow {
                from: from.to_owned(),
                to: to.to_owned(),
                labels: vec![label],
            }),
        }
    };
    for (name, _) in workflow.states.iter().filter(|(_, state)| !state.is_final) {
        for transition in &workflow.transitions {
            let leaves = transition.from.is_empty() || transition.from.contains(name);
            if let (true, Some(to)) = (leaves, &transition.to) {
                let title = transition.title.get(lang);
                let label = if title.is_empty() {
                    &transition.event
                } else {
                    title
                };
                add(name, to, label.to_owned());
            }
        }
        for deadline in workflow
            .deadlines
            .values()
            .filter(|d| d.states.contains(name))
        {
            if let Some(MissedThen::To(to)) = deadline.missed.as_ref().map(|missed| &missed.then) {
                add(name, to, format!("⏰ {}", deadline.title.get(lang)));
            }
        }
    }
    arrows
}

/// So many equal arrows to one state are a crowd: a picture says once that many states lead there.
const CROWD: usize = 5;

/// Whether this arrow is one of many equal ones.
pub(super) fn is_crowd(arrow: &Arrow, arrows: &[Arrow]) -> bool {
    let equal = |other: &&Arrow| other.to == arrow.to && other.labels == arrow.labels;
    arrows.iter().filter(equal).count() >= CROWD
}

/// Each state's layer: the number of steps from the initial one on the shortest way, in the file's order. States that
/// nothing leads to come last.
pub(super) fn layers(workflow: &Workflow, arrows: &[Arrow]) -> Vec<Vec<String>> {
    let mut layers = vec![vec![workflow.initial.clone()]];
    let mut placed = vec![workflow.initial.clone()];
    while let Some(last) = layers.last() {
        let mut next: Vec<String> = Vec::new();
        for name in workflow.states.keys() {
            let reached = arrows
                .iter()
                .any(|a| a.to == *name && last.contains(&a.from));
            if reached && !placed.contains(name) {
                next.push(name.clone());
            }
        }
        if next.is_empty() {
            break;
        }
        placed.extend(next.clone());
        layers.push(next);
    }
    let rest: Vec<String> = workflow
        .states
        .keys()
        .filter(|name| !placed.contains(name))
        .cloned()
        .collect();
    if !rest.is_empty() {
        layers.push(rest);
    }
    layers
}
