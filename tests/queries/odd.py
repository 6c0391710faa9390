#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Reports and tables where little is as usual: flows without addresses, ports or protocol, two sites and several stores
in one connection, parameters that cannot be.

usage: BUILD=build tests/queries/odd.py, with SEED=n for parameters other than those of every run"""
import csv
import glob
import io
import json
import os
import random
import re
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile

BUILD = os.path.abspath(os.environ.get("BUILD") or "build")
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, TOP + "/tests/e2e")
import accounts  # noqa: E402

for name in ("FLOWVT_STORE", "FLOWVT_SITE", "FLOWVT_QUERIES"):
    os.environ.pop(name, None)
bad = 0


def check(name, good, *detail):
    global bad
    bad |= not good
    print("%s - %s" % ("ok" if good else "not ok", name))
    for line in detail if not good else ():
        print("  %s" % (line,))


def run(*args):
    return subprocess.run([str(a) for a in args], capture_output=True, check=False)


def report(name, *args):
    done = run(BUILD + "/flowreport", name, *args, "--format", "csv")
    if done.returncode:
        return [done.stderr.decode()]
    return list(csv.DictReader(io.StringIO(done.stdout.decode())))


def column(rows, *names):
    return [tuple(r[n] for n in names) if isinstance(r, dict) else r for r in rows]


# ---- what exporters leave out -----------------------------------------------------------------

ELEMENTS = {"proto": (4, 1), "srcport": (7, 2), "dstport": (11, 2), "srcip": (8, 4), "dstip": (12, 4), "bytes": (1, 8), "packets": (2, 8),
            "first": (152, 8), "last": (153, 8), "flags": (6, 1), "rate": (34, 4)}


def ipfix(begin, flows):
    """Datagrams of flows as dictionaries of those elements that they have, times in seconds after begin; each a minute later."""
    frames, sequence = [], 0
    for i, flow in enumerate(flows):
        values = {"bytes": 1000, "packets": 10, **flow, "first": begin + int(flow["first"] * 1000), "last": begin + int(flow["last"] * 1000)}
        names = sorted(values, key=list(ELEMENTS).index)
        template = struct.pack("!HH", 256 + i, len(names)) + b"".join(struct.pack("!HH", *ELEMENTS[n]) for n in names)
        record = b"".join(values[n].to_bytes(ELEMENTS[n][1], "big") for n in names)
        body = b"".join(struct.pack("!HH", kind, 4 + len(data)) + data for kind, data in ((2, template), (256 + i, record)))
        at = values["last"] + 60000
        message = struct.pack("!HHIII", 10, 16 + len(body), at // 1000, sequence, 1) + body
        frames.append((at, *accounts.ip_packet("192.0.2.9", "198.51.100.9", 17, 4000, 4739, message)))
        sequence += 1
    return frames


def left_out(work):
    begin = accounts.ms_of("2026-03-02 10:00")
    call = [{"proto": 17, "srcport": a, "dstport": b, "first": 1210, "last": 1230, "bytes": 200000, "packets": 1000} for a, b in ((16384, 20000), (20000, 16384))]
    quiet = [{"proto": 6, "srcport": 40000, "dstport": 80, "first": 300 * i + 5, "last": 300 * i + 6} for i in range(5)]
    spike = [{"proto": 6, "srcport": 40000 + i, "dstport": 80, "first": 1215, "last": 1220, "bytes": 50000} for i in range(9)]
    portless = [{"proto": 17, "srcip": 0x0a000001, "dstip": 0x0a000002, "first": 1200, "last": 1225} for _ in range(3)]
    unknown = [{"srcport": 7001, "dstport": 7001, "first": t, "last": t + 1, "bytes": 90000} for t in (-86400, 1200)]
    accounts.write_pcap(work + "/x.pcap", ipfix(begin, call + quiet + spike + portless + unknown))
    done = run(BUILD + "/flowcollect", "-r", work + "/x.pcap", "-w", work + "/store", "-e", "none")
    check("flows that lack this and that", b"malformed 0" in done.stderr and done.returncode == 0, done.stderr)
    here = ("--store", work + "/store", "--since", "2026-03-02")
    got = column(report("bad-call", *here, "--set", 1), "src", "dst", "packets", "bytes")
    check("bad-call: a call without addresses", got == [(":16384", ":20000", "1000", "200000"), (":20000", ":16384", "1000", "200000")], got)
    got = column(report("bad-call", *here, "--set", 3), "srcip", "proto", "application", "bytes", "dscp")
    check("bad-call: what else there was", got[:1] == [("", "tcp", "http", "450000", "")], got)
    got = [r for r in column(report("spikes", *here, "--set", 1), "measure", "srcip", "proto", "port", "ports", "part") if r[0] == "flows" and r[2] == "tcp"]
    check("spikes: their port", got == [("flows", "", "tcp", "80", "1", "10")], got)
    got = [r for r in column(report("port-tracker", *here[:2], "--set", 1), "proto", "port", "flows_5m", "flows_24h") if r[1] == ""]
    check("port-tracker: without a port", got == [("udp", "", "3", "3")], got)
    got = column(report("new-applications", *here, "--set", 1), "proto", "port")
    check("new-applications: what was there before is not new, without a protocol either", got and ("", "7001") not in got, got)
    got = column(report("top", *here[:2], "--by", "ethertype", "--set", 1), "element")
    check("top: what was not exported is empty, not 0", got == [("",)], got)
    got = report("series-syn", *here, "--set", 1)
    check("series-syn", sum(int(r["flows"]) for r in got) == 20, got)


def windows(work):
    """What straddles a window, files of whole days, and flows that are nearly what is asked for."""
    begin, hour, a, b = accounts.ms_of("2026-03-02 10:00"), 3600, 0x0a000001, 0x0a000002

    def tcp(src, dst, sport, dport, first, flags, **more):
        return {"proto": 6, "srcip": src, "dstip": dst, "srcport": sport, "dstport": dport, "first": first, "last": first + 1, "flags": flags, **more}

    day = [{"proto": 17, "srcip": b, "dstip": a, "srcport": 7001, "dstport": 7002, "first": 0, "last": 20 * hour - 0.001, "bytes": 720000}]
    call = [{"proto": 17, "srcip": a, "dstip": b, "srcport": 16384, "dstport": 20000, "first": -hour, "last": 2 * hour, "bytes": 10801000, "packets": 54005}]
    tries = [tcp(a, 0x0a000100 + i, 40000, 22, 10 + i, 2, bytes=40, packets=1) for i in range(4)]
    met = [tcp(a, 0x0a000100, 40001, 22, 20, 27), tcp(0x0a000101, a, 22, 40000, 20, 18, bytes=40, packets=1)]
    scan = [tcp(b, a, 40000, port, 30, 2, bytes=40, packets=1) for port in range(1, 22)] + [tcp(a, b, port, 40000, 30, 18, rate=100) for port in (1, 2, 99)]
    late = [{"proto": 17, "srcip": a, "dstip": b, "srcport": 7100, "dstport": 7200, "first": -20 * hour, "last": 1 - 20 * hour, "bytes": 90000},
            {"proto": 17, "srcip": a, "dstip": b, "srcport": 7300, "dstport": 7400, "first": 13.5 * hour, "last": 13.5 * hour + 1, "bytes": 90000}]
    accounts.write_pcap(work + "/x.pcap", ipfix(begin, day + call + tries + met + scan + late))
    for args in (("-r", work + "/x.pcap", "-e", "none", "--no-merge"), ("--merge",)):
        done = run(BUILD + "/flowcollect", *args, "-w", work + "/" + ("store" if args[0] == "-r" else "merged"))
        check("flowcollect %s" % args[0], done.returncode == 0, done.stderr)
        if args[0] == "-r":
            shutil.copytree(work + "/store", work + "/merged")
    for store in ("store", "merged"):
        here = ("--store", work + "/" + store, "--set", 1)
        got = column(report("summary", *here, "--since", "2026-03-02 20:00", "--until", "2026-03-02 21:00"), "bytes", "bps")
        check("summary: the rate is that within the window", got == [("36000", "80")], got)
        got = column(report("overview", *here, "--span", "hour", "--until", "2026-03-02 21:00"), "in the last", "flows", "bytes")
        check("overview: nothing from --until on", got == [("hour", "0", "36000")], got)
        got = column(report("bad-call", *here[:2], "--set", 3, "--since", "2026-03-02 10:00", "--until", "2026-03-02 11:00"), "srcip", "bytes", "bps")
        check("bad-call: of what is outside of the window nothing", ("10.0.0.2", "36000", "80") in got, got)
        got = column(report("bad-call", *here, "--since", "2026-03-02 10:00", "--until", "2026-03-02 11:00"), "bytes", "bps", "pps")
        check("bad-call: its rate", got[:1] == [("3600333", "8001", "5.0")], got)
        got = column(report("fan-out", *here, "--min", 3), "srcip", "hosts", "tried")
        check("fan-out: tried are those that nothing else went to", got == [("10.0.0.1", "5", "3")], got)
        got = column(report("scan-ports", *here), "srcip", "ports", "answered")
        check("scan-ports: what answered was asked", got == [("10.0.0.2", "21", "2")], got)
        got = sum(int(r["syn_ack_flows"]) for r in report("series-syn", *here))
        check("series-syn: of sampled flows, too", got == 4, got)
        until = (*here, "--until", "2026-03-02 13:00")
        got = [r for r in column(report("new-applications", *until), "port", "first_seen") if r[0] in ("7100", "7300")]
        check("%s, until: new-applications" % store, got == [("7100", "2026-03-01 14:00:00.000")], got)
        got = report("series-protocols", *until, "--range", "day")
        check("%s, until: series-protocols" % store, got and got[0]["time"] == "2026-03-01 14:00:00.000", got[:1])
        got = column(report("skew", *until), "flows")
        check("%s, until: skew" % store, got == [("1",)], got)
        got = column(report("silent", *here, "--now", "2026-03-04"), "last_seen", "minutes_ago")
        wanted = ("2026-03-03 06:00:00.000", "1080") if store == "store" else ("2026-03-03 06:00:59.999", "1079")
        check("%s: silent" % store, got == [wanted], got)
        got = column(report("silent", *here, "--now", "2026-03-02 20:00"), "last_seen", "minutes_ago")
        wanted = ("2026-03-02 12:00:00.000", "480") if store == "store" else ("2026-03-02 12:01:00.000", "479")
        check("%s: silent at a time before the end" % store, got == [wanted], got)
        got = report("port-tracker", *here, "--until", "2026-03-02 23:35:00.500")
        got = [(r["port"], r["flows_5m"]) for r in got if r["port"] == "7400"]
        check("port-tracker: five minutes", got == [("7400", "0")], got)


def steps(work):
    """From a bill to its flows, where a customer's name is an option to some, and ports are equal."""
    begin, a, b, site = accounts.ms_of("2026-03-02 10:00"), 0x0a000001, 0xc0000201, work + "/site.db"
    ports = [(a, b, 123, 123)] * 25 + [(a, b, 123, 999)] * 3 + [(b, a, 123, 999), (b, a, 4000, 123), (a, b, 4000, 123)]
    flows = [{"proto": 17, "srcip": s, "dstip": d, "srcport": p, "dstport": q, "first": i, "last": i + 1, "bytes": 100 + i} for i, (s, d, p, q) in enumerate(ports)]
    accounts.write_pcap(work + "/x.pcap", ipfix(begin, flows))
    run(BUILD + "/flowcollect", "-r", work + "/x.pcap", "-w", work + "/store", "-e", "none")
    run(BUILD + "/flowreport", "init", site, "--store", work + "/store")
    db = open_site(site)
    db.execute("INSERT INTO hosts (cidr, user, user_group, valid_until) VALUES ('10.0.0.1', ?, ?, '2026-03-03')", ("--n 'x'; %s `id` $HOME \\ ü", "--group"))
    db.commit()
    db.close()
    run(BUILD + "/flowreport", "update", "--site", site, "--settle", 0)

    def follow(command):
        done = subprocess.run(["sh", "-c", "%s --format csv --site %s --set %d" % (command, site, 2 if " bill " in command else 1)],
                              capture_output=True, check=False, env={**os.environ, "PATH": BUILD + ":" + os.environ["PATH"]})
        check(command, done.returncode == 0, done.stderr)
        return list(csv.DictReader(io.StringIO(done.stdout.decode())))

    for name, *more in (("new-hosts", "--since", "2026-03-02"), ("proxy", "--proxy", "192.0.2.1", "--ports", "123 4000")):
        got = column(report(name, "--site", site, "--set", 1, *more), "user")
        check("%s: whose the address was, not is" % name, len(got) == 1 and got[0][0].startswith("--n 'x'"), got)
    rows = follow("flowreport bill --month 2026-03")
    total = sum(f["bytes"] for f in flows)
    check("a bill of all", [r["octets"] for r in rows] == [str(total)], rows)
    for _ in range(4):
        rows = follow(rows[0]["next"])
        check("it adds up to that", sum(int(r["bytes"]) for r in rows) == total, rows)
    for row in [r for r in rows if r["port"] == "123"] or rows:
        for flow in follow(row["next"]):
            listed = follow(flow["next"])
            good = (str(len(listed)), str(sum(int(r["bytes"]) for r in listed))) == (flow["flows"], flow["bytes"])
            check("the flows of %s and %s" % (flow["port"], flow["peer_port"]), good, flow, listed)


