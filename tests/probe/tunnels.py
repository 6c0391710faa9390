#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Tunnels: one packet of each kind and more, made here, and the tunnels among ../shared/data/traffic, through flowprobe
with -e outer, inner and both; into a store and, as IPFIX and v9, into flowcollect; beside tshark, which is asked for the
innermost addresses, ports and lengths, and nfdump, which is asked for MPLS labels.

usage: tunnels.py [PART ...] | --seeds DIRECTORY     the latter writes a seed of each kind for the fuzz target of the dissector
Prints "ok NAME" or "not ok NAME" for each thing it checks."""
import collections
import csv
import ipaddress
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
DATA = os.path.join(ROOT, "..", "shared", "data", "traffic")
PROBE = os.path.join(BUILD, "flowprobe")
COLLECT = os.path.join(BUILD, "flowcollect")
bad = False


def check(name, got, wanted):
    global bad
    if got == wanted:
        print("ok - " + name)
        return
    bad = True
    print(f"not ok - {name}")
    if isinstance(got, collections.Counter):
        print(f"  too much: {list((got - wanted).items())[:8]}\n  missing:  {list((wanted - got).items())[:8]}")
    else:
        print(f"  got:    {got}\n  wanted: {wanted}")


# ---- packets ----------------------------------------------------------------------------------

MACS = bytes.fromhex("020000000002020000000001")
INNER_MACS = bytes.fromhex("0a00000000020a0000000001")


def checksum(octets):
    s = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff


def ip(proto, src, dst, payload, frag=0):
    a, b = ipaddress.ip_address(src), ipaddress.ip_address(dst)
    if a.version == 6:
        return struct.pack(">IHBB", 0x60012345, len(payload), proto, 64) + a.packed + b.packed + payload
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 7, frag, 64, proto, 0) + a.packed + b.packed
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def udp(sport, dport, payload):
    return struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload


def tcp(sport, dport, payload):
    return struct.pack(">HHIIBBHHH", sport, dport, 1, 1, 0x50, 0x18, 1000, 0, 0) + payload


def ethertype(packet):
    return 0x86dd if packet[0] >> 4 == 6 else 0x0800


def ether(packet, kind=None, macs=MACS):
    return macs + struct.pack(">H", kind or ethertype(packet)) + packet


def gre(flags, kind, rest):
    return struct.pack(">HH", flags, kind) + rest


def labels(*entries):
    """(label, traffic class) from the top."""
    return b"".join(struct.pack(">I", label << 12 | tc << 9 | (i == len(entries) - 1) << 8 | 64)
                    for i, (label, tc) in enumerate(entries))


def bridged(p):
    return ether(p, macs=INNER_MACS)


def ppp(p):
    return struct.pack(">HH", 0xff03, 0x0057 if p[0] >> 4 == 6 else 0x0021) + p


# What is between the outer IP header and the packet inside: name, IP protocol, its octets, network id.
KINDS = [
    ("ip in ip", None, lambda p: p, None),
    ("GRE", 47, lambda p: gre(0, ethertype(p), p), None),
    ("GRE with checksum, key and sequence", 47, lambda p: gre(0xb000, ethertype(p), bytes(4) + struct.pack(">II", 9, 1) + p),
     None),
    ("GRE, bridged", 47, lambda p: gre(0, 0x6558, bridged(p)), None),
    ("NVGRE", 47, lambda p: gre(0x2000, 0x6558, struct.pack(">I", 6001 << 8 | 5) + bridged(p)), 6001),
    ("ERSPAN I", 47, lambda p: gre(0, 0x88be, bridged(p)), None),
    ("ERSPAN II", 47, lambda p: gre(0x1000, 0x88be, struct.pack(">I", 1) + struct.pack(">II", 0x10000005, 0) + bridged(p)),
     None),
    ("ERSPAN III", 47, lambda p: gre(0x1000, 0x22eb, struct.pack(">I", 1) + struct.pack(">III", 0x20000005, 0, 0) +
                                     bridged(p)), None),
    ("PPTP", 47, lambda p: gre(0x3081, 0x880b, struct.pack(">HHII", len(p) + 4, 5, 1, 1) + ppp(p)), None),
    ("MPLS over GRE", 47, lambda p: gre(0, 0x8847, labels((100, 0), (200, 5)) + p), None),
    ("EtherIP", 97, lambda p: struct.pack(">H", 0x3000) + bridged(p), None),
    ("MPLS over IP", 137, lambda p: labels((300, 1)) + p, None),
    ("VXLAN", 17, lambda p: udp(50000, 4789, struct.pack(">II", 0x08000000, 4097 << 8) + bridged(p)), 4097),
    ("VXLAN, Linux' old port", 17, lambda p: udp(50000, 8472, struct.pack(">II", 0x08000000, 4098 << 8) + bridged(p)), 4098),
    ("VXLAN-GPE", 17, lambda p: udp(50000, 4790, struct.pack(">II", 0x0c000000 | (2 if p[0] >> 4 == 6 else 1), 4099 << 8) + p),
     4099),
    ("GENEVE", 17, lambda p: udp(50000, 6081, struct.pack(">BBHI", 2, 0, 0x6558, 4100 << 8) + bytes([1, 2, 3, 1]) + bytes(4) +
                                 bridged(p)), 4100),
    ("GENEVE without Ethernet", 17, lambda p: udp(50000, 6081, struct.pack(">BBHI", 0, 0, ethertype(p), 4101 << 8) + p), 4101),
    ("MPLS over UDP", 17, lambda p: udp(50000, 6635, labels((400, 2)) + p), None),
    ("GTP-U", 17, lambda p: udp(2152, 2152, struct.pack(">BBHI", 0x30, 255, len(p), 77) + p), None),
    ("GTP-U with an extension header", 17, lambda p: udp(2152, 2152, struct.pack(">BBHIHBB", 0x34, 255, len(p) + 8, 77, 0, 0,
                                                                                 0x85) + bytes([1, 0, 9, 0]) + p), None),
    ("L2TP", 17, lambda p: udp(1701, 1701, struct.pack(">HHHH", 0x4002, len(p) + 12, 3, 4) + ppp(p)), None),
    ("LISP", 17, lambda p: udp(50000, 4341, struct.pack(">II", 0x80000000, 0) + p), None),
]
# What looks like one of them and is none: they count by their outer header.
NONE = [
    ("VXLAN without the bit of its network id", 17, lambda p: udp(50000, 4789, bytes(8) + bridged(p))),
    ("GRE version 2", 47, lambda p: gre(2, 0x0800, p)),
    ("GRE of ARP", 47, lambda p: gre(0, 0x0806, p)),
    ("IPv4 said, IPv6 inside", 4, lambda p: bytes([p[0] ^ 0x20]) + p[1:]),
    ("GTP, no user data", 17, lambda p: udp(2152, 2152, struct.pack(">BBHI", 0x30, 1, len(p), 77) + p)),
    ("L2TP, control", 17, lambda p: udp(1701, 1701, struct.pack(">HHHH", 0xc002, len(p) + 8, 3, 4) + p)),
    ("UDP from the port of VXLAN", 17, lambda p: udp(4789, 50000, struct.pack(">II", 0x08000000, 4097 << 8) + bridged(p))),
    ("a header that is cut off", 47, lambda p: gre(0xb000, 0x0800, b"")),
]
OUTER = [("198.51.100.1", "198.51.100.2"), ("2001:db8:f::1", "2001:db8:f::2")]
INNER = [("10.1.0.1", "10.1.0.2"), ("2001:db8:1::1", "2001:db8:1::2")]
# proto, its octets, ports
CONTENTS = [(6, tcp(40000, 443, b"x" * 100), 40000, 443), (17, udp(40001, 53, b"y" * 30), 40001, 53)]


def contents(n):
    """Likewise, with source ports that nobody else has."""
    return [(6, tcp(40000 + n, 443, b"x" * 100), 40000 + n, 443), (17, udp(41000 + n, 53, b"y" * 30), 41000 + n, 53)]


def each_packet():
    """Name, Ethernet frame; outer src, dst, proto; network id, inner packet with its addresses and content."""
    for i, (name, proto, build, vni) in enumerate(KINDS):
        for src, dst in OUTER:
            for a, b in INNER:
                for content in contents(i):
                    inner = ip(content[0], a, b, content[1])
                    p = proto or (41 if inner[0] >> 4 == 6 else 4)
                    frame = ether(ip(p, src, dst, build(inner)))
                    yield name, frame, (src, dst, p), vni, (a, b, content[0], *content[2:]), len(inner)


def write_pcap(path, frames, link=1):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, link))
        for i, frame in enumerate(frames):
            frame, wire = frame if isinstance(frame, tuple) else (frame, len(frame))
            f.write(struct.pack("<IIII", 1700000000 + i // 1000, i % 1000, len(frame), wire) + frame)


# ---- programs ---------------------------------------------------------------------------------

def sql(store, query):
    p = subprocess.run(["sqlite3", "-batch", "-noheader", "-separator", "|", "-cmd",
                        ".load " + os.path.join(BUILD, "flowvt"), ":memory:", query], capture_output=True, text=True,
                       env=dict(os.environ, FLOWVT_STORE=store))
    if p.stderr:
        check("SQL: " + query, p.stderr, "")
    return [tuple(line.split("|")) for line in p.stdout.splitlines()]


LONG = ["-t", "general=1d", "-t", "tcp=1d", "-t", "udp=1d", "-t", "icmp=1d", "-t", "tcp.fin=1d", "-t", "tcp.rst=1d",
        "-t", "maxlife=2d"]


def into_store(work, capture, *options):
    store = tempfile.mkdtemp(dir=work)
    p = subprocess.run([PROBE, "-r", capture, "-w", store, *LONG, *options], capture_output=True, text=True)
    return store, p.stdout, p.stderr


def until_bound(port):
    for _ in range(500):
        with open("/proc/net/udp") as a, open("/proc/net/udp6") as b:
            if f":{port:04X} " in a.read() + b.read():
                return
        time.sleep(0.01)


def into_collector(work, capture, version, *options):
    store = tempfile.mkdtemp(dir=work)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    p = subprocess.Popen([COLLECT, "-p", str(port), "-w", store], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until_bound(port)
    subprocess.run([PROBE, "-q", "-r", capture, "-v", version, "-n", f"127.0.0.1:{port}", *LONG, *options],
                   stderr=subprocess.DEVNULL)
    time.sleep(0.3)
    p.send_signal(signal.SIGTERM)
    p.wait(30)
    return store


ENDS = "srcip, dstip, proto, coalesce(srcport, 0), coalesce(dstport, 0)"


def rows(store, columns, where="1"):
    return collections.Counter(sql(store, f"SELECT {columns}, packets, bytes FROM flows WHERE {where}"))


def texts(*values):
    return tuple("" if v is None else str(v) for v in values)


def count(list_of_rows):
    """Rows whose last value is bytes of one packet, as rows of flows."""
    packets, octets = collections.Counter(), collections.Counter()
    for row in list_of_rows:
        packets[row[:-1]] += 1
        octets[row[:-1]] += row[-1]
    return collections.Counter(texts(*row, packets[row], octets[row]) for row in packets)


def tshark_innermost(capture):
    """(src, dst, proto, ports) of the innermost IP header of each frame, and its length, as tshark sees them."""
    fields = ["ip.src", "ip.dst", "ip.proto", "ip.len", "ipv6.src", "ipv6.dst", "ipv6.nxt", "ipv6.plen", "frame.protocols",
              "tcp.srcport", "tcp.dstport", "udp.srcport", "udp.dstport"]
    command = ["tshark", "-n", "-r", capture, "-T", "fields", "-E", "separator=|", "-E", "occurrence=l",
               "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE", "-d", "udp.port==8472,vxlan"]
    for f in fields:
        command += ["-e", f]
    out = subprocess.run(command, capture_output=True, text=True).stdout
    found = []
    for line in out.splitlines():
        v = dict(zip(fields, line.split("|")))
        stack = v["frame.protocols"].split(":")
        at = max((i for i, p in enumerate(stack) if p in ("ip", "ipv6")), default=-1)
        if at < 0:
            continue
        if stack[at] == "ip":
            src, dst, proto, octets = v["ip.src"], v["ip.dst"], v["ip.proto"], int(v["ip.len"] or 0)
        else:
            src, dst, proto, octets = v["ipv6.src"], v["ipv6.dst"], v["ipv6.nxt"], 40 + int(v["ipv6.plen"] or 0)
        behind = stack[at + 1:]
        transport = next((p for p in behind if p in ("tcp", "udp")), None)
        ports = (int(v[transport + ".srcport"] or 0), int(v[transport + ".dstport"] or 0)) if transport else (0, 0)
        found.append((src, dst, int(proto or 0), *ports, octets))
    return found


# ---- what is checked --------------------------------------------------------------------------

def made(work):
    capture = os.path.join(work, "tunnels.pcap")
    packets = list(each_packet())
    write_pcap(capture, [p[1] for p in packets])
    inner = count([(*o, vni, *ends, n) for _, _, o, vni, ends, n in packets])
    outer = count([(*o, vni, *ends, len(frame) - 14) for _, frame, o, vni, ends, n in packets])

    store, out, _ = into_store(work, capture, "-e", "inner")
    tunnel = "tunsrcip, tundstip, tunproto, vni, "
    check("-e inner: of each kind, by the inner header, with the outer one", rows(store, tunnel + ENDS), inner)
    check("-e inner: the summary counts them", f"tunnels:   {len(packets)} packets" in out, True)
    if shutil.which("tshark"):
        sums = collections.Counter(sql(store, f"SELECT {ENDS}, sum(packets), sum(bytes) FROM flows GROUP BY 1, 2, 3, 4, 5"))
        check("-e inner: as tshark sees it", sums, count(tshark_innermost(capture)))
    check("filter: tun ip, tun proto",
          sql(store, """SELECT (SELECT sum(packets) FROM flows WHERE filter = 'src tun ip 198.51.100.1'),
                        (SELECT sum(packets) FROM flows WHERE filter = 'tun net 2001:db8:f::/48 and tun proto gre'),
                        (SELECT sum(packets) FROM flows WHERE filter = 'vni in [4097 6001]')"""),
          [texts(sum(p[2][0] == "198.51.100.1" for p in packets),
                 sum(p[2][0] == "2001:db8:f::1" and p[2][2] == 47 for p in packets),
                 sum(p[3] in (4097, 6001) for p in packets))])
    check("labels of MPLS in tunnels", sql(store, "SELECT mpls, sum(packets) FROM flows WHERE mpls NOTNULL GROUP BY 1 ORDER BY 1"),
          [("100-0-0,200-5-1", "8"), ("300-1-1", "8"), ("400-2-1", "8")])

    store, _, _ = into_store(work, capture, "-e", "both")
    columns = """srcip, dstip, proto, vni, innersrcip, innerdstip, innerproto, coalesce(innersrcport, 0),
                 coalesce(innerdstport, 0)"""
    check("-e both: by the outer header, with the inner one", rows(store, columns), outer)

    plain, _, _ = into_store(work, capture)
    check("-e outer: octets of the outer packets, nothing of the inner ones",
          sql(plain, """SELECT sum(packets), sum(bytes), count(tunsrcip), count(innersrcip), count(vni), count(mpls)
                        FROM flows"""), [texts(len(packets), sum(len(p[1]) - 14 for p in packets), 0, 0, 0, 0)])
    check("-e both: octets by outer addresses are those of -e outer",
          sql(store, "SELECT srcip, proto, sum(bytes) FROM flows GROUP BY 1, 2 ORDER BY 1, 2"),
          sql(plain, "SELECT srcip, proto, sum(bytes) FROM flows GROUP BY 1, 2 ORDER BY 1, 2"))

    at = into_collector(work, capture, "10", "-e", "inner")
    check("-e inner, IPFIX, flowcollect", rows(at, tunnel + ENDS), inner)
    at = into_collector(work, capture, "10", "-e", "both")
    check("-e both, IPFIX, flowcollect", rows(at, columns), outer)
    at = into_collector(work, capture, "9", "-e", "both")
    check("-e both, v9, flowcollect", rows(at, columns), outer)


def no_tunnels(work):
    capture = os.path.join(work, "none.pcap")
    inner = ip(6, "10.1.0.1", "10.1.0.2", CONTENTS[0][1])
    frames = [ether(ip(proto, *OUTER[0], build(inner))) for _, proto, build in NONE]
    frames.append(ether(ip(47, *OUTER[0], gre(0, 0x0800, inner), frag=0x2000)))  # a first fragment
    write_pcap(capture, frames)
    store, _, _ = into_store(work, capture, "-e", "inner")
    check("what is no tunnel counts by its outer header",
          sql(store, "SELECT srcip, sum(packets), sum(bytes), count(tunsrcip) FROM flows GROUP BY 1"),
          [texts(OUTER[0][0], len(frames), sum(len(f) - 14 for f in frames), 0)])


def nested(work):
    """The innermost packet counts, and the outermost header is the tunnel's; networks with the same addresses stay apart."""
    capture = os.path.join(work, "nested.pcap")
    inner = ip(17, "10.1.0.1", "10.1.0.2", CONTENTS[1][1])
    vxlan = {name: build for name, _, build, _ in KINDS}["VXLAN"]
    twice = ip(17, "10.9.0.1", "10.9.0.2", vxlan(inner))
    deep = inner
    for i in range(20):
        deep = ip(4, f"10.2.0.{i}", "10.2.0.99", deep)
    frames = [ether(ip(47, *OUTER[0], gre(0, 0x0800, twice)))]
    for vni in (1, 2):
        frames.append(ether(ip(17, *OUTER[0], udp(50000, 4789, struct.pack(">II", 0x08000000, vni << 8) + bridged(inner)))))
    write_pcap(capture, frames + [ether(deep)])
    store, _, _ = into_store(work, capture, "-e", "inner")
    check("tunnels in tunnels, and networks apart",
          sql(store, "SELECT srcip, tunsrcip, tunproto, vni, packets FROM flows WHERE proto = 17 ORDER BY tunproto, vni"),
          [("10.1.0.1", "198.51.100.1", "17", "1", "1"), ("10.1.0.1", "198.51.100.1", "17", "2", "1"),
           ("10.1.0.1", "198.51.100.1", "47", "4097", "1")])
    check("not deeper than eight", sql(store, "SELECT srcip, tunsrcip FROM flows WHERE proto = 4"),
          [("10.2.0.11", "10.2.0.19")])


