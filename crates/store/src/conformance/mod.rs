//! The suite every backend must pass, for tests: each check gets an empty store and panics when the contract is broken.
//!
//! ```
//! use std::sync::Arc;
//! use qixian_store::{MemStore, conformance};
//! pollster::block_on(conformance::run_all(|| Arc::new(MemStore::new())));
//! ```

mod cases;
mod history;
mod lists;
mod messages;
mod others;
pub mod samples;
mod timers;

use std::sync::Arc;

pub use history::{compare, seeded_history};

use crate::Store;

/// Runs every check, each on a store that `make` makes anew.
///
/// # Panics
/// When the backend breaks the contract.
pub async fn run_all(make: impl Fn() -> Arc<dyn Store>) {
    cases::a_case_reads_back(&*make()).await;
    cases::a_wrong_rev_refuses_the_whole_group(&*make()).await;
    cases::later_commits_build_on_earlier_ones(&*make()).await;
    cases::groups_take_effect_in_order(&*make()).await;
    cases::what_follows_a_refusal_is_refused(&*make()).await;
    cases::a_reference_has_one_case(&*make()).await;
    cases::the_journal_is_read_in_parts(&*make()).await;
    cases::a_wake_up_row_moves_without_a_line(&*make()).await;
    lists::by_next_due_with_undated_last(&*make()).await;
    lists::by_each_condition(&*make()).await;
    lists::follow_changes(&*make()).await;
    lists::page_while_writes_go_on(&*make()).await;
    lists::many_equal_titles(&*make()).await;
    timers::wake_ups_between_bounds(&*make()).await;
    timers::more_rows_than_one_scan(&*make()).await;
    messages::due_rows_follow_the_entry(&*make()).await;
    messages::by_status_and_case(&*make()).await;
    others::definitions_stay_as_first_written(&*make()).await;
    others::records_are_put_listed_and_removed(&*make()).await;
    others::old_idempotency_records_go(&*make()).await;
    others::large_values(&*make()).await;
    others::foreign_cursors(&*make()).await;
}
