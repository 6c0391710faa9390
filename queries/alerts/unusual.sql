-- SPDX-License-Identifier: MIT
-- Is the last hour unlike the same hour of the weeks before?
--
--   :factor  so many times as much, or as little, is unusual       default 3
--   :weeks   compared with the average of so many weeks            default 4
--   :least   of them at least so many must have been collected     default 2
--   :bytes   hours with less than this on average are left alone   default 100000000
--   :until   the end of the hour                                   default: the end of the store
--   :filter, :store                                                default: all flows of the store
--
-- It is the same hour by the site's clocks (`timezone` in settings), also before and after they change.
--
-- Needs: site
--
-- Sample output (:until '2026-11-23 18:13:30', :least 0, :bytes 1000000):
-- ┌─────────┬─────────┬─────────┬───────┬───────┬─────────────────────┬─────────────────────┐
-- │ measure │  value  │ average │ times │ weeks │        since        │        until        │
-- ├─────────┼─────────┼─────────┼───────┼───────┼─────────────────────┼─────────────────────┤
-- │ bytes   │ 9272742 │ 0       │       │ 0     │ 2026-11-23 17:13:30 │ 2026-11-23 18:13:30 │
-- │ packets │ 14750   │ 0       │       │ 0     │ 2026-11-23 17:13:30 │ 2026-11-23 18:13:30 │
-- │ flows   │ 1137    │ 0       │       │ 0     │ 2026-11-23 17:13:30 │ 2026-11-23 18:13:30 │
-- └─────────┴─────────┴─────────┴───────┴───────┴─────────────────────┴─────────────────────┘

.mode box
.headers on

-- Key: measure
WITH RECURSIVE asked(weeks, factor, least, bytes) AS MATERIALIZED (
    SELECT coalesce(bounded(:weeks, 'weeks', 1, 520), 4), coalesce(bounded(:factor, 'factor', 0, 1e18), 3),
           coalesce(bounded(:least, 'least', 0, 520), 2), coalesce(bounded(:bytes, 'bytes', 0, 1e18), 100000000)
), week(n) AS (
    VALUES (0) UNION ALL SELECT n + 1 FROM asked CROSS JOIN week WHERE n < weeks
), hour AS (
    SELECT n, until, datetime(until, '-1 hour') AS since
    FROM (SELECT n, iif(n = 0, datetime(last), datetime(utc_time(datetime(local_time(last, timezone), (-7 * n) || ' days'), timezone))) AS until
          FROM week, (SELECT coalesce(flow_time(:until, 'until'), (SELECT max(last) FROM flow_files(NULL, NULL, :store))) AS last),
               (SELECT max(value) AS timezone FROM settings WHERE name = 'timezone'))
), sums AS (
    SELECT n, hour.since, hour.until, sum(flows) AS flows, sum(packets) AS packets, sum(bytes) AS bytes
    FROM hour, traffic(hour.since, hour.until, :filter, :store)
    GROUP BY n
), usual AS (
    SELECT count(*) AS weeks, coalesce(avg(flows), 0) AS flows, coalesce(avg(packets), 0) AS packets, coalesce(avg(bytes), 0) AS bytes
    FROM sums WHERE n > 0 AND (flows > 0 OR packets > 0 OR bytes > 0) -- of a flow that began before there is only a part
), measured(measure, value, average) AS (
    SELECT 'bytes', coalesce((SELECT bytes FROM sums WHERE n = 0), 0), bytes FROM usual
    UNION ALL SELECT 'packets', coalesce((SELECT packets FROM sums WHERE n = 0), 0), packets FROM usual
    UNION ALL SELECT 'flows', coalesce((SELECT flows FROM sums WHERE n = 0), 0), flows FROM usual
)
SELECT measure, value, CAST(round(measured.average) AS INTEGER) AS average, round(value / nullif(measured.average, 0), 2) AS times,
       usual.weeks, (SELECT since FROM hour WHERE n = 0) AS since, (SELECT until FROM hour WHERE n = 0) AS until
FROM asked CROSS JOIN measured, usual
WHERE usual.weeks >= asked.least AND max(usual.bytes, (SELECT coalesce(max(bytes), 0) FROM sums WHERE n = 0)) >= asked.bytes
  AND (value > measured.average * factor OR value * factor < measured.average);