def mpls(work):
    capture = os.path.join(work, "mpls.pcap")
    packet = ip(17, "10.1.0.1", "10.1.0.2", CONTENTS[1][1])
    six = ip(6, "2001:db8:1::1", "2001:db8:1::2", CONTENTS[0][1])
    stacks = [[(16, 3), (20, 0)], [(1048575, 7)], [(i + 1, 0) for i in range(12)]]
    frames = [ether(labels(*s) + p, 0x8847) for s in stacks for p in (packet, six)]
    frames.append(ether(struct.pack(">HH", 5, 0x8847) + labels((99, 0)) + packet, 0x8100))
    frames.append(ether(packet))
    # The flows must not be the same, or the first one's labels are those of all.
    frames = [f.replace(struct.pack(">HH", 40001, 53), struct.pack(">HH", 41000 + i, 53))
               .replace(struct.pack(">HH", 40000, 443), struct.pack(">HH", 42000 + i, 443)) for i, f in enumerate(frames)]
    write_pcap(capture, frames)
    ten = ",".join(f"{i + 1}-0-0" for i in range(10))
    wanted = [("", "1"), ("1048575-7-1", "2"), ("16-3-0,20-0-1", "2"), (ten, "2"), ("99-0-1", "1")]
    ask = "SELECT mpls, sum(packets) FROM flows GROUP BY 1 ORDER BY 1"
    store, _, _ = into_store(work, capture)
    check("MPLS labels", sql(store, ask), sorted(wanted))
    for version in ("9", "10"):
        check(f"MPLS labels, v{version}, flowcollect", sql(into_collector(work, capture, version), ask), sorted(wanted))
    for text, packets in (("mpls label1 16", 2), ("mpls label2 20", 2), ("mpls label1 > 98", 3), ("mpls exp1 > 2", 4),
                          ("mpls eos 20", 2), ("mpls any 10", 2), ("mpls any [99 5]", 3), ("not mpls any > 0", 1),
                          ("mpls label10 10", 2), ("mpls eos < 1k", 3), ("mpls any 4000", 0)):
        check("filter: " + text, sql(store, f"SELECT total(packets) FROM flows WHERE filter = '{text}'"), [(f"{packets}.0",)])
    check("mpls_label(), mpls_exp()", sql(store, """SELECT DISTINCT mpls_label(mpls, 2), mpls_exp(mpls, 1) FROM flows
                                                    WHERE mpls = '16-3-0,20-0-1'"""), [("20", "3")])
    nfdump_labels(work, capture)


