#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# IPFIX over TCP: softflowd's, and that of real exporters' captures in segments of odd sizes, comes to the same as
# over UDP. What is no IPFIX is closed and counted, and there are only so many connections.
# shellcheck disable=SC2317 # what until_true calls
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

export FLOWVT_STORE=$work/store
totals='SELECT count(*), sum(raw_bytes), sum(raw_packets) FROM flows'
send() { timeout 60 /usr/bin/python3 tests/e2e/tcp.py "$tcp" "$@"; }
closed() { # N: so many connections, and none is open
    kill -USR1 "$collector"
    sleep 0.2
    grep -q "TCP: connections 0, closed by exporters $1," "$work/log"
}

free_port
http=$port
free_port
tcp=$port # of TCP as well
begin() {
    collector_start "$FLOWVT_STORE" --tcp "$tcp" --metrics "$http" -v 2>"$work/log"
    until_true 10 grep -q "limits:" "$work/log"
}

if have softflowd; then
    begin
    timeout 20 softflowd -d -r "$lab" -v 10 -n "127.0.0.1:$port" >/dev/null 2>&1
    sleep 0.5
    collector_stop
    udp=$(sqlite "$totals")
    rm -rf "$FLOWVT_STORE"
    begin
    timeout 20 softflowd -d -r "$lab" -v 10 -P tcp -n "127.0.0.1:$tcp" >/dev/null 2>&1
    until_true 10 closed 1
    collector_stop
    is "softflowd over TCP: as over UDP" "$(sqlite "$totals")" "$udp"
    is "softflowd over TCP: nothing lost" \
        "$(sqlite 'SELECT sum(lost), sum(no_template), sum(flows) > 0 FROM flow_exporters')" "0|0|1"
    is "softflowd over TCP: by port" "$(sqlite "SELECT port, datagrams, octets > 16 * datagrams, drops, buffer FROM flow_sockets
        WHERE protocol = 'tcp'")" "$tcp|$(sqlite 'SELECT sum(datagrams) FROM flow_exporters')|1|0|"
    rm -rf "$FLOWVT_STORE"
else
    skip "softflowd over TCP" "softflowd is not installed"
fi

if [ -d "$data/export" ]; then
    begin
    send "$data"/export/*.pcap >"$work/sent"
    until_true 10 closed "[1-9][0-9]*"
    collector_stop
    while read -r path; do
        "$collect" -r "$path" --dump 2>/dev/null
    done <"$work/sent" >"$work/dump"
    is "captures of $(wc -l <"$work/sent") exporters over TCP: as over UDP" "$(sqlite "$totals")" \
        "$(awk '{ for (i = 1; i <= NF; i++) if (split($i, f, "=") == 2) sum[f[1]] += f[2] }
            END { printf "%d|%d|%d", NR, sum["bytes"], sum["packets"] }' "$work/dump")"
    is "captures over TCP: nothing malformed" \
        "$(sqlite 'SELECT coalesce(sum(malformed), 0) FROM flow_exporters')" 0
    rm -rf "$FLOWVT_STORE"
else
    skip "captures over TCP" "no captures beside the tree"
fi

begin
is "what is no IPFIX is closed" "$(send garbage)" closed
send half
is "of one address there are 64 connections at most" "$(send crowd)" 6
until_true 10 closed 64
metrics=$(/usr/bin/python3 -c 'import sys, urllib.request
print(urllib.request.urlopen("http://127.0.0.1:%s/metrics" % sys.argv[1]).read().decode())' "$http")
is "in the metrics, too" "$(sed -n 's/^flowvt_tcp_ended_total{how="\(.*\)"}/\1/p' <<<"$metrics" | paste -sd ' ')" \
    'closed 64 broken 1 garbage 1 stalled 0 idle 0 refused 6'
collector_stop
is "they are named" "$(grep -cE 'sent something else than IPFIX|broke off within a message' "$work/log")" 2
is "and counted" "$(grep -c 'broken off 1, no IPFIX 1, stalled 0, idle 0, refused 6' "$work/log" | sed 's/[1-9][0-9]*/some/')" some
is "as malformed, too" "$(sqlite "SELECT sum(malformed) > 0 FROM flow_exporters WHERE version = 'unknown'")" 1
result
