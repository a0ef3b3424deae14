//! The walk of one event over the in-memory store: start, event, timer, reminder.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use qixian_core::{ClockState, Correction, Event, JournalLine, LegStatus, What};
use qixian_engine::SubmitError;
use qixian_notify::Outcome;
use qixian_store::{MessageQuery, Store};
use qixian_time::{Clock, Timestamp};
use support::{HOUR, World};

#[test]
fn a_missed_duty_reminds_on_the_way_and_returns_the_case() {
    let mut world = World::new();
    let case = world.start();
    world.fact(case, "asked").unwrap();
    let deadline = world.case(case).deadline("answer").unwrap().clone();
    assert_eq!(deadline.clock, ClockState::Armed);
    assert_eq!(
        world.sent(),
        ["handler via mail"],
        "the first rung goes at once"
    );
    world.advance(25 * HOUR);
    assert_eq!(world.sent(), ["handler via mail"], "24 h before it is due");
    world.advance(24 * HOUR);
    assert_eq!(world.case(case).state, "open", "48 h passed");
    let entries = world.entries(case);
    assert!(
        entries
            .iter()
            .flat_map(|e| &e.legs)
            .all(|leg| leg.status == LegStatus::Accepted),
        "{entries:?}"
    );
    assert_eq!(world.journal(case).len() as u64, world.case(case).rev);
}

#[test]
fn a_met_duty_reminds_no_more() {
    let mut world = World::new();
    let case = world.start();
    world.fact(case, "asked").unwrap();
    world.sent();
    world.fact(case, "answered").unwrap();
    world.advance(100 * HOUR);
    assert_eq!(world.sent(), Vec::<String>::new());
    assert_eq!(world.case(case).state, "done");
}

#[test]
fn the_same_key_gets_the_first_answer() {
    let mut world = World::new();
    let case = world.start();
    let first = world.fact_once(case, "asked", "key-1").unwrap();
    let again = world.fact_once(case, "asked", "key-1").unwrap();
    assert_eq!((first.rev, first.repeated), (2, false));
    assert_eq!((again.rev, again.repeated), (2, true));
    assert_eq!(
        world.fact_once(case, "answered", "key-1").unwrap_err(),
        SubmitError::IdempotencyMismatch
    );
    assert_eq!(world.case(case).rev, 2);
}

#[test]
fn an_impossible_event_writes_nothing() {
    let mut world = World::new();
    let case = world.start();
    let before = world.case(case);
    let error = world.fact(case, "answered").unwrap_err();
    assert!(matches!(error, SubmitError::Rejected(ref r) if r.code() == "event_not_possible"));
    assert_eq!(world.case(case), before);
    let stranger = world.handle.new_id();
    let error = world.fact(stranger, "asked").unwrap_err();
    assert_eq!(error, SubmitError::UnknownCase(stranger));
}

#[test]
fn references_are_numbered_and_unique() {
    let mut world = World::new();
    let (a, b) = (world.start(), world.start());
    assert_eq!(world.case(a).reference, "QX-2026-000001");
    assert_eq!(world.case(b).reference, "QX-2026-000002");
    let error = world.start_as("QX-2026-000001").unwrap_err();
    assert!(matches!(error, SubmitError::Rejected(ref r) if r.code() == "invalid_value"));
}

#[test]
fn after_an_outage_one_message_goes_out() {
    let mut world = World::new();
    let case = world.start();
    world.fact(case, "asked").unwrap();
    world.sent();
    world.jump(47 * HOUR);
    world.run();
    assert_eq!(world.sent(), ["handler via mail"]);
}

#[test]
fn a_restart_asks_what_became_of_messages_under_way() {
    let mut world = World::new();
    let case = world.start();
    world.keep_jobs = true;
    world.fact(case, "asked").unwrap();
    assert_eq!(world.entries(case)[0].legs[0].status, LegStatus::Sending);
    world.restart();
    world.keep_jobs = false;
    world.run();
    world.advance(HOUR);
    let entry = world.entries(case).remove(0);
    assert_eq!(entry.legs[0].status, LegStatus::Accepted, "mail goes again");
    assert_eq!(entry.legs[0].attempts[0].outcome, "unknown");
    assert_eq!(world.sent().len(), 1, "the lost job never left");
}

