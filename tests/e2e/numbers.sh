#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Numbers in filters: `count`, a flow's among those of the store, and `exporter id`, which exporters keep over
# restarts of the collector.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

store=$work/store
export FLOWVT_STORE=$store
collect_from() { # VERSION...: thirty flows of an exporter of each, one after the other
    free_port
    collector_start "$FLOWVT_STORE" 2>/dev/null || exit 1
    local v
    for v; do
        "$flowgen" --version "$v" --count 30 127.0.0.1 "$port" >"$work/gen" 2>&1 || not_ok "flowgen" "$(cat "$work/gen")"
        until_true 10 has_version "$v" || not_ok "flows of version $v arrive"
    done
    collector_stop
}
# shellcheck disable=SC2317 # for until_true
has_version() { [ "$(sqlite "SELECT count(*) FROM flow_exporters WHERE version = '${names[$1]}'")" != 0 ]; }
names=([5]=v5 [9]=v9 [10]=ipfix)
# shellcheck disable=SC2317
has_four() { [ "$(numbers | wc -w)" = 4 ]; }
numbers() { sqlite "SELECT group_concat(sysid || '=' || version, ' ') FROM (SELECT DISTINCT sysid, version FROM flow_exporters ORDER BY 1)"; }

collect_from 9 5
is "exporters are numbered as they come" "$(numbers)" "1=v9 2=v5"
collect_from 10 5
is "and keep their numbers" "$(numbers)" "1=v9 2=v5 3=ipfix"

for of in '1 v9' '2 v5' '3 ipfix'; do
    read -r id version <<<"$of"
    is "exporter id $id" "$(sqlite "SELECT count(*), sum(bytes) FROM flows WHERE filter = 'exporter id $id'")" \
        "$(sqlite "SELECT count(*), sum(bytes) FROM flows WHERE version = '$version'")"
done
is "top --by sysid" "$("$BUILD/flowreport" top --by sysid --set 1 --format csv 2>/dev/null | tail -n +2 | cut -d, -f1,2,6 | sort)" \
    "$(sqlite "SELECT CASE version WHEN 'v9' THEN 1 WHEN 'v5' THEN 2 ELSE 3 END || ',' || count(*) || ',' || sum(bytes) FROM flows GROUP BY version" | sort)"
ipfix=$(sqlite "SELECT count(*) FROM flows WHERE version = 'ipfix'")
shell=(sqlite3 -cmd ".load $BUILD/flowvt" :memory:)
is "exporter sysid < 3, in traffic" "$(sqlite "SELECT version FROM traffic WHERE filter = 'exporter sysid < 3' GROUP BY version")" $'v5\nv9'
is "not sysid in [1 2]" "$(sqlite "SELECT DISTINCT version FROM flows WHERE filter = 'not sysid in [1 2]'")" ipfix
is "a number that none has" "$(sqlite "SELECT count(*) FROM flows WHERE filter = 'exporter id 4'")" 0
is "a store that the statement names" \
    "$(env -u FLOWVT_STORE "${shell[@]}" "SELECT count(*) FROM flows WHERE store = '$store' AND filter = 'exporter id 3'")" \
    "$ipfix"
is "a table made for a store" \
    "$(env -u FLOWVT_STORE "${shell[@]}" "CREATE VIRTUAL TABLE temp.mine USING flows(store='$store');
        SELECT count(*) FROM mine WHERE filter = 'exporter id 3'")" "$ipfix"

# The file as a crash, or somebody, may leave it.
printf '4 192.0' >>"$FLOWVT_STORE/.exporters"
free_port
collector_start "$FLOWVT_STORE" -s 10 2>/dev/null || exit 1
"$flowgen" --version 9 --exporters 2 --count 60 127.0.0.1 "$port" >"$work/gen"
until_true 10 has_four
collector_stop
four="1=v9 2=v5 3=ipfix 4=v9"
is "a torn line is passed over" "$(numbers)" "$four"
printf 'x\n4 ::1 1 v9\n70000 ::1 1 v9\n0 - 0 v9\n5 ::1 99999999999 v9\n6 ::1 1 v999999999\n' >>"$FLOWVT_STORE/.exporters"
is "and so are lines that cannot be" "$(numbers)" "$four"

# Numbers of flows: as SELECT without ORDER BY has them.
all=$(sqlite 'SELECT count(*) FROM flows')
is "count <= 5: the first five" "$(sqlite "SELECT group_concat(rowid) FROM (SELECT rowid FROM flows WHERE filter = 'count <= 5')")" \
    "$(FLOWVT_THREADS=1 sqlite 'SELECT group_concat(rowid) FROM (SELECT rowid FROM flows LIMIT 5)')"
third=$((all / 3))
is "stretches add up" "$(sqlite "SELECT (SELECT sum(bytes) FROM flows WHERE filter = 'count <= $third')
    + (SELECT sum(bytes) FROM traffic WHERE filter = 'not count <= $third and count < $((all - 2))')
    + (SELECT sum(bytes_out) FROM endpoints WHERE filter = 'cnt >= $((all - 2))')")" "$(sqlite 'SELECT sum(bytes) FROM flows')"
is "each number once" "$(sqlite "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $all)
    SELECT count(DISTINCT (SELECT rowid FROM flows WHERE filter = 'count ' || i)) FROM n")" "$all"
is "none behind the last" "$(sqlite "SELECT count(*) FROM flows WHERE filter = 'count > $all or count 0'")" 0

# No roll-up of a merged day answers for flows that are numbered.
"$flowgen" --version 9 --kind few --count 20000 --span 3600 --pcap "$work/day.pcap" >/dev/null
export FLOWVT_STORE=$work/day
"$collect" -r "$work/day.pcap" -w "$FLOWVT_STORE" 2>/dev/null && "$collect" -w "$FLOWVT_STORE" --merge >"$work/merge" 2>&1
is "a merged day has roll-ups" "$(sqlite "SELECT count(*) FROM flow_files WHERE rollups <> ''")" 1
is "count in traffic, merged" "$(sqlite "SELECT sum(flows) FROM (SELECT srcip, sum(flows) flows FROM traffic WHERE filter = 'count <= 7' GROUP BY 1)")" 7
is "exporter id, merged" "$(sqlite "SELECT sum(flows) FROM (SELECT srcip, sum(flows) flows FROM traffic WHERE filter = 'exporter id 1' GROUP BY 1)")" 20000

"$probe" -r "$lab" -w "$work/probe" >"$work/log" 2>&1
is "of a probe's own files" "$(sqlite "SELECT count(*) FROM flows WHERE store = '$work/probe' AND filter = 'exporter id 1'")" \
    "$(sqlite "SELECT count(*) FROM flows WHERE store = '$work/probe'")"
result
