-- SPDX-License-Identifier: MIT
-- Which hosts call the same place at regular intervals?
--
--   :min     calls, at least                         default 6
--   :jitter  how far intervals may stray, as a part of their average (standard deviation)  default 0.2
--   :gap     seconds between two calls, at least     default 1
--   :candidates  how many connections of the most calls are looked at  default 1000
--   :n       how many, -1 for all                    default 20
--   :since, :until, :filter, :store                  default: everything in the store
--
-- A call is a flow from one host to a port of another; answers are left out, and so are flows of more than
-- 100 kB, which do something. Malware calls home so, and so do clocks (NTP), mail programs and monitoring.
--
-- Sample output:
-- ┌────────────────┬────────────────┬───────┬─────────┬───────┬───────────────┬────────┬──────────────┬─────────────────────────┬─────────────────────────┐
-- │     srcip      │     dstip      │ proto │ dstport │ calls │ every_seconds │ jitter │ bytes_a_call │       first_seen        │        last_seen        │
-- ├────────────────┼────────────────┼───────┼─────────┼───────┼───────────────┼────────┼──────────────┼─────────────────────────┼─────────────────────────┤
-- │ 192.168.1.10   │ 203.0.113.10   │ tcp   │ 80      │ 8     │ 7.063         │ 0.001  │ 711          │ 2026-11-23 18:12:36.148 │ 2026-11-23 18:13:25.586 │
-- │ 192.168.1.10   │ 203.0.113.10   │ tcp   │ 443     │ 8     │ 7.063         │ 0.001  │ 2317         │ 2026-11-23 18:12:36.118 │ 2026-11-23 18:13:25.559 │
-- │ 192.168.1.10   │ 203.0.113.53   │ udp   │ 53      │ 8     │ 7.063         │ 0.001  │ 84           │ 2026-11-23 18:12:36.096 │ 2026-11-23 18:13:25.536 │
-- │ 2001:db8:1::10 │ 2001:db8:2::10 │ tcp   │ 443     │ 6     │ 9.141         │ 0.014  │ 2926         │ 2026-11-23 18:12:39.100 │ 2026-11-23 18:13:24.807 │
-- │ 2001:db8:1::10 │ 2001:db8:2::10 │ tcp   │ 80      │ 6     │ 9.141         │ 0.017  │ 951          │ 2026-11-23 18:12:39.127 │ 2026-11-23 18:13:24.830 │
-- │ 2001:db8:1::10 │ 2001:db8:2::53 │ udp   │ 53      │ 6     │ 9.142         │ 0.017  │ 104          │ 2026-11-23 18:12:39.077 │ 2026-11-23 18:13:24.787 │
-- └────────────────┴────────────────┴───────┴─────────┴───────┴───────────────┴────────┴──────────────┴─────────────────────────┴─────────────────────────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box
.headers on

WITH calls AS MATERIALIZED (
    SELECT * FROM (
        SELECT srcip, dstip, proto, dstport, flows
        FROM traffic(:since, :until, filter_and(:filter, 'bytes < 100k and (not proto in [tcp udp] or (src port > 1023 and dst port < 32768))'), :store)
        ORDER BY flows DESC, srcip, dstip, proto, dstport LIMIT coalesce(bounded(:candidates, 'candidates', 1, 1000000), 1000))
    WHERE flows >= coalesce(bounded(:min, 'min', 2, 1e18), 6)
), seen AS ( -- in the order that the table sorts them in
    SELECT srcip, dstip, proto, dstport, bytes, tstart_ms,
           tstart_ms - lag(tstart_ms) OVER (PARTITION BY srcip, dstip, proto, dstport ORDER BY tstart_ms) AS gap
    FROM flows(:since, :until, filter_and(:filter, 'bytes < 100k and (not proto in [tcp udp] or (src port > 1023 and dst port < 32768))'), :store)
    WHERE srcip IN (SELECT srcip FROM calls) AND dstip IN (SELECT dstip FROM calls)
      AND (+srcip, +dstip, coalesce(+proto, -1), coalesce(dstport, -1)) IN (SELECT srcip, dstip, coalesce(proto, -1), coalesce(dstport, -1) FROM calls)
), regular AS (
    SELECT srcip, dstip, proto, dstport, count(*) AS calls, sum(bytes) AS bytes, avg(gap) AS mean,
           max(avg(gap * gap) - avg(gap) * avg(gap), 0) AS variance, min(tstart_ms) AS first, max(tstart_ms) AS last
    FROM seen GROUP BY srcip, dstip, proto, dstport
)
SELECT srcip, dstip, proto_name(proto) AS proto, dstport, calls, round(mean / 1000, 3) AS every_seconds,
       round(sqrt(variance) / mean, 3) AS jitter, bytes / calls AS bytes_a_call,
       strftime('%Y-%m-%d %H:%M:%f', first / 1000.0, 'unixepoch') AS first_seen,
       strftime('%Y-%m-%d %H:%M:%f', last / 1000.0, 'unixepoch') AS last_seen
FROM regular
WHERE mean >= 1000 * coalesce(bounded(:gap, 'gap', 0, 1e18), 1) AND variance <= mean * mean * coalesce(bounded(:jitter, 'jitter', 0, 1e6), 0.2) * coalesce(bounded(:jitter, 'jitter', 0, 1e6), 0.2)
ORDER BY jitter, calls DESC, srcip, dstip, dstport
LIMIT coalesce(:n, 20);

SELECT losses(:since, :until, :store) AS losses;
