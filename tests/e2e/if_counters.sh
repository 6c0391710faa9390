#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Interface counters from sFlow agents to SQL: captures of real agents, the files merged into those
# of their days, what is pushed down.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

captures=../shared/data/export
[ -d "$captures" ] || { skip "captures of agents" "$captures is not there"; exit 77; }
sql() { # STORE SQL
    sqlite3 -batch -bail -noheader -cmd ".load $BUILD/flowvt" :memory: "${2//STORE/store = \'$1\'}" 2>&1
}

"$collect" -r "$captures/sflow-telegraf-15918.pcap" -w "$work/one" >"$work/log" 2>&1
is "counters as another decoder has them" \
    "$(sql "$work/one" "SELECT exporter, sourceIndex, ifIndex, ifType, ifSpeed, ifOperStatus, ifInOctets, ifInUcastPkts,
        ifInMulticastPkts, ifInBroadcastPkts, ifOutOctets, ifOutUcastPkts, ifOutMulticastPkts, ifOutBroadcastPkts
        FROM if_counters WHERE STORE")" \
    "192.168.227.2|101|101|6|1000000000|1|21286022420858|1153749508|81495048|2502106|8929238553590|3892490465|3753944|1251275"

"$collect" -r "$captures/sflow-over-ipv6-agent-tcpdump.pcap" -w "$work/many" >"$work/log" 2>&1
"$collect" -r "$captures/sflow-openvswitch-live.pcap" -w "$work/many" >"$work/log" 2>&1
all="SELECT time, exporter, odid, ifIndex, ifInOctets, ifOutOctets FROM if_counters WHERE STORE"
before=$(sql "$work/many" "$all ORDER BY 1, 2, 3, 4")
is "all samples of the agents" "$(sql "$work/many" "SELECT count(*) >= 48 + 27, count(DISTINCT exporter)
    FROM if_counters WHERE STORE")" "1|2"
for where in "exporter = '30::1:1:1'" "exporter = '30:0::1:1:1'" "exporter = 'x'" "exporter = 4" \
    "time >= '2020-09-04 04:42:30'" "time < '2020-09-04 04:42:30'" "time = '2020-09-04 04:42:22.951'" \
    "time > '2020'" \
    "time = '2020-09-04 04:42:22.951 ' COLLATE rtrim" "time <= '2026-11-23 09:35'" \
    "time >= '2020-09-04 04:42:30' AND exporter = '30::1:1:1' AND ifIndex > 3"; do
    is "$where" "$(sql "$work/many" "$all AND $where ORDER BY 1, 2, 3, 4")" \
        "$(sql "$work/many" "SELECT * FROM (SELECT +time AS time, +exporter AS exporter, odid, ifIndex, ifInOctets,
            ifOutOctets FROM if_counters WHERE STORE) WHERE $where ORDER BY 1, 2, 3, 4")"
done
is "a window" "$(sql "$work/many" "SELECT count(*) FROM if_counters WHERE STORE AND since = '2020-09-04 04:42:30'
    AND until = '2020-09-05'")" \
    "$(sql "$work/many" "SELECT count(*) FROM if_counters WHERE STORE AND time BETWEEN '2020-09-04 04:42:30' AND '2020-09-05'")"

is "accuracy: flows from the first counters to the last" \
    "$("$BUILD/flowreport" accuracy --store "$work/many" --set 1 --format csv --since 2026-11-23 | grep -c ',1143297,1228176,')" \
    "$(sql "$work/many" "SELECT sum(bytes) = 1228176 FROM traffic
        WHERE STORE AND inif = 2 AND since = '2026-11-23 09:34:50.581' AND until = '2026-11-23 09:35:14.581'")"
"$collect" --merge -w "$work/many" >"$work/log" 2>&1
is "the files are merged" "$(sql "$work/many" "SELECT DISTINCT state FROM flow_files WHERE STORE")" "day"
is "merged files have the same" "$(sql "$work/many" "$all ORDER BY 1, 2, 3, 4")" "$before"
is "nothing is damaged" "$(sql "$work/many" "SELECT sum(damaged_blocks) FROM flow_files WHERE STORE")" "0"
result
