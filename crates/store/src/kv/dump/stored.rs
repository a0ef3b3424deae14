//! Records: how each is read from its row, written as JSON, and what rows follow from it.

use qixian_core::{Case, CaseId, DefinitionRef, JournalLine, next_wake};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::damaged;
use crate::keys::{self, Key};
use crate::{
    DefinitionText, Error, OutboxEntry, OutboxRow, Record, RecordKind, Seen, TimerRow, codec,
};

/// The kinds of record, in the order of an export: what others speak of comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// What the store says of itself.
    Meta,
    /// A workflow's text.
    Definition,
    /// A client, contact or asset.
    Record,
    /// A case.
    Case,
    /// A line of a case's journal.
    Journal,
    /// A message.
    Outbox,
    /// An idempotency record.
    Seen,
}

impl Kind {
    /// Every kind, in order.
    pub const ALL: [Kind; 7] = [
        Kind::Meta,
        Kind::Definition,
        Kind::Record,
        Kind::Case,
        Kind::Journal,
        Kind::Outbox,
        Kind::Seen,
    ];

    /// Its name in an export.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Meta => "meta",
            Kind::Definition => "definition",
            Kind::Record => "record",
            Kind::Case => "case",
            Kind::Journal => "journal",
            Kind::Outbox => "outbox",
            Kind::Seen => "seen",
        }
    }

    /// The first byte of its keys.
    pub(super) fn prefix(self) -> u8 {
        match self {
            Kind::Meta => b'm',
            Kind::Definition => b'd',
            Kind::Record => b'r',
            Kind::Case => b'c',
            Kind::Journal => b'e',
            Kind::Outbox => b'o',
            Kind::Seen => b'i',
        }
    }

    /// The kind whose keys begin so.
    pub(super) fn of(key: &[u8]) -> Option<Kind> {
        Kind::ALL
            .into_iter()
            .find(|kind| key.first() == Some(&kind.prefix()))
    }
}

/// A record.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Stored {
    Format(u32),
    /// One of [`keys::OWN`]: of this directory only, and in no export.
    Own(Key, u64),
    Definition(DefinitionText),
    Record(Record),
    Case(Box<Case>),
    Journal(CaseId, Box<JournalLine>),
    Outbox(Box<OutboxEntry>),
    Seen(Seen),
}

impl Stored {
    /// The record whose encoded value stands under `key`.
    ///
    /// # Errors
    /// [`Error::Damaged`] where it does not read back, or stands under a key that is not its own.
    pub(super) fn read(key: &[u8], encoded: &[u8]) -> Result<Self, Error> {
        let strange = || damaged(key, "its key does not read back");
        let stored = match Kind::of(key).ok_or_else(strange)? {
            Kind::Meta if key == keys::FORMAT => Self::Format(codec::decode(key, encoded)?),
            Kind::Meta if keys::OWN.contains(&key) => {
                Self::Own(key.to_vec(), codec::decode(key, encoded)?)
            }
            Kind::Meta => return Err(damaged(key, "this version does not know it")),
            Kind::Definition => Self::Definition(DefinitionText {
                definition: keys::read_definition(key).ok_or_else(strange)?,
                text: codec::decode(key, encoded)?,
            }),
            Kind::Record => Self::Record(codec::decode(key, encoded)?),
            Kind::Case => {
                let (rev, case): (u64, Box<Case>) = codec::decode(key, encoded)?;
                if rev != case.rev {
                    let inner = case.rev;
                    return Err(damaged(
                        key,
                        format!("its row says rev {rev}, the case {inner}"),
                    ));
                }
                Self::Case(case)
            }
            Kind::Journal => {
                let (case, _) = keys::read_journal(key).ok_or_else(strange)?;
                Self::Journal(case, codec::decode(key, encoded)?)
            }
            Kind::Outbox => Self::Outbox(codec::decode(key, encoded)?),
            Kind::Seen => Self::Seen(codec::decode(key, encoded)?),
        };
        match stored.key() == key {
            true => Ok(stored),
            false => {
                let own = codec::printable(&stored.key());
                Err(damaged(key, format!("it belongs under the key {own}")))
            }
        }
    }