def interfaces(work):
    """flowprobe's own store, whose flows have no exporter."""
    begin, blocks = accounts.ms_of("2026-03-02 10:00"), []

    def block(kind, body):
        size = 12 + len(body) + -len(body) % 4
        blocks.append(struct.pack("<II", kind, size) + body + bytes(-len(body) % 4) + struct.pack("<I", size))

    block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1))
    for _ in range(2):
        block(1, struct.pack("<HHI", 1, 0, 0))
    for i, octets in ((0, 1000), (1, 300)):
        ethertype, ip = accounts.ip_packet("10.0.0.%d" % (i + 1), "192.0.2.1", 17, 5, 6, bytes(octets - 28))
        frame, us = bytes(12) + struct.pack("!H", ethertype) + ip, begin * 1000 + 1
        block(6, struct.pack("<IIIII", i, us >> 32, us & 0xffffffff, len(frame), len(frame)) + frame + bytes(-len(frame) % 4) +
              struct.pack("<HHIHH", 2, 4, 1, 0, 0))  # that it came in
    with open(work + "/x.pcapng", "wb") as f:
        f.write(b"".join(blocks))
    run(BUILD + "/flowprobe", "-r", work + "/x.pcapng", "-w", work + "/probe")
    got = column(report("percentile95", "--store", work + "/probe", "--since", "2026-03-02 10:00", "--until", "2026-03-02 10:05", "--set", 1), "name", "octets_in")
    check("percentile95: interfaces without an exporter are several", sorted(r[1] for r in got) == ["1000", "300"], got)


