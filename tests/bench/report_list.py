# SPDX-License-Identifier: MIT
"""Every report of queries/, and what one would ask of nfdump in its place.

A command of nfdump's is what gives the same answer, or as much of it as nfdump can give: where it cannot
group or count, awk does, as in Q8 and Q9 of questions.py; where it has nothing like it, the nearest is what reads
the same fields of the same flows ("reads"). NF stands for nfdump, quiet, on all files; NFLAST for the last one.
A report may need several runs of nfdump, one after the other."""

# Of a campus line; shapes.py has other ones.
HOME, HOST, LAST = "192.168.0.0/16", "192.168.0.1", "2023-11-14T23:10:00"
INSIDE = "src net %s and dst net %s" % (HOME, HOME)
OUT = "src net %s and not dst net %s" % (HOME, HOME)
IN = "dst net %s and not src net %s" % (HOME, HOME)
SYN = "proto tcp and flags S and not flags AFPU"
CLIENTS = "((not proto tcp and not proto udp) or (src port > 1023 and dst port < 32768))"
AMPLIFIERS = "[17 19 53 69 111 123 137 161 389 520 1434 1900 3283 3702 5353 5683 10001 11211 27015]"
# Its lists have no ranges.
CALL = "proto udp and ((port > 5003 and port < 5062) or (port > 9999 and port < 32768)) and bytes > 10k"
DOOR = "proto tcp and flags AP and dst port 22"
LINES = "NF -N -o csv:%s%s | awk -F, '%s'"
ADD = "{t[%s] += $%d; n[%s]++} END {for (k in t) print k, n[k], t[k]}"


def stat(element, order="bytes", n=10, some=""):
    return "NF -s %s/%s -n %d -o csv '%s'" % (element, order, n, some or "any")


def totals(keys, order, n, some="", shown="%sa"):
    return "NF -6 -A %s -O %s -n %d -o 'fmt:%s' '%s'" % (keys, order, n, shown, some or "any")


def counted(keys, shown, by, some=""):
    """What is counted apart: nfdump lists the pairs, awk counts them."""
    return "NF -N -6 -A %s -o 'fmt:%s' '%s' | awk -F, '{n[%s]++} END {for (k in n) print n[k], k}' | sort -rn | head -n 20" % (
        keys, shown, some or "any", by)


def lines(columns, key, value, some=""):
    return LINES % (columns, " '%s'" % some if some else "", ADD % (key, value, key))


def total(some):
    return "NF -o null '%s'" % some


USAGE = stat("ip", some="net " + HOME)  # what of it comes out of the table usage
SERIES = "%tsr,%pkt,%byt"


class Report:
    """args: of flowreport. same: whether nfdump's answer has all of it; else it is the nearest by what is read."""

    def __init__(self, name, args, nfdump, same=False):
        self.name, self.args, self.same = name, args.split(), same
        self.nfdump = [nfdump] if isinstance(nfdump, str) else nfdump


