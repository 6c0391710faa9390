# SPDX-License-Identifier: MIT
#
# usage: answers.py FLOWREPORT lab.expected flows.csv   (with FLOWVT_STORE and FLOWVT_SITE in the environment)
#
# Works out, from the conversations in the packets (tests/lab/expect.sh) and from the flows as CSV, what reports should
# answer, and compares. The tables of the site are those of tests/data/lab.site.sql, written down here once more.
import csv, ipaddress, json, shlex, statistics, subprocess, sys
from collections import Counter, defaultdict
from datetime import datetime, timezone

flowreport, expected, flows_csv = sys.argv[1:]
bad = 0


def check(name, got, wanted):
    global bad
    if got == wanted:
        print("ok - " + name)
        return
    bad = 1
    print("not ok - %s\n  got:    %.2000r\n  wanted: %.2000r" % (name, got, wanted))


def report(name, *args):
    """The rows of each result set but the last, which is of losses."""
    out = subprocess.run([flowreport, name, "--format", "json", *map(str, args)], capture_output=True, text=True)
    if out.returncode or out.stderr:
        print("not ok - flowreport %s\n  %s" % (name, out.stderr))
        sys.exit(1)
    sets = json.loads(out.stdout)["results"]
    return [s["rows"] for s in sets if s["columns"] != ["losses"]]


def pick(rows, *columns):
    return [tuple(r[c] for c in columns) for r in rows]


def seconds(text):
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=timezone.utc).timestamp()


# ---- what there is -------------------------------------------------------------------------

packets = [dict(r, packets=int(r["packets"]), bytes=int(r["bytes"]), proto=int(r["proto"]),
                srcport=int(r["srcport"]) if r["proto"] in ("6", "17") else None,
                dstport=int(r["dstport"]) if r["proto"] in ("6", "17") else None)
           for r in csv.DictReader(open(expected), delimiter="\t")]
flows = list(csv.DictReader(open(flows_csv)))
for f in flows:
    for k in ("proto", "srcport", "dstport", "packets", "bytes", "tcpflags", "tos"):
        f[k] = int(f[k]) if f[k] else None
    f["start"], f["end"] = seconds(f["tstart"]), seconds(f["tend"])
total = sum(p["bytes"] for p in packets)
names = {1: "icmp", 6: "tcp", 17: "udp", 58: "ipv6-icmp"}
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32

zones = [(ipaddress.ip_network(n), z) for n, z in (
    ("192.168.1.0/24", "local"), ("2001:db8:1::/64", "local"), ("fe80::/10", "local"), ("ff02::/16", "local"),
    ("203.0.113.0/24", "domestic"), ("2001:db8:2::/48", "domestic"))]
users = {"192.168.1.10": "ann", "2001:db8:1::10": "ann", "192.168.1.20": "bob", "2001:db8:1::20": "bob", "192.168.1.30": "eve"}
groups = {"ann": "staff", "bob": "students", "eve": "students"}
services = {(6, 80): "http", (6, 443): "https", (17, 443): "quic", (17, 53): "dns", (6, 22): "ssh"}


def zone(ip):
    a = ipaddress.ip_address(ip)
    return next((z for n, z in zones if a.version == n.version and a in n), "international")


def application(p):
    return services.get((p["proto"], p["srcport"])) or services.get((p["proto"], p["dstport"])) or "other"


def ends(of=packets):
    """Each conversation from each of its ends: own address, the other's, octets out, in, and itself."""
    for p in of:
        yield p["srcip"], p["dstip"], p["bytes"], 0, p
        yield p["dstip"], p["srcip"], 0, p["bytes"], p


def largest(sums, n=None):
    return sorted(sums.items(), key=lambda kv: (-kv[1], str(kv[0])))[:n]


# ---- who, with whom, what ------------------------------------------------------------------

sums = Counter()
for ip, peer, out, came, p in ends():
    if zone(ip) == "local":
        sums[users.get(ip, ip)] += out + came
