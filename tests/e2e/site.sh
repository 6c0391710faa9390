#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A site's own database in the stock shell: what schema/site.sql makes, what it refuses and with which words, files of
# CSV, the store that it is bound to, reading it again. What the functions answer: tests/ext/site_lookups.py.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

"$probe" -r "$lab" -w "$work/store" >"$work/log" 2>&1 || exit 1
site=$work/site.db
in_site() { # SQL-or-command...
    sqlite3 -batch -noheader -list -cmd ".load $BUILD/flowvt" "$site" "$@" 2>&1
}
refused() { # NAME SQL WORDS: nothing but these is said, and no row is there
    local said
    said=$(in_site "$2" | sed 's/^[A-Z][a-z ]*error near line [0-9]*: //; s/^Error: [a-z]*, //; s/ ([0-9]*)$//')
    is "refused: $1" "$said" "$3"
}

in_site '.read schema/site.sql' "INSERT INTO settings VALUES ('store', '$work/store')" >"$work/said"
is "made by one command" "$(cat "$work/said")" ""
is "its tables are of its store" "$(in_site 'SELECT sum(flows) FROM traffic')" "$(FLOWVT_STORE=$work/store sqlite 'SELECT sum(flows) FROM traffic')"
is "every table is bound to it" "$(in_site "SELECT count(*) > 0 FROM flow_files; SELECT count(*) FROM flow_exporters WHERE flows > 0;
    SELECT length(text) > 100 FROM flows_csv WHERE header = 0 LIMIT 1")" "$(printf '1\n1\n1')"
is "where it is attached, too" \
    "$(FLOWVT_STORE=/nonexistent sqlite "ATTACH '$site' AS s; SELECT sum(flows) > 1000 FROM traffic; SELECT count(*) > 1000 FROM s.flows")" "$(printf '1\n1')"
is "a parameter says another store" "$(in_site "SELECT sum(flows) FROM traffic WHERE store = '$work/none'" | grep -c "$work/none: No such file")" 1
is "services are there to begin with" "$(in_site "SELECT application(6, 50000, 443), category(17, 53, 50000), count(*) > 300 FROM services")" "https|dns|1"

# ---- refused ---------------------------------------------------------------------------------

refused "host bits" "INSERT INTO networks(cidr) VALUES ('10.1.0.0/8')" \
    "networks: cidr '10.1.0.0/8' has bits of a host behind its length: write 10.0.0.0/8"
refused "no network" "INSERT INTO networks(cidr) VALUES ('10.0.0.0/33')" \
    "networks: cidr '10.0.0.0/33' is no address or network: write 192.0.2.1, 192.0.2.0/24, 2001:db8::1 or 2001:db8::/32"
refused "a network twice, in two spellings" "INSERT INTO networks(cidr) VALUES ('192.0.2.0/24'), ('192.0.2/24')" \
    "UNIQUE constraint failed: networks.cidr"
refused "an ASN" "INSERT INTO networks(cidr, asn) VALUES ('10/8', 'AS1')" \
    "networks: 10/8: asn 'AS1' is no autonomous system: write 1 to 4294967295, or NULL"
refused "a country" "INSERT INTO networks(cidr, country) VALUES ('10/8', 'Sweden')" \
    "networks: 10/8: country 'Sweden' is none: write the two letters of ISO 3166, or NULL"
is "of several rows none is kept" "$(in_site 'SELECT count(*) FROM networks')" 0

refused "a host without address" "INSERT INTO hosts(name) VALUES ('pc')" "hosts: a row has neither cidr nor mac: write one of them"
refused "a MAC address" "INSERT INTO hosts(cidr, mac) VALUES ('10.0.0.1', '00:11')" \
    "hosts: 10.0.0.1: mac '00:11' is no MAC address: write aa:bb:cc:dd:ee:ff, or NULL"
refused "a time" "INSERT INTO hosts(cidr, valid_from) VALUES ('10.0.0.1', 'monday')" \
    "hosts: 10.0.0.1: valid_from 'monday' is no time: write 2026-11-23 or 2026-11-23 10:00, UTC, or NULL"
refused "times the wrong way round" "INSERT INTO hosts(cidr, valid_from, valid_until) VALUES ('10.0.0.1', '2026-02-01', '2026-01-01')" \
    "hosts: 10.0.0.1: valid_until 2026-01-01 00:00:00 is not after valid_from 2026-02-01 00:00:00: the row would never hold"
