#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The lab capture through each route into a store: what `flows` adds up to for every conversation,
# and when it began and ended, is what tshark says (tests/data/lab.expected, by tests/lab/expect.sh).
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

conversations() { # STORE: as in lab.expected, times in ms
    FLOWVT_STORE=$1 sqlite -separator $'\t' "
        SELECT proto, srcip, iif(proto IN (6, 17, 132), srcport, 0),
               dstip, iif(proto IN (6, 17, 132), dstport, 0),
               sum(packets), sum(bytes), min(tstart_ms), max(tend_ms)
        FROM flows GROUP BY 1, 2, 3, 4, 5" | LC_ALL=C sort
}

expected() { # times in ms
    awk -F'\t' -v OFS='\t' '
        function ms(t) { return substr(t, 1, 10) substr(t, 12, 3) }
        NR > 1 { $8 = ms($8); $9 = ms($9); print }' "$1" | LC_ALL=C sort
}

# v5 and v9 times go through the exporter's uptime and its second-grained or ms-grained clock.
near() { # GOT WANTED: as WANTED where both of a line's times are within 2 ms of it
    awk -F'\t' -v OFS='\t' '
        { key = $1 OFS $2 OFS $3 OFS $4 OFS $5 OFS $6 OFS $7 }
        NR == FNR { first[key] = $8; last[key] = $9; next }
        key in first && ($8 - first[key]) ^ 2 <= 4 && ($9 - last[key]) ^ 2 <= 4 {
            $8 = first[key]; $9 = last[key]
        }
        { print }' "$2" "$1"
}

compare() { # ROUTE STORE EXPECTED
    conversations "$2" >"$work/got"
    near "$work/got" "$3" >"$work/near"
    case $1 in
    v5 | v9) same "$1: conversations, packets, bytes and times" "$work/near" "$3" ;;
    *) same "$1: conversations, packets, bytes and times" "$work/got" "$3" ;;
    esac
    is "$1: IP packets and IP bytes" \
        "$(FLOWVT_STORE=$2 sqlite 'SELECT sum(packets), sum(bytes) FROM flows')" \
        "$(awk -F'\t' '{ p += $6; b += $7 } END { print p "|" b }' "$3")"
    is "$1: traffic agrees with flows" \
        "$(FLOWVT_STORE=$2 sqlite 'SELECT sum(flows), sum(packets), sum(bytes) FROM traffic')" \
        "$(FLOWVT_STORE=$2 sqlite 'SELECT sum(flows), sum(packets), sum(bytes) FROM flows')"
}

over_udp() { # VERSION STORE
    free_port
    collector_start "$2" || return 1
    "$probe" -r "$lab" -v "$1" -n "127.0.0.1:$port" >"$work/log" 2>&1
    is "v$1: flowprobe succeeds" $? 0
    sleep 0.3
    collector_stop
    is "v$1: flowcollect ends with 0 on TERM" $? 0
}

expected tests/data/lab.expected >"$work/all"
grep -v : "$work/all" >"$work/v4"

if have tshark; then
    tests/lab/expect.sh "$lab" >"$work/fresh"
    same "lab.expected is what tshark says today" tests/data/lab.expected "$work/fresh"
else
    skip "lab.expected is what tshark says today" "no tshark"
fi

"$probe" -r "$lab" -w "$work/w" >"$work/log" 2>&1
is "-w: flowprobe succeeds" $? 0
compare -w "$work/w" "$work/all"
over_udp 5 "$work/v5" && compare v5 "$work/v5" "$work/v4"
over_udp 9 "$work/v9" && compare v9 "$work/v9" "$work/all"
over_udp 10 "$work/v10" && compare ipfix "$work/v10" "$work/all"
result
