//! What turning records into bytes and back costs, packing and checksum included.
//!
//! `cargo bench -p qixian-store`

use std::hint::black_box;

use criterion::Criterion;
use qixian_core::{Case, JournalLine, LegStatus, What};
use qixian_store::conformance::samples::{at, case, line, message, usual_case};
use qixian_store::{OutboxEntry, codec, keys};

fn main() {
    let mut bench = Criterion::default().configure_from_args();
    let mut group = bench.benchmark_group("codec");
    let (usual, small) = (usual_case(), case(1));
    let line = line(&small, What::Note);
    let entry = message(1, 1, Some(at(5)), &[LegStatus::Queued; 2]);
    macro_rules! both {
        ($name:literal, $type:ty, $record:expr) => {
            let (key, record) = (keys::case(small.id), $record);
            let bytes = codec::encode(&key, record).expect("small enough");
            let back: $type = codec::decode(&key, &bytes).expect("its own bytes");
            assert_eq!(&back, record);
            println!("{}: {} bytes", $name, bytes.len());
            group.bench_function(concat!("encode ", $name), |b| {
                b.iter(|| codec::encode(&key, black_box(record)));
            });
            group.bench_function(concat!("decode ", $name), |b| {
                b.iter(|| codec::decode::<$type>(&key, black_box(&bytes)));
            });
        };
    }
    both!("usual case", Case, &usual);
    both!("case without deadlines", Case, &small);
    both!("journal line", JournalLine, &line);
    both!("message", OutboxEntry, &entry);
    group.finish();
    bench.final_summary();
}