# ---- several sites and stores -----------------------------------------------------------------

def open_site(path, *attached):
    db = sqlite3.connect(path, isolation_level=None)
    db.enable_load_extension(True)
    db.load_extension(BUILD + "/flowvt.so")
    for name, file in attached:
        db.execute("ATTACH ? AS %s" % name, (file,))
    return db


def refusal(db, sql):
    try:
        return db.execute(sql).fetchall()
    except sqlite3.Error as e:
        return str(e)


def several(work):
    octets = {"a": 1000, "b": 300}
    for name, n in octets.items():
        accounts.write_packets(work + "/x.pcap", [accounts.Packet(accounts.ms_of("2026-03-02 10:00") + i, "10.0.0.%d" % i, "192.0.2.1", 17, 5, 6, n) for i in (1, 2)])
        run(BUILD + "/flowprobe", "-r", work + "/x.pcap", "-w", work + "/" + name)
        run(BUILD + "/flowreport", "init", work + "/" + name + ".db", "--store", work + "/" + name)
        db = open_site(work + "/" + name + ".db")
        db.execute("INSERT INTO networks(cidr, zone) VALUES ('192.0.2.0/24', ?)", ("zone " + name,))
        db.execute("INSERT INTO hosts(cidr, user) VALUES ('10.0.0.1', ?)", ("user " + name,))
        db.close()
    a, b = work + "/a.db", work + "/b.db"
    db = open_site(b)
    db.execute("INSERT INTO sampling_overrides(rate) VALUES (100)")
    db.execute("INSERT INTO services VALUES (17, 6, 6, 'six', NULL)")
    db.close()
    zones = "SELECT dstzone, application, sum(bytes) FROM %s GROUP BY 1, 2"
    wanted = {"a": [("zone a", "other", 2000)], "b": [("zone b", "six", 60000)]}
    both = (("a", a), ("b", b))
    for main, attached in ((a, (("b", b),)), (b, (("a", a),)), (":memory:", both)):
        db = open_site(main, *attached)
        for name, _ in attached:
            got = db.execute(zones % (name + ".traffic")).fetchall()
            check("%s attached to %s: by its own tables" % (name, os.path.basename(main)), got == wanted[name], got)
        if main != ":memory:":
            name = os.path.basename(main)[0]
            got = db.execute(zones % "traffic").fetchall(), db.execute("SELECT zone('192.0.2.1'), host_user('10.0.0.1')").fetchall()
            check("%s in front of another: by its own tables" % name, got == (wanted[name], [("zone " + name, "user " + name)]), got)
            got = db.execute("SELECT sum(octets_out) FROM %s.billable" % attached[0][0]).fetchone()
            check("and the other's view by the other's", got == (wanted[attached[0][0]][0][2],), got)
        db.close()
    db = open_site(":memory:", *both)
    for sql in ("SELECT zone('192.0.2.1')", "SELECT host_user('10.0.0.1')", "SELECT application(17, 5, 6)"):
        got = refusal(db, sql)
        check("which of two is asked: " + sql, "the databases a and b have it: which one is meant?" in got, got)
    stores = "('%s/a', '%s/b')" % (work, work)
    for table, n in (("traffic", "sum(flows)"), ("flows", "count(*)"), ("endpoints", "sum(flows) / 2")):
        got = db.execute("SELECT store, %s, sum(bytes) FROM %s WHERE store IN %s GROUP BY store ORDER BY 1" % (n, table, stores)).fetchall()
        k = 2 if table == "endpoints" else 1
        check("two stores in one statement: " + table, got == [(work + "/a", 2, k * 2000), (work + "/b", 2, k * 600)], got)
    got = db.execute("SELECT x.b, y.b FROM (SELECT sum(bytes) AS b FROM traffic(NULL, NULL, NULL, ?)) x, (SELECT sum(bytes) AS b FROM traffic(NULL, NULL, NULL, ?)) y",
                     (work + "/a", work + "/b")).fetchall()
    check("two stores side by side", got == [(2000, 600)], got)
    got = db.execute("SELECT sum(bytes) FROM traffic WHERE store = ? OR store = ?", (work + "/a", work + "/b")).fetchone()
    check("two stores together", got == (2600,), got)
    db.close()


