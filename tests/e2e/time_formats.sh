#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# flowprobe -A: the times of flows in each of IPFIX' formats, as flowcollect and tshark read them.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

times='SELECT tstart_ms, tend_ms, srcip, srcport, dstip, dstport, packets FROM flows ORDER BY 1, 2, 3, 4, 5, 6, 7'
"$probe" -q -r "$lab" -w "$work/store"
FLOWVT_STORE=$work/store sqlite "$times" >"$work/wanted"
FLOWVT_STORE=$work/store sqlite "${times/tstart_ms, tend_ms/tstart_ms \/ 1000 * 1000, tend_ms \/ 1000 * 1000}" >"$work/wanted-sec"
for unit in sec milli micro nano; do
    free_port
    collector_start "$work/$unit" 2>/dev/null || exit 1
    "$probe" -q -r "$lab" -A $unit -n "127.0.0.1:$port"
    sleep 0.5
    collector_stop 2>/dev/null
    FLOWVT_STORE=$work/$unit sqlite "$times" >"$work/got"
    wanted=$work/wanted
    [ $unit != sec ] || wanted=$work/wanted-sec
    same "-A $unit into flowcollect" "$work/got" "$wanted"
done

# One packet at a time that milliseconds cannot tell: the datagram, as tshark reads it.
if have tshark; then
    /usr/bin/python3 - "$work" "$probe" <<'PY'
import socket, struct, subprocess, sys
work, probe = sys.argv[1:]
ip = struct.pack(">BBHHHBBH4s4sHHHH", 0x45, 0, 28, 0, 0, 64, 17, 0, bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2]), 5, 53, 8, 0)
with open(work + "/one.pcap", "wb") as f:
    f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))
    f.write(struct.pack("<IIII", 1700000000, 123457, len(ip), len(ip)) + ip)
with open(work + "/export.pcap", "wb") as f:
    f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))
    for unit in ("micro", "nano"):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.1", 0))
            s.settimeout(10)
            subprocess.run([probe, "-q", "-r", work + "/one.pcap", "-A", unit, "-n", "127.0.0.1:%d" % s.getsockname()[1]], check=True)
            data = s.recv(2000)
        head = struct.pack(">BBHHHBBH4s4sHHHH", 0x45, 0, 28 + len(data), 0, 0, 64, 17, 0, bytes([192, 0, 2, 9]),
                           bytes([192, 0, 2, 10]), 4739, 4739, 8 + len(data), 0)
        f.write(struct.pack("<IIII", 1700000001, 0, 28 + len(data), 28 + len(data)) + head + data)
PY
    is "tshark reads the microseconds" \
        "$(tshark -r "$work/export.pcap" -d udp.port==4739,cflow -V 2>/dev/null | grep -c 'StartTime.*20\.12345[67]')" 2
    is "tshark finds nothing malformed" "$(tshark -r "$work/export.pcap" -d udp.port==4739,cflow -Y _ws.malformed 2>/dev/null | wc -l)" 0
else
    skip "-A read by tshark" "no tshark"
fi
"$probe" -r "$lab" -A micro -v 9 2>"$work/err"
is "-A is for IPFIX" "$? $(cat "$work/err")" "2 flowprobe: -A: only IPFIX has a choice: use -v 10"
result
