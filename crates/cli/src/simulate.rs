//! `qixian simulate`: one case and what happens to it, by the real engine on a virtual clock.

use std::path::{Path, PathBuf};

use clap::Args;
use qixian_api::{OverrideGuard, PostCase};
use qixian_core::{Actor, CaseId, Event, Fields, Party, StartCase, What, Words};
use qixian_daemon::{Loaded, Settings};
use qixian_engine::replay::Replay;
use qixian_time::{Clock, SystemClock, Timestamp, Zone};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::args::ConfigArgs;
use crate::failure::Failure;
use crate::out::Out;
use crate::workflow::{build_with, setup_of};
use crate::{files, local, when};

/// How long a simulation goes on after its last event unless told otherwise.
const AFTERWARDS_MILLIS: i64 = 366 * 24 * 60 * 60 * 1_000;

/// What is simulated.
#[derive(Debug, Args)]
#[command(
    after_help = "qixian simulate --workflow first-filing --case config/examples/gansu.toml --events config/examples/gansu-events.jsonl --start 2026-02-09T09:30:00+08:00"
)]
pub(crate) struct SimulateArgs {
    /// 流程：标识，或流程文件（.toml） | The workflow: an id, or a workflow file (.toml)
    #[arg(long, value_name = "ID")]
    workflow: Option<String>,
    /// 案件：POST /cases 的正文，JSON 或 TOML | The case: the body of POST /cases, as JSON or TOML
    #[arg(long, value_name = "FILE")]
    case: PathBuf,
    /// 事件：逐行 JSON，at 为时间或 +48h（自开始起） | Events: JSON lines, `at` a time or +48h from the start
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
    /// 开始的时间；默认为案件的 occurred_at，否则现在 | When it starts; the case's occurred_at, else now
    #[arg(long, value_name = "T")]
    start: Option<String>,
    /// 到何时为止：时间或 +30d；默认最后一个事件之后一年 | How far: a time or +30d; a year after the last event
    #[arg(long, value_name = "T")]
    until: Option<String>,
    #[command(flatten)]
    config: ConfigArgs,
}

/// One line of the events file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EventLine {
    at: String,
    event: String,
    #[serde(default)]
    party: Option<String>,
    #[serde(default)]
    fields: Map<String, Value>,
    #[serde(default)]
    occurred_at: Option<String>,
    #[serde(default)]
    note: Option<String>,
    #[serde(default, rename = "override")]
    override_guard: Option<OverrideGuard>,
}

/// An event with its place in the file.
struct Planned {
    line: usize,
    at: Timestamp,
    name: String,
    what: What,
    occurred_at: Timestamp,
    note: Option<String>,
}

/// Runs `qixian simulate`. The output is JSON lines always.
pub(crate) fn run(out: &Out, args: SimulateArgs) -> Result<(), Failure> {
    let settings = local::settings(&args.config, Vec::new())?;
    let loaded = local::loaded(&settings)?;
    let (workflow, own_file) = match args.workflow.as_deref() {
        Some(name) if name.ends_with(".toml") => (None, vec![PathBuf::from(name)]),
        other => (other, Vec::new()),
    };
    let (catalog, ids) = build_with(&settings, &loaded, &own_file)?;
    let post = read_case(&args.case, workflow.or(ids.first().map(String::as_str)))?;
    let setup = setup_of(&settings, &loaded, &catalog)?;
    let zone = match catalog.workflow(&post.workflow) {
        Some(workflow) => workflow.zone.clone(),
        None => local::workflow(&loaded, &post.workflow)?
            .workflow
            .zone
            .clone(),
    };
    let time = |text: &Option<String>| {
        text.as_deref()
            .map(|t| when::instant_or_day(t, &zone))
            .transpose()
    };
    let began = time(&post.occurred_at)?;
    let start = time(&args.start)?
        .or(began)
        .unwrap_or_else(|| SystemClock.now());
    let events = match &args.events {
        Some(path) => read_events(path, start, &zone)?,
        None => Vec::new(),
    };
    let last = events.last().map_or(start, |event| event.at.max(start));
    let until = match &args.until {
        Some(text) => when::relative(text, start, &zone)?,
        None => last.saturating_add_millis(AFTERWARDS_MILLIS),
    };
    let case = start_case(&settings, &loaded, post, &args.case, &zone)?;
    let mut simulation = Simulation {
        out,
        zone,
        replay: Replay::new(setup, start),
        refused: false,
    };
    local::runtime()?.block_on(simulation.run(case, began, events, until))
}

struct Simulation<'a> {
    out: &'a Out,
    zone: Zone,
    replay: Replay,
    refused: bool,
}

