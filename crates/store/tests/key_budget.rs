//! What one event costs: the size of a usual case, and the rows that a commit writes.

use std::collections::BTreeMap;
use std::ops::Bound;

use qixian_core::{CaseId, LegStatus, What};
use qixian_store::conformance::samples::{
    at, group, id, line, message, next, seen, usual_case, write,
};
use qixian_store::kv::{Changes, Draft, Rows};
use qixian_store::{CaseWrite, Commit, Error, Group, OutboxWrite, codec, keys};

#[derive(Default)]
struct Map(BTreeMap<Vec<u8>, Vec<u8>>);

impl Rows for Map {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.0.get(key).cloned())
    }

    fn scan(
        &self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, Error> {
        let rows = self.0.range::<[u8], _>((from, to)).take(limit);
        Ok(rows.map(|(key, row)| (key.clone(), row.clone())).collect())
    }
}

impl Map {
    fn add(&mut self, group: &Group) -> Changes {
        let mut draft = Draft::new(self);
        let added = draft.add(group).expect("reading a map never fails");
        added.expect("nothing is in its way");
        let changes = draft.into_changes();
        for (key, row) in changes.clone() {
            match row {
                Some(row) => self.0.insert(key, row),
                None => self.0.remove(&key),
            };
        }
        changes
    }
}

fn prefixes(changes: &Changes) -> String {
    changes.keys().map(|key| char::from(key[0])).collect()
}

#[test]
fn a_usual_case_is_under_a_kibibyte() {
    let mut case = usual_case();
    // Real ids don't repeat themselves as those of the samples do.
    let ids = [1_u8, 83, 171, 59].map(|n| {
        let random =
            std::array::from_fn(|i| n.wrapping_mul(37).wrapping_add((i as u8).wrapping_mul(91)));
        CaseId::new(1_795_399_200_000 + i64::from(n), random)
    });
    (case.id, case.root) = (ids[0], ids[1]);
    (case.client, case.assets) = (Some(ids[2]), vec![ids[3]]);
    let bytes = codec::encode(&keys::case(case.id), &(case.rev, &case)).unwrap();
    println!("a usual case has {} bytes", bytes.len());
    assert!(bytes.len() < 1024, "{} bytes", bytes.len());
}

#[test]
fn an_event_writes_five_rows_and_changed_indexes() {
    let mut rows = Map::default();
    let first = write(None, usual_case());
    let start = rows.add(&group([Commit {
        cases: vec![first.clone()],
        ..Commit::default()
    }]));
    assert_eq!(prefixes(&start), "aceflnqtw");

    // A rung fires: the case stays where it is in every list, its wake-up moves, one message is put.
    let fired = CaseWrite {
        wake_before: Some(at(86_400)),
        wake_after: Some(at(90_000)),
        ..next(&first.case, |case| case.deadlines[0].rungs.truncate(7))
    };
    let entry = message(1, fired.case.rev, Some(at(5)), &[LegStatus::Queued]);
    let outbox = vec![OutboxWrite {
        due_before: None,
        entry: entry.clone(),
    }];
    let wake = rows.add(&group([Commit {
        cases: vec![fired.clone()],
        outbox,
        ..Commit::default()
    }]));
    // Case, line, old and new wake-up, message; and the message's place among what is due.
    assert_eq!(prefixes(&wake), "ceoptt");

    // A note by a person changes no list: case and line, and its idempotency record.
    let noted = CaseWrite {
        wake_before: Some(at(90_000)),
        wake_after: Some(at(90_000)),
        ..next(&fired.case, |_| {})
    };
    let note = rows.add(&group([Commit {
        cases: vec![noted],
        seen: Some(seen("key-1", at(6))),
        ..Commit::default()
    }]));
    assert_eq!(prefixes(&note), "ceiy");

    let settled = message(1, entry.intent.id.seq, None, &[LegStatus::Accepted]);
    let settled = rows.add(&group([Commit {
        outbox: vec![OutboxWrite {
            due_before: entry.next_at,
            entry: settled,
        }],
        ..Commit::default()
    }]));
    assert_eq!(prefixes(&settled), "op");
}

#[test]
fn groups_of_one_draft_see_each_other_and_a_refused_one_leaves_nothing() {
    let rows = Map::default();
    let mut draft = Draft::new(&rows);
    let commit = |write| Commit {
        cases: vec![write],
        ..Commit::default()
    };
    let first = write(None, usual_case());
    let second = next(&first.case, |_| {});
    assert_eq!(draft.add(&group([commit(first.clone())])), Ok(Ok(())));
    let mut other = usual_case();
    other.id = id(2);
    let refused = group([commit(write(None, other)), commit(second.clone())]);
    assert!(
        draft.add(&refused).unwrap().is_err(),
        "its reference is taken"
    );
    let mut lined = second;
    lined.journal = Some(line(&lined.case, What::Release));
    assert_eq!(draft.add(&group([commit(lined)])), Ok(Ok(())));
    let changes = draft.into_changes();
    assert_eq!(prefixes(&changes), "aceeflnqtw");
    assert!(!changes.contains_key(&keys::case(id(2))));
}

#[test]
fn a_flipped_bit_is_found_and_named() {
    let mut rows = Map::default();
    let case = write(None, usual_case());
    rows.add(&group([Commit {
        cases: vec![case],
        ..Commit::default()
    }]));
    let key = keys::case(id(1));
    rows.0.get_mut(&key).unwrap()[300] ^= 4;
    let error = qixian_store::kv::Reader(&rows).cases(&[id(1)]).unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    assert!(
        error.to_string().contains(&codec::printable(&key)),
        "{error}"
    );
}
