# SPDX-License-Identifier: MIT
"""UDP datagrams out of small captures, for tests: pcap and pcapng, Ethernet with VLAN tags and
Linux cooked captures, no fragments. Independent of flowvt's own readers."""
import struct


def frames(path):
    """(time in s, link type, frame) of each packet."""
    data = open(path, "rb").read()
    magic = data[:4]
    if magic == b"\x0a\x0d\x0d\x0a":
        yield from pcapng(data)
        return
    e = "<" if magic in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    unit = 1e9 if magic in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d") else 1e6
    link = struct.unpack_from(e + "I", data, 20)[0]
    at = 24
    while at + 16 <= len(data):
        s, f, n, _ = struct.unpack_from(e + "IIII", data, at)
        yield s + f / unit, link, data[at + 16:at + 16 + n]
        at += 16 + n


def pcapng(data):
    e = "<" if data[8:12] == b"\x4d\x3c\x2b\x1a" else ">"
    at, links = 0, []
    while at + 12 <= len(data):
        kind, n = struct.unpack_from(e + "II", data, at)
        if kind == 1:
            links.append(struct.unpack_from(e + "H", data, at + 8)[0])
        if kind == 6:
            i, hi, lo, have = struct.unpack_from(e + "IIII", data, at + 8)
            yield (hi << 32 | lo) / 1e6, links[i], data[at + 28:at + 28 + have]
        at += n


def udp(link, f):
    """(source address, source port, payload) or None."""
    if link == 1:
        at, kind = 14, struct.unpack_from(">H", f, 12)[0]
        while kind in (0x8100, 0x88a8):
            kind = struct.unpack_from(">H", f, at + 2)[0]
            at += 4
    elif link == 113:
        at, kind = 16, struct.unpack_from(">H", f, 14)[0]
    else:
        return None
    if kind == 0x0800 and f[at + 9] == 17 and not struct.unpack_from(">H", f, at + 6)[0] & 0x3fff:
        src, up = f[at + 12:at + 16], at + (f[at] & 15) * 4
    elif kind == 0x86dd and f[at + 6] == 17:
        src, up = f[at + 8:at + 24], at + 40
    else:
        return None
    port, _, n = struct.unpack_from(">HHH", f, up)
    return src, port, f[up + 8:up + n]


def datagrams(path):
    for _, link, frame in frames(path):
        found = udp(link, frame)
        if found:
            yield found
