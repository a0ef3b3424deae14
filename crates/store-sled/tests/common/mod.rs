//! A small agency: some of everything that a store holds, all of it as it should be.

use std::path::Path;

use qixian_store::conformance::samples::{
    at, case, definition, due, durable, group, id, line, message, record, seen, usual_case, write,
};
use qixian_store::core::{
    Actor, Case, Channel, Correction, Fields, LegStatus, MoveTo, Party, PartyChange, StartCase,
    Value, What, next_wake,
};
use qixian_store::kv::dump::{About, Finding, export};
use qixian_store::{
    Attempt, CaseWrite, Commit, DefinitionText, OutboxWrite, RecordKind, RecordWrite,
};
use qixian_store_sled::{Offline, Options, SledStore};

/// How many lines the journal of the first case has.
#[allow(dead_code, reason = "not every test counts")]
pub(crate) const LINES: u64 = 17;

#[allow(dead_code, reason = "not every test opens so")]
pub(crate) fn open(dir: &Path) -> SledStore {
    SledStore::open(dir, &Options::default()).expect("opens")
}

#[allow(dead_code, reason = "not every test opens so")]
pub(crate) fn offline(dir: &Path) -> Offline {
    Offline::open(dir, &Options::default()).expect("opens")
}

/// Makes the agency's store in `dir`, with so many plain cases beside, and closes it.
#[allow(dead_code, reason = "not every test needs it")]
pub(crate) async fn agency(dir: &Path, plain: u64) {
    let store = open(dir);
    let mut first = Commit {
        definitions: vec![DefinitionText {
            definition: definition("first-filing"),
            text: "title = \"首次备案\"\n".repeat(400).into(),
        }],
        seen: Some(seen("key-1", at(5))),
        ..Commit::default()
    };
    first.cases.push(begun(usual_case()));
    for (kind, number, client) in [
        (RecordKind::Client, 900, None),
        (RecordKind::Asset, 901, Some(900)),
        (RecordKind::Contact, 902, Some(900)),
    ] {
        let after = record(kind, number, client);
        let key = (kind, after.id);
        let (before, after) = (None, Some(after));
        first.records.push(RecordWrite { before, after, key });
    }
    durable(&store, group([first])).await;
    everything_happens(&store).await;
    let mut second = Commit::default();
    second.cases.push(begun(due(case(2), at(4_000))));
    second.cases.push(begun(large(case(3))));
    for (case, next_at, statuses) in [
        (
            1,
            Some(at(50)),
            vec![LegStatus::Queued, LegStatus::Delivered],
        ),
        (
            2,
            None,
            vec![LegStatus::Dead, LegStatus::Held, LegStatus::Unknown],
        ),
    ] {
        let mut entry = message(case, 1, next_at, &statuses);
        entry.legs[0].attempts.push(Attempt {
            at: at(40),
            channel: Channel::Sms,
            provider: "folder".to_owned(),
            outcome: "transient".to_owned(),
            detail: "E503 忙".to_owned(),
        });
        let due_before = None;
        second.outbox.push(OutboxWrite { due_before, entry });
    }
    durable(&store, group([second])).await;
    for number in 0..plain {
        let mut case = due(
            usual_case(),
            at(10_000 + i64::try_from(number).expect("small")),
        );
        case.id = id(10_000 + number * 7_919 % 1_000_003);
        case.reference = format!("P-{number}");
        let commit = Commit {
            cases: vec![begun(case)],
            ..Commit::default()
        };
        durable(&store, group([commit])).await;
    }
}

/// The write of a case that begins, with its wake-up where it belongs.
pub(crate) fn begun(case: Case) -> CaseWrite {
    let mut written = write(None, case);
    written.wake_after = next_wake(&written.case);
    written
}

fn large(mut case: Case) -> Case {
    // Does not pack well, so that it takes several pieces.
    let mut number = 7_u64;
    let mut noise = || {
        number = number.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        Value::Int((number >> 1).cast_signed())
    };
    let list = (0..1_500).map(|_| noise()).collect();
    case.fields.insert("noise".to_owned(), Value::List(list));
    case
}

