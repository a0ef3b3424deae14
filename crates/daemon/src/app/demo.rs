//! `--demo`: example cases that began some time ago, so that there is something to see at once.

use qixian_api::{PostCase, PostEvent};
use qixian_core::{Actor, CaseId, Event, What};
use qixian_engine::Handle;
use qixian_store::{CaseQuery, Store};
use qixian_time::{Period, Timestamp, Zone};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::Error;
use crate::catalog::Loaded;
use crate::files::ConfigFile;
use crate::from_api::{self, Said};
use crate::settings::Settings;

/// One demo file: the body of a start, and what happened since.
#[derive(Deserialize)]
struct DemoCase {
    started_ago: Option<String>,
    #[serde(default)]
    events: Vec<DemoEvent>,
    #[serde(flatten)]
    body: Map<String, Value>,
}

#[derive(Deserialize)]
struct DemoEvent {
    after: String,
    #[serde(flatten)]
    body: Map<String, Value>,
}

/// Starts the example cases, unless there are cases already.
pub(super) async fn start(
    settings: &Settings,
    loaded: &Loaded,
    handle: &Handle,
    store: &dyn Store,
    now: Timestamp,
) -> Result<(), Error> {
    let there = store.list(&CaseQuery::default(), None, 1).await?;
    if !there.items.is_empty() {
        return Ok(());
    }
    let files = settings
        .files
        .below("demo")
        .filter(|file| file.name.ends_with(".toml"));
    for file in files {
        let demo = Demo {
            settings,
            loaded,
            handle,
            now,
        };
        demo.play(file).await.map_err(|reason| Error::Demo {
            file: file.shown.clone(),
            reason,
        })?;
    }
    Ok(())
}

struct Demo<'a> {
    settings: &'a Settings,
    loaded: &'a Loaded,
    handle: &'a Handle,
    now: Timestamp,
}

impl Demo<'_> {
    async fn play(&self, file: &ConfigFile) -> Result<(), String> {
        let case: DemoCase = toml::from_str(&file.text).map_err(|e| e.to_string())?;
        let ago = case
            .started_ago
            .as_deref()
            .map(millis)
            .transpose()?
            .unwrap_or(0);
        let began = self.now.saturating_sub_millis(ago);
        let mut body: PostCase = read(self.dated(case.body))?;
        let starts_midway = body.state.is_some();
        if starts_midway {
            body.entered_at = Some(began.to_string());
        }
        let pack = |_: Option<&str>| self.loaded.pack(&self.settings.rules);
        let said = from_api::start(body, self.now, pack).map_err(|e| e.said())?;
        let id = self.submit(self.handle.new_id(), began, said, 0).await?;
        let events = case.events.len();
        for (index, event) in case.events.into_iter().enumerate() {
            let at = began
                .saturating_add_millis(millis(&event.after)?)
                .min(self.now);
            let body: PostEvent = read(self.dated(event.body))?;
            let name = body.event.clone();
            let said = from_api::event(body, self.now).map_err(|e| e.said())?;
            self.submit(id, at, said, index + 1)
                .await
                .map_err(|e| format!("{name}: {e}"))?;
        }
        if starts_midway {
            let release = Said {
                what: What::Release,
                occurred_at: self.now,
                note: None,
            };
            self.submit(id, self.now, release, events + 1).await?;
        }
        Ok(())
    }

    async fn submit(
        &self,
        case: CaseId,
        at: Timestamp,
        said: Said,
        index: usize,
    ) -> Result<CaseId, String> {
        let event = Event {
            id: format!("demo:{case}:{index}"),
            case,
            occurred_at: at,
            by: Actor {
                name: "demo".to_owned(),
                roles: vec!["lead".to_owned(), "handler".to_owned()],
            },
            note: said.note,
            expected_edit_rev: None,
            what: said.what,
        };
        let ack = self.handle.submit(event).await.map_err(|e| e.to_string())?;
        Ok(ack.case.id)
    }

    /// The body with `today+6d` and the like replaced by days.
    fn dated(&self, body: Map<String, Value>) -> Value {
        dated(Value::Object(body), self.now)
    }
}

fn read<T: DeserializeOwned>(body: Value) -> Result<T, String> {
    serde_json::from_value(body).map_err(|error| error.to_string())
}

fn dated(value: Value, now: Timestamp) -> Value {
    match value {
        Value::String(text) => Value::String(day(&text, now).unwrap_or(text)),
        Value::Array(items) => items.into_iter().map(|item| dated(item, now)).collect(),
        Value::Object(map) => map
            .into_iter()
            .map(|(name, item)| (name, dated(item, now)))
            .collect(),
        other => other,
    }
}

/// The day that `today`, `today+6d` or `today-30d` names.
fn day(text: &str, now: Timestamp) -> Option<String> {
    let rest = text.strip_prefix("today")?;
    let days: i64 = match rest {
        "" => 0,
        _ => rest.strip_suffix('d')?.parse().ok()?,
    };
    let at = now.saturating_add_millis(days * 24 * 3_600_000);
    Some(Zone::shanghai().date_of(at).to_string())
}

/// Elapsed time, a `d` being 24 hours.
fn millis(text: &str) -> Result<i64, String> {
    let hours = |count: u32| i64::from(count) * 3_600_000;
    let period: Period = text
        .parse()
        .map_err(|e: qixian_time::TimeError| e.to_string())?;
    match (period.elapsed_millis(), period.unit) {
        (Some(millis), _) => Ok(millis),
        (None, qixian_time::Unit::Days) => Ok(hours(24) * i64::from(period.count)),
        _ => Err(format!("`{text}`: expected m, h or d")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_from_today_in_shanghai() {
        let now = Timestamp::parse("2026-02-13T20:00:00Z").expect("a time");
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(day(text, now).as_deref(), expected, "{text}");
        };
        check("today", Some("2026-02-14"));
        check("today+6d", Some("2026-02-20"));
        check("today-30d", Some("2026-01-15"));
        check("todays", None);
        check("2026-02-14", None);
    }
}
