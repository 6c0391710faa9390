#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Interfaces in capture files: NFLOG records, cooked captures and pcapng of several interfaces,
written here from their specifications (nfnetlink_log.h, nfnetlink_conntrack.h; LINKTYPE_LINUX_SLL2;
draft-ietf-opsawg-pcapng), through flowprobe into a store and through flowcollect, read with SQL.

Prints one line for each failure and "N passed, N failed, N skipped"."""
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
PROBE = os.path.join(BUILD, "flowprobe")
TIME = 1700000000
passed = failed = 0


def check(name, got, wanted):
    global passed, failed
    if got == wanted:
        passed += 1
    else:
        failed += 1
        print(f"FAIL {name}: got {got}, expected {wanted}")


# ---- packets ----------------------------------------------------------------------------------

def udp(src, dst, sport, dport, ttl=64, ident=1, payload=b"x" * 40):
    n = 28 + len(payload)
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, n, ident, 0, ttl, 17, 0, socket.inet_aton(src),
                       socket.inet_aton(dst)) + struct.pack(">HHHH", sport, dport, n - 20, 0) + payload


def pcap(linktype, packets, order="<"):
    out = struct.pack(order + "IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, linktype)
    for i, p in enumerate(packets):
        out += struct.pack(order + "IIII", TIME, i, len(p), len(p)) + p
    return out


class Nflog:
    """Records of a machine with this byte order."""

    def __init__(self, order):
        self.order = order

    def attribute(self, number, value):
        n = 4 + len(value)
        return struct.pack(self.order + "HH", n, number) + value + bytes(-n % 4)

    def tuple(self, number, src, dst, sport, dport):
        nested = 0x8000
        addresses = self.attribute(1, socket.inet_aton(src)) + self.attribute(2, socket.inet_aton(dst))
        ports = self.attribute(1, b"\x11") + self.attribute(2, struct.pack(">H", sport)) + \
            self.attribute(3, struct.pack(">H", dport))
        return self.attribute(number | nested, self.attribute(1 | nested, addresses) +
                              self.attribute(2 | nested, ports))

    def record(self, packet, hook, indev=0, outdev=0, physin=0, physout=0, mac=None, header=None,
               when=None, conntrack=None, reply=False, family=2, protocol=0x0800, mark=None):
        out = struct.pack(">BBH", family, 0, 5) + self.attribute(1, struct.pack(">HBB", protocol, hook, 0))
        out += self.attribute(10, b"flows\0")
        for number, value in ((4, indev), (5, outdev), (6, physin), (7, physout)):
            if value:
                out += self.attribute(number, struct.pack(">I", value))
        if mac:
            out += self.attribute(8, struct.pack(">HH", 6, 0) + mac + bytes(2))
        if header:
            out += self.attribute(15, struct.pack(">H", 1)) + self.attribute(17, struct.pack(">H", 14))
            out += self.attribute(16, header)
        if mark:
            out += self.attribute(2, struct.pack(">I", mark))
        if when:
            out += self.attribute(3, struct.pack(">QQ", *when))
        out += self.attribute(12, struct.pack(">I", 77))
        if conntrack:
            out += self.attribute(18 | 0x8000, self.tuple(1, *conntrack[0]) + self.tuple(2, *conntrack[1]))
            out += self.attribute(19, struct.pack(">I", 3 if reply else 2))
        return out + self.attribute(9, packet)


def sll2(packet, ifindex, kind, mac=b"\2\0\0\0\0\1"):
    return struct.pack(">HHIHBB", 0x0800, 0, ifindex, 1, kind, 6) + mac + bytes(2) + packet


def block(number, body):
    n = 12 + len(body)
    return struct.pack("<II", number, n) + body + struct.pack("<I", n)


def option(number, value):
    return struct.pack("<HH", number, len(value)) + value + bytes(-len(value) % 4)


def interface(linktype, name, description=b"", mac=b""):
    options = option(2, name) + (option(3, description) if description else b"") + \
        (option(6, mac) if mac else b"") + option(0, b"")
    return block(1, struct.pack("<HHI", linktype, 0, 0) + options)


def enhanced(number, packet, direction=0, micro=0):
    when = TIME * 1000000 + micro
    body = struct.pack("<IIIII", number, when >> 32, when & 0xffffffff, len(packet), len(packet)) + \
        packet + bytes(-len(packet) % 4)
    return block(6, body + (option(2, struct.pack("<I", direction)) + option(0, b"") if direction else b""))


SECTION = block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1))


def ethernet(packet, src, dst):
    return dst + src + b"\x08\x00" + packet


# ---- flowprobe --------------------------------------------------------------------------------

COLUMNS = "srcip, dstip, inif, outif, direction, packets"


def flows(capture, columns=COLUMNS, arguments=(), table="flows"):
    """Rows of SQL, as a set of tuples of text, and what flowprobe printed."""
    with tempfile.TemporaryDirectory() as d:
        file = os.path.join(d, "capture")
        with open(file, "wb") as f:
            f.write(capture)
        p = subprocess.run([PROBE, "-r", file, "-w", d, *arguments], capture_output=True, text=True)
        if p.returncode != 0 or p.stderr:
            check("flowprobe", (p.returncode, p.stderr), (0, ""))
        q = subprocess.run(["sqlite3", "-batch", "-noheader", "-separator", "|", "-nullvalue", "-", "-cmd",
                            f".load {BUILD}/flowvt", ":memory:", f"SELECT {columns} FROM {table}"],
                           capture_output=True, text=True, env=dict(os.environ, FLOWVT_STORE=d))
        return sorted(q.stdout.split("\n")[:-1]), p.stdout


def nflog():
    inside, server, public = "192.168.1.10", "203.0.113.80", "203.0.113.1"
    header = b"\2\0\0\0\0\2" + b"\2\0\0\0\0\1" + b"\x08\x00"
    connection = ((inside, server, 1000, 53), (server, public, 53, 5000))
    inbound = ((server, public, 2000, 8080), ("192.168.1.20", server, 80, 2000))
    for order, name in (("<", "little-endian"), (">", "big-endian")):
        n = Nflog(order)
        capture = pcap(239, [
            n.record(udp(inside, server, 1000, 53), 2, 3, 4, physin=7, mac=b"\2\0\0\0\0\1", when=(TIME - 1, 500000),
                     conntrack=connection),
            n.record(udp(server, inside, 53, 1000), 2, 4, 3, header=header, when=(TIME - 1, 600000),
                     conntrack=connection, reply=True),
            n.record(udp(server, "192.168.1.20", 2000, 80), 2, 4, 3, conntrack=inbound, mark=0xfedcba98),
            n.record(udp("192.168.1.20", server, 80, 2000), 2, 3, 4, conntrack=inbound, reply=True),
            n.record(udp(inside, "192.168.1.1", 1001, 53), 1, 3),
            n.record(udp("192.168.1.1", inside, 53, 1001, payload=b"y" * 2100), 3, 0, 3),
        ], order)
        rows, _ = flows(capture)
        check(f"NFLOG {name}", rows, sorted([
            f"{inside}|{server}|3|4|0|1", f"{server}|{inside}|4|3|0|1", f"{server}|192.168.1.20|4|3|0|1",
            f"192.168.1.20|{server}|3|4|0|1", f"{inside}|192.168.1.1|3|-|0|1", f"192.168.1.1|{inside}|-|3|1|1"]))
        rows, _ = flows(capture, "srcip, natsrcip, natsrcport", table="flows WHERE natsrcip IS NOT NULL")
        check(f"NFLOG {name}: sources as they leave", rows,
              [f"{inside}|{public}|5000", f"192.168.1.20|{public}|8080"])
        rows, _ = flows(capture, "srcip, inphysif, insrcmac, indstmac, tstart", table="flows WHERE dstport IN (53, 1000)"
                        " AND '203.0.113.80' IN (srcip, dstip)")
        check(f"NFLOG {name}: link layer and time", rows,
              [f"{inside}|7|02:00:00:00:00:01|-|2023-11-14 22:13:19.500",
               f"{server}|-|02:00:00:00:00:01|02:00:00:00:00:02|2023-11-14 22:13:19.600"])
        rows, _ = flows(capture, "srcip, mark", table="flows WHERE mark IS NOT NULL")
        check(f"NFLOG {name}: the firewall's mark", rows, [f"{server}|{0xfedcba98}"])
        rows, out = flows(capture, arguments=("udp", "dst", "port", "80"))
        check(f"NFLOG {name}: a filter", (rows, "filtered:  5" in out), ([f"{server}|192.168.1.20|4|3|0|1"], True))
    n = Nflog("<")
    capture = pcap(239, [n.record(udp(inside, server, 1, 2), 0, 3, family=7),
                         n.record(b"\0\1\x08\0\6\4\0\1" + bytes(20), 0, 3, family=7, protocol=0x0806)])
    check("NFLOG of a bridge", flows(capture)[0], [f"{inside}|{server}|3|-|0|1"])


def cooked():
    inside, server, public = "192.168.1.10", "203.0.113.80", "203.0.113.1"
    capture = pcap(276, [
        sll2(udp(inside, server, 1000, 53), 3, 0), sll2(udp(public, server, 5000, 53, ttl=63), 4, 4),
        sll2(udp(server, public, 53, 5000, ttl=60, ident=9), 4, 0),
        sll2(udp(server, inside, 53, 1000, ttl=59, ident=9), 3, 4),
        sll2(udp(inside, "192.168.1.1", 1000, 53, ident=2), 3, 0),
        sll2(udp("192.168.1.1", inside, 53, 1000, ident=3), 3, 4),
    ])
    rows, out = flows(capture)
    check("cooked v2", rows, sorted([
        f"{inside}|{server}|3|4|0|1", f"{server}|{inside}|4|3|0|1", f"{inside}|192.168.1.1|3|-|0|1",
        f"192.168.1.1|{inside}|-|3|1|1"]))
    check("cooked v2: sights that are not counted", "again:     2 packets, 136 bytes" in out, True)
    rows, out = flows(capture, arguments=("-f",))
    check("cooked v2: each sight, if that is wanted", (rows, "again:" in out), (sorted([
        f"{inside}|{server}|3|-|0|1", f"{public}|{server}|-|4|1|1", f"{server}|{public}|4|-|0|1", f"{server}|{inside}|-|3|1|1",
        f"{inside}|192.168.1.1|3|-|0|1", f"192.168.1.1|{inside}|-|3|1|1"]), False))
    rows, _ = flows(capture, "srcip, natsrcip, natsrcport, insrcmac", table="flows WHERE outif = 4")
    check("cooked v2: NAT", rows, [f"{inside}|{public}|5000|02:00:00:00:00:01"])
    many = []
    for i in range(100):
        payload = struct.pack(">I", i) * 10
        many += [sll2(udp(inside, server, 1, 2, ident=i, payload=payload), 3, 0),
                 sll2(udp(inside, server, 1, 2, ttl=63, ident=i, payload=payload), 4, 4)]
    rows, out = flows(pcap(276, many), "inif, outif, raw_packets, packets", arguments=("-s", "10"))
    check("cooked v2: one packet in ten is sampled, not one sight", (rows, "again:     100 " in out), (["3|4|10|100"], True))
    first = [struct.pack(">HHH", kind, 1, 6) + bytes(8) + b"\x08\x00" + p for kind, p in (
        (0, udp(inside, server, 1, 2)), (4, udp(inside, server, 1, 2, ttl=63)))]
    check("cooked v1 has no interfaces", flows(pcap(113, first))[0], [f"{inside}|{server}|-|-|0|1"])


def pcapng():
    host, router, outside, gateway = (b"\2\0\0\0\0" + bytes([i]) for i in range(1, 5))
    inside, server = "192.168.1.10", "203.0.113.80"
    came = ethernet(udp(inside, server, 1, 2), host, router)
    left = ethernet(udp(inside, server, 1, 2, ttl=63), outside, gateway)
    both = [f"{inside}|{server}|1|2|0|1"]
    names = interface(1, b"lan0") + interface(1, b"wan0", b"the world")
    check("pcapng, directions in flags", flows(SECTION + names + enhanced(0, came, 1) + enhanced(1, left, 2))[0], both)
    check("pcapng, directions by TTL", flows(SECTION + names + enhanced(1, left, 0, 5) + enhanced(0, came))[0], both)
    check("pcapng, addresses of the link layer", flows(
        SECTION + names + enhanced(0, came) + enhanced(1, left), "insrcmac, indstmac, outsrcmac, outdstmac")[0],
        ["|".join(":".join(f"{o:02x}" for o in m) for m in (host, router, outside, gateway))])
    capture = SECTION + interface(1, b"lan0", mac=router) + interface(101, b"wan0", b"the world") + \
        enhanced(0, came) + enhanced(1, udp(inside, server, 1, 2, ttl=63), 2) + \
        enhanced(0, ethernet(udp("192.168.1.1", inside, 5, 6, ident=4), router, host))
    check("pcapng, directions by the interface's address", flows(capture)[0],
          sorted([*both, f"192.168.1.1|{inside}|-|1|1|1"]))
    check("pcapng: names", flows(capture, "ifindex, name, description", table="flow_interfaces")[0],
          ["1|lan0|-", "2|wan0|the world"])
    capture = SECTION + interface(1, b"eth0") + enhanced(0, came)
    check("pcapng of one interface, without directions", flows(capture)[0], [f"{inside}|{server}|-|-|-|1"])
    second = SECTION + names + enhanced(0, came, 1) + SECTION + interface(1, b"eth7") + \
        enhanced(0, ethernet(udp("192.0.2.1", server, 7, 8), host, router), 1)
    check("pcapng, a second section's interfaces", flows(second, "ifindex, name", table="flow_interfaces")[0],
          ["1|lan0", "3|eth7"])


if not shutil.which("sqlite3"):
    print("skip interfaces: no sqlite3")
    sys.exit(77)
nflog()
cooked()
pcapng()
print(f"{passed} passed, {failed} failed, 0 skipped")
sys.exit(failed > 0)
