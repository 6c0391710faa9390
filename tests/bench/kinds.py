# SPDX-License-Identifier: MIT
"""Octets a flow on other lines than a campus: closed files, the merged day, and nfdump's of the same datagrams."""
import os
import shutil

from data import BUILD, captures, merged_store
from peers import Flowvt, Nfdump, octets
from report import say

# What it is, flowgen's --kind, NetFlow or IPFIX, a part of the flows, files.
KINDS = [
    ("a campus line", "campus", 9, 1, 12),
    ("nobody answers", "oneway", 9, 1, 12),
    ("exported in no order", "shuffled", 9, 1, 12),
    ("twenty hosts", "few", 9, 1, 12),
    ("IPv6 alone", "v6", 9, 1, 12),
    ("flows of half an hour", "long", 9, 1, 12),
    ("no routing, as softflowd", "plain", 9, 1, 12),
    ("NetFlow v5", "v4", 5, 1, 12),
    ("IPFIX", "v4", 10, 1, 12),
    ("2000 flows in a file", "campus", 9, 6, 100),
    ("scans, nine of ten flows", "scan", 9, 1, 12),
    ("random addresses and ports", "random", 9, 1, 12),
]
ASKED = (os.environ.get("KINDS") or " ".join(kind for _, kind, *_ in KINDS)).split()


def line(work, flows, kind, version, files, with_nfdump):
    """Octets a flow of closed files, of merged days and of nfdump's."""
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    store, nfdump = Flowvt(BUILD, work + "/store"), Nfdump(work + "/nf")
    for i, pcap in captures(work, flows, files, kind, version):
        store.collect(pcap, store.store)
        if with_nfdump:
            nfdump.collect(pcap, i)
    merged = merged_store(work, store)
    sizes = [octets(path) / flows for path in [store.store] + ([merged.store] if merged else []) +
             ([nfdump.directory] if with_nfdump else [])]
    shutil.rmtree(work)
    return sizes


def kinds(work, flows, with_nfdump):
    """A line for each, of an eighth of the flows."""
    say("\n%-40s %8s %8s %8s   %s" % ("octets a flow", "closed", "merged", "nfdump", "closed, merged of nfdump's"))
    for title, kind, version, part, files in KINDS:
        if kind not in ASKED:
            continue
        some = flows // 8 // part // files * files
        sizes = line(work + "/kinds", some, kind, version, files, with_nfdump)
        ratios = "  ".join("%.2f" % (size / sizes[-1]) for size in sizes[:-1]) if with_nfdump else ""
        say(("  %-38s " + "%8.2f " * len(sizes) + "  %s") % (title, *sizes, ratios))
