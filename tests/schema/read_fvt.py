#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A second reader of flow files, written from schema/FORMAT.md alone.

It shares no code with the library in schema/, so what both say of a file is what the specification
says; where they differ, one of the three is wrong. It is slow, holds a file in memory, and follows
the order of FORMAT.md, from the smallest parts (streams, dictionaries) to the file. Of the project
it reads only schema/fields.def, for the names and classes of the columns.

usage: read_fvt.py FILE...            each row as a JSON object: columns that are not NULL
       read_fvt.py --meta FILE...     each file, its exporters, sockets and interfaces as JSON objects
       read_fvt.py --sql DB FILE...   rows into the ordinary table flows of the SQLite database DB,
                                      with FILE's number in file; files, exporters, sockets and interfaces
                                      into the tables files, exporters, sockets, interfaces

Times are integers, milliseconds since 1970, in JSON; in DB they are texts like the extension's, with
the integers beside them as NAME_ms. Counters are as stored, never scaled by the sampling rate.
Checksums are always verified. The exit status is 1 when something is damaged, which is named on
stderr, and 2 when a file is no flow file or needs a later reader."""
import argparse
import contextlib
import ctypes
import ipaddress
import json
import os
import re
import sqlite3
import struct
import sys
from datetime import datetime, timedelta

UINT, TIME, IP, MAC, TEXT = range(5)
CLASSES = ("UINT", "TIME", "IP", "MAC", "TEXT")
COLUMNS, ROW_GROUP, META, FOOTER, ROLLUP, IF_COUNTERS = 1, 2, 3, 4, 5, 6  # types of blocks
LZ4, NULLS, RELATIVE, DERIVED, MIRROR, EXCEPT = 1, 2, 4, 8, 16, 32  # flags of entries
CONST, PACKED, RUNS, PLANES, VALUES = range(5)  # encodings of streams
NO_DICTIONARY, NO_PARENT = 0xFFFF, 0xFFFFFFFF
NO_FIRST, NO_LAST = (1 << 63) - 1, -(1 << 63)
MAX_ROWS = 4194304
MAX_DEPTH = 4  # of streams, and of columns in a chain of parents
HEADER, BLOCK_HEADER, TRAILER = 64, 40, 32  # octets
FIELDS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../schema/fields.def")


class Damage(Exception):
    """Octets that do not fit their checksum, or do not make sense."""


class PartDamage(Damage):
    """Damage of a named part, which several columns may need."""


class Foreign(Exception):
    """Not a flow file, or something that a later version wrote and that is not to be passed over."""


def known_columns():
    """Of each column of fields.def its class, in SQL's order."""
    with open(FIELDS, encoding="utf-8") as f:
        found = re.findall(r"^FIELD\((\w+),\s*(\w+),", f.read(), re.MULTILINE)
    return {name: CLASSES.index(cls) for name, cls in found}


# ---- small things ---------------------------------------------------------------------------

_xxhash = ctypes.CDLL("libxxhash.so.0")
_xxhash.XXH3_64bits.restype = ctypes.c_uint64
_xxhash.XXH3_64bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]


def checksum(octets):
    return _xxhash.XXH3_64bits(octets, len(octets))


def part(data, at, length):
    """Octets that must be there."""
    if at < 0 or length < 0 or at + length > len(data):
        raise Damage("%d octets at %d of %d" % (length, at, len(data)))
    return data[at:at + length]


def fields(form, data, at=0):
    return struct.unpack(form, part(data, at, struct.calcsize(form)))


def varint(data, at):
    """The number at a place, and the place behind it."""
    number = shift = 0
    while True:
        octet = part(data, at, 1)[0]
        at += 1
        number |= (octet & 127) << shift
        shift += 7
        if octet < 128:
            return number, at
        if shift > 63:
            raise Damage("a varint of more than 64 bits")


def signed(number):
    """The 64-bit two's complement of a sum."""
    return (number + (1 << 63)) % (1 << 64) - (1 << 63)


def ipv6(octets):
    """An IPv6 address as text; one that embeds an IPv4 address, ::/96 and ::ffff:0:0/96, shows that."""
    address = ipaddress.IPv6Address(octets)
    high, low = divmod(int(address), 1 << 32)
    if high == 0xFFFF or high == 0 and low > 0xFFFF:
        return "::%s%s" % ("ffff:" if high else "", ipaddress.IPv4Address(low))
    return str(address)


