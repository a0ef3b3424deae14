//! Events of the file: guards, people, refusals, presumed outcomes.

use super::world::*;
use crate::{ClockState, Fields, Rejection, Value, What};

fn checking() -> World {
    let mut world = World::gansu("2026-03-02T09:00");
    world
        .happens("2026-03-02T10:00", fact("handed_in"))
        .unwrap();
    world.spoken();
    world
}

#[test]
fn one_confirms_the_other_is_still_reminded_and_the_case_returns() {
    let mut world = checking();
    world
        .happens("2026-03-02T12:00", fact_by("verified", "principal"))
        .unwrap();
    assert_eq!(world.case.state, "check");
    world.wait_until(at("2026-03-04T09:00"));
    assert_eq!(
        world.spoken(),
        ["site_owner", "handler"],
        "8 h rung without the one who confirmed, then the handler"
    );
    world.wait_until(at("2026-03-04T10:00"));
    assert_eq!(world.case.state, "collecting");
    assert_eq!(world.deadline("sms").clock, ClockState::Missed);
    assert_eq!(
        world.spoken(),
        ["handler"],
        "told that it presumably returned"
    );
    let line = world.journal.last().unwrap();
    assert_eq!(
        (line.event.as_str(), line.occurred_at),
        ("deadline_passed", at("2026-03-04T10:00"))
    );
    world.check_fold();
}

#[test]
fn a_fact_from_before_the_miss_undoes_it() {
    let mut world = checking();
    world
        .happens("2026-03-02T12:00", fact_by("verified", "principal"))
        .unwrap();
    world.wait_until(at("2026-03-05T09:00"));
    world.spoken();
    assert!(
        matches!(
            world.learns("2026-03-04T11:00", fact_by("verified", "site_owner")),
            Err(Rejection::EventNotPossible {
                hint_reopen: true,
                ..
            })
        ),
        "it happened after the window had ended"
    );
    world
        .learns("2026-03-04T09:30", fact_by("verified", "site_owner"))
        .unwrap();
    assert_eq!(world.case.state, "review");
    let sms = world.deadline("sms");
    assert_eq!((sms.clock, sms.late_recorded), (ClockState::Met, true));
    assert_eq!(
        world.deadline("review").started_at,
        Some(at("2026-03-04T09:30"))
    );
    assert!(world.case.presumed.is_none());
    assert_eq!(
        world.spoken(),
        ["handler"],
        "who was told of the return is told the truth"
    );
    world.check_fold();
}

#[test]
fn nobody_undoes_a_miss_that_a_person_acted_on() {
    let mut world = checking();
    world.wait_until(at("2026-03-05T09:00"));
    world
        .happens("2026-03-05T10:00", fact("handed_in"))
        .unwrap();
    assert_eq!(world.case.presumed, None);
    assert_eq!((world.case.round, world.deadline("sms").generation), (2, 2));
    world.check_fold();
}

#[test]
fn the_same_mobile_confirms_once() {
    let people = vec![
        party("principal", "13800138000"),
        party("site_owner", "13800138000"),
    ];
    let known = fields(&[("subject.province", "甘肃"), ("subject.name", "x")]);
    let mut world = World::start("2026-03-02T09:00", start_of(people, known));
    world
        .happens("2026-03-02T10:00", fact("handed_in"))
        .unwrap();
    assert_eq!(world.spoken(), ["principal"], "one person, one message");
    world.happens("2026-03-02T11:00", fact("verified")).unwrap();
    assert_eq!(world.case.state, "review");
    world.check_fold();
}

#[test]
fn who_confirms_must_be_said_and_only_once() {
    let mut world = checking();
    let asked = |world: &mut World, what| match world.happens("2026-03-02T12:00", what) {
        Err(Rejection::PartyNeeded { asked }) => asked,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        asked(&mut world, fact("verified")),
        ["principal", "site_owner"]
    );
    assert_eq!(
        asked(&mut world, fact_by("verified", "handler")),
        ["principal", "site_owner"]
    );
    world
        .happens("2026-03-02T12:00", fact_by("verified", "principal"))
        .unwrap();
    assert!(matches!(
        world.happens("2026-03-02T12:00", fact_by("verified", "principal")),
        Err(Rejection::Invalid(_))
    ));
    world.check_fold();
}

