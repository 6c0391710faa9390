#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Makes a database of countries out of lines NETWORK COUNTRY on standard input.

usage: geodb.py [--asn] FILE.mmdb [DIRECTORY]

With --asn lines are NETWORK NUMBER, of autonomous systems.

FILE is in MaxMind's format (https://maxmind.github.io/MaxMind-DB/); as in MaxMind's own, 2002::/16 leads
to the networks of IPv4. DIRECTORY gets the same as MaxMind's CSV files, which nfdump's geolookup takes."""
import ipaddress
import os
import struct
import sys


def control(kind, size):
    assert size < 29
    return bytes([size, kind - 7]) if kind > 7 else bytes([kind << 5 | size])


def encoded(value):
    if isinstance(value, dict):
        return control(7, len(value)) + b"".join(encoded(k) + encoded(v) for k, v in value.items())
    if isinstance(value, list):
        return control(11, len(value)) + b"".join(map(encoded, value))
    if isinstance(value, bytes):  # an unsigned number of so many octets
        return control({2: 5, 4: 6, 8: 9}[len(value)], len(value)) + value
    return control(2, len(value.encode())) + value.encode()


class Tree:
    """Nodes are lists of two: None, another node's number, or ("data", offset)."""

    def __init__(self):
        self.nodes = [[None, None]]

    def put(self, bits, what):
        at = 0
        for bit in bits[:-1]:
            if not isinstance(self.nodes[at][bit], int):
                self.nodes.append([self.nodes[at][bit]] * 2)
                self.nodes[at][bit] = len(self.nodes) - 1
            at = self.nodes[at][bit]
        self.nodes[at][bits[-1]] = what

    def find(self, bits):
        at = 0
        for bit in bits:
            at = self.nodes[at][bit]
        return at


def bits_of(net):
    text = bin(int(net.network_address) | 1 << net.max_prefixlen)[3:][:net.prefixlen]
    return [0] * (96 if net.version == 4 else 0) + [int(c) for c in text]


def entry(value):
    if value.isdigit():
        return {"autonomous_system_number": struct.pack("!I", int(value))}
    return {"continent": {"code": "XX"}, "country": {"iso_code": value, "geoname_id": bytes(4)}}


def write_mmdb(path, lines):
    data, places = b"", {}
    tree = Tree()
    for net, country in sorted(lines, key=lambda line: line[0].prefixlen):
        if country not in places:
            places[country] = len(data)
            data += encoded(entry(country))
        tree.put(bits_of(net), ("data", places[country]))
    tree.put(bits_of(ipaddress.ip_network("2002::/16")), tree.find([0] * 96))
    count = len(tree.nodes)

    def record(what):
        number = count if what is None else what if isinstance(what, int) else what[1] + count + 16
        return number.to_bytes(3, "big")

    with open(path, "wb") as out:
        out.write(b"".join(record(left) + record(right) for left, right in tree.nodes))
        out.write(bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + encoded({
            "node_count": struct.pack("!I", count), "record_size": struct.pack("!H", 24),
            "ip_version": struct.pack("!H", 6), "database_type": "Test-Country", "languages": ["en"],
            "binary_format_major_version": struct.pack("!H", 2),
            "binary_format_minor_version": struct.pack("!H", 0),
            "build_epoch": struct.pack("!Q", 1700000000), "description": {"en": "for tests"}}))


def write_csv(directory, lines):
    countries = sorted({country for _, country in lines})
    os.makedirs(directory, exist_ok=True)
    with open(directory + "/GeoLite2-City-Locations-en.csv", "w", encoding="ascii") as out:
        out.write("geoname_id,locale_code,continent_code,continent_name,country_iso_code,country_name,"
                  "subdivision_1_iso_code,subdivision_1_name,subdivision_2_iso_code,subdivision_2_name,"
                  "city_name,metro_code,time_zone,is_in_european_union\n")
        for i, country in enumerate(countries):
            out.write("%d,en,XX,Nowhere,%s,%s,,,,,,,UTC,0\n" % (i + 1, country, country))
    for version in (4, 6):
        with open(directory + "/GeoLite2-City-Blocks-IPv%d.csv" % version, "w", encoding="ascii") as out:
            out.write("network,geoname_id,registered_country_geoname_id,represented_country_geoname_id,"
                      "is_anonymous_proxy,is_satellite_provider,postal_code,latitude,longitude,"
                      "accuracy_radius,is_anycast\n")
            for net, country in sorted(lines, key=lambda line: int(line[0].network_address)):
                if net.version == version:
                    number = countries.index(country) + 1
                    out.write("%s,%d,%d,,0,0,,1.0,1.0,100,0\n" % (net, number, number))


def main():
    if sys.argv[1] == "--asn":
        del sys.argv[1]
    lines = [line.split() for line in sys.stdin]
    lines = [(ipaddress.ip_network(net), country) for net, country in lines]
    write_mmdb(sys.argv[1], lines)
    if sys.argv[2:]:
        write_csv(sys.argv[2], lines)


main()
