#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# flowcollect as a service: in the background, with a pid file, as another user, under a service
# manager that wants to be told, and signals.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

store=$work/store
export FLOWVT_STORE=$store
free_port
chmod 755 "$work"

flows() { sqlite 'SELECT count(*) FROM flows'; }
# shellcheck disable=SC2317  # called by until_true
has() { [ "$(flows)" = "$1" ]; }
# shellcheck disable=SC2317  # called by until_true
gone() { [ ! -e "/proc/$1" ]; }
send() { "$flowgen" --count "$1" --rate 20000 127.0.0.1 "$port" >/dev/null; }

# ---- the background ----------------------------------------------------------------------------

"$collect" -D -P "$work/pid" -p "$port" -w "$store" 2>"$work/log" </dev/null
is "-D: the start ends with 0" $? 0
pid=$(cat "$work/pid")
pids+=("$pid")
is "-D: all is open by then" "$(listening "$port" && [ -e "$store/.lock" ] && echo yes)" yes
is "-D: away from the terminal" "$(readlink "/proc/$pid/fd/0" "/proc/$pid/fd/2" | sort -u)|$(ps -o sid= -p "$pid" | tr -d ' ')" "/dev/null|$pid"
send 500
until_true 10 has 500
is "-D: it collects" "$(flows)" 500
"$collect" -D -P "$work/other" -p "$((port + 1))" -w "$store" 2>"$work/log" </dev/null
is "-D: what stands against it is said, with 1" "$?|$(grep -c 'another program is writing' "$work/log")" "1|1"
is "-D: and leaves no pid file" "$([ -e "$work/other" ] || echo none)" none
kill -TERM "$pid"
until_true 10 gone "$pid"
is "-P: the file goes with the program" "$([ -e "$work/pid" ] || echo gone)" gone
is "-D: TERM completes the file" "$(sqlite 'SELECT state, sum(rows) FROM flow_files')" 'closed|500'
"$collect" -P "$work/none/pid" -p "$port" -w "$store" 2>"$work/log"
is "-P: no such directory" "$?|$(grep -c "$work/none/pid: No such file" "$work/log")" "1|1"
ln -s "$work/elsewhere" "$work/link"
"$collect" -P "$work/link" -p "$port" -w "$store" 2>"$work/log"
is "-P: a link is not followed, and stays" "$?|$(grep -c "$work/link: " "$work/log")|$(readlink "$work/link")" "1|1|$work/elsewhere"

# ---- signals -----------------------------------------------------------------------------------

collector_start "$store" 2>"$work/log"
send 500
until_true 10 has 1000
kill -USR1 "$collector"
is "USR1: what was counted" "$(until_true 10 grep -q 'flows 500, packets' "$work/log" && echo said)" said
is "USR1: and nothing else happens" "$(sqlite 'SELECT count(*) FROM flow_files')" 1
kill -HUP "$collector"
# shellcheck disable=SC2317  # called by until_true
closed() { [ "$(sqlite "SELECT count(*) FROM flow_files WHERE state = 'closed'")" = "$1" ]; }
is "HUP: the file is completed" "$(until_true 20 closed 1 && echo yes)" yes
send 500
until_true 10 has 1500
kill -HUP "$collector"
until_true 20 closed 2
send 500
until_true 10 has 2000
is "HUP: further flows go to others" "$(sqlite 'SELECT count(*), sum(rows) FROM flow_files')" "3|2000"
kill -INT "$collector"
wait "$collector"
is "INT: ends with 0" $? 0
is "INT: completes the file" "$(sqlite "SELECT count(*), sum(rows) FROM flow_files WHERE state = 'closed'")" "3|2000"

# ---- a service manager -------------------------------------------------------------------------

cat >"$work/manager.py" <<'PY'
import os, socket, subprocess, sys, time, signal

path, out, command = sys.argv[1], sys.argv[2], sys.argv[3:]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("\0" + path[1:] if path[0] == "@" else path)
s.settimeout(20)
p = subprocess.Popen(command, env=dict(os.environ, NOTIFY_SOCKET=path, WATCHDOG_USEC="400000"))
seen = []

