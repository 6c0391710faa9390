#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Options of flowcollect, from the command line and from a configuration file.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

conf=$work/conf

said() { # NAME STATUS TEXT OPTION...: ends with STATUS, saying TEXT
    local name=$1 status=$2 text=$3 got
    shift 3
    got=$("$collect" "$@" 2>&1 </dev/null)
    is "$name" "$?: $(grep -cF -- "$text" <<<"$got" | awk '{ print ($1 > 0) ? "said" : "not said" }')" "$status: said"
    grep -qF -- "$text" <<<"$got" || echo "  $got"
}

refused() { # LINE TEXT: the second line of a file
    printf '# a comment\n%s\n' "$1" >"$conf"
    said "config: '$1' is refused" 2 "$conf:2: $2" -C "$conf"
}

refused 'strore = /x' 'strore: no such option'
refused 'merge = yes' 'merge: is for the command line alone'
refused 'config = x' 'config: is for the command line alone'
refused 'verbose = maybe' "verbose: 'maybe' is neither yes nor no"
refused 'interval = 0' "interval: '0' is no number from 1 to 86400"
refused 'port = 99999' "port: '99999' is no number from 1 to 65535"
refused 'sampling = 10.0.0.0/8=0' "sampling: '0' is no number from 1 to 4294967295: one packet in how many"
refused 'sampling-override = 10.0.0=5' "sampling-override: '10.0.0' is no address or network: write as 192.0.2.0/24=1000"
refused 'sampling = 1e3' "sampling: '1e3' is no number"
refused 'store =' 'store: a value is missing'
refused 'store' "'store': write name = value"
refused '= x' "'= x': write name = value"
said "config: a file that is not there" 2 "$work/none: No such file" --config "$work/none"
printf 'port = 1\0\n' >"$conf"
said "config: no text" 2 "$conf: is no configuration file" --config "$conf"
said "config: no value" 2 "-C: a value is missing" -C
said "an unknown option" 2 "--strore: no such option" --strore x
said "no option" 2 "extra: not an option" -w x extra
said "a number out of range" 2 "--interval: '86401' is no number" -w x -t 86401
said "help goes first" 0 "usage: flowcollect" -C "$work/none" --help

# Every option with a place in the file is taken from there, and the command line goes first.
printf '\n  store=%s/a  \r\n\tinterval = 3600\n# port = x\nverbose = no\n' "$work" >"$conf"
"$flowgen" --count 1000 --begin 1699920000 --span 7000 --pcap "$work/pcap" >/dev/null
"$collect" -C "$conf" -r "$work/pcap" 2>"$work/log"
is "config: the store is written" "$(FLOWVT_STORE=$work/a sqlite 'SELECT count(*) FROM flows')" 1000
is "config: by the interval given" "$(grep -c "writing to $work/a, a file every 3600 s" "$work/log")" 1
"$collect" -C "$conf" -r "$work/pcap" --store "$work/b" -t 600 2>"$work/log"
is "config: the command line goes first" "$(FLOWVT_STORE=$work/b sqlite 'SELECT count(*) FROM flows')" 1000
is "config: for each option" "$(grep -c "writing to $work/b, a file every 600 s" "$work/log")" 1


# The operator's sampling rates: of the file, and instead of those on the command line.
rates() { # STORE: of its flows, and where they are from
    FLOWVT_STORE=$1 sqlite 'SELECT DISTINCT sampling, (SELECT max(sampling_origin) FROM flow_exporters) FROM flows'
}
printf 'store = %s/r1\nsampling = 127.0.0.0/8=100\nsampling = 7\n' "$work" >"$conf"
"$collect" -C "$conf" -r "$work/pcap" 2>/dev/null
is "sampling: a default, by the exporter's network" "$(rates "$work/r1")" '100|default'
"$collect" -C "$conf" -r "$work/pcap" -w "$work/r2" -s 20 2>/dev/null
is "sampling: the command line is instead of the file" "$(rates "$work/r2")" '20|default'
"$collect" -r "$work/pcap" -w "$work/r3" -s 20 -s -30 2>/dev/null
is "sampling: an override, as nfcapd has it" "$(rates "$work/r3")" '30|override'
"$collect" -r "$work/pcap" -w "$work/r4" --sampling-override 127.0.0.1=40 --sampling-override 192.0.2.1=50 2>/dev/null
is "sampling: an override of one exporter" "$(rates "$work/r4")" '40|override'
is "sampling: scales what is shown, not what is kept" \
    "$(FLOWVT_STORE=$work/r4 sqlite 'SELECT sum(bytes) = 40 * sum(raw_bytes) FROM flows')" 1

