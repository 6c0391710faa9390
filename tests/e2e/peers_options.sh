#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What flowprobe exports with its options, read by nfcapd, nfacctd and tshark: without a complaint, and with the totals
# that -w of the same run has.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

# The last one has the reverse counters, which nfacctd leaves alone.
runs=("-v 5 -s 10" "-v 9 -s 10" "-v 10 -s 10" "-v 10 -s random:7" "-v 9 -T ip" "-v 10 -T ether" "-v 10 -A nano" "-v 10 -L 5 -S 127.0.0.1"
    "-v 9" "-v 10 -b")

# All runs to a port; each has an observation domain and, the first time, a store of its own.
send() { # PORT [FILTER]
    local i
    for i in "${!runs[@]}"; do
        # shellcheck disable=SC2086  # words
        "$probe" -q -r "$lab" ${runs[$i]} -O $((i + 1)) -n "127.0.0.1:$1" -w "$work/$1.$i" || not_ok "flowprobe ${runs[$i]}"
    done
}
# What of them is to be read, in packets and bytes.
wanted() { # PORT COLUMNS [COLUMNS of version 5]
    local i columns
    for i in "${!runs[@]}"; do
        columns=$2
        [[ ${runs[$i]} != "-v 5"* ]] || columns=${3:-$2}
        FLOWVT_STORE=$work/$1.$i sqlite "SELECT $columns FROM flows WHERE ipversion = 4 OR '${runs[$i]}' NOT LIKE '-v 5%'"
    done | awk -F'|' '{ p += $1; b += $2 } END { print p "|" b }'
}

if have nfcapd && have nfdump; then
    mkdir "$work/nfcapd"
    free_port
    start nfcapd -p "$port" -l "$work/nfcapd" -t 3600 >"$work/nfcapd.log" 2>&1
    nfcapd=$!
    until_true 10 listening "$port"
    send "$port"
    sleep 0.5
    kill -TERM $nfcapd && wait $nfcapd
    raw=raw_
    nfcapd -V 2>&1 | grep -q '1\.7\.1$' || raw= # which scales by the header of v5 alone
    is "nfcapd: packets and bytes, scaled by the sampling rate" \
        "$(nfdump -q -N -R "$work/nfcapd" -o 'fmt:%pkt %opkt %byt %obyt' | awk '{ p += $1 + $2; b += $3 + $4 } END { print p "|" b }')" \
        "$(wanted "$port" "sum(${raw}packets) + ifnull(sum(outpackets), 0), sum(${raw}bytes) + ifnull(sum(outbytes), 0)" 'sum(packets), sum(bytes)')"
    is "nfcapd: nothing malformed" "$(grep -o 'Bad Packets: [0-9]*' "$work/nfcapd.log" | sort | uniq)" "Bad Packets: 0"
else
    skip "nfcapd" "no nfcapd or no nfdump"
fi

if have nfacctd; then
    free_port
    printf '%s\n' 'daemonize: false' 'nfacctd_ip: 127.0.0.1' "nfacctd_port: $port" 'plugins: print' 'print_refresh_time: 1' \
        'aggregate: src_host, dst_host, src_port, dst_port, proto' 'print_output: csv' 'print_output_file_append: true' \
        "print_output_file: $work/nfacctd.csv" "logfile: $work/nfacctd.log" >"$work/nfacctd.conf"
    start nfacctd -f "$work/nfacctd.conf" >"$work/log" 2>&1
    nfacctd=$!
    until_true 10 listening "$port"
    send "$port"
    sleep 3
    kill -INT $nfacctd && wait $nfacctd
    is "nfacctd: packets and bytes" \
        "$(awk -F, '$6 ~ /^[0-9]/ { p += $6; b += $7 } END { print p "|" b }' "$work/nfacctd.csv")" \
        "$(wanted "$port" 'sum(raw_packets), sum(raw_bytes)')"
    is "nfacctd: no complaint" "$(grep -E 'WARN|ERROR' "$work/nfacctd.log")" ""
else
    skip "nfacctd" "no nfacctd"
fi

if have tshark; then
    /usr/bin/python3 - "$work/export.pcap" "$probe" "$lab" "${runs[@]}" <<'PY'
import socket, struct, subprocess, sys, threading
path, probe, lab = sys.argv[1:4]
with open(path, "wb") as f, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
    s.bind(("127.0.0.1", 0))
    s.settimeout(1)
    for i, run in enumerate(sys.argv[4:]):
        child = subprocess.Popen([probe, "-q", "-r", lab, "-n", "127.0.0.1:%d" % s.getsockname()[1], "-O", str(i + 1)] + run.split())
        while True:
            try:
                data = s.recv(2000)
            except socket.timeout:
                if child.poll() is not None:
                    break
                continue
            head = struct.pack(">BBHHHBBH4s4sHHHH", 0x45, 0, 28 + len(data), 0, 0, 64, 17, 0, bytes([192, 0, 2, 9 + i]),
                               bytes([192, 0, 2, 1]), 4739, 4739, 8 + len(data), 0)
            f.write(struct.pack("<IIII", 1700000001, 0, 28 + len(data), 28 + len(data)) + head + data)
PY
    read_by_tshark() {
        tshark -n -r "$work/export.pcap" -d udp.port==4739,cflow "$@" 2>/dev/null
    }
    is "tshark: nothing malformed, no warning" \
        "$(read_by_tshark -Y '_ws.malformed or _ws.expert.severity >= 0x600000 or cflow.no_template_found' | head -n 3)" ""
    is "tshark: packets of each run as it was sent" \
        "$(read_by_tshark -T fields -e ip.src -e cflow.packets -Y 'ip.src == 192.0.2.17' | tr -s '\t,' '\n' | awk '/^[0-9]+$/ { n += $1 } END { print n }')" 14802
else
    skip "tshark" "no tshark"
fi
result