in_site "INSERT INTO hosts(cidr, user, valid_until) VALUES ('10.0.0.1', 'ann', '2026-02-01'); INSERT INTO hosts(mac, user) VALUES ('02-00-00-00-00-01', 'bob')"
refused "two owners at a time" "INSERT INTO hosts(cidr, user, valid_from) VALUES ('10.0.0.1/32', 'eve', '2026-01-31 23:59')" \
    "hosts: 10.0.0.1: ann has it from ever until 2026-02-01 00:00:00, and eve from 2026-01-31 23:59:00 until ever: let one end before the other begins"
refused "two owners of a MAC address" "INSERT INTO hosts(mac, user) VALUES ('02:00:00:00:00:01', 'eve')" \
    "hosts: 02:00:00:00:00:01: bob has it from ever until ever, and eve from ever until ever: let one end before the other begins"
refused "an update that makes two owners" "INSERT INTO hosts(cidr, user, valid_from) VALUES ('10.0.0.1', 'eve', '2026-02-01');
    UPDATE hosts SET valid_until = NULL WHERE user = 'ann'" \
    "hosts: 10.0.0.1: eve has it from 2026-02-01 00:00:00 until ever, and ann from ever until ever: let one end before the other begins"
is "one after the other is not" "$(in_site "SELECT cidr, user, valid_from, valid_until FROM hosts WHERE cidr IS NOT NULL ORDER BY valid_from")" \
    "$(printf '10.0.0.1|ann||2026-02-01 00:00:00\n10.0.0.1|eve|2026-02-01 00:00:00|')"

refused "a protocol" "INSERT INTO services VALUES ('tpc', 80, NULL, 'x', NULL)" "services: proto 'tpc' is no protocol: write 6 or tcp"
refused "ports" "INSERT INTO services VALUES ('tcp', 80, 79, 'x', NULL)" \
    "services: tcp: ports '80' to '79' are none: write 0 to 65535, the lower one first, or NULL for both"
refused "ports that cross others" "INSERT INTO services VALUES ('tcp', 2049, 2050, 'x', NULL); INSERT INTO services VALUES ('tcp', 2050, 2060, 'y', NULL)" \
    "services: tcp 2049 to 2050 is x, and 2050 to 2060 is y: let one lie in the other, or neither"
refused "a whole protocol twice" "INSERT INTO services VALUES ('icmp', NULL, NULL, 'x', NULL)" \
    "services: icmp 0 to 65535 is icmp, and 0 to 65535 is x: let one lie in the other, or neither"
is "ports in a range are not" "$(in_site "INSERT INTO services VALUES ('tcp', 2000, 2100, 'range', ''); SELECT application(6, 2049, 1), application(6, 2099, 1)")" "nfs|range"

refused "a role" "INSERT INTO interfaces VALUES ('192.0.2.1', 1, 'eth0', 'inner')" \
    "interfaces: 192.0.2.1: 1: role 'inner' is none: write inside, outside or transit"
refused "an exporter" "INSERT INTO interfaces VALUES ('router', 1, 'eth0', 'inside')" \
    "interfaces: exporter 'router' is no address: write 192.0.2.1 or 2001:db8::1"

tariff() { # NAME ZONE DIRECTION GROUP DAYS FROM UNTIL PRICE MESSAGE
    refused "$1" "INSERT INTO tariffs(zone, direction, user_group, weekdays, hour_from, hour_until, price, currency)
        VALUES ('$2', '$3', '$4', '$5', '$6', '$7', '$8', 'NZD')" "$9"
}
tariff "a zone" metro in '' '' '' '' 1 "tariffs: zone 'metro' is none: write local, domestic, international, or one that networks has"
tariff "a direction" local both '' '' '' '' 1 "tariffs: local: direction 'both' is none: write in or out"
tariff "weekdays" local in '' 'Mon' '' '' 1 "tariffs: local in: weekdays 'Mon' are none: write their numbers, 12345 for Monday to Friday"
tariff "hours over midnight" local in '' '' 22 6 1 "tariffs: local in: hours '22' to '6': write 0 to 24, the earlier one first; a night is two rows"
tariff "a negative price" local in '' '' '' '' -1 "tariffs: local in: price '-1.0': write a number of 0 or more"
tariff "no price" local in '' '' '' '' free "tariffs: local in: price 'free': write a number of 0 or more"
tariff "one" local in '' 12345 8 20 2 ""
tariff "its night" local in '' '' 20 24 1 ""
tariff "its weekend" local in '' 67 0 20 1 ""
tariff "that of a group" local in staff '' '' '' 1 ""
tariff "an overlap" local in '' 56 19 21 3 \
    "tariffs: local in of all groups: days 12345 from 8 to 20 (price 2.0) and days 56 from 19 to 21 (price 3.0) overlap: let one end before the other begins"
