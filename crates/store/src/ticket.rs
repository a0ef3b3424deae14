//! The promise for a submitted group.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::oneshot;

/// What became of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// It is on disk, power cut included.
    Durable,
    /// Nothing of it took effect, nor of any group submitted after it before this answer was read.
    Refused(Refusal),
    /// Nobody can say whether it took effect: reread before going on.
    Unknown(String),
}

/// Why a group was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A case or record was not at the expected rev, or a reference is taken. Reread, then decide again.
    Conflict(String),
    /// The backend would not take it now (disk full, no lease).
    Unavailable(String),
    /// The backend will never take it: a record in it is larger than [`crate::codec::VALUE_MAX`].
    TooLarge(String),
}

/// Resolves once, to what became of the group.
#[derive(Debug)]
pub struct Ticket {
    answer: oneshot::Receiver<Resolution>,
    read: Arc<AtomicBool>,
}

/// The backend's end of a [`Ticket`]. Dropped without an answer it resolves to unknown.
#[derive(Debug)]
pub struct Resolver {
    answer: oneshot::Sender<Resolution>,
    read: Arc<AtomicBool>,
}

/// Tells a backend whether the answer of a ticket was read. A backend that refused a group must refuse what is
/// submitted until then: whoever submitted it did not know yet, and built on what never happened.
#[derive(Clone, Debug)]
pub struct Receipt(Arc<AtomicBool>);

impl Ticket {
    /// A ticket and the end that resolves it.
    pub fn new() -> (Self, Resolver) {
        let (sender, receiver) = oneshot::channel();
        let read = Arc::new(AtomicBool::new(false));
        let ticket = Self {
            answer: receiver,
            read: read.clone(),
        };
        let resolver = Resolver {
            answer: sender,
            read,
        };
        (ticket, resolver)
    }

    /// The resolution, if it is known by now. Ask no more after it was given.
    pub fn poll_now(&mut self) -> Option<Resolution> {
        let resolution = match self.answer.try_recv() {
            Ok(resolution) => resolution,
            Err(oneshot::error::TryRecvError::Empty) => return None,
            Err(oneshot::error::TryRecvError::Closed) => dropped(),
        };
        self.read.store(true, Ordering::SeqCst);
        Some(resolution)
    }

    /// Waits for the resolution. Safe to drop and call again before it resolved.
    pub async fn wait(&mut self) -> Resolution {
        let resolution = (&mut self.answer).await.unwrap_or_else(|_| dropped());
        self.read.store(true, Ordering::SeqCst);
        resolution
    }
}

impl Drop for Ticket {
    /// Whoever drops a ticket does not care for its answer, so nothing waits for its being read.
    fn drop(&mut self) {
        self.read.store(true, Ordering::SeqCst);
    }
}

impl Resolver {
    /// Says what became of the group. Nobody may be listening any more; that is no error.
    pub fn resolve(self, resolution: Resolution) {
        self.answer.send(resolution).ok();
    }

    /// A way to learn later whether the answer was read.
    pub fn receipt(&self) -> Receipt {
        Receipt(self.read.clone())
    }
}

impl Receipt {
    /// Whether the answer was read, or the ticket dropped.
    pub fn was_read(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

fn dropped() -> Resolution {
    Resolution::Unknown("the store went away before it answered".to_owned())
}