REPORTS = [
    Report("accuracy", "", "NF -s inif/bytes -s outif/bytes -o csv"),
    Report("amplification", "", [counted("srcip,dstip,srcport", "%da,%sp", "$1 $2", "proto udp and src port in " + AMPLIFIERS),
                                 totals("srcip,dstport", "bytes", 20, "proto udp and dst port in " + AMPLIFIERS)], True),
    Report("applications", "", stat("port:p")),
    Report("bad-call", "", [totals("srcip,srcport,dstip,dstport", "bytes", 10, CALL), lines(SERIES, "int($1 / 5)", 3),
                            totals("srcip,dstip,proto", "bytes", 10, "not (%s)" % CALL)]),
    Report("beacons", "", [totals("srcip,dstip,proto,dstport", "flows", 1000, "bytes < 100k and " + CLIENTS),
                           lines("%sa,%da,%pr,%dp,%tsr", "$1 $2 $3 $4", 5, "bytes < 100k and " + CLIENTS)]),
    Report("bill", "--month 2023-11", USAGE),
    Report("bill-days", "--month 2023-11", [total(OUT), total(IN)], True),
    Report("bill-flows", "", "NF -O bytes -n 20 'not (%s)'" % INSIDE, True),
    Report("bill-flows", "--host " + HOST, "NF -O bytes -n 20 'host %s and not (%s)'" % (HOST, INSIDE), True),
    Report("bill-hosts", "", [stat("srcip", n=20, some=OUT), stat("dstip", n=20, some=IN)], True),
    Report("bill-peers", "", [stat("dstip", n=20, some=OUT), stat("srcip", n=20, some=IN)], True),
    Report("bill-ports", "", stat("port:p", n=20, some="(%s) or (%s)" % (OUT, IN)), True),
    Report("billing-csv", "--month 2023-11", USAGE),
    Report("broken-into", "", [totals("srcip,dstip", "bytes", 20, DOOR),
                               counted("srcip,dstip", "%sa", "$1", "proto tcp and dst port 22"),
                               totals("srcip,dstip,proto,dstport", "tstart", 20, CLIENTS)]),
    Report("change", "", stat("port:p", n=100)),
    Report("connections", "", "NF -a -O tstart -n 20 -o line", True),
    Report("distribution", "", lines("%pkt,%byt", "int(log($1) / log(2))", 2), True),
    Report("download", "--home " + HOME, stat("dstip", n=0, some=IN), True),
    Report("fan-out", "", [counted("srcip,dstip", "%sa", "$1"), counted("srcip,dstip", "%sa", "$1", SYN)], True),
    Report("first-flows", "", "NF -c 5", True),
    Report("long", "", "NF -c 20 -o long", True),
    Report("losses", "", "NF -I"),
    Report("new-applications", "", [stat("port:p", n=0), counted("srcip,proto,dstport", "%pr,%dp", "$1 $2")]),
    Report("new-hosts", "", stat("srcip", "flows", n=0, some="src net " + HOME)),
    Report("overview", "", [lines(SERIES + ",%pr", "int($1 / 300) $4", 3), stat("ip"), stat("port:p"),
                            stat("port:p", n=20)]),
    Report("percentile95", "--month 2023-11", lines("%tsr,%in,%out,%byt", "int($1 / 300) $2", 4)),
    Report("port-tracker", "", ["NFLAST -s dstport:p/flows -s dstport:p/bytes -n 0 -o csv",
                                "NF -s dstport:p/flows -s dstport:p/bytes -n 0 -o csv"], True),
    Report("proxy", "", [stat("dstip", n=1, some="dst port in [3128 8080 8000]"),
                         stat("dstip", n=20, some="src ip %s and src port in [3128 8080 8000]" % HOST),
                         total("dst ip %s and not src net %s" % (HOST, HOME))], True),
    Report("quotas", "--time 2023-11-15", USAGE),
    Report("scan-hosts", "", counted("srcip,dstip,dstport", "%sa,%dp", "$1 $2", SYN), True),
    Report("scan-ports", "", [counted("srcip,dstip,dstport", "%sa,%da", "$1 $2", SYN)]),
    Report("series", "", lines(SERIES, "int($1 / 300)", 3), True),
    Report("series-by", "", lines(SERIES + ",%pr", "int($1 / 300) $4", 3), True),
    Report("series-protocols", "", lines(SERIES + ",%pr", "int($1 / 300) $4", 3), True),
    Report("series-syn", "", [lines(SERIES, "int($1 / 300)", 3), lines(SERIES, "int($1 / 300)", 3, SYN)]),
    Report("silent", "", "NF -I"),
    Report("skew", "--since " + LAST, "NFLAST -N -o csv:%exp,%ter,%trr | awk -F, '{d = $3 - $2; n[$1]++; s[$1] += d} "
           "END {for (k in n) print k, n[k], s[k] / n[k]}'"),
    Report("slice", "", "NF -O tstart -n 5", True),
    Report("spikes", "--factor 1.4", [lines(SERIES, "int($1 / 300)", 3)] + [
        "NFLAST -6 -A srcip,dstip,proto -O %s -n 3" % order for order in ("flows", "packets", "bytes")]),
    Report("store", "", "NF -I"),
    Report("summary", "", total("any"), True),
    Report("syn-flood", "", [counted("srcip,dstip,dstport", "%da,%dp", "$1 $2", SYN),
                             totals("srcip,srcport", "flows", 20, "proto tcp and flags SA and not flags FPU"),
                             totals("dstip,dstport", "flows", 20, "proto tcp and flags SA", "%da")], True),
    Report("top", "--by srcip", stat("srcip"), True),
    Report("top", "--by ip --order packets", stat("ip", "packets"), True),
    Report("top", "--by dstport", stat("dstport"), True),
    Report("top", "--by port --order flows", stat("port", "flows"), True),
    Report("top", "--by port:p", stat("port:p"), True),
    Report("top", "--by port:p --order bps", stat("port:p", "bps"), True),
    Report("top", "--by proto", stat("proto"), True),
    Report("top", "--by flags", stat("flags"), True),
    Report("top", "--by tos", stat("tos"), True),
    Report("top", "--by srcas", stat("srcas"), True),
    Report("top", "--by as", stat("as"), True),
    Report("top", "--by if", stat("if"), True),
    Report("top", "--by mask", stat("mask"), True),
    Report("top", "--by nhip", stat("nhip"), True),
    Report("top", "--by srcip+dstip", totals("srcip,dstip", "bytes", 10), True),
    Report("top", "--by srcnet", totals("srcnet", "bytes", 10, shown="%sn"), True),
    Report("top", "--by zone", stat("ip")),
    Report("top-connections", "", stat("record"), True),
    Report("top-destinations", "", stat("dstip"), True),
    Report("top-increases", "--month 2023-11", USAGE),
    Report("top-pairs", "", totals("srcip,dstip", "bytes", 10), True),
    Report("top-ports", "", stat("port:p"), True),
    Report("top-sources", "", stat("srcip"), True),
    Report("top-talkers", "", stat("ip"), True),
    Report("upload", "--home " + HOME, stat("srcip", n=0, some=OUT), True),
    Report("users", "", stat("ip", some="net " + HOME)),
    Report("zones", "", [total(OUT), total(IN)]),
]
