#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# README: the files in tests/schema/golden/ were written by the first version of the format, and
# every later flowvt must read them as these did. They are never written anew; a later version of
# the format adds its own. NAME.json is what read_fvt.py --meta says of NAME.fvt, and then its rows.
#
#   lab        closed, by flowprobe: part of tests/data/lab.pcap. RELATIVE, DERIVED, all encodings,
#              LZ4, IPv6, MAC addresses
#   live       by flowcollect, killed: four groups, two exporters with two domains and a malformed
#              datagram, interfaces, IPFIX with texts, NAT, events, reverse counters and times,
#              sampling; the templates differ, so most columns have NULLs
#   closed     the same, closed: NULLS with RELATIVE, dictionaries with LZ4
#   rewritten  the same, a chunk of its third group damaged before it was closed: record 3 of meta
#   damaged    the live one, cut in its last group, the header of the third and a dictionary of
#              the second overwritten
#   future     two groups of the live one with what version 1 lets later writers add: columns of a
#              class, a name, a flag and an encoding that are not known, longer entries and meta
#              records, another kind of meta record, another type of block
#   merged     two files of 150 flows each merged into a day: MIRROR, roll-ups by hour
#   exceptions closed: EXCEPT with and without NULLS, of numbers and of addresses, and of rows without
#              the address that they are derived from
#   counted    by flowcollect, ended, started again in the same interval and killed: what exporters counted
#              as records to be added to others, a loss that is taken back, a socket
#   handmade   written octet by octet, with what the format allows and flowvt does not write: chains
#              of four columns, RELATIVE to NULLs, DERIVED from texts and across classes, streams
#              four deep, widths 0 and 64, no values at all, totals that stop at 2^64-1, keys twice
#
# Both the extension and read_fvt.py (which was written from schema/FORMAT.md) have to agree.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/schema/compare.sh
. tests/schema/compare.sh

second_reader
for json in tests/schema/golden/*.json; do
    file=${json%.json}.fvt
    name=$(basename "$json" .json)
    "$python" tests/schema/read_fvt.py --meta "$file" >"$work/meta" 2>"$work/log"
    "$python" tests/schema/read_fvt.py "$file" 2>"$work/log" | cat "$work/meta" - >"$work/json"
    same "golden $name.fvt: read_fvt.py reads what $name.json says" "$work/json" "$json"

    begin=$(sed -n '1s/.*"begin": \([0-9]*\)000,.*/\1/p' "$json")
    place=$work/$name/$(date -u -d "@$begin" +%Y/%m/%d)
    mkdir -p "$place"
    case $name in
    merged) interval=%Y%m%d ;;
    *) interval=%Y%m%d%H%M ;;
    esac
    cp "$file" "$place/flows.$(date -u -d "@$begin" +$interval).fvt"
    compare "golden $name.fvt" "$work/$name"
    case $name in
    damaged | future) ;;
    *) intact "golden $name.fvt" "$work/$name" ;;
    esac
done

# Its roll-ups say what its flows do.
totals() { # ROLLUPS
    FLOWVT_STORE=$work/merged FLOWVT_ROLLUPS=$1 sqlite "SELECT time, srcip, flows, packets, bytes, first, last
        FROM traffic WHERE bucket = 3600 ORDER BY 1, 2"
}
is "golden merged.fvt: totals of its roll-ups" "$(totals 1)" "$(totals 0)"
result