def address17(octets):
    """An address of 17 octets as text; None when there is none, as of a probe that writes itself."""
    if not any(octets):
        return None
    if octets[0] == 4:
        return str(ipaddress.IPv4Address(octets[1:5]))
    if octets[0] == 6:
        return ipv6(octets[1:17])
    raise Damage("an address of family %d" % octets[0])


def time_text(ms):
    """As the extension writes it, which keeps to the years 0 to 9999."""
    if ms is None:
        return None
    try:
        moment = datetime(1970, 1, 1) + timedelta(milliseconds=ms)
    except OverflowError:
        return "9999-12-31 23:59:59.999" if ms > 0 else "0000-01-01 00:00:00.000"
    return moment.isoformat(" ", "milliseconds")


def lz4_number(data, at, number):
    """Half a token, and what follows when it is 15: octets to add, up to and with one that is not 255."""
    more = 255 if number == 15 else 0
    while more == 255:
        more = part(data, at, 1)[0]
        number += more
        at += 1
    return number, at


def lz4_block(data, length):
    """Decompress an LZ4 block: sequences of literals and copies of what came before, until the end.

    A token's high half is the number of literals, its low half the length of the copy less 4. The
    last sequence ends behind its literals."""
    out = bytearray()
    at = 0
    while True:
        token = part(data, at, 1)[0]
        at += 1
        literals, at = lz4_number(data, at, token >> 4)
        out += part(data, at, literals)
        at += literals
        if at == len(data):
            break
        distance, = fields("<H", data, at)
        at += 2
        count, at = lz4_number(data, at, token & 15)
        count += 4
        if distance == 0 or distance > len(out) or len(out) + count > length:
            raise Damage("an LZ4 copy from %d octets back" % distance)
        begin = len(out) - distance
        while count > 0:  # what is copied may be what is being written
            piece = out[begin:begin + count]
            out += piece
            count -= len(piece)
    if len(out) != length:
        raise Damage("%d octets decompressed, not %d" % (len(out), length))
    return bytes(out)


# ---- streams --------------------------------------------------------------------------------

