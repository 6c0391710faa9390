-- SPDX-License-Identifier: MIT
-- What goes to the billing system for a month?  One line for each customer, zone, direction and tariff, as CSV
--
--   :month   of the site's local time, '2026-11'     default: the one that is over
--
-- Needs: site
--
-- Lines are those of `flowreport bill`, and are rounded as they are there. With flowreport give --format csv.
--
-- Sample output (:month '2026-11'):
-- month,customer,group,zone,direction,band,octets,included,charged,price,currency,unit_price,unit
-- 2026-11,192.168.1.66,"",domestic,in,"12345 07-20",21608,21608,0,0.0,NZD,1.5,1000000
-- 2026-11,192.168.1.66,"",domestic,out,all,36480,0,36480,0.01,NZD,0.25,1000000
-- 2026-11,ann,staff,domestic,in,"12345 07-20",1188058,500000,688058,1.03,NZD,1.5,1000000
-- 2026-11,ann,staff,domestic,out,all,57326,0,57326,0.01,NZD,0.25,1000000
-- 2026-11,ann,staff,international,in,all,20185,0,20185,0.18,NZD,9.0,1000000
-- 2026-11,ann,staff,international,out,,13353,,,,,,
-- 2026-11,bob,students,domestic,in,all,5227743,1000000,4227743,3.38,NZD,0.8,1000000
-- 2026-11,bob,students,domestic,out,all,1212788,0,1212788,0.3,NZD,0.25,1000000
-- 2026-11,eve,students,international,in,all,400000,0,400000,3.6,NZD,9.0,1000000
-- 2026-11,eve,students,international,out,,400000,,,,,,

.mode csv
.headers on

WITH site(zone_name) AS (
    SELECT (SELECT value FROM settings WHERE name = 'timezone')
    WHERE refuse(CASE WHEN :month NOT GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]' THEN 'month = ' || :month || ': write it as 2026-11' END) IS NULL),
month(month) AS (SELECT coalesce(:month, substr(date(local_time(strftime('%Y-%m-%d %H:%M:%S', 'now'), zone_name), 'start of month', '-1 day'), 1, 7)) FROM site),
span(since, until) AS (SELECT utc_time(month, zone_name), utc_time(date(month || '-01', '+1 month'), zone_name) FROM site, month),
volume AS MATERIALIZED (
    SELECT iif(user = '', host, user) AS customer, user_group, zone, period,
           sum(octets_in) AS octets_in, sum(octets_out) AS octets_out
    FROM usage, span
    WHERE period >= since AND period < until
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
WHERE l.octets > 0 AND (l.zone <> 'local' OR t.rowid IS NOT NULL)
ORDER BY customer, "group", l.zone, l.direction, band;
