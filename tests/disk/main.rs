//! A disk that fills up under the real daemon: its directory lies on a small file system of its own, and a ballast file
//! takes the room away and gives it back.
//!
//! Needs root and a loop device; where there is none the tests say `skipped`.

mod ballast;
#[allow(dead_code, reason = "nothing is copied here")]
#[path = "../powercut/device.rs"]
mod device;
mod due;

use std::thread;

use ballast::Ballast;
use device::{Device, Mounted};
use due::{Due, until};
use qixian_tests::books::{Counts, check_acknowledged, until_ready};
use qixian_tests::daemon::{Answer, Daemon};
use qixian_tests::load::{Caller, configure};
use serde_json::json;

/// The device, what is kept on it, and what the ballast leaves of it, in MiB.
const DEVICE: u64 = 320;
const RESERVE: u64 = 200;
const LOW: u64 = 120;
const EXHAUSTED: u64 = 30;
const CALLERS: u64 = 3;
/// Nobody is refused before so many answers only where the reserve does nothing.
const MOST: usize = 20_000;

/// A daemon whose disk is under our control.
struct Place {
    config: String,
    ballast: Ballast,
    mounted: Mounted,
    /// Holds the device; goes last.
    _dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
        let config = configure(dir.path());
        let text = std::fs::read_to_string(&config).expect("a configuration");
        let reserve = format!("{text}[store]\nreserve_mib = {RESERVE}\n");
        std::fs::write(&config, reserve).expect("a configuration");
        let device = Device::make(&dir.path().join("disk"), DEVICE << 20);
        let mounted = Mounted::at(&device, &dir.path().join("mounted"));
        Self {
            config: config.display().to_string(),
            ballast: Ballast::on(&mounted.path),
            mounted,
            _dir: dir,
        }
    }

    fn start(&self) -> Daemon {
        let data = self.mounted.path.join("data");
        Daemon::start(&data, &["--config", &self.config])
    }

    /// Callers work until they are refused, while the ballast leaves only `mib`.
    fn fill_under_load(&self, daemon: &Daemon, callers: &mut [Caller], mib: u64) {
        let client = daemon.client();
        thread::scope(|scope| {
            for caller in callers.iter_mut() {
                scope.spawn(|| caller.press(&client, MOST, &|| {}));
            }
            self.ballast.leave(mib);
        });
        for caller in callers {
            assert!(caller.doubt.is_some(), "somebody was never refused");
        }
    }
}

fn gauge(daemon: &Daemon, name: &str) -> u64 {
    let text = daemon.ask("GET", "/metrics", &[], "").body;
    let line = format!("\nqixian_{name} ");
    let (_, after) = text
        .as_str()
        .expect("a text")
        .split_once(&line)
        .expect(name);
    let value = after.lines().next().expect("a value");
    value.parse().expect("a number")
}

fn assert_low(answer: &Answer) {
    let code = answer.body["code"].as_str();
    assert_eq!((answer.status, code), (503, Some("disk_low")), "{answer:?}");
    assert_eq!(answer.header("retry-after"), "30");
}

/// Whatever people want written is refused in words; what they ask is answered, and what was done is not done again.
fn people_wait(daemon: &Daemon, done: &Due) {
    let case = json!({"workflow": "crash-load", "title": "too late"});
    let refused = daemon.post("/cases", &[], &case);
    assert_low(&refused);
    let detail = refused.body["detail"].as_str().expect("a text");
    assert!(detail.contains("200 MiB kept in reserve"), "{detail}");
    let zh = daemon.post("/cases", &[("accept-language", "zh")], &case);
    let detail = zh.body["detail"].as_str().expect("a text");
    assert!(
        detail.contains("200 MiB") && detail.contains("磁盘"),
        "{detail}"
    );
    let path = format!("/cases/{}", done.id);
    let event = json!({"event": "handed"});
    assert_low(&daemon.post(&format!("{path}/events"), &[], &event));
    assert_low(&daemon.post(&format!("{path}/notes"), &[], &json!({"note": "too late"})));
    assert_low(&daemon.post("/clients", &[], &json!({"title": "某公司"})));

    assert_eq!(daemon.get(&path).status, 200);
    let dry = daemon.post(&format!("{path}/events?dry_run=true"), &[], &event);
    assert_eq!(dry.status, 200, "{dry:?}");
    let again = done.ask_again(daemon);
    assert_eq!(
        again.body["id"],
        json!(done.id),
        "the first answer: {again:?}"
    );
    let cookie = format!("qixian_token={}", daemon.token);
    let page = daemon
        .ask("GET", "/?lang=en", &[("cookie", &cookie)], "")
        .body;
    let page = page.as_str().expect("a page");
    assert!(page.contains("MiB left"), "nothing on the page says so");
}

