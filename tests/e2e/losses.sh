#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What was lost, as the tables flow_exporters and flow_sockets and as metrics for Prometheus say it: gaps, octets of
# no protocol, datagrams that the kernel dropped; and all of it added up when the collector is started again.
# shellcheck disable=SC2317  # until_true calls them
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

export FLOWVT_STORE=$work/store
python=/usr/bin/python3

v5() { # FIRST COUNT FROM: datagrams of version 5 with one flow each, numbered from FIRST, from that address
    "$python" - "$port" "$@" <<'PYTHON'
import socket, struct, sys
port, first, count = map(int, sys.argv[1:4])
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
out.bind((sys.argv[4], 0))
for i in range(first, first + count):
    flow = struct.pack("!4s4s4sHHIIIIHHBBBBHHBBH", b"\x0a\0\0\1", b"\x0a\0\0\2", bytes(4), 1, 2, 3, 300, 0, 0, 80, 81,
                       0, 16, 6, 0, 0, 0, 0, 0, 0)
    out.sendto(struct.pack("!HHIIIIBBH", 5, 1, 1000000, 1700000000, 0, i, 0, 0, 0) + flow, ("127.0.0.1", port))
PYTHON
}
garbage() { # FROM OCTETS
    "$python" -c 'import socket, sys
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
out.bind((sys.argv[1], 0))
out.sendto(b"\x77" * int(sys.argv[2]), ("127.0.0.1", int(sys.argv[3])))' "$1" "$2" "$port"
}
flows() { sqlite "SELECT coalesce(sum(flows), 0) FROM flow_exporters"; }
has_flows() { [ "$(flows)" = "$1" ]; }
socket_is() { [ "$(sqlite "SELECT $1 FROM flow_sockets")" = "$2" ]; }

free_port
collector_start "$FLOWVT_STORE" -t 86400 -B 65536 -R 127.0.0.1/9 -R 127.0.0.1/9 --metrics "$port" --metrics-file "$work/metrics.prom" 2>"$work/log" || exit 1
url=http://127.0.0.1:$port/metrics
v5 100 10 127.0.0.2
v5 115 5 127.0.0.2
v5 0 3 127.0.0.3
garbage 127.0.0.4 50
until_true 10 has_flows 18
until_true 10 socket_is 'sum(datagrams)' 19
exporters="SELECT exporter, version, datagrams, flows, packets, bytes, lost, malformed_version, malformed_version_octets
    FROM flow_exporters ORDER BY exporter"
is "by exporter" "$(sqlite "$exporters")" '127.0.0.2|v5|15|15|45|4500|5|0|0
127.0.0.3|v5|3|3|9|900|0|0|0
127.0.0.4|unknown|1|0|0|0|0|1|50'
is "by socket" "$(sqlite 'SELECT address, port, protocol, datagrams, octets, drops, ring_drops, buffer > 0 FROM flow_sockets')" \
    "|$port|udp|19|$((18 * 72 + 50))|0|0|1"

is "in a sentence" "$(sqlite 'SELECT losses(NULL, NULL, NULL)')" \
    "lost 5 of 23 flows (21.74 %), 1 datagrams malformed, not sampled: 18 flows of 3 exporters"
is "in a sentence, of a time without files" "$(sqlite "SELECT losses(NULL, '2000-01-01', NULL)")" \
    "no flows: no file of the store is in that time"

# Prometheus and the tables say the same.
if ! "$python" -c 'import prometheus_client.parser' 2>/dev/null || ! have curl; then
    skip "metrics" "no python3-prometheus-client, or no curl"
