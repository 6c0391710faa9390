# SPDX-License-Identifier: MIT
"""The largest resident sets of whole processes, by kind of statement: flowvt with its usual budget and with a
small one, and nfdump where it can do the same."""
import os

from measure import Run
from report import say

SMALL = "64M"  # FLOWVT_MEMORY
LISTED = int(os.environ.get("LIST") or 1000000)
FIVE = "srcip, dstip, srcport, dstport, proto"

# What it is, SQL, arguments of nfdump. Rows are counted, not printed, where there are many.
KINDS = [
    ("totals", "SELECT sum(bytes) FROM traffic", ["-I"]),
    ("a top list", "SELECT srcip, sum(bytes) FROM traffic GROUP BY srcip ORDER BY 2 DESC LIMIT 10",
     ["-s", "srcip/bytes", "-n", "10"]),
    ("groups by connection, all of them in order",
     "SELECT count(*) FROM (SELECT %s, sum(bytes) FROM traffic GROUP BY 1, 2, 3, 4, 5 ORDER BY 6 DESC LIMIT -1)" % FIVE,
     ["-q", "-A", FIVE.replace(" ", ""), "-O", "bytes", "-o", "fmt:%sa,%byt"]),
    ("distinct addresses by address", "SELECT srcip, count(DISTINCT dstip) FROM traffic GROUP BY 1 ORDER BY 2 DESC LIMIT 10",
     ["-q", "-A", "srcip,dstip", "-o", "fmt:%sa,%da"]),
    ("flows, by a filter", "SELECT * FROM flows WHERE dstport = 445", ["-q", "-o", "line", "dst port 445"]),
    ("flows in order, all of them", "SELECT count(*) FROM (SELECT srcip, dstip, bytes FROM flows ORDER BY bytes)",
     ["-q", "-O", "bytes", "-o", "null"]),
    ("an address in a list of %d" % LISTED, "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %d) " % (LISTED - 1) +
     "SELECT count(*) FROM flows WHERE srcip IN (SELECT (11 + i % 100) || '.' || (i >> 16) || '.' || (i >> 8 & 255) || '.' "
     "|| (i & 255) FROM n)", None),
    ("every flow as CSV", "SELECT text FROM flows_csv", ["-q", "-o", "csv"]),
]


def most(command, env=None):
    """MB of a run whose output is not wanted, as text."""
    run = Run(command, env, keep=False)
    return "%.0f" % run.memory if run.status == 0 else "failed"


def memory(flowvt, nfdump):
    say("\nmost memory at a time, MB %28s %18s %10s" % ("flowvt", "FLOWVT_MEMORY=" + SMALL, "nfdump"))
    for title, sql, theirs in KINDS:
        command = flowvt.shell(sql)
        ours = [most(command, {**flowvt.env, **more}) for more in ({}, {"FLOWVT_MEMORY": SMALL})]
        other = most([nfdump.nfdump, "-R", nfdump.directory, *theirs]) if nfdump and theirs else ""
        say("  %-44s %8s %18s %10s" % (title, *ours, other))
