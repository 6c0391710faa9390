# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # work and port are those of tests/lib.sh
#
# For tests that source it, behind tests/lib.sh: the same flows in a store of flowcollect and in files of
# nfcapd, and how many flows, packets and octets a filter finds in each. NFDUMP and NFCAPD in the
# environment name another version; nfcapd then gets its directory with $NFCAPD_DIR (-w).
nfdump=${NFDUMP:-nfdump} nfcapd=${NFCAPD:-nfcapd}
if ! have "$nfdump" || ! have "$nfcapd" || ! [ -x /usr/bin/python3 ]; then
    skip "filters beside nfdump's" "no nfdump, nfcapd or python3"
    exit 77
fi

# Start both, run COMMAND with their ports behind it, and stop both.
collect_both() { # COMMAND...
    free_port
    collector_start "$work/store" || exit 1
    local ours=$port theirs
    free_port
    mkdir "$work/nf"
    TZ=UTC start "$nfcapd" -p "$port" "${NFCAPD_DIR:--l}" "$work/nf" -t 3600 >"$work/nfcapd.log" 2>&1
    theirs=$!
    until_true 10 listening "$port"
    "$@" "$ours" "$port"
    sleep 1.5
    kill -TERM "$theirs" && wait "$theirs"
    collector_stop
    export FLOWVT_STORE=$work/store
}
of_nfdump() { # FILTER OPTION...: flows|packets|octets
    TZ=UTC "$nfdump" -q -N -R "$work/nf" -o 'fmt:%pkt %byt' "${@:2}" "$1" 2>"$work/err" |
        awk 'NF == 2 && $1 ~ /^[0-9]+$/ { n++; p += $1; b += $2 } END { print n + 0 "|" p + 0 "|" b + 0 }'
}
of_sql() { # CONDITION
    sqlite "SELECT count(*), ifnull(sum(packets), 0), ifnull(sum(bytes), 0) FROM flows WHERE $1" 2>&1
}
of_flowvt() {
    of_sql "filter = '${1//\'/\'\'}'"
}
knows() { # FILTER: does nfdump?
    TZ=UTC "$nfdump" -Z "$1" >/dev/null 2>&1
}
