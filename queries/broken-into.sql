-- SPDX-License-Identifier: MIT
-- Host X was broken into on port Y: who else?
--
--   :port    Y                                       default 22
--   :host    X, an address or network                default: all hosts
--   :n       how many rows of each table             default 20
--   :since, :until, :filter, :store                  default: everything in the store
--
-- A visit is a TCP flow to the port in which data went both ways (PSH and ACK). Suspects are those who
-- visited X; those who also visited others, and where the visited hosts went afterwards and had not been before (in the
-- window), is next to look at. There, answers are left out: what is not from a port above 1023 to one below 32768.
-- How it was: look at the flows with long.sql, :filter 'host A and host B'.
--
-- Needs: site
--
-- Sample output:
-- ┌──────────────┬───────┬────────┬───────┬───────────────┬─────────────┬─────────────────────────┬─────────────────────────┐
-- │   suspect    │ zone  │ visits │ bytes │ hosts_visited │ hosts_tried │       first_seen        │        last_seen        │
-- ├──────────────┼───────┼────────┼───────┼───────────────┼─────────────┼─────────────────────────┼─────────────────────────┤
-- │ 192.168.1.10 │ local │ 1      │ 8313  │ 1             │ 1           │ 2026-11-23 18:12:36.087 │ 2026-11-23 18:13:46.128 │
-- └──────────────┴───────┴────────┴───────┴───────────────┴─────────────┴─────────────────────────┴─────────────────────────┘
-- ┌──────────────┬──────┬──────────┬────────┬───────┬─────────────────────────┬─────────────────────────┐
-- │     host     │ name │ suspects │ visits │ bytes │       first_seen        │        last_seen        │
-- ├──────────────┼──────┼──────────┼────────┼───────┼─────────────────────────┼─────────────────────────┤
-- │ 198.51.100.5 │      │ 1        │ 1      │ 8313  │ 2026-11-23 18:12:36.087 │ 2026-11-23 18:13:46.128 │
-- └──────────────┴──────┴──────────┴────────┴───────┴─────────────────────────┴─────────────────────────┘
-- ┌──────────────┬──────────────┬───────┬───────┬───────┬───────┬────────┬─────────────────────────┐
-- │     host     │   went_to    │ zone  │ proto │ port  │ flows │ bytes  │       first_seen        │
-- ├──────────────┼──────────────┼───────┼───────┼───────┼───────┼────────┼─────────────────────────┤
-- │ 198.51.100.5 │ 192.168.1.30 │ local │ udp   │ 16384 │ 1     │ 400000 │ 2026-11-23 18:12:41.170 │
-- └──────────────┴──────────────┴───────┴───────┴───────┴───────┴────────┴─────────────────────────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box
.headers on

-- Title: Who visited the host on that port
WITH asked(door) AS (SELECT 'proto tcp and flags AP and dst port ' || coalesce(bounded(:port, 'port', 0, 65535), 22)),
suspects AS MATERIALIZED (
    SELECT srcip, sum(flows) AS visits, sum(bytes) AS bytes, min(first) AS first_seen, max(last) AS last_seen
    FROM traffic(:since, :until, filter_and(:filter, (SELECT door FROM asked) || coalesce(' and ' || filter_in('dst ip', :host, 'host'), '')), :store)
    GROUP BY srcip
), everywhere AS MATERIALIZED (
    SELECT srcip, sum(counted) AS hosts
    FROM traffic(:since, :until, filter_and(:filter, (SELECT door FROM asked)), :store)
    WHERE count_of = 'dstip' AND srcip IN (SELECT srcip FROM suspects) GROUP BY srcip
), tried AS MATERIALIZED (
    SELECT srcip, sum(counted) AS hosts
    FROM traffic(:since, :until, filter_and(:filter, 'proto tcp and dst port ' || coalesce(bounded(:port, 'port', 0, 65535), 22)), :store)
    WHERE count_of = 'dstip' AND srcip IN (SELECT srcip FROM suspects) GROUP BY srcip
)
SELECT s.srcip AS suspect, zone(s.srcip) AS zone, s.visits, s.bytes, e.hosts AS hosts_visited, t.hosts AS hosts_tried,
       s.first_seen, s.last_seen
FROM suspects s LEFT JOIN everywhere e ON e.srcip = s.srcip LEFT JOIN tried t ON t.srcip = s.srcip
ORDER BY t.hosts DESC, s.bytes DESC, s.srcip
LIMIT coalesce(:n, 20);

-- Title: Who else was visited by them there
WITH asked(door) AS (SELECT 'proto tcp and flags AP and dst port ' || coalesce(bounded(:port, 'port', 0, 65535), 22)),
suspects AS MATERIALIZED (
    SELECT DISTINCT srcip
    FROM traffic(:since, :until, filter_and(:filter, (SELECT door FROM asked) || coalesce(' and ' || filter_in('dst ip', :host, 'host'), '')), :store)
)
SELECT dstip AS host, host_name(dstip, max(last)) AS name, count(DISTINCT srcip) AS suspects, sum(flows) AS visits, sum(bytes) AS bytes,
       min(first) AS first_seen, max(last) AS last_seen
FROM traffic(:since, :until, filter_and(:filter, (SELECT door FROM asked)), :store)
WHERE srcip IN (SELECT srcip FROM suspects) AND (:host IS NULL OR NOT ip_in(dstip, :host))
GROUP BY dstip
ORDER BY first_seen, host
LIMIT coalesce(:n, 20);

-- Title: Where the visited went afterwards, for the first time
WITH asked(door) AS (SELECT 'proto tcp and flags AP and dst port ' || coalesce(bounded(:port, 'port', 0, 65535), 22)),
visited AS MATERIALIZED (
    SELECT dstip AS ip, min(first) AS since
    FROM traffic(:since, :until, filter_and(:filter, (SELECT door FROM asked) || coalesce(' and ' || filter_in('dst ip', :host, 'host'), '')), :store)
    GROUP BY dstip
), went AS MATERIALIZED (
    SELECT srcip, dstip, proto, dstport, flows, bytes, first FROM traffic(:since, :until,
        filter_and(:filter, '(not proto in [tcp udp] or (src port > 1023 and dst port < 32768))'), :store)
    WHERE srcip IN (SELECT ip FROM visited)
)
SELECT w.srcip AS host, w.dstip AS went_to, zone(w.dstip) AS zone, proto_name(w.proto) AS proto, w.dstport AS port,
       sum(w.flows) AS flows, sum(w.bytes) AS bytes, min(w.first) AS first_seen
FROM went w JOIN visited v ON v.ip = w.srcip
WHERE w.first > v.since
GROUP BY w.srcip, w.dstip, w.proto, w.dstport
ORDER BY first_seen, went_to, port
LIMIT coalesce(:n, 20);

SELECT losses(:since, :until, :store) AS losses;
