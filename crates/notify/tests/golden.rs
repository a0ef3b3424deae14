//! Every shipped text, in both languages, to a client and to a colleague, read as text by whoever changes it.
//! `UPDATE_GOLDEN=1` writes the files anew.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use common::{at, case, deadline, intent, person, rung, scope, templates, workflow};
use qixian_core::{Cause, Channel, ClockState, Deadline, Lang};
use qixian_notify::{ComposeScope, Related, Templates, compose, sms_segments};

/// Templates that speak of no deadline.
const TOLD: &[&str] = &[
    "approved",
    "bureau_rejected",
    "expired",
    "handed_over",
    "manual",
    "police_filing_overdue",
    "police_number",
    "police_rejected",
    "provider_rejected",
    "sms_expected",
    "sms_failed",
    "sms_returned",
    "transition",
    "message_dead",
    "undone",
];

#[test]
fn shipped_texts_read_as_reviewed() {
    let templates = templates();
    let mut stale = Vec::new();
    for (lang, workflow) in groups(templates) {
        let rendered = render_group(templates, &lang, &workflow);
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/golden")
            .join(format!("{lang}-{workflow}.txt"));
        if env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, &rendered).unwrap();
        }
        if fs::read_to_string(&path).ok().as_ref() != Some(&rendered) {
            stale.push(path);
        }
    }
    assert!(
        stale.is_empty(),
        "these differ; look at the change, then run with UPDATE_GOLDEN=1: {stale:?}"
    );
}

#[test]
fn both_languages_have_the_same_texts() {
    let templates = templates();
    let names = |lang: &str| -> BTreeSet<String> {
        templates
            .names()
            .filter_map(|name| name.strip_prefix(lang).map(str::to_owned))
            .collect()
    };
    assert_eq!(names("zh"), names("en"));
}

/// Language and workflow of all shipped templates.
fn groups(templates: &Templates) -> BTreeSet<(String, String)> {
    templates
        .names()
        .map(|name| {
            let mut parts = name.split('/');
            let mut part = || parts.next().unwrap().to_owned();
            (part(), part())
        })
        .collect()
}

fn render_group(templates: &Templates, lang: &str, workflow_id: &str) -> String {
    let prefix = format!("{lang}/{workflow_id}/");
    let names = templates
        .names()
        .filter_map(|name| name.strip_prefix(&prefix))
        .filter(|name| !name.contains('.') && *name != "person");
    let lang = if lang == "en" { Lang::En } else { Lang::Zh };
    let mut out = String::new();
    for name in names {
        for role in ["principal", "handler"] {
            render_one(&mut out, templates, lang, workflow_id, name, role);
        }
    }
    out
}

fn render_one(
    out: &mut String,
    templates: &Templates,
    lang: Lang,
    workflow_id: &str,
    name: &str,
    role: &str,
) {
    let (case, workflow) = (case(workflow_id), workflow(workflow_id));
    let clock = deadline_for(name);
    let told = TOLD.contains(&name);
    let cause = if told {
        Cause::Transition {
            event: "told".to_owned(),
        }
    } else {
        rung(&clock.name)
    };
    let person = person(role, lang);
    let related = [Related {
        title: "兰州示例科技首次备案".to_owned(),
        reference: "QX-2026-000077".to_owned(),
        state_title: if lang == Lang::Zh {
            "管局审核"
        } else {
            "Bureau's review"
        }
        .to_owned(),
        under_review: true,
    }];
    let scope = ComposeScope {
        related: if workflow_id == "server-watch" {
            &related
        } else {
            &[]
        },
        ..scope(
            templates,
            &case,
            &workflow,
            (!told).then_some(&clock),
            &person,
        )
    };
    let intent = intent(&format!("{workflow_id}/{name}"), cause, false);
    let now = at("2026-02-14T14:15:00+08:00");
    let mail = compose(&intent, 0, Channel::Mail, &scope, now).unwrap();
    let sms = compose(&intent, 0, Channel::Sms, &scope, now).unwrap();
    assert_eq!(
        mail.template,
        format!(
            "{}/{workflow_id}/{name}",
            if lang == Lang::Zh { "zh" } else { "en" }
        )
    );
    let length = sms_segments(&sms.text);
    writeln!(
        out,
        "━━ {name} → {role}\nsubject: {}\n\n{}\n",
        mail.subject, mail.text
    )
    .unwrap();
    writeln!(
        out,
        "── sms, {} units, {} segment(s)\n{}\n",
        length.units, length.segments, sms.text
    )
    .unwrap();
    assert!(length.segments <= 3, "{name}: {} segments", length.segments);
}

/// A deadline as the template expects it: waiting for the questions, else due in a day or at a day's end.
fn deadline_for(name: &str) -> Deadline {
    match name {
        "ask" | "ask_opening" => Deadline {
            clock: ClockState::Waiting,
            due_at: None,
            assume_at: Some(at("2026-02-21T09:00:00+08:00")),
            ..deadline("duty", "2026-02-15T17:30:00+08:00")
        },
        "bureau_review" | "police_filing" | "term" => Deadline {
            assumed: true,
            ..deadline("duty", "2026-03-21T00:00:00+08:00")
        },
        "rung_expectation" => deadline("wait", "2026-02-14T00:00:00+08:00"),
        "provider_review" | "handover" | "sms_code_arrival" => {
            deadline("wait", "2026-02-14T00:00:00+08:00")
        }
        _ => deadline("duty", "2026-02-15T17:30:00+08:00"),
    }
}
