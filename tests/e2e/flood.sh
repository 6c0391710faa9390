#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What should not break flowprobe's books: a flood of SYNs, each a flow of its own, into a table that is too small, in
# little memory; a clock that jumps by days; packets far out of order. It ends with status 0 only when every packet is in
# one flow or one counter, and the flows are counted here again. FLOOD=5000000: with so many.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

flood=${FLOOD:-200000}
"$BUILD/tests/load/capgen" --flood --snap 64 --packets "$flood" --flows "$flood" "$work/flood.pcap" >"$work/log"
# 150 MB of address space are what the whole program may take, its libraries among it.
(ulimit -v 150000 && "$probe" -r "$work/flood.pcap" -m 10000 -t tcp=1d -n 127.0.0.1:9) >"$work/summary" 2>"$work/err"
is "a flood into a table of 10000 flows ends well" "$? $(sed -n 's/^packets: *\([0-9]*\),.*/\1/p' "$work/summary")" "0 $flood"
flows=$(sed -n 's/^flows: *\([0-9]*\):.*/\1/p' "$work/summary")
is "each packet is a flow, but a few that met again" "$((flows >= flood - flood / 100000))" 1
is "every flow but those of the table was ended for room" \
    "$(sed -n 's/^ended: .* \([0-9]*\) forced, \([0-9]*\) table full.*/\1 \2/p' "$work/summary")" "10000 $((flows - 10000))"
is "and every flow was exported" "$(sed -n 's/^exported: *\([0-9]*\) ipfix.*/\1/p' "$work/summary")" "$flows"

/usr/bin/python3 - "$work/jumps.pcap" <<'PY'
import random, struct, sys
random.seed(5)
day = 86400
time = 1700000000
with open(sys.argv[1], "wb") as f:
    f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))
    for i in range(40000):
        time += random.choice([0, 0, 0, 0, 1, 1, -1]) if random.random() < 0.999 else random.choice([-400, -1, 1, 30]) * day
        at = time - (random.randrange(90) if random.random() < 0.05 else 0)
        ip = struct.pack(">BBHHHBBH4s4sHHHH", 0x45, 0, 28, 0, 0, 64, 17, 0, bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2]),
                         random.randrange(50), 53, 8, 0)
        f.write(struct.pack("<IIII", at & 0xffffffff, 0, len(ip), len(ip)) + ip)
PY
for size in 20 100000; do
    "$probe" -q -r "$work/jumps.pcap" -m $size -w "$work/jumps$size" 2>"$work/err"
    is "a clock that jumps, a table of $size: ends well, and the store said why it has files of the past" "$? $(grep -vc 'the clock went back from' "$work/err")" "0 0"
    is "a clock that jumps, a table of $size: packets, bytes, no flow longer than its timeout allows" \
        "$(FLOWVT_STORE=$work/jumps$size sqlite 'SELECT sum(packets), sum(bytes), max(tend_ms - tstart_ms) <= 300000, min(tend_ms - tstart_ms) >= 0 FROM flows')" \
        "40000|$((40000 * 28))|1|1"
done
result
