#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The exporters that may send, by network, and their names; HUP takes others from the file.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

store=$work/store
conf=$work/conf
export FLOWVT_STORE=$store
free_port

flows() { sqlite 'SELECT count(*) FROM flows'; }
# shellcheck disable=SC2317  # called by until_true
has() { [ "$(flows)" = "$1" ]; }
idents() { sqlite 'SELECT exporter, ident, count(*) FROM flows GROUP BY 1, 2 ORDER BY 1, 2'; }
send() { "$flowgen" --version 5 --count 580 --exporters 4 --rate 20000 127.0.0.1 "$port" >/dev/null; }

cat >"$conf" <<CONF
source = local,127.0.0.0/30,::1
source = second,127.0.0.2
CONF
collector_start "$store" -C "$conf" 2>"$work/log" || exit 1
send
until_true 10 has 435
is "sources have their names, the smallest network first" "$(idents)" "127.0.0.1|local|145
127.0.0.2|second|145
127.0.0.3|local|145"
is "ident in a filter" "$(sqlite "SELECT count(*) FROM flows WHERE filter = 'ident second'")" 145

# 127.0.0.4 was left out; on HUP it may.
cat >"$conf" <<CONF
source = all,127.0.0.0/8
CONF
kill -HUP "$collector"
until_true 10 grep -q 'flows 435' "$work/log"
is "what is dropped is counted by sender" "$(grep -c '127.0.0.4: is no source, 5 datagrams were dropped' "$work/log")" 1
send
until_true 10 has 1015
is "HUP: other sources" "$(idents | grep all)" "127.0.0.1|all|145
127.0.0.2|all|145
127.0.0.3|all|145
127.0.0.4|all|145"

# A file with a mistake leaves everything as it is.
printf 'source = all\n' >"$conf"
kill -HUP "$collector"
until_true 10 grep -q 'stay as they were' "$work/log"
is "HUP: a mistake is named with its line" "$(grep -c "$conf:1: source: 'all'" "$work/log")" 1
send
until_true 10 has 1595
is "HUP: and nothing changes" "$(flows)" 1595
collector_stop
is "flowcollect ends with 0" $? 0
is "no flow is twice, over the rotations of HUP" "$(sqlite "SELECT count(*), sum(rows) FROM (SELECT rows FROM flow_files WHERE state = 'closed')")" "3|1595"

"$collect" -n 'a,10.0.0.0/8' -n 'b,10.0.0.0/8' -p "$port" -w "$store" 2>"$work/log"
is "two names for one network are refused" "$?|$(grep -c "the same network is 'a' and 'b'" "$work/log")" "1|1"
result
