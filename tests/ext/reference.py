# SPDX-License-Identifier: MIT
"""The tables flows, traffic and endpoints once more, as ordinary SQLite tables.

The rows come from tests/schema/read_fvt.py, which was written from FORMAT.md; what the extension
computes from them (scaled counters, pro-rated totals, networks) is computed here from README's words.
Nothing is taken from the extension but the names and declared types of its columns."""
import bisect
import functools
import ipaddress
import os
import sqlite3
import sys
from datetime import datetime, timedelta

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../schema"))
import read_fvt  # noqa: E402

MAX_INT = (1 << 63) - 1
MIN_MS, MAX_MS = -62167219200000, 253402300799999  # the years 0000 to 9999
LONGEST_MS = 31 * 86400 * 1000  # a flow that lasts longer counts at its end
SCALED = ("packets", "bytes", "outpackets", "outbytes")
COUNTERS = ("flows",) + SCALED
PARAMETERS = {"flows": 4, "traffic": 8, "endpoints": 11}  # hidden columns, in front of all others

# Columns of endpoints that are one thing at the sender's end and another at the receiver's.
ENDS = {"ip": ("srcip", "dstip"), "port": ("srcport", "dstport"), "asn": ("srcas", "dstas"),
        "mask": ("srcmask", "dstmask"), "vlan": ("srcvlan", "dstvlan"),
        "natip": ("natsrcip", "natdstip"), "natport": ("natsrcport", "natdstport"),
        "mac": ("insrcmac", "indstmac"), "ifindex": ("inif", "outif")}
ENDS.update({"peer" + name: (dst, src) for name, (src, dst) in list(ENDS.items())})


# ---- addresses ------------------------------------------------------------------------------

@functools.lru_cache(maxsize=None)
def address(text):
    """(family, number), or None."""
    try:
        ip = ipaddress.ip_address(text)
    except ValueError:
        return None
    return ip.version, int(ip)


@functools.lru_cache(maxsize=None)
def network(text):
    """(family, first, last), or None."""
    try:
        net = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    return net.version, int(net.network_address), int(net.broadcast_address)


def address_text(family, number):
    if family == 4:
        return str(ipaddress.IPv4Address(number))
    return read_fvt.ipv6(number.to_bytes(16, "big"))


def ip_in(ip, net):
    if ip is None or net is None:
        return None
    a, n = address(ip), network(net)
    return int(a is not None and a[0] == n[0] and n[1] <= a[1] <= n[2])


def cut(ip, length4, length6):
    """An address as mask4 and mask6 show it."""
    a = address(ip) if ip is not None else None
    if not a:
        return ip
    bits, length = (32, length4) if a[0] == 4 else (128, length6)
    if length == bits:
        return ip
    return "%s/%d" % (address_text(a[0], a[1] >> bits - length << bits - length), length)


def ip_net(ip, length4, length6=64):
    a = address(ip) if isinstance(ip, str) else None
    if not a or length4 is None or length6 is None:
        return None
    bits, length = (32, length4) if a[0] == 4 else (128, length6)
    return "%s/%d" % (address_text(a[0], a[1] >> bits - length << bits - length), length)


def family(ip):
    a = address(ip) if ip is not None else None
    return a[0] if a else None


def collate_ip(x, y):
    a, b = address(x), address(y)
    if a and b:
        return (a > b) - (a < b)
    if bool(a) != bool(b):
        return -1 if a else 1
    return (x > y) - (x < y)


def tcp_flags(flags):
    if flags is None:
        return None
    return "".join(c if int(flags) >> (7 - i) & 1 else "." for i, c in enumerate("CEUAPRSF"))


# ---- times ----------------------------------------------------------------------------------

def clamp(ms):
    return min(max(ms, MIN_MS), MAX_MS)


def span(row):
    """When a flow was, by README and FORMAT.md: (start, end), or None when no time is known."""
    start, end = row.get("tstart"), row.get("tend")
    if start is None and end is None:
        start = end = row.get("trecv")
        if start is None:
            return None
    start, end = clamp(end if start is None else start), clamp(start if end is None else end)
    if end < start:
        start, end = end, start
    return (end, end) if end - start > LONGEST_MS else (start, end)