tariff "an overlap of a group" local in staff 7 23 24 3 \
    "tariffs: local in of group staff: days 1234567 from 0 to 24 (price 1.0) and days 7 from 23 to 24 (price 3.0) overlap: let one end before the other begins"
is "tariffs have what was left out" "$(in_site "SELECT weekdays, hour_from, hour_until, per, included, user_group FROM tariffs WHERE user_group = 'staff'")" \
    "1234567|0|24|1000000000|0|staff"

refused "a quota's kind" "INSERT INTO quotas VALUES ('person', 'ann', 'day', 1, 80)" "quotas: kind 'person' is none: write user, group or host"
refused "a quota's host" "INSERT INTO quotas VALUES ('host', 'pc', 'day', 1, 80)" "quotas: host 'pc': write its name; of a host its address"
refused "a quota's period" "INSERT INTO quotas VALUES ('user', 'ann', 'year', 1, 80)" "quotas: user ann: period 'year' is none: write day, week or month"
refused "a quota's octets" "INSERT INTO quotas VALUES ('user', 'ann', 'day', '10G', 80)" "quotas: user ann: octets '10G': write a whole number of 0 or more"
refused "a sampling rate" "INSERT INTO sampling_overrides VALUES (NULL, NULL, NULL, 0)" \
    "sampling_overrides: rate '0' is none: write a whole number from 1 on"
refused "an event's time" "INSERT INTO events VALUES ('today', NULL, 'x')" "events: time 'today' is no time: write 2026-11-23 or 2026-11-23 10:00, UTC"
refused "a setting" "INSERT INTO settings VALUES ('timezon', 'UTC')" \
    "settings: 'timezon' is none: there are store, timezone, country, geodb, asndb; write one with a dot, as in 'my.timezon', for another purpose"
is "refused: a time zone" "$(in_site "INSERT INTO settings VALUES ('timezone', 'Mars/Base')" | grep -c "Mars/Base")" 1
is "after all that, the database is sound" "$(in_site 'PRAGMA integrity_check')" ok

refused "an exporter that bills" "INSERT INTO billing_exporters VALUES ('10.1.0.0/8', '192.0.2.1')" \
    "billing_exporters: cidr '10.1.0.0/8' has bits of a host behind its length: write 10.0.0.0/8"
refused "one that is no address" "INSERT INTO billing_exporters VALUES ('10/8', 'core')" \
    "billing_exporters: 10/8: exporter 'core' is no address: write 192.0.2.1 or 2001:db8::1"

# ---- who is billed by what --------------------------------------------------------------------

"$flowgen" --version 9 --kind campus --exporters 2 --count 3000 --span 300 --begin 1699920000 --pcap "$work/two.pcap" >/dev/null
"$BUILD/flowcollect" -r "$work/two.pcap" -w "$work/two" >"$work/log" 2>&1
cp "$site" "$work/two.db"
in_two() { sqlite3 -batch -noheader -list -cmd ".load $BUILD/flowvt" "$work/two.db" "UPDATE settings SET value = '$work/two' WHERE name = 'store'" "$@" 2>&1; }
in_two "INSERT INTO billing_exporters VALUES ('2001:db8::/32', '127.0.0.2'), ('2001:DB8:1::/122', '127.0.0.1'), ('2001:db8:1::1', '127.0.0.2')"
is "billing_exporters of IPv6: the longest prefix counts, others are as all see them" "$(in_two "SELECT ip_version(ip), sum(flows), sum(bytes) FROM endpoints WHERE billing = 1 GROUP BY 1")" \
    "$(in_two "SELECT ip_version(ip), count(*), sum(bytes) FROM (SELECT srcip AS ip, exporter, bytes FROM flows UNION ALL SELECT dstip, exporter, bytes FROM flows)
        WHERE exporter = CASE WHEN ip = '2001:db8:1::1' THEN '127.0.0.2' WHEN ip GLOB '2001:db8:1::[0-9a-f]' OR ip GLOB '2001:db8:1::[123][0-9a-f]' THEN '127.0.0.1'
                              WHEN ip GLOB '2001:db8:*' THEN '127.0.0.2' ELSE exporter END GROUP BY 1")"
