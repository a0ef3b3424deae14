//! A small workflow, a calendar, and a case driven through `step` by a virtual clock.

use std::collections::BTreeMap;
use std::sync::Arc;

use qixian_time::{CalendarYear, Holiday, Period, Timestamp, WorkCalendar, Zone};

use crate::definition::{
    Ask, DeadlineDef, GuardDef, Kind, Ladder, Length, LengthSource, Missed, MissedThen, Notify,
    RungAt, RungDef, SetValue, StartChild, Starts, State, Tell, TransitionDef, Workflow,
};
use crate::{
    Actor, Case, CaseId, Channel, Deadline, Env, Event, FieldDef, FieldKind, Fields, Guard,
    JournalLine, NoFunctions, PackRef, Party, Rejection, ReminderIntent, RulePack, RuleRow, Schema,
    StartCase, Step, Value, What, Words, next_wake, step, value,
};

pub(super) fn at(text: &str) -> Timestamp {
    Timestamp::parse(&format!("{text}:00+08:00")).unwrap()
}

pub(super) fn period(text: &str) -> Period {
    text.parse().unwrap()
}

pub(super) fn fields(pairs: &[(&str, &str)]) -> Fields {
    let mut fields = Fields::new();
    for (path, text) in pairs {
        value::set(&mut fields, path, Value::Text((*text).to_owned()));
    }
    fields
}

pub(super) fn party(role: &str, mobile: &str) -> Party {
    Party {
        role: role.to_owned(),
        name: role.to_owned(),
        mobile: Some(mobile.to_owned()),
        ..Party::default()
    }
}

fn on(event: &str, from: &str, to: &str) -> TransitionDef {
    TransitionDef {
        event: event.to_owned(),
        from: if from.is_empty() {
            Vec::new()
        } else {
            vec![from.to_owned()]
        },
        to: Some(to.to_owned()).filter(|to| !to.is_empty()),
        ..TransitionDef::default()
    }
}

fn deadline(state: &str, length: Length) -> DeadlineDef {
    DeadlineDef {
        title: Words::same("deadline"),
        kind: Kind::Duty,
        states: if state.is_empty() {
            Vec::new()
        } else {
            vec![state.to_owned()]
        },
        when: None,
        starts: Starts::Entering,
        length,
        calendar: None,
        ladder: None,
        ask: None,
        missed: None,
        met_by: Vec::new(),
        pause_on: Vec::new(),
        resume_on: Vec::new(),
        holder: None,
        source: Words::same("guide S132"),
    }
}

fn fixed(text: &str) -> LengthSource {
    LengthSource::Fixed(period(text))
}

fn rung(at: RungAt, to: &[&str]) -> RungDef {
    RungDef {
        at,
        via: vec![Channel::Sms, Channel::Mail],
        to: to.iter().map(|r| (*r).to_owned()).collect(),
        urgent: false,
        template: None,
    }
}

fn notify(template: &str) -> Notify {
    Notify {
        template: template.to_owned(),
        to: vec!["handler".to_owned()],
        via: vec![Channel::Mail],
        urgent: false,
    }
}

fn schema() -> Schema {
    let text = |kind: FieldKind| FieldDef {
        title: Words::default(),
        kind,
        personal: false,
    };
    let record = |pairs: Vec<(&str, FieldKind)>| {
        let fields = pairs
            .into_iter()
            .map(|(name, kind)| (name.to_owned(), text(kind)))
            .collect();
        FieldKind::Record(Schema { fields })
    };
    let list = FieldKind::List(Box::new(record(vec![("name", FieldKind::Text(None))])));
    let fields = [
        (
            "subject",
            record(vec![
                ("province", FieldKind::Text(None)),
                ("name", FieldKind::Text(Some(20))),
            ]),
        ),
        (
            "site",
            record(vec![("opened_on", FieldKind::Date), ("domains", list)]),
        ),
        ("approved_on", FieldKind::Date),
        ("expires_on", FieldKind::Date),
    ];
    Schema {
        fields: fields
            .into_iter()
            .map(|(name, kind)| (name.to_owned(), text(kind)))
            .collect(),
    }
}

fn guard(text: &str, schema: &Schema) -> GuardDef {
    GuardDef {
        when: Guard::compile(text, schema, &Fields::new(), &[]).unwrap(),
        otherwise: Words::new("先填名称", "give the name first"),
        unknown: false,
        override_by: vec!["lead".to_owned()],
    }
}

