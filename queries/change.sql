-- SPDX-License-Identifier: MIT
-- Did change X help?
--
--   :change  when it was made                        default: the middle of the store
--   :days    so many days before it are compared with so many after, 7 at least  default 7
--   :by      application, or hour: what a row is     default application
--   :n       how many applications, -1 for all       default 20
--   :filter, :store                                  default: all flows of the store
--
-- Only hours of the week that both sides have are compared, Monday's 10:00 with Monday's 10:00: in both
-- something must have been received. `before` and `after` are octets in an hour of those, on average. Days and hours
-- are the site's, by `timezone` in settings, before and after clocks change.
--
-- Needs: site
--
-- Sample output (:change '2026-11-23 18:13', :n 5):
-- ┌───────┬───────┬─────────┬─────────┬──────────┬─────────┐
-- │ item  │ hours │ before  │  after  │  change  │ percent │
-- ├───────┼───────┼─────────┼─────────┼──────────┼─────────┤
-- │ all   │ 1     │ 6338315 │ 2941746 │ -3396569 │ -53.6   │
-- │ http  │ 1     │ 5387548 │ 1245817 │ -4141731 │ -76.9   │
-- │ other │ 1     │ 403158  │ 1140918 │ 737760   │ 183.0   │
-- │ ssh   │ 1     │ 8008    │ 15534   │ 7526     │ 94.0    │
-- │ https │ 1     │ 538217  │ 538069  │ -148     │ 0.0     │
-- │ dns   │ 1     │ 1384    │ 1408    │ 24       │ 1.7     │
-- └───────┴───────┴─────────┴─────────┴──────────┴─────────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box
.headers on

WITH site(timezone) AS MATERIALIZED (SELECT max(value) FROM settings WHERE name = 'timezone'), w AS MATERIALIZED (
    SELECT coalesce(flow_time(:change, 'change'), datetime((julianday(min(first)) + julianday(max(last))) / 2)) AS change
    FROM flow_files(NULL, NULL, :store)
), sides(side, since, until) AS MATERIALIZED (
    SELECT 'before', utc_time(datetime(local_time(change, timezone), printf('-%d days', coalesce(bounded(:days, 'days', 7, 36500), 7))), timezone), change
    FROM site, w WHERE change IS NOT NULL
    UNION ALL
    SELECT 'after', change, utc_time(datetime(local_time(change, timezone), printf('+%d days', coalesce(bounded(:days, 'days', 7, 36500), 7))), timezone)
    FROM site, w WHERE change IS NOT NULL
), step(seconds) AS MATERIALIZED ( -- in which hours of the zone begin with hours of UTC, or quarters of them
    SELECT coalesce((SELECT min(seconds) FROM usage_step, sides WHERE year IN (substr(since, 1, 4), substr(until, 1, 4))), 900)
), heard AS MATERIALIZED (
    -- When anything was received, whatever :filter says.
    SELECT side, t.time FROM step, sides, traffic(sides.since, sides.until, NULL, :store, seconds) AS t GROUP BY 1, 2
), hours AS MATERIALIZED (
    -- Of a stretch of UTC, the hour of the week that clocks show, and which hour of all it is.
    SELECT time, strftime('%w %H', local) AS slot, strftime('%s', time) - 60 * strftime('%M', local) AS hour
    FROM (SELECT time, local_time(time, timezone) AS local FROM site, heard GROUP BY time)
), used AS MATERIALIZED (
    SELECT side, slot, count(DISTINCT hour) AS times FROM heard JOIN hours USING (time) GROUP BY 1, 2
), slots AS MATERIALIZED (
    SELECT b.slot, b.times AS before, a.times AS after
    FROM used b JOIN used a ON a.slot = b.slot AND a.side = 'after' WHERE b.side = 'before'
), known AS MATERIALIZED (
    SELECT side, slot, application, sum(bytes) AS bytes
    FROM step, sides, traffic(sides.since, sides.until, :filter, :store, seconds) AS t JOIN hours USING (time) GROUP BY 1, 2, 3
), averages AS (
    SELECT CASE coalesce(:by, 'application') WHEN 'application' THEN application
               WHEN 'hour' THEN substr('SunMonTueWedThuFriSat', 3 * substr(slot, 1, 1) + 1, 3) || substr(slot, 2) || ':00'
               ELSE refuse('by: ' || :by || ': there are application, hour') END AS item,
           slot, sum(bytes) FILTER (WHERE side = 'before') / (1.0 * before) AS before,
           sum(bytes) FILTER (WHERE side = 'after') / (1.0 * after) AS after
    FROM known JOIN slots USING (slot) GROUP BY item, slot
), compared AS (
    SELECT 1 AS kind, item, coalesce(total(before), 0) AS before, coalesce(total(after), 0) AS after,
           CASE coalesce(:by, 'application') WHEN 'hour' THEN 1 ELSE (SELECT count(*) FROM slots) END AS hours
    FROM averages GROUP BY item
    UNION ALL
    SELECT 0, 'all', total(before), total(after), (SELECT count(*) FROM slots) FROM averages HAVING count(*) > 0
)
SELECT item, hours, CAST(before / hours AS INTEGER) AS before, CAST(after / hours AS INTEGER) AS after,
       CAST((after - before) / hours AS INTEGER) AS change, round(100.0 * (after - before) / nullif(before, 0), 1) AS percent
FROM compared
ORDER BY kind, abs(after - before) DESC, item
LIMIT iif(:n < 0, -1, coalesce(:n, 20) + 1);

WITH site(timezone) AS (SELECT max(value) FROM settings WHERE name = 'timezone'), w AS (
    SELECT local_time(coalesce(flow_time(:change, 'change'), datetime((julianday(min(first)) + julianday(max(last))) / 2)), timezone) AS change
    FROM site, flow_files(NULL, NULL, :store))
SELECT losses(utc_time(datetime(change, printf('-%d days', coalesce(bounded(:days, 'days', 7, 36500), 7))), timezone),
              utc_time(datetime(change, printf('+%d days', coalesce(bounded(:days, 'days', 7, 36500), 7))), timezone), :store) AS losses
FROM site, w;
