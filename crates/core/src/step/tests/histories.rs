//! Random histories: whatever happens to a case in whatever order, its invariants hold.
//!
//! A history is a list of moves; each names what is done and a few numbers that place it in time. proptest shrinks a
//! failing one and prints it with its seed.

use proptest::prelude::*;

use super::world::*;
use crate::{
    Case, Cause, ClockState, Correction, Env, Fields, JournalLine, MoveTo, PartyChange, Rejection,
    ReminderIntent, RungState, Step, Transition, What, next_wake, step,
};

const HOUR: i64 = 3_600_000;
const DEADLINES: [&str; 4] = ["sms", "review", "police", "expiry"];
const EVENTS: [&str; 10] = [
    "handed_in",
    "verified",
    "rejected",
    "approved",
    "opened",
    "paused",
    "resumed",
    "done",
    "renewed",
    "nonsense",
];
const FESTIVAL_ENDS: [&str; 3] = ["2026-02-23", "2026-02-24", "2026-02-26"];
const DAYS: [&str; 5] = ["2026-02-20", "2026-03-10", "2026-04-01", "2026-12-31", ""];

/// One thing done: its kind, a choice within the kind, and how many hours ago it happened.
#[derive(Clone, Debug)]
enum Move {
    Fact {
        event: usize,
        by: usize,
        hours_ago: i64,
        day: usize,
    },
    Edit {
        field: usize,
        day: usize,
    },
    Party {
        role: usize,
        mobile: usize,
        remove: bool,
    },
    Pause {
        deadline: usize,
        hours_ago: i64,
    },
    Resume {
        deadline: usize,
        hours_ago: i64,
    },
    PutOff {
        deadline: usize,
        hours: i64,
    },
    Correct {
        seq: usize,
        hours: Option<i64>,
        day: usize,
    },
    Close,
    Reopen {
        hours_ago: i64,
    },
    Release,
    Recompute {
        festival_to: usize,
    },
    /// Time passes with the timers firing punctually.
    Wait {
        hours: i64,
    },
    /// Time passes in an outage: one wake-up at its end.
    Outage {
        hours: i64,
    },
    /// A wake-up that nobody asked for.
    EarlyWake,
}

fn moves() -> impl Strategy<Value = Move> {
    let ago = prop_oneof![3 => Just(0), 2 => 0..30_i64, 1 => 0..1_500_i64];
    let deadline = 0..DEADLINES.len();
    let (day, hours) = (0..DAYS.len(), prop_oneof![0..60_i64, 0..900_i64]);
    let fact = (0..6 * EVENTS.len(), 0..4_usize, ago.clone(), day.clone());
    let correct = (1..40_usize, prop::option::of(0..200_i64), day.clone());
    prop_oneof![
        24 => fact.prop_map(|(event, by, hours_ago, day)| Move::Fact { event, by, hours_ago, day }),
        3 => (0..3_usize, day).prop_map(|(field, day)| Move::Edit { field, day }),
        1 => (0..3_usize, 0..3_usize, any::<bool>())
            .prop_map(|(role, mobile, remove)| Move::Party { role, mobile, remove }),
        2 => (deadline.clone(), ago.clone()).prop_map(|(deadline, hours_ago)| Move::Pause { deadline, hours_ago }),
        2 => (deadline.clone(), ago.clone()).prop_map(|(deadline, hours_ago)| Move::Resume { deadline, hours_ago }),
        2 => (deadline, -100..400_i64).prop_map(|(deadline, hours)| Move::PutOff { deadline, hours }),
        3 => correct.prop_map(|(seq, hours, day)| Move::Correct { seq, hours, day }),
        1 => Just(Move::Close),
        3 => ago.prop_map(|hours_ago| Move::Reopen { hours_ago }),
        1 => Just(Move::Release),
        2 => (0..FESTIVAL_ENDS.len()).prop_map(|festival_to| Move::Recompute { festival_to }),
        4 => hours.clone().prop_map(|hours| Move::Wait { hours }),
        3 => hours.prop_map(|hours| Move::Outage { hours }),
        1 => Just(Move::EarlyWake),
    ]
}

/// A world whose every step is checked.
struct Checked {
    world: World,
    /// Under which calendars each journal line was decided.
    envs: Vec<Env>,
}

impl Checked {
    fn new() -> Self {
        let world = World::gansu("2026-02-10T09:00");
        let envs = vec![world.env.clone()];
        Self { world, envs }
    }

    fn make(&mut self, wanted: &Move) {
        match wanted {
            Move::Wait { hours } => self.wait(*hours),
            Move::Outage { hours } => {
                self.world.now = self.world.now.saturating_add_millis(hours * HOUR);
                self.wake();
            }
            Move::EarlyWake => self.wake(),
            other => {
                self.happens(other);
                self.wake();
            }
        }
    }

    fn wait(&mut self, hours: i64) {
        let until = self.world.now.saturating_add_millis(hours * HOUR);
        while let Some(at) = next_wake(&self.world.case).filter(|at| *at <= until) {
            self.world.now = self.world.now.max(at);
            self.wake();
        }
        self.world.now = until;
    }

