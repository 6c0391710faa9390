#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""usage, bill, quotas and percentile95 of known packets, to the octet, beside accounts.py, which has nothing of flowvt:
around changes of clocks in zones of whole and half hours, with flows that straddle them; whatever arrives late, is
merged, expires, is killed or runs twice at once. SEED=n is for packets other than those of every run."""
import collections
import csv
import datetime
import io
import os
import random
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import zoneinfo

import accounts
from accounts import Flow, Packet, Site, ms_of, text_of

BUILD = os.path.abspath(os.environ.get("BUILD") or "build")
os.environ.pop("FLOWVT_STORE", None)
os.environ.pop("FLOWVT_SITE", None)
failed = 0
HOUR = 3600000

SITE = Site(
    [("10.0.0.0/8", "local"), ("2001:db8:1::/48", "local"), ("10.99.0.0/16", "guests"), ("203.0.113.0/24", "domestic"),
     ("203.0.113.128/25", "cdn")],
    [("10.0.1.0/24", "", "staff", None, None), ("10.0.1.1", "ann", "staff", None, None), ("10.0.1.2", "bob", "staff", None, None),
     ("10.0.2.1", "cyn", "students", None, None), ("2001:db8:1::1", "ann", "staff", None, None),
     ("10.0.1.3", "dee", "students", "2026-10-24 21:30:00", None)],
    {(17, 53): "dns", (6, 443): "https", (17, 443): "quic"})
TARIFFS = [
    ("international", "in", None, "12345", 8, 18, 4.0, 1000000, "EUR", 20000),
    ("international", "in", None, "12345", 0, 8, 1.0, 1000000, "EUR", 20000),
    ("international", "in", None, "12345", 18, 24, 1.0, 1000000, "EUR", 0),
    ("international", "in", None, "67", 0, 24, 0.5, 1000000, "EUR", 20000),
    ("international", "in", "students", "1234567", 0, 24, 3.0, 1000000, "EUR", 50000),
    ("international", "out", None, "1234567", 0, 24, 2.0, 1000000, "EUR", 0),
    ("domestic", "in", None, "1234567", 0, 24, 0.25, 1000000, "EUR", 100000),
]
HOSTS = ["10.0.1.1", "10.0.1.2", "10.0.1.3", "10.0.2.1", "10.0.2.2", "2001:db8:1::1", "2001:db8:1::2"]
PEERS = ["203.0.113.5", "203.0.113.200", "198.51.100.7", "192.0.2.33", "10.0.1.3", "10.99.0.4", "2001:db8:2::7"]


def check(name, good, *detail):
    global failed
    failed |= not good
    print("%s - %s" % ("ok" if good else "not ok", name))
    for line in detail if not good else ():
        print("  %s" % (line,))


def same(name, got, wanted):
    diff = [(k, "got", got.get(k), "wanted", wanted.get(k)) for k in sorted(set(got) | set(wanted), key=str)
            if got.get(k) != wanted.get(k)]
    check(name, not diff and wanted, "%d differ of %d" % (len(diff), len(wanted)), *diff[:8])


def run(*args, ok=True):
    done = subprocess.run([str(a) for a in args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, text=True)
    if ok and done.returncode != 0:
        print("not ok - %s\n  %s" % (" ".join(map(str, args)), done.stderr.strip()))
        sys.exit(1)
    return done


def flowreport(site, *args, **more):
    return run(BUILD + "/flowreport", *args, "--site", site, **more).stdout


def update(site, *args):
    return flowreport(site, "update", "--settle", 0, *args)


def report(site, *args):
    """Rows of a report's first result set, or that of --set, as dictionaries."""
    return list(csv.DictReader(io.StringIO(flowreport(site, *args, "--format", "csv"))))


def insert(db, table, columns, rows):
    db.executemany("INSERT INTO %s (%s) VALUES (%s)" % (table, columns, ", ".join("?" * len(columns.split(",")))), rows)


def open_site(path):
    db = sqlite3.connect(path, timeout=60)
    db.enable_load_extension(True)
    db.load_extension(BUILD + "/flowvt.so")
    return db


def make_site(path, store, zone):
    flowreport(path, "init", path, "--store", store)
    db = open_site(path)
    db.execute("INSERT OR REPLACE INTO settings VALUES ('timezone', ?)", (zone,))
    insert(db, "networks", "cidr, zone", [(str(n), z) for n, z in SITE.networks])
    insert(db, "hosts", "cidr, user, user_group, valid_from, valid_until",
           [(str(n) if n.num_addresses > 1 else str(n[0]), *rest) for n, *rest in SITE.hosts])
    db.execute("DELETE FROM services")
    insert(db, "services", "proto, port_from, application", [(*k, v) for k, v in SITE.services.items()])
    insert(db, "tariffs", "zone, direction, user_group, weekdays, hour_from, hour_until, price, per, currency, included", TARIFFS)
    db.commit()
    db.close()


SUMS = "sum(octets_in), sum(octets_out), sum(packets_in), sum(packets_out), sum(flows_in), sum(flows_out)"


def table(path, name, keys):
    db = open_site(path)
    rows = db.execute("SELECT %s, %s FROM %s GROUP BY %s" % (keys, SUMS, name, keys)).fetchall()
    db.close()
    n = len(keys.split(","))
    return {r[:n]: r[n:] for r in rows if any(r[n:])}


DIMENSIONS = "host, user, user_group, zone, application"


def usage_of(path):
    check_totals(path)
    return table(path, "usage", "period, " + DIMENSIONS)


