#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Octets a flow by column and encoding, from the directories of flow files.

usage: columns.py FILE-or-STORE..."""
import collections
import glob
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../schema"))
import read_fvt  # noqa: E402

NAMES = ("CONST", "PACKED", "RUNS", "PLANES", "VALUES")


def encoding(entry):
    """The outermost stream's, and what is done to it."""
    name = NAMES[entry.encoding] if entry.encoding < len(NAMES) else "encoding %d" % entry.encoding
    marks = [mark for bit, mark in ((read_fvt.NULLS, "NULLS"), (read_fvt.RELATIVE, "RELATIVE"),
                                    (read_fvt.DERIVED, "DERIVED"), (read_fvt.MIRROR, "MIRROR"),
                                    (read_fvt.EXCEPT, "EXCEPT"), (read_fvt.LZ4, "LZ4")) if entry.flags & bit]
    other = entry.flags & ~(read_fvt.NULLS | read_fvt.RELATIVE | read_fvt.DERIVED | read_fvt.MIRROR
                            | read_fvt.EXCEPT | read_fvt.LZ4)
    return " ".join([name] + marks + (["flags %#x" % other] if other else []))


def blocks(file):
    """Octets of a file's blocks by type, headers included."""
    size, at = collections.Counter(), read_fvt.HEADER
    while True:
        block = file.block(at)
        if not block:
            return size
        length = read_fvt.BLOCK_HEADER + block[2]
        size[block[0]] += length
        at += length


def rollup_octets(paths):
    known = read_fvt.known_columns()
    return sum(blocks(read_fvt.File(path, known))[read_fvt.ROLLUP] for path in paths)


def table(paths):
    """Lines of text: of each column octets a flow and its encodings with the share of its groups."""
    size, kinds = collections.Counter(), collections.defaultdict(collections.Counter)
    rows = total = groups = 0
    known = read_fvt.known_columns()
    for path in paths:
        file = read_fvt.File(path, known)
        total += len(file.data)
        groups += len(file.groups)
        by_type = blocks(file)
        size["roll-ups"] += by_type[read_fvt.ROLLUP]
        size["footer"] += by_type[read_fvt.FOOTER]
        for group in file.groups:
            rows += group.rows
            for entry in group.dictionaries:
                name = "dictionary of " + ("addresses" if entry.column == read_fvt.IP else "texts")
                size[name] += entry.stored
                kinds[name]["LZ4" if entry.flags & read_fvt.LZ4 else "plain"] += 1
            for column, entry in group.chunks.items():
                size[file.names[column]] += entry.stored
                kinds[file.names[column]][encoding(entry)] += 1
    size["headers, directories, meta"] = total - sum(size.values())
    yield "%d flows in %d files and %d row groups: %.2f octets a flow" % (rows, len(paths), groups, total / max(rows, 1))
    for name, octets in size.most_common():
        yield "  %-30s %6.3f  %s" % (name, octets / max(rows, 1), ", ".join(
            "%s (%d)" % kind for kind in kinds[name].most_common(4)))


def main():
    paths = [path for given in sys.argv[1:] for path in (
        sorted(glob.glob(given + "/**/*.fvt", recursive=True)) if os.path.isdir(given) else [given])]
    if not paths:
        print(__doc__.split("usage: ")[1], file=sys.stderr)
        return 2
    print("\n".join(table(paths)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
