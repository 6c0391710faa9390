#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# make bench: the same flows through flowvt and through the peers that are installed (nfcapd and
# nfdump; an ordinary SQLite table), in one run. Figures are medians of three; what carries over to
# another machine is the ratio to flowvt in the last column.
#
# usage: BUILD=build FLOWS=1000000 tests/bench/bench.sh
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

flows=${FLOWS:-1000000}
rate=${RATE:-200000}
export FLOWVT_STORE=$work/store

now() { date +%s%N; }

# Median of three, seconds with three decimals, of a command's wall time.
timed() {
    local t=() begin
    for _ in 1 2 3; do
        begin=$(now)
        "$@" >/dev/null 2>&1 || {
            echo failed
            return
        }
        t+=($((($(now) - begin) / 1000)))
    done
    printf '%s\n' "${t[@]}" | sort -n | sed -n 2p | awk '{ printf "%.3f\n", $1 / 1e6 }'
}

line() { # WHAT PEER VALUE OURS
    awk -v what="$1" -v peer="$2" -v v="$3" -v ours="$4" 'BEGIN {
        ratio = v + 0 > 0 && ours + 0 > 0 ? sprintf("%8.2f", v / ours) : "       -"
        printf "%-40s %-14s %10s %s\n", what, peer, v, ratio }'
}

octets() { # DIRECTORY
    find "$1" -type f -printf '%s\n' | awk '{ s += $1 } END { printf "%.0f\n", s }'
}

per_flow() { # OCTETS
    awk -v o="$1" -v n="$flows" 'BEGIN { printf "%.1f\n", o / n }'
}

send() { # to $port, no faster than everybody can take
    "$flowgen" --version 9 --mix --count "$flows" --rate "$rate" --span 3600 127.0.0.1 "$port" >/dev/null
    sleep 2
}

echo "flowvt bench: $flows flows, NetFlow v9, 15 % IPv6, sent at $rate a second over loopback"
free_port
collector_start "$FLOWVT_STORE" -t 86400 2>"$work/log" || exit 1
send
cpu=$(awk '{ print ($14 + $15) / 100 }' "/proc/$collector/stat")
collector_stop
got=$(sqlite 'SELECT count(*) FROM flows')
[ "$got" = "$flows" ] || echo "flowcollect received $got flows"

if have nfcapd && have nfdump; then
    mkdir -p "$work/nf"
    free_port
    start nfcapd -y -p "$port" -l "$work/nf" -t 86400 -B 16000000 >/dev/null 2>&1
    nfcapd=$!
    until_true 10 listening "$port"
    send
    nfcpu=$(awk '{ print ($14 + $15) / 100 }' "/proc/$nfcapd/stat")
    kill -TERM $nfcapd
    wait $nfcapd 2>/dev/null
fi

# The columns that nfcapd keeps, in an ordinary table.
table=$work/table.db
sqlite "ATTACH '$table' AS t" "CREATE TABLE t.flows AS SELECT tstart_ms, tend_ms, trecv_ms, proto,
    srcip, srcport, dstip, dstport, tcpflags, tos, packets, bytes, inif, outif, srcas, dstas, srcmask,
    dstmask, next, exporter FROM flows" 2>"$work/log" || cat "$work/log"

host=$(sqlite 'SELECT dstip FROM traffic GROUP BY dstip ORDER BY sum(flows), dstip LIMIT 1')
in_table() { sqlite3 "$table" "$1"; }

printf '%-40s %-14s %10s %8s\n' "what" "who" "figure" "/flowvt"
ours=$(per_flow "$(octets "$FLOWVT_STORE")")
line "octets a flow on disk" flowvt "$ours" "$ours"
[ -z "${nfcpu:-}" ] || line "" "nfcapd lz4" "$(per_flow "$(octets "$work/nf")")" "$ours"
line "" "SQLite table" "$(per_flow "$(stat -c %s "$table")")" "$ours"

line "CPU seconds to receive" flowvt "$cpu" "$cpu"
[ -z "${nfcpu:-}" ] || line "" nfcapd "$nfcpu" "$cpu"

question() { # NAME SQL-ON-TRAFFIC SQL-ON-A-TABLE NFDUMP-ARGUMENTS...
    local name=$1 ours
    ours=$(timed sqlite "$2")
    line "$name, seconds" flowvt "$ours" "$ours"
    [ -z "${nfcpu:-}" ] || line "" nfdump "$(timed nfdump -q -R "$work/nf" "${@:4}")" "$ours"
    line "" "SQLite table" "$(timed in_table "$3")" "$ours"
}

question "total flows, packets, bytes" \
    'SELECT sum(flows), sum(packets), sum(bytes) FROM traffic' \
    'SELECT count(*), sum(packets), sum(bytes) FROM flows' -s proto/flows
question "top 10 srcip by bytes" \
    'SELECT srcip, sum(bytes) AS b FROM traffic GROUP BY srcip ORDER BY b DESC LIMIT 10' \
    'SELECT srcip, sum(bytes) AS b FROM flows GROUP BY srcip ORDER BY b DESC LIMIT 10' \
    -s srcip/bytes -n 10
question "top 10 dstport by flows" \
    'SELECT dstport, sum(flows) AS f FROM traffic GROUP BY dstport ORDER BY f DESC LIMIT 10' \
    'SELECT dstport, count(*) AS f FROM flows GROUP BY dstport ORDER BY f DESC LIMIT 10' \
    -s dstport/flows -n 10
question "all flows of a rare host" \
    "SELECT * FROM flows WHERE dstip = '$host'" \
    "SELECT * FROM flows WHERE dstip = '$host'" "dst ip $host"
