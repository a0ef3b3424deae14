//! The real binary over HTTP.

mod answers;
mod contract;
mod life;
mod masked;
mod pages;
mod records;
mod start;
mod surface;
mod watch;
