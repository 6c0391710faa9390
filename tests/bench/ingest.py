#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make bench-ingest: how fast flowcollect receives, beside nfcapd (sFlow: sfcapd), with the same sender.

usage: ingest.py [PROTOCOL...]     of v9, IPFIX, v5, sFlow; without names all

For each protocol, from one exporter and from many:
  rate    flows a second, the most of which none was lost: all that were sent are in the files. Tries take
          turns, so that noise meets both alike; ratios are flowvt's to the other's.
  CPU     seconds a million flows, user and system, of the whole life of the collector, with rotation and with
          what it has left to do when it is told to end; both at the same rate.
and where flowcollect's time goes: by thread, and by function if perf(1) is there. In the environment:

  BUILD=build  RUNS=3  SECONDS=6  how often, and how long each try sends
  FLOWS=                          most flows of a try (no bound), to try the benchmark itself
  EXPORTERS="1 500"               how many exporters
  PEERS=nfcapd  NFDUMP= NFCAPD= NFCAPD_OPTIONS=-z=lz4   see README.md beside this file; PEERS=none: flowvt alone
  SOAK=                           instead of all that: press flowcollect for so many seconds at RATE= flows a
                                  second (else half of the rate found), a file every 10 s, and print memory and
                                  drops on the way"""
import os
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from collectors import BUILD, Blast, Flowcollect, Nfcapd, Running, waiting  # noqa: E402
from measure import median, spread  # noqa: E402
from report import Goals, say  # noqa: E402

PROTOCOLS = {"v9": "9", "IPFIX": "10", "v5": "5", "sFlow": "sflow"}
RUNS = int(os.environ.get("RUNS") or 3)
SECONDS = float(os.environ.get("SECONDS") or 6)
FLOWS = int(os.environ.get("FLOWS") or 0)
EXPORTERS = [int(n) for n in (os.environ.get("EXPORTERS") or "1 500").split()]
SOAK = float(os.environ.get("SOAK") or 0)
RATE = float(os.environ.get("RATE") or 0)
WORK = BUILD + "/bench/ingest"
INTERVAL = 5       # seconds of a file
START = 400000     # flows a second of the first try
STEP, NEAR = 1.6, 1.06  # the search goes up by this, and ends when loss and none are so near
MOST_CPU = 1.5     # of nfcapd's


class Try:
    """One collector, pressed at one rate."""

    def __init__(self, collector, protocol, rate, exporters, profile=None):
        flows = min(rate * SECONDS, FLOWS or rate * SECONDS)
        run = Running(collector, protocol, INTERVAL, WORK + "/store")
        perf = profile and subprocess.Popen(["perf", "record", "-q", "-F", "499", "-o", profile, "-p", str(run.process.pid)],
                                            stderr=subprocess.DEVNULL)
        self.sent, self.rate = Blast(protocol, rate, flows, exporters, run.port).sent()
        self.threads = run.threads()
        run.stop()
        if perf:
            perf.wait()
        self.lost = self.sent - run.stored
        self.cpu = run.cpu / self.sent * 1e6
        self.peak = run.peak
        self.late = run.cpu - sum(self.threads.values())


def fastest(collector, protocol, exporters, start):
    """The highest rate without loss, as it was reached; also whether the sender could not do more."""
    good, bad, rate = 0, None, start
    while bad is None or bad / max(good, 1) > NEAR:
        tried = Try(collector, protocol, rate, exporters)
        if tried.lost < 0:
            raise RuntimeError("%s has %d flows more than were sent" % (collector.name, -tried.lost))
        if tried.lost:
            bad = rate
        elif tried.rate < 0.93 * rate:  # it is the sender that is at its end
            return tried.rate, True
        else:
            good = max(good, tried.rate)
        if bad is not None and good > bad:  # the noise of one of them
            break
        rate = rate / STEP if not good else good * STEP if bad is None else (good * bad) ** 0.5
        if rate < 1000:
            break
        if FLOWS:  # the search is not what is tried then
            break
    return good, False


def line(what, ours, others, form):
    """Of a title, flowvt's figures and those of the others, which may be none; and the ratios turn by turn."""
    cells, ratio = "%-25s" % spread(ours, form), []
    for theirs in others:
        ratio = [a / b for a, b in zip(ours, theirs) if b]
        cells += "%-25s" % spread(theirs, form) + (spread(ratio) if ratio else "")
    return what + cells, median(ratio) if ratio else None


def rates(goals, title, protocol, exporters, collectors):
    """Find and print the rates; returns the least."""
    found, limited = {c.name: [] for c in collectors}, False
    for _ in range(RUNS):
        for c in collectors:
            so_far = found[c.name]
            rate, limit = fastest(c, protocol, exporters, so_far[-1] * 0.9 if so_far and so_far[-1] else START)
            so_far.append(rate)
            limited |= limit
    ours, *others = [[r / 1e6 for r in found[c.name]] for c in collectors]
    text, ratio = line("%-7s %9d  M flows/s     " % (title, exporters), ours, others, "%.2f")
    if ratio is not None and not limited:
        words = goals.check("%s, %d exporters, nfcapd's rate / flowvt's" % (title, exporters), 1 / max(ratio, 1e-9), 1.0)
        text += "  at least " + words
    say(text + ("  (as fast as the sender goes)" if limited else ""))
    return min(median(r) for r in found.values())


