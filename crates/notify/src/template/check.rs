//! Finding what is wrong with the words before anybody has to be told anything.

use minijinja::Value;
use qixian_core::definition::{DeadlineDef, Notify};
use qixian_core::value::Fields;
use qixian_core::{Item, Lang, Party, Workflow};
use qixian_time::{Timestamp, Zone};

use super::facts::{CaseFacts, DeadlineFacts, Facts, NAMES, lang_name};
use super::{File, TemplateError, Templates};
use crate::compose::Related;
use crate::directory::Person;

/// Every problem of every loaded template.
pub(super) fn all(templates: &Templates) -> Vec<TemplateError> {
    let mut problems = Vec::new();
    for (name, file) in &templates.files {
        let unknown = unknown_names(templates, name, file);
        if unknown.is_empty() {
            problems.extend(sample_problem(templates, name));
        }
        problems.extend(unknown);
    }
    problems
}

/// Names that no message has, wherever they stand.
fn unknown_names(templates: &Templates, name: &str, file: &File) -> Vec<TemplateError> {
    let parts = [
        (format!("{name}#subject"), 0),
        (name.to_owned(), file.body_offset),
    ];
    let mut problems = Vec::new();
    for (part, offset) in parts {
        let Ok(template) = templates.env.get_template(&part) else {
            continue;
        };
        let mut used: Vec<String> = template.undeclared_variables(true).into_iter().collect();
        used.sort();
        for unknown in used.iter().filter(|used| !NAMES.contains(&used.as_str())) {
            problems.push(TemplateError {
                file: file.path.clone(),
                line: line_of(template.source(), unknown).map(|line| line + offset),
                detail: format!("unknown name `{unknown}`{}", did_you_mean(unknown)),
            });
        }
    }
    problems
}

/// The first line that holds `name`.
fn line_of(source: &str, name: &str) -> Option<usize> {
    source
        .lines()
        .position(|line| line.contains(name))
        .map(|at| at + 1)
}

fn did_you_mean(name: &str) -> String {
    let nearest = NAMES
        .iter()
        .map(|known| (distance(known, name), known))
        .min_by_key(|(distance, _)| *distance);
    match nearest {
        Some((distance, known)) if distance <= 3 => format!("; did you mean `{known}`?"),
        _ => format!("; known are: {}", NAMES.join(", ")),
    }
}

/// How many characters have to be added, dropped or replaced to come from one to the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.iter().enumerate() {
            let replace = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replace.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// Renders the template in many situations; the first failure.
fn sample_problem(templates: &Templates, name: &str) -> Option<TemplateError> {
    let lang = if name.starts_with("en/") {
        Lang::En
    } else {
        Lang::Zh
    };
    let extra = sample_extra();
    situations(lang)
        .map(|facts| templates.render(name, &facts.to_value(&extra)))
        .find_map(Result::err)
}

