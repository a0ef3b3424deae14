//! Forgets idempotency keys that are past their time: otherwise the store would grow by every request for ever.

use std::sync::Arc;
use std::time::Duration;

use qixian_store::{Error, Store};
use qixian_time::{Clock, Timestamp};
use tokio::sync::watch;

/// How often it is looked for old ones.
const EVERY: Duration = Duration::from_secs(60 * 60);
/// How long a key is kept: 7 days.
const KEPT_MILLIS: i64 = 7 * 24 * 60 * 60 * 1_000;
/// How many go in one write, so that what people write never waits long behind it.
const AT_A_TIME: usize = 200;

/// Forgets old keys now and then every hour until the process is asked to stop.
pub(super) fn spawn(
    store: Arc<dyn Store>,
    clock: impl Clock + 'static,
    mut stop: watch::Receiver<bool>,
) {
    tokio::spawn(async move {
        loop {
            if let Err(error) = forget(store.as_ref(), clock.now()).await {
                tracing::warn!(event = "old_keys_kept", %error);
            }
            let asked_to_stop = stop.wait_for(|stop| *stop);
            if tokio::time::timeout(EVERY, asked_to_stop).await.is_ok() {
                return;
            }
        }
    });
}

/// Forgets every key that was used more than 7 days before `now`.
async fn forget(store: &dyn Store, now: Timestamp) -> Result<(), Error> {
    let before = now.saturating_sub_millis(KEPT_MILLIS);
    while store.forget_seen(before, AT_A_TIME).await? == AT_A_TIME {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use qixian_core::CaseId;
    use qixian_store::{Commit, Group, MemStore, Resolution, Seen};

    #[tokio::test]
    async fn keys_are_kept_for_seven_days() {
        let now = Timestamp::from_millis(100 * KEPT_MILLIS);
        let store = MemStore::new();
        let key = |id: String, age: i64| Commit {
            seen: Some(Seen {
                id,
                digest: [0; 32],
                case: CaseId::from_bytes([1; 16]),
                rev: 1,
                at: now.saturating_sub_millis(age),
            }),
            ..Commit::default()
        };
        let old = (0..450).map(|n| key(format!("old{n}"), KEPT_MILLIS + 1));
        let commits = old
            .chain([key("new".to_owned(), KEPT_MILLIS - 1)])
            .collect();
        let written = store.submit(Group { commits }).wait().await;
        assert_eq!(written, Resolution::Durable);
        forget(&store, now).await.expect("it can be written");
        let ids = ["old0", "old449", "new"].map(str::to_owned);
        let seen = store.seen(&ids).await.expect("it can be read");
        assert_eq!(
            seen.iter().map(Option::is_some).collect::<Vec<_>>(),
            [false, false, true]
        );
    }
}
