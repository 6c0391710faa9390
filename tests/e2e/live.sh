#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A flow is in the answers two seconds after its datagram arrived, and once, before, during and
# after rotation: a reader queries in a loop while a collector that rotates every two seconds is
# being sent numbered flows. Arrival is what the collector wrote down (trecv), so a sender that is
# late on a busy machine does not matter.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

store=$work/store
flows=6000
free_port
collector_start "$store" -t 2 || exit 1
export FLOWVT_STORE=$store
start "$flowgen" --count $flows --rate 500 127.0.0.1 "$port" >"$work/sent"
sender=$!

# One line a query: when it began (ms), flows, distinct flows.
while kill -0 $sender 2>/dev/null; do
    echo "$(date +%s%3N)|$(sqlite 'SELECT count(*), count(DISTINCT srcport + 65536 * dstport) FROM flows')"
done >"$work/seen"
sleep 1.2
echo "$(date +%s%3N)|$(sqlite 'SELECT count(*), count(DISTINCT srcport + 65536 * dstport) FROM flows')" \
    >>"$work/seen"
files_live=$(sqlite 'SELECT count(*) FROM flow_files')
collector_stop
is "flowcollect ends with 0 on TERM" $? 0

is "every flow is there once at the end" \
    "$(sqlite 'SELECT count(*), count(DISTINCT srcport + 65536 * dstport) FROM flows')" "$flows|$flows"
is "the reader got an answer every time" "$(grep -cvE '^[0-9]+\|[0-9]+\|[0-9]+$' "$work/seen")" 0
is "no flow was ever seen twice" "$(awk -F'|' '$2 != $3' "$work/seen" | head -n 1)" ""
is "no flow ever went away again" \
    "$(awk -F'|' '$2 < n { print "from " n " to " $0; exit } { n = $2 }' "$work/seen")" ""

sqlite 'SELECT trecv_ms, count(*) FROM flows GROUP BY 1 ORDER BY 1' >"$work/arrived"
is "a flow is seen two seconds after its arrival" "$(awk -F'|' '
    BEGIN { i = 0 }
    NR == FNR { at[n++] = $1; sum[n - 1] = total += $2; next }
    {
        while (i < n && at[i] <= $1 - 2000) due = sum[i++]
        if ($2 < due) { print $2 " of " due " at " $1; exit }
    }' "$work/arrived" "$work/seen")" ""
if [ "$(wc -l <"$work/seen")" -ge 20 ] && [ "$files_live" -ge 4 ]; then
    ok "it was looked at often ($(wc -l <"$work/seen") queries over $files_live files)"
else
    not_ok "it was looked at often" "$(wc -l <"$work/seen") queries over $files_live files"
fi
result