def check_totals(path):
    """That usage_total is what usage has, by parts of local days."""
    db = open_site(path)
    zone = zoneinfo.ZoneInfo(db.execute("SELECT value FROM settings WHERE name = 'timezone'").fetchone()[0])
    tariffs = db.execute("SELECT hour_from, hour_until, valid_from, valid_until FROM tariffs").fetchall()
    eras = {""} | {time for row in tariffs for time in row[2:] if time}
    hours = {0} | {hour for row in tariffs for hour in row[:2] if hour < 24}
    wanted = collections.defaultdict(lambda: (0,) * 5)
    db.execute("BEGIN")
    for period, host, user, group, peers, *volume in db.execute(
            "SELECT period, host, user, user_group, zone, 1, octets_in, octets_out, flows_in, flows_out FROM usage"):
        local = datetime.datetime.fromisoformat(period + "+00:00").astimezone(zone)
        key = (str(local.date()), max(h for h in hours if h <= local.hour), max(e for e in eras if e <= period), host, user, group, peers)
        wanted[key] = tuple(map(sum, zip(wanted[key], volume)))
    got = {row[:7]: row[7:] for row in db.execute("SELECT * FROM usage_total")}
    db.close()
    if got != dict(wanted):
        same("totals", got, wanted)


def totals_follow(path):
    """Whoever writes usage, and whatever changes that its parts are made of."""
    db = open_site(path)
    middle, = db.execute("SELECT datetime(period, '+10 minutes') FROM usage ORDER BY period LIMIT 1 OFFSET (SELECT count(*) / 2 FROM usage)").fetchone()
    for name, statement in (
            ("rows that go", "DELETE FROM usage WHERE zone = 'cdn'"),
            ("another user", "UPDATE usage SET user = 'eve' WHERE host = '10.0.1.2'"),
            ("other periods", "UPDATE usage SET period = strftime('%Y-%m-%d %H:%M:%f', period, '+13 hours'), octets_in = octets_in + 1 WHERE host = '10.0.1.1'"),
            ("an hour more", "UPDATE tariffs SET hour_until = 23 WHERE weekdays = '67'"),
            ("a tariff that ends", "UPDATE tariffs SET valid_until = '%s' WHERE zone = 'domestic'" % middle),
            ("another zone", "UPDATE settings SET value = 'Asia/Kathmandu' WHERE name = 'timezone'"),
            ("none left", "DELETE FROM usage")):
        before = db.execute("SELECT * FROM usage_total").fetchall()
        with db:
            db.execute(statement)
        check_totals(path)
        check("totals: " + name, db.execute("SELECT * FROM usage_total").fetchall() != before)
    db.close()


def conversations(moments, n):
    """Packets of n conversations each about one of the moments, most of them across it."""
    packets = []
    for i in range(n):
        host, peer = random.choice(HOSTS), random.choice(PEERS)
        while (":" in host) != (":" in peer) or host == peer:
            host, peer = random.choice(HOSTS), random.choice(PEERS)
        proto, port = random.choice([(17, 53), (6, 443), (17, 443), (17, 7000), (6, 7001)])
        ms = random.choice(moments) - random.randrange(0, 900000)
        for _ in range(random.choice([1, 2, 30])):
            up = random.random() < 0.4
            octets = random.randrange(100, 1400)
            packets.append(Packet(ms, host, peer, proto, 10000 + i, port, octets) if up else
                           Packet(ms, peer, host, proto, port, 10000 + i, octets))
            ms += random.randrange(1, 60000)
    return packets


# ---- days and months -----------------------------------------------------------------------

def change_of_clocks(work, zone, day):
    """Packets of the days about a change of clocks, and about the end of its month."""
    store, site, pcap = work + "/store", work + "/site.db", work + "/x.pcap"
    year, month, number = map(int, day.split("-"))
    begin = accounts.begin_of(zone, year, month, number)
    next_month = accounts.month_of(zone, day[:7])[1]
    midnights = [accounts.begin_of(zone, year, month, d) for d in range(max(1, number - 1), number + 2)] + [next_month]
    moments = midnights + [begin + h * HOUR for h in range(1, 5)] + [begin + 8 * HOUR, begin + 17 * HOUR]
    packets = conversations(moments, 160)
    accounts.write_packets(pcap, packets)
    run(BUILD + "/flowprobe", "-r", pcap, "-w", store, *"-t general=12h -t tcp=12h -t udp=12h -t maxlife=12h".split())
    make_site(site, store, zone)
    update(site, "--hours", 5)
    flows = accounts.flows_of(packets)
    usage = SITE.usage(flows, accounts.step_of(zone, year))
    name = "%s, %s: " % (zone, day)
    same(name + "usage", usage_of(site), usage)

    def local_day(period, *_):
        return accounts.local(ms_of(period), zone).strftime("%Y-%m-%d")

    days = accounts.summed(usage, lambda p, *k: (local_day(p), *k))
    same(name + "days", table(site, "usage_day", "day, " + DIMENSIONS), days)
    months = accounts.summed(days, lambda d, *k: (d[:7], *k))
    same(name + "days add up to months", table(site, "usage_month", "month, " + DIMENSIONS), months)
    same(name + "hosts add up to groups", table(site, "usage", "user_group"), accounts.summed(usage, lambda p, h, u, g, *_: (g,)))
    same(name + "zones add up to the total", table(site, "usage", "1"), accounts.summed(table(site, "usage", "zone"), lambda z: (1,)))
    total = sum(f.octets for f in flows for host in (f.src, f.dst) if SITE.zone(host) == "local")
    check(name + "and that is what was in the packets", sum(sum(v[:2]) for v in usage.values()) == total)
    lengths = {(b - a) / HOUR for a, b in zip(midnights, midnights[1:-1])}
    check(name + "a day of %s hours is among them" % sorted(lengths), zone == "Asia/Kathmandu" or lengths - {24})

    text = day[:7]
    wanted = accounts.bill(usage, TARIFFS, zone, text)
    lines = report(site, "bill", "--month", text, "--set", 1)

    def number_of(value):
        return None if value == "" else float(value)

    same(name + "bill", {(r["customer"], r["group"], r["zone"], r["direction"], r["band"] or None):
                         (int(r["octets"]), number_of(r["charged"]), number_of(r["price"])) for r in lines}, wanted)
    owed = collections.Counter()
    for (customer, *_), (_, _, price) in wanted.items():
        owed[customer] += price or 0
    got = collections.Counter()
    for r in report(site, "bill", "--month", text, "--set", 2):
        got[r["customer"]] += float(r["price"] or 0)
    same(name + "what each owes", {k: round(v, 2) for k, v in got.items()}, {k: round(v, 2) for k, v in owed.items()})
    same(name + "the same for the billing system",
         {(r["customer"], r["group"], r["zone"], r["direction"], r["band"]): (r["octets"], r["charged"], r["price"])
          for r in report(site, "billing-csv", "--month", text)},
         {(r["customer"], r["group"], r["zone"], r["direction"], r["band"]): (r["octets"], r["charged"], r["price"]) for r in lines})
    quota_states(name, site, usage, zone, begin + 30 * HOUR)
    increases(name, site, usage, zone, text)
    percentiles(name, site, flows, zone, text)
    if zone in ("Australia/Lord_Howe", "America/Sao_Paulo"):
        drill(name, site, text, 1)


