#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Runs tests and counts what they say. A test is a program or script that prints a line
#   ok [N] [-] NAME
#   not ok [N] [-] NAME
#   ok [N] [-] NAME # SKIP why        (skip NAME: why, too)
# for each thing it checks (TAP, as cmocka does when asked), and whose exit status is 0 when all
# is well, 77 when it could not run at all. Or it counts by itself, and its last line is as ours.
# One that prints neither counts as one check.
# The last line is: N passed, N failed, N skipped.
#
# As many tests as there are processors run at a time, and as many of those that wait for most of their time, each with
# directories and UDP ports of its own; what one says is printed when it has ended. Those that press the machine come
# last, one by one.
#
# usage: BUILD=build tests/run.sh [TEST...]     without names: everything
#   JOBS=n       so many at a time, and as many that wait; 1: one after the other
#   SANITIZED=1  the build has AddressSanitizer in it; leaves out what is about speed and peers
set -u

cd "$(dirname "$0")/.." || exit 2
export BUILD=${BUILD:-build} KILLS=${KILLS:-10}
export CMOCKA_MESSAGE_OUTPUT=TAP
unset FLOWVT_STORE FLOWVT_MEMORY
FLOWVT_SO=$(cd "$BUILD" && pwd)/flowvt.so
export FLOWVT_SO
# free_port() of lib.sh has PORTS of them for each place, none of those that the system gives away by itself.
JOBS=${JOBS:-$(nproc 2>/dev/null || echo 2)}
PLACES=16 PORTS=25
[ "$JOBS" -le $((PLACES / 2)) ] || JOBS=$((PLACES / 2))
first_port=$((16000 + $$ % 40 * PLACES * PORTS))

# The long ones first, so that all processors have something to do until the end.
everything() {
    local f
    if [ "${SANITIZED:-0}" = 1 ]; then
        printf 'tests/e2e/%s.sh\n' hostile expire hook service demo_test options sources site
    else
        echo tests/e2e/memory.py
        echo tests/e2e/usage.py
        # Those that take long first, so that no place waits at the end for one.
        local long=(hostile merge layouts hook years kill peers templates service expire losses repeat)
        printf 'tests/e2e/%s.sh\n' "${long[@]}"
        for f in tests/e2e/*.sh; do
            [[ " ${long[*]} " == *" $(basename "$f" .sh) "* ]] || echo "$f"
        done
    fi
    for f in tests/queries/page.py tests/queries/terminal.py tests/queries/formats.py tests/queries/odd.py tests/ext/answers.py tests/ext/local_time.py tests/ext/site_lookups.py tests/probe/captures.* tests/probe/interfaces.py tests/probe/tunnels.py tests/schema/*_test.sh tests/collector/exports.*; do
        [ -x "$f" ] && echo "$f"
    done
    for f in tests/*/test_*.c; do
        [ -f "$f" ] && echo "$BUILD/${f%.c}"
    done
    for f in tests/fuzz/*.c; do
        case $f in tests/fuzz/replay.c | 'tests/fuzz/*.c') ;; *) echo "$BUILD/${f%.c}" ;; esac
    done
}

# What a test does with the machine.
#   alone  datagrams and packets at a rate, of which no program may lose one, others' included; what is to be seen two
#          seconds after it was received
#   waits  nine tenths of its time, for clocks and timeouts
#   works
kind_of() { # TEST
    case $1 in
    tests/e2e/live.sh | tests/e2e/full.sh | tests/e2e/bench.sh | tests/e2e/repeat.sh | tests/e2e/router.sh) echo alone ;;
    tests/e2e/hostile.sh | tests/e2e/memory.py) echo works ;;
    tests/e2e/*) echo waits ;;
    *) echo works ;;
    esac
}

# The extension is loaded into the system's own sqlite3, which then needs the sanitizer's run time
# from the start. Leaks of that program are not ours to judge.
if [ "${SANITIZED:-0}" = 1 ]; then
    export ASAN_OPTIONS=${ASAN_OPTIONS:-abort_on_error=0:allocator_may_return_null=1}
    export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
    mkdir -p "$BUILD/tests/bin"
    cat >"$BUILD/tests/bin/sqlite3" <<SHIM
#!/bin/sh
LD_PRELOAD=$(gcc -print-file-name=libasan.so) ASAN_OPTIONS=\$ASAN_OPTIONS:detect_leaks=0 \\
    exec $(command -v sqlite3) "\$@"
SHIM
    chmod +x "$BUILD/tests/bin/sqlite3"
    PATH=$(cd "$BUILD/tests/bin" && pwd):$PATH
fi

python=/usr/bin/python3
dir=$(mktemp -d)
# For tests that write stores hundreds of times and would wait for the disk each time: in memory, where there is room.
quick=
[ "$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1)" -ge 2000000 ] 2>/dev/null &&
    quick=$(mktemp -d -p /dev/shm 2>/dev/null)
trap 'rm -rf "$dir" ${quick:+"$quick"}' EXIT

# The command of a test, in the array of this name; 1: it cannot be run, which was said.
command_of() { # TEST
    local test=$1
    command=("$test")
    case $test in
    */tests/fuzz/*) [ ! -d "tests/fuzz/corpus/${test##*/}" ] || command+=("tests/fuzz/corpus/${test##*/}") ;;
    *.py)
        # Not a python of the user's own: it may lack what the distribution's has.
        command=("$python" "$test")
        case $test:${SANITIZED:-0} in
        */exports.py:* | */answers.py:*) command+=(--build "$BUILD") ;;&
        # They load the extension into Python.
        */exports.py:1 | */answers.py:1 | */local_time.py:1 | */odd.py:1 | */site_lookups.py:1) command=(env "LD_PRELOAD=$(gcc -print-file-name=libasan.so)"
            "ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0" "${command[@]}") ;;&
        */answers.py:1) command+=(--count 10) ;;
        */captures.py:1) command+=(export) ;;
        esac
        if ! [ -x "$python" ]; then
            echo "      skipped: $test: no $python"
            return 1
        fi
        ;;
    esac
    case $test in
    */answers.py | */captures.py | */exports.py | */reader_test.sh)
        [ -z "$quick" ] || command=(env "TMPDIR=$quick" "${command[@]}")
        ;;
    esac
}

