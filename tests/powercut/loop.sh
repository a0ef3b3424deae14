#!/usr/bin/env bash
# Cuts the power of a daemon under load, on a loop device of its own; needs root.
#   tests/powercut/loop.sh [CUTS]     default: 50
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
if ! losetup -f >/dev/null 2>&1; then
  echo "skipped: no loop device (are you root?)"
  exit 0
fi
cargo build --locked --package qixian-cli
QIXIAN_CUTS=${1:-50} cargo test --locked --package qixian-tests --test powercut -- --nocapture
