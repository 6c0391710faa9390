#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make bench: flowvt beside nfdump, DuckDB, ClickHouse and an ordinary SQLite table, as ratios.

usage: bench.py [NAME...]      without names all; else of Q1 to Q13, export, memory, sizes, kinds,
                               columns, needle, year, days

Ten million flows of a realistic mix in twelve five-minute files. Figures are whole processes from start to
exit with a warm cache, the peers taking turns; a ratio is flowvt's wall time divided by the peer's in the
same turn, so below 1 flowvt is faster. Answers are compared before anything is measured; where they are
not the same the line says WRONG and the exit status is 1. In the environment:

  BUILD=build  FLOWS=10000000  RUNS=5   where, how many, how often
  PEERS=nfdump,DuckDB,ClickHouse        which of those that are installed; also: table (SQLite's own, slow)
  NFDUMP= NFCAPD=  DUCKDB=              where the peers are, see README.md beside this file
  NEEDLE_FLOWS=                         another store of so many flows (ten times FLOWS; 0: none)
  YEAR=1  DAYS=366  DAY_FLOWS=200000    a store of a year, 105 000 files (0: none); one of merged days
                                        (0: none), with so many flows each
  KINDS="v6 random"  LIST=1000000       some kinds of flows (flowgen's --kind); addresses in the largest list

The data are kept in BUILD/bench; the stores are made anew when the programs have changed."""
import glob
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import columns  # noqa: E402
from data import BEGIN, BUILD, FILES, SECONDS, load_tables, make_stores, merged_store  # noqa: E402
from exports import exports  # noqa: E402
from kinds import kinds  # noqa: E402
from measure import interleaved, median, ratios, spread  # noqa: E402
from memory import memory  # noqa: E402
from peers import ClickHouse, DuckDB, Flowvt, Nfdump, Table  # noqa: E402
from questions import QUESTIONS, SLICE  # noqa: E402
from report import CELL, Goals, say  # noqa: E402
from sizes import sizes  # noqa: E402
from stores import days, needle, rare_host, year  # noqa: E402

FLOWS = int(os.environ.get("FLOWS") or 10000000)
RUNS = int(os.environ.get("RUNS") or 5)
NEEDLE = int(os.environ.get("NEEDLE_FLOWS") or 10 * FLOWS)
YEAR = os.environ.get("YEAR") != "0"
DAYS = os.environ.get("DAYS") != "0"
WANTED = os.environ.get("PEERS", "nfdump,DuckDB,ClickHouse").split(",")
OTHERS = ("export", "memory", "sizes", "kinds", "columns", "needle", "year", "days")
BUDGET = 1024  # MB, what FLOWVT_MEMORY is unless it is set


def heading(peers):
    say("%-4s %-45s %8s  %s%-12s %s" % ("", "", "seconds", "".join("%-*s" % (CELL, "/ " + p.name) for p in peers),
                                        "goal, nfdump", "ClickHouse / nfdump, once"))


def compare(question, facts, flowvt, peers):
    """Names of the peers that answer otherwise than flowvt."""
    if question.same is None:
        return []
    ours = flowvt.answer(question, facts)
    wrong = []
    for peer in peers:
        try:
            good = bool(ours) and question.same(ours, peer.answer(question, facts))
        except (RuntimeError, ValueError, IndexError) as why:
            say("  %s: %s" % (peer.name, why))
            good = False
        if not good:
            wrong.append(peer.name)
    return wrong


def check_memory(goals, question, runs):
    """The largest resident sets; flowvt may take a tenth of nfdump's, or its budget."""
    most = {name: max(r.memory for r in some) for name, some in runs.items()}
    goal = max(BUDGET, most["nfdump"] / 10) if "nfdump" in most else None
    words = goals.check(question.name + ", memory in MB", most["flowvt"], goal)
    say("     memory, MB: %s%s" % (", ".join("%s %.0f" % one for one in most.items()),
                                   "; goal " + words if words else ""))


def ask(goals, question, facts, flowvt, peers):
    """Compare, measure, print. Returns whether all answers are the same."""
    wrong = compare(question, facts, flowvt, peers)
    runs = interleaved({peer.name: peer.command(question, facts) for peer in [flowvt, *peers]}, RUNS,
                       flowvt.env)
    ours = runs[flowvt.name]
    line, words = "%-4s %-45s %8.3f  " % (question.name, question.title, median([r.wall for r in ours])), ""
    for peer in peers:
        theirs = ratios(ours, runs[peer.name])
        if peer.name == "nfdump":
            words = goals.check(question.name, median(theirs), question.goal)
            if "ClickHouse" in question.ahead:
                goals.check(question.name + ", ClickHouse's of nfdump", median(theirs), question.clickhouse)
        elif peer.name == "DuckDB" and "DuckDB" in question.ahead:
            goals.check(question.name + ", of DuckDB", median(theirs), 1.0)
        line += "%-*s" % (CELL, spread(theirs) + (" WRONG" if peer.name in wrong else ""))
    say("%s%-12s %s" % (line, words, question.clickhouse or ""))
    if question.memory:
        check_memory(goals, question, runs)
    return not wrong


def by_column(directory, flowvt):
    """Of the closed files, and of the merged day."""
    say("\noctets a flow by column, and how chunks are encoded (how many)")
    merged = merged_store(directory, flowvt)
    for store in [flowvt] + ([merged] if merged else []):
        say("\n".join(columns.table(sorted(glob.glob(store.store + "/**/*.fvt", recursive=True)))))


def choose_peers(directory):
    """Those that are wanted and installed."""
    candidates = [("nfdump", lambda: Nfdump(directory + "/nf")), ("DuckDB", lambda: DuckDB(directory + "/duck.db")),
                  ("ClickHouse", lambda: ClickHouse(directory + "/clickhouse")),
                  ("table", lambda: Table(directory + "/table.db"))]
    peers = []
    for name, make in candidates:
        if name in WANTED:
            peer = make()
            if peer.found():
                peers.append(peer)
            else:
                say("without %s, which is not found: see tests/bench/README.md" % name)
    return peers


def main():
    names = sys.argv[1:]
    if set(names) - {q.name for q in QUESTIONS} - set(OTHERS):
        print(__doc__, file=sys.stderr)
        return 2
    wants = lambda name: not names or name in names  # noqa: E731
    work = "%s/bench" % BUILD
    directory = "%s/%d" % (work, FLOWS)
    os.makedirs(directory, exist_ok=True)
    flowvt = Flowvt(BUILD, directory + "/store")
    peers = choose_peers(directory)
    goals, good = Goals(), True
    try:
        nfdump = next((p for p in peers if isinstance(p, Nfdump)), None)
        make_stores(directory, FLOWS, FILES, flowvt, nfdump)
        load_tables(directory, flowvt, [p for p in peers if p.dialect])
        say("flowvt %s beside %s; %d processors" % (flowvt.version, ", ".join(
            "%s %s" % (p.name, p.version) for p in peers) or "no other", os.cpu_count()))
        say("flowvt's median time; ratios to the others: median (least-greatest) of %d\n" % RUNS)
        facts = {"since": BEGIN + SLICE * SECONDS, "until": BEGIN + (SLICE + 1) * SECONDS, "host": rare_host(flowvt),
                 "over": FLOWS}
        heading(peers)
        for question in QUESTIONS:
            if wants(question.name):
                good &= ask(goals, question, facts, flowvt, peers)
        if wants("export"):
            good &= exports(goals, RUNS, flowvt, nfdump)
        if wants("memory"):
            memory(flowvt, nfdump)
        if wants("sizes"):
            sizes(goals, directory, FLOWS, flowvt, peers)
        if wants("kinds"):
            kinds(directory, FLOWS, nfdump is not None)
        if wants("columns"):
            by_column(directory, flowvt)
        if wants("needle") and NEEDLE:
            say()
            good &= needle(goals, RUNS, work, NEEDLE, nfdump)
        if wants("year") and YEAR:
            say()
            good &= year(goals, RUNS, work)
        if wants("days") and DAYS:
            say()
            good &= days()
    finally:
        for peer in peers:
            peer.stop()
    goals.summary()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
