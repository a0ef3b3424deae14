//! The soak: the real daemon under a steady load for an hour, a million events. Memory, latency and open files are written
//! down every ten seconds; at the end it is killed, started again, and each acknowledged event looked for in its journal.
//!
//! `docs/soak/run.sh` runs it. `QIXIAN_SOAK_MINUTES`, `QIXIAN_SOAK_RATE` (events a second), `QIXIAN_SOAK_CASES` (kept open)
//! and `QIXIAN_SOAK_OUT` (where CSV and plot go) set it; `SEED` repeats the choices.

mod books;
mod caller;
mod plot;
mod probe;
mod reader;
mod row;
mod sink;
mod tally;

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use books::Found;
use caller::Caller;
use probe::Probe;
use qixian_tests::daemon::Daemon;
use qixian_tests::moments::{Moments, count};
use qixian_time::Stopwatch;
use row::{COLUMNS, Row, Window};
use sink::Sink;
use tally::Tally;

const CALLERS: usize = 8;
/// A row of the CSV covers so much.
const WINDOW: Duration = Duration::from_secs(10);

fn out(name: &str) -> PathBuf {
    let dir = std::env::var_os("QIXIAN_SOAK_OUT").map(PathBuf::from);
    dir.unwrap_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")))
        .join(name)
}

/// Writes a configuration into `dir`: the workflow, two people to remind, and the sink as their mail server.
fn configure(dir: &Path, port: u16) -> String {
    let workflows = dir.join("workflows");
    fs::create_dir_all(&workflows).expect("a directory");
    let workflow = include_str!("workflow.toml");
    fs::write(workflows.join("soak.toml"), workflow).expect("a workflow");
    let config = dir.join("qixian.toml");
    let text = format!(
        r#"[providers.mail]
kind = "smtp"
host = "127.0.0.1"
port = {port}
tls = "none"
from = "icp@agency.example"

[[staff]]
name = "小周"
roles = ["handler"]
email = "handler@agency.example"

[[staff]]
name = "小李"
roles = ["lead"]
email = "lead@agency.example"
"#
    );
    fs::write(&config, text).expect("a configuration");
    config.display().to_string()
}

/// Takes a row each window until the callers are done, and writes it at once.
fn watch(
    probe: &Probe,
    writing: &Tally,
    reading: &Tally,
    done: &Receiver<()>,
    to: &Path,
) -> Vec<Row> {
    let mut csv = File::create(to).expect("a file for the rows");
    writeln!(csv, "{}", COLUMNS.join(",")).expect("room");
    let clock = Stopwatch::start();
    let mut rows: Vec<Row> = Vec::new();
    loop {
        let due = WINDOW * (u32::try_from(rows.len()).expect("few rows") + 1);
        if done.recv_timeout(due.saturating_sub(clock.elapsed())) != Err(RecvTimeoutError::Timeout)
        {
            return rows;
        }
        let [acknowledged, refused, errors] = writing.counts();
        let [reads, _, read_errors] = reading.counts();
        let window = Window {
            elapsed: clock.elapsed().as_secs_f64(),
            counts: [acknowledged, refused, errors + read_errors],
            reads,
            writing: writing.latency(),
            reading: reading.latency(),
            look: probe.look(),
        };
        let row = window.row(rows.last());
        writeln!(csv, "{}", row::line(&row)).expect("room");
        rows.push(row);
    }
}

