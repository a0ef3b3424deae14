//! The real binary over HTTP.

mod answers;
mod contract;
mod life;
mod pages;
mod records;
mod start;
mod surface;
mod watch;
