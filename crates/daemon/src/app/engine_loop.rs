//! Drives the engine on a thread of its own: turns, sends, short sleeps.

use std::thread;
use std::time::Duration;

use qixian_engine::{Engine, Handle, SendJob, Turn};
use qixian_notify::Outcome;
use qixian_store::Store;
use qixian_time::Clock;
use tokio::sync::oneshot;

/// Longest sleep: hosts are suspended and clocks are stepped, and one long sleep would fire late.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// A provider has its own time limit; past this one nobody knows what became of the message.
const SEND_LIMIT: Duration = Duration::from_secs(120);

/// Says when the engine's thread has ended.
#[derive(Debug)]
pub struct Ended(oneshot::Receiver<()>);

impl Ended {
    /// Waits for it. Not to be called again afterwards.
    pub async fn wait(&mut self) {
        // A thread that panicked has ended too.
        (&mut self.0).await.ok();
    }
}

/// Starts the thread. It ends when the engine is drained. What it sends runs on the tokio runtime this is called in.
///
/// # Errors
/// Whatever the system says where it gives no thread.
///
/// # Panics
/// Outside a tokio runtime.
pub fn spawn<S: Store, C: Clock + Clone + Send + 'static>(
    engine: Engine<S, C>,
) -> std::io::Result<Ended> {
    let (sender, ended) = oneshot::channel();
    let senders = tokio::runtime::Handle::current();
    thread::Builder::new()
        .name("qixian-engine".to_owned())
        .spawn(move || {
            let handle = engine.handle();
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            match runtime {
                Ok(runtime) => runtime.block_on(drive(engine, handle, senders)),
                Err(error) => tracing::error!(event = "engine_runtime_failed", %error),
            }
            sender.send(()).ok();
        })?;
    Ok(Ended(ended))
}

async fn drive<S: Store, C: Clock>(
    mut engine: Engine<S, C>,
    handle: Handle,
    senders: tokio::runtime::Handle,
) {
    loop {
        match engine.turn().await {
            Turn::Worked => {}
            Turn::Send(job) => {
                senders.spawn(send(job, handle.clone()));
            }
            Turn::IdleUntil(_) if engine.is_drained() => return tell_unwritten(&engine),
            Turn::IdleUntil(until) => {
                let wait = until.map_or(LONGEST_SLEEP, |at| {
                    let millis = at.millis_since(engine.clock().now()).max(0);
                    Duration::from_millis(millis.unsigned_abs()).min(LONGEST_SLEEP)
                });
                // An input ends the sleep; the time running out is as good a reason to look again.
                tokio::time::timeout(wait, engine.wait_input()).await.ok();
            }
        }
    }
}

/// Where the disk had no room left, outcomes go with the process.
fn tell_unwritten<S: Store, C: Clock>(engine: &Engine<S, C>) {
    let count = engine.outcomes_unwritten();
    if count > 0 {
        tracing::warn!(event = "outcomes_not_written", count);
    }
}

/// Carries one send out and brings its outcome back, whatever happens.
async fn send(job: SendJob, handle: Handle) {
    let started = qixian_time::Stopwatch::start();
    let settled = match tokio::time::timeout(SEND_LIMIT, job.run()).await {
        Ok(settled) => settled,
        Err(_) => job.settled(Outcome::Unknown {
            reason: "no answer in time".to_owned(),
        }),
    };
    let millis = started.elapsed().as_millis();
    tracing::info!(
        event = "message_tried",
        id = %settled.entry,
        leg = settled.leg,
        provider = %settled.provider,
        attempt = settled.attempt,
        outcome = settled.outcome.name(),
        millis
    );
    handle.settle(settled);
}
