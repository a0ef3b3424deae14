#!/usr/bin/env bash
# The soak: the released daemon under a steady load, by default an hour and a million events.
#   docs/soak/run.sh [MINUTES] [OUT]     default: 60, docs/soak; soak.csv, soak.svg and soak.log go to OUT
# Environment: QIXIAN_SOAK_RATE (300 events a second), QIXIAN_SOAK_CASES (4000 kept open), SEED, QIXIAN_BIN.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
out=${2:-docs/soak}
mkdir -p "$out"
cargo build --locked --release --package qixian-cli
cargo test --locked --release --package qixian-tests --test soak --no-run
QIXIAN_SOAK_MINUTES=${1:-60} QIXIAN_SOAK_OUT=$(realpath "$out") \
  cargo test --locked --release --package qixian-tests --test soak -- \
  --ignored --nocapture --exact memory_and_time_stay_flat_for_an_hour | tee "$out/soak.log"
