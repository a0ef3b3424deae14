//! The layout of keys for backends that keep ordered bytes: one tree, a one-byte prefix for each kind of row.
//!
//! Numbers are big-endian, so that byte order is their order; instants are milliseconds since 1970 in 8 bytes, *no due
//! date* is eight times 0xff and so comes last. Texts inside a key have their length (2 bytes) before them.
//!
//! | prefix | then | value | what the order is for |
//! | --- | --- | --- | --- |
//! | `c` | case | rev, case | |
//! | `e` | case, seq | journal line | a case's lines, oldest first |
//! | `t` | instant, case | – | wake-ups in the order they come due |
//! | `o` | case, seq, index | outbox entry | a case's messages, oldest first |
//! | `p` | instant, outbox id | – | entries in the order the dispatcher looks at them |
//! | `x` | status, outbox id | – | entries with a leg that a person must look at: held, dead, unknown |
//! | `i` | event id | idempotency record | |
//! | `y` | instant, event id | – | idempotency records, oldest first |
//! | `d` | workflow, version, digest | text | |
//! | `r` | kind, id | record | lists by id |
//! | `b` | client, kind, id | – | a client's contacts and assets by id |
//! | `f` | reference | case | uniqueness |
//! | `n` | due, case | – | all cases by next due |
//! | `w` | workflow, state, due, case | – | cases of a state by next due |
//! | `l` | client, due, case | – | a client's cases by next due |
//! | `a` | asset, due, case | – | the cases that hang on an asset by next due |
//! | `q` | title (lower case, at most 64 bytes), 0, case | – | titles by their beginning |
//! | `m` | name | facts about the store itself | |
//! | `z` | key, checksum (4), number (2) | a piece of a value above 4 KiB | its pieces in order |

use std::collections::BTreeSet;

use qixian_core::{Case, CaseId, DefinitionRef, LegStatus, OutboxId, Rev};
use qixian_time::Timestamp;

use crate::cursor::{DuePlace, millis, outbox_bytes, outbox_from_bytes};
use crate::{OutboxEntry, OutboxRow, Record, RecordKind, TimerRow};

/// The bytes of a key.
pub type Key = Vec<u8>;

/// The most bytes of a title that its index row holds.
pub const TITLE_MAX: usize = 64;

/// The key under which the store's format version stands.
pub const FORMAT: &[u8] = b"mformat";

/// The key under which a backend may number its batches: the last one's number.
pub const BATCHES: &[u8] = b"mbatches";

/// The key under which a backend notes the format to which it is being upgraded.
pub const UPGRADING: &[u8] = b"mupgrading";

/// The key under which stores of format 1 counted how often they were closed.
pub const CLOSINGS: &[u8] = b"mclosings";

/// Facts, each a number, that a backend keeps about its own files. They are not moved to other stores.
pub const OWN: [&[u8]; 3] = [BATCHES, UPGRADING, CLOSINGS];

/// A case.
pub fn case(id: CaseId) -> Key {
    join(b'c', &[id.as_bytes()])
}

/// A journal line.
pub fn journal(case: CaseId, seq: Rev) -> Key {
    join(b'e', &[case.as_bytes(), &seq.to_be_bytes()])
}

/// Case and seq of a key that [`journal`] made.
pub fn read_journal(key: &[u8]) -> Option<(CaseId, Rev)> {
    let (case, seq) = key.strip_prefix(b"e")?.split_first_chunk::<16>()?;
    let seq = Rev::from_be_bytes(seq.try_into().ok()?);
    Some((CaseId::from_bytes(*case), seq))
}

/// A wake-up row.
pub fn timer(row: TimerRow) -> Key {
    join(b't', &[&at(row.at), row.case.as_bytes()])
}

/// The wake-up row of a key that [`timer`] made.
pub fn read_timer(key: &[u8]) -> Option<TimerRow> {
    let (at, case) = read_at(key, b't')?;
    let case = CaseId::from_bytes(case.try_into().ok()?);
    Some(TimerRow { at, case })
}

