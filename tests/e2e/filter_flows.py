#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Sends NetFlow v9 with values in every field that filters of nfdump test.

usage: filter_flows.py PORT...      the same datagrams to each port of 127.0.0.1
"""
import random
import socket
import struct
import sys
import time

BEGIN = 1700000000000  # ms

# (type, octets, value of a record); values are few, so that every filter finds some and not all.
COMMON = [
    (4, 1, lambda r: r["proto"]),
    (7, 2, lambda r: 0 if r["icmp"] else random.choice([53, 80, 443, 1024, 40000])),
    (11, 2, lambda r: r["icmp"] or random.choice([22, 53, 80, 443, 50000])),
    (32, 2, lambda r: r["icmp"]),
    (6, 1, lambda r: random.choice([2, 0x12, 0x1B, 0x10, 0x14, 0x3F]) if r["proto"] == 6 else 0),
    (5, 1, lambda r: random.choice([0, 16, 0xB8])),
    (55, 1, lambda r: random.choice([0, 8])),
    (2, 4, lambda r: r["packets"]),
    (1, 4, lambda r: r["packets"] * random.choice([40, 64, 777, 1500])),
    (24, 4, lambda r: random.choice([1, 7, 1200])),
    (23, 4, lambda r: random.choice([100, 5000])),
    (10, 4, lambda r: random.choice([1, 2, 3])),
    (14, 4, lambda r: random.choice([1, 2, 3])),
    (16, 4, lambda r: random.choice([64500, 64501, 4200000000])),
    (17, 4, lambda r: random.choice([64500, 64502])),
    (128, 4, lambda r: random.choice([10, 11])),
    (129, 4, lambda r: random.choice([20, 21])),
    (9, 1, lambda r: random.choice([16, 24])),
    (13, 1, lambda r: random.choice([16, 20])),
    (58, 2, lambda r: random.choice([10, 20])),
    (59, 2, lambda r: random.choice([10, 30])),
    (56, 6, lambda r: random.choice([0x001122334455, 0x0200000000AA])),
    (80, 6, lambda r: random.choice([0x001122334455, 0x0200000000BB])),
    (57, 6, lambda r: random.choice([0x001122334455, 0x0200000000CC])),
    (81, 6, lambda r: random.choice([0x0200000000AA, 0x0200000000DD])),
    (52, 1, lambda r: random.choice([60, 64])),
    (53, 1, lambda r: random.choice([64, 128])),
    (61, 1, lambda r: random.choice([0, 1])),
    (89, 1, lambda r: random.choice([1, 16, 17])),
    (234, 4, lambda r: random.choice([5, 6])),
    (235, 4, lambda r: random.choice([6, 7])),
    (152, 8, lambda r: r["begin"]),
    (153, 8, lambda r: r["begin"] + r["ms"]),
]


def v4(net, hosts):
    return lambda r: int.from_bytes(bytes([*net, random.randrange(hosts)]), "big")


def v6(net, hosts):
    return lambda r: (net << 96) + random.randrange(1, hosts)


TEMPLATES = {
    300: COMMON + [
        (8, 4, v4((192, 168, 1), 8)), (12, 4, v4((10, 0, 0), 8)),
        (15, 4, v4((172, 16, 0), 3)), (18, 4, v4((172, 16, 1), 3)),
    ],
    301: COMMON + [(27, 16, v6(0x20010DB8, 4)), (28, 16, v6(0x20010DB9, 4))],
    302: COMMON + [  # translated
        (8, 4, v4((192, 168, 1), 8)), (12, 4, v4((10, 0, 0), 8)),
        (230, 1, lambda r: random.choice([1, 2, 4])),
        (225, 4, v4((198, 51, 100), 4)), (226, 4, v4((203, 0, 113), 4)),
        (227, 2, lambda r: random.choice([1001, 1002])),
        (228, 2, lambda r: random.choice([1002, 1003])),
        (361, 2, lambda r: random.choice([50, 443])), (362, 2, lambda r: random.choice([80, 2000])),
        (363, 2, lambda r: random.choice([1, 8])), (364, 2, lambda r: random.choice([64, 512])),
    ],
}


def record(fields):
    icmp = random.randrange(4) == 0
    r = {
        "proto": 1 if icmp else random.choice([6, 6, 17]),
        "icmp": random.choice([0x0800, 0x0301, 0x0303]) if icmp else 0,
        "packets": random.choice([1, 3, 10, 1000, 5000]),
        "begin": BEGIN + random.randrange(3600) * 1000,
        "ms": random.choice([0, 1, 500, 1000, 60000]),
    }
    return b"".join(f(r).to_bytes(n, "big") for _, n, f in fields)


def flow_set(set_id, body):
    body += bytes(-len(body) % 4)
    return struct.pack("!HH", set_id, 4 + len(body)) + body


def datagram(sequence, sets):
    # counts only matter to nobody but the reader of a log
    return struct.pack("!HHIIII", 9, len(sets), 5000000, 1700004000, sequence, 77) + b"".join(sets)


def main():
    random.seed(1)
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    templates = b"".join(
        struct.pack("!HH", number, len(fields))
        + b"".join(struct.pack("!HH", kind, n) for kind, n, _ in fields)
        for number, fields in TEMPLATES.items())
    messages = [datagram(0, [flow_set(0, templates)])]
    for i in range(60):
        number = random.choice(list(TEMPLATES))
        body = b"".join(record(TEMPLATES[number]) for _ in range(6))
        messages.append(datagram(i + 1, [flow_set(number, body)]))
    for message in messages:
        for port in sys.argv[1:]:
            out.sendto(message, ("127.0.0.1", int(port)))
        time.sleep(0.002)


main()
