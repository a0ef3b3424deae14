//! Cases of a usual size, stores filled with them, and commits pressed into a store as fast as it takes them.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use qixian_core::{
    Actor, Case, CaseId, Env, Event, Party, StartCase, Step, Value, What, Workflow, next_wake, step,
};
use qixian_daemon::Loaded;
use qixian_store::kv::{Draft, Rows};
use qixian_store::{CaseWrite, Commit, DefinitionText, Error, Group, Resolution, Store, Ticket};
use qixian_time::{Stopwatch, Timestamp};
use serde_json::{Value as Json, json};

use super::place::{WORKFLOW, failed};
use crate::failure::Failure;

/// The first rung of a case's ladder comes so long after its start.
pub(super) const FIRST_RUNG_MILLIS: i64 = 240 * 3_600_000;
/// A note of a usual length.
pub(super) const NOTE: &str = "bench: a note as people write them, of a usual length";
/// The first id's moment, in 2024.
const FIRST_ID_MILLIS: i64 = 1_704_067_200_000;
/// New cases in one group: about 400 keys, since larger batches eat memory.
const CASES_A_GROUP: usize = 50;
/// Groups handed over and not yet durable while a store is filled.
const GROUPS_AHEAD: usize = 8;

/// Makes cases by what the product itself does with the event that begins one.
pub(super) struct Maker {
    env: Env,
    workflow: Arc<Workflow>,
    start: StartCase,
}

impl Maker {
    /// Of the bench's workflow.
    pub(super) fn new(loaded: &Loaded, rules: &str) -> Result<Self, Failure> {
        let workflow = loaded.workflow(WORKFLOW).cloned();
        let workflow = workflow.ok_or_else(|| failed("the bench's workflow is missing"))?;
        let start = StartCase {
            workflow: WORKFLOW.to_owned(),
            pack: loaded.pack(rules).unwrap_or_default(),
            ..usual_start()
        };
        Ok(Self {
            env: loaded.env.clone(),
            workflow,
            start,
        })
    }

    /// The bench's workflow.
    pub(super) fn workflow(&self) -> &Workflow {
        &self.workflow
    }

    /// What the event says that begins the case of this number.
    pub(super) fn start(&self, number: u64) -> StartCase {
        StartCase {
            reference: format!("BENCH-{number:08}"),
            title: format!("兰州第{number}食品有限公司"),
            ..self.start.clone()
        }
    }

    /// The writes of a case whose first rung is due at `due`.
    pub(super) fn write(&self, number: u64, due: Timestamp) -> Result<CaseWrite, Failure> {
        let began = due.saturating_add_millis(-FIRST_RUNG_MILLIS);
        let event = event(
            id(number),
            number,
            began,
            What::Start(Box::new(self.start(number))),
        );
        let changed = match step(&self.env, &self.workflow, None, &event, began).map_err(failed)? {
            Step::Changed(changed) => *changed,
            Step::Nothing => return Err(failed("a case did not begin")),
        };
        Ok(CaseWrite {
            before: None,
            wake_before: None,
            wake_after: next_wake(&changed.case),
            case: Arc::new(changed.case),
            journal: Some(changed.journal),
        })
    }

    /// What a commit that begins the first case carries beside it.
    pub(super) fn definition(&self, case: &Case) -> DefinitionText {
        DefinitionText {
            definition: case.workflow.clone(),
            text: self.workflow.text.clone(),
        }
    }

    /// Fills `store` with cases numbered from 1 on, one for each instant at which a first rung is due.
    pub(super) async fn fill(
        &self,
        store: &dyn Store,
        dues: impl IntoIterator<Item = Timestamp>,
    ) -> Result<(), Failure> {
        let mut waiting: VecDeque<Ticket> = VecDeque::new();
        let mut dues = (1_u64..).zip(dues).peekable();
        while dues.peek().is_some() {
            let mut commit = Commit::default();
            for (number, due) in dues.by_ref().take(CASES_A_GROUP) {
                let write = self.write(number, due)?;
                if number == 1 {
                    commit.definitions.push(self.definition(&write.case));
                }
                commit.cases.push(write);
            }
            if waiting.len() >= GROUPS_AHEAD
                && let Some(mut ticket) = waiting.pop_front()
            {
                durable(ticket.wait().await)?;
            }
            let commits = vec![commit];
            waiting.push_back(store.submit(Group { commits }));
        }
        for mut ticket in waiting {
            durable(ticket.wait().await)?;
        }
        Ok(())
    }
}

/// The id of a number, as the daemon makes them: in the order of their making, one a minute here.
pub(super) fn id(number: u64) -> CaseId {
    let minutes = i64::try_from(number).unwrap_or_default();
    // An odd factor: different numbers stay different.
    let random = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
    let mut bytes = [0; 10];
    bytes[..8].copy_from_slice(&random);
    CaseId::new(FIRST_ID_MILLIS + minutes * 60_000, bytes)
}

/// An event of a person's, with a note of a usual length.
pub(super) fn event(case: CaseId, number: u64, at: Timestamp, what: What) -> Event {
    Event {
        id: format!("bench:{case}:{number}"),
        case,
        occurred_at: at,
        by: Actor {
            name: "bench".to_owned(),
            roles: vec!["admin".to_owned()],
        },
        note: Some(NOTE.to_owned()),
        expected_edit_rev: None,
        what,
    }
}

