#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The clock is stepped, forwards by hours and back by a day, while flowcollect receives: no flow is lost, none is
# twice, templates hold, and the files can be read.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

fake=$(ls /usr/lib/*/faketime/libfaketimeMT.so.1 2>/dev/null)
[ -n "$fake" ] || { skip clock "no libfaketime"; exit 77; }

store=$work/store
export FLOWVT_STORE=$store
free_port
mkdir "$store"
echo +0 >"$work/offset"
# Days that are over by such a clock are not merged: their files would be one, and have the day's begin.
start env LD_PRELOAD="$fake" FAKETIME_TIMESTAMP_FILE="$work/offset" FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 \
    DONT_FAKE_MONOTONIC=1 NO_FAKE_STAT=1 "$collect" -p "$port" -w "$store" -t 60 --no-merge 2>"$work/log"
collector=$!
until_true 10 listening "$port"

# Version 9, its template once for all time.
cat >"$work/send.py" <<'PY'
import socket, struct, sys, time
port, first, sequence = map(int, sys.argv[1:])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.9", 7777))  # the same each time, and no port that another test has
def send(count, flowset):
    global sequence
    s.sendto(struct.pack("!HHIIII", 9, count, 1000000, int(time.time()), sequence, 7) + flowset, ("127.0.0.1", port))
    sequence += 1
if first == 0:
    fields = [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (2, 4), (1, 4)]
    template = struct.pack("!HH", 256, len(fields)) + b"".join(struct.pack("!HH", *f) for f in fields)
    send(1, struct.pack("!HH", 0, 4 + len(template)) + template)
for at in range(first, first + 100, 10):
    rows = b"".join(struct.pack("!4s4sHHBII", b"\x0a\0\0\1", b"\x0a\0\0\2", n, 80, 6, 1, 100) for n in range(at, at + 10))
    send(10, struct.pack("!HH", 256, 4 + len(rows)) + rows + b"\0" * (-len(rows) % 4))
PY

sent=0
# shellcheck disable=SC2317 # called by until_true
has() { [ "$(sqlite 'SELECT count(*), count(DISTINCT srcport) FROM flows')" = "$sent|$sent" ]; }
step() { # SECONDS NAME: the clock is so far off, and a hundred flows come
    echo "$1" >"$work/offset"
    python3 "$work/send.py" "$port" $sent $((sent ? sent / 10 + 1 : 0))
    sent=$((sent + 100))
    is "$2: all flows are seen, each once" "$(until_true 10 has && echo yes)" yes
}

# In the middle of an hour's first minute, whenever this is run: steps of seconds stay in an interval.
off=$((3600 - $(date +%s) % 3600 + 20))
signed() { [ $(($1)) -lt 0 ] && echo $(($1)) || echo +$(($1)); }
step "$(signed $off)" "the right time"
step "$(signed "$off + 10800")" "three hours ahead"
step "$(signed "$off + 10790")" "back by ten seconds"
step "$(signed "$off - 86400")" "back by a day"
step "$(signed "$off + 400 * 86400")" "ahead by more than a year"
step "$(signed $off)" "right again"
collector_stop
is "it ends with 0" $? 0
is "all files are complete and whole" \
    "$(sqlite "SELECT DISTINCT state, damaged_blocks FROM flow_files")|$(sqlite 'SELECT count(*), count(DISTINCT srcport) FROM flows')" \
    "closed|0|600|600"
# Those of the right time are in one file, with late flows, or in two.
is "flows are in the files of their time" "$(sqlite "SELECT round((unixepoch(begin) - unixepoch('now') - $off) / 3600.0), sum(rows)
    FROM flow_files GROUP BY 1")" "-24.0|100
0.0|200
3.0|200
9600.0|100"
is "no loss is made up, no template forgotten" \
    "$(sqlite "SELECT sum(datagrams), sum(flows), sum(lost), sum(no_template), sum(malformed) FROM flow_exporters")" "61|600|0|0|0"
is "clocks that went back are said" "$(grep -c 'the clock went back from' "$work/log")" 2
result
