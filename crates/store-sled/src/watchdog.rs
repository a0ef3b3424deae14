//! Ends the process when a batch takes too long: sled can deadlock, or wait for a thread that died.

use std::any::Any;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;
use std::{fmt, io};

use qixian_store::Error;
use qixian_store::core::Words;
use qixian_store::time::Stopwatch;

/// The limit is waited for in so many parts.
const TICKS: u32 = 8;
/// A wait that takes so much longer than it should was a standstill.
const LATE: Duration = Duration::from_secs(1);

/// Called with a last word.
pub(crate) type OnFatal = Arc<dyn Fn(&Words) + Send + Sync>;

/// A thread that waits for the end of whatever is begun.
pub(crate) struct Watchdog {
    signals: Sender<Signal>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signal {
    Begun,
    Ended,
}

/// Something is under way while this lives.
pub(crate) struct Watched<'a>(&'a Sender<Signal>);

impl Watchdog {
    /// Starts the thread for the store in `dir`. It ends once the watchdog is dropped.
    pub(crate) fn start(
        dir: &Path,
        limit: Duration,
        fatal: OnFatal,
    ) -> io::Result<(Self, JoinHandle<()>)> {
        let (signals, inbox) = channel();
        let dir = dir.to_owned();
        let thread = Builder::new()
            .name("store-watchdog".to_owned())
            .spawn(move || watch(&inbox, &dir, limit, &fatal))?;
        Ok((Self { signals }, thread))
    }

    /// Begins the time limit; dropping what is given ends it.
    pub(crate) fn watch(&self) -> Watched<'_> {
        // A watchdog that barked and returned (in tests) is gone; there is nothing left to watch for.
        self.signals.send(Signal::Begun).ok();
        Watched(&self.signals)
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.0.send(Signal::Ended).ok();
    }
}

impl fmt::Debug for Watchdog {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Watchdog")
    }
}

fn watch(inbox: &Receiver<Signal>, dir: &Path, limit: Duration, fatal: &OnFatal) {
    while let Ok(signal) = inbox.recv() {
        if matches!(signal, Signal::Ended) {
            continue;
        }
        let tick = limit / TICKS;
        let wait = || {
            let since = Stopwatch::start();
            let answer = inbox.recv_timeout(tick);
            (answer == Err(RecvTimeoutError::Timeout)).then(|| since.elapsed())
        };
        if is_stuck(tick, wait) {
            let stuck = Error::Stuck {
                dir: dir.display().to_string(),
                limit,
            };
            fatal(&stuck.words());
            return;
        }
    }
}

/// Whether so many waits of `tick` passed as make the limit. `wait` answers how long it took, or `None` once what is watched
/// has ended. A wait from which this thread woke late does not count: the process, or the machine, stood still, and what
/// is watched with it.
fn is_stuck(tick: Duration, mut wait: impl FnMut() -> Option<Duration>) -> bool {
    let mut ticks = 0;
    while ticks < TICKS {
        match wait() {
            Some(took) if took < tick + LATE => ticks += 1,
            Some(_) => {}
            None => return false,
        }
    }
    true
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a word")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standstill_of_the_process_does_not_count() {
        let tick = Duration::from_secs(4);
        let stuck = |stops: usize, waits: usize| {
            let mut nth = 0;
            is_stuck(tick, || {
                nth += 1;
                let took = match nth <= stops {
                    true => Duration::from_secs(3_600),
                    false => tick,
                };
                (nth <= waits).then_some(took)
            })
        };
        assert!(stuck(0, 8));
        assert!(!stuck(0, 7), "it ended in time");
        assert!(!stuck(1, 8), "one of them was a standstill");
        assert!(stuck(3, 11));
    }

    #[test]
    fn barks_only_when_something_takes_too_long() {
        let (bark, barked) = channel();
        let fatal: OnFatal = Arc::new(move |word| bark.send(word.clone()).unwrap());
        let limit = Duration::from_millis(20);
        let (watchdog, thread) = Watchdog::start(Path::new("/d"), limit, fatal).unwrap();
        drop(watchdog.watch());
        let stuck = watchdog.watch();
        let word = barked.recv().unwrap();
        assert!(word.en.contains("to /d within 0.02 s"), "{}", word.en);
        assert!(word.zh.contains("0.02 秒"), "{}", word.zh);
        drop(stuck);
        drop(watchdog);
        thread.join().unwrap();
        assert!(barked.try_recv().is_err());
    }
}
