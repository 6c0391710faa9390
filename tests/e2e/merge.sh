#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Merging the files of days that are over: readers see each flow once whatever is merged, killed or
# late meanwhile, and the day's file says what its files said. Numbered flows of two days come out of
# captures. KILLS times a merge is killed at a random moment; SEED=n repeats the moments.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

rounds=${KILLS:-10}
seed=${SEED:-$$}
RANDOM=$seed
store=$work/store
export FLOWVT_STORE=$store
day=1699920000 # 2023-11-14 00:00:00
mkdir "$store"

# Flows FIRST to FIRST + COUNT - 1, received in SPAN seconds from BEGIN on.
fill() { # FIRST COUNT BEGIN SPAN OPTION...
    "$flowgen" --count "$2" --first "$1" --begin "$3" --span "$4" --exporters 2 --pcap "$work/pcap" >/dev/null
    shift 4
    "$collect" -r "$work/pcap" -w "$store" "$@" 2>>"$work/log"
}

merge() {
    "$collect" --merge -w "$store" "$@" 2>>"$work/log"
}

counts() {
    sqlite 'SELECT count(*), count(DISTINCT srcport + 65536 * dstport) FROM flows'
}

# What must not change: counters of the flows, and of the exporters but for those per file.
facts() {
    sqlite 'SELECT count(*), sum(bytes), sum(packets), min(tstart), max(trecv), sum(srcport) FROM flows
        UNION ALL SELECT sum(rows), sum(flows), sum(bytes), min(first), max(last), sum(packets) FROM flow_files
        UNION ALL SELECT exporter, sum(datagrams), sum(flows), sum(packets), sum(bytes), sum(lost)
            FROM flow_exporters GROUP BY exporter'
}

files() {
    find "$store" -name '*.fvt' -printf '%f\n' | sort | tr '\n' ' '
}

# ---- two days, merged once -------------------------------------------------------------------

fill 0 20000 $((day + 3600)) 3599
fill 20000 20000 $((day + 86400)) 7199
facts >"$work/before"
merge --before 2023-11-15
is "merge: ends with 0" $? 0
facts >"$work/after"
same "merge: files, flows and exporters have the same totals" "$work/after" "$work/before"
is "merge: only the day before --before" \
    "$(sqlite 'SELECT state, count(*) FROM flow_files GROUP BY state')" "closed|24
day|1"
is "merge: the day's file is called after it" "$(files | cut -d ' ' -f 1)" flows.20231114.fvt
is "merge: a day's file has the day for its interval" \
    "$(sqlite "SELECT \"begin\", length, rows, damaged_blocks FROM flow_files WHERE state = 'day'")" \
    "2023-11-14 00:00:00.000|86400|20000|0"
merge
is "merge: the other day, too" "$(files)" "flows.20231114.fvt flows.20231115.fvt "
merge
is "merge: again changes nothing" "$(files)" "flows.20231114.fvt flows.20231115.fvt "
facts >"$work/after"
same "merge: all have the same totals" "$work/after" "$work/before"

# ---- late flows ------------------------------------------------------------------------------

fill 40000 1000 $((day + 3600)) 299
is "late flows: are there before they are merged" "$(counts)" "41000|41000"
is "late flows: have a file with a name that is not replaced" "$(files | tr ' ' '\n' | sed -n 2p)" \
    flows.202311140100.1.fvt
merge
is "late flows: are there after they are merged" "$(counts)" "41000|41000"
is "late flows: go into the day's file" "$(files)" "flows.20231114.fvt flows.20231115.fvt "

