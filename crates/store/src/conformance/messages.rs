//! The outbox.

use qixian_core::{LegStatus, OutboxId};

use super::samples::{at, durable, id, message, messages};
use crate::{MessageQuery, OutboxRow, Store};

async fn check(store: &dyn Store, case: Option<u64>, status: Option<LegStatus>, expected: &[u64]) {
    let query = MessageQuery {
        case: case.map(id),
        status,
    };
    for limit in [1, 2, 500] {
        let mut found = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let page = store
                .messages(&query, cursor.as_deref(), limit)
                .await
                .expect("reads");
            assert!(page.items.len() <= limit);
            let number = |id: OutboxId| u64::from(id.case.as_bytes()[15]) * 10 + id.seq;
            found.extend(page.items.iter().map(|entry| number(entry.intent.id)));
            match page.next {
                Some(next) => cursor = Some(next),
                None => break,
            }
        }
        assert_eq!(found, expected, "{query:?} by {limit}");
    }
}

pub(super) async fn due_rows_follow_the_entry(store: &dyn Store) {
    let queued = message(1, 1, Some(at(10)), &[LegStatus::Queued]);
    let other = message(2, 1, Some(at(10)), &[LegStatus::Queued]);
    durable(
        store,
        messages([(None, other.clone()), (None, queued.clone())]),
    )
    .await;
    let row = |entry: &crate::OutboxEntry, seconds| OutboxRow {
        at: at(seconds),
        id: entry.intent.id,
    };
    let due = async |until, after, limit| {
        store
            .outbox_due(at(until), after, limit)
            .await
            .expect("reads")
    };
    assert_eq!(due(9, None, 9).await, []);
    assert_eq!(due(10, None, 9).await, [row(&queued, 10), row(&other, 10)]);
    assert_eq!(due(10, None, 1).await, [row(&queued, 10)]);
    assert_eq!(due(10, Some(row(&queued, 10)), 9).await, [row(&other, 10)]);
    let retried = message(1, 1, Some(at(50)), &[LegStatus::Queued]);
    let done = message(2, 1, None, &[LegStatus::Accepted]);
    let settled = [
        (Some(at(10)), retried.clone()),
        (Some(at(10)), done.clone()),
    ];
    durable(store, messages(settled)).await;
    assert_eq!(due(99, None, 9).await, [row(&retried, 50)]);
    let ids = [
        done.intent.id,
        OutboxId {
            index: 7,
            ..done.intent.id
        },
        retried.intent.id,
    ];
    let read = store.outbox(&ids).await.expect("reads");
    assert_eq!(read, [Some(done), None, Some(retried)]);
}

pub(super) async fn by_status_and_case(store: &dyn Store) {
    use LegStatus::{Accepted, Dead, Held, Queued, Sending, Unknown};
    let soon = Some(at(10));
    let all = [
        message(3, 1, None, &[Held]),
        message(1, 2, soon, &[Queued, Dead]),
        message(1, 1, soon, &[Sending]),
        message(2, 1, None, &[Accepted, Dead]),
        message(2, 3, None, &[Unknown]),
        message(2, 2, soon, &[Queued]),
    ];
    durable(store, messages(all.map(|entry| (None, entry)))).await;
    check(store, None, None, &[11, 12, 21, 22, 23, 31]).await;
    check(store, Some(2), None, &[21, 22, 23]).await;
    check(store, Some(4), None, &[]).await;
    check(store, None, Some(Dead), &[12, 21]).await;
    check(store, Some(2), Some(Dead), &[21]).await;
    check(store, None, Some(Queued), &[12, 22]).await;
    check(store, None, Some(Sending), &[11]).await;
    check(store, None, Some(Held), &[31]).await;
    check(store, None, Some(Unknown), &[23]).await;
    check(store, None, Some(Accepted), &[21]).await;
    let released = message(3, 1, soon, &[Queued]);
    let looked_up = message(2, 3, None, &[Accepted]);
    let moot = message(1, 2, None, &[LegStatus::Moot, Dead]);
    durable(
        store,
        messages([(None, released), (None, looked_up), (soon, moot)]),
    )
    .await;
    check(store, None, Some(Held), &[]).await;
    check(store, None, Some(Unknown), &[]).await;
    check(store, None, Some(Queued), &[22, 31]).await;
    check(store, None, Some(Accepted), &[21, 23]).await;
    check(store, None, Some(Dead), &[12, 21]).await;
    check(store, None, Some(LegStatus::Moot), &[12]).await;
}
