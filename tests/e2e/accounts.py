# SPDX-License-Identifier: MIT
"""Accounting as it is written down, done once more with nothing of flowvt: packets and datagrams, what flows they
make, what of a flow lies in a stretch of time, days and months by zoneinfo, bills and percentiles."""
import collections
import datetime
import ipaddress
import struct
import zoneinfo

UTC = datetime.timezone.utc
Packet = collections.namedtuple("Packet", "ms src dst proto sport dport octets")
Flow = collections.namedtuple("Flow", "src dst proto sport dport first last packets octets")


def ms_of(text):
    return int(datetime.datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def text_of(ms):
    return (datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=ms)).isoformat(" ", "milliseconds")


def local(ms, zone):
    return datetime.datetime.fromtimestamp(ms / 1000, UTC).astimezone(zoneinfo.ZoneInfo(zone))


def begin_of(zone, year, month, day=1):
    """Local midnight; where clocks leave it out, when they do."""
    return int(datetime.datetime(year, month, day, tzinfo=zoneinfo.ZoneInfo(zone)).timestamp() * 1000)


def month_of(zone, month):
    year, number = map(int, month.split("-"))
    return begin_of(zone, year, number), begin_of(zone, year + number // 12, number % 12 + 1)


# ---- captures ----------------------------------------------------------------------------

def checksum(octets):
    s = sum(struct.unpack("!%dH" % (len(octets) // 2), octets))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff


def ip_packet(src, dst, proto, sport, dport, payload):
    a, b = ipaddress.ip_address(src), ipaddress.ip_address(dst)
    if proto == 6:
        head = struct.pack("!HHIIBBHHH", sport, dport, 1, 1, 0x50, 0x10, 1000, 0, 0)
    else:
        head = struct.pack("!HHHH", sport, dport, 8 + len(payload), 0)
    data = head + payload
    if a.version == 6:
        return 0x86dd, struct.pack("!IHBB", 6 << 28, len(data), proto, 64) + a.packed + b.packed + data
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(data), 1, 0, 64, proto, 0) + a.packed + b.packed
    return 0x0800, ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + data


def write_pcap(path, frames):
    """frames: (ms, ethertype, octets[, 12 octets of MAC addresses]), in any order."""
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for ms, ethertype, data, *link in sorted(frames):
            frame = (link or [bytes(12)])[0] + struct.pack("!H", ethertype) + data
            f.write(struct.pack("<IIII", ms // 1000, ms % 1000 * 1000, len(frame), len(frame)) + frame)


def write_packets(path, packets, mac=None):
    """mac(address, ms): the MAC address of a packet's end, written as in a site's hosts."""
    frames = []
    for p in packets:
        head = (40 if ":" in p.src else 20) + (20 if p.proto == 6 else 8)
        link = [bytes.fromhex((mac(p.dst, p.ms) + mac(p.src, p.ms)).replace(":", ""))] if mac else []
        frames.append((p.ms, *ip_packet(p.src, p.dst, p.proto, p.sport, p.dport, bytes(p.octets - head)), *link))
    write_pcap(path, frames)


def v5_datagrams(exporter, ms, flows, sequence):
    """Datagrams of NetFlow v5 with (Flow, inif, outif), as received at that time."""
    out = []
    for at in range(0, len(flows), 30):
        some = flows[at:at + 30]
        up = 0x70000000
        head = struct.pack("!HHIIIIBBH", 5, len(some), up, ms // 1000, ms % 1000 * 1000000, sequence + at, 0, 0, 0)
        records = b"".join(
            ipaddress.ip_address(f.src).packed + ipaddress.ip_address(f.dst).packed + bytes(4) +
            struct.pack("!HHIIIIHHBBBBHHBBH", inif, outif, f.packets, f.octets, up - (ms - f.first), up - (ms - f.last),
                        f.sport, f.dport, 0, 0, f.proto, 0, 0, 0, 0, 0, 0)
            for f, inif, outif in some)
        out.append((ms, *ip_packet(exporter, "198.51.100.9", 17, 4000, 9995, head + records)))
    return out


# ---- accounts ----------------------------------------------------------------------------

def flows_of(packets):
    """One for each source, destination, protocol and ports: pauses are shorter than any time-out."""
    by = collections.defaultdict(list)
    for p in packets:
        by[(p.src, p.dst, p.proto, p.sport, p.dport)].append(p)
    return [Flow(*key, min(p.ms for p in some), max(p.ms for p in some), len(some), sum(p.octets for p in some))
            for key, some in by.items()]


def before(flow, count, ms):
    if ms <= flow.first:
        return 0
    if ms > flow.last:
        return count
    return count * (ms - flow.first) // (flow.last - flow.first + 1)


def parts(flow, step):
    """(begin, packets, octets, flows) of each stretch of step ms that the flow lies in."""
    at = flow.first // step * step
    while at <= flow.last:
        yield (at, before(flow, flow.packets, at + step) - before(flow, flow.packets, at),
               before(flow, flow.octets, at + step) - before(flow, flow.octets, at), int(at <= flow.first < at + step))
        at += step


def step_of(zone, year):
    minutes = {local(ms_of("%d-%02d-01" % (year, m)), zone).utcoffset().total_seconds() // 60 % 60 for m in range(1, 13)}
    return {True: 900, False: 1800 if any(minutes) else 3600}[any(m % 30 for m in minutes)] * 1000


class Site:
    """networks: [(cidr, zone)], hosts: [(cidr, user, group, from, until)], services: {(proto, port): application}."""

    def __init__(self, networks, hosts, services):
        self.networks = [(ipaddress.ip_network(n), zone) for n, zone in networks]
        self.hosts = [(ipaddress.ip_network(n), *rest) for n, *rest in hosts]
        self.services = services

    def zone(self, ip):
        found = [(n.prefixlen, zone) for n, zone in self.networks if ipaddress.ip_address(ip) in n]
        return max(found)[1] if found else "international"

    def person(self, ip, time):
        found = [(n.prefixlen, user, group) for n, user, group, since, until in self.hosts
                 if ipaddress.ip_address(ip) in n and (since or "") <= time and (until is None or time < until)]
        return max(found)[1:] if found else ("", "")

    def application(self, flow):
        return self.services.get((flow.proto, flow.dport)) or self.services.get((flow.proto, flow.sport)) or "other"

    def usage(self, flows, step, cut=None):
        """{(period, host, user, group, zone, application): [octets in, out, packets in, out, flows in, out]}; cut(flow, end)
        says whether it counts for the end, 0 in and 1 out."""
        out = collections.defaultdict(lambda: [0] * 6)
        for f in flows:
            for end, host, peer in ((0, f.dst, f.src), (1, f.src, f.dst)):
                if self.zone(host) != "local" or (cut and not cut(f, end)):
                    continue
                for at, packets, octets, flow in parts(f, step):
                    row = out[(text_of(at), host, *self.person(host, text_of(at)), self.zone(peer), self.application(f))]
                    row[end] += octets
                    row[2 + end] += packets
                    row[4 + end] += flow
        return {k: tuple(v) for k, v in out.items() if any(v)}


def summed(usage, key):
    out = collections.defaultdict(lambda: [0] * 6)
    for k, v in usage.items():
        row = out[key(*k)]
        for i in range(6):
            row[i] += v[i]
    return {k: tuple(v) for k, v in out.items()}


def bill(usage, tariffs, zone, month):
    """tariffs: [(zone, direction, group, weekdays, hour_from, hour_until, price, per, currency, included)], no two for the
    same group and hour. What those of a zone, direction and group include is used up as time goes on, by all that have the same
    amount, from one hour at which a tariff may begin or end to the next, and by group. {(customer, group, zone, direction, band): (octets, charged, price)}."""
    since, until = month_of(zone, month)
    volume, used, free = collections.Counter(), collections.Counter(), collections.Counter()
    hours = {0} | {t[4] for t in tariffs} | {t[5] for t in tariffs}

    def turn(item):
        when = local(ms_of(item[0][0]), zone)
        return when.date(), max(h for h in hours if h <= when.hour), item[0][3]

    for (period, host, user, group, peer, _), row in sorted(usage.items(), key=turn):
        if not text_of(since) <= period < text_of(until):
            continue
        when = local(ms_of(period), zone)
        for end, direction in enumerate(("in", "out")):
            fit = [t for t in tariffs if t[0] == peer and t[1] == direction and t[2] in (None, group) and
                   str(when.isoweekday()) in t[3] and t[4] <= when.hour < t[5]]
            own = [t for t in fit if t[2] is not None]
            t = (own or fit or [None])[0]
            volume[(user or host, group, peer, direction, t)] += row[end]
            if t:
                shared = (user or host, *t[:3], t[9])
                free[(user or host, group, peer, direction, t)] += min(row[end], max(0, t[9] - used[shared]))
                used[shared] += row[end]
    out = {}
    for (customer, group, peer, direction, t), octets in volume.items():
        if octets and (t or peer != "local"):
            band = t and ("all" if t[3:6] == ("1234567", 0, 24) else "%s %02d-%02d" % t[3:6])
            charged = octets - free[(customer, group, peer, direction, t)] if t else None
            out[(customer, group, peer, direction, band)] = (octets, charged, round(charged * t[6] / t[7], 2) if t else None)
    return out


# ---- sFlow -------------------------------------------------------------------------------

def sflow(agent, ms, sequence, samples):
    """A datagram as received at that time."""
    body = b"".join(struct.pack("!II", kind, len(data)) + data for kind, data in samples)
    head = struct.pack("!II4sIIII", 5, 1, ipaddress.ip_address(agent).packed, 0, sequence, ms % (1 << 32), len(samples))
    return (ms, *ip_packet(agent, "198.51.100.9", 17, 4000, 6343, head + body))


def sampled(sequence, rate, inif, outif, packet):
    """A flow sample of one packet, whose frame has 14 octets before it and 4 behind it, which are left out."""
    _, ip = ip_packet(packet.src, packet.dst, packet.proto, packet.sport, packet.dport,
                      bytes(packet.octets - (40 if ":" in packet.src else 20) - (20 if packet.proto == 6 else 8)))
    frame = (bytes(12) + struct.pack("!H", 0x86dd if ":" in packet.src else 0x0800) + ip)[:128]
    raw = struct.pack("!IIII", 1, packet.octets + 18, 4, len(frame)) + frame + bytes(-len(frame) % 4)
    return 1, struct.pack("!IIIIIIII", sequence, inif, rate, sequence * rate, 0, inif, outif, 1) + struct.pack("!II", 1, len(raw)) + raw


def counted(sequence, ifindex, octets_in, octets_out):
    """A sample of an interface's counters."""
    counters = struct.pack("!IIQIIQIIIIIIQIIIIII", ifindex, 6, 10**9, 1, 3, octets_in, 0, 0, 0, 0, 0, 0, octets_out, 0, 0, 0, 0, 0, 0)
    return 2, struct.pack("!III", sequence, ifindex, 1) + struct.pack("!II", 1, len(counters)) + counters


def percentile(samples, n, percent=95):
    """samples: octets of the five minutes that had any, of n."""
    rank = -(-n * percent // 100)  # from 1, of n in ascending order
    ordered = [0] * (n - len(samples)) + sorted(samples)
    return round(ordered[rank - 1] * 8 / 300, 2)
