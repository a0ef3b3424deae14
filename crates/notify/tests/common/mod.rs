//! A case and a workflow to speak of, and the shipped words.

#![allow(dead_code, reason = "each test binary uses some of these")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use indexmap::IndexMap;
use qixian_core::definition::{
    DeadlineDef, Kind, Length, LengthSource, Starts, State, TransitionDef,
};
use qixian_core::{
    Case, CaseId, Cause, Channel, ClockState, Deadline, DefinitionRef, Item, Lang, Leg, OutboxId,
    PackRef, Party, ReminderIntent, Schema, Words, Workflow,
};
use qixian_notify::{Address, ComposeScope, Message, Person, Recipient, SendContext, Templates};
use qixian_time::{Period, Timestamp, Zone};

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

pub(crate) fn case_id() -> CaseId {
    CaseId::new(1_770_000_000_000, [7; 10])
}

/// Every file below `config/templates`, path and text.
pub(crate) fn shipped() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/templates");
    let mut found = Vec::new();
    walk(&root, &mut found);
    found.sort();
    found
        .into_iter()
        .map(|path| {
            (
                path.display().to_string(),
                fs::read_to_string(&path).unwrap(),
            )
        })
        .collect()
}

fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// The shipped words, loaded once.
pub(crate) fn templates() -> &'static Templates {
    static SHIPPED: LazyLock<Templates> = LazyLock::new(|| {
        Templates::from_sources(shipped()).unwrap_or_else(|problems| {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            panic!("{}", lines.join("\n"))
        })
    });
    &SHIPPED
}

pub(crate) fn party(role: &str, name: &str, mobile: &str) -> Party {
    Party {
        role: role.to_owned(),
        name: name.to_owned(),
        mobile: Some(mobile.to_owned()),
        email: Some(format!("{role}@example.cn")),
        ..Party::default()
    }
}

pub(crate) fn case(workflow: &str) -> Case {
    let fields = serde_json::json!({
        "site": { "number": "陇ICP备2026000001号-1" },
        "police": { "number": "62010202000001" },
        "server": { "name": "web-1", "provider": "aliyun" },
    });
    let start = at("2026-02-09T09:00:00+08:00");
    Case {
        id: case_id(),
        root: case_id(),
        parent: None,
        reference: "QX-2026-000123".to_owned(),
        title: "兰州示例科技".to_owned(),
        workflow: DefinitionRef {
            id: workflow.to_owned(),
            version: 1,
            digest: "0".repeat(16),
        },
        pack: PackRef {
            id: "guide".to_owned(),
            version: 1,
        },
        state: "here".to_owned(),
        entered_at: start,
        began_at: start,
        rev: 7,
        edit_rev: 3,
        round: 1,
        fields: serde_json::from_value(fields).unwrap(),
        parties: vec![
            party("principal", "王建国", "13800000001"),
            party("site_owner", "李敏", "13800000002"),
            party("client", "赵会计", "13800000005"),
            party("handler", "小周", "13800000003"),
        ],
        deadlines: Vec::new(),
        confirmed: Vec::new(),
        flags: Vec::new(),
        items: vec![Item {
            round: 1,
            code: "site.name_too_short".to_owned(),
            field: "/site/name".to_owned(),
            words: "网站名称不合格".to_owned(),
            by: "bureau".to_owned(),
            done: false,
        }],
        children: Vec::new(),
        presumed: None,
        closed: false,
        held: false,
        client: None,
        assets: Vec::new(),
    }
}

/// A workflow with one state, an event both people must confirm, and one duty and one expectation.
pub(crate) fn workflow(id: &str) -> Workflow {
    let state = State {
        title: Words::new("短信核验", "SMS check"),
        help: Words::new(
            "按短信在管局网站完成核验。",
            "Pass the check on the bureau's site.",
        ),
        ..State::default()
    };
    let confirm = TransitionDef {
        event: "sms_verified".to_owned(),
        from: vec!["here".to_owned()],
        needs: vec!["principal".to_owned(), "site_owner".to_owned()],
        ..TransitionDef::default()
    };
    let deadlines = [
        (
            "duty",
            Words::new("提交材料", "Hand in documents"),
            Kind::Duty,
        ),
        (
            "wait",
            Words::new("对方答复", "Their answer"),
            Kind::Expectation,
        ),
    ];
    Workflow {
        id: id.to_owned(),
        version: 1,
        digest: String::new(),
        title: Words::new("首次备案", "First filing"),
        zone: Zone::shanghai(),
        calendar: "cn".to_owned(),
        initial: "here".to_owned(),
        watch: false,
        roles: Vec::new(),
        fields: Schema::default(),
        params: Default::default(),
        states: IndexMap::from([("here".to_owned(), state)]),
        transitions: vec![confirm],
        guards: IndexMap::new(),
        deadlines: deadlines
            .into_iter()
            .map(|(name, title, kind)| (name.to_owned(), deadline_def(title, kind)))
            .collect(),
        ladders: IndexMap::new(),
        text: Arc::from(""),
    }
}

