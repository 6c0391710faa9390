#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Keeping a store to its limits: what goes and what does not, under readers, with merged days, and
# with a collector at work.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

store=$work/store
export FLOWVT_STORE=$store
today=$(($(date +%s) / 86400 * 86400))

# Files of an hour, a day of them beginning DAYS ago.
fill() { # DAYS [COUNT]
    "$flowgen" --count "${2:-2400}" --begin $((today - $1 * 86400)) --span 86399 --pcap "$work/pcap" >/dev/null
    "$collect" -r "$work/pcap" -w "$store" -t 3600 2>>"$work/log"
}

expire() { # LIMITS OPTION...
    "$collect" --expire -w "$store" -e "$@" 2>"$work/said"
}

says() { # NAME TEXT
    is "$1" "$(grep -cF -- "$2" "$work/said")" 1
    grep -qF -- "$2" "$work/said" || sed 's/^/  /' "$work/said"
}

files() {
    find "$store" -name 'flows.*' -printf '%P\n' | sort
}

size() {
    find "$store" -name 'flows.*.fvt' -printf '%s\n' | awk '{ n += $1 } END { print n + 0 }'
}

day() { # DAYS: directory
    date -u -d "@$((today - $1 * 86400))" +%Y/%m/%d
}

for text in size size= size=5X age=5 free=100% keep=1m none,age=1d age=-1d ''; do
    expire "$text"
    is "limits '$text' are refused" "$?" 2
done

# ---- age, and what is not ours ------------------------------------------------------------------

mkdir "$store"
for days in 40 10 3 2; do fill $days; done
is "there are four days of 24 files" "$(files | wc -l)" 96
old=$store/$(day 40)
echo mine >"$old/flows.txt"
echo mine >"$old/flows.$(date -u -d "@$((today - 40 * 86400))" +%Y%m%d)0030.fvt"
cp "$old"/flows.*0100.fvt "$old/copy.fvt"
cp "$old"/flows.*0100.fvt "$store/$(day 10)/"
mkdir -p "$store/1999/12/31" "$store/notes"
cp "$old"/flows.*0100.fvt "$store/notes/"
cp "$old"/flows.*0100.fvt "$store/1999/12/31/flows.19991231.bak"
ln -s "$old" "$store/1999/12/30"
files >"$work/before"
expire age=30d,free=0 --dry-run
is "dry run: ends with 0" $? 0
files >"$work/after"
same "dry run: nothing is removed" "$work/after" "$work/before"
says "dry run: says what would be" "24 files would be removed"
is "dry run: file by file" "$(grep -c "$(day 40).*: would be removed, " "$work/said")" 24
is "dry run: locks nothing" "$(find "$store" -name .merge)" ""

expire age=30d,free=0
is "age: ends with 0" $? 0
says "age: the limits are said" "limits: age=30d"
says "age: what went is counted" "24 files removed"
is "age: what is not ours stays" "$(find "$old" -type f -printf '%f\n' | sort)" \
    "copy.fvt
flows.$(date -u -d "@$((today - 40 * 86400))" +%Y%m%d)0030.fvt
flows.txt"
is "age: wherever it is" "$(find "$store/notes" -name 'flows.*' | wc -l; find "$store/1999" "$store/$(day 10)" -name 'flows.*' | wc -l)" "1
26"
rm -rf "$store/1999" "$store/notes" "$old" "$store/$(day 10)/flows.$(date -u -d "@$((today - 40 * 86400))" +%Y%m%d)"*
is "age: other days are whole" "$(sqlite 'SELECT count(*) FROM flows')" 7200
expire age=30d,free=0
says "age: nothing more to do" "0 files removed"
expire age=5d,free=0
is "age: a day's directory goes with its files" "$([ -e "$store/$(day 10)" ] || echo gone)" gone
is "age: 48 files are left" "$(files | wc -l)" 48

