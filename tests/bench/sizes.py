# SPDX-License-Identifier: MIT
"""Octets a flow: of flowvt's files in each state, and of the peers' files."""
import glob
import shutil
import signal
import socket
import subprocess
import time

import columns
from data import BUILD, FLOWGEN, merged_store
from peers import Flowvt, must, octets
from report import say

# What a store may take of the size of others, by what it is: closed files, days merged.
CLOSED = {"nfdump, as nfcapd -z=zstd writes it": 0.7}
MERGED = {"nfdump, as nfcapd -z=zstd writes it": 0.5, "nfdump -z=bz2": 1.0, "Parquet, zstd": 1.0}


def live_size(work, flows):
    """Octets a flow of what a collector has written that was killed."""
    store = work + "/live"
    shutil.rmtree(store, ignore_errors=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        port = str(s.getsockname()[1])
    collector = subprocess.Popen([BUILD + "/flowcollect", "-b", "127.0.0.1", "-p", port, "-w", store],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    must([FLOWGEN, "--version", "9", "--mix", "--count", str(min(flows, 500000)), "--rate", "100000", "127.0.0.1", port])
    time.sleep(3)
    collector.send_signal(signal.SIGKILL)
    collector.wait()
    flows = int(Flowvt(BUILD, store).ask("SELECT sum(flows) FROM flow_files").strip() or 0) or 1
    size = octets(store) / flows
    shutil.rmtree(store)
    return size


def sizes(goals, work, flows, flowvt, peers):
    """A line for each kind of file, with what the closed and the merged store take of it."""
    closed = octets(flowvt.store) / flows
    ours = [("flowvt, live file", live_size(work, flows)), ("flowvt, closed files", closed)]
    merged = merged_store(work, flowvt)
    day = None
    if merged:
        day = octets(merged.store) / flows
        rollups = columns.rollup_octets(glob.glob(merged.store + "/**/*.fvt", recursive=True)) / flows
        ours += [("flowvt, day merged", day), ("flowvt, day merged, without roll-ups", day - rollups)]
    say("\n%-40s %14s  %-28s %s" % ("octets a flow", "", "closed files take of that", "the merged day"))
    for what, size in ours:
        say("  %-38s %14.2f" % (what, size))
    for what, size in [(what, size / flows) for peer in peers for what, size in peer.sizes()]:
        cells = []
        for name, own, most in (("closed files", closed, CLOSED), ("day merged", day, MERGED)):
            if own is None:
                continue
            words = goals.check("size of %s, of %s" % (name, what), own / size, most.get(what))
            cells.append("%-28s" % ("%.2f%s" % (own / size, ", goal " + words if words else "")))
        say("  %-38s %14.2f  %s" % (what, size, " ".join(cells).rstrip()))
