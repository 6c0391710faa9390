#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One end of a telephone call: sends a 160-octet G.711 frame in RTP (RFC 3550) every 20 ms and
drops what it hears.  rtp.py LOCAL LPORT PEER PPORT SECONDS"""
import socket
import struct
import sys
import time

local, lport, peer, pport, seconds = sys.argv[1:6]
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind((local, int(lport)))
sock.setblocking(False)
start = time.monotonic()
for n in range(int(float(seconds) * 50)):
    time.sleep(max(0.0, start + n * 0.02 - time.monotonic()))
    header = struct.pack("!BBHII", 0x80, 0, n & 0xFFFF, n * 160, 0x5F10)
    try:
        sock.sendto(header + bytes(160), (peer, int(pport)))
        while True:
            sock.recv(2048)
    except OSError:
        pass
