//! The second stage of writing: all that was applied is made durable at once, then answered.

use std::fs::File;
use std::io;
use std::sync::mpsc::Receiver;

use crate::open::sync;
use crate::rows::Tree;
use crate::watchdog::Watchdog;
use crate::writer::{Answer, Applied};

/// Makes durable and answers until the first stage is gone.
///
/// # Errors
/// Whatever sled or the system says; what was applied may be on disk or not.
pub(crate) fn run(
    inbox: &Receiver<Applied>,
    tree: &Tree,
    pages: &File,
    watchdog: &Watchdog,
) -> io::Result<()> {
    while let Ok(first) = inbox.recv() {
        let mut all = vec![first];
        all.extend(inbox.try_iter());
        if all.iter().any(|applied| applied.changed) {
            let _watched = watchdog.watch();
            sync(&tree.0, pages)?;
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
