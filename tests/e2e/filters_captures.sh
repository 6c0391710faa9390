#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Filters beside nfdump's own answers, on captures of real exporters: tests of every field with values
# that these have sent.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/beside_nfdump.sh
. tests/beside_nfdump.sh

data=../shared/data/export
captures=()
for name in softflowd-nf5-mix softflowd-nf9-mix openvswitch-nf5-live fprobe-nf5-live h3c-nf9-netstream pmacct-nf9-mix; do
    [ -f "$data/$name.pcap" ] && captures+=("$data/$name.pcap")
done
if [ ${#captures[@]} -eq 0 ]; then
    skip "filters on captures" "no $data"
    exit 77
fi
collect_both tests/e2e/replay.py "${captures[@]}"
is "nfdump and flowvt have the same flows" "$(of_flowvt any)" "$(of_nfdump any)"

# COLUMN PATTERN: a filter for some of the values that the column has; %s in the pattern is the value.
with_values() {
    sqlite "SELECT replace('$2', '%s', v) FROM (SELECT v, row_number() OVER (ORDER BY v) n,
        count(*) OVER () of FROM (SELECT DISTINCT $1 v FROM flows WHERE $1 IS NOT NULL))
        WHERE n % max(1, of / 6) = 0"
}
{
    with_values srcip 'src ip %s'
    with_values dstip 'dst host %s'
    with_values srcip 'ip %s'
    with_values srcip 'ip in [%s 10.0.0.1 2001:db8::1]'
    with_values 'ip_net(srcip, 16, 48)' 'src net %s'
    with_values 'ip_net(dstip, 9, 32)' 'net %s'
    with_values proto 'proto %s'
    with_values srcport 'proto tcp and src port %s'
    with_values dstport '(proto tcp or proto udp) and dst port >= %s'
    with_values dstport 'proto udp and port in [%s 53]'
    with_values tcpflags 'proto tcp and flags %s'
    with_values tos 'tos %s'
    with_values packets 'packets > %s'
    with_values packets 'packets = %s'
    with_values bytes 'bytes <= %s'
    with_values bytes 'not bytes > %s and ipv4'
    # Of NetFlow v5, nfdump 1.7.8 keeps no interface 0.
    with_values 'nullif(inif, 0)' 'in if %s'
    with_values 'nullif(outif, 0)' 'out if %s'
    with_values 'cast(bpp AS INTEGER)' 'bpp < %s'
    with_values 'cast(duration * 1000 AS INTEGER)' 'duration > %s'
    printf '%s\n' ipv4 ipv6 'not ipv4' 'proto tcp' 'proto udp or proto icmp' 'flags S and not flags A' \
        'proto tcp and not (port 80 or port 443) or ipv6 and bytes > 1k' 'icmp-type 8' \
        'exporter id > 2' 'not exporter sysid 1'
    sqlite "SELECT DISTINCT 'exporter id ' || sysid FROM flow_exporters"
} | sort -u >"$work/filters"

compared=0 found=0
while read -r filter; do
    knows "$filter" || continue
    ours=$(of_flowvt "$filter") theirs=$(of_nfdump "$filter")
    [ "$ours" = "$theirs" ] || not_ok "$filter" "flowvt: $ours" "nfdump: $theirs"
    compared=$((compared + 1))
    [ "$ours" = '0|0|0' ] || found=$((found + 1))
done <"$work/filters"
is "filters that were compared: more than eighty" "$((compared > 80))" 1
is "of $compared, those that find something: most" "$((found * 4 > compared * 3))" 1
result
