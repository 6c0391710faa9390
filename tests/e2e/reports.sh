#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The reports in queries/ on the lab capture: their figures are what tests/data/lab.expected (or
# tshark, through tests/lab/expect.sh) adds up to, and the sample output in each file's header is
# what it prints. `tests/e2e/reports.sh --write` writes the samples anew. Those that need a site's tables have
# tests/data/lab.site.sql.
# shellcheck disable=SC2016  # awk programs
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

export FLOWVT_STORE=$work/store
"$probe" -r "$lab" -w "$FLOWVT_STORE" >"$work/log" 2>&1 || exit 1

if have tshark; then
    tests/lab/expect.sh "$lab" >"$work/expected"
    source=tshark
else
    cp tests/data/lab.expected "$work/expected"
    source=lab.expected
fi

# The same with the tables of a site, and usage of it.
site=$work/site.db
sqlite3 -batch -bail -cmd ".load $BUILD/flowvt" "$site" '.read schema/site.sql' '.read tests/data/lab.site.sql' &&
    sqlite3 -batch -cmd ".load $BUILD/flowvt" "$site" <queries/update/usage.sql >"$work/log" || exit 1
database() { # FILE: what it is run on
    if grep -q '^-- Needs: site' "$1"; then echo "$site"; else echo :memory:; fi
}

