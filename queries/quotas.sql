-- SPDX-License-Identifier: MIT
-- How much of its quota has each user, group and host used?
--
--   :time    when, UTC                               default: now
--   :state   only those that are ok, warn or over    default: all
--
-- Needs: site, usage
--
-- What is used is octets in either direction, as usage has them up to that time, but for those within the site (zone
-- local), since the day, the week (Monday) or the month began by the site's local time.
--
-- Sample output (:time '2026-11-23 20:00'):
-- ┌───────┬──────────┬────────┬─────────────────────────┬─────────┬─────────┬─────────┬───────┐
-- │ kind  │   name   │ period │          since          │  used   │  quota  │ percent │ state │
-- ├───────┼──────────┼────────┼─────────────────────────┼─────────┼─────────┼─────────┼───────┤
-- │ user  │ bob      │ month  │ 2026-10-31 11:00:00.000 │ 6440531 │ 6000000 │ 107.3   │ over  │
-- │ group │ students │ month  │ 2026-10-31 11:00:00.000 │ 7240531 │ 8000000 │ 90.5    │ warn  │
-- │ user  │ eve      │ day    │ 2026-11-23 11:00:00.000 │ 800000  │ 1000000 │ 80.0    │ warn  │
-- │ user  │ ann      │ month  │ 2026-10-31 11:00:00.000 │ 1278922 │ 2000000 │ 63.9    │ ok    │
-- └───────┴──────────┴────────┴─────────────────────────┴─────────┴─────────┴─────────┴───────┘

.mode box
.headers on

WITH site(zone) AS (
    SELECT (SELECT value FROM settings WHERE name = 'timezone')
    WHERE refuse(CASE WHEN :state NOT IN ('ok', 'warn', 'over') THEN 'state = ' || :state || ': give ok, warn or over' END) IS NULL),
moment(time, local) AS (
    SELECT time, local_time(time, zone)
    FROM (SELECT coalesce(flow_time(:time), strftime('%Y-%m-%d %H:%M:%f', 'now')) AS time), site),
span(period, first, day) AS MATERIALIZED (
    SELECT 'day', date(local), date(local) FROM moment
    UNION ALL SELECT 'week', date(local, '-6 days', 'weekday 1'), date(local) FROM moment
    UNION ALL SELECT 'month', date(local, 'start of month'), date(local) FROM moment),
today(since, time) AS MATERIALIZED (SELECT utc_time(date(local), zone), time FROM site, moment),
-- Whole days, and what the last one has had.
volume AS MATERIALIZED (
    SELECT s.period, u.user, u.user_group, u.host, sum(u.octets_in + u.octets_out) AS octets
    FROM span AS s CROSS JOIN usage_total AS u
    WHERE u.day >= s.first AND u.day < s.day AND u.zone <> 'local'
    GROUP BY 1, 2, 3, 4
    UNION ALL
    SELECT s.period, u.user, u.user_group, u.host, u.octets
    FROM (SELECT u.user, u.user_group, u.host, sum(u.octets_in + u.octets_out) AS octets
          FROM today AS t CROSS JOIN usage AS u
          WHERE u.period >= t.since AND u.period < t.time AND u.zone <> 'local'
          GROUP BY 1, 2, 3) AS u, span AS s),
used AS (
    SELECT period, 'user' AS kind, user AS name, sum(octets) AS octets FROM volume GROUP BY 1, 3
    UNION ALL SELECT period, 'group', user_group, sum(octets) FROM volume GROUP BY 1, 3
    UNION ALL SELECT period, 'host', host, sum(octets) FROM volume GROUP BY 1, 3),
state AS (
    SELECT q.kind, q.name, q.period, utc_time(s.first, site.zone) AS since, coalesce(u.octets, 0) AS used, q.octets AS quota,
           round(100.0 * coalesce(u.octets, 0) / q.octets, 1) AS percent,
           CASE WHEN coalesce(u.octets, 0) > q.octets THEN 'over'
                WHEN coalesce(u.octets, 0) * 100.0 >= q.octets * q.warn_at THEN 'warn' ELSE 'ok' END AS state
    FROM site CROSS JOIN quotas AS q JOIN span AS s ON s.period = q.period
    LEFT JOIN used AS u ON u.kind = q.kind AND u.name = q.name AND u.period = q.period)
SELECT kind, name, period, since, used, quota, percent, state
FROM state
WHERE :state IS NULL OR state = :state
ORDER BY percent DESC, kind, name, period;
