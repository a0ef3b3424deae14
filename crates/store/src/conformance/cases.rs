//! Cases, their journal, and what refuses a group.

use std::sync::Arc;

use qixian_core::{Correction, What};

use super::samples::{
    at, case, cases, due, durable, group, id, line, next, refused, usual_case, write,
};
use crate::{CaseWrite, Commit, Group, Resolution, Store, TimerRow};

pub(super) async fn a_case_reads_back(store: &dyn Store) {
    let written = write(None, usual_case());
    durable(store, cases([written.clone()])).await;
    let read = store.cases(&[id(2), id(1)]).await.expect("reads");
    assert_eq!(read, [None, Some(written.case)]);
    let lines = store.journal(id(1), 0, 10).await.expect("reads");
    assert_eq!(lines, Vec::from_iter(written.journal));
}

pub(super) async fn a_wrong_rev_refuses_the_whole_group(store: &dyn Store) {
    let first = write(None, due(case(1), at(10)));
    durable(store, cases([first.clone()])).await;
    let stale = next(&first.case, |case| case.rev += 1);
    let stale = CaseWrite {
        before: Some(stale.case.clone()),
        ..stale
    };
    let fresh = write(None, due(case(2), at(20)));
    for wrong in [stale, write(None, case(1))] {
        refused(store, cases([fresh.clone(), wrong.clone()])).await;
        let apart = [cases([fresh.clone()]), cases([wrong])];
        refused(store, group(apart.into_iter().flat_map(|g| g.commits))).await;
        let read = store.cases(&[id(1), id(2)]).await.expect("reads");
        assert_eq!(read, [Some(first.case.clone()), None]);
    }
    let rows = store.timers_due(at(100), None, 10).await.expect("reads");
    let row = TimerRow {
        at: at(10),
        case: id(1),
    };
    assert_eq!(rows, [row]);
    assert_eq!(
        store.case_by_reference(&fresh.case.reference).await,
        Ok(None)
    );
}

pub(super) async fn later_commits_build_on_earlier_ones(store: &dyn Store) {
    let mut latest = write(None, case(1));
    let mut whole = cases([latest.clone()]);
    for n in 0..5 {
        latest = next(&latest.case, |case| *case = due(case.clone(), at(n)));
        whole.commits.extend(cases([latest.clone()]).commits);
    }
    durable(store, whole).await;
    let read = store.cases(&[id(1)]).await.expect("reads");
    assert_eq!(read, [Some(latest.case)]);
    assert_eq!(store.journal(id(1), 0, 10).await.expect("reads").len(), 6);
    assert_eq!(
        store
            .timers_due(at(9), None, 10)
            .await
            .expect("reads")
            .len(),
        1
    );
}

pub(super) async fn groups_take_effect_in_order(store: &dyn Store) {
    let mut latest = write(None, case(1));
    let mut tickets = vec![store.submit(cases([latest.clone()]))];
    for _ in 0..20 {
        latest = next(&latest.case, |_| {});
        tickets.push(store.submit(cases([latest.clone()])));
    }
    for ticket in &mut tickets {
        assert_eq!(ticket.wait().await, Resolution::Durable);
    }
    assert_eq!(
        store.cases(&[id(1)]).await.expect("reads"),
        [Some(latest.case)]
    );
}

pub(super) async fn what_follows_a_refusal_is_refused(store: &dyn Store) {
    let first = write(None, case(1));
    durable(store, cases([first.clone()])).await;
    let mut refusal = store.submit(cases([first]));
    let mut after = store.submit(cases([write(None, case(2))]));
    assert!(matches!(after.wait().await, Resolution::Refused(_)));
    // Nobody has read the first refusal yet, so this too may build on what never happened.
    refused(store, cases([write(None, case(3))])).await;
    assert!(matches!(refusal.wait().await, Resolution::Refused(_)));
    durable(store, cases([write(None, case(3))])).await;
    let read = store.cases(&[id(2), id(3)]).await.expect("reads");
    let there: Vec<bool> = read.iter().map(Option::is_some).collect();
    assert_eq!(there, [false, true]);
    // A group that changes nothing is as durable as any.
    durable(store, Group::default()).await;
    durable(store, group([Commit::default()])).await;
}

pub(super) async fn a_reference_has_one_case(store: &dyn Store) {
    let one = write(None, case(1));
    durable(store, cases([one.clone()])).await;
    let mut two = case(2);
    two.reference.clone_from(&one.case.reference);
    refused(store, cases([write(None, two.clone())])).await;
    let renamed = next(&one.case, |case| case.reference = "另一个".to_owned());
    durable(store, cases([renamed, write(None, two)])).await;
    for (reference, owner) in [
        (one.case.reference.as_str(), Some(id(2))),
        ("另一个", Some(id(1))),
        ("另一", None),
    ] {
        assert_eq!(
            store.case_by_reference(reference).await,
            Ok(owner),
            "{reference}"
        );
    }
}

pub(super) async fn the_journal_is_read_in_parts(store: &dyn Store) {
    let mut latest = write(None, case(1));
    durable(store, cases([latest.clone(), write(None, case(2))])).await;
    for _ in 0..40 {
        latest = next(&latest.case, |_| {});
        durable(store, cases([latest.clone()])).await;
    }
    for (after, limit, expected) in [
        (0, 0, 0..0),
        (0, 3, 1..4),
        (39, 10, 40..42),
        (20, 20, 21..41),
        (41, 9, 0..0),
    ] {
        let lines = store.journal(id(1), after, limit).await.expect("reads");
        let seqs: Vec<u64> = lines.iter().map(|line| line.seq).collect();
        assert_eq!(seqs, expected.collect::<Vec<_>>(), "{limit} after {after}");
    }
    let mut corrected = next(&latest.case, |_| {});
    let what = |history| What::Correct {
        seq: 1,
        change: Correction::Withdraw,
        reason: "没有发生".to_owned(),
        history,
    };
    let history = Some(Arc::from([line(&latest.case, What::Note)]));
    corrected.journal = Some(line(&corrected.case, what(history)));
    let rev = corrected.case.rev;
    durable(store, cases([corrected])).await;
    let lines = store.journal(id(1), rev - 1, 9).await.expect("reads");
    assert_eq!(
        lines[0].what,
        what(None),
        "a correction's history is not stored"
    );
}

pub(super) async fn a_wake_up_row_moves_without_a_line(store: &dyn Store) {
    let first = write(None, due(case(1), at(10)));
    durable(store, cases([first.clone()])).await;
    let moved = CaseWrite {
        before: Some(first.case.clone()),
        case: first.case,
        journal: None,
        wake_before: Some(at(10)),
        wake_after: Some(at(30)),
    };
    durable(store, cases([moved])).await;
    let rows = store.timers_due(at(99), None, 9).await.expect("reads");
    let row = TimerRow {
        at: at(30),
        case: id(1),
    };
    assert_eq!(rows, [row]);
    assert_eq!(store.journal(id(1), 0, 9).await.expect("reads").len(), 1);
}