/// Compares every case, on as many threads as there were callers.
fn compare(daemon: &Daemon, callers: &[Caller<'_>]) -> Found {
    let compared = thread::scope(|scope| {
        let running = callers.iter().map(|caller| {
            scope.spawn(|| {
                let client = daemon.client();
                let mut found = Found::default();
                for told in &caller.cases {
                    books::check(&client, told, &mut found);
                }
                found
            })
        });
        let running: Vec<_> = running.collect();
        let found = running.into_iter().map(|one| match one.join() {
            Ok(found) => found,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        found.collect::<Vec<_>>()
    });
    let mut all = Found::default();
    for found in compared {
        all.cases += found.cases;
        all.events += found.events;
        all.others += found.others;
        all.longest = all.longest.max(found.longest);
    }
    all
}

#[test]
#[ignore = "takes an hour; docs/soak/run.sh"]
fn memory_and_time_stay_flat_for_an_hour() {
    let minutes = count("QIXIAN_SOAK_MINUTES", 60);
    let rate = count("QIXIAN_SOAK_RATE", 300);
    let cases = count("QIXIAN_SOAK_CASES", 4_000);
    println!("QIXIAN_SOAK_MINUTES={minutes} QIXIAN_SOAK_RATE={rate} QIXIAN_SOAK_CASES={cases}");
    let rows = soak(Duration::from_secs(60 * minutes as u64), rate, cases);
    fs::write(out("soak.svg"), plot::draw(&rows)).expect("room for the plot");
    println!("{}", row::verdict(&rows));
}

/// The same for a few seconds, so that what runs for an hour by hand is known to work.
#[test]
fn a_short_soak_loses_nothing() {
    let rows = soak(Duration::from_secs(3), 40, 40);
    assert!(rows.is_empty(), "shorter than a window");
}

/// Drives a daemon for a while, kills it, and looks for every acknowledged event; answers the rows of the windows.
fn soak(length: Duration, rate: usize, cases: usize) -> Vec<Row> {
    let seed = Moments::seed();
    println!("SEED={seed}");
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let sink = Sink::open();
    let config = configure(dir.path(), sink.port);
    let data = dir.path().join("data");
    let daemon = Daemon::start(&data, &["--config", &config]);
    let (writing, reading) = (Tally::default(), Tally::default());
    let mut moments = Moments::new(seed);
    let pace = Duration::from_secs(1) * CALLERS as u32 / rate as u32;
    let mut callers = Vec::from_iter((0..CALLERS).map(|number| Caller {
        name: format!("c{number}"),
        client: daemon.client(),
        moments: Moments::new(moments.below(u64::MAX)),
        open_cases: cases / CALLERS,
        pace,
        tally: &writing,
        asked: 0,
        cases: Vec::new(),
        open: Vec::new(),
    }));
    let probe = Probe {
        proc: PathBuf::from(format!("/proc/{}", daemon.pid())),
        data: data.clone(),
        client: daemon.client(),
    };
    let rows = thread::scope(|scope| {
        let (done, until) = channel();
        let (looking, away) = channel();
        let (probe, daemon, writing, reading) = (&probe, &daemon, &writing, &reading);
        scope.spawn(move || reader::look_around(daemon, reading, &away));
        let watching =
            scope.spawn(move || watch(probe, writing, reading, &until, &out("soak.csv")));
        thread::scope(|inner| {
            for caller in &mut callers {
                inner.spawn(move || caller.run(length));
            }
        });
        drop(done);
        drop(looking);
        match watching.join() {
            Ok(rows) => rows,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    });
    let [acknowledged, refused, errors] = writing.counts();
    let [reads, _, read_errors] = reading.counts();
    let sent = probe.look().sent;
    println!(
        "{sent} mails by the daemon's count, {} by the sink's",
        sink.taken()
    );
    daemon.kill();
    let clock = Stopwatch::start();
    let daemon = Daemon::start(&data, &["--config", &config]);
    println!(
        "killed; ready again after {:.2} s",
        clock.elapsed().as_secs_f64()
    );
    let found = compare(&daemon, &callers);
    let listed = books::listed(&daemon.client());
    println!(
        "{acknowledged} acknowledged, {} found in {} cases ({listed} listed); {} lines of timers; longest journal {}; \
         {refused} refused (not possible any more), {reads} reads, {} errors",
        found.events,
        found.cases,
        found.others,
        found.longest,
        errors + read_errors
    );
    assert!(daemon.stop().success(), "it stops when asked");
    assert_eq!(acknowledged, found.events, "acknowledged and found");
    assert_eq!(listed, found.cases, "as many cases as were started");
    assert_eq!(errors + read_errors, 0, "no answer was missing");
    assert!(acknowledged > 0, "something was acknowledged");
    rows
}

#[test]
#[ignore = "draws the plot again from the CSV"]
fn draw_again() {
    let text = fs::read_to_string(out("soak.csv")).expect("a CSV");
    let rows = row::read(&text);
    println!("{}", row::verdict(&rows));
    fs::write(out("soak.svg"), plot::draw(&rows)).expect("room for the plot");
}
