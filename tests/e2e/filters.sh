#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Filters beside nfdump's own answers: the same flows, sent to flowcollect and to nfcapd, must give
# the same number of flows, packets and octets for every test that both know.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/beside_nfdump.sh
. tests/beside_nfdump.sh

collect_both /usr/bin/python3 tests/e2e/filter_flows.py

is "nfdump and flowvt have the same flows" "$(of_flowvt any)" "$(of_nfdump any)"

compared=0 empty=0 differing=0
while read -r line; do
    case $line in '' | '//'*) continue ;; esac
    filter=${line%% //*}
    got=$(of_flowvt "$filter")
    case $line in *' // '*) # FILTER // SQL // WHY
        sql=${line#* // }
        wanted=$(of_sql "${sql%% // *}")
        [ "$got" = "$wanted" ] || not_ok "$filter" "flowvt: $got" "SQL: $wanted"
        differing=$((differing + 1))
        continue
        ;;
    esac
    knows "$filter" || {
        # A spelling of another version is one here, too.
        case $got in *filter:*) not_ok "$filter" "$got" ;; esac
        continue
    }
    wanted=$(of_nfdump "$filter")
    [ "$got" = "$wanted" ] || not_ok "$filter" "flowvt: $got" "nfdump: $wanted"
    compared=$((compared + 1))
    [ "$got" != '0|0|0' ] || empty=$((empty + 1))
done <tests/e2e/filters.txt
is "filters that were compared: more than a hundred" "$((compared > 100))" 1
is "filters that nfdump answers otherwise, and rightly answered here" "$((differing > 10))" 1
is "filters that find nothing, of $compared: a few" "$((empty < 12))" 1

# Countries, where nfdump's program that makes its database of them is there.
geolookup=$(command -v geolookup || echo "$(dirname "$nfdump")/../maxmind/geolookup")
if [ -x "$geolookup" ]; then
    printf '%s\n' '192.168.1.0/30 CH' '192.168.1.4/31 IN' '10.0.0.0/30 CH' '10.0.0.4/30 DE' \
        '198.51.100.0/31 DE' '203.0.113.2/31 CH' '2001:db8::/32 CH' '2001:db9::2/127 DE' |
        tests/ext/geodb.py "$work/geo.mmdb" "$work/csv"
    "$geolookup" -d "$work/csv" -w "$work/geo.nf" >/dev/null 2>&1
    export FLOWVT_GEODB=$work/geo.mmdb
    for filter in 'geo CH' 'src geo CH' 'dst geo ch' 'src geo IN' 'geo DE' 'not dst geo DE' \
        'src geo CH and dst geo DE or ipv6' 'src nat geo DE' 'nat geo CH'; do
        wanted=$(of_nfdump "$filter" -G "$work/geo.nf")
        is "$filter" "$(of_flowvt "$filter")" "$wanted"
        [ "$wanted" != '0|0|0' ] || not_ok "$filter finds some"
    done
else
    skip "countries beside nfdump's" "no geolookup"
fi

# Where the answers differ, with the answer that is right, and why.
#   flags behind not: none of the letters, as all manuals of nfdump say; versions after 1.7.1 mean
#   "not all of them"
is "flags S and not flags AFRPU is the SYN alone" "$(of_flowvt 'flags S and not flags AFRPU')" \
    "$(of_flowvt 'flags =S')"
#   rates have a fraction, and none without duration; nfdump cuts and says 0
is "bps is a number with a fraction" "$(of_flowvt 'bps > 0 and not bps >= 1')" \
    "$(of_sql 'bps > 0 AND bps < 1')"
is "flows without duration have no rate" "$(of_flowvt 'pps 0')" '0|0|0'

# A directory of nfcapd's is no empty store, and the way that the message names leads into one.
said=$(FLOWVT_STORE=$work/nf of_flowvt any)
case $said in
*"$work/nf: it has files of nfdump (nfcapd."*"nfreplay -v 9 -H 127.0.0.1 -p 9995 -r FILE"*) ok "files of nfcapd are named" ;;
*) not_ok "files of nfcapd are named" "$said" ;;
esac
mkdir -p "$work/deep/2023/11/14" "$work/empty/2023/11/14"
touch "$work/deep/2023/11/14/nfcapd.202311142225"
is "in directories, too" "$(FLOWVT_STORE=$work/deep sqlite 'SELECT sum(flows) FROM traffic' 2>&1 | grep -c '(2023/11/14/nfcapd.202311142225)')" 1
is "an empty store is one" "$(FLOWVT_STORE=$work/empty of_flowvt any)" '0|0|0'
touch "$work/store/nfcapd.202311142225"
is "so is one that has flow files, too, but none of the window" \
    "$(of_sql "since = '2024-01-01'")" '0|0|0'
if have nfreplay; then
    free_port
    collector_start "$work/second" 2>/dev/null || exit 1
    for file in "$work"/nf/nfcapd.*; do
        nfreplay -v 9 -H 127.0.0.1 -p "$port" -r "$file" >/dev/null 2>&1
    done
    sleep 1
    collector_stop
    FLOWVT_STORE=$work/second
    is "nfreplay brings them" "$(of_sql true)" "$(of_nfdump any)"
fi
result
