//! Cases, lines and messages to store.

use std::sync::Arc;

use qixian_core::{
    Actor, Case, CaseId, Cause, Channel, ClockState, Deadline, DefinitionRef, JournalLine, Leg,
    LegStatus, OutboxId, PackRef, Party, ReminderIntent, Rung, RungState, Value, What,
};
use qixian_time::Timestamp;

use crate::{
    CaseWrite, Commit, Group, LegState, OutboxEntry, OutboxWrite, Record, RecordKind, Resolution,
    Seen, Store,
};

/// The instant so many seconds after 2026-01-01T00:00:00Z.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis((1_767_225_600 + seconds) * 1_000)
}

/// The id of a number; ids of greater numbers are greater.
pub fn id(number: u64) -> CaseId {
    let mut bytes = [0; 16];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    CaseId::from_bytes(bytes)
}

/// A case at rev 1 in `collecting` of `first-filing`, without deadlines.
pub fn case(number: u64) -> Case {
    Case {
        id: id(number),
        root: id(number),
        parent: None,
        reference: format!("QX-2026-{number:06}"),
        title: format!("兰州第{number}食品有限公司"),
        workflow: definition("first-filing"),
        pack: PackRef::default(),
        state: "collecting".to_owned(),
        entered_at: at(0),
        began_at: at(0),
        rev: 1,
        edit_rev: 1,
        round: 0,
        fields: Default::default(),
        parties: Vec::new(),
        deadlines: Vec::new(),
        confirmed: Vec::new(),
        flags: Vec::new(),
        items: Vec::new(),
        children: Vec::new(),
        presumed: None,
        closed: false,
        held: false,
        client: None,
        assets: Vec::new(),
    }
}

/// Version 1 of a definition.
pub fn definition(id: &str) -> DefinitionRef {
    DefinitionRef {
        id: id.to_owned(),
        version: 1,
        digest: "0123456789abcdef".to_owned(),
    }
}

/// An armed deadline with as many pending rungs, a minute apart.
pub fn deadline(name: &str, due: Timestamp, rungs: i64) -> Deadline {
    let rung = |n| Rung {
        steps: vec![0],
        at: due.saturating_sub_millis(60_000 * (rungs - n)),
        state: RungState::Pending,
    };
    Deadline {
        name: name.to_owned(),
        generation: 1,
        clock: ClockState::Armed,
        started_at: Some(at(0)),
        started_as_day: false,
        assumed: false,
        due_at: Some(due),
        earliest_at: None,
        provisional: false,
        length: None,
        pauses: Vec::new(),
        moved: None,
        rungs: (0..rungs).map(rung).collect(),
        assume_at: None,
        late_recorded: false,
    }
}

/// `case` with one armed deadline.
pub fn due(mut case: Case, due_at: Timestamp) -> Case {
    case.deadlines = vec![deadline("sms_check", due_at, 1)];
    case
}

/// What an agency usually knows of a first filing in Gansu: fifteen fields, four people, three deadlines of eight rungs.
pub fn usual_case() -> Case {
    let text = |text: &str| Value::Text(text.to_owned());
    let party = |role: &str, name: &str, mobile: &str| Party {
        role: role.to_owned(),
        name: name.to_owned(),
        mobile: Some(mobile.to_owned()),
        email: Some(format!("{role}@example.cn")),
        ..Party::default()
    };
    let mut case = case(1);
    let subject = [
        ("nature", "enterprise"),
        ("name", "兰州黄河食品有限公司"),
        ("province", "甘肃"),
        ("address", "兰州市城关区庆阳路100号"),
    ];
    let subject = subject.map(|(name, value)| (name.to_owned(), text(value)));
    let certificate = [
        ("kind", "business_licence"),
        ("number", "91620102MA71ABCD2X"),
    ];
    let certificate = certificate.map(|(name, value)| (name.to_owned(), text(value)));
    let site = [
        ("name", "黄河食品"),
        ("domain", "huanghe-food.cn"),
        ("registrar", "aliyun"),
        ("content", "corporate"),
    ];
    let site = site.map(|(name, value)| (name.to_owned(), text(value)));
    let server = [
        ("provider", "aliyun"),
        ("product", "ecs"),
        ("region", "cn-hangzhou"),
        ("expires_on", "2027-10-01"),
        ("service_code", "32a43232-a888-88e8-b9ec-00888be8888f"),
    ];
    let server = server.map(|(name, value)| (name.to_owned(), text(value)));
    case.fields = [("subject", subject.to_vec()), ("site", site.to_vec())]
        .into_iter()
        .chain([
            ("server", server.to_vec()),
            ("certificate", certificate.to_vec()),
        ])
        .map(|(name, fields)| (name.to_owned(), Value::Record(fields.into_iter().collect())))
        .collect();
    case.parties = vec![
        party("principal", "王建国", "13800138000"),
        party("site_owner", "李秀英", "13900139000"),
        party("client", "赵敏", "13700137000"),
        party("handler", "陈静", "13600136000"),
    ];
    case.deadlines = vec![
        deadline("provider_review", at(86_400), 8),
        deadline("sms_check", at(172_800), 8),
        deadline("bureau_review", at(1_728_000), 8),
    ];
    case.client = Some(id(900));
    case.assets = vec![id(901)];
    case
}