def drill(name, site, month, customers, store=True):
    """From the bill, by what it says is next, down to flows: a row at random of each step, whose octets the next one has. Without
    a store as far as usage goes."""
    for row in random.sample([r for r in report(site, "bill", "--month", month, "--set", 2) if int(r["used"] or 0)], customers):
        path, wanted = [row["customer"]], int(row["used"])
        while store or len(path) < 3:
            words = shlex.split(row["next"])[1:]
            if words[0] == "long":
                break
            rows = report(site, *words, *(() if words[0] == "bill-days" else ("--n", -1)), "--set", 1)
            got = sum(int(r["bytes"]) for r in rows)
            path.append(" ".join(words))
            check("%s%s: %d of %s" % (name, words[0], wanted, row.get("day") or path[0]), got == wanted and rows, *path, got)
            row = random.choice(rows)
            wanted = int(row["bytes"])
        if store:
            words = shlex.split(row["next"])[1:]
            check(name + "and the flows are listed", len(report(site, *words)) >= max(1, int(row["flows"])), words, row)


def quota_states(name, site, usage, zone, now):
    """Limits just above, at and below what was used, of day, week and month."""
    db, wanted = open_site(site), {}
    day = accounts.local(now, zone)
    begins = {"day": accounts.begin_of(zone, day.year, day.month, day.day),
              "month": accounts.begin_of(zone, day.year, day.month)}
    monday = day - accounts.datetime.timedelta(days=day.weekday())
    begins["week"] = accounts.begin_of(zone, monday.year, monday.month, monday.day)
    for place, kind in ((1, "host"), (2, "user"), (3, "group")):
        for period, since in begins.items():
            used = collections.Counter()
            for k, v in usage.items():
                if k[4] != "local" and text_of(since) <= k[0] < text_of(now) and k[place]:
                    used[k[place]] += v[0] + v[1]
            for i, who in enumerate(sorted(used)):
                quota = max(1, used[who] + (1, 0, -1, used[who] // 5, used[who])[i % 5])
                state = "over" if used[who] > quota else "warn" if used[who] * 100 >= quota * 80 else "ok"
                wanted[(kind, who, period)] = (used[who], quota, state)
    insert(db, "quotas", "kind, name, period, octets", [(*k, v[1]) for k, v in wanted.items()])
    db.commit()
    db.close()
    same(name + "quotas", {(r["kind"], r["name"], r["period"]): (int(r["used"]), int(r["quota"]), r["state"])
                           for r in report(site, "quotas", "--time", text_of(now))}, wanted)
    alerts = report(site, "alerts/quota", "--time", text_of(now))
    same(name + "alerts of quotas", {(r["kind"], r["name"], r["period"]): r["state"] for r in alerts},
         {k: v[2] for k, v in wanted.items() if v[2] != "ok"})


def increases(name, site, usage, zone, month):
    since, until = accounts.month_of(zone, month)
    year, number = map(int, month.split("-"))
    last = accounts.begin_of(zone, year - (number == 1), (number - 2) % 12 + 1)
    now, old = collections.Counter(), collections.Counter()
    for k, v in usage.items():
        ms = ms_of(k[0])
        if k[4] != "local" and last <= ms < until:
            (now if ms >= since else old)[k[1]] += v[0] + v[1]
    same(name + "top increases", {r["name"]: (int(r["before"]), int(r["octets"])) for r in report(
        site, "top-increases", "--month", month, "--by", "host", "--n", -1)},
         {k: (old[k], now[k]) for k in now if now[k] > old[k]})


def percentiles(name, site, flows, zone, month):
    """Of some hours, so that there are samples above, and of the whole month, where all are 0."""
    since, until = accounts.month_of(zone, month)
    busiest = max(flows, key=lambda f: f.octets).first // HOUR * HOUR
    for a, b in ((busiest - HOUR + 60000, busiest + HOUR + 100000), (since, until)):
        first, last = -(-a // 300000), b // 300000
        samples = collections.defaultdict(lambda: collections.Counter())
        for f in flows:
            for end, host, peer in ((0, f.dst, f.src), (1, f.src, f.dst)):
                for at, _, octets, _ in parts_between(f, first, last):
                    if SITE.zone(host) == "local" and SITE.zone(peer) != "local":
                        samples[(host, end)][at] += octets
        wanted = {}
        for host in {h for h, _ in samples}:
            both = tuple(accounts.percentile(list(samples[(host, end)].values()), last - first, 75 if a != since else 95) for end in (0, 1))
            wanted[host] = (*both, max(both))
        got = report(site, "percentile95", "--by", "host", "--since", text_of(a), "--until", text_of(b),
                     "--percent", 75 if a != since else 95)
        same(name + "percentiles", {r["name"]: (float(r["bps_in"]), float(r["bps_out"]), float(r["billed"])) for r in got}, wanted)


def parts_between(f, first, last):
    return [p for p in accounts.parts(f, 300000) if first * 300000 <= p[0] < last * 300000 and (p[2] or p[3])]


# ---- what may happen to a store -------------------------------------------------------------

BORDER, CORE = "192.0.2.1", "192.0.2.2"  # exporters; interface 1 of the first is outside


def hour_of_flows(n, begin):
    """(Flow, way in, way out) of a border router: 1 is outside, 2 and 3 are inside."""
    out = []
    for i in range(n):
        host, peer = random.choice(HOSTS[:5]), random.choice(PEERS[:6])
        inside = SITE.zone(peer) in ("local", "guests")
        if peer == host:
            continue
        last = begin + random.randrange(HOUR)
        first = last - random.choice([0, 1000, 400000])
        f = Flow(host, peer, 6, 20000 + i, 443, first, last, random.randrange(1, 90), random.randrange(100, 90000))
        if random.random() < 0.5:
            f = Flow(f.dst, f.src, f.proto, f.dport, f.sport, *f[5:])
        out.append((f, *((2, 3) if inside else (2, 1) if SITE.zone(f.src) == "local" else (1, 2))))
    return out


class Store:
    def __init__(self, work):
        self.work, self.path, self.pcap = work, work + "/store", work + "/x.pcap"
        self.seen = {BORDER: [], CORE: []}
        self.sequence = collections.Counter()

    def receive(self, flows, begin, exporters=(BORDER, CORE)):
        """Each flow a minute after its end, but within the hour that begins then."""
        frames = []
        for exporter in exporters:
            by = collections.defaultdict(list)
            for f in flows:
                by[min(max(f[0].last + 60000, begin), begin + HOUR - 1)].append(f)
            for ms in sorted(by):
                frames += accounts.v5_datagrams(exporter, ms, by[ms], self.sequence[exporter])
                self.sequence[exporter] += len(by[ms])
            self.seen[exporter] += flows
        accounts.write_pcap(self.pcap, frames)
        run(BUILD + "/flowcollect", "-r", self.pcap, "-w", self.path, "-e", "none")

    def usage(self, exporters=(BORDER,), cut=None):
        return SITE.usage([f for e in exporters for f, *_ in self.seen[e]], HOUR, cut)


def what_happens(work):
    store, site = Store(work), work + "/site.db"
    begin = ms_of("2026-10-24 20:00")
    for h in range(3):
        store.receive(hour_of_flows(300, begin + h * HOUR), begin + h * HOUR)
    make_site(site, store.path, "Europe/Berlin")
    db = open_site(site)
    insert(db, "interfaces", "exporter, ifindex, name, role", [
        (BORDER, 1, "uplink", "outside"), (BORDER, 2, "lan", "inside"), (CORE, 1, "to border", "transit"), (CORE, 2, "lan", "inside")])
    db.commit()
    update(site)
    both = store.usage((BORDER, CORE))
    labels(db, "closed files")
    same("two exporters, none of which is preferred", usage_of(site), both)
    insert(db, "billing_exporters", "cidr, exporter", [("0.0.0.0/0", CORE), ("10.0.0.0/8", BORDER)])
    db.commit()
    update(site, "--redo", "2026-10-01")
    same("one of them counts for a network, once it is done again", usage_of(site), store.usage())
    check("what is up to date is left alone", update(site) == "")
    billed = sum(sum(v[:2]) for k, v in usage_of(site).items() if k[4] != "local")
    for more in ((), ("--store", store.path), ("--filter", "any")):
        days = report(site, "bill-days", *more, "--set", 1)
        check("days of a bill are of the exporters that count", sum(int(r["bytes"]) for r in days) == billed, (days, billed))
        hosts = [r for d in days for r in report(site, *shlex.split(d["next"])[1:], "--n", -1, "--set", 1)]
        check("hosts are, too", sum(int(r["bytes"]) for r in hosts) == billed, (hosts, billed))
    drill("two exporters, ", site, "2026-10", 2)

    store.receive(hour_of_flows(200, begin + HOUR), begin + HOUR)
    update(site)
    same("late ones of an hour that was counted", usage_of(site), store.usage())
    run(BUILD + "/flowcollect", "--merge", "-w", store.path)
    labels(db, "a merged day")
    check("files are merged", db.execute("SELECT count(*) FROM flow_files WHERE state = 'day'").fetchone()[0] > 0)
    check("merged files are nothing new", update(site) == "")
    same("after merging", usage_of(site), store.usage())
    store.receive(hour_of_flows(200, begin), begin)
    run(BUILD + "/flowcollect", "--merge", "-w", store.path)
    update(site)
    same("late ones that were merged before they were counted", usage_of(site), store.usage())

    # By interface: each octet that crosses the border, once.
    db.executescript("DROP VIEW billable; CREATE VIEW billable AS SELECT * FROM billable_by_interface;")
    update(site, "--redo", "2026-10-01")
    crossing = {id(f): (a == 1, b == 1) for f, a, b in store.seen[BORDER]}
    same("by interface", usage_of(site), store.usage(cut=lambda f, end: crossing[id(f)][end]))
    outside = sum(f.octets for f, a, b in store.seen[BORDER] if 1 in (a, b))
    check("by interface, each octet once", sum(sum(v[:2]) for v in usage_of(site).values()) == outside)
    drill("by interface, ", site, "2026-10", 1)
    interface_percentiles(site, store, begin)
    db.executescript("DROP VIEW billable; CREATE VIEW billable AS SELECT * FROM billable_by_network;")
    out = update(site, "--redo", "2026-10-01", "--hours", 1).split("\n")
    hours = [line[:13] for line in out if line.startswith("2026-")]
    wrong = run(BUILD + "/flowreport", "update", "--redo", "garbage", "--site", site, ok=False)
    check("what is no time is not redone", wrong.returncode == 2 and "garbage" in wrong.stderr, wrong.stderr)
    check("in several transactions", len(hours) > 2 and len(hours) == len(set(hours)), out)
    same("and by network again", usage_of(site), store.usage())
    killed_and_together(work, store)

    # The first day goes.
    wanted = store.usage()
    for root, _, files in os.walk(store.path):
        for f in files:
            if "20261024" in f:
                os.unlink(os.path.join(root, f))
    update(site)
    update(site, "--redo", "2026-10-01")
    same("what expires stays counted", usage_of(site), wanted)
    drill("what expired, ", site, "2026-10", 1, False)
    begin = ms_of("2026-10-25 00:00")
    store.receive(hour_of_flows(100, begin), begin)
    update(site)
    same("and new ones are added", usage_of(site), store.usage())
    wanted = usage_of(site)
    store.receive(hour_of_flows(50, begin - 2 * HOUR), begin - 2 * HOUR)
    out = update(site)
    n = db.execute("SELECT sum(uncounted) FROM usage_recv").fetchone()[0]
    check("flows of an hour of which others have gone are told of", n > 0 and str(n) in out, out)
    same("and are not counted", usage_of(site), wanted)
    db.close()


LABELS = (  # the hidden dimensions, and the same by functions
    ("traffic", "srczone, dstzone, application", "zone(srcip), zone(dstip), application(proto, srcport, dstport)", "sum(flows), sum(bytes)"),
    ("traffic", "srczone, dstip, application, time", "zone(srcip), dstip, application(proto, srcport, dstport), time", "sum(packets)"),
    ("endpoints", "ip, zone, peerzone, application", "ip, zone(ip), zone(peerip), application(proto, port, peerport)",
     "sum(bytes_in), sum(bytes_out), sum(flows)"),
    ("traffic", "dstzone", "zone(dstip)", "sum(bytes)"), ("traffic", "exporter, application", "exporter, application(proto, srcport, dstport)", "sum(flows)"),
    ("endpoints", "ip, peerip, port, peerport, zone, application", "ip, peerip, port, peerport, zone(ip), application(proto, port, peerport)", "sum(bytes)"),
)


def labels(db, name):
    for memory in ("1G", "1M"):
        os.environ["FLOWVT_MEMORY"] = memory
        for table_name, hidden, functions, sums in LABELS:
            for where in ("", " WHERE bytes >= 0 AND bucket = 3600", " WHERE filter = 'received < 2026-10-24T21:30'", " WHERE since = '2026-10-24 20:20' AND until = '2026-10-24 21:40'"):
                n = hidden.count(",") + 1
                group = ", ".join(map(str, range(1, n + 1)))
                got = db.execute("SELECT %s, %s FROM %s%s GROUP BY %s" % (hidden, sums, table_name, where, group)).fetchall()
                wanted = db.execute("SELECT %s, %s FROM %s%s GROUP BY %s" % (functions, sums, table_name, where, group)).fetchall()
                if got != wanted or not got:
                    check("%s, %s: %s of %s%s" % (name, memory, hidden, table_name, where), False, got[:3], wanted[:3])
        # Zones of addresses that rows are told apart by anyway.
        for hidden, functions, where, order in (
                ("ip, zone, peerip, peerzone, bytes", "ip, zone(ip), peerip, zone(peerip), bytes", "endpoints WHERE zone = 'local'", "bytes DESC, ip, peerip"),
                ("srcip, dstzone, dstip, srczone, packets", "srcip, zone(dstip), dstip, zone(srcip), packets", "traffic WHERE srczone <> 'x'", "srcip, dstip")):
            got, wanted = (db.execute("SELECT %s FROM %s ORDER BY %s LIMIT 50" % (columns, where, order)).fetchall() for columns in (hidden, functions))
            check("%s, %s: %s" % (name, memory, hidden), len(got) > 20 and got == wanted, got[:3], wanted[:3])
    del os.environ["FLOWVT_MEMORY"]
    top = db.execute("SELECT dstzone, sum(bytes) AS b FROM traffic GROUP BY dstzone ORDER BY b DESC LIMIT 2").fetchall()
    check(name + ": hidden columns say what the functions do", len(top) == 2 and top[0][1] >= top[1][1])
    for hidden, function, test in (
            ("srczone", "zone(srcip)", "= 'domestic'"), ("dstzone", "zone(dstip)", "<> 'local'"), ("dstzone", "zone(dstip)", "= 'LOCAL' COLLATE NOCASE"),
            ("srczone", "zone(srcip)", "IN ('cdn', 'guests', 'none')"), ("dstzone", "zone(dstip)", "> 'guests'"), ("dstzone", "zone(dstip)", "IS NULL"),
            ("application", "application(proto, srcport, dstport)", "= 'https'"), ("zone", "zone(ip)", "= 'local'"), ("peerzone", "zone(peerip)", "= 'cdn'"),
            ("zone", "zone(ip)", "= 'guests' OR zone = 'domestic'"), ("zone", "zone(ip)", "= 7"), ("zone", "zone(ip)", "LIKE 'GU%'")):
        table_name = "endpoints" if hidden in ("zone", "peerzone") else "traffic"
        got, wanted = (db.execute("SELECT exporter, sum(flows), sum(bytes) FROM %s WHERE %s GROUP BY 1" % (table_name, w)).fetchall()
                       for w in (hidden + " " + test, function + " " + test.replace("zone =", "zone(ip) =")))
        if got != wanted:
            check("%s: %s %s" % (name, hidden, test), False, got, wanted)
    check(name + ": of one of them", db.execute("SELECT sum(bytes) FROM traffic WHERE dstzone = 'domestic' AND application = 'https'").fetchone() ==
          db.execute("SELECT sum(bytes) FROM traffic WHERE zone(dstip) = 'domestic' AND application(proto, srcport, dstport) = 'https'").fetchone())


def while_it_goes_on(work):
    """An hour counted in parts, of which the first files go before it is over; a store that is away for a while."""
    store, site = Store(work), work + "/site.db"
    begin = (int(time.time() * 1000) // HOUR - 3) * HOUR
    first = hour_of_flows(400, begin)
    store.receive(first, begin, (BORDER,))
    make_site(site, store.path, "Asia/Kolkata")

    def until(minutes, *more):
        return flowreport(site, "update", "--settle", time.time() - begin / 1000 - minutes * 60, *more)

    def usage(minutes=60):
        seen = [f for f, *_ in store.seen[BORDER] if min(max(f.last + 60000, begin), begin + HOUR - 1) < begin + minutes * 60000]
        return SITE.usage(seen, HOUR // 2)

    until(17)
    same("the begin of an hour", usage_of(site), usage(17))
    until(17)
    until(31)
    same("what came since is added", usage_of(site), usage(31))
    os.rename(store.path, store.path + ".away")
    os.mkdir(store.path)
    check("of a store that is away nothing is done", until(31) == "")
    os.rmdir(store.path)
    os.rename(store.path + ".away", store.path)
    for root, _, files in os.walk(store.path):
        for f in sorted(files):
            if f.endswith(".fvt") and f < "flows.%s.fvt" % text_of(begin + 20 * 60000)[:16].translate(str.maketrans("", "", "-: ")):
                os.unlink(os.path.join(root, f))
    until(31)
    same("its first files go", usage_of(site), usage(31))
    until(44)
    same("and the rest is added all the same", usage_of(site), usage(44))
    update(site)
    same("to its end", usage_of(site), usage())
    check("nothing remains", update(site) == "")

    # A rate that was told wrongly: of an hour that is whole still.
    begin -= 2 * HOUR
    store.receive(hour_of_flows(200, begin), begin, (BORDER,))
    update(site)
    same("another hour", usage_of(site), usage_of_all := SITE.usage([f for f, *_ in store.seen[BORDER]], HOUR // 2))
    with open_site(site) as db:
        db.execute("INSERT INTO sampling_overrides VALUES (?, ?, ?, 3)", (BORDER, text_of(begin - HOUR), text_of(begin + HOUR)))
    db.close()
    update(site)
    scaled = [f._replace(octets=3 * f.octets, packets=3 * f.packets) if begin - HOUR <= f.first < begin + HOUR and i >= len(first) else f
              for i, (f, *_) in enumerate(store.seen[BORDER])]
    same("with other sampling rates", usage_of(site), SITE.usage(scaled, HOUR // 2))
    check("which are others", usage_of(site) != usage_of_all)
    said = flowreport(site, "users", "--set", 2, "--format", "csv")
    check("and reports say so", "not sampled, but counted as 1 in 3 by sampling_overrides: " in said, said)
    said = flowreport(site, "users", "--set", 2, "--until", text_of(begin - HOUR), "--format", "csv")
    check("of their time", "overrides" not in said, said)


def same_hours(work, zone, day):
    """The hours that `change` and `alerts/unusual` compare: those of local clocks, of which some hours were not heard of."""
    os.mkdir(work)
    noon = int(datetime.datetime.fromisoformat(day + " 12:00").replace(tzinfo=zoneinfo.ZoneInfo(zone)).timestamp()) * 1000

    def clock(ms, days=0):  # so many days later by local clocks
        when = accounts.local(ms, zone)
        return int(when.replace(tzinfo=zoneinfo.ZoneInfo(zone), fold=0).__add__(datetime.timedelta(days)).timestamp() * 1000)

    # Of one of the hours that unusual compares there is only the rest of a flow that began before it.
    rest = clock(noon + 24 * HOUR, -7) - HOUR
    packets = [Packet(rest + 5000 * k, "10.0.1.1", "198.51.100.7", 17, 1023, 7000, 500) for k in range(-4, 5)]
    for i, ms in enumerate(range(noon - 32 * 24 * HOUR, noon + 8 * 24 * HOUR, HOUR // 2)):
        if random.random() < 0.4 and not rest - HOUR <= ms < rest + HOUR:
            at = ms + random.randrange(HOUR // 2)
            packets += [Packet(at + 5000 * k, "10.0.1.1", "198.51.100.7", 17, 1024 + i, 7000, random.randrange(100, 1400)) for k in range(random.choice([1, 9]))]
    accounts.write_packets(work + "/x.pcap", packets)
    run(BUILD + "/flowprobe", "-r", work + "/x.pcap", "-w", work + "/store", "-t", "1d")
    make_site(work + "/site.db", work + "/store", zone)
    flows = accounts.flows_of(packets)

    heard, octets = collections.defaultdict(set), collections.Counter()
    ends = (clock(noon, -7), noon, clock(noon, 7))
    for at, _, count, _ in (p for f in flows for p in accounts.parts(f, HOUR // 4)):
        when = accounts.local(at, zone)
        for side in (0, 1):
            if ends[side] <= at < ends[side + 1] and count:
                slot = when.strftime("%a %H:00")
                heard[(side, slot)].add(at - when.minute * 60000)
                octets[(side, slot)] += count
    wanted = {slot: tuple(str(int(octets[(side, slot)] / len(heard[(side, slot)]))) for side in (0, 1))
              for _, slot in heard if (0, slot) in heard and (1, slot) in heard}
    got = report(work + "/site.db", "change", "--change", text_of(noon), "--by", "hour", "--n", -1, "--set", 1)
    same("%s: before and after a change, at the same hours" % zone, {r["item"]: (r["before"], r["after"]) for r in got[1:]}, wanted)
    check("%s: on average" % zone, got[0]["hours"] == str(len(wanted)), got[0])

    for hour in (noon, noon + 24 * HOUR):
        weeks = []  # octets, and whether any part of a flow was heard then
        for until in (clock(hour, -7 * n) for n in range(5)):
            inside = [p for f in flows for p in accounts.parts(f, HOUR // 4) if until - HOUR <= p[0] < until and any(p[1:])]
            weeks.append((sum(p[2] for p in inside), bool(inside)))
        rows = list(csv.DictReader(io.StringIO(flowreport(work + "/site.db", "unusual", "--queries", "queries/alerts", "--until", text_of(hour), "--bytes", 0,
                                                         "--least", 0, "--factor", 0, "--format", "csv"))))
        usual = [octets for octets, heard_of in weeks[1:] if heard_of]
        average = sum(usual) / len(usual) if usual else 0
        told = [(int(r["value"]), int(r["average"]), int(r["weeks"])) for r in rows if r["measure"] == "bytes"]
        check("%s: the same hour of the weeks before" % zone, told == ([(weeks[0][0], int(average + 0.5), len(usual))] if weeks[0][0] or average else []),
              rows, weeks)


class Roaming(Site):
    """A site that has its people by MAC address: whose an address is in an hour, the flows' first packets say."""

    def __init__(self, flows, mac, people):
        super().__init__([(str(n), z) for n, z in SITE.networks], [(str(n), *rest) for n, *rest in SITE.hosts], SITE.services)
        seen = collections.defaultdict(list)
        for f in flows:
            for ip in (f.src, f.dst):
                if self.zone(ip) == "local" and mac(ip, f.first) in people:
                    for at, *_ in accounts.parts(f, HOUR):
                        seen[(ip, at)].append((f.first, mac(ip, f.first)))
        self.owner = {k: people[min(v)[1]] for k, v in seen.items()}

    def person(self, ip, time):
        user, group = super().person(ip, time)
        own = self.owner.get((ip, ms_of(time) // HOUR * HOUR))
        return own + (group,) if own and not user else (user, group)


def roaming(work):
    """Hosts known by their MAC address: leases that end and pass on to others, also within an hour, and IPv6 privacy addresses."""
    begin, ann, bob, router, guest = ms_of("2025-12-31 21:00"), "02:00:00:00:00:0a", "02:00:00:00:00:0b", "02:00:00:00:00:01", "02:00:00:00:00:0c"
    minutes = {  # address: who has it, until when
        "10.0.1.50": [(ann, 110), (bob, 999)], "10.0.1.51": [(bob, 75), (ann, 200), (guest, 999)], "10.0.1.52": [(guest, 130), (bob, 999)],
        "10.0.2.7": [(guest, 999)], "10.0.1.2": [(ann, 999)],  # which hosts says is bob's
        **{"2001:db8:1::%x%x" % (n, h): [(m, 999)] for n, m in ((10, ann), (11, bob)) for h in range(4)}}

    def mac(ip, ms):
        return next((m for m, until in minutes.get(ip, ()) if ms < begin + until * 60000), router)

    packets = []
    for i in range(700):
        host, ms = random.choice(list(minutes)), begin + random.randrange(4 * HOUR)
        if ":" in host and host[-1] != str((ms - begin) // HOUR):
            continue
        peer = random.choice(["2001:db8:2::7"] if ":" in host else ["203.0.113.5", "198.51.100.7", "10.0.3.9"])
        for at in range(ms, ms + random.choice([1, 8000, 40000]), 8000):
            if mac(host, at) == mac(host, ms):
                packets += [Packet(at, host, peer, 6, 10000 + i, 443, 300), Packet(at + 5, peer, host, 6, 443, 10000 + i, 900)]
    accounts.write_packets(work + "/x.pcap", packets, mac)
    run(BUILD + "/flowprobe", "-r", work + "/x.pcap", "-w", work + "/store")
    site = work + "/site.db"
    make_site(site, work + "/store", "Europe/London")
    update(site)
    flows = accounts.flows_of(packets)
    nobody = SITE.usage(flows, HOUR)
    same("hosts without people", usage_of(site), nobody)
    db = open_site(site)
    insert(db, "hosts", "mac, user", [(ann, "ann"), (bob.upper().replace(":", "-"), "bob")])
    db.commit()
    for more in ((), ("--hours", 1)):
        update(site, "--redo", "2025-12-01", *more)
        wanted = Roaming(flows, mac, {ann: ("ann",), bob: ("bob",)}).usage(flows, HOUR)
        same("people by MAC address" + " ".join(map(str, more)), usage_of(site), wanted)
        db.execute("DELETE FROM host_addresses")
        db.commit()
    update(site, "--redo", "2025-12-01")
    check("which have more than by address alone", sum(sum(v[:2]) for k, v in wanted.items() if k[2]) > 2 * sum(sum(v[:2]) for k, v in nobody.items() if k[2]))
    known = db.execute("SELECT count(*), sum(julianday(valid_until) - julianday(valid_from)) * 24 FROM host_addresses").fetchone()
    check("hours in a row are one row", known[0] < known[1] - 3, known)
    users = {r["who"]: int(r["bytes"]) for r in report(site, "users", "--n", -1, "--set", 1)}
    same("users has them, too", {u: users.get(u) for u in ("ann", "bob")},
         {u: sum(sum(v[:2]) for k, v in wanted.items() if k[2] == u) for u in ("ann", "bob")})
    zones = {r["zone"]: int(r["bytes"]) for r in report(site, "zones", "--user", "ann", "--set", 1)}
    same("so has zones", zones, {k: sum(v[:2]) for k, v in accounts.summed(wanted, lambda p, h, user, g, zone, a: (user, zone)).items()
                                 for user, k in [k] if user == "ann"})
    for month in ("2025-12", "2026-01"):
        drill("by MAC address, %s, " % month, site, month, 2)

    # What a DHCP server says goes before.
    db.execute("INSERT INTO host_addresses(ip, mac, valid_from, valid_until) VALUES ('10.0.1.52', ?, '2025-12-31 21:00', '2026-01-01')", (ann,))
    db.commit()
    lease = db.execute("SELECT host_user('10.0.1.52', '2025-12-31 23:30'), host_user('10.0.1.52', '2026-01-01 00:30'), host_group('10.0.1.52', '2025-12-31 23:30')").fetchone()
    check("a lease goes before what was learned", lease == ("ann", "bob", "staff"), lease)
    for row, words in ((("10.0.1.52", bob, "2025-12-31 22:00", None), "10.0.1.52: %s has it from 2025-12-31 21:00:00 until 2026-01-01 00:00:00, and %s" % (ann, bob)),
                       (("10.0.1", bob, None, None), "ip '10.0.1' is no address"), (("10.0.1.1", "ann", None, None), "10.0.1.1: mac 'ann' is no MAC address"),
                       (("10.0.1.1", bob, "now", None), "10.0.1.1: valid_from 'now' is no time"),
                       (("10.0.1.1", bob, "2025-01-02", "2025-01-01"), "10.0.1.1: valid_until 2025-01-01 00:00:00 is not after")):
        try:
            db.execute("INSERT INTO host_addresses(ip, mac, valid_from, valid_until) VALUES (?, ?, ?, ?)", row)
            check("refused: %s" % (row,), False)
        except sqlite3.Error as e:
            check("refused: %s" % (row,), words in str(e), e)
    db.close()


def interface_percentiles(site, store, begin):
    first, last = begin // 300000, (begin + 3 * HOUR) // 300000
    samples = collections.defaultdict(collections.Counter)
    for exporter, seen in store.seen.items():
        for f, a, b in seen:
            for at, _, octets, _ in parts_between(f, first, last):
                samples[("%s %d" % (exporter, a), 0)][at] += octets
                samples[("%s %d" % (exporter, b), 1)][at] += octets
    names = {BORDER + " 1": "uplink", BORDER + " 2": "lan", CORE + " 1": "to border", CORE + " 2": "lan"}
    wanted = {}
    for name in {k for k, _ in samples}:
        both = tuple(accounts.percentile(list(samples[(name, end)].values()), last - first) for end in (0, 1))
        wanted[(names.get(name, name), *both)] = max(both)
    got = report(site, "percentile95", "--since", text_of(begin), "--until", text_of(begin + 3 * HOUR))
    same("percentiles of interfaces", {(r["name"], float(r["bps_in"]), float(r["bps_out"])): float(r["billed"]) for r in got}, wanted)


def accuracy(work):
    """Counters of interfaces beside samples of their packets; an agent that starts again in between, and another's."""
    store, begin, rate, frames, flows = work + "/store", ms_of("2026-03-01 10:00"), 100, [], collections.Counter()
    total = {(agent, i, way): random.randrange(1 << 50) for agent in (BORDER, CORE) for i in (1, 2) for way in (0, 1)}
    grown, sequence = collections.Counter(), 0
    for step in range(41):
        ms = begin + step * 1000
        for agent in (BORDER, CORE):
            samples = []
            for i in (1, 2):
                samples.append(accounts.counted(step, i, total[(agent, i, 0)], total[(agent, i, 1)]))
                for way in (0, 1):
                    more = random.randrange(1000000)
                    if step < 40:
                        restarts = agent == CORE and step == 20
                        total[(agent, i, way)] = more if restarts else total[(agent, i, way)] + more
                        grown[(agent, i, way)] += more
            frames.append(accounts.sflow(agent, ms, sequence := sequence + 1, samples))
            for k in range(3):
                size, way = random.randrange(60, 1500), random.choice([(1, 2), (2, 1)])
                packet = Packet(ms, "10.0.1.1", "198.51.100.7", 17, 1000 + k, 53, size)
                frames.append(accounts.sflow(agent, ms + 500, sequence := sequence + 1, [accounts.sampled(sequence, rate, *way, packet)]))
                if step < 40:
                    for i, end in zip(way, (0, 1)):
                        flows[(agent, i, end)] += rate * (size + 18)
    accounts.write_pcap(work + "/x.pcap", frames)
    run(BUILD + "/flowcollect", "-r", work + "/x.pcap", "-w", store, "-e", "none")
    flowreport(work + "/site.db", "init", work + "/site.db", "--store", store)
    got = report(work + "/site.db", "accuracy", "--bucket", 1)
    wanted = {}
    for agent in (BORDER, CORE):
        for i in (1, 2):
            row = []
            for end in (0, 1):
                key = (agent, i, end)
                row += [grown[key], flows[key], round(100 * (flows[key] - grown[key]) / grown[key], 1)]
            wanted[(agent, str(i))] = tuple(row)
    same("accuracy", {(r["exporter"], r["ifIndex"]): (int(r["octets_in"]), int(r["flows_in"]), float(r["in off %"]), int(r["octets_out"]),
                                                      int(r["flows_out"]), float(r["out off %"])) for r in got}, wanted)


def killed_and_together(work, store):
    wanted = store.usage()
    site = work + "/killed.db"
    make_site(site, store.path, "Europe/Berlin")
    db = open_site(site)
    insert(db, "billing_exporters", "cidr, exporter", [("0.0.0.0/0", BORDER)])
    db.commit()
    command = [BUILD + "/flowreport", "update", "--settle", "0", "--site", site]
    begin = time.monotonic()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    takes = time.monotonic() - begin
    kills = 0
    for _ in range(12):
        db.executescript("DELETE FROM usage; DELETE FROM usage_recv; DELETE FROM usage_files;")
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as p:
            time.sleep(random.uniform(0, takes))
            p.kill()
        kills += p.returncode == -signal.SIGKILL
        got = usage_of(site)
        if got and got != wanted:
            same("killed, all or nothing", got, wanted)
    check("it was killed %d times" % kills, kills > 0)
    update(site)
    same("and is right after that", usage_of(site), wanted)
    db.executescript("DELETE FROM usage; DELETE FROM usage_recv; DELETE FROM usage_files;")
    several = []
    for _ in range(4):
        several.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE))
        time.sleep(takes / 8)
    said = [(p.communicate()[1].decode(), p.returncode) for p in several]
    check("four at once", all(rc == 0 for _, rc in said), *said)
    same("count all once", usage_of(site), wanted)
    db.close()
    totals_follow(site)


def main():
    if not hasattr(sqlite3.Connection, "enable_load_extension"):
        print("skip usage: this python's sqlite3 loads no extensions")
        return 77
    seed = int(os.environ.get("SEED") or 1)
    random.seed(seed)
    print("seed %d" % seed)
    work = tempfile.mkdtemp()
    try:
        for zone, day in (("Europe/Berlin", "2026-03-29"), ("Europe/London", "2026-10-25"), ("America/Sao_Paulo", "2018-11-04"),
                          ("America/Sao_Paulo", "2018-02-18"), ("Asia/Kathmandu", "2026-08-01"), ("Australia/Lord_Howe", "2026-04-05"),
                          ("Australia/Lord_Howe", "2026-10-04")):
            where = "%s/%s%s" % (work, zone.replace("/", "-"), day)
            os.mkdir(where)
            change_of_clocks(where, zone, day)
        os.mkdir(work + "/store")
        what_happens(work + "/store")
        for zone, day in (("Europe/Berlin", "2026-03-29"), ("Australia/Adelaide", "2026-04-05"), ("Europe/Berlin", "2026-10-25")):
            same_hours("%s/hours%s%s" % (work, zone[:4], day), zone, day)
        os.mkdir(work + "/roaming")
        roaming(work + "/roaming")
        os.mkdir(work + "/goes_on")
        while_it_goes_on(work + "/goes_on")
        os.mkdir(work + "/sflow")
        accuracy(work + "/sflow")
    finally:
        shutil.rmtree(work)
    return failed


sys.exit(main())
