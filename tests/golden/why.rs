//! "Why is it due then?" for every deadline of the shipped workflows, in both languages, word for word.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

use qixian_core::{
    Actor, Case, CaseId, ClockState, Event, Fields, StartCase, Step, What, next_wake, step, why,
};

use qixian_daemon::{Loaded, Overrides, Settings};
use qixian_time::Timestamp;

/// One filing through time: when it begins, what is known, and what happens.
struct Story {
    workflow: &'static str,
    begins: &'static str,
    fields: &'static str,
    steps: &'static [(&'static str, &'static str, &'static str)],
}

const STORIES: [Story; 3] = [
    Story {
        workflow: "first-filing",
        begins: "2026-02-09T09:00:00+08:00",
        fields: r#"{"subject":{"name":"某公司","province":"甘肃"},"site":{"name":"某网站"}}"#,
        steps: &[
            ("2026-02-09T10:00:00+08:00", "type_verified", "{}"),
            ("2026-02-09T11:00:00+08:00", "product_verified", "{}"),
            ("2026-02-09T12:00:00+08:00", "submitted", "{}"),
            ("2026-02-10T10:00:00+08:00", "provider_passed", "{}"),
            ("2026-02-10T11:00:00+08:00", "backdrop_ordered", "{}"),
            ("2026-02-12T11:00:00+08:00", "backdrop_arrived", "{}"),
            ("2026-02-12T15:00:00+08:00", "photo_passed", "{}"),
            ("2026-02-13T17:30:00+08:00", "handed_to_bureau", "{}"),
            ("2026-02-15T17:00:00+08:00", "sms_verified", "{}"),
            ("2026-03-10T10:00:00+08:00", "bureau_rejected", "{}"),
            ("2026-03-11T10:00:00+08:00", "submitted", "{}"),
            ("2026-03-12T10:00:00+08:00", "sms_requested", "{}"),
            ("2026-03-12T11:00:00+08:00", "sms_verified", "{}"),
            ("2026-12-04T10:00:00+08:00", "bureau_approved", "{}"),
        ],
    },
    Story {
        workflow: "police-filing",
        begins: "2026-03-18T11:00:00+08:00",
        fields: r#"{"subject":{"name":"某公司"},"site":{"name":"某网站"},"approved_on":"2026-03-18"}"#,
        steps: &[
            (
                "2026-04-01T10:00:00+08:00",
                "site_opened",
                r#"{"site":{"opened_on":"2026-03-30"}}"#,
            ),
            ("2026-04-10T10:00:00+08:00", "handed_in", "{}"),
            ("2026-04-20T10:00:00+08:00", "rejected", "{}"),
            (
                "2026-04-21T10:00:00+08:00",
                "number_issued",
                r#"{"police":{"number":"62010202000001"}}"#,
            ),
        ],
    },
    Story {
        workflow: "server-watch",
        begins: "2026-09-01T11:00:00+08:00",
        fields: r#"{"server":{"expires_on":"2026-10-08"}}"#,
        steps: &[(
            "2026-10-10T10:00:00+08:00",
            "renewed",
            r#"{"server":{"expires_on":"2027-10-08"}}"#,
        )],
    },
];

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a time with offset")
}

fn fields(text: &str) -> Fields {
    serde_json::from_str(text).expect("fields")
}

/// A case driven through `step`, and what its deadlines said on the way.
struct Telling<'a> {
    loaded: &'a Loaded,
    story: &'a Story,
    case: Option<Case>,
    told: BTreeSet<String>,
    text: String,
}

impl Telling<'_> {
    fn decide(&mut self, at: Timestamp, what: What) {
        let workflow = self
            .loaded
            .workflow(self.story.workflow)
            .expect("it is shipped");
        let event = Event {
            id: String::new(),
            case: CaseId::from_bytes([1; 16]),
            occurred_at: at,
            by: Actor {
                name: "test".to_owned(),
                roles: vec!["admin".to_owned()],
            },
            note: None,
            expected_edit_rev: None,
            what,
        };
        match step(&self.loaded.env, workflow, self.case.as_ref(), &event, at) {
            Ok(Step::Changed(transition)) => self.case = Some(transition.case),
            Ok(Step::Nothing) => {}
            Err(rejection) => panic!("{}: {rejection}", event.what.name()),
        }
        self.tell();
    }

    /// Fires the timers on the way, then lets the event happen.
    fn go_on(&mut self, until: Timestamp, what: What) {
        while let Some(at) = self
            .case
            .as_ref()
            .and_then(next_wake)
            .filter(|at| *at <= until)
        {
            self.decide(at, What::Wake);
        }
        self.decide(until, what);
    }

    /// Writes down the explanation of each deadline that says something new.
    fn tell(&mut self) {
        let workflow = self
            .loaded
            .workflow(self.story.workflow)
            .expect("it is shipped");
        let case = self.case.as_ref().expect("it began");
        for deadline in case
            .deadlines
            .iter()
            .filter(|d| d.clock != ClockState::Cancelled)
        {
            let lines = why(&self.loaded.env, workflow, case, deadline).lines;
            let mut said = format!(
                "## {} / {} ({})\n",
                workflow.id, deadline.name, deadline.clock
            );
            for line in &lines {
                writeln!(said, "{}\n  {}", line.text.zh, line.text.en)
                    .expect("a string takes everything");
            }
            if self.told.insert(said.clone()) {
                self.text += &said;
                self.text.push('\n');
            }
        }
    }
}

fn tell(loaded: &Loaded, story: &Story) -> String {
    let start = StartCase {
        workflow: story.workflow.to_owned(),
        pack: loaded.pack("guide").expect("it is shipped"),
        reference: "R-1".to_owned(),
        title: "某网站".to_owned(),
        fields: fields(story.fields),
        ..StartCase::default()
    };
    let (case, told) = (None, BTreeSet::new());
    let mut telling = Telling {
        loaded,
        story,
        case,
        told,
        text: String::new(),
    };
    telling.decide(at(story.begins), What::Start(Box::new(start)));
    for (when, event, carried) in story.steps {
        let what = What::Fact {
            event: (*event).to_owned(),
            party: None,
            fields: fields(carried),
            override_reason: None,
        };
        telling.go_on(at(when), what);
    }
    telling.text
}

#[test]
fn every_shipped_deadline_says_why() {
    let settings = Settings::load(&Overrides::default(), &|_| None).expect("defaults are valid");
    let loaded = qixian_daemon::catalog(&settings).expect("what is shipped is valid");
    for story in &STORIES {
        let text = tell(&loaded, story);
        let workflow = loaded.workflow(story.workflow).expect("it is shipped");
        for name in workflow.deadlines.keys() {
            assert!(
                text.contains(&format!("/ {name} (")),
                "nothing said of {name}"
            );
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(format!("golden/why-{}.txt", story.workflow));
        if env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, &text).expect("the golden file can be written");
        }
        let golden = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(
            text,
            golden,
            "{}: read it, then UPDATE_GOLDEN=1",
            path.display()
        );
    }
}
