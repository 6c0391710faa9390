# SPDX-License-Identifier: MIT
"""What is asked: each question for every peer in the form that suits it best.

A question is written for flowvt (sql), for an ordinary table of flows (table, by dialect where they
differ) and for nfdump (arguments, or a pipeline where nfdump alone cannot say it). `read` makes rows
of what nfdump prints; `same` compares rows. The goal is what flowvt may take of nfdump's wall time,
clickhouse what ClickHouse 18.16 takes of it, on two cores, from the figures this project began with;
`ahead` says which of these two flowvt has to be ahead of."""
import csv
import io

SLICE = 4  # the five minutes of Q4: the file of that number


def csv_rows(text):
    return [tuple(row) for row in csv.reader(io.StringIO(text)) if row]


def numbers(rows):
    """Numbers as numbers, whatever they look like."""
    def number(v):
        try:
            return int(float(v)) if float(v) == int(float(v)) else round(float(v), 3)
        except ValueError:
            return v.strip()
    return [tuple(number(v) for v in row) for row in rows]


def equal(ours, theirs):
    return sorted(map(repr, ours)) == sorted(map(repr, theirs))


def top(ours, theirs):
    """Keys and values of the largest; which of those that are as large as the last is anybody's."""
    last = min((row[-1] for row in ours), default=0)
    return ([row[-1] for row in ours] == [row[-1] for row in theirs] and
            equal([r for r in ours if r[-1] > last], [r for r in theirs if r[-1] > last]))


def top4(ours, theirs):
    """nfdump has all IPv6 sources as one network: the IPv4 ones among the first."""
    ours, theirs = ([r for r in rows if ":" not in str(r[0])] for rows in (ours, theirs))
    n = min(len(ours), len(theirs))
    return n > 0 and top(ours[:n], theirs[:n])


def above(ours, theirs):
    """nfdump has no threshold: the first of its list."""
    return bool(ours) and top(ours, theirs[:len(ours)])


def anything(ours, theirs):
    return True


def minutes(ours, theirs):
    """Flows by minute, and all packets and bytes: flowvt spreads these over the flow's minutes, the others
    put them where the flow began."""
    def flows(rows):
        return {row[0]: row[1] for row in rows if row[1]}
    return flows(ours) == flows(theirs) and [sum(r[i] for r in ours) for i in (2, 3)] == [
        sum(r[i] for r in theirs) for i in (2, 3)]


# ---- what nfdump prints ---------------------------------------------------------------------

def from_summary(text):
    line = next((x for x in text.splitlines() if x.startswith("Summary")), "")
    found = dict(part.split(": ") for part in line.partition(": ")[2].split(", ") if ": " in part)
    return [tuple(found.get("total " + name, 0) for name in ("flows", "packets", "bytes"))]


def from_stat(*columns):
    """nfdump -s ... -o csv: the value and these columns."""
    def read(text):
        rows = csv_rows(text)
        head = rows[0] if rows else ()
        return [tuple(row[head.index(c)] for c in ("val",) + columns)
                for row in rows[1:] if len(row) == len(head) and row[0] != "Summary"]
    return read


def from_fmt(text):
    return [tuple(x.strip() for x in line.split(",")) for line in text.splitlines() if line.strip()]


class Question:
    def __init__(self, name, title, sql, table, nfdump, read, same=top, goal=None, clickhouse=None, pipe=None,
                 dialects=(), memory=False, ahead=("DuckDB", "ClickHouse")):
        self.name, self.title, self.sql = name, title, sql
        self.table, self.dialects = table, dict(dialects)
        self.nfdump, self.read, self.pipe = nfdump, read, pipe
        self.same, self.goal, self.clickhouse, self.memory = same, goal, clickhouse, memory
        self.ahead = ahead

    def on_table(self, dialect):
        return self.dialects.get(dialect, self.table)


FIVE = "srcip, dstip, srcport, dstport, proto"
IN_SLICE = "tstart_ms < {until}000 AND tend_ms >= {since}000"
CSV = "tstart, duration, proto, srcip, srcport, dstip, dstport, packets, bytes, flows"
# Q7's: on a table, by nfdump, how that is read and compared, the goal, ClickHouse's share.
CONNECTIONS = ("SELECT " + FIVE + ", sum(bytes) b FROM flows GROUP BY " + FIVE + " ORDER BY b DESC LIMIT 10",
               ["-q", "-N", "-6", "-A", FIVE.replace(" ", ""), "-O", "bytes", "-n", "10",
                "-o", "fmt:%sa,%da,%sp,%dp,%pr,%byt"], from_fmt, top, 0.15, 0.32)
