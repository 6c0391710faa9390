#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make bench-reports: every report of queries/ beside nfdump's nearest equivalent, as ratios of wall time.

usage: reports.py [REPORT...]      without names all

The flows are those of bench.py, or of another line (SHAPE); the site's database has 300 users on a thousand addresses,
2000 networks, and usage as `flowreport update` counts it. Which commands of nfdump a report stands beside is in
report_list.py: "=" has the same answer, "~" is the nearest by what has to be read. Figures are whole processes with a
warm cache, taking turns. What both have in a blink (AT_ONCE) is not compared. In the environment: BUILD=build
FLOWS=10000000  RUNS=3  SHAPE=campus  NFDUMP=  NFCAPD=, and VERBOSE=1 to have nfdump's commands printed."""
import glob
import os
import shlex
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from data import BUILD  # noqa: E402
from measure import Run, interleaved, median, ratios, spread  # noqa: E402
from peers import Flowvt, Nfdump, must  # noqa: E402
from report import Goals, say  # noqa: E402
from report_list import HOME, REPORTS  # noqa: E402
from shapes import SHAPES  # noqa: E402

FLOWS = int(os.environ.get("FLOWS") or 10000000)
RUNS = int(os.environ.get("RUNS") or 3)
SHAPE = os.environ.get("SHAPE") or "campus"
GOAL = 0.25      # of nfdump's time
AT_ONCE = 0.1    # seconds
MEMORY = 500     # MB, with ten million flows
SITE = """
WITH RECURSIVE n(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i < 1023)
INSERT INTO hosts (cidr, name, user, user_group)
SELECT printf('192.168.%%d.%%d', i / 256, i %% 256), 'pc' || i, 'user' || (i %% 300), 'group' || (i %% 20) FROM n;
INSERT INTO networks (cidr, name, zone) VALUES ('%s', 'campus', 'local');
WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
INSERT INTO networks (cidr, name, zone)
SELECT DISTINCT printf('%%d.%%d.0.0/16', 11 + i %% 110, i / 110), 'net' || i, iif(i %% 3, 'international', 'domestic')
FROM n;
INSERT INTO tariffs (zone, direction, price, currency) VALUES ('international', 'in', 3, 'EUR'), ('domestic', 'in', 1, 'EUR');
INSERT INTO quotas (kind, name, period, octets) SELECT DISTINCT 'user', user, 'month', 1000000000 FROM hosts;
""" % HOME


def make_site(directory, flowvt, shape):
    """A database with a site's own tables, made anew each time: that takes as long as it takes to update usage."""
    site = directory + "/site.db"
    for name in glob.glob(site + "*"):
        os.unlink(name)
    report = BUILD + "/flowreport"
    must([report, "init", site, "--store", flowvt.store])
    must(["sqlite3", "-batch", "-bail", "-cmd", ".load %s/flowvt" % BUILD, site, shape.fit(SITE)])
    must([report, "update", "--site", site])
    return site


def nfdump_command(nfdump, report, shape):
    base = [nfdump.nfdump, "-q"]
    last = max(glob.glob(nfdump.directory + "/*/nfcapd.*"), key=lambda path: int(path.split("/")[-2]))
    every, one = (" ".join(map(shlex.quote, base + more)) for more in (["-R", nfdump.directory], ["-r", last]))
    words = lambda text: text.replace("NFLAST", one).replace("NF ", every + " ")  # noqa: E731
    return "; ".join(words(shape.fit(text)) for text in report.nfdump)


def compare(goals, report, flowvt, nfdump, site, shape):
    """A line of one report. Returns whether all ran."""
    args = [shape.fit(arg) for arg in report.args]
    title = " ".join([report.name] + args)
    form = "html" if report.name == "overview" else "json"
    commands = {"flowvt": [BUILD + "/flowreport", report.name, *args, "--store", flowvt.store, "--site", site,
                           "--format", form]}
    if nfdump:
        commands["nfdump"] = nfdump_command(nfdump, report, shape)
    runs = interleaved(commands, RUNS)
    ours = runs["flowvt"]
    failed = [name for name, some in runs.items() if any(r.status for r in some)]
    line = "%-34s %8.3f %6.0f  " % (title, median([r.wall for r in ours]), max(r.memory for r in ours))
    if FLOWS == 10000000:
        goals.check(title + ", memory in MB", max(r.memory for r in ours), MEMORY)
    if nfdump:
        theirs = runs["nfdump"]
        got, took = median(ratios(ours, theirs)), median([r.wall for r in theirs])
        line += "%8.3f  %s %-20s" % (took, "=" if report.same else "~", spread(ratios(ours, theirs)))
        line += "at once" if max(took, median([r.wall for r in ours])) < AT_ONCE else goals.check(title, got, GOAL)
    say(line + ("  FAILED: %s: %s" % (", ".join(failed), runs[failed[0]][0].errors.strip()[-200:]) if failed else ""))
    if os.environ.get("VERBOSE"):
        for text in report.nfdump:
            say("      " + text)
    return not failed


def main():
    names = sys.argv[1:]
    known = {os.path.basename(path)[:-4] for path in glob.glob(HERE + "/../../queries/*.sql")}
    left_out = known - {r.name for r in REPORTS}
    if left_out or set(names) - known or SHAPE not in SHAPES:
        print("%s\n%s" % (__doc__, "not in report_list.py: " + " ".join(left_out) if left_out else ""), file=sys.stderr)
        return 2
    shape = SHAPES[SHAPE]
    directory = "%s/bench/%d" % (BUILD, FLOWS) + ("" if SHAPE == "campus" else "-" + SHAPE)
    os.makedirs(directory, exist_ok=True)
    flowvt, nfdump = Flowvt(BUILD, directory + "/store"), Nfdump(directory + "/nf")
    nfdump = nfdump if nfdump.found() else None
    shape.make(directory, FLOWS, flowvt, nfdump)
    site = make_site(directory, flowvt, shape)
    goals, good = Goals(), True
    say("flowvt %s beside nfdump %s; %d processors; medians of %d" % (
        flowvt.version, nfdump.version if nfdump else "(not found: see README.md)", os.cpu_count(), RUNS))
    say("%-34s %8s %6s  %8s  %s" % ("", "seconds", "MB", "nfdump", "ratio; goal"))
    for report in REPORTS:
        if not names or report.name in names:
            good &= compare(goals, report, flowvt, nfdump, site, shape)
    goals.summary()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