/// The journal line of a case's last event.
pub fn line(case: &Case, what: What) -> JournalLine {
    JournalLine {
        seq: case.rev,
        id: format!("event-{}-{}", case.id, case.rev),
        event: what.name().to_owned(),
        from: case.state.clone(),
        to: case.state.clone(),
        occurred_at: at(0),
        recorded_at: at(1),
        by: Actor::system("test"),
        note: Some("备注".to_owned()),
        what,
        deadlines: Vec::new(),
    }
}

/// The write that makes `case` of `before`; its wake-up row stands where it is next due.
pub fn write(before: Option<&Arc<Case>>, case: Case) -> CaseWrite {
    CaseWrite {
        before: before.cloned(),
        journal: Some(line(&case, What::Note)),
        wake_before: before.and_then(|case| case.next_due()),
        wake_after: case.next_due(),
        case: Arc::new(case),
    }
}

/// `case` changed by `change`, one rev later.
pub fn next(case: &Arc<Case>, change: impl FnOnce(&mut Case)) -> CaseWrite {
    let mut after = (**case).clone();
    after.rev += 1;
    change(&mut after);
    write(Some(case), after)
}

/// A message with one leg for each status given, looked at next at `next_at`.
pub fn message(
    case: u64,
    seq: u64,
    next_at: Option<Timestamp>,
    statuses: &[LegStatus],
) -> OutboxEntry {
    let leg = Leg {
        role: "principal".to_owned(),
        nth: 0,
        via: vec![Channel::Sms, Channel::Mail],
    };
    let state = |status: &LegStatus| LegState {
        status: *status,
        channel: 0,
        next_at: next_at.filter(|_| !status.is_final()),
        attempts: Vec::new(),
        receipt: None,
    };
    OutboxEntry {
        intent: ReminderIntent {
            id: OutboxId {
                case: id(case),
                seq,
                index: 0,
            },
            cause: Cause::Manual,
            template: "first-filing/sms_check".to_owned(),
            legs: vec![leg; statuses.len()],
            urgent: false,
            held: false,
            created_at: at(0),
            give_up_at: None,
        },
        legs: statuses.iter().map(state).collect(),
        next_at,
    }
}

/// A record of a client's, at rev 1.
pub fn record(kind: RecordKind, number: u64, client: Option<u64>) -> Record {
    Record {
        kind,
        id: id(number),
        rev: 1,
        title: format!("记录{number}"),
        client: client.map(id),
        fields: Default::default(),
        changed_at: at(0),
    }
}

/// An idempotency record.
pub fn seen(event: &str, handled: Timestamp) -> Seen {
    Seen {
        id: event.to_owned(),
        digest: [7; 32],
        case: id(1),
        rev: 1,
        at: handled,
    }
}

/// A group of one commit of these cases.
pub fn cases(writes: impl IntoIterator<Item = CaseWrite>) -> Group {
    group([Commit {
        cases: writes.into_iter().collect(),
        ..Commit::default()
    }])
}

/// A group of one commit of these messages.
pub fn messages(writes: impl IntoIterator<Item = (Option<Timestamp>, OutboxEntry)>) -> Group {
    let write = |(due_before, entry)| OutboxWrite { due_before, entry };
    group([Commit {
        outbox: writes.into_iter().map(write).collect(),
        ..Commit::default()
    }])
}

/// A group.
pub fn group(commits: impl IntoIterator<Item = Commit>) -> Group {
    Group {
        commits: commits.into_iter().collect(),
    }
}

/// Submits a group and waits until it is durable.
pub async fn durable(store: &dyn Store, group: Group) {
    assert_eq!(store.submit(group).wait().await, Resolution::Durable);
}

/// Submits a group and waits until it is refused.
pub async fn refused(store: &dyn Store, group: Group) {
    let resolution = store.submit(group).wait().await;
    assert!(
        matches!(resolution, Resolution::Refused(_)),
        "{resolution:?}"
    );
}
