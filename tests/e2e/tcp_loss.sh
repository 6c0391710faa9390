#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Retransmitted segments and round trips of connections to a host that loses packets, in network namespaces: beside the
# sending kernel's own counter, and tshark.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

if ! have tcpdump || ! have nft || [ "$(id -u)" != 0 ] || ! unshare -n true 2>/dev/null; then
    skip tcp_loss "no root, or no tcpdump, nft or network namespaces"
    exit 77
fi
cat >"$work/line.sh" <<'LINE'
ip link set lo up
unshare -n sleep 60 &
other=$!
sleep 0.3
ip link add near type veth peer name far netns $other
there() { nsenter -t $other -n "$@"; }
ip addr add 192.0.2.1/24 dev near && ip link set near up
there ip addr add 192.0.2.2/24 dev far && there ip link set far up && there ip link set lo up
ethtool -K near tso off gso off gro off >/dev/null 2>&1
there ethtool -K far tso off gso off gro off >/dev/null 2>&1
there nft -f - <<'NFT' || exit 77
table inet lossy {
    chain input {
        type filter hook input priority 0
        tcp dport 5001 numgen random mod 100 < 3 drop
    }
}
NFT
tcpdump -i near -w "$work/near.pcap" -s 96 -B 8192 2>/dev/null &
there /usr/bin/python3 -c '
import socket
s = socket.create_server(("192.0.2.2", 5001))
for i in range(4):
    c = s.accept()[0]
    while c.recv(1 << 16):
        pass
    c.sendall(b"done")
    c.close()' &
sleep 1
/usr/bin/python3 -c '
import socket
for i in range(4):
    c = socket.create_connection(("192.0.2.2", 5001))
    c.sendall(b"x" * 600000)
    c.shutdown(socket.SHUT_WR)
    assert c.recv(10) == b"done"
    c.close()'
sleep 1
awk '/^Tcp:/ && n++ { print $13 }' /proc/net/snmp >"$work/kernel"
kill -INT $(jobs -p) 2>/dev/null
kill $other
wait
LINE
export work
unshare -n bash "$work/line.sh" >"$work/log" 2>&1
[ -s "$work/kernel" ] || {
    skip tcp_loss "$(tail -n 1 "$work/log")"
    exit 77
}
"$probe" -q -r "$work/near.pcap" -w "$work/store" tcp
ask() { # SQL
    FLOWVT_STORE=$work/store sqlite "$1"
}
# They are lost behind the capture: all that is sent again is seen to be.
is "as many segments as the kernel has sent again" "$(ask 'SELECT sum(retransmitted), sum(outoforder) FROM flows WHERE dstport = 5001')" \
    "$(cat "$work/kernel")|0"
is "and there were some" "$(($(cat "$work/kernel") > 10))" 1
if have tshark; then
    tshark -n -r "$work/near.pcap" -Y 'tcp.dstport == 5001 and tcp.analysis.initial_rtt' -T fields -e tcp.srcport -e tcp.analysis.initial_rtt 2>/dev/null |
        awk '!seen[$1]++ { printf "%s|%d\n", $1, $2 * 1e6 + 0.5 }' | sort >"$work/wanted"
    ask 'SELECT srcport, clientlatency + serverlatency FROM flows WHERE dstport = 5001 ORDER BY CAST(srcport AS TEXT)' | sort >"$work/got"
    same "round trips: tshark's" "$work/got" "$work/wanted"
else
    skip "round trips beside tshark" "no tshark"
fi
result
