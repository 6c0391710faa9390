#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Sends the datagrams of captures again.

usage: replay.py CAPTURE... PORT PORT      each datagram to both ports of 127.0.0.1
"""
import pathlib
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "collector"))
import capture  # noqa: E402

exporters = {}
for path in sys.argv[1:-2]:
    for source, port, payload in capture.datagrams(path):
        # A socket for each exporter: templates are its own.
        out = exporters.setdefault((path, source, port), socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        for to in sys.argv[-2:]:
            out.sendto(payload, ("127.0.0.1", int(to)))
        time.sleep(0.002)
