#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The library in schema/ against tests/schema/read_fvt.py, which was written from schema/FORMAT.md
# and shares no code with it: every visible column of every row, the totals and the damage of each
# file, exporters and interfaces are the same through the extension and through that reader. So are
# those of files that are cut or damaged; and what directories say of their chunks is so
# (verify_fvt.py).
#
# usage: reader_test.sh            lab.pcap, damage, and all captures of ../shared/data if there
#        reader_test.sh STORE...   these stores instead
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/schema/compare.sh
. tests/schema/compare.sh

second_reader
if [ $# -gt 0 ]; then
    for store; do
        compare "$store" "$store"
        intact "$store" "$store"
    done
    result
fi

"$probe" -q -r "$lab" -w "$work/lab" 2>"$work/log"
compare "lab.pcap" "$work/lab"
intact "lab.pcap" "$work/lab"

# Enough connections for answers to be coded against what they answer.
"$BUILD/tests/load/flowgen" --mix --count 12000 --span 240 --pcap "$work/mix.pcap" >"$work/log"
"$collect" -r "$work/mix.pcap" -w "$work/mix" >"$work/log" 2>&1
compare "connections" "$work/mix"
intact "connections" "$work/mix"
is "connections: answers are coded against what they answer" "$("$python" - "$work"/mix/*/*/*/*.fvt <<'PYTHON'
import sys
sys.path.insert(0, "tests/schema")
sys.dont_write_bytecode = True
from read_fvt import MIRROR, File, known_columns
files = [File(path, known_columns()) for path in sys.argv[1:]]
print(any(c.flags & MIRROR for f in files for g in f.groups for c in g.chunks.values()))
PYTHON
)" True

# A store of files that are one file with another octet changed in each, or cut, step octets on.
# Their headers all have the same begin; a file is looked for by its name.
damage() { # FILE STEP STORE
    "$python" - "$@" <<'PYTHON'
import datetime, os, sys
whole = open(sys.argv[1], "rb").read()
step = int(sys.argv[2])
files = [whole[:i] + bytes([whole[i] ^ 1 << i % 8]) + whole[i + 1:] for i in range(0, len(whole), step)]
files += [whole[:i] for i in range(0, len(whole), step)]
for n, octets in enumerate(files):
    name = datetime.datetime(2026, 1, 1) + datetime.timedelta(minutes=n)
    path = os.path.join(sys.argv[3], name.strftime("%Y/%m/%d/flows.%Y%m%d%H%M.fvt"))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(octets)
PYTHON
}

# What both see of them is the same with a sanitizer; what goes wrong in memory is looked for by tests/e2e/hostile.sh.
step=${READER_STEP:-$([ "${SANITIZED:-0}" = 1 ] && echo 599 || echo 149)}
for state in live closed merged exceptions; do
    damage tests/schema/golden/$state.fvt "$step" "$work/damage-$state"
    compare "$state file, damaged and cut" "$work/damage-$state"
done

# A day merged, with the roll-ups that pay: what they say is recomputed from the rows.
"$flowgen" --version 9 --mix --count 20000 --span 86000 --begin 1700006400 \
    --pcap "$work/day.pcap" >"$work/log"
"$collect" -t 3600 -r "$work/day.pcap" -w "$work/day" 2>"$work/log"
"$collect" --merge -w "$work/day" 2>"$work/log"
compare "a merged day" "$work/day"
intact "a merged day" "$work/day"
is "roll-ups of a merged day" \
    "$(FLOWVT_STORE=$work/day sqlite "SELECT sum(rollups LIKE '%day:proto%') FROM flow_files")" 1

# Each of them into one store: files that are closed, get more rows, and are closed again.
if [ -d "$data" ]; then
    for capture in "$data"/traffic/*.pcap*; do
        "$probe" -q -r "$capture" -w "$work/traffic"
    done >"$work/log" 2>&1
    compare "all of ../shared/data/traffic" "$work/traffic"
    intact "all of ../shared/data/traffic" "$work/traffic"
    for capture in "$data"/export/*.pcap*; do
        "$collect" -r "$capture" -w "$work/export"
    done >"$work/log" 2>&1
    compare "all of ../shared/data/export" "$work/export"
    intact "all of ../shared/data/export" "$work/export"
else
    skip "the second reader on captures of others" "no $data"
fi
result
