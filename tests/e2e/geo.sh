#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Filters by country, with a database in MaxMind's format. filters.sh has them beside nfdump's.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
[ -x /usr/bin/python3 ] || {
    skip "filters by country" "no python3"
    exit 77
}

"$flowgen" --version 9 --mix --count 3000 --pcap "$work/pcap" >/dev/null
"$collect" -r "$work/pcap" -w "$work/store" 2>/dev/null || exit 1
export FLOWVT_STORE=$work/store

# Networks of half of the addresses, each in a country. IN, LT and GE are words of the language, too.
sqlite "SELECT net || ' ' || substr('CHDELTINGE', 1 + 2 * (row_number() OVER (ORDER BY net) % 5), 2)
    FROM (SELECT DISTINCT ip_net(srcip, 24, 64) AS net FROM flows UNION SELECT ip_net(dstip, 24, 64) FROM flows)
    WHERE net IS NOT NULL AND net NOT LIKE '%5.0/24'" >"$work/nets"
echo '9.9.0.0/16 AQ' >>"$work/nets"
tests/ext/geodb.py "$work/geo.mmdb" <"$work/nets" || exit 1

filtered() { # FILTER: flows and octets
    sqlite "SELECT count(*), ifnull(sum(bytes), 0) FROM flows WHERE filter = '${1//\'/\'\'}'" 2>&1
}
listed() { # PATTERN WORDS: the same by the networks of countries that the pattern fits
    filtered "$2 [$(awk -v wanted="$1" '$2 ~ wanted { print $1 }' "$work/nets" | tr '\n' ' ')]"
}
export FLOWVT_GEODB=$work/geo.mmdb
while read -r pattern words filter; do
    got=$(filtered "$filter")
    is "$filter" "$got" "$(listed "$pattern" "${words//-/ }")"
    [ "${got%%|*}" -gt 20 ] || not_ok "$filter finds some" "$got"
done <<'CASES'
CH src-ip src geo CH
CH ip geo ch
DE dst-ip dst geo = DE
IN dst-ip dst geo IN
IN dst-ip dst geo 'IN'
LT src-ip src geo LT
GE ip geo GE
CH|IN src-ip src geo in [CH in]
LT|GE|DE src-ip src geo [lt GE, DE]
CH src-and-dst-ip src and dst geo CH
DE not-src-ip not src geo DE
CASES
is "both families have countries" "$(sqlite "SELECT count(DISTINCT ip_version(srcip)) FROM flows WHERE filter = 'src geo in [CH DE LT IN GE]'")" 2
is "a country that no flow is from" "$(filtered 'geo AQ')" '0|0'
is "totals" "$(sqlite "SELECT sum(flows) FROM traffic WHERE filter = 'src geo CH'")" "$(filtered 'src geo CH' | cut -d'|' -f1)"

says() { # NAME FILTER WORDS
    local said
    said=$(filtered "$2")
    case $said in
    *"line 1, "*"$3"*) ok "$1" ;;
    *) not_ok "$1" "$said" ;;
    esac
}
says "a country that there is not" 'src geo UK' "column 9: $work/geo.mmdb: it has no networks of UK"
says "no country" 'tcp and geo Bern' 'column 13: expected a country, by its two letters'
says "no country at the end" 'geo' 'column 4: expected a country'
awk '$2 == "DE" { print $1, "CH" }' "$work/nets" | tests/ext/geodb.py "$work/other.mmdb"
other=$(listed DE 'src ip')
is "another database" "$(FLOWVT_GEODB=$work/other.mmdb filtered 'src geo CH')" "$other"
FLOWVT_GEODB=$work/nets says "no database" 'geo CH' "$work/nets: The MaxMind DB file contains invalid metadata"
FLOWVT_GEODB=$work/missing says "a database that is not there" 'geo CH' "$work/missing: Error opening the specified MaxMind DB file"
FLOWVT_GEODB='' says "none" 'geo CH' 'set FLOWVT_GEODB, or geodb in'
settled() { # SQL...: by a database whose settings say another one than the environment
    sqlite3 -batch -noheader -list -cmd ".load $BUILD/flowvt" "$work/site.db" "$@" 2>&1
}
settled '.read schema/site.sql' "INSERT INTO settings VALUES ('geodb', '$work/other.mmdb')"
counted="SELECT count(*), ifnull(sum(bytes), 0) FROM flows WHERE filter = 'src geo CH'"
is "that of the site's settings" "$(settled "$counted")" "$other"
is "where it is attached, too" "$(sqlite "ATTACH '$work/site.db' AS site; $counted")" "$other"
is "in an export, too" "$(settled "SELECT sum(1 + length(text) - length(replace(text, char(10), ''))) FROM flows_csv WHERE header = 0 AND filter = 'src geo CH'")" \
    "${other%%|*}"

# One that is damaged at any place is an answer or an error.
bad_ends=0
size=$(stat -c %s "$work/geo.mmdb")
for ((i = 0; i < 30; i++)); do
    cp "$work/geo.mmdb" "$work/bad.mmdb"
    printf '%08x' $((i * 2654435761 & 0x7fffffff)) | dd of="$work/bad.mmdb" bs=1 seek=$((i * size / 30)) conv=notrunc status=none
    FLOWVT_GEODB=$work/bad.mmdb filtered 'src geo CH' >"$work/said"
    [ $? -le 1 ] || bad_ends=$((bad_ends + 1))
done
is "no damage ends the shell" "$bad_ends" 0
result
