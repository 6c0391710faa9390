#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# flowprobe -k: a flowprobe that is built with nDPI finds the applications that nDPI's own program ndpiReader finds;
# their names go by v9 and IPFIX to flowcollect, nfcapd, nfacctd and tshark, straight into a store, and from there into SQL,
# filters and reports. One that is built without nDPI says so.
# shellcheck source=tests/network.sh
. "$(dirname "$0")/../network.sh"
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

ip link set lo up
if ! "$probe" -V | grep -q nDPI; then
    "$probe" -q -r "$lab" -k -w "$work/none" 2>"$work/err"
    is "without nDPI -k is refused, and it is said what to do" "$? $(cat "$work/err")" \
        "2 flowprobe: -k: this flowprobe was built without nDPI: build it with \`make WITH_NDPI=1\`"
    if [ ! -e /usr/include/ndpi/ndpi_api.h ]; then
        skip "flowprobe -k" "no libndpi-dev"
        result
    fi
    # All but what knows of nDPI is compiled already.
    mkdir "$work/build"
    cp -a "$BUILD/flags" "$BUILD/probe" "$BUILD/collector" "$BUILD/schema" "$work/build/"
    read -r compiler _ <"$BUILD/flags"
    make -s BUILD="$work/build" CC="$compiler" WITH_NDPI=1 "$work/build/flowprobe" >"$work/log" 2>&1 ||
        not_ok "make WITH_NDPI=1" "$(cat "$work/log")"
    probe=$work/build/flowprobe
fi

ask() { # STORE SQL
    FLOWVT_STORE=$work/$1 sqlite "$2"
}

captures=("$lab")
for f in big-web-pcpp-example 6in4-pcpp-packetexamples-ftp ip6-ndpi-quic-23 ip4-options-ipfixprobe-inputs-sip; do
    [ ! -e "$data/traffic/$f.pcap" ] || captures+=("$data/traffic/$f.pcap")
done
if have ndpiReader; then
    is "the applications that ndpiReader finds" \
        "$(python3 tests/e2e/applications.py "$probe" "$BUILD/flowvt" "$work" "${captures[@]}" | sed -E 's/^both ([0-9]+) equal \1 .*/equal/')" equal
else
    skip "beside ndpiReader" "no ndpiReader"
fi

"$probe" -r "$lab" -k -w "$work/direct" >"$work/summary"
connections='SELECT DISTINCT proto, min(srcip, dstip), max(srcip, dstip), min(ifnull(srcport, 0), ifnull(dstport, 0)), app, appid
    FROM flows ORDER BY 1, 2, 3, 4, 5'
ask direct "$connections" >"$work/wanted"
is "all flows have one" "$(ask direct 'SELECT count(*) = count(app) FROM flows')" 1
is "by what is said, not by the port" \
    "$(ask direct "SELECT group_concat(x) FROM (SELECT app || ' ' || count(*) AS x FROM flows WHERE app IN ('HTTP', 'DNS', 'SSH') AND dstport IN (80, 53, 22) GROUP BY app)")" \
    "$(ask direct "SELECT group_concat(x) FROM (SELECT CASE dstport WHEN 80 THEN 'HTTP' WHEN 53 THEN 'DNS' ELSE 'SSH' END || ' ' || count(*) AS x FROM flows WHERE dstport IN (80, 53, 22) AND app <> 'Unknown' GROUP BY dstport ORDER BY 1)")"
is "the summary counts what nDPI looked at" "$(grep -cE '^(looked at: [1-9][0-9]* packets of [1-9][0-9]* connections|largest: +HTTP [0-9]+ bytes)' "$work/summary")" 2

# By v9 and IPFIX, to those that read them.
# shellcheck disable=SC2016  # it is awk's
totals='NF == 3 { n[$1 "|" $2] += $3 } END { for (k in n) print k "|" n[k] }'
ask direct "SELECT replace(appid, ':', '..'), app || '/' || app, sum(bytes) FROM flows GROUP BY 1 ORDER BY 1" | sort >"$work/names"
for version in 9 10; do
    free_port
    collector_start "$work/sent$version" 2>/dev/null || exit 1
    "$probe" -q -r "$lab" -k -v $version -n "127.0.0.1:$port"
    sleep 0.3
    collector_stop 2>/dev/null
    ask sent$version "$connections" >"$work/got"
    same "-v $version into flowcollect: as -w has it" "$work/got" "$work/wanted"
    is "-v $version: nothing is left over, nothing is lost" \
        "$(ask sent$version 'SELECT count(extra), (SELECT sum(lost + no_template + malformed) FROM flow_exporters) FROM flows')" "0|0"
done
if have tshark; then
    /usr/bin/python3 - "$work/export.pcap" "$probe" "$lab" <<'PY'
