//! A seeded world for the unchanged engine: one number decides everything that happens.
//!
//! [`World`] drives turns, tickets, sends, people, crashes and the clock, each by a seeded choice; [`FaultPlan`] says
//! which faults a seed uses and how often; the [`Checker`] looks whether every promise was kept. A failure names its seed:
//! running that seed again repeats it to the letter.

mod checker;
mod faults;
mod ground;
mod people;
mod provider;
mod reference;
mod rng;
mod sabotage;
mod setup;
mod world;

pub use checker::{Checker, Failure};
pub use faults::FaultPlan;
pub use ground::Ground;
pub use provider::{Delivery, FaultProvider};
pub use reference::Compared;
pub use rng::Rng;
pub use sabotage::Sabotage;
pub use setup::setup;
pub use world::{Summary, World};
