#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# tests/bench on a few flows: every question runs, and an ordinary SQLite table answers alike. No
# time is looked at.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

python=/usr/bin/python3
[ -x "$python" ] || {
    skip "tests/bench" "no $python"
    exit 77
}
mkdir "$work/build" "$work/build/tests" "$work/build/tests/load"
for f in flowvt.so flowcollect flowreport tests/load/flowgen tests/load/storegen tests/load/flowblast; do
    ln -s "$BUILD/$f" "$work/build/$f"
done
env -u DUCKDB BUILD="$work/build" FLOWS=24000 NEEDLE_FLOWS=24000 YEAR=0 DAYS=3 DAY_FLOWS=2000 RUNS=1 PEERS=table \
    KINDS="oneway few random" LIST=20000 "$python" tests/bench/bench.py >"$work/out" 2>&1
is "exit status" "$?" 0
[ "$bad" = 0 ] || cat "$work/out"
is "questions that were measured" "$(grep -cE '^Q[0-9]+b? .* [0-9.]+ +[0-9.]+ \(' "$work/out")" 14
is "answers that differ" "$(grep -E 'WRONG|FAILED' "$work/out")" ""
is "octets by column" "$(grep -oE '^  (srcip|bytes|dictionary of addresses) ' "$work/out" | sort -u | wc -l)" 3
is "other lines" "$(grep -cE '^  (nobody answers|twenty hosts|random addresses and ports) .*[0-9]\.[0-9]' "$work/out")" 3
is "memory by kind of statement" "$(grep -cE '^  .* [0-9]+ +[0-9]+ *$' "$work/out")" 8
is "exports by columns" "$(grep -c '^flows_[a-z]*\(,\| as\) ' "$work/out")" 4
is "questions of merged days" "$(grep -cE '^(top talkers|AS pairs|ragged window) .*\(' "$work/out")" 3

# Reports beside nfdump, if it is there: all have a line in the list, and some are run.
env BUILD="$work/build" FLOWS=24000 RUNS=1 "$python" tests/bench/reports.py users port-tracker spikes bill-ports >"$work/out" 2>&1
is "exit status of reports.py" "$?" 0
[ "$bad" = 0 ] || cat "$work/out"
is "reports that were measured" "$(grep -cE '^[a-z-]+( .*)? +[0-9.]+ +[0-9]+  ' "$work/out")" 4
env BUILD="$work/build" FLOWS=2400 RUNS=1 SHAPE=provider "$python" tests/bench/reports.py top-ports >"$work/out" 2>&1
is "exit status of reports.py on another line" "$?" 0
[ "$bad" = 0 ] || cat "$work/out"
is "what it measured" "$(grep -cE '^top-ports +[0-9.]+ +[0-9]+  ' "$work/out")" 1

# How fast flowcollect receives: one try of each protocol from several exporters, at a rate that it keeps up with.
env PEERS=none BUILD="$work/build" FLOWS=20000 SECONDS=1 RUNS=1 EXPORTERS=3 \
    "$python" tests/bench/ingest.py >"$work/out" 2>&1
is "exit status of ingest.py" "$?" 0
[ "$bad" = 0 ] || cat "$work/out"
is "protocols received without loss" "$(grep -cE ' 3  M flows/s +0\.[0-9]*[1-9]' "$work/out")" 4
is "protocols whose processor time is known" "$(grep -cE ' 3  CPU s/M flows +[0-9]+\.' "$work/out")" 4
result