/// Fields and people as an agency knows them.
fn usual_start() -> StartCase {
    let record = |fields: &[(&str, &str)]| {
        let text =
            |(name, text): &(&str, &str)| ((*name).to_owned(), Value::Text((*text).to_owned()));
        Value::Record(fields.iter().map(text).collect())
    };
    let subject = record(&[
        ("name", "兰州黄河食品有限公司"),
        ("address", "兰州市城关区庆阳路100号"),
        ("number", "91620102MA71ABCD2X"),
    ]);
    let site = record(&[("name", "黄河食品"), ("domain", "huanghe-food.cn")]);
    let server = record(&[("code", "32a43232-a888-88e8-b9ec-00888be8888f")]);
    let fields = [("subject", subject), ("site", site), ("server", server)];
    let party = |(role, name, mobile): (&str, &str, &str)| Party {
        role: role.to_owned(),
        name: name.to_owned(),
        mobile: Some(mobile.to_owned()),
        email: Some(format!("{role}@example.cn")),
        ..Party::default()
    };
    let people = [
        ("principal", "王建国", "13800138000"),
        ("site_owner", "李秀英", "13900139000"),
        ("client", "赵敏", "13700137000"),
    ];
    StartCase {
        fields: fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
        parties: people.into_iter().map(party).collect(),
        ..StartCase::default()
    }
}

/// What became of a group, where only one thing is good.
pub(super) fn durable(resolution: Resolution) -> Result<(), Failure> {
    match resolution {
        Resolution::Durable => Ok(()),
        other => Err(failed(format!("the store answered {other:?}"))),
    }
}

/// What a closed loop came to.
#[derive(Debug, Default)]
pub(super) struct Pressed {
    /// How long each commit waited for its acknowledgement.
    pub(super) took: Vec<Duration>,
    /// From the first to the last.
    pub(super) lasted: Duration,
}

impl Pressed {
    /// Adds another stretch of the same.
    pub(super) fn add(&mut self, other: Pressed) {
        self.took.extend(other.took);
        self.lasted += other.lasted;
    }

    /// Commits (or events) a second.
    pub(super) fn rate(&self) -> f64 {
        self.took.len() as f64 / self.lasted.as_secs_f64().max(1e-9)
    }
}

/// Callers' commits that are handed over as one group: so that one group is written while the next is made.
pub(super) fn group_size(in_flight: usize) -> usize {
    (in_flight / 2).clamp(1, 64)
}

/// Keeps `in_flight` commits handed over and unacknowledged until `next` (told how many it may give) has no more.
pub(super) async fn press(
    store: &dyn Store,
    in_flight: usize,
    mut next: impl FnMut(usize) -> Option<Group>,
) -> Result<Pressed, Failure> {
    let mut waiting: VecDeque<(Ticket, Stopwatch, usize)> = VecDeque::new();
    let (mut pressed, mut out) = (Pressed::default(), 0);
    let watch = Stopwatch::start();
    loop {
        while out < in_flight
            && let Some(group) = next(group_size(in_flight).min(in_flight - out))
        {
            let (since, size) = (Stopwatch::start(), group.commits.len());
            waiting.push_back((store.submit(group), since, size));
            out += size;
        }
        let Some((mut ticket, since, size)) = waiting.pop_front() else {
            break;
        };
        durable(ticket.wait().await)?;
        let took = since.elapsed();
        pressed.took.extend(std::iter::repeat_n(took, size));
        out -= size;
    }
    pressed.lasted = watch.elapsed();
    Ok(pressed)
}

/// What commits cost on average, in rows and bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost {
    commits: usize,
    keys: usize,
    bytes: usize,
}

impl Cost {
    /// Of these commits, whatever each builds on.
    pub(super) fn of(commits: &[Commit]) -> Result<Self, Failure> {
        let mut cost = Self::default();
        for commit in commits {
            let mut rows = Map::default();
            rows.add(&before(commit)).map_err(failed)?;
            let commits = vec![commit.clone()];
            let (keys, bytes) = rows.add(&Group { commits }).map_err(failed)?;
            cost.commits += 1;
            cost.keys += keys;
            cost.bytes += bytes;
        }
        Ok(cost)
    }

    /// Whether nothing was counted yet.
    pub(super) fn is_empty(self) -> bool {
        self.commits == 0
    }

    /// Rows put or removed by a commit.
    pub(super) fn keys(self) -> f64 {
        self.keys as f64 / self.commits.max(1) as f64
    }

    /// Bytes of keys and values of a commit.
    pub(super) fn bytes(self) -> f64 {
        self.bytes as f64 / self.commits.max(1) as f64
    }

    /// For programs.
    pub(super) fn json(self) -> Json {
        json!({ "keys": self.keys(), "bytes": self.bytes() })
    }
}

/// What puts the cases there that a commit changes.
fn before(commit: &Commit) -> Group {
    let begin = |write: &CaseWrite| {
        Some(CaseWrite {
            before: None,
            case: write.before.clone()?,
            journal: None,
            wake_before: None,
            wake_after: write.wake_before,
        })
    };
    let commit = Commit {
        cases: commit.cases.iter().filter_map(begin).collect(),
        ..Commit::default()
    };
    let commits = vec![commit];
    Group { commits }
}

/// Rows in memory, to count what a commit changes.
#[derive(Default)]
struct Map(BTreeMap<Vec<u8>, Vec<u8>>);

impl Map {
    /// Adds a group; answers how many keys it touches and how many bytes it writes.
    fn add(&mut self, group: &Group) -> Result<(usize, usize), Error> {
        let mut draft = Draft::new(self);
        if let Err(refusal) = draft.add(group)? {
            return Err(Error::Backend(format!("{refusal:?}")));
        }
        let changes = draft.into_changes();
        let size =
            |(key, row): (&Vec<u8>, &Option<Vec<u8>>)| key.len() + row.as_ref().map_or(0, Vec::len);
        let cost = (changes.len(), changes.iter().map(size).sum());
        for (key, row) in changes {
            match row {
                Some(row) => self.0.insert(key, row),
                None => self.0.remove(&key),
            };
        }
        Ok(cost)
    }
}

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