/// Names that only some templates get.
fn sample_extra() -> [(&'static str, Value); 3] {
    [
        ("message", Value::from("…")),
        ("subject", Value::from("…")),
        ("paragraphs", Value::from(vec!["…"])),
    ]
}

/// Staff or client, urgent or not, before and after the due time, lists empty and filled.
fn situations(lang: Lang) -> impl Iterator<Item = Facts> {
    (0..16_u8).map(move |bits| {
        sample(
            lang,
            [bits & 1, bits & 2, bits & 4, bits & 8].map(|b| b > 0),
        )
    })
}

fn sample(lang: Lang, [staff, urgent, overdue, filled]: [bool; 4]) -> Facts {
    let now = Timestamp::from_millis(1_770_975_000_000);
    let due = match overdue {
        true => now.saturating_sub_millis(3_600_000),
        false => now.saturating_add_millis(172_800_000),
    };
    let some = |count| if filled { count } else { 0 };
    Facts {
        lang,
        now,
        zone: Zone::shanghai(),
        urgent,
        base_url: None,
        case: CaseFacts {
            id: "0".repeat(26),
            title: "-".to_owned(),
            reference: "-".to_owned(),
            state: "-".to_owned(),
            state_title: "-".to_owned(),
            state_help: String::new(),
            round: 1,
            presumed: filled,
        },
        workflow: ("-".to_owned(), "-".to_owned()),
        person: Person {
            role: "handler".to_owned(),
            lang,
            staff,
            ..Person::default()
        },
        deadline: Some(DeadlineFacts {
            due_at: Some(due),
            earliest_at: Some(due),
            started_at: Some(now),
            assume_at: Some(due),
            assumed: filled,
            provisional: filled,
            ..DeadlineFacts::default()
        }),
        items: vec![sample_item(); some(2)],
        related: vec![Related::default(); some(2)],
        missing: vec![Party::default(); some(2)],
        to_call: vec![Party::default(); some(2)],
        fields: Fields::new(),
    }
}

fn sample_item() -> Item {
    Item {
        round: 1,
        code: "other".to_owned(),
        field: String::new(),
        words: "-".to_owned(),
        by: "bureau".to_owned(),
        done: false,
    }
}

impl Templates {
    /// What `workflow` would have to say and has no words for: templates it names that do not exist, and fields its
    /// words ask for that it does not have. Rungs that name no template fall back to the `_default` words.
    pub fn check(&self, workflow: &Workflow) -> Vec<TemplateError> {
        let mut problems = Vec::new();
        for name in named_templates(workflow) {
            for lang in [Lang::Zh, Lang::En] {
                problems.extend(self.missing(lang, workflow, name));
            }
        }
        problems.extend(self.unknown_fields(workflow));
        problems
    }

    fn missing(&self, lang: Lang, workflow: &Workflow, name: &str) -> Option<TemplateError> {
        let name = match name.contains('/') {
            true => format!("{}/{name}", lang_name(lang)),
            false => format!("{}/{}/{name}", lang_name(lang), workflow.id),
        };
        (!self.has(&name)).then(|| TemplateError {
            file: format!("{name}.txt"),
            line: None,
            detail: "the workflow names this template, and there is none".to_owned(),
        })
    }

    fn unknown_fields(&self, workflow: &Workflow) -> Vec<TemplateError> {
        let mut problems = Vec::new();
        for (name, file) in &self.files {
            if name.split('/').nth(1) != Some(workflow.id.as_str()) {
                continue;
            }
            for part in [format!("{name}#subject"), name.clone()] {
                let Ok(template) = self.env.get_template(&part) else {
                    continue;
                };
                let offset = if part == *name { file.body_offset } else { 0 };
                for (line, path) in asked_fields(template.source()) {
                    if workflow.fields.at(path).is_none() {
                        problems.push(TemplateError {
                            file: file.path.clone(),
                            line: Some(line + offset),
                            detail: format!("workflow {} has no field `{path}`", workflow.id),
                        });
                    }
                }
            }
        }
        problems
    }
}

/// Line and path of every `field("…")`.
fn asked_fields(source: &str) -> impl Iterator<Item = (usize, &str)> {
    source.lines().enumerate().flat_map(|(at, line)| {
        line.split("field(\"")
            .skip(1)
            .filter_map(move |rest| Some((at + 1, rest.split_once('"')?.0)))
    })
}

/// Every template a workflow names itself.
fn named_templates(workflow: &Workflow) -> Vec<&str> {
    let told = workflow.transitions.iter().flat_map(|t| &t.notify);
    let missed = workflow
        .deadlines
        .values()
        .filter_map(|d: &DeadlineDef| d.missed.as_ref())
        .flat_map(|m| &m.notify);
    let rungs = workflow
        .ladders
        .values()
        .flat_map(|ladder| &ladder.steps)
        .filter_map(|step| step.template.as_deref());
    let mut names: Vec<&str> = told
        .chain(missed)
        .map(|notify: &Notify| notify.template.as_str())
        .chain(rungs)
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits() {
        for (a, b, expected) in [("", "", 0), ("case.titel", "case.title", 2), ("now", "", 3)] {
            assert_eq!(distance(a, b), expected);
        }
    }
}