def nfdump_labels(work, capture):
    if not shutil.which("nfcapd") or not shutil.which("nfdump"):
        print("skip nfdump: it is not there")
        return
    for version in ("9", "10"):
        flows = tempfile.mkdtemp(dir=work)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        p = subprocess.Popen(["nfcapd", "-b", "127.0.0.1", "-p", str(port), "-w", flows, "-t", "3600"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until_bound(port)
        subprocess.run([PROBE, "-q", "-r", capture, "-v", version, "-n", f"127.0.0.1:{port}"], stderr=subprocess.DEVNULL)
        time.sleep(0.3)
        p.send_signal(signal.SIGTERM)
        p.wait(30)
        out = subprocess.run(["nfdump", "-R", flows, "-q", "-N", "-o", "fmt:%mpls1|%mpls2|%mpls3"], capture_output=True,
                             text=True).stdout
        seen = sorted("".join(line.split()) for line in out.splitlines() if "|" in line)
        check(f"nfdump reads the labels, v{version}", [s for s in seen if not s.startswith("0-0-0")],
              ["1-0-0|2-0-0|3-0-0"] * 2 + ["1048575-7-1|0-0-0|0-0-0"] * 2 + ["16-3-0|20-0-1|0-0-0"] * 2 + ["99-0-1|0-0-0|0-0-0"])


def offload(work):
    """Packets that segmentation offload has left without a length, jumbograms, and what is only padded."""
    capture = os.path.join(work, "offload.pcap")
    body = tcp(40000, 443, b"z" * 80000)
    four = bytearray(ip(6, "10.1.0.1", "10.1.0.2", tcp(40000, 443, b"z" * 30000)))
    four[2:4] = b"\0\0"  # TSO: no total length
    src, dst = (ipaddress.ip_address(a).packed for a in INNER[1])
    six = struct.pack(">IHBB", 0x60000000, 0, 6, 64) + src + dst + body  # BIG TCP without the option
    jumbo = (struct.pack(">IHBB", 0x60000000, 0, 0, 64) + src + dst +
             struct.pack(">BBBBI", 6, 0, 0xc2, 4, len(body) + 8) + body)
    gro = ip(6, "10.1.0.1", "10.1.0.2", tcp(40000, 443, b"z" * 60000))
    small = bytearray(ip(6, *INNER[1], tcp(1, 2, b"")))
    small[4:6] = b"\0\0"  # just wrong
    write_pcap(capture, [(ether(bytes(four))[:200], 14 + len(four)), (ether(six)[:200], 14 + len(six)),
                         (ether(jumbo)[:200], 14 + len(jumbo)), ether(gro)[:54] + ether(gro)[54:], ether(bytes(small))])
    store, out, _ = into_store(work, capture)
    check("octets of packets with no length of their own",
          sql(store, "SELECT proto, ipversion, maxlen, sum(packets), sum(bytes) FROM flows GROUP BY 2, srcport ORDER BY 2, 5"),
          [texts(6, 4, 60040, 2, len(four) + len(gro)), texts(6, 6, 40, 1, 40), texts(6, 6, 65535, 2, len(six) + len(jumbo))])
    check("the summary tells", "long:      4 packets of more than 1500 bytes (segmentation offload or jumbo frames), "
          "2 without a length of their own" in out, True)


def fragments(work):
    capture = os.path.join(work, "fragments.pcap")
    payload = udp(1000, 2000, b"f" * 40)
    parts = [ip(17, "10.1.0.1", "10.1.0.2", payload[:24], frag=0x2000), ip(17, "10.1.0.1", "10.1.0.2", payload[24:], frag=3)]
    whole = ip(17, "10.1.0.3", "10.1.0.2", payload, frag=0x4000)
    write_pcap(capture, [ether(p) for p in (*parts, whole, ip(17, "10.1.0.4", "10.1.0.2", payload),
                                            ip(17, *INNER[1], payload))])
    ask = "SELECT srcip, srcport, packets, fragflags, fragoffset, ipid, flowlabel FROM flows ORDER BY COALESCE(ipid, 0) DESC, srcip"
    wanted = [("10.1.0.1", "1000", "2", "32", "0", "7", ""), ("10.1.0.3", "1000", "1", "64", "", "", ""),
              ("10.1.0.4", "1000", "1", "0", "", "", ""), ("2001:db8:1::1", "1000", "1", "0", "", "", str(0x12345))]
    store, _, _ = into_store(work, capture)
    check("fragment flags, offsets, identification; flow label", sql(store, ask), wanted)
    for version in ("9", "10"):
        check(f"the same at the collector, v{version}", sql(into_collector(work, capture, version), ask), wanted)


TSHARK_DIFFERS = {
    "4in6-suricata-wrong-version-ipv4-ipv6.pcap": "an IPv6 header with version 4: it counts, without addresses",
    "4in6-zeek-mpls-6in6-6in6-4in6-trunc.pcap": "a header that is cut off counts",
    "gre-zeek-gre-aruba.pcap": "types of GRE that Aruba made up for 802.11",
    "nvgre-zeek-erspan.pcap": "first fragments of a tunnel's packets count by what is inside",
    "vxlan-tcpdump-bigtcp-ipv6-vxlan-ipv4.pcap": "no length in the outer header: nothing is inside",
}
CLASSES = {"4in6", "6in4", "6in6", "ipip", "gre", "gtp-u", "geneve", "vxlan", "nvgre", "erspan", "teredo", "pptp-gre", "mplsudp"}


def captures(work):
    if not os.path.exists(os.path.join(DATA, "MANIFEST.tsv")) or not shutil.which("tshark"):
        print("skip captures: ../shared/data/traffic or tshark is not there")
        return
    with open(os.path.join(DATA, "MANIFEST.tsv"), newline="") as f:
        files = [r["file"] for r in csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE) if r["class"] in CLASSES and
                 r["file"] not in TSHARK_DIFFERS]
    if "captures" not in sys.argv:  # one of each kind
        files = {f.split("-")[0]: f for f in files}.values()
    for name in files:
        store, _, _ = into_store(work, os.path.join(DATA, name), "-e", "inner")
        theirs = tshark_innermost(os.path.join(DATA, name))
        sums = "SELECT srcip, dstip, sum(packets), sum(bytes) FROM flows GROUP BY 1, 2"
        wanted = count([(r[0], r[1], r[5]) for r in theirs])
        check(f"{name}: inner packets and octets by addresses as tshark's", collections.Counter(sql(store, sums)), wanted)


def seeds(directory):
    """Two octets of link type, one of cut-off octets, and the frame."""
    done = set()
    for name, frame, *_ in each_packet():
        if name not in done:
            done.add(name)
            file = "tunnel-" + "".join(c if c.isalnum() else "-" for c in name.lower())
            with open(os.path.join(directory, file), "wb") as f:
                f.write(bytes([0, 1, 0]) + frame[:120])


def main():
    if sys.argv[1:2] == ["--seeds"]:
        seeds(sys.argv[2])
        return 0
    work = tempfile.mkdtemp()
    try:
        parts = [made, no_tunnels, nested, mpls, offload, fragments, captures]
        for part in parts:
            if not sys.argv[1:] or part.__name__ in sys.argv[1:]:
                part(work)
    finally:
        shutil.rmtree(work)
    return bad


if __name__ == "__main__":
    sys.exit(main())
