-- SPDX-License-Identifier: MIT
-- Who has more traffic than a month ago?  Largest increases over the month before
--
--   :month   of the site's local time, '2026-11'     default: the one that is over
--   :by      user, group, host, zone or application  default user
--   :n       how many, -1 for all                    default 10
--
-- Needs: site, usage
--
-- Octets in either direction, as usage has them, but for those within the site (zone local). A user is a host where
-- it is nobody's. Of a month that is running, the days and hours that have passed are compared with as many of the
-- month before.
--
-- Sample output (:month '2026-11'):
-- ┌──────────────┬────────┬─────────┬──────────┬─────────┐
-- │     name     │ before │ octets  │ increase │ percent │
-- ├──────────────┼────────┼─────────┼──────────┼─────────┤
-- │ bob          │ 0      │ 6440531 │ 6440531  │         │
-- │ ann          │ 0      │ 1278922 │ 1278922  │         │
-- │ eve          │ 0      │ 800000  │ 800000   │         │
-- │ 192.168.1.66 │ 0      │ 58088   │ 58088    │         │
-- └──────────────┴────────┴─────────┴──────────┴─────────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box
.headers on

WITH site(zone) AS (
    SELECT (SELECT value FROM settings WHERE name = 'timezone')
    WHERE refuse(CASE WHEN :by NOT IN ('user', 'group', 'host', 'zone', 'application')
                 THEN 'by = ' || :by || ': give user, group, host, zone or application'
                 WHEN date(:month || '-01') IS NOT :month || '-01' THEN 'month = ' || :month || ': write it as 2026-11' END) IS NULL),
moment(now, local) AS (SELECT now, local_time(now, zone) FROM (SELECT strftime('%Y-%m-%d %H:00:00.000', 'now') AS now), site),
month(first) AS (SELECT coalesce(:month || '-01', date(local, 'start of month', '-1 month')) FROM moment),
span(first, since, until) AS MATERIALIZED (
    SELECT first, utc_time(first, zone),
           min(utc_time(date(first, '+1 month'), zone), max(now, utc_time(first, zone))) FROM site, month, moment),
-- As far into the month before, but not beyond its end.
before(since, until) AS MATERIALIZED (
    SELECT utc_time(date(first, '-1 month'), zone),
           CASE WHEN until = utc_time(date(first, '+1 month'), zone) THEN span.since
                ELSE min(span.since, strftime('%Y-%m-%d %H:%M:%f', utc_time(date(first, '-1 month'), zone),
                         (strftime('%s', until) - strftime('%s', span.since)) || ' seconds')) END
    FROM span, site),
-- Whole days are there as such, but not by application; what is left of them, and all of that, is in usage.
part(later, first, day, since, until) AS MATERIALIZED (
    SELECT later, first, day, utc_time(day, zone), until
    FROM (SELECT later, first, iif(:by IS 'application', first, date(local_time(until, zone))) AS day, until
          FROM (SELECT 1 AS later, first, until FROM span UNION ALL SELECT 0, date(first, '-1 month'), before.until FROM span, before), site), site),
seen AS (
    SELECT p.later, CASE coalesce(:by, 'user') WHEN 'user' THEN iif(user = '', host, user) WHEN 'group' THEN user_group
           WHEN 'host' THEN host WHEN 'zone' THEN zone END AS name, sum(u.octets_in + u.octets_out) AS octets
    FROM part AS p CROSS JOIN usage_total AS u
    WHERE u.day >= p.first AND u.day < p.day AND u.zone <> 'local'
    GROUP BY 1, 2
    UNION ALL
    SELECT p.later, CASE coalesce(:by, 'user') WHEN 'user' THEN iif(user = '', host, user) WHEN 'group' THEN user_group
           WHEN 'host' THEN host WHEN 'zone' THEN zone WHEN 'application' THEN application END, sum(u.octets_in + u.octets_out)
    FROM part AS p CROSS JOIN usage AS u
    WHERE u.period >= p.since AND u.period < p.until AND u.zone <> 'local'
    GROUP BY 1, 2),
volume AS (
    SELECT name, coalesce(sum(octets) FILTER (WHERE later), 0) AS octets, coalesce(sum(octets) FILTER (WHERE NOT later), 0) AS before
    FROM seen
    GROUP BY name)
SELECT name, before, octets, octets - before AS increase, round(100.0 * (octets - before) / before, 1) AS percent
FROM volume
WHERE octets > before
ORDER BY increase DESC, name
LIMIT coalesce(:n, 10);

-- Of both months.
WITH site(zone) AS (SELECT (SELECT value FROM settings WHERE name = 'timezone')),
month(first) AS (
    SELECT coalesce(:month || '-01', date(local_time(strftime('%Y-%m-%d %H:%M:%S', 'now'), zone), 'start of month', '-1 month'))
    FROM site)
SELECT losses(utc_time(date(first, '-1 month'), zone), utc_time(date(first, '+1 month'), zone), NULL) AS losses FROM month, site;
