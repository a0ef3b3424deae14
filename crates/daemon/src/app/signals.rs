//! SIGTERM and SIGINT: the first asks for an orderly end, the second ends at once.

use tokio::sync::watch;

/// Becomes true when the process is asked to stop.
#[cfg(unix)]
pub(super) fn stop() -> std::io::Result<watch::Receiver<bool>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (sender, receiver) = watch::channel(false);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        for asked in 0.. {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if asked > 0 {
                tracing::warn!(event = "stopped_at_once");
                std::process::exit(1);
            }
            sender.send_replace(true);
        }
    });
    Ok(receiver)
}

/// Becomes true when the process is asked to stop.
#[cfg(not(unix))]
pub(super) fn stop() -> std::io::Result<watch::Receiver<bool>> {
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        tokio::signal::ctrl_c().await.ok();
        sender.send_replace(true);
        std::future::pending::<()>().await;
    });
    Ok(receiver)
}
