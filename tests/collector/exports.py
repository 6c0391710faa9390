#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks flowcollect against every capture of real exporters in ../shared/data/export.

usage: exports.py [--build DIR] [--data DIR] [NAME ...]

Three ways in: `-r FILE --dump`, `-r FILE -w STORE` read back with SQL, and the datagrams of all captures
sent over loopback to one running flowcollect. The first is compared with what an independent
decoder found (MANIFEST.tsv, columns ref_*): datagrams, records, octets, packets, octets after the
exporter or of the reverse direction, distinct pairs of addresses, first and last time; and with the
values kept by the projects that the captures come from (golden/), field by field. The other two must
give the same rows as the first.

TOOLS says, of captures where the tools behind the figures disagree, which is right and why;
DIFFERS where flowcollect gives another figure than the reference, and why that is right.
"""
import argparse, base64, collections, csv, datetime, json, os, re, shutil, signal, socket, sqlite3
import subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
import capture

# Captures where tshark, nfdump, the reference decoder or the golden values differ. In all of them
# flowcollect agrees with the reference, a plain decoder written from the RFCs.
TOOLS = {
    "cisco-avc-ipfix.pcap": "octets and packets are those of initiator and responder (231, 232, "
        "298, 299); nfdump has no place for them",
    "cisco-ipfix-options-map-reassign.pcap": "one router and domain from two ports, which number "
        "apart and send the same templates: they serve for both, tshark keeps them per port",
    "h3c-nf9-netstream.pcap": "a field of unexpected length is stepped over; tshark gives up on it",
    "malformed-ipfix-calmh-truncated.pcap": "the whole records before the cut are good; tshark and "
        "nfdump drop the message",
    "malformed-nf5-invalid01.pcap": "30 records are there whatever the count says; nfcapd refuses "
        "the datagram",
    "malformed-nf9-invalid01.pcap": "the count of the v9 header is too low, what is there counts; "
        "tshark stops early and the golden list is empty",
    "minimal-netflow-parser-a.pcap": "nfdump multiplies by a sampling rate",
    "multiple-sampling-rates-nf9.pcap": "counters are kept as sent; nfdump multiplies",
    "openvswitch-ipfix-live.pcap": "deltas (1, 2) are sent beside running totals (85, 86): only the "
        "deltas may be added up; nfdump keeps the totals",
    "softflowd-nf5-ssh.pcap": "the golden values are those of the first datagram",
    "unknown-ipfix-template-and-data-2-messages.pcap": "four messages in one datagram: all are "
        "read; tshark and nfdump read the first",
    "unknown-nf5-graylog.pcap": "the header says 1:100; nfdump multiplies",
    "unknown-nf9-graylog-v9-1.pcap": "the count of the v9 header is too low; tshark stops early",
    "unknown-nf9-graylog.pcap": "the count of the v9 header is too low; tshark stops early",
    "vflow-ipfix-templates-multi.pcap": "whole records of a message with a wrong length are good; "
        "tshark and nfdump drop it",
}

HELD = "a data set comes before its template and is decoded when that comes; the tools drop it"
WRAP = "First is 1 ms before the uptime was 0: 4294967295; the tools take it for 49 days later"
NOW = ("made with an uptime of 0: a Last of 2^32 - 65437 is that long before the export, which the tools put "
       "49 days after it; they leave out a First of 0, which is 1970")
DIFFERS = {
    "cisco-avc-ipfix.pcap": ("client and server (PEN 9, 12236 and 12237) are the addresses of the flow, as nfdump has it; the "
                             "reference has neither", {"pairs": 24}),
    "cisco-nf9-options-templates-data.pcap": (HELD, {
        "v9 records": 21, "bytes": 58329, "packets": 66, "pairs": 21, "first": 1684085310480}),
    "unknown-ipfix-data-and-template.pcap": (HELD, {
        "v10 records": 4, "bytes": 380, "packets": 4, "pairs": 4, "first": 1536874746901}),
    "sflow-goflow2-drops.pcap": ("a discarded packet is a row that counts nothing; the tools pass over it", {
        "sflow records": 2}),
    "softflowd-nf5-ssh.pcap": (WRAP, {"first": 1430591884898}),
    "unknown-nf9-graylog-v9-1.pcap": (WRAP, {"first": 1430604601074}),
    "softflowd-nf9-template-then-data.pcap": (
        "the flows are older than the exporter's uptime of 3 ms; the tools put them 49 days after "
        "the export", {"first": 1553866030664, "last": 1553866328276}),
}
SECTION = ("the first octets of a packet, of which the exporter sends no more: the packet counts, with the length that its IP "
           "header says; the tools add up counters alone")
DIFFERS.update({
    name: (SECTION, {"packets": 1, "bytes": octets, "pairs": 1}) for name, octets in (
        ("ipfix-datalink-section.pcap", 96), ("ipfix-srv6-section.pcap", 104), ("juniper-ipfix-cpid.pcap", 104))})
DIFFERS.update({
    f"flowtools-{name}.pcap": (NOW, {"first": 0, "last": -65437})
    for name in ("nf1-gen", "nf7-gen", "nf8-01-as", "nf8-02-proto-port", "nf8-04-dst-prefix", "nf8-05-prefix",
                 "nf8-07-src-dst", "nf8-09-as-tos", "nf8-11-src-prefix-tos", "nf8-13-prefix-tos")})
# Golden values that flowcollect differs from on purpose: capture -> (why, keys).
GOLDEN_DIFFERS = {
    name: ("two headers of a tunnel: the golden values are the addresses of the outer one with the "
           "ports and protocol of the inner one; flowcollect takes all from the inner one",
           {"src", "dst"})
    for name in ("cisco-ipfix-srv6-bgp.pcap", "cisco-ipfix-srv6-bgp-lcomms.pcap")
}
GOLDEN_DIFFERS["softflowd-nf5-ssh.pcap"] = (
    "First as above; for Last the golden value is a second more than header time and uptimes give",
    {"first_ms", "last_ms"})

GOLDEN_DIFFERS["sflow-telegraf-15918.pcap"] = (
    "the golden input of packets sampled at the output is the data source; the golden protocol of IPv6 is that of "
    "the first extension header", {"in_if", "proto"})

OURS = {**{v: v for v in ("v1", "v5", "v6", "v7", "v8", "v9")}, "v10": "ipfix", "sflow5": "sflow", "sflow": "sflow"}
TOKEN = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)')


class Tally:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def check(self, name, what, got, want):
        if name in DIFFERS and what in DIFFERS[name][1]:
            want = DIFFERS[name][1][what]
        if got == want:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED {name}: {what}: got {got}, expected {want}")

    def skip(self, what):
        self.skipped += 1
        print(f"skip {what}")


def parse_row(line):
    row = {}
    for name, value in TOKEN.findall(line):
        row[name] = value[1:-1] if value.startswith('"') else value
    return row


def to_ms(text):
    """Milliseconds of 'YYYY-MM-DDTHH:MM:SS.SSS'."""
    date, clock = text.split("T")
    y, m, d = map(int, date.split("-"))
    h, mi, s = clock.split(":")
    days = datetime.date(y, m, d).toordinal() - 719163
    return ((days * 24 + int(h)) * 60 + int(mi)) * 60000 + round(float(s) * 1000)


def number(text):
    return int(text) if text else 0


def by_version(text):
    """'v10:3;v5:1' as a dictionary."""
    return {k: int(v) for k, v in (x.split(":") for x in text.split(";"))} if text else {}


def dump(build, path):
    done = subprocess.run([f"{build}/flowcollect", "-r", path, "--dump"], capture_output=True,
                          text=True, timeout=60)
    return done.returncode, [parse_row(l) for l in done.stdout.splitlines()], done.stderr


def totals(rows):
    """The figures of the manifest, from rows."""
    def add(name):
        return sum(int(r.get(name, 0)) for r in rows)
    return {
        "bytes": add("bytes"), "packets": add("packets"), "outbytes": add("outbytes"),
        "outpackets": add("outpackets"),
        "pairs": len({(r.get("srcip"), r.get("dstip")) for r in rows
                      if "srcip" in r and "dstip" in r}),
    }


def compare(tally, name, rows, m):
    versions = collections.Counter(r["version"] for r in rows)
    for v, n in by_version(m["ref_records"]).items():
        if v in OURS:
            tally.check(name, f"{v} records", versions.pop(OURS[v], 0), n)
    tally.check(name, "records of other versions", dict(versions), {})
    got = totals(rows)
    tally.check(name, "bytes", got["bytes"], number(m["ref_bytes"]))
    tally.check(name, "packets", got["packets"], number(m["ref_packets"]))
    tally.check(name, "pairs", got["pairs"], number(m["ref_pairs"]))
    tally.check(name, "bytes out or reverse", got["outbytes"],
                number(m["ref_out_bytes"]) + number(m["ref_rev_bytes"]))
    # Rows without any exported time have the time of arrival; the manifest leaves them out.
    timed = [r for r in rows if not r["tstart"] == r["tend"] == r["trecv"]]
    if m["ref_first_ms"] and timed:
        tally.check(name, "first", min(to_ms(r["tstart"]) for r in timed), int(m["ref_first_ms"]))
    if m["ref_last_ms"] and timed:
        tally.check(name, "last", max(to_ms(r["tend"]) for r in timed), int(m["ref_last_ms"]))


# Golden key -> our field. Those behind "." are in the object "other".
GOLDEN = {
    "src": "srcip", "dst": "dstip", "sport": "srcport", "dport": "dstport", "proto": "proto",
    "bytes": "bytes", "packets": "packets", "in_if": "inif", "out_if": "outif", "tos": "tos",
    "tcp_flags": "tcpflags", "src_as": "srcas", "dst_as": "dstas", "src_mask": "srcmask",
    "dst_mask": "dstmask", "nexthop": "next", "direction": "direction", "first_ms": "tstart",
    "last_ms": "tend", "fw_event": "fwevent", "out_bytes": "outbytes",
    "out_packets": "outpackets", "xlate_src": "natsrcip", "xlate_dst": "natdstip",
    "xlate_sport": "natsrcport", "xlate_dport": "natdstport",
    ".ip_version": "ipversion", ".ipVersion": "ipversion", ".flow_end_reason": "endreason",
    ".flowEndReason": "endreason", ".ingressVRFID": "ivrf", ".egressVRFID": "evrf",
    ".ingress_vrfid": "ivrf", ".egress_vrfid": "evrf", ".forwardingStatus": "fwdstat",
    ".forwarding_status": "fwdstat", ".minimumTTL": "minttl", ".maximumTTL": "maxttl",
    ".flowLabelIPv6": "flowlabel", ".dot1qVlanId": "srcvlan", ".dot1qCustomerVlanId": "cvlan",
    ".sourceMacAddress": "insrcmac", ".source_mac_address": "insrcmac",
    ".destinationMacAddress": "indstmac", ".ethernetType": "ethertype",
    ".ethernet_type": "ethertype", ".selectorId": "samplerid", ".samplerId": "samplerid",
    ".bgp_next_hop_ipv4_address": "bgpnext", ".engine_id": "engineid",
    ".engine_type": "enginetype", ".flow_id": "flowid", ".asa_fw_event": "fwevent",
    ".fw_ext_event": "fwxevent", ".asa_username": "username",
    ".asa_xlate_src_addr_ipv4": "natsrcip", ".asa_xlate_dst_addr_ipv4": "natdstip",
    ".asa_xlate_src_port": "natsrcport", ".asa_xlate_dst_port": "natdstport",
    ".icmp_type_ipv4": "icmptype", ".icmp_code_ipv4": "icmpcode",
    ".application_id": "appid", ".post_vlan_id": "dstvlan", ".delta_flow_count": "flows",
    ".egress_physical_interface": "outphysif", ".ingress_physical_interface": "inphysif",
    ".biflow_direction": "biflowdir", ".observation_point_id": "opid", ".maximum_ttl": "maxttl",
}


def golden_rows(path):
    with open(path) as f:
        lines = [json.loads(line) for line in f]
    flows = []
    for line in lines[1:]:
        if line["kind"] == "flow":
            other = line.pop("other", {})
            line.update({"." + k: v for k, v in other.items()})
            flows.append(line)
    return lines[0], flows


def appid(b64):
    octets = base64.b64decode(b64)
    selector = octets[1:]
    if octets[0] == 20 and len(octets) > 5:  # an enterprise number precedes the selector
        return f"20:{int.from_bytes(octets[1:5], 'big')}:{int.from_bytes(octets[5:], 'big')}"
    return f"{octets[0]}:{int.from_bytes(selector, 'big')}" if selector else None


def same(key, want, row):
    field = GOLDEN[key]
    got = row.get(field)
    if key == ".application_id" and isinstance(want, str):
        want = appid(want)
    if isinstance(want, str) and re.fullmatch("0x[0-9a-f]+", want):
        want = int(want, 16)
    if field == "endreason":
        want = {"idletimeout": 1, "activetimeout": 2, "endofflow": 3}.get(want, want)
    if field == "ipversion":
        want = {"IPv4": 4, "IPv6": 6}.get(want, want)
    if isinstance(want, (list, dict)):
        return True  # decoded into parts: not comparable here
    if field == "direction":
        want = {"ingress": 0, "egress": 1}.get(want, want)
        if want == 255:
            want = None
    if got is None and field in ("srcport", "dstport", "icmptype", "icmpcode"):
        # Type and code of ICMP have columns of their own, and belong to ICMP alone.
        return want is None or (row.get("proto") in ("1", "58")) == field.endswith("port")
    if field in ("tstart", "tend"):
        return to_ms(got) == want
    return got == (None if want is None else str(want))


def compare_golden(tally, name, rows, path):
    head, want = golden_rows(path)
    if "aggregated" in head.get("note", ""):
        for key in ("bytes", "packets"):
            tally.check(name, f"golden {key}", totals(rows)[key], sum(g[key] for g in want))
        return
    if head.get("complete", True) and (want or name not in TOOLS):
        tally.check(name, "golden records", len(rows), len(want))
    not_here = GOLDEN_DIFFERS.get(name, ("", set()))[1]
    for i, gold in enumerate(want):
        row = rows[gold.get("index", i)] if i < len(rows) else {}
        wrong = {k: (v, row.get(GOLDEN[k])) for k, v in gold.items()
                 if k in GOLDEN and k not in not_here and not same(k, v, row)}
        tally.check(name, f"golden record {i + 1}", wrong, {})


# ---- the other ways in ----------------------------------------------------------------------

def load_extension(build):
    db = sqlite3.connect(":memory:")
    try:
        db.enable_load_extension(True)
        db.load_extension(os.path.abspath(f"{build}/flowvt"))
        db.execute("SELECT raw_bytes FROM flows WHERE store = '/nonexistent' LIMIT 0").fetchall()
        return db
    except (AttributeError, sqlite3.Error) as e:
        return str(e)


def compare_store(tally, db, build, name, path, rows):
    store = tempfile.mkdtemp(prefix="exports-")
    try:
        done = subprocess.run([f"{build}/flowcollect", "-r", path, "-w", store],
                              capture_output=True, text=True, timeout=60)
        tally.check(name, "exit status with -w", done.returncode, 0)
        got = db.execute(
            "SELECT count(*), total(raw_bytes), total(raw_packets), "
            "count(DISTINCT srcip || ' ' || dstip) FROM flows WHERE store = ?",
            (store,)).fetchone()
        want = totals(rows)
        tally.check(name, "records, bytes, packets, pairs from the store", tuple(map(int, got)),
                    (len(rows), want["bytes"], want["packets"], want["pairs"]))
        got = db.execute("SELECT total(flows), total(packets), total(bytes) FROM flow_exporters "
                         "WHERE store = ?", (store,)).fetchone()
        tally.check(name, "flow_exporters", tuple(map(int, got)),
                    (len(rows), want["packets"], want["bytes"]))
    finally:
        shutil.rmtree(store)


def same_rows(got, want):
    """Whether they say the same but for where and when they were received."""
    def clean(row, untimed):
        return {k: v for k, v in row.items() if k not in ("trecv", "exporter") and not (
            untimed and k in ("tstart", "tend"))}
    if len(got) != len(want):
        return f"{len(got)} rows, not {len(want)}"
    for i, (g, w) in enumerate(zip(got, want)):
        # A time may be that of the arrival, which is another one here.
        untimed = w["trecv"] in (w["tstart"], w["tend"])
        if clean(g, untimed) != clean(w, untimed):
            return f"row {i + 1}: {g}, not {w}"
    return "the same"


def free_port():
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        s.bind(("::", 0))
        return s.getsockname()[1]


def over_loopback(tally, build, captures):
    """Send the datagrams of all captures, each exporter's from an address of its own."""
    port = free_port()
    out = tempfile.TemporaryFile("w+")
    p = subprocess.Popen([f"{build}/flowcollect", "-p", str(port), "--dump"], stdout=out,
                         stderr=subprocess.PIPE, text=True)
    line = p.stderr.readline()
    tally.check("loopback", "says where it listens", f"port {port}" in line, True)
    sources_of, sent = [], 0
    for i, (name, path, rows) in enumerate(captures):
        sources = {}
        for address, _, payload in capture.datagrams(path):
            if address not in sources:
                k = len(sources)
                sources[address] = s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                s.bind((f"127.{i // 250 + 1}.{i % 250 + 1}.{k + 1}", 0))
            sources[address].sendto(payload, ("127.0.0.1", port))
            sent += 1
            if sent % 16 == 0:
                time.sleep(0.002)
        here = {}
        for address, s in sources.items():
            ip = socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)
            here[ip] = s.getsockname()[0]
            s.close()
        sources_of.append((name, here, rows))
    time.sleep(0.5)
    p.send_signal(signal.SIGTERM)
    p.stderr.read()
    tally.check("loopback", "exit status after TERM", p.wait(timeout=20), 0)
    out.seek(0)
    got = collections.defaultdict(list)
    for line in out:
        row = parse_row(line)
        got[row["exporter"]].append(row)
    # The exporter of sFlow is the agent, wherever the datagrams come from.
    expected = collections.defaultdict(lambda: ([], []))
    for name, here, rows in sources_of:
        for row in rows:
            ip = row["exporter"]
            if row["version"] != "sflow" or ip not in got:
                ip = here[ip]
            expected[ip][0].append(name)
            expected[ip][1].append(row)
    for ip, (names, rows) in expected.items():
        tally.check(", ".join(sorted(set(names))), f"rows over loopback from {ip}",
                    same_rows(got.pop(ip, []), rows), "the same")
    tally.check("loopback", "exporters", list(got), [])


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--build", default=os.path.join(ROOT, "build"))
    ap.add_argument("--data", default=os.path.join(ROOT, "..", "shared", "data", "export"))
    ap.add_argument("names", nargs="*")
    a = ap.parse_args()
    tally = Tally()
    if not os.path.isdir(a.data):
        print(f"skip captures of real exporters: {a.data} is not there")
        print("0 passed, 0 failed, 1 skipped")
        return 77
    db = load_extension(a.build)
    if isinstance(db, str):
        tally.skip(f"reading back with SQL: {db}")
    with open(os.path.join(a.data, "MANIFEST.tsv"), newline="") as f:
        manifest = list(csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE))
    captures = []
    for m in manifest:
        name = m["file"]
        if a.names and not any(n in name for n in a.names):
            continue
        path = os.path.join(a.data, name)
        code, rows, err = dump(a.build, path)
        tally.check(name, "exit status", code, 0)
        if not any(v in OURS for v in by_version(m["versions"])):
            # Protocols that flowcollect does not know yet: no rows, no harm.
            tally.check(name, "rows", len(rows), 0)
            continue
        captures.append((name, path, rows))
        count = re.search(r"(\d+) datagrams,", err)
        tally.check(name, "datagrams", int(count.group(1)) if count else err, int(m["datagrams"]))
        compare(tally, name, rows, m)
        golden = os.path.join(a.data, "golden", re.sub(r"\.pcap(ng)?$", "", name) + ".golden.jsonl")
        if os.path.exists(golden):
            compare_golden(tally, name, rows, golden)
        if not isinstance(db, str):
            compare_store(tally, db, a.build, name, path, rows)
    over_loopback(tally, a.build, captures)
    print(f"{tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