def cpu(goals, title, protocol, exporters, collectors, rate):
    """CPU of each at the same rate, in turns."""
    tries = {c.name: [] for c in collectors}
    for _ in range(RUNS):
        for c in collectors:
            tries[c.name].append(Try(c, protocol, rate, exporters))
    ours, *others = [[t.cpu for t in tries[c.name]] for c in collectors]
    text, ratio = line("%-7s %9d  CPU s/M flows " % (title, exporters), ours, others, "%.3f")
    if ratio is not None:
        text += "  at most " + goals.check("%s, %d exporters, CPU of nfcapd's" % (title, exporters), ratio, MOST_CPU)
    text += "  (at %.2f M/s; MB: %s)" % (rate / 1e6, ", ".join("%.0f" % max(t.peak for t in some) for some in tries.values()))
    for name, some in tries.items():
        if sum(t.lost for t in some):
            text += "  %s lost %d" % (name, sum(t.lost for t in some))
    say(text)


def where(title, protocol, rate):
    """Where flowcollect's time goes."""
    profile = WORK + "/perf.data" if shutil.which("perf") else None
    tried = Try(Flowcollect(), protocol, rate, 1, profile)
    parts = dict(tried.threads, **{"after TERM": tried.late})
    say("%-7s where flowvt's time goes, s/M: %s" % (title, ", ".join(
        "%s %.3f" % (name, t / tried.sent * 1e6) for name, t in sorted(parts.items(), key=lambda p: -p[1]) if t > 0)))
    if not profile or not os.path.exists(profile):
        return
    out = subprocess.run(["perf", "report", "-i", profile, "--sort", "comm,dso,sym", "--percent-limit", "1.5"],
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout
    for line in [x for x in out.splitlines() if re.match(r"\s+\d", x)][:16]:
        say("          " + " ".join(line.split()))
    os.unlink(profile)


def soak(protocol, rate):
    """Half an hour, or less: what is lost, and memory, over time. Returns whether nothing was lost."""
    run = Running(Flowcollect(), protocol, 10, WORK + "/soak")
    begin, every = time.monotonic(), max(SOAK / 40, 0.5)
    blast = Blast(protocol, rate, rate * SOAK, EXPORTERS[0], run.port)
    say("soak: %.0f s at %.2f M flows/s, a file every 10 s\n%8s %10s %12s %8s" % (
        SOAK, rate / 1e6, "seconds", "memory, MB", "socket, KB", "files"))
    while blast.running():
        files = sum(len(f) for _, _, f in os.walk(run.directory))
        say("%8.0f %10.1f %12d %8d" % (time.monotonic() - begin, run.memory(), (waiting(run.port) or 0) // 1024, files))
        time.sleep(every)
    sent, reached = blast.sent()
    run.stop()
    lines = [line for line in run.messages().splitlines() if "dropped" in line]
    drops = sum(int(n) for line in lines for n in re.findall(r"(?:dropped by the socket|by the collector) (\d+)", line))
    say("sent %d flows at %.2f M/s, lost %d; drops in the log lines of %d files: %d; peak %.0f MB" % (
        sent, reached / 1e6, sent - run.stored, len(lines), drops, run.peak))
    return sent == run.stored and drops == 0


def main():
    names = sys.argv[1:] or list(PROTOCOLS)
    if set(names) - set(PROTOCOLS):
        print(__doc__, file=sys.stderr)
        return 2
    os.makedirs(WORK, exist_ok=True)
    goals = Goals()
    peer = Nfcapd()
    if SOAK:
        protocol = PROTOCOLS[names[0]]
        rate = RATE or fastest(Flowcollect(), protocol, EXPORTERS[0], START)[0] / 2
        return 0 if soak(protocol, rate) else 1
    say("flowcollect beside %s; %d processors; %d runs of %g s" % (
        "nfcapd %s %s" % (peer.version, " ".join(peer.options)) if peer.found() else "no other", os.cpu_count(), RUNS, SECONDS))
    say("%-7s %9s  %14s%-25s%-25s%s" % ("", "exporters", "", "flowvt", *(["nfcapd", "ratio"] if peer.found() else ["", ""])))
    for name in names:
        protocol = PROTOCOLS[name]
        collectors = [Flowcollect()] + ([peer] if peer.found() and peer.serves(protocol) else [])
        for exporters in EXPORTERS:
            rate = rates(goals, name, protocol, exporters, collectors)
            cpu(goals, name, protocol, exporters, collectors, rate / 2 or START)
        where(name, protocol, rate / 2 or START)
    goals.summary()
    return 0


if __name__ == "__main__":
    sys.exit(main())
