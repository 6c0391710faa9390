#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# flowprobe -s: one packet in so many is metered, and whoever receives the flows scales them by that, as it was told
# in the header (v5) or in options data (v9, IPFIX).
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

every=10
all=$("$probe" -r "$lab" ip | sed -n 's/^packets: *\([0-9]*\),.*/\1/p')

for method in $every random:$every; do
    for version in 5 9 10; do
        name="-s $method -v $version"
        free_port
        collector_start "$work/$method-$version" 2>/dev/null || exit 1
        "$probe" -r "$lab" -s "$method" -v $version -n "127.0.0.1:$port" ip >"$work/summary"
        sleep 0.5
        collector_stop 2>/dev/null
        metered=$(sed -n 's/^IP: *\([0-9]*\) packets, \([0-9]*\) bytes.*/\1|\2/p' "$work/summary")
        taken=$((all - $(sed -n 's/^sampling: *\([0-9]*\) .*/\1/p' "$work/summary")))
        is "$name: one packet in $every is metered" "$((taken == all / every || taken == (all + every - 1) / every))" 1
        is "$name into flowcollect: scaled" \
            "$(FLOWVT_STORE="$work/$method-$version" sqlite "SELECT sum(raw_packets) || '|' || sum(raw_bytes), sum(packets) / sum(raw_packets),
            sum(bytes) / sum(raw_bytes), min(sampling), max(sampling) FROM flows")" "$metered|$every|$every|$every|$every"

        if ! have nfcapd || ! have nfdump; then
            skip "$name into nfcapd" "no nfcapd or no nfdump"
            continue
        fi
        dir=$work/nfcapd-${method/:/-}-$version
        mkdir -p "$dir"
        free_port
        start nfcapd -p "$port" -l "$dir" -t 3600 >"$work/nfcapd.log" 2>&1
        nfcapd=$!
        until_true 10 listening "$port"
        "$probe" -r "$lab" -s "$method" -v $version -n "127.0.0.1:$port" ip >"$work/summary"
        sleep 0.5
        kill -TERM $nfcapd && wait $nfcapd
        scale=$every
        [ $version = 5 ] || ! nfcapd -V 2>&1 | grep -q '1\.7\.1$' || scale=1 # which scales by the header of v5 alone
        is "$name into nfcapd: scaled" "$(nfdump -q -N -R "$dir" -o 'fmt:%pkt' | awk '{ p += $1 } END { print p }')" \
            "$((scale * $(sed -n 's/^IP: *\([0-9]*\) packets.*/\1/p' "$work/summary")))"
    done
done

"$probe" -r "$lab" -s $every -w "$work/store" ip >"$work/summary"
is "-s $every into a store: scaled" "$(FLOWVT_STORE=$work/store sqlite 'SELECT sum(packets) / sum(raw_packets), max(sampling) FROM flows')" "$every|$every"
is "-s $every into a store: said of it" "$(FLOWVT_STORE=$work/store sqlite "SELECT losses(NULL, NULL, NULL) LIKE 'nothing lost, sampled 1 in $every by 1 of 1: %'")" 1
result
