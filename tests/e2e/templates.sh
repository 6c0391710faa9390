#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What exporters announced survives the collector: it is killed and started again, and data without templates
# decodes. Not so when the cache is not there, is damaged, or is too old; then data waits for its template.
# shellcheck disable=SC2317 # what until_true calls
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

store=$work/store
cache=$store/.templates/cache
export FLOWVT_STORE=$store
send() { /usr/bin/python3 tests/e2e/announce.py "$port" "$@"; }
is_cached() { [ "$(stat -c %s "$cache" 2>/dev/null || echo 0)" -gt 400 ]; }
begin() { collector_start "$store" "$@" 2>"$work/log"; }
killed() { kill -9 "$collector" && wait "$collector" 2>/dev/null; }
rows() { sqlite 'SELECT exporter, odid, count(*), sum(bytes), min(srcip), max(username), max(sampling) FROM flows GROUP BY 1, 2 ORDER BY 1, 2'; }
rows_are() { [ "$(sqlite 'SELECT count(*) FROM flows')" = "$1" ]; }

# Of the ten records of each: 1001 to 1010 octets, one packet in a hundred.
ten='127.0.0.2|1|10|1005500|192.0.2.1||100
127.0.0.2|2|10|1005500|192.0.2.1||100
127.0.0.3|9|10|10055|192.0.2.1|abc|'

free_port
begin
send announce
until_true 20 is_cached
killed
begin
send data
until_true 10 rows_are 30
is "killed and started again: data without templates decodes" "$(rows)" "$ten"
is "interfaces keep their names" "$(sqlite 'SELECT exporter, ifindex, name FROM flow_interfaces GROUP BY 1, 2')" "127.0.0.3|7|Gi0/7"
collector_stop
is "and nothing is without template" "$(sqlite 'SELECT sum(no_template) FROM flow_exporters')" 0

# The store is removed under a collector that hears nothing new, and put back.
begin
rm -rf "$store"
until_true 10 grep -q 'No such file' "$work/log"
mkdir "$store"
until_true 20 is_cached
killed
begin
send data
until_true 10 rows_are 30
is "a store that is removed and put back has its templates again" "$(rows)" "$ten"
collector_stop

cp "$cache" "$work/cache"
again() { # NAME ROWS WARNINGS OPTION...: what a collector with this cache makes of data
    local name=$1 count=$2 warnings=$3
    shift 3
    rm -rf "$store/2"*
    begin "$@"
    send data
    sleep 0.4
    collector_stop
    is "$name" "$(sqlite 'SELECT count(*) FROM flows') $(grep -c 'templates are waited for' "$work/log")" "$count $warnings"
    rm -f "$cache" && cp "$work/cache" "$cache"
}
again "a collector that ended well" 30 0
rm "$cache"
again "without the cache data has no templates" 0 0
printf '\377' | dd of="$cache" bs=1 seek=100 conv=notrunc status=none
again "a damaged cache is named and not used" 0 1
head -c 100 /dev/urandom >"$cache"
again "a foreign one likewise" 0 1
rm "$cache" && mkfifo "$cache"
again "what is no file likewise" 0 1
rm "$cache"
cp "$work/cache" "$cache"
sleep 1.1
again "templates that were not announced for too long are not used" 0 0 --template-lifetime 1
again "0 is for ever" 30 0 --template-lifetime 0

rm -rf "$store/2"*
rm "$cache"
begin
send data announce
until_true 10 rows_are 30
is "data that came before its template has waited, for the sampling rate behind it as well" "$(rows)" "$ten"
send twice
collector_stop
is "reordered and repeated datagrams: nothing lost" \
    "$(sqlite 'SELECT count(*), sum(lost), sum(no_template) FROM flow_exporters' | cut -d'|' -f2-)" "0|0"

rm -rf "$store/2"*
begin
send other
collector_stop
is "an exporter that begins anew may give its ids another meaning" \
    "$(sqlite 'SELECT odid, count(*), sum(raw_packets), sum(raw_bytes), min(srcip) FROM flows WHERE odid < 9 GROUP BY 1 ORDER BY 1')" \
    '1|10|70|10055|192.0.2.1
2|10|70|10055|192.0.2.1'

# A capture is of exporters of another time.
rm -rf "$store/2"*
cat >"$work/pcap.py" <<'PY'
import socket, struct, sys
head = struct.pack(">HHIIII", 9, 1, 100000, 1700000000, 1, 1)
content = head + struct.pack(">HH", 256, 13) + socket.inet_aton("192.0.2.1") + struct.pack(">I", 5) + b"\x05"
udp = struct.pack(">HHHH", 1000, 9995, 8 + len(content), 0) + content
ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes([127, 0, 0, 2]), bytes([127, 0, 0, 1]))
packet = ip + udp
sys.stdout.buffer.write(struct.pack("<IHHIIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))
sys.stdout.buffer.write(struct.pack("<IIII", 1700000000, 0, len(packet), len(packet)) + packet)
PY
/usr/bin/python3 "$work/pcap.py" >"$work/pcap"
cp "$work/cache" "$cache"
"$collect" -r "$work/pcap" -w "$store" 2>/dev/null
is "-r neither uses nor changes the cache" \
    "$(sqlite 'SELECT count(*) FROM flows') $(cmp "$work/cache" "$cache" && echo same)" "0 same"
result
