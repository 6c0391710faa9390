#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What the reports answer is what answers.py, which has nothing of flowvt, makes of the packets and of the flows; each
# step of the way from a bill to its flows adds up to the row before; all run on stores of every kind.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

export FLOWVT_STORE=$work/store FLOWVT_SITE=$work/site.db
"$probe" -r "$lab" -w "$FLOWVT_STORE" >"$work/log" 2>&1 || exit 1
sqlite3 -batch -bail -cmd ".load $BUILD/flowvt" "$FLOWVT_SITE" '.read schema/site.sql' '.read tests/data/lab.site.sql' &&
    sqlite3 -batch -bail -cmd ".load $BUILD/flowvt" "$FLOWVT_SITE" <queries/update/usage.sql >"$work/log" || exit 1
sqlite "SELECT text FROM flows_csv WHERE columns =
    'tstart, tend, trecv, proto, srcip, srcport, dstip, dstport, tcpflags, tos, packets, bytes'" >"$work/flows.csv"
/usr/bin/python3 tests/e2e/answers.py "$BUILD/flowreport" tests/data/lab.expected "$work/flows.csv" || bad=1

# ---- stores of every kind --------------------------------------------------------------------

mkdir "$work/empty"
"$flowgen" --pcap "$work/v6.pcap" --version 10 --count 3000 --mix --kind v6 --span 7200 --rate 0 >"$work/log" &&
    "$collect" -r "$work/v6.pcap" -w "$work/IPv6" 2>"$work/log" &&
    cp -r "$work/IPv6" "$work/merged" &&
    "$collect" --merge -w "$work/merged" 2>"$work/log" &&
    "$probe" -s 10 -r "$lab" -w "$work/sampled" >"$work/log" 2>&1 || exit 1
captures=$data/export
if [ -d "$captures" ]; then
    "$collect" -r "$captures/sflow-openvswitch-live.pcap" -w "$work/sFlow" 2>"$work/log"
    "$collect" -r "$captures/multiple-sampling-rates-nf9.pcap" -w "$work/rates" 2>"$work/log"
    "$collect" -r "$captures/nat-nf9-nel.pcap" -w "$work/NAT" 2>"$work/log"
    "$collect" -r "$captures/flowtools-nf8-07-src-dst.pcap" -w "$work/aggregated" 2>"$work/log"
    "$collect" -r "$captures/flowtools-nf8-01-as.pcap" -w "$work/systems" 2>"$work/log"
    for report in connections top-connections; do
        is "$report: what has no addresses" \
            "$("$BUILD/flowreport" "$report" --store "$work/systems" --set 1 --format csv | tail -n 1 | tr -d '\r' | cut -d, -f 3-)" ",,,5050,5050,10100"
    done
fi
for file in queries/*.sql queries/alerts/*.sql; do
    echo ".print -- $file"
    sed '/^\./d' "$file"
done >"$work/all.sql"
for store in empty IPv6 merged sampled sFlow rates NAT aggregated; do
    [ -d "$work/$store" ] || continue
    FLOWVT_STORE=$work/$store sqlite3 -batch -bail -cmd ".load $BUILD/flowvt" "$FLOWVT_SITE" <"$work/all.sql" >"$work/out" 2>"$work/err"
    is "all reports, $store: status" $? 0
    is "all reports, $store: nothing is wrong" "$(cat "$work/err")" ""
    [ -s "$work/err" ] && grep -- '^-- ' "$work/out" | tail -n 1
    # Without parameters an empty store has no rows but of totals and quotas; any other has many.
    [ $store = empty ] || is "all reports, $store: most have rows" "$(($(wc -l <"$work/out") > 150))" 1
done
# Any element of top, in any order; each says which there are when it is asked for another one.
elements=$("$BUILD/flowreport" top --by '' 2>&1 | sed 's/.*there are //; s/,//g')
is "top has many elements" "$(($(echo "$elements" | wc -w) > 75))" 1
sed -e '/^\./d' -e '/^SELECT losses(/,$d' queries/top.sql >"$work/top.sql"
for store in store sFlow NAT; do
    [ -d "$work/$store" ] || continue
    for element in $elements; do
        echo ".param set :by \"'$element'\""
        echo ".read $work/top.sql"
    done | FLOWVT_STORE=$work/$store sqlite3 -batch -bail -cmd ".load $BUILD/flowvt" "$FLOWVT_SITE" >"$work/out" 2>"$work/err"
    is "top by any element, $store" "$(cat "$work/err")" ""
    is "top by any element, $store: percentages" \
        "$(awk -F'|' '$3 > 100 || $5 > 100 || $7 > 100' "$work/out")" ""
done
is "top by what there is not" "$("$BUILD/flowreport" top --by mpls1 2>&1 | grep -o 'top: by: mpls1: no such element: there are srcip, dstip, srcport')" \
    "top: by: mpls1: no such element: there are srcip, dstip, srcport"
result
