#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Directories of a store as nfcapd's -S has them: files are where strftime() says, readers, index,
# merging and expiry find them in each layout, and in a store that has all of them.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

store=$work/store
begin=1704060000 # 2023-12-31 22:00 UTC: two years, weeks and days
export FLOWVT_STORE=$store TZ=UTC
layouts=('' %Y/%m/%d %Y/%m/%d/%H %Y/%W/%u %Y/%W/%u/%H %Y/%j %Y/%j/%H %Y-%m-%d %Y-%m-%d/%H)

fill() { # LAYOUT
    "$collect" -r "$work/pcap" -w "$store" -t 1800 -S "$1" 2>>"$work/log"
}
count() { sqlite 'SELECT count(*), count(DISTINCT srcport + 65536 * dstport) FROM flows'; }
files() { (cd "$store" && find . -name '*.fvt' -printf '%P\n' | sort); }
expected() { # FORMAT
    local t
    for ((t = begin; t < begin + 4 * 3600; t += 1800)); do
        date -d "@$t" "+${1:+$1/}flows.%Y%m%d%H%M.fvt"
    done | sort
}
days() { # FORMAT: of the days' files
    local format=${1%/%H} t
    for t in $begin $((begin + 7200)); do
        date -d "@$t" "+${format:+$format/}flows.%Y%m%d.fvt"
    done | sort
}

"$flowgen" --count 4000 --begin $begin --span 14399 --pcap "$work/pcap" >/dev/null
# A merge waits for directories to rest, so all have their turn at the same time.
one_layout() { # NUMBER
    store=$work/store$1
    FLOWVT_STORE=$store
    fill "$1"
    is "$1: files are in '${layouts[$1]}'" "$(files)" "$(expected "${layouts[$1]}")"
    "$collect" --merge -w "$store" --before 1971-01-01 2>>"$work/log" # makes the index alone
    is "$1: a window by the index" "$(sqlite "SELECT count(*) > 0 FROM flows WHERE since = '2024-01-01'")|$(count)" "1|4000|4000"
    "$collect" --merge -w "$store" 2>>"$work/log"
    is "$1: days are merged, and what is empty goes" "$(files)|$(cd "$store" && find . -type d -empty)" "$(days "${layouts[$1]}")|"
    is "$1: all flows are there" "$(count)" "4000|4000"
    # Late flows go beside, and into the day's file with the next merge.
    fill "$1"
    is "$1: late flows have names of their own" "$(files | grep -c '\.1\.fvt')|$(sqlite 'SELECT count(*) FROM flows')" "8|8000"
    "$collect" --merge -w "$store" 2>>"$work/log"
    is "$1: and are merged" "$(files)|$(sqlite 'SELECT count(*) FROM flows')" "$(days "${layouts[$1]}")|8000"
    fill "$1"
    "$collect" --expire -w "$store" -e age=1h 2>"$work/expired"
    is "$1: all expires, with the directories" "$(cd "$store" && find . -mindepth 1 ! -path './.*')" ""
}

# Somebody reads all the time while an hour's files are merged: they stay, and count once.
kept_by_a_reader() {
    store=$work/kept_by_a_reader
    FLOWVT_STORE=$store
    fill 2
    sleep 2.1 # directories have rested, so that the index has them
    "$collect" --merge -w "$store" --before 1971-01-01 2>>"$work/log"
    start python3 -c "
import fcntl, os, time
fcntl.flock(os.open('$store', os.O_RDONLY), fcntl.LOCK_SH)
open('$work/locked', 'w')
time.sleep(60)"
    reader=$!
    until_true 10 test -e "$work/locked"
    start "$collect" --merge -w "$store" 2>>"$work/log"
    merge=$!
    while kill -0 $merge 2>/dev/null; do
        count
        find "$store" -name "flows.????????.fvt" -printf "day\n"
        sleep 0.3
    done >"$work/seen"
    wait $merge
    is "files that a reader keeps are not counted twice" "$(sort -u "$work/seen" | tr '\n' ' ')" "4000|4000 day "
    is "nor are they afterwards" "$(files | wc -l)|$(count)" "10|4000|4000"
    kill $reader
    "$collect" --merge -w "$store" 2>>"$work/log"
    is "the next merge removes them" "$(files)|$(count)" "$(days %Y/%m/%d)|4000|4000"
}

# All of them in one store.
mixed() {
    store=$work/mixed
    FLOWVT_STORE=$store
    for i in "${!layouts[@]}"; do
        fill "$i"
    done
    is "mixed: all are read" "$(sqlite 'SELECT count(*) FROM flows')" 36000
    "$collect" --merge -w "$store" 2>>"$work/log"
    is "mixed: a file for each day and place" "$(files)" "$(for f in "${layouts[@]}"; do days "$f"; done | sort -u)"
    is "mixed: all are read, merged" "$(sqlite 'SELECT count(*) FROM flows')" 36000
    mkdir -p "$store/2023/other" "$store/2023/12/30"
    cp "$store/flows.20231231.fvt" "$store/2023/other/"
    cp "$store/flows.20231231.fvt" "$store/2023/12/30/"
    "$collect" --expire -w "$store" -e age=1h 2>>"$work/log"
    is "mixed: what lies elsewhere does not expire" "$(files)" "2023/12/30/flows.20231231.fvt
2023/other/flows.20231231.fvt"
    "$collect" -w "$store" -S 9 2>"$work/log"
    is "there is no layout 9" "$?|$(grep -c 'no number from 0 to 8' "$work/log")" "2|1"
}

for i in "${!layouts[@]}"; do
    one_layout "$i" >"$work/said$i" 2>&1 &
    turns[i]=$!
done
kept_by_a_reader >"$work/said.kept" 2>&1 &
turns+=($!)
mixed >"$work/said.mixed" 2>&1 &
turns+=($!)
wait "${turns[@]}"
cat "$work"/said*
! grep -q '^not ok' "$work"/said* || bad=1
result