parameters() { # [NAME VALUE]... -> args for the shell
    args=(-batch -cmd ".load $BUILD/flowvt")
    while [ $# -gt 0 ]; do
        args+=(-cmd ".param set :$1 \"$2\"")
        shift 2
    done
}

report() { # NAME [PARAMETER VALUE]...: rows as a|b|c, without what is said of losses
    local file=queries/$1.sql
    shift
    parameters "$@"
    sed -e '/^\./d' -e '/^SELECT losses(/,$d' "$file" | sqlite3 "${args[@]}" -noheader -list "$(database "$file")"
}

want() { # AWK-PROGRAM over the conversations (proto src sport dst dport packets bytes first last)
    awk -F'\t' -v OFMT=%.17g -v CONVFMT=%.17g "NR > 1 $1" "$work/expected"
}

top() { # N: the N lines with the greatest last field, ties by the first field
    LC_ALL=C sort -t'|' -k"$1,${1}nr" -k1,1 | head -n "$2"
}

# ---- samples -------------------------------------------------------------------------------

sample() { # FILE: what the header says the parameters are, and the output with them
    local given
    given=$(sed -n 's/^-- Sample output\( (\(.*\))\)\?:$/\2/p' "$1")
    local list=()
    while read -r name value; do
        [ -z "$name" ] || list+=("$name" "$value")
    done < <(echo "$given" | sed 's/, :/\n:/g' | sed 's/^://')
    parameters "${list[@]}"
    local db
    db=$(database "$1")
    sqlite3 "${args[@]}" "$db" <"$1" 2>&1
}

# How large a store of the same flows is may change.
plain() { # FILE REPORT
    if [ "$2" = queries/store.sql ]; then
        sed -i -e 's/[0-9.]\+/0/g' -e 's/─\+/─/g' -e 's/ \+/ /g' "$1"
    fi
}

for file in queries/*.sql queries/alerts/*.sql; do
    # Pictures are flowreport's: tests/e2e/flowreport.sh
    grep -q '^-- Sample output of flowreport' "$file" && continue
    sample "$file" | sed -e 's/^/-- /' -e 's/ *$//' >"$work/sample"
    if [ "${1:-}" = --write ]; then
        awk -v sample="$work/sample" '
            /^-- Sample output/ { print; while ((getline line < sample) > 0) print line; old = 1; next }
            old && /^--/ { next }
            { old = 0; print }' "$file" >"$work/new" && cat "$work/new" >"$file"
        continue
    fi
    sed -n '/^-- Sample output/,/^$/p' "$file" | sed -e 1d -e '/^$/d' >"$work/given"
    plain "$work/given" "$file"
    plain "$work/sample" "$file"
    same "$file: the sample output is what it prints" "$work/given" "$work/sample"
done
[ "${1:-}" != --write ] || exit 0

# ---- figures -------------------------------------------------------------------------------

is "summary ($source): packets, bytes" "$(report summary | cut -d'|' -f2,3)" \
    "$(want '{ p += $6; b += $7 } END { print p "|" b }')"
is "summary ($source): first and last packet" "$(report summary | cut -d'|' -f7,8)" \
    "$(want '{ if (!f || $8 < f) f = $8; if ($9 > l) l = $9 } END { print f, l }' |
        while read -r f l; do
            echo "$(date -u -d "@${f%.*}" '+%F %T').${f:11:3}|$(date -u -d "@${l%.*}" '+%F %T').${l:11:3}"
        done)"

is "top-sources ($source)" "$(report top-sources n 5 | cut -d'|' -f1,3,4)" \
    "$(want '{ p[$2] += $6; b[$2] += $7 } END { for (k in b) print k "|" p[k] "|" b[k] }' | top 3 5)"
is "top-sources :min ($source)" "$(report top-sources min 1000000 | cut -d'|' -f1,4)" \
    "$(want '{ b[$2] += $7 } END { for (k in b) if (b[k] >= 1000000) print k "|" b[k] }' | top 2 99)"
is "top-destinations ($source)" "$(report top-destinations n 5 | cut -d'|' -f1,3,4)" \
    "$(want '{ p[$4] += $6; b[$4] += $7 } END { for (k in b) print k "|" p[k] "|" b[k] }' | top 3 5)"
is "top-talkers ($source)" "$(report top-talkers n 5 | cut -d'|' -f1,3,4,5)" \
    "$(want '{ s[$2] += $7; r[$4] += $7; k[$2]; k[$4] }
        END { for (i in k) print i "|" s[i] + 0 "|" r[i] + 0 "|" s[i] + r[i] }' | top 4 5)"
is "top-ports ($source)" "$(report top-ports n 3 | cut -d'|' -f2,4,5)" \
    "$(want '&& ($1 == 6 || $1 == 17) { p[$1 " " $3] += $6; b[$1 " " $3] += $7
            p[$1 " " $5] += $6; b[$1 " " $5] += $7 }
        END { for (k in b) { split(k, a, " "); print a[2] "|" p[k] "|" b[k] } }' | top 3 3)"
is "upload ($source)" "$(report upload min 10000 | cut -d'|' -f1,3,4)" \
    "$(want '&& $2 ~ /^192\.168\.1\./ && $4 !~ /^192\.168\.1\./ { p[$2] += $6; b[$2] += $7 }
        END { for (k in b) if (b[k] >= 10000) print k "|" p[k] "|" b[k] }' | top 3 99)"
is "download ($source)" "$(report download min 10000 | cut -d'|' -f1,3,4)" \
    "$(want '&& $4 ~ /^192\.168\.1\./ && $2 !~ /^192\.168\.1\./ { p[$4] += $6; b[$4] += $7 }
        END { for (k in b) if (b[k] >= 10000) print k "|" p[k] "|" b[k] }' | top 3 99)"
is "upload, two home networks ($source)" \
    "$(report upload min 10000 home "192.168.1.0/24 2001:db8:1::/64" | cut -d'|' -f1,3,4)" \
    "$(want '&& $2 ~ /^(192\.168\.1\.|2001:db8:1:)/ && $4 !~ /^(192\.168\.1\.|2001:db8:1:)/ {
            p[$2] += $6; b[$2] += $7 }
        END { for (k in b) if (b[k] >= 10000) print k "|" p[k] "|" b[k] }' | top 3 99)"
is "connections ($source)" \
    "$(report connections n -1 filter "tcp or udp" | awk -F'|' '{ n++; p += $6; b += $7 } END { print n, p, b }')" \
    "$(want '&& ($1 == 6 || $1 == 17) { n++; p += $6; b += $7 } END { print n, p, b }')"
is "series adds up to everything ($source)" \
    "$(report series bucket 7 | awk -F'|' '{ p += $3; b += $4 } END { print p, b }')" \
    "$(want '{ p += $6; b += $7 } END { print p, b }')"
is "series has a row for every seven seconds of it" \
    "$(report series bucket 7 | wc -l)" \
    "$(want '{ if (!f || $8 < f) f = $8; if ($9 > l) l = $9 } END { print int(l / 7) - int(f / 7) + 1 }')"

# With time-outs longer than the capture a conversation is one flow, like tshark's.
"$probe" -r "$lab" -w "$work/whole" -t general=1h -t tcp=1h -t udp=1h -t icmp=1h -t tcp.fin=1h \
    -t tcp.rst=1h -t maxlife=1h >"$work/log" 2>&1
is "slice lists what overlaps it ($source)" \
    "$(report slice n -1 filter "tcp or udp" store "$work/whole" since "'2026-11-23 18:13:00'" until "'2026-11-23 18:13:10'" | wc -l)" \
    "$(want "&& (\$1 == 6 || \$1 == 17) && \$8 < $(date -u -d '2026-11-23 18:13:10' +%s) && \$9 >= $(date -u -d '2026-11-23 18:13:00' +%s) { n++ } END { print n }")"
is "first-flows" "$(report first-flows | wc -l)" 5
is "long lists every flow" "$(report long n -1 | wc -l)" "$(sqlite 'SELECT count(*) FROM flows')"
is "a report with a filter ($source)" "$(report summary filter "proto udp and port 53" | cut -d'|' -f2,3)" \
    "$(want '&& $1 == 17 && ($3 == 53 || $5 == 53) { p += $6; b += $7 } END { print p "|" b }')"
result
