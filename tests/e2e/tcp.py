#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Sends the IPFIX messages of captures over TCP: a connection for each exporter of each capture, all at once, in
segments of odd sizes. Captures with anything else in them are left out, and those with data before its template, as no
exporter would send over TCP; those that were sent are printed.

usage: tcp.py PORT CAPTURE...
       tcp.py PORT garbage | half | crowd    no IPFIX; half a message; more connections than there may be
"""
import pathlib
import random
import socket
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "collector"))
import capture  # noqa: E402


def connect(port):
    s = socket.create_connection(("127.0.0.1", port))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def is_message(payload):
    return len(payload) >= 16 and struct.unpack(">HH", payload[:4]) == (10, len(payload))


def in_order(messages):
    """Do templates go before their data?"""
    known = set()
    for message in messages:
        domain, at = message[12:16], 16
        while at + 4 <= len(message):
            kind, length = struct.unpack(">HH", message[at:at + 4])
            if kind >= 256 and (domain, kind) not in known:
                return False
            if kind in (2, 3):
                known.update((domain, id) for id in templates(kind, message[at + 4:at + length]))
            at += max(length, 4)
    return True


def templates(kind, octets):
    """Ids of a set of templates (2) or of templates for options (3)."""
    at, head = 0, 4 if kind == 2 else 6
    while at + head <= len(octets):
        id, fields = struct.unpack(">HH", octets[at:at + 4])
        if id < 256:
            return
        yield id
        at += head
        for _ in range(fields):
            element, = struct.unpack(">H", octets[at:at + 2])
            at += 8 if element & 0x8000 else 4


def replay(port, paths):
    random.seed(7011)
    streams = []
    for path in paths:
        datagrams = list(capture.datagrams(path))
        if not datagrams or not all(is_message(payload) for _, _, payload in datagrams):
            continue
        exporters = {}
        for source, _, payload in datagrams:
            exporters.setdefault(source, []).append(payload)
        if not all(in_order(messages) for messages in exporters.values()):
            continue
        print(path)
        streams += [[connect(port), memoryview(b"".join(messages))] for messages in exporters.values()]
    while streams:
        for s in streams:
            n = random.choice((1, 2, 3, 15, 17, random.randrange(1, 3000)))
            s[0].sendall(s[1][:n])
            s[1] = s[1][n:]
            if not s[1]:
                s[0].close()
        streams = [s for s in streams if s[1]]


def main():
    port, what = int(sys.argv[1]), sys.argv[2]
    header = struct.pack(">HHIII", 10, 100, 1700000000, 0, 1)
    if what == "garbage":
        s = connect(port)
        s.sendall(header[:2] + struct.pack(">H", 16) + header[4:] + b"GET / HTTP/1.1\r\n\r\n")
        print("closed" if s.recv(1) == b"" else "?")
    elif what == "half":
        connect(port).sendall(header)
    elif what == "crowd":
        crowd = [connect(port) for _ in range(70)]
        for s in crowd:
            s.settimeout(5)
        print(sum(s.recv(1) == b"" for s in crowd[64:]))
    else:
        replay(port, sys.argv[2:])


main()
