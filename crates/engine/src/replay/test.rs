//! Running the tests of a workflow file.

use std::collections::BTreeSet;

use qixian_core::{
    Actor, Case, CaseId, Cause, Channel, Event, PackRef, StartCase, Step, What, Words, step,
};
use qixian_time::{Timestamp, Zone};
use qixian_workflow::{Expect, ExpectDeadline, Span, TestEvent, TestStep, WorkflowTest};

use super::{Replay, ReplayLine, ReplayWhat};
use crate::{Setup, SubmitError};

/// What came of one test.
#[derive(Clone, Debug, Default)]
pub struct TestReport {
    /// What was otherwise than expected, in order; empty: the test passed.
    pub failures: Vec<TestFailure>,
    /// The places of the transitions taken by cases of the tested workflow.
    pub taken: BTreeSet<usize>,
}

/// One expectation that was not met.
#[derive(Clone, Debug)]
pub struct TestFailure {
    /// Where it stands in the file.
    pub span: Span,
    /// What was expected and what was found.
    pub message: Words,
}

struct Run<'a> {
    replay: Replay,
    case: CaseId,
    zone: &'a Zone,
    reminded: BTreeSet<(String, Channel)>,
    failures: Vec<TestFailure>,
}

/// Runs one test of the workflow `id` on the virtual clock.
pub async fn run_test(setup: &Setup, id: &str, test: &WorkflowTest) -> TestReport {
    let mut report = TestReport::default();
    let Some(workflow) = setup.definitions.newest(id).cloned() else {
        report.failures.push(failure(
            &test.span,
            format!("没有流程“{id}”"),
            format!("there is no workflow `{id}`"),
        ));
        return report;
    };
    let mut replay = Replay::new(setup.clone(), test.at);
    let started = replay
        .start(start_of(setup, id, test), None, tester())
        .await;
    let case = match started {
        Ok(ack) => ack.case.id,
        Err(error) => {
            let Words { zh, en } = error.words();
            report.failures.push(failure(
                &test.span,
                format!("无法开始：{zh}"),
                format!("the case cannot start: {en}"),
            ));
            return report;
        }
    };
    if test.state.is_some() {
        // What a case that starts mid-way makes due is held until a person releases it; a test wants to see it.
        replay.release(case).await;
    }
    let mut run = Run {
        replay,
        case,
        zone: &workflow.zone,
        reminded: BTreeSet::new(),
        failures: Vec::new(),
    };
    for step in &test.steps {
        run.step(step).await;
    }
    report.failures = run.failures;
    report.taken = taken(&run.replay, id).await;
    report
}

fn tester() -> Actor {
    Actor {
        name: "test".to_owned(),
        roles: vec!["admin".to_owned()],
    }
}

fn start_of(setup: &Setup, id: &str, test: &WorkflowTest) -> StartCase {
    let pack = setup.env.rules.get(&test.rules);
    StartCase {
        workflow: id.to_owned(),
        pack: pack.map_or_else(
            || PackRef {
                id: test.rules.clone(),
                version: 0,
            },
            |pack| pack.reference(),
        ),
        title: test.name.chars().take(200).collect(),
        fields: test.fields.clone(),
        parties: test.parties.clone(),
        state: test.state.clone(),
        entered_at: test.state.as_ref().map(|_| test.at),
        ..StartCase::default()
    }
}

