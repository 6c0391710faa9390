#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Structured data (RFC 6313) of a real exporter. tests/data/yaf.pcap is what YAF 2.16.4 with deep packet inspection made of
# three conversations of mix-apps-a-full.pcap; what is expected of them, tshark shows of those.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

"$collect" -r tests/data/yaf.pcap -w "$work/store" 2>"$work/log"
is "nothing is malformed" "$?|$(grep -c malformed.datagram "$work/log")" "0|0"
export FLOWVT_STORE=$work/store
is "all of it is JSON" "$(sqlite 'SELECT count(*), sum(json_valid(extra)) FROM flows')" "3|3"
is "TCP flags and MAC addresses are columns" \
    "$(sqlite "SELECT dstport, tcp_flags(tcpflags), insrcmac FROM flows ORDER BY dstport")" \
    "53||28:37:37:00:6d:c8
80|...AP.SF|9c:58:3c:a7:ee:cc
48260|...A..S.|a4:91:b1:82:34:39"
of() { # PORT KEY: the values in any record that is attached to the flow, however deep
    sqlite "SELECT group_concat(j.value, ' ') FROM flows, json_tree(extra) j WHERE $1 IN (srcport, dstport)
        AND (j.key = '$2' AND j.type <> 'array' OR j.path LIKE '%.\"$2\"')"
}
is "basicList: an HTTP host" "$(of 80 6871.117)" "ocsp.rootg2.amazontrust.com"
is "basicList: two values" "$(of 80 6871.114)" "HTTP/1.1 HTTP/1.1"
is "lists in lists: a certificate's names" "$(of 443 6871.246)" \
    "AnyNet Root CA philandro Software GmbH DE DE philandro Software GmbH AnyNet Relay"
is "lists in lists: the answer of DNS" "$(of 53 6871.179)|$(of 53 sourceIPv4Address)" "whois.dot.tk. whois.dot.tk.|104.155.55.158"
result
