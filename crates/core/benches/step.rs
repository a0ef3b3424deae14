//! What deciding costs: `step` on a case with ten deadlines of four rungs each, and guards by themselves.
//!
//! `cargo bench -p qixian-core`

mod common;

use std::hint::black_box;

use criterion::Criterion;
use qixian_core::{Guard, GuardScope, Step, Verdict, What, next_wake, step};

use common::{Desk, event, fact, schema, start};

fn steps(bench: &mut Criterion) {
    let desk = Desk::new();
    let changed = |step: &Step| assert!(matches!(step, Step::Changed(_)));
    let mut group = bench.benchmark_group("step, ten deadlines");
    let later = desk.now.saturating_add_millis(60_000);
    let events = [
        ("note", event(later, What::Note)),
        ("fact that stays in its state", fact(later, "noticed")),
        ("fact that ends ten and arms one", fact(later, "handed")),
    ];
    for (name, event) in &events {
        changed(&desk.step(event, later));
        group.bench_function(*name, |b| b.iter(|| desk.step(black_box(event), later)));
    }
    let due = next_wake(&desk.case).expect("something is armed");
    let wake = event(due, What::Wake);
    changed(&desk.step(&wake, due));
    group.bench_function("wake-up that fires", |b| {
        b.iter(|| desk.step(black_box(&wake), due));
    });
    let start = start(desk.now);
    let (env, workflow, now) = (&desk.env, &desk.workflow, desk.now);
    group.bench_function("start that arms ten", |b| {
        b.iter(|| step(env, workflow, None, black_box(&start), now));
    });
    group.finish();
}

fn guards(bench: &mut Criterion) {
    let desk = Desk::new();
    let mut group = bench.benchmark_group("guard");
    let texts = [
        ("one comparison", "subject.name != null"),
        (
            "rule and texts",
            "rule(\"sms_check.required\") == true && site.domain.endsWith(\".cn\") && size(subject.name) < 50",
        ),
    ];
    for (name, text) in texts {
        let guard = Guard::compile(text, &schema(), &desk.workflow.params, &[]).expect("good");
        let scope = GuardScope {
            fields: &desk.case.fields,
            state: &desk.case.state,
            round: desk.case.round,
            flags: &desk.case.flags,
            pack: &desk.case.pack,
            on: desk.workflow.zone.date_of(desk.now),
        };
        let eval = || guard.eval(&desk.env, &desk.workflow.params, black_box(&scope));
        assert_eq!(eval(), Verdict::Holds);
        group.bench_function(name, |b| b.iter(eval));
    }
    group.finish();
}

fn main() {
    let mut bench = Criterion::default().configure_from_args();
    steps(&mut bench);
    guards(&mut bench);
    bench.final_summary();
}
