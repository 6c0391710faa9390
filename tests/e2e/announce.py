#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Two exporters behind 127.0.0.2 with domains of their own and one behind 127.0.0.3 announce templates, a sampling
rate and a name; or send data; and may do the latter first.

usage: announce.py PORT WHAT...   announce: templates and options; data: records; other: the ids mean something else
                                  now, in a process that began anew; twice: the data, each datagram again and late
"""
import socket
import struct
import sys
import time

V9 = [struct.pack(">HHHHHHHH", 256, 3, 8, 4, 1, 4, 48, 1), struct.pack(">HHHHHHHH", 256, 3, 1, 4, 8, 4, 48, 1)]
OTHER = struct.pack(">HHHHHHHHHH", 256, 4, 2, 4, 48, 1, 8, 4, 1, 4)
SAMPLER = struct.pack(">HHHHHHHH", 257, 4, 8, 1, 4, 48, 1, 50) + struct.pack(">HH", 2, 0)
IPFIX = struct.pack(">HHHHHHHH", 300, 3, 8, 4, 1, 8, 371, 65535)
NAMES = struct.pack(">HHHHHHH", 301, 2, 1, 10, 4, 82, 65535)


def a_set(number, content):
    return struct.pack(">HH", number, len(content) + 4) + content


class Exporter:
    def __init__(self, address, port, domain):
        self.out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.out.bind((address, 0))
        self.out.connect(("127.0.0.1", port))
        self.domain, self.sequence, self.began = domain, 0, 1700000000

    def datagram(self, *sets):
        content = b"".join(sets)
        now = int(time.time())
        if self.domain == 9:
            return struct.pack(">HHIII", 10, 16 + len(content), now, self.sequence, 9) + content
        self.sequence += 1
        uptime = (now - self.began) * 1000 % 2**32
        return struct.pack(">HHIIII", 9, len(sets), uptime, now, self.sequence, self.domain) + content

    def send(self, *sets):
        self.out.send(self.datagram(*sets))
        time.sleep(0.01)


def record(kind, domain, i):
    ip = socket.inet_aton(f"192.0.2.{i}")
    n = struct.pack(">I", 1000 + i)
    if domain == 9:
        return ip + struct.pack(">Q", 1000 + i) + b"\x03abc"
    if kind == "other":
        return struct.pack(">I", 7) + b"\x05" + ip + n
    return (ip + n if domain == 1 else n + ip) + b"\x05"


def main():
    port = int(sys.argv[1])
    exporters = [Exporter("127.0.0.2", port, 1), Exporter("127.0.0.2", port, 2), Exporter("127.0.0.3", port, 9)]
    for kind in sys.argv[2:]:
        for e in exporters:
            if kind == "announce" and e.domain == 9:
                e.send(a_set(2, IPFIX), a_set(3, NAMES), a_set(301, struct.pack(">I", 7) + b"\x05Gi0/7"))
            elif kind == "announce":
                e.send(a_set(0, V9[e.domain - 1]), a_set(1, SAMPLER), a_set(257, bytes(4) + b"\x05\x00\x64\x00"))
            elif kind == "other" and e.domain != 9:
                e.sequence, e.began = 0, int(time.time()) - 100
                e.send(a_set(0, OTHER))
            held = []
            for i in range(1, 11) if kind != "announce" else ():
                d = e.datagram(a_set(300 if e.domain == 9 else 256, record(kind, e.domain, i)))
                e.sequence += e.domain == 9
                held.append(d)
            for i, d in enumerate(held):
                # Neighbours change places, and each comes twice.
                e.out.send(held[i ^ 1] if kind == "twice" else d)
                if kind == "twice":
                    e.out.send(d)
            time.sleep(0.05)


main()
