//! The daemon: settings, wiring, HTTP, pages, signals. Everything it decides about cases it asks of the engine.
//!
//! One request's walk: `http` authenticates and limits, `from_api` parses once, `qixian_engine::Handle` is the only door
//! to a case, `to_api` makes the answer. [`catalog()`] loads what every command starts from: calendars, rules, workflows
//! and message templates, embedded ones overlaid by a directory.

mod app;
pub mod auth;
mod catalog;
pub mod files;
mod from_api;
mod http;
pub mod logging;
mod masking;
mod random;
mod said;
pub mod settings;
mod to_api;
mod views;

pub use app::{Error, engine_loop, serve};
pub use catalog::{Loaded, both, catalog};
pub use http::description;
pub use random::SystemRandom;
pub use settings::{Origin, Overrides, Settings, Shown};
pub use views::{calendar_view, workflow_view};