/// An outbox entry.
pub fn outbox(id: OutboxId) -> Key {
    join(b'o', &[&outbox_bytes(id)])
}

/// Before every outbox entry of a case.
pub fn outbox_of(case: CaseId) -> Key {
    join(b'o', &[case.as_bytes()])
}

/// A due row of the outbox.
pub fn outbox_due(row: OutboxRow) -> Key {
    join(b'p', &[&at(row.at), &outbox_bytes(row.id)])
}

/// The due row of a key that [`outbox_due`] made.
pub fn read_outbox_due(key: &[u8]) -> Option<OutboxRow> {
    let (at, id) = read_at(key, b'p')?;
    let id = outbox_from_bytes(id)?;
    Some(OutboxRow { at, id })
}

/// Before the rows of entries with a leg in this status; `None` for a status that has no rows.
pub fn attention(status: LegStatus) -> Option<Key> {
    let number = match status {
        LegStatus::Held => 1,
        LegStatus::Dead => 2,
        LegStatus::Unknown => 3,
        _ => return None,
    };
    Some(vec![b'x', number])
}

/// The outbox id at the end of a key.
pub fn read_outbox_id(key: &[u8]) -> Option<OutboxId> {
    outbox_from_bytes(key.last_chunk::<26>()?)
}

/// The attention rows of an entry.
pub fn attention_rows(entry: &OutboxEntry) -> BTreeSet<Key> {
    let prefixes = entry.legs.iter().filter_map(|leg| attention(leg.status));
    prefixes
        .map(|mut key| {
            key.extend(outbox_bytes(entry.intent.id));
            key
        })
        .collect()
}

/// An idempotency record.
pub fn seen(event: &str) -> Key {
    join(b'i', &[event.as_bytes()])
}

/// The row by which an idempotency record is found when it is old.
pub fn seen_at(handled: Timestamp, event: &str) -> Key {
    join(b'y', &[&at(handled), event.as_bytes()])
}

/// The event id of a key that [`seen_at`] made.
pub fn read_seen_at(key: &[u8]) -> Option<&str> {
    std::str::from_utf8(key.get(9..)?).ok()
}

/// Every row before this instant under `prefix` (`t`, `p`, `y`, `n`) is below this key.
pub fn before(prefix: u8, instant: Timestamp) -> Key {
    join(prefix, &[&at(instant)])
}

/// A definition's text.
pub fn definition(definition: &DefinitionRef) -> Key {
    let mut key = vec![b'd'];
    put_text(&mut key, &definition.id);
    key.extend(definition.version.to_be_bytes());
    key.extend(definition.digest.as_bytes());
    key
}

/// The definition of a key that [`definition`] made.
pub fn read_definition(key: &[u8]) -> Option<DefinitionRef> {
    let (id, rest) = read_text(key.strip_prefix(b"d")?)?;
    let (version, digest) = rest.split_first_chunk::<4>()?;
    Some(DefinitionRef {
        id: id.to_owned(),
        version: u32::from_be_bytes(*version),
        digest: std::str::from_utf8(digest).ok()?.to_owned(),
    })
}

/// A client, contact or asset.
pub fn record(kind: RecordKind, id: CaseId) -> Key {
    join(b'r', &[&[kind_byte(kind)], id.as_bytes()])
}

/// The row by which a client's record is found; `None` where it belongs to nobody.
pub fn record_of_client(record: &Record) -> Option<Key> {
    let mut key = records_of_client(record.client?, record.kind);
    key.extend(record.id.as_bytes());
    Some(key)
}

/// Before a client's records of this kind.
pub fn records_of_client(client: CaseId, kind: RecordKind) -> Key {
    join(b'b', &[client.as_bytes(), &[kind_byte(kind)]])
}

/// Before the records of this kind.
pub fn records(kind: RecordKind) -> Key {
    vec![b'r', kind_byte(kind)]
}