    /// Its row's value.
    ///
    /// # Errors
    /// As [`codec::encode`].
    pub(super) fn encode(&self) -> Result<Vec<u8>, Error> {
        let key = &self.key();
        match self {
            Self::Format(format) => codec::encode(key, format),
            Self::Own(_, number) => codec::encode(key, number),
            Self::Definition(text) => codec::encode(key, &text.text),
            Self::Record(record) => codec::encode(key, record),
            Self::Case(case) => codec::encode(key, &(case.rev, case)),
            Self::Journal(_, line) => codec::encode(key, line),
            Self::Outbox(entry) => codec::encode(key, entry),
            Self::Seen(seen) => codec::encode(key, seen),
        }
    }

    pub(super) fn key(&self) -> Key {
        match self {
            Self::Format(_) => keys::FORMAT.to_vec(),
            Self::Own(key, _) => key.clone(),
            Self::Definition(text) => keys::definition(&text.definition),
            Self::Record(record) => keys::record(record.kind, record.id),
            Self::Case(case) => keys::case(case.id),
            Self::Journal(case, line) => keys::journal(*case, line.seq),
            Self::Outbox(entry) => keys::outbox(entry.intent.id),
            Self::Seen(seen) => keys::seen(&seen.id),
        }
    }

    /// Its key in an export, for people.
    pub(super) fn label(&self) -> String {
        match self {
            Self::Format(_) => "format".to_owned(),
            Self::Own(key, _) => codec::printable(key),
            Self::Definition(text) => {
                let DefinitionRef {
                    id,
                    version,
                    digest,
                } = &text.definition;
                format!("{id}@{version}#{digest}")
            }
            Self::Record(record) => {
                let kind = match record.kind {
                    RecordKind::Client => "client",
                    RecordKind::Contact => "contact",
                    RecordKind::Asset => "asset",
                };
                format!("{kind}/{}", record.id)
            }
            Self::Case(case) => case.id.to_string(),
            Self::Journal(case, line) => format!("{case}/{}", line.seq),
            Self::Outbox(entry) => entry.intent.id.to_string(),
            Self::Seen(seen) => seen.id.clone(),
        }
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Format(_) | Self::Own(..) => Kind::Meta,
            Self::Definition(_) => Kind::Definition,
            Self::Record(_) => Kind::Record,
            Self::Case(_) => Kind::Case,
            Self::Journal(..) => Kind::Journal,
            Self::Outbox(_) => Kind::Outbox,
            Self::Seen(_) => Kind::Seen,
        }
    }

    /// As JSON. `Err` says why that would not read back as the same record.
    pub(super) fn to_json(&self) -> Result<String, String> {
        let text = match self {
            Self::Format(format) => json(format),
            Self::Own(_, number) => json(number),
            Self::Definition(text) => json(text),
            Self::Record(record) => json(record),
            Self::Case(case) => json(case),
            Self::Journal(_, line) => json(line),
            Self::Outbox(entry) => json(entry),
            Self::Seen(seen) => json(seen),
        }?;
        let back = Self::from_json(self.kind(), &self.label(), &text)?;
        (back == *self)
            .then_some(text)
            .ok_or_else(|| "JSON cannot say all of it".to_owned())
    }

    /// The record of this JSON. `Err` says why it is none of that kind and key.
    pub(super) fn from_json(kind: Kind, label: &str, text: &str) -> Result<Self, String> {
        let stored = match kind {
            Kind::Meta => Self::Format(parse(text)?),
            Kind::Definition => Self::Definition(parse(text)?),
            Kind::Record => Self::Record(parse(text)?),
            Kind::Case => Self::Case(parse(text)?),
            Kind::Journal => {
                let case = label
                    .split_once('/')
                    .and_then(|(case, _)| case.parse().ok());
                let case = case.ok_or_else(|| format!("`{label}` names no case and line"))?;
                Self::Journal(case, parse(text)?)
            }
            Kind::Outbox => Self::Outbox(parse(text)?),
            Kind::Seen => Self::Seen(parse(text)?),
        };
        match stored.label() == label {
            true => Ok(stored),
            false => {
                let own = stored.label();
                Err(format!("its key is `{label}`, but its data are of `{own}`"))
            }
        }
    }

    /// The derived rows that follow from it.
    ///
    /// # Errors
    /// As [`codec::encode`].
    pub(super) fn derived(&self) -> Result<Vec<(Key, Vec<u8>)>, Error> {
        let mut keys = Vec::new();
        let mut rows = Vec::new();
        match self {
            Self::Case(case) => {
                keys.extend(keys::index_rows(case));
                let wake = next_wake(case).map(|at| TimerRow { at, case: case.id });
                keys.extend(wake.map(keys::timer));
                let reference = keys::reference(&case.reference);
                let owner = codec::encode(&reference, &case.id)?;
                rows.push((reference, owner));
            }
            Self::Outbox(entry) => {
                keys.extend(keys::attention_rows(entry));
                let id = entry.intent.id;
                keys.extend(
                    entry
                        .next_at
                        .map(|at| keys::outbox_due(OutboxRow { at, id })),
                );
            }
            Self::Record(record) => keys.extend(keys::record_of_client(record)),
            Self::Seen(seen) => keys.push(keys::seen_at(seen.at, &seen.id)),
            Self::Format(_) | Self::Own(..) | Self::Definition(_) | Self::Journal(..) => {}
        }
        rows.extend(keys.into_iter().map(|key| (key, Vec::new())));
        Ok(rows)
    }
}