else
    metric() { # NAME FILE: the values in the order of the labels
        sed -n "s/^$1{.*} //p" "$2" | paste -sd ' '
    }
    curl -sf "$url" | "$python" tests/e2e/metrics.py >"$work/http" 2>"$work/why"
    is "HTTP: metrics that Prometheus can read" "$(cat "$work/why")" ''
    is "HTTP: flows" "$(metric flowvt_collector_flows_total "$work/http")" '15 3 0'
    is "HTTP: bytes" "$(metric flowvt_collector_bytes_total "$work/http")" '4500 900 0'
    is "HTTP: lost" "$(metric flowvt_sequence_lost_total "$work/http")" '5 0 0'
    is "HTTP: malformed" "$(grep -c '^flowvt_malformed_total{cause=version,exporter=127.0.0.4,odid=0,version=unknown} 1$' "$work/http")" 1
    is "HTTP: their octets" "$(grep -c '^flowvt_malformed_bytes_total{cause=version,exporter=127.0.0.4,.*} 50$' "$work/http")" 1
    is "HTTP: the socket" "$(grep -c "^flowvt_socket_datagrams_total{address=\*,port=$port,protocol=udp} 19\$" "$work/http")" 1
    is "HTTP: size of the file" "$(sed -n 's/^flowvt_file_bytes{} //p' "$work/http")" "$(find "$FLOWVT_STORE" -name '*.fvt' -printf '%s')"
    repeated() { # each datagram went on, or could not: twice
        curl -sf "$url" | "$python" tests/e2e/metrics.py | awk -F'[ {]' \
            '/^flowvt_repeat(ed_datagrams|_failed)_total{target=127.0.0.1\/9}/ { n += $NF } END { exit n != 38 }'
    }
    is "HTTP: what was repeated" "$(until_true 10 repeated; echo $?)" 0
    is "HTTP: nobody was forgotten" "$(grep -c '^flowvt_evicted_[a-z]*_total{} 0$' "$work/http")" 2
    fds=$(find "/proc/$collector/fd" -mindepth 1 | wc -l)
    is "HTTP: open files are counted" "$(awk -v n="$fds" 'index($1, "process_open_fds") == 1 { print ($2 >= n && $2 < n + 4) }' "$work/http")" 1
    # The file was written at the start, and is for the rest what HTTP says.
    "$python" tests/e2e/metrics.py <"$work/metrics.prom" >"$work/file" 2>"$work/why"
    is "file: metrics that Prometheus can read" "$(cat "$work/why")" ''
    is "file: the same ones" "$(grep -v exporter= "$work/file" | cut -d'{' -f1 | sort -u)" "$(grep -v exporter= "$work/http" | cut -d'{' -f1 | sort -u)"
    is "file: nothing beside it" "$(find "$work" -name 'metrics.prom*' | wc -l)" 1
    is "HTTP: another path" "$(curl -s -o "$work/x" -w '%{http_code}' "${url%/metrics}/")" 404
    is "HTTP: another method" "$(curl -s -o "$work/x" -w '%{http_code}' -d x "$url")" 405
    is "HTTP: of this machine alone" "$(awk -v at="$(printf ':%04X' "$port")" '$4 == "0A" && index($2, at) { print $2 }' /proc/net/tcp)" "$(printf '0100007F:%04X' "$port")"
fi

# The kernel drops what does not fit while the collector is held up; the sequence numbers say the same.
kill -STOP "$collector"
v5 3 400 127.0.0.3
kill -CONT "$collector"
dropped() { socket_is 'sum(datagrams + drops)' 419 && socket_is 'sum(drops) > 0' 1; }
is "what the kernel dropped is known without another datagram" "$(until_true 10 dropped; echo $?)" 0
v5 403 1 127.0.0.3
complete() { [ "$(sqlite "SELECT flows + lost FROM flow_exporters WHERE exporter = '127.0.0.3'")" = 404 ]; }
until_true 10 complete
is "the flows that are missing are those that were dropped" \
    "$(sqlite "SELECT lost FROM flow_exporters WHERE exporter = '127.0.0.3'")" "$(sqlite 'SELECT sum(drops) FROM flow_sockets')"

# Started again, twice, once after a kill: the file goes on.
before=$(sqlite "SELECT datagrams, lost FROM flow_exporters WHERE exporter = '127.0.0.2'")
drops=$(sqlite 'SELECT sum(drops) FROM flow_sockets')
kill -9 "$collector"
wait "$collector" 2>/dev/null
is "nothing is forgotten with a kill" "$(sqlite "SELECT datagrams, lost FROM flow_exporters WHERE exporter = '127.0.0.2'")" "$before"
for run in 1 2; do
    n=$(flows)
    collector_start "$FLOWVT_STORE" -t 86400 2>>"$work/log"
    v5 1000 4 127.0.0.2
    until_true 10 has_flows $((n + 4))
    collector_stop
    is "start $run: counters add up" "$(sqlite "SELECT datagrams, lost FROM flow_exporters WHERE exporter = '127.0.0.2'")" "$((15 + 4 * run))|5"
done
is "one file, one row a key" "$(sqlite "SELECT count(*), count(DISTINCT path) FROM flow_exporters")|$(sqlite 'SELECT count(*), sum(drops) FROM flow_sockets')" "3|1|1|$drops"
said=$(grep -o 'flows [0-9]*, packets' "$work/log" | tail -n 1)
is "the line on the log is of the run" "$said" 'flows 4, packets'

"$collect" -p "$port" -w "$work/other" --metrics "127.0.0.1:$port" 2>"$work/first" &
first=$!
pids+=("$first")
until_true 10 grep -qs 'metrics are at' "$work/first"
free_port
"$collect" -p "$port" -w "$work/third" --metrics "127.0.0.1:$((port - 1))" 2>"$work/second"
is "a port that is in use is an error" "$?: $(grep -c -- "--metrics: 127.0.0.1:$((port - 1)): Address already in use" "$work/second")" '1: 1'
for place in x 0 :80 70000 ::1:80 '[::1]' host:80; do
    "$collect" -w "$work/x" --metrics "$place" 2>"$work/why"
    is "--metrics $place is refused" "$?: $(grep -cF -- "'$place': write [ADDRESS:]PORT" "$work/why")" '2: 1'
done
kill -TERM "$first" && wait "$first"
is "it ends with 0" $? 0
result
