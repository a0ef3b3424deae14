//! Facts put right afterwards.

use super::world::*;
use crate::definition::RungAt;
use crate::{ClockState, Correction, Fields, Rejection, RungState, What};

fn correct(world: &mut World, seq: u64, change: Correction) -> Result<(), Rejection> {
    let history = world.journal.clone().into();
    let what = What::Correct {
        seq,
        change,
        reason: "记错了".to_owned(),
        history: Some(history),
    };
    let now = world.now;
    world.decide(now, actor(&["lead"]), what)
}

fn otherwise(text: &str) -> Correction {
    Correction::Replace {
        occurred_at: Some(at(text)),
        fields: Fields::new(),
        party: None,
    }
}

#[test]
fn a_withdrawn_fact_leads_back() {
    let mut world = World::gansu("2026-03-02T09:00");
    world
        .happens("2026-03-02T10:00", fact("handed_in"))
        .unwrap();
    for who in ["principal", "site_owner"] {
        world
            .happens("2026-03-02T11:00", fact_by("verified", who))
            .unwrap();
    }
    world.wait_until(at("2026-03-02T20:00"));
    world.spoken();
    correct(&mut world, 4, Correction::Withdraw).unwrap();
    assert_eq!(world.case.state, "check");
    assert_eq!(
        world.case.confirmed.len(),
        1,
        "the principal's word still stands"
    );
    let sms = world.deadline("sms");
    assert_eq!(
        (sms.clock, sms.due_at),
        (ClockState::Armed, Some(at("2026-03-04T10:00")))
    );
    assert_eq!(
        world.spoken(),
        ["site_owner"],
        "the rung of 18:00 that did not speak speaks now, once"
    );
    let line = world.journal.last().unwrap();
    assert_eq!(
        (line.event.as_str(), line.from.as_str(), line.to.as_str()),
        ("fact_corrected", "review", "check")
    );
    world.check_fold();
}

#[test]
fn what_was_said_stays_said() {
    let mut world = World::gansu("2026-03-02T09:00");
    world
        .happens("2026-03-02T10:00", fact("handed_in"))
        .unwrap();
    world.wait_until(at("2026-03-02T19:00"));
    world.spoken();
    correct(&mut world, 2, otherwise("2026-03-02T10:30")).unwrap();
    let states: Vec<_> = world
        .deadline("sms")
        .rungs
        .iter()
        .map(|r| r.state)
        .collect();
    assert_eq!(
        states,
        [RungState::Fired, RungState::Fired, RungState::Pending]
    );
    assert!(world.spoken().is_empty());
    world.check_fold();
}

#[test]
fn an_earlier_start_may_mean_that_it_was_missed() {
    let mut world = World::gansu("2026-03-01T09:00");
    world.wait_until(at("2026-03-03T10:00"));
    world
        .happens("2026-03-03T10:00", fact("handed_in"))
        .unwrap();
    correct(&mut world, 2, otherwise("2026-03-01T10:00")).unwrap();
    assert_eq!(world.case.state, "collecting");
    assert!(world.case.presumed.is_some());
    world.check_fold();
}

#[test]
fn a_miss_found_by_a_correction_reminds_of_nothing() {
    let mut world = World::gansu("2026-03-01T09:00");
    world.wait_until(at("2026-03-02T10:00"));
    world
        .happens("2026-03-02T10:00", fact("handed_in"))
        .unwrap();
    world.wait_until(at("2026-03-03T12:00"));
    world.spoken();
    correct(&mut world, 2, otherwise("2026-03-01T11:00")).unwrap();
    let sms = world.deadline("sms");
    assert_eq!(sms.clock, ClockState::Missed);
    let states: Vec<_> = sms.rungs.iter().map(|r| r.state).collect();
    let expected = [RungState::Fired, RungState::Fired, RungState::Moot];
    assert_eq!(
        states, expected,
        "two were said, and 4 h before the end is over"
    );
    assert!(world.spoken().is_empty());
    world.check_fold();
}

/// Steps that fell on two instants and now fall on one: who heard one of them is not told again.
#[test]
fn a_rung_that_was_said_stays_said_when_it_becomes_one_with_another() {
    let mut world = World::gansu("2026-03-01T09:00");
    let ladder = world.workflow.ladders.get_mut("hours").unwrap();
    ladder.steps[1].at = RungAt::BeforeDue(period("44h"));
    ladder.steps[2].at = RungAt::BeforeDaysOff;
    ladder.at_minute = 14 * 60;
    world.wait_until(at("2026-03-06T10:00"));
    world
        .happens("2026-03-06T11:00", fact("handed_in"))
        .unwrap();
    let steps = |world: &World| -> Vec<Vec<u16>> {
        let rungs = &world.deadline("sms").rungs;
        rungs.iter().map(|rung| rung.steps.clone()).collect()
    };
    assert_eq!(steps(&world), [vec![0], vec![2], vec![1], vec![3]]);
    world.wait_until(at("2026-03-06T14:30"));
    world.spoken();
    correct(&mut world, 2, otherwise("2026-03-06T10:00")).unwrap();
    assert_eq!(steps(&world), [vec![0], vec![1, 2], vec![3]]);
    assert!(world.spoken().is_empty());
    world.check_fold();
}