/// The id at the end of a key.
pub fn read_id(key: &[u8]) -> Option<CaseId> {
    key.last_chunk::<16>().copied().map(CaseId::from_bytes)
}

/// The owner of a reference.
pub fn reference(reference: &str) -> Key {
    join(b'f', &[reference.as_bytes()])
}

/// A piece of the value of `key`, told from the pieces of other values of that key by its checksum.
pub fn piece(key: &[u8], checksum: [u8; 4], number: u16) -> Key {
    join(b'z', &[key, &checksum, &number.to_be_bytes()])
}

/// The key whose value a key that [`piece`] made belongs to.
pub fn read_piece(key: &[u8]) -> Option<&[u8]> {
    let rest = key.strip_prefix(b"z")?;
    rest.split_last_chunk::<6>().map(|(owner, _)| owner)
}

/// Before all cases by next due.
pub fn by_due() -> Key {
    vec![b'n']
}

/// Before the cases of a workflow in a state.
pub fn by_state(workflow: &str, state: &str) -> Key {
    let mut key = by_workflow(workflow);
    put_text(&mut key, state);
    key
}

/// Before the cases of a workflow.
pub fn by_workflow(workflow: &str) -> Key {
    let mut key = vec![b'w'];
    put_text(&mut key, workflow);
    key
}

/// Workflow and state of a key under `w`.
pub fn read_state(key: &[u8]) -> Option<(&str, &str)> {
    let (workflow, rest) = read_text(key.get(1..)?)?;
    let (state, _) = read_text(rest)?;
    Some((workflow, state))
}

/// Before the cases of a client.
pub fn by_client(client: CaseId) -> Key {
    join(b'l', &[client.as_bytes()])
}

/// Before the cases that hang on an asset.
pub fn by_asset(asset: CaseId) -> Key {
    join(b'a', &[asset.as_bytes()])
}

/// Before the cases whose title begins so, in lower case; a long beginning is cut, so look at the title itself too.
pub fn by_title(beginning: &str) -> Key {
    let lower = beginning.to_lowercase();
    let end = (0..=TITLE_MAX.min(lower.len())).rfind(|end| lower.is_char_boundary(*end));
    join(b'q', &[&lower.as_bytes()[..end.unwrap_or(0)]])
}

/// `prefix`, then the place: a row of `n`, `w`, `l` or `a`.
pub fn at_place(mut prefix: Key, place: DuePlace) -> Key {
    prefix.extend(place.due.to_be_bytes());
    prefix.extend(place.case.as_bytes());
    prefix
}

/// The place at the end of a key under `n`, `w`, `l` or `a`.
pub fn read_place(key: &[u8]) -> Option<DuePlace> {
    let (due, case) = key.last_chunk::<24>()?.split_first_chunk::<8>()?;
    Some(DuePlace {
        due: u64::from_be_bytes(*due),
        case: CaseId::from_bytes(case.try_into().ok()?),
    })
}

/// Every index row of a case, its reference aside. Rows that are the same before and after a change need no writing.
pub fn index_rows(case: &Case) -> BTreeSet<Key> {
    let place = DuePlace::new(case.next_due(), case.id);
    let mut title = by_title(&case.title);
    title.push(0);
    title.extend(case.id.as_bytes());
    let mut rows = BTreeSet::from([
        at_place(by_due(), place),
        at_place(by_state(&case.workflow.id, &case.state), place),
        title,
    ]);
    rows.extend(case.client.map(|client| at_place(by_client(client), place)));
    rows.extend(case.assets.iter().map(|id| at_place(by_asset(*id), place)));
    rows
}

/// The first key after all that begin with `prefix`; `None` where there is no such key.
pub fn after(prefix: &[u8]) -> Option<Key> {
    let last = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut key = prefix[..=last].to_vec();
    key[last] += 1;
    Some(key)
}

