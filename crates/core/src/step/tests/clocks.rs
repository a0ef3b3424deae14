//! Deadlines: armed, met, missed, paused, moved, recomputed.

use super::world::*;
use crate::{ClockState, Correction, Fields, MoveTo, What};

#[test]
fn friday_evening_before_spring_festival() {
    let mut world = World::gansu("2026-02-13T09:00");
    world
        .happens("2026-02-13T17:30", fact("handed_in"))
        .unwrap();
    assert_eq!(world.deadline("sms").due_at, Some(at("2026-02-15T17:30")));
    world
        .happens("2026-02-14T10:00", fact_by("verified", "principal"))
        .unwrap();
    world
        .happens("2026-02-15T12:00", fact_by("verified", "site_owner"))
        .unwrap();
    assert_eq!(world.deadline("sms").clock, ClockState::Met);
    let review = world.deadline("review");
    assert_eq!(
        review.due_at,
        Some(at("2026-03-21T00:00")),
        "20 wd from Sunday end on 2026-03-20, 24:00"
    );
    assert_eq!(
        review.last_day(&world.workflow.zone),
        Some("2026-03-20".parse().unwrap())
    );
    assert_eq!(review.earliest_at, Some(at("2026-02-27T00:00")));
}

#[test]
fn a_rule_without_an_answer_gives_the_default() {
    let mut world = World::start(
        "2026-03-02T09:00",
        start_of(
            vec![],
            fields(&[("subject.province", "江苏"), ("subject.name", "x")]),
        ),
    );
    world
        .happens("2026-03-02T10:00", fact("handed_in"))
        .unwrap();
    assert_eq!(
        world.case.state, "review",
        "no SMS check there under this pack"
    );
}

#[test]
fn a_missed_expectation_marks_the_case_and_chases() {
    let mut world = World::start(
        "2026-03-02T09:00",
        start_of(vec![], fields(&[("subject.name", "x")])),
    );
    world
        .happens("2026-03-02T10:00", fact("handed_in"))
        .unwrap();
    world.spoken();
    world.wait_until(at("2026-04-01T12:00"));
    assert_eq!(world.case.flags, ["overdue"]);
    assert_eq!(
        world.spoken(),
        ["handler", "handler"],
        "on the day after, and on the second working day"
    );
    world.happens("2026-04-02T12:00", fact("approved")).unwrap();
    assert!(world.case.flags.is_empty(), "the mark goes with the state");
    assert_eq!(
        world.deadline("review").clock,
        ClockState::Missed,
        "an answer does not undo the miss"
    );
}

#[test]
fn a_pause_adds_its_days() {
    let mut world = World::start(
        "2026-03-02T09:00",
        start_of(vec![], fields(&[("subject.name", "x")])),
    );
    world
        .happens("2026-03-02T10:00", fact("handed_in"))
        .unwrap();
    let due = world.deadline("review").due_at;
    world.happens("2026-03-04T10:00", fact("paused")).unwrap();
    assert_eq!(world.deadline("review").clock, ClockState::Paused);
    world.wait_until(at("2026-04-20T00:00"));
    assert_eq!(
        world.deadline("review").clock,
        ClockState::Paused,
        "a stopped clock does not pass"
    );
    world.happens("2026-04-20T10:00", fact("resumed")).unwrap();
    assert_eq!(world.deadline("review").clock, ClockState::Armed);
    assert!(world.deadline("review").due_at > due);
}

#[test]
fn moving_needs_a_reason_and_a_time_ahead() {
    let mut world = World::gansu("2026-03-02T09:00");
    world
        .happens("2026-03-02T10:00", fact("handed_in"))
        .unwrap();
    let to = |to: MoveTo, reason: &str| What::MoveDeadline {
        deadline: "sms".to_owned(),
        to,
        reason: reason.to_owned(),
    };
    assert!(
        world
            .happens("2026-03-02T11:00", to(MoveTo::Later(period("3d")), " "))
            .is_err()
    );
    assert!(
        world
            .happens(
                "2026-03-02T11:00",
                to(MoveTo::At(at("2026-03-02T10:30")), "x")
            )
            .is_err()
    );
    world
        .happens(
            "2026-03-02T11:00",
            to(MoveTo::Later(period("24h")), "管局系统维护"),
        )
        .unwrap();
    assert_eq!(world.deadline("sms").due_at, Some(at("2026-03-05T10:00")));
    world
        .happens(
            "2026-03-02T12:00",
            to(MoveTo::EndOf("2026-03-06".parse().unwrap()), "再延"),
        )
        .unwrap();
    assert_eq!(world.deadline("sms").due_at, Some(at("2026-03-07T00:00")));
}

