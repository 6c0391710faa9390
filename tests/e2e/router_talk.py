#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Clients and servers for router.sh.

  serve ADDRESS PORT         TCP: two numbers, what will come and what is wanted, then that many
                             octets; UDP: an answer of the same size
  tcp ADDRESS PORT UP DOWN   a connection like that
  udp ADDRESS PORT SIZE N    datagrams and their answers, one after the other
"""
import socket
import struct
import sys
import threading


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def read(s, n):
    while n > 0:
        got = len(s.recv(min(n, 1 << 16)))
        if got == 0:
            raise EOFError("the other side has closed")
        n -= got


def answer(s):
    with s:
        up, down = struct.unpack(">QQ", s.recv(16, socket.MSG_WAITALL))
        read(s, up)
        s.sendall(bytes(down))
        s.recv(1)


def answer_datagrams(s):
    while True:
        data, peer = s.recvfrom(65536)
        s.sendto(data, peer)


def serve(address, port):
    udp = socket.socket(family(address), socket.SOCK_DGRAM)
    udp.bind((address, port))
    threading.Thread(target=answer_datagrams, args=(udp,), daemon=True).start()
    tcp = socket.create_server((address, port), family=family(address))
    print("ready", flush=True)
    while True:
        threading.Thread(target=answer, args=(tcp.accept()[0],), daemon=True).start()


def tcp_client(address, port, up, down):
    with socket.create_connection((address, port), timeout=20) as s:
        s.sendall(struct.pack(">QQ", up, down))
        s.sendall(bytes(up))
        read(s, down)


def udp_client(address, port, size, n):
    with socket.socket(family(address), socket.SOCK_DGRAM) as s:
        s.settimeout(20)
        s.setsockopt(socket.IPPROTO_IP, 10, 0)  # IP_MTU_DISCOVER: routers may take it apart
        s.connect((address, port))
        for i in range(n):
            s.send(struct.pack(">I", i) + bytes(size - 4))
            if len(s.recv(65536)) != size:
                sys.exit("another answer")


what, where, number, *rest = sys.argv[1:]
{"serve": serve, "tcp": tcp_client, "udp": udp_client}[what](where, int(number), *map(int, rest))
