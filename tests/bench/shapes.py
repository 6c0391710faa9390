# SPDX-License-Identifier: MIT
"""Lines that are not like a campus, and stores of other files, for `make bench-reports SHAPE=flood`."""
import os
import shutil

from data import BEGIN, BUILD, FILES, SECONDS, made, make_stores, stamp
from peers import must
from report_list import HOME, HOST, LAST


class Shape:
    """kind: flowgen's. files: of five minutes each. days: these merged into days, and nfdump's files of days. home, host: where
    the site's own hosts are, and one that has much traffic."""

    def __init__(self, kind="campus", version=9, exporters=1, files=FILES, days=0, home=HOME, host=HOST):
        self.kind = {"kind": kind, "version": version, "exporters": exporters}
        self.files, self.days, self.home, self.host = files, days, home, host
        self.last = BEGIN + (files - 1) * SECONDS

    def fit(self, text):
        """What is written of a campus line, for this one."""
        return text.replace(HOME, self.home).replace(HOST, self.host).replace(LAST, str(self.last))

    def make(self, directory, flows, flowvt, nfdump):
        make_stores(directory, flows, self.files, flowvt, nfdump if not self.days else None, **self.kind)
        if not self.days:
            return
        five_minutes, flowvt.store = flowvt.store, directory + "/merged"

        def merge():
            shutil.copytree(five_minutes, flowvt.store)
            must([BUILD + "/flowcollect", "--merge", "-w", flowvt.store])

        made(flowvt.store, stamp(), merge)
        make_stores(directory, flows, self.days, None, nfdump, seconds=86400, **self.kind)


SHAPES = {
    "campus": Shape(),
    "exporters": Shape(exporters=1000),
    "days": Shape(files=2880),
    "merged": Shape(files=2880, days=10),
    "flood": Shape("flood"),
    "sweep": Shape("sweep"),
    "scan": Shape("scan"),
    "plain": Shape("plain"),
    "v6": Shape("v6", home="2001:db8:1::/48", host="2001:db8:1:0:6f65:2d28:ac1d:4c5f"),
    "hours": Shape("hours", version=10, files=288),
    "services": Shape("services"),
    "provider": Shape("provider", exporters=3),
}
