//! What is learnt after a deadline has passed, and what our own timers may not do by mistake.

use super::world::*;
use crate::definition::{DeadlineDef, Length, LengthSource, MissedThen, Starts};
use crate::{ClockState, MoveTo, Rejection, RungState, What, next_wake};

/// A case in review since 10:00 on 2 March; the review is due at the end of 30 March.
fn in_review(world: World) -> World {
    let mut world = world;
    world
        .happens("2026-03-02T10:00", fact("handed_in"))
        .unwrap();
    assert_eq!(
        world.deadline("review").due_at,
        Some(at("2026-03-31T00:00"))
    );
    world
}

fn elsewhere() -> World {
    World::start(
        "2026-03-02T09:00",
        start_of(vec![], fields(&[("subject.name", "x")])),
    )
}

fn change(world: &mut World, name: &str, change: impl FnOnce(&mut DeadlineDef)) {
    change(world.workflow.deadlines.get_mut(name).unwrap());
}

/// `(what, occurred, clock after it)`, each recorded on 1 April, after the miss was flagged.
#[test]
fn a_flagged_miss_is_undone_by_a_fact_from_before_it() {
    for (what, occurred, clock, late, flags) in [
        ("approved", "2026-03-30T23:59", ClockState::Met, true, 0),
        ("approved", "2026-03-31T00:00", ClockState::Missed, false, 0),
        ("paused", "2026-03-30T12:00", ClockState::Paused, false, 0),
        ("paused", "2026-03-31T12:00", ClockState::Missed, false, 1),
    ] {
        let mut world = in_review(elsewhere());
        world.wait_until(at("2026-04-01T12:00"));
        assert_eq!(world.case.flags, ["overdue"]);
        world.learns(occurred, fact(what)).unwrap();
        let review = world.deadline("review");
        assert_eq!(
            (review.clock, review.late_recorded, world.case.flags.len()),
            (clock, late, flags),
            "{what} {occurred}"
        );
        world.check_fold();
    }
}

#[test]
fn a_review_found_paused_later_goes_on_with_its_reminders() {
    let mut world = in_review(elsewhere());
    world.wait_until(at("2026-04-01T12:00"));
    world.learns("2026-03-30T12:00", fact("paused")).unwrap();
    world.spoken();
    world.happens("2026-04-02T12:00", fact("resumed")).unwrap();
    assert_eq!(
        world.deadline("review").due_at,
        Some(at("2026-04-03T00:00"))
    );
    world.wait_until(at("2026-04-03T12:00"));
    assert_eq!(world.spoken(), ["handler"], "chased after the new end");
}

#[test]
fn a_late_fact_that_answers_nothing_leaves_a_presumed_miss() {
    let mut world = World::gansu("2026-03-02T09:00");
    let chased = crate::definition::TransitionDef {
        event: "chased".to_owned(),
        from: vec!["check".to_owned()],
        ..Default::default()
    };
    world.workflow.transitions.push(chased);
    world
        .happens("2026-03-02T10:00", fact("handed_in"))
        .unwrap();
    world.wait_until(at("2026-03-05T09:00"));
    let refused = world.learns("2026-03-03T10:00", fact("chased"));
    assert!(
        matches!(refused, Err(Rejection::EventNotPossible { .. })),
        "{refused:?}"
    );
    assert_eq!(world.case.state, "collecting");
}

#[test]
fn a_fact_that_stays_does_not_make_the_presumed_certain() {
    let mut world = World::gansu("2026-03-02T09:00");
    world
        .happens("2026-03-02T10:00", fact("handed_in"))
        .unwrap();
    world.wait_until(at("2026-03-05T09:00"));
    let renewed = fact_with("renewed", None, fields(&[("expires_on", "2027-01-01")]));
    world.happens("2026-03-05T10:00", renewed).unwrap();
    assert!(world.case.presumed.is_some(), "nobody has moved the case");
}