check("users", pick(report("users", "--n", -1)[0], "who", "bytes"), largest(sums))
check("users by group", dict(pick(report("users", "--by", "group", "--n", -1)[0], "who", "bytes"))["students"], sums["bob"] + sums["eve"])
check("users: percentages add up", round(sum(r["percent"] for r in report("users", "--n", -1)[0])) in (99, 100, 101), True)

for option, is_mine in ((("--user", "ann"), lambda ip: users.get(ip) == "ann"),
                        (("--group", "students"), lambda ip: groups.get(users.get(ip)) == "students"),
                        (("--host", "192.168.1.0/24"), lambda ip: ip.startswith("192.168.1.")),
                        ((), lambda ip: zone(ip) == "local")):
    sums = defaultdict(lambda: [0, 0])
    for ip, peer, out, came, p in ends():
        if is_mine(ip):
            sums[zone(peer)][0] += out
            sums[zone(peer)][1] += came
    check("zones " + " ".join(option), sorted(pick(report("zones", *option)[0], "zone", "sent", "received")),
          sorted((z, o, i) for z, (o, i) in sums.items()))

sums, count = Counter(), Counter()
for p in packets:
    sums[application(p)] += p["bytes"]
    count[application(p)] += p["packets"]
rows = report("applications", "--n", -1)[0]
check("applications", pick(rows, "application", "bytes"), largest(sums))
check("applications: packets, percent", pick(rows, "application", "packets", "bytes %"),
      [(a, count[a], round(100 * b / total + 1e-9, 1)) for a, b in largest(sums)])
check("application X", pick(report("applications", "--application", "dns")[0], "application", "bytes"), [("dns", sums["dns"])])

def with_proto(p, side):
    return names[p["proto"]] + ("/%d" % p[side] if p[side] is not None else "")


keys = {"srcip": lambda p: p["srcip"], "dstip": lambda p: p["dstip"], "srcport": lambda p: p["srcport"], "dstport": lambda p: p["dstport"],
        "proto": lambda p: names[p["proto"]], "srczone": lambda p: zone(p["srcip"]), "dstzone": lambda p: zone(p["dstip"]),
        "application": application, "srcip+dstip": lambda p: p["srcip"] + " " + p["dstip"],
        "dstport:p": lambda p: with_proto(p, "dstport")}
for element, key in keys.items():
    b, n = Counter(), Counter()
    for p in packets:
        b[key(p)] += p["bytes"]
        n[key(p)] += p["packets"]
    rows = report("top", "--by", element, "--n", -1)[0]
    check("top by " + element, sorted(pick(rows, "element", "packets", "bytes"), key=str), sorted(((k, n[k], b[k]) for k in b), key=str))
    check("top by %s: percent" % element, max(abs(r["bytes %"] - 100 * r["bytes"] / total) for r in rows) < 0.051, True)
for element, key in (("ip", lambda ip, p, s: ip), ("port:p", lambda ip, p, s: with_proto(p, s)),
                     ("port", lambda ip, p, s: p[s]), ("zone", lambda ip, p, s: zone(ip))):
    b = Counter()
    for ip, peer, out, came, p in ends():
        b[key(ip, p, "srcport" if out else "dstport")] += out + came
    rows = report("top", "--by", element, "--n", -1)[0]
    check("top by %s, both ends" % element, sorted(pick(rows, "element", "bytes"), key=str), sorted(b.items(), key=str))
    check("top by %s, both ends: percent" % element, max(abs(r["bytes %"] - 50 * r["bytes"] / total) for r in rows) < 0.051, True)
for order in ("packets", "flows", "bpp"):
    rows = report("top", "--by", "srcip", "--order", order, "--n", -1)[0]
    check("top in the order of " + order, [r["bytes"] / r["packets"] if order == "bpp" else r[order] for r in rows],
          sorted((r["bytes"] / r["packets"] if order == "bpp" else r[order] for r in rows), reverse=True))
