#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make bench-probe: how fast flowprobe meters a capture, beside softflowd, nfpcapd, pmacctd and `tcpdump -w`.

usage: probe.py [CAPTURE...]     of full, cut, many; without names all

The captures are written by tests/load/capgen.c: whole frames and such cut at 128 octets, of 200 000 flows at a time,
and of 2 000 000. Whole processes from start to exit, warm cache, taking turns. In the environment:

  BUILD=build  PACKETS=5000000  RUNS=5
  PEERS=softflowd,nfpcapd,tcpdump   which of them, and of pmacctd (minutes), if they are there; NFPCAPD=
                                    SOFTFLOWD= PMACCTD= TCPDUMP= where"""
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from measure import Run, interleaved, median, spread  # noqa: E402
from peers import must  # noqa: E402
from report import Goals, say  # noqa: E402

BUILD = os.path.abspath(os.environ.get("BUILD") or "build")
PACKETS = int(os.environ.get("PACKETS") or 5000000)
RUNS = int(os.environ.get("RUNS") or 5)
WORK = BUILD + "/bench/probe"
MB = 150  # flowprobe may take, of the captures with fewer flows

# Octets kept, flows at a time; what flowprobe's wall time may be of softflowd's and of tcpdump's.
CAPTURES = {"full": (65535, 200000, 1 / 2.2, 1 / 0.85), "cut": (128, 200000, 1 / 3, None), "many": (128, 2000000, 1 / 3, None)}
MOST_CPU = 0.5  # of nfpcapd's, both writing flow files


def commands(path, flows):
    """Of those that are there."""
    found = {}
    wanted = (os.environ.get("PEERS") or "softflowd,nfpcapd,tcpdump").split(",")
    for name in wanted:
        program = os.environ.get(name.upper()) or shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/bin")
        if program:
            found[name] = program
    peer = {"softflowd": ["-r", path, "-m", str(2 * flows)], "tcpdump": ["-r", path, "-w", "/dev/null"],
            "nfpcapd": ["-r", path, "-w", WORK + "/nfpcapd"], "pmacctd": ["-f", WORK + "/pmacctd.conf", "-I", path]}
    with open(WORK + "/pmacctd.conf", "w", encoding="ascii") as f:
        f.write("plugins: nfprobe\nnfprobe_receiver: 127.0.0.1:9\nnfprobe_version: 10\n")
    ours = [BUILD + "/flowprobe", "-q", "-r", path, "-m", str(2 * flows)]
    lines = {"flowprobe": ours, "flowprobe -w": ours + ["-w", WORK + "/store"]}
    lines.update({name: [found[name]] + peer[name] for name in peer if name in found})
    return lines


def counted(lines):
    """Packets in the flow files that flowprobe -w wrote."""
    fresh()
    Run(lines["flowprobe -w"])
    return int(must(["sqlite3", "-batch", "-cmd", ".load %s/flowvt" % BUILD, ":memory:",
                     "SELECT sum(packets) FROM traffic"], {"FLOWVT_STORE": WORK + "/store"}) or 0)


def fresh():
    for name in ("store", "nfpcapd"):
        shutil.rmtree("%s/%s" % (WORK, name), ignore_errors=True)
        os.makedirs("%s/%s" % (WORK, name))


def compare(goals, name, lines, most_softflowd, most_tcpdump):
    """Takes turns, and prints a line for each."""
    done = {}
    for _ in range(RUNS + 1):
        fresh()
        for who, runs in interleaved(lines, 1).items():
            done.setdefault(who, []).extend(runs)
    done = {who: runs[1:] for who, runs in done.items()}  # the first one warmed the cache
    ours, writing = done["flowprobe"], done["flowprobe -w"]
    for who, runs in done.items():
        text = "  %-14s %-22s %6.2f CPU s/M %7.0f MB" % (
            who, spread([PACKETS / r.wall / 1e6 for r in runs]) + " M/s", median([r.cpu for r in runs]) / PACKETS * 1e6,
            max(r.memory for r in runs))
        if any(r.status for r in runs):
            text += "  FAILED: exit status %d" % next(r.status for r in runs if r.status)
        elif who == "flowprobe":
            most = MB if CAPTURES[name][1] < 1000000 else None
            text += "  " + goals.check("%s: MB" % name, max(r.memory for r in runs), most)
        elif who != "flowprobe -w":
            base = writing if who == "nfpcapd" else ours
            wall = median([a.wall / b.wall for a, b in zip(base, runs)])
            cpu = median([a.cpu / b.cpu for a, b in zip(base, runs)])
            text += "  flowprobe%s: %.2f of its time, %.2f of its CPU" % (" -w" if base is writing else "", wall, cpu)
            if who == "nfpcapd":
                text += "  CPU at most " + goals.check("%s: CPU of nfpcapd's" % name, cpu, MOST_CPU)
            most = {"softflowd": most_softflowd, "tcpdump": most_tcpdump}.get(who)
            if most:
                text += "  at most " + goals.check("%s: time of %s's" % (name, who), wall, most)
        say(text)


def main():
    names = sys.argv[1:] or list(CAPTURES)
    if set(names) - set(CAPTURES):
        print(__doc__, file=sys.stderr)
        return 2
    os.makedirs(WORK, exist_ok=True)
    goals = Goals()
    bad = 0
    for name in names:
        snap, flows, most_softflowd, most_tcpdump = CAPTURES[name]
        path = "%s/%s.pcap" % (WORK, name)
        packets, octets, talks = must([BUILD + "/tests/load/capgen", "--packets", str(PACKETS), "--flows", str(flows),
                                       "--snap", str(snap), path]).split()
        say("%s: %s packets, %.2f GB in the file, %s octets of IP, %s conversations" % (
            name, packets, os.path.getsize(path) / 1e9, octets, talks))
        lines = commands(path, flows)
        got = counted(lines)
        say("  packets in flowprobe's flow files: %d%s" % (got, "" if got == PACKETS else "  NOT ALL"))
        bad += got != PACKETS
        compare(goals, name, lines, most_softflowd, most_tcpdump)
        os.unlink(path)
    goals.summary()
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