# ---- parameters that cannot be ----------------------------------------------------------------

ODD = ["", "'", "x", "-1", "0", "1e30", "99999999999999999999", "NaN", "inf", "1.5", "2001:db8::1", "10.0.0.0/8", "2026-13-45", "tcp) or (udp", "tcp # c",
       '"; DROP TABLE usage', "%s%n", "\xe9", "-9223372036854775808", " ", "[80", "0x10"]
# What would be silence, or a wrong answer.
REFUSED = {
    ("change", "days", "6"): "days = '6': give a whole number, 7 to 36500", ("change", "days", "1e30"): "days", ("spikes", "window", "0"): "window = '0': give",
    ("spikes", "factor", "-1"): "factor = '-1': give a number, 0 to", ("upload", "home", "x"): "home = 'x': expected a network",
    ("download", "home", "10.0.0.0/8] or any"): "home = '10.0.0.0/8] or any': ']' has no place", ("proxy", "ports", "70000"): "ports = '70000': expected a number",
    ("zones", "filter", "tcp) or (udp"): "filter: ", ("scan-hosts", "what", "tcp) or (udp"): "filter: ", ("amplification", "ratio", "-1"): "ratio = ",
    ("applications", "application", "x"): "application = x: no such name in services: there are other, ", ("percentile95", "exporter", "x"): "exporter = x: give its address",
    ("percentile95", "until", "x"): "until: 'x': not understood", ("store", "days", "-1"): "days = ", ("silent", "minutes", "-1"): "minutes = ", ("accuracy", "bucket", "x"): "bucket = ",
    ("broken-into", "host", "10.0.0.1 x"): "host = '10.0.0.1 x': expected an address", ("beacons", "candidates", "0"): "candidates = ",
}