# Prints what is to be said of a test and leaves what it counted, "passed failed skipped", in FILE.counts.
run() { # TEST FILE
    local test=$1 log=$2.log status ok bad skip begin=$SECONDS command child
    if ! command_of "$test"; then
        echo 0 0 1 >"$2.counts"
        return
    fi
    # In the background INT would be ignored.
    env --default-signal=INT,QUIT timeout -k 10 "${TEST_TIMEOUT:-900}" "${command[@]}" >"$log" 2>&1 </dev/null &
    child=$!
    trap 'kill "$child"; exit' TERM
    wait "$child"
    status=$?
    # cmocka 1.1 says "not ok" of a test that skipped itself.
    sed -i -E 's/^not (ok .*# SKIP)/\1/' "$log"
    skip=$(grep -acE '^(ok .*# SKIP|skip )' "$log")
    ok=$(grep -aE '^ok( |$)' "$log" | grep -acv '# SKIP')
    bad=$(grep -acE '^not ok( |$)' "$log")
    if [[ $(tail -n 1 "$log") =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
        ok=${BASH_REMATCH[1]} bad=${BASH_REMATCH[2]} skip=${BASH_REMATCH[3]}
        sed -i '$d' "$log"
    fi
    if [ $status = 77 ]; then
        [ "$skip" -gt 0 ] || skip=1
    elif [ $status != 0 ]; then
        [ "$bad" -gt 0 ] || bad=1
    elif [ $((ok + bad + skip)) = 0 ]; then
        ok=1
    fi
    if [ "$bad" -gt 0 ]; then
        printf 'FAIL  %s: %d passed, %d failed, exit status %d\n' "$test" "$ok" "$bad" "$status"
        grep -av -E '^ok ' "$log" | tail -n "${TEST_LINES:-60}" | sed 's/^/      /'
    elif [ "$ok" = 0 ]; then
        printf 'skip  %s\n' "$test"
    else
        printf 'ok    %s: %d passed, %d s\n' "$test" "$ok" $((SECONDS - begin))
    fi
    [ "$skip" = 0 ] || grep -aiE '^ok .*# SKIP|^skip|skipped' "$log" |
        sed -E 's/^ok [0-9 -]*//; s/^skip(ped)?:? //; s/^# SKIP //; s/ # SKIP/:/; s/^/      skipped: /'
    echo "$ok $bad $skip" >"$2.counts"
}

# ---- many at a time --------------------------------------------------------------------------

passed=0 failed=0 skipped=0 begun=0
declare -A running=() # process: its number, place, kind and name
declare -A busy=([works]=0 [waits]=0 [alone]=0)
free=()
for ((i = 0; i < 2 * JOBS; i++)); do free+=("$i"); done
trap 'kill "${!running[@]}" 2>/dev/null; wait; exit 130' INT TERM
failures=()

begin() { # KIND TEST
    local place=${free[-1]}
    unset 'free[-1]'
    TEST_PORTS=$((first_port + place * PORTS)) run "$2" "$dir/$begun" >"$dir/$begun.report" 2>&1 &
    running[$!]="$begun $place $1 $2"
    busy[$1]=$((busy[$1] + 1))
    begun=$((begun + 1))
}

end_one() {
    local process number place kind test ok=0 bad=1 skip=0
    wait -n -p process "${!running[@]}"
    read -r number place kind test <<<"${running[$process]}"
    unset "running[$process]"
    free+=("$place")
    busy[$kind]=$((busy[$kind] - 1))
    cat "$dir/$number.report"
    if [ -s "$dir/$number.counts" ]; then
        read -r ok bad skip <"$dir/$number.counts"
    else
        printf 'FAIL  %s: what ran it was killed\n' "$test"
    fi
    passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
    [ "$bad" = 0 ] || failures+=("$test")
    rm -f "$dir/$number".*
}

end_all() {
    while [ ${#running[@]} -gt 0 ]; do
        end_one
    done
}

if [ $# = 0 ]; then
    mapfile -t tests < <(everything)
else
    tests=("$@")
fi
works=() waits=() alone=()
for test in "${tests[@]}"; do
    kind=$(kind_of "$test")
    [ "$kind" != waits ] || [ "$JOBS" -gt 1 ] || kind=works
    declare -n queue=$kind
    queue+=("$test")
done
while [ ${#works[@]} -gt 0 ] || [ ${#waits[@]} -gt 0 ]; do
    if [ ${#works[@]} -gt 0 ] && [ "${busy[works]}" -lt "$JOBS" ]; then
        begin works "${works[0]}"
        works=("${works[@]:1}")
    elif [ ${#waits[@]} -gt 0 ] && [ "${busy[waits]}" -lt "$JOBS" ]; then
        begin waits "${waits[0]}"
        waits=("${waits[@]:1}")
    else
        end_one
    fi
done
end_all
for test in "${alone[@]}"; do
    begin alone "$test"
    end_all
done
[ ${#failures[@]} = 0 ] || printf 'failed: %s\n' "${failures[@]}"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
