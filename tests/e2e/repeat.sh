#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Datagrams are sent on to other collectors, among them the nfcapd that users have; with the address that
# they came from in networks of the test's own, whose kernel checks our checksums: exporter - collector -
# target, over IPv4 and IPv6.
# shellcheck source=tests/network.sh
. "$(dirname "$0")/../network.sh"
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
nfdump=${NFDUMP:-nfdump} nfcapd=${NFCAPD:-nfcapd}

space() { # NAME: a network of its own; `in_NAME` runs there
    start unshare -n sleep 600
    eval "$1=$!"
    eval "in_$1() { nsenter -n -t $! \"\$@\"; }"
    until_true 10 nsenter -n -t $! true
    sleep 0.1
    nsenter -n -t $! ip link set lo up
}

ip link set lo up
# shellcheck disable=SC2034  # set and read by their names
target='' exporter=''
space exporter
space target
# NET.1 is the collector's end, NET.2 the other.
wire() { # NAME NET
    ip link add "$1" type veth peer name "$1" netns "${!1}"
    ip addr add "10.9.$2.1/24" dev "$1"
    ip addr add "fd00:$2::1/64" dev "$1" nodad
    ip link set "$1" up
    "in_$1" ip addr add "10.9.$2.2/24" dev "$1"
    "in_$1" ip addr add "fd00:$2::2/64" dev "$1" nodad
    "in_$1" ip link set "$1" up
    "in_$1" ip route add default via "10.9.$2.1"
    "in_$1" ip route add default via "fd00:$2::1"
}
wire exporter 1
wire target 2

# shellcheck disable=SC2317  # called by its name
listening_there() { in_target cat /proc/net/udp /proc/net/udp6 | grep -qi ":$(printf '%04X' "$1") "; }
target() { # PORT STORE: a collector in the other network
    mkdir -p "$2"
    start nsenter -n -t "$target" "$collect" -p "$1" -w "$2" 2>"$2.log"
    until_true 10 listening_there "$1"
}
stored() { FLOWVT_STORE=$1 sqlite 'SELECT count(*) FROM flows'; }
# shellcheck disable=SC2317  # called by its name
has() { [ "$(stored "$1")" = "$2" ]; }
exporters() { FLOWVT_STORE=$1 sqlite 'SELECT exporter, count(*) FROM flows GROUP BY 1 ORDER BY 1'; }
send() { # HOST COUNT [OPTION...]
    local host=$1 count=$2
    shift 2
    in_exporter "$flowgen" --count "$count" --rate 4000 "$@" "$host" 9995 >/dev/null
}

theirs=
if have "$nfcapd" && have "$nfdump"; then
    # Before 1.7 the directory was -l.
    directory=-w
    "$nfcapd" -h 2>&1 | grep -q -- '^-w' || directory=-l
    mkdir -p "$work/nf"
    TZ=UTC start nsenter -n -t "$target" "$nfcapd" -p 9997 $directory "$work/nf" -t 3600 >"$work/nfcapd.log" 2>&1
    theirs=$!
    until_true 10 listening_there 9997
else
    skip "repeated to nfcapd" "no nfcapd"
fi

# ---- plain -------------------------------------------------------------------------------------

target 9995 "$work/a"
target 9996 "$work/b"
collector_start "$work/own" -p 9995 -R 10.9.2.2 -R fd00:2::2/9996 -R 10.9.2.2/9997 -R 10.9.2.77/9999 2>"$work/log" || exit 1
send 10.9.1.1 2000
send fd00:1::1 1000
until_true 20 has "$work/a" 3000
until_true 20 has "$work/b" 3000
until_true 20 has "$work/own" 3000
is "each datagram goes to each target" "$(stored "$work/own")|$(exporters "$work/a")|$(exporters "$work/b")" \
    "3000|10.9.2.1|3000|fd00:2::1|3000"
kill -USR1 "$collector"
until_true 10 grep -q 'repeated to 10.9.2.2/9997' "$work/log"
is "USR1: what was sent to each" "$(grep -cE 'repeated to (10.9.2.2|fd00:2::2/9996): datagrams [0-9]+, failed 0' "$work/log")" 2
collector_stop
is "it ends with 0" $? 0

# ---- with the source kept ----------------------------------------------------------------------

