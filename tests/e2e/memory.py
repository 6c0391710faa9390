#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Five million flows, each a group of its own, in 16 MiB: the answers are those that the generator worked out,
and the whole process takes no more memory than README.md states.

usage: memory.py       BUILD=build in the environment; FLOWS=n for another number of groups, with MEMORY=n MiB"""
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../bench"))
from measure import Run  # noqa: E402

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
GROUPS = int(os.environ.get("FLOWS") or 5000000)
FILES, WRITERS, BEGIN = 40, 2, 1700000100
MOST = 1448  # octets of a flow
MEMORY = int(os.environ.get("MEMORY") or 16)  # FLOWVT_MEMORY, and what is measured: MiB
# README.md, "Memory": what comes on top of it, MiB. The shell and its libraries are 14 of them.
ALLOWANCE = 32
ON_PORTS = "SELECT srcport, dstport, sum(bytes) AS b FROM traffic GROUP BY srcport, dstport"
bad = 0


def check(name, good, detail=""):
    global bad
    print("%sok - %s" % ("" if good else "not ", name))
    if not good:
        print("  " + detail)
        bad = 1


def make_store(store):
    """A store, and what its flows come to: flows, octets, octets times check factors."""
    each = FILES // WRITERS
    flows = GROUPS // FILES
    writers = [subprocess.Popen(
        [BUILD + "/tests/load/storegen", store, str(BEGIN + w * each * 300), str(each), str(flows), str(w * each * flows)],
        stdout=subprocess.PIPE, text=True) for w in range(WRITERS)]
    sums = [list(map(int, w.communicate()[0].split())) for w in writers]
    return [sum(s) for s in zip(*sums)]


def first_of_most(flows, n):
    """Ports of the first groups that have as many octets as a group may: see numbered_flow() in storegen.c."""
    back = pow(0x9e3779b1, -1, 1 << 32)
    found = ((p, q) for p in range(65536) for q in range(65536)
             if (q << 16 | p) % 1409 == MOST - 40 and (q << 16 | p) * back % (1 << 32) < flows)
    return [next(found) for _ in range(n)]


def ask(store, name, sql, wanted, made=lambda rows: rows):
    """The statement's answer, or what is made of its rows, and its largest resident set."""
    run = Run(["sqlite3", "-batch", "-noheader", "-cmd", ".load %s/flowvt" % BUILD, ":memory:", sql],
              {"FLOWVT_STORE": store, "FLOWVT_MEMORY": str(MEMORY << 20), "FLOWVT_THREADS": "2", "FLOWVT_ROLLUPS": "0"})
    got = made(run.output.split())
    check(name, got == wanted, "got: %s %s wanted: %s" % (got[:5], run.errors[-200:], wanted[:5]))
    check("%s: %.0f MB of %d" % (name, run.memory, MEMORY + ALLOWANCE), run.memory <= MEMORY + ALLOWANCE)


def main():
    work = tempfile.mkdtemp()
    try:
        store = work + "/store"
        flows, octets, factors = make_store(store)
        ask(store, "groups of numbers", "SELECT count(*), sum(b), sum(b * ((dstport * 65536 + srcport) % 1009)) FROM (" +
            ON_PORTS + ")", ["%d|%d|%d" % (flows, octets, factors)])
        ask(store, "distinct addresses", "SELECT count(DISTINCT dstip) FROM traffic", [str(flows)])
        ask(store, "top of the groups", "SELECT srcport, dstport, b FROM (" + ON_PORTS +
            " ORDER BY b DESC, srcport, dstport LIMIT 3)", ["%d|%d|%d" % (*ports, MOST) for ports in first_of_most(flows, 3)])
        # All groups of a tenth of the files are as good as the last that is shown: they fit until they are sorted.
        ask(store, "a top list of equal groups", "SELECT srcport, dstport, sum(flows) AS f FROM traffic WHERE since = %d"
            " AND until = %d GROUP BY srcport, dstport ORDER BY f DESC LIMIT 5" % (BEGIN, BEGIN + FILES // 10 * 300),
            ["5 different", "of 1 flow"],
            lambda rows: ["%d different" % len(set(rows)), "of %s flow" % "/".join({r.split("|")[2] for r in rows})])
        ask(store, "every flow in order", "SELECT count(*), sum(bytes) FROM (SELECT bytes FROM flows ORDER BY bytes)",
            ["%d|%d" % (flows, octets)])
    finally:
        shutil.rmtree(work)
    return bad


if __name__ == "__main__":
    sys.exit(main())
