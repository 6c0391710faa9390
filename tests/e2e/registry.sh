#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Columns by a registry file, on captures of exporters that send elements of their own.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

captures="ixia-ipfix-ixflow procera-ipfix-bittorrent cisco-avc-ipfix yaf-ipfix-applabel"
for capture in $captures; do
    [ -f "$data/export/$capture.pcap" ] || { skip registry "no $data/export/$capture.pcap"; exit 77; }
    "$collect" -r "$data/export/$capture.pcap" -w "$work/store" 2>/dev/null
done
cat >"$work/store/registry" <<'END'
# element          column       type
3054.121           country      string
3054.126           latitude     float32
15397.1            service      string
tcpSequenceNumber  seqno        unsigned
29305.184          revseqno     unsigned
293                attached     string
END
export FLOWVT_STORE=$work/store
# Of all these the values are those that tshark shows of the captures.
is "a text" "$(sqlite 'SELECT DISTINCT country FROM flows WHERE country IS NOT NULL ORDER BY 1')" "China"
is "a float" "$(sqlite 'SELECT DISTINCT round(latitude, 4) FROM flows WHERE latitude IS NOT NULL')" "23.1167"
is "a text in a condition" "$(sqlite "SELECT count(*) > 0 FROM flows WHERE service = 'BitTorrent KRPC'")" 1
is "the client and the server of Cisco AVC are addresses as others" \
    "$(sqlite "SELECT min(srcip COLLATE ip), min(dstip COLLATE ip), max(srcport), count(dstport) FROM flows WHERE odid = 512")" "10.0.103.3|10.0.103.1||29"
is "IANA names, and the reverse direction" \
    "$(sqlite 'SELECT seqno, revseqno FROM flows WHERE revseqno IS NOT NULL LIMIT 1')" "340533701|3788795034"
is "lists are JSON, and what a list says once is in columns" \
    "$(sqlite "SELECT json_extract(attached, '\$[0].sourceMacAddress') || ' ' || insrcmac || ' ' || indstmac FROM flows
        WHERE attached IS NOT NULL ORDER BY 1 LIMIT 1")" "00:0c:29:70:86:09 00:0c:29:70:86:09 00:0c:29:8d:af:c3"
is "in a filter" "$(sqlite "SELECT count(*) > 0 FROM flows WHERE filter = 'service \"BitTorrent KRPC\" and not country China'")" 1
is "in a filter of totals" "$(sqlite "SELECT sum(flows) FROM traffic WHERE filter = 'seqno > 0'")" \
    "$(sqlite "SELECT count(*) FROM flows WHERE seqno > 0")"
is "in an export" "$(sqlite "SELECT text FROM flows_csv WHERE columns = 'country, latitude' AND filter = 'country China'" | sort -u)" \
    "China,23.11669921875
country,latitude"
is "with numbers in JSON" "$(sqlite "SELECT text FROM flows_ndjson WHERE columns = 'seqno, revseqno' AND filter = 'revseqno > 0'" |
    head -1)" '{"seqno":340533701,"revseqno":3788795034}'
result
