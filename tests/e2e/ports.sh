#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Without -p flowcollect listens on the usual ports, as many of them as are free. In a network of its
# own, where they are.
# shellcheck source=tests/network.sh
. "$(dirname "$0")/../network.sh"
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
ip link set lo up

occupy() { # PORT...: until killed
    start /usr/bin/python3 -c '
import socket, sys, time
held = []
for port in sys.argv[1:]:
    held.append(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM))
    held[-1].bind(("::", int(port)))
time.sleep(60)' "$@"
    until_true 10 listening "${@: -1}"
}

export FLOWVT_STORE=$work/store
start "$collect" -w "$FLOWVT_STORE" 2>"$work/log"
collector=$!
for port in 9995 2055 4739 6343; do
    until_true 10 listening $port
    "$flowgen" --count 100 127.0.0.1 $port >/dev/null
done
collector_stop
is "flows come in on each of the usual ports" "$(sqlite 'SELECT count(*) FROM flows')" 400

occupy 2055
start "$collect" -w "$FLOWVT_STORE" 2>"$work/log"
collector=$!
until_true 10 listening 6343
collector_stop
is "a port in use is named, the others are served" \
    "$(grep -c 'port 2055: Address already in use: not listening there' "$work/log") $(grep -c 'listening on \*' "$work/log")" "1 3"

occupy 9995 4739 6343
"$collect" -w "$FLOWVT_STORE" 2>"$work/log"
is "no port free is an error" "$? $(grep -c 'none of these ports can be had' "$work/log")" "1 1"
"$collect" -w "$FLOWVT_STORE" -p 2055 -p 2056 2>"$work/log"
is "a port that was asked for is an error" "$? $(grep -c 'port 2055: Address already in use' "$work/log")" "1 1"
result