is "some of which are" "$(in_two "SELECT (SELECT sum(flows) FROM endpoints WHERE billing = 1 AND ip = '2001:db8:1::2') BETWEEN 1 AND (SELECT sum(flows) FROM endpoints WHERE ip = '2001:db8:1::2') - 1")" 1
is "billing is no number" "$(in_two "SELECT sum(flows) FROM endpoints WHERE billing = 2")" "Error: stepping, billing = '2': give 0 or 1"

# The same with triggers that may run into themselves, into a copy so that nothing of it stays.
cp "$work/site.db" "$work/recursive.db"
is "with recursive triggers" "$(sqlite3 -batch -noheader -list -cmd ".load $BUILD/flowvt" "$work/recursive.db" "PRAGMA recursive_triggers = ON;
    INSERT INTO networks(cidr, country) VALUES ('10.7/16', 'nz'); INSERT INTO hosts(cidr, mac, user, valid_from) VALUES ('10.7.0.1/32', '02-00-00-00-00-07', '', '2026-01-01');
    INSERT INTO services VALUES ('udp', 7777, NULL, 'x', ''); INSERT INTO interfaces VALUES ('2001:DB8::1', 7, '', 'inside'); INSERT INTO quotas VALUES ('host', '2001:DB8::1', 'day', 7, '');
    INSERT INTO tariffs(zone, direction, user_group, price, currency, valid_from) VALUES ('local', 'out', 'seven', 7, 'NZD', '2026-01-01');
    INSERT INTO sampling_overrides VALUES ('10.7/16', '2026-01-01', '', 7); INSERT INTO events VALUES ('2026-01-01', '', 'x'); INSERT INTO billing_exporters VALUES ('10.7/16', '2001:DB8::1');
    INSERT INTO settings VALUES ('country', 'nz');
    SELECT cidr, mac, user, valid_from FROM hosts WHERE cidr LIKE '10.7%'; SELECT proto, port_to, category FROM services WHERE application = 'x' AND port_from = 7777;
    SELECT exporter, name FROM interfaces WHERE ifindex = 7; SELECT name, warn_at FROM quotas WHERE octets = 7; SELECT valid_from FROM tariffs WHERE user_group = 'seven';
    SELECT exporter, since, until FROM sampling_overrides WHERE rate = 7; SELECT time, until FROM events; SELECT * FROM billing_exporters" 2>&1)" \
    "$(printf '10.7.0.1|02:00:00:00:00:07||2026-01-01 00:00:00\n17|7777|\n2001:db8::1|\n2001:db8::1|80\n2026-01-01 00:00:00\n10.7.0.0/16|2026-01-01 00:00:00|\n2026-01-01 00:00:00|\n10.7.0.0/16|2001:db8::1')"

# ---- files of CSV ----------------------------------------------------------------------------

cat >"$work/networks.csv" <<'CSV'
cidr,name,zone,asn,country
10.0.0.0/8,,campus,,
10.1/16,"Halls, north",,,
2001:DB8::/32,isp,domestic,64496,nz
10.2.0.1/16,oops,,,
CSV
said=$(in_site ".import --csv --skip 1 $work/networks.csv networks")
is "CSV: the row that is refused, by its line" "$said" \
    "$work/networks.csv:5: INSERT failed: networks: cidr '10.2.0.1/16' has bits of a host behind its length: write 10.2.0.0/16"
is "CSV: the others are there" "$(in_site "SELECT cidr, name, zone, asn, country FROM networks ORDER BY cidr COLLATE ip")" \
    "$(printf '10.0.0.0/8||campus||\n10.1.0.0/16|Halls, north|||\n2001:db8::/32|isp|domestic|64496|NZ')"
is "CSV: empty is NULL" "$(in_site "SELECT count(*) FROM networks WHERE '' IN (name, zone, asn, country)")" 0
is "CSV: a zone that networks has is good for tariffs" \
    "$(in_site "INSERT INTO tariffs(zone, direction, price, currency) VALUES ('campus', 'out', 0, 'NZD'); SELECT zone('10.1.2.3'), network('10.1.2.3')")" "campus|Halls, north"
cat >"$work/hosts.csv" <<'CSV'
10.1.0.5,,pc5,ann,staff,2026-01-01,2026-07-01T00:00:00Z
10.1.0.5,,pc5,bob,staff,2026-07-01,
,02-00-00-00-00-02,tablet,bob,,,
CSV
is "CSV: hosts" "$(in_site ".import --csv $work/hosts.csv hosts" "SELECT host_user('10.1.0.5', '2026-06-30 23:59:59.999'), host_user('10.1.0.5', '2026-07-01'),
    (SELECT mac FROM hosts WHERE name = 'tablet')")" "ann|bob|02:00:00:00:00:02"
