//! What the system and the daemon itself say about the daemon.

use std::fs;
use std::path::{Path, PathBuf};

use qixian_api::Client;

/// Clock ticks a second in `/proc/PID/stat`: the same on every Linux.
const TICKS: f64 = 100.0;

/// One daemon, looked at from outside.
#[derive(Debug)]
pub(crate) struct Probe {
    pub(crate) proc: PathBuf,
    pub(crate) data: PathBuf,
    pub(crate) client: Client,
}

/// One look.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Look {
    pub(crate) rss_kib: u64,
    pub(crate) cpu_seconds: f64,
    pub(crate) data_bytes: u64,
    pub(crate) fds: usize,
    pub(crate) timer_late_ms: u64,
    pub(crate) inbox: u64,
    pub(crate) wakes: u64,
    pub(crate) sent: u64,
}

impl Probe {
    /// Looks now.
    pub(crate) fn look(&self) -> Look {
        let metrics = self.client.probe("/metrics").map(|(_, text)| text);
        let metrics = metrics.unwrap_or_default();
        let metric = |name: &str| {
            let mut lines = metrics.lines();
            let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            value.and_then(|value| value.parse().ok()).unwrap_or(0)
        };
        let fds = fs::read_dir(self.proc.join("fd"));
        Look {
            rss_kib: self.rss_kib(),
            cpu_seconds: self.cpu_seconds(),
            data_bytes: bytes_in(&self.data),
            fds: fds.map_or(0, Iterator::count),
            timer_late_ms: metric("qixian_timer_late_milliseconds"),
            inbox: metric("qixian_inbox"),
            wakes: metric("qixian_wakes_total"),
            sent: metric("qixian_sends_accepted_total"),
        }
    }

    fn rss_kib(&self) -> u64 {
        let status = fs::read_to_string(self.proc.join("status")).unwrap_or_default();
        let mut lines = status.lines();
        let line = lines.find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.unwrap_or(0)
    }

    fn cpu_seconds(&self) -> f64 {
        let stat = fs::read_to_string(self.proc.join("stat")).unwrap_or_default();
        // The name in brackets may hold spaces; user and system time are the 12th and 13th field after it.
        let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks = fields.split_whitespace().skip(11).take(2);
        ticks
            .filter_map(|field| field.parse::<f64>().ok())
            .sum::<f64>()
            / TICKS
    }
}

fn bytes_in(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else {
        return 0;
    };
    let sizes = entries.flatten().map(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => bytes_in(&entry.path()),
        _ => entry.metadata().map_or(0, |data| data.len()),
    });
    sizes.sum()
}
