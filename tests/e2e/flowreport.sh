#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What flowreport makes of its command line and of a report that has all that is difficult; what is wrong
# is said by name, with what would be right. All reports: tests/queries/formats.py.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

report=$BUILD/flowreport
export FLOWVT_STORE=$work/store
"$probe" -r "$lab" -w "$FLOWVT_STORE" >"$work/log" 2>&1 || exit 1
mkdir "$work/own"

says() { # NAME WANTED-OF-STDERR ARGUMENT...
    local name=$1 wanted=$2
    shift 2
    "$report" "$@" >"$work/out" 2>"$work/err"
    is "$name: status" $? 2
    is "$name" "$(cat "$work/err")" "$wanted"
}

# ---- a file with all that is difficult -------------------------------------------------------

cat >"$work/own/odd.sql" <<'EOF'
-- SPDX-License-Identifier: MIT
-- What is odd?  (nfdump -q 'x (y)')
--
--   :n, :m   how many
--            of them                        default 2
--   :name    a name                         default 'nobody'
--
-- Sample output:
-- none
.mode box
.print not here
CREATE TEMP TABLE t AS SELECT 1;
-- Title: First of "two", <b> & all
SELECT 9007199254740993 AS big, 'a,"b"
c;' AS text, NULL AS none, x'00ff' AS octets, '漢字' AS wide, char(27) || '[31m' AS escaped, :name AS name, :n AS n, 1 AS n;
.headers on
/* Title: Second */
SELECT 'it''s :no parameter' AS s, ':nor' AS "this :one" WHERE 0;
EOF
export FLOWVT_QUERIES=$work/own
"$report" odd --n 3k --name 007 --format json >"$work/json"
is "odd: values as they are" "$(/usr/bin/python3 - "$work/json" <<'EOF'
import json, sys
d = json.load(open(sys.argv[1]))
r = d["results"][0]["rows"][0]
assert r == {"big": 9007199254740993, "text": 'a,"b"\nc;', "none": None, "octets": "X'00ff'", "wide": "漢字",
             "escaped": "\x1b[31m", "name": "007", "n": 3000, "n:2": 1}, r
assert [s["title"] for s in d["results"]] == ['First of "two", <b> & all', "Second"]
assert d["results"][1] == {"title": "Second", "columns": ["s", "this :one"], "rows": []}
assert d["parameters"] == {"n": "3k", "m": None, "name": "007"}, d["parameters"]
assert d["question"] == "What is odd?"
print("same")
EOF
)" same
is "odd: the second set alone" "$("$report" odd --set 2 --format csv)" $'s,this :one\r'
"$report" odd --format csv >"$work/csv" 2>"$work/err"
is "odd: CSV is one table and says so" "$(cat "$work/err")" \
    "flowreport: odd: not in here: result set 2, Second: --set 2 writes it"
"$report" odd | tr -d '\n' >"$work/table"
is "odd: no control characters in a table" "$(grep -c '[[:cntrl:]]' "$work/table") $(grep -o '␛.31m' "$work/table")" '0 ␛[31m'

# ---- pictures in the terminal ----------------------------------------------------------------

while read -r file; do
    name=$(basename "$file" .sql)
    given=$(sed -n 's/^-- Sample output of flowreport (:\(.*\)):$/--\1/p' "$file")
    # shellcheck disable=SC2086  # options
    COLUMNS=80 LC_ALL=C.UTF-8 "$report" "$name" $given 2>&1 | sed 's/^/-- /; s/ *$//' >"$work/got"
    sed -n '/^-- Sample output of flowreport/,/^$/{/^--/p}' "$file" | sed 1d >"$work/wanted"
    same "$name: the sample output is what it prints" "$work/got" "$work/wanted"