def parameters():
    for path in sorted(glob.glob(TOP + "/queries/*.sql") + glob.glob(TOP + "/queries/alerts/*.sql")):
        name = os.path.basename(path)[:-4]
        if "bill" in name or "quota" in name:
            continue
        with open(path, encoding="utf-8") as f:
            head = f.read().split("\n\n")[0].split("-- Sample output")[0]
        for line in re.findall(r"^--   (:[a-z0-9, :]+)", head, re.M):
            for parameter in re.findall(r":([a-z0-9]+)", line):
                if parameter != "store":
                    yield (name, *(("--queries", os.path.dirname(path)) if "alerts" in path else ())), parameter


def ask(site, words, parameter, value):
    return run(BUILD + "/flowreport", *words, "--site", site, "--" + parameter, value, "--format", random.choice(["json", "csv", "html"]))


def odd_parameters(work, seed):
    site = work + "/site.db"
    run(BUILD + "/flowprobe", "-r", TOP + "/tests/data/lab.pcap", "-w", work + "/lab")
    run(BUILD + "/flowreport", "init", site, "--store", work + "/lab")
    db = open_site(site)
    with open(TOP + "/tests/data/lab.site.sql", encoding="utf-8") as f:
        db.executescript(f.read())
    db.close()
    run(BUILD + "/flowreport", "update", "--site", site)
    for (name, parameter, value), words in REFUSED.items():
        done = ask(site, (name,), parameter, value)
        check("refused: %s --%s '%s'" % (name, parameter, value), done.returncode == 2 and words in done.stderr.decode(), done)
    random.seed(seed)
    everything = [(*p, v) for p in parameters() for v in ODD]
    for words, parameter, value in random.sample(everything, 50):
        done = ask(site, words, parameter, value)
        text, said = done.stdout.decode(), done.stderr.decode()
        good = not done.returncode or done.returncode == 2 and (parameter in said or "filter: " in said)
        if text[:1] == "{":
            good &= bool(done.returncode) == ("error" in json.loads(text))
        if not good:
            check("%s --%s '%s'" % (words[0], parameter, value), False, done)
    check("odd parameters have an answer or a reason", len(everything) > 2000 and not bad, "seed %d" % seed)
    done = run(BUILD + "/flowreport", "top-ports", "--store", work + "/lab", "--filter", "tcp # and a comment", "--set", 1, "--format", "csv")
    check("a comment in a filter ends with it", done.returncode == 0 and done.stdout.count(b"\n") > 3, done)


def main():
    if not hasattr(sqlite3.Connection, "enable_load_extension"):
        print("skip odd: this python's sqlite3 loads no extensions")
        return 77
    seed = int(os.environ.get("SEED") or 1)
    print("seed %d" % seed)
    work = tempfile.mkdtemp()
    try:
        for test in (left_out, windows, steps, interfaces, several):
            os.mkdir(work + "/" + test.__name__)
            test(work + "/" + test.__name__)
        odd_parameters(work, seed)
    finally:
        shutil.rmtree(work)
    return bad


sys.exit(main())