b = Counter()
for p in packets:
    b[p["srcip"], p["dstip"]] += p["bytes"]
check("top-pairs", [(tuple(r[:2]), r[2]) for r in pick(report("top-pairs", "--n", 5)[0], "srcip", "dstip", "bytes")], largest(b, 5))
check("top-connections", pick(report("top-connections", "--n", 4)[0], "bytes"),
      [(n,) for n in sorted((p["bytes"] for p in packets), reverse=True)[:4]])

# ---- distributions -------------------------------------------------------------------------

def duration(f):
    return round((f["end"] - f["start"]) * 1000)


for kind, value in (("packets", lambda f: f["packets"]), ("bytes", lambda f: f["bytes"]), ("size", lambda f: f["bytes"] / f["packets"]),
                    ("duration", duration), ("bps", lambda f: 8000 * f["bytes"] / duration(f) if duration(f) else None)):
    rows = report("distribution", "--of", kind)[0]
    wanted = []
    for r in rows:
        these = [f for f in flows if value(f) is not None and value(f) >= r["at_least"] and (r["below"] is None or value(f) < r["below"])]
        wanted.append((r["at_least"], len(these), sum(f["packets"] for f in these), sum(f["bytes"] for f in these)))
    check("distribution of " + kind, pick(rows, "at_least", "flows", "packets", "bytes"), wanted)
    check("distribution of %s: all of them" % kind, sum(r["flows"] for r in rows), sum(value(f) is not None for f in flows))

# ---- over time -----------------------------------------------------------------------------

rows = report("series-protocols", "--bucket", 3600)[0]
for kind, protos in (("tcp", [6]), ("udp", [17]), ("icmp", [1, 58])):
    check("series-protocols, " + kind, (sum(r["packets_" + kind] for r in rows), sum(r["bytes_" + kind] for r in rows)),
          (sum(p["packets"] for p in packets if p["proto"] in protos), sum(p["bytes"] for p in packets if p["proto"] in protos)))
for by, key in (("protocol", keys["proto"]), ("application", application),
                ("zone", lambda p: zone(p["dstip"]) if zone(p["srcip"]) == "local" else zone(p["srcip"]))):
    b, got = Counter(), Counter()
    for p in packets:
        b[key(p)] += p["bytes"]
    for r in report("series-by", "--by", by, "--bucket", 7)[0]:
        got[r["item"]] += r["bytes"]
    check("series-by " + by, got, b)


def is_syn(f):
    return f["proto"] == 6 and f["tcpflags"] & SYN and not f["tcpflags"] & (ACK | FIN | PSH | URG)


