#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Holds flow files against what schema/FORMAT.md says a writer does and a reader need not look at:
blocks right behind each other, directories the same in block and footer, dictionaries that ascend,
the smallest and largest values, totals, times and counts of the directories, recomputed from the
rows. All of these decide what a query leaves out, so one that is wrong is a wrong answer.

usage: verify_fvt.py FILE...    prints a sentence for each fault; then the exit status is 1"""
import sys

sys.dont_write_bytecode = True  # of read_fvt, into the tree
from read_fvt import (BLOCK_HEADER, DERIVED, EXCEPT, FOOTER, HEADER, IP, LZ4, MIRROR, NO_DICTIONARY, NO_FIRST,
                      NO_LAST, NO_PARENT, NULLS, RELATIVE, ROLLUP, ROW_GROUP, TEXT, TRAILER, File,
                      known_columns, stream)


def padded(n):
    return (n + 7) // 8 * 8


def verify(file):
    """Yields a sentence for each claim of the file that is not so."""
    blocks = {}
    at = HEADER
    while at + BLOCK_HEADER <= len(file.data) and (block := file.block(at)):
        blocks[at + BLOCK_HEADER] = block
        kind, _, length, first = block
        if at + BLOCK_HEADER + length > len(file.data):
            break
        if kind not in (ROW_GROUP, ROLLUP) and padded(first) != length:
            yield "block at %d: more than padding behind its first part" % at
        at += BLOCK_HEADER + length
    if file.state == "closed":
        if at != len(file.data) - TRAILER:
            yield "trailer: not behind the last block at %d" % at
        if [block[0] for block in blocks.values()].count(FOOTER) != 1:
            yield "not one footer"
    groups = [payload for payload, block in blocks.items() if block[0] == ROW_GROUP]
    if groups != [group.payload for group in file.groups]:
        yield "the groups are not those of the blocks"
    for number, group in enumerate(file.groups):
        kind, rows, length, first = blocks[group.payload]
        if rows != group.rows or file.first_part(group.payload - BLOCK_HEADER) != group.directory:
            yield "group %d: the block says otherwise" % number
        for fault in verify_group(file, group, length):
            yield "group %d: %s" % (number, fault)
    for number, rollup in enumerate(file.rollups):
        if totals(file.rollup_rows(rollup), rollup_key(file, rollup)) != rolled_up(file, rollup):
            yield "roll-up %d: its totals are not those of the flows" % number


def rollup_key(file, rollup):
    return ["trecv", *(file.names[i] for i in rollup[1])]


def totals(rows, key):
    """Of each key flows, packets, bytes, first and last."""
    out = {}
    for row in rows:
        own = out.setdefault(tuple(row.get(name) for name in key), [0, 0, 0, None, None])
        for i, name in enumerate(("flows", "packets", "bytes")):
            own[i] += row[name]
        for i, name, better in (3, "tstart", min), (4, "tend", max):
            if name in row:
                own[i] = row[name] if own[i] is None else better(own[i], row[name])
    return out


FIRST, LAST, LONGEST = -62167219200000, 253402300799999, 31 * 86400000  # of times; of a flow


def rolled_up(file, rollup):
    """The same from the flows."""
    return totals((piece for row in file.rows() for piece in pieces(row, rollup[0] * 1000)),
                  rollup_key(file, rollup))


def pieces(row, step):
    """What of a flow lies in each bucket, as FORMAT.md says under "Roll-ups"."""
    times = [row[name] for name in ("tstart", "tend") if name in row]
    times = times or [row[name] for name in ("trecv",) if name in row]
    rate = max(row.get("sampling", 1), 1)
    flows = row.get("flows", 1)
    counters = {name: min(row.get(name, 0) * rate, 2**63 - 1) for name in ("packets", "bytes")}
    row = {name: value for name, value in row.items() if name not in ("tstart", "tend", "trecv")}
    if not times:
        yield {**row, **counters, "flows": flows}
        return
    start, end = (min(max(time, FIRST), LAST) for time in (min(times), max(times)))
    start = end if end - start > LONGEST else start

    def before(counter, time):
        return counter * (min(max(time, start), end + 1) - start) // (end - start + 1)

    for bucket in range(start // step * step, end + 1, step):
        yield {**row, "trecv": bucket, "tstart": start, "tend": end,
               "flows": flows if start >= bucket else 0,
               **{name: before(counter, bucket + step) - before(counter, bucket)
                  for name, counter in counters.items()}}


def verify_group(file, group, length):
    directory = len(group.directory)
    spans = [(0, directory)]
    for place, entry in enumerate(group.dictionaries):
        spans.append((entry.offset, entry.stored))
        octets = group.dictionary(place)
        if octets != sorted(set(octets), key=lambda o: (len(o) if entry.column == IP else 0, o)):
            yield "dictionary %d does not ascend" % place
        if entry.flags & ~LZ4 or entry.dictionary != NO_DICTIONARY or entry.parent != NO_PARENT:
            yield "dictionary %d: an entry like a chunk's" % place
    for column, entry in group.chunks.items():
        spans.append((entry.offset, entry.stored))
        for fault in verify_chunk(group, column, entry):
            yield "column %s: %s" % (file.names[column], fault)
    end = 0
    for offset, stored in sorted(spans):
        if offset < end or offset % 8:
            yield "something at %d overlaps or is not at a multiple of 8" % offset
        end = offset + stored
    if padded(end) != length:
        yield "the last octet in use is %d of %d" % (end, length)
    totals = [[0, 0, 0] for _ in range(4)]
    of = {name: group.column(i) for i, name in enumerate(file.names)}
    none = [None] * group.rows
    kinds = {6: 0, 17: 1, 1: 2, 58: 2}
    for proto, flows, packets, octets, rate in zip(*(of.get(name, none) for name in (
            "proto", "flows", "packets", "bytes", "sampling"))):
        total = totals[kinds.get(proto, 3)]
        total[0] += 1 if flows is None else flows
        total[1] += (packets or 0) * (rate or 1)
        total[2] += (octets or 0) * (rate or 1)
    if [list(t) for t in group.totals] != [[min(n, (1 << 64) - 1) for n in t] for t in totals]:
        yield "totals are %r, not %r" % (totals, group.totals)
    first = min((t for t in of.get("tstart", none) if t is not None), default=NO_FIRST)
    last = max((t for t in of.get("tend", none) if t is not None), default=NO_LAST)
    if (first, last) != (group.first, group.last):
        yield "times are %d to %d, not %d to %d" % (first, last, group.first, group.last)


def verify_chunk(group, column, entry):
    codes = group.column(column)
    there = [code for code in codes if code is not None]
    if entry.nulls != len(codes) - len(there):
        yield "%d rows are NULL, not %d" % (len(codes) - len(there), entry.nulls)
    if there and (min(there), max(there)) != (entry.smallest, entry.largest):
        yield "values are %d to %d, not %d to %d" % (min(there), max(there), entry.smallest, entry.largest)
    if group.classes[column] == IP and there:
        octets = group.dictionary(entry.dictionary)
        ends = b"".join(bytes([4 if len(o) == 4 else 6]) + o.ljust(16, b"\0")
                        for o in (octets[min(there)], octets[max(there)]))
        if entry.addresses != ends + bytes(6):
            yield "the smallest or the largest address is another"
    if (group.classes[column] in (IP, TEXT)) != (entry.dictionary != NO_DICTIONARY):
        yield "dictionary %d" % entry.dictionary
    if bool(entry.flags & (RELATIVE | DERIVED)) != (entry.parent != NO_PARENT) and not entry.flags & MIRROR:
        yield "parent %d" % entry.parent
    data = entry.octets(group.data, group.payload)
    entries = len(group.dictionary(group.chunks[entry.parent].dictionary)) if entry.flags & DERIVED else 0
    places = entries if entry.flags & DERIVED and not entry.flags & EXCEPT else group.rows
    at = h = 0
    if entry.flags & MIRROR:
        h, at = int.from_bytes(data[:4], "little"), 8
        places -= h
    if entry.flags & NULLS:
        at += (places + 63) // 64 * 8
    if data[at] != entry.encoding:
        yield "encoding %d, not %d" % (data[at], entry.encoding)
    values, at = stream(data, at, places)
    if entry.flags & MIRROR:
        at = stream(data, at, h)[1]
    if entry.flags & EXCEPT:
        at = stream(data, at, entries)[1]
    if len(values) != entry.n or at != len(data):
        yield "%d values in %d octets, not %d in %d" % (len(values), at, entry.n, len(data))


def main():
    known = known_columns()
    status = 0
    for path in sys.argv[1:]:
        file = File(path, known)
        with file.guard("cannot be verified"):
            file.damage += list(verify(file))
        for fault in file.damage:
            print("%s: %s" % (path, fault))
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
