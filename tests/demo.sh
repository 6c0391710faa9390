#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What `make demo` shows: a capture of a small campus network goes through flowprobe as IPFIX over
# UDP into flowcollect, and the questions one asks of flow data are answered in the stock sqlite3
# shell. The store stays in $BUILD/demo.
#
# usage: BUILD=build tests/demo.sh
set -euo pipefail
cd "$(dirname "$0")/.."
build=${BUILD:-build}
store=$build/demo
capture=tests/data/lab.pcap
port=${PORT:-19995}

say() {
    printf '\n\033[1m%s\033[0m\n' "$*"
}

show() { # COMMAND...
    printf '$ %s\n' "$*"
}

listening() {
    grep -qi ":$(printf '%04X' "$port") " /proc/net/udp /proc/net/udp6 2>/dev/null
}

# The question of a report, how it is asked, its SQL without comments and dot commands, its answer.
report() { # FILE [PARAMETER VALUE]...
    local file=queries/$1 args=(-cmd ".load $build/flowvt") shown="-cmd '.load $build/flowvt'"
    shift
    say "$(sed -n '2s/^-- //p' "$file")"
    while [ $# -gt 0 ]; do
        args+=(-cmd ".param set :$1 \"$2\"")
        case $2 in
        *\'*) shown+=" -cmd \".param set :$1 \\\"$2\\\"\"" ;;
        *) shown+=" -cmd '.param set :$1 $2'" ;;
        esac
        shift 2
    done
    show "sqlite3 $shown < $file"
    sed -e '/^--/d' -e '/^\./d' "$file" | sed -e '/./,$!d'
    FLOWVT_STORE=$store sqlite3 -batch "${args[@]}" :memory: <"$file"
}

[ -t 1 ] || say() { printf '\n%s\n' "$*"; }

rm -rf "$store"
mkdir -p "$store"
while listening; do
    port=$((port + 1))
done

say "A collector listens for NetFlow and IPFIX and writes flow files"
show "$build/flowcollect -b 127.0.0.1 -p $port -w $store &"
"$build/flowcollect" -b 127.0.0.1 -p "$port" -w "$store" &
collector=$!
trap 'kill "$collector" 2>/dev/null || true' EXIT
for _ in $(seq 100); do
    listening && break
    sleep 0.1
done

say "A probe turns the packets of a capture into flows and exports them as IPFIX"
show "$build/flowprobe -r $capture -n 127.0.0.1:$port"
"$build/flowprobe" -r "$capture" -n "127.0.0.1:$port"

sleep 0.5
show "kill $collector    # the collector writes out what it has and closes its file"
kill -TERM "$collector"
wait "$collector"
trap - EXIT

say "The flows can be read with SQL, in the sqlite3 shell that the system has"
show "export FLOWVT_STORE=$store"

# The two slices: ten seconds in the middle of the capture.
first=$(FLOWVT_STORE=$store sqlite3 -batch -cmd ".load $build/flowvt" :memory: \
    "SELECT strftime('%Y-%m-%d %H:%M:%S', min(first), '+30 seconds') || '|'
         || strftime('%Y-%m-%d %H:%M:%S', min(first), '+40 seconds') FROM traffic")

report first-flows.sql
report summary.sql
report slice.sql since "'${first%|*}'" until "'${first#*|}'"
report long.sql n 5
report connections.sql n 5
report top-sources.sql n 5
report top-destinations.sql n 5
report top-talkers.sql n 5
report top-ports.sql n 5
report upload.sql min 100000
report download.sql min 100000
report series.sql bucket 10

say "To carry on"
cat <<EOT
export FLOWVT_STORE=$store
sqlite3 -cmd '.load $build/flowvt'            # then SQL, for instance:
    SELECT * FROM flows WHERE dstport = 22;
    SELECT srcip, sum(bytes) FROM traffic WHERE filter = 'src net 192.168.1.0/24' GROUP BY srcip;
sqlite3 -cmd '.load $build/flowvt' -cmd '.param set :n 3' < queries/top-talkers.sql
$build/flowreport list                        # the usual questions; then any of them:
    $build/flowreport overview
    $build/flowreport top --by dstport --n 5
    $build/flowreport overview --html overview.html
$build/flowprobe -i any -n 127.0.0.1:9995     # as root: your own traffic
$build/flowcollect -w STORE                   # and what keeps it, on ports 9995, 2055, ...
EOT
