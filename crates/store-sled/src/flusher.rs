//! The second stage of writing: all that was applied is made durable at once, noted, then answered.

use std::sync::mpsc::Receiver;

use qixian_store::Error;

use crate::batches::Batches;
use crate::rows::system;
use crate::watchdog::Watchdog;
use crate::writer::{Answer, Applied};

/// Makes durable whatever was applied before it is called.
pub(crate) type Sync = Box<dyn Fn() -> std::io::Result<()> + Send>;

/// Makes durable and answers until the first stage is gone.
///
/// # Errors
/// Whatever sled or the system says; what was applied may be on disk or not.
pub(crate) fn run(
    inbox: &Receiver<Applied>,
    sync: &Sync,
    batches: &Batches,
    watchdog: &Watchdog,
) -> Result<(), Error> {
    while let Ok(first) = inbox.recv() {
        let mut all = vec![first];
        all.extend(inbox.try_iter());
        if let Some(last) = all.iter().filter_map(|applied| applied.batch).max() {
            let _watched = watchdog.watch();
            sync()
                .and_then(|()| batches.durable(last))
                .map_err(|error| system(&error))?;
        }
        all.into_iter().flat_map(|a| a.answers).for_each(answer);
    }
    Ok(())
}

fn answer(answer: Answer) {
    match answer {
        Answer::Group(resolver, resolution) => resolver.resolve(resolution),
        // Whoever asked may have stopped waiting.
        Answer::Forgotten(done, count) => drop(done.send(count)),
    }
}
