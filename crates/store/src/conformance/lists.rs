//! Lists of cases.

use qixian_core::{Case, CaseId};

use super::samples::{at, case, cases, definition, due, durable, id, next, write};
use crate::{CaseQuery, PAGE_MAX, Store};

/// The ids of every page of a query, read with pages of `limit`.
async fn listed(store: &dyn Store, query: &CaseQuery, limit: usize) -> Vec<CaseId> {
    let mut ids = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = store
            .list(query, cursor.as_deref(), limit)
            .await
            .expect("reads");
        assert!(page.items.len() <= limit.clamp(1, PAGE_MAX));
        ids.extend(page.items.iter().map(|case| case.id));
        match page.next {
            Some(next) => cursor = Some(next),
            None => return ids,
        }
    }
}

async fn check(store: &dyn Store, query: CaseQuery, expected: &[u64]) {
    let expected: Vec<CaseId> = expected.iter().map(|n| id(*n)).collect();
    for limit in [1, 2, 500, 0] {
        assert_eq!(
            listed(store, &query, limit).await,
            expected,
            "{query:?} by {limit}"
        );
    }
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

pub(super) async fn by_next_due_with_undated_last(store: &dyn Store) {
    let all = [
        case(1),
        due(case(2), at(30)),
        due(case(3), at(-30)),
        due(case(4), at(30)),
        case(5),
    ];
    durable(store, cases(all.map(|case| write(None, case)))).await;
    check(store, CaseQuery::default(), &[3, 2, 4, 1, 5]).await;
    for (before, expected) in [(at(-30), &[][..]), (at(30), &[3]), (at(31), &[3, 2, 4])] {
        let query = CaseQuery {
            due_before: Some(before),
            ..CaseQuery::default()
        };
        check(store, query, expected).await;
    }
}

/// Six cases: 1–3 first filings (2 and 3 under review), 4–6 police filings (6 under review), due in reverse order.
fn six() -> [Case; 6] {
    std::array::from_fn(|i| {
        let number = i as u64 + 1;
        let mut case = due(case(number), at(100 - number as i64));
        if number > 3 {
            case.workflow = definition("police-filing");
        }
        if [2, 3, 6].contains(&number) {
            case.state = "review".to_owned();
        }
        case.client = Some(id(if number.is_multiple_of(2) { 100 } else { 101 }));
        case.assets = (0..number % 3).map(|n| id(200 + n)).collect();
        case.title = format!("Ab{} 网站", if number < 5 { "C" } else { "d" });
        case
    })
}

pub(super) async fn by_each_condition(store: &dyn Store) {
    durable(store, cases(six().map(|case| write(None, case)))).await;
    let workflow = |name| CaseQuery {
        workflow: text(name),
        ..CaseQuery::default()
    };
    check(store, workflow("first-filing"), &[3, 2, 1]).await;
    check(store, workflow("police-filing"), &[6, 5, 4]).await;
    check(store, workflow("first"), &[]).await;
    let state = |name| CaseQuery {
        state: text(name),
        ..CaseQuery::default()
    };
    check(store, state("review"), &[6, 3, 2]).await;
    let both = CaseQuery {
        state: text("review"),
        ..workflow("first-filing")
    };
    check(store, both.clone(), &[3, 2]).await;
    let client = |number| CaseQuery {
        client: Some(id(number)),
        ..CaseQuery::default()
    };
    check(store, client(100), &[6, 4, 2]).await;
    check(store, client(102), &[]).await;
    let asset = |number| CaseQuery {
        asset: Some(id(number)),
        ..CaseQuery::default()
    };
    check(store, asset(200), &[5, 4, 2, 1]).await;
    check(store, asset(201), &[5, 2]).await;
    let all = CaseQuery {
        client: Some(id(100)),
        asset: Some(id(201)),
        due_before: Some(at(99)),
        q: text("aBc"),
        ..both
    };
    check(store, all, &[2]).await;
    let q = |words| CaseQuery {
        q: text(words),
        ..CaseQuery::default()
    };
    check(store, q("ab"), &[6, 5, 4, 3, 2, 1]).await;
    check(store, q("ABD"), &[6, 5]).await;
    check(store, q("abd 网站"), &[6, 5]).await;
    check(store, q("网站"), &[]).await;
    check(store, q("QX-2026-000003"), &[3]).await;
    check(store, q("QX-2026"), &[]).await;
    check(store, q(""), &[6, 5, 4, 3, 2, 1]).await;
}

pub(super) async fn follow_changes(store: &dyn Store) {
    let first = write(None, six()[0].clone());
    let second = write(None, six()[1].clone());
    durable(store, cases([first.clone(), second])).await;
    let changed = next(&first.case, |case| {
        case.state = "review".to_owned();
        case.client = None;
        case.assets = vec![id(300)];
        case.title = "新".repeat(60);
        *case = due(case.clone(), at(1));
    });
    durable(store, cases([changed.clone()])).await;
    let all = CaseQuery::default;
    check(store, all(), &[1, 2]).await;
    let state = text("review");
    check(store, CaseQuery { state, ..all() }, &[1, 2]).await;
    let state = text("collecting");
    check(store, CaseQuery { state, ..all() }, &[]).await;
    let client = Some(id(101));
    check(store, CaseQuery { client, ..all() }, &[]).await;
    for (asset, expected) in [(200, &[2][..]), (300, &[1])] {
        let asset = Some(id(asset));
        check(store, CaseQuery { asset, ..all() }, expected).await;
    }
    for (q, expected) in [
        ("abc", &[2][..]),
        (&"新".repeat(59), &[1]),
        (&"新".repeat(61), &[]),
    ] {
        let q = text(q);
        check(store, CaseQuery { q, ..all() }, expected).await;
    }
    let undated = next(&changed.case, |case| case.deadlines.clear());
    durable(store, cases([undated])).await;
    check(store, all(), &[2, 1]).await;
}

pub(super) async fn page_while_writes_go_on(store: &dyn Store) {
    let writes: Vec<_> = (1..=30)
        .map(|n| write(None, due(case(n), at(n as i64 * 10))))
        .collect();
    durable(store, cases(writes.clone())).await;
    let mut seen = Vec::new();
    let mut cursor: Option<String> = None;
    for round in 0.. {
        let page = store
            .list(&CaseQuery::default(), cursor.as_deref(), 4)
            .await
            .expect("reads");
        seen.extend(page.items.iter().map(|case| case.id));
        let Some(next_page) = page.next else { break };
        cursor = Some(next_page);
        // A new case before the place reached, a new one after it, and one already given that goes to the end.
        let before = write(None, due(case(100 + round), at(5)));
        let after = write(None, due(case(200 + round), at(1_000)));
        let moved = &writes[round as usize].case;
        let moved = next(moved, |case| *case = due(case.clone(), at(2_000)));
        durable(store, cases([before, after, moved])).await;
    }
    for number in 1..=30 {
        assert!(seen.contains(&id(number)), "case {number} was passed over");
    }
    assert!(
        seen.contains(&id(200)),
        "what comes later in the order is found"
    );
    assert!(
        !seen.contains(&id(100)),
        "what comes before the place is not"
    );
}

pub(super) async fn many_equal_titles(store: &dyn Store) {
    for chunk in 0..3 {
        let titled = |n| {
            let mut case = due(case(n), at(10_000 - n as i64));
            case.title = "相同的标题".to_owned();
            write(None, case)
        };
        durable(store, cases((chunk * 700..(chunk + 1) * 700).map(titled))).await;
    }
    let query = CaseQuery {
        q: text("相同"),
        ..CaseQuery::default()
    };
    let expected: Vec<_> = (0..2_100).rev().map(id).collect();
    assert_eq!(listed(store, &query, 1_000).await, expected);
}
