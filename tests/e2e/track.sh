#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# flowprobe -T: what makes a flow. All packets and bytes are there at each level, and no two flows that last as long as
# the capture are alike in what the level looks at.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

track() { # LEVEL CAPTURE: into store LEVEL, with no timeouts before the end
    rm -rf "${work:?}/$1"
    "$probe" -q -r "$2" -T "$1" -t general=1d -t tcp=1d -t tcp.fin=1d -t tcp.rst=1d -t udp=1d -t icmp=1d -t maxlife=2d -w "$work/$1"
}
ask() { # LEVEL SQL
    FLOWVT_STORE=$work/$1 sqlite "$2"
}

for level in full port proto ip vlan ether; do
    track $level "$lab"
    is "-T $level: packets and bytes" "$(ask $level 'SELECT sum(packets), sum(bytes) FROM flows')" "14802|9280061"
done
is "-T port: as -T full" "$(ask port 'SELECT count(*), count(srcport), count(srcvlan) FROM flows')" \
    "$(ask full 'SELECT count(*), count(srcport), count(srcvlan) FROM flows')"
is "-T ip: one flow for each two addresses" "$(ask ip 'SELECT count(*), count(proto), count(srcport), count(icmptype), count(tcpflags) FROM flows')" \
    "$(ask full 'SELECT count(*) FROM (SELECT DISTINCT srcip, dstip FROM flows)')|0|0|0|0"
is "-T proto: and each protocol" "$(ask proto 'SELECT count(*), count(srcport), count(icmptype), count(tcpflags) FROM flows')" \
    "$(ask full 'SELECT count(*) FROM (SELECT DISTINCT srcip, dstip, proto FROM flows)')|0|0|0"
is "-T proto: bytes by protocol are those of -T full" "$(ask proto 'SELECT proto, sum(bytes) FROM flows GROUP BY 1 ORDER BY 1')" \
    "$(ask full 'SELECT proto, sum(bytes) FROM flows GROUP BY 1 ORDER BY 1')"

# Two VLANs with the same addresses and ports in them, and two pairs of MAC addresses in one VLAN: six packets.
/usr/bin/python3 - "$work/vlans.pcap" <<'PY'
import struct, sys
udp = struct.pack(">HHHH", 1000, 2000, 9, 0) + b"x"
ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 29, 0, 0, 64, 17, 0, bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])) + udp
with open(sys.argv[1], "wb") as f:
    f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
    for i, (mac, vlan) in enumerate([(1, 10), (1, 20), (2, 10), (1, 10), (1, 20), (2, 10)]):
        frame = bytes([2, 0, 0, 0, 0, 9]) + bytes([2, 0, 0, 0, 0, mac]) + struct.pack(">HHH", 0x8100, vlan, 0x0800) + ip
        f.write(struct.pack("<IIII", 1700000000 + i, 0, len(frame), len(frame)) + frame)
PY
for level in full vlan ether; do
    track $level "$work/vlans.pcap"
done
is "-T full: one flow" "$(ask full 'SELECT count(*), sum(packets) FROM flows')" "1|6"
is "-T vlan: one for each VLAN" "$(ask vlan 'SELECT srcvlan, packets FROM flows ORDER BY 1')" $'10|4\n20|2'
is "-T ether: and each MAC address" "$(ask ether 'SELECT srcvlan, insrcmac, packets FROM flows ORDER BY 1, 2')" \
    $'10|02:00:00:00:00:01|2\n10|02:00:00:00:00:02|2\n20|02:00:00:00:00:01|2'
for version in 5 9 10; do
    free_port
    collector_start "$work/ip$version" 2>/dev/null || exit 1
    "$probe" -q -r "$lab" -T ip -v $version -n "127.0.0.1:$port" ip
    sleep 0.5
    collector_stop 2>/dev/null
    is "-T ip -v $version: at the collector" "$(ask ip$version 'SELECT sum(packets), sum(bytes), max(proto) FROM flows')" \
        "12787|7645439|$([ $version != 5 ] || echo 0)"
done
"$probe" -r "$lab" -T mac 2>"$work/err"
is "another level is refused" "$? $(cat "$work/err")" "2 flowprobe: -T: 'mac' cannot be: full (or port), proto, ip, vlan or ether"
result