#[test]
fn a_guard_refuses_and_the_lead_may_override() {
    let mut world = World::start("2026-03-02T09:00", start_of(vec![], Fields::new()));
    let refused = world.happens("2026-03-02T10:00", fact("handed_in"));
    assert!(
        matches!(refused, Err(Rejection::GuardRefused { ref guard, .. }) if guard == "named"),
        "{refused:?}"
    );
    let overridden = || What::Fact {
        event: "handed_in".to_owned(),
        party: None,
        fields: Fields::new(),
        override_reason: Some("已在平台提交".to_owned()),
    };
    let by_clerk = world.decide(at("2026-03-02T10:00"), actor(&["handler"]), overridden());
    assert!(
        matches!(by_clerk, Err(Rejection::NotAllowed { .. })),
        "{by_clerk:?}"
    );
    world.happens("2026-03-02T10:00", overridden()).unwrap();
    assert_eq!(world.case.state, "review");
    world.check_fold();
}

#[test]
fn refusals_name_what_is_possible_and_where_it_is_wrong() {
    let mut world = checking();
    match world.happens("2026-03-02T12:00", fact("approved")) {
        Err(Rejection::EventNotPossible {
            possible, state, ..
        }) => {
            assert_eq!(
                (possible, state.as_str()),
                (vec!["verified".to_owned(), "renewed".to_owned()], "check")
            );
        }
        other => panic!("{other:?}"),
    }
    let pointers = |result: Result<(), Rejection>| match result {
        Err(Rejection::Invalid(problems)) => {
            problems.into_iter().map(|p| p.pointer).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    let long = "长".repeat(21);
    let wrong = fields(&[
        ("subject.name", &long),
        ("expires_on", "2026-2-30"),
        ("nope", "x"),
    ]);
    let edit = What::Edit {
        fields: wrong,
        title: Some(String::new()),
        reference: None,
    };
    assert_eq!(
        pointers(world.happens("2026-03-02T12:00", edit)),
        [
            "/fields/expires_on",
            "/fields/nope",
            "/fields/subject/name",
            "/title"
        ]
    );
    let carried = fact_with("renewed", None, fields(&[("subject.name", "x")]));
    assert_eq!(
        pointers(world.happens("2026-03-02T12:00", carried)),
        ["/fields/subject/name"]
    );
    assert_eq!(
        pointers(world.learns("2026-03-02T13:00", fact_by("verified", "principal"))),
        ["/occurred_at"]
    );
    assert_eq!(
        pointers(world.learns("2026-03-01T13:00", fact_by("verified", "principal"))),
        ["/occurred_at"]
    );
    world.check_fold();
}

#[test]
fn a_rejection_brings_items_and_the_next_hand_in_is_a_new_round() {
    let mut world = World::start(
        "2026-03-02T09:00",
        start_of(vec![], fields(&[("subject.name", "x")])),
    );
    world
        .happens("2026-03-02T10:00", fact("handed_in"))
        .unwrap();
    let item = Value::Record(fields(&[
        ("code", "site.name_short"),
        ("words", "名称不足三个字"),
    ]));
    let items = Fields::from([("items".to_owned(), Value::List(vec![item]))]);
    world
        .happens("2026-03-18T10:00", fact_with("rejected", None, items))
        .unwrap();
    assert_eq!(
        (
            world.case.items.len(),
            world.case.items[0].round,
            world.case.items[0].done
        ),
        (1, 1, false)
    );
    assert_eq!(world.spoken(), ["handler"]);
    world
        .happens("2026-03-19T10:00", fact("handed_in"))
        .unwrap();
    assert_eq!((world.case.round, world.case.items[0].done), (2, true));
    let bad = Fields::from([("items".to_owned(), Value::Text("no".to_owned()))]);
    assert!(
        world
            .happens("2026-03-19T11:00", fact_with("rejected", None, bad))
            .is_err()
    );
    world.check_fold();
}