    /// A wake-up at `now` leaves nothing due: the next row lies ahead.
    fn wake(&mut self) {
        let due = next_wake(&self.world.case).filter(|at| *at <= self.world.now);
        let changed = self
            .decide(0, What::Wake)
            .expect("a wake-up is never refused");
        assert!(changed || due.is_none(), "a row that is due does something");
        let next = next_wake(&self.world.case);
        assert!(
            next.is_none_or(|at| at > self.world.now),
            "due again at {next:?}, now {}",
            self.world.now
        );
    }

    fn happens(&mut self, wanted: &Move) {
        if let Move::Recompute { festival_to } = wanted {
            self.world.env = env_with(calendar("2026a", FESTIVAL_ENDS[*festival_to]));
        }
        let (hours_ago, what) = self.event(wanted);
        // Refusals are fine: they change nothing.
        if let Err(rejection) = self.decide(hours_ago, what) {
            assert!(!rejection.to_string().is_empty());
        }
    }

    fn event(&self, wanted: &Move) -> (i64, What) {
        let name = |deadline: usize| DEADLINES[deadline].to_owned();
        let reason = || "缘由".to_owned();
        match wanted {
            Move::Fact {
                event,
                by,
                hours_ago,
                day,
            } => {
                let event = self.possible(*event);
                let party = ["principal", "site_owner", "principal", "site_owner"]
                    .get(*by)
                    .copied();
                let carried = match event {
                    "opened" => day_field("site.opened_on", *day),
                    "renewed" => day_field("expires_on", *day),
                    _ => Fields::new(),
                };
                (
                    *hours_ago,
                    fact_with(event, party.filter(|_| event == "verified"), carried),
                )
            }
            Move::Edit { field, day } => {
                let path = ["site.opened_on", "expires_on", "approved_on"][*field];
                (
                    0,
                    What::Edit {
                        fields: day_field(path, *day),
                        title: None,
                        reference: None,
                    },
                )
            }
            Move::Party {
                role,
                mobile,
                remove,
            } => {
                let role = ["principal", "site_owner", "handler"][*role];
                let mobile = ["13800138000", "13900139000", "13700137000"][*mobile];
                let change = if *remove {
                    PartyChange::Remove {
                        role: role.to_owned(),
                        nth: 0,
                    }
                } else {
                    PartyChange::Put {
                        nth: 0,
                        party: party(role, mobile),
                    }
                };
                (0, What::Party(change))
            }
            Move::Pause {
                deadline,
                hours_ago,
            } => (
                *hours_ago,
                What::PauseDeadline {
                    deadline: name(*deadline),
                    reason: reason(),
                },
            ),
            Move::Resume {
                deadline,
                hours_ago,
            } => (
                *hours_ago,
                What::ResumeDeadline {
                    deadline: name(*deadline),
                    reason: reason(),
                },
            ),
            Move::PutOff { deadline, hours } => {
                let to = MoveTo::At(self.world.now.saturating_add_millis(hours * HOUR));
                (
                    0,
                    What::MoveDeadline {
                        deadline: name(*deadline),
                        to,
                        reason: reason(),
                    },
                )
            }
            Move::Correct { seq, hours, day } => (0, self.correction(*seq, *hours, *day)),
            Move::Close => (0, What::Close { reason: reason() }),
            Move::Reopen { hours_ago } => (*hours_ago, What::Reopen { reason: reason() }),
            Move::Release => (0, What::Release),
            Move::Recompute { .. } => (
                0,
                What::Recompute {
                    load: "l".to_owned(),
                    pack: None,
                },
            ),
            Move::Wait { .. } | Move::Outage { .. } | Move::EarlyWake => (0, What::Wake),
        }
    }