#[test]
fn a_missed_event_takes_its_transition_but_meets_nothing() {
    let mut world = elsewhere();
    change(&mut world, "review", |def| {
        def.missed.as_mut().unwrap().then = MissedThen::Event("rejected".to_owned());
    });
    let patient = DeadlineDef {
        length: Length::Within(LengthSource::Fixed(period("60d"))),
        missed: None,
        ladder: None,
        ..world.workflow.deadlines["review"].clone()
    };
    let deadlines = &mut world.workflow.deadlines;
    deadlines.insert("patient".to_owned(), patient);
    let mut world = in_review(world);
    world.wait_until(at("2026-03-31T00:00"));
    assert_eq!(world.case.state, "collecting");
    assert_eq!(world.deadline("patient").clock, ClockState::Cancelled);
    assert!(world.case.presumed.is_some(), "nobody saw it happen");
    world.learns("2026-03-20T10:00", fact("approved")).unwrap();
    assert_eq!(
        (
            world.deadline("review").clock,
            world.deadline("patient").clock
        ),
        (ClockState::Met, ClockState::Met)
    );
    world.check_fold();
}

#[test]
fn a_miss_that_begins_itself_again_stops() {
    let mut world = elsewhere();
    change(&mut world, "review", |def| {
        def.length = Length::Within(LengthSource::Fixed(period("0m")));
        def.missed.as_mut().unwrap().then = MissedThen::To("review".to_owned());
    });
    world
        .happens("2026-03-02T10:00", fact("handed_in"))
        .unwrap();
    world.wait_until(at("2026-03-02T10:00"));
    assert!(next_wake(&world.case).is_none_or(|next| next > world.now));
    assert_eq!(world.deadline("review").clock, ClockState::Missed);
    world.check_fold();
}

/// Its start is assumed, but it ends by a field nobody has filled in: it waits for that, and asks no more.
#[test]
fn an_assumed_start_without_a_length_waits() {
    let mut world = elsewhere();
    change(&mut world, "police", |def| {
        def.length = Length::Until("expires_on".to_owned());
    });
    let mut world = in_review(world);
    world.happens("2026-03-10T15:00", fact("approved")).unwrap();
    world.wait_until(at("2026-03-20T12:00"));
    let police = world.deadline("police");
    assert_eq!(
        (police.clock, police.assumed, police.assume_at),
        (ClockState::Waiting, true, None)
    );
    assert_eq!(next_wake(&world.case), None);
    world.check_fold();
}

#[test]
fn what_happened_to_a_deadline_of_two_states_stays() {
    let mut world = elsewhere();
    change(&mut world, "review", |def| {
        def.states.push("approved".to_owned());
        def.met_by = vec!["resumed".to_owned()];
    });
    let mut world = in_review(world);
    world.happens("2026-03-03T10:00", fact("resumed")).unwrap();
    world.happens("2026-03-04T10:00", fact("approved")).unwrap();
    let review = world.deadline("review");
    assert_eq!((review.clock, review.generation), (ClockState::Met, 1));
}

#[test]
fn a_deadline_of_a_state_that_was_left_cannot_be_moved() {
    let mut world = World::gansu("2026-03-02T09:00");
    world
        .happens("2026-03-02T10:00", fact("handed_in"))
        .unwrap();
    world.wait_until(at("2026-03-05T09:00"));
    let later = What::MoveDeadline {
        deadline: "sms".to_owned(),
        to: MoveTo::Later(period("10d")),
        reason: "延期".to_owned(),
    };
    let refused = world.happens("2026-03-05T10:00", later);
    assert!(
        matches!(&refused, Err(Rejection::Deadline { reason, .. }) if reason.en.contains("check")),
        "{refused:?}"
    );
}

