//! The real binary as a child process: started on a free port, spoken to over HTTP, stopped or killed.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::channel;
use std::thread::spawn;
use std::time::Duration;

use qixian_api::Client;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use serde_json::Value;
use ureq::http::{HeaderMap, Request};

/// A running daemon. Dropping it kills it.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    /// Its address (`http://127.0.0.1:43210`).
    pub address: String,
    /// The admin token.
    pub token: String,
    /// What it printed until it was ready.
    pub printed: String,
}

/// One answer, whatever its status.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body: JSON, or text where it is none.
    pub body: Value,
}

impl Answer {
    /// The header as text; empty where it is missing.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }
}

/// The binary: `QIXIAN_BIN`, or `qixian` beside the tests' own directory.
///
/// # Panics
/// When it was not built.
pub fn binary() -> PathBuf {
    let named = std::env::var_os("QIXIAN_BIN").map(PathBuf::from);
    let path = named.unwrap_or_else(|| {
        let own = std::env::current_exe().expect("a test has a file");
        let profile = own.parent().and_then(Path::parent);
        profile.expect("tests lie in deps/").join("qixian")
    });
    assert!(
        path.is_file(),
        "{} is missing: cargo build -p qixian-cli",
        path.display()
    );
    path
}

/// The command that starts it on `data`; what it prints can be read.
pub fn command(data: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .args(more)
        .env_remove("QIXIAN_CONFIG")
        .env("QIXIAN_LOG_LEVEL", "warn")
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    command
}

/// Starts it on `data` and kills it after `moment`, ready or not; answers whether it was ready before.
///
/// # Panics
/// When it cannot be started, or ends by itself.
pub fn kill_while_starting(data: &Path, more: &[&str], moment: Duration) -> bool {
    kill_soon(command(data, more), moment)
}

/// The same with a [`command`] of the caller's.
///
/// # Panics
/// When it cannot be started, or ends by itself.
pub fn kill_soon(mut command: Command, moment: Duration) -> bool {
    let mut child = command.spawn().expect("the binary starts");
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let (say, said) = channel();
    let listening = spawn(move || {
        for line in lines.map_while(Result::ok) {
            if line.starts_with("ready ") && say.send(()).is_err() {
                return;
            }
        }
    });
    // The clock is the signal here: the moment comes whether it is ready or not.
    let ready = said.recv_timeout(moment);
    let ended = child.try_wait().expect("it can be asked");
    assert_eq!(ended, None, "it ended by itself while starting");
    child.kill().expect("it can be killed");
    child.wait().expect("it ended");
    listening.join().expect("it only listens");
    ready.is_ok()
}

impl Daemon {
    /// Starts it on `data` and waits until it says that it is ready.
    ///
    /// # Panics
    /// When it ends before.
    pub fn start(data: &Path, more: &[&str]) -> Self {
        Self::run(command(data, more), data)
    }

    /// The same with a [`command`] of the caller's.
    ///
    /// # Panics
    /// When it ends before it is ready.
    pub fn run(mut command: Command, data: &Path) -> Self {
        let mut child = command.spawn().expect("the binary starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut printed = String::new();
        let address = loop {
            let Some(Ok(line)) = lines.next() else {
                panic!("the daemon ended before it was ready; it printed:\n{printed}");
            };
            printed += &format!("{line}\n");
            if let Some(address) = line.strip_prefix("ready ") {
                break address.to_owned();
            }
        };
        let token = std::fs::read_to_string(data.join("admin.token")).expect("an admin token");
        Self {
            child,
            address,
            token: token.trim().to_owned(),
            printed,
        }
    }

    /// Its process number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A client with the admin token.
    pub fn client(&self) -> Client {
        Client::new(&self.address, Some(self.token.clone())).in_language("en")
    }

    /// One request; `headers` replace the usual ones of the same name, and an empty value leaves one out.
    ///
    /// # Panics
    /// When nobody answers.
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .build();
        let bearer = format!("Bearer {}", self.token);
        let usual = [
            ("authorization", bearer.as_str()),
            ("accept-language", "en"),
            ("content-type", "application/json"),
        ];
        let kept = usual
            .iter()
            .filter(|(name, _)| headers.iter().all(|(own, _)| own != name));
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.address));
        for (name, value) in kept.chain(headers).filter(|(_, value)| !value.is_empty()) {
            request = request.header(*name, *value);
        }
        let request = request
            .body(body.to_owned())
            .expect("a well-formed request");
        let agent: ureq::Agent = config.into();
        let mut response = agent.run(request).expect("the daemon answers");
        let text = response.body_mut().read_to_string().expect("a text");
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
        }
    }

    /// A GET below `/api/v1`.
    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", &format!("/api/v1{path}"), &[], "")
    }

    /// A POST below `/api/v1`.
    pub fn post(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        self.ask(
            "POST",
            &format!("/api/v1{path}"),
            headers,
            &body.to_string(),
        )
    }

    /// Stops it in its tracks; only killing it is left.
    ///
    /// # Panics
    /// When it cannot be stopped.
    pub fn pause(&self) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::STOP).expect("it can be stopped");
        waitid(
            WaitId::Pid(pid),
            WaitIdOptions::STOPPED | WaitIdOptions::NOWAIT,
        )
        .expect("it has stopped");
    }

    /// Ends it without warning, as a power cut would end the process.
    ///
    /// # Panics
    /// When it cannot be killed.
    pub fn kill(mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ended");
    }

    /// Asks it to end and waits until it has.
    ///
    /// # Panics
    /// When it cannot be asked.
    pub fn stop(mut self) -> ExitStatus {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).expect("it can be asked");
        self.child.wait().expect("it ended")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