in_site ".output $work/again.csv" ".mode csv" "SELECT * FROM networks" >"$work/said"
is "CSV: what is written can be read again" "$(in_site 'DELETE FROM networks' ".import --csv $work/again.csv networks" "SELECT count(*) FROM networks")" 3

# ---- joins -----------------------------------------------------------------------------------

# With thousands of rows: an index is used, and the flows are read once.
in_site "DELETE FROM hosts; DELETE FROM networks;
    WITH n(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i < 2999) INSERT INTO hosts(cidr, user) SELECT '192.168.' || (i / 250) || '.' || (i % 250 + 1), 'user' || (i % 100) FROM n;
    WITH n(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i < 2999) INSERT INTO networks(cidr, name) SELECT '203.' || (i / 250) || '.' || (i % 250) || '.0/24', 'net' || i FROM n"
join="SELECT user, sum(bytes_in + bytes_out) FROM endpoints JOIN hosts ON cidr = ip GROUP BY user ORDER BY 2 DESC, 1"
is "joined with hosts: some are known" "$(in_site "$join" | wc -l)" 4
is "joined with hosts: what host_user() says" "$(in_site "$join")" \
    "$(in_site "SELECT host_user(ip) AS user, sum(bytes_in + bytes_out) FROM endpoints WHERE user IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1")"
is "joined with hosts: the flows are read once" "$(in_site "EXPLAIN QUERY PLAN $join" | sed -n 's/.*SCAN endpoints.*/scan/p; s/.*SEARCH hosts USING INDEX.*/index/p')" "$(printf 'scan\nindex')"
join="SELECT name, sum(bytes) FROM traffic JOIN networks ON cidr = ip_net(dstip, 24) GROUP BY name"
is "joined with networks: some are known" "$(in_site "$join" | wc -l)" 1
is "joined with networks: what network() says" "$(in_site "$join")" \
    "$(in_site "SELECT network(dstip) AS name, sum(bytes) FROM traffic WHERE name IS NOT NULL GROUP BY 1")"
is "joined with networks: the flows are read once" "$(in_site "EXPLAIN QUERY PLAN $join" | sed -n 's/.*SCAN traffic.*/scan/p; s/.*SEARCH networks USING INDEX.*/index/p')" "$(printf 'scan\nindex')"
is "zone() in WHERE" "$(in_site "SELECT sum(flows) FROM traffic WHERE zone(srcip) = 'local'")" \
    "$(in_site "SELECT sum(flows) FROM traffic WHERE ip_in(srcip, '192.168/16') OR ip_in(srcip, 'fe80::/10') OR ip_in(srcip, '169.254/16') OR srcip IN ('::', '0.0.0.0')")"
is "zones add up" "$(in_site "SELECT sum(b) = (SELECT sum(bytes) FROM traffic) FROM (SELECT zone(srcip), zone(dstip), sum(bytes) AS b FROM flows GROUP BY 1, 2)")" 1

# ---- again -----------------------------------------------------------------------------------

contents() { # all but the tokens, which are new whenever the triggers are
    in_site .dump | grep -v "^INSERT INTO site_changes" | sort
}
contents >"$work/before"
in_site '.read schema/site.sql' >"$work/said"
is "read again: nothing to say" "$(cat "$work/said")" ""
contents >"$work/after"
same "read again: all is as it was" "$work/after" "$work/before"
is "read again: rows, too" "$(grep -c '^INSERT INTO hosts' "$work/after")" 3000
in_site "DELETE FROM services WHERE application = 'http'; UPDATE services SET application = 'web' WHERE application = 'https'" '.read schema/site.sql' >"$work/said"
is "read again: a site's own services stay" "$(in_site "SELECT application(6, 1, 443), application(6, 1, 80)")" "web|other"
in_site 'DROP TRIGGER hosts_update' '.read schema/site.sql'
refused "a trigger that was lost, after reading again" "INSERT INTO hosts(cidr) VALUES ('x')" \
    "hosts: cidr 'x' is no address or network: write 192.0.2.1, 192.0.2.0/24, 2001:db8::1 or 2001:db8::/32"
in_site 'PRAGMA user_version = 9'
is "of a later version" "$(in_site '.read schema/site.sql' | head -n 1 | sed 's/^[A-Z][a-z ]*error near line [0-9]*: //; s/ ([0-9]*)$//')" \
    "site.sql: this database is of a later version: use the site.sql that came with it"
result
