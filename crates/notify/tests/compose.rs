//! Which words a message takes, and what is found wrong with words when they are loaded.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{at, case, deadline, intent, person, rung, scope, shipped, templates, workflow};
use qixian_core::definition::Notify;
use qixian_core::{Case, Cause, Channel, ClockState, Confirmation, Deadline, Lang, Presumed};
use qixian_notify::{
    Address, ComposeError, Directory, Message, Person, ProviderSettings, Settings, Staff,
    StaffMember, Templates, build, compose,
};

const NOW: &str = "2026-02-13T18:00:00+08:00";

fn composed(
    template: &str,
    cause: Cause,
    channel: Channel,
    case: &Case,
    clock: &Deadline,
    person: &Person,
) -> Message {
    let (templates, workflow) = (templates(), workflow("first-filing"));
    let scope = scope(templates, case, &workflow, Some(clock), person);
    compose(&intent(template, cause, false), 0, channel, &scope, at(NOW)).unwrap()
}

#[test]
fn the_nearest_words_are_taken() {
    let case = case("first-filing");
    let armed = |name| deadline(name, "2026-02-15T17:30:00+08:00");
    let waiting = Deadline {
        clock: ClockState::Waiting,
        due_at: None,
        ..armed("duty")
    };
    let told = || Cause::Transition {
        event: "x".to_owned(),
    };
    let missed = || Cause::Missed {
        deadline: "duty".to_owned(),
        generation: 1,
    };
    let (duty, wait) = (armed("duty"), armed("wait"));
    let table = [
        (
            "first-filing/sms_code",
            rung("duty"),
            &duty,
            Channel::Mail,
            "zh/first-filing/sms_code",
        ),
        (
            "first-filing/sms_code",
            rung("duty"),
            &duty,
            Channel::Sms,
            "zh/first-filing/sms_code.sms",
        ),
        (
            "first-filing/sms_code",
            rung("duty"),
            &duty,
            Channel::Wecom,
            "zh/first-filing/sms_code",
        ),
        (
            "first-filing/sms_code",
            rung("duty"),
            &duty,
            Channel::Person,
            "zh/_default/person",
        ),
        (
            "sms_code",
            rung("duty"),
            &duty,
            Channel::Mail,
            "zh/first-filing/sms_code",
        ),
        (
            "trademark/renewal",
            rung("duty"),
            &duty,
            Channel::Mail,
            "zh/_default/rung_duty",
        ),
        (
            "trademark/answer",
            rung("wait"),
            &wait,
            Channel::Sms,
            "zh/_default/rung_expectation.sms",
        ),
        (
            "trademark/duty",
            rung("duty"),
            &waiting,
            Channel::Mail,
            "zh/_default/ask",
        ),
        (
            "police-filing/ask_opening",
            rung("duty"),
            &waiting,
            Channel::Mail,
            "zh/police-filing/ask_opening",
        ),
        (
            "trademark/undone",
            told(),
            &duty,
            Channel::Mail,
            "zh/_default/undone",
        ),
        (
            "trademark/message_dead",
            told(),
            &duty,
            Channel::Mail,
            "zh/_default/message_dead",
        ),
        (
            "trademark/granted",
            told(),
            &duty,
            Channel::Mail,
            "zh/_default/transition",
        ),
        (
            "trademark/lost",
            missed(),
            &duty,
            Channel::Mail,
            "zh/_default/missed",
        ),
        (
            "trademark/call",
            Cause::Manual,
            &duty,
            Channel::Mail,
            "zh/_default/manual",
        ),
    ];
    let person = Person {
        robots: vec!["sales".to_owned()],
        ..person("handler", Lang::Zh)
    };
    for (template, cause, clock, channel, expected) in table {
        let message = composed(template, cause, channel, &case, clock, &person);
        assert_eq!(message.template, expected, "{template} by {channel}");
    }
}

#[test]
fn who_has_confirmed_is_no_longer_named_or_called() {
    let mut case = case("first-filing");
    case.confirmed.push(Confirmation {
        event: "sms_verified".to_owned(),
        role: "principal".to_owned(),
        at: at(NOW),
    });
    let clock = deadline("duty", "2026-02-15T17:30:00+08:00");
    let handler = person("handler", Lang::Zh);
    let task = composed(
        "sms_code",
        rung("duty"),
        Channel::Person,
        &case,
        &clock,
        &handler,
    );
    assert!(task.text.contains("李敏 13800000002"), "{}", task.text);
    assert!(!task.text.contains("13800000001"), "{}", task.text);
    assert!(task.text.contains("还剩 1 天 23 小时"), "{}", task.text);
}