    /// Mostly an event that is possible now; `done` would end every history early and is left to chance.
    fn possible(&self, choice: usize) -> &'static str {
        let possible = self.world.workflow.events_in(&self.world.case.state);
        let mut likely = EVENTS
            .iter()
            .copied()
            .filter(|e| *e != "done" && possible.iter().any(|p| p == e));
        let count = likely.clone().count();
        if choice >= EVENTS.len() && count > 0 {
            return likely.nth(choice % count).unwrap_or("done");
        }
        EVENTS[choice % EVENTS.len()]
    }

    fn correction(&self, seq: usize, hours: Option<i64>, day: usize) -> What {
        let seq = (seq % (self.world.journal.len() + 2)) as u64;
        let line = self.world.journal.iter().find(|line| line.seq == seq);
        let carries = |name: &str| line.is_some_and(|line| line.event == name);
        let change = match hours {
            None => Correction::Withdraw,
            Some(hours) => Correction::Replace {
                occurred_at: line.map(|line| line.recorded_at.saturating_sub_millis(hours * HOUR)),
                fields: if carries("opened") {
                    day_field("site.opened_on", day)
                } else {
                    Fields::new()
                },
                party: None,
            },
        };
        let history = Some(self.world.journal.clone().into());
        What::Correct {
            seq,
            change,
            reason: "记错了".to_owned(),
            history,
        }
    }

    /// Decides and checks one event; answers whether it changed the case.
    fn decide(&mut self, hours_ago: i64, what: What) -> Result<bool, Rejection> {
        let at = self.world.now.saturating_sub_millis(hours_ago * HOUR);
        let event = event(self.world.case.id, at, actor(&["lead"]), what);
        let world = &mut self.world;
        let step = step(
            &world.env,
            &world.workflow,
            Some(&world.case),
            &event,
            world.now,
        )?;
        let Step::Changed(transition) = step else {
            return Ok(false);
        };
        check_messages(&transition);
        check_case(&transition.case, world.now);
        assert_eq!(
            transition.case.rev,
            world.case.rev + 1,
            "one event, one rev"
        );
        world.case = transition.case;
        world.journal.push(transition.journal);
        self.envs.push(world.env.clone());
        assert_eq!(
            world.case.rev,
            world.journal.len() as u64,
            "one rev, one line"
        );
        Ok(true)
    }

    /// Every line again, under the calendars it was decided with.
    fn folds(&self) {
        let mut case: Option<Case> = None;
        for (i, (line, env)) in self.world.journal.iter().zip(&self.envs).enumerate() {
            let mut event = line.to_event(self.world.case.id);
            if let What::Correct { history, .. } = &mut event.what {
                *history = Some(self.world.journal[..i].into());
            }
            let again = step(
                env,
                &self.world.workflow,
                case.as_ref(),
                &event,
                line.recorded_at,
            );
            let Ok(Step::Changed(again)) = again else {
                panic!("line {} gives {again:?}", line.seq)
            };
            assert_eq!(effect(&again.journal), effect(line));
            case = Some(again.case);
        }
        assert_eq!(case.as_ref(), Some(&self.world.case));
    }
}

fn effect(line: &JournalLine) -> (&str, &str, &str, &[crate::DeadlineChange]) {
    (&line.event, &line.from, &line.to, &line.deadlines)
}

/// `""` says that the day is not known.
fn day_field(path: &str, day: usize) -> Fields {
    match DAYS[day] {
        "" => {
            let mut fields = Fields::new();
            crate::value::set(&mut fields, path, crate::Value::Null);
            fields
        }
        day => fields(&[(path, day)]),
    }
}

fn check_case(case: &Case, now: qixian_time::Timestamp) {
    for (i, deadline) in case.deadlines.iter().enumerate() {
        let others = &case.deadlines[i + 1..];
        assert!(
            others.iter().all(|d| d.name != deadline.name),
            "two of {}",
            deadline.name
        );
        assert!(deadline.rungs.is_sorted_by_key(|r| r.at), "{deadline:#?}");
        let pending = deadline.rungs.iter().any(|r| r.state == RungState::Pending);
        let ended = !deadline.clock.is_open() && deadline.clock != ClockState::Missed;
        assert!(
            !(ended && pending),
            "an ended deadline has nothing to say: {deadline:#?}"
        );
        let runs = matches!(
            deadline.clock,
            ClockState::Armed | ClockState::Paused | ClockState::Missed
        );
        assert!(
            !runs || deadline.started_at.is_some() && deadline.due_at.is_some(),
            "{deadline:#?}"
        );
        let stopped = deadline.pauses.last().is_some_and(|p| p.from == p.to);
        assert!(
            deadline.clock != ClockState::Paused || stopped,
            "{deadline:#?}"
        );
        let future_fired = deadline
            .rungs
            .iter()
            .any(|r| r.state == RungState::Fired && r.at > now);
        assert!(
            deadline.clock != ClockState::Armed || !future_fired || deadline.generation > 1,
            "{deadline:#?}"
        );
    }
    let over = case.closed || case.state == "done";
    assert!(!over || next_wake(case).is_none(), "an ended case sleeps");
}

/// Every message of a rung stands for one that fired just now, and none speaks twice.
fn check_messages(transition: &Transition) {
    let rungs: Vec<(&ReminderIntent, &str, u32, u16)> = transition
        .outbox
        .iter()
        .filter_map(|intent| match &intent.cause {
            Cause::Rung {
                deadline,
                generation,
                rung,
            } => Some((intent, deadline.as_str(), *generation, *rung)),
            _ => None,
        })
        .collect();
    for (i, (intent, name, generation, rung)) in rungs.iter().enumerate() {
        assert!(!intent.legs.is_empty());
        assert!(
            rungs[i + 1..]
                .iter()
                .all(|(_, n, g, _)| (n, g) != (name, generation)),
            "one event, one message of a deadline: {:?}",
            transition.outbox
        );
        let deadline = transition.case.deadline(name).expect("it is in the case");
        if deadline.generation == *generation {
            let named = deadline.rungs.iter().find(|r| r.name() == *rung);
            assert_eq!(
                named.map(|r| r.state),
                Some(RungState::Fired),
                "{deadline:#?}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_history_keeps_the_invariants(history in prop::collection::vec(moves(), 1..40)) {
        let mut checked = Checked::new();
        for wanted in &history {
            checked.make(wanted);
        }
        checked.folds();
    }
}
