//! One random history, applied to two stores whose answers must stay the same.

use std::sync::Arc;

use qixian_core::{Case, LegStatus, OutboxId, Value};
use qixian_time::Timestamp;

use super::samples::{at, case, deadline, definition, id, message, next, record, seen, write};
use crate::{
    CaseQuery, CaseWrite, Commit, DefinitionText, Group, MessageQuery, OutboxEntry, OutboxWrite,
    Record, RecordKind, RecordWrite, Resolution, Store, TimerRow,
};

const STATES: [&str; 3] = ["collecting", "review", "approved"];
const WORKFLOWS: [&str; 2] = ["first-filing", "police-filing"];
const KINDS: [RecordKind; 3] = [RecordKind::Client, RecordKind::Contact, RecordKind::Asset];
const STATUSES: [LegStatus; 8] = [
    LegStatus::Queued,
    LegStatus::Held,
    LegStatus::Sending,
    LegStatus::Accepted,
    LegStatus::Delivered,
    LegStatus::Moot,
    LegStatus::Dead,
    LegStatus::Unknown,
];

/// Applies a random history of `groups` groups to both stores, some of them to be refused, and compares every answer now
/// and then. The seed is printed.
///
/// # Panics
/// When the stores differ.
#[allow(
    clippy::print_stderr,
    reason = "the seed is what somebody needs to repeat a failure"
)]
pub async fn seeded_history(seed: u64, groups: usize, one: &dyn Store, other: &dyn Store) {
    eprintln!("SEED={seed}");
    let mut history = History::new(seed);
    for step in 0..groups {
        let group = history.group();
        let first = one.submit(group.clone()).wait().await;
        let second = other.submit(group.clone()).wait().await;
        let refused = |resolution: &Resolution| matches!(resolution, Resolution::Refused(_));
        assert_eq!(
            refused(&first),
            refused(&second),
            "seed {seed}, step {step}"
        );
        if refused(&first) {
            history.forget_last();
        } else {
            assert_eq!(first, second, "seed {seed}, step {step}");
        }
        if step % 16 == 15 || step + 1 == groups {
            let queries = history.queries();
            compare(one, other, &queries.0, &queries.1).await;
        }
    }
}

/// Compares every answer of two stores: point reads of what they list, and lists by the queries given.
///
/// # Panics
/// When the stores differ.
pub async fn compare(
    one: &dyn Store,
    other: &dyn Store,
    cases: &[CaseQuery],
    messages: &[MessageQuery],
) {
    for query in [CaseQuery::default()].iter().chain(cases) {
        let found = every_case(one, query, 7).await;
        assert_eq!(found, every_case(other, query, 500).await, "{query:?}");
        for case in found {
            compare_case(one, other, &case).await;
        }
    }
    for query in [MessageQuery::default()].iter().chain(messages) {
        let found = every_message(one, query, 5).await;
        assert_eq!(found, every_message(other, query, 500).await, "{query:?}");
        let ids: Vec<OutboxId> = found.iter().map(|entry| entry.intent.id).collect();
        let stored: Vec<_> = found.into_iter().map(Some).collect();
        assert_eq!(one.outbox(&ids).await.expect("reads"), stored);
        assert_eq!(other.outbox(&ids).await.expect("reads"), stored);
    }
    let due = async |store: &dyn Store| {
        let timers = store.timers_due(Timestamp::MAX, None, 9_999).await;
        let timers = timers.expect("reads");
        let middle: Option<TimerRow> = timers.get(timers.len() / 2).copied();
        let later = store.timers_due(at(600), middle, 5).await.expect("reads");
        let outbox = store.outbox_due(at(500), None, 9_999).await.expect("reads");
        (timers, later, outbox)
    };
    assert_eq!(due(one).await, due(other).await);
    let events: Vec<String> = (0..60).map(|n| format!("key-{n}")).collect();
    assert_eq!(one.seen(&events).await, other.seen(&events).await);
    assert_eq!(
        one.forget_seen(at(200), 3).await,
        other.forget_seen(at(200), 3).await
    );
    assert_eq!(one.seen(&events).await, other.seen(&events).await);
    for name in WORKFLOWS {
        let name = definition(name);
        assert_eq!(one.definition(&name).await, other.definition(&name).await);
    }
    for kind in KINDS {
        for client in [None, Some(id(1)), Some(id(2))] {
            let first = one.records(kind, client, None, 500).await;
            assert_eq!(first, other.records(kind, client, None, 500).await);
        }
    }
}

