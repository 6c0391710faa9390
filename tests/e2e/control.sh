#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# flowprobe's control socket: each verb does to packets what it says, and the books stay balanced. The packets are
# UDP datagrams on a loopback interface of the test's own, so their number is known.
# shellcheck source=tests/network.sh
. "$(dirname "$0")/../network.sh"
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

ip link set lo up
ctl=$work/ctl
free_port
collector_start "$work/store" || exit 1
export FLOWVT_STORE=$work/store

ask() { "$BUILD/flowprobectl" -c "$ctl" "$@"; }

probe_start() {
    start "$probe" -q -i lo -c "$ctl" -n "127.0.0.1:$port" udp port 7
    running=$!
    until_true 10 ask timeouts >/dev/null 2>&1
}

datagrams() { # FIRST COUNT: one from each of so many source ports
    /usr/bin/python3 - "$1" "$2" <<'PY'
import socket, sys
for port in range(int(sys.argv[1]), int(sys.argv[1]) + int(sys.argv[2])):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.%d.%d.1" % (port >> 8, port & 255), 7777))  # a flow each, and no port that another test has
        s.sendto(b"x" * 72, ("127.0.0.1", 7))
PY
}

value() { # PATH: of the statistics as JSON
    ask statistics json | /usr/bin/python3 -c '
import functools, json, sys
print(functools.reduce(dict.get, sys.argv[1].split("."), json.load(sys.stdin)))' "$1"
}

# shellcheck disable=SC2317  # until_true calls it
packets_are() { [ "$(value packets)" = "$1" ]; } # COUNT

# shellcheck disable=SC2317
flows_are() { [ "$(sqlite 'SELECT count(*) FROM flows')" = "$1" ]; } # COUNT

balanced() { # NAME
    is "$1: every packet is in one place" "$(ask statistics json | /usr/bin/python3 -c '
import json, sys
s = json.load(sys.stdin)
print(s["packets"] - s["ip_packets"] - sum(s["not_metered_packets"].values()),
      s["ip_packets"] - s["again_packets"] - s["flow_packets"] - s["deleted_packets"] - s["table_packets"],
      s["ip_bytes"] - s["again_bytes"] - s["flow_bytes"] - s["deleted_bytes"] - s["table_bytes"],
      sum(s["flows"].values()) - sum(s["flows_ended"].values()))')" "0 0 0 0"
}

probe_start || exit 1
is "the socket is for its user alone" "$(stat -c %A "$ctl")" "srw-------"
datagrams 10000 4000
until_true 10 packets_are 4000
is "flows in the table" "$(value table_flows)" 4000
ask dump-flows >"$work/dump"
is "dump-flows lists each of them, and their packets and bytes" \
    "$(awk '/ udp 127[0-9.]*:7777 > 127.0.0.1:7 / { n++; for (i = 1; i < NF; i++) { if ($i == "packets") p += $(i + 1); if ($i == "bytes") b += $(i + 1) } } END { print n, p, b }' "$work/dump")" \
    "4000 $(value table_packets) $(value table_bytes)"
is "octets of IP in them" "$(value table_bytes)" 400000
balanced "flows in the table"

is "expire-all" "$(ask expire-all)" "4000 flows expired"
is "the table is empty, the flows were forced to end" "$(value table_flows) $(value flows_ended.forced)" "0 4000"
until_true 10 flows_are 4000
is "expired flows are at the collector" "$(sqlite 'SELECT count(*), sum(packets), sum(bytes) FROM flows')" "4000|4000|400000"

datagrams 20000 10
until_true 10 packets_are 4010
is "delete-all" "$(ask delete-all)" "10 flows deleted"
balanced "deleted flows"

ask stop-gather >/dev/null
datagrams 21000 20
until_true 10 packets_are 4030
is "packets that are not gathered are counted" "$(value not_metered_packets.stopped) $(value table_flows)" "20 0"
ask start-gather >/dev/null
datagrams 22000 5
until_true 10 packets_are 4035
is "packets are gathered again" "$(value table_flows)" 5
balanced "gathering stopped for a while"

options_before=$(value exported_options)
ask send-template >/dev/null
ask expire-all >/dev/null
is "send-template sends options data again" "$(($(value exported_options) - options_before))" 4

ask timeouts >"$work/timeouts"
is "timeouts" "$(grep -c -E '^(general|tcp|tcp.rst|tcp.fin|udp|icmp|maxlife|expint) = [0-9]+s$' "$work/timeouts")" 8
ask statistics >"$work/statistics"
is "statistics for people" "$(grep -cE '^(stopped: +20 |deleted: +10 flows, 10 packets, 1000 bytes|packets: +4035,)' "$work/statistics")" 3
if /usr/bin/python3 -c 'import prometheus_client' 2>/dev/null; then
    is "statistics for Prometheus are such" "$(ask statistics prometheus | /usr/bin/python3 -c '
import sys
from prometheus_client.parser import text_string_to_metric_families as parse
for family in parse(sys.stdin.read()):
    for s in family.samples:
        if s.name in ("flowvt_probe_packets_total", "flowvt_probe_flows_total") and s.value:
            print(s.name, s.labels, int(s.value))')" "flowvt_probe_packets_total {} 4035
flowvt_probe_flows_total {'proto': 'udp'} 4005"
else
    skip "statistics for Prometheus" "no python3-prometheus-client"
fi

ask nonsense 2>"$work/err"
is "what is no verb is refused, and named" "$? $(grep -c "'nonsense' cannot be: one of statistics" "$work/err")" "1 1"
"$probe" -q -i lo -c "$ctl" 2>"$work/err"
is "a second flowprobe leaves the socket alone" "$? $(grep -c "$ctl: another flowprobe listens there" "$work/err")" "1 1"
echo precious >"$work/file"
"$probe" -q -i lo -c "$work/file" 2>"$work/err"
is "so it does a file" "$? $(cat "$work/file")" "1 precious"

datagrams 23000 7
until_true 10 packets_are 4042
ask shutdown >/dev/null
wait "$running"
is "shutdown ends with 0, and the socket is gone" "$? $([ -e "$ctl" ] || echo gone)" "0 gone"
until_true 10 flows_are 4012
is "it exported what was in the table" "$(sqlite 'SELECT count(*) FROM flows')" 4012

probe_start
kill -9 "$running"
wait "$running" 2>/dev/null
probe_start
is "a socket left behind is replaced" "$(ask timeouts | head -n 1)" "general = 15s"
datagrams 24000 3
until_true 10 packets_are 3
ask exit >/dev/null
wait "$running"
is "exit ends with 0" $? 0
ask statistics 2>"$work/err"
is "then nobody answers, which is said" "$? $(grep -c 'is there a flowprobe with -c' "$work/err")" "1 1"

collector_stop 2>"$work/log"
is "exit exported nothing" "$(sqlite 'SELECT count(*) FROM flows')" 4012
is "the collector knows what was ignored, not sent and exported" "$(sqlite "
    SELECT max(json_extract(data, '\$.ignoredPacketTotalCount')), max(json_extract(data, '\$.notSentFlowTotalCount')),
    max(json_extract(data, '\$.notSentPacketTotalCount')), max(json_extract(data, '\$.notSentOctetTotalCount')),
    max(json_extract(data, '\$.exportedFlowRecordTotalCount')) FROM flow_options")" "20|10|10|1000|4012"
is "it lost nothing" "$(sqlite 'SELECT sum(lost), sum(no_template), sum(malformed) FROM flow_exporters')" "0|0|0"
result
