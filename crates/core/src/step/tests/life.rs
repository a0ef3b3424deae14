//! Beginning, ending, children, mid-way starts.

use super::world::*;
use crate::{ClockState, Rejection, StartCase, Value, What, next_wake};

fn close() -> What {
    What::Close {
        reason: "客户放弃".to_owned(),
    }
}

#[test]
fn closing_ends_everything_and_reopening_begins_anew() {
    let mut world = World::gansu("2026-03-02T09:00");
    world
        .happens("2026-03-02T10:00", fact("handed_in"))
        .unwrap();
    world.happens("2026-03-02T11:00", close()).unwrap();
    assert_eq!(
        (world.deadline("sms").clock, next_wake(&world.case)),
        (ClockState::Cancelled, None)
    );
    assert!(matches!(
        world.happens("2026-03-02T12:00", fact("verified")),
        Err(Rejection::Closed(_))
    ));
    world
        .happens(
            "2026-03-03T11:00",
            What::Reopen {
                reason: "又要办".to_owned(),
            },
        )
        .unwrap();
    let sms = world.deadline("sms");
    assert_eq!(
        (sms.generation, sms.clock, sms.due_at),
        (2, ClockState::Armed, Some(at("2026-03-05T11:00")))
    );
    world.check_fold();
}

#[test]
fn a_final_state_has_no_clocks() {
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
    world.happens("2026-03-11T15:00", fact("done")).unwrap();
    assert_eq!(next_wake(&world.case), None);
    assert_eq!(
        world.deadline("police").clock,
        ClockState::Met,
        "met although it still waited for its start"
    );
    assert!(matches!(
        world.happens("2026-03-12T12:00", close()),
        Err(Rejection::Closed(_))
    ));
    world.check_fold();
}

#[test]
fn children_are_started_for_each_value_and_told() {
    let people = vec![party("principal", "13800138000")];
    let mut start = start_of(people, fields(&[("subject.name", "x")]));
    let domain = |name: &str| Value::Record(fields(&[("name", name)]));
    crate::value::set(
        &mut start.fields,
        "site.domains",
        Value::List(vec![domain("a.cn"), domain("b.cn")]),
    );
    let mut world = World::start("2026-03-02T09:00", start);
    world
        .happens("2026-03-02T10:00", fact("handed_in"))
        .unwrap();
    world.happens("2026-03-10T10:00", fact("approved")).unwrap();
    let begun: Vec<StartCase> = world
        .followups
        .drain(..)
        .map(|event| match event.what {
            What::Start(start) => *start,
            other => panic!("{other:?}"),
        })
        .collect();
    let names: Vec<_> = begun
        .iter()
        .map(|s| crate::value::get(&s.fields, "subject.name").cloned())
        .collect();
    assert_eq!(
        names,
        [
            Some(Value::Text("a.cn".to_owned())),
            Some(Value::Text("b.cn".to_owned()))
        ]
    );
    assert_eq!(begun[0].parent, Some((world.case.id, world.case.root)));
    assert_ne!(begun[0].reference, begun[1].reference);
    let opened = fact_with("opened", None, fields(&[("site.opened_on", "2026-03-11")]));
    world.happens("2026-03-12T10:00", opened).unwrap();
    assert_eq!(world.followups.len(), 2);
    assert_eq!(world.followups[0].case, world.case.children[0].case);
    world.check_fold();
}

#[test]
fn a_mid_way_start_is_for_leads_and_holds_what_is_due() {
    let mid_way = StartCase {
        state: Some("check".to_owned()),
        entered_at: Some(at("2026-03-01T10:00")),
        ..start_of(
            vec![party("principal", "13800138000")],
            fields(&[("subject.province", "甘肃")]),
        )
    };
    let mut world = World::start("2026-03-02T09:00", mid_way);
    assert_eq!(world.deadline("sms").due_at, Some(at("2026-03-03T10:00")));
    assert!(world.said.iter().all(|intent| intent.held) && !world.said.is_empty());
    world.happens("2026-03-02T09:30", What::Release).unwrap();
    assert!(!world.case.held);
    world.check_fold();
}

#[test]
fn a_start_is_checked_as_a_whole() {
    let start = StartCase {
        title: " ".to_owned(),
        state: Some("nowhere".to_owned()),
        ..start_of(vec![party("boss", "1")], fields(&[("colour", "red")]))
    };
    match World::try_start("2026-03-02T09:00", start) {
        Err(Rejection::Invalid(problems)) => {
            let pointers: Vec<_> = problems.iter().map(|p| p.pointer.as_str()).collect();
            assert_eq!(
                pointers,
                ["/fields/colour", "/state", "/parties/0/role", "/title"]
            );
        }
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("accepted"),
    }
}

#[test]
fn an_unreached_person_is_told_of_to_the_handler_then_the_lead() {
    let mut world = World::gansu("2026-03-02T09:00");
    world
        .happens("2026-03-02T10:00", fact("handed_in"))
        .unwrap();
    let message = world.said[0].id;
    world.spoken();
    for (dead, told) in [
        ("principal", vec!["handler"]),
        ("handler", vec!["lead"]),
        ("lead", vec![]),
    ] {
        let what = What::MessageDead {
            message,
            leg: 0,
            role: dead.to_owned(),
        };
        world.happens("2026-03-02T11:00", what).unwrap();
        assert_eq!(world.spoken(), told);
    }
    world.check_fold();
}