fn callers(round: &str) -> Vec<Caller> {
    let caller = |number| Caller::new(&format!("{round}-{number}"), number);
    (0..CALLERS).map(caller).collect()
}

/// After there is room again: what never got its answer is asked once more, and all that was acknowledged is there.
fn nothing_is_lost(daemon: &Daemon, callers: &mut [Caller]) -> Counts {
    let client = daemon.client();
    until_ready(&client);
    callers.iter_mut().for_each(|caller| caller.settle(&client));
    let counts = check_acknowledged(&client, callers);
    let told: u64 = callers.iter().map(|caller| caller.acknowledged).sum();
    assert_eq!(told, counts.found);
    println!("{told} acknowledged, {counts}");
    counts
}

#[test]
fn people_wait_first_then_everything_and_nothing_is_lost() {
    if let Err(reason) = device::usable() {
        println!("skipped: {reason}");
        return;
    }
    let place = Place::new();
    let daemon = place.start();
    assert_eq!(gauge(&daemon, "disk_reserve_bytes"), RESERVE << 20);
    let due = Due::every_few_seconds(&daemon);
    let mut callers = callers("low");
    place.fill_under_load(&daemon, &mut callers, LOW);
    assert_eq!(gauge(&daemon, "disk_state"), 1);
    people_wait(&daemon, &due[0]);
    let now = due::now();
    let later = due.iter().position(|case| case.at > now);
    let later = later.expect("the machine is too slow: everything was due before the disk was low");
    until("a timer fires while the disk is low", || {
        due[later].has_fired(&daemon)
    });
    assert_eq!(daemon.ask("GET", "/readyz", &[], "").status, 200);
    assert_eq!(gauge(&daemon, "disk_state"), 1);

    place.ballast.leave(EXHAUSTED);
    until("it pauses", || gauge(&daemon, "disk_state") == 2);
    people_wait(&daemon, &due[0]);
    until("a timer is late", || {
        gauge(&daemon, "timer_late_milliseconds") > 0
    });
    let ready = daemon.ask("GET", "/readyz", &[], "");
    assert_eq!(
        (ready.status, &ready.body["code"]),
        (503, &json!("not_ready"))
    );
    let detail = ready.body["detail"].as_str().expect("a text");
    assert!(detail.contains("reminders are paused"), "{detail}");
    let now = due::now();
    let late: Vec<&Due> = due
        .iter()
        .filter(|case| case.at <= now && !case.has_fired(&daemon))
        .collect();
    assert!(!late.is_empty(), "something was due while it paused");

    place.ballast.leave_all();
    for case in late {
        until("what was late is done", || case.has_fired(&daemon));
    }
    assert_eq!(gauge(&daemon, "disk_state"), 0);
    nothing_is_lost(&daemon, &mut callers);
    assert!(daemon.stop().success(), "it stops when asked");
}

#[test]
fn a_disk_that_fills_at_once_and_a_kill_lose_nothing() {
    if let Err(reason) = device::usable() {
        println!("skipped: {reason}");
        return;
    }
    let place = Place::new();
    let daemon = place.start();
    let mut callers = callers("full");
    place.fill_under_load(&daemon, &mut callers, EXHAUSTED);
    daemon.kill();
    let daemon = place.start();
    assert_eq!(gauge(&daemon, "disk_state"), 2, "it starts, and waits");
    let ready = daemon.ask("GET", "/readyz", &[], "");
    assert_eq!(ready.status, 503, "{ready:?}");
    place.ballast.leave_all();
    nothing_is_lost(&daemon, &mut callers);
    assert!(daemon.stop().success(), "it stops when asked");
}
