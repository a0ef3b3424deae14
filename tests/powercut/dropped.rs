//! Power cuts without a device: the daemon is killed, and what it had not made durable is taken away from its files. One
//! directory goes through several cuts, some of them while the daemon starts, so that what recovery writes is cut too.

use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::Command;

use qixian_tests::books::{Counts, check_acknowledged, until_ready};
use qixian_tests::daemon::{Daemon, command, kill_soon};
use qixian_tests::load::{Caller, configure};
use qixian_tests::moments::{Moments, count};

use crate::layer::{Disk, Loss, Model, Notes, build};
use crate::pressed;

/// Cuts of each model in one run of the tests; `QIXIAN_DROPS` asks for more.
const CUTS: usize = 8;
/// A directory is cut so often, then left for a new one.
const CUTS_A_LIFE: usize = 4;
const CALLERS: u64 = 4;
/// A caller rests after so many answers.
const MOST: usize = 120;

/// A daemon's directory on a disk that can lose its power.
struct Place {
    dir: tempfile::TempDir,
    config: PathBuf,
    layer: PathBuf,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
        let place = Self {
            config: configure(dir.path()),
            layer: build(dir.path()),
            dir,
        };
        fs::create_dir(place.data()).expect("a new directory");
        place
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn notes(&self) -> PathBuf {
        self.dir.path().join("notes")
    }

    fn more(&self) -> [&str; 2] {
        ["--config", self.config.to_str().expect("a path of text")]
    }

    /// The command that starts the daemon with the layer, and the disk before it.
    fn layered(&self) -> (Command, Disk) {
        let data = fs::canonicalize(self.data()).expect("it is there");
        File::create(self.notes()).expect("a file for the notes");
        let mut layered = command(&data, &self.more());
        layered
            .env("LD_PRELOAD", &self.layer)
            .env("DROP_DIR", &data)
            .env("DROP_LOG", self.notes());
        (layered, Disk::read(&data))
    }

    /// Puts the files as the cut left them in the place of those that are there.
    fn cut(&self, before: Disk, model: Model, moments: &mut Moments) -> Loss {
        let (disk, loss) = before.cut(&Notes::read(&self.notes()), model, moments);
        fs::remove_dir_all(self.data()).expect("it can be removed");
        disk.write(&self.data());
        loss
    }
}

/// What a run saw.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    cuts: usize,
    while_starting: usize,
    acknowledged: u64,
    counts: Counts,
    loss: Loss,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.cuts += other.cuts;
        self.while_starting += other.while_starting;
        self.acknowledged += other.acknowledged;
        self.counts += other.counts;
        self.loss += other.loss;
    }
}

fn callers(name: &str, moments: &mut Moments) -> Vec<Caller> {
    let seed = moments.below(u64::MAX);
    let caller = |number| Caller::new(&format!("{name}-{number}"), seed ^ number);
    (0..CALLERS).map(caller).collect()
}

fn compare(daemon: &Daemon, callers: &mut [Caller]) -> Counts {
    let client = daemon.client();
    until_ready(&client);
    for caller in &mut *callers {
        caller.settle(&client);
    }
    check_acknowledged(&client, callers)
}

/// Cuts one directory `cuts` times, compares after each, and once more at the end.
fn life(name: &str, cuts: usize, model: Model, moments: &mut Moments) -> Tally {
    let place = Place::new();
    let mut callers = callers(name, moments);
    let mut tally = Tally::default();
    while tally.cuts < cuts {
        if moments.one_in(3) {
            let (layered, before) = place.layered();
            let ready = kill_soon(layered, moments.millis(5, 300));
            tally.loss += place.cut(before, model, moments);
            tally.cuts += 1;
            tally.while_starting += usize::from(!ready);
        }
        let (layered, before) = place.layered();
        let daemon = Daemon::run(layered, &place.data());
        compare(&daemon, &mut callers);
        let (client, moment) = (daemon.client(), moments.millis(0, 800));
        pressed(&client, &mut callers, MOST, moment, || daemon.kill());
        tally.loss += place.cut(before, model, moments);
        tally.cuts += 1;
    }
    let daemon = Daemon::start(&place.data(), &place.more());
    tally.counts = compare(&daemon, &mut callers);
    assert!(daemon.stop().success(), "it stops when asked");
    tally.acknowledged = callers.iter().map(|caller| caller.acknowledged).sum();
    tally
}

fn cut_by(model: Model) {
    let (seed, cuts) = (Moments::seed(), count("QIXIAN_DROPS", CUTS));
    println!("SEED={seed} QIXIAN_DROPS={cuts} {model:?}");
    let mut moments = Moments::new(seed);
    let mut all = Tally::default();
    while all.cuts < cuts {
        let name = format!("{model:?}{}", all.cuts);
        all += life(
            &name,
            (cuts - all.cuts).min(CUTS_A_LIFE),
            model,
            &mut moments,
        );
    }
    println!(
        "{} cuts ({model:?}), {} of them before it was ready; {} changes not durable ({} of the store), {} of them lost; {} acknowledged, {}",
        all.cuts,
        all.while_starting,
        all.loss.unsynced,
        all.loss.of_store,
        all.loss.dropped,
        all.acknowledged,
        all.counts
    );
    assert!(all.loss.dropped > 0, "nothing was cut away");
    assert_eq!(all.acknowledged, all.counts.found);
    assert_eq!(
        all.counts.due,
        all.counts.told + all.counts.moot + all.counts.dead
    );
}

#[test]
fn nothing_acknowledged_is_lost_when_all_that_was_not_synced_is() {
    cut_by(Model::Drop);
}

#[test]
fn nothing_acknowledged_is_lost_when_some_of_what_was_not_synced_is() {
    cut_by(Model::Coin);
}

/// Runs a daemon with the layer under load until `end` has ended it; the disk before, and who was told what.
fn one_run(place: &Place, moments: &mut Moments, end: impl FnOnce(Daemon)) -> (Disk, Vec<Caller>) {
    let (layered, before) = place.layered();
    let daemon = Daemon::run(layered, &place.data());
    let mut callers = callers("run", moments);
    let client = daemon.client();
    pressed(
        &client,
        &mut callers,
        MOST,
        moments.millis(200, 400),
        || {
            end(daemon);
        },
    );
    (before, callers)
}

#[test]
fn the_layer_notes_all_that_is_written() {
    let mut moments = Moments::new(Moments::seed());
    let place = Place::new();
    let (before, _) = one_run(&place, &mut moments, |daemon| {
        assert!(daemon.stop().success(), "it stops when asked");
    });
    let there = Disk::read(&place.data());
    let (noted, _) = before.cut(&Notes::read(&place.notes()), Model::Keep, &mut moments);
    let (there, noted) = (there.files(), noted.files());
    assert!(there.len() > 4, "{:?}", there.keys());
    assert_eq!(
        Vec::from_iter(noted.keys()),
        Vec::from_iter(there.keys()),
        "the same files"
    );
    for (path, bytes) in there {
        assert!(noted[&path] == bytes, "{} is noted whole", path.display());
    }
}

#[test]
fn a_disk_that_lies_is_noticed() {
    let mut moments = Moments::new(Moments::seed());
    let place = Place::new();
    let (before, callers) = one_run(&place, &mut moments, Daemon::kill);
    place.cut(before, Model::Lie, &mut moments);
    let compared = catch_unwind(AssertUnwindSafe(|| {
        let daemon = Daemon::start(&place.data(), &place.more());
        check_acknowledged(&daemon.client(), &callers)
    }));
    assert!(compared.is_err(), "what was acknowledged is gone");
}