# A message of two fragments, and one of an odd length.
cat >"$work/large.py" <<'PY'
import socket, struct, sys
def message(fields, count, domain, sequence):
    template = struct.pack("!HHHH", 2, 8 + 4 * len(fields), 300, len(fields))
    for element, length in fields:
        template += struct.pack("!HH", element, length)
    record = b"".join(bytes(range(length)) for _, length in fields) * count
    data = struct.pack("!HH", 300, 4 + len(record)) + record
    body = template + data
    return struct.pack("!HHIII", 10, 16 + len(body), 1700000000, sequence, domain) + body
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
s = socket.socket(family, socket.SOCK_DGRAM)
s.sendto(message([(8, 4), (12, 4), (1, 4), (2, 4)], 250, 1, 0), (sys.argv[1], 9995))
s.sendto(message([(8, 4), (12, 4), (4, 1)], 1, 2, 0), (sys.argv[1], 9995))
PY
target 8995 "$work/a2"
target 8996 "$work/b2"
collector_start "$work/own2" -p 9995 -A -R 10.9.2.2/8995 -R fd00:2::2/8996 -R 10.9.2.2/9997 2>"$work/log" || exit 1
in_exporter ip addr add 10.9.1.3/24 dev exporter
send 10.9.1.1 2000
send fd00:1::1 1000
in_exporter python3 "$work/large.py" 10.9.1.1
in_exporter python3 "$work/large.py" fd00:1::1
until_true 20 has "$work/a2" 2251
until_true 20 has "$work/b2" 1251
is "-A: IPv4 from where it came" "$(exporters "$work/a2")" "10.9.1.2|2251"
is "-A: IPv6 from where it came" "$(exporters "$work/b2")" "fd00:1::2|1251"
is "-A: checksums are right" "$(in_target cat /proc/net/snmp /proc/net/snmp6 | awk '
    /^Udp6InCsumErrors/ { n += $2 }
    /^Udp:/ && k { n += $k }
    /^Udp:/ { for (i = 2; i <= NF; i++) if ($i == "InCsumErrors") k = i }
    END { print n + 0 }')" 0
kill -USR1 "$collector"
until_true 10 grep -q 'repeated to 10.9.2.2/9997' "$work/log"
is "-A: what cannot keep its source is counted as failed" \
    "$(grep -cE 'repeated to (10.9.2.2/8995|fd00:2::2/8996): datagrams [0-9]+, failed [1-9][0-9]*, the last one: Address family' "$work/log")" 2

# HUP: other targets, in a file; the command line goes first, so that this collector has none there.
collector_stop
printf 'repeat = 10.9.2.2/8995\nkeep-source = yes\n' >"$work/conf"
collector_start "$work/own3" -p 9995 -C "$work/conf" 2>"$work/log" || exit 1
printf 'repeat = fd00:2::2/8996\nkeep-source = yes\n' >"$work/conf"
kill -HUP "$collector"
send fd00:1::1 500
until_true 20 has "$work/b2" 1751
is "HUP: other targets" "$(stored "$work/a2")|$(stored "$work/b2")" "2251|1751"
collector_stop

if [ -n "$theirs" ]; then
    kill -TERM "$theirs" && wait "$theirs"
    is "nfcapd has the same" "$(TZ=UTC "$nfdump" -q -R "$work/nf" -o 'fmt:%ra' 2>/dev/null | tr -d ' ' |
        sort | uniq -c | awk '{ print $2 "|" $1 }')" "10.9.1.2|2251
10.9.2.1|3000"
fi

# ---- what cannot be ----------------------------------------------------------------------------

refused() { # NAME STATUS TEXT OPTION...
    local name=$1 status=$2 text=$3
    shift 3
    timeout 20 "$@" 2>"$work/log"
    is "$name" "$?|$(grep -cF -- "$text" "$work/log")" "$status|1"
}
run=("$collect" -p 9995 -w "$work/no")
refused "itself is no target" 1 'is this collector itself' "${run[@]}" -R 10.9.1.1/9995
refused "a target without a port" 2 'write HOST or HOST/PORT' "${run[@]}" -R 10.9.2.2/
refused "an unknown target" 1 'repeat: no.such.host.invalid' "${run[@]}" -R no.such.host.invalid
refused "nine targets" 2 'more than 8' "${run[@]}" -R a -R a -R a -R a -R a -R a -R a -R a -R a
refused "-A without permission" 1 'be started by root or have CAP_NET_RAW' \
    setpriv --bounding-set -net_raw,-net_admin --inh-caps -net_raw,-net_admin "${run[@]}" -A -R 10.9.2.2
result
