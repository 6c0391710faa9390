# SPDX-License-Identifier: MIT
"""Applications that flowprobe -k finds in captures beside those of ndpiReader, nDPI's own program.

usage: applications.py FLOWPROBE EXTENSION WORK CAPTURE...

Prints, for each capture, the connections of which the two say something else; then one line, how many connections
both have, how many are equal, and how many only one of them has."""
import csv
import json
import os
import re
import subprocess
import sys

LONG = "366d"  # flows end with the capture, as ndpiReader's do
COLUMNS = "proto, srcip, srcport, dstip, dstport, app"


def connection(proto, a, b):
    """ndpiReader knows ports of TCP and UDP alone."""
    ports = proto in ("6", "17")
    return (int(proto), *sorted((ip, int(port or 0) if ports else 0) for ip, port in (a, b)))


def patched(ip):
    """As ndpiReader writes it."""
    return ip.replace(":0:", "::")


def of_flowprobe(probe, extension, work, capture):
    store = os.path.join(work, "store")
    subprocess.run(["rm", "-rf", store], check=True)
    timeouts = [x for name in ("general", "tcp", "tcp.rst", "tcp.fin", "udp", "icmp", "maxlife")
                for x in ("-t", f"{name}={LONG}")]
    run = subprocess.run([probe, "-q", "-k", "-e", os.environ.get("TUNNELS", "outer"), *timeouts, "-r", capture, "-w", store],
                         stderr=subprocess.PIPE, check=False)
    if run.returncode < 0 or run.returncode > 1:
        print(f"{capture}: flowprobe: {run.returncode}: {run.stderr.decode()[-300:]}")
    if not os.path.exists(store):
        return {}
    rows = subprocess.run(["sqlite3", "-batch", "-json", "-cmd", f".load {extension}", ":memory:",
                           f"SELECT {COLUMNS} FROM flows"], env=dict(os.environ, FLOWVT_STORE=store),
                          stdout=subprocess.PIPE, check=True).stdout
    found = {}
    for row in json.loads(rows or "[]"):
        key = connection(str(row["proto"]), (patched(row["srcip"]), row["srcport"]), (patched(row["dstip"]), row["dstport"]))
        found.setdefault(key, set()).add(row["app"])
    return found


def of_reader(work, capture):
    out = os.path.join(work, "reader.csv")
    if os.path.exists(out):
        os.unlink(out)
    subprocess.run(["ndpiReader", "-q", "-i", capture, "-C", out], stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, check=False)
    found = {}
    if not os.path.exists(out):
        return found
    with open(out, newline="", errors="replace") as f:
        for row in csv.DictReader(f):
            key = connection(row["protocol"], (row["src_ip"], row["src_port"]), (row["dst_ip"], row["dst_port"]))
            found.setdefault(key, set()).add(row["ndpi_proto"])
    return found


def main():
    probe, extension, work, *captures = sys.argv[1:]
    both = equal = ours = theirs = 0
    for capture in captures:
        found, wanted = of_flowprobe(probe, extension, work, capture), of_reader(work, capture)
        for key in sorted(set(found) & set(wanted)):
            both += 1
            if found[key] == wanted[key]:
                equal += 1
            else:
                print(f"{os.path.basename(capture)}: {key}: flowprobe {found[key]}, ndpiReader {wanted[key]}")
        ours += len(set(found) - set(wanted))
        theirs += len(set(wanted) - set(found))
        if os.environ.get("VERBOSE"):
            for key in sorted(set(wanted) - set(found)):
                print(f"{os.path.basename(capture)}: only ndpiReader has {key}: {wanted[key]}")
            for key in sorted(set(found) - set(wanted)):
                print(f"{os.path.basename(capture)}: only flowprobe has {key}: {found[key]}")
    print(f"both {both} equal {equal} flowprobe alone {ours} ndpiReader alone {theirs}")


main()
