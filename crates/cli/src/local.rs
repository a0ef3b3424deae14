//! Settings and definitions, for commands that work without a daemon.

use qixian_daemon::{Loaded, Overrides, Settings};
use qixian_time::WorkCalendar;
use qixian_workflow::WorkflowFile;

use crate::args::ConfigArgs;
use crate::failure::Failure;
use crate::files::closest;

/// The settings in force: defaults, file, environment, and these values of the command line.
pub(crate) fn settings(
    config: &ConfigArgs,
    values: Vec<(&'static str, String)>,
) -> Result<Settings, Failure> {
    let overrides = Overrides {
        config: config.config.clone(),
        values,
    };
    Ok(Settings::load(&overrides, &|name| {
        std::env::var(name).ok()
    })?)
}

/// Every definition the settings name.
pub(crate) fn loaded(settings: &Settings) -> Result<Loaded, Failure> {
    Ok(qixian_daemon::catalog(settings)?)
}

/// The calendar of this id.
pub(crate) fn calendar(loaded: &Loaded, id: &str) -> Result<WorkCalendar, Failure> {
    let calendars = &loaded.env.calendars;
    let known: Vec<&str> = calendars.keys().map(String::as_str).collect();
    let found = calendars.get(id).cloned();
    found.ok_or_else(|| {
        let (zh, en) = closest(id, &known);
        Failure::usage(
            format!("没有名为“{id}”的日历{zh}"),
            format!("there is no calendar `{id}`{en}"),
        )
    })
}

/// The workflow file of this id, with its tests.
pub(crate) fn workflow<'a>(loaded: &'a Loaded, id: &str) -> Result<&'a WorkflowFile, Failure> {
    let known: Vec<&str> = loaded
        .workflows()
        .map(|workflow| workflow.id.as_str())
        .collect();
    loaded.catalog.file(id).ok_or_else(|| {
        let (zh, en) = closest(id, &known);
        Failure::usage(
            format!("没有名为“{id}”的流程{zh}"),
            format!("there is no workflow `{id}`{en}"),
        )
    })
}

/// What runs the engine inside a command: one thread.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let built = tokio::runtime::Builder::new_current_thread().build();
    built.map_err(|error| {
        Failure::refused(
            format!("系统不允许启动：{error}"),
            format!("the system refuses to start it: {error}"),
        )
    })
}
