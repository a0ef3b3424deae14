//! Table tests of `step`, on a workflow in the shape of a filing.

mod clocks;
mod corrections;
mod facts;
mod histories;
mod ladders;
mod late;
mod life;
mod why;
mod world;