/// A step that was said moves on to the instant of one that was not: that one is still to be said at its time.
#[test]
fn a_step_never_said_is_said_at_its_time_though_it_became_one_with_another() {
    let mut world = World::gansu("2026-03-01T09:00");
    let ladder = world.workflow.ladders.get_mut("hours").unwrap();
    ladder.steps[1].at = RungAt::BeforeDue(period("45h"));
    ladder.steps[2].at = RungAt::BeforeDaysOff;
    ladder.at_minute = 16 * 60;
    world.wait_until(at("2026-03-06T10:00"));
    world
        .happens("2026-03-06T11:00", fact("handed_in"))
        .unwrap();
    world.wait_until(at("2026-03-06T14:30"));
    world.spoken();
    correct(&mut world, 2, otherwise("2026-03-06T13:00")).unwrap();
    let rungs = |world: &World| -> Vec<(Vec<u16>, RungState)> {
        let rungs = world.deadline("sms").rungs.iter();
        rungs.map(|rung| (rung.steps.clone(), rung.state)).collect()
    };
    let expected = [
        (vec![0], RungState::Fired),
        (vec![1, 2], RungState::Pending),
        (vec![3], RungState::Pending),
    ];
    assert_eq!(rungs(&world), expected);
    assert!(world.spoken().is_empty(), "its time is 16:00");
    world.wait_until(at("2026-03-06T16:00"));
    assert!(!world.spoken().is_empty());
    assert_eq!(rungs(&world)[1].1, RungState::Fired);
    world.check_fold();
}

#[test]
fn a_correction_that_breaks_a_later_fact_names_it() {
    let mut world = World::gansu("2026-03-02T09:00");
    world
        .happens("2026-03-02T10:00", fact("handed_in"))
        .unwrap();
    for who in ["principal", "site_owner"] {
        world
            .happens("2026-03-02T11:00", fact_by("verified", who))
            .unwrap();
    }
    match correct(&mut world, 2, Correction::Withdraw) {
        Err(Rejection::Correction { seq: 2, reason }) => {
            assert!(reason.en.contains("line 3"), "{reason:?}")
        }
        other => panic!("{other:?}"),
    }
    assert!(
        correct(&mut world, 1, Correction::Withdraw).is_err(),
        "the beginning"
    );
    assert!(
        correct(&mut world, 99, Correction::Withdraw).is_err(),
        "no such line"
    );
    world.check_fold();
}

#[test]
fn corrections_of_corrections_add_up() {
    let mut world = World::gansu("2026-03-02T09:00");
    world
        .happens("2026-03-02T10:00", fact("handed_in"))
        .unwrap();
    world.wait_until(at("2026-03-02T12:00"));
    correct(&mut world, 2, otherwise("2026-03-02T11:00")).unwrap();
    correct(&mut world, 2, otherwise("2026-03-02T11:30")).unwrap();
    assert_eq!(world.deadline("sms").due_at, Some(at("2026-03-04T11:30")));
    correct(&mut world, 2, Correction::Withdraw).unwrap();
    assert_eq!(world.case.state, "collecting");
    assert!(
        correct(&mut world, 2, Correction::Withdraw).is_err(),
        "withdrawn already"
    );
    world.check_fold();
}

#[test]
fn a_miss_found_by_a_correction_can_be_undone_like_any_other() {
    let mut world = World::gansu("2026-03-01T09:00");
    world.wait_until(at("2026-03-03T10:00"));
    world
        .happens("2026-03-03T10:00", fact("handed_in"))
        .unwrap();
    correct(&mut world, 2, otherwise("2026-03-01T10:00")).unwrap();
    let presumed = world.case.presumed.clone().unwrap();
    assert_eq!(
        (presumed.generation, presumed.seq),
        (world.deadline("sms").generation, world.case.rev)
    );
    for who in ["principal", "site_owner"] {
        world
            .learns("2026-03-02T10:00", fact_by("verified", who))
            .unwrap();
    }
    assert_eq!(world.deadline("sms").clock, ClockState::Met);
    world.check_fold();
}

#[test]
fn a_pause_may_have_begun_earlier() {
    let known = fields(&[("subject.name", "x")]);
    let mut world = World::start("2026-03-02T09:00", start_of(vec![], known));
    world
        .happens("2026-03-02T10:00", fact("handed_in"))
        .unwrap();
    world.happens("2026-03-06T10:00", fact("paused")).unwrap();
    correct(&mut world, 3, otherwise("2026-03-04T10:00")).unwrap();
    assert_eq!(
        world.deadline("review").pauses[0].from,
        at("2026-03-04T10:00")
    );
    world.check_fold();
}

#[test]
fn a_child_that_only_the_right_history_has_is_started() {
    let domains = |names: &[&str]| {
        let each = names
            .iter()
            .map(|name| crate::Value::Record(fields(&[("name", name)])));
        let mut fields = Fields::new();
        crate::value::set(
            &mut fields,
            "site.domains",
            crate::Value::List(each.collect()),
        );
        fields
    };
    let mut known = domains(&["a.cn"]);
    crate::value::merge(&mut known, &fields(&[("subject.name", "x")]));
    let mut world = World::start("2026-03-02T09:00", start_of(vec![], known));
    world
        .happens("2026-03-02T10:00", fact("handed_in"))
        .unwrap();
    world.happens("2026-03-10T10:00", fact("approved")).unwrap();
    world.followups.clear();
    let change = Correction::Replace {
        occurred_at: None,
        fields: domains(&["a.cn", "b.cn"]),
        party: None,
    };
    correct(&mut world, 1, change).unwrap();
    assert_eq!(world.case.children.len(), 2);
    let begun: Vec<_> = world.followups.iter().map(|event| event.case).collect();
    assert_eq!(begun, [world.case.children[1].case]);
    world.check_fold();
}