impl Run<'_> {
    async fn step(&mut self, step: &TestStep) {
        if let Err(error) = self.replay.advance_to(step.at).await {
            let Words { zh, en } = error.words();
            self.fail(&step.span, zh, en);
            return;
        }
        if let Some(event) = &step.event {
            self.event(event, step.at).await;
        }
        let lines = self.replay.take_lines();
        self.reminded.extend(lines.iter().filter_map(reminder));
        if let Some(expect) = &step.expect
            && let Some(case) = self.replay.case(self.case).await
        {
            self.compare(expect, &case).await;
        }
    }

    async fn event(&mut self, test: &TestEvent, at: Timestamp) {
        let event = Event {
            id: String::new(),
            case: self.case,
            occurred_at: test.occurred_at.unwrap_or(at),
            by: tester(),
            note: None,
            expected_edit_rev: None,
            what: What::Fact {
                event: test.name.clone(),
                party: test.party.clone(),
                fields: test.fields.clone(),
                override_reason: None,
            },
        };
        let answer = self.replay.submit(event).await;
        match (&test.refused, answer) {
            (None, Ok(_)) => {}
            (None, Err(error)) => {
                let Words { zh, en } = error.words();
                self.fail(
                    &test.span,
                    format!("“{}”被拒绝：{zh}", test.name),
                    format!("`{}` was refused: {en}", test.name),
                );
            }
            (Some(wanted), Ok(_)) => self.fail(
                &test.span,
                format!("“{}”应以“{wanted}”被拒绝，却被接受", test.name),
                format!(
                    "`{}` should be refused with `{wanted}` and was accepted",
                    test.name
                ),
            ),
            (Some(wanted), Err(error)) => {
                if !refused_as(&error, wanted) {
                    let Words { zh, en } = error.words();
                    self.fail(
                        &test.span,
                        format!("应以“{wanted}”被拒绝，实际是：{zh}"),
                        format!("should be refused with `{wanted}`, but: {en}"),
                    );
                }
            }
        }
    }

    async fn compare(&mut self, expect: &Expect, case: &Case) {
        if let Some(state) = &expect.state {
            self.same(&expect.span, "state", state, &case.state);
        }
        for deadline in &expect.deadlines {
            self.compare_deadline(deadline, case);
        }
        if let Some(flags) = &expect.flags {
            let found: BTreeSet<String> = case.flags.iter().cloned().collect();
            self.same(&expect.span, "flags", &listed(flags), &listed(&found));
        }
        if let Some(children) = &expect.children {
            let mut found: Vec<&String> = case.children.iter().map(|c| &c.workflow).collect();
            found.sort();
            self.same(&expect.span, "children", &listed(children), &listed(found));
        }
        let reminded = std::mem::take(&mut self.reminded);
        if let Some(wanted) = &expect.reminded {
            let name = |(role, via): &(String, Channel)| format!("{role} via {via}");
            let wanted: Vec<String> = wanted.iter().map(name).collect();
            let found: Vec<String> = reminded.iter().map(name).collect();
            self.same(&expect.span, "reminded", &listed(wanted), &listed(found));
        }
    }

    fn compare_deadline(&mut self, expect: &ExpectDeadline, case: &Case) {
        let Some(found) = case.deadline(&expect.name) else {
            self.fail(
                &expect.span,
                format!("期限“{}”没有出现", expect.name),
                format!("there is no deadline `{}`", expect.name),
            );
            return;
        };
        if let Some(clock) = expect.clock {
            let name = |clock| format!("{clock:?}").to_lowercase();
            self.same(&expect.span, "clock", &name(clock), &name(found.clock));
        }
        let zone = self.zone;
        let time = |at: Timestamp| at.to_rfc3339(zone);
        let none = || "-".to_owned();
        if let Some(due_at) = expect.due_at {
            let found = found.due_at.map_or_else(none, time);
            self.same(&expect.span, "due_at", &time(due_at), &found);
        }
        if let Some(day) = expect.last_day {
            let last = |at: Timestamp| zone.date_of(at.saturating_sub_millis(1)).to_string();
            let found = found.due_at.map_or_else(none, last);
            self.same(&expect.span, "last_day", &day.to_string(), &found);
        }
        if let Some(provisional) = expect.provisional {
            let (wanted, found) = (provisional.to_string(), found.provisional.to_string());
            self.same(&expect.span, "provisional", &wanted, &found);
        }
    }

    fn same(&mut self, span: &Span, what: &str, wanted: &str, found: &str) {
        if wanted != found {
            self.fail(
                span,
                format!("{what} 应为 {wanted}，实际为 {found}"),
                format!("{what} should be {wanted}, is {found}"),
            );
        }
    }

    fn fail(&mut self, span: &Span, zh: String, en: String) {
        self.failures.push(failure(span, zh, en));
    }
}

fn failure(span: &Span, zh: String, en: String) -> TestFailure {
    TestFailure {
        span: span.clone(),
        message: Words::new(zh, en),
    }
}

fn listed<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    let mut text = String::new();
    for name in names {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(name.as_ref());
    }
    format!("[{text}]")
}

/// Whom a line reminded, if it is a reminder of a deadline.
fn reminder(line: &ReplayLine) -> Option<(String, Channel)> {
    match &line.what {
        ReplayWhat::Reminder {
            cause: Cause::Rung { .. },
            to,
            via,
            ..
        } => Some((to.clone(), *via)),
        _ => None,
    }
}

fn refused_as(error: &SubmitError, wanted: &str) -> bool {
    let SubmitError::Rejected(rejection) = error else {
        return false;
    };
    let guard = match rejection {
        qixian_core::Rejection::GuardRefused { guard, .. }
        | qixian_core::Rejection::GuardFailed { guard, .. } => Some(guard.as_str()),
        _ => None,
    };
    rejection.code() == wanted || guard == Some(wanted)
}

/// The transitions that cases of the workflow took, read off their journals.
async fn taken(replay: &Replay, id: &str) -> BTreeSet<usize> {
    let mut taken = BTreeSet::new();
    let setup = replay.setup();
    for case in replay.cases().await {
        let Some(workflow) = setup.definitions.at_hand(&case).filter(|w| w.id == id) else {
            continue;
        };
        let journal = replay.journal(case.id).await;
        let mut state: Option<Case> = None;
        for (i, line) in journal.iter().enumerate() {
            let mut event = line.to_event(case.id);
            if let What::Correct { history, .. } = &mut event.what {
                *history = Some(journal[..i].into());
            }
            let now = line.recorded_at;
            match step(&setup.env, &workflow, state.as_ref(), &event, now) {
                Ok(Step::Changed(transition)) => {
                    taken.extend(transition.taken);
                    state = Some(transition.case);
                }
                Ok(Step::Nothing) => {}
                Err(_) => break,
            }
        }
    }
    taken
}
