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
# usage: BUILD=build tests/run.sh [TEST...]     without names: everything
#   SANITIZED=1: the build has AddressSanitizer in it; leaves out what is about speed and peers
set -u

cd "$(dirname "$0")/.." || exit 2
export BUILD=${BUILD:-build} KILLS=${KILLS:-10}
export CMOCKA_MESSAGE_OUTPUT=TAP
unset FLOWVT_STORE FLOWVT_MEMORY
FLOWVT_SO=$(cd "$BUILD" && pwd)/flowvt.so
export FLOWVT_SO

everything() {
    local f
    for f in tests/*/test_*.c; do
        [ -f "$f" ] && echo "$BUILD/${f%.c}"
    done
    for f in tests/fuzz/*.c; do
        case $f in tests/fuzz/replay.c | 'tests/fuzz/*.c') ;; *) echo "$BUILD/${f%.c}" ;; esac
    done
    for f in tests/probe/captures.* tests/collector/exports.* tests/schema/*_test.sh tests/ext/answers.py; do
        [ -x "$f" ] && echo "$f"
    done
    if [ "${SANITIZED:-0}" = 1 ]; then
        printf 'tests/e2e/%s.sh\n' demo_test options sources service expire hook hostile
    else
        printf 'tests/e2e/%s.sh\n' demo_test options sources service repeat multicast reports peers filters filters_captures geo live kill merge expire layouts full hook years hostile ports templates tcp install readme options_data router if_counters losses registry bench
        echo tests/e2e/memory.py
    fi
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
log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0 failed=0 skipped=0

run() { # TEST
    local test=$1 status ok bad skip begin=$SECONDS
    local command=("$test")
    case $test in
    */tests/fuzz/*) [ ! -d "tests/fuzz/corpus/${test##*/}" ] || command+=("tests/fuzz/corpus/${test##*/}") ;;
    *.py)
        # Not a python of the user's own: it may lack what the distribution's has.
        command=("$python" "$test")
        case $test:${SANITIZED:-0} in
        */exports.py:* | */answers.py:*) command+=(--build "$BUILD") ;;&
        # They load the extension into Python.
        */exports.py:1 | */answers.py:1) command=(env "LD_PRELOAD=$(gcc -print-file-name=libasan.so)"
            "ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0" "${command[@]}") ;;&
        */answers.py:1) command+=(--count 20) ;;
        */captures.py:1) command+=(export) ;;
        esac
        if ! [ -x "$python" ]; then
            echo "      skipped: $test: no $python"
            skipped=$((skipped + 1))
            return
        fi
        ;;
    esac
    timeout -k 10 "${TEST_TIMEOUT:-900}" "${command[@]}" >"$log" 2>&1 </dev/null
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
    passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
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
}

if [ $# = 0 ]; then
    mapfile -t tests < <(everything)
else
    tests=("$@")
fi
for test in "${tests[@]}"; do
    run "$test"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
