//! Definitions, records, idempotency records, large values and cursors.

use std::sync::Arc;

use qixian_core::{DefinitionRef, Value};

use super::samples::{
    at, case, cases, definition, durable, group, id, message, next, record, refused, seen, write,
};
use crate::{
    CaseQuery, Commit, DefinitionText, Error, MessageQuery, Record, RecordKind, RecordWrite, Store,
};

pub(super) async fn definitions_stay_as_first_written(store: &dyn Store) {
    let put = |version, text: &str| {
        let definition = DefinitionRef {
            version,
            ..definition("first-filing")
        };
        let text = Arc::from(text);
        group([Commit {
            definitions: vec![DefinitionText { definition, text }],
            ..Commit::default()
        }])
    };
    let long = "# 很长\n".repeat(5_000);
    durable(store, put(1, &long)).await;
    durable(store, put(1, "another")).await;
    durable(store, put(2, "second")).await;
    for (version, expected) in [(1, Some(long.as_str())), (2, Some("second")), (3, None)] {
        let wanted = DefinitionRef {
            version,
            ..definition("first-filing")
        };
        let read = store.definition(&wanted).await.expect("reads");
        assert_eq!(read.as_deref(), expected);
    }
}

fn put(before: Option<Record>, after: Option<Record>) -> Commit {
    let key = after
        .as_ref()
        .or(before.as_ref())
        .map(|record| (record.kind, record.id))
        .expect("one of them is there");
    Commit {
        records: vec![RecordWrite { before, after, key }],
        ..Commit::default()
    }
}

pub(super) async fn records_are_put_listed_and_removed(store: &dyn Store) {
    use RecordKind::{Asset, Client, Contact};
    let all = [
        record(Client, 1, None),
        record(Contact, 4, Some(1)),
        record(Contact, 3, Some(2)),
        record(Asset, 4, Some(1)),
        record(Contact, 2, Some(1)),
    ];
    durable(
        store,
        group(all.clone().map(|record| put(None, Some(record)))),
    )
    .await;
    let listed = async |kind, client: Option<u64>| {
        let (mut ids, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let page = store
                .records(kind, client.map(id), cursor.as_deref(), 1)
                .await
                .expect("reads");
            ids.extend(page.items.iter().map(|r| r.id.as_bytes()[15]));
            match page.next {
                Some(next) => cursor = Some(next),
                None => return ids,
            }
        }
    };
    assert_eq!(listed(Contact, None).await, [2, 3, 4]);
    assert_eq!(listed(Contact, Some(1)).await, [2, 4]);
    assert_eq!(listed(Asset, Some(1)).await, [4]);
    assert_eq!(listed(Asset, Some(2)).await, [] as [u8; 0]);
    let moved = Record {
        rev: 2,
        client: Some(id(2)),
        ..all[4].clone()
    };
    refused(store, group([put(None, Some(moved.clone()))])).await;
    let removal = put(Some(all[1].clone()), None);
    let change = put(Some(all[4].clone()), Some(moved.clone()));
    durable(store, group([change, removal.clone()])).await;
    assert_eq!(listed(Contact, Some(1)).await, [] as [u8; 0]);
    assert_eq!(listed(Contact, Some(2)).await, [2, 3]);
    assert_eq!(store.record(Contact, id(2)).await, Ok(Some(moved)));
    assert_eq!(store.record(Contact, id(4)).await, Ok(None));
    assert_eq!(store.record(Asset, id(4)).await, Ok(Some(all[3].clone())));
    refused(store, group([removal])).await;
}

pub(super) async fn old_idempotency_records_go(store: &dyn Store) {
    let handled = |number: i64| seen(&format!("key-{number}"), at(number * 10));
    let commit = |number| Commit {
        seen: Some(handled(number)),
        ..Commit::default()
    };
    durable(store, group((0..5).map(commit))).await;
    let ids: Vec<String> = (0..6).map(|n| format!("key-{n}")).collect();
    let read = store.seen(&ids).await.expect("reads");
    let mut expected: Vec<_> = (0..5).map(|n| Some(handled(n))).collect();
    expected.push(None);
    assert_eq!(read, expected);
    assert_eq!(store.forget_seen(at(0), 10).await, Ok(0));
    assert_eq!(store.forget_seen(at(30), 2).await, Ok(2));
    assert_eq!(store.forget_seen(at(30), 10).await, Ok(1));
    expected[..3].fill(None);
    assert_eq!(store.seen(&ids).await, Ok(expected));
}

pub(super) async fn large_values(store: &dyn Store) {
    let with = |size: usize, fill: &str| {
        let mut case = case(1);
        case.fields
            .insert("text".to_owned(), Value::Text(fill.repeat(size)));
        case
    };
    let mut latest = write(None, with(10, "a"));
    durable(store, cases([latest.clone()])).await;
    for (size, fill) in [
        (3_000, "b"),
        (4_096, "c"),
        (9_000, "d"),
        (9_000, "e"),
        (600_000, "f"),
        (5_000, "g"),
        (1, "h"),
    ] {
        latest = next(&latest.case, |case| case.fields = with(size, fill).fields);
        durable(store, cases([latest.clone()])).await;
        let read = store.cases(&[id(1)]).await.expect("reads");
        assert_eq!(read, [Some(latest.case.clone())], "{size} bytes");
    }
    let page = store.list(&CaseQuery::default(), None, 10).await;
    assert_eq!(page.expect("reads").items, [latest.case.clone()]);
    let huge = next(&latest.case, |case| {
        case.fields = with(2_000_000, "i").fields
    });
    refused(store, cases([huge])).await;
    let mut entry = message(1, 1, Some(at(1)), &[]);
    entry.intent.template = "x".repeat(10_000);
    durable(store, super::samples::messages([(None, entry.clone())])).await;
    let page = store.messages(&MessageQuery::default(), None, 10).await;
    assert_eq!(page.expect("reads").items, [entry]);
}

pub(super) async fn foreign_cursors(store: &dyn Store) {
    for cursor in ["", "x", "m00", "c12", "苏州"] {
        let list = store.list(&CaseQuery::default(), Some(cursor), 1).await;
        assert_eq!(list, Err(Error::BadCursor), "{cursor}");
        let query = MessageQuery::default();
        let messages = store.messages(&query, Some(cursor), 1).await;
        assert_eq!(messages, Err(Error::BadCursor), "{cursor}");
        let records = store.records(RecordKind::Client, None, Some(cursor), 1);
        assert_eq!(records.await, Err(Error::BadCursor), "{cursor}");
    }
}
