//! A store with little room: people wait first, then everything, and nothing of it is lost.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[allow(dead_code, reason = "not every test uses all of the world")]
mod support;

use qixian_core::{CaseId, Event, Fields, LegStatus, OutboxId, What};
use qixian_engine::{Settled, SubmitError, Turn};
use qixian_notify::Outcome;
use qixian_store::{MemStoreControl, Record, RecordKind, Refusal, Room};
use qixian_time::{Clock, Timestamp};
use support::{HOUR, World};

const MIB: u64 = 1 << 20;

fn has(control: &MemStoreControl, free: u64) {
    control.set_room(Room {
        free: Some(free * MIB),
        reserve: 256 * MIB,
    });
}

/// A world with a case that waits for its answer, and what decides about its store's room.
fn asked() -> (World, MemStoreControl, CaseId) {
    let mut world = World::new();
    let control = world.engine.store().control();
    let case = world.start();
    world.fact_once(case, "asked", "key-1").unwrap();
    assert_eq!(world.sent(), ["handler via mail"]);
    (world, control, case)
}

fn assert_low<T: std::fmt::Debug>(answer: Result<T, SubmitError>) {
    assert!(
        matches!(answer, Err(SubmitError::DiskLow { .. })),
        "{answer:?}"
    );
}

/// One turn after another until there is nothing to do now, but asked of something else than of an event.
fn ask<T>(world: &mut World, question: impl Future<Output = T>) -> T {
    let mut question = std::pin::pin!(question);
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        if let std::task::Poll::Ready(answer) = question.as_mut().poll(&mut cx) {
            return answer;
        }
        world.run();
    }
}

fn client(world: &World) -> Record {
    Record {
        kind: RecordKind::Client,
        id: world.handle.new_id(),
        client: None,
        title: "某公司".to_owned(),
        fields: Fields::new(),
        rev: 0,
        changed_at: Timestamp::from_millis(0),
    }
}

fn message(world: &World, case: CaseId) -> OutboxId {
    world.entries(case)[0].intent.id
}

/// Everything that people may want written is refused; what they ask is answered.
fn people_wait(world: &mut World, case: CaseId) {
    let before = world.case(case);
    assert_low(world.start_as(""));
    assert_low(world.fact(case, "answered"));
    assert_low(world.fact_once(case, "answered", "key-2"));
    let handle = world.handle.clone();
    let record = client(world);
    let key = (RecordKind::Client, record.id);
    assert_low(ask(world, handle.put_record(key, 0, Some(record))));
    let message = message(world, case);
    assert_low(ask(world, handle.retry_message(message, 0)));

    let again = world.fact_once(case, "asked", "key-1").unwrap();
    assert_eq!((again.rev, again.repeated), (2, true), "the first answer");
    let event: Event = world.event(case, "answered", "dry");
    let dry = ask(world, handle.dry_run(event)).unwrap();
    assert_eq!(dry.case.state, "done");
    assert_eq!(world.case(case), before, "nothing was written");
}

#[test]
fn with_little_room_people_wait_and_deadlines_go_on() {
    let (mut world, control, case) = asked();
    has(&control, 255);
    people_wait(&mut world, case);
    let error = world.fact(case, "answered").unwrap_err();
    let words = error.words();
    assert!(words.en.contains("255 MiB left") && words.en.contains("256 MiB kept"));
    assert!(words.zh.contains("255 MiB") && words.zh.contains("256 MiB"));
    has(&control, 64);
    world.advance(25 * HOUR);
    assert_eq!(world.sent(), ["handler via mail"], "24 h before it is due");
    world.advance(24 * HOUR);
    assert_eq!(world.case(case).state, "open", "48 h passed");
    has(&control, 256);
    world.fact(case, "asked").unwrap();
}

#[test]
fn without_room_everything_waits_and_then_happens_late_but_once() {
    let (mut world, control, case) = asked();
    let due = world.case(case).deadline("answer").unwrap().due_at;
    has(&control, 63);
    people_wait(&mut world, case);
    let passed = world.engine.stats().health().last_timer_pass;
    let before = world.case(case);
    world.jump(49 * HOUR);
    let now = world.clock.now();
    assert_eq!(
        world.run(),
        Some(now.saturating_add_millis(1_000)),
        "it looks again each second"
    );
    people_wait(&mut world, case);
    let health = world.engine.stats().health();
    assert_eq!(health.last_timer_pass, passed, "no timer was looked at");
    assert!(health.oldest_due_timer.is_some());
    assert_eq!((world.case(case), world.sent()), (before, Vec::new()));

    has(&control, 64);
    world.advance(1_000);
    let late = world.case(case);
    assert_eq!(late.state, "open", "48 h passed");
    let missed = world.journal(case);
    let wakes = missed.iter().filter(|line| line.what == What::Wake);
    assert_eq!(wakes.count(), 1, "{due:?} was missed once");
    assert!(world.engine.stats().health().last_timer_pass > passed);
    assert_eq!(world.case(case).rev, missed.len() as u64);
}

