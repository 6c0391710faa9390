#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A disk that is full or that something else fills, a store that is removed and put back, and a clock that is stepped, all under a
# collector: reception goes on, what was not written is counted, and writing resumes by itself.
if [ "${OWN_MOUNTS:-}" != yes ] && unshare -rm true 2>/dev/null; then
    OWN_MOUNTS=yes exec unshare -rm "$0"
fi
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

store=$work/disk/store
export FLOWVT_STORE=$store
log=$work/log
mkdir "$work/disk"

count() { sqlite 'SELECT count(*) FROM flows'; }
# shellcheck disable=SC2317  # called by until_true
has() { [ "$(count)" = "$1" ]; }
# shellcheck disable=SC2317  # called by until_true
said() { grep -q -- "$1" "$log"; }
# shellcheck disable=SC2317  # called by until_true
said_twice() { [ "$(grep -c -- "$1" "$log")" -ge 2 ]; }
sent=0
send() { # COUNT
    "$flowgen" --count "$1" --first $sent --rate "${2:-20000}" 127.0.0.1 "$port" >/dev/null
    sent=$((sent + $1))
}
not_written() { # of all files
    sed -n 's/.*, not written \([0-9]*\).*/\1/p' "$log" | awk '{ n += $1 } END { print n + 0 }'
}
dropped() { sed -n 's/.*dropped by the socket \([0-9]*\).*/\1/p' "$log" | awk '{ n += $1 } END { print n + 0 }'; }
files_whole() { sqlite "SELECT count(*) FROM flow_files WHERE state <> 'closed' OR damaged_blocks > 0"; }

# ---- a full disk -------------------------------------------------------------------------------

if ! mount -t tmpfs -o size=16m tmpfs "$work/disk" 2>/dev/null; then
    skip "a full disk" "no tmpfs can be mounted"
else
    free_port
    collector_start "$store" -t 2 --limits none --no-merge 2>"$log" || exit 1
    send 1000
    until_true 10 has 1000
    dd if=/dev/zero of="$work/disk/ballast" bs=64k 2>/dev/null
    # More than memory is kept for: rows beyond it are dropped, and counted.
    send 400000 200000
    is "full: it is said" "$(until_true 10 said 'No space left on device' && echo said)" said
    is "full: the store can be read" "$([ "$(count)" -ge 1000 ] && echo yes)" yes
    is "full: it goes on" "$(kill -0 "$collector" && echo yes)" yes
    rm "$work/disk/ballast"
    until_true 30 said 'writing again'
    sleep 1.1
    before=$(count)
    send 1000
    # shellcheck disable=SC2317  # called by until_true
    resumed() { [ "$(count)" -ge $((before + 1000)) ]; }
    is "full: writing resumes" "$(until_true 20 resumed && echo yes)" yes
    collector_stop
    is "full: ends with 0" $? 0
    is "full: each flow was written or is counted" "$(($(count) + $(not_written)))|$(dropped)" "$sent|0"
    is "full: none is there twice" "$(sqlite 'SELECT count(*) - count(DISTINCT srcport + 65536 * dstport) FROM flows')" 0
    is "full: all files are whole" "$(files_whole)" 0
    umount "$work/disk"
fi

# ---- a disk that something else fills --------------------------------------------------------------

expire() { # LIMIT...: files that are left
    "$collect" --expire -w "$store" "$@" 2>"$log"
    find "$store" -name '*.fvt' | wc -l
}
if ! mount -t tmpfs -o size=4m tmpfs "$work/disk" 2>/dev/null; then
    skip "a disk that something else fills" "no tmpfs can be mounted"
