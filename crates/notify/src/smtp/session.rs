//! One connection to a mail server, and the few that are kept.

use std::fmt;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::Path;
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
use qixian_core::Words;
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
        refuse_plaintext(provider, settings)?;
        let tls_parameters = if settings.tls != Tls::None {
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

    /// Every setting that cannot work.
    pub(super) fn problems(provider: &str, settings: &SmtpSettings) -> Vec<BuildError> {
        let tls = match settings.tls {
            Tls::None => None,
            Tls::Implicit | Tls::Starttls => tls_parameters(provider, settings).err(),
        };
        let plaintext = refuse_plaintext(provider, settings).err();
        let credentials = credentials(provider, settings).err();
        [plaintext, tls, credentials]
            .into_iter()
            .flatten()
            .collect()
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

fn unusable(provider: &str, field: &'static str, wrong: Words, advice: Words) -> BuildError {
    BuildError::Setting {
        provider: provider.to_owned(),
        field,
        wrong: Box::new(wrong),
        advice: Box::new(advice),
    }
}

fn unread<'a>(
    provider: &'a str,
    field: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> BuildError + 'a {
    move |source| BuildError::File {
        provider: provider.to_owned(),
        field,
        path: path.to_owned(),
        source,
    }
}

fn refuse_plaintext(provider: &str, settings: &SmtpSettings) -> Result<(), BuildError> {
    let host = &settings.host;
    if settings.tls != Tls::None || settings.allow_plaintext || is_loopback(host) {
        return Ok(());
    }
    let wrong = Words::new(
        format!("tls = \"none\" 会把密码和正文以明文送往 {host}"),
        format!("tls = \"none\" sends password and text in the clear to {host}"),
    );
    let advice = Words::new(
        "改为 \"implicit\"（465 端口）或 \"starttls\"（587 端口）；确要明文，写上 allow_plaintext = true",
        "use \"implicit\" (port 465) or \"starttls\" (port 587); if it must be so, set allow_plaintext = true",
    );
    Err(unusable(provider, "tls", wrong, advice))
}

fn tls_parameters(provider: &str, settings: &SmtpSettings) -> Result<TlsParameters, BuildError> {
    let mut builder = TlsParameters::builder(settings.host.clone());
    if let Some(path) = &settings.ca_file {
        let pem = fs::read(path).map_err(unread(provider, "ca_file", path))?;
        let certificate = Certificate::from_pem(&pem).map_err(|_| {
            let wrong = Words::new(
                format!("ca_file 所指的 {} 不是 PEM 证书", path.display()),
                format!("{}, named by ca_file, is no PEM certificate", path.display()),
            );
            let advice = Words::new(
                "要的是以 -----BEGIN CERTIFICATE----- 开头的文件；不用自签证书就删去这一行",
                "expected a file that begins with -----BEGIN CERTIFICATE-----; without a private authority remove it",
            );
            unusable(provider, "ca_file", wrong, advice)
        })?;
        builder = builder.add_root_certificate(certificate);
    }
    builder.build().map_err(|error| {
        let host = &settings.host;
        let wrong = Words::new(
            format!("与“{host}”建不了 TLS：{error}"),
            format!("no TLS can be had with `{host}`: {error}"),
        );
        let advice = Words::new(
            "host 只写服务器的名字，如 smtp.example.cn，不带 http:// 和端口",
            "give the server's name alone, such as smtp.example.cn, without http:// or port",
        );
        unusable(provider, "host", wrong, advice)
    })
}

fn credentials(provider: &str, settings: &SmtpSettings) -> Result<Option<Credentials>, BuildError> {
    let Some((field, password)) = password(provider, settings)? else {
        return match settings.user {
            None => Ok(None),
            Some(_) => Err(lonely(provider, "user", "user", "password_file")),
        };
    };
    match &settings.user {
        None => Err(lonely(provider, field, field, "user")),
        Some(_) if password.is_empty() => {
            let wrong = Words::new(
                format!("{field} 给出的密码是空的"),
                format!("the password that {field} gives is empty"),
            );
            let advice = Words::new(
                "密码或授权码写在文件的第一行，或写进那个环境变量",
                "put the password or authorisation code on the file's first line, or into that variable",
            );
            Err(unusable(provider, field, wrong, advice))
        }
        Some(user) => Ok(Some(Credentials::new(user.clone(), password))),
    }
}

/// One of login and password without the other.
fn lonely(provider: &str, field: &'static str, given: &str, missing: &str) -> BuildError {
    let wrong = Words::new(
        format!("写了 {given}，却没有 {missing}"),
        format!("{given} is given, but {missing} is not"),
    );
    let advice = Words::new(
        "登录要 user 和 password_file（或 password_env）；服务器不要登录就都不写",
        "to sign in give user and password_file (or password_env); where nobody signs in, give neither",
    );
    unusable(provider, field, wrong, advice)
}

/// The password with the key that gives it.
fn password(
    provider: &str,
    settings: &SmtpSettings,
) -> Result<Option<(&'static str, String)>, BuildError> {
    match (&settings.password_file, &settings.password_env) {
        (Some(_), Some(_)) => {
            let wrong = Words::new(
                "password_file 和 password_env 都写了，不知道用哪个",
                "password_file and password_env are both given",
            );
            let advice = Words::new("删去其中一个", "remove one of them");
            Err(unusable(provider, "password_env", wrong, advice))
        }
        (Some(path), None) => {
            let text = fs::read_to_string(path).map_err(unread(provider, "password_file", path))?;
            let line = text.lines().next().unwrap_or_default();
            Ok(Some(("password_file", line.trim_end().to_owned())))
        }
        (None, Some(variable)) => match std::env::var(variable) {
            Ok(password) => Ok(Some(("password_env", password))),
            Err(_) => {
                let wrong = Words::new(
                    format!("没有环境变量 {variable}"),
                    format!("the environment has no variable {variable}"),
                );
                let advice = Words::new(
                    "这里写变量的名字，不是密码本身；变量要在启动 qixian 的环境里设好",
                    "this is the name of a variable, not the password; set it where qixian is started",
                );
                Err(unusable(provider, "password_env", wrong, advice))
            }
        },
        (None, None) => Ok(None),
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
