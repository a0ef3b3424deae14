//! A real mail server on loopback: exim with TLS and sign-in, which hands each mail to a script that tells of it.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use mail_parser::MessageParser;
use tempfile::TempDir;

/// Longest wait for one mail; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(90);

/// The login of the test's mail account.
pub(crate) const USER: &str = "icp@agency.example";
/// Its authorisation code.
pub(crate) const CODE: &str = "correct-horse-code";

/// A running mail server.
pub(crate) struct Exim {
    dir: TempDir,
    child: Child,
    arrived: Receiver<Mail>,
    /// The port with TLS from the first byte.
    pub(crate) implicit: u16,
    /// The port with STARTTLS.
    pub(crate) starttls: u16,
}

/// One mail as it was delivered.
#[derive(Debug)]
pub(crate) struct Mail {
    /// The envelope's recipient.
    pub(crate) to: String,
    /// The subject, decoded.
    pub(crate) subject: String,
    /// The text part, decoded.
    pub(crate) text: String,
    /// What stands between the brackets of its Message-ID.
    pub(crate) message_id: String,
}

impl Mail {
    fn read(to: &str, raw: &[u8]) -> Self {
        let parsed = MessageParser::default().parse(raw).expect("a mail");
        Self {
            to: to.to_owned(),
            subject: parsed.subject().unwrap_or_default().to_owned(),
            text: parsed.body_text(0).unwrap_or_default().into_owned(),
            message_id: parsed.message_id().unwrap_or_default().to_owned(),
        }
    }
}

impl Exim {
    /// Starts it and waits until it takes connections.
    pub(crate) fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        open(dir.path(), 0o755);
        for name in ["spool", "mail"] {
            fs::create_dir(dir.path().join(name)).unwrap();
            open(&dir.path().join(name), 0o777);
        }
        make_certificate(dir.path());
        let arrived = listen_for_mail(dir.path());
        let [implicit, starttls] = free_ports();
        let config = dir.path().join("exim.conf");
        fs::write(&config, configuration(dir.path(), implicit, starttls)).unwrap();
        let mut child = Command::new("exim4")
            .args(["-bdf", "-odi", "-C"])
            .arg(&config)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("exim4 is installed: run tests/run, which sees to it");
        wait_for_port(&mut child, starttls);
        Self {
            dir,
            child,
            arrived,
            implicit,
            starttls,
        }
    }

    /// The certificate to trust.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.dir.path().join("cert.pem")
    }

    /// Every mail up to and including the first that `wanted` accepts.
    pub(crate) fn until(&self, wanted: impl Fn(&Mail) -> bool) -> Vec<Mail> {
        let mut mails = Vec::new();
        loop {
            let mail = self.arrived.recv_timeout(PATIENCE).unwrap_or_else(|_| {
                let log = fs::read_to_string(self.dir.path().join("spool/mainlog")).unwrap_or_default();
                panic!("the mail waited for did not come; these did: {mails:?}; the server's log:\n{log}")
            });
            let found = wanted(&mail);
            mails.push(mail);
            if found {
                return mails;
            }
        }
    }
}

impl Drop for Exim {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn open(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn make_certificate(dir: &Path) {
    let made = Command::new("openssl")
        .current_dir(dir)
        .args("req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost".split(' '))
        .args(["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"])
        .stderr(Stdio::null())
        .status()
        .expect("openssl is installed: run tests/run, which sees to it");
    assert!(made.success());
    open(&dir.join("key.pem"), 0o644);
}

/// The delivery script writes each mail to a file and its name into a pipe; a thread reads the pipe.
fn listen_for_mail(dir: &Path) -> Receiver<Mail> {
    let script = dir.join("deliver.sh");
    let text = format!(
        "#!/bin/sh\nset -e\nfile=$(mktemp {dir}/mail/XXXXXX)\ncat > \"$file\"\nchmod 644 \"$file\"\n\
         echo \"$RECIPIENT $file\" > {dir}/arrived\n",
        dir = dir.display()
    );
    fs::write(&script, text).unwrap();
    open(&script, 0o755);
    let pipe = dir.join("arrived");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    open(&pipe, 0o666);
    // Opened for both, so that it neither waits for a writer nor ends with one.
    let pipe: File = OpenOptions::new()
        .read(true)
        .write(true)
        .open(pipe)
        .unwrap();
    let (sender, arrived) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines() {
            let line = line.unwrap();
            let (to, file) = line.split_once(' ').unwrap();
            let mail = Mail::read(to, &fs::read(file).unwrap());
            if sender.send(mail).is_err() {
                return;
            }
        }
    });
    arrived
}

/// Two ports nobody used a moment ago: exim cannot be asked which it got.
fn free_ports() -> [u16; 2] {
    let listeners = [(); 2].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|l| l.local_addr().unwrap().port())
}

/// Connects until somebody takes it; each refusal is an answer of the system's, and the child's end ends the wait.
fn wait_for_port(child: &mut Child, port: u16) {
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        if let Some(status) = child.try_wait().unwrap() {
            panic!("exim ended: {status}");
        }
        std::thread::yield_now();
    }
}

fn configuration(dir: &Path, implicit: u16, starttls: u16) -> String {
    let dir = dir.display();
    format!(
        r#"primary_hostname = localhost
daemon_smtp_ports = {implicit} : {starttls}
tls_on_connect_ports = {implicit}
local_interfaces = 127.0.0.1
spool_directory = {dir}/spool
log_file_path = {dir}/spool/%slog
pid_file_path = {dir}/spool/exim.pid
tls_certificate = {dir}/cert.pem
tls_privatekey = {dir}/key.pem
tls_advertise_hosts = *
auth_advertise_hosts = ${{if eq{{$tls_in_cipher}}{{}}{{}}{{*}}}}
host_lookup =
rfc1413_query_timeout = 0s
acl_smtp_rcpt = recipients
acl_smtp_data = accept
begin acl
recipients:
  deny condition = ${{if match{{$local_part}}{{^unknown}}}}
       message = 5.1.1 no such user
  accept authenticated = *
  deny message = 5.7.1 sign in first
begin routers
all:
  driver = accept
  transport = tell
begin transports
tell:
  driver = pipe
  command = {dir}/deliver.sh
  user = Debian-exim
  return_fail_output
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = ${{if and{{{{eq{{$auth2}}{{{USER}}}}}{{eq{{$auth3}}{{{CODE}}}}}}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${{if and{{{{eq{{$auth1}}{{{USER}}}}}{{eq{{$auth2}}{{{CODE}}}}}}}}}
  server_set_id = $auth1
"#
    )
}