/// collecting → check (48 h, two people) → review (3–20 wd) → approved → opened, with a rejection and an expiry watch.
pub(super) fn workflow() -> Workflow {
    let fields = schema();
    let guards = [
        ("named", guard("subject.name != null", &fields)),
        (
            "checked_here",
            guard("rule(\"sms_check.required\") == true", &fields),
        ),
    ];
    let hand_in = TransitionDef {
        hand_in: true,
        guards: vec!["named".to_owned()],
        ..on("handed_in", "collecting", "check")
    };
    let transitions = vec![
        TransitionDef {
            when: Some(("checked_here".to_owned(), true)),
            ..hand_in.clone()
        },
        TransitionDef {
            when: Some(("checked_here".to_owned(), false)),
            to: Some("review".to_owned()),
            ..hand_in
        },
        TransitionDef {
            needs: vec!["principal".to_owned(), "site_owner".to_owned()],
            ..on("verified", "check", "review")
        },
        TransitionDef {
            rejection: true,
            notify: vec![notify("w/rejected")],
            ..on("rejected", "review", "collecting")
        },
        TransitionDef {
            set: vec![("approved_on".to_owned(), SetValue::OccurredOn)],
            start: vec![StartChild {
                workflow: "child".to_owned(),
                for_each: Some("site.domains".to_owned()),
                fields: vec![(
                    "subject.name".to_owned(),
                    SetValue::Field("item.name".to_owned()),
                )],
                title: Words::default(),
            }],
            ..on("approved", "review", "approved")
        },
        TransitionDef {
            fields: vec!["site.opened_on".to_owned()],
            required: vec!["site.opened_on".to_owned()],
            tell: vec![Tell {
                workflow: "child".to_owned(),
                event: "opened".to_owned(),
                fields: vec![(
                    "site.opened_on".to_owned(),
                    SetValue::Field("site.opened_on".to_owned()),
                )],
            }],
            ..on("opened", "approved", "")
        },
        on("paused", "review", ""),
        on("resumed", "review", ""),
        on("done", "approved", "done"),
        TransitionDef {
            fields: vec!["expires_on".to_owned()],
            ..on("renewed", "", "")
        },
    ];
    let state = |is_final| State {
        title: Words::same("state"),
        is_final,
        ..State::default()
    };
    let states = [
        ("collecting", false),
        ("check", false),
        ("review", false),
        ("approved", false),
        ("done", true),
    ];
    let deadlines = [
        (
            "sms",
            DeadlineDef {
                ladder: Some("hours".to_owned()),
                missed: Some(Missed {
                    then: MissedThen::To("collecting".to_owned()),
                    reason: Words::same("超时"),
                    notify: vec![notify("w/returned")],
                }),
                ..deadline(
                    "check",
                    Length::Within(LengthSource::Rule {
                        key: "sms_check.window".to_owned(),
                        default: Some(period("24h")),
                    }),
                )
            },
        ),
        (
            "review",
            DeadlineDef {
                kind: Kind::Expectation,
                ladder: Some("chase".to_owned()),
                missed: Some(Missed {
                    then: MissedThen::Flag("overdue".to_owned()),
                    reason: Words::default(),
                    notify: Vec::new(),
                }),
                pause_on: vec!["paused".to_owned()],
                resume_on: vec!["resumed".to_owned()],
                ..deadline(
                    "review",
                    Length::Window {
                        earliest: fixed("3wd"),
                        latest: fixed("20wd"),
                    },
                )
            },
        ),
        (
            "police",
            DeadlineDef {
                starts: Starts::Field("site.opened_on".to_owned()),
                ask: Some(Ask {
                    since: Some("approved_on".to_owned()),
                    ladder: "ask".to_owned(),
                    assume_after: period("7d"),
                }),
                met_by: vec!["done".to_owned()],
                ..deadline("approved", Length::Within(fixed("30d")))
            },
        ),
        (
            "expiry",
            DeadlineDef {
                starts: Starts::Field("expires_on".to_owned()),
                ladder: Some("days".to_owned()),
                ..deadline("", Length::Until("expires_on".to_owned()))
            },
        ),
    ];
    let ladder = |steps| Ladder {
        at_minute: 9 * 60,
        working_days: false,
        steps,
    };
    let both = ["principal", "site_owner"];
    let ladders = [
        (
            "hours",
            ladder(vec![
                rung(RungAt::AfterStart(period("0m")), &both),
                rung(RungAt::AfterStart(period("8h")), &both),
                rung(RungAt::AfterStart(period("60h")), &both),
                rung(RungAt::BeforeDue(period("4h")), &["handler"]),
            ]),
        ),
        (
            "chase",
            ladder(vec![
                rung(RungAt::AfterDue(period("0d")), &["handler"]),
                rung(RungAt::AfterDue(period("2wd")), &["handler"]),
            ]),
        ),
        (
            "ask",
            ladder(vec![
                rung(RungAt::AfterStart(period("0d")), &["handler"]),
                rung(RungAt::AfterStart(period("3d")), &["handler"]),
            ]),
        ),
        (
            "days",
            ladder(vec![
                rung(RungAt::BeforeDue(period("30d")), &["handler"]),
                rung(RungAt::BeforeDue(period("7d")), &["handler"]),
            ]),
        ),
    ];
    Workflow {
        id: "w".to_owned(),
        version: 1,
        digest: "d".repeat(64),
        title: Words::same("w"),
        zone: Zone::shanghai(),
        calendar: "cn".to_owned(),
        initial: "collecting".to_owned(),
        watch: false,
        roles: ["principal", "site_owner", "handler", "lead"]
            .map(str::to_owned)
            .to_vec(),
        fields,
        params: Fields::new(),
        states: states
            .into_iter()
            .map(|(name, is_final)| (name.to_owned(), state(is_final)))
            .collect(),
        transitions,
        guards: guards
            .into_iter()
            .map(|(name, def)| (name.to_owned(), def))
            .collect(),
        deadlines: deadlines
            .into_iter()
            .map(|(name, def)| (name.to_owned(), def))
            .collect(),
        ladders: ladders
            .into_iter()
            .map(|(name, def)| (name.to_owned(), def))
            .collect(),
        text: Arc::from(""),
    }
}

