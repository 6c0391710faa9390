#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# How flowprobe runs and where it sends: flows dealt out to collectors, times moved to now, one direction alone, in the
# background, as another user.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

all=$("$probe" -r "$lab" | sed -n 's/^IP: *\([0-9]*\) packets, \([0-9]*\) bytes.*/\1|\2/p')

# Two collectors. Each is to think that it has everything: templates, and sequence numbers without gaps.
for version in 9 10; do
    free_port
    collector_start "$work/a$version" 2>/dev/null || exit 1
    a=$collector porta=$port
    free_port
    collector_start "$work/b$version" 2>/dev/null || exit 1
    "$probe" -q -r "$lab" -l -v $version -n "127.0.0.1:$porta,127.0.0.1:$port"
    sleep 0.5
    kill -TERM "$a" && wait "$a" 2>/dev/null
    collector_stop 2>/dev/null
    for store in a b; do
        FLOWVT_STORE=$work/$store$version sqlite 'SELECT sum(packets), sum(bytes), count(*) FROM flows' >"$work/$store"
        is "-l -v $version: collector $store lost nothing" "$(FLOWVT_STORE=$work/$store$version sqlite \
            'SELECT sum(lost), sum(no_template), sum(malformed) FROM flow_exporters')" "0|0|0"
    done
    is "-l -v $version: together they have all" \
        "$(cat "$work/a" "$work/b" | awk -F'|' '{ p += $1; b += $2 } END { print p "|" b }')" "$all"
    is "-l -v $version: each has half of the flows" \
        "$(cat "$work/a" "$work/b" | awk -F'|' 'NR == 1 { n = $3 } NR == 2 { d = n - $3; print (d * d <= 1) }')" 1
done 2>"$work/log"

begin=$(date +%s)
"$probe" -q -r "$lab" -a -w "$work/now"
is "-a: the first packet is of now, and the others move along" "$(FLOWVT_STORE=$work/now sqlite \
    "SELECT min(tstart_ms) / 1000 BETWEEN $begin - 1 AND $begin + 5, max(tend_ms) - min(tstart_ms) FROM flows")" \
    "1|$("$probe" -q -r "$lab" -w "$work/then" && FLOWVT_STORE=$work/then sqlite 'SELECT max(tend_ms) - min(tstart_ms) FROM flows')"

# A packet of the year 13968, by if_tsoffset of pcapng, for which there is no file name.
{
    printf '\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x1c\0\0\0'
    printf '\x01\0\0\0\x24\0\0\0\x01\0\0\0\xff\xff\0\0\x0e\0\x08\0\0\x10\x4e\x1c\x58\0\0\0\0\0\0\0\x24\0\0\0'
    printf '\x06\0\0\0\x4c\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x2a\0\0\0\x2a\0\0\0'
    printf '\0\0\0\0\0\0\0\0\0\0\0\0\x08\0\x45\0\0\x1c\0\x01\0\0\x40\x11\0\0\x0a\0\0\x01\x0a\0\0\x02'
    printf '\x03\xe8\0\x35\0\x08\0\0\0\0\x4c\0\0\0'
} >"$work/far.pcapng"
"$probe" -q -r "$work/far.pcapng" -w "$work/far" 2>"$work/err"
is "-w: what could not be written is told of" "$? $(sed -n '$p' "$work/err")" \
    "1 flowprobe: $work/far: 1 flows could not be written"

if [ "$(id -u)" = 0 ] && [ "$(awk '{ print $3; exit }' /proc/self/uid_map)" -gt 65534 ] && id nobody >/dev/null 2>&1; then
    mkdir "$work/nobody" && chown nobody "$work/nobody" && chmod 755 "$work"
    "$probe" -q -r "$lab" -u nobody -w "$work/nobody"
    is "-u: the store is the user's" "$(find "$work/nobody" -type f -printf '%u\n' | sort -u)" nobody
else
    skip "-u" "takes root"
fi
"$probe" -q -r "$lab" -u no-such-user 2>"$work/err"
is "-u: no such user" "$? $(cat "$work/err")" "1 flowprobe: no-such-user: there is no such user"

send() { # COUNT: datagrams over the loopback interface
    /usr/bin/python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(int(sys.argv[1])):
    s.sendto(b"x", ("127.0.0.1", 7))' "$1"
}
ask() { "$BUILD/flowprobectl" -c "$work/ctl" "$@"; }
# shellcheck disable=SC2317 # until_true calls them
packets_are() { ask statistics | grep -q "^packets: *$1,"; }
# shellcheck disable=SC2317
gone() { ! kill -0 "$1" 2>/dev/null; }

if ! "$probe" -q -D -i lo -c "$work/ctl" -p "$work/pid" -w "$work/in" -Q in udp port 7 2>"$work/err"; then
    skip "-D, -p, -Q" "no capture on lo: $(cat "$work/err")"
    result
fi
pid=$(cat "$work/pid")
pids+=("$pid")
is "-D: it has left for the background, and -p has its id" "$(readlink "/proc/$pid/exe") $(awk '{ print $6 }' "/proc/$pid/stat")" "$(readlink -f "$probe") $pid"
send 5
until_true 10 packets_are 5
is "-D: it is at work" $? 0
ask shutdown >/dev/null
until_true 10 gone "$pid"
is "-D: after its end, the pid file is gone" "$([ -e "$work/pid" ] || echo gone)" gone

# Datagrams from one end of a cable to the other: each end has them in one direction.
cable() { # END DIRECTION: packets metered there
    # shellcheck disable=SC2016
    PATH=$PATH:/usr/sbin:/sbin unshare -rn bash -c '
        ip link add p0 type veth peer name p1 && ip link set p0 up && ip link set p1 up && ip addr add 192.0.2.1/24 dev p0 &&
            ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev p0 || exit
        "$1/flowprobe" -i "$3" -Q "$4" -c "$2/ctl" udp port 7 >"$2/summary" &
        for i in $(seq 100); do "$1/flowprobectl" -c "$2/ctl" timeouts >/dev/null 2>&1 && break; sleep 0.1; done
        for i in 1 2 3 4 5; do echo x >/dev/udp/192.0.2.2/7; done
        sleep 0.5
        "$1/flowprobectl" -c "$2/ctl" shutdown >/dev/null
        wait' cable "$BUILD" "$work" "$1" "$2"
    sed -n 's/^packets: *\([0-9]*\),.*/\1/p' "$work/summary"
}
is "-Q: p0 sends, p1 receives" "$(cable p0 out) $(cable p0 in) $(cable p1 out) $(cable p1 in)" "5 0 0 5"

"$probe" -q -D -i no-such-interface 2>"$work/err"
is "-D: what is wrong at the start is said, and its status is 1" "$? $(grep -c no-such-interface "$work/err")" "1 1"
result
