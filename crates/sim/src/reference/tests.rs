//! The model against dates worked out by hand over the calendar of 2026: Spring Festival 15 to 23 February, the
//! Saturdays 14 and 28 February worked.

use std::path::PathBuf;
use std::sync::Arc;

use qixian_core::{
    Actor, CaseId, ClockState, Correction, Env, Fields, JournalLine, MoveTo, NoFunctions, Party,
    StartCase, Value, What, Workflow, value,
};
use qixian_time::{Date, Pause, Period, Start, Timestamp, Zone};
use qixian_workflow::{Catalog, Sources};

use super::Reference;
use super::count::Days;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(&format!("{text}:00+08:00")).expect("a good time")
}

fn catalog() -> Catalog {
    let config = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../config");
    let files = |dir: &str, ids: &[&str]| {
        let read = |id: &&str| {
            let path = config.join(dir).join(format!("{id}.toml"));
            let text = std::fs::read_to_string(&path).expect("the file is there");
            (path.to_string_lossy().into_owned(), text)
        };
        ids.iter().map(read).collect()
    };
    let sources = Sources {
        calendars: files("calendars/cn", &["2025", "2026"]),
        rules: files("rules", &["guide"]),
        workflows: files("workflows", &["first-filing", "police-filing"]),
        templates: None,
    };
    Catalog::build(&sources, Arc::new(NoFunctions)).unwrap_or_else(|found| panic!("{found:?}"))
}

/// One case of the shipped first filing, told to the model line by line.
struct Told {
    env: Env,
    workflow: Arc<Workflow>,
    lines: Vec<JournalLine>,
    model: Option<Reference>,
}

impl Told {
    /// A case of a Gansu firm that is about to be handed to the bureau.
    fn gansu(began: &str) -> Self {
        let catalog = catalog();
        let env = catalog.env();
        let file = catalog.files().find(|f| f.workflow.id == "first-filing");
        let workflow = file.expect("it was read").workflow.clone();
        let mut told = Self {
            env,
            workflow,
            lines: Vec::new(),
            model: None,
        };
        let mut fields = Fields::new();
        value::set(&mut fields, "subject.province", Value::Text("甘肃".into()));
        let person = |role: &str, mobile: &str| Party {
            role: role.to_owned(),
            mobile: Some(mobile.to_owned()),
            ..Party::default()
        };
        let pack = told
            .env
            .rules
            .values()
            .next()
            .expect("one was read")
            .reference();
        let start = StartCase {
            workflow: "first-filing".to_owned(),
            title: "x".to_owned(),
            pack,
            fields,
            parties: vec![
                person("principal", "13800000001"),
                person("site_owner", "13800000002"),
                person("handler", "13800000003"),
            ],
            state: Some("handing_over".to_owned()),
            ..StartCase::default()
        };
        told.learns(began, began, What::Start(Box::new(start)));
        told
    }

    /// The model hears at `recorded` what happened at `occurred`.
    fn learns(&mut self, occurred: &str, recorded: &str, what: What) {
        let line = JournalLine {
            seq: self.lines.len() as u64 + 1,
            id: format!("e{}", self.lines.len()),
            event: what.name().to_owned(),
            from: String::new(),
            to: String::new(),
            occurred_at: at(occurred),
            recorded_at: at(recorded),
            by: Actor::system("test"),
            note: None,
            what,
            deadlines: Vec::new(),
        };
        let case = CaseId::from_bytes([7; 16]);
        let ground = (&self.env, &*self.workflow);
        self.model = Reference::follow(self.model.take(), ground, case, &line, &self.lines);
        assert!(self.model.is_some(), "the model follows {}", line.event);
        self.lines.push(line);
    }

    fn happens(&mut self, occurred: &str, event: &str, party: Option<&str>) {
        let what = What::Fact {
            event: event.to_owned(),
            party: party.map(str::to_owned),
            fields: Fields::new(),
            override_reason: None,
        };
        self.learns(occurred, occurred, what);
    }

