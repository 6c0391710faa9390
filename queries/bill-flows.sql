-- SPDX-License-Identifier: MIT
-- Why is my bill so high: which flows were it, on that day?
--
--   :day     of the site's time zone, 2026-11-23     default: the last one of usage
--   :user, :group, :host                             a user or group of the site's table hosts ('': who has none), or an
--            address or network                      default: all that zone() calls local
--   :zone    of the peers                            default: all but local, which is what stays within the site
--   :peer    an address or network                   default: all
--   :proto   tcp, udp, ... or a number               default: all
--   :port    the lower one of the two, or none       default: all
--   :n       how many, the largest, -1 for all       default 20
--   :filter, :store                                  default: all flows of the site's store
--
-- Octets are those of the bill: the steps bill-days, bill-hosts, bill-peers, bill-ports and bill-flows, each with what the one
-- before says in `next`, add up to what the bill has as used.
-- A row is the flows of a connection, as one exporter saw them, with the part of them that lies in the day; `next` lists each.
--
-- Needs: site
--
-- Sample output (:day '2026-11-24', :host 192.168.1.20, :peer 203.0.113.10, :proto tcp, :port 80):
-- ┌─────────────────────────┬─────────────────────────┬──────────┬───────┬──────────────┬───────┬──────────────┬───────────┬───────┬─────────┬──────────┬─────────┬─────────┬────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────┐
-- │       first_seen        │        last_seen        │ exporter │ proto │     host     │ port  │     peer     │ peer_port │ flows │  sent   │ received │  bytes  │ percent │                                                                                                                                          next                                                                                                                                          │
-- ├─────────────────────────┼─────────────────────────┼──────────┼───────┼──────────────┼───────┼──────────────┼───────────┼───────┼─────────┼──────────┼─────────┼─────────┼────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────┤
-- │ 2026-11-23 18:12:48.079 │ 2026-11-23 18:12:49.213 │          │ tcp   │ 192.168.1.20 │ 59744 │ 203.0.113.10 │ 80        │ 2     │ 77883   │ 4144138  │ 4222021 │ 79.0    │ flowreport long --n -1 --since '2026-11-23 11:00:00.000' --until '2026-11-24 11:00:00.000' --filter 'proto tcp and (src ip 192.168.1.20 and src port 59744 and dst ip 203.0.113.10 and dst port 80 or src ip 203.0.113.10 and src port 80 and dst ip 192.168.1.20 and dst port 59744)' │
-- │ 2026-11-23 18:13:02.083 │ 2026-11-23 18:13:02.901 │          │ tcp   │ 192.168.1.20 │ 43702 │ 203.0.113.10 │ 80        │ 2     │ 1091944 │ 29472    │ 1121416 │ 21.0    │ flowreport long --n -1 --since '2026-11-23 11:00:00.000' --until '2026-11-24 11:00:00.000' --filter 'proto tcp and (src ip 192.168.1.20 and src port 43702 and dst ip 203.0.113.10 and dst port 80 or src ip 203.0.113.10 and src port 80 and dst ip 192.168.1.20 and dst port 43702)' │
-- └─────────────────────────┴─────────────────────────┴──────────┴───────┴──────────────┴───────┴──────────────┴───────────┴───────┴─────────┴──────────┴─────────┴─────────┴────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box --wrap 300
.headers on

DROP TABLE IF EXISTS temp.asked;

CREATE TEMP TABLE asked AS
SELECT day, utc_time(day, timezone) AS since, utc_time(date(day, '+1 day'), timezone) AS until,
       coalesce((SELECT seconds FROM usage_step WHERE year = substr(day, 1, 4)), 900) AS step,
       -- where the hosts of a user or group are, of which billable knows nothing
       CASE WHEN :host IS NOT NULL OR coalesce(nullif(:user, ''), nullif(:group, '')) IS NULL THEN :host
            ELSE coalesce((SELECT group_concat(DISTINCT cidr) FROM hosts_by_address
                           WHERE coalesce(:user, '') IN ('', user) AND coalesce(:group, '') IN ('', user_group)),
                          refuse('no host of that user and group: see the table hosts')) END AS nets,
       coalesce(:zone, '') AS zone_from, coalesce(:zone, char(1114111)) AS zone_to, iif(:zone IS NULL, 'local', '') AS zone_but,
       filter_and(filter_and(:filter, filter_in('proto', :proto, 'proto')),
                  iif(:port = 'none', 'not (src port >= 0 and dst port >= 0)',
                      replace('(src port # and dst port >= # or dst port # and src port >= #)', '#', :port))) AS filter,
       -- Does the table answer with the largest? Not by whose they are, nor by what else billable may be
       coalesce(:user, :group) IS NULL
       AND EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'billable' AND sql LIKE 'CREATE VIEW billable AS SELECT * FROM billable_by_network')
       AND NOT EXISTS (SELECT 1 FROM sqlite_temp_master WHERE name = 'billable') AS plain
FROM (SELECT timezone, coalesce(:day, date(local_time(coalesce((SELECT max(period) FROM usage), (SELECT max(last) FROM flow_files(NULL, NULL, :store))),
                                                      timezone))) AS day
      FROM site_timezone)
