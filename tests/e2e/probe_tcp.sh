#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# flowprobe -P tcp: IPFIX over TCP into flowcollect; a collector that is away, and comes back with another connection.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

tcp_collector() { # STORE
    start "$collect" -w "$1" -p "$udp" -b 127.0.0.1 --tcp "$port" 2>>"$work/collect.log"
    collector=$!
    until_true 10 tcp_listening
}
# shellcheck disable=SC2317 # called by until_true
tcp_listening() {
    ss -Hltn "sport = :$port" | grep -q .
}
totals() { # STORE
    FLOWVT_STORE=$1 sqlite 'SELECT sum(packets), sum(bytes) FROM flows'
}
# shellcheck disable=SC2317 # called by until_true
all() { # STORE: when all of the capture has come
    [ "$(totals "$1")" = "14802|9280061" ]
}
free_port
udp=$port
free_port
tcp_collector "$work/store" || exit 1
"$probe" -r "$lab" -P tcp -n "127.0.0.1:$port" >"$work/summary"
until_true 10 all "$work/store"
kill -TERM $collector && wait $collector
is "-P tcp: packets and bytes" "$(totals "$work/store")" "14802|9280061"
is "-P tcp: nothing lost, nothing malformed" \
    "$(FLOWVT_STORE=$work/store sqlite 'SELECT sum(lost), sum(malformed), sum(no_template) FROM flow_exporters')" "0|0|0"

# Nobody listens: everything is counted as sent to nobody, and the status is that of a file that was read.
"$probe" -r "$lab" -P tcp -n "127.0.0.1:$port" >"$work/summary" 2>"$work/err"
flows=$(sed -n 's/^flows: *\([0-9]*\):.*/\1/p' "$work/summary")
is "a collector that is away is counted" "$? $(grep -c "$flows flows sent to nobody" "$work/summary") $(grep -c 'cannot send' "$work/err")" "0 1 1"

# A live probe goes on while the collector is away, and the new connection has templates.
if [ "$(id -u)" = 0 ] && have ip && unshare -n true 2>/dev/null; then
    cat >"$work/live.sh" <<'LIVE'
ip link set lo up
"$probe" -i lo -P tcp -n "127.0.0.1:$port" -t udp=1s -t expint=1s 'udp and dst port 9' >"$work/live.summary" 2>"$work/live.err" &
probe_id=$!
say() { /usr/bin/python3 -c "import socket, sys; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x' * int(sys.argv[1]), ('127.0.0.1', 9))" "$1"; }
for i in $(seq 60); do # until one has ended, and was to be sent
    say 10
    sleep 0.5
    ! grep -q 'cannot send' "$work/live.err" || break
done
"$collect" -w "$work/back" -p "$udp" -b 127.0.0.1 --tcp "$port" 2>>"$work/collect.log" &
first=$!
for i in 1 2 3 4 5; do say 20; sleep 1; done
kill -TERM $first; wait $first
"$collect" -w "$work/again" -p "$udp" -b 127.0.0.1 --tcp "$port" 2>>"$work/collect.log" &
second=$!
for i in 1 2 3 4 5; do say 30; sleep 1; done
kill -INT $probe_id; wait $probe_id
sleep 0.5
kill -TERM $second; wait $second
LIVE
    export probe collect port udp work
    unshare -n bash "$work/live.sh"
    is "the collector that came later has flows" \
        "$(FLOWVT_STORE=$work/back sqlite 'SELECT count(*) > 1, min(bytes) >= 38 FROM flows')" "1|1"
    is "and the one after it" "$(FLOWVT_STORE=$work/again sqlite 'SELECT count(*) > 1, max(bytes), sum(bytes IS NULL) FROM flows')" "1|58|0"
    is "which lost nothing of its connection" "$(FLOWVT_STORE=$work/again sqlite 'SELECT sum(lost), sum(no_template) FROM flow_exporters')" "0|0"
    is "what was missed was counted" "$(grep -c 'sent to nobody' "$work/live.summary")" 1
else
    skip "-P tcp, live" "no network namespace"
fi

"$probe" -r "$lab" -P sctp -n 127.0.0.1:9 2>"$work/err"
is "-P sctp is refused" "$? $(cat "$work/err")" "2 flowprobe: -P: 'sctp' cannot be: udp or tcp"
"$probe" -r "$lab" -P tcp -v 9 -n 127.0.0.1:9 2>"$work/err"
is "-P tcp is for IPFIX" "$? $(cat "$work/err")" "2 flowprobe: -P tcp: only IPFIX goes over TCP: use -v 10"
result
