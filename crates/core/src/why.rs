//! Why a deadline is due when it is: recomputed from what is kept, never stored.

use qixian_time::Date;
use serde::{Deserialize, Serialize};

use crate::{Case, Deadline, Env, Words, Workflow};

/// The explanation of one deadline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// In the order a person would tell it.
    pub lines: Vec<WhyLine>,
}

/// One line of an explanation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhyLine {
    /// What kind of line (`trigger`, `rule`, `calendar`, `counted`, `skipped`, `pause`, `moved`, `due`, `provisional`).
    pub kind: String,
    /// The day it speaks of, for `counted` and `skipped`.
    pub day: Option<Date>,
    /// The sentence.
    pub text: Words,
}

/// Explains `deadline` of `case`.
pub fn why(_env: &Env, _workflow: &Workflow, _case: &Case, _deadline: &Deadline) -> Why {
    Why { lines: Vec::new() }
}
