//! The engine on a virtual clock, for `simulate` and the tests of workflow files.
