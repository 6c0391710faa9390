# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# shellcheck disable=SC2034  # what is set here is used by those that source it
#
# What the end-to-end tests share; sourced from the top of each. Afterwards the working directory
# is the tree's top, $work an empty directory that goes away at the end together with every
# process started with `start`, and $probe, $collect and sqlite are the programs under test.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2
BUILD=${BUILD:-build}
case $BUILD in /*) ;; *) BUILD=$PWD/$BUILD ;; esac
probe=$BUILD/flowprobe
collect=$BUILD/flowcollect
flowgen=$BUILD/tests/load/flowgen
lab=tests/data/lab.pcap
data=../shared/data # captures that some developers have beside the tree
work=$(mktemp -d)
pids=()
bad=0
unset FLOWVT_STORE

finish() {
    local p
    for p in "${pids[@]}"; do
        kill -9 "$p" 2>/dev/null
    done
    rm -rf "$work"
}
trap finish EXIT

ok() { echo "ok - $1"; }
not_ok() { # NAME [DETAIL...]
    echo "not ok - $1"
    shift
    [ $# = 0 ] || printf '  %s\n' "$@"
    bad=1
}
skip() { echo "skip $1: $2"; } # NAME WHY
result() { exit $bad; }        # the last line of a test

is() { # NAME GOT WANTED
    if [ "$2" = "$3" ]; then
        ok "$1"
    else
        not_ok "$1" "got:    $2" "wanted: $3"
    fi
}

same() { # NAME GOT-FILE WANTED-FILE
    if cmp -s "$2" "$3"; then
        ok "$1"
    else
        not_ok "$1"
        diff "$2" "$3" | head -n 20 | sed 's/^/  /'
    fi
}

have() { # COMMAND: is it installed?
    PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null
}

# The stock shell with the extension, the store in $FLOWVT_STORE, rows as a|b|c.
sqlite() { # SQL-or-option...
    sqlite3 -batch -bail -noheader -list -cmd ".load $BUILD/flowvt" :memory: "$@"
}

start() { # COMMAND...: in the background, killed at the end; its id is in $!
    "$@" &
    pids+=($!)
}

# A UDP port that nobody listens on, out of a range of this test's own, which run.sh gives.
port=${TEST_PORTS:-$((23000 + $$ % 900))}
free_port() {
    port=$((port + 1))
    while awk -v hex="$(printf ':%04X' $port)" '$2 ~ hex "$" { found = 1 } END { exit !found }' \
        /proc/net/udp /proc/net/udp6 2>/dev/null; do
        port=$((port + 1))
    done
}

until_true() { # SECONDS COMMAND...: poll ten times a second
    local n=$(($1 * 10))
    shift
    until "$@"; do
        [ $((n -= 1)) -gt 0 ] || return 1
        sleep 0.1
    done
}

listening() { # PORT
    grep -qi ":$(printf '%04X' "$1") " /proc/net/udp /proc/net/udp6 2>/dev/null
}

# Start flowcollect on $port, writing to STORE; returns when it listens. Its id is in $collector.
collector_start() { # STORE OPTION...
    local store=$1
    shift
    mkdir -p "$store"
    start "$collect" -p "$port" -w "$store" "$@"
    collector=$!
    until_true 10 listening "$port" || {
        echo "flowcollect does not listen on $port" >&2
        return 1
    }
}

collector_stop() { # what it stored is in closed files afterwards
    kill -TERM "$collector" && wait "$collector"
}
