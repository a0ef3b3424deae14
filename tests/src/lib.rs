//! Whole-product tests; each kind is one test binary beside this file.

pub mod books;
pub mod daemon;
pub mod load;
pub mod moments;