/// The year 2026 as far as these tests need it: Spring Festival and its make-up days.
pub(super) fn calendar(version: &str, festival_to: &str) -> WorkCalendar {
    let day = |text: &str| text.parse().unwrap();
    let year = CalendarYear {
        year: 2026,
        notice: "国办发明电〔2025〕7号".to_owned(),
        holidays: vec![Holiday {
            from: day("2026-02-15"),
            to: day(festival_to),
            name: "春节".to_owned(),
        }],
        workdays: vec![day("2026-02-14"), day("2026-02-28")],
        ..CalendarYear::default()
    };
    WorkCalendar::build("cn", "中国", version, None, vec![year]).unwrap()
}

pub(super) fn env() -> Env {
    env_with(calendar("2026", "2026-02-23"))
}

pub(super) fn env_with(calendar: WorkCalendar) -> Env {
    let row = |key: &str, value: Value| RuleRow {
        key: key.to_owned(),
        matches: BTreeMap::from([(
            "subject.province".to_owned(),
            Value::Text("甘肃".to_owned()),
        )]),
        value,
        source: "guide S129".to_owned(),
        from: None,
        until: None,
        confidence: "high".to_owned(),
    };
    let rows = vec![
        row("sms_check.required", Value::Bool(true)),
        row("sms_check.window", Value::Text("48h".to_owned())),
    ];
    Env {
        calendars: Arc::new(BTreeMap::from([("cn".to_owned(), calendar)])),
        rules: Arc::new(BTreeMap::from([(
            "guide".to_owned(),
            RulePack::build("guide", 1, rows).unwrap(),
        )])),
        functions: Arc::new(NoFunctions),
    }
}

/// One case and everything that came of it.
pub(super) struct World {
    pub(super) env: Env,
    pub(super) workflow: Workflow,
    pub(super) case: Case,
    pub(super) journal: Vec<JournalLine>,
    pub(super) said: Vec<ReminderIntent>,
    pub(super) followups: Vec<Event>,
    pub(super) now: Timestamp,
}

pub(super) fn actor(roles: &[&str]) -> Actor {
    Actor {
        name: "wang".to_owned(),
        roles: roles.iter().map(|r| (*r).to_owned()).collect(),
    }
}