done < <(grep -l '^-- Sample output of flowreport' queries/*.sql)

# ---- what is wrong ---------------------------------------------------------------------------

says "no such report" "flowreport: top-talker: no such report: is it top-talkers?" top-talker
says "nor without its folder" "flowreport: threshold: no such report: is it alerts/threshold?" threshold
says "nor command" "flowreport: alert: no such report: is it alerts?" alert
says "an option twice" "flowreport: --format: is there twice: once" top-talkers --format csv --format json
says "no number of a set" "flowreport: --set 2x: not a number: 1 is the first result set" top-talkers --set 2x
says "nothing of that name" "flowreport: list: nosuch: in no report's name or question: flowreport list has all" list nosuch
is "list finds what a peer calls it" "$("$report" list PORTTRACKER | head -n 1 | cut -d' ' -f1)" port-tracker
is "help explains commands" "$("$report" help update | head -n 1) $("$report" alerts -h | cut -c 1-24 | head -n 1)" \
    "usage: flowreport update --site DATABASE [--store STORE] [--redo TIME] usage: flowreport alerts"
is "its version is that of all" "$("$report" --version)" "flowreport $(sqlite 'SELECT flowvt_version()')"
is "without UTF-8 pictures are of ASCII" "$(LC_ALL=C "$report" overview | LC_ALL=C grep -c '[^ -~]') $(LC_ALL=C "$report" overview --n 1 | grep -c '^203.*#####$')" "0 1"
says "no such parameter" "flowreport: top-talkers: --untill: no such parameter: is it --until?" top-talkers --untill now
says "not a number" "flowreport: top-talkers: --n ten: not a number: as --n 10" top-talkers --n ten
says "not a whole number" "flowreport: top-talkers: --n 3.7: not a whole number: as --n 10" top-talkers --n 3.7
says "nor this" "flowreport: top-talkers: --n inf: not a number: as --n 10" top-talkers --n inf
is "numbers with a unit are whole ones" "$("$report" top-talkers --n 0.002k --set 1 --format csv 2>/dev/null | wc -l)" 3
says "a value that there is not, named once" "flowreport: users: by: zone: there are user, group, host" users --by zone
says "nor twice here" "flowreport: applications: by: zone: there are services, app" applications --by zone
says "times the wrong way round" "flowreport: top-talkers: --since 2026-11-24 is not before --until yesterday -1000 days: $(sqlite "SELECT flow_time('2026-11-24') || ' and ' || flow_time('yesterday -1000 days')")" \
    top-talkers --since 2026-11-24 --until 'yesterday -1000 days'
says "no such format" "flowreport: --format cvs: no such format: is it csv?" top-talkers --format cvs
says "no value" "flowreport: top-talkers: --since: needs a value: as --since VALUE" top-talkers --since
says "no such set" "flowreport: odd: --set 3: there are 2 result sets" odd --set 3
echo 'SELECT 1 AS a;
SELECT b;' >"$work/own/wrong.sql"
says "SQL that is wrong" "flowreport: $work/own/wrong.sql:2: no such column: b" wrong
cat >"$work/own/midway.sql" <<'EOF'
SELECT 1 AS a;
SELECT column1 AS b, CASE WHEN column1 = 3 THEN refuse('three is "too" many') END AS c FROM (VALUES (1), (2), (3));
EOF
says "what goes wrong midway" 'flowreport: midway: three is "too" many' midway --format json
is "is in the JSON, which is whole" "$(/usr/bin/python3 - "$work/out" <<'EOF'
import json, sys
d = json.load(open(sys.argv[1]))
assert d["error"] == 'midway: three is "too" many', d
assert [len(s["rows"]) for s in d["results"]] == [1, 2], d
print("same")
EOF
)" same
says "so is what goes wrong before any row" "flowreport: top-talkers: filter: line 1, column 1: expected a test, as host, net, port, proto, flags, or a column of flows, found 'nonsense'" \
    top-talkers --filter nonsense --format json
is "and says so" "$(/usr/bin/python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); print(len(d["results"]), d["error"][:20])' "$work/out")" "0 top-talkers: filter:"
"$report" top-talkers --since soon >"$work/out" 2>"$work/err"
is "a time that is none: status" $? 2
is "a time that is none" "$(cut -c 1-58 "$work/err")" "flowreport: top-talkers: since: 'soon': not understood: ac"

is "help" "$("$report" top-talkers -h | head -n 1)" "Who sent and received most?  (nfdump -s ip/bytes -n 10)"

mkfifo "$work/pipe"
timeout 20 cat "$work/pipe" >"$work/out" &
"$report" summary --format csv --set 1 --output "$work/pipe"
status=$?
wait $!
is "what is no file is written into, not replaced" "$status $(head -c 4 "$work/out") $(stat -c %F "$work/pipe")" "0 flow fifo"

# ---- a site's database and its alerts --------------------------------------------------------

(cd "$work" && "$report" init site.db --store store)
is "init" $? 0
is "its tables have its store" "$(FLOWVT_STORE=/nowhere "$report" summary --site "$work/site.db" --format json | grep -c '"flows": 1143')" 1
says "no such database" "flowreport: $work/none.db: no such database: flowreport init $work/none.db makes it" summary --site "$work/none.db"
for name in bill billing-csv bill-days bill-hosts quotas top-increases; do
    says "$name without a site" "flowreport: $name: no site's database, and so no usage: --site SITE.db, or FLOWVT_SITE; flowreport init SITE.db makes one" $name
done
"$report" bill --site "$work/site.db" --format json >"$work/out" 2>"$work/err"
is "a bill before anything was counted" "$? $(cat "$work/err")" "0 flowreport: bill: nothing is in usage yet: flowreport update --site $work/site.db counts what the store has"
if [ "$(id -u)" != 0 ] || su nobody -s /bin/sh -c true 2>/dev/null; then
    cp "$work/site.db" "$work/read.db"
    chmod 755 "$work"
    chmod 444 "$work/read.db"
    unprivileged() { if [ "$(id -u)" = 0 ]; then su nobody -s /bin/sh -c '"$@"' sh -- "$@"; else "$@"; fi; }
    for words in "init $work/read.db" "update --site $work/read.db"; do
        # shellcheck disable=SC2086  # words
        is "a database that is only read: ${words%% *}" "$(unprivileged "$report" $words 2>&1; echo $?)" \
            "flowreport: $work/read.db: cannot be written to: its owner may, and to the directory that it is in
2"
    done
    is "reports read it" "$(unprivileged "$report" summary --site "$work/read.db" --set 1 --format csv 2>&1 | wc -l)" 2
fi
echo 'none' >"$work/none.txt"
says "no database" "flowreport: $work/none.txt: file is not a database" init "$work/none.txt"
says "nor for a report" "flowreport: $work/none.txt: file is not a database" summary --site "$work/none.txt"
is "it is left as it was" "$(cat "$work/none.txt")" none
sqlite3 "$work/other.db" 'CREATE TABLE t(a)'
says "a database of something else" "flowreport: bill: $work/other.db: has no table usage: flowreport init $work/other.db adds it" bill --site "$work/other.db"
sqlite3 "$work/older.db" 'PRAGMA user_version = 1'
says "a database of an older version" "flowreport: $work/older.db: is of an older version of flowvt: flowreport init $work/older.db brings it up to date, with all that is in it" \
    summary --site "$work/older.db"
is "init makes it of this version" "$("$report" init "$work/older.db"; sqlite3 "$work/older.db" 'PRAGMA user_version') $("$report" summary --site "$work/older.db" --set 1 --format csv 2>&1 | wc -l)" "5 2"
# Version 2 had no table of addresses, no totals of usage, no views of what is known, and its lines of bills were other ones. What a site has filled in and changed stays.
site_sql() { sqlite3 -batch -cmd ".load $BUILD/flowvt" "$work/older.db" "$1"; }
kept() { site_sql .dump | grep -v "^INSERT INTO site_changes\|^PRAGMA\|writable_schema\|^CREATE VIEW bill_lines" | sort; }
site_sql "INSERT INTO settings VALUES ('timezone', 'Pacific/Auckland'); INSERT INTO networks (cidr, zone) VALUES ('203.0.113.0/24', 'metro');
    INSERT INTO hosts (cidr, user, user_group) VALUES ('10.0.0.1', 'ann', 'staff'); INSERT INTO tariffs (zone, direction, price, currency) VALUES ('metro', 'in', 2, 'NZD');
    INSERT INTO quotas VALUES ('user', 'ann', 'month', 5000, 80); INSERT INTO events VALUES ('2026-11-23', NULL, 'moved'); DELETE FROM services WHERE proto = 6;
    INSERT INTO billing_exporters VALUES ('10.0.0.0/8', '192.0.2.1'); DROP VIEW billable; CREATE VIEW billable AS SELECT * FROM billable_by_interface;
    INSERT INTO usage VALUES ('2026-11-01 00:00:00.000', '2026-11-01 00:00:00.000', '10.0.0.1', 'ann', 'staff', 'metro', 'dns', 5000000, 1, 1, 1, 1, 1);
    INSERT INTO usage_recv VALUES ('2026-11-01 00:00:00.000', '2026-11-01 01:00:00.000', 2, 5000001, NULL, NULL, 0, 0)"
kept >"$work/kept"
site_sql "DROP TRIGGER tariffs_update; DROP VIEW known_zones; DROP VIEW known_users; DROP VIEW known_groups; DROP VIEW site_timezone; DROP VIEW bill_lines; DROP VIEW hosts_by_address; DROP TABLE host_addresses;
    DROP TABLE usage_total; DROP TABLE usage_hour; DROP TABLE usage_era; DROP VIEW usage_part; DROP TRIGGER usage_total_insert; DROP TRIGGER usage_total_delete;
    DROP TRIGGER usage_total_before; DROP TRIGGER usage_total_after; DROP TRIGGER usage_total_anew; DROP TRIGGER settings_delete;
    CREATE VIEW bill_lines AS SELECT 1 AS month; PRAGMA user_version = 2"
says "a database of version 2" "flowreport: $work/older.db: is of an older version of flowvt: flowreport init $work/older.db brings it up to date, with all that is in it" \
    bill --site "$work/older.db"
"$report" init "$work/older.db"
is "init makes it of this version, too" "$? $(site_sql 'PRAGMA user_version')" "0 5"
kept >"$work/kept.after"
same "with all that is in it" "$work/kept.after" "$work/kept"
is "and it is of use" "$("$report" billing-csv --site "$work/older.db" --month 2026-11 --format csv | tail -n +2 | tr -d '\r' | tr '\n' ' ')" \
    '2026-11,ann,staff,metro,in,all,5000000,0,5000000,0.01,NZD,2.0,1000000000 2026-11,ann,staff,metro,out,,1,,,,,, '
for name in bill bill-days percentile95 top-increases billing-csv; do
    says "$name: a month is a month" "flowreport: $name: month = 2026-13: write it as 2026-11" $name --site "$work/older.db" --month 2026-13
done
for name in bill-hosts bill-peers bill-ports bill-flows; do
    says "$name: a day is a day" "flowreport: $name: day = 2026-02-30: write it as 2026-11-23" $name --site "$work/older.db" --day 2026-02-30
    says "$name: a user is known" "flowreport: $name: user = eve: no such user in hosts, nor in usage" $name --site "$work/older.db" --user eve
done
says "a bill of a user" "flowreport: bill: user = eve: no such user in hosts, nor in usage" bill --site "$work/older.db" --user eve
says "and of a group" "flowreport: bill: group = nobody: no such group in hosts, nor in usage" bill --site "$work/older.db" --group nobody
says "a zone of none" "flowreport: bill-days: zone = abroad: give local, domestic, international, or one that networks has" bill-days --site "$work/older.db" --zone abroad
says "a port" "flowreport: bill-flows: port = http: give a number, or none" bill-flows --site "$work/older.db" --port http
says "percentiles of no time" "flowreport: percentile95: --since 2026-11-24 is not before --until 2026-11-23: 2026-11-24 00:00:00.000 and 2026-11-23 00:00:00.000" \
    percentile95 --site "$work/older.db" --since 2026-11-24 --until 2026-11-23
says "a percentile is one" "flowreport: percentile95: percent = 0: give more than 0, at most 100" percentile95 --site "$work/site.db" --percent 0
says "a state is one" "flowreport: quotas: state = full: give ok, warn or over" quotas --site "$work/site.db" --state full
says "a month is a month" "flowreport: bill: month = 2026-11-23: write it as 2026-11" bill --site "$work/site.db" --month 2026-11-23
"$report" init "$work/moved.db"
sqlite3 -cmd ".load $BUILD/flowvt" "$work/moved.db" "
    INSERT INTO tariffs (zone, direction, price, per, currency, included) VALUES ('international', 'in', 1, 1000, 'EUR', 1500);
    INSERT INTO usage VALUES ('2026-11-01 00:00:00.000', '', '10.0.0.1', 'ann', 'a', 'international', '', 1000, 0, 1, 0, 1, 0),
                             ('2026-11-20 00:00:00.000', '', '10.0.0.1', 'ann', 'b', 'international', '', 1000, 0, 1, 0, 1, 0)"
is "what is included is free once, whatever groups one is in" \
    "$(for r in bill billing-csv; do "$report" $r --site "$work/moved.db" --month 2026-11 --set 1 --format csv 2>/dev/null | grep -o '1000,[0-9]*,[0-9]*,[0-9.]*'; done | tr '\n' ' ')" \
    "1000,1000,0,0.0 1000,500,500,0.5 1000,1000,0,0.0 1000,500,500,0.5 "
is "and that of one group" "$("$report" bill --site "$work/moved.db" --month 2026-11 --group b --set 2 --format csv 2>/dev/null | tail -1 | cut -d, -f1-8)" \
    "ann,b,1000,500,0,0.5,EUR,2000"
# Three bands and a price that changes in the month have together what each has as included; a fourth has its own.
"$report" init "$work/bands.db"
sqlite3 -cmd ".load $BUILD/flowvt" "$work/bands.db" "
    INSERT INTO tariffs (zone, direction, weekdays, hour_from, hour_until, price, per, currency, included, valid_from, valid_until) VALUES
        ('international', 'in', '1234567', 0, 8, 1, 1000, 'EUR', 1500, NULL, NULL), ('international', 'in', '1234567', 8, 18, 2, 1000, 'EUR', 1500, NULL, '2026-11-21 09:30'),
        ('international', 'in', '1234567', 8, 18, 4, 1000, 'EUR', 1500, '2026-11-21 09:30', NULL), ('international', 'in', '1234567', 18, 24, 8, 1000, 'EUR', 700, NULL, NULL);
    INSERT INTO usage SELECT '2026-' || column1 || ':00:00.000', '', '10.0.0.1', 'ann', '', 'international', '', 1000, 0, 1, 0, 1, 0
        FROM (VALUES ('11-02 20'), ('11-03 03'), ('11-04 09'), ('11-05 02'), ('11-21 09'), ('11-21 10'), ('11-22 21'), ('12-01 00'))"
is "what is included is shared by bands, as time goes on" "$("$report" billing-csv --site "$work/bands.db" --month 2026-11 --format csv | tail -n +2 | cut -d, -f6-10 | tr -d '\r' | tr '\n' ' ')" \
    "1234567 00-08,2000,1000,1000,1.0 1234567 08-18,2000,500,1500,3.0 1234567 08-18,1000,0,1000,4.0 1234567 18-24,2000,700,1300,10.4 "
is "and each month anew" "$("$report" billing-csv --site "$work/bands.db" --month 2026-12 --format csv | tail -n +2 | cut -d, -f6-10 | tr -d '\r')" "1234567 00-08,1000,1000,0,0.0"
is "a month that is running beside as much of the one before" "$(sqlite3 -cmd ".load $BUILD/flowvt" "$work/bands.db" "
    DELETE FROM usage;
    WITH RECURSIVE hour(h) AS (VALUES (datetime('now', 'start of month', '-1 month')) UNION ALL SELECT datetime(h, '+1 hour') FROM hour WHERE h < datetime('now'))
    INSERT INTO usage SELECT h || '.000', '', '10.0.0.1', 'ann', '', 'international', '', iif(h < datetime('now', 'start of month'), 1, 2), 0, 1, 0, 1, 0 FROM hour"
    "$report" top-increases --site "$work/bands.db" --month "$(date -u +%Y-%m)" --set 1 --format csv 2>/dev/null | tail -n +2 | tr -d '\r')" \
    "$(sqlite3 :memory: "WITH n(now, before) AS (SELECT (strftime('%s', 'now') - strftime('%s', 'now', 'start of month')) / 3600,
        (strftime('%s', 'now', 'start of month') - strftime('%s', 'now', 'start of month', '-1 month')) / 3600)
        SELECT group_concat(x, ',') FROM (SELECT 'ann' AS x UNION ALL SELECT min(now, before) FROM n UNION ALL SELECT 2 * now FROM n UNION ALL
            SELECT 2 * now - min(now, before) FROM n UNION ALL SELECT round(100.0 * (2 * now - min(now, before)) / min(now, before), 1) FROM n)")"
mkdir "$work/alerts"
cat >"$work/alerts/many.sql" <<'EOF'
-- Too many flows?
--
--   :most   so many are well   default 10
SELECT sum(flows) AS flows FROM traffic HAVING sum(flows) > coalesce(:most, 10);
EOF
echo 'SELECT text FROM events;' >"$work/alerts/events.sql"
"$report" alerts --dir "$work/alerts" >"$work/json" 2>"$work/err"
is "alerts: status" "$? $(cat "$work/err")" "1 "
is "alerts: those that return rows" "$(/usr/bin/python3 - "$work/json" <<'EOF'
import json, sys
d = json.load(open(sys.argv[1]))
assert d["checked"] == ["alerts/events", "alerts/many"] and d["errors"] == [], d
assert [(a["report"], a["results"][0]["rows"]) for a in d["alerts"]] == [("alerts/many", [{"flows": 1143}])], d
print("same")
EOF
)" same
"$report" alerts --dir "$work/alerts" --output "$work/alerts.json" >"$work/out" 2>"$work/err"
is "alerts into a file" "$? $(cat "$work/err" "$work/out") $(cmp "$work/json" "$work/alerts.json")" "1  "
"$report" alerts --dir "$work/alerts" --output "$work/none/alerts.json" >"$work/out" 2>"$work/err"
is "alerts into a file that cannot be" "$? $(cat "$work/err" "$work/out")" "2 flowreport: $work/none/alerts.json: No such file or directory"
"$report" alerts --dir "$work/alerts" --site "$work/site.db" --most 2k >"$work/json" 2>"$work/err"
is "no alerts: status" "$? $(cat "$work/err")" "0 "
# What goes on is told of once, by what a row is about; what could not be asked is as it was.
cat >"$work/alerts/keyed.sql" <<'EOF'
CREATE TEMP TABLE own AS SELECT json_extract(value, '$[0]') AS who, json_extract(value, '$[1]') AS port, json_extract(value, '$[2]') AS bytes
FROM json_each((SELECT value FROM settings WHERE name = 'my.state'));
-- Key: who, port
SELECT who, port, bytes FROM own;
EOF
sed 's/^-- Key.*//; s/, port, bytes FROM/, bytes FROM/' "$work/alerts/keyed.sql" >"$work/alerts/unkeyed.sql"
printf 'CREATE TEMP VIEW own AS SELECT 1;\nSELECT bytes FROM own;\n' >"$work/alerts/wrong.sql"
known() { # STATE: new rows by report, what is over, the errors and the status, with that state
    sqlite3 -cmd ".load $BUILD/flowvt" "$work/site.db" "INSERT OR REPLACE INTO settings VALUES ('my.state', '$1')"
    "$report" alerts --dir "$work/alerts" --site "$work/site.db" --most 2k --known "$work/known" >"$work/json" 2>"$work/err"
    local status=$?
    /usr/bin/python3 -c '
import json, sys
d = json.load(open(sys.argv[1]))
print([(a["report"][7:], *r.values()) for a in d["alerts"] for s in a["results"] for r in s["rows"]], d["over"], d["errors"], sys.argv[2])' "$work/json" $status
}
is "alerts: what is new" "$(known '[["a", 1, 10], ["a", 2, 10]]')" \
    "[('keyed', 'a', 1, 10), ('keyed', 'a', 2, 10), ('unkeyed', 'a', 10), ('unkeyed', 'a', 10)] [] ['alerts/wrong'] 2"
rm "$work/alerts/wrong.sql"
is "alerts: once, whatever its numbers are" "$(known '[["a", 1, 20], ["a", 2, 30]]')" "[] [] [] 0"
is "alerts: one more, and one that is over" "$(known '[["a", 1, 20], ["b\n", 1, 30]]')" \
    "[('keyed', 'b\\n', 1, 30), ('unkeyed', 'b\\n', 30)] ['alerts/keyed a 2'] [] 1"
is "alerts: one that comes back" "$(known '[["a", 2, 20], ["b\n", 1, 30]]')" "[('keyed', 'a', 2, 20)] ['alerts/keyed a 1'] [] 1"
is "alerts: what cannot be asked" "$(known 'no JSON')" "[] [] ['alerts/keyed', 'alerts/unkeyed'] 2"
is "alerts: is as it was" "$(known '[["a", 2, 20], ["b\n", 1, 30]]')" "[] [] [] 0"
says "alerts: a file of them that cannot be" "flowreport: $work: Is a directory" alerts --dir "$work/alerts" --known "$work"
rm "$work/alerts/keyed.sql" "$work/alerts/unkeyed.sql"
says "a parameter of none" "flowreport: alerts: --mots: none of them has this parameter: is it --most?" alerts --dir "$work/alerts" --mots 3
echo 'SELECT absent;' >"$work/alerts/wrong.sql"
says "one that cannot be run" "flowreport: $work/alerts/wrong.sql:1: no such column: absent" alerts --dir "$work/alerts"
is "does not keep the others from it" "$(grep -c '"report": "alerts/many"' "$work/out")" 1
"$report" alerts --site "$work/site.db" --store "$work/nowhere" >"$work/json" 2>"$work/err"
is "alerts of another store than the site's" "$? $(grep -c "^flowreport: alerts/threshold: $work/nowhere: " "$work/err")" "2 1"
# As flowcollect -x runs it, for each file that is complete.
rm -f "$work/alerts/wrong.sql"
cat >"$work/hook" <<EOF
#!/bin/sh
"$report" alerts --store "\$1" --dir "$work/alerts" >"$work/alerted"
echo \$? >>"$work/statuses"
EOF
chmod +x "$work/hook"
"$flowgen" --count 300 --begin 1699920000 --span 500 --pcap "$work/pcap" >/dev/null
"$collect" -r "$work/pcap" -w "$work/collected" -x "$work/hook %d" >"$work/log" 2>&1
is "alerts as flowcollect's command" "$(tr '\n' ' ' <"$work/statuses") $(grep -o '"flows": [0-9]*' "$work/alerted")" '1 1  "flows": 300'

is "list has all files" "$("$report" list | grep -c '^[a-z]')" "$(find queries queries/alerts "$work/own" -maxdepth 1 -name '*.sql' 2>/dev/null | sort -u | wc -l)"
result