#[test]
fn a_moved_deadline_speaks_again_before_its_new_end_and_moves_on_by_its_pauses() {
    let mut world = World::gansu("2026-03-02T09:00");
    world
        .happens("2026-03-02T10:00", fact("handed_in"))
        .unwrap();
    world.wait_until(at("2026-03-04T07:00"));
    let last = |world: &World| world.deadline("sms").rungs.last().unwrap().clone();
    assert_eq!(last(&world).state, RungState::Fired);
    let hand = |world: &mut World, text: &str, what: What| world.happens(text, what).unwrap();
    let (deadline, reason) = ("sms".to_owned(), "系统维护".to_owned());
    let to = MoveTo::EndOf("2026-03-06".parse().unwrap());
    hand(
        &mut world,
        "2026-03-04T08:00",
        What::MoveDeadline {
            deadline: deadline.clone(),
            to,
            reason: reason.clone(),
        },
    );
    let rung = last(&world);
    assert_eq!(
        (rung.state, rung.at),
        (RungState::Pending, at("2026-03-06T20:00"))
    );
    hand(
        &mut world,
        "2026-03-04T09:00",
        What::PauseDeadline {
            deadline: deadline.clone(),
            reason: reason.clone(),
        },
    );
    hand(
        &mut world,
        "2026-03-08T11:00",
        What::ResumeDeadline { deadline, reason },
    );
    assert_eq!(
        world.deadline("sms").due_at,
        Some(at("2026-03-11T00:00")),
        "four days later, at the end of a day as before"
    );
    world.check_fold();
}

#[test]
fn a_fact_heard_after_the_window_says_only_that_it_was_missed() {
    let mut world = World::gansu("2026-03-02T09:00");
    world.wait_until(at("2026-03-06T12:00"));
    world.learns("2026-03-02T10:00", fact("handed_in")).unwrap();
    assert!(world.spoken().is_empty(), "too late to remind");
    world.wait_until(at("2026-03-06T12:00"));
    assert_eq!(world.case.state, "collecting");
    assert_eq!(world.spoken(), ["handler"], "told of the miss");
    world.check_fold();
}

#[test]
fn a_rung_with_nobody_left_to_tell_is_moot() {
    let mut world = World::gansu("2026-03-02T09:00");
    let ladder = world.workflow.ladders.get_mut("hours").unwrap();
    ladder.steps[1].to = vec!["principal".to_owned()];
    world
        .happens("2026-03-02T10:00", fact("handed_in"))
        .unwrap();
    world
        .happens("2026-03-02T12:00", fact_by("verified", "principal"))
        .unwrap();
    world.wait_until(at("2026-03-02T18:00"));
    assert_eq!(world.deadline("sms").rungs[1].state, RungState::Moot);
    world.check_fold();
}

#[test]
fn a_rule_that_becomes_known_arms_what_waited_for_it() {
    let mut world = elsewhere();
    change(&mut world, "review", |def| {
        def.length = Length::Within(LengthSource::Rule {
            key: "sms_check.window".to_owned(),
            default: None,
        });
    });
    world
        .happens("2026-03-02T10:00", fact("handed_in"))
        .unwrap();
    assert_eq!(world.deadline("review").clock, ClockState::Waiting);
    let edit = What::Edit {
        fields: fields(&[("subject.province", "甘肃")]),
        title: None,
        reference: None,
    };
    world.happens("2026-03-02T12:00", edit).unwrap();
    let review = world.deadline("review");
    assert_eq!(
        (review.clock, review.due_at),
        (ClockState::Armed, Some(at("2026-03-04T10:00"))),
        "48 h from the entering, not from the edit"
    );
    world.check_fold();
}

#[test]
fn an_event_that_starts_and_a_field_that_ends_go_together() {
    let mut world = elsewhere();
    change(&mut world, "expiry", |def| {
        def.starts = Starts::Event("renewed".to_owned());
    });
    let renewed = fact_with("renewed", None, fields(&[("expires_on", "2026-06-01")]));
    world.happens("2026-03-02T10:00", renewed).unwrap();
    let edit = What::Edit {
        fields: fields(&[("expires_on", "2026-07-01")]),
        title: None,
        reference: None,
    };
    world.happens("2026-03-03T10:00", edit).unwrap();
    let expiry = world.deadline("expiry");
    assert_eq!(
        (expiry.due_at, expiry.started_at),
        (Some(at("2026-07-02T00:00")), Some(at("2026-03-02T10:00")))
    );
    world.check_fold();
}