impl Simulation<'_> {
    async fn run(
        &mut self,
        start: StartCase,
        began: Option<Timestamp>,
        events: Vec<Planned>,
        until: Timestamp,
    ) -> Result<(), Failure> {
        let is_midway = start.state.is_some();
        let started = self.replay.start(start, began, actor()).await;
        let case = started
            .map_err(|error| {
                let Words { zh, en } = error.words();
                Failure::refused(
                    format!("案件无法开始：{zh}"),
                    format!("the case cannot start: {en}"),
                )
            })?
            .case
            .id;
        if is_midway {
            // What it makes due at once is held for a person to release; a simulation is there to show it.
            self.replay.release(case).await;
        }
        for planned in events.into_iter().filter(|planned| planned.at <= until) {
            self.advance(planned.at).await?;
            self.submit(case, planned).await;
        }
        self.advance(until).await?;
        match self.refused {
            true => Err(Failure::Told),
            false => Ok(()),
        }
    }

    async fn advance(&mut self, to: Timestamp) -> Result<(), Failure> {
        let advanced = self.replay.advance_to(to).await;
        self.print();
        advanced.map_err(|error| {
            let Words { zh, en } = error.words();
            Failure::refused(zh, en)
        })
    }

    async fn submit(&mut self, case: CaseId, planned: Planned) {
        let event = Event {
            id: String::new(),
            case,
            occurred_at: planned.occurred_at,
            by: actor(),
            note: planned.note,
            expected_edit_rev: None,
            what: planned.what,
        };
        let answer = self.replay.submit(event).await;
        self.print();
        if let Err(error) = answer {
            self.refused = true;
            let (line, name, at) = (
                planned.line,
                planned.name,
                planned.at.to_rfc3339(&self.zone),
            );
            let Words { zh, en } = error.words();
            self.out.note(
                format!("第 {line} 行：{at} 的“{name}”被拒绝：{zh}"),
                format!("line {line}: `{name}` at {at} was refused: {en}"),
            );
        }
    }

    fn print(&mut self) {
        for line in self.replay.take_lines() {
            self.out.json_line(&line.to_json(&self.zone));
        }
    }
}

fn actor() -> Actor {
    Actor {
        name: "simulate".to_owned(),
        roles: vec!["admin".to_owned()],
    }
}

fn read_case(path: &Path, workflow: Option<&str>) -> Result<PostCase, Failure> {
    let mut value = files::record(path)?;
    if let (Some(case), Some(workflow)) = (value.as_object_mut(), workflow) {
        case.insert("workflow".to_owned(), Value::String(workflow.to_owned()));
    }
    let mut post: PostCase = read(path, value)?;
    if post.title.is_empty() {
        let name = path.file_stem().unwrap_or_default();
        post.title = name.to_string_lossy().into_owned();
    }
    Ok(post)
}

fn start_case(
    settings: &Settings,
    loaded: &Loaded,
    post: PostCase,
    path: &Path,
    zone: &Zone,
) -> Result<StartCase, Failure> {
    let rules = post.rules.as_deref().unwrap_or(&settings.rules);
    let pack = loaded.pack(rules).ok_or_else(|| {
        Failure::usage(
            format!("没有规则包“{rules}”"),
            format!("there is no rule pack `{rules}`"),
        )
    })?;
    let parties = serde_json::to_value(&post.parties).unwrap_or_default();
    let entered_at = post
        .entered_at
        .as_deref()
        .map(|t| when::instant_or_day(t, zone))
        .transpose()?;
    Ok(StartCase {
        workflow: post.workflow,
        pack,
        reference: post.reference.unwrap_or_default(),
        title: post.title,
        fields: read(path, Value::Object(post.fields))?,
        parties: read::<Vec<Party>>(path, parties)?,
        state: post.state,
        entered_at,
        ..StartCase::default()
    })
}

fn read<T: DeserializeOwned>(path: &Path, value: Value) -> Result<T, Failure> {
    serde_json::from_value(value).map_err(|error| files::bad(path, &error.to_string()))
}

/// The events in the order of time.
fn read_events(path: &Path, start: Timestamp, zone: &Zone) -> Result<Vec<Planned>, Failure> {
    let text = files::text(path)?;
    let mut events = Vec::new();
    for (index, text) in text
        .lines()
        .enumerate()
        .filter(|(_, text)| !text.trim().is_empty())
    {
        let line = index + 1;
        let place = || format!("{}:{line}", path.display());
        let read: EventLine = serde_json::from_str(text)
            .map_err(|error| files::bad(Path::new(&place()), &error.to_string()))?;
        let at = when::relative(&read.at, start, zone)?;
        let occurred_at = match &read.occurred_at {
            Some(text) => when::relative(text, start, zone)?,
            None => at,
        };
        let fields: Fields = serde_json::from_value(Value::Object(read.fields))
            .map_err(|error| files::bad(Path::new(&place()), &error.to_string()))?;
        events.push(Planned {
            line,
            at,
            name: read.event.clone(),
            what: What::Fact {
                event: read.event,
                party: read.party,
                fields,
                override_reason: read.override_guard.map(|guard| guard.reason),
            },
            occurred_at,
            note: read.note,
        });
    }
    events.sort_by_key(|event| event.at);
    Ok(events)
}