    fn clock(&self, name: &str) -> &super::Clock {
        let clocks = &self.model.as_ref().expect("it began").clocks;
        clocks
            .iter()
            .find(|c| c.name == name)
            .expect("it was begun")
    }

    fn due(&self, name: &str) -> (ClockState, String) {
        let clock = self.clock(name);
        let due_at = clock.due_at.expect("it has an end");
        (clock.state, due_at.to_rfc3339(&Zone::shanghai()))
    }

    /// Friday evening before Spring Festival.
    fn handed_over() -> Self {
        let mut told = Self::gansu("2026-02-12T15:00");
        told.happens("2026-02-13T17:30", "handed_to_bureau", None);
        told
    }
}

#[test]
fn the_sms_check_of_spring_festival() {
    let mut told = Told::handed_over();
    let armed = |due: &str| (ClockState::Armed, due.to_owned());
    assert_eq!(told.due("sms_code"), armed("2026-02-15T17:30:00+08:00"));
    told.happens("2026-02-14T10:00", "sms_verified", Some("principal"));
    assert_eq!(
        told.clock("sms_code").state,
        ClockState::Armed,
        "one is missing"
    );
    told.happens("2026-02-15T17:00", "sms_verified", Some("site_owner"));
    assert_eq!(told.clock("sms_code").state, ClockState::Met);
    let review = (ClockState::Armed, "2026-03-21T00:00:00+08:00".to_owned());
    assert_eq!(
        told.due("bureau_review"),
        review,
        "20 working days from Sunday"
    );
    let earliest = told.clock("bureau_review").earliest_at;
    assert_eq!(
        earliest,
        Some(at("2026-02-27T00:00")),
        "3 working days from Sunday"
    );
}

/// Rungs of the SMS check, the first of each minute: at once, then 2, 8, 16, 22 h after and 12, 4, 1 h before; the last
/// day is a Sunday in the holiday, so one lies on Saturday, the last working day.
#[test]
fn the_ladder_of_the_sms_check() {
    let told = Told::handed_over();
    let rungs = told.clock("sms_code").rungs.iter();
    let planned: Vec<(Vec<u16>, String)> = rungs
        .map(|rung| (rung.steps.clone(), rung.at.to_rfc3339(&Zone::shanghai())))
        .collect();
    let expected: [(&[u16], &str); 9] = [
        (&[0, 1], "2026-02-13T17:30:00+08:00"),
        (&[2], "2026-02-13T19:30:00+08:00"),
        (&[3], "2026-02-14T01:30:00+08:00"),
        (&[9], "2026-02-14T09:00:00+08:00"),
        (&[4], "2026-02-14T09:30:00+08:00"),
        (&[5], "2026-02-14T15:30:00+08:00"),
        (&[6], "2026-02-15T05:30:00+08:00"),
        (&[7], "2026-02-15T13:30:00+08:00"),
        (&[8], "2026-02-15T16:30:00+08:00"),
    ];
    let expected = expected.map(|(steps, at)| (steps.to_vec(), at.to_owned()));
    assert_eq!(planned, expected);
}

#[test]
fn a_miss_is_undone_by_a_fact_from_before_it() {
    let mut told = Told::handed_over();
    told.learns("2026-02-15T17:30", "2026-02-15T17:30", What::Wake);
    assert_eq!(
        told.model.as_ref().map(|m| m.state.as_str()),
        Some("returned")
    );
    assert_eq!(told.due("correction").0, ClockState::Armed);
    for who in ["principal", "site_owner"] {
        let what = What::Fact {
            event: "sms_verified".to_owned(),
            party: Some(who.to_owned()),
            fields: Fields::new(),
            override_reason: None,
        };
        told.learns("2026-02-15T16:00", "2026-02-24T09:30", what);
    }
    assert_eq!(
        told.model.as_ref().map(|m| m.state.as_str()),
        Some("authority_review")
    );
    assert_eq!(told.clock("sms_code").state, ClockState::Met);
    assert!(told.clock("sms_code").late_recorded);
    assert_eq!(told.clock("correction").state, ClockState::Cancelled);
}

