#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A router in a box: campus hosts on a bridge, a router with and without NAT, servers outside, real
# traffic between them. flowprobe is on the router by netfilter's log, by all interfaces, by both
# and by one; flowcollect beside it. What each host sent and got, counted once, is what the
# netfilter counters of the router and of the host say, to the octet; inif and outif are right.
#
# wan0 is a bridge, too, with a port, so that what is cut on its way out is seen in pieces twice.
#
#   desk 192.168.1.10 --- p10 \                                       / 203.0.113.80
#                              lan0 192.168.1.1 [router] 203.0.113.1 wan0 --- net
#   work 192.168.1.20 --- p20 /                                       \ 2001:db8:2::80
# shellcheck source=tests/network.sh
. "$(dirname "$0")/../network.sh"
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

for command in nft tcpdump /usr/bin/python3; do
    have $command || { skip router "no $command"; exit 77; }
done
# Namespaces are the processes that live in them; `ip netns` would want a file system of its own.
declare -A pid
# shellcheck disable=SC2317 # until_true calls it, here and below
elsewhere() { [ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }
on() { # NAME COMMAND...
    nsenter -t "${pid[$1]}" -n "${@:2}"
}
start_on() { # NAME COMMAND...
    start nsenter -t "${pid[$1]}" -n "${@:2}"
}
space() { # NAME
    start unshare -n sleep 1000
    pid[$1]=$!
    until_true 5 elsewhere $! || exit 1
    on "$1" ip link set lo up
}
link() { # NAME INTERFACE NAME INTERFACE: a cable
    ip link add "$2" netns "${pid[$1]}" type veth peer name "$4" netns "${pid[$3]}"
    on "$1" ip link set "$2" up
    on "$3" ip link set "$4" up
}
talk() { # NAMESPACE ARGUMENT...
    on "$1" timeout 30 /usr/bin/python3 tests/e2e/router_talk.py "${@:2}" || not_ok "talk $*"
}

space router
space desk
space work
space net
on router sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 2>/dev/null
on router sysctl -qew net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0 2>/dev/null
on router ip link add lan0 type bridge forward_delay 0
on router ip link set lan0 up
on router ip addr add 192.168.1.1/24 dev lan0
on router ip addr add 2001:db8:1::1/64 dev lan0 nodad
for host in desk:10 work:20; do
    name=${host%:*} n=${host#*:}
    link router "p$n" "$name" eth0
    on router ip link set "p$n" master lan0
    on "$name" ip addr add "192.168.1.$n/24" dev eth0
    on "$name" ip addr add "2001:db8:1::$n/64" dev eth0 nodad
    on "$name" ip route add default via 192.168.1.1
    on "$name" ip route add default via 2001:db8:1::1
done
link router wanp net eth0
on router ip link add wan0 type bridge forward_delay 0
on router ip link set wanp master wan0
on router ip link set wan0 up
on router ip addr add 203.0.113.1/24 dev wan0
on router ip addr add 2001:db8:2::1/64 dev wan0 nodad
on router ip link set wan0 alias "the world"
on net ip addr add 203.0.113.80/24 dev eth0
on net ip addr add 2001:db8:2::80/64 dev eth0 nodad
on net ip route add 192.168.1.0/24 via 203.0.113.1
on net ip route add default via 2001:db8:2::1

# What is counted by host, on the host itself and where the router forwards; and the rule for
# flowprobe, last.
for host in desk work; do
    on $host nft -f - <<'NFT'
table inet own {
    counter up {}
    counter down {}
    chain o { type filter hook output priority 300; udp dport 7001 accept
              meta oifname "eth0" ip daddr != 192.168.1.0/24 counter name up
              meta oifname "eth0" ip6 daddr 2001:db8:2::/64 counter name up; }
    chain i { type filter hook input priority -300; udp sport 7001 accept
              meta iifname "eth0" ip saddr != 192.168.1.0/24 counter name down
              meta iifname "eth0" ip6 saddr 2001:db8:2::/64 counter name down; }
}
NFT
done
on router nft -f - <<'NFT'
table inet count {
    counter up10 {}
    counter down10 {}
    counter up20 {}
    counter down20 {}
    chain f {
        type filter hook forward priority 0;
        log group 5
        udp sport 7001 accept
        ip frag-off & 0x1fff != 0 accept
        udp dport 7001 accept
        ip saddr 192.168.1.10 counter name up10
        ip daddr 192.168.1.10 counter name down10
        ip saddr 192.168.1.20 counter name up20
        ip daddr 192.168.1.20 counter name down20
        ip6 saddr 2001:db8:1::10 counter name up10
        ip6 daddr 2001:db8:1::10 counter name down10
        ip6 saddr 2001:db8:1::20 counter name up20
        ip6 daddr 2001:db8:1::20 counter name down20
    }
}
NFT
counter() { # NAMESPACE TABLE NAME: packets|bytes
    on "$1" nft list counter inet "$2" "$3" | awk '/packets/ { print $2 "|" $4 }'
}

free_port
store=$work/store
mkdir "$store"
start_on router "$collect" -b 127.0.0.1 -p "$port" -w "$store" 2>"$work/collect.log"
collector=$!
until_true 10 on router grep -qi ":$(printf '%04X' "$port") " /proc/net/udp || exit 1

# The ways to capture, by observation domain (and ten times the phase).
declare -A options=([1]="-i nflog:5" [2]="-i any" [3]="-i lan0 -i wan0" [4]="-i lan0")
ways="1 2 3 4"
name_of() { echo "flowprobe ${options[$1]}"; }
if ! on router timeout 1 "$probe" -q -i nflog:5 2>"$work/log" && [ -s "$work/log" ]; then
    skip "router by nflog" "$(cat "$work/log")"
    ways="2 3 4"
fi
# Beside sysfs of this network, which is where interfaces have their aliases.
there='mount -t sysfs sysfs /sys 2>/dev/null; exec "$@"'
# shellcheck disable=SC2317
capturing() { # any, both directions of each of two, one; and the group of the log
    [ "$(on router cat /proc/net/packet | grep -vc RefCnt)" -ge 6 ] &&
        { [ "${ways#1}" = "$ways" ] || on router grep -q '^ *5 ' /proc/net/netfilter/nfnetlink_log; }
}
# shellcheck disable=SC2317
stored() { # as many flows as the probes say they sent
    [ "$(sqlite "SELECT count(*) FROM flows WHERE odid / 10 = $phase")" = "$(cat "$work/$phase".* |
        awk '/^exported:/ { n += $2 } END { print n }')" ]
}
phase=0
begin() {
    local way
    phase=$((phase + 1)) probes=()
    for way in $ways; do
        # shellcheck disable=SC2086  # options are words
        start_on router unshare -m sh -c "$there" sh "$probe" ${options[$way]} -O $((phase * 10 + way)) \
            -n "127.0.0.1:$port" not udp port "$port" >"$work/$phase.$way" 2>"$work/log.$way"
        probes+=($!)
    done
    until_true 10 capturing || not_ok "probes capture" "$(cat "$work"/log.*)"
    on router nft reset counters >/dev/null
    on desk nft reset counters >/dev/null
    on work nft reset counters >/dev/null
}
end() { # every probe ends well, its books balance
    local p
    sleep 0.3
    kill -TERM "${probes[@]}"
    for p in "${probes[@]}"; do
        wait "$p" || not_ok "phase $phase: a probe ends with 0" "$(cat "$work"/log.* "$work/$phase".*)"
    done
    until_true 10 stored || not_ok "phase $phase: all flows are stored"
}
export FLOWVT_STORE=$store
index() { # NAMESPACE INTERFACE
    on "$1" cat "/proc/net/dev_snmp6/$2" | awk '/ifIndex/ { print $2 }'
}
lan=$(index router lan0)
wan=$(index router wan0)

# Hosts are told by their last number, of either family.
declare -A hosts=([10]="('192.168.1.10', '2001:db8:1::10')" [20]="('192.168.1.20', '2001:db8:1::20')")
total() { # WAY WHERE
    sqlite "SELECT coalesce(sum(packets), 0), coalesce(sum(bytes), 0) FROM flows WHERE odid = $((phase * 10 + $1))
        AND proto <> 58 AND 7001 NOT IN (srcport, dstport) AND $2"
}
check() { # NAME
    local way n up down want ips out back
    for way in $ways; do
        for n in 10 20; do
            ips=${hosts[$n]}
            out="AND inif = $lan AND outif = $wan AND direction = 0"
            back="AND inif = $wan AND outif = $lan AND direction = 0"
            if [ "$way" = 4 ]; then
                out="AND inif = $lan AND outif IS NULL AND direction = 0 AND dstip NOT IN ('192.168.1.1', '192.168.1.20', '192.168.1.10')
                    AND dstip NOT LIKE 'f%'"
                back="AND inif IS NULL AND outif = $lan AND direction = 1 AND srcip <> '192.168.1.1' AND srcip NOT LIKE 'f%'"
            fi
            up=$(counter router count up$n) down=$(counter router count down$n)
            [ "${up%|*}" -gt 20 ] || not_ok "$1: there was traffic of host $n" "$up"
            is "$1: $(name_of "$way"): sent by host $n" "$(total "$way" "srcip IN $ips $out")" "$up"
            is "$1: $(name_of "$way"): received by host $n" "$(total "$way" "dstip IN $ips $back")" "$down"
        done
        # Conntrack puts fragments together before it forwards, which captures do not see.
        want="60|81360|60|81360"
        [ "$way$phase" -lt 12 ] || [ "$way" != 1 ] || want="20|80560|20|80560"
        is "$1: $(name_of "$way"): fragments" "$(sqlite "SELECT sum(iif(dstport = 7001, packets, 0)), sum(iif(dstport = 7001, bytes, 0)),
            sum(iif(srcport = 7001, packets, 0)), sum(iif(srcport = 7001, bytes, 0)) FROM flows
            WHERE odid = $((phase * 10 + way)) AND '192.168.1.20' IN (srcip, dstip)")" "$want"
        [ "$way" = 4 ] || is "$1: $(name_of "$way"): everything that was forwarded has both interfaces" "$(sqlite "
            SELECT srcip, dstip, proto, srcport, dstport, inif, outif, packets FROM flows WHERE odid = $((phase * 10 + way))
            AND (inif IS NULL OR outif IS NULL) AND proto IN (1, 6, 17) AND srcip NOT LIKE '127.%' AND dstip NOT LIKE '203.0.113.1'
            AND srcip NOT IN ('192.168.1.1', '203.0.113.1') AND dstip <> '192.168.1.1' LIMIT 5")" ""
    done
}

# Downloads and uploads over TCP, datagrams with answers (some in fragments), of both families; and
# between the hosts and the router itself.
start_on net /usr/bin/python3 tests/e2e/router_talk.py serve 203.0.113.80 7000 >"$work/s4"
start_on net /usr/bin/python3 tests/e2e/router_talk.py serve 203.0.113.80 7001 >"$work/f4"
start_on net /usr/bin/python3 tests/e2e/router_talk.py serve 2001:db8:2::80 7000 >"$work/s6"
start_on desk /usr/bin/python3 tests/e2e/router_talk.py serve 192.168.1.10 7000 >"$work/d4"
start_on router /usr/bin/python3 tests/e2e/router_talk.py serve 192.168.1.1 7000 >"$work/r4"
mkdir "$work/web" && head -c 700000 /dev/urandom >"$work/web/file"
start_on net /usr/bin/python3 -m http.server --bind 203.0.113.80 -d "$work/web" 80 >/dev/null 2>&1
for s in s4 f4 s6 d4 r4; do
    until_true 10 test -s "$work/$s" || not_ok "server $s"
done
traffic() {
    talk desk tcp 203.0.113.80 7000 3000000 10
    talk desk tcp 203.0.113.80 7000 10 5000000
    talk work tcp 203.0.113.80 7000 400000 400000 &
    local parallel=$!
    talk work tcp 2001:db8:2::80 7000 1000000 2000000
    talk desk tcp 2001:db8:2::80 7000 1000 500000
    talk desk udp 203.0.113.80 7000 200 30
    talk work udp 203.0.113.80 7001 4000 20 # in three fragments
    talk work udp 2001:db8:2::80 7000 600 30
    talk desk tcp 192.168.1.1 7000 100000 100000
    on work timeout 20 /usr/bin/python3 -c 'import urllib.request as u
assert len(u.urlopen("http://203.0.113.80/file").read()) == 700000' || not_ok "the web server answers"
    wait $parallel
}

begin
traffic
end
check "without NAT"

on router nft -f - <<'NFT'
table ip nat {
    chain before { type nat hook prerouting priority dstnat; iifname "wan0" tcp dport 8080 dnat to 192.168.1.10:7000; }
    chain post { type nat hook postrouting priority srcnat; oifname "wan0" masquerade; }
}
NFT
on net ip route del 192.168.1.0/24
begin
traffic
talk net tcp 203.0.113.1 8080 300000 600000
end
check "with NAT"

# The line outside takes no super-packets: they are cut on their way out.
on router ip link set wan0 gso_max_segs 1 gso_max_size 1500
begin
traffic
end
check "with NAT, segmented"

# What hosts counted themselves, once more against the last phase's.
way=2
for host in desk:10 work:20; do
    n=${host#*:}
    ips=${hosts[$n]}
    is "host $n: sent as it counts itself" "$(total $way "srcip IN $ips AND outif = $wan")" "$(counter "${host%:*}" own up)"
    is "host $n: received as it counts itself" "$(total $way "dstip IN $ips AND inif = $wan")" "$(counter "${host%:*}" own down)"
done

# The router's own address outside is what sources are translated to; the log of kernels that put
# conntrack into it says so, too.
for way in 2 3; do
    is "$(name_of $way): sources as they leave" "$(sqlite "SELECT group_concat(DISTINCT natsrcip), count(*) = sum(natsrcport > 0)
        FROM flows WHERE odid = $((20 + way)) AND outif = $wan AND inif = $lan AND ipversion = 4 AND natsrcip IS NOT NULL")" "203.0.113.1|1"
    is "$(name_of $way): a port that is forwarded" "$(sqlite "SELECT srcip, dstip, inif = $wan AND outif = $lan, natsrcip IS NULL
        FROM flows WHERE odid = $((20 + way)) AND dstip = '192.168.1.10' AND dstport = 7000")" "203.0.113.80|192.168.1.10|1|1"
done
is "packets for the router itself came in, its own went out" "$(sqlite "SELECT dstip, inif = $lan, outif, direction
    FROM flows WHERE odid = 22 AND '192.168.1.1' IN (srcip, dstip) AND 7000 IN (srcport, dstport) ORDER BY direction")" \
    "192.168.1.1|1||0
192.168.1.10||$lan|1"
ports=$(for n in 10 20; do index router p$n; done | sort -n | tr '\n' ,)
is "ports of the bridge are known beside it" "$(sqlite "SELECT group_concat(inphysif, ',') || ',' FROM (SELECT DISTINCT inphysif FROM flows
    WHERE odid = 22 AND inif = $lan AND outif = $wan ORDER BY 1)")" "$ports"
mac() { on "$1" cat /proc/net/arp | awk -v ip="$2" '$1 == ip { print $4; exit }'; }
is "addresses of the link layer" "$(sqlite "SELECT DISTINCT insrcmac, outdstmac FROM flows
    WHERE odid = 23 AND srcip = '192.168.1.10' AND outif = $wan")" "$(mac router 192.168.1.10)|$(mac router 203.0.113.80)"
alias="the world"
on router unshare -m sh -c "$there" sh test -s /sys/class/net/wan0/ifalias || alias="" # no sysfs of this network
is "names of interfaces" "$(sqlite "SELECT DISTINCT name, description FROM flow_interfaces WHERE ifindex IN ($lan, $wan) ORDER BY 1")" "lan0|
wan0|$alias"
result
