#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The command for complete files, and days that the collector merges by itself.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

store=$work/store
export FLOWVT_STORE=$store
day=1699920000 # 2023-11-14 00:00:00

cat >"$work/hook" <<END
#!/bin/sh
[ -f "\$1/\$2" ] && printf '%s\n' "\$#" "\$@" >>"$work/calls"
END
chmod +x "$work/hook"

for text in '' ' ' "run 'x" 'run "x' 'run %' 'run %x' 'run %i'; do
    "$collect" -r "$work/pcap" -w "$store" -x "$text" 2>"$work/said"
    is "command <$text> is refused" "$?|$(grep -c -- '--exec: ' "$work/said")" '2|1'
done

mkdir "$store"
"$flowgen" --count 300 --begin $day --span 500 --pcap "$work/pcap" >/dev/null
"$collect" -r "$work/pcap" -w "$store" -x "$work/hook %d %f %t '%u a;b' \"\$HOME\" x%%y" 2>"$work/said"
is "it is run for each file, in order, without a shell" "$(cat "$work/calls")" "6
$store
2023/11/14/flows.202311140000.fvt
202311140000
1699920000 a;b
\$HOME
x%y
6
$store
2023/11/14/flows.202311140005.fvt
202311140005
1699920300 a;b
\$HOME
x%y"
is "it has nothing to say otherwise" "$(grep -c hook "$work/said")" 0

rm -r "$store"; mkdir "$store"
"$collect" -r "$work/pcap" -w "$store" -x "$work/none %f" 2>"$work/said"
is "a command that is not there is said, and no failure of ours" \
    "$?|$(grep -c "none was not run: No such file" "$work/said")" '0|2'
rm -r "$store"; mkdir "$store"
"$collect" -r "$work/pcap" -w "$store" -x "false" 2>"$work/said"
is "so is one that fails" "$?|$(grep -c "false ended with 1" "$work/said")" '0|2'

# Live: while a command takes its time, flows are received and can be seen.
rm -r "$store" "$work/calls"
cat >"$work/slow" <<END
#!/bin/sh
echo \$\$ >>"$work/running"
while [ ! -e "$work/go" ]; do sleep 0.1; done
echo "\$1" >>"$work/calls"
END
chmod +x "$work/slow"
free_port
collector_start "$store" -t 1 --exec "$work/slow %f" 2>"$work/said"
"$flowgen" --count 1500 --rate 500 127.0.0.1 "$port" >/dev/null
until_true 10 test -s "$work/running"
"$flowgen" --count 1000 --first 1500 --rate 500 127.0.0.1 "$port" >/dev/null
# shellcheck disable=SC2317 # called by its name
seen() { [ "$(sqlite 'SELECT count(*) FROM flows')" = 2500 ]; }
until_true 10 seen
is "nothing waits for a slow command" "$(sqlite 'SELECT count(*) FROM flows')|$(wc -l <"$work/running")" "2500|1"
touch "$work/go"
collector_stop
is "it ends with 0" $? 0
is "all files had their turn" "$(sort "$work/calls")" "$(cd "$store" && find . -name 'flows.*' -printf '%P\n' | sort)"
is "no child is left" "$(while read -r p; do [ ! -e "/proc/$p" ] || echo "$p"; done <"$work/running")" ""

# ---- merging -----------------------------------------------------------------------------------

fill() { # DAYS
    "$flowgen" --count 1000 --begin $(($(date +%s) / 86400 * 86400 - $1 * 86400)) --span 7000 --pcap "$work/pcap" >/dev/null
    "$collect" -r "$work/pcap" -w "$store" 2>>"$work/log"
}
if [ "$(date -u +%H%M)" -lt 0015 ] || [ "$(date -u +%H%M)" -gt 2355 ]; then
    skip "days are merged" "not around midnight"
    result
fi
rm -r "$store"; mkdir "$store"
fill 2
free_port
collector_start "$store" --no-merge 2>"$work/said"
plain=$collector
other=$store
store=$work/merged
cp -r "$other" "$store"
rm "$store/.lock"
free_port
collector_start "$store" --rollups srcip 2>"$work/said2"
until_true 30 grep -q 'files merged into 1 day$' "$work/said2"
FLOWVT_STORE=$store
is "a day that is over is merged by the collector" \
    "$(sqlite "SELECT state, count(*), sum(rows) FROM flow_files GROUP BY state")" "day|1|1000"
"$flowgen" --count 100 --rate 500 127.0.0.1 "$port" >/dev/null
collector_stop
is "and ends with 0" $? 0
is "and writes meanwhile" "$(sqlite "SELECT count(*) FROM flows")" 1100
kill -TERM "$plain" && wait "$plain"
is "not with --no-merge" "$(FLOWVT_STORE=$other sqlite "SELECT state, sum(rows) FROM flow_files GROUP BY state")" "closed|1000"

# Killed while it merges: the next one does it.
rm -r "$store"; cp -r "$other" "$store"
free_port
collector_start "$store" 2>"$work/said"
until_true 20 pgrep -P "$collector" >/dev/null
kill -9 "$collector"
wait "$collector" 2>/dev/null || true
rm -f "$work/said"
free_port
collector_start "$store" 2>"$work/said"
# shellcheck disable=SC2317 # called by its name
merged() { [ "$(sqlite "SELECT count(*) FROM flow_files WHERE state = 'day'")" = 1 ]; }
until_true 30 merged
is "a collector that was killed is no obstacle" "$(sqlite 'SELECT count(*) FROM flows')|$(sqlite "SELECT count(*) FROM flow_files WHERE state = 'day'")" '1000|1'
collector_stop
is "after that it ends with 0" $? 0
result
