//! The in-memory store passes the suite, and does what a simulation asks of it.

use std::sync::Arc;

use pollster::block_on;
use qixian_store::conformance::samples::{at, case, cases, due, id, next, write};
use qixian_store::conformance::{run_all, seeded_history};
use qixian_store::{
    Fate, MemStore, MemStoreControl, Refusal, Resolution, Room, RoomState, Store, Ticket,
};

#[test]
fn passes_the_suite() {
    block_on(run_all(|| Arc::new(MemStore::new())));
}

#[test]
fn a_seeded_history_repeats() {
    block_on(seeded_history(1, 60, &MemStore::new(), &MemStore::new()));
}

/// Three groups on one case, and one on another, none durable.
fn four() -> (MemStore, MemStoreControl, [Ticket; 4]) {
    let (store, control) = MemStore::manual();
    let first = write(None, due(case(1), at(10)));
    let second = next(&first.case, |case| case.title = "二".to_owned());
    let third = next(&second.case, |case| case.title = "三".to_owned());
    let tickets = [first, second, third, write(None, case(2))].map(|w| store.submit(cases([w])));
    (store, control, tickets)
}

fn rev(store: &MemStore, number: u64) -> u64 {
    let read = block_on(store.cases(&[id(number)])).expect("reads");
    read[0].as_ref().map_or(0, |case| case.rev)
}

#[test]
fn tickets_resolve_when_told_and_in_order() {
    let (store, control, mut tickets) = four();
    assert_eq!(rev(&store, 1), 3, "reads see what is applied");
    assert_eq!(control.pending(), 4);
    assert_eq!(control.make_durable(2), 2);
    let now = tickets.each_mut().map(Ticket::poll_now);
    let durable = Some(Resolution::Durable);
    assert_eq!(now, [durable.clone(), durable, None, None]);
}

#[test]
fn without_room_it_refuses_and_a_crash_does_not_make_any() {
    let room = |free| Room {
        free: Some(free),
        reserve: 100,
    };
    let (store, control, _tickets) = four();
    control.set_room(room(0));
    let mut refused = store.submit(cases([write(None, case(3))]));
    control.make_durable(5);
    let why = Refusal::Unavailable("0 MiB free, 0 MiB kept in reserve".to_owned());
    assert_eq!(refused.poll_now(), Some(Resolution::Refused(why)));
    let (store, control) = control.crash(0);
    assert_eq!(store.room().state(), RoomState::Exhausted);
    control.set_room(room(99));
    let mut taken = store.submit(cases([write(None, case(3))]));
    control.make_durable(1);
    assert_eq!(taken.poll_now(), Some(Resolution::Durable));
}

#[test]
fn a_refusal_takes_later_groups_with_it() {
    let (store, control, mut tickets) = four();
    control.make_durable(1);
    let full = Refusal::Unavailable("full".to_owned());
    assert!(control.refuse_next(full.clone()));
    assert_eq!((rev(&store, 1), rev(&store, 2)), (1, 0));
    let mut too_early = store.submit(cases([write(None, case(3))]));
    assert_eq!(control.make_durable(9), 3);
    assert_eq!(tickets[1].poll_now(), Some(Resolution::Refused(full)));
    for ticket in [&mut too_early].into_iter().chain(&mut tickets[2..]) {
        let resolution = ticket.poll_now();
        assert!(
            matches!(resolution, Some(Resolution::Refused(_))),
            "{resolution:?}"
        );
    }
    let mut again = store.submit(cases([write(None, case(3))]));
    control.make_durable(1);
    assert_eq!(again.poll_now(), Some(Resolution::Durable));
}

#[test]
fn an_unknown_group_took_effect_or_not() {
    for (took_effect, expected) in [(true, (3, 1)), (false, (0, 0))] {
        let (store, control, mut tickets) = four();
        assert!(control.fail_unknown_next(took_effect));
        control.make_durable(9);
        let resolution = tickets[0].poll_now();
        assert!(matches!(resolution, Some(Resolution::Unknown(_))));
        assert_eq!((rev(&store, 1), rev(&store, 2)), expected);
    }
}

#[test]
fn a_crash_keeps_whole_groups_from_the_front() {
    for keep in 0..=4 {
        let (store, control, mut tickets) = four();
        control.make_durable(1);
        let (reopened, _) = control.crash(keep);
        assert_eq!(rev(&reopened, 1), 3.min(1 + keep as u64), "{keep} kept");
        assert_eq!(rev(&reopened, 2), u64::from(keep >= 3), "{keep} kept");
        assert!(block_on(store.cases(&[])).is_err(), "the old one is gone");
        let resolution = tickets[3].poll_now();
        assert!(matches!(resolution, Some(Resolution::Unknown(_))));
        let resolution = store.submit(cases([])).poll_now();
        assert!(matches!(resolution, Some(Resolution::Unknown(_))));
    }
}

#[test]
fn answers_are_given_late_and_in_another_order() {
    let (store, control, mut tickets) = four();
    assert!(control.decide(Fate::Durable));
    assert!(control.decide(Fate::Unknown { took_effect: true }));
    assert_eq!((control.pending(), control.unsaid()), (2, 2));
    assert_eq!(tickets[0].poll_now(), None, "durable, and nobody knows");
    assert!(control.say(1));
    assert!(!control.say(1));
    let second = tickets[1].poll_now();
    assert!(matches!(second, Some(Resolution::Unknown(_))), "{second:?}");
    let (reopened, _) = control.crash(0);
    assert_eq!(
        rev(&reopened, 1),
        2,
        "what is durable survives, answered or not"
    );
    assert!(matches!(
        tickets[0].poll_now(),
        Some(Resolution::Unknown(_))
    ));
    drop(store);
}

#[test]
fn what_comes_before_a_refusal_was_read_is_refused() {
    let (store, control, mut tickets) = four();
    let full = Refusal::Unavailable("full".to_owned());
    control.decide(Fate::Refused(full));
    assert_eq!((rev(&store, 1), rev(&store, 2)), (0, 0), "all is undone");
    while control.decide(Fate::Durable) {}
    let mut too_early = store.submit(cases([write(None, case(3))]));
    for _ in 0..4 {
        control.say(0);
    }
    control.make_durable(1);
    let refused = |ticket: &mut Ticket| matches!(ticket.poll_now(), Some(Resolution::Refused(_)));
    assert!(refused(&mut too_early));
    assert!(tickets.iter_mut().all(refused));
    let mut again = store.submit(cases([write(None, case(3))]));
    control.make_durable(1);
    assert_eq!(again.poll_now(), Some(Resolution::Durable));
}
