//! Whole-product tests; each kind is one test binary beside this file.

pub mod daemon;
