//! Tells somebody outside that the timer loop runs: when the pings stop, they look.

use std::time::Duration;

use qixian_engine::Handle;
use qixian_time::Timestamp;
use tokio::sync::watch;

/// How often somebody is told.
const EVERY: Duration = Duration::from_secs(30);
/// How long one ping may take.
const LIMIT: Duration = Duration::from_secs(10);

/// Starts pinging `url`, if there is one. A ping goes out only when timers were looked at since the last one, so that a
/// loop that stands still is noticed even while the process lives.
pub(super) fn spawn(
    url: Option<String>,
    handle: Handle,
    mut stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let Some(url) = url else { return Ok(()) };
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(LIMIT))
        .build();
    let agent: ureq::Agent = config.into();
    tokio::spawn(async move {
        let mut told: Option<Timestamp> = None;
        loop {
            let passed = handle.stats().health().last_timer_pass;
            if passed.is_some() && passed != told {
                told = passed;
                ping(agent.clone(), url.clone()).await;
            }
            let asked_to_stop = stop.wait_for(|stop| *stop);
            if tokio::time::timeout(EVERY, asked_to_stop).await.is_ok() {
                return;
            }
        }
    });
    Ok(())
}

async fn ping(agent: ureq::Agent, url: String) {
    let asked = tokio::task::spawn_blocking(move || agent.get(&url).call().map(|_| ())).await;
    match asked {
        Ok(Ok(())) => tracing::debug!(event = "pinged"),
        // The address is a secret of sorts: whoever knows it can pretend that all is well.
        Ok(Err(error)) => tracing::warn!(event = "ping_failed", kind = kind(&error)),
        Err(_) => tracing::warn!(event = "ping_failed", kind = "panic"),
    }
}

fn kind(error: &ureq::Error) -> &'static str {
    match error {
        ureq::Error::StatusCode(_) => "status",
        ureq::Error::Timeout(_) => "timeout",
        ureq::Error::HostNotFound => "host_not_found",
        ureq::Error::Io(_) | ureq::Error::ConnectionFailed => "connection",
        _ => "other",
    }
}
