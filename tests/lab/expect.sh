#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What tshark sees in a capture, as a table for the tests: one line per direction of a
# conversation, tab separated
#
#   proto srcip srcport dstip dstport packets bytes first last
#
# counted on the outermost IP header: bytes are IP octets (header and payload, from the length
# fields, so cut frames count in full), ports are 0 where the protocol has none, first and last are
# seconds since 1970. Later fragments carry no ports and go to the conversation of the first.
#
# usage: tests/lab/expect.sh CAPTURE >tests/data/lab.expected
set -euo pipefail

printf 'proto\tsrcip\tsrcport\tdstip\tdstport\tpackets\tbytes\tfirst\tlast\n'

tshark -n -r "$1" -o ip.defragment:FALSE -o ipv6.defragment:FALSE -o ip.check_checksum:FALSE \
    -Y 'ip or ipv6' -T fields -E occurrence=f -E separator=/t \
    -e frame.time_epoch -e ip.src -e ip.dst -e ip.len -e ip.proto -e ip.id -e ip.frag_offset \
    -e ipv6.src -e ipv6.dst -e ipv6.plen -e ipv6.nxt \
    -e tcp.srcport -e tcp.dstport -e udp.srcport -e udp.dstport \
    -e sctp.srcport -e sctp.dstport -e icmpv6.type 2>/dev/null |
    awk -F'\t' -v OFS='\t' '
    {
        if ($2 != "") { src = $2; dst = $3; bytes = $4; proto = $5 }
        else { src = $8; dst = $9; bytes = $10 + 40; proto = $18 != "" ? 58 : $11 }
        sport = dport = 0
        if ($2 == "" || proto == 6 || proto == 17 || proto == 132) {
            if ($12 != "" && proto == 6) { sport = $12; dport = $13 }
            if ($14 != "" && proto == 17) { sport = $14; dport = $15 }
            if ($16 != "" && proto == 132) { sport = $16; dport = $17 }
        }
        if ($2 != "") {
            id = src " " dst " " proto " " $6
            if ($7 + 0 == 0) ports[id] = sport OFS dport
            else if (id in ports) split(ports[id], p, OFS) && (sport = p[1]) && (dport = p[2])
        }
        key = proto OFS src OFS sport OFS dst OFS dport
        if (!(key in packets)) first[key] = $1
        packets[key]++
        total[key] += bytes
        last[key] = $1
    }
    END { for (k in packets) print k, packets[k], total[k], first[k], last[k] }' |
    LC_ALL=C sort
