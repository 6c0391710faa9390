#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# flowprobe -b: biflows (RFC 5103) have the packets and bytes of the flows without it, by host and direction, in the
# store, and as flowcollect, nfcapd, nfacctd and tshark read them; and softflowd's -b has the same totals.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

ask() { # STORE SQL
    FLOWVT_STORE=$work/$1 sqlite "$2"
}
# Packets and bytes that each host sent.
sent='SELECT srcip, sum(packets), sum(bytes) FROM (
    SELECT srcip, packets, bytes FROM flows UNION ALL
    SELECT dstip, outpackets, outbytes FROM flows WHERE biflowdir IS NOT NULL) GROUP BY 1 ORDER BY 1'
all='SELECT sum(packets) + ifnull(sum(outpackets), 0), sum(bytes) + ifnull(sum(outbytes), 0) FROM flows'
both="14802|9280061"

"$probe" -q -r "$lab" -w "$work/single"
"$probe" -r "$lab" -b -w "$work/store" >"$work/summary"
ask single "$sent" >"$work/wanted"
ask store "$sent" >"$work/got"
same "-b: each host sent what it sends without" "$work/got" "$work/wanted"
is "-b: the summary has biflows" "$(grep -c "^flows: *$(ask store 'SELECT count(*) FROM flows'): " "$work/summary")" 1
is "-b: most connections are whole" \
    "$(ask store "SELECT count(*), count(biflowdir), max(biflowdir), sum(tcpflags & 2 > 0) FROM flows WHERE proto = 6 AND srcport > 1024 AND dstport = 80")" \
    "$(ask single "SELECT count(*), count(*), 1, count(*) FROM flows WHERE proto = 6 AND srcport > 1024 AND dstport = 80")"
"$BUILD/flowreport" init "$work/site.db" --store "$work/store" && "$BUILD/flowreport" update --settle 0 --site "$work/site.db" >"$work/update"
is "-b: accounting says what it leaves out" "$(awk '/^20/ { print $4, $6 }' "$work/update")" "$(ask store 'SELECT sum(bytes) || " " || sum(outbytes) FROM flows')"
free_port
collector_start "$work/sent" 2>/dev/null || exit 1
"$probe" -q -r "$lab" -b -n "127.0.0.1:$port"
sleep 0.5
collector_stop 2>/dev/null
columns='SELECT srcip, srcport, dstip, dstport, proto, packets, outpackets, bytes, outbytes, tstart, tend, revtstart, revtend, tcpflags,
    revtcpflags, revtos, biflowdir, clientlatency, serverlatency, applatency, retransmitted, outoforder, revretransmitted, revoutoforder
    FROM flows ORDER BY 1, 2, 3, 4, 5, tstart, icmptype, icmpcode'
ask store "$columns" >"$work/wanted"
ask sent "$columns" >"$work/got"
same "-b into flowcollect: as -w has it" "$work/got" "$work/wanted"
is "-b into flowcollect: nothing is left over" "$(ask sent 'SELECT count(extra) FROM flows')" 0

if have softflowd; then
    free_port
    collector_start "$work/softflowd" 2>/dev/null || exit 1
    timeout 60 softflowd -r "$lab" -b -v 10 -n "127.0.0.1:$port" >"$work/log" 2>&1
    sleep 0.5
    collector_stop 2>/dev/null
    is "softflowd -b: packets and bytes" "$(ask softflowd "$all")" "$(ask sent "$all")"
else
    skip "softflowd -b" "no softflowd"
fi

if have nfcapd && have nfdump; then
    mkdir "$work/nfcapd"
    free_port
    start nfcapd -p "$port" -l "$work/nfcapd" -t 3600 >"$work/nfcapd.log" 2>&1
    until_true 10 listening "$port"
    "$probe" -q -r "$lab" -b -n "127.0.0.1:$port"
    sleep 0.5
    kill -TERM $! && wait $!
    is "-b into nfcapd: packets and bytes" \
        "$(nfdump -q -N -R "$work/nfcapd" -o 'fmt:%pkt %opkt %byt %obyt' | awk '{ p += $1 + $2; b += $3 + $4 } END { print p "|" b }')" "$both"
    is "-b into nfcapd: nothing lost, nothing malformed" \
        "$(grep -o 'Sequence Errors: [0-9]*, Bad Packets: [0-9]*' "$work/nfcapd.log")" "Sequence Errors: 0, Bad Packets: 0"
else
    skip "-b into nfcapd" "no nfcapd or no nfdump"
fi

"$probe" -r "$lab" -b -v 9 -n 127.0.0.1:9 2>"$work/err"
is "-b is for IPFIX" "$? $(cat "$work/err")" "2 flowprobe: -b: only IPFIX has both directions in one record: use -v 10"
result