SYN = "tcpflags = 2 AND dstport IN (445, 3389)"

QUESTIONS = [
    Question("Q1", "total flows, packets, bytes",
             "SELECT sum(flows), sum(packets), sum(bytes) FROM traffic",
             "SELECT count(*), sum(packets), sum(bytes) FROM flows",
             ["-o", "null", "-N", "any"], from_summary, equal, 0.12, 0.22),
    Question("Q2", "top 10 srcip by bytes",
             "SELECT srcip, sum(bytes) b FROM traffic GROUP BY srcip ORDER BY b DESC LIMIT 10",
             "SELECT srcip, sum(bytes) b FROM flows GROUP BY srcip ORDER BY b DESC LIMIT 10",
             ["-q", "-s", "srcip/bytes", "-n", "10", "-o", "csv"], from_stat("byt"), top, 0.12, 0.30),
    Question("Q3", "top 10 dstport by flows",
             "SELECT dstport, sum(flows) f FROM traffic GROUP BY dstport ORDER BY f DESC LIMIT 10",
             "SELECT dstport, count(*) f FROM flows GROUP BY dstport ORDER BY f DESC LIMIT 10",
             ["-q", "-s", "dstport/flows", "-n", "10", "-o", "csv"], from_stat("fl"), top, 0.12, 0.08),
    # flowvt counts the part of each flow in the slice, nfdump the flows of one file, a table those that
    # overlap: the answers are near, not the same.
    Question("Q4", "Q2 within one five-minute slice",
             "SELECT srcip, sum(bytes) b FROM traffic WHERE since = {since} AND until = {until} "
             "GROUP BY srcip ORDER BY b DESC LIMIT 10",
             "SELECT srcip, sum(bytes) b FROM flows WHERE " + IN_SLICE + " GROUP BY srcip ORDER BY b DESC LIMIT 10",
             ["-q", "-s", "srcip/bytes", "-n", "10", "-o", "csv"], from_stat("byt"), anything, 0.2, 0.53),
    Question("Q5", "all flows of one rare host",
             "SELECT srcport, dstip, bytes FROM flows WHERE srcip = '{host}'",
             "SELECT srcport, dstip, bytes FROM flows WHERE srcip = '{host}'",
             ["-q", "-N", "-6", "-o", "fmt:%sp,%da,%byt", "src ip {host}"], from_fmt, equal, 0.2, 0.36),
    Question("Q6", "src net 192.168.1.0/24 by srcip, over so much",
             "SELECT srcip, sum(bytes) b FROM traffic WHERE ip_in(srcip, '192.168.1.0/24') GROUP BY srcip "
             "HAVING b > {over} ORDER BY b DESC",
             "SELECT srcip, sum(bytes) b FROM flows WHERE srcip LIKE '192.168.1.%' GROUP BY srcip "
             "HAVING sum(bytes) > {over} ORDER BY b DESC",
             ["-q", "-s", "srcip/bytes", "-n", "0", "-o", "csv", "src net 192.168.1.0/24"],
             from_stat("byt"), above, 0.2, 0.40),
    Question("Q7", "connections (5-tuple), top 10 by bytes",
             "SELECT " + FIVE + ", sum(bytes) b FROM traffic GROUP BY 1, 2, 3, 4, 5 ORDER BY b DESC LIMIT 10",
             *CONNECTIONS, memory=True, ahead=("DuckDB",)),
    Question("Q7b", "the same, the totals' order left to traffic",
             "SELECT " + FIVE + ", bytes FROM traffic ORDER BY bytes DESC LIMIT 10",
             *CONNECTIONS, memory=True, ahead=("DuckDB",)),
    Question("Q8", "per minute: flows, packets, bytes",
             "SELECT time, sum(flows), sum(packets), sum(bytes) FROM traffic WHERE bucket = 60 GROUP BY time",
             "SELECT strftime('%Y-%m-%d %H:%M:00.000', tstart_ms / 60000 * 60, 'unixepoch') m, count(*), sum(packets), "
             "sum(bytes) FROM flows GROUP BY tstart_ms / 60000",
             ["-q", "-N", "-o", "csv:%tsr,%pkt,%byt"], from_fmt, minutes, 0.12, 0.03,
             pipe="awk -F, 'NR>1 {m=int($1/60); f[m]++; p[m]+=$2; b[m]+=$3} END {for (m in f) printf \"%s,%d,%.0f,%.0f\\n\", "
                  "strftime(\"%Y-%m-%d %H:%M:00.000\", m*60, 1), f[m], p[m], b[m]}'",
             dialects={"duckdb": "SELECT strftime(make_timestamp(m * 60000000), '%Y-%m-%d %H:%M:00.000'), f, p, b FROM ("
                                 "SELECT tstart_ms // 60000 m, count(*) f, sum(packets) p, sum(bytes) b FROM flows "
                                 "GROUP BY m)",
                       "clickhouse": "SELECT concat(toString(toDateTime(m * 60, 'UTC')), '.000'), f, p, b FROM (SELECT "
                                     "intDiv(tstart_ms, 60000) m, count(*) f, sum(packets) p, sum(bytes) b FROM flows "
                                     "GROUP BY m)"}),
    Question("Q9", "top 10 srcip by distinct dstip",
             "SELECT srcip, count(DISTINCT dstip) n FROM traffic GROUP BY srcip ORDER BY n DESC LIMIT 10",
             "SELECT srcip, count(DISTINCT dstip) n FROM flows GROUP BY srcip ORDER BY n DESC LIMIT 10",
             ["-q", "-6", "-A", "srcip,dstip", "-o", "fmt:%sa"], from_fmt, top, 0.15, 0.29, memory=True, ahead=("DuckDB",),
             pipe="awk '{n[$1]++} END {for (a in n) print a \",\" n[a]}' | sort -t, -k2nr | head -n 10",
             dialects={"clickhouse": "SELECT srcip, uniqExact(dstip) n FROM flows GROUP BY srcip ORDER BY n DESC LIMIT 10"}),
    Question("Q10", "every flow as CSV, through the shell",
             "SELECT " + CSV + " FROM flows",
             "SELECT tstart_ms, tend_ms - tstart_ms, proto, srcip, srcport, dstip, dstport, packets, bytes FROM flows",
             ["-q", "-o", "csv"], csv_rows, None, 1.0, 0.51, ahead=(),
             dialects={"duckdb": "COPY (SELECT make_timestamp(tstart_ms * 1000), (tend_ms - tstart_ms) / 1000, proto, srcip, "
                                 "srcport, dstip, dstport, packets, bytes, 1 FROM flows) TO '/dev/null' (FORMAT csv)"}),
    Question("Q11", "top 10 srcip /24 by bytes",
             "SELECT ip_net(srcip, 24) net, sum(bytes) b FROM traffic GROUP BY net ORDER BY b DESC LIMIT 10",
             "SELECT CASE WHEN instr(srcip, '.') THEN rtrim(srcip, '0123456789') || '0/24' ELSE '::' END net, "
             "sum(bytes) b FROM flows GROUP BY net ORDER BY b DESC LIMIT 10",
             ["-q", "-N", "-6", "-A", "srcip4/24", "-O", "bytes", "-n", "10", "-o", "fmt:%sa,%byt"],
             lambda text: [(a if ":" in a else a + "/24", b) for a, b in from_fmt(text)], top4, 0.12, 0.34,
             dialects={"duckdb": "SELECT CASE WHEN contains(srcip, '.') THEN rtrim(srcip, '0123456789') || '0/24' ELSE '::' "
                                 "END net, sum(bytes) b FROM flows GROUP BY net ORDER BY b DESC LIMIT 10",
                       "clickhouse": "SELECT if(position(srcip, '.') > 0, concat(substring(srcip, 1, length(srcip) - "
                                     "position(reverse(srcip), '.') + 1), '0/24'), '::') net, sum(bytes) b FROM flows "
                                     "GROUP BY net ORDER BY b DESC LIMIT 10"}),
    Question("Q12", "SYN alone to 445 or 3389, distinct sources",
             "SELECT count(DISTINCT srcip) FROM traffic WHERE " + SYN,
             "SELECT count(DISTINCT srcip) FROM flows WHERE " + SYN,
             ["-q", "-A", "srcip", "-o", "fmt:%sa", "flags = 2 and dst port in [445 3389]"],
             from_fmt, equal, 0.2, 0.40, pipe="wc -l"),
    Question("Q13", "Q2 on the table flows, without totals",
             "SELECT srcip, sum(bytes) FROM flows GROUP BY srcip ORDER BY 2 DESC LIMIT 10",
             "SELECT srcip, sum(bytes) b FROM flows GROUP BY srcip ORDER BY b DESC LIMIT 10",
             ["-q", "-s", "srcip/bytes", "-n", "10", "-o", "csv"], from_stat("byt"), top, 0.6, ahead=()),
]