WHERE refuse(CASE WHEN NOT (:day GLOB '[0-9]*' AND date(:day, '+0 days') IS :day) THEN 'day = ' || :day || ': write it as 2026-11-23'
                      WHEN :port <> 'none' AND (:port = '' OR CAST(:port AS TEXT) GLOB '*[^0-9]*') THEN 'port = ' || :port || ': give a number, or none'
                      WHEN :zone NOT IN known_zones THEN 'zone = ' || :zone || ': give local, domestic, international, or one that networks has'
                      WHEN :user <> '' AND NOT EXISTS (SELECT 1 FROM known_users WHERE user = :user)
                      THEN 'user = ' || :user || ': no such user in hosts, nor in usage'
                      WHEN :group <> '' AND NOT EXISTS (SELECT 1 FROM known_groups WHERE user_group = :group)
                      THEN 'group = ' || :group || ': no such group in hosts, nor in usage' END) IS NULL;

WITH largest AS MATERIALIZED (
    SELECT b.exporter, b.proto, b.ip AS host, b.port, b.peerip AS peer, b.peerport, b.first AS first_seen, b.last AS last_seen,
           b.bytes_out AS sent, b.bytes_in AS received, b.flows, b.total_bytes AS total
    FROM endpoints AS b
    WHERE b.since = (SELECT since FROM asked) AND b.until = (SELECT until FROM asked)
      AND b.filter = (SELECT filter FROM asked) AND b.store = :store AND b.endnet = (SELECT nets FROM asked) AND b.peernet = :peer
      AND b.billing = 1 AND b.zone = 'local'
      AND b.peerzone IN (SELECT zone FROM known_zones, asked WHERE zone BETWEEN zone_from AND zone_to AND zone <> zone_but)
    ORDER BY b.bytes DESC, b.ip, b.port, b.peerip, b.peerport
    LIMIT (SELECT iif(plain, coalesce(:n, 20), 0) FROM asked)
), others AS MATERIALIZED (
    SELECT b.exporter, b.proto, b.host, b.port, b.peer, b.peerport, min(b.first), max(b.last), sum(b.octets_out), sum(b.octets_in),
           sum(b.flows_out + b.flows_in), NULL
    FROM billable AS b
    WHERE coalesce(:user, :group) IS NULL AND b.since = (SELECT since FROM asked) AND b.until = (SELECT until FROM asked)
      AND b.filter = (SELECT filter FROM asked) AND b.store = :store AND b.endnet = (SELECT nets FROM asked) AND b.peernet = :peer
      AND b.zone BETWEEN (SELECT zone_from FROM asked) AND (SELECT zone_to FROM asked) AND b.zone <> (SELECT zone_but FROM asked)
    GROUP BY 1, 2, 3, 4, 5, 6
    UNION ALL
    SELECT b.exporter, b.proto, b.host, b.port, b.peer, b.peerport, min(b.first), max(b.last), sum(b.octets_out), sum(b.octets_in),
           sum(b.flows_out + b.flows_in), NULL
    FROM billable AS b
    WHERE coalesce(:user, :group) IS NOT NULL AND b.since = (SELECT since FROM asked) AND b.until = (SELECT until FROM asked)
      AND b.filter = (SELECT filter FROM asked) AND b.store = :store AND b.endnet = (SELECT nets FROM asked) AND b.peernet = :peer
      AND b.bucket = (SELECT step FROM asked)
      AND b.zone BETWEEN (SELECT zone_from FROM asked) AND (SELECT zone_to FROM asked) AND b.zone <> (SELECT zone_but FROM asked)
      AND (:user IS NULL OR coalesce(host_user(b.host, b.time), '') = :user)
      AND (:group IS NULL OR coalesce(host_group(b.host, b.time), '') = :group)
    GROUP BY 1, 2, 3, 4, 5, 6
    LIMIT (SELECT iif(plain, 0, -1) FROM asked)
)
SELECT first_seen, last_seen, exporter, proto_name(proto) AS proto, host, port, peer, peerport AS peer_port, flows,
       sent, received, sent + received AS bytes, round(100.0 * (sent + received) / coalesce(total, sum(sent + received) OVER ()), 1) AS percent,
       -- as it was in either direction, since what is between the ports the other way round is another connection
       'flowreport long --n -1 --since ''' || since || ''' --until ''' || until || ''' --filter ''' ||
       replace(CASE WHEN instr(:filter, '#') THEN filter_and(:filter, '') WHEN :filter IS NOT NULL THEN '(' || :filter || ') and ' ELSE '' END, '''', '''\''''') ||
       'proto ' || proto_name(proto) ||
       coalesce(' and (src ip ' || host || ' and src port ' || port || ' and dst ip ' || peer || ' and dst port ' || peerport ||
                ' or src ip ' || peer || ' and src port ' || peerport || ' and dst ip ' || host || ' and dst port ' || port || ')',
                ' and host ' || host || ' and host ' || peer || coalesce(' and port ' || port, '') || coalesce(' and port ' || peerport, '')) ||
       coalesce(' and router ip ' || exporter, '') || '''' || coalesce(' --store ''' || replace(:store, '''', '''\''''') || '''', '') AS next
FROM (SELECT * FROM largest UNION ALL SELECT * FROM others), asked
ORDER BY bytes DESC, host, port, peer, peer_port
LIMIT coalesce(:n, 20);

SELECT losses(since, until, :store) AS losses FROM asked;