# The same file again, and one that was put back: the first is data, the second is not.
fill 41000 1000 $((day + 3600)) 299
mkdir "$work/copy"
cp -p "$store"/2023/11/14/flows.202311140100* "$work/copy"
merge
cp -p "$work/copy"/* "$store/2023/11/14/"
is "a replaced file that is there again has no rows of its own" "$(counts)" "42000|42000"
is "a replaced file that is there again is not listed" "$(sqlite 'SELECT count(*) FROM flow_files')" 2
printf 'X' >>"$(find "$store" -name 'flows.20231114????.*fvt' | head -n 1)"
is "another file of that name has" "$(sqlite 'SELECT count(*) FROM flow_files')" 3
rm "$store"/2023/11/14/flows.2023111401*
cp -p "$work/copy"/* "$store/2023/11/14/"
merge
is "merge: removes it" "$(files)" "flows.20231114.fvt flows.20231115.fvt "

# ---- a reader that takes its time ------------------------------------------------------------

fill 42000 20000 $((day + 7200)) 3599
sqlite 'SELECT srcport + 65536 * dstport FROM flows' | { sleep 2; sort -n; } | uniq | wc -l >"$work/slow" &
slow=$!
sleep 0.5
merge & # waits for the reader
merger=$!
wait $slow
wait $merger
is "a reader has every flow once while days are merged" "$(cat "$work/slow")" 62000
merge
is "what a reader kept is removed when it is done" "$(files)" "flows.20231114.fvt flows.20231115.fvt "

# ---- kills -----------------------------------------------------------------------------------

expected=62000
# Flows are added between the rounds only, so every answer must be the same.
readers() {
    while [ -e "$work/reading" ]; do
        counts
    done >"$work/seen.$1"
}
wrong="" killed=0
for ((round = 1; round <= rounds; round++)); do
    fill $expected 4000 $((day + 86400 * (round % 3) + RANDOM % 80000)) 1200 -t 60
    expected=$((expected + 4000))
    touch "$work/reading"
    readers 1 &
    one=$!
    for _ in 1 2 3 4; do
        "$collect" --merge -w "$store" 2>>"$work/log" &
        merger=$!
        sleep "0.$(printf '%03d' $((RANDOM % 250)))"
        kill -9 $merger 2>/dev/null && killed=$((killed + 1))
        wait $merger 2>/dev/null
    done
    rm "$work/reading"
    wait $one
    bad_answers=$(grep -vx "$expected|$expected" "$work/seen.1" | head -n 1)
    [ -z "$bad_answers" ] || wrong+=" round $round: $bad_answers of $expected"
done
is "$rounds rounds of killed merges (SEED=$seed): every answer has every flow once" "$wrong" ""
[ $killed -gt 0 ] && ok "merges were killed ($killed)"
merge
is "after all: each day is one file" "$(files)" "flows.20231114.fvt flows.20231115.fvt flows.20231116.fvt "
is "after all: nothing else is left" "$(find "$store" -name '*.tmp')" ""
is "after all: every flow is there once" "$(counts)" "$expected|$expected"
is "after all: no damage" "$(sqlite 'SELECT sum(damaged_blocks) FROM flow_files')" 0

# ---- beside a collector ----------------------------------------------------------------------

free_port
collector_start "$store" -t 2
start "$flowgen" --count 3000 --rate 1000 --first $expected 127.0.0.1 "$port" >/dev/null
sender=$!
merge
is "merge: works beside a collector" $? 0
wait $sender
sleep 1.2
is "merge: leaves the current day alone" \
    "$(sqlite "SELECT count(*) > 1 FROM flow_files WHERE state IN ('live', 'closed')")" 1
collector_stop
is "merge: the collector has stored everything" "$(counts)" "$((expected + 3000))|$((expected + 3000))"

# ---- damage ----------------------------------------------------------------------------------

expected=$((expected + 3000))
fill $expected 4000 $((day + 86400 * 4)) 1200
broken=$(find "$store" -path '*/18/*.fvt' | head -n 1)
size=$(stat -c %s "$broken")
printf '\377\377\377\377' | dd of="$broken" bs=1 seek=$((size / 2)) conv=notrunc 2>/dev/null
was=$(sqlite "SELECT sum(damaged_blocks) > 0 FROM flow_files WHERE path LIKE '%/18/%'")
merge
is "damage: is still counted when its file was merged" \
    "$was|$(sqlite "SELECT state, damaged_blocks > 0 FROM flow_files WHERE path LIKE '%/18/%'")" "1|day|1"
is "damage: a file that is no flow file is left and named" "$(
    echo nonsense >"$store/2023/11/18/flows.202311180300.fvt"
    merge
    echo $?
    grep -c 'flows.202311180300.fvt: not a flow file' "$work/log"
)" "1
1"

# ---- the command line ------------------------------------------------------------------------

"$collect" --merge -w "$store" --before 2023-02-31 2>"$work/err"
is "a date that is none is said to be none" "$?|$(cat "$work/err")" \
    "2|flowcollect: --before: '2023-02-31' is no date: write YYYY-MM-DD"
"$collect" --merge -w "$work/none" 2>"$work/err"
is "a store that is not there" "$?|$(cat "$work/err")" \
    "1|flowcollect: $work/none/.merge: No such file or directory"
result
