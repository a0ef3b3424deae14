//! The promise for a submitted group.

use tokio::sync::oneshot;

/// What became of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// It is on disk, power cut included.
    Durable,
    /// Nothing of it took effect, nor of any group submitted after it that had not resolved yet.
    Refused(Refusal),
    /// Nobody can say whether it took effect: reread before going on.
    Unknown(String),
}

/// Why a group was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A case was not at the expected rev, or a reference is taken.
    Conflict(String),
    /// The backend would not take it now (disk full, no lease).
    Unavailable(String),
}

/// Resolves once, to what became of the group.
#[derive(Debug)]
pub struct Ticket(oneshot::Receiver<Resolution>);

/// The backend's end of a [`Ticket`]. Dropped without an answer it resolves to unknown.
#[derive(Debug)]
pub struct Resolver(oneshot::Sender<Resolution>);

impl Ticket {
    /// A ticket and the end that resolves it.
    pub fn new() -> (Self, Resolver) {
        let (sender, receiver) = oneshot::channel();
        (Self(receiver), Resolver(sender))
    }

    /// The resolution, if it is known by now. Ask no more after it was given.
    pub fn poll_now(&mut self) -> Option<Resolution> {
        match self.0.try_recv() {
            Ok(resolution) => Some(resolution),
            Err(oneshot::error::TryRecvError::Empty) => None,
            Err(oneshot::error::TryRecvError::Closed) => Some(dropped()),
        }
    }

    /// Waits for the resolution. Safe to drop and call again before it resolved.
    pub async fn wait(&mut self) -> Resolution {
        (&mut self.0).await.unwrap_or_else(|_| dropped())
    }
}

impl Resolver {
    /// Says what became of the group. Nobody may be listening any more; that is no error.
    pub fn resolve(self, resolution: Resolution) {
        self.0.send(resolution).ok();
    }
}

fn dropped() -> Resolution {
    Resolution::Unknown("the store went away before it answered".to_owned())
}
