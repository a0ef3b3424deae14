//! The daemon with many open cases: how soon it is ready after a kill, what it holds in memory, how fast it lists what is
//! due next, and what it does when nothing is to be done.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use qixian_core::Words;
use qixian_store_sled::{Options, SledStore};
use qixian_time::{Clock, Stopwatch, SystemClock};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;

use super::ScaleArgs;
use super::child::Daemon;
use super::load::{FIRST_RUNG_MILLIS, Maker};
use super::place::{Place, failed};
use super::report::{Report, Spread, Target, figure, millis};
use crate::failure::Failure;
use crate::out::Out;

/// First rungs come due between so many milliseconds from now: later than anything here takes, and within the ladder.
const DUE_MILLIS: std::ops::Range<i64> = 2 * 3_600_000..FIRST_RUNG_MILLIS;
/// Pages asked for, half of them the first, half those that follow one another.
const PAGES: usize = 400;
/// Starts on an empty directory, of which the median counts.
const EMPTY_STARTS: usize = 5;
/// No case comes again soon.
pub(super) const STRIDE: usize = 7_919;

/// Runs `qixian bench scale`.
pub(super) fn run(out: &Out, args: &ScaleArgs) -> Result<(), Failure> {
    let place = Place::new(&args.place)?;
    let headings = [out.pick("项", "what"), out.pick("值", "measured")];
    let mut report = Report::new("scale", place.path(), &headings);
    let scale = Scale::new(out, args, &place);
    report.fact("cases", args.cases);
    report.fact("armed_rungs", args.cases * 4);
    report.fact("cache_mib", scale.cache.clone());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    runtime.block_on(scale.measure(&mut report))?;
    report.tell(out);
    Ok(())
}

/// What is measured, where.
pub(super) struct Scale<'a> {
    out: &'a Out,
    /// Where.
    pub(super) place: &'a Place,
    /// How many cases.
    pub(super) cases: usize,
    idle: Duration,
    data: PathBuf,
    /// Of the store, in MiB.
    pub(super) cache: String,
}

impl<'a> Scale<'a> {
    fn new(out: &'a Out, args: &ScaleArgs, place: &'a Place) -> Self {
        let cache = args.cache_mib.unwrap_or(place.settings.cache_mib);
        Self {
            out,
            place,
            cases: args.cases,
            idle: place.at_most(Duration::from_secs(args.idle)),
            data: place.path().join("full"),
            cache: cache.to_string(),
        }
    }

    async fn measure(&self, report: &mut Report) -> Result<(), Failure> {
        self.floor(report)?;
        let binary = fs::metadata(std::env::current_exe().map_err(failed)?).map_err(failed)?;
        let binary = binary.len() as f64 / 1e6;
        self.row(report, "binary_mb", ("程序文件 MB", "binary, MB"), binary);
        report.target(Target::below(
            Words::new("程序文件 < 30 MB", "binary < 30 MB"),
            30.0,
            binary,
        ));
        self.empty(report)?;
        self.load(report).await?;
        self.floor(report)?;
        self.kill_while_writing(report).await?;
        self.after_the_kill(report).await?;
        self.floor(report)
    }

    /// Starts on nothing.
    fn empty(&self, report: &mut Report) -> Result<(), Failure> {
        let mut took = Vec::new();
        for nth in 0..EMPTY_STARTS {
            let daemon = self.start(&self.place.path().join(format!("empty-{nth}")))?;
            took.push(daemon.ready_after);
            daemon.stop()?;
        }
        let ready = millis(Spread::of(&mut took).p50);
        self.row(
            report,
            "empty_ready_ms",
            ("空数据启动到就绪 ms", "empty start to ready, ms"),
            ready,
        );
        report.target(Target::below(
            Words::new("空数据启动 < 200 ms", "empty start < 200 ms"),
            200.0,
            ready,
        ));
        Ok(())
    }

    async fn load(&self, report: &mut Report) -> Result<(), Failure> {
        self.out.note(
            format!("正在装入 {} 个案件……", self.cases),
            format!("loading {} cases …", self.cases),
        );
        let maker = Maker::new(&self.place.loaded, &self.place.settings.rules)?;
        let options = Options {
            cache_capacity: self.cache.parse::<u64>().map_err(failed)? << 20,
            ..Options::default()
        };
        let watch = Stopwatch::start();
        let store = SledStore::open(self.data.join("store"), &options).map_err(failed)?;
        let now = SystemClock.now();
        let step = (DUE_MILLIS.end - DUE_MILLIS.start) as f64 / self.cases as f64;
        // In no order of the cases' ids.
        let due = |nth: usize| {
            let place = (nth * STRIDE) % self.cases;
            now.saturating_add_millis(DUE_MILLIS.start + (place as f64 * step) as i64)
        };
        maker.fill(&store, (0..self.cases).map(due)).await?;
        drop(store);
        let seconds = watch.elapsed().as_secs_f64();
        self.row(
            report,
            "load_seconds",
            ("装入并关闭 s", "loaded and closed, s"),
            seconds,
        );
        self.disk(
            report,
            "disk_loaded_mb",
            ("装入后磁盘 MB", "disk after loading, MB"),
        )
    }

    /// Starts, writes over every connection, and is killed in the middle of it.
    async fn kill_while_writing(&self, report: &mut Report) -> Result<(), Failure> {
        let daemon = self.start(&self.data)?;
        let ready = daemon.ready_after.as_secs_f64();
        self.row(
            report,
            "ready_seconds",
            ("正常关闭后就绪 s", "ready after a clean close, s"),
            ready,
        );
        let mut writing = self.write(&daemon).await?;
        self.wait(self.place.round).await;
        daemon.kill()?;
        // They end with their connections.
        while writing.join_next().await.is_some() {}
        Ok(())
    }

