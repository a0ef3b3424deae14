//! Wake-up rows.

use super::samples::{at, case, cases, due, durable, id, next, write};
use crate::{Store, TimerRow};

fn row(seconds: i64, number: u64) -> TimerRow {
    TimerRow {
        at: at(seconds),
        case: id(number),
    }
}

pub(super) async fn wake_ups_between_bounds(store: &dyn Store) {
    let writes = [(1, 20), (2, 10), (3, 20), (4, 30)]
        .map(|(number, seconds)| write(None, due(case(number), at(seconds))));
    durable(store, cases(writes.clone())).await;
    let all = [row(10, 2), row(20, 1), row(20, 3), row(30, 4)];
    for (until, after, limit, expected) in [
        (9, None, 9, &all[..0]),
        (10, None, 9, &all[..1]),
        (20, None, 9, &all[..3]),
        (99, None, 9, &all[..]),
        (99, None, 2, &all[..2]),
        (99, None, 0, &all[..0]),
        (99, Some(all[1]), 9, &all[2..]),
        (20, Some(all[1]), 9, &all[2..3]),
        (20, Some(row(20, 2)), 9, &all[2..3]),
        (9, Some(all[3]), 9, &all[..0]),
    ] {
        let rows = store
            .timers_due(at(until), after, limit)
            .await
            .expect("reads");
        assert_eq!(
            rows, expected,
            "until {until}, after {after:?}, at most {limit}"
        );
    }
    let ended = next(&writes[0].case, |case| case.deadlines.clear());
    let moved = next(&writes[1].case, |case| {
        *case = due(case.clone(), at(40));
    });
    durable(store, cases([ended, moved])).await;
    let rows = store.timers_due(at(99), None, 9).await.expect("reads");
    assert_eq!(rows, [row(20, 3), row(30, 4), row(40, 2)]);
}

pub(super) async fn more_rows_than_one_scan(store: &dyn Store) {
    for chunk in 0..5 {
        let writes = (chunk * 500..(chunk + 1) * 500)
            .map(|number| write(None, due(case(number), at(number as i64 / 7))));
        durable(store, cases(writes)).await;
    }
    let rows = store
        .timers_due(at(9_999), None, 5_000)
        .await
        .expect("reads");
    assert_eq!(rows.len(), 2_500);
    assert!(rows.is_sorted());
    let rest = store.timers_due(at(9_999), Some(rows[1_234]), 2_000).await;
    assert_eq!(rest.expect("reads"), rows[1_235..]);
}