import socket, struct, subprocess, sys
out, probe, lab = sys.argv[1:]
with open(out, "wb") as f:
    f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))
    for port, version in (4739, "10"), (9995, "9"):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
            s.bind(("127.0.0.1", 0))
            subprocess.run([probe, "-q", "-r", lab, "-k", "-v", version, "-n", "127.0.0.1:%d" % s.getsockname()[1]], check=True)
            s.settimeout(0.2)
            try:
                while data := s.recv(2000):
                    head = struct.pack(">BBHHHBBH4s4sHHHH", 0x45, 0, 28 + len(data), 0, 0, 64, 17, 0, bytes([192, 0, 2, 9]),
                                       bytes([192, 0, 2, 10]), port, port, 8 + len(data), 0)
                    f.write(struct.pack("<IIII", 1700000001, 0, 28 + len(data), 28 + len(data)) + head + data)
            except TimeoutError:
                pass
PY
    tshark -r "$work/export.pcap" -d udp.port==4739,cflow -d udp.port==9995,cflow -V >"$work/tshark" 2>/dev/null
    is "tshark finds nothing malformed, and the engine by its name" \
        "$(grep -ci malformed "$work/tshark") $([ "$(grep -c 'ntop nDPI (22)' "$work/tshark")" -gt 2286 ] && echo named)" "0 named"
else
    skip "-k read by tshark" "no tshark"
fi
# nfcapd 1.7.1 has the octets of an id in IPFIX in reverse.
if have nfcapd && have nfdump; then
    free_port
    mkdir "$work/nfcapd"
    start nfcapd -p "$port" -l "$work/nfcapd" -t 3600 >"$work/log" 2>&1
    until_true 10 listening "$port"
    "$probe" -q -r "$lab" -k -v 9 -n "127.0.0.1:$port"
    sleep 0.3
    kill -TERM $! && wait $!
    nfdump -q -N -R "$work/nfcapd" -o 'fmt:%nbid|%nbnam|%byt' | tr -d ' ' | awk -F'|' "$totals" | sort >"$work/got"
    same "-v 9 into nfcapd: ids, names and bytes" "$work/got" "$work/names"
else
    skip "-v 9 into nfcapd" "no nfcapd or no nfdump"
fi
is "IPFIX: categories are in flow_options" \
    "$(ask sent10 "SELECT json_extract(data, '\$.applicationCategoryName') FROM flow_options WHERE json_extract(data, '\$.applicationName') = 'DNS'")" Network

# In SQL, filters and reports.
export FLOWVT_STORE=$work/direct
is "traffic and flows have the same by app" "$(sqlite 'SELECT app, sum(bytes) FROM traffic GROUP BY app ORDER BY 1')" \
    "$(sqlite 'SELECT app, sum(bytes) FROM flows GROUP BY app ORDER BY 1')"
is "what SQLite would group" "$(sqlite 'SELECT app, sum(bytes) FROM (SELECT appname AS app, bytes FROM flows LIMIT -1) GROUP BY 1 ORDER BY 1')" \
    "$(sqlite 'SELECT app, sum(bytes) FROM flows GROUP BY app ORDER BY 1')"
is "a word of filters" "$(sqlite "SELECT count(*) FROM flows WHERE filter = 'app HTTP'")" "$(sqlite "SELECT count(*) FROM flows WHERE app = 'HTTP'")"
is "reports: top --by app" "$("$BUILD/flowreport" top --by app --n 1 --set 1 --format csv | sed -n '2s/,.*//p')" HTTP
is "reports: applications --by app" \
    "$("$BUILD/flowreport" applications --by app --application TLS --set 1 --format csv | awk -F, 'NR == 2 { print $1, $6 }')" \
    "TLS $(sqlite "SELECT sum(bytes) FROM flows WHERE app = 'TLS'")"

# A running one says what it has recognised.
start "$probe" -q -i lo -k -c "$work/ctl" -w "$work/live" udp port 53
running=$!
until_true 10 "$BUILD/flowprobectl" -c "$work/ctl" timeouts >/dev/null 2>&1
/usr/bin/python3 - <<'PY'
import socket
query = bytes.fromhex("123401000001000000000000") + b"\3www\7example\3com\0" + bytes.fromhex("00010001")
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.sendto(query, ("127.0.0.1", 53))
PY
# shellcheck disable=SC2317  # until_true calls it
recognised() {
    "$BUILD/flowprobectl" -c "$work/ctl" dump-flows >"$work/dump" && [ -s "$work/dump" ]
}
until_true 10 recognised
is "dump-flows has applications" "$(grep -o 'application .*' "$work/dump")" "application DNS"
"$BUILD/flowprobectl" -c "$work/ctl" expire-all >/dev/null
is "and so have statistics" \
    "$("$BUILD/flowprobectl" -c "$work/ctl" statistics prometheus | grep -E '^flowvt_probe_(application_flows|connections)_total.* 1$' | tr '\n' ' ')" \
    'flowvt_probe_connections_total{application="recognised"} 1 flowvt_probe_application_flows_total{application="DNS"} 1 '
"$BUILD/flowprobectl" -c "$work/ctl" shutdown >/dev/null
wait $running

"$probe" -q -r "$lab" -k -v 5 -n 127.0.0.1:9 2>"$work/err"
is "v5 has no means" "$? $(cat "$work/err")" "2 flowprobe: -k: NetFlow v5 has no applications: use -v 9 or 10"
"$probe" -q -r "$lab" -k -T ip 2>"$work/err"
is "nor has a flow of addresses" "$? $(cat "$work/err")" "2 flowprobe: -k: applications are of connections, which have ports: use -T full"
result