#[test]
fn a_presumed_outcome_says_that_nobody_saw_it() {
    let mut case = case("trademark");
    case.presumed = Some(Presumed {
        deadline: "duty".to_owned(),
        generation: 1,
        from: "here".to_owned(),
        from_entered_at: at(NOW),
        due_at: at(NOW),
        seq: 3,
        confirmed: Vec::new(),
    });
    let cause = Cause::Missed {
        deadline: "duty".to_owned(),
        generation: 1,
    };
    let clock = deadline("duty", NOW);
    let mail = composed(
        "lost",
        cause,
        Channel::Mail,
        &case,
        &clock,
        &person("handler", Lang::En),
    );
    assert!(
        mail.text.contains("presumed; nobody has seen it"),
        "{}",
        mail.text
    );
}

#[test]
fn html_is_escaped_and_the_id_names_the_leg() {
    let mut case = case("first-filing");
    case.title = "<b>A & B</b>".to_owned();
    let clock = deadline("duty", "2026-02-15T17:30:00+08:00");
    let mail = composed(
        "sms_code",
        rung("duty"),
        Channel::Mail,
        &case,
        &clock,
        &person("client", Lang::Zh),
    );
    let html = mail.html.unwrap();
    assert!(
        html.contains("&lt;b&gt;A &amp; B") && !html.contains("<b>"),
        "{html}"
    );
    assert!(mail.text.contains("<b>A & B</b>"));
    assert!(
        mail.id.ends_with("-7-0.0") && mail.id.len() <= 64,
        "{}",
        mail.id
    );
}

#[test]
fn a_person_without_the_address_says_so() {
    let (templates, workflow, case) = (templates(), workflow("first-filing"), case("first-filing"));
    let nobody = Person {
        mobile: Some(" ".to_owned()),
        email: None,
        ..person("client", Lang::Zh)
    };
    let scope = scope(templates, &case, &workflow, None, &nobody);
    let intent = intent("approved", Cause::Manual, false);
    for channel in [Channel::Mail, Channel::Sms, Channel::Feishu] {
        let error = compose(&intent, 0, channel, &scope, at(NOW)).unwrap_err();
        assert!(
            matches!(error, ComposeError::NoAddress { .. }),
            "{channel}: {error}"
        );
    }
    let error = compose(&intent, 1, Channel::Mail, &scope, at(NOW)).unwrap_err();
    assert_eq!(error, ComposeError::NoLeg(1));
}

#[test]
fn mistakes_are_found_when_words_are_loaded() {
    let check = |path: &str, text: &str, expected: &str| {
        let problems = Templates::from_sources([(path, text)]).unwrap_err();
        let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(said.join("\n"), expected);
    };
    let path = "templates/zh/x/y.txt";
    check(
        path,
        "Hello",
        "NT0030: templates/zh/x/y.txt:1: expected `subject: …` in the first line",
    );
    check(
        path,
        "subject: x\nHello",
        "NT0030: templates/zh/x/y.txt:1: expected an empty line after the subject",
    );
    check(
        path,
        "subject: x\n\na\n{% if urgent %}\n{{ case.titel }}\n{% endif %}",
        "NT0030: templates/zh/x/y.txt:5: unknown name `case.titel`; did you mean `case.title`?",
    );
    check(
        path,
        "subject: x\n\na\n{{ case.title|shout }}",
        "NT0030: templates/zh/x/y.txt:4: unknown filter: filter shout is unknown",
    );
    check(
        path,
        "subject: x\n\n{% for item in items %}\n{{ item.wrods }}\n{% endfor %}",
        "NT0030: templates/zh/x/y.txt:4: undefined value",
    );
    let many = ".".repeat(300);
    let endless = format!(
        "subject: x\n\n{{% for a in '{many}'|list %}}{{% for b in '{many}'|list %}}.{{% endfor %}}{{% endfor %}}"
    );
    check(
        path,
        &endless,
        "NT0030: templates/zh/x/y.txt:3: engine ran out of fuel",
    );
    check(
        "templates/fr/x/y.txt",
        "subject: x\n\nBonjour",
        "NT0030: templates/fr/x/y.txt: expected a path that ends in zh/WORKFLOW/NAME.txt or en/WORKFLOW/NAME.txt",
    );
}

#[test]
fn an_agency_s_own_words_replace_the_shipped_ones() {
    let own = (
        "my/zh/first-filing/approved.txt".to_owned(),
        "subject: 好\n\n批了".to_owned(),
    );
    let templates = &Templates::from_sources(shipped().into_iter().chain([own])).unwrap();
    assert!(templates.messages().contains("first-filing/approved"));
    let (workflow, case, person) = (
        workflow("first-filing"),
        case("first-filing"),
        person("client", Lang::Zh),
    );
    let scope = scope(templates, &case, &workflow, None, &person);
    let mail = compose(
        &intent("approved", Cause::Manual, false),
        0,
        Channel::Mail,
        &scope,
        at(NOW),
    )
    .unwrap();
    assert_eq!((mail.subject.as_str(), mail.text.as_str()), ("好", "批了"));
}

