//! The table of `qixian bench engine`.

use qixian_core::Words;
use serde_json::json;

use super::child::Processor;
use super::kind::Kind;
use super::load::{Cost, Pressed};
use super::over_http::CONNECTIONS;
use super::report::{Report, Spread, Target, figure, millis};
use crate::out::Out;

/// What a round came to: the engine, the store alone, and how the engine grouped.
#[derive(Default)]
pub(super) struct Round {
    /// The engine.
    pub(super) engine: Pressed,
    /// The store alone, given the same commits.
    pub(super) alone: Pressed,
    /// Groups the engine made of them.
    pub(super) groups: usize,
    /// What a commit costs.
    pub(super) cost: Cost,
}

/// A round over HTTP, and the engine and the store here in turns with it.
#[derive(Default)]
pub(super) struct HttpRound {
    /// Over HTTP.
    pub(super) http: Pressed,
    /// The engine and the store in turns with it.
    pub(super) here: Round,
    /// Processor time meanwhile.
    pub(super) used: Processor,
}

/// Its headings.
pub(super) fn headings(out: &Out) -> [&'static str; 12] {
    [
        out.pick("事件", "event"),
        out.pick("同时等待", "in flight"),
        out.pick("每秒", "a second"),
        "p50 ms",
        "p99 ms",
        out.pick("仅存储/秒", "store/s"),
        out.pick("对存储", "of store"),
        out.pick("对引擎", "of engine"),
        "F",
        out.pick("对 F", "of F"),
        out.pick("每组", "a group"),
        out.pick("每次键数", "keys each"),
    ]
}

/// Tells of a round of the engine.
pub(super) fn tell(report: &mut Report, kind: Kind, in_flight: usize, mut round: Round) {
    let (engine, alone) = (round.engine.rate(), round.alone.rate());
    let (ratio, floor) = (engine / alone, report.floor.around());
    let group = round.engine.took.len() as f64 / round.groups.max(1) as f64;
    let spread = Spread::of(&mut round.engine.took);
    let spread_alone = Spread::of(&mut round.alone.took);
    report.row(
        json!({
            "event": kind.name(), "in_flight": in_flight, "events": round.engine.took.len(),
            "per_second": engine, "p50_ms": millis(spread.p50), "p99_ms": millis(spread.p99), "max_ms": millis(spread.max),
            "store_alone": {
                "per_second": alone, "p50_ms": millis(spread_alone.p50), "p99_ms": millis(spread_alone.p99),
                "ratio_to_floor": alone / floor,
            },
            "ratio_to_store": ratio, "floor": floor, "ratio_to_floor": engine / floor,
            "events_a_group": group, "commit": round.cost.json(),
        }),
        vec![
            kind.name().to_owned(),
            in_flight.to_string(),
            figure(engine),
            figure(millis(spread.p50)),
            figure(millis(spread.p99)),
            figure(alone),
            figure(ratio),
            "–".to_owned(),
            figure(floor),
            figure(engine / floor),
            figure(group),
            figure(round.cost.keys()),
        ],
    );
    let what = Words::new(
        format!("{} {in_flight}：引擎/存储 ≥ 0.75", kind.name()),
        format!("{} {in_flight}: engine/store ≥ 0.75", kind.name()),
    );
    report.target(Target::at_least(what, 0.75, ratio));
}

/// Tells of a round over HTTP. The target is for the commit nearest to the one the store is measured with.
pub(super) fn tell_http(report: &mut Report, kind: Kind, mut round: HttpRound) {
    let (rate, floor) = (round.http.rate(), report.floor.around());
    let (engine, alone) = (round.here.engine.rate(), round.here.alone.rate());
    let client = round.used.client_share();
    let spread = Spread::of(&mut round.http.took);
    let name = kind.name();
    report.row(
        json!({
            "event": format!("{name}_over_http"), "in_flight": CONNECTIONS, "events": round.http.took.len(), "per_second": rate,
            "p50_ms": millis(spread.p50), "p99_ms": millis(spread.p99), "max_ms": millis(spread.max),
            "store_alone": { "per_second": alone }, "ratio_to_store": rate / alone,
            "engine_per_second": engine, "ratio_to_engine": rate / engine,
            "floor": floor, "ratio_to_floor": rate / floor, "client_share_of_processor": client,
            "commit": round.here.cost.json(),
        }),
        vec![
            format!("{name}/HTTP"),
            CONNECTIONS.to_string(),
            figure(rate),
            figure(millis(spread.p50)),
            figure(millis(spread.p99)),
            figure(alone),
            figure(rate / alone),
            figure(rate / engine),
            figure(floor),
            figure(rate / floor),
            "–".to_owned(),
            figure(round.here.cost.keys()),
        ],
    );
    let percent = client * 100.0;
    report.note(
        format!("{name}/HTTP：守护进程是另一个进程，{CONNECTIONS} 条保持的连接；客户端与它共用这些核，占两者处理器时间的 {percent:.0}%"),
        format!("{name}/HTTP: the daemon is a process of its own, {CONNECTIONS} keep-alive connections; the client shares the cores with it and takes {percent:.0} % of the processor time of both"),
    );
    if kind == Kind::Working {
        let what = Words::new(
            format!("{name}/HTTP {CONNECTIONS}：HTTP/存储 ≥ 0.60"),
            format!("{name}/HTTP {CONNECTIONS}: HTTP/store ≥ 0.60"),
        );
        report.target(Target::at_least(what, 0.6, rate / alone));
    }
}
