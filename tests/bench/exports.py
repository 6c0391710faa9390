# SPDX-License-Identifier: MIT
"""Every flow as CSV and NDJSON: through the sqlite3 shell, and by flows_csv and flows_ndjson straight
from the columns. Q10 is the shell with nfdump's columns."""
from measure import Run
from peers import must
from questions import csv_rows, equal, numbers
from report import say, together

# nfdump's csv by flowvt's names, and what flows_csv writes unless told, by nfdump's: it has no icmptype
# and icmpcode apart from ports.
LINE = "tstart, duration, proto, srcip, srcport, dstip, dstport, packets, bytes, flows"
WHOLE = ("tstart, tend, duration, proto, srcip, srcport, dstip, dstport, tcp_flags(tcpflags), tos, packets, bytes, flows, "
         "inif, outif, srcas, dstas, exporter")
NFDUMP_WHOLE = "csv:%ts,%te,%td,%pr,%sa,%sp,%da,%dp,%flg,%tos,%pkt,%byt,%fl,%in,%out,%sas,%das,%ra"
# A few of the flows, to compare what is written.
SOME = "dst port 3389 and proto tcp"


def plain(text):
    return text.replace("tcp_flags(tcpflags)", "tcpflags")


def same(flowvt, nfdump, columns, mode):
    """Are some flows alike, written by flows_csv and by nfdump? Flags are numbers here and letters there."""
    ours = must(flowvt.shell("SELECT text FROM flows_csv WHERE header = 0 AND columns = '%s' AND filter = '%s'" % (
        plain(columns), SOME), "-list", "-noheader"), flowvt.env)
    theirs = must([nfdump.nfdump, "-q", "-N", "-6", "-R", nfdump.directory, "-o", mode, SOME])
    without = columns.split(", ").index("tcp_flags(tcpflags)") if "tcp_flags" in columns else None

    def rows(text):
        return [tuple(v for i, v in enumerate(row) if i != without) for row in numbers(csv_rows(text))]
    return equal(rows(ours), rows(theirs)[1:])  # it has a header


def exports(goals, runs, flowvt, nfdump):
    """Returns whether all is well."""
    have = flowvt.ask("SELECT name FROM pragma_module_list WHERE name IN ('flows_csv', 'flows_ndjson')").split()
    lines = [  # title, statement, its mode, nfdump's modes, goal
        ("CSV by the shell, 18 columns", "SELECT %s FROM flows" % plain(WHOLE), "-csv", (NFDUMP_WHOLE,), 1.0)]
    if "flows_csv" in have:
        write = "SELECT text FROM flows_csv WHERE columns = '%s'"
        lines += [("flows_csv, nfdump's columns", write % LINE, "-list", ("csv", "csv-fast"), 0.5),
                  ("flows_csv, 18 columns", write % plain(WHOLE), "-list", (NFDUMP_WHOLE,), 0.5),
                  ("flows_csv as it comes, 20 columns", "SELECT * FROM flows_csv", "-list", ("csv",), 0.5)]
    if "flows_ndjson" in have:
        lines.append(("flows_ndjson as it comes", "SELECT * FROM flows_ndjson", "-list", ("ndjson",), 0.5))
    good = True
    say()
    for title, sql, mode, theirs, most in lines:
        commands = {"flowvt": flowvt.shell(sql, mode, "-noheader")}
        if nfdump:
            for how in theirs:
                command = [nfdump.nfdump, "-q", "-R", nfdump.directory, "-o", how]
                if Run([*command, "-c", "1"]).status == 0:  # older ones have no csv-fast
                    commands["nfdump " + how.partition(":")[0]] = command
        good &= together(goals, runs, title, commands, flowvt.env, most)
    if nfdump and "flows_csv" in have:
        for columns, mode in ((LINE, "csv"), (WHOLE, NFDUMP_WHOLE)):
            if not same(flowvt, nfdump, columns, mode):
                say("flows_csv and nfdump -o %s: WRONG, they write other flows" % mode)
                good = False
    return good
