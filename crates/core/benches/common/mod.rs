//! A workflow whose state holds ten deadlines, and a case in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use qixian_core::definition::{
    DeadlineDef, GuardDef, Kind, Ladder, Length, LengthSource, Notify, RungAt, RungDef, Starts,
    State, TransitionDef,
};
use qixian_core::{
    Actor, Case, CaseId, Channel, Env, Event, FieldDef, FieldKind, Fields, Guard, NoFunctions,
    PackRef, Party, RulePack, RuleRow, Schema, StartCase, Step, Value, What, Words, Workflow, step,
    value,
};
use qixian_time::{CalendarYear, Period, Timestamp, WorkCalendar, Zone};

/// How many deadlines are armed in each state.
pub(crate) const DEADLINES: usize = 10;

/// Everything `step` is asked with.
pub(crate) struct Desk {
    pub(crate) env: Env,
    pub(crate) workflow: Workflow,
    pub(crate) case: Case,
    pub(crate) now: Timestamp,
}

impl Desk {
    /// A case just begun: ten deadlines armed, four rungs each.
    pub(crate) fn new() -> Self {
        let (env, workflow) = (env(), workflow());
        let now = Timestamp::parse("2026-03-02T09:30:00+08:00").expect("a good time");
        let begun = step(&env, &workflow, None, &start(now), now).expect("a good start");
        let Step::Changed(begun) = begun else {
            panic!("a start changes something");
        };
        let case = begun.case;
        let armed = case.deadlines.iter().filter(|d| d.clock.is_armed());
        assert_eq!(armed.count(), DEADLINES);
        Self {
            env,
            workflow,
            case,
            now,
        }
    }

    /// Decides `event` on the case.
    pub(crate) fn step(&self, event: &Event, now: Timestamp) -> Step {
        step(&self.env, &self.workflow, Some(&self.case), event, now).expect("possible")
    }
}

/// The event that begins the case.
pub(crate) fn start(at: Timestamp) -> Event {
    let mut fields = Fields::new();
    let texts = [
        ("subject.name", "兰州黄河食品有限公司"),
        ("subject.province", "甘肃"),
        ("site.domain", "huanghe-food.cn"),
    ];
    for (path, text) in texts {
        value::set(&mut fields, path, Value::Text(text.to_owned()));
    }
    let party = |role: &str, mobile: &str| Party {
        role: role.to_owned(),
        name: "王建国".to_owned(),
        mobile: Some(mobile.to_owned()),
        ..Party::default()
    };
    let start = StartCase {
        workflow: "bench".to_owned(),
        pack: PackRef {
            id: "guide".to_owned(),
            version: 1,
        },
        reference: "QX-2026-000001".to_owned(),
        title: "兰州黄河食品有限公司".to_owned(),
        fields,
        parties: vec![
            party("principal", "13800138000"),
            party("site_owner", "13900139000"),
        ],
        ..StartCase::default()
    };
    event(at, What::Start(Box::new(start)))
}

/// An event of a person's.
pub(crate) fn event(at: Timestamp, what: What) -> Event {
    Event {
        id: "bench".to_owned(),
        case: CaseId::from_bytes([1; 16]),
        occurred_at: at,
        by: Actor {
            name: "bench".to_owned(),
            roles: vec!["admin".to_owned()],
        },
        note: Some("a note as people write them".to_owned()),
        expected_edit_rev: None,
        what,
    }
}

/// An event of the workflow.
pub(crate) fn fact(at: Timestamp, name: &str) -> Event {
    let what = What::Fact {
        event: name.to_owned(),
        party: None,
        fields: Fields::new(),
        override_reason: None,
    };
    event(at, what)
}

pub(crate) fn schema() -> Schema {
    let def = |kind| FieldDef {
        title: Words::default(),
        kind,
        personal: false,
    };
    let record = |names: &[&str]| {
        let text = |name: &&str| ((*name).to_owned(), def(FieldKind::Text(Some(100))));
        let fields = names.iter().map(text).collect();
        def(FieldKind::Record(Schema { fields }))
    };
    let fields = [
        ("subject".to_owned(), record(&["name", "province"])),
        ("site".to_owned(), record(&["domain"])),
    ];
    Schema {
        fields: fields.into_iter().collect(),
    }
}

