#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Exporters that send to multicast groups of IPv4 and IPv6, in a network of the test's own.
# shellcheck source=tests/network.sh
. "$(dirname "$0")/../network.sh"
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

start unshare -n sleep 600
exporter=$!
in_exporter() { nsenter -n -t $exporter "$@"; }
until_true 10 in_exporter true
sleep 0.1
for n in 1 2; do
    ip link add "wire$n" type veth peer name "wire$n" netns $exporter
    ip addr add "10.9.$n.1/24" dev "wire$n"
    ip addr add "fd00:$n::1/64" dev "wire$n" nodad
    ip link set "wire$n" up
    in_exporter ip addr add "10.9.$n.2/24" dev "wire$n"
    in_exporter ip addr add "fd00:$n::2/64" dev "wire$n" nodad
    in_exporter ip link set "wire$n" up
done
ip link set lo up
for n in 1 2; do # IPv6 comes some time after the link
    until_true 10 ip -6 route get "fd00:$n::2" >/dev/null 2>&1
    until_true 10 in_exporter ip -6 route get "ff05::9" oif "wire$n" >/dev/null 2>&1
done

cat >"$work/send.py" <<'PY'
import socket, struct, sys
group, interface, count, port = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
index = socket.if_nametoindex(interface)
if ":" in group:
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
else:
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("=4s4si", bytes(4), bytes(4), index))
record = bytes(16) + struct.pack("!IIII", 1, 40, 0, 0) + bytes(16)
for i in range(count):
    s.sendto(struct.pack("!HHIIIIBBH", 5, 1, 1000, 1700000000, 0, i, 0, 0, 0) + record, (group, port))
PY
send() { in_exporter python3 "$work/send.py" "$@" "$port"; }

store=$work/store
export FLOWVT_STORE=$store
# shellcheck disable=SC2317  # called by until_true
has() { [ "$(sqlite 'SELECT count(*) FROM flows')" = "$1" ]; }
free_port
collector_start "$store" -J '239.9.9.9%wire1' -J 'ff05::9%wire1' 2>"$work/log" || exit 1
send 239.9.9.9 wire2 5 # not joined there
send ff05::9 wire2 5
send 239.9.9.8 wire1 5 # nor this one
send 239.9.9.9 wire1 10
send ff05::9 wire1 20
in_exporter "$flowgen" --version 5 --count 29 10.9.1.1 "$port" >/dev/null
until_true 10 has 59
is "groups of both families, on their interface, and what is sent to the host" \
    "$(sqlite 'SELECT exporter, count(*) FROM flows GROUP BY 1 ORDER BY 2 DESC' | sed 's/fe80.*|/link|/; s/fd00:1::2|/link|/')" "10.9.1.2|39
link|20"
collector_stop
is "it ends with 0" $? 0

refused() { # STATUS TEXT OPTION...
    local status=$1 text=$2
    shift 2
    timeout 20 "$collect" -p "$port" -w "$store" "$@" 2>"$work/log"
    is "$*: refused" "$?|$(grep -cF -- "$text" "$work/log")" "$status|1"
}
refused 2 'write a multicast address' -J 10.1.1.1
refused 2 'write a multicast address' -J 'ff05::9%'
refused 1 'there is no interface none' -J '239.9.9.9%none'
refused 2 'leave that out' -J 239.9.9.9 -b 10.9.1.1
result
