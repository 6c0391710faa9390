#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# kill -9 of flowcollect at random moments under load, KILLS times: what a reader saw before the
# kill is there afterwards, once and unchanged, and the next collector carries on. Numbered flows
# come all the time from one sender. RANDOM's seed is printed; SEED=n repeats it.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

rounds=${KILLS:-10}
seed=${SEED:-$$}
RANDOM=$seed
store=$work/store
export FLOWVT_STORE=$store
free_port

count() {
    sqlite 'SELECT count(*) FROM flows'
}

# Rows that say something else than flow number srcport + 65536 * dstport can (tests/load/flowgen.c).
wrong() {
    sqlite 'WITH f AS (SELECT *, srcport + 65536 * dstport AS n FROM flows)
        SELECT count(*) FROM f WHERE packets <> 1 + n % 7 OR bytes <> packets * (40 + n % 1400)
            OR srcip <> format("10.0.0.%d", n % 251)'
}

# shellcheck disable=SC2317  # called by until_true
grown() {
    [ "$(count)" -gt "$last" ]
}

twice() {
    sqlite 'SELECT count(*) - count(DISTINCT srcport + 65536 * dstport) FROM flows'
}

start "$flowgen" --count 0 --rate 8000 127.0.0.1 "$port" >/dev/null
sender=$!
lost="" again="" stuck=""
for ((round = 1; round <= rounds; round++)); do
    # Odd rounds rotate all the time, even ones come back to the same file.
    collector_start "$store" -t $((round % 2 ? 1 : 300)) 2>>"$work/log" || {
        stuck+=" $round:no-start"
        break
    }
    before=$(count)
    sleep "0.$((RANDOM % 900 + 100))"
    [ $((RANDOM % 3)) = 0 ] && sleep 1.5
    seen=$(count)
    kill -9 "$collector"
    wait "$collector" 2>/dev/null
    after=$(count)
    [ "${after:-0}" -ge "${seen:-0}" ] || lost+=" $round:$seen->$after"
    [ "$(twice)" = 0 ] || again+=" $round"
    last=$after
done
collector_start "$store" -t 300 2>>"$work/log"
until_true 10 grown || stuck+=" end"
kill "$sender"
sleep 0.2
before=$(count)
collector_stop
is "flowcollect ends with 0 on TERM" $? 0
is "$rounds kills (SEED=$seed): nothing that was seen is lost" "$lost" ""
is "$rounds kills (SEED=$seed): nothing is there twice" "$again$(twice)" 0
is "$rounds kills (SEED=$seed): every row is what was sent" "$(wrong)" 0
is "each collector carries on" "$stuck" ""
is "closing keeps every flow" "$([ "$(count)" -ge "$before" ] && echo yes)" yes
is "all files are closed and whole" \
    "$(sqlite "SELECT count(*) FROM flow_files WHERE state <> 'closed' OR damaged_blocks > 0")" 0
result