pub(super) fn event(case: CaseId, at: Timestamp, by: Actor, what: What) -> Event {
    Event {
        id: "e".to_owned(),
        case,
        occurred_at: at,
        by,
        note: None,
        expected_edit_rev: None,
        what,
    }
}

pub(super) fn start_of(parties: Vec<Party>, fields: Fields) -> StartCase {
    StartCase {
        workflow: "w".to_owned(),
        pack: PackRef {
            id: "guide".to_owned(),
            version: 1,
        },
        reference: "QX-1".to_owned(),
        title: "甘肃某公司".to_owned(),
        fields,
        parties,
        ..StartCase::default()
    }
}

impl World {
    /// A Gansu case with two people and two phones, begun at `text`.
    pub(super) fn gansu(text: &str) -> Self {
        let people = vec![
            party("principal", "13800138000"),
            party("site_owner", "13900139000"),
        ];
        Self::start(
            text,
            start_of(
                people,
                fields(&[("subject.province", "甘肃"), ("subject.name", "某公司")]),
            ),
        )
    }

    pub(super) fn start(text: &str, start: StartCase) -> Self {
        Self::try_start(text, start).unwrap()
    }

    pub(super) fn try_start(text: &str, start: StartCase) -> Result<Self, Rejection> {
        let (env, workflow, now) = (env(), workflow(), at(text));
        let id = CaseId::new(now.as_millis(), [7; 10]);
        let started = event(id, now, actor(&["lead"]), What::Start(Box::new(start)));
        let Step::Changed(first) = step(&env, &workflow, None, &started, now)? else {
            panic!("a start changes the case")
        };
        Ok(Self {
            env,
            workflow,
            case: first.case,
            journal: vec![first.journal],
            said: first.outbox,
            followups: first.followups,
            now,
        })
    }

    /// Fires every timer up to `until`, each at its own instant.
    pub(super) fn wait_until(&mut self, until: Timestamp) {
        while let Some(at) = next_wake(&self.case).filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.decide(at, actor(&[]), What::Wake).unwrap();
        }
        self.now = self.now.max(until);
    }

    /// Something happens at `text` and is recorded at once.
    pub(super) fn happens(&mut self, text: &str, what: What) -> Result<(), Rejection> {
        self.wait_until(at(text));
        self.decide(at(text), actor(&["lead"]), what)
    }

    /// Something happened at `text` and is recorded now.
    pub(super) fn learns(&mut self, text: &str, what: What) -> Result<(), Rejection> {
        self.decide(at(text), actor(&["lead"]), what)
    }

    pub(super) fn decide(
        &mut self,
        occurred_at: Timestamp,
        by: Actor,
        what: What,
    ) -> Result<(), Rejection> {
        let event = event(self.case.id, occurred_at, by, what);
        match step(
            &self.env,
            &self.workflow,
            Some(&self.case),
            &event,
            self.now,
        )? {
            Step::Changed(transition) => {
                assert_eq!(transition.case.rev, self.case.rev + 1, "one line, one rev");
                self.case = transition.case;
                self.journal.push(transition.journal);
                self.said.extend(transition.outbox);
                self.followups.extend(transition.followups);
            }
            Step::Nothing => {}
        }
        Ok(())
    }

    /// Folding the journal gives the case again.
    pub(super) fn check_fold(&self) {
        let folded = crate::fold(&self.env, &self.workflow, self.case.id, &self.journal).unwrap();
        assert_eq!(folded, self.case);
    }

    pub(super) fn deadline(&self, name: &str) -> &Deadline {
        self.case
            .deadline(name)
            .unwrap_or_else(|| panic!("no deadline {name}"))
    }

    /// Who was spoken to since the last call: `role` per leg, in order.
    pub(super) fn spoken(&mut self) -> Vec<String> {
        self.said
            .drain(..)
            .flat_map(|intent| intent.legs)
            .map(|leg| leg.role)
            .collect()
    }
}

pub(super) fn fact(event: &str) -> What {
    fact_with(event, None, Fields::new())
}

pub(super) fn fact_by(event: &str, party: &str) -> What {
    fact_with(event, Some(party), Fields::new())
}

pub(super) fn fact_with(event: &str, party: Option<&str>, fields: Fields) -> What {
    What::Fact {
        event: event.to_owned(),
        party: party.map(str::to_owned),
        fields,
        override_reason: None,
    }
}
