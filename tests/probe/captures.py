#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Every capture of ../shared/data/traffic through flowprobe, against the expectations beside them:

  export   IPFIX, v9 and v5 over UDP, read by the decoder of flowexport.py: packets, bytes, the
           5-tuples, tshark's numbers of TCP and UDP conversations; v5: the IPv4 part
  store    -w STORE, read with SQL
  collect  v5, v9 and IPFIX into flowcollect, read with SQL
  nfcapd   v5, v9 and IPFIX into nfcapd, read with nfdump: totals, times, addresses
  tshark   its cflow dissector finds nothing wrong with the datagrams

usage: captures.py [export|store|collect|nfcapd|tshark ...]
Prints one line for each failure and "N passed, N failed, N skipped"."""
import collections
import csv
import datetime
import ipaddress
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

import flowexport

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
DATA = os.path.join(ROOT, "..", "shared", "data", "traffic")
PROBE = os.path.join(BUILD, "flowprobe")
COLLECT = os.path.join(BUILD, "flowcollect")
EXTENSION = os.path.join(BUILD, "flowvt")
ROUTES = ("export", "store", "collect", "nfcapd", "tshark")

# Where the expectation's decoder and tshark differ, and why flowvt sides with tshark.
TSHARK_IS_RIGHT = {
    # 802.11 data frames, and PPI in front of Ethernet: not looked into by that decoder,
    "link-other-ndpi-someip_sd_sample.pcap", "link-other-zeek-radiotap.pcap",
    "link-other-zeek-wlanmon.pcap",
    # nor frames in FabricPath, whose Ethernet type is 0x8903
    "vlan-ndpi-pcap-ajp.pcap",
    # pcap 2.2 has the two lengths of a packet the other way round
    "badfile-pcpp-clusterfuzz-testcase-minimized-fuzztarget-660496.pcap",
}
# Where both take a length of 0 for 0: a packet of segmentation offload (IPv6, BIG TCP) has what its frame has.
NO_LENGTH = {"vxlan-tcpdump-bigtcp-ipv6-vxlan-ipv4.pcap": (1, 80122)}
# Conversations that tshark counts otherwise: it puts fragments together, opens a new one when a
# port pair is used again, and does not count UDP headers that are cut off.
OTHER_CONVERSATIONS = {
    "badfile-pcpp-clusterfuzz-testcase-minimized-fuzztarget-581409.pcap",
    "frag4-zeek-fragmented-2.pcap", "frag6-zeek-ipv6-reassembly-state-leak.pcap",
    "ip4-options-arkime-tcpseq_synthetic.pcap", "pcap-be-ndpi-fuzz-2006-06-26-2594.pcap",
    # GTP tunnels
    "link-linux-sll-arkime-gtp-iphone.pcap", "pcapng-multiif-pcpp-packetexamples-gtp.pcapng",
}
LAST_SECOND = 0xffffffff * 1000
# Classes in which tshark counts the conversations inside of tunnels, or of ICMP errors.
TUNNELS = {"4in6", "6in4", "6in6", "ipip", "gre", "gtp-u", "geneve", "vxlan", "vxlan-gpe", "nvgre",
           "erspan", "teredo", "pptp-gre", "srv6", "mplsudp", "mix"}


class Count:
    passed = failed = skipped = 0

    def check(self, name, got, expected):
        if got == expected:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAIL {name}: got {got}, expected {expected}")

    def skip(self, what, why):
        self.skipped += 1
        print(f"skip {what}: {why}")


class Receiver:
    """A UDP port that collects datagrams while flowprobe runs."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def run(self, capture, *options):
        """(datagrams, standard output, standard error, exit status)"""
        p = subprocess.Popen([PROBE, "-r", capture, "-n", f"127.0.0.1:{self.port}", *options],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        datagrams = []
        while True:
            ended = p.poll() is not None  # before the wait: what it sent is there by then
            if select.select([self.socket], [], [], 0 if ended else 0.002)[0]:
                datagrams.append(self.socket.recv(65536))
            elif ended:
                return datagrams, *p.communicate(), p.returncode


def path(row):
    return os.path.join(DATA, row["file"])


def expected(row):
    """Packets and bytes."""
    if row["file"] in NO_LENGTH:
        return NO_LENGTH[row["file"]]
    who = "tshark" if row["file"] in TSHARK_IS_RIGHT else "ref"
    return int(row[f"{who}_ip_packets"] or 0), int(row[f"{who}_ip_bytes"] or 0)


def totals(flows):
    return sum(f[2] for f in flows), sum(f[1] for f in flows)


def decode(datagrams):
    d = flowexport.Decoder()
    for datagram in datagrams:
        d.feed(datagram)
    return d


def both_ways(tuples):
    return {tuple(sorted(((s, sp), (d, dp)))) + (proto,) for s, d, proto, sp, dp in tuples}


def as_set(flows):
    """Flows to be compared across formats. The 32 bits of v5 and v9 end in 2106."""
    return collections.Counter((min(f["first"], LAST_SECOND), min(f["last"], LAST_SECOND), f[2], f[1])
                               + flowexport.ends(f) for f in flows)


def check_tuples(count, row, flows):
    tuples = {flowexport.ends(f) for f in flows}
    name = row["file"]
    if int(row["ref_fragments"] or 0) == 0 and name not in TSHARK_IS_RIGHT:
        # With fragments that decoder has tuples without ports; flowvt counts them with the first.
        count.check(name + " 5-tuples", len(tuples), int(row["ref_uniflows"] or 0))
        count.check(name + " pairs of 5-tuples", len(both_ways(tuples)),
                    int(row["ref_biflows"] or 0))
    if row["class"] in TUNNELS or name in OTHER_CONVERSATIONS or row["ref_ip_packets"] != row["tshark_ip_packets"]:
        return
    for proto, column in ((6, "tshark_tcp_conv"), (17, "tshark_udp_conv")):
        if row[column] != "":
            mine = {t for t in both_ways(tuples) if t[2] == proto and (t[0][1] or t[1][1])}
            count.check(f"{name} {column}", len(mine), int(row[column]))


def export(count, rows):
    receiver = Receiver()
    for row in rows:
        name = row["file"]
        reference = None
        for version in ("10", "9", "5"):
            datagrams, out, err, status = receiver.run(path(row), "-v", version)
            try:
                d = decode(datagrams)
            except (ValueError, KeyError, struct.error) as e:
                count.check(f"{name} v{version}", repr(e), "no error")
                continue
            if version == "10":
                reference = d.flows
                count.check(f"{name} IPFIX", totals(d.flows), expected(row))
                check_tuples(count, row, d.flows)
                faults = [x for x in err.splitlines() if "cannot be looked into" not in x]
                count.check(f"{name} status", (status, len(faults)), (1, 1) if faults else (0, 0))
            elif reference is not None:
                of = [f for f in reference if 8 in f or version == "9"]
                same, got = as_set(of), as_set(d.flows)
                if version == "5":
                    four = (int(row["ref_ip_packets"] or 0) - int(row["ref_ip6_packets"] or 0))
                    if name not in TSHARK_IS_RIGHT:
                        count.check(f"{name} v5", totals(d.flows)[0], four)
                count.check(f"{name} v{version} flows", got == same, True)


def sql(store, query):
    p = subprocess.run(["sqlite3", "-batch", "-noheader", "-separator", "\t", "-cmd",
                        f".load {EXTENSION}", ":memory:", query], capture_output=True, text=True,
                       env=dict(os.environ, FLOWVT_STORE=store))
    return [line.split("\t") for line in p.stdout.splitlines()], p.stderr


def why_no_sql():
    if not os.path.exists(EXTENSION + ".so") or not shutil.which("sqlite3"):
        return "flowvt.so or sqlite3 is not there"
    with tempfile.TemporaryDirectory() as store:
        _, err = sql(store, "SELECT count(*) FROM flows")
        return err.strip().splitlines()[0] if err else None


SUMS = "coalesce(sum(packets), 0), coalesce(sum(bytes), 0)"
TUPLE = """srcip || ' ' || dstip || ' ' || proto || ' ' || coalesce(srcport, 0) || ' ' ||
           coalesce(dstport, 0)"""


def store(count, rows):
    why = why_no_sql()
    if why:
        count.skip("store", why)
        return
    for row in rows:
        with tempfile.TemporaryDirectory() as d:
            subprocess.run([PROBE, "-q", "-r", path(row), "-w", d], stderr=subprocess.DEVNULL)
            got, err = sql(d, f"SELECT {SUMS}, count(DISTINCT {TUPLE}) FROM flows")
            if err or not got:
                count.check(row["file"] + " store", err, "")
                continue
            packets, octets, tuples = map(int, got[0])
            count.check(row["file"] + " store", (packets, octets), expected(row))
            if int(row["ref_fragments"] or 0) == 0 and row["file"] not in TSHARK_IS_RIGHT:
                count.check(row["file"] + " store 5-tuples", tuples, int(row["ref_uniflows"] or 0))


def collect(count, rows):
    why = why_no_sql()
    if why or not os.path.exists(COLLECT):
        count.skip("collect", why or "flowcollect is not there")
        return
    with tempfile.TemporaryDirectory() as d:
        port = free_port()
        p = subprocess.Popen([COLLECT, "-p", str(port), "-w", d], stderr=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL)
        time.sleep(1)
        for version in ("10", "9", "5"):
            for i, row in enumerate(rows):
                subprocess.run([PROBE, "-q", "-r", path(row), "-v", version, "-O", str(i + 1), "-n",
                                f"127.0.0.1:{port}"], stderr=subprocess.DEVNULL)
        time.sleep(1)
        p.send_signal(signal.SIGTERM)
        p.wait(30)
        got, err = sql(d, f"""SELECT version, coalesce(odid, enginetype * 256 + engineid), {SUMS},
                              sum(iif(ipversion = 4 OR instr(srcip, '.') > 0, packets, 0))
                              FROM flows GROUP BY 1, 2""")
        if err:
            count.check("collect", err, "")
            return
        of = {(v, int(i)): (int(packets), int(octets), int(four))
              for v, i, packets, octets, four in got}
        for i, row in enumerate(rows):
            ipfix = of.get(("ipfix", i + 1), (0, 0, 0))
            count.check(row["file"] + " flowcollect ipfix", ipfix[:2], expected(row))
            count.check(row["file"] + " flowcollect v9", of.get(("v9", i + 1), (0, 0, 0)), ipfix)
            count.check(row["file"] + " flowcollect v5", of.get(("v5", i + 1), (0, 0, 0))[0],
                        ipfix[2])


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def nfdump_rows(capture, version):
    """What nfdump says of each flow of the capture, and nfcapd's log."""
    with tempfile.TemporaryDirectory() as d:
        port = free_port()
        log = open(os.path.join(d, "log"), "w+")
        os.mkdir(os.path.join(d, "flows"))
        p = subprocess.Popen(["nfcapd", "-b", "127.0.0.1", "-p", str(port), "-w",
                              os.path.join(d, "flows"), "-t", "3600"], stdout=log, stderr=log)
        time.sleep(0.5)
        subprocess.run([PROBE, "-q", "-r", capture, "-v", version, "-n", f"127.0.0.1:{port}"],
                       stderr=subprocess.DEVNULL)
        time.sleep(0.3)
        p.send_signal(signal.SIGTERM)
        p.wait(30)
        form = "fmt:%ts|%te|%pr|%sa|%da|%sp|%dp|%pkt|%byt"
        out = subprocess.run(["nfdump", "-6", "-N", "-R", os.path.join(d, "flows"), "-q", "-o", form],
                             capture_output=True, text=True, env=dict(os.environ, TZ="UTC")).stdout
        log.seek(0)
        return [[c.strip() for c in line.split("|")] for line in out.splitlines()
                if line.count("|") == 8], log.read()


def milliseconds(text):
    when = datetime.datetime.strptime(text + "000 +0000", "%Y-%m-%d %H:%M:%S.%f %z")
    return round(when.timestamp() * 1000)


def nfcapd(count, rows):
    if not shutil.which("nfcapd") or not shutil.which("nfdump"):
        count.skip("nfcapd", "nfdump is not there")
        return
    wanted = ("mix-apps-a-full.pcap", "mix-apps-a-snap96.pcap", "icmp6-beats-icmp6_ping.pcap",
              "vlan-beats-http_over_vlan.pcap", "sctp-arkime-sctp-www.pcap",
              "link-linux-sll2-pcpp-sll2.pcap", "big-manyflows-zeek-echo-connections.pcap")
    receiver = Receiver()
    for row in rows:
        if row["file"] not in wanted:
            continue
        for version in ("5", "9", "10"):
            name = f"{row['file']} nfcapd v{version}"
            flows = decode(receiver.run(path(row), "-v", version)[0]).flows
            mine = collections.Counter(
                (f["first"], f["last"], *flowexport.ends(f)[:2], f[2], f[1]) for f in flows)
            got, log = nfdump_rows(path(row), version)
            theirs = collections.Counter(
                (milliseconds(r[0]), milliseconds(r[1]),
                 str(ipaddress.ip_address(r[3])), str(ipaddress.ip_address(r[4])), int(r[7]),
                 int(r[8])) for r in got)
            count.check(name + " flows", (len(got), sum((mine - theirs).values())), (len(flows), 0))
            bad = [line for line in log.splitlines()
                   if "Sequence Errors: 0" not in line and
                   any(w in line for w in ("Error", "error", "Sequence", "unknown", "orrupt"))]
            count.check(name + " log", bad, [])


def write_pcap(file, datagrams, port):
    """The datagrams in raw IPv4 and UDP."""
    with open(file, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))
        for i, d in enumerate(datagrams):
            ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 28 + len(d), i & 0xffff, 0, 64, 17, 0,
                             bytes([127, 0, 0, 1]), bytes([127, 0, 0, 1]))
            packet = ip + struct.pack(">HHHH", 40000, port, 8 + len(d), 0) + d
            f.write(struct.pack("<IIII", 1700000000, i, len(packet), len(packet)) + packet)


