# SPDX-License-Identifier: MIT
"""A capture of IPFIX with flows that are rare: fields that are missing, times that are missing, swapped, far
away or far apart, zeros, ends that are the same. No sum of counters is too large for SQLite, since there are no
roll-ups of those."""
import struct

DAY = 86400000
MAX = (1 << 64) - 1

# element, octets, values by chance
FIELDS = [
    (4, 1, lambda r: r.choice([1, 6, 6, 17, 58, 255])),
    (7, 2, lambda r: r.choice([0, 53, 80, 443, 65535, r.randrange(65536)])),
    (11, 2, lambda r: r.choice([0, 53, 80, 443, 65535, r.randrange(65536)])),
    (6, 1, lambda r: r.choice([0, 2, 18, 27, 255])),
    (5, 1, lambda r: r.choice([0, 16, 184, 255])),
    (2, 8, lambda r: r.choice([0, 1, 3, r.randrange(5000), 1 << 33])),
    (1, 8, lambda r: r.choice([0, 1, 40, r.randrange(9000000), 1 << 36])),
    (24, 8, lambda r: r.choice([0, 7, r.randrange(5000)])),
    (23, 8, lambda r: r.choice([0, 1, r.randrange(900000)])),
    (3, 8, lambda r: r.choice([0, 1, 1, 5])),
    (10, 4, lambda r: r.choice([0, 1, 2, (1 << 32) - 1])),
    (14, 4, lambda r: r.choice([0, 1, 2, (1 << 32) - 1])),
    (16, 4, lambda r: r.choice([0, 64500, (1 << 32) - 1])),
    (17, 4, lambda r: r.choice([0, 64500, 64501])),
    (9, 1, lambda r: r.choice([0, 8, 24, 32, 33, 128])),
    (13, 1, lambda r: r.choice([0, 16, 32, 129])),
    (61, 1, lambda r: r.choice([0, 1])),
    (58, 2, lambda r: r.choice([0, 10, 4095])),
    (56, 6, lambda r: r.choice([0, 0x020000000001, (1 << 48) - 1])),
    (34, 4, lambda r: r.choice([0, 1, 2, 100, 1000])),
    (52, 1, lambda r: r.choice([0, 64, 255])),
    (53, 1, lambda r: r.choice([0, 64, 255])),
    (361, 2, lambda r: r.choice([0, 50, 443])),
    (362, 2, lambda r: r.choice([80, 500, 65535])),
    (234, 4, lambda r: r.choice([0, 7])),
    (148, 8, lambda r: r.choice([0, 1, (1 << 63) - 1])),
]
ADDRESSES4 = [0, 0x0A000001, 0x0A000001, 0x0A0000FF, 0xFFFFFFFF]
ADDRESSES6 = [0, 1, 0x20010DB8 << 96, (0x20010DB8 << 96) + 1, (0xFFFF << 32) + 0x0A000001, (1 << 128) - 1]


def times(r, now):
    """tstart and tend around a time, in ms."""
    start = now - r.choice([0, 1, 999, 60000, 300000, r.randrange(3600000)])
    last = r.choice([0, 0, 0, 1, 10, 999, 1000, 59999, 300000, r.randrange(900000)])
    odd = r.randrange(150)
    if odd == 0:
        start, last = start // 300000 * 300000, 300000  # the whole of a bucket, and one ms
    elif odd == 1:
        start, last = start // DAY * DAY, DAY - 1
    elif odd == 2:
        return start + last, start
    elif odd == 3 and r.random() < 0.1:
        return start - 31 * DAY - r.choice([0, 1]), start
    elif odd == 4:
        last = r.randrange(3 * DAY)
    elif odd == 5:
        return r.choice([0, 1, MAX, 253402300799999, 253402300800000]), start
    return start, start + last


def template(r):
    fields = [f for f in FIELDS if r.random() < 0.75]
    six = r.random() < 0.3
    for v4, v6 in ((8, 27), (12, 28)):
        if r.random() < 0.95:
            fields.append((v6, 16, lambda r: r.choice(ADDRESSES6)) if six else (v4, 4, lambda r: r.choice(ADDRESSES4)))
    if r.random() < 0.93:
        fields.append((152, 8, None))
    if r.random() < 0.93:
        fields.append((153, 8, None))
    return fields


def record(r, fields, now):
    clock = dict(zip((152, 153), times(r, now)))
    return b"".join((make(r) if make else clock[element]).to_bytes(octets, "big") for element, octets, make in fields)


def packet(ms, source, payload):
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + len(payload), 0, 0, 64, 17, 0, bytes([192, 0, 2, source]),
                     bytes([192, 0, 2, 200]))
    words = struct.unpack("!10H", ip)
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    ip = ip[:10] + struct.pack("!H", total ^ 0xFFFF) + ip[12:]
    frame = bytes(12) + b"\x08\x00" + ip + struct.pack("!HHHH", 4000, 4739, 8 + len(payload), 0) + payload
    return struct.pack("<IIII", ms // 1000, ms % 1000 * 1000, len(frame), len(frame)) + frame


def write(path, r, begin, days, messages):
    """As many messages of some records, evenly over the days from begin (ms)."""
    sets = {256 + i: template(r) for i in range(12)}
    sequence = {}
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for i in range(messages):
            now = begin + days * DAY * i // messages
            source, odid = r.choice([(1, 0), (1, 0), (1, 0), (1, 5), (2, 0)])
            number = r.choice(list(sets))
            fields = sets[number]
            body = b"".join(struct.pack("!HH", element, octets) for element, octets, _ in fields)
            body = struct.pack("!HHHH", 2, 8 + len(body), number, len(fields)) + body
            records = [record(r, fields, now) for _ in range(r.randrange(1, 9))]
            data = b"".join(records)
            body += struct.pack("!HH", number, 4 + len(data)) + data
            at = sequence.get((source, odid), 0)
            sequence[source, odid] = at + len(records)
            out.write(packet(now, source, struct.pack("!HHIII", 10, 16 + len(body), now // 1000, at, odid) + body))
