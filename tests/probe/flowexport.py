# SPDX-License-Identifier: MIT
"""A small decoder of NetFlow v5, v9 and IPFIX datagrams, written from the RFCs for the tests of
flowprobe and independent of flowvt's own. It is strict: what a collector might forgive raises."""
import ipaddress
import struct


class Decoder:
    def __init__(self):
        self.templates = {}
        self.flows = []  # dicts keyed by element number; times as 'first' and 'last' in ms
        self.options = []
        self.sequence = None
        self.datagrams = 0
        self.largest = 0
        self.ends = []

    def feed(self, data):
        self.datagrams += 1
        self.largest = max(self.largest, len(data))
        version = struct.unpack_from(">H", data)[0]
        {5: self.v5, 9: self.v9, 10: self.ipfix}[version](data)

    def expect(self, sequence, step):
        if self.sequence is not None and sequence != self.sequence & 0xffffffff:
            raise ValueError(f"sequence {sequence}, expected {self.sequence}")
        self.sequence = sequence + step

    def v5(self, data):
        _, n, uptime, secs, nsecs, seq, _, _, sampling = struct.unpack_from(">HHIIIIBBH", data)
        if len(data) != 24 + 48 * n or not 1 <= n <= 30 or sampling:
            raise ValueError(f"{n} records in {len(data)} octets")
        self.expect(seq, n)
        boot = secs * 1000 + nsecs // 1000000 - uptime
        for i in range(n):
            (src, dst, _, inif, outif, packets, octets, first, last, sport, dport, _, flags, proto,
             tos, *_) = struct.unpack_from(">4s4s4sHHIIIIHHBBBBHHBBH", data, 24 + 48 * i)
            if last > uptime or first > last:
                raise ValueError("flow times out of order")
            self.flows.append({8: src, 12: dst, 10: inif, 14: outif, 2: packets, 1: octets,
                               7: sport, 11: dport, 6: flags, 4: proto, 5: tos,
                               "first": boot + first, "last": boot + last})

    def v9(self, data):
        _, count, uptime, secs, seq, domain = struct.unpack_from(">HHIIII", data)
        self.expect(seq, 1)
        self.boot, self.uptime = secs * 1000 - uptime, uptime
        n = self.sets(data[20:], domain, 0, 1)
        if n != count:
            raise ValueError(f"count says {count}, there are {n}")

    def ipfix(self, data):
        _, length, _, seq, domain = struct.unpack_from(">HHIII", data)
        if length != len(data):
            raise ValueError(f"length says {length}, there are {len(data)}")
        before = len(self.flows) + len(self.options)
        self.boot = None
        self.sets(data[16:], domain, 2, 3)
        self.expect(seq, len(self.flows) + len(self.options) - before)

    def sets(self, data, domain, template_set, options_set):
        at = n = 0
        while at < len(data):
            kind, length = struct.unpack_from(">HH", data, at)
            if length < 4 or at + length > len(data):
                raise ValueError(f"set of {length} octets")
            body = data[at + 4:at + length]
            if kind == template_set:
                n += self.template(body, domain, template_set == 2)
            elif kind == options_set:
                n += self.options_template(body, domain, options_set == 1)
            elif kind >= 256:
                n += self.records(body, self.templates[domain, kind])
            else:
                raise ValueError(f"set id {kind}")
            at += length
        return n

    def template(self, body, domain, enterprises):
        at = n = 0
        while at + 4 <= len(body):
            ident, fields = struct.unpack_from(">HH", body, at)
            at += 4
            pairs = []
            for _ in range(fields):
                element, octets = struct.unpack_from(">HH", body, at)
                at += 4
                if enterprises and element & 0x8000:  # RFC 7011 3.2
                    element = struct.unpack_from(">I", body, at)[0] << 16 | element & 0x7fff
                    at += 4
                pairs.append((element, octets))
            if ident < 256 or len(set(p[0] for p in pairs)) != fields:
                raise ValueError("template with a field twice")
            self.templates[domain, ident] = (False, pairs)
            n += 1
        return n

    def options_template(self, body, domain, v9):
        ident, a, b = struct.unpack_from(">HHH", body)
        fields = (a + b) // 4 if v9 else a
        self.templates[domain, ident] = (
            True, [struct.unpack_from(">HH", body, 6 + 4 * i) for i in range(fields)])
        return 1

    def records(self, body, template):
        options, pairs = template
        least = sum(1 if n == 65535 else n for _, n in pairs)
        at = count = 0
        while at + least <= len(body) and least:
            record = {}
            for element, n in pairs:
                if n == 65535:
                    n = body[at]
                    at += 1
                value = body[at:at + n]
                at += n
                if element in (8, 12, 27, 28, 82, 83):
                    record[element] = value
                else:
                    record[element] = int.from_bytes(value, "big")
            (self.options if options else self.flows).append(record if options else self.times(record))
            count += 1
        if len(body) - at > 3 or any(body[at:]):
            raise ValueError("octets behind the last record")
        return count

    def times(self, r):
        if self.boot is None:
            r["first"], r["last"] = r[152], r[153]
        else:
            if r[21] > self.uptime:
                raise ValueError("flow ends after its header's time")
            r["first"], r["last"] = self.boot + r[22], self.boot + r[21]
        if r["first"] > r["last"]:
            raise ValueError("flow ends before it begins")
        return r


def ends(r):
    """(src, dst, proto, sport, dport) of a decoded flow; ICMP has no ports."""
    src, dst = r.get(8, r.get(27)), r.get(12, r.get(28))
    return (str(ipaddress.ip_address(src)), str(ipaddress.ip_address(dst)), r[4],
            0 if r[4] in (1, 58) else r.get(7, 0), 0 if r[4] in (1, 58) else r.get(11, 0))