def tshark(count, rows):
    if not shutil.which("tshark"):
        count.skip("tshark", "tshark is not there")
        return
    receiver = Receiver()
    for row in rows:
        if row["file"] not in ("mix-apps-a-full.pcap", "link-linux-sll2-pcpp-sll2.pcap",
                               "icmp-arkime-cloudshark-arp.pcap", "ip6-ipfixprobe-dnssd.pcap"):
            continue
        for version in ("5", "9", "10"):
            datagrams = receiver.run(path(row), "-v", version)[0]
            if not datagrams:
                continue
            with tempfile.NamedTemporaryFile(suffix=".pcap") as f:
                write_pcap(f.name, datagrams, 2055)
                out = subprocess.run(["tshark", "-r", f.name, "-V", "-d", "udp.port==2055,cflow"],
                                     capture_output=True, text=True).stdout
            bad = {line.strip() for line in out.splitlines()
                   if "Malformed" in line or "Unexpected flow sequence" in line or
                   "No template" in line or "Expert Info (Warn" in line}
            records = out.count("Octets: ")
            count.check(f"{row['file']} tshark v{version}", (bad, records >= len(decode(datagrams).flows)),
                        (set(), True))


def main():
    count = Count()
    routes = sys.argv[1:] or ROUTES
    if not os.path.exists(os.path.join(DATA, "MANIFEST.tsv")):
        count.skip("captures", "../shared/data/traffic is not there")
    elif not os.path.exists(PROBE):
        count.check("flowprobe", "not built", "built")
    else:
        with open(os.path.join(DATA, "MANIFEST.tsv"), newline="") as f:
            rows = list(csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE))
        for route in routes:
            {"export": export, "store": store, "collect": collect, "nfcapd": nfcapd,
             "tshark": tshark}[route](count, rows)
    print(f"{count.passed} passed, {count.failed} failed, {count.skipped} skipped")
    return 1 if count.failed else 0


if __name__ == "__main__":
    sys.exit(main())
