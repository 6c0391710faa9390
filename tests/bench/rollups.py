#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A year of merged days with its roll-ups and without: times of questions about it, and octets a flow.

usage: rollups.py [STORE]      a store of merged days; without: one is made in BUILD/bench

In the environment: BUILD=build  DAYS=366  DAY_FLOWS=200000  RUNS=5. Making the store takes some
seconds a day and million flows; it is kept. Times are of whole processes, with and without in turns; answers
must be the same, or the line says WRONG and the exit status is 1."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from data import BUILD, made, stamp  # noqa: E402
from measure import Run, interleaved, ratios, spread  # noqa: E402
from peers import must  # noqa: E402

DAYS = int(os.environ.get("DAYS") or 366)
FLOWS = int(os.environ.get("DAY_FLOWS") or 200000)
RUNS = int(os.environ.get("RUNS") or 5)
BEGIN = 1704067200  # 2024-01-01
ALL = "since = '2024-01-01' AND until = '2025-01-01'"

QUESTIONS = (
    ("top talkers", "SELECT srcip, sum(bytes) FROM traffic WHERE %s GROUP BY srcip ORDER BY 2 DESC LIMIT 10" % ALL),
    ("hosts, both ways", "SELECT ip, sum(bytes) FROM endpoints WHERE %s GROUP BY ip ORDER BY 2 DESC LIMIT 10" % ALL),
    ("one host by day", "SELECT time, sum(bytes) FROM traffic WHERE %s AND bucket = 86400"
                        " AND srcip = (SELECT min(srcip) FROM traffic WHERE since = '2024-03-01'"
                        " AND until = '2024-03-02') GROUP BY time" % ALL),
    ("protocols by hour", "SELECT time, proto, sum(bytes) FROM traffic WHERE %s AND bucket = 3600 GROUP BY 1, 2" % ALL),
    ("AS pairs", "SELECT srcas, dstas, sum(bytes) FROM traffic WHERE %s GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 10" % ALL),
    ("ragged window", "SELECT srcip, sum(bytes) FROM traffic WHERE since = '2024-02-01 10:20'"
                      " AND until = '2024-11-01 12:34:56' GROUP BY srcip ORDER BY 2 DESC LIMIT 10"),
)


def make(path):
    """One file a day, then all merged."""
    print("making a year of days: %s" % path, flush=True)
    capture = path + ".pcap"
    os.makedirs(path, exist_ok=True)
    for day in range(DAYS):
        must([BUILD + "/tests/load/flowgen", "--version", "9", "--mix", "--count", str(FLOWS), "--first",
             str(day * FLOWS), "--span", "86399.9", "--begin", str(BEGIN + day * 86400), "--pcap", capture])
        must([BUILD + "/flowcollect", "-t", "86400", "-r", capture, "-w", path])
    os.remove(capture)
    must([BUILD + "/flowcollect", "--merge", "-w", path])


def command(sql, rollups):
    return ["env", "FLOWVT_ROLLUPS=%d" % rollups, "sqlite3", ":memory:", "-cmd", ".load %s/flowvt" % BUILD, sql]


def store():
    """Where the store is that is asked unless another is named; it is made unless it is there."""
    path = "%s/bench/days-%d-%d" % (BUILD, DAYS, FLOWS)
    made(path, stamp(), lambda: make(path))
    return path


def compare(path):
    """Prints the figures of a store. Returns whether answers are the same with roll-ups and without."""
    env, good = {"FLOWVT_STORE": path}, True
    print(Run(command("SELECT count(*) || ' files, ' || sum(rows) || ' flows, '"
                      " || round(1.0 * sum(size) / sum(rows), 2) || ' octets each' FROM flow_files", 1), env).output, end="")
    print("%-20s %-22s %-22s %s" % ("", "with roll-ups, s", "without", "ratio"))
    for name, sql in QUESTIONS:
        with_them, without = Run(command(sql, 1), env), Run(command(sql, 0), env)
        if with_them.output != without.output or with_them.status or without.status:
            print("%-20s WRONG" % name)
            good = False
            continue
        runs = interleaved({1: command(sql, 1), 0: command(sql, 0)}, RUNS, env)
        print("%-20s %-22s %-22s %s" % (name, spread([r.wall for r in runs[1]]), spread([r.wall for r in runs[0]]),
                                        spread(ratios(runs[1], runs[0]), "%.3f")), flush=True)
    return good


def main():
    return 0 if compare(sys.argv[1] if len(sys.argv) > 1 else store()) else 1


if __name__ == "__main__":
    sys.exit(main())
