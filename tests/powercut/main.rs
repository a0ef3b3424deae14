//! Power cuts on the real daemon: its directory lies on a file system of its own on a loop device; at a random moment of
//! the load the daemon is stopped and the device copied. What had not reached the device is lost in the copy, as in a
//! power cut. The copy is mounted, and a daemon started on it must know all that was acknowledged.
//!
//! Where no device can be mounted, a layer under the daemon's file access takes its place (`dropped.rs`); it runs always.
//!
//! The device needs root and a loop device; `tests/powercut/loop.sh` runs it. `QIXIAN_CUTS` sets how often, `SEED` repeats the moments.

mod device;
mod dropped;
mod layer;

use std::fs;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use device::{Device, Mounted};
use qixian_api::Client;
use qixian_tests::books::{Counts, check_acknowledged, until_ready};
use qixian_tests::daemon::Daemon;
use qixian_tests::load::{Caller, configure};
use qixian_tests::moments::{Moments, count};

/// Cuts in one run of the tests; `loop.sh` asks for more.
const CUTS: usize = 5;
const CALLERS: u64 = 6;
/// Enough for a store some seconds old; small, so that copying takes a moment.
const DEVICE_BYTES: u64 = 96 << 20;

/// What one cut saw.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    acknowledged: u64,
    counts: Counts,
}

/// Lets callers press until `end`, which ends the daemon, `moment` after the first answer.
fn pressed<T>(
    client: &Client,
    callers: &mut [Caller],
    most: usize,
    moment: Duration,
    end: impl FnOnce() -> T,
) -> T {
    let (heard, hears) = channel();
    thread::scope(|scope| {
        for caller in callers {
            let heard = heard.clone();
            scope.spawn(move || {
                caller.press(client, most, &|| {
                    // Nobody listens any more once the end is due.
                    heard.send(()).ok();
                });
            });
        }
        drop(heard);
        hears.recv().expect("a first answer");
        let (_kept, never) = channel::<()>();
        // Nothing comes this way: the time passing is the signal.
        never.recv_timeout(moment).ok();
        end()
    })
}

/// Loads a daemon on a fresh device, cuts, and compares.
fn cut(number: usize, moments: &mut Moments) -> Tally {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let config = configure(dir.path());
    let text = fs::read_to_string(&config).expect("a configuration");
    // The device is smaller than what is kept free unless said otherwise.
    fs::write(&config, format!("{text}[store]\nreserve_mib = 0\n")).expect("room");
    let more = ["--config", config.to_str().expect("a path of text")];
    let device = Device::make(&dir.path().join("disk"), DEVICE_BYTES);
    let mounted = Mounted::at(&device, &dir.path().join("before"));
    let daemon = Daemon::start(&mounted.path.join("data"), &more);
    let (seed, moment) = (moments.below(u64::MAX), moments.millis(0, 2_000));
    let mut callers: Vec<Caller> = (0..CALLERS)
        .map(|caller| Caller::new(&format!("cut{number}-{caller}"), seed ^ caller))
        .collect();
    let client = daemon.client();
    let copy = pressed(&client, &mut callers, usize::MAX, moment, || {
        // Stopped, it answers nobody any more: what callers were told, they were told before the copy.
        daemon.pause();
        let copy = device.copy(&dir.path().join("copy"));
        daemon.kill();
        copy
    });
    drop(mounted);
    let mounted = Mounted::at(&copy, &dir.path().join("after"));
    let daemon = Daemon::start(&mounted.path.join("data"), &more);
    until_ready(&daemon.client());
    let counts = check_acknowledged(&daemon.client(), &callers);
    assert!(daemon.stop().success(), "it stops when asked");
    Tally {
        acknowledged: callers.iter().map(|caller| caller.acknowledged).sum(),
        counts,
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_the_power_is_cut() {
    if let Err(reason) = device::usable() {
        println!("skipped: {reason}");
        return;
    }
    let (seed, cuts) = (Moments::seed(), count("QIXIAN_CUTS", CUTS));
    println!("SEED={seed} QIXIAN_CUTS={cuts}");
    let mut moments = Moments::new(seed);
    let mut all = Tally::default();
    for number in 0..cuts {
        let tally = cut(number, &mut moments);
        all.acknowledged += tally.acknowledged;
        all.counts += tally.counts;
    }
    println!(
        "{cuts} power cuts; {} acknowledged, {}",
        all.acknowledged, all.counts
    );
    assert_eq!(all.acknowledged, all.counts.found);
    let ended = all.counts.told + all.counts.moot + all.counts.dead;
    assert_eq!(all.counts.due, ended);
}
