-- SPDX-License-Identifier: MIT
-- What does each customer owe for a month?  Volume by zone, direction and tariff, with price and quota
--
--   :month   of the site's local time, '2026-11'     default: the one that is running
--   :user    of this user, or address without one    default: of all
--   :group   of this group of users                  default: of all
--
-- Needs: site, usage
--
-- A customer is a user, or a host that is nobody's. Volume is that of usage (see billable in site.sql); what stays
-- within the site, zone local, is left out unless there is a tariff for it. The tariff of a period is the one of
-- zone, direction, local weekday and hour that is valid when it begins: one of the customer's group before one of
-- all. What a tariff has as included is free once a month for each customer, for all bands together that have the same
-- amount of it, as time goes on (bill_lines in site.sql). Each line is rounded to a hundredth, and sums are those of
-- lines. Without a tariff there is no price, and that is counted.
--
-- used is the customer's or group's octets of the month in either direction beside its quota of kind month, and state
-- ok, warn (from warn_at percent on) or over. next is the command that says on which days it was. The last table says up to
-- when usage has what was received, how many flows came too late for it, and what was lost and sampled.
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
-- ┌──────────────┬──────────┬─────────┬─────────┬──────────┬───────┬──────────┬─────────┬─────────┬─────────┬───────┬──────────────────────────────────────────────────────────────────────┐
-- │   customer   │  group   │ octets  │ charged │ unpriced │ price │ currency │  used   │  quota  │ percent │ state │                                 next                                 │
-- ├──────────────┼──────────┼─────────┼─────────┼──────────┼───────┼──────────┼─────────┼─────────┼─────────┼───────┼──────────────────────────────────────────────────────────────────────┤
-- │ 192.168.1.66 │          │ 58088   │ 36480   │ 0        │ 0.01  │ NZD      │ 58088   │         │         │       │ flowreport bill-days --month 2026-11 --user '' --host '192.168.1.66' │
-- │ ann          │ staff    │ 1278922 │ 765569  │ 13353    │ 1.22  │ NZD      │ 1278922 │ 2000000 │ 63.9    │ ok    │ flowreport bill-days --month 2026-11 --user 'ann'                    │
-- │ bob          │ students │ 6440531 │ 5440531 │ 0        │ 3.68  │ NZD      │ 6440531 │ 6000000 │ 107.3   │ over  │ flowreport bill-days --month 2026-11 --user 'bob'                    │
-- │ eve          │ students │ 800000  │ 400000  │ 400000   │ 3.6   │ NZD      │ 800000  │         │         │       │ flowreport bill-days --month 2026-11 --user 'eve'                    │
-- └──────────────┴──────────┴─────────┴─────────┴──────────┴───────┴──────────┴─────────┴─────────┴─────────┴───────┴──────────────────────────────────────────────────────────────────────┘
-- ┌──────────┬───────────┬─────────┬─────────┬──────────┬───────┬──────────┬─────────┬─────────┬─────────┬───────┬─────────────────────────────────────────────────────────┐
-- │  group   │ customers │ octets  │ charged │ unpriced │ price │ currency │  used   │  quota  │ percent │ state │                          next                           │
-- ├──────────┼───────────┼─────────┼─────────┼──────────┼───────┼──────────┼─────────┼─────────┼─────────┼───────┼─────────────────────────────────────────────────────────┤
-- │          │ 1         │ 58088   │ 36480   │ 0        │ 0.01  │ NZD      │ 58088   │         │         │       │ flowreport bill-days --month 2026-11 --group ''         │
-- │ staff    │ 1         │ 1278922 │ 765569  │ 13353    │ 1.22  │ NZD      │ 1278922 │         │         │       │ flowreport bill-days --month 2026-11 --group 'staff'    │
-- │ students │ 2         │ 7240531 │ 5840531 │ 400000   │ 7.28  │ NZD      │ 7240531 │ 8000000 │ 90.5    │ warn  │ flowreport bill-days --month 2026-11 --group 'students' │
-- └──────────┴───────────┴─────────┴─────────┴──────────┴───────┴──────────┴─────────┴─────────┴─────────┴───────┴─────────────────────────────────────────────────────────┘
-- ┌─────────────────────────┬───────────┬─────────────────────────────────────────────────────┐
-- │      counted_until      │ uncounted │                       losses                        │
-- ├─────────────────────────┼───────────┼─────────────────────────────────────────────────────┤
-- │ 2026-11-23 19:00:00.000 │ 0         │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────┴───────────┴─────────────────────────────────────────────────────┘

.mode box --wrap 120
.headers on

.bail on

DROP TABLE IF EXISTS temp.bill;