pub(crate) fn env() -> Env {
    let year = CalendarYear {
        year: 2026,
        ..CalendarYear::default()
    };
    let calendar = WorkCalendar::build("cn", "中国", "1", None, vec![year]).expect("a calendar");
    let province = Value::Text("甘肃".to_owned());
    let row = RuleRow {
        key: "sms_check.required".to_owned(),
        matches: BTreeMap::from([("subject.province".to_owned(), province)]),
        value: Value::Bool(true),
        source: "guide S129".to_owned(),
        from: None,
        until: None,
        confidence: "high".to_owned(),
    };
    let pack = RulePack::build("guide", 1, vec![row]).expect("a pack");
    Env {
        calendars: Arc::new(BTreeMap::from([("cn".to_owned(), calendar)])),
        rules: Arc::new(BTreeMap::from([("guide".to_owned(), pack)])),
        functions: Arc::new(NoFunctions),
    }
}

/// `here` and `there`, ten deadlines in `here` and one in `there`.
fn workflow() -> Workflow {
    let fields = schema();
    let when = "subject.name != null && site.domain.endsWith(\".cn\")";
    let guard = GuardDef {
        when: Guard::compile(when, &fields, &Fields::new(), &[]).expect("a good guard"),
        otherwise: Words::default(),
        unknown: false,
        override_by: Vec::new(),
    };
    let told = Notify {
        template: "bench/told".to_owned(),
        to: vec!["principal".to_owned()],
        via: vec![Channel::Mail],
        urgent: false,
    };
    let on = |event: &str, from: &str, to: Option<&str>| TransitionDef {
        event: event.to_owned(),
        from: vec![from.to_owned()],
        to: to.map(str::to_owned),
        guards: vec!["known".to_owned()],
        ..TransitionDef::default()
    };
    let moved = TransitionDef {
        notify: vec![told],
        ..on("handed", "here", Some("there"))
    };
    let lengths = [
        "48h", "72h", "5wd", "10wd", "20wd", "7d", "30d", "60d", "1mo", "3mo",
    ];
    let mut deadlines: Vec<(String, DeadlineDef)> = lengths
        .iter()
        .enumerate()
        .map(|(nth, length)| (format!("deadline_{nth}"), deadline("here", length)))
        .collect();
    deadlines.push(("answer".to_owned(), deadline("there", "20wd")));
    let states = ["here", "there"].map(|name| (name.to_owned(), State::default()));
    Workflow {
        id: "bench".to_owned(),
        version: 1,
        digest: "d".repeat(64),
        title: Words::default(),
        zone: Zone::shanghai(),
        calendar: "cn".to_owned(),
        initial: "here".to_owned(),
        watch: false,
        roles: ["principal", "site_owner"].map(str::to_owned).to_vec(),
        fields,
        params: Fields::new(),
        states: states.into_iter().collect(),
        transitions: vec![moved, on("noticed", "here", None)],
        guards: [("known".to_owned(), guard)].into_iter().collect(),
        deadlines: deadlines.into_iter().collect(),
        ladders: [("days".to_owned(), ladder())].into_iter().collect(),
        text: Arc::from(""),
    }
}

fn deadline(state: &str, length: &str) -> DeadlineDef {
    DeadlineDef {
        title: Words::default(),
        kind: Kind::Duty,
        states: vec![state.to_owned()],
        when: None,
        starts: Starts::Entering,
        length: Length::Within(LengthSource::Fixed(period(length))),
        calendar: None,
        ladder: Some("days".to_owned()),
        ask: None,
        missed: None,
        met_by: Vec::new(),
        pause_on: Vec::new(),
        resume_on: Vec::new(),
        holder: None,
        source: Words::default(),
    }
}

fn ladder() -> Ladder {
    let rung = |at| RungDef {
        at,
        via: vec![Channel::Sms, Channel::Mail],
        to: vec!["principal".to_owned(), "site_owner".to_owned()],
        urgent: false,
        template: None,
    };
    Ladder {
        at_minute: 9 * 60,
        working_days: false,
        steps: vec![
            rung(RungAt::AfterStart(period("8h"))),
            rung(RungAt::AfterStart(period("1d"))),
            rung(RungAt::BeforeDue(period("4h"))),
            rung(RungAt::AfterDue(period("1wd"))),
        ],
    }
}

fn period(text: &str) -> Period {
    text.parse().expect("a good length")
}
