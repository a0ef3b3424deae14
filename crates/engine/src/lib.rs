//! One writer for cases: it takes events, fires timers, hands out messages, and answers only what is durable.
//!
//! [`Engine::turn`] does one bounded piece of work and never waits for a provider, a timer or a ticket; whoever drives it
//! (the daemon's loop, the simulation, [`replay`]) decides what happens between turns. [`Handle`] is the only door for
//! events. The reading order is that of one event's walk: [`Handle`] → [`Engine::turn`] → deciding → committing →
//! answering, then timers and the dispatcher, which use the same door.
//!
//! Left to others: what an event does (`qixian_core::step`), keeping records (`qixian-store`), texts and transports
//! (`qixian-notify`), sleeping (the daemon's loop).

mod answer;
mod decide;
mod definitions;
mod dispatch;
mod engine;
mod handle;
mod horizon;
mod inflight;
mod job;
mod needed;
mod overlay;
mod random;
mod reference;
pub mod replay;
mod retry;
mod room;
mod settle;
mod stats;
mod timers;
mod turn;
mod watched;
mod work;

pub use definitions::{CompileText, Definitions};
pub use engine::{Engine, EngineSettings, Setup};
pub use handle::{Ack, DryRun, Handle, SubmitError, meaning};
pub use job::{SendJob, Settled};
pub use random::{Randomness, SeededRandom};
pub use retry::RetryPolicy;
pub use stats::{EngineStats, Health, StatsSnapshot};
pub use turn::Turn;
