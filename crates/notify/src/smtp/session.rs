//! One connection to a mail server, and the few that are kept.

use std::fmt;
use std::fs;
use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use qixian_time::Stopwatch;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::mail::Mail;
use super::verdict::{Failure, Step, receipt};
use crate::{BuildError, SmtpSettings, Tls};

/// Longest a connection stays parked: mail hosts close idle ones soon.
const IDLE: Duration = Duration::from_secs(30);

/// How far a dialogue came, seen from outside when it is cut off.
#[derive(Debug, Default)]
pub(super) struct Progress(AtomicBool);

impl Progress {
    /// Whether the text may have reached the server.
    pub(super) fn handed_over(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn hand_over(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Where to connect and how. `Debug` shows no credentials.
pub(super) struct Server {
    host: String,
    port: u16,
    tls: Tls,
    tls_parameters: Option<TlsParameters>,
    credentials: Option<Credentials>,
    hello: ClientId,
    connect_timeout: Duration,
}

impl fmt::Debug for Server {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{} ({:?})", self.host, self.port, self.tls)
    }
}

impl Server {
    pub(super) fn new(
        provider: &str,
        settings: &SmtpSettings,
        domain: &str,
    ) -> Result<Self, BuildError> {
        let problem = |field, detail: &str| BuildError::Setting {
            provider: provider.to_owned(),
            field,
            detail: detail.to_owned(),
        };
        let protected = settings.tls != Tls::None;
        if !protected && !settings.allow_plaintext && !is_loopback(&settings.host) {
            let detail = "\"none\" sends password and text in the clear; use \"implicit\" or \"starttls\", \
                          or set allow_plaintext = true";
            return Err(problem("tls", detail));
        }
        let tls_parameters = if protected {
            Some(tls_parameters(provider, settings)?)
        } else {
            None
        };
        Ok(Self {
            host: settings.host.clone(),
            port: settings.port(),
            tls: settings.tls,
            tls_parameters,
            credentials: credentials(provider, settings)?,
            hello: ClientId::Domain(domain.to_owned()),
            connect_timeout: Duration::from_millis(settings.connect_timeout_ms),
        })
    }

    /// Connects, greets, protects the line and signs in.
    pub(super) async fn connect(&self) -> Result<Session, Failure> {
        let greeted = timeout(self.connect_timeout, self.greet()).await;
        let mut connection = greeted
            .map_err(|_| Failure::silent(Step::Connect))?
            .map_err(|error| Failure::new(Step::Connect, &error))?;
        if let Some(credentials) = &self.credentials {
            let ways = [Mechanism::Plain, Mechanism::Login];
            connection
                .auth(&ways, credentials)
                .await
                .map_err(|error| Failure::new(Step::SignIn, &error))?;
        }
        Ok(Session { connection })
    }

    async fn greet(&self) -> Result<AsyncSmtpConnection, Error> {
        let wrapped = match self.tls {
            Tls::Implicit => self.tls_parameters.clone(),
            Tls::Starttls | Tls::None => None,
        };
        let mut connection = AsyncSmtpConnection::connect_tokio1(
            (self.host.as_str(), self.port),
            Some(self.connect_timeout),
            &self.hello,
            wrapped,
            None,
        )
        .await?;
        if let (Tls::Starttls, Some(parameters)) = (self.tls, &self.tls_parameters) {
            connection.starttls(parameters.clone(), &self.hello).await?;
        }
        Ok(connection)
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|ip| ip.is_loopback())
}

fn tls_parameters(provider: &str, settings: &SmtpSettings) -> Result<TlsParameters, BuildError> {
    let problem = |field, detail: String| BuildError::Setting {
        provider: provider.to_owned(),
        field,
        detail,
    };
    let mut builder = TlsParameters::builder(settings.host.clone());
    if let Some(path) = &settings.ca_file {
        let pem = fs::read(path).map_err(|source| BuildError::File {
            provider: provider.to_owned(),
            field: "ca_file",
            path: path.clone(),
            source,
        })?;
        let certificate = Certificate::from_pem(&pem)
            .map_err(|_| problem("ca_file", "expected a PEM certificate".to_owned()))?;
        builder = builder.add_root_certificate(certificate);
    }
    builder
        .build()
        .map_err(|error| problem("host", format!("no TLS to this host: {error}")))
}

fn credentials(provider: &str, settings: &SmtpSettings) -> Result<Option<Credentials>, BuildError> {
    let problem = |field, detail: &str| BuildError::Setting {
        provider: provider.to_owned(),
        field,
        detail: detail.to_owned(),
    };
    let password = match (&settings.password_file, &settings.password_env) {
        (Some(_), Some(_)) => {
            let detail = "give either password_file or password_env, not both";
            return Err(problem("password_file", detail));
        }
        (Some(path), None) => {
            let text = fs::read_to_string(path).map_err(|source| BuildError::File {
                provider: provider.to_owned(),
                field: "password_file",
                path: path.clone(),
                source,
            })?;
            Some(
                text.lines()
                    .next()
                    .unwrap_or_default()
                    .trim_end()
                    .to_owned(),
            )
        }
        (None, Some(variable)) => Some(std::env::var(variable).map_err(|_| {
            let detail = format!("the environment has no variable {variable}");
            problem("password_env", &detail)
        })?),
        (None, None) => None,
    };
    match (&settings.user, password) {
        (None, None) => Ok(None),
        (Some(_), Some(password)) if password.is_empty() => {
            Err(problem("user", "its password is empty"))
        }
        (Some(user), Some(password)) => Ok(Some(Credentials::new(user.clone(), password))),
        (Some(_), None) => Err(problem("user", "needs password_file or password_env")),
        (None, Some(_)) => Err(problem("user", "is missing, but a password is given")),
    }
}

/// A connection that is signed in.
pub(super) struct Session {
    connection: AsyncSmtpConnection,
}

impl Session {
    /// Hands one mail over; the server's id for it where it gave one. After a failure the session is not used again.
    pub(super) async fn send(
        &mut self,
        from: &Address,
        mail: &Mail,
        progress: &Progress,
    ) -> Result<Option<String>, Failure> {
        let line = &mut self.connection;
        let mut options = Vec::new();
        if !mail.to.to_string().is_ascii() {
            if !line.server_info().supports_feature(Extension::SmtpUtfEight) {
                return Err(Failure::bad_recipient("the server takes no such addresses"));
            }
            options.push(MailParameter::SmtpUtfEight);
        }
        line.command(MailFrom::new(Some(from.clone()), options))
            .await
            .map_err(|error| Failure::new(Step::Sender, &error))?;
        line.command(Rcpt::new(mail.to.clone(), Vec::new()))
            .await
            .map_err(|error| Failure::new(Step::Recipient, &error))?;
        line.command(Data)
            .await
            .map_err(|error| Failure::new(Step::Data, &error))?;
        progress.hand_over();
        let answer = line
            .message(&mail.bytes)
            .await
            .map_err(|error| Failure::new(Step::Text, &error))?;
        Ok(answer.message().next().and_then(receipt))
    }
}

/// The few connections of one mailbox.
pub(super) struct Pool {
    permits: Semaphore,
    parked: Mutex<Vec<(Session, Stopwatch)>>,
}

impl Pool {
    pub(super) fn new(connections: usize) -> Self {
        Self {
            permits: Semaphore::new(connections),
            parked: Mutex::new(Vec::new()),
        }
    }

    /// Waits for leave to use one connection.
    pub(super) async fn permit(&self) -> Option<SemaphorePermit<'_>> {
        self.permits.acquire().await.ok()
    }

    /// A parked connection that is still worth trying.
    pub(super) fn take(&self) -> Option<Session> {
        let mut parked = self.parked.lock().unwrap_or_else(PoisonError::into_inner);
        parked.retain(|(_, since)| since.elapsed() < IDLE);
        parked.pop().map(|(session, _)| session)
    }

    pub(super) fn park(&self, session: Session) {
        let mut parked = self.parked.lock().unwrap_or_else(PoisonError::into_inner);
        parked.push((session, Stopwatch::start()));
    }
}