CREATE TEMP TABLE bill AS
WITH asked(month) AS (
    SELECT :month
    WHERE refuse(CASE WHEN date(:month || '-01') IS NOT :month || '-01' THEN 'month = ' || :month || ': write it as 2026-11'
                      WHEN :user IS NOT NULL AND NOT EXISTS (SELECT 1 FROM known_users WHERE user = :user)
                           AND NOT EXISTS (SELECT 1 FROM usage_total WHERE host = :user)
                      THEN 'user = ' || :user || ': no such user in hosts, nor in usage'
                      WHEN :group <> '' AND NOT EXISTS (SELECT 1 FROM known_groups WHERE user_group = :group)
                      THEN 'group = ' || :group || ': no such group in hosts, nor in usage' END) IS NULL)
SELECT l.*
FROM asked CROSS JOIN bill_lines AS l
WHERE l.month = :month AND (:user IS NULL OR l.customer = :user)
UNION ALL
SELECT l.*
FROM asked CROSS JOIN bill_lines AS l
WHERE asked.month IS NULL AND l.ago = 0 AND (:user IS NULL OR l.customer = :user);

-- Title: Lines
SELECT customer, user_group AS "group", zone, direction, band, octets, included, charged, price, currency
FROM bill
WHERE :group IS NULL OR user_group = :group
ORDER BY customer, user_group, zone, direction, band;

-- Title: Customers
WITH used AS (SELECT customer, sum(octets) AS used FROM bill WHERE zone <> 'local' GROUP BY 1),
line AS (SELECT *, coalesce(currency, min(currency) OVER (PARTITION BY customer, user_group)) AS account FROM bill)
SELECT l.customer, l.user_group AS "group", sum(l.octets) AS octets, coalesce(sum(l.charged), 0) AS charged,
       sum(iif(l.unit IS NULL, l.octets, 0)) AS unpriced, round(sum(l.price), 2) AS price, l.account AS currency,
       u.used, q.octets AS quota, round(100.0 * u.used / q.octets, 1) AS percent,
       CASE WHEN u.used > q.octets THEN 'over' WHEN u.used * 100.0 >= q.octets * q.warn_at THEN 'warn'
            WHEN q.octets IS NOT NULL THEN 'ok' END AS state,
       'flowreport bill-days --month ' || l.month || CASE WHEN ip_version(l.customer) THEN ' --user '''' --host ' WHEN l.customer LIKE '--%' THEN ' --user=' ELSE ' --user ' END || '''' ||
       replace(l.customer, '''', '''\''''') || '''' AS next
FROM line AS l LEFT JOIN used AS u ON u.customer = l.customer
LEFT JOIN quotas AS q ON q.name = l.customer AND q.period = 'month' AND q.kind IN ('user', 'host')
WHERE :group IS NULL OR l.user_group = :group
GROUP BY l.customer, l.user_group, l.account
ORDER BY l.customer, l.user_group, l.account;

-- Title: Groups
WITH used AS (SELECT user_group, sum(octets) AS used FROM bill WHERE zone <> 'local' GROUP BY 1),
line AS (SELECT *, coalesce(currency, min(currency) OVER (PARTITION BY user_group)) AS account FROM bill)
SELECT l.user_group AS "group", count(DISTINCT l.customer) AS customers, sum(l.octets) AS octets, coalesce(sum(l.charged), 0) AS charged,
       sum(iif(l.unit IS NULL, l.octets, 0)) AS unpriced, round(sum(l.price), 2) AS price, l.account AS currency,
       u.used, q.octets AS quota, round(100.0 * u.used / q.octets, 1) AS percent,
       CASE WHEN u.used > q.octets THEN 'over' WHEN u.used * 100.0 >= q.octets * q.warn_at THEN 'warn'
            WHEN q.octets IS NOT NULL THEN 'ok' END AS state,
       'flowreport bill-days --month ' || l.month || ' --group' || iif(l.user_group LIKE '--%', '=''', ' ''') || replace(l.user_group, '''', '''\''''') || '''' AS next
FROM line AS l LEFT JOIN used AS u ON u.user_group = l.user_group
LEFT JOIN quotas AS q ON q.name = l.user_group AND q.period = 'month' AND q.kind = 'group'
WHERE :group IS NULL OR l.user_group = :group
GROUP BY l.user_group, l.account
ORDER BY l.user_group, l.account;

-- Title: Counted
WITH span(since, until) AS (
    SELECT utc_time(month, timezone), utc_time(date(month || '-01', '+1 month'), timezone)
    FROM (SELECT timezone, coalesce(:month, substr(local_time(strftime('%Y-%m-%d %H:%M:%S', 'now'), timezone), 1, 7)) AS month FROM site_timezone))
SELECT max(r.until) AS counted_until, coalesce(sum(r.uncounted), 0) AS uncounted, losses(span.since, span.until, NULL) AS losses
FROM span LEFT JOIN usage_recv AS r ON r.last_period >= span.since AND r.first_period < span.until;
