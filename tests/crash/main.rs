//! Kills the daemon at random moments while events are recorded and deadlines come due, also while it recovers, and
//! compares afterwards what it says with what callers were told.
//!
//! `QIXIAN_KILLS` sets how often (shared by the daemons that run side by side), `SEED` repeats the moments of a run.

use std::path::Path;
use std::sync::mpsc::channel;
use std::thread;

use qixian_tests::books::{Counts, check_touched, check_whole, until_ready};
use qixian_tests::daemon::{Daemon, kill_while_starting};
use qixian_tests::load::{Caller, configure};
use qixian_tests::moments::{Moments, count};

/// Kills in all: what fits into some minutes of an unoptimised build on two cores.
const KILLS: usize = 300;
/// Daemons side by side, each in a directory of its own.
const DAEMONS: usize = 3;
/// A directory is killed so often, then compared as a whole and left for a new one.
const KILLS_A_LIFE: usize = 34;
const CALLERS: u64 = 4;
/// A caller rests after so many answers: a journal of ten thousand lines would only make comparing slow.
const MOST: usize = 200;

/// What one run saw.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    kills: usize,
    while_starting: usize,
    acknowledged: u64,
    doubts: u64,
    counts: Counts,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.kills += other.kills;
        self.while_starting += other.while_starting;
        self.acknowledged += other.acknowledged;
        self.doubts += other.doubts;
        self.counts += other.counts;
    }
}

/// Kills the daemon at a random moment under load.
fn load_and_kill(daemon: Daemon, callers: &mut [Caller], moments: &mut Moments) {
    let client = daemon.client();
    let (heard, hears) = channel();
    let moment = moments.millis(0, 500);
    thread::scope(|scope| {
        for caller in callers {
            let (client, heard) = (&client, heard.clone());
            scope.spawn(move || {
                caller.press(client, MOST, &|| {
                    // Nobody listens any more once the kill is due.
                    heard.send(()).ok();
                });
            });
        }
        hears.recv().expect("a first answer");
        let (_kept, never) = channel::<()>();
        // Nothing comes this way: the time passing is the signal.
        never.recv_timeout(moment).ok();
        daemon.kill();
    });
}

/// One directory from its first start to its last: killed `kills` times, compared after each, and as a whole at the end.
fn life(name: &str, kills: usize, moments: &mut Moments) -> Tally {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let config = configure(dir.path());
    let more = ["--config", config.to_str().expect("a path of text")];
    let data = dir.path().join("data");
    let seed = moments.below(u64::MAX);
    let mut callers: Vec<Caller> = (0..CALLERS)
        .map(|number| Caller::new(&format!("{name}-{number}"), seed ^ number))
        .collect();
    let mut tally = Tally::default();
    while tally.kills < kills {
        if tally.kills > 0 && moments.one_in(3) {
            // Unoptimised, it is ready after about a quarter of a second on a quiet machine.
            let ready = kill_while_starting(&data, &more, moments.millis(5, 300));
            tally.kills += 1;
            tally.while_starting += usize::from(!ready);
        }
        let daemon = start(&data, &more, &mut callers);
        for caller in &callers {
            check_touched(&daemon.client(), caller);
        }
        load_and_kill(daemon, &mut callers, moments);
        tally.kills += 1;
    }
    let daemon = start(&data, &more, &mut callers);
    tally.counts = check_whole(&daemon.client(), &callers, &data);
    assert!(daemon.stop().success(), "it stops when asked");
    tally.acknowledged = callers.iter().map(|caller| caller.acknowledged).sum();
    tally.doubts = callers.iter().map(|caller| caller.doubts).sum();
    tally
}

fn start(data: &Path, more: &[&str], callers: &mut [Caller]) -> Daemon {
    let daemon = Daemon::start(data, more);
    until_ready(&daemon.client());
    for caller in callers {
        caller.settle(&daemon.client());
    }
    daemon
}

/// Lives of one of the daemons that run side by side.
fn lives(name: &str, kills: usize, mut moments: Moments) -> Tally {
    let mut all = Tally::default();
    while all.kills < kills {
        let left = kills - all.kills;
        let name = format!("{name}-{}", all.kills);
        all += life(&name, left.min(KILLS_A_LIFE), &mut moments);
    }
    all
}

#[test]
fn nothing_acknowledged_is_lost_and_no_rung_is_skipped_or_doubled() {
    let seed = Moments::seed();
    let kills = count("QIXIAN_KILLS", KILLS);
    println!("SEED={seed} QIXIAN_KILLS={kills}");
    let mut moments = Moments::new(seed);
    let running: Vec<_> = (0..DAEMONS)
        .map(|number| {
            let moments = Moments::new(moments.below(u64::MAX));
            let share = kills / DAEMONS + usize::from(number < kills % DAEMONS);
            thread::spawn(move || lives(&format!("d{number}"), share, moments))
        })
        .collect();
    let mut all = Tally::default();
    for daemon in running {
        match daemon.join() {
            Ok(tally) => all += tally,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
    println!(
        "{} kills, {} of them before it was ready; {} acknowledged, {}; {} never answered and asked again",
        all.kills, all.while_starting, all.acknowledged, all.counts, all.doubts
    );
    assert!(all.kills >= kills);
    assert_eq!(all.acknowledged, all.counts.found);
    assert_eq!(
        all.counts.due,
        all.counts.told + all.counts.moot + all.counts.dead
    );
    assert!(all.counts.told > 0, "some rungs came due");
}
