#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Statements made at random give the same rows on flows, traffic and endpoints as on ordinary SQLite
tables with the rows that tests/schema/read_fvt.py reads in the same files (see reference.py).

usage: answers.py [--build DIR] [--seed N] [--count N] [STORE...]

Each of some stores is asked again with a table sampling_overrides.

Without STORE: one made of all captures of ../shared/data, a day and a half of generated flows,
closed, live, and merged, and flows that are odd in many ways, merged. --seed and --count (or SEED and COUNT in the environment) are for longer runs;
each store is asked --count statements, in turn with the limits of memory, threads and so on that
SETTINGS lists. A statement that differs is made as short as it still differs, and printed."""
import argparse
import collections
import glob
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
import odd_flows  # noqa: E402
from reference import PARAMETERS, Reference, text_time  # noqa: E402
from statements import Maker, bound  # noqa: E402

CAPTURES = os.path.join(ROOT, "../shared/data")
SETTINGS = [{}, {"FLOWVT_THREADS": "1"}, {"FLOWVT_THREADS": "4", "FLOWVT_MEMORY": "1M"}, {"FLOWVT_ROLLUPS": "0"},
            {"FLOWVT_THREADS": "3", "FLOWVT_TOPLISTS": "0"}, {"FLOWVT_MEMORY": "1M", "FLOWVT_ROLLUPS": "0"}]
BATCH = 10  # statements with one setting
BEGIN = 1700000100  # of generated flows


class Store:
    """A store as the extension and the reference see it."""

    def __init__(self, path, library, seed, overrides=()):
        """overrides: of sampling rates, as in reference.py."""
        self.path, self.library, self.overrides = path, library, overrides
        self.random = random.Random(seed)
        os.environ["FLOWVT_STORE"] = path
        self.db = self.connect()
        tables = {kind: self.columns(kind)[skip:] for kind, skip in PARAMETERS.items()}
        files = sorted(glob.glob(os.path.join(path, "**/*.fvt"), recursive=True))
        self.reference = Reference(files, {kind: dict(columns) for kind, columns in tables.items()}, overrides)
        self.maker = Maker(self.random, self.reference)
        self.own_tables = self.random_tables()
        self.fill(self.db)
        self.fill(self.reference.db)

    def connect(self):
        db = sqlite3.connect(":memory:", isolation_level=None)
        db.enable_load_extension(True)
        db.load_extension(self.library)
        return db

    def columns(self, kind):
        return [(name, declared) for name, declared in self.db.execute(
            "SELECT name, type FROM pragma_table_xinfo(?) ORDER BY cid", (kind,))]

    def random_tables(self):
        """hosts and networks, as a site has them."""
        pool = self.maker.pool
        ips = pool("flows", "srcip") + pool("flows", "dstip")
        numbers = pool("flows", "dstport") + pool("flows", "srcas") + pool("flows", "tcpflags")
        hosts = [(self.random.choice(ips), "host %d" % (i % 7), self.random.choice(numbers)) for i in range(40)]
        hosts += [("203.0.113.%d" % i, "nobody", i) for i in range(3)]
        nets = ["%s/%d" % (self.random.choice(ips), self.random.choice([8, 16, 24, 30])) for _ in range(6)]
        return hosts, [(net, "network %d" % i) for i, net in enumerate(nets + ["2001:db8::/32"])]

    def fill(self, db):
        db.execute("CREATE TABLE hosts (ip TEXT, name TEXT, number INTEGER)")
        db.execute("CREATE TABLE networks (net TEXT, name TEXT)")
        db.executemany("INSERT INTO hosts VALUES (?, ?, ?)", self.own_tables[0])
        db.executemany("INSERT INTO networks VALUES (?, ?)", self.own_tables[1])
        if self.overrides and db is self.db:
            db.execute("ATTACH ':memory:' AS site")
            db.execute("CREATE TABLE site.sampling_overrides (note TEXT, exporter TEXT, since TEXT, until, rate INTEGER)")
            db.executemany("INSERT INTO sampling_overrides VALUES ('', ?, ?, ?, ?)", (
                (exporter, text_time(since), None if until is None else until / 1000, rate)
                for exporter, since, until, rate in self.overrides))

    def some_overrides(self):
        """Rows of sampling_overrides, for some of the exporters and some of the time."""
        r, pool, moments = self.random, self.maker.pool("flows", "exporter"), self.maker.moments
        rows = []
        for _ in range(8):
            exporter = r.choice(pool + [None])
            times = sorted(r.sample(moments, 2))
            since, until = r.choice([times, times, times, (None, times[0]), (times[1], None)])
            rows.append((exporter if exporter is None else exporter + r.choice(["", "/8", "/31"]), since, until,
                         r.choice([1, 3, 10, 1000])))
        return rows + [(r.choice(pool), None, None, 7)]

    def set(self, setting):
        """A new connection with these in the environment."""
        for name in {name for s in SETTINGS for name in s}:
            os.environ.pop(name, None)
        os.environ.update(setting)
        self.db.close()
        os.environ["FLOWVT_STORE"] = self.path
        self.db = self.connect()
        self.fill(self.db)


def rows_of(db, sql, parameters=False):
    """Its rows, or what went wrong."""
    values = {}
    if parameters:
        sql, values = bound(sql)
    try:
        return [tuple((type(v).__name__, v) for v in row) for row in db.execute(sql, values)], None
    except (sqlite3.Error, OverflowError) as why:
        return None, str(why)


def difference(store, s):
    """What is wrong with the extension's answer to a statement, or None. Also whether it was compared."""
    got, error = rows_of(store.db, s.sql(), s.bound)
    wanted, other = rows_of(store.reference.db, s.sql(store.reference), s.bound)
    whole = wanted
    if wanted is not None and s.limit is not None:
        whole, other = rows_of(store.reference.db, s.sql(store.reference, whole=False), s.bound)
    store.reference.forget()
    if error or other:
        if error and "has no value here" in error:
            return None, False  # said so in README
        return (None, False) if error and other else ("an error: %s, not %s" % (error, other), True)
    left = collections.Counter(whole)
    left.subtract(got)
    if len(got) != len(wanted):
        return "%d rows, not %d%s" % (len(got), len(wanted), example(got, whole)), True
    if min(left.values(), default=0) < 0:
        return "other rows" + example(got, whole), True
    keys = len(s.order)
    if [row[:keys] for row in got] != [row[:keys] for row in wanted]:
        return "another order: %s, not %s" % (got[:3], wanted[:3]), True
    return None, True


