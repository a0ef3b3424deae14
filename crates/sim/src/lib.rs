//! A seeded world for the unchanged engine: one number decides everything that happens.
//!
//! [`World`] drives turns, tickets, sends, people, crashes and the clock, each by a seeded choice; [`FaultPlan`] says
//! which faults a seed uses and how often; the [`Checker`] looks whether every promise was kept. A failure names its seed:
//! running that seed again repeats it to the letter. Each thing that happens has choices of its own ([`Key`]), so that a
//! failing [`History`] can be told again without what does not matter ([`shrink`]).

mod checker;
mod faults;
mod ground;
mod history;
mod people;
mod provider;
mod records;
mod reference;
mod rng;
mod runner;
mod sabotage;
mod scenery;
mod setup;
mod shrink;
mod tally;
mod world;

pub use checker::{Checker, Extent, Failure};
pub use faults::FaultPlan;
pub use ground::Ground;
pub use history::{Happened, History, Key, Kind};
pub use provider::{Delivery, FaultProvider, SendFault};
pub use reference::Compared;
pub use rng::Rng;
pub use runner::{Run, Seeds, run};
pub use sabotage::Sabotage;
pub use scenery::{Scenery, Stage};
pub(crate) use setup::setup;
pub use shrink::{Kept, replay, shrink};
pub use tally::{Tally, Times};
pub use world::{Lived, Summary, World};