free_port
one=$port
free_port
printf 'port = %d\nport = %d\nstore = %s/c\n' "$one" "$port" "$work" >"$conf"
start "$collect" -C "$conf" 2>"$work/log"
until_true 10 listening "$port"
is "config: a repeated option" "$(grep -c "listening on \* port \($one\|$port\)," "$work/log")" 2
kill -TERM $! && wait $!
free_port
start "$collect" -C "$conf" -p "$port" 2>"$work/log"
until_true 10 listening "$port"
is "config: ports of the command line are instead of the file's" "$(grep -c "listening on" "$work/log")" 1
kill -TERM $! && wait $!

# The example is a file that can be used, also with everything in it that is commented out (but bind, which does not go with join).
sed "s|^store = .*|store = $work/example|" collector/flowcollect.conf >"$conf"
"$collect" -C "$conf" -r "$work/pcap" 2>"$work/log"
is "the example configuration" "$?|$(FLOWVT_STORE=$work/example sqlite 'SELECT count(*) FROM flows')" "0|1000"
grep '^#[a-z-]* = ' collector/flowcollect.conf | sed 's/^#//' >"$work/all"
sed "s|^exec = .*|exec = true|; s|^source = campus.*|source = all,0.0.0.0/0|; /^bind/d" "$work/all" >>"$conf"
"$collect" -C "$conf" -r "$work/pcap" 2>"$work/log"
is "and all that is in it as a comment" "$?|$(FLOWVT_STORE=$work/example sqlite 'SELECT count(*) FROM flows')|$(grep -c "is no" "$work/log")" "0|2000|0"

# What HUP changes, while flows come in; and what it does not.
free_port
export FLOWVT_STORE=$work/hup
sent=0
# shellcheck disable=SC2317 # called by until_true
has() { [ "$(sqlite 'SELECT count(*) FROM flows')" = "$sent" ]; }
send() {
    "$flowgen" --count 100 --first $sent 127.0.0.1 "$port" >/dev/null
    sent=$((sent + 100))
    until_true 10 has || echo "no $sent flows"
}
again() { # TEXT of the log, by which it is known that the file was read again
    kill -HUP "$collector"
    until_true 10 grep -q "$1" "$work/log" || echo "the log has no '$1'"
}
# shellcheck disable=SC2317 # called by until_true
lines() { [ "$(wc -l <"$work/$1" 2>/dev/null)" = "$2" ]; }
cat >"$work/hook" <<END
#!/bin/sh
echo "\$2" >>"$work/\$1"
END
chmod +x "$work/hook"
fixed="port = $port"
# 20 hours and more: no interval ends by itself, but at midnight.
printf '%s\nstore = %s\ninterval = 86400\nsampling = 5\n' "$fixed" "$FLOWVT_STORE" >"$conf"
mkdir "$FLOWVT_STORE"
start "$collect" -C "$conf" --queue 4194304 2>"$work/log"
collector=$!
until_true 10 listening "$port"
send
printf '%s\nstore = %s\ninterval = 43200\nlayout = 7\nexec = %s one %%f\nsampling = 9\n' "$fixed" "$FLOWVT_STORE" \
    "$work/hook" >"$conf"
again 'a file every 43200 s'
send
until_true 10 lines one 1
printf '%s\nstore = %s\ninterval = 86400\nexec = %s two %%f\nsampling = 9\nbuffer = 65536\nmetrics-file = %s\n' "$fixed" \
    "$FLOWVT_STORE" "$work/hook" "$work/prom" >"$conf"
again 'a file every 86400 s'
send
until_true 10 lines two 1
printf '%s\nstore = %s\nbuffer = 65536\nsampling = 9\nqueue = 8388608\n' "$fixed" "$FLOWVT_STORE" >"$conf"
again 'a file every 300 s'
send
collector_stop
is "HUP: it ends with 0" $? 0
# Files by the order of their flows: day, half day elsewhere, day under another name, five minutes.
is "HUP: interval and layout" "$(sqlite "SELECT path NOT GLOB '*/????/??/??/*', replace(path, rtrim(path, replace(path, '/', '')), '')
        GLOB 'flows.*.[0-9].fvt', sum(rows) FROM flow_files GROUP BY path ORDER BY min(flow_files.first), sum(rows), path" | sort)" \
    "0|0|100
0|0|100
0|1|100
1|0|100"
is "HUP: sampling" "$(sqlite 'SELECT sampling, count(*) FROM flows GROUP BY 1')" "5|100
9|300"
is "HUP: the command" "$(wc -l <"$work/one")|$(wc -l <"$work/two")" "1|1"
is "HUP: what cannot change is named" "$(grep -o '[a-z-]*: stays as it was' "$work/log" | sort | uniq -c | awk '{ print $1, $2 }')" \
    "2 buffer:
1 metrics-file:"
result
