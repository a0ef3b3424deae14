//! The store alone: commits as a rung that fires makes them, one after another from so many callers, each acknowledged
//! only when it survives a power cut.

use std::sync::Arc;

use qixian_core::{Case, CaseId, JournalLine, LegStatus, OutboxId, Step, What, Words, step};
use qixian_store::{CaseWrite, Commit, Group, LegState, OutboxEntry, OutboxWrite, Store};
use qixian_store_sled::{Options, SledStore};
use qixian_time::{Stopwatch, Timestamp};
use serde_json::json;

use super::load::{Cost, Maker, Pressed, event, group_size, press};
use super::place::{Place, failed};
use super::report::{Report, Spread, Target, figure, millis};
use super::{IN_FLIGHT, StoreArgs};
use crate::failure::Failure;
use crate::local;
use crate::out::Out;

/// No case comes again soon: a stride that has no divisor in common with usual numbers of cases.
const STRIDE: usize = 7_919;
/// How many cases are read at a time, to see what reading on the caller's thread costs.
const READ_AT_A_TIME: [usize; 4] = [1, 16, 17, 64];

/// Runs `qixian bench store`.
pub(super) fn run(out: &Out, args: &StoreArgs) -> Result<(), Failure> {
    let place = Place::new(&args.place)?;
    let options = Options::default();
    let store = SledStore::open(place.path().join("store"), &options).map_err(failed)?;
    let headings = [
        out.pick("同时等待", "in flight"),
        out.pick("每组", "a group"),
        out.pick("提交/秒", "commits/s"),
        "p50 ms",
        "p99 ms",
        "F",
        out.pick("提交/F", "commits/F"),
    ];
    let mut report = Report::new("store", place.path(), &headings);
    report.fact("cases", args.cases);
    report.fact("cache_mib", options.cache_capacity >> 20);
    local::runtime()?.block_on(measure(&store, &place, args, &mut report))?;
    report.tell(out);
    Ok(())
}

async fn measure(
    store: &SledStore,
    place: &Place,
    args: &StoreArgs,
    report: &mut Report,
) -> Result<(), Failure> {
    report
        .floor
        .measure(place.path(), place.round)
        .map_err(failed)?;
    let mut firing = Firing::fill(store, place, args.cases).await?;
    let cost = firing.cost()?;
    report.fact("commit", cost.json());
    report.note(
        format!(
            "一次提交＝一级提醒到点：案件、日志、旧与新的唤醒、消息与其排队，共 {:.1} 个键、{:.0} 字节；{} 个案件",
            cost.keys(), cost.bytes(), args.cases
        ),
        format!(
            "a commit is a rung that fires: case, journal line, old and new wake-up, message and its place in the queue: {:.1} keys, {:.0} bytes; {} cases",
            cost.keys(), cost.bytes(), args.cases
        ),
    );
    report
        .floor
        .measure(place.path(), place.round)
        .map_err(failed)?;
    for in_flight in IN_FLIGHT {
        let watch = Stopwatch::start();
        let next = |most| (watch.elapsed() < place.round).then(|| firing.group(most));
        let pressed = press(store, in_flight, next).await?;
        report
            .floor
            .measure(place.path(), place.round)
            .map_err(failed)?;
        tell(report, in_flight, pressed);
    }
    firing.read(store, place, report).await
}

fn tell(report: &mut Report, in_flight: usize, mut pressed: Pressed) {
    let (rate, floor) = (pressed.rate(), report.floor.around());
    let spread = Spread::of(&mut pressed.took);
    let size = group_size(in_flight);
    report.row(
        json!({
            "in_flight": in_flight, "group": size, "commits": pressed.took.len(), "per_second": rate,
            "p50_ms": millis(spread.p50), "p99_ms": millis(spread.p99), "max_ms": millis(spread.max),
            "floor": floor, "ratio_to_floor": rate / floor,
        }),
        vec![
            in_flight.to_string(),
            size.to_string(),
            figure(rate),
            figure(millis(spread.p50)),
            figure(millis(spread.p99)),
            figure(floor),
            figure(rate / floor),
        ],
    );
    let (wanted, limit) = match in_flight {
        1 => ((0.6 * floor).min(1_000.0), None),
        64 => (5_000.0, Some(50.0)),
        _ => (8_000.0, Some(250.0)),
    };
    let wanted_text = figure(wanted);
    let what = Words::new(
        format!("同时 {in_flight}：≥ 每秒 {wanted_text}"),
        format!("{in_flight} in flight: ≥ {wanted_text}/s"),
    );
    report.target(Target::at_least(what, wanted, rate));
    if let Some(limit) = limit {
        let what = Words::new(
            format!("同时 {in_flight}：p99 < {limit:.0} ms"),
            format!("{in_flight} in flight: p99 < {limit:.0} ms"),
        );
        report.target(Target::below(what, limit, millis(spread.p99)));
    }
}