#[test]
fn a_workflow_that_names_missing_words_is_told() {
    let mut workflow = workflow("police-filing");
    for template in ["police-filing/police_number", "police-filing/nothing"] {
        workflow.transitions[0].notify.push(Notify {
            template: template.to_owned(),
            to: Vec::new(),
            via: Vec::new(),
            urgent: false,
        });
    }
    let problems: Vec<String> = templates()
        .check(&workflow)
        .iter()
        .map(ToString::to_string)
        .collect();
    let missing = problems
        .iter()
        .filter(|p| p.contains("there is none"))
        .count();
    assert_eq!(missing, 2, "{problems:?}");
    // This workflow declares no fields at all.
    let unknown = "workflow police-filing has no field `police.number`";
    assert!(
        problems.iter().any(|p| p.ends_with(unknown)),
        "{problems:?}"
    );
}

#[test]
fn parties_come_before_staff() {
    let member = |name: &str, role: &str| StaffMember {
        name: name.to_owned(),
        roles: vec![role.to_owned()],
        ..StaffMember::default()
    };
    let staff = Staff::new(vec![
        member("甲", "handler"),
        member("乙", "lead"),
        member("丙", "lead"),
    ]);
    let case = case("first-filing");
    for (role, nth, expected) in [
        ("handler", 0, Some("小周")),
        ("handler", 1, None),
        ("lead", 0, Some("乙")),
        ("lead", 1, Some("丙")),
        ("lead", 2, None),
        ("accountant", 0, None),
    ] {
        let found = staff.resolve(&case, role, nth).map(|p| p.name);
        assert_eq!(found.as_deref(), expected, "{role} {nth}");
    }
}

#[test]
fn robots_are_taken_by_channel() {
    let person = Person {
        robots: vec!["wecom:sales".to_owned(), "all".to_owned()],
        ..person("handler", Lang::Zh)
    };
    let robot = |name: &str| Some(Address::Robot(name.to_owned()));
    assert_eq!(person.address(Channel::Wecom), robot("sales"));
    assert_eq!(person.address(Channel::Feishu), robot("all"));
}

#[test]
fn nothing_personal_is_shown_by_debug() {
    let clock = deadline("duty", "2026-02-15T17:30:00+08:00");
    let case = case("first-filing");
    let person = person("client", Lang::Zh);
    let mail = composed(
        "sms_code",
        rung("duty"),
        Channel::Mail,
        &case,
        &clock,
        &person,
    );
    let shown = format!("{mail:?} {person:?}");
    for hidden in ["wang@", "13800000001", "王建国", "验证码"] {
        assert!(!shown.contains(hidden), "{hidden} in {shown}");
    }
    assert!(
        shown.contains("w***@example.cn") && shown.contains("138****0001"),
        "{shown}"
    );
}

#[test]
fn settings_become_routes() {
    let settings = |json: serde_json::Value| serde_json::from_value::<Settings>(json);
    let good = serde_json::json!({
        "providers": {
            "folder": { "kind": "folder" },
            "mail": { "kind": "smtp", "host": "localhost", "tls": "none", "from": "a@agency.example" },
        },
        "routes": { "channels": { "mail": "mail", "sms": "folder" }, "urgent": { "mail": "folder" } },
    });
    let parsed = settings(good.clone()).unwrap();
    assert!(matches!(
        parsed.providers["mail"],
        ProviderSettings::Smtp(_)
    ));
    let dir = tempfile::tempdir().unwrap();
    let router = build(&parsed, dir.path()).unwrap();
    let name = |channel, urgent| router.route(channel, urgent).map(|p| p.name().to_owned());
    assert_eq!(name(Channel::Mail, false).as_deref(), Ok("mail"));
    assert_eq!(name(Channel::Mail, true).as_deref(), Ok("folder"));
    assert_eq!(name(Channel::Sms, true).as_deref(), Ok("folder"));
    assert!(name(Channel::Wecom, false).is_err());

    let mut astray = parsed.clone();
    astray
        .routes
        .channels
        .insert(Channel::Sms, "fodler".to_owned());
    let error = build(&astray, dir.path()).unwrap_err().to_string();
    assert_eq!(
        error,
        "NT0011: channel `sms` is routed to `fodler`, but there is no [providers.fodler]"
    );

    let mut misspelt = good;
    misspelt["providers"]["mail"]["hots"] = "x".into();
    let error = settings(misspelt).unwrap_err().to_string();
    assert!(error.contains("unknown field `hots`"), "{error}");
}
