#!/usr/bin/env bash
# A disk that takes nothing any more: the daemon ends with a last word, and a restart goes on. Needs root.
# The file system on a loop device is frozen under the daemon; it waits as long as it is told, speaks, and ends once it is
# thawed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
if ! losetup -f >/dev/null 2>&1; then
  echo "skipped: no loop device (are you root?)"
  exit 0
fi
binary=${QIXIAN_BIN:-target/debug/qixian}
dir=$(mktemp -d)
cleanup() {
  fsfreeze --unfreeze "$dir/disk" 2>/dev/null || true
  if [ -n "${daemon:-}" ]; then kill -9 "$daemon" 2>/dev/null && wait "$daemon" 2>/dev/null || true; fi
  umount "$dir/disk" 2>/dev/null || true
  rm -rf "$dir"
}
trap cleanup EXIT
truncate -s 96M "$dir/image"
mkfs.ext4 -q "$dir/image"
mkdir "$dir/disk"
mount -o loop "$dir/image" "$dir/disk"

# The device is smaller than the usual reserve.
export QIXIAN_STORE_RESERVE_MIB=0 QIXIAN_STORE_FLUSH_LIMIT_SECONDS=5

# Starts it and waits for the line that says where it listens.
start() {
  coproc DAEMON { exec "$binary" serve --listen 127.0.0.1:0 --data "$dir/disk/data" 2>>"$dir/said"; }
  daemon=$DAEMON_PID
  local line
  while read -r -t 60 -u "${DAEMON[0]}" line; do
    case $line in ready\ *) address=${line#ready } && break ;; esac
  done
  token=$(cat "$dir/disk/data/admin.token")
}
ask() { curl -sS --max-time 60 -H "authorization: Bearer $token" -H 'content-type: application/json' "$@"; }

start
id=$(ask "$address/api/v1/cases" -d '{"workflow":"first-filing","title":"stuck"}' | cut -d'"' -f4)
fsfreeze --freeze "$dir/disk"
ask -o /dev/null "$address/api/v1/cases/$id/notes" -d '{"note":"never answered"}' &
asking=$!
# The last word comes while the disk hangs.
grep -m 1 "the disk did not take what was written" < <(timeout 60 tail -n +1 -F "$dir/said" 2>/dev/null)
fsfreeze --unfreeze "$dir/disk"
wait "$asking" 2>/dev/null || true
if wait "$daemon" 2>/dev/null; then echo "FAILED: it did not end in error" && exit 1; fi
start
ask "$address/api/v1/cases/$id" | grep -q '"title":"stuck"'
echo "ok: it ended with a last word, and the restart knows the case"
