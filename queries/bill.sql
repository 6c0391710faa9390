-- SPDX-License-Identifier: MIT
-- What does each customer owe for a month?  Volume by zone, direction and tariff, with price and quota
--
--   :month   of the site's local time, '2026-11'     default: the one that is running
--   :user    of this user, or address without one    default: of all
--   :group   of this group of users                  default: of all
--
-- Needs: site
--
-- A customer is a user, or a host that is nobody's. Volume is that of usage (see billable in site.sql); what stays
-- within the site, zone local, is left out unless there is a tariff for it. The tariff of a period is the one of
-- zone, direction, local weekday and hour that is valid when it begins: one of the customer's group before one of
-- all. What a tariff has as included is free once a month for each customer, of two groups in the first. Each
-- line is rounded to a hundredth, and sums are those of lines. Without a tariff there is no price, and that is counted.
--
-- used is the customer's or group's octets of the month in either direction beside its quota of kind month, and state
-- ok, warn (from warn_at percent on) or over. next is the command that says on which days it was.
--
-- Sample output (:month '2026-11'):
-- ┌──────────────┬──────────┬───────────────┬───────────┬─────────────┬─────────┬──────────┬─────────┬───────┬──────────┐
-- │   customer   │  group   │     zone      │ direction │    band     │ octets  │ included │ charged │ price │ currency │
-- ├──────────────┼──────────┼───────────────┼───────────┼─────────────┼─────────┼──────────┼─────────┼───────┼──────────┤
-- │ 192.168.1.66 │          │ domestic      │ in        │ 12345 07-20 │ 21608   │ 21608    │ 0       │ 0.0   │ NZD      │
-- │ 192.168.1.66 │          │ domestic      │ out       │ all         │ 36480   │ 0        │ 36480   │ 0.01  │ NZD      │
-- │ ann          │ staff    │ domestic      │ in        │ 12345 07-20 │ 1188058 │ 500000   │ 688058  │ 1.03  │ NZD      │
-- │ ann          │ staff    │ domestic      │ out       │ all         │ 57326   │ 0        │ 57326   │ 0.01  │ NZD      │
-- │ ann          │ staff    │ international │ in        │ all         │ 20185   │ 0        │ 20185   │ 0.18  │ NZD      │
-- │ ann          │ staff    │ international │ out       │             │ 13353   │          │         │       │          │
-- │ bob          │ students │ domestic      │ in        │ all         │ 5227743 │ 1000000  │ 4227743 │ 3.38  │ NZD      │
-- │ bob          │ students │ domestic      │ out       │ all         │ 1212788 │ 0        │ 1212788 │ 0.3   │ NZD      │
-- │ eve          │ students │ international │ in        │ all         │ 400000  │ 0        │ 400000  │ 3.6   │ NZD      │
-- │ eve          │ students │ international │ out       │             │ 400000  │          │         │       │          │
-- └──────────────┴──────────┴───────────────┴───────────┴─────────────┴─────────┴──────────┴─────────┴───────┴──────────┘
-- ┌──────────────┬──────────┬─────────┬─────────┬──────────┬───────┬──────────┬─────────┬─────────┬─────────┬───────┬────────────────────────────────────────────────────────────┐
-- │   customer   │  group   │ octets  │ charged │ unpriced │ price │ currency │  used   │  quota  │ percent │ state │                            next                            │
-- ├──────────────┼──────────┼─────────┼─────────┼──────────┼───────┼──────────┼─────────┼─────────┼─────────┼───────┼────────────────────────────────────────────────────────────┤
-- │ 192.168.1.66 │          │ 58088   │ 36480   │ 0        │ 0.01  │ NZD      │ 58088   │         │         │       │ flowreport bill-days --month 2026-11 --host '192.168.1.66' │
-- │ ann          │ staff    │ 1278922 │ 765569  │ 13353    │ 1.22  │ NZD      │ 1278922 │ 2000000 │ 63.9    │ ok    │ flowreport bill-days --month 2026-11 --user 'ann'          │
-- │ bob          │ students │ 6440531 │ 5440531 │ 0        │ 3.68  │ NZD      │ 6440531 │ 6000000 │ 107.3   │ over  │ flowreport bill-days --month 2026-11 --user 'bob'          │
-- │ eve          │ students │ 800000  │ 400000  │ 400000   │ 3.6   │ NZD      │ 800000  │         │         │       │ flowreport bill-days --month 2026-11 --user 'eve'          │
-- └──────────────┴──────────┴─────────┴─────────┴──────────┴───────┴──────────┴─────────┴─────────┴─────────┴───────┴────────────────────────────────────────────────────────────┘
-- ┌──────────┬───────────┬─────────┬─────────┬──────────┬───────┬──────────┬─────────┬─────────┬─────────┬───────┐
-- │  group   │ customers │ octets  │ charged │ unpriced │ price │ currency │  used   │  quota  │ percent │ state │
-- ├──────────┼───────────┼─────────┼─────────┼──────────┼───────┼──────────┼─────────┼─────────┼─────────┼───────┤
-- │          │ 1         │ 58088   │ 36480   │ 0        │ 0.01  │ NZD      │ 58088   │         │         │       │
-- │ staff    │ 1         │ 1278922 │ 765569  │ 13353    │ 1.22  │ NZD      │ 1278922 │         │         │       │
-- │ students │ 2         │ 7240531 │ 5840531 │ 400000   │ 7.28  │ NZD      │ 7240531 │ 8000000 │ 90.5    │ warn  │
-- └──────────┴───────────┴─────────┴─────────┴──────────┴───────┴──────────┴─────────┴─────────┴─────────┴───────┘