def packed(data, at, n, width):
    """Numbers of a few bits each; 64 of them fill width words of 8 octets."""
    numbers = []
    mask = (1 << width) - 1
    for first in range(0, n, 64):
        some = min(64, n - first)
        words = int.from_bytes(part(data, at, 8 * ((some * width + 63) // 64)), "little")
        numbers += [words >> i * width & mask for i in range(some)]
        at += 8 * width
    return numbers


def stream(data, at, most, depth=1):
    """The values of the stream at a place, at most so many, and the place behind it."""
    if depth > MAX_DEPTH:
        raise Damage("streams nest too deep")
    encoding, width, n, base = fields("<BBxxIQ", data, at)
    at += 16
    if n > most:
        raise Damage("a stream of %d values, not %d" % (n, most))
    if encoding == CONST:
        return [signed(base)] * n, at
    if encoding == PACKED and width <= 64:
        values = [signed(base + v) for v in packed(data, at, n, width)]
        return values, at + (n * width + 63) // 64 * 8
    if encoding == PLANES and width <= 8:
        planes = [part(data, at + i * n, n) for i in range(width)]
        numbers = (int.from_bytes(octets, "little") for octets in zip(*planes)) if width else [0] * n
        return [signed(base + v) for v in numbers], at + (n * width + 7) // 8 * 8
    if encoding == RUNS:
        ends, at = stream(data, at, n, depth + 1)
        each, at = stream(data, at, n, depth + 1)
        if len(ends) != len(each) or (ends[-1] if ends else 0) != n:
            raise Damage("runs that do not end at the last value")
        values = []
        for end, value in zip(ends, each):
            if end <= len(values):
                raise Damage("runs that do not ascend")
            values += [value] * (end - len(values))
        return values, at
    if encoding == VALUES:
        each, at = stream(data, at, n, depth + 1)
        places, at = stream(data, at, n, depth + 1)
        if len(places) != n or n and not 0 <= min(places) <= max(places) < len(each):
            raise Damage("places outside of the values")
        return [each[place] for place in places], at
    if encoding > VALUES:
        raise Foreign("encoding %d needs a later reader" % encoding)
    raise Damage("encoding %d of width %d" % (encoding, width))


# ---- dictionaries ---------------------------------------------------------------------------

def prefixed(data, at, before):
    """Octets of which the first are those of their predecessor."""
    common, at = varint(data, at)
    count, at = varint(data, at)
    if common > len(before):
        raise Damage("more octets in common than there are")
    return before[:common] + part(data, at, count), at + count


def ip_dictionary(data, n):
    entries = []
    count, at = varint(data, 0)
    if count > n:
        raise Damage("more IPv4 addresses than addresses")
    number = 0
    for _ in range(count):
        more, at = varint(data, at)
        number += more
        if number >> 32:
            raise Damage("an IPv4 address of more than 32 bits")
        entries.append(number.to_bytes(4, "big"))
    octets = b""
    while len(entries) < n:
        octets, at = prefixed(data, at, octets)
        if len(octets) != 16:
            raise Damage("an IPv6 address of %d octets" % len(octets))
        entries.append(octets)
    return entries, at


def text_dictionary(data, n):
    entries = []
    at = 0
    octets = b""
    while len(entries) < n:
        octets, at = prefixed(data, at, octets)
        entries.append(octets)
    return entries, at


def entry_text(cls, octets):
    if cls == TEXT:
        return octets.decode("utf-8", "replace")
    return str(ipaddress.IPv4Address(octets)) if len(octets) == 4 else ipv6(octets)


# ---- row groups -----------------------------------------------------------------------------

class Entry:
    """A dictionary or chunk in a directory."""

    def __init__(self, directory, at):
        (self.length, self.column, self.encoding, self.flags, self.dictionary, self.offset, self.stored,
         self.size, self.parent, self.nulls, self.n, self.checksum, self.smallest,
         self.largest) = fields("<HHBBHIIIIIIQqq", directory, at)
        if self.length < 56:
            raise Damage("an entry of %d octets" % self.length)
        self.addresses = part(directory, at, self.length)[56:96]

    def octets(self, data, payload):
        """What the entry points to, in a file whose block has its payload at a place."""
        octets = part(data, payload + self.offset, self.stored)
        if checksum(octets) != self.checksum:
            raise Damage("checksum")
        if self.flags & ~(LZ4 | NULLS | RELATIVE | DERIVED | MIRROR | EXCEPT):
            raise Foreign("flags %#x need a later reader" % self.flags)
        return lz4_block(octets, self.size) if self.flags & LZ4 else octets


class Group:
    """A row group; its columns are decoded when they are asked for."""

    def __init__(self, classes, data, payload, directory):
        self.classes = classes
        self.data = data
        self.payload = payload
        self.directory = directory
        self.rows, chunks, dictionaries = fields("<IHH", directory)
        if self.rows > MAX_ROWS:
            raise Damage("%d rows" % self.rows)
        totals = fields("<12Q", directory, 8)
        self.totals = [totals[i:i + 3] for i in range(0, 12, 3)]  # of TCP, UDP, ICMP, other
        self.first, self.last = fields("<qq", directory, 104)
        at = 120
        entries = []
        for _ in range(dictionaries + chunks):
            entries.append(Entry(directory, at))
            at += entries[-1].length
        self.dictionaries = entries[:dictionaries]
        self.chunks = {entry.column: entry for entry in entries[dictionaries:]}
        if len(self.chunks) != chunks:
            raise Damage("two chunks of a column")
        self.decoded = {}

    def dictionary(self, place):
        """Its entries, as octets."""
        if place >= len(self.dictionaries):
            raise Damage("no dictionary %d" % place)
        return self.once("dictionary", place, lambda: self.decode_dictionary(self.dictionaries[place]))

    def column(self, column, depth=1):
        """Of each row the integer or code, or None."""
        if column not in self.chunks:
            return [None] * self.rows
        if depth > MAX_DEPTH:
            raise Damage("too many parents")
        return self.once("column", column, lambda: self.decode_chunk(self.chunks[column], depth))

    def once(self, kind, place, decode):
        key = (kind, place)
        if key not in self.decoded:
            try:
                self.decoded[key] = decode()
            except PartDamage:  # of another that this one needs
                raise
            except Damage as why:
                # A chunk is damaged once, be it read for itself or for a mirror of it.
                part_kind = "column" if kind == "own" else kind
                raise PartDamage("%s %d: %s" % (part_kind, place, why)) from why
        return self.decoded[key]

    def decode_dictionary(self, entry):
        data = entry.octets(self.data, self.payload)
        if entry.column not in (IP, TEXT) or entry.n > len(data):
            raise Damage("class %d with %d entries" % (entry.column, entry.n))
        decode = ip_dictionary if entry.column == IP else text_dictionary
        return decode(data, entry.n)[0]

    def own(self, entry):
        """What a chunk itself has: how many rows are answers, a value or None of each of its places, and
        what each answer is more than what it answers, or with EXCEPT the values of the parent's entries."""
        data = entry.octets(self.data, self.payload)
        at = h = 0
        places = self.rows
        second = 0
        if entry.flags & EXCEPT and entry.flags & (RELATIVE | DERIVED | MIRROR) != DERIVED:
            raise Damage("exceptions of a column that is not derived")
        if entry.flags & MIRROR:
            h, = fields("<I4x", data)
            at = 8
            if 2 * h > self.rows or entry.flags & DERIVED:
                raise Damage("%d answers among %d rows" % (h, self.rows))
            places -= h
            second = h
        elif entry.flags & DERIVED:
            if entry.parent not in self.chunks:
                raise Damage("derived from a column that is not there")
            entries = len(self.dictionary(self.chunks[entry.parent].dictionary))
            places, second = (places, entries) if entry.flags & EXCEPT else (entries, 0)
        present = [1] * places
        if entry.flags & NULLS:
            size = (places + 63) // 64 * 8
            bits = part(data, at, size)
            present = [bits[i >> 3] >> (i & 7) & 1 for i in range(places)]
            at += size
        stored, at = stream(data, at, sum(present))
        if len(stored) != sum(present):
            raise Damage("%d values for %d places" % (len(stored), sum(present)))
        more = stream(data, at, second)[0] if second else []
        if len(more) != second:
            raise Damage("%d values of the second stream, not %d" % (len(more), second))
        each = iter(stored)
        return h, [next(each) if there else None for there in present], more

    def mirrored(self, entry, h, values, more):
        """The values of all rows: with the answers, which are put together from what they answer."""
        asked = values
        if not entry.flags & RELATIVE and entry.parent != NO_PARENT:
            twin = self.chunks.get(entry.parent)
            if not twin or twin.flags & (RELATIVE | DERIVED) or twin.dictionary != entry.dictionary \
                    or self.classes[twin.column] != self.classes[entry.column]:
                raise Damage("a mirror of column %d" % entry.parent)
            theirs, asked, _ = self.once("own", entry.parent, lambda: self.own(twin))
            if theirs and theirs < h:
                raise Damage("a mirror of column %d, which has fewer values" % entry.parent)
        answers = [None if a is None else signed(a + m) for a, m in zip(asked, more)]
        return values[:h] + answers + values[h:]

    def decode_chunk(self, entry, depth):
        if entry.flags & (RELATIVE | DERIVED):
            parent = self.column(entry.parent, depth + 1)
        h, values, more = self.own(entry)
        if entry.flags & MIRROR:
            values = self.mirrored(entry, h, values, more)
        if entry.flags & DERIVED:
            entries = more if entry.flags & EXCEPT else values
            if any(code is not None and not 0 <= code < len(entries) for code in parent):
                raise Damage("a code outside of the dictionary")
            if entry.flags & EXCEPT:
                values = [v if v is None else signed(v + entries[code or 0]) for v, code in zip(values, parent)]
            else:
                values = [None if code is None else entries[code] for code in parent]
        if entry.flags & RELATIVE:
            values = [v if v is None else signed(v + (p or 0)) for v, p in zip(values, parent)]
        return values

    def values(self, column):
        """Of each row the value as JSON has it, or None."""
        cls = self.classes[column]
        codes = self.column(column)
        if column not in self.chunks:
            return codes
        if cls == MAC:
            return [v if v is None else v.to_bytes(8, "big", signed=True)[2:].hex(":") for v in codes]
        if cls in (UINT, TIME):
            return codes
        place = self.chunks[column].dictionary
        octets = self.dictionary(place)
        if self.dictionaries[place].column != cls:
            raise Damage("a dictionary of another class")
        if any(code is not None and not 0 <= code < len(octets) for code in codes):
            raise Damage("a code outside of the dictionary")
        texts = {code: entry_text(cls, octets[code]) for code in set(codes) - {None}}
        return [texts.get(code) for code in codes]


# ---- files ----------------------------------------------------------------------------------

def column_table(data, at=0):
    """Names and classes."""
    n, = fields("<H", data, at)
    at += 2
    columns = []
    for _ in range(n):
        cls, length = fields("<BB", data, at)
        columns.append((part(data, at + 2, length).decode("utf-8", "replace"), cls))
        at += 2 + length
    return columns


ROLLUP_TOTALS = ("trecv", "flows", "packets", "bytes", "tstart", "tend")
COUNTERS = ("datagrams", "flows", "packets", "bytes", "options", "lost", "no_template",
            "udp_drops", "sampling", "malformed_short", "malformed_version", "malformed_set",
            "malformed_template", "malformed_record", "sampling_origin", "sampling_rounded",
            "no_template_octets", "malformed_short_octets", "malformed_version_octets", "malformed_set_octets",
            "malformed_template_octets", "malformed_record_octets")
FIRST_COUNTERS = 16  # those that every reader shows; the others where they are not 0
SOCKET_COUNTERS = ("datagrams", "octets", "drops", "ring_drops", "buffer")
PROTOCOLS = {6: "tcp", 17: "udp"}
ORIGINS = (None, "header", "options", "record", "default", "override")


# Of blocks of interface counters, behind the time and the exporter.
IF_COLUMNS = ("sourceType", "sourceIndex", "ifIndex", "ifType", "ifSpeed", "ifDirection", "ifAdminStatus",
              "ifOperStatus", "ifInOctets", "ifInUcastPkts", "ifInMulticastPkts", "ifInBroadcastPkts",
              "ifInDiscards", "ifInErrors", "ifInUnknownProtos", "ifOutOctets", "ifOutUcastPkts",
              "ifOutMulticastPkts", "ifOutBroadcastPkts", "ifOutDiscards", "ifOutErrors", "ifPromiscuousMode")
MOST_IF_ROWS = 65536
NO_COUNTER = (1 << 64) - 1

KINDS = ("tcp", "udp", "icmp", "other")
TOTALS = ("flows", "packets", "bytes")


def counter_block(data):
    """The rows of a block of interface counters."""
    n, columns = fields("<II", data)
    if n > MOST_IF_ROWS or columns == 0:
        raise Damage("%d rows of %d columns" % (n, columns))
    at = 8
    values = []
    for _ in range(min(columns, 5 + len(IF_COLUMNS))):
        column, at = stream(data, at, MOST_IF_ROWS)
        if len(column) != n:
            raise Damage("%d values for %d rows" % (len(column), n))
        values.append(column)
    values += [[0] * n] * (5 + len(IF_COLUMNS) - len(values))
    rows = []
    for time, family, high, low, odid, *counters in zip(*values):
        address = struct.pack("<Bqq", family, high, low) if family in (4, 6) else bytes(17)
        counters = [value % (1 << 64) for value in counters]
        rows.append({"time": time_text(time), "exporter": address17(address), "odid": odid % (1 << 32), **{
            name: None if value == NO_COUNTER else min(value, (1 << 63) - 1)
            for name, value in zip(IF_COLUMNS, counters)}})
    return rows


def counters_of(names, record, at):
    """The counters of a record by name; those that it does not have are 0."""
    known = min((len(record) - at) // 8, len(names))
    return {**dict.fromkeys(names, 0), **dict(zip(names, fields("<%dQ" % known, record, at)))}


def add(total, more, last):
    """Add counters to others; those named in last are replaced instead, if the first of them is there."""
    for name in more:
        if name not in last:
            total[name] = (total[name] + more[name]) % (1 << 64)
        elif more[last[0]]:
            total[name] = more[name]


class File:
    """A flow file: its columns, groups and meta records. What is damaged is in the list `damage`."""

    def __init__(self, path, known):
        self.path = path
        self.known = known
        self.damage = []
        self.clear()
        with open(path, "rb") as f:
            self.data = f.read(os.fstat(f.fileno()).st_size)
        self.state = "live"  # unless the header says otherwise, or trailer or footer are there
        self.begin, self.interval = self.file_header()
        if not self.closed():
            self.walk()

    def clear(self):
        self.names = []  # of columns
        self.classes = []
        self.groups = []  # those with a good directory
        self.row_groups = 0  # all of them
        self.exporters = {}
        self.added = {}  # counters to be added to those of exporters
        self.sockets = {}
        self.options = {}
        self.interfaces = {}
        self.rollups = []  # seconds, columns and places of the blocks
        self.counters = []  # places of the blocks
        self.merged = False  # the files of a day
        self.left_out = 0  # damaged blocks when the file was rewritten

    def file_header(self):
        if self.data[:8] != b"FLOWVT1\n" or len(self.data) < HEADER:
            raise Foreign("no flow file")
        version, closed, begin, interval, check = fields("<8xHH4xqq24xQ", self.data)
        if check != checksum(self.data[:56]):
            self.damage.append("file header")
        elif version != 1:
            raise Foreign("version %d" % version)
        elif closed == 1:
            self.state = "closed"
        return begin, interval

    @contextlib.contextmanager
    def guard(self, what):
        """What goes wrong inside is damage of this part; what is known already is not counted again."""
        try:
            yield
        except Damage as why:
            fault = "%s: %s" % (what, why)
            if fault not in self.damage:
                self.damage.append(fault)

    def block(self, at):
        """Type, rows, length of the payload and of its first part; None when no header is there."""
        if at + BLOCK_HEADER > len(self.data):
            return None
        magic, kind, length, first, rows, _, check = fields("<IHxxQIIQQ", self.data, at)
        valid = magic == 0x42545646 and check == checksum(self.data[at:at + 32])
        return (kind, rows, length, first) if valid and length % 8 == 0 and first <= length else None

    def first_part(self, at):
        """The part of the payload of the block at a place that its header has the checksum of."""
        first, = fields("<I", self.data, at + 16)
        octets = part(self.data, at + BLOCK_HEADER, first)
        if fields("<Q", self.data, at + 24)[0] != checksum(octets):
            raise Damage("checksum")
        return octets

    def closed(self):
        """Read by trailer and footer. Returns whether they are good."""
        if self.data[-8:] != b"FLOWVT1E" or len(self.data) < HEADER + BLOCK_HEADER + TRAILER:
            return False
        trailer = self.data[-TRAILER:]
        offset, length, check = fields("<QQQ", trailer)
        if check != checksum(trailer[:16]):
            return False
        try:
            block = self.block(offset)
            if not block or block[0] != FOOTER or length != BLOCK_HEADER + block[2]:
                raise Damage("trailer: no footer at %d" % offset)
            self.footer(self.first_part(offset))
        except Damage:
            self.clear()
            return False
        self.state = "closed"
        return True

    def footer(self, data):
        size, = fields("<I", data)
        self.take_columns(column_table(part(data, 4, size)))
        at = 4 + size
        self.row_groups, = fields("<I", data, at)
        at += 4
        for _ in range(self.row_groups):
            payload, size = fields("<QI", data, at)
            self.take_group(payload, part(data, at + 12, size))
            at += 12 + size
        size, = fields("<I", data, at)
        self.take_meta(part(data, at + 4, size))

    def walk(self):
        """Read block by block."""
        at = HEADER
        lost = False  # among octets that are no block
        before = len(self.damage)
        while at + BLOCK_HEADER <= len(self.data):
            block = self.block(at)
            if not block:
                if not lost:
                    self.damage.append("no block at %d" % at)
                lost = True
                at += 8
                continue
            kind, _, length, _ = block
            if at + BLOCK_HEADER + length > len(self.data):
                break  # being written, or cut off
            self.row_groups += kind == ROW_GROUP
            if kind == FOOTER:
                self.state = "closed"
            with self.guard("block at %d" % at):
                payload = self.first_part(at) if kind not in (ROLLUP, IF_COUNTERS) else b""
                if kind == COLUMNS:
                    self.take_columns(column_table(payload))
                elif kind == ROW_GROUP:
                    self.take_group(at + BLOCK_HEADER, payload)
                elif kind == META:
                    self.take_meta(payload)
            lost = False
            at += BLOCK_HEADER + length
        if self.state == "closed" and len(self.damage) == before and not self.left_out:
            self.damage.append("trailer")

    def take_columns(self, columns):
        self.names = [name for name, _ in columns]
        self.classes = [cls for _, cls in columns]

    def take_group(self, payload, directory):
        group = Group(self.classes, self.data, payload, directory)
        if any(column >= len(self.names) for column in group.chunks):
            raise Damage("a chunk of a column that is not in the column table")
        self.groups.append(group)

    def take_meta(self, data):
        at = 0
        while at < len(data):
            kind, length = fields("<HH", data, at)
            record = part(data, at + 4, length)
            if kind in (1, 7):
                odid, version = fields("<I8s", record, 20)
                key = (address17(record[:17]), odid, version.rstrip(b"\0").decode())
                counters = counters_of(COUNTERS, record, 32)
                if kind == 1:
                    self.exporters[key] = counters
                else:
                    add(self.added.setdefault(key, dict.fromkeys(COUNTERS, 0)), counters,
                        ("sampling", "sampling_origin"))
            elif kind == 8:
                protocol, port = fields("<BH", record, 17)
                key = (PROTOCOLS.get(protocol, "capture"), address17(record[:17]), port or None)
                add(self.sockets.setdefault(key, dict.fromkeys(SOCKET_COUNTERS, 0)),
                    counters_of(SOCKET_COUNTERS, record, 20), ("buffer",))
            elif kind == 9:
                template, odid, version, when, scope, said = fields("<HI8sqHH", record, 18)
                texts = [text.decode("utf-8", "replace")
                         for text in (part(record, 44, scope), part(record, 44 + scope, said))]
                key = (address17(record[:17]), odid, version.rstrip(b"\0").decode(), template, texts[0])
                self.options[key] = (when, texts[1])
            elif kind == 2:
                index, name, description = fields("<IHH", record, 20)
                texts = part(record, 28, name), part(record, 28 + name, description)
                key = (address17(record[:17]), index)
                self.interfaces[key] = [octets.decode("utf-8", "replace") or None for octets in texts]
            elif kind == 3:
                self.left_out += fields("<Q", record)[0]
            elif kind == 4:
                self.merged = True
            elif kind == 5:
                seconds, blocks, columns = fields("<IHH", record)
                places = fields("<%dQ" % blocks, record, 16)
                self.rollups.append((seconds, fields("<%dH" % columns, record, 16 + 8 * blocks), places))
            elif kind == 6:
                self.counters.append(fields("<Q", record)[0])
            at += 4 + length

    def counter_rows(self):
        """Interface counters as dictionaries. A damaged block is left out."""
        for at in self.counters:
            rows = []
            with self.guard("counters at %d" % at):
                block = self.block(at) if at % 8 == 0 and at >= HEADER else None
                if not block or block[0] != IF_COUNTERS or at + BLOCK_HEADER + block[2] > len(self.data):
                    raise Damage("no interface counters")
                rows = counter_block(self.first_part(at))
            yield from rows

    def rows(self):
        """Each row as a dictionary of the columns that are not NULL. A damaged group is left out."""
        wanted = [i for i, name in enumerate(self.names) if self.known.get(name) == self.classes[i]]
        for number, group in enumerate(self.groups):
            values = []
            for i in wanted:
                with self.guard("group %d" % number):
                    values.append(group.values(i))
            if len(values) == len(wanted):
                for row in range(group.rows):
                    yield {self.names[i]: v[row] for i, v in zip(wanted, values) if v[row] is not None}

    def rollup_rows(self, rollup):
        """Each row of a roll-up: bucket (trecv), columns and totals, as rows() has them."""
        seconds, columns, places = rollup
        own = [self.names.index(name) for name in ROLLUP_TOTALS]
        for at in places:
            with self.guard("roll-up at %d" % at):
                block = self.block(at)
                if not block or block[0] != ROLLUP:
                    raise Damage("no roll-up")
                group = Group(self.classes, self.data, at + BLOCK_HEADER, self.first_part(at))
                values = [(self.names[i], group.values(i)) for i in [*columns, *own]]
                for row in range(group.rows):
                    yield {name: v[row] for name, v in values if v[row] is not None}

    def summary(self):
        """What flow_files says of a file; rows of damaged chunks included. To be asked for after rows()."""
        for rollup in self.rollups:
            for _ in self.rollup_rows(rollup):
                pass  # what is damaged shows when it is read
        for _ in self.counter_rows():
            pass
        first = min((group.first for group in self.groups), default=NO_FIRST)
        last = max((group.last for group in self.groups), default=NO_LAST)
        row = {"path": os.path.basename(self.path), "state": "day" if self.merged else self.state, "begin": self.begin,
               "length_ms": self.interval, "groups": self.row_groups,
               "rows": sum(group.rows for group in self.groups),
               "first": None if first == NO_FIRST else first,
               "last": None if last == NO_LAST else last}
        for i, kind in enumerate(KINDS):
            row[kind] = {counter: sum(group.totals[i][j] for group in self.groups)
                         for j, counter in enumerate(TOTALS)}
        return {**row, "damaged": len(self.damage), "left_out": self.left_out}

    def meta(self):
        """Exporters, sockets and interfaces as dictionaries."""
        exporters = {key: dict(counters) for key, counters in self.exporters.items()}
        for key, counters in self.added.items():
            add(exporters.setdefault(key, dict.fromkeys(COUNTERS, 0)), counters, ("sampling", "sampling_origin"))
        for (address, odid, version), counters in exporters.items():
            counters["lost"] = signed(counters["lost"])
            counters["sampling"] = counters["sampling"] or None
            origin = counters["sampling_origin"]
            counters["sampling_origin"] = ORIGINS[origin] if origin < len(ORIGINS) else None
            shown = {name: n for i, (name, n) in enumerate(counters.items()) if i < FIRST_COUNTERS or n}
            yield "exporters", {"exporter": address, "odid": odid, "version": version, **shown}
        for (protocol, address, port), counters in self.sockets.items():
            counters["buffer"] = counters["buffer"] or None
            yield "sockets", {"address": address, "port": port, "protocol": protocol, **counters}
        for (address, index), (name, description) in self.interfaces.items():
            yield "interfaces", {"exporter": address, "ifindex": index, "name": name,
                                 "description": description}
        for (address, odid, version, template, scope), (when, said) in self.options.items():
            yield "options", {"exporter": address, "odid": odid, "version": version, "template": template,
                              "time": time_text(when), "scope": scope or None, "data": said}
        for row in self.counter_rows():
            yield "if_counters", row


# ---- output ---------------------------------------------------------------------------------

def create_tables(db, known):
    columns = ["file INTEGER"]
    for name, cls in known.items():
        columns.append("%s %s" % (name, "INTEGER" if cls == UINT else "TEXT"))
        if cls == TIME:
            columns.append("%s_ms INTEGER" % name)
    db.execute("CREATE TABLE flows (%s)" % ", ".join(columns))
    db.execute("CREATE TABLE files (file INTEGER PRIMARY KEY, path TEXT, state TEXT, begin TEXT, "
               "length INTEGER, first TEXT, last TEXT, rows INTEGER, groups INTEGER, %s, damage INTEGER)"
               % ", ".join("%s_%s INTEGER" % (counter, kind) for kind in KINDS for counter in TOTALS))
    db.execute("CREATE TABLE exporters (file INTEGER, exporter TEXT, odid INTEGER, version TEXT, %s)"
               % ", ".join("%s INTEGER DEFAULT 0" % counter for counter in COUNTERS))
    db.execute("CREATE TABLE sockets (file INTEGER, address TEXT, port INTEGER, protocol TEXT, %s)"
               % ", ".join("%s INTEGER" % counter for counter in SOCKET_COUNTERS))
    db.execute("CREATE TABLE interfaces (file INTEGER, exporter TEXT, ifindex INTEGER, name TEXT, "
               "description TEXT)")
    db.execute("CREATE TABLE options (file INTEGER, exporter TEXT, odid INTEGER, version TEXT, template INTEGER, "
               "time TEXT, scope TEXT, data TEXT)")
    db.execute("CREATE TABLE if_counters (file INTEGER, time TEXT, exporter TEXT, odid INTEGER, %s)"
               % ", ".join("%s INTEGER" % name for name in IF_COLUMNS))


def insert(db, table, row):
    db.execute("INSERT INTO %s (%s) VALUES (%s)" % (table, ", ".join(row), ", ".join("?" * len(row))),
               list(row.values()))


def load(db, number, file):
    times = {name for name, cls in file.known.items() if cls == TIME}
    for row in file.rows():
        for name in times & row.keys():
            row[name + "_ms"] = row[name]
            row[name] = time_text(row[name])
        insert(db, "flows", {"file": number, **row})
    for table, row in file.meta():
        insert(db, table, {"file": number, **row})
    row = file.summary()
    row["path"] = file.path
    row["length"] = row.pop("length_ms") // 1000
    row["damage"] = row.pop("damaged") + row.pop("left_out")
    for name in ("begin", "first", "last"):
        row[name] = time_text(row[name])
    for kind in KINDS:
        for counter, total in row.pop(kind).items():
            row["%s_%s" % (counter, kind)] = min(total, (1 << 63) - 1)  # SQLite's largest
    insert(db, "files", {"file": number, **row})


def main():
    parser = argparse.ArgumentParser(description="A reader of flow files.")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--meta", action="store_true", help="files, exporters and interfaces")
    what.add_argument("--sql", metavar="DB", help="into tables of this SQLite database")
    parser.add_argument("files", nargs="+", metavar="FILE")
    args = parser.parse_args()
    known = known_columns()
    status = 0
    if args.sql:
        db = sqlite3.connect(args.sql)
        create_tables(db, known)
    for number, path in enumerate(args.files):
        file = None
        try:
            file = File(path, known)
            if args.sql:
                load(db, number, file)
            elif args.meta:
                for _ in file.rows():
                    pass  # what is damaged shows when it is read
                print(json.dumps(file.summary(), ensure_ascii=False))
                for _, row in file.meta():
                    print(json.dumps(row, ensure_ascii=False))
            else:
                for row in file.rows():
                    print(json.dumps(row, ensure_ascii=False))
        except (Foreign, OSError) as why:
            print("read_fvt: %s: %s" % (path, why), file=sys.stderr)
            status = 2
            if args.sql and not file:
                insert(db, "files", {"file": number, "path": path, "state": "unreadable", "damage": 1})
        for fault in file.damage if file else ():
            print("read_fvt: %s: %s" % (path, fault), file=sys.stderr)
            status = status or 1
    if args.sql:
        db.commit()
    return status


if __name__ == "__main__":
    sys.exit(main())