def example(got, wanted):
    more, less = (collections.Counter(a) for a in (got, wanted))
    more, less = list((more - less).elements())[:2], list((less - more).elements())[:2]
    show = lambda rows: [tuple(v for _, v in row) for row in rows]  # noqa: E731
    return ": too much %s, missing %s" % (show(more), show(less))


def shortest(store, s, why):
    """The statement with as many parts left out as it still differs without."""
    found = True
    while found:
        found = False
        for less in s.shorter():
            try:
                other, _ = difference(store, less)
            except Exception:  # some parts need each other
                continue
            if other and other.startswith("an error") == why.startswith("an error"):
                s, why, found = less, other, True
                break
    return s, why


def ask(name, store, count):
    """Ask so many statements; print one line of TAP, and what differs."""
    compared = bad = 0
    for i in range(count):
        if i % BATCH == 0:
            setting = SETTINGS[i // BATCH % len(SETTINGS)]
            store.set(setting)
        s = store.maker.make()
        why, was = difference(store, s)
        compared += was
        if not why:
            continue
        bad += 1
        if bad > 5:
            continue
        s, why = shortest(store, s, why)
        print("  %s%s\n    %s\n    %s\n    reference: %s" % (
            " ".join("%s=%s" % x for x in setting.items()), " (values are parameters)" if s.bound else "", s.sql(), why,
            s.sql(store.reference)))
        store.reference.forget()
    print("%sok - %s: %d statements, %d compared%s" % ("not " if bad or compared < count / 2 else "", name, count, compared,
                                                     ", %d differ" % bad if bad else ""))
    sys.stdout.flush()
    return bad == 0


# ---- stores ---------------------------------------------------------------------------------

def quiet(*command):
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def of_captures(build, store):
    """Every capture there is, in one store."""
    for capture in sorted(glob.glob(CAPTURES + "/traffic/*.pcap*")):
        quiet(build + "/flowprobe", "-q", "-r", capture, "-w", store)
    for capture in sorted(glob.glob(CAPTURES + "/export/*.pcap*")):
        quiet(build + "/flowcollect", "-r", capture, "-w", store)


def generated(build, store, pcap):
    """Flows of a busy hour and a bit of the hours after it, for a day and a half."""
    first = 0
    for i, (offset, count) in enumerate([(300 * k, 500) for k in range(12)] + [(3600 * k, 60) for k in range(1, 38)]):
        quiet(build + "/tests/load/flowgen", "--version", "9" if i % 3 else "10", "--mix", "--count", str(count),
              "--first", str(first), "--span", "299.9", "--begin", str(BEGIN + offset), "--pcap", pcap,
              "--exporters", "1")
        first += count
        quiet(build + "/flowcollect", "-r", pcap, "-w", store)


def odd(build, store, pcap, seed):
    """Rare flows of two days, merged, and some that came late."""
    for messages in (500, 20):
        odd_flows.write(pcap, random.Random(seed + messages), BEGIN * 1000, 2, messages)
        quiet(build + "/flowcollect", "-t", "3600", "-r", pcap, "-w", store)
        if messages == 500:
            quiet(build + "/flowcollect", "--merge", "--rollups", "proto inif proto,exporter", "--before", "2023-11-16", "-w", store)


def live(build, store):
    """What a collector that is killed leaves behind."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        port = str(s.getsockname()[1])
    collector = subprocess.Popen([build + "/flowcollect", "-b", "127.0.0.1", "-p", port, "-w", store],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        for first in range(0, 5000, 1000):  # a group is written every second
            quiet(build + "/tests/load/flowgen", "--version", "9", "--mix", "--exporters", "2", "--count", "1000",
                  "--first", str(first), "--span", "200", "--rate", "20000", "127.0.0.1", port)
            time.sleep(0.7)
        time.sleep(1.5)
    finally:
        collector.send_signal(signal.SIGKILL)
        collector.wait()


def stores(build, work, seed):
    """Names and paths, one after the other."""
    if os.path.isdir(CAPTURES):
        of_captures(build, work + "/captures")
        yield "captures", work + "/captures"
    else:
        print("ok - answers on captures of others # SKIP no %s" % CAPTURES)
    generated(build, work + "/closed", work + "/pcap")
    yield "generated flows, closed", work + "/closed"
    live(build, work + "/live")
    yield "generated flows, live", work + "/live"
    shutil.copytree(work + "/closed", work + "/merged")
    quiet(build + "/flowcollect", "--merge", "--before", "2023-11-16", "-w", work + "/merged")
    yield "generated flows, two days merged", work + "/merged"
    odd(build, work + "/odd", work + "/pcap", seed)
    yield "odd flows, two days merged", work + "/odd"


def main():
    parser = argparse.ArgumentParser(description="The same answers as an independent reader.")
    parser.add_argument("--build", default=os.environ.get("BUILD", os.path.join(ROOT, "build")))
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED", "1")))
    parser.add_argument("--count", type=int, default=int(os.environ.get("COUNT", "50")))
    parser.add_argument("stores", nargs="*", metavar="STORE")
    args = parser.parse_args()
    library = os.path.join(os.path.abspath(args.build), "flowvt.so")
    if not hasattr(sqlite3.Connection, "enable_load_extension"):
        print("skip answers: this Python's SQLite loads no extensions")
        return 77
    good = True
    with tempfile.TemporaryDirectory() as work:
        named = ((path, path) for path in args.stores) if args.stores else stores(os.path.abspath(args.build), work, args.seed)
        for name, path in named:
            store = Store(path, library, args.seed)
            count = args.count // 2 if name.startswith("odd") else args.count
            good &= ask("%s, seed %d" % (name, args.seed), store, count)
            if name.rpartition(" ")[2] in ("captures", "merged") or args.stores:
                store = Store(path, library, args.seed, store.some_overrides())
                good &= ask("%s, corrected sampling, seed %d" % (name, args.seed), store, count // 2)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
