//! Mail through a mail server, on lettre's connection and message types.
//!
//! The dialogue is driven here command by command instead of by lettre's transport, since what an error means depends on
//! where it came: before the text was handed over nothing can have been accepted, after it nobody can say.

mod mail;
mod session;
mod verdict;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::timeout;

use crate::{BuildError, Message, Outcome, Provider, SendContext, SmtpSettings};
use mail::Sender;
use session::{Pool, Progress, Server, Session};

/// Sign-ins that end without a readable answer before the channel counts as down: mainland hosts lock a mailbox that is
/// tried too often, and answer a wrong authorisation code in GBK.
const UNREADABLE_SIGN_INS: u32 = 2;

/// Sends each message as one mail to one recipient. `Debug` shows the server only.
///
/// Messages for the channel `person` go to the colleague's own mail address.
pub struct SmtpProvider {
    name: String,
    server: Server,
    sender: Sender,
    pool: Pool,
    send_timeout: Duration,
    unreadable_sign_ins: AtomicU32,
}

impl SmtpProvider {
    /// A provider with these settings; nothing is connected yet. The password is read now.
    ///
    /// # Errors
    /// [`BuildError`] naming the setting that cannot work.
    pub fn new(name: String, settings: &SmtpSettings) -> Result<Self, BuildError> {
        let sender = Sender::new(&name, settings)?;
        let server = Server::new(&name, settings, sender.domain())?;
        Ok(Self {
            server,
            sender,
            pool: Pool::new(settings.connections.clamp(1, 10).into()),
            send_timeout: Duration::from_millis(settings.send_timeout_ms),
            unreadable_sign_ins: AtomicU32::new(0),
            name,
        })
    }

    /// Everything for which [`SmtpProvider::new`] would refuse these settings.
    pub(crate) fn problems(name: &str, settings: &SmtpSettings) -> Vec<BuildError> {
        let mut found = Sender::problems(name, settings);
        found.extend(Server::problems(name, settings));
        found
    }

    async fn deliver(&self, mail: &mail::Mail, progress: &Progress) -> Outcome {
        let Some(_permit) = self.pool.permit().await else {
            return transient("the provider is shutting down");
        };
        if let Some(mut parked) = self.pool.take() {
            match self.converse(&mut parked, mail, progress).await {
                // The server closed it while it was parked: nothing was handed over, so begin again.
                Err(failure) if failure.is_silent() && !progress.handed_over() => {}
                Err(failure) => return failure.into_outcome(),
                Ok(receipt) => return self.done(parked, receipt),
            }
        }
        let mut fresh = match self.connect().await {
            Ok(session) => session,
            Err(outcome) => return outcome,
        };
        match self.converse(&mut fresh, mail, progress).await {
            Err(failure) => failure.into_outcome(),
            Ok(receipt) => self.done(fresh, receipt),
        }
    }

    fn done(&self, session: Session, receipt: Option<String>) -> Outcome {
        self.pool.park(session);
        Outcome::Accepted { receipt }
    }

    async fn converse(
        &self,
        session: &mut Session,
        mail: &mail::Mail,
        progress: &Progress,
    ) -> Result<Option<String>, verdict::Failure> {
        session.send(self.sender.address(), mail, progress).await
    }

    async fn connect(&self) -> Result<Session, Outcome> {
        match self.server.connect().await {
            Ok(session) => {
                self.unreadable_sign_ins.store(0, Ordering::Relaxed);
                Ok(session)
            }
            Err(failure) if failure.is_unreadable_sign_in() => {
                let before = self.unreadable_sign_ins.fetch_add(1, Ordering::Relaxed);
                if before + 1 >= UNREADABLE_SIGN_INS {
                    Err(Outcome::ChannelDown {
                        reason: "the server gave no readable answer to the sign-in, twice"
                            .to_owned(),
                    })
                } else {
                    Err(failure.into_outcome())
                }
            }
            Err(failure) => Err(failure.into_outcome()),
        }
    }
}

#[async_trait]
impl Provider for SmtpProvider {
    fn name(&self) -> &str {
        &self.name
    }

    async fn send(&self, message: &Message, context: &SendContext) -> Outcome {
        let mail = match self.sender.write(message, context) {
            Ok(mail) => mail,
            Err(outcome) => return outcome,
        };
        let progress = Arc::new(Progress::default());
        match timeout(self.send_timeout, self.deliver(&mail, &progress)).await {
            Ok(outcome) => outcome,
            Err(_) if progress.handed_over() => Outcome::Unknown {
                reason: "no answer after the text was handed over".to_owned(),
            },
            Err(_) => transient("no answer in time, before the text was handed over"),
        }
    }

    async fn probe(&self) -> Outcome {
        match timeout(self.send_timeout, self.connect()).await {
            Ok(Ok(session)) => {
                self.pool.park(session);
                Outcome::Accepted { receipt: None }
            }
            Ok(Err(outcome)) => outcome,
            Err(_) => transient("no answer in time"),
        }
    }
}

fn transient(reason: &str) -> Outcome {
    Outcome::Transient {
        reason: reason.to_owned(),
    }
}

impl fmt::Debug for SmtpProvider {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("SmtpProvider")
            .field("name", &self.name)
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}