# ---- size, free -------------------------------------------------------------------------------

limit=$(($(size) - $(size) / 8))
first=$(files | head -n 1)
expire size=$limit,free=0
is "size: the oldest go" "$([ -e "$store/$first" ] || echo gone)" gone
is "size: what is left keeps to it" "$(($(size) <= limit))" 1
is "size: no more went than needed" "$(($(size) > limit - limit / 10))" 1
expire size=1,free=0,keep=60d
says "size: what is too young stays" "octets more than the limits allow"
says "size: and is left" "0 files removed"
free=$(($(df -B1 --output=avail "$store" | tail -n 1) / 2))
expire free=$free
says "free: there is enough" "0 files removed"
expire free=99%,keep=60d
says "free: what is too young stays" "0 files removed"
n=$(files | grep -c "$(day 2)")
# Half of the last day is older.
expire free=99%,keep=$((24 + 10#$(date -u +%H) + 12))h
is "free: the oldest go" "$(files | grep -vc "$(day 2)")" 0
is "free: what is young stays" "$(($(files | wc -l) < n && $(files | wc -l) > 0))" 1
expire none
says "none: nothing goes" "0 files removed"
rm -rf "$store"

# ---- merged days ------------------------------------------------------------------------------

mkdir "$store"
fill 8
cp -r "$store/$(day 8)" "$work/sources"
"$collect" --merge -w "$store" 2>>"$work/log"
cp "$work/sources"/* "$store/$(day 8)/" # as if they could not be removed
fill 8 240
late=$(files | grep -c '\.1\.fvt$')
fill 3
is "merged: replaced and late files are there" "$(files | wc -l)|$((late > 0))" "$((1 + 24 + late + 24))|1"
is "merged: what is replaced counts once" "$(sqlite 'SELECT count(*) FROM flows')" $((2400 + 240 + 2400))
expire age=5d,free=0
is "merged: a day goes with all that belongs to it" "$(sqlite 'SELECT count(*) FROM flows')" 2400
is "merged: its directory too" "$([ -e "$store/$(day 8)" ] || echo gone)" gone
exec 9>>"$store/.merge"
flock 9
expire age=1d,free=0
is "merged: not while another program merges" $? 1
says "merged: and says so" "another program is merging this store"
exec 9>&-

# ---- readers and a collector ------------------------------------------------------------------

rm -rf "$store"
mkdir "$store"
for days in 9 8 7; do fill $days; done
(for _ in $(seq 20); do sqlite 'SELECT count(*) FROM flows' || echo failed; done) >"$work/seen" 2>&1 &
reader=$!
expire age=8d,free=0
wait $reader
is "readers: an answer each time" "$(grep -cvE '^[0-9]+$' "$work/seen")" 0
is "readers: files go from the oldest on" "$(sort -rn "$work/seen" | cmp - "$work/seen" && echo yes)" yes
free_port
collector_start "$store" -e age=7d,free=0 2>"$work/said"
"$flowgen" --count 100 --rate 500 127.0.0.1 "$port" >/dev/null
is "collector: the limits are said at the start" "$(grep -c "limits: age=7d" "$work/said")" 1
until_true 10 grep -q "files removed" "$work/said" || not_ok "collector: files expire"
until_true 10 [ "$(sqlite 'SELECT count(*) FROM flows')" -ge 100 ]
sleep 1.5
collector_stop
is "collector: ends with 0" $? 0
is "collector: what is old goes" "$([ -e "$store/$(day 9)" ] || [ -e "$store/$(day 8)" ] || echo gone)" gone
is "collector: what came stays" "$(sqlite "SELECT count(*) FROM flows WHERE trecv_ms >= 1000 * $today")" 100
free_port
collector_start "$store" 2>"$work/said"
collector_stop
is "collector: there are limits when nobody sets them" "$(grep -c "limits: free=5%,share=50%,keep=1d" "$work/said")" 1
result