#[test]
fn a_new_calendar_moves_running_deadlines_only() {
    let mut world = World::gansu("2026-02-10T09:00");
    world.case.fields.insert(
        "subject".to_owned(),
        crate::Value::Record(fields(&[("name", "x")])),
    );
    world
        .happens("2026-02-10T10:00", fact("handed_in"))
        .unwrap();
    let due = world.deadline("review").due_at.unwrap();
    let load = || What::Recompute {
        load: "l1".to_owned(),
        pack: None,
    };
    world.learns("2026-02-10T11:00", load()).unwrap();
    assert_eq!(world.journal.len(), 2, "nothing moved, no line");
    world.env = env_with(calendar("2026a", "2026-02-24"));
    world.learns("2026-02-10T11:00", load()).unwrap();
    assert!(world.deadline("review").due_at.unwrap() > due);
    assert_eq!(
        world.journal.last().unwrap().deadlines[0].was_due_at,
        Some(due)
    );
}

#[test]
fn an_expiry_follows_its_field() {
    let mut world = World::gansu("2026-01-05T09:00");
    assert_eq!(world.deadline("expiry").clock, ClockState::Waiting);
    let edit = |day: &str| What::Edit {
        fields: fields(&[("expires_on", day)]),
        title: None,
        reference: None,
    };
    world
        .happens("2026-01-05T10:00", edit("2026-03-01"))
        .unwrap();
    assert_eq!(
        world.deadline("expiry").due_at,
        Some(at("2026-03-02T00:00"))
    );
    world.wait_until(at("2026-02-01T00:00"));
    assert_eq!(world.spoken(), ["handler"], "30 days before, at nine");
    world
        .happens(
            "2026-02-02T10:00",
            fact_with("renewed", None, fields(&[("expires_on", "2027-03-01")])),
        )
        .unwrap();
    let expiry = world.deadline("expiry");
    assert_eq!(
        (expiry.clock, expiry.due_at),
        (ClockState::Armed, Some(at("2027-03-02T00:00")))
    );
    assert!(world.spoken().is_empty());
}

#[test]
fn an_unreported_start_is_asked_for_then_assumed_then_replaced() {
    let mut world = World::gansu("2026-03-02T09:00");
    world
        .happens("2026-03-02T10:00", fact("handed_in"))
        .unwrap();
    for who in ["principal", "site_owner"] {
        world
            .happens("2026-03-02T11:00", fact_by("verified", who))
            .unwrap();
    }
    world.happens("2026-03-10T15:00", fact("approved")).unwrap();
    world.spoken();
    world.wait_until(at("2026-03-16T12:00"));
    assert_eq!(
        world.spoken(),
        ["handler"],
        "asked on the third day; at once was said on approval"
    );
    assert_eq!(world.deadline("police").clock, ClockState::Waiting);
    world.wait_until(at("2026-03-17T12:00"));
    let police = world.deadline("police");
    assert!(police.assumed);
    assert_eq!(
        police.due_at,
        Some(at("2026-04-10T00:00")),
        "30 days from the approval day"
    );
    let opened = fact_with("opened", None, fields(&[("site.opened_on", "2026-03-15")]));
    world.happens("2026-03-20T12:00", opened).unwrap();
    let police = world.deadline("police");
    assert!(!police.assumed);
    assert_eq!(police.due_at, Some(at("2026-04-15T00:00")));
}

#[test]
fn correcting_the_start_moves_the_end() {
    let mut world = World::gansu("2026-03-02T09:00");
    world
        .happens("2026-03-02T17:00", fact("handed_in"))
        .unwrap();
    let change = Correction::Replace {
        occurred_at: Some(at("2026-03-02T12:00")),
        fields: Fields::new(),
        party: None,
    };
    world.wait_until(at("2026-03-02T18:00"));
    let history = world.journal.clone().into();
    let what = What::Correct {
        seq: 2,
        change,
        reason: "记错了".to_owned(),
        history: Some(history),
    };
    world.learns("2026-03-02T18:00", what).unwrap();
    assert_eq!(world.deadline("sms").due_at, Some(at("2026-03-04T12:00")));
}