.mode box
.headers on

DROP TABLE IF EXISTS temp.bill;

CREATE TEMP TABLE bill AS
WITH site(zone_name) AS (
    SELECT (SELECT value FROM settings WHERE name = 'timezone')
    WHERE refuse(CASE WHEN :month NOT GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]' THEN 'month = ' || :month || ': write it as 2026-11' END) IS NULL),
month(month) AS (SELECT coalesce(:month, substr(local_time(strftime('%Y-%m-%d %H:%M:%S', 'now'), zone_name), 1, 7)) FROM site),
span(since, until) AS (SELECT utc_time(month, zone_name), utc_time(date(month || '-01', '+1 month'), zone_name) FROM site, month),
volume AS MATERIALIZED (
    SELECT iif(user = '', host, user) AS customer, user_group, zone, period,
           sum(octets_in) AS octets_in, sum(octets_out) AS octets_out
    FROM usage, span
    WHERE period >= since AND period < until AND (:user IS NULL OR iif(user = '', host, user) = :user)
    GROUP BY 1, 2, 3, 4),
local AS MATERIALIZED (
    SELECT period, substr('7123456', strftime('%w', local) + 1, 1) AS weekday, CAST(substr(local, 12, 2) AS INTEGER) AS hour
    FROM (SELECT DISTINCT period, local_time(period, zone_name) AS local FROM volume, site)),
-- The tariff of each group, zone and period.
rated AS MATERIALIZED (
    SELECT v.user_group, v.zone, v.period, d.direction,
           (SELECT t.rowid FROM tariffs AS t
            WHERE t.zone = v.zone AND t.direction = d.direction
              AND (t.user_group IS NULL OR t.user_group = v.user_group)
              AND instr(t.weekdays, l.weekday) > 0 AND t.hour_from <= l.hour AND l.hour < t.hour_until
              AND (t.valid_from IS NULL OR t.valid_from <= v.period)
              AND (t.valid_until IS NULL OR t.valid_until > v.period)
            ORDER BY t.user_group IS NULL, (t.hour_until - t.hour_from) * length(t.weekdays), t.valid_from DESC, t.rowid
            LIMIT 1) AS tariff
    FROM (SELECT DISTINCT user_group, zone, period FROM volume) AS v
    JOIN local AS l ON l.period = v.period
    CROSS JOIN (SELECT 'in' AS direction UNION ALL SELECT 'out') AS d),
line AS (
    SELECT v.customer, v.user_group, v.zone, r.direction, r.tariff,
           sum(iif(r.direction = 'in', v.octets_in, v.octets_out)) AS octets
    FROM volume AS v JOIN rated AS r ON r.user_group = v.user_group AND r.zone = v.zone AND r.period = v.period
    GROUP BY 1, 2, 3, 4, 5),
-- Of what a tariff includes, what the customer did not have in another group before.
free AS (
    SELECT l.*, max(t.included - coalesce(sum(l.octets) OVER (PARTITION BY l.customer, l.tariff ORDER BY l.user_group
                                                              ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0), 0) AS included
    FROM line AS l LEFT JOIN tariffs AS t ON t.rowid = l.tariff)
SELECT m.month, l.customer, l.user_group AS "group", l.zone, l.direction,
       CASE WHEN t.rowid IS NULL THEN NULL
            WHEN t.weekdays = '1234567' AND t.hour_from = 0 AND t.hour_until = 24 THEN 'all'
            ELSE printf('%s %02d-%02d', t.weekdays, t.hour_from, t.hour_until) END AS band,
       l.octets, min(l.octets, l.included) AS included, max(l.octets - l.included, 0) AS charged,
       round(max(l.octets - l.included, 0) * t.price / t.per, 2) AS price, t.currency,
       t.price AS unit_price, t.per AS unit
FROM free AS l CROSS JOIN month AS m LEFT JOIN tariffs AS t ON t.rowid = l.tariff
WHERE l.octets > 0 AND (l.zone <> 'local' OR t.rowid IS NOT NULL);

-- Title: Lines
SELECT customer, "group", zone, direction, band, octets, included, charged, price, currency
FROM bill
WHERE :group IS NULL OR "group" = :group
ORDER BY customer, "group", zone, direction, band;

-- Title: Customers
WITH used AS (SELECT customer, sum(octets) AS used FROM bill WHERE zone <> 'local' GROUP BY 1),
line AS (SELECT *, coalesce(currency, min(currency) OVER (PARTITION BY customer, "group")) AS account FROM bill)
SELECT l.customer, l."group", sum(l.octets) AS octets, coalesce(sum(l.charged), 0) AS charged,
       sum(iif(l.unit IS NULL, l.octets, 0)) AS unpriced, round(sum(l.price), 2) AS price, l.account AS currency,
       u.used, q.octets AS quota, round(100.0 * u.used / q.octets, 1) AS percent,
       CASE WHEN u.used > q.octets THEN 'over' WHEN u.used * 100.0 >= q.octets * q.warn_at THEN 'warn'
            WHEN q.octets IS NOT NULL THEN 'ok' END AS state,
       'flowreport bill-days --month ' || l.month || iif(ip_version(l.customer), ' --host ', ' --user ') || '''' ||
       replace(l.customer, '''', '''\''''') || '''' AS next
FROM line AS l LEFT JOIN used AS u ON u.customer = l.customer
LEFT JOIN quotas AS q ON q.name = l.customer AND q.period = 'month' AND q.kind IN ('user', 'host')
WHERE :group IS NULL OR l."group" = :group
GROUP BY l.customer, l."group", l.account
ORDER BY l.customer, l."group", l.account;

-- Title: Groups
WITH used AS (SELECT "group", sum(octets) AS used FROM bill WHERE zone <> 'local' GROUP BY 1),
line AS (SELECT *, coalesce(currency, min(currency) OVER (PARTITION BY "group")) AS account FROM bill)
SELECT l."group", count(DISTINCT l.customer) AS customers, sum(l.octets) AS octets, coalesce(sum(l.charged), 0) AS charged,
       sum(iif(l.unit IS NULL, l.octets, 0)) AS unpriced, round(sum(l.price), 2) AS price, l.account AS currency,
       u.used, q.octets AS quota, round(100.0 * u.used / q.octets, 1) AS percent,
       CASE WHEN u.used > q.octets THEN 'over' WHEN u.used * 100.0 >= q.octets * q.warn_at THEN 'warn'
            WHEN q.octets IS NOT NULL THEN 'ok' END AS state
FROM line AS l LEFT JOIN used AS u ON u."group" = l."group"
LEFT JOIN quotas AS q ON q.name = l."group" AND q.period = 'month' AND q.kind = 'group'
WHERE :group IS NULL OR l."group" = :group
GROUP BY l."group", l.account
ORDER BY l."group", l.account;
