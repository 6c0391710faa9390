#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make bench: flowvt beside nfdump, DuckDB, ClickHouse and an ordinary SQLite table, as ratios.

usage: bench.py [NAME...]      without names all; else of Q1 to Q13, sizes, columns, export, needle, year

Ten million flows of a realistic mix in twelve five-minute files. Figures are whole processes from start to
exit with a warm cache, the peers taking turns; a ratio is flowvt's wall time divided by the peer's in the
same turn, so below 1 flowvt is faster. Answers are compared before anything is measured; where they are
not the same the line says WRONG and the exit status is 1. In the environment:

  BUILD=build  FLOWS=10000000  RUNS=5   where, how many, how often
  PEERS=nfdump,DuckDB,ClickHouse        which of those that are installed; also: table (SQLite's own, slow)
  NFDUMP= NFCAPD=  DUCKDB=              where the peers are, see README.md beside this file
  NEEDLE_FLOWS=  YEAR=1                 another store of so many flows (ten times FLOWS; 0: none); one of a
                                        year, 105 000 files

The data are kept in BUILD/bench; the store is made anew when the programs have changed."""
import glob
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import columns  # noqa: E402
from measure import Run, interleaved, median, ratios, spread  # noqa: E402
from peers import NAMES, ClickHouse, DuckDB, Flowvt, Nfdump, Table, must, octets  # noqa: E402
from questions import QUESTIONS, SLICE  # noqa: E402

FILES, SECONDS, BEGIN = 12, 300, 1700000100
BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
FLOWS = int(os.environ.get("FLOWS") or 10000000)
RUNS = int(os.environ.get("RUNS") or 5)
NEEDLE = int(os.environ.get("NEEDLE_FLOWS") or 10 * FLOWS)
WANTED = os.environ.get("PEERS", "nfdump,DuckDB,ClickHouse").split(",")
FLOWGEN = BUILD + "/tests/load/flowgen"


def say(text=""):
    print(text, flush=True)


# ---- data -----------------------------------------------------------------------------------

def stamp():
    """Says which programs made a store."""
    h = hashlib.sha256()
    for name in ("flowcollect", "tests/load/flowgen"):
        with open(os.path.join(BUILD, name), "rb") as f:
            h.update(f.read())
    return h.hexdigest()


def made(path, mark, make):
    """Make a directory or file unless one with this mark is there; then mark it."""
    note = path + ".made"
    if os.path.exists(note) and open(note, encoding="utf-8").read() == mark:
        return
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.exists(path):
        os.unlink(path)
    make()
    with open(note, "w", encoding="utf-8") as f:
        f.write(mark)


def captures(directory, flows, files):
    """Generated export datagrams, a file for each five minutes; each is gone when the next is made."""
    pcap = directory + "/x.pcap"
    each = flows // files
    for i in range(files):
        must([FLOWGEN, "--version", "9", "--mix", "--count", str(each), "--first", str(i * each), "--span", "299.9",
              "--begin", str(BEGIN + i * SECONDS), "--pcap", pcap])
        yield i, pcap
    os.unlink(pcap)


def make_stores(directory, flows, files, flowvt, nfdump):
    """The store, and nfdump's files beside it."""
    def store():
        for _, pcap in captures(directory, flows, files):
            flowvt.collect(pcap, flowvt.store)

    def nfcapd():
        for i, pcap in captures(directory, flows, files):
            nfdump.collect(pcap, i)

    say("making %d flows in %d files, unless they are there: %s" % (flows, files, directory))
    made(flowvt.store, stamp(), store)
    if nfdump:
        made(nfdump.directory, "%s %d" % (nfdump.version, flows), nfcapd)


def load_tables(directory, flowvt, tables):
    """The same rows into the databases."""
    csv_file = directory + "/flows.csv"

    def load(peer):
        if not os.path.exists(csv_file):
            must("sqlite3 -batch -csv -cmd '.load %s/flowvt' :memory: 'SELECT %s FROM flows' >%s" % (
                BUILD, NAMES, csv_file), flowvt.env)
        say("loading %s" % peer.name)
        peer.load(csv_file)

    for peer in tables:
        if isinstance(peer, ClickHouse):  # its directory is the server's
            if peer.is_empty():
                load(peer)
        else:
            made(peer.database, peer.version, lambda peer=peer: load(peer))
    if os.path.exists(csv_file):
        os.unlink(csv_file)


# ---- questions ------------------------------------------------------------------------------

CELL = 22  # the width of a column


def verdict(goal, got):
    """A goal, and whether it is met."""
    if goal is None:
        return ""
    return "%.2f%s" % (goal, "" if got is None else " met" if got <= goal else " MISSED")


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


def ask(question, facts, flowvt, peers):
    """Compare, measure, print. Returns whether all answers are the same."""
    wrong = compare(question, facts, flowvt, peers)
    runs = interleaved({peer.name: peer.command(question, facts) for peer in [flowvt, *peers]}, RUNS,
                       flowvt.env)
    ours = runs[flowvt.name]
    line, got = "%-4s %-45s %8.3f  " % (question.name, question.title, median([r.wall for r in ours])), None
    for peer in peers:
        theirs = ratios(ours, runs[peer.name])
        got = median(theirs) if peer.name == "nfdump" else got
        line += "%-*s" % (CELL, spread(theirs) + (" WRONG" if peer.name in wrong else ""))
    say("%s%-12s %s" % (line, verdict(question.goal, got), question.clickhouse or ""))
    if question.memory:
        say("     memory, MB: %s" % ", ".join(
            "%s %.0f" % (name, max(r.memory for r in some)) for name, some in runs.items()))
    return not wrong


def rare_host(flowvt):
    """One with the fewest flows as a source."""
    return flowvt.ask("SELECT srcip FROM traffic GROUP BY srcip ORDER BY sum(flows), srcip LIMIT 1").strip()


# ---- sizes ----------------------------------------------------------------------------------

def live_size(work):
    """Octets a flow of what a collector has written that was killed."""
    store = work + "/live"
    shutil.rmtree(store, ignore_errors=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        port = str(s.getsockname()[1])
    collector = subprocess.Popen([BUILD + "/flowcollect", "-b", "127.0.0.1", "-p", port, "-w", store],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    must([FLOWGEN, "--version", "9", "--mix", "--count", "500000", "--rate", "100000", "127.0.0.1", port])
    time.sleep(3)
    collector.send_signal(signal.SIGKILL)
    collector.wait()
    flows = int(Flowvt(BUILD, store).ask("SELECT sum(flows) FROM flow_files").strip() or 0) or 1
    size = octets(store) / flows
    shutil.rmtree(store)
    return size


def merged_store(work, flowvt):
    """The day merged into one file, or None when flowcollect does not do that."""
    if "--merge" not in Run([BUILD + "/flowcollect", "-h"]).output:
        return None
    merged = Flowvt(BUILD, work + "/merged")

    def make():
        shutil.copytree(flowvt.store, merged.store)
        must([BUILD + "/flowcollect", "--merge", "-w", merged.store])

    made(merged.store, stamp(), make)
    return merged


def sizes(work, flowvt, peers):
    say("\noctets a flow")
    merged = merged_store(work, flowvt)
    lines = [("flowvt, live file", live_size(work))]
    lines += [(what, size / FLOWS) for what, size in flowvt.sizes()]
    if merged:
        rollups = columns.rollup_octets(glob.glob(merged.store + "/**/*.fvt", recursive=True))
        lines.append(("flowvt, day merged", octets(merged.store) / FLOWS))
        lines.append(("flowvt, day merged, without roll-ups", (octets(merged.store) - rollups) / FLOWS))
    lines += [(what, size / FLOWS) for peer in peers for what, size in peer.sizes()]
    zstd = next((size for what, size in lines if "zstd writes" in what), None)
    for what, size in lines:
        ratio = "" if not zstd else "%6.2f of nfdump's zstd" % (size / zstd)
        goal = {"flowvt, closed files": 0.7, "flowvt, day merged": 0.5}.get(what) if zstd else None
        say("  %-38s %7.2f  %s  %s" % (what, size, ratio, verdict(goal, size / (zstd or 1))))


# ---- other figures --------------------------------------------------------------------------

def together(title, commands, env=None, goal=None):
    """A line of the first command's wall time and its ratio to each of the others."""
    runs = interleaved(commands, RUNS, env)
    failed = [name for name, some in runs.items() if any(r.status for r in some)]
    names = list(commands)
    ours = runs[names[0]]
    line = "%-51s %.3f s" % (title, median([r.wall for r in ours]))
    for name in names[1:]:
        line += "  %s %s" % (name, spread(ratios(ours, runs[name])))
    if goal and len(names) > 1:
        line += "  goal " + verdict(goal, median(ratios(ours, runs[names[1]])))
    say(line + ("  FAILED: " + ", ".join(failed) if failed else ""))
    return not failed


def export(flowvt, nfdump):
    """Table-valued functions that write CSV and NDJSON from columns, where the extension has them."""
    good = True
    have = flowvt.ask("SELECT name FROM pragma_module_list WHERE name IN ('flows_csv', 'flows_ndjson')").split()
    for what in ("csv", "ndjson"):
        if "flows_" + what not in have:
            continue
        sql = "SELECT * FROM flows_%s" % what
        ours = ["sqlite3", "-batch", "-noheader", "-list", "-cmd", ".load %s/flowvt" % BUILD, ":memory:", sql]
        commands = {"flowvt": ours}
        if nfdump:
            commands["nfdump"] = [nfdump.nfdump, "-q", "-R", nfdump.directory, "-o", what.replace("nd", "")]
        good &= together("every flow through flows_" + what, commands, flowvt.env, 0.5)
    return good


def needle(work, flowvt_class, nfdump_class, with_nfdump):
    """One rare host in many files, and the first row."""
    directory = "%s/needle-%d" % (work, NEEDLE)
    os.makedirs(directory, exist_ok=True)
    files = max(FILES, NEEDLE * FILES // 10000000)
    store = flowvt_class(BUILD, directory + "/store")
    nfdump = nfdump_class(directory + "/nf") if with_nfdump else None
    make_stores(directory, NEEDLE, files, store, nfdump)
    host = rare_host(store)
    sql = "SELECT * FROM flows WHERE srcip = '%s'" % host
    commands = {"flowvt": store.shell(sql)}
    if nfdump:
        commands["nfdump"] = [nfdump.nfdump, "-q", "-R", nfdump.directory, "-o", "line", "src ip " + host]
    good = together("all flows of one rare host out of %d million" % (NEEDLE // 1000000), commands, store.env, 0.05)
    good &= together("the first row of these", {"flowvt": store.shell("SELECT * FROM flows LIMIT 1")}, store.env)
    good &= together("the first that goes to port 445", {"flowvt": store.shell(
        "SELECT * FROM flows WHERE dstport = 445 LIMIT 1")}, store.env)
    return good


def year(work):
    """A store of 105 120 files: an hour of it beside a store of that hour, and all of it."""
    directory = work + "/year"
    os.makedirs(directory, exist_ok=True)
    big, small = Flowvt(BUILD, directory + "/store"), Flowvt(BUILD, directory + "/hour")
    day = BEGIN // 86400 * 86400
    hour = day + 180 * 86400

    def make():
        must([BUILD + "/tests/load/storegen", big.store, str(day), str(365 * 288), "100"])
        for k in range(12):
            name = time.strftime("%Y/%m/%d/flows.%Y%m%d%H%M.fvt", time.gmtime(hour + k * SECONDS))
            os.makedirs(os.path.dirname(small.store + "/" + name), exist_ok=True)
            shutil.copy(big.store + "/" + name, small.store + "/" + name)

    say("making a year of files, unless it is there: %s" % directory)
    made(big.store, stamp(), make)
    sql = "SELECT srcip, sum(bytes) b FROM traffic WHERE since = %d AND until = %d GROUP BY srcip ORDER BY b DESC LIMIT 10"
    one = small.shell(sql % (hour, hour + 3600))
    files = sum(len(f) for _, _, f in os.walk(big.store))
    good = together("an hour out of a year of %d files" % files, {
        "flowvt": ["env", "FLOWVT_STORE=" + big.store, *one], "a store of that hour": ["env", "FLOWVT_STORE=" + small.store,
                                                                                     *one]})
    good &= together("top 10 of the year", {"flowvt": big.shell(
        "SELECT srcip, sum(bytes) b FROM traffic GROUP BY srcip ORDER BY b DESC LIMIT 10")}, big.env)
    merged = merged_store(directory, big)
    if merged:
        for what, extra in (("", {}), (", without roll-ups", {"FLOWVT_ROLLUPS": "0"})):
            good &= together("top 10 of the year, days merged" + what, {"flowvt": merged.shell(
                "SELECT srcip, sum(bytes) b FROM traffic GROUP BY srcip ORDER BY b DESC LIMIT 10")},
                {**merged.env, **extra})
    return good


def main():
    names = sys.argv[1:]
    if set(names) - {q.name for q in QUESTIONS} - {"sizes", "columns", "export", "needle", "year"}:
        print(__doc__, file=sys.stderr)
        return 2
    wants = lambda name: not names or name in names  # noqa: E731
    work = "%s/bench" % BUILD
    directory = "%s/%d" % (work, FLOWS)
    os.makedirs(directory, exist_ok=True)
    flowvt = Flowvt(BUILD, directory + "/store")
    candidates = [("nfdump", lambda: Nfdump(directory + "/nf")), ("DuckDB", lambda: DuckDB(directory + "/duck.db")),
                  ("ClickHouse", lambda: ClickHouse(directory + "/clickhouse")),
                  ("table", lambda: Table(directory + "/table.db"))]
    peers = [peer for peer in (make() for name, make in candidates if name in WANTED) if peer.found()]
    good = True
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
                good &= ask(question, facts, flowvt, peers)
        if wants("export"):
            good &= export(flowvt, nfdump)
        if wants("sizes"):
            sizes(directory, flowvt, peers)
        if wants("columns"):
            say("\noctets a flow by column, and how chunks are encoded (how many)")
            merged = merged_store(directory, flowvt)
            for store in [flowvt] + ([merged] if merged else []):
                say("\n".join(columns.table(sorted(glob.glob(store.store + "/**/*.fvt", recursive=True)))))
        if wants("needle") and NEEDLE and os.environ.get("NEEDLE_FLOWS") != "0":
            say()
            good &= needle(work, Flowvt, Nfdump, nfdump)
        if "year" in names or os.environ.get("YEAR"):
            say()
            good &= year(work)
    finally:
        for peer in peers:
            peer.stop()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
