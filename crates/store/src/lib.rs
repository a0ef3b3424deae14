//! The storage contract, an in-memory store, and the suite every backend must pass.
//!
//! A [`Group`] of [`Commit`]s is handed to [`Store::submit`] as a value; its [`Ticket`] says later whether it is durable.
//! A commit is all or nothing, and so is a group. The contract assumes neither one process nor that reads see what is not
//! durable yet: the engine keeps its own overlay of what is in flight.

pub mod codec;
mod commit;
pub mod conformance;
mod contract;
pub mod cursor;
mod error;
mod intercepted;
pub mod keys;
pub mod kv;
mod mem;
mod room;
mod ticket;

pub use commit::{
    Attempt, CaseWrite, Commit, DefinitionText, Group, LegState, OutboxEntry, OutboxWrite, Record,
    RecordKind, RecordWrite, Seen,
};
pub use contract::{CaseQuery, MessageQuery, OutboxRow, PAGE_MAX, Page, Store, TimerRow};
pub use error::Error;
pub use intercepted::{Intercepted, Interceptor};
pub use mem::{Fate, MemStore, MemStoreControl};
pub use room::{Room, RoomState};
pub use ticket::{Receipt, Refusal, Resolution, Resolver, Ticket};
/// The crates whose types the contract speaks of, so that a backend needs to name this one only.
pub use {qixian_core as core, qixian_time as time};
