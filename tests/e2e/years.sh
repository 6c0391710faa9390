#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A store of thousands of files: questions about an hour have the same answers with its index as
# without, and with it open no other hour's files. MANY=n for another number of files.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

store=$work/store
export FLOWVT_STORE=$store
"$BUILD/tests/load/manyfiles" "$store" "${MANY:-2000}" 3 || exit 1

index() { # twice: the first one makes a directory in the store
    sleep 2.2
    "$collect" --merge --before 1980-01-01 -w "$store" 2>>"$work/log"
    sleep 2.2
    "$collect" --merge --before 1980-01-01 -w "$store" 2>>"$work/log"
}

# since|until: an hour, midnight, hours with late flows, before and after everything.
windows='2025-01-03 10:00|2025-01-03 11:00
2025-01-03 23:30|2025-01-04 00:30
2025-01-02 08:00|2025-01-02 09:00
2024-12-31 08:00|2024-12-31 09:00
2020-01-01|2020-01-02
2030-01-01|2030-01-02
2024-01-01|2030-01-01'
answers() {
    local since until
    while IFS='|' read -r since until; do
        sqlite "SELECT count(*), sum(bytes), min(tstart), max(trecv) FROM flows
                WHERE since = '$since' AND until = '$until'" \
            "SELECT count(*), sum(flows), sum(bytes) FROM traffic
                WHERE since = '$since' AND until = '$until'" \
            "SELECT count(*), min(path), max(path), sum(bytes) FROM flow_files
                WHERE since = '$since' AND until = '$until'"
    done <<<"$windows"
}

answers >"$work/without"
index
is "the index is there" "$(find "$store/.index" -name files -size +0)" "$store/.index/files"
answers >"$work/with"
same "the answers are the same with an index" "$work/with" "$work/without"
is "a late flow is found" "$(sqlite "SELECT count(*) > 0 FROM flows
    WHERE since = '2024-12-31 08:00' AND until = '2024-12-31 09:00'")" 1

# Flows of the hour in a file of another one, written in place so that the directory does not
# change: who opens that file counts them.
other=$store/2025/01/03/flows.202501032000.fvt
cp "$other" "$work/other"
cat "$store/2025/01/03/flows.202501031000.fvt" >"$other"
ask="SELECT count(*) FROM flows WHERE since = '2025-01-03 10:00' AND until = '2025-01-03 11:00'"
hour=$(sed -n '1s/|.*//p' "$work/with")
is "an hour's question opens no other hour's files" "$(sqlite "$ask")" "$hour"
is "nor does that for both ends of what was received in it" "$(sqlite "SELECT sum(flows_out) FROM endpoints
    WHERE filter = 'received >= 2025-01-03T10:00 and received < 2025-01-03T11:00'")" $((12 * 3))
mv "$store/.index" "$work/index"
is "without an index it does" "$(sqlite "$ask")" $((hour + 3))
mv "$work/index" "$store/.index"
cat "$work/other" >"$other"

# A run of -r that makes many files makes the index, too.
"$flowgen" --count 1200 --begin 1735689600 --span 43199 --pcap "$work/pcap" >/dev/null
"$collect" -r "$work/pcap" -w "$work/read" -t 900 2>>"$work/log"
read_hour() {
    FLOWVT_STORE=$work/read sqlite "SELECT count(*) FROM flows WHERE since = '2025-01-01 10:00' AND until = '2025-01-01 11:00'"
}
hour=$(read_hour)
cat "$work/read/2025/01/01/flows.202501011000.fvt" >"$work/read/2025/01/01/flows.202501010100.fvt"
is "what a capture was read into has an index" "$((hour > 50)) $(read_hour)" "1 $hour"
rm -r "$work/read/.index"
is "without which more files are opened" "$(($(read_hour) > hour))" 1

# Each hour of reception once, in many transactions; then there is nothing to do.
"$BUILD/flowreport" init "$work/site.db" --store "$store" >/dev/null
"$BUILD/flowreport" update --hours 10 --site "$work/site.db" >"$work/updated" 2>&1
is "update counts all of them" "$(sqlite3 "$work/site.db" 'SELECT sum(flows), (SELECT count(*) FROM usage_files) FROM usage_recv')" \
    "$(sqlite 'SELECT count(*) FROM flows')|$(sqlite 'SELECT count(*) FROM flow_files')"
is "and each hour once" "$(grep -c ':00:00\.000' "$work/updated") $(sort -u "$work/updated" | grep -c ':00:00\.000')" \
    "$(sqlite3 "$work/site.db" "SELECT count(*) || ' ' || count(*) FROM usage_recv")"
is "and says nothing when there is nothing to do" "$("$BUILD/flowreport" update --hours 10 --site "$work/site.db" 2>&1)" ""

# Changes count at once, and copies have another inode.
cp "$other" "$store/2025/01/03/flows.202501032001.fvt"
is "a new file counts at once" "$(sqlite "SELECT count(*) FROM flows
    WHERE since = '2025-01-03 20:00' AND until = '2025-01-03 20:05'")" 6
rm "$store/2025/01/03/flows.202501032001.fvt"
cp -a "$store" "$work/copy"
rm "$work/copy"/2025/01/03/*2*.fvt
cp "$store/2025/01/01/flows.202501010000.fvt" "$work/copy/2025/01/02/more.fvt"
touch -r "$store/2025/01/03" "$work/copy/2025/01/03"
touch -r "$store/2025/01/02" "$work/copy/2025/01/02"
FLOWVT_STORE=$work/copy answers >"$work/copied"
rm -r "$work/copy/.index"
FLOWVT_STORE=$work/copy answers >"$work/without"
same "the index of another store is not believed" "$work/copied" "$work/without"
"$collect" --merge -w "$store" 2>>"$work/log"
answers | grep -v '\.fvt' >"$work/after"
grep -v '\.fvt' "$work/with" >"$work/before"
same "the answers are the same when the days are merged" "$work/after" "$work/before"
result