starts = Counter(int(f["start"] // 10) * 10 for f in flows)
syns = Counter(int(f["start"] // 10) * 10 for f in flows if is_syn(f))
rows = report("series-syn", "--bucket", 10)[0]
check("series-syn", {seconds(r["time"]): (r["flows"], r["syn_flows"]) for r in rows if r["flows"]},
      {t: (n, syns[t]) for t, n in starts.items()})
spikes, slots = {}, sorted(starts)
for i, t in enumerate(slots):
    usual = statistics.mean(starts[s] for s in slots[max(0, i - 12):i]) if i else 0
    if i >= 3 and starts[t] > 3 * usual:
        spikes[t] = (starts[t], int(usual))
check("spikes", {seconds(r["time"]): (r["value"], r["usual"]) for r in report("spikes", "--bucket", 10)[0] if r["measure"] == "flows"}, spikes)
b = Counter((f["srcip"], f["dstip"]) for f in flows if int(f["start"] // 10) * 10 == max(spikes))
check("spikes: what is in them", [(r["srcip"], r["dstip"], r["part"]) for r in report("spikes", "--bucket", 10, "--n", 2)[0]
      if r["measure"] == "flows" and seconds(r["time"]) == max(spikes)], [(*k, n) for k, n in largest(b, 2)])
rows = report("change", "--change", "2026-11-23 18:13")[0]
check("change: before and after add up", rows[0]["before"] + rows[0]["after"], total)
check("change: applications add up", (sum(r["before"] for r in rows[1:]), sum(r["after"] for r in rows[1:])), (rows[0]["before"], rows[0]["after"]))
after = sum(f["bytes"] for f in flows if f["start"] >= seconds("2026-11-23 18:13:00.000"))
check("change: after has the flows that begin then", rows[0]["after"] >= after, True)

# ---- security ------------------------------------------------------------------------------

b, ports, pairs = Counter(), defaultdict(set), defaultdict(set)
for f in filter(is_syn, flows):
    b[f["dstip"], f["dstport"]] += 1
    ports[f["srcip"], f["dstip"]].add(f["dstport"])
    pairs[f["srcip"], f["dstport"]].add(f["dstip"])
check("syn-flood", [((r["dstip"], r["dstport"]), r["flows"]) for r in report("syn-flood")[0]], [(k, n) for k, n in largest(b) if n >= 100])
check("scan-ports", [(r["srcip"], r["dstip"], r["ports"]) for r in report("scan-ports")[0]], [(*k, len(v)) for k, v in ports.items() if len(v) >= 20])
check("scan-hosts", sorted((r["srcip"], r["dstport"], r["hosts"]) for r in report("scan-hosts", "--min", 1, "--n", -1)[0]),
      sorted((*k, len(v)) for k, v in pairs.items()))
peers = defaultdict(set)
for p in packets:
    peers[p["srcip"]].add(p["dstip"])
check("fan-out", sorted((r["srcip"], r["hosts"]) for r in report("fan-out", "--min", 2, "--n", -1)[0]),
      sorted((k, len(v)) for k, v in peers.items() if len(v) >= 2))
times = defaultdict(list)
for f in flows:
    if f["bytes"] < 100000 and (f["proto"] not in (6, 17) or (f["srcport"] > 1023 and f["dstport"] < 32768)):
        times[f["srcip"], f["dstip"], f["proto"], f["dstport"]].append(f["start"])
calls = []
for k, t in times.items():
    gaps = [y - x for x, y in zip(sorted(t), sorted(t)[1:])]
    if len(t) >= 6 and statistics.mean(gaps) >= 1 and statistics.pstdev(gaps) <= 0.2 * statistics.mean(gaps):
        calls.append((k[0], k[1], names[k[2]], k[3], len(t), round(statistics.mean(gaps), 2)))
check("beacons", sorted(((*r[:5], round(r[5], 2)) for r in pick(report("beacons", "--n", -1)[0], "srcip", "dstip", "proto", "dstport", "calls",
      "every_seconds")), key=str), sorted(calls, key=str))
b, q = Counter(), Counter()
for p in packets:
    if p["proto"] == 17 and p["srcport"] == 53:
        b[p["dstip"]] += p["bytes"]
    if p["proto"] == 17 and p["dstport"] == 53:
        q[p["srcip"]] += p["bytes"]
check("amplification", sorted((r["victim"], r["bytes"], r["asked"]) for r in report("amplification", "--min", 1, "--ratio", 1)[0] if r["port"] == 53),
      sorted((k, n, q[k]) for k, n in b.items() if n >= q[k]))
b = Counter((names[f["proto"]], f["dstport"]) for f in flows if f["proto"] in (6, 17))
check("port-tracker", {(r["proto"], r["port"]): r["flows_24h"] for r in report("port-tracker", "--n", 100000)[0]}, dict(b))
since = "2026-11-23 18:13:00.000"
before = {f["srcip"] for f in flows if f["start"] < seconds(since)}
check("new-hosts", sorted(r["host"] for r in report("new-hosts", "--since", since)[0]),
      sorted({f["srcip"] for f in flows if zone(f["srcip"]) == "local"} - before))
visits = [f for f in flows if f["proto"] == 6 and f["dstport"] == 80 and f["tcpflags"] & (ACK | PSH) == ACK | PSH]
suspects = {f["srcip"] for f in visits if f["dstip"] == "203.0.113.10"}
who, others, went = report("broken-into", "--host", "203.0.113.10", "--port", 80, "--n", -1)
check("broken-into: suspects", sorted(pick(who, "suspect", "visits")), sorted(Counter(f["srcip"] for f in visits if f["dstip"] == "203.0.113.10").items()))
check("broken-into: others", {r["host"] for r in others}, {f["dstip"] for f in visits if f["srcip"] in suspects} - {"203.0.113.10"})

# ---- lines ---------------------------------------------------------------------------------

b = Counter()
for ip, peer, out, came, p in ends():
    if application(p) == "other" and p["srcport"] is not None:
        b[names[p["proto"]], p["srcport"] if out else p["dstport"]] += out + came
check("new-applications", {(r["proto"], r["port"]): r["bytes"] for r in report("new-applications")[0]}, {k: n for k, n in b.items() if n >= 10000})
call, series, others = report("bad-call", "--host", "192.168.1.30", "--n", -1)
rtp = [p for p in packets if "192.168.1.30" in (p["srcip"], p["dstip"]) and p["proto"] == 17]
check("bad-call: the call", sum(r["bytes"] for r in call), sum(p["bytes"] for p in rtp))
check("bad-call: over time", (sum(r["call_packets"] for r in series), sum(r["call_packets"] + r["other_packets"] for r in series)),
      (sum(p["packets"] for p in rtp), sum(p["packets"] for p in packets)))
check("bad-call: the others are in the shares", sum(r["bytes"] for r in others) < total - sum(p["bytes"] for p in rtp), True)
rows = report("proxy", "--proxy", "192.168.1.20", "--ports", 5201)[0]
check("proxy: clients", pick(rows, "client", "received"), [("192.168.1.10", sum(p["bytes"] for p in packets if p["srcip"] == "192.168.1.20"
      and p["srcport"] == 5201))])
check("proxy: the line's octets", sum(r["line"] for r in rows), sum(p["bytes"] for p in packets if p["dstip"] == "192.168.1.20" and zone(p["srcip"]) != "local"))

# ---- from a bill to its flows ----------------------------------------------------------------

sums = Counter()
for ip, peer, out, came, p in ends():
    if groups.get(users.get(ip)) == "students" and zone(peer) != "local":
        sums["students"] += out + came
        sums[users[ip]] += out + came
check("bill-days", sum(r["bytes"] for r in report("bill-days", "--group", "students")[0]), sums["students"])
rows = [r for r in report("bill", "--month", "2026-11")[1] if r["customer"] == "bob"]
check("bill", sum(r["octets"] for r in rows), sums["bob"])
rows = report(*shlex.split(rows[0]["next"])[1:])[0]
check("bill-days, as bill says", sum(r["bytes"] for r in rows), sums["bob"])
check("bill-days: in local days", [r["day"] for r in rows], ["2026-11-24"])
while "next" in rows[0]:
    first = rows[0]
    command = shlex.split(first["next"])
    rows = report(*command[1:], *(() if "--n" in command else ("--n", -1)))[0]
    check(first["next"], sum(r["bytes"] for r in rows), first["bytes"])
check("the last step has flows", set(rows[0]) >= {"src", "dst", "flags"}, True)

# ---- operations ------------------------------------------------------------------------------

delays = [round(seconds(f["trecv"]) - f["end"], 3) for f in flows]
check("skew", pick(report("skew")[0], "flows", "least_delay", "greatest_delay"), [(len(flows), min(delays), max(delays))])
check("losses", pick(report("losses")[0], "version", "flows", "lost"), [("probe", len(flows), 0)])
check("store", pick(report("store", "--free", 10**9)[1], "flows", "octets_free"), [(len(flows), 10**9)])
check("silent", len(report("silent", "--now", "2026-11-23 19:00")[0]), 1)
check("silent: not yet", len(report("silent", "--now", "2026-11-23 18:16")[0]), 0)
sys.exit(bad)
