#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# README.md is right: its SQL runs (on the lab capture), so do the shell lines marked `sh test`; the
# reports, tables, options and targets it names exist; the tables of fields and of questions are up to date.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

mkdir -p "$work/build"
"$probe" -r "$lab" -w "$work/build/demo" >"$work/log" 2>&1 || exit 1
export FLOWVT_STORE=$work/build/demo
export LD_LIBRARY_PATH=$BUILD

blocks() { # KIND: the fenced blocks of that kind
    awk -v kind="$1" '/^```/ { on = !on && $0 == "```" kind; next } on' README.md
}

# Statement by statement; every SELECT must answer with something, but a window up to now need not, since the
# capture grows old, nor if_counters, flow_options and flow_sockets, which a probe has nothing for (if_counters.sh, options_data.sh, losses.sh).
blocks sql | awk 'BEGIN { RS = ";" } NF { gsub(/^\n+/, ""); gsub(/\n/, " "); print $0 ";" }' >"$work/sql"
[ -s "$work/sql" ] || not_ok "README.md has SQL"
while read -r statement; do
    if got=$(cd "$work" && sqlite "$statement" 2>&1) && { [ -n "$got" ] || [[ $statement = CREATE* || $statement = *"FROM if_counters"* || $statement = *"FROM flow_options"* || $statement = *"FROM flow_sockets"* || $statement = *"since = '-"* ]]; }; then
        ok "SQL: $statement"
    else
        not_ok "SQL: $statement" "$got"
    fi
done <"$work/sql"

ln -s "$PWD/queries" "$work/queries"
ln -s "$PWD/schema" "$work/schema"
ln -s "$PWD/tests" "$work/tests"
export PATH=$BUILD:$PATH
while read -r command; do
    if got=$(cd "$work" && bash -c "$command" 2>&1); then
        ok "shell: $command"
    else
        not_ok "shell: $command" "$got"
    fi
done < <(blocks 'sh test')

for file in queries/*.sql; do
    is "README.md lists $file" "$(grep -q "\`${file##*/}\`" README.md && echo yes)" yes
done
for target in $(blocks sh | grep -o '^\(sudo \)\?make [a-z]*' | sed 's/.*make //'); do
    is "make $target exists" "$(make -n "$target" >/dev/null 2>&1 && echo yes)" yes
done
while read -r option; do
    is "an option $option exists" \
        "$({ "$probe" -h; "$collect" -h; } 2>&1 | grep -cE -- "^ *$option," | awk '{ print ($1 > 0) }')" 1
done < <(sed -n 's/^| `\(-[a-z]\) .*/\1/p' README.md | sort -u)
tests/fields.sh >"$work/fields"
sed -n '/^<!-- fields -->/,/^<!-- end of fields -->/p' README.md | sed '1d;$d' >"$work/given"
same "the table of fields is up to date (make docs)" "$work/given" "$work/fields"
tests/questions.sh >"$work/questions"
sed -n '/^<!-- questions -->/,/^<!-- end of questions -->/p' README.md | sed '1d;$d' >"$work/given"
same "the questions' answers are what reports answer (make docs)" "$work/given" "$work/questions"
result