else
    "$flowgen" --count 4800 --begin $(($(date +%s) / 86400 * 86400 - 3 * 86400)) --span 86399 --pcap "$work/pcap" >/dev/null
    "$collect" -r "$work/pcap" -w "$store" -t 1800 2>"$log"
    n=$(find "$store" -name '*.fvt' | wc -l)
    is "others: with room, all stays" "$(expire)" "$n"
    dd if=/dev/zero of="$work/disk/ballast" bs=64k 2>/dev/null
    is "others: by default flows do not go for them" "$(expire)|$(grep -c 'it is others that fill the disk' "$log")" "$n|1"
    is "others: nor below their share" "$(expire --limits free=90%,share=50% | awk -v n="$n" '{ print $1 == n }')" 1
    left=$(expire --limits free=90%,share=5%)
    is "others: but down to it" "$((left > 0 && left < n))|$(du -s -B1 "$store" | awk -v used="$(df -B1 --output=used "$work/disk" | tail -n 1)" '{ print $1 < used * 0.08 }')" "1|1"
    is "others: all goes for room that was asked for" "$(expire --limits free=20%)" 0
    umount "$work/disk"
fi

# ---- a store that goes away ----------------------------------------------------------------------

: >"$log"
free_port
collector_start "$store" 2>"$log" || exit 1
send 1000
until_true 10 has 1000
rm -rf "$store"
is "removed: it is said" "$(until_true 10 said "$store.*No such file" && echo said)" said
send 500
is "removed: the flows in it, too" "$(grep -c 'was removed: the flows in it are gone' "$log")" 1
mkdir "$store"
is "put back: it is said" "$(until_true 10 said 'writing again, 500 flows were not written' && echo said)" said
send 1000
is "put back: writing resumes" "$(until_true 10 has 1000 && echo yes)" yes
"$collect" -p "$((port + 1))" -w "$store" 2>"$work/second"
is "put back: it is locked" "$?|$(grep -c 'another program is writing to this store' "$work/second")" "1|1"

# Only what is in it. That the file was removed has been said, so it is not said again.
rm -rf "${store:?}"/*
# shellcheck disable=SC2317  # called by until_true
lets_go() { ! find "/proc/$collector/fd" -lname '*.fvt (deleted)' | grep -q .; }
until_true 10 lets_go
send 300
is "emptied: writing goes on" "$(until_true 10 has 300 && echo yes)" yes

# Somebody else has the one that was put back.
mv "$store" "$work/old"
until_true 10 said_twice "No such file"
one=$collector
port=$((port + 1))
free_port
collector_start "$store" 2>"$work/second" || exit 1
two=$collector
sleep 1.5
collector=$one
is "taken: the other one writes, not this one" "$(find "$store" -name '*.fvt' -o -name cache)|$(kill -0 "$two" && echo runs)" "|runs"
collector_stop
is "taken: this one ends" "$(kill -0 "$two" && echo "the other runs")|$(find "$store" -name cache)" "the other runs|"
collector=$two
collector_stop
is "taken: ends with 0" $? 0

# A lock file that a dead one left, with the same id in it or anything else.
echo $$ >"$store/.lock"
free_port
collector_start "$store" 2>"$log"
is "a lock file that was left is no obstacle" $? 0
kill -9 "$collector"
wait "$collector" 2>/dev/null
collector_start "$store" 2>"$log"
is "nor is a collector that was killed" $? 0
collector_stop

# ---- a clock that is stepped ---------------------------------------------------------------------

# The collector's clock is that of a capture: three hours on, one back by five, on by a day, back by two minutes.
rm -rf "$store"
begin=1700000000
sent=0
: >"$work/pcap"
for step in 0 10800 -7200 79200 79080; do
    "$flowgen" --count 1000 --first $sent --begin $((begin + step)) --span 100 --pcap "$work/part" >/dev/null
    sent=$((sent + 1000))
    if [ -s "$work/pcap" ]; then
        tail -c +25 "$work/part" >>"$work/pcap"
    else
        cp "$work/part" "$work/pcap"
    fi
done
"$collect" -r "$work/pcap" -w "$store" 2>"$log"
is "clock: ends with 0" $? 0
is "clock: a long way back is said" "$(grep -c 'the clock went back from' "$log")" 1
is "clock: each flow is there once" "$(sqlite 'SELECT count(*), count(DISTINCT srcport + 65536 * dstport) FROM flows')" "5000|5000"
is "clock: all files are whole" "$(files_whole)" 0
result
