#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The table of questions in README.md: each command's answer about the bundled capture, with the site of
# tests/data/lab.site.sql. `make docs` puts it there, and tests/e2e/readme.sh fails when it is not what is there.
# shellcheck disable=SC2016  # the program in Python
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"

# question | command | columns of the answer, "2:" before them for those of its second table
questions() {
    cat <<'END'
Who uses the bandwidth? | users --n 3 | who sent received percent
What did a user send and receive, by zone? | zones --user ann | zone sent received percent
... a group? | zones --group students | zone sent received percent
... a host, or a network? | zones --host 192.168.1.20 | zone sent received percent
What is the share of an application? | applications --application http | application flows bytes bytes %
Did the change help? | change --change '2026-11-23 18:13' --n 2 | item before after percent
Where are spikes, and what is in them? | spikes --bucket 10 --n 1 | time measure value usual srcip dstip port part
Why is my bill so high? | bill --month 2026-11 --user bob | 2:customer octets price currency state next
... on which days? | bill-days --month 2026-11 --user 'bob' | day bytes next
... which hosts? | bill-hosts --day 2026-11-24 --user 'bob' | host bytes next
... with whom? | bill-peers --day 2026-11-24 --host 192.168.1.20 --user 'bob' | peer zone bytes next
... what? | bill-ports --day 2026-11-24 --host '192.168.1.20' --user 'bob' --peer 203.0.113.10 | application bytes next
... which flows? | bill-flows --day 2026-11-24 --host '192.168.1.20' --user 'bob' --peer '203.0.113.10' --proto tcp --port 80 | first_seen host port peer peer_port flows bytes next
Host X was broken into on port Y: by whom, and where else were they? | broken-into --host 198.51.100.5 --port 22 | suspect visits hosts_visited hosts_tried
Which applications in "other" are new? | new-applications --n 2 | proto port peers bytes before
What else was on the line while the call was bad? | bad-call --host 192.168.1.30 --n 2 | 3:srcip dstip application dscp bps share
Who caused the proxy's traffic? | proxy --proxy 192.168.1.20 --ports 5201 | client received percent line
What do flows, packets and bytes look like over time, and in a flood? | series-syn --bucket 10 --since '2026-11-23 18:13' | time flows packets bytes bpp syn_flows syn_ack_flows
Whom does it hit? | syn-flood | dstip dstport flows sources answers established
What was lost, what was sampled? | losses | version flows lost sampling
Can the figures be trusted? | accuracy | exporter ifIndex octets_in flows_in
How long will the disk last? | store | 2:first_day last_day files flows
END
}

table() {
    questions | /usr/bin/python3 -c '
import json, shlex, subprocess, sys
print("| question | command | answer |\n|---|---|---|")
following = None  # what the answer before says is next
for line in sys.stdin:
    question, command, columns = (x.strip() for x in line.split(" | "))
    number, colon, columns = columns.rpartition(":")
    ran = subprocess.run([sys.argv[1], *shlex.split(command), "--format", "json"], capture_output=True, text=True)
    if ran.returncode or ran.stderr:
        sys.exit("%s: %s" % (command, ran.stderr))
    rows = json.loads(ran.stdout)["results"][int(number or 1) - 1]["rows"]
    if command.startswith("bill-") and following != "flowreport " + command:
        sys.exit("%s: the step before says %s" % (command, following))
    following = rows[0].get("next") if rows else None
    columns = columns.replace(" %", "_%").split()
    def cell(row, column):
        value = row[column.replace("_%", " %") if column.endswith("_%") else column]
        if column == "next":
            return "`%s`" % value
        return "-" if value is None else str(value)
    lines = ["*" + " · ".join(c.replace("_%", " %") for c in columns) + "*"]
    lines += [" · ".join(cell(r, c) for c in columns) for r in rows[:8]]
    if not rows:
        lines = ["no row: the capture has no counters of interfaces"] if command == "accuracy" else sys.exit(command + ": no answer")
    print("| %s | `flowreport %s` | %s |" % (question, command, "<br>".join(lines)))
' "$BUILD/flowreport"
}

export FLOWVT_STORE=$work/store FLOWVT_SITE=$work/site.db
{
    "$probe" -r "$lab" -w "$FLOWVT_STORE" &&
        sqlite3 -batch -bail -cmd ".load $BUILD/flowvt" "$FLOWVT_SITE" '.read schema/site.sql' '.read tests/data/lab.site.sql' &&
        sqlite3 -batch -bail -cmd ".load $BUILD/flowvt" "$FLOWVT_SITE" <queries/update/usage.sql
} >"$work/log" 2>&1 || exit 1
table >"$work/table" || exit 1
[ "${1:-}" = --write ] || {
    cat "$work/table"
    exit
}
awk -v table="$work/table" '
    /^<!-- questions -->/ { print; while ((getline line < table) > 0) print line; skip = 1; next }
    /^<!-- end of questions -->/ { skip = 0 }
    !skip' README.md >"$work/README.md"
cat "$work/README.md" >README.md
