# SPDX-License-Identifier: MIT
"""Statements on flows, traffic and endpoints, made at random.

A Statement is written twice: for the extension's tables with their parameters, and for those of
reference.py. It is kept in parts, so that one that fails can be made shorter."""
import copy
import re

from reference import ENDS, PARAMETERS, Window, text_time

MANY = 300000  # pieces of flows that are too many for a test
# Dimensions out of a site's tables: tests/e2e/usage.py asks for them.
LABELS = {"srczone", "dstzone", "zone", "peerzone", "application"}
# tests/ext/test_sketch.c and test_flow_stat.c ask for these; what is counted is asked for with its parameter.
OTHERS = {"total_flows", "total_packets", "total_bytes", "counted"}


def quoted(value):
    """A literal."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return "x'%s'" % value.hex()
    if isinstance(value, str):
        return "'%s'" % value.replace("'", "''")
    return repr(value)


def bound(sql):
    """The statement with its values as parameters, and these."""
    values = {}

    def parameter(match):
        text = match.group(0)
        name = "v%d" % len(values)
        values[name] = (text[1:-1].replace("''", "'") if text[0] == "'" else float(text) if set(text) & set(".e") else
                        int(text))
        return ":" + name
    head, order, tail = sql.rpartition(" ORDER BY ")
    if not order:
        head, tail = tail, ""
    return re.sub(r"(?<![\w'.])(?:'(?:[^']|'')*'|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w.]))", parameter, head) + order + tail, values


class Table:
    """A table of a statement and its parameters."""

    def __init__(self, kind, alias):
        self.kind, self.alias = kind, alias
        self.window = Window()
        self.filter = None  # (text, SQL)
        self.own = []
        self.net = {}  # parameters endnet and peernet
        self.count_of = None
        self.arguments = False  # parameters in parentheses
        self.named = set()
        self.outside = set()  # columns that another statement names

    def column(self, name):
        return '%s."%s"' % (self.alias, name)

    def parameters(self):
        w = self.window
        pairs = [("since", None if w.since is None else w.since / 1000 if w.since % 1000 else w.since // 1000),
                 ("until", None if w.until is None else text_time(w.until)),
                 ("filter", self.filter and self.filter[0])]
        if self.kind != "flows":
            pairs += [("bucket", w.bucket), ("mask4", w.mask4), ("mask6", w.mask6), *self.net.items(),
                      ("count_of", self.count_of)]
        return [(name, value) for name, value in pairs if value is not None]

    def source(self, reference):
        """As FROM has it."""
        if reference:
            return "%s AS %s" % (reference.table(self.kind, self.window, self.filter and self.filter[1],
                                                 self.own + [("peerip" if name == "peernet" else "ip", net)
                                                             for name, net in self.net.items()],
                                                 self.named, self.count_of), self.alias)
        if not self.arguments:
            return "%s AS %s" % (self.kind, self.alias)
        given = dict(self.parameters())
        order = ["since", "until", "filter", "store", "bucket", "mask4", "mask6", "endnet", "peernet", "billing"]
        order = order[:PARAMETERS[self.kind] - 1] + ["count_of"] if self.kind != "flows" else order[:4]
        values = [quoted(given.get(name)) for name in order]
        while values and values[-1] == "NULL":
            values.pop()
        return "%s(%s) AS %s" % (self.kind, ", ".join(values), self.alias)

    def conditions(self, reference):
        """What WHERE says of the parameters."""
        if reference:
            return []
        own = ["ip_in(%s, '%s')" % (self.column(column), net) for column, net in self.own]
        return own if self.arguments else own + ["%s.%s = %s" % (self.alias, name, quoted(value))
                                                 for name, value in self.parameters()]


class Statement:
    """SELECT; parts are lists of SQL with columns as {alias.name}."""

    def __init__(self, tables):
        self.tables = tables
        self.select, self.where, self.group, self.having, self.order = [], [], [], [], []
        self.distinct = False
        self.limit = self.offset = None
        self.joins = ""  # the FROM clause with @0, @1 for the tables
        self.on = []
        self.compound = None  # (operator, Statement)
        self.bound = False  # values are parameters

    def expand(self, text):
        """Columns by their names; remembers which are named."""
        def column(match):
            for table in self.tables:
                if table.alias == match.group(1):
                    table.named.add(match.group(2))
                    return table.column(match.group(2))
            return match.group(0)
        return re.sub(r"\{(\w+)\.(\w+)\}", column, text)

    def sql(self, reference=None, whole=True):
        """The statement; whole: with its LIMIT."""
        for table in self.tables:
            table.named = table.outside | {column for column, _ in table.own}
        parts = {name: [self.expand(text) for text in getattr(self, name)]
                 for name in ("select", "where", "group", "having", "order", "on")}
        source = self.joins or ", ".join("@%d" % i for i in range(len(self.tables)))
        source = self.expand(source)
        for i, table in enumerate(self.tables):
            source = source.replace("@%d" % i, table.source(reference))
        where = [text for table in self.tables for text in table.conditions(reference)] + parts["where"]
        text = "SELECT %s%s FROM %s" % ("DISTINCT " if self.distinct else "", ", ".join(parts["select"]), source)
        if where:
            text += " WHERE " + " AND ".join(where)
        if parts["group"]:
            text += " GROUP BY " + ", ".join(parts["group"])
        if parts["having"]:
            text += " HAVING " + " AND ".join(parts["having"])
        if self.compound:
            text += " %s %s" % (self.compound[0], self.compound[1].sql(reference))
        if parts["order"]:
            text += " ORDER BY " + ", ".join(parts["order"])
        if whole and self.limit is not None:
            text += " LIMIT %d" % self.limit
            if self.offset is not None:
                text += " OFFSET %d" % self.offset
        return text

    def shorter(self):
        """Statements with one part less."""
        for name in ("where", "having", "order", "group", "select"):
            for i in range(len(getattr(self, name))):
                if name == "select" and (len(self.select) == 1 or i < len(self.order) or self.compound):
                    continue
                less = copy.deepcopy(self)
                del getattr(less, name)[i]
                if name == "order":
                    del less.select[i]
                yield less
        for name, value in (("limit", None), ("offset", None), ("distinct", False), ("compound", None),
                            ("bound", False)):
            if getattr(self, name) not in (None, False):
                less = copy.deepcopy(self)
                setattr(less, name, value)
                yield less
        for i, table in enumerate(self.tables):
            if table.filter or table.own or table.net:
                less = copy.deepcopy(self)
                less.tables[i].filter, less.tables[i].own, less.tables[i].net = None, [], {}
                yield less
            for name in ("since", "until", "bucket", "mask4", "mask6"):
                if getattr(table.window, name) is not None:
                    less = copy.deepcopy(self)
                    setattr(less.tables[i].window, name, None)
                    yield less


# ---- making them ----------------------------------------------------------------------------

class Maker:
    def __init__(self, random, reference):
        self.r = random
        self.reference = reference
        self.kinds = {kind: {c: self.class_of(kind, c, t) for c, t in columns.items() if c not in LABELS | OTHERS and not (kind == "traffic" and c in ("srcnet", "dstnet"))}
                      for kind, columns in reference.tables.items()}
        self.pools = {}
        self.busy = {kind: self.filled(kind) for kind in self.kinds}
        moments = sorted({t for times in reference.times if times for t in times})
        self.moments = moments[len(moments) // 100:] if moments else [0]
        self.windows = [self.window() for _ in range(9)] + [Window()] * 4

    def class_of(self, kind, column, declared):
        if column in ("srcnet", "dstnet"):
            return "NET"
        cls = self.reference.classes.get(self.reference.field(kind, column))
        if cls and not column.endswith("_ms"):
            return cls
        return {"TEXT": "TIME", "REAL": "REAL"}.get(declared, "UINT")

    def filled(self, kind):
        """Columns that are not NULL everywhere, as far as it can be told."""
        fields = {c: self.reference.field(kind, c) for c in self.kinds[kind]}
        plain = [f for f in sorted(set(fields.values())) if kind == "flows" or f in self.kinds["flows"]]
        counts = self.reference.db.execute("SELECT %s FROM plain" % ", ".join('count("%s")' % f for f in plain)).fetchone()
        empty = {f for f, n in zip(plain, counts) if n == 0}
        return [c for c, f in fields.items() if f not in empty]

    def dimensions(self, kind):
        return [c for c in self.kinds[kind] if c not in ("time", "time_ms") and
                not self.reference.measure(kind, c)]

    def pool(self, kind, column):
        """Values that occur, frequent ones more often."""
        field = self.reference.field(kind, column)
        if column in ("time", "time_ms"):
            return self.bucket_begins(column)
        if field not in self.kinds["flows"]:
            field = {"first": "tstart", "first_ms": "tstart_ms",
                     "last": "tend", "last_ms": "tend_ms", "lowport": "dstport"}.get(column, column.partition("_")[0])
        if field not in self.pools:
            self.pools[field] = [v for v, in self.reference.db.execute(
                'SELECT "%s" FROM plain WHERE "%s" IS NOT NULL AND id %% 7 = 0 LIMIT 500' % (field, field))] + [
                v for v, in self.reference.db.execute(
                    'SELECT DISTINCT "%s" FROM plain WHERE "%s" IS NOT NULL LIMIT 500' % (field, field))]
        return self.pools[field]

    def bucket_begins(self, column):
        """Times that are mostly the begin of a bucket."""
        if column not in self.pools:
            times = [t // step * step for t in self.moments[::1 + len(self.moments) // 300]
                     for step in (300000, 300000, 3600000, 86400000, 1)]
            self.pools[column] = [text_time(t) if column == "time" else t for t in times]
        return self.pools[column]

    # ---- parameters

    def window(self):
        def moment():
            t = self.r.choice(self.moments)
            return self.r.choice([t, t + 1, t // 1000 * 1000, t // 60000 * 60000, t // 3600000 * 3600000,
                                  t // 86400000 * 86400000])
        since, until = sorted((moment(), moment()))
        lasting = sum(t[1] - t[0] for t in self.reference.times if t) // 1000
        bucket = self.r.choice([b for b in (None, None, 60, 300, 900, 3600, 3600, 7200, 86400, 777)
                                if lasting // (b or 300) < MANY])
        return Window(self.r.choice([None, since, since]), self.r.choice([None, until, until]), bucket)

    def table(self, kind, alias):
        t = Table(kind, alias)
        w = self.r.choice(self.windows)
        t.window = Window(w.since, w.until, w.bucket if kind != "flows" else None)
        if kind != "flows" and self.r.random() < 0.12:
            t.window.mask4 = self.r.choice([None, 0, 8, 16, 24, 27, 32])
            t.window.mask6 = self.r.choice([None, 0, 32, 48, 64, 128])
        if self.r.random() < 0.25:
            t.filter = self.filter()
        for name, column in (("endnet", "ip"), ("peernet", "peerip")):
            if kind == "endpoints" and self.r.random() < 0.15:
                t.net[name] = "%s/%d" % (self.r.choice(self.pool(kind, column)), self.r.choice([8, 16, 24, 30]))
        t.arguments = self.r.random() < 0.4
        return t

    # ---- filters: text and what it means in SQL

    def filter(self, depth=0, negated=False):
        kind = self.r.random()
        if depth < 3 and kind < 0.35:
            op = self.r.choice(["and", "or", "AND", "||", "&&"])
            a, b = self.filter(depth + 1, negated), self.filter(depth + 1, negated)
            return "(%s) %s (%s)" % (a[0], op, b[0]), "(%s %s %s)" % (
                a[1], "OR" if op in ("or", "||") else "AND", b[1])
        if depth < 3 and kind < 0.5:
            a = self.filter(depth + 1, not negated)
            return "%s (%s)" % (self.r.choice(["not", "!", "NOT"]), a[0]), "(NOT %s)" % a[1]
        text, sql = self.filter_test(negated)
        return text, "ifnull(%s, 0)" % sql

    def ends(self, name, src, dst, test):
        """A test of either end or both; test makes SQL of a column."""
        way = self.r.choice(["src ", "dst ", "", "src or dst ", "src and dst "])
        a, b = ("ifnull(%s, 0)" % test("r." + c) for c in (src, dst))
        sql = {"src ": a, "dst ": b, "src and dst ": "(%s AND %s)" % (a, b)}.get(way, "(%s OR %s)" % (a, b))
        return way + name, sql

    def filter_column(self):
        """A column by its name in SQL."""
        column = self.r.choice([c for c in self.busy["flows"] if c in self.reference.classes and c not in ("extra", "tcpflags")])
        cls = self.reference.classes[column]
        values = self.pool("flows", column)
        value = self.r.choice(values)
        if cls == "UINT":
            op = self.r.choice(["", "=", "<", ">", "<=", ">="])
            if self.r.random() < 0.3:
                low, high = sorted((value, self.r.choice(values)))
                return "%s in [%d-%d]" % (column, low, high), "r.%s BETWEEN %d AND %d" % (column, low, high)
            return "%s %s %d" % (column, op, value), "r.%s %s %d" % (column, op or "=", value)
        if cls == "TIME":
            op = self.r.choice(["=", "<", ">", "<=", ">="])
            return "%s %s %s" % (column, op, value.replace(" ", "T")), "r.%s %s '%s'" % (column, op, value)
        if cls == "TEXT" and not re.fullmatch(r"[\w.:/ -]+", value):
            return "any", "1"
        text = '"%s"' % value if cls == "TEXT" else value
        return "%s %s" % (column, text), "r.%s = %s" % (column, quoted(value))

    def filter_test(self, negated):
        choice = self.r.randrange(12)
        if choice >= 10:
            return self.filter_column()
        if choice == 9:
            name, value = self.r.choice([("packets", 10), ("bytes", 1000), ("bytes", 60), ("duration", 1500), ("pps", 3),
                                         ("bps", 8000), ("bpp", 60), ("dscp", 0), ("bytes", "10k"), ("duration", 0)])
            op = self.r.choice(["=", "<", ">", "<=", ">="])
            column = "r.tend_ms - r.tstart_ms" if name == "duration" else "r." + name
            return "%s %s %s" % (name, op, value), "(%s) %s %s" % (column, op, 10000 if value == "10k" else value)
        if choice == 0:
            return self.r.choice([("any", "1"), ("tcp", "r.proto = 6"), ("udp", "r.proto = 17"),
                                  ("icmp", "r.proto = 1"), ("proto icmp6", "r.proto = 58"),
                                  ("ipv4", "(ifnull(r.ipversion = 4, 0) OR ifnull(ip_version(r.srcip) = 4, 0))"),
                                  ("inet6", "(ifnull(r.ipversion = 6, 0) OR ifnull(ip_version(r.srcip) = 6, 0))")])
        if choice in (1, 2):
            ip = self.r.choice(self.pool("flows", self.r.choice(["srcip", "dstip"])) or ["192.0.2.1"])
            if choice == 1:
                name, sql = self.ends(self.r.choice(["ip", "host"]), "srcip", "dstip", lambda c: "%s = '%s'" % (c, ip))
                return "%s %s" % (name, ip), sql
            net = "%s/%d" % (ip, self.r.choice([8, 16, 20, 24, 31] if "." in ip else [16, 32, 48, 64, 120]))
            name, sql = self.ends("net", "srcip", "dstip", lambda c: "ip_in(%s, '%s')" % (c, net))
            return "%s %s" % (name, net), sql
        if choice == 3:
            values = [self.r.choice(self.pool("flows", "srcip") + self.pool("flows", "dstip") or ["::1"])
                      for _ in range(self.r.choice([1, 2, 30]))]
            name, sql = self.ends("ip in", "srcip", "dstip",
                                  lambda c: "%s IN (%s)" % (c, ", ".join(map(quoted, values))))
            return "%s [%s]" % (name, self.r.choice([" ", ", "]).join(values)), sql
        if choice in (4, 5):
            port = self.r.choice(self.pool("flows", "dstport") or [80])
            sign, op = self.r.choice([("", "="), ("=", "="), ("eq", "="), (">", ">"), ("<", "<"), (">=", ">="),
                                      ("le", "<=")])
            name, sql = self.ends("port", "srcport", "dstport", lambda c: "%s %s %d" % (c, op, port))
            return "%s %s %d" % (name, sign, port), sql
        if choice == 6:
            letters = "".join(self.r.sample("FSRPAU", self.r.choice([1, 1, 2, 3])))
            bits = ["r.tcpflags & %d" % (1 << "FSRPAU".index(c)) for c in letters]
            return "flags " + letters, "(r.proto = 6 AND (%s))" % (" OR " if negated else " AND ").join(
                "(%s) <> 0" % bit for bit in bits)
        fields = [("proto", "proto"), ("src as", "srcas"), ("dst as", "dstas"), ("in if", "inif"), ("out if", "outif"),
                  ("tos", "tos"), ("src mask", "srcmask"), ("icmp type", "icmptype"), ("src vlan", "srcvlan"),
                  ("min ttl", "minttl"), ("max ttl", "maxttl"), ("src nat port", "natsrcport"),
                  ("observation domain id", "odid"), ("engine-id", "engineid"), ("flowdir", "direction")]
        name, column = self.r.choice(fields)
        values = [v for v in self.pool("flows", column) if 0 <= v < 1 << 8 or column not in ("proto", "tos")] or [1]
        if choice == 7 and column != "direction":
            some = [self.r.choice(values) for _ in range(self.r.choice([1, 3, 8]))]
            return "%s in [%s]" % (name, " ".join(map(str, some))), "r.%s IN (%s)" % (column, ", ".join(map(str, some)))
        value = self.r.choice(values)
        op = self.r.choice(["=", "<", ">", "<=", ">="])
        return "%s %s %d" % (name, op, value), "r.%s %s %d" % (column, op, value)

    # ---- conditions

    def column(self, kind):
        """Mostly one with something in it, and one that people use."""
        usual = {"flows": ["srcip", "dstip", "srcport", "dstport", "proto", "tstart", "bytes"],
                 "traffic": ["srcip", "dstip", "srcport", "dstport", "proto", "srcas", "inif", "exporter", "time"],
                 "endpoints": ["ip", "peerip", "port", "proto", "asn", "exporter"]}[kind]
        x = self.r.random()
        names = usual if x < 0.45 else self.busy[kind] if x < 0.9 else list(self.kinds[kind])
        return self.r.choice(names)

    def value(self, kind, column):
        """One to compare with: it occurs, or is near to one, or is of another type."""
        cls = self.kinds[kind][column]
        values = self.pool(kind, column)
        x = self.r.random()
        if not values or x < 0.1:
            return self.r.choice([None, "", "abc", b"", b"\x00", b"443", 0, 1, -1, 443, "443", 6.0, 6.5, "6.0", " 6", "0x6",
                                  9223372036854775807, -9223372036854775808, 1e19, -1e19, "1e3", "~", "2023",
                                  "192.168.1.1", "192.168.001.001", "::1", "::FFFF:1.2.3.4", "fe80::1%eth0", "é"])
        v = self.r.choice(values)
        if x < 0.7:
            return v
        if cls in ("UINT", "REAL"):
            return self.r.choice([v + 1, v - 1, float(v), v + 0.5, str(v), str(float(v)), " %s" % v, "%sx" % v])
        if not isinstance(v, str):
            return v
        return self.r.choice([v[:self.r.randrange(len(v) + 1)], v + " ", v + "0", v.upper(), v.encode(), v[:-1] + "~"])

    def pattern(self, value, glob):
        any_, one = ("*", "?") if glob else ("%", "_")
        value = str(value)
        k = self.r.randrange(len(value) + 1)
        return self.r.choice([value[:k] + any_, value, any_ + value[k:], value[:k] + one + value[k + 1:], any_,
                              value[:k] + any_ + value[-1:], value.upper()[:k] + any_])

    def condition(self, table, depth=0):
        kind = table.kind
        if depth < 2 and self.r.random() < 0.2:
            op = self.r.choice([" OR ", " OR ", " AND "])
            text = "(%s)" % op.join(self.condition(table, depth + 1) for _ in range(self.r.choice([2, 2, 3])))
            return "NOT " + text if self.r.random() < 0.2 else text
        name = self.column(kind)
        masked = table.window.mask4 is not None or table.window.mask6 is not None
        cls = self.kinds[kind][name]
        c = "{%s.%s}" % (table.alias, name)
        v = lambda: quoted(self.value(kind, name))  # noqa: E731
        form = self.r.randrange(22)
        if form < 5:
            return "%s %s %s" % (c, self.r.choice(["=", "=", "==", "<>", "IS", "IS NOT"]), v())
        if form < 8:
            return "%s %s %s" % (c, self.r.choice(["<", "<=", ">", ">="]), v())
        if form == 8:
            return "%s %s %s" % (v(), self.r.choice(["=", "<", ">=", "<>"]), c)
        if form == 9:
            return "%s %sBETWEEN %s AND %s" % (c, self.r.choice(["", "", "NOT "]), v(), v())
        if form in (10, 11, 12):
            n = self.r.choice([0 if kind == "flows" else 1, 1, 2, 5, 40])  # IN () names no column
            return "%s %sIN (%s)" % (c, self.r.choice(["", "", "", "NOT "]), ", ".join(v() for _ in range(n)))
        if form == 13:
            return "%s IS %sNULL" % (c, self.r.choice(["", "NOT "]))
        if form in (14, 15):
            glob = self.r.random() < 0.5
            return "%s %s%s %s" % (c, self.r.choice(["", "", "NOT "]), "GLOB" if glob else "LIKE",
                                   quoted(self.pattern(self.value(kind, name), glob)))
        if form in (16, 17) and not masked:
            name = self.r.choice([n for n, cls in self.kinds[kind].items() if cls == "IP" and n in self.busy[kind]])
            ip = self.r.choice(self.pool(kind, name))
            net = "%s/%d" % (ip, self.r.choice([0, 8, 16, 24, 30, 32] if "." in ip else [0, 16, 32, 64, 127, 128]))
            return "%sip_in({%s.%s}, '%s')" % (self.r.choice(["", "", "NOT "]), table.alias, name, net)
        if form == 18:
            other = self.column(kind)
            return "%s %s {%s.%s}" % (c, self.r.choice(["=", "<>", "<", "IS"]), table.alias, other)
        if form == 19:
            return self.r.choice(["+%s = %s", "%s COLLATE NOCASE = %s", "ifnull(%s, 1) = %s", "%s || '' = %s"]) % (c, v())
        if form == 20:
            thing = "ip FROM hosts" if cls == "IP" else "number FROM hosts"
            return "%s %sIN (SELECT %s)" % (c, self.r.choice(["", "", "NOT "]), thing)
        other = self.column(kind)
        return "(%s, {%s.%s}) %s (%s, %s)" % (c, table.alias, other, self.r.choice(["=", "<", ">="]), v(),
                                            quoted(self.value(kind, other)))

    def conditions(self, table, most=3):
        masked = table.window.mask4 is not None or table.window.mask6 is not None
        if masked and self.r.random() < 0.4:
            name = self.r.choice({"traffic": ["srcip", "dstip"], "endpoints": ["ip", "peerip"]}[table.kind])
            ip = self.r.choice(self.pool(table.kind, name))
            table.own.append((name, "%s/%d" % (ip, self.r.choice([8, 16, 24, 30]))))
        return [self.condition(table) for _ in range(self.r.choice([0, 0, 1, 1, 2, most]))]

    # ---- statements

    # What is asked for together, and what roll-ups are made of.
    SETS = {"flows": [["srcip", "dstip"], ["tstart"], ["tstart_ms"], ["tstart", "srcip"], ["tend"]],
            "traffic": [["srcip"], ["dstip"], ["srcip", "dstip"], ["dstport", "proto"], ["srcas", "dstas"],
                        ["inif", "outif"], ["exporter"], ["time"], ["time", "proto"], ["time", "srcip"],
                        ["exporter", "srcip"], ["time_ms", "exporter", "inif"]],
            "endpoints": [["ip"], ["ip", "peerip"], ["port", "proto"], ["asn"], ["ip", "time"], ["time"]]}

    def keys(self, table, most=3):
        if self.r.random() < 0.3:
            return ["{%s.%s}" % (table.alias, n) for n in self.r.choice(self.SETS[table.kind])]
        names = {self.column(table.kind) for _ in range(self.r.randrange(1, most + 1))}
        if table.kind != "flows":
            names = {n for n in names if not self.reference.measure(table.kind, n)} or {
                self.r.choice(self.dimensions(table.kind))}
        return ["{%s.%s}" % (table.alias, n) for n in sorted(names)]

    def totals(self, table):
        """Aggregates whose result does not depend on the order of rows, nor of doubles."""
        a = table.alias
        if table.kind == "flows":
            number = self.r.choice(["bytes", "packets", "flows", "dstport", "raw_bytes", "tcpflags"])
            other = self.column("flows")
            return self.r.sample(["count(*)", "sum({%s.%s})" % (a, number), "count({%s.%s})" % (a, other),
                                  "min({%s.%s})" % (a, other), "max({%s.%s})" % (a, other), "max({%s.tend})" % a,
                                  "count(DISTINCT {%s.%s})" % (a, other), "total({%s.packets})" % a,
                                  "sum({%s.bytes}) FILTER (WHERE {%s.proto} = 6)" % (a, a)], self.r.choice([1, 2, 3]))
        counters = ["flows", "packets", "bytes"] + (
            ["outbytes"] if table.kind == "traffic" else ["bytes_out", "bytes_in", "flows_in", "packets_out"])
        some = ["sum({%s.%s})" % (a, self.r.choice(counters)) for _ in range(self.r.choice([1, 1, 2, 3]))]
        if self.r.random() < 0.2:
            some.append(self.r.choice(["min({%s.first})", "max({%s.last})", "max({%s.last_ms})"]) % a)
        if self.r.random() < 0.1:
            some.append("count(DISTINCT {%s.%s})" % (a, self.r.choice(self.dimensions(table.kind))))
        return some

    def finish(self, s):
        """ORDER BY and LIMIT, sometimes. What is ordered by comes first in the list."""
        if self.r.random() < 0.5:
            n = self.r.randrange(1, len(s.select) + 1)
            s.select = self.r.sample(s.select, len(s.select))
            s.order = ["%d%s" % (i + 1, self.r.choice(["", "", " DESC", " DESC", " ASC", " COLLATE BINARY",
                                                      " NULLS LAST", " DESC NULLS FIRST"])) for i in range(n)]
        if self.r.random() < 0.35:
            s.limit = self.r.choice([0, 1, 3, 10, 100, 100000])
            if self.r.random() < 0.3:
                s.offset = self.r.choice([0, 1, 5, 50])
        return s

    def plain_rows(self, kind):
        t = self.table(kind, "f")
        s = Statement([t])
        s.select = self.keys(t, 5) if self.r.random() < 0.9 else ["{f.%s}" % c for c in self.kinds[kind]]
        if kind != "flows" and self.r.random() < 0.7:
            s.select += ["{f.%s}" % self.r.choice([c for c in self.kinds[kind] if self.reference.measure(kind, c)])]
        s.where = self.conditions(t)
        s.distinct = self.r.random() < 0.25
        return self.finish(s)

    def grouped(self, kind):
        t = self.table(kind, "f")
        s = Statement([t])
        s.group = self.keys(t) if self.r.random() < 0.9 else []
        s.select = s.group + self.totals(t)
        s.where = self.conditions(t, 2)
        if s.group and self.r.random() < 0.2:
            s.having = ["%s > %d" % (s.select[-1], self.r.choice([0, 1, 100, 100000]))]
        if s.group and self.r.random() < 0.2:
            s.group = s.group[::-1]
        return self.finish(s)

    def counting(self, kind):
        """How many values of a column there are."""
        t = self.table(kind, "f")
        t.count_of = self.r.choice(self.dimensions(kind) if self.r.random() < 0.5 else self.ADDRESSES[kind])
        s = Statement([t])
        s.select = ["{f.counted}"] + self.r.choice([self.keys(t), self.keys(t, 1), []])
        s.select += self.r.choice([[], [], ["{f.flows}"], ["{f.bytes}"], ["{f.flows}", "{f.packets}", "{f.last}"]])
        s.where = self.conditions(t, 1)
        if self.r.random() < 0.4:
            s.where += ["{f.%s} %s %s" % (self.r.choice(["counted", "counted", "flows"]), self.r.choice([">", ">=", ">=", "<"]),
                                          self.r.choice(["0", "1", "2", "3", "1.5", "'2'", "NULL", "20", "(SELECT 2)"]))]
        s = self.finish(s)
        if self.r.random() < 0.4:
            s.order = ["1 DESC"] + [str(i) for i in range(2, len(s.select) + 1)]
        return s

    ADDRESSES = {"traffic": ["srcip", "dstip"], "endpoints": ["ip", "peerip"]}

    def top_list(self, kind):
        """A form that the extension reads in whole: it delivers no groups but those shown, or of flows all of
        them added up."""
        t = self.table(kind, "f")
        s = Statement([t])
        s.group = self.keys(t)
        s.select = ["sum({f.%s})" % self.r.choice(["flows", "packets", "bytes"])] + s.group
        if kind == "flows" and self.r.random() < 0.8:  # what is read of flows, too
            s.group = ["{f.%s}" % c for c in self.r.sample(self.dimensions("traffic"), self.r.randrange(1, 3))]
            s.select = s.select[:1] + s.group
        if self.r.random() < 0.3:
            s.group = s.group[:1]
            s.select = ["count(DISTINCT {f.%s})" % self.r.choice(
                self.dimensions("traffic" if kind == "flows" else kind))] + s.select[:2]
        elif self.r.random() < 0.3 and not t.window.mask4 and not t.window.mask6:
            net = "ip_net({f.%s}, %s)" % (self.r.choice(self.ADDRESSES["traffic" if kind == "flows" else kind]), self.r.choice(["0", "8", "24, 48", "32, 128"]))
            s.group = [net] + s.group[:1]
            s.select = s.select[:1] + s.group
        s.where = self.conditions(t, 1) if self.r.random() < 0.5 else []
        s.order = ["1" + self.r.choice(["", " ASC", " DESC", " DESC", " DESC", " DESC"])]
        s.order += ["2"] if self.r.random() < 0.2 else []
        s.limit = self.r.choice([0, 1, 2, 5, 10, 30, 1000])
        s.offset = self.r.choice([None, None, None, 1, 7])
        if kind == "flows" and self.r.random() < 0.5:
            s.select.append(self.r.choice(["count(*)", "count(1)"]))
            s.order = [self.r.choice(["1", str(len(s.select))]) + self.r.choice(["", " DESC"])]
        if kind == "flows" and self.r.random() < 0.3:
            s.having = [self.r.choice(["count(*) > 2", "sum({f.bytes}) BETWEEN 100 AND 100000", "NOT (count(*) < 3 OR sum({f.packets}) * 2 > 9)"])]
        if kind == "flows" and self.r.random() < 0.3:
            s.limit = s.offset = None
        return s

    def joined(self, kind):
        t = self.table(kind, "f")
        s = Statement([t])
        ip = {"flows": "srcip", "traffic": "dstip", "endpoints": "ip"}[kind]
        form = self.r.randrange(5)
        # Parameters of the right side of LEFT JOIN hold for that side: they are its arguments.
        if form == 0:
            s.joins = "hosts AS h JOIN @0 ON {f.%s} = h.ip" % ip
        elif form == 1:
            t.arguments = True
            t.window.mask4 = t.window.mask6 = None  # and none of what has to hold in the table itself
            s.joins = "hosts AS h LEFT JOIN @0 ON {f.%s} = h.ip" % ip
        elif form == 2:
            s.joins = "@0 LEFT JOIN hosts AS h ON h.ip = {f.%s}" % ip
        elif form == 3 and t.window.mask4 is None and t.window.mask6 is None:
            s.joins = "@0 JOIN networks AS h ON ip_in({f.%s}, h.net)" % ip
        else:
            s.joins = "@0, hosts AS h"
            s.where = ["{f.%s} = h.ip" % ip]
        s.group = ["h.name"] + (self.keys(t, 1) if self.r.random() < 0.5 else [])
        s.select = s.group + self.totals(t)
        s.where = s.where + self.conditions(t, 2)
        return self.finish(s)

    def selfjoin(self, kind):
        a, b = self.table(kind, "f"), self.table(self.r.choice(["flows", "traffic"]), "g")
        a.window.mask4 = a.window.mask6 = b.window.mask4 = b.window.mask6 = None
        s = Statement([a, b])
        mine = "peerip" if kind == "endpoints" else "dstip"
        s.joins = "@0 JOIN @1 ON {g.srcip} = {f.%s}" % mine
        s.where = ["{f.%s} IN (SELECT ip FROM hosts LIMIT 3)" % mine] + self.conditions(b, 2)
        s.group = self.keys(a, 1)
        s.select = s.group + ["count(*)", "sum({g.bytes})"] if "flows" in (kind, b.kind) else s.group + ["sum({g.flows})"]
        if kind != "flows" or b.kind != "flows":
            s.select = s.group + ["max({g.srcip})"]
        return self.finish(s)

    def subquery(self, kind):
        """IN (SELECT ...) of another table of the store, and scalar ones."""
        a, b = self.table(kind, "f"), self.table("flows", "g")
        a.window.mask4 = a.window.mask6 = None
        b.arguments = True
        inner = Statement([b])
        ip = {"flows": "srcip", "traffic": "dstip", "endpoints": "ip"}[kind]
        form = self.r.randrange(4)
        inner.where = self.conditions(b, 1)
        s = Within([a], inner)
        s.group = self.keys(a, 2)
        s.select = s.group + self.totals(a)
        if form == 0:
            inner.select = ["{g.dstip}"]
            s.where = ["{f.%s} %sIN (@@)" % (ip, self.r.choice(["", "", "NOT "]))]
        elif form == 1:
            inner.select = ["1"]
            inner.where.append("{g.dstip} = f.%s" % ip)
            inner.where.append("{g.dstip} IN (SELECT ip FROM hosts)")
            a.outside.add(ip)
            s.where = ["{f.%s} IN (SELECT ip FROM hosts LIMIT 5)" % ip, "EXISTS (@@)"]
        elif form == 2:
            inner.select = ["max({g.dstport})"]
            s.where = ["{f.%s} = (@@)" % ("port" if kind == "endpoints" else "dstport")]
        else:
            inner.select = ["{g.srcip}", "{g.dstport}"]
            inner.where.append("{g.dstip} IN (SELECT ip FROM hosts LIMIT 5)")
            s.where = ["({f.%s}, {f.%s}) IN (@@)" % (ip, "port" if kind == "endpoints" else "srcport")]
        s.where += self.conditions(a, 1)
        return self.finish(s)

    def compounded(self, kind):
        first = self.plain_rows(kind)
        first.order, first.limit, first.offset, first.distinct = [], None, None, False
        second = Statement([self.table(kind, "f")])
        second.select = [self.r.choice(self.keys(second.tables[0])) for _ in first.select]
        second.where = self.conditions(second.tables[0])
        first.compound = (self.r.choice(["UNION", "UNION ALL", "UNION ALL", "EXCEPT", "INTERSECT"]), second)
        s = self.finish(first)
        s.order = [] if s.select != first.select else s.order
        return s

    def make(self):
        kind = self.r.choice(["flows", "flows", "flows", "traffic", "traffic", "traffic", "endpoints"])
        x = self.r.random()
        if kind != "flows" and self.r.random() < 0.1:
            x = 1
        shape = (self.counting if x == 1 else self.plain_rows if x < 0.32 else self.top_list if x < 0.42 else self.grouped if x < 0.75 else self.joined if x < 0.83 else
                 self.subquery if x < 0.9 else self.selfjoin if x < 0.93 else self.compounded)
        s = shape(kind)
        s.bound = self.r.random() < 0.3
        return s


class Within(Statement):
    """A statement with another one in its WHERE, where @@ stands."""

    def __init__(self, tables, inner):
        super().__init__(tables)
        self.inner = inner

    def sql(self, reference=None, whole=True):
        return super().sql(reference, whole).replace("@@", self.inner.sql(reference))