    async fn after_the_kill(&self, report: &mut Report) -> Result<(), Failure> {
        let daemon = self.start(&self.data)?;
        let ready = daemon.ready_after.as_secs_f64();
        self.row(
            report,
            "ready_after_kill_seconds",
            ("写入中被杀后就绪 s", "ready after a kill while writing, s"),
            ready,
        );
        report.target(Target::below(
            Words::new("被杀后就绪 < 10 s", "ready after a kill < 10 s"),
            10.0,
            ready,
        ));
        let resident = daemon.resident();
        self.row(
            report,
            "resident_ready_mb",
            ("就绪时内存 MB", "resident when ready, MB"),
            resident,
        );
        self.pages(&daemon, report).await?;
        self.use_calmly(&daemon, report).await?;
        self.hammer(&daemon, report).await?;
        self.rest(&daemon, report).await?;
        self.disk(
            report,
            "disk_used_mb",
            ("使用后磁盘 MB", "disk after use, MB"),
        )?;
        let watch = Stopwatch::start();
        daemon.stop()?;
        let closed = watch.elapsed().as_secs_f64();
        self.row(
            report,
            "close_seconds",
            ("正常关闭 s", "clean close, s"),
            closed,
        );
        Ok(())
    }

    /// Lists what is due next, the first page and those after it.
    async fn pages(&self, daemon: &Daemon, report: &mut Report) -> Result<(), Failure> {
        let mut connection = daemon.connect().await?;
        let mut took = Vec::new();
        let mut cursor: Option<String> = None;
        for nth in 0..PAGES {
            let path = match cursor.as_ref().filter(|_| nth % 2 == 1) {
                Some(cursor) => format!("/cases?limit=50&cursor={cursor}"),
                None => "/cases?limit=50".to_owned(),
            };
            let watch = Stopwatch::start();
            let page: Page = connection.get(&path).await?;
            took.push(watch.elapsed());
            if page.items.is_empty() {
                return Err(failed("an empty page"));
            }
            if nth % 2 == 1 || cursor.is_none() {
                cursor = page.next_cursor;
            }
        }
        let spread = Spread::of(&mut took);
        let (p50, p99) = (millis(spread.p50), millis(spread.p99));
        self.row(
            report,
            "page_p50_ms",
            (
                "下一批到期，50 条一页 p50 ms",
                "next-due page of 50, p50 ms",
            ),
            p50,
        );
        self.row(
            report,
            "page_p99_ms",
            ("同上 p99 ms", "the same, p99 ms"),
            p99,
        );
        report.target(Target::below(
            Words::new(
                "下一批到期一页 < 20 ms（p99）",
                "next-due page < 20 ms (p99)",
            ),
            20.0,
            p99,
        ));
        Ok(())
    }

    /// What it uses of a processor while nothing happens.
    async fn rest(&self, daemon: &Daemon, report: &mut Report) -> Result<(), Failure> {
        // What was begun comes to its end first.
        self.wait(self.idle / 10).await;
        let before = daemon.processor();
        let watch = Stopwatch::start();
        self.wait(self.idle).await;
        let used = millis(daemon.processor().saturating_sub(before));
        let percent = used / millis(watch.elapsed()) * 100.0;
        self.row(
            report,
            "idle_cpu_percent",
            ("空闲时占用处理器 %", "processor while idle, %"),
            percent,
        );
        report.fact("idle_seconds", watch.elapsed().as_secs_f64());
        report.target(Target::below(
            Words::new("空闲：< 一个核的 0.1 %", "idle: < 0.1 % of a core"),
            0.1,
            percent,
        ));
        Ok(())
    }

    fn start(&self, data: &Path) -> Result<Daemon, Failure> {
        Daemon::start(self.place, data, &[("QIXIAN_STORE_CACHE_MIB", &self.cache)])
    }

    /// Lets time go by.
    pub(super) async fn wait(&self, length: Duration) {
        // Nothing else tells that the time is over.
        tokio::time::timeout(length, std::future::pending::<()>())
            .await
            .ok();
    }

    fn floor(&self, report: &mut Report) -> Result<(), Failure> {
        let measured = report.floor.measure(self.place.path(), self.place.round);
        measured.map(drop).map_err(failed)
    }

    fn disk(&self, report: &mut Report, name: &str, words: (&str, &str)) -> Result<(), Failure> {
        let bytes = size(&self.data.join("store")).map_err(failed)?;
        self.row(report, name, words, bytes as f64 / 1e6);
        Ok(())
    }

    /// Adds a row.
    pub(super) fn row(&self, report: &mut Report, name: &str, (zh, en): (&str, &str), value: f64) {
        let cells = vec![self.out.pick(zh, en).to_owned(), figure(value)];
        report.row(json!({ "what": name, "measured": value }), cells);
    }
}

/// A page of anything.
#[derive(Deserialize)]
pub(super) struct Page {
    /// What is on it.
    pub(super) items: Vec<IgnoredAny>,
    #[serde(default)]
    next_cursor: Option<String>,
}

/// Bytes of all files below.
fn size(dir: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += match metadata.is_dir() {
            true => size(&entry.path())?,
            false => metadata.len(),
        };
    }
    Ok(bytes)
}
