-- SPDX-License-Identifier: MIT
-- When was there suddenly more than usual, and what was it?
--
--   :bucket  seconds that are looked at at a time    default 300
--   :factor  a spike is so many times what is usual  default 3
--   :window  usual is the average of so many stretches before, of which there must be 3 at least  default 12
--   :n       how many contributors of each spike     default 3
--   :since, :until, :filter, :store                  default: everything in the store
--
-- Stretches without any flow do not count. Flows, packets and bytes are looked at apart; contributors are those of the spike's own measure. The port
-- is the lower one of a flow, where the contributor has only one.
--
-- Sample output (:bucket 10, :n 2):
-- ┌─────────────────────────┬─────────┬───────┬───────┬──────────────┬──────────────┬───────┬──────┬───────┬──────┬─────────┐
-- │          time           │ measure │ value │ usual │    srcip     │    dstip     │ proto │ port │ ports │ part │ percent │
-- ├─────────────────────────┼─────────┼───────┼───────┼──────────────┼──────────────┼───────┼──────┼───────┼──────┼─────────┤
-- │ 2026-11-23 18:13:10.000 │ flows   │ 218   │ 25    │ 192.168.1.66 │ 203.0.113.80 │ tcp   │      │ 100   │ 100  │ 45.9    │
-- │ 2026-11-23 18:13:10.000 │ flows   │ 218   │ 25    │ 203.0.113.80 │ 192.168.1.66 │ tcp   │      │ 100   │ 100  │ 45.9    │
-- │ 2026-11-23 18:13:20.000 │ flows   │ 816   │ 64    │ 192.168.1.66 │ 203.0.113.80 │ tcp   │ 80   │ 1     │ 400  │ 49.0    │
-- │ 2026-11-23 18:13:20.000 │ flows   │ 816   │ 64    │ 203.0.113.80 │ 192.168.1.66 │ tcp   │ 80   │ 1     │ 400  │ 49.0    │
-- └─────────────────────────┴─────────┴───────┴───────┴──────────────┴──────────────┴───────┴──────┴───────┴──────┴─────────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box
.headers on

