//! The real daemon as a process of its own, and what the system says of it.

use std::fs;
use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use qixian_time::Stopwatch;
use rustix::process::{Pid, Signal, kill_process};

use super::http::Connection;
use super::place::{Place, failed};
use crate::failure::Failure;

/// Ticks of processor time a second in `/proc`: 100 on every Linux.
const TICKS: f64 = 100.0;

/// A running daemon. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Daemon {
    child: Child,
    /// Kept open, so that what it prints later goes somewhere.
    _printed: Lines<BufReader<ChildStdout>>,
    address: String,
    token: String,
    /// From its start until it said that it is ready.
    pub(super) ready_after: Duration,
}

impl Daemon {
    /// Starts this very binary on `data`, with the configuration of the place and these settings (`QIXIAN_…`), and waits
    /// until it is ready.
    pub(super) fn start(
        place: &Place,
        data: &Path,
        settings: &[(&str, &str)],
    ) -> Result<Self, Failure> {
        Self::start_with(&place.config(), data, settings)
    }

    /// The same with a configuration file of its own.
    pub(super) fn start_with(
        config: &Path,
        data: &Path,
        settings: &[(&str, &str)],
    ) -> Result<Self, Failure> {
        let mut command = Command::new(std::env::current_exe().map_err(failed)?);
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--config"])
            .arg(config)
            .arg("--data")
            .arg(data)
            .env("QIXIAN_LOG_LEVEL", "error")
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let watch = Stopwatch::start();
        let mut child = command.spawn().map_err(failed)?;
        let printed = child.stdout.take().ok_or_else(|| failed("no output"))?;
        let mut printed = BufReader::new(printed).lines();
        let ready = printed
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("ready ").map(str::to_owned));
        let ready_after = watch.elapsed();
        let Some(address) = ready else {
            child.wait().map_err(failed)?;
            return Err(failed("the daemon ended before it was ready"));
        };
        let token = fs::read_to_string(data.join("admin.token")).map_err(failed)?;
        Ok(Self {
            child,
            _printed: printed,
            address,
            token: token.trim().to_owned(),
            ready_after,
        })
    }

    /// A connection with the admin token.
    pub(super) async fn connect(&self) -> Result<Connection, Failure> {
        Connection::to(&self.address, &self.token).await
    }

    /// Resident memory now, in MB.
    pub(super) fn resident(&self) -> f64 {
        self.status("VmRSS:")
    }

    /// The most resident memory so far, in MB.
    pub(super) fn resident_peak(&self) -> f64 {
        self.status("VmHWM:")
    }

    fn status(&self, name: &str) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        kib.unwrap_or(f64::NAN) * 1_024.0 / 1e6
    }

    /// Processor time it has used so far.
    pub(super) fn processor(&self) -> Duration {
        processor(&self.child.id().to_string())
    }

    /// Ends it without warning.
    pub(super) fn kill(mut self) -> Result<(), Failure> {
        self.child.kill().map_err(failed)?;
        self.child.wait().map_err(failed).map(drop)
    }

    /// Asks it to end and waits until it has.
    pub(super) fn stop(mut self) -> Result<(), Failure> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).map_err(failed)?;
        self.child.wait().map_err(failed).map(drop)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Processor time of a process (`self`: of this one) so far.
fn processor(process: &str) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name may hold spaces; what counts stands after it.
    let after = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let ticks = |nth: usize| after.split(' ').nth(nth)?.parse::<f64>().ok();
    let ticks = ticks(11)
        .zip(ticks(12))
        .map_or(0.0, |(user, system)| user + system);
    Duration::from_secs_f64(ticks / TICKS)
}

/// Processor time of the daemon and of the client that asks it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Processor {
    daemon: Duration,
    client: Duration,
}

impl Processor {
    /// So far, of this daemon and of this process.
    pub(super) fn now(daemon: &Daemon) -> Self {
        Self {
            daemon: daemon.processor(),
            client: processor("self"),
        }
    }

    /// Adds what was used from `before` to `after`.
    pub(super) fn add(&mut self, before: Self, after: Self) {
        self.daemon += after.daemon.saturating_sub(before.daemon);
        self.client += after.client.saturating_sub(before.client);
    }

    /// What part of both is the client's, 0 to 1.
    pub(super) fn client_share(self) -> f64 {
        let both = (self.daemon + self.client).as_secs_f64();
        self.client.as_secs_f64() / both.max(1e-9)
    }
}
