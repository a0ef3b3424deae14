//! Rungs: planned, merged, collapsed.

use super::world::*;
use crate::{Cause, MoveTo, RungState, What};

fn states(world: &World, name: &str) -> Vec<RungState> {
    world.deadline(name).rungs.iter().map(|r| r.state).collect()
}

#[test]
fn the_first_rung_speaks_at_once_and_late_ones_are_dropped() {
    let mut world = World::gansu("2026-03-02T09:00");
    world
        .happens("2026-03-02T10:00", fact("handed_in"))
        .unwrap();
    let at_times: Vec<_> = world.deadline("sms").rungs.iter().map(|r| r.at).collect();
    assert_eq!(
        at_times,
        [
            at("2026-03-02T10:00"),
            at("2026-03-02T18:00"),
            at("2026-03-04T06:00")
        ],
        "the rung 60 h after the start lies past the due time"
    );
    let said = world.said.pop().unwrap();
    assert_eq!(said.template, "w/sms");
    assert_eq!(
        said.give_up_at,
        Some(at("2026-03-02T18:00")),
        "the next rung takes over"
    );
    assert_eq!(
        said.cause,
        Cause::Rung {
            deadline: "sms".to_owned(),
            generation: 1,
            rung: 0
        }
    );
    world.check_fold();
}

#[test]
fn a_fact_heard_late_sends_one_message() {
    let mut world = World::gansu("2026-03-02T09:00");
    world.wait_until(at("2026-03-03T12:00"));
    world.learns("2026-03-02T10:00", fact("handed_in")).unwrap();
    assert_eq!(
        states(&world, "sms"),
        [RungState::Moot, RungState::Fired, RungState::Pending]
    );
    assert_eq!(world.spoken(), ["principal", "site_owner"]);
    world.check_fold();
}

#[test]
fn an_outage_collapses_into_one_message() {
    let mut world = World::gansu("2026-03-02T09:00");
    world
        .happens("2026-03-02T10:00", fact("handed_in"))
        .unwrap();
    world.spoken();
    world.now = at("2026-03-04T07:00");
    world
        .decide(at("2026-03-02T18:00"), actor(&[]), crate::What::Wake)
        .unwrap();
    assert_eq!(
        states(&world, "sms"),
        [RungState::Fired, RungState::Moot, RungState::Fired]
    );
    assert_eq!(world.spoken(), ["handler"]);
    world.check_fold();
}

#[test]
fn meeting_the_deadline_makes_the_rest_moot() {
    let mut world = World::gansu("2026-03-02T09:00");
    world
        .happens("2026-03-02T10:00", fact("handed_in"))
        .unwrap();
    for who in ["principal", "site_owner"] {
        world
            .happens("2026-03-02T11:00", fact_by("verified", who))
            .unwrap();
    }
    assert_eq!(
        states(&world, "sms"),
        [RungState::Fired, RungState::Moot, RungState::Moot]
    );
    world.check_fold();
}

#[test]
fn a_rung_keeps_its_name_when_a_move_makes_room_for_another() {
    let mut world = World::gansu("2026-03-02T09:00");
    world
        .happens("2026-03-02T10:00", fact("handed_in"))
        .unwrap();
    let names = |world: &World| -> Vec<u16> {
        let rungs = &world.deadline("sms").rungs;
        rungs.iter().map(|r| r.name()).collect()
    };
    assert_eq!(names(&world), [0, 1, 3]);
    world.wait_until(at("2026-03-04T07:00"));
    let told = |world: &World| -> Vec<u16> {
        let causes = world.said.iter().map(|said| &said.cause);
        let rungs = causes.filter_map(|cause| match cause {
            Cause::Rung { rung, .. } => Some(*rung),
            _ => None,
        });
        rungs.collect()
    };
    assert_eq!(told(&world), [0, 1, 3]);
    let later = What::MoveDeadline {
        deadline: "sms".to_owned(),
        to: MoveTo::At(at("2026-03-05T10:00")),
        reason: "管局系统维护".to_owned(),
    };
    world.happens("2026-03-04T08:00", later).unwrap();
    assert_eq!(names(&world), [0, 1, 2, 3]);
    world.wait_until(at("2026-03-05T09:00"));
    assert_eq!(told(&world), [0, 1, 3, 2, 3], "3 lay ahead again");
    world.check_fold();
}