fn join(prefix: u8, parts: &[&[u8]]) -> Key {
    let mut key = Vec::with_capacity(1 + parts.iter().map(|part| part.len()).sum::<usize>());
    key.push(prefix);
    parts.iter().for_each(|part| key.extend_from_slice(part));
    key
}

fn at(instant: Timestamp) -> [u8; 8] {
    millis(instant).to_be_bytes()
}

fn read_at(key: &[u8], prefix: u8) -> Option<(Timestamp, &[u8])> {
    let (first, rest) = key.split_first()?;
    let (at, rest) = rest.split_first_chunk::<8>()?;
    let millis = i64::try_from(u64::from_be_bytes(*at)).ok()?;
    (*first == prefix).then(|| (Timestamp::from_millis(millis), rest))
}

/// Length and text; a text longer than a key can say is cut, names of workflows and states never are that long.
fn put_text(key: &mut Key, text: &str) {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    key.extend(length.to_be_bytes());
    key.extend_from_slice(&text.as_bytes()[..usize::from(length)]);
}

fn read_text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    let (text, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

fn kind_byte(kind: RecordKind) -> u8 {
    match kind {
        RecordKind::Client => 1,
        RecordKind::Contact => 2,
        RecordKind::Asset => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> CaseId {
        CaseId::from_bytes([n; 16])
    }

    #[test]
    fn byte_order_is_the_order_that_is_meant() {
        let row = |ms, n| {
            timer(TimerRow {
                at: Timestamp::from_millis(ms),
                case: id(n),
            })
        };
        let mut rows = [row(256, 0), row(255, 9), row(255, 1), row(1 << 40, 0)];
        rows.sort();
        assert_eq!(
            rows,
            [row(255, 1), row(255, 9), row(256, 0), row(1 << 40, 0)]
        );
        let never = at_place(by_due(), DuePlace::new(None, id(0)));
        let last = at_place(by_due(), DuePlace::new(Some(Timestamp::MAX), id(255)));
        assert!(last < never);
    }

    #[test]
    fn keys_read_back() {
        let row = TimerRow {
            at: Timestamp::from_millis(77),
            case: id(4),
        };
        assert_eq!(read_timer(&timer(row)), Some(row));
        let row = OutboxRow {
            at: row.at,
            id: OutboxId {
                case: id(5),
                seq: 9,
                index: 3,
            },
        };
        assert_eq!(read_outbox_due(&outbox_due(row)), Some(row));
        assert_eq!(read_outbox_id(&outbox(row.id)), Some(row.id));
        let place = DuePlace::new(Some(row.at), id(6));
        let key = at_place(by_state("first-filing", "通过"), place);
        assert_eq!(read_state(&key), Some(("first-filing", "通过")));
        assert_eq!(read_place(&key), Some(place));
        assert_eq!(read_seen_at(&seen_at(row.at, "k-1")), Some("k-1"));
        assert_eq!(read_journal(&journal(id(3), 258)), Some((id(3), 258)));
        assert_eq!(
            read_piece(&piece(&case(id(3)), [1; 4], 2)),
            Some(&*case(id(3)))
        );
        let text = DefinitionRef {
            id: "首次备案".to_owned(),
            version: 3,
            digest: "0123456789abcdef".to_owned(),
        };
        assert_eq!(read_definition(&definition(&text)), Some(text));
    }

    #[test]
    fn a_long_title_is_cut_between_characters() {
        assert_eq!(by_title(&"备".repeat(40)).len(), 1 + 63);
        assert_eq!(by_title("ÉCOLE"), by_title("école"));
    }

    #[test]
    fn the_key_after_a_prefix() {
        let check = |prefix: &[u8], expected: Option<&[u8]>| {
            assert_eq!(after(prefix).as_deref(), expected);
        };
        check(b"ab", Some(b"ac"));
        check(&[b'a', 0xff], Some(b"b"));
        check(&[0xff], None);
    }
}