@functools.lru_cache(maxsize=65536)
def text_time(ms):
    return None if ms is None else read_fvt.time_text(clamp(ms))


# ---- rows -----------------------------------------------------------------------------------

def corrected(row, overrides):
    """The sampling rate by sampling_overrides, (exporter, since, until, rate) in the order of the table."""
    times, exporter = span(row), address(row["exporter"]) if row.get("exporter") else None
    best, rate = -2, row.get("sampling")
    for nets, since, until, n in overrides:
        if nets is not None and (exporter is None or exporter[0] != network(nets)[0] or
                                 not network(nets)[1] <= exporter[1] <= network(nets)[2]):
            continue
        if since is not None and (times is None or times[0] < since):
            continue
        if until is not None and (times is None or times[0] >= until):
            continue
        length = -1 if nets is None else ipaddress.ip_network(nets, strict=False).prefixlen
        if length >= best:
            best, rate = length, n
    return rate


def flow(stored, overrides=()):
    """A row of flows, hidden columns and all, from what is stored."""
    row = dict(stored)
    row["raw_sampling"] = row.get("sampling")
    row["sampling"] = corrected(row, overrides)
    rate = row.get("sampling") or 1
    for name in SCALED:
        raw = row.get(name)
        row["raw_" + name] = raw
        row[name] = None if raw is None else min(raw * max(rate, 1), MAX_INT)
    row["flows"] = row.get("flows", 1)
    for name in ("tstart", "tend", "trecv"):
        row[name + "_ms"] = row.get(name)
    start, end = row["tstart_ms"], row["tend_ms"]
    row["duration"] = None if start is None or end is None else (end - start) / 1000
    lasts = start is not None and end is not None and end > start
    for name, counter, scale in (("pps", "packets", 1000), ("bps", "bytes", 8000)):
        if lasts and row[counter] is not None:
            row[name] = float(row[counter]) * scale / (end - start)
    if row["packets"] and row["bytes"] is not None:
        row["bpp"] = row["bytes"] / row["packets"]
    if row.get("tos") is not None:
        row["dscp"] = row["tos"] >> 2
    for name, ip, mask in (("srcnet", "srcip", "srcmask"), ("dstnet", "dstip", "dstmask")):
        a, length = address(row.get(ip)) if row.get(ip) else None, row.get(mask)
        if a and length is not None and length <= (32 if a[0] == 4 else 128):
            row[name] = ip_net(row[ip], length, length)
    return row


def share(counter, start, end, t):
    """What of a counter belongs to the flow's time before t."""
    if t <= start:
        return 0
    if t > end:
        return counter
    return counter * (t - start) // (end - start + 1)


class Window:
    """Parameters of a table that say how flows are cut. Times in ms; None: not given."""

    def __init__(self, since=None, until=None, bucket=None, mask4=None, mask6=None):
        self.since, self.until = since, until
        self.bucket, self.mask4, self.mask6 = bucket, mask4, mask6

    def key(self):
        return self.since, self.until, self.bucket, self.mask4, self.mask6

    def holds(self, times):
        if self.since is None and self.until is None:
            return True
        if self.since is not None and self.until is not None and self.since >= self.until:
            return False
        return (times is not None and (self.until is None or times[0] < self.until) and
                (self.since is None or times[1] >= self.since))

    def pieces(self, row, times, buckets):
        """(bucket in ms, flows, packets, bytes, outpackets, outbytes) of a flow that holds."""
        counters = [row[name] or 0 for name in COUNTERS]
        if times is None:
            yield (None, *counters)
            return
        start, end = times
        low = start if self.since is None else max(start, self.since)
        high = end + 1 if self.until is None else min(end + 1, self.until)
        step = (self.bucket or 300) * 1000
        first = low // step * step if buckets else low
        while first < high:
            a = max(first, low)
            b = min(first + step, high) if buckets else high
            if a <= start and b > end:  # the whole flow, as most are
                parts = counters[1:]
            else:
                parts = [share(v, start, end, b) - share(v, start, end, a) for v in counters[1:]]
            yield first if buckets else None, counters[0] if a <= start < b else 0, *parts
            first = b if not buckets else first + step