fn deadline_def(title: Words, kind: Kind) -> DeadlineDef {
    DeadlineDef {
        title,
        kind,
        states: Vec::new(),
        when: None,
        starts: Starts::Entering,
        length: Length::Within(LengthSource::Fixed(Period::hours(48))),
        calendar: None,
        ladder: None,
        ask: None,
        missed: None,
        met_by: Vec::new(),
        pause_on: Vec::new(),
        resume_on: Vec::new(),
        holder: None,
        source: Words::default(),
    }
}

pub(crate) fn deadline(name: &str, due_at: &str) -> Deadline {
    Deadline {
        name: name.to_owned(),
        generation: 1,
        clock: ClockState::Armed,
        started_at: Some(at("2026-02-13T17:30:00+08:00")),
        started_as_day: false,
        assumed: false,
        due_at: Some(at(due_at)),
        earliest_at: None,
        provisional: false,
        length: None,
        pauses: Vec::new(),
        moved: None,
        rungs: Vec::new(),
        assume_at: None,
        late_recorded: false,
    }
}

pub(crate) fn rung(deadline: &str) -> Cause {
    Cause::Rung {
        deadline: deadline.to_owned(),
        generation: 1,
        rung: 0,
    }
}

pub(crate) fn intent(template: &str, cause: Cause, urgent: bool) -> ReminderIntent {
    ReminderIntent {
        id: OutboxId {
            case: case_id(),
            seq: 7,
            index: 0,
        },
        cause,
        template: template.to_owned(),
        legs: vec![Leg {
            role: "principal".to_owned(),
            nth: 0,
            via: vec![Channel::Sms, Channel::Mail],
        }],
        urgent,
        held: false,
        created_at: at("2026-02-13T17:30:00+08:00"),
        give_up_at: None,
    }
}

pub(crate) fn person(role: &str, lang: Lang) -> Person {
    let staff = role == "handler";
    let name = match (staff, lang) {
        (true, Lang::Zh) => "小周",
        (true, Lang::En) => "Zhou",
        (false, Lang::Zh) => "王建国",
        (false, Lang::En) => "Wang Jianguo",
    };
    Person {
        role: role.to_owned(),
        name: name.to_owned(),
        mobile: Some("13800000001".to_owned()),
        email: Some("wang@example.cn".to_owned()),
        robots: Vec::new(),
        lang,
        staff,
    }
}

pub(crate) fn scope<'a>(
    templates: &'a Templates,
    case: &'a Case,
    workflow: &'a Workflow,
    deadline: Option<&'a Deadline>,
    person: &'a Person,
) -> ComposeScope<'a> {
    ComposeScope {
        templates,
        case,
        workflow,
        deadline,
        person,
        related: &[],
        base_url: None,
    }
}

pub(crate) fn message(channel: Channel, address: Address) -> Message {
    Message {
        id: "01KGXSY6DG0WGE1R70W3GE1R70-7-0.0".to_owned(),
        case: case_id(),
        channel,
        recipient: Recipient {
            role: "principal".to_owned(),
            name: "王建国".to_owned(),
            address,
        },
        subject: "请完成短信核验".to_owned(),
        text: "您好：\n\n请按短信核验。".to_owned(),
        html: None,
        template: "zh/first-filing/sms_code".to_owned(),
        urgent: false,
        lang: Lang::Zh,
    }
}

pub(crate) fn mail_to(address: &str) -> Message {
    message(Channel::Mail, Address::Mail(address.to_owned()))
}

pub(crate) fn context(attempt: u32) -> SendContext {
    SendContext {
        idempotency_key: "01KGXSY6DG0WGE1R70W3GE1R70-7-0.0".to_owned(),
        give_up_at: None,
        attempt,
        now: at("2026-02-13T17:30:00+08:00"),
    }
}