/// A journal with every kind of event in it.
async fn everything_happens(store: &SledStore) {
    let why = || "因为".to_owned();
    let deadline = || "sms_check".to_owned();
    let values = [
        Value::Null,
        Value::Bool(true),
        Value::Int(i64::MIN),
        Value::Number(0.1 + 0.2),
        Value::Number(-1e300),
        Value::Text("\u{1}“引号”\n\u{10ffff}".to_owned()),
        Value::List(vec![Value::Record(Fields::new())]),
    ];
    let fields = Fields::from([("all".to_owned(), Value::List(values.into()))]);
    let party = Party {
        role: "principal".to_owned(),
        ..Party::default()
    };
    let happened = [
        What::Start(Box::new(StartCase {
            parent: Some((id(8), id(9))),
            ..StartCase::default()
        })),
        What::Fact {
            event: "handed_in".to_owned(),
            party: Some("principal".to_owned()),
            fields: fields.clone(),
            override_reason: Some(why()),
        },
        What::Edit {
            fields: fields.clone(),
            title: Some("新标题".to_owned()),
            reference: None,
        },
        What::Party(PartyChange::Put { nth: 1, party }),
        What::Party(PartyChange::Remove {
            role: "client".to_owned(),
            nth: 0,
        }),
        What::Correct {
            seq: 2,
            change: Correction::Replace {
                occurred_at: Some(at(3)),
                fields,
                party: None,
            },
            reason: why(),
            history: None,
        },
        What::Close { reason: why() },
        What::Reopen { reason: why() },
        What::MoveDeadline {
            deadline: deadline(),
            to: MoveTo::At(at(90)),
            reason: why(),
        },
        What::PauseDeadline {
            deadline: deadline(),
            reason: why(),
        },
        What::ResumeDeadline {
            deadline: deadline(),
            reason: why(),
        },
        What::Recompute {
            load: "load-1".to_owned(),
            pack: None,
        },
        What::Wake,
        What::MessageDead {
            message: message(1, 1, None, &[]).intent.id,
            leg: 1,
            role: "lead".to_owned(),
        },
        What::ChildClosed {
            child: id(2),
            state: "done".to_owned(),
        },
        What::Release,
    ];
    let mut case = begun(usual_case()).case;
    for what in happened {
        let mut after = (*case).clone();
        after.rev += 1;
        let wake = next_wake(&after);
        let mut written = CaseWrite {
            before: Some(case.clone()),
            journal: Some(line(&after, what)),
            wake_before: wake,
            wake_after: wake,
            case: after.into(),
        };
        if let Some(line) = &mut written.journal {
            line.by = Actor {
                name: "王".to_owned(),
                roles: vec!["handler".to_owned()],
            };
        }
        case = written.case.clone();
        let commit = Commit {
            cases: vec![written],
            ..Commit::default()
        };
        durable(store, group([commit])).await;
    }
    assert_eq!(case.rev, LINES);
}

/// The lines of an export, and what it told.
pub(crate) fn exported(rows: &Offline) -> (Vec<String>, Vec<Finding>) {
    let about = About {
        version: "0.1.0",
        exported_at: at(0),
    };
    let (mut bytes, mut findings) = (Vec::new(), Vec::new());
    export(rows, &mut bytes, &about, &mut |finding| {
        findings.push(finding)
    })
    .expect("writes");
    let text = String::from_utf8(bytes).expect("UTF-8");
    (text.lines().map(str::to_owned).collect(), findings)
}

/// Changes rows beneath the store, as nothing but a fault would.
#[allow(dead_code, reason = "not every test looks beneath")]
pub(crate) fn beneath(dir: &Path, change: impl FnOnce(&sled::Db)) {
    // sled gives its lock free a moment after the last handle.
    let opened = (0..200).find_map(|_| {
        let opened = sled::open(dir).ok();
        if opened.is_none() {
            std::thread::park_timeout(std::time::Duration::from_millis(10));
        }
        opened
    });
    let db = opened.expect("opens");
    change(&db);
    db.flush().expect("flushes");
}