def wait_for(text):
    while True:
        line = s.recv(4096).decode().split("\n")[0]
        if line not in seen[-1:]:
            seen.append(line)
        if line == text:
            return

try:
    wait_for("READY=1")
    wait_for("WATCHDOG=1")
    wait_for("WATCHDOG=1")
    p.send_signal(signal.SIGHUP)
    wait_for("RELOADING=1")
    wait_for("READY=1")
    p.terminate()
    wait_for("STOPPING=1")
except socket.timeout:
    seen.append("nothing more")
p.terminate()
print(" ".join(x for x in seen if x != "WATCHDOG=1"), "WATCHDOG=1" in seen, p.wait(), file=open(out, "w"))
PY
for socket in "$work/notify" "@flowvt-test-$$"; do
    free_port
    python3 "$work/manager.py" "$socket" "$work/told" "$collect" -p "$port" -w "$store" 2>>"$work/log"
    is "notify: ${socket%%[^@/]*} is told" "$(cat "$work/told")" "READY=1 RELOADING=1 READY=1 STOPPING=1 True 0"
done

# ---- another user ------------------------------------------------------------------------------

if [ "$(id -u)" != 0 ]; then
    "$collect" -u nobody -p "$port" -w "$store" 2>"$work/log"
    is "-u: takes root" "$?|$(grep -c 'nobody: to become another user, be started by root' "$work/log")" "1|1"
    skip "-u" "not root"
    result
fi
free_port
"$collect" -u nobody -p "$port" -w "$store" 2>"$work/log"
is "-u: a store of root's is refused" "$?|$(grep -c "user nobody may not write there: .*: chown -R nobody $store" "$work/log")" "1|1"
chown nobody "$store"
"$collect" -u nobody -p "$port" -w "$store" 2>"$work/log"
is "-u: also where only the directories in it are" "$?|$(grep -c "$store/[0-9]*: user nobody may not write there" "$work/log")" "1|1"
"$collect" -u no.such.user -p "$port" -w "$store" 2>"$work/log"
is "-u: no such user" "$?|$(grep -c 'no.such.user: there is no such user' "$work/log")" "1|1"
"$collect" -u nobody -g no.such.group -p "$port" -w "$store" 2>"$work/log"
is "-g: no such group" "$?|$(grep -c 'no.such.group: there is no such group' "$work/log")" "1|1"

mkdir "$work/made"
chown nobody "$work/made"
FLOWVT_STORE=$work/made/store
free_port
start "$collect" -u nobody -g daemon -P "$work/pid" -p "$port" -w "$FLOWVT_STORE" 2>"$work/log"
pid=$!
until_true 10 grep -q 'writing to' "$work/log"
send 500
until_true 10 has 500
is "-u, -g: it is another user" "$(stat -c %U:%G "/proc/$pid/task")|$(awk '/^(CapEff|CapPrm|Groups)/ { print $2 }' "/proc/$pid/status" | tr '\n' ' ')" \
    "nobody:daemon|$(getent group daemon | cut -d: -f3) 0000000000000000 0000000000000000 "
is "-u: no thread has a capability" "$(awk '/^Cap(Eff|Prm)/ { print $2 }' /proc/"$pid"/task/*/status | sort -u)" 0000000000000000
# Receiving goes before closing: comm, then what follows it from the state (field 3) to the nice value (field 19).
niceness() { # THREAD
    sed -n "s/^[0-9]* ($1) //p" "/proc/$pid"/task/*/stat | cut -d' ' -f17
}
is "files are closed by a thread that gives way to the receiving one" "$(($(niceness close) - $(niceness receive)))" 5
is "-u: the store is made for it" "$(find "$FLOWVT_STORE" -printf '%u:%g\n' | sort -u)" "nobody:daemon"
kill -TERM "$pid" && wait "$pid"
is "-u: ends with 0" $? 0
is "-u: the pid file is empty where it cannot go" "$([ -s "$work/pid" ] || echo empty)" empty
is "-u: all is complete" "$(sqlite 'SELECT state, sum(rows) FROM flow_files')" 'closed|500'
result
