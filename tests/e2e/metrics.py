#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Reads metrics on standard input as Prometheus would, and prints them in order: NAME{LABELS} VALUE.

The parser is that of python3-prometheus-client. It lets pass what a server does not: a series twice, a type
or a help that is missing; these are errors here, and so are counters that are negative."""
import sys

from prometheus_client.parser import text_string_to_metric_families

seen = {}
for family in text_string_to_metric_families(sys.stdin.read()):
    if family.type not in ("counter", "gauge") or not family.documentation:
        sys.exit("metrics.py: %s: no type or no help" % family.name)
    for sample in family.samples:
        key = "%s{%s}" % (sample.name, ",".join("%s=%s" % pair for pair in sorted(sample.labels.items())))
        if key in seen:
            sys.exit("metrics.py: %s: twice" % key)
        if family.type == "counter" and (sample.value < 0 or not sample.name.endswith("_total")):
            sys.exit("metrics.py: %s: no counter: %r" % (key, sample.value))
        seen[key] = sample.value
for key in sorted(seen):
    print(key, "%d" % seen[key] if seen[key] == int(seen[key]) else seen[key])