#[test]
fn a_message_sent_again_in_vain_dies_by_another_event() {
    let mut world = World::new();
    let case = world.start();
    world.keep_jobs = true;
    world.fact(case, "asked").unwrap();
    let message = world.entries(case)[0].intent.id;
    let in_vain = |world: &mut World| {
        let job = world.kept.pop().unwrap();
        let reason = "no such box".to_owned();
        world
            .handle
            .settle(job.settled(Outcome::BadRecipient { reason }));
        world.run();
        assert_eq!(world.entries(case)[0].legs[0].status, LegStatus::Dead);
    };
    in_vain(&mut world);
    let handle = world.handle.clone();
    let mut again = pin!(handle.retry_message(message, 0));
    let mut context = Context::from_waker(Waker::noop());
    assert!(again.as_mut().poll(&mut context).is_pending());
    world.run();
    assert_eq!(again.as_mut().poll(&mut context), Poll::Ready(Ok(())));
    world.kept.retain(|job| job.entry == message);
    in_vain(&mut world);
    let lines = world.journal(case);
    let dead = |line: &&JournalLine| matches!(line.what, What::MessageDead { message: of, .. } if of == message);
    let ids: Vec<&String> = lines.iter().filter(dead).map(|line| &line.id).collect();
    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn draining_answers_what_waits_and_takes_no_more() {
    let mut world = World::new();
    let case = world.start();
    let answer = world.begin(case, "asked");
    world.handle.drain();
    world.run();
    assert!(world.engine.is_drained());
    assert_eq!(answer.blocking_recv().unwrap().unwrap().rev, 2);
    assert_eq!(
        world.fact(case, "answered").unwrap_err(),
        SubmitError::Draining
    );
}

#[test]
fn a_full_inbox_says_when_to_come_back() {
    let mut world = World::new();
    let case = world.start();
    let mut refused = None;
    for i in 0..5_000 {
        if let Err(error) = world
            .handle
            .begin(world.event(case, "asked", &i.to_string()), None)
        {
            refused = Some(error);
            break;
        }
    }
    assert!(matches!(refused, Some(SubmitError::Busy { .. })));
    world.run();
    assert!(world.fact(case, "answered").is_ok());
}

#[test]
fn nothing_is_answered_before_it_is_durable() {
    let (mut world, control) = World::manual();
    let id = world.handle.new_id();
    let mut answer = world.begin_start(id);
    world.run();
    assert!(answer.try_recv().is_err(), "the group is not durable yet");
    control.make_durable(usize::MAX);
    world.run();
    assert_eq!(answer.try_recv().unwrap().unwrap().rev, 1);
    assert_eq!(world.sent(), Vec::<String>::new());
}

#[test]
fn a_refused_group_is_decided_again_and_a_doubtful_one_read_again() {
    let (mut world, control) = World::manual();
    let id = world.handle.new_id();
    let mut answer = world.begin_start(id);
    world.run();
    let why = qixian_store::Refusal::Unavailable("disk full".to_owned());
    assert!(control.refuse_next(why));
    let next = world.run();
    let now = world.clock.now();
    assert!(
        next.is_some_and(|at| at > now && at - now <= 1_000),
        "it does not try again at once: {next:?}"
    );
    world.jump(1_000);
    world.run();
    assert!(control.fail_unknown_next(true));
    world.run();
    assert!(
        answer.try_recv().is_err(),
        "seen in the store is not durable"
    );
    control.make_durable(usize::MAX);
    world.run();
    assert_eq!(answer.try_recv().unwrap().unwrap().rev, 1);
    let messages = MessageQuery::default();
    let page = pollster::block_on(world.engine.store().messages(&messages, None, 10));
    assert_eq!(page.unwrap().items.len(), 0);
    assert_eq!(world.journal(id).len(), 1);
}

/// Two groups change one message, and the answers of both are lost: what is written again is the message as it is now.
#[test]
fn a_doubtful_group_does_not_bring_back_an_older_state_of_a_message() {
    let (mut world, control) = World::manual();
    let case = world.handle.new_id();
    let step = |world: &mut World| {
        world.run();
        control.make_durable(usize::MAX);
        world.run();
    };
    let _started = world.begin_start(case);
    step(&mut world);
    world.keep_jobs = true;
    let _asked = world.begin(case, "asked");
    step(&mut world);
    step(&mut world);
    let unknown = || Outcome::Unknown {
        reason: "no answer".to_owned(),
    };
    let send = world.kept.pop().unwrap();
    world.handle.settle(send.settled(unknown()));
    step(&mut world);
    let question = world.kept.pop().unwrap();
    assert!(question.message.is_none(), "what became of it is asked");
    world.handle.settle(question.settled(unknown()));
    // One group lets it wait for its next try, which is due at once: the next one begins it.
    world.run();
    assert_eq!(control.pending(), 2);
    control.fail_unknown_next(true);
    control.fail_unknown_next(true);
    control.durable_news();
    step(&mut world);
    let news = control.durable_news();
    let writes = news.iter().flat_map(|group| &group.commits);
    let writes = writes.flat_map(|commit| &commit.outbox);
    let tries: Vec<usize> = writes.map(|w| w.entry.legs[0].attempts.len()).collect();
    assert!(
        !tries.is_empty() && tries.iter().all(|n| *n == 2),
        "{tries:?}"
    );
    let entry = world.entries(case).remove(0);
    assert_eq!(entry.legs[0].status, LegStatus::Sending);
    let due = world.engine.store().outbox_due(Timestamp::MAX, None, 10);
    let due: Vec<_> = pollster::block_on(due).unwrap();
    let due: Vec<_> = due.iter().map(|row| Some(row.at)).collect();
    assert_eq!(due, [entry.next_at], "one row, where it is to be looked at");
}

#[test]
fn while_nothing_can_be_decided_the_inbox_stays_bounded() {
    let (mut world, control) = World::manual();
    let case = world.handle.new_id();
    let answer = world.begin_start(case);
    control.make_durable(usize::MAX);
    world.run();
    control.make_durable(usize::MAX);
    world.run();
    drop(answer);
    // One group that does not become durable, and a correction that must wait for it.
    let asked = world.begin(case, "asked");
    world.run();
    let wrong = Event {
        what: What::Correct {
            seq: 1,
            change: Correction::Withdraw,
            reason: "x".to_owned(),
            history: None,
        },
        ..world.event(case, "", "wrong")
    };
    let corrected = world.handle.begin(wrong, None).unwrap();
    let (mut taken, mut waiting) = (0, Vec::new());
    for i in 0..10_000 {
        let event = world.event(case, "answered", &format!("more{i}"));
        let Ok(answer) = world.handle.begin(event, None) else {
            break;
        };
        waiting.push(answer);
        taken += 1;
        world.run();
        world.take_one_input();
    }
    // The inbox, and one group at most that was taken from it already.
    assert!(taken <= 4_096 + 128, "{taken} events wait");
    for _ in 0..taken {
        control.make_durable(usize::MAX);
        world.run();
    }
    drop((asked, corrected));
    assert!(
        waiting
            .into_iter()
            .all(|mut answer| answer.try_recv().is_ok())
    );
}