async fn compare_case(one: &dyn Store, other: &dyn Store, case: &Arc<Case>) {
    let read = one.cases(&[case.id]).await.expect("reads");
    assert_eq!(read, [Some(case.clone())]);
    assert_eq!(read, other.cases(&[case.id]).await.expect("reads"));
    let owner = one.case_by_reference(&case.reference).await;
    assert_eq!(owner, Ok(Some(case.id)));
    assert_eq!(owner, other.case_by_reference(&case.reference).await);
    let lines = one.journal(case.id, 1, 999).await.expect("reads");
    assert_eq!(lines.len() as u64, case.rev - 1);
    assert_eq!(lines, other.journal(case.id, 1, 999).await.expect("reads"));
}

async fn every_case(store: &dyn Store, query: &CaseQuery, limit: usize) -> Vec<Arc<Case>> {
    let (mut found, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = store.list(query, cursor.as_deref(), limit).await;
        let page = page.expect("reads");
        found.extend(page.items);
        match page.next {
            Some(next) => cursor = Some(next),
            None => return found,
        }
    }
}

async fn every_message(store: &dyn Store, query: &MessageQuery, limit: usize) -> Vec<OutboxEntry> {
    let (mut found, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = store.messages(query, cursor.as_deref(), limit).await;
        let page = page.expect("reads");
        found.extend(page.items);
        match page.next {
            Some(next) => cursor = Some(next),
            None => return found,
        }
    }
}

/// What was written so far, and dice.
struct History {
    dice: Dice,
    now: Model,
    before: Model,
}

#[derive(Clone, Default)]
struct Model {
    cases: Vec<Arc<Case>>,
    messages: Vec<OutboxEntry>,
    records: Vec<Record>,
}

impl History {
    fn new(seed: u64) -> Self {
        Self {
            dice: Dice(seed),
            now: Model::default(),
            before: Model::default(),
        }
    }

    fn forget_last(&mut self) {
        self.now = self.before.clone();
    }

    fn group(&mut self) -> Group {
        self.before = self.now.clone();
        let commits = (0..1 + self.dice.below(3)).map(|_| self.commit()).collect();
        Group { commits }
    }

    fn commit(&mut self) -> Commit {
        let mut commit = Commit::default();
        for _ in 0..1 + self.dice.below(2) {
            commit.cases.push(self.case());
        }
        for _ in 0..self.dice.below(3) {
            commit.outbox.push(self.message());
        }
        if self.dice.below(3) == 0 {
            commit.records.push(self.record());
        }
        if self.dice.below(2) == 0 {
            let event = format!("key-{}", self.dice.below(60));
            commit.seen = Some(seen(&event, at(self.dice.seconds())));
        }
        if self.dice.below(10) == 0 {
            let definition = definition(self.dice.pick(&WORKFLOWS));
            let text = Arc::from("text ".repeat(self.dice.below(3_000) as usize));
            commit.definitions.push(DefinitionText { definition, text });
        }
        commit
    }

    fn case(&mut self) -> CaseWrite {
        let known = self.now.cases.len() as u64;
        if known == 0 || self.dice.below(3) == 0 {
            let mut new = case(known + 1);
            new.workflow = definition(self.dice.pick(&WORKFLOWS));
            self.change(&mut new);
            let written = write(None, new);
            self.now.cases.push(written.case.clone());
            return written;
        }
        let index = self.dice.below(known) as usize;
        let mut before = self.now.cases[index].clone();
        if self.dice.below(25) == 0 {
            let mut stale = (*before).clone();
            stale.rev += 5;
            before = Arc::new(stale);
        }
        let written = next(&before, |case| self.change(case));
        self.now.cases[index] = written.case.clone();
        written
    }