/// Rungs that fire, over and over: as the first one does in truth, again and again for all cases in turn.
struct Firing {
    cases: Vec<Arc<Case>>,
    line: JournalLine,
    entry: OutboxEntry,
    /// When the wake-up of a case at rev 1 stands; that of a later rev comes a minute later for each.
    due: Timestamp,
    at: usize,
}

impl Firing {
    /// Fills the store with so many cases, and finds out what a rung of them does.
    async fn fill(store: &dyn Store, place: &Place, count: usize) -> Result<Self, Failure> {
        let maker = Maker::new(&place.loaded, &place.settings.rules)?;
        let due = Timestamp::parse("2026-11-02T09:30:00+08:00").map_err(failed)?;
        maker.fill(store, (0..count).map(|_| due)).await?;
        let begun = |number| maker.write(number, due).map(|write| write.case);
        let cases: Vec<Arc<Case>> = (1..=count as u64).map(begun).collect::<Result<_, _>>()?;
        let first = cases.first().ok_or_else(|| failed("no cases"))?;
        let wake = event(first.id, 2, due, What::Wake);
        let stepped = step(&place.loaded.env, maker.workflow(), Some(first), &wake, due);
        let Step::Changed(fired) = stepped.map_err(failed)? else {
            return Err(failed("no rung fired"));
        };
        let intent = fired.outbox.into_iter().next();
        let intent = intent.ok_or_else(|| failed("a rung said nothing"))?;
        let leg = LegState {
            status: LegStatus::Queued,
            channel: 0,
            next_at: Some(due),
            attempts: Vec::new(),
            receipt: None,
        };
        Ok(Self {
            cases,
            line: fired.journal,
            entry: OutboxEntry {
                legs: vec![leg; intent.legs.len()],
                intent,
                next_at: Some(due),
            },
            due,
            at: 0,
        })
    }

    /// How long cached cases take to be read, some at a time: the reason for reading few on the caller's thread.
    async fn read(
        &mut self,
        store: &dyn Store,
        place: &Place,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let (mut rows, mut told) = (Vec::new(), Vec::new());
        for count in READ_AT_A_TIME {
            let (watch, mut rounds) = (Stopwatch::start(), 0_u32);
            while watch.elapsed() < place.round / 10 {
                let ids: Vec<CaseId> = (0..count).map(|_| self.next_case().id).collect();
                store.cases(&ids).await.map_err(failed)?;
                rounds += 1;
            }
            let micros = watch.elapsed().as_secs_f64() * 1e6 / f64::from(rounds.max(1));
            rows.push(json!({ "cases": count, "micros": micros }));
            told.push(format!("{count}: {} µs", figure(micros)));
        }
        report.fact("reads", rows);
        let told = told.join(", ");
        report.note(
            format!("读取案件（已缓存）{told}"),
            format!("reading cases (cached) {told}"),
        );
        Ok(())
    }

    fn next_case(&mut self) -> &Arc<Case> {
        self.at = (self.at + STRIDE) % self.cases.len();
        &self.cases[self.at]
    }

    fn group(&mut self, size: usize) -> Group {
        let commits = (0..size).map(|_| self.commit()).collect();
        Group { commits }
    }

    fn commit(&mut self) -> Commit {
        let before = self.next_case().clone();
        let commit = self.firing(&before);
        self.cases[self.at] = commit.cases[0].case.clone();
        commit
    }

    fn firing(&self, before: &Arc<Case>) -> Commit {
        let case = Case {
            rev: before.rev + 1,
            ..(**before).clone()
        };
        let wake = |rev: u64| self.due.saturating_add_millis(60_000 * (rev as i64 - 1));
        let mut entry = self.entry.clone();
        entry.intent.id = OutboxId {
            case: case.id,
            seq: case.rev,
            index: 0,
        };
        let journal = JournalLine {
            seq: case.rev,
            ..self.line.clone()
        };
        let write = CaseWrite {
            before: Some(before.clone()),
            wake_before: Some(wake(before.rev)),
            wake_after: Some(wake(case.rev)),
            case: Arc::new(case),
            journal: Some(journal),
        };
        let outbox = OutboxWrite {
            due_before: None,
            entry,
        };
        Commit {
            cases: vec![write],
            outbox: vec![outbox],
            ..Commit::default()
        }
    }

    /// What one of them costs, without changing anything here.
    fn cost(&self) -> Result<Cost, Failure> {
        Cost::of(&[self.firing(&self.cases[0])])
    }
}