WITH asked(before, factor) AS MATERIALIZED (
    SELECT coalesce(bounded(:window, 'window', 3, 1000000), 12), coalesce(bounded(:factor, 'factor', 0, 1e18), 3)
), series AS MATERIALIZED (
    SELECT time, flows, packets, bytes FROM traffic(:since, :until, :filter, :store, :bucket)
), measured AS (
    SELECT time, 'flows' AS measure, flows AS value FROM series
    UNION ALL SELECT time, 'packets', packets FROM series
    UNION ALL SELECT time, 'bytes', bytes FROM series
), numbered AS MATERIALIZED (
    SELECT *, row_number() OVER past AS k, sum(value) OVER past AS total FROM measured
    WINDOW past AS (PARTITION BY measure ORDER BY time)
), compared AS (
    SELECT time, measure, value, min(k - 1, before) AS n, 1.0 * (total - value - coalesce(older, 0)) / min(k - 1, before) AS usual
    FROM asked, (SELECT *, lag(total, 1 + (SELECT before FROM asked)) OVER (PARTITION BY measure ORDER BY time) AS older FROM numbered)
), spikes AS MATERIALIZED (
    SELECT time, measure, value, usual FROM compared, asked WHERE n >= 3 AND value > factor * usual
), bounds AS MATERIALIZED (
    SELECT DISTINCT time, max(time, coalesce(flow_time(:since, 'since'), time)) AS since,
           min(strftime('%Y-%m-%d %H:%M:%f', time, coalesce(:bucket, 300) || ' seconds'),
               coalesce(flow_time(:until, 'until'), '9999')) AS until FROM spikes
), many AS MATERIALIZED ( -- a reading for each takes longer than one of all when they are many and small
    SELECT count(*) > 20 AND avg(flows) < 1000 AS yes FROM bounds JOIN series USING (time)
), parts AS (
    SELECT time, srcip, dstip, proto, flows, packets, bytes
    FROM traffic(:since, :until, :filter, :store, :bucket)
    WHERE time IN (SELECT time FROM bounds WHERE (SELECT yes FROM many))
), ranked AS (
    SELECT time, column1 AS measure, srcip, dstip, proto, part,
           row_number() OVER (PARTITION BY time, column1 ORDER BY part DESC, srcip, dstip, proto) AS k
    FROM (SELECT *, CASE column1 WHEN 'flows' THEN flows WHEN 'packets' THEN packets ELSE bytes END AS part
          FROM parts, (VALUES ('flows'), ('packets'), ('bytes')))
    WHERE part > 0 AND (time, column1) IN (SELECT time, measure FROM spikes)
), largest AS MATERIALIZED (
    SELECT s.time, s.measure, s.value, s.usual, k - 1 AS n, srcip, dstip, proto, part
    FROM ranked r JOIN spikes s USING (time, measure) WHERE k <= coalesce(:n, 3)
    UNION ALL
    -- The first of each spike, as an array: a subquery with LIMIT cannot be joined.
    SELECT s.time, s.measure, s.value, s.usual, l.key AS n, json_extract(l.value, '$[0]') AS srcip, json_extract(l.value, '$[1]') AS dstip,
           json_extract(l.value, '$[2]') AS proto, json_extract(l.value, '$[3]') AS part
    FROM many JOIN spikes s ON NOT yes JOIN bounds b USING (time), json_each(CASE measure
        WHEN 'flows' THEN (SELECT json_group_array(json_array(srcip, dstip, proto, part)) FROM (
            SELECT srcip, dstip, proto, flows AS part FROM traffic(b.since, b.until, :filter, :store)
            ORDER BY flows DESC, srcip, dstip, proto LIMIT coalesce(:n, 3)))
        WHEN 'packets' THEN (SELECT json_group_array(json_array(srcip, dstip, proto, part)) FROM (
            SELECT srcip, dstip, proto, packets AS part FROM traffic(b.since, b.until, :filter, :store)
            ORDER BY packets DESC, srcip, dstip, proto LIMIT coalesce(:n, 3)))
        ELSE (SELECT json_group_array(json_array(srcip, dstip, proto, part)) FROM (
            SELECT srcip, dstip, proto, bytes AS part FROM traffic(b.since, b.until, :filter, :store)
            ORDER BY bytes DESC, srcip, dstip, proto LIMIT coalesce(:n, 3))) END) l
), near(filter) AS MATERIALIZED ( -- flows of these addresses; all where one has none, as what an exporter adds up
    SELECT filter_and(:filter, CASE WHEN count(*) > count(srcip) THEN 'any' ELSE coalesce(filter_in('src ip', group_concat(DISTINCT srcip), ''), 'not any') END || ' and ' ||
                               CASE WHEN count(*) > count(dstip) THEN 'any' ELSE coalesce(filter_in('dst ip', group_concat(DISTINCT dstip), ''), 'not any') END)
    FROM largest
), ports AS MATERIALIZED (
    SELECT time, srcip, dstip, proto, count(DISTINCT lowport) AS ports,
           CASE WHEN max(lowport) = min(lowport) THEN max(lowport) END AS port
    FROM traffic(:since, :until, (SELECT filter FROM near), :store, :bucket)
    WHERE time IN (SELECT time FROM largest)
    GROUP BY 1, 2, 3, 4
)
SELECT l.time, measure, value, CAST(usual AS INTEGER) AS usual, l.srcip, l.dstip, proto_name(l.proto) AS proto, port, ports,
       part, round(100.0 * part / value, 1) AS percent
FROM largest l LEFT JOIN ports p ON p.time = l.time AND p.srcip IS l.srcip AND p.dstip IS l.dstip AND p.proto IS l.proto
ORDER BY l.time, measure, n;

SELECT losses(:since, :until, :store) AS losses;