    fn change(&mut self, case: &mut Case) {
        case.state = (self.dice.pick(&STATES)).to_owned();
        case.deadlines = (0..self.dice.below(3))
            .map(|n| deadline(&format!("deadline_{n}"), at(self.dice.seconds()), 2))
            .collect();
        if self.dice.below(3) == 0 {
            case.client = Some(id(1 + self.dice.below(3))).filter(|client| *client != id(3));
            case.assets = (0..self.dice.below(3)).map(|n| id(10 + n)).collect();
            case.title = format!("{}公司{}", self.dice.pick(&["Ab", "aB", "兰州"]), case.rev);
        }
        if self.dice.below(6) == 0 {
            // Among few references, so that some are taken.
            case.reference = format!("R-{}", self.dice.below(40));
        }
        let length = [0, 10, 300, 5_000, 20_000][self.dice.below(5) as usize];
        let text = Value::Text("文".repeat(length / 3));
        case.fields.insert("text".to_owned(), text);
    }

    fn message(&mut self) -> OutboxWrite {
        let known = self.now.messages.len() as u64;
        let statuses = [self.dice.pick(&STATUSES), self.dice.pick(&STATUSES)];
        let waits = |s: &LegStatus| matches!(s, LegStatus::Queued | LegStatus::Sending);
        let seconds = self.dice.seconds();
        let next_at = statuses.iter().any(waits).then(|| at(seconds));
        if known == 0 || self.dice.below(2) == 0 {
            let entry = message(1 + self.dice.below(9), known, next_at, &statuses);
            self.now.messages.push(entry.clone());
            return OutboxWrite {
                due_before: None,
                entry,
            };
        }
        let old = &mut self.now.messages[self.dice.below(known) as usize];
        let mut entry = message(1, 1, next_at, &statuses);
        entry.intent = old.intent.clone();
        let due_before = old.next_at;
        *old = entry.clone();
        OutboxWrite { due_before, entry }
    }

    fn record(&mut self) -> RecordWrite {
        let kind = self.dice.pick(&KINDS);
        let number = 1 + self.dice.below(9);
        let client = Some(self.dice.below(3)).filter(|client| *client > 0);
        let mut after = Some(record(kind, number, client));
        let place = (self.now.records.iter()).position(|r| (r.kind, r.id) == (kind, id(number)));
        let before = place.map(|place| self.now.records.swap_remove(place));
        if let (Some(before), Some(after)) = (&before, &mut after) {
            after.rev = before.rev + 1;
        }
        if before.is_some() && self.dice.below(3) == 0 {
            after = None;
        }
        self.now.records.extend(after.clone());
        let key = (kind, id(number));
        RecordWrite { before, after, key }
    }

    fn queries(&mut self) -> (Vec<CaseQuery>, Vec<MessageQuery>) {
        (
            (0..6).map(|_| self.case_query()).collect(),
            (0..6).map(|_| self.message_query()).collect(),
        )
    }

    fn case_query(&mut self) -> CaseQuery {
        let texts = ["ab", "AB公司1", "兰", "R-7", "QX-2026-000002", "x"];
        let dice = &mut self.dice;
        CaseQuery {
            workflow: dice.maybe(2).then(|| (dice.pick(&WORKFLOWS)).to_owned()),
            state: dice.maybe(2).then(|| (dice.pick(&STATES)).to_owned()),
            q: dice.maybe(4).then(|| (dice.pick(&texts)).to_owned()),
            due_before: dice.maybe(3).then(|| at(dice.seconds())),
            client: dice.maybe(4).then(|| id(1 + dice.below(3))),
            asset: dice.maybe(4).then(|| id(10 + dice.below(3))),
        }
    }

    fn message_query(&mut self) -> MessageQuery {
        let dice = &mut self.dice;
        MessageQuery {
            case: dice.maybe(3).then(|| id(1 + dice.below(9))),
            status: dice.maybe(2).then(|| dice.pick(&STATUSES)),
        }
    }
}

/// SplitMix64: the same numbers for the same seed, everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    fn maybe(&mut self, in_so_many: u64) -> bool {
        self.below(in_so_many) == 0
    }

    fn seconds(&mut self) -> i64 {
        i64::try_from(self.below(1_000)).unwrap_or(0)
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}
