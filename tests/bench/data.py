# SPDX-License-Identifier: MIT
"""Generated flows, given to flowvt and to each peer; what is there is made once and kept."""
import hashlib
import os
import shutil

from measure import Run
from peers import NAMES, ClickHouse, Flowvt, must
from report import say

FILES, SECONDS, BEGIN = 12, 300, 1700000100
BUILD = os.path.abspath(os.environ.get("BUILD") or "build")
FLOWGEN = BUILD + "/tests/load/flowgen"


def stamp():
    """Says which programs made a store."""
    h = hashlib.sha256()
    for name in ("flowcollect", "tests/load/flowgen", "tests/load/storegen"):
        with open(os.path.join(BUILD, name), "rb") as f:
            h.update(f.read())
    return h.hexdigest()


def made(path, mark, make):
    """Make a directory or file unless one with this mark is there; then mark it."""
    note = path + ".made"
    if os.path.exists(note) and open(note, encoding="utf-8").read() == mark:
        return
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.exists(path):
        os.unlink(path)
    make()
    with open(note, "w", encoding="utf-8") as f:
        f.write(mark)


def captures(directory, flows, files, kind="campus", version=9, exporters=1, seconds=SECONDS):
    """Generated export datagrams, a file for each five minutes or so; each is gone when the next is made."""
    pcap = directory + "/x.pcap"
    each = flows // files
    for i in range(files):
        must([FLOWGEN, "--version", str(version), "--kind", kind, "--count", str(each), "--first", str(i * each), "--span", "%.1f" % (seconds - 0.1),
              "--begin", str(BEGIN + i * seconds), "--exporters", str(exporters), "--pcap", pcap])
        yield i, pcap
    os.unlink(pcap)


def make_stores(directory, flows, files, flowvt, nfdump, **kind):
    """The store, and nfdump's files beside it; kind as of captures()."""
    def store():
        for _, pcap in captures(directory, flows, files, **kind):
            flowvt.collect(pcap, flowvt.store)

    def nfcapd():
        for i, pcap in captures(directory, flows, files, **kind):
            nfdump.collect(pcap, i)

    say("making %d flows in %d files, unless they are there: %s" % (flows, files, directory))
    if flowvt:
        made(flowvt.store, stamp(), store)
    if nfdump:
        made(nfdump.directory, "%s %d" % (nfdump.version, flows), nfcapd)


def load_tables(directory, flowvt, tables):
    """The same rows into the databases."""
    csv_file = directory + "/flows.csv"

    def load(peer):
        if not os.path.exists(csv_file):
            must("sqlite3 -batch -csv -cmd '.load %s/flowvt' :memory: 'SELECT %s FROM flows' >%s" % (
                BUILD, NAMES, csv_file), flowvt.env)
        say("loading %s" % peer.name)
        peer.load(csv_file)

    for peer in tables:
        if isinstance(peer, ClickHouse):  # its directory is the server's
            if peer.is_empty():
                load(peer)
        else:
            made(peer.database, peer.version, lambda peer=peer: load(peer))
    if os.path.exists(csv_file):
        os.unlink(csv_file)


def merged_store(work, flowvt):
    """A store with its days merged, or None when flowcollect does not do that."""
    if "--merge" not in Run([BUILD + "/flowcollect", "-h"]).output:
        return None
    merged = Flowvt(BUILD, work + "/merged")

    def make():
        shutil.copytree(flowvt.store, merged.store)
        must([BUILD + "/flowcollect", "--merge", "-w", merged.store])

    made(merged.store, stamp(), make)
    return merged
