-- SPDX-License-Identifier: MIT
-- What goes to the billing system for a month?  One line for each customer, zone, direction and tariff, as CSV
--
--   :month   of the site's local time, '2026-11'     default: the one that is over
--
-- Needs: site, usage
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

WITH asked(month) AS (
    SELECT :month
    WHERE refuse(CASE WHEN date(:month || '-01') IS NOT :month || '-01' THEN 'month = ' || :month || ': write it as 2026-11' END) IS NULL)
SELECT l.month, l.customer, l.user_group AS "group", l.zone, l.direction, l.band, l.octets, l.included, l.charged, l.price,
       l.currency, l.unit_price, l.unit
FROM asked CROSS JOIN bill_lines AS l
WHERE l.month = :month
UNION ALL
SELECT l.month, l.customer, l.user_group, l.zone, l.direction, l.band, l.octets, l.included, l.charged, l.price,
       l.currency, l.unit_price, l.unit
FROM asked CROSS JOIN bill_lines AS l
WHERE asked.month IS NULL AND l.ago = 1
ORDER BY customer, "group", zone, direction, band;