#[test]
fn an_outcome_that_comes_without_room_is_kept() {
    let mut world = World::new();
    let control = world.engine.store().control();
    world.keep_jobs = true;
    let case = world.start();
    world.fact(case, "asked").unwrap();
    let job = world.kept.remove(0);
    has(&control, 0);
    world.handle.settle(pollster::block_on(job.run()));
    world.advance(HOUR);
    assert_first(&world, case, LegStatus::Sending);
    has(&control, 1_000);
    world.run();
    assert_first(&world, case, LegStatus::Accepted);
    assert_eq!(world.sent(), ["handler via mail"], "it went out once");
    assert!(world.kept.is_empty());
}

#[test]
fn stopping_does_not_wait_for_room() {
    let mut world = World::new();
    let control = world.engine.store().control();
    world.keep_jobs = true;
    let case = world.start();
    world.fact(case, "asked").unwrap();
    let job = world.kept.remove(0);
    has(&control, 0);
    world.handle.drain();
    world.run();
    assert!(!world.engine.is_drained(), "a message is out");
    assert_eq!(world.engine.outcomes_unwritten(), 0);
    world.handle.settle(pollster::block_on(job.run()));
    world.run();
    assert!(world.engine.is_drained());
    assert_eq!(world.engine.outcomes_unwritten(), 1, "it is told");
}

/// Outcomes that wait for room, as many as fill a group, do not keep people waiting for their answer.
#[test]
fn what_waits_for_room_is_in_nobodys_way() {
    let (mut world, control, case) = asked();
    let message = message(&world, case);
    has(&control, 0);
    for attempt in 100..300 {
        world.handle.settle(Settled {
            entry: message,
            leg: 0,
            provider: "post".to_owned(),
            attempt,
            outcome: Outcome::Accepted { receipt: None },
            lookup: false,
        });
    }
    world.run();
    let mut answer = world.begin(case, "answered");
    assert!(world.take_one_input(), "it is taken in");
    world.run();
    assert_low(answer.try_recv().unwrap());
}

fn assert_first(world: &World, case: CaseId, expected: LegStatus) {
    let entries = world.entries(case);
    assert_eq!(entries[0].legs[0].status, expected, "{entries:?}");
}

/// A world where a message is marked as under way when the room ends.
fn about_to_send() -> (World, MemStoreControl, CaseId) {
    let mut world = World::new();
    let control = world.engine.store().control();
    let case = world.start();
    let _answer = world.begin(case, "asked");
    // The event, then the mark that its message is under way.
    assert!(matches!(turn(&mut world), Turn::Worked));
    while world.entries(case)[0].legs[0].status != LegStatus::Sending {
        assert!(matches!(turn(&mut world), Turn::Worked));
    }
    has(&control, 0);
    world.advance(HOUR);
    assert_eq!(world.sent(), Vec::<String>::new());
    (world, control, case)
}

#[test]
fn a_send_that_did_not_start_is_no_failed_try_and_goes_once_there_is_room() {
    let (mut world, control, case) = about_to_send();
    has(&control, 1_000);
    world.run();
    assert_eq!(world.sent(), ["handler via mail"], "at once");
    let leg = &world.entries(case)[0].legs[0];
    assert_eq!(leg.status, LegStatus::Accepted);
    let outcomes: Vec<&str> = leg.attempts.iter().map(|a| a.outcome.as_str()).collect();
    assert_eq!(outcomes, ["accepted"]);
    assert_eq!(world.engine.stats().snapshot().sends_failed, 0);
}

#[test]
fn a_send_whose_outcome_could_not_be_written_does_not_start() {
    let (mut world, control, case) = about_to_send();
    world.fact(case, "answered").unwrap_err();
    has(&control, 1_000);
    world.fact(case, "answered").unwrap();
    world.advance(HOUR);
    let entries = world.entries(case);
    assert_eq!(entries[0].legs[0].status, LegStatus::Moot, "looked at anew");
    assert_eq!(world.sent(), Vec::<String>::new());
}

fn turn(world: &mut World) -> Turn {
    pollster::block_on(world.engine.turn())
}

#[test]
fn a_group_that_met_the_end_of_the_room_is_decided_again() {
    let (mut world, control) = World::manual();
    let case = world.handle.new_id();
    let mut started = world.begin_start(case);
    world.run();
    control.make_durable(1);
    world.run();
    started.try_recv().unwrap().unwrap();
    let mut answer = world.begin(case, "asked");
    world.run();
    // The engine saw room, and the store none any more.
    has(&control, 0);
    assert!(control.refuse_next(Refusal::Unavailable("no room".to_owned())));
    control.make_durable(usize::MAX);
    world.advance(1_000);
    assert_low(answer.try_recv().unwrap());
    assert_eq!(world.case(case).state, "open");
    has(&control, 1_000);
    let mut answer = world.begin(case, "asked");
    world.advance(1_000);
    control.make_durable(1);
    world.run();
    assert_eq!(answer.try_recv().unwrap().unwrap().rev, 2);
}
