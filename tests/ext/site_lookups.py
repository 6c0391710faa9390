#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""zone(), network(), country(), asn(), host_*(), application(), category() beside the same worked out with Python's
ipaddress module, row by row: random networks in one another, hosts that change their owners, ranges of ports. And that
statements see every change of the tables, whoever makes it and takes it back.

usage: BUILD=build tests/ext/site_lookups.py [SEED]"""
import ipaddress
import os
import random
import sqlite3
import subprocess
import sys
import tempfile

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
bad = 0


def check(name, got, wanted):
    global bad
    if got == wanted:
        print("ok - " + name)
    else:
        bad = 1
        print("not ok - %s\n  got:    %s\n  wanted: %s" % (name, got, wanted))


def connect(path=":memory:", site=True):
    db = sqlite3.connect(path, isolation_level=None)
    db.enable_load_extension(True)
    db.load_extension(BUILD + "/flowvt.so")
    if site:
        db.executescript(open(TOP + "/schema/site.sql", encoding="utf-8").read())
        db.execute("DELETE FROM services")
    return db


def one(db, sql, *values):
    return db.execute(sql, values).fetchone()[0]


def insert(db, table, rows):
    db.execute("BEGIN")
    for row in rows:
        db.execute("INSERT INTO %s VALUES (%s)" % (table, ", ".join("?" * len(row))), row)
    db.execute("COMMIT")


def text(net):
    return str(net[0]) if net.prefixlen == net.max_prefixlen else str(net)


# ---- networks ------------------------------------------------------------------------------

LOCAL = [ipaddress.ip_network(n) for n in (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
    "224.0.0.0/3", "::/127", "fc00::/7", "fe80::/10", "ff00::/8")]


def random_net(rnd, near):
    """Of any length; mostly within or around one that there is."""
    if near and rnd.random() < 0.7:
        base = rnd.choice(near)
        bits, address = base.max_prefixlen, int(base.network_address)
        length = min(bits, max(0, base.prefixlen + rnd.randint(-3, 9)))
        address |= rnd.getrandbits(bits) & int(base.hostmask)
    else:
        bits = rnd.choice((32, 32, 128))
        length = rnd.choice((0, 1, 8, 16, 24, 31, 32, 48, 63, 64, 65, 127, 128))
        length = min(length, bits)
        address = rnd.getrandbits(bits)
        if bits == 128 and rnd.random() < 0.5:  # where the addresses are, and where prefixes cross 64 bits
            address = 0x20010db8 << 96 | address & (1 << rnd.choice((96, 66, 64, 10))) - 1
    make = ipaddress.IPv4Network if bits == 32 else ipaddress.IPv6Network
    return make((address >> bits - length << bits - length, length))


def random_address(rnd, nets):
    net = rnd.choice(nets)
    at = rnd.choice((0, net.num_addresses - 1, rnd.randrange(net.num_addresses), -1, net.num_addresses))
    address = min(max(int(net[0]) + at, 0), 2**net.max_prefixlen - 1)
    return type(net[0])(address)


def best(rows, address, column):
    """The column of the longest prefix that has one."""
    found = [(net.prefixlen, row[column]) for net, row in rows.items()
             if net.version == address.version and address in net and row[column] is not None]
    return max(found, key=lambda f: f[0])[1] if found else None


def networks(rnd, count, addresses):
    rows = {}
    while len(rows) < count:
        net = random_net(rnd, list(rows))
        some = lambda *values: rnd.choice(values + (None,) * len(values))
        rows[net] = {"name": some("a", "b", "c"), "zone": some("campus", "domestic", "international", "local"),
                     "asn": some(1, 64496, 4294967295), "country": some("NZ", "CH", "DE")}
    db = connect()
    insert(db, "networks", [(text(n), *(r[c] for c in ("name", "zone", "asn", "country"))) for n, r in rows.items()])
    db.execute("INSERT INTO settings VALUES ('country', 'nz')")
    zones = {n: {"zone": "local"} for n in LOCAL}
    zones.update({n: r for n, r in rows.items() if r["zone"] or n not in zones})
    nets = list(rows) + LOCAL
    wrong = []
    for _ in range(addresses):
        address = random_address(rnd, nets)
        zone = best(zones, address, "zone")
        if zone is None:
            zone = "domestic" if best(rows, address, "country") == "NZ" else "international"
        wanted = (zone, best(rows, address, "name"), best(rows, address, "country"), best(rows, address, "asn"))
        shown = str(address) if rnd.random() < 0.8 else address.exploded.upper()
        got = db.execute("SELECT zone(?1), network(?1), country(?1), asn(?1)", (shown,)).fetchone()
        if got != wanted:
            wrong.append((shown, got, wanted))
    check("%d networks, %d addresses" % (count, addresses), wrong[:3], [])
    db.close()


# ---- hosts ---------------------------------------------------------------------------------

def hosts(rnd, count, questions):
    rows, nets = [], []
    while len(rows) < count:
        net = random_net(rnd, nets)
        if net in nets:
            continue
        nets.append(net)
        times = sorted(rnd.sample(range(1, 28), rnd.randint(1, 4)))
        times = [None] + times + [None] if rnd.random() < 0.5 else times + [None]
        for begin, end in zip(times, times[1:]):
            if rnd.random() < 0.8:
                value = lambda letter: rnd.choice((None, letter + str(len(rows))))
                rows.append((net, value("n"), value("u"), value("g"), begin, end))
    day = lambda d: None if d is None else "2026-03-%02d" % d
    db = connect()
    insert(db, "hosts", [(text(n), None, a, u, g, day(f), day(t)) for n, a, u, g, f, t in rows])
    wrong = []
    for _ in range(questions):
        address = random_address(rnd, nets)
        d, late = rnd.randint(1, 28), rnd.random() < 0.5
        time = "2026-03-%02d 23:59:59.999" % (d - 1) if late and d > 1 else "2026-03-%02d 00:00:00.000" % d
        at = d - 0.5 if late and d > 1 else d
        wanted = []
        for column in (1, 2, 3):
            found = [(r[0].prefixlen, r[column]) for r in rows
                     if r[0].version == address.version and address in r[0] and r[column] is not None
                     and (r[4] is None or r[4] <= at) and (r[5] is None or at < r[5])]
            wanted.append(max(found)[1] if found else None)
        got = db.execute("SELECT host_name(?1, ?2), host_user(?1, ?2), host_group(?1, ?2)", (str(address), time)).fetchone()
        if list(got) != wanted:
            wrong.append((str(address), time, got, wanted))
    check("%d rows of hosts, %d addresses at a time" % (len(rows), questions), wrong[:3], [])
    db.execute("DELETE FROM hosts")
    insert(db, "hosts", [("192.0.2.1", None, None, "then", None, None, "2026-01-01"),
                         ("192.0.2.1", None, None, "now", None, "2026-01-01", None)])
    check("a host without a time is that of now", one(db, "SELECT host_user('192.0.2.1')"), "now")
    check("and with one that is NULL", one(db, "SELECT host_user('192.0.2.1', NULL)"), "now")
    check("times as since takes them", [one(db, "SELECT host_user('192.0.2.1', ?)", t) for t in (
        "2025-12-31T23:59:59Z", "2026-01-01T01:00:00+02:00", 1767225599, "2026-01-01", "now", "2026-02")],
          ["then", "then", "then", "now", "now", "now"])
    try:
        got = one(db, "SELECT host_user('192.0.2.1', 'noon')")
    except sqlite3.OperationalError as e:
        got = "noon" in str(e)
    check("no time is an error that names it", got, True)
    db.close()


# ---- services ------------------------------------------------------------------------------

def services(rnd, count, questions):
    rows = {}
    while len(rows) < count:
        proto = rnd.choice((6, 6, 17, 132))
        a = rnd.randrange(1, 300)
        b = min(300, a + rnd.choice((0, 0, 0, 1, 5, 30, 100)))
        crossing = [1 for p, x, y in rows if p == proto and (x < a <= y < b or a < x <= b < y or (x, y) == (a, b))]
        if not crossing:
            rows[proto, a, b] = ("app%d" % len(rows), rnd.choice((None, "kind%d" % (len(rows) % 5))))
    db = connect()
    insert(db, "services", [(p, a, b, *r) for (p, a, b), r in rows.items()] + [(17, None, None, "any", "udp")])

    def of_port(proto, port):
        fits = [(b - a, r) for (p, a, b), r in rows.items() if p == proto and port is not None and a <= port <= b]
        return min(fits, key=lambda f: f[0]) if fits else None

    wrong = []
    for _ in range(questions):
        proto, src, dst = rnd.choice((6, 17, 132, 1, None)), rnd.randrange(320), rnd.choice((rnd.randrange(320), None))
        known = [(w[0], port, w[1]) for w, port in ((of_port(proto, dst), dst), (of_port(proto, src), src)) if w]
        wanted = min(known, key=lambda k: k[:2])[2] if known else ("any", "udp") if proto == 17 else (None, None)
        wanted = tuple(w or "other" for w in wanted)
        for a, b in ((src, dst), (dst, src)):
            got = db.execute("SELECT application(?1, ?2, ?3), category(?1, ?2, ?3)", (proto, a, b)).fetchone()
            if got != wanted:
                wrong.append((proto, a, b, got, wanted))
    check("%d services, %d flows both ways" % (count, questions), wrong[:3], [])
    db.close()


# ---- changes -------------------------------------------------------------------------------

def changes(path):
    zone = "SELECT zone('198.51.100.1')"
    first, second = connect(path), connect(path, site=False)
    check("nothing in the table", one(first, zone), "international")
    first.execute("INSERT INTO networks(cidr, zone) VALUES ('198.51.100.0/24', 'campus')")
    check("a change of the connection's own", one(first, zone), "campus")
    check("of another connection", one(second, zone), "campus")
    second.execute("UPDATE networks SET zone = 'other'")
    check("an update by the other one", (one(first, zone), one(second, zone)), ("other", "other"))
    first.execute("BEGIN")
    first.execute("UPDATE networks SET zone = 'tried'")
    check("within a transaction", (one(first, zone), one(second, zone)), ("tried", "other"))
    first.execute("ROLLBACK")
    check("that is taken back", one(first, zone), "other")
    first.execute("BEGIN")
    first.execute("SAVEPOINT a")
    first.execute("DELETE FROM networks")
    check("a deletion in a savepoint", one(first, zone), "international")
    first.execute("ROLLBACK TO a")
    check("that is taken back, too", one(first, zone), "other")
    first.execute("COMMIT")
    rows = [r for r, in first.execute("SELECT zone(ip) FROM (SELECT '198.51.100.1' AS ip UNION ALL SELECT '10.0.0.1')")]
    check("several rows", rows, ["other", "local"])
    second.execute("INSERT INTO settings VALUES ('country', 'CH')")
    second.execute("UPDATE networks SET zone = NULL, country = 'ch'")
    check("the site's country is domestic", one(first, zone), "domestic")
    second.execute("UPDATE settings SET value = 'NZ' WHERE name = 'country'")
    check("until it is another", one(first, zone), "international")
    first.execute("CREATE TEMP TABLE networks(cidr, zone)")
    first.execute("INSERT INTO temp.networks VALUES ('198.51.100.0/24', 'mine')")
    check("a table of temp hides that of main", (one(first, zone), one(second, zone)), ("mine", "international"))
    first.execute("UPDATE temp.networks SET zone = 'changed'")
    check("and is read for each statement", one(first, zone), "changed")
    first.execute("DROP TABLE temp.networks")
    check("until it is gone", one(first, zone), "international")
    # What a running statement began with it goes on with, and it ends well when the table is spoilt meanwhile.
    running = first.execute("WITH n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT zone('10.0.0.' || i) FROM n")
    got = [next(running)[0]]
    first.execute("CREATE TEMP TABLE networks(cidr, zone)")
    first.execute("INSERT INTO temp.networks VALUES ('nonsense', 'mine')")
    try:
        one(first, zone)
    except sqlite3.OperationalError as e:
        got.append(str(e))
    try:
        got += [r for r, in running]
    except sqlite3.OperationalError as e:
        got.append(str(e))
    said = "networks: cidr 'nonsense' is no network: write 192.0.2.0/24 or 2001:db8::/32"
    check("a table that is spoilt is an error", got, ["local", said, said])
    first.execute("DROP TABLE temp.networks")
    check("that can be mended", one(first, zone), "international")
    first.close()
    second.close()

    other = connect(site=False)
    check("no tables", [one(other, "SELECT " + f) for f in (
        "zone('192.168.1.1')", "zone('fe80::1')", "zone('2001:db8::1')", "zone('nobody')", "zone(NULL)", "network('10.0.0.1')",
        "country('10.0.0.1')", "asn('10.0.0.1')", "host_user('10.0.0.1')", "application(6, 1, 443)")],
        ["local", "local", "international", None, None, None, None, None, None, "other"])
    other.execute("ATTACH ? AS site", (path,))
    check("an attached site", one(other, zone), "international")
    other.execute("UPDATE site.networks SET zone = 'attached'")
    check("and its changes", one(other, zone), "attached")
    other.execute("CREATE TABLE networks(cidr TEXT PRIMARY KEY, zone TEXT) WITHOUT ROWID")
    check("main goes first, with a table of few columns", one(other, zone), "international")
    other.execute("INSERT INTO networks VALUES ('198.51/16', 'short')")
    check("and rows in any spelling", one(other, zone), "short")
    other.execute("DROP TABLE networks")
    other.execute("DETACH site")
    check("a site that is detached", one(other, zone), "international")
    other.execute("CREATE TABLE networks(name TEXT)")
    try:
        got = one(other, zone)
    except sqlite3.OperationalError as e:
        got = str(e)
    check("a table of something else", got, "networks: it has no column cidr: schema/site.sql says which it has")
    other.execute("DROP TABLE networks")
    other.execute("PRAGMA trusted_schema = off")
    other.execute("CREATE VIEW v AS SELECT zone('10.0.0.1') AS z, application(6, 1, 2) AS a, host_user('10.0.0.1') AS u")
    check("views of a schema that is not trusted", other.execute("SELECT * FROM v").fetchone(), ("local", "other", None))
    try:
        other.execute("CREATE TABLE t(ip)")
        other.execute("CREATE INDEX i ON t(zone(ip))")
        got = "an index"
    except sqlite3.OperationalError as e:
        got = str(e)
    check("no index on what changes", got, "non-deterministic functions prohibited in index expressions")
    other.close()


# ---- databases in MaxMind's format ---------------------------------------------------------

def databases(where):
    geo = where + "/geo.mmdb"
    subprocess.run([sys.executable, TOP + "/tests/ext/geodb.py", geo], check=True,
                   input="203.0.113.0/24 NZ\n198.51.100.0/24 CH\n2001:db8::/32 NZ\n", encoding="ascii")
    asn = where + "/asn.mmdb"
    subprocess.run([sys.executable, TOP + "/tests/ext/geodb.py", "--asn", asn], check=True,
                   input="203.0.113.0/25 64496\n2001:db8::/32 4200000000\n", encoding="ascii")
    db = connect()
    insert(db, "networks", [("203.0.113.64/26", None, None, 65000, "AU")])
    for name, value in (("geodb", geo), ("asndb", asn), ("country", "NZ")):
        db.execute("INSERT INTO settings VALUES (?, ?)", (name, value))
    ask = "SELECT zone(?1), country(?1), asn(?1)"
    got = [db.execute(ask, (ip,)).fetchone() for ip in (
        "203.0.113.1", "203.0.113.64", "203.0.113.200", "198.51.100.1", "2001:db8::1", "10.0.0.1", "203.0.113.1")]
    check("databases, and networks before them", got, [
        ("domestic", "NZ", 64496), ("international", "AU", 65000), ("domestic", "NZ", None), ("international", "CH", None),
        ("domestic", "NZ", 4200000000), ("local", None, None), ("domestic", "NZ", 64496)])
    subprocess.run([sys.executable, TOP + "/tests/ext/geodb.py", where + "/new.mmdb"], check=True,
                   input="203.0.113.0/24 DE\n", encoding="ascii")
    os.rename(where + "/new.mmdb", geo)
    check("a new file in the old one's place", one(db, "SELECT country('203.0.113.1')"), "DE")
    db.execute("UPDATE settings SET value = ? WHERE name = 'geodb'", (where + "/missing",))
    try:
        got = one(db, "SELECT zone('10.0.0.1')")
    except sqlite3.OperationalError as e:
        got = str(e)
    check("a database that is not there", got, "%s/missing: Error opening the specified MaxMind DB file: "
          "give a file in MaxMind's format (.mmdb)" % where)
    db.execute("DELETE FROM settings WHERE name IN ('geodb', 'asndb')")
    check("none", one(db, "SELECT country('203.0.113.1')"), None)
    db.close()
    os.environ["FLOWVT_GEODB"], os.environ["FLOWVT_ASNDB"] = geo, asn
    db = connect(site=False)
    check("by the environment", db.execute(ask, ("203.0.113.1",)).fetchone(), ("international", "DE", 64496))
    db.close()
    size = os.path.getsize(geo)
    for i in range(20):  # damaged at any place: an answer, NULL or an error
        with open(geo, "r+b") as f:
            f.seek(i * size // 20)
            f.write(bytes([255, 17, i, 200]))
        db = connect(site=False)
        try:
            db.execute(ask, ("203.0.113.1",)).fetchone()
            db.execute(ask, ("2001:db8::1",)).fetchone()
        except sqlite3.OperationalError:
            pass
        db.close()
    check("no damage ends the process", True, True)
    del os.environ["FLOWVT_GEODB"], os.environ["FLOWVT_ASNDB"]


def main():
    os.environ.pop("FLOWVT_GEODB", None)
    os.environ.pop("FLOWVT_ASNDB", None)
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else random.randrange(2**32)
    print("# seed %d" % seed)
    rnd = random.Random(seed)
    for count, addresses in ((0, 50), (1, 100), (5, 200), (60, 400), (3000, 100)):
        networks(rnd, count, addresses)
    hosts(rnd, 200, 300)
    services(rnd, 80, 500)
    with tempfile.TemporaryDirectory() as where:
        changes(where + "/site.db")
        databases(where)
    return bad


sys.exit(main())
