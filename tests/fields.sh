#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The table of fields in README.md, out of schema/fields.def. `make docs` puts it there, and
# tests/e2e/readme.sh fails when it is not what is there.
set -eu
cd "$(dirname "$0")/.."

table() {
    echo '| column | type | IPFIX elements | in a filter | meaning |'
    echo '|---|---|---|---|---|'
    sed -n 's/^FIELD(//p' schema/fields.def | awk '
        {
            split($0, head, /, */)
            name = head[1]
            type = head[2] == "UINT" ? "INTEGER" : "TEXT"
            list = $0
            sub(/^[^(]*L\(/, "", list)
            sub(/\), L\(.*/, "", list)
            while (match(list, /E\([0-9]+, [0-9]+\)/)) {
                pair = substr(list, RSTART + 2, RLENGTH - 3)
                sub(/, /, ".", pair)
                list = substr(list, 1, RSTART - 1) pair substr(list, RSTART + RLENGTH)
            }
            if (list == "0") list = ""
            n = split($0, quoted, /"/)
            filter = quoted[2] == "" ? "" : "`" quoted[2] "`"
            printf "| `%s` | %s | %s | %s | %s |\n", name, type, list, filter, quoted[4]
        }'
}

[ "${1:-}" = --write ] || {
    table
    exit
}
new=$(mktemp)
table >"$new"
awk -v table="$new" '
    /^<!-- fields -->/ { print; while ((getline line < table) > 0) print line; skip = 1; next }
    /^<!-- end of fields -->/ { skip = 0 }
    !skip' README.md >"$new.md"
cat "$new.md" >README.md
rm -f "$new" "$new.md"