/// The prefixes of derived rows.
pub(super) const DERIVED: &[u8] = b"tpxybnwlaqf";

/// The key of the record that a derived row is made of, as far as the row says it.
pub(super) fn owner(key: &[u8], row: &[u8]) -> Option<Key> {
    let id = || keys::read_id(key);
    match *key.first()? {
        b't' => keys::read_timer(key).map(|row| keys::case(row.case)),
        b'n' | b'w' | b'l' | b'a' => keys::read_place(key).map(|place| keys::case(place.case)),
        b'q' => id().map(keys::case),
        b'f' => codec::decode::<CaseId>(key, row).ok().map(keys::case),
        b'p' => keys::read_outbox_due(key).map(|row| keys::outbox(row.id)),
        b'x' => keys::read_outbox_id(key).map(keys::outbox),
        b'y' => keys::read_seen_at(key).map(keys::seen),
        b'b' => {
            let kind = match key.get(17)? {
                1 => RecordKind::Client,
                2 => RecordKind::Contact,
                3 => RecordKind::Asset,
                _ => return None,
            };
            id().map(|id| keys::record(kind, id))
        }
        _ => None,
    }
}

/// What a key is about, as people know it: an id, a reference, an event.
pub(super) fn about(key: &[u8]) -> Option<String> {
    match *key.first()? {
        b'c' => Some(format!("case {}", keys::read_id(key)?)),
        b'e' => {
            let (case, seq) = keys::read_journal(key)?;
            Some(format!("case {case}, line {seq}"))
        }
        b'o' => Some(format!("message {}", keys::read_outbox_id(key)?)),
        b'i' => Some(format!("event {}", text(key)?)),
        b'r' => Some(format!("record {}", keys::read_id(key)?)),
        b'd' => {
            let definition = keys::read_definition(key)?;
            Some(format!("workflow {}@{}", definition.id, definition.version))
        }
        b'f' => Some(format!("reference {}", text(key)?)),
        b'z' => about(keys::read_piece(key)?),
        _ => about(&owner(key, &[])?),
    }
}

/// What follows the prefix, where it is text.
fn text(key: &[u8]) -> Option<&str> {
    std::str::from_utf8(key.get(1..)?).ok()
}

fn json<T: Serialize>(record: &T) -> Result<String, String> {
    serde_json::to_string(record).map_err(|error| error.to_string())
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}