@functools.lru_cache(maxsize=1)  # a store is asked again with other overrides
def stored(paths):
    """The rows of these files as they are stored."""
    known = read_fvt.known_columns()
    return [row for path in paths for row in read_fvt.File(path, known).rows()]


class Reference:
    """A store in a database of its own."""

    def __init__(self, paths, tables, overrides=()):
        """tables: of each table its columns, {name: declared type}, parameters left out. overrides: rows of
        sampling_overrides, times in ms."""
        self.tables = tables
        self.db = sqlite3.connect(":memory:", isolation_level=None)
        self.db.create_function("ip_in", 2, ip_in, deterministic=True)
        self.db.create_function("ip_net", 2, ip_net, deterministic=True)
        self.db.create_function("ip_net", 3, ip_net, deterministic=True)
        self.db.create_function("ip_cut", 3, cut, deterministic=True)
        self.db.create_function("ip_version", 1, family, deterministic=True)
        self.db.create_function("tcp_flags", 1, tcp_flags, deterministic=True)
        self.db.create_collation("ip", collate_ip)
        self.classes = {name: read_fvt.CLASSES[cls] for name, cls in read_fvt.known_columns().items()}
        self.rows = [flow(row, overrides) for row in stored(tuple(paths))]
        self.times = [span(row) for row in self.rows]
        self.shown = [tuple(map(text_time, times or (None, None))) + (times or (None, None)) for times in self.times]
        names = list(tables["flows"])
        self.create("plain", tables["flows"], "id INTEGER PRIMARY KEY")
        shown = {name for name in names if self.classes.get(name) == "TIME"}
        self.db.executemany("INSERT INTO plain VALUES (%s)" % ", ".join("?" * (len(names) + 1)), (
            (i, *map({**row, **{name: text_time(row[name]) for name in shown & row.keys()}}.get, names))
            for i, row in enumerate(self.rows)))
        self.made = {}
        self.names = 0

    def create(self, name, columns, *more):
        self.db.execute("CREATE TABLE %s (%s)" % (name, ", ".join(
            [*more, *('"%s" %s' % column for column in columns.items())])))

    def cut_up(self, window, buckets):
        """The table of pieces of flows, by window and bucket."""
        key = ("pieces", window.since, window.until, window.bucket, buckets)
        if key not in self.made:
            name = self.made[key] = self.new_name("pieces")
            self.db.execute("CREATE TABLE %s (id INTEGER, time TEXT, time_ms INTEGER, flows INTEGER, packets "
                            "INTEGER, bytes INTEGER, outpackets INTEGER, outbytes INTEGER, first TEXT, last TEXT, "
                            "first_ms INTEGER, last_ms INTEGER)" % name)
            self.db.executemany("INSERT INTO %s VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)" % name, (
                (i, text_time(piece[0]), *piece, *shown)
                for i, (row, times, shown) in enumerate(zip(self.rows, self.times, self.shown)) if window.holds(times)
                for piece in window.pieces(row, times, buckets)))
        return self.made[key]

    def table(self, kind, window, filter_sql, own, named, count_of=None):
        """Name of a table that has the columns named, as a table of that kind has them with these
        parameters. filter_sql: what filter means, on the columns of plain as r.*; own: networks that the
        flows' own addresses have to be in, (column, network), whatever mask4 and mask6 make of them; count_of: whose
        values counted counts."""
        key = (kind, window.key(), filter_sql, tuple(own), frozenset(named), count_of)
        if key not in self.made:
            name = self.made[key] = self.new_name("table")
            named = self.all_named(kind, named)
            columns = {c: t for c, t in self.tables[kind].items() if c in named} or {"nothing": ""}
            self.create(name, columns)
            rows = self.some_flows(kind, window, filter_sql or "1", own, columns) if kind == "flows" else \
                self.totals(kind, window, filter_sql or "1", own, columns, count_of)
            self.db.execute("INSERT INTO %s %s" % (name, rows))
        return self.made[key]

    def all_named(self, kind, named):
        """SQLite tells a table the columns from the 64th on as one."""
        late = list(self.tables[kind])[63 - PARAMETERS[kind]:]
        return set(named) | set(late if kind != "flows" and set(late) & set(named) else ())

    def new_name(self, what):
        self.names += 1
        return "%s_%d" % (what, self.names)

    def forget(self):
        """Drop the tables made, but not the pieces."""
        for key in [key for key in self.made if key[0] != "pieces"]:
            self.db.execute("DROP TABLE %s" % self.made.pop(key))

    def some_flows(self, kind, window, filter_sql, own, columns):
        names = ", ".join("NULL" if c == "nothing" else 'r."%s"' % c for c in columns)
        return "SELECT %s FROM plain r JOIN %s p USING (id) WHERE %s" % (
            names, self.cut_up(window, False), self.passes(kind, filter_sql, own, 0))

    def passes(self, kind, filter_sql, own, side):
        return " AND ".join(["(%s)" % filter_sql] + [
            "ip_in(r.\"%s\", '%s')" % (self.field(kind, column, side), net) for column, net in own])

    def totals(self, kind, window, filter_sql, own, columns, count_of):
        buckets = bool({"time", "time_ms"} & columns.keys())
        measures = {c: self.measure(kind, c) for c in columns}
        counted = {m[1] for m in measures.values() if m and m[1] in COUNTERS}
        timed = any(m and c != "counted" and m[1] not in COUNTERS for c, m in measures.items())
        # A stretch of time in which nothing of what is asked for happened is not there.
        something = " AND (p.time IS NULL OR %s)" % " OR ".join("p.%s <> 0" % c for c in counted) \
            if buckets and counted and not timed else ""
        arms = ["SELECT %s FROM plain r JOIN %s p USING (id) WHERE %s%s" % (
            ", ".join('%s AS "%s"' % (self.dimension(kind, count_of, side, window) if c == "counted" else
                                      self.source(kind, c, side, window, measures[c]), c) for c in columns),
            self.cut_up(window, buckets), self.passes(kind, filter_sql, own, side), something)
            for side in ((0, 1) if kind == "endpoints" else (0,))]
        shown = ", ".join('%s"%s")' % (measures[c][0], c) if measures[c] else '"%s"' % c for c in columns)
        keys = ['"%s"' % c for c in columns if not measures[c]] or ["NULL"]
        return "SELECT %s FROM (%s) GROUP BY %s" % (shown, " UNION ALL ".join(arms), ", ".join(keys))

    def source(self, kind, column, side, window, measure):
        """What of a piece a column is made of."""
        if column == "nothing":
            return "NULL"
        if column in ("time", "time_ms"):
            return "p." + column
        if measure:
            return "p." + measure[1] if side in measure[2] else "0"
        return self.dimension(kind, column, side, window)

    @staticmethod
    def measure(kind, column):
        """(aggregate, column of pieces, sides that have it), or None for a dimension."""
        if column in ("first", "first_ms"):
            return "min(", column, (0, 1)
        if column in ("last", "last_ms"):
            return "max(", column, (0, 1)
        if column == "counted":
            return "count(DISTINCT ", column, (0, 1)
        if kind == "traffic":
            return ("sum(", column, (0,)) if column in COUNTERS else None
        base, _, way = column.partition("_")
        if base in ("flows", "packets", "bytes"):
            return "sum(", base, {"": (0, 1), "out": (0,), "in": (1,)}[way]
        return None

    def field(self, kind, column, side=0):
        """The column of flows behind a dimension."""
        return ENDS[column][side] if kind == "endpoints" and column in ENDS else column

    def dimension(self, kind, column, side, window):
        if column == "lowport":
            return "min(r.srcport, r.dstport)"
        field = self.field(kind, column, side)
        masked = window.mask4 is not None or window.mask6 is not None
        if masked and self.classes.get(field) == "IP":
            return 'ip_cut(r."%s", %d, %d)' % (field, 32 if window.mask4 is None else window.mask4,
                                              128 if window.mask6 is None else window.mask6)
        return 'r."%s"' % field
