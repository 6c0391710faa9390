#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# With the programs that users have: softflowd and pmacct's nfprobe export the lab capture to
# flowcollect, flowprobe exports it to nfcapd. Everybody must come to tshark's totals.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

totals() { # PATTERN: flows whose source address matches; packets|bytes
    awk -F'\t' -v want="$1" 'NR > 1 && $2 ~ want { p += $6; b += $7 } END { print p "|" b }' \
        tests/data/lab.expected
}
all=$(totals .)
ipv4=$(totals '^[^:]*$')

into_flowcollect() { # NAME WANTED COMMAND...: PORT in the command is replaced
    local name=$1 wanted=$2
    shift 2
    free_port
    collector_start "$work/$name" || return 1
    timeout 60 "${@//PORT/$port}" >"$work/log" 2>&1
    sleep 0.5
    collector_stop
    is "$name into flowcollect: packets and bytes" \
        "$(FLOWVT_STORE=$work/$name sqlite 'SELECT sum(packets), sum(bytes) FROM flows')" "$wanted"
}

if have softflowd; then
    for version in 1 5 9 10; do
        into_flowcollect softflowd-v$version "$([ $version -le 5 ] && echo "$ipv4" || echo "$all")" \
            softflowd -r "$lab" -v $version -n 127.0.0.1:PORT
    done
else
    skip "softflowd into flowcollect" "no softflowd"
fi

if have pmacctd; then
    for version in 9 10; do
        printf '%s\n' 'daemonize: false' "pcap_savefile: $PWD/$lab" 'plugins: nfprobe' \
            'aggregate: src_host, dst_host, src_port, dst_port, proto, tos' \
            "nfprobe_version: $version" >"$work/pmacctd.conf"
        free_port
        echo "nfprobe_receiver: 127.0.0.1:$port" >>"$work/pmacctd.conf"
        port=$((port - 1)) # into_flowcollect takes the next one
        into_flowcollect pmacct-v$version "$all" pmacctd -f "$work/pmacctd.conf"
    done
else
    skip "pmacct's nfprobe into flowcollect" "no pmacctd"
fi

if have nfcapd && have nfdump; then
    for version in 5 9 10; do
        dir=$work/nfcapd-v$version
        mkdir -p "$dir"
        free_port
        start nfcapd -p "$port" -l "$dir" -t 3600 >"$work/nfcapd.log" 2>&1
        nfcapd=$!
        until_true 10 listening "$port"
        "$probe" -r "$lab" -v $version -n "127.0.0.1:$port" >"$work/log" 2>&1
        sleep 0.5
        kill -TERM $nfcapd && wait $nfcapd
        is "flowprobe -v $version into nfcapd: packets and bytes" \
            "$(nfdump -q -N -R "$dir" -o 'fmt:%pkt %byt' | awk '{ p += $1; b += $2 } END { print p "|" b }')" \
            "$([ $version = 5 ] && echo "$ipv4" || echo "$all")"
        is "flowprobe -v $version into nfcapd: nothing lost, nothing malformed" \
            "$(grep -o 'Sequence Errors: [0-9]*, Bad Packets: [0-9]*' "$work/nfcapd.log")" \
            "Sequence Errors: 0, Bad Packets: 0"
    done
else
    skip "flowprobe into nfcapd" "no nfcapd or no nfdump"
fi
result