#[test]
fn a_correction_is_lived_through_again() {
    let mut told = Told::handed_over();
    let change = Correction::Replace {
        occurred_at: Some(at("2026-02-13T12:00")),
        fields: Fields::new(),
        party: None,
    };
    let what = What::Correct {
        seq: 2,
        change,
        reason: "x".to_owned(),
        history: None,
    };
    told.learns("2026-02-13T18:00", "2026-02-13T18:00", what);
    let armed = (ClockState::Armed, "2026-02-15T12:00:00+08:00".to_owned());
    assert_eq!(told.due("sms_code"), armed);
}

#[test]
fn a_date_set_by_hand_stays_and_moves_by_a_pause() {
    let mut told = Told::gansu("2026-03-02T10:00");
    assert_eq!(told.due("handover").1, "2026-03-04T00:00:00+08:00");
    let moved = What::MoveDeadline {
        deadline: "handover".to_owned(),
        to: MoveTo::Later(Period::work_days(3)),
        reason: "x".to_owned(),
    };
    told.learns("2026-03-02T11:00", "2026-03-02T11:00", moved);
    assert_eq!(
        told.due("handover").1,
        "2026-03-07T00:00:00+08:00",
        "Friday, 24:00"
    );
    told.happens("2026-03-03T10:00", "provider_paused", None);
    assert_eq!(told.clock("handover").state, ClockState::Paused);
    told.happens("2026-03-05T10:00", "provider_resumed", None);
    assert_eq!(
        told.due("handover").1,
        "2026-03-09T00:00:00+08:00",
        "two days more"
    );
}

/// `(start, length, pauses as from/to, the last day)`, by a finger on the calendar.
#[test]
fn days_are_counted_as_the_design_says() {
    let catalog = catalog();
    let env = catalog.env();
    let zone = Zone::shanghai();
    let days = Days {
        zone: &zone,
        calendar: env.calendars.get("cn"),
    };
    let check = |start: &str, length: &str, pauses: &[(&str, &str)], last: &str| {
        let pause = |(from, to): &(&str, &str)| Pause {
            from: at(from),
            to: at(to),
        };
        let pauses: Vec<Pause> = pauses.iter().map(pause).collect();
        let length = length.parse().expect("a length");
        let end = days.end(Start::Instant(at(start)), length, &pauses);
        let end = end.expect("it ends").due_at;
        let last: Date = last.parse().expect("a day");
        assert_eq!(
            end,
            zone.end_of_day(last),
            "{start} + {length}, pauses {pauses:?}"
        );
    };
    check("2026-02-13T17:30", "20wd", &[], "2026-03-19");
    check("2026-02-15T17:00", "20wd", &[], "2026-03-20");
    check("2026-02-13T17:30", "1wd", &[], "2026-02-14");
    check("2026-01-31T09:00", "1mo", &[], "2026-02-28");
    check("2026-03-20T00:00", "30d", &[], "2026-04-19");
    check("2026-03-20T23:59", "0d", &[], "2026-03-20");
    // Stopped on Tuesday, going on on Thursday: Wednesday and Thursday are not counted.
    let stopped = [("2026-03-03T10:00", "2026-03-05T10:00")];
    check("2026-03-02T10:00", "3wd", &stopped, "2026-03-09");
    check("2026-03-02T10:00", "3d", &stopped, "2026-03-07");
    // Stopped over the end of the last day: it goes on on another, which then is the last.
    check("2026-03-02T10:00", "1wd", &stopped, "2026-03-05");
    check("2026-03-02T10:00", "1mo", &stopped, "2026-04-04");
    let past = days.end(
        Start::Instant(at("2026-12-20T10:00")),
        Period::work_days(20),
        &[],
    );
    assert!(past.expect("it ends").provisional, "2027 is not published");
    let hours = days.end(
        Start::Day("2026-03-02".parse().expect("a day")),
        Period::hours(1),
        &[],
    );
    assert_eq!(hours, None, "no hour is counted from a day");
}
