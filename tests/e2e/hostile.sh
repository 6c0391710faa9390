#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Damaged flow files: every third octet of a closed and of a live file changed in turn, the files cut at
# every third length (HOSTILE_STEP=1: at all of them, as tests/schema/test_damage.c does with the library).
# The queries never crash, and where the answer is not that of the intact file the damage is counted in
# flow_files (see flip.c). Then files whose checksums are right and whose contents cannot be (see forge.c), HOSTILE_ROUNDS of each.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

# Three is odd, so that each octet of the words of eight has its turn. Under a sanitizer a look takes long.
step=${HOSTILE_STEP:-$([ "${SANITIZED:-0}" = 1 ] && echo 13 || echo 3)}
flip=$BUILD/tests/e2e/flip
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-} ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0

# Two exporters, two address families, a few dozen flows.
free_port
collector_start "$work/live" -t 86400 || exit 1
"$flowgen" --version 9 --mix --count 30 --exporters 2 --span 600 127.0.0.1 "$port" >/dev/null
sleep 1.5
"$flowgen" --version 10 --mix --count 10 --first 30 --exporters 2 127.0.0.1 "$port" >/dev/null
sleep 1.5
cp -r "$work/live" "$work/closed"
# shellcheck disable=SC2034  # both are used by name below
live=$(find "$work/live" -name '*.fvt')
kill -9 "$collector"
free_port
collector_start "$work/closed" -t 300 && collector_stop
# shellcheck disable=SC2034
closed=$(find "$work/closed" -name '*.fvt' | head -n 1)

for state in live closed; do
    file=${!state}
    for how in flip cut; do
        dir=$work/$state-$how
        mkdir -p "$dir"
        if ! "$flip" "$BUILD/flowvt" "$file" "$dir" $how "$step" >"$work/log" 2>&1; then
            bad=1
        fi
        sed "s/^\(ok\|not ok\) - /\1 - $state file: /" "$work/log"
    done
done

# A day's file with roll-ups, and answers coded against what they answer.
day=$work/day
"$flowgen" --version 9 --mix --count 12000 --begin 1699920000 --span 7000 --exporters 2 --pcap "$work/pcap" >"$work/log"
"$collect" -t 7200 -r "$work/pcap" -w "$day" 2>"$work/log"
"$collect" --merge --rollups "proto,exporter inif,outif srcas,dstas exporter" -w "$day" 2>"$work/log"
# shellcheck disable=SC2034
merged=$(find "$day" -name '*.fvt')
export ASAN_OPTIONS=$ASAN_OPTIONS:allocator_may_return_null=1
for state in live merged; do
    dir=$work/$state-forged/2023/11/14
    mkdir -p "$dir"
    "$BUILD/tests/e2e/forge" "$BUILD/flowvt" "${!state}" "$dir" "${HOSTILE_ROUNDS:-60}" >"$work/log" 2>&1 || bad=1
    sed "s/^\(ok\|not ok\) - /\1 - $state file: /" "$work/log"
done
result
