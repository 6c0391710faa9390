-- SPDX-License-Identifier: MIT
-- What is the 95th percentile of each interface or customer?  Burstable billing: in, out and the higher
--
--   :by      interface, user, group, host or zone    default interface
--   :month   of the site's local time, '2026-11'     default: the one that is running, so far
--   :since, :until   another time, as always         default: the month
--   :percent another percentile                      default 95
--   :exporter  of interfaces: one exporter's         default: all
--   :filter, :store                                  default: all flows, the site's store
--
-- Needs: site
--
-- The time from since to until is cut into samples of five minutes of UTC, of whole ones inside it; the rate of a sample is
-- its octets times 8 / 300, where a flow that lasts over several counts in each with its part. Samples without any traffic
-- count as 0. Of N samples in ascending order it is the rate at place ceil(0.95 N): 5 % may be higher. In and out have
-- each their own, and billed is the higher of the two. An interface's in is what came in by it (inif), its out what left by
-- it (outif); of customers it is what billable in site.sql has, but for what stays within the site (zone local).
-- From the flows: of times that the store still has.
--
-- Sample output (:since '2026-11-23 18:00', :until '2026-11-23 19:00', :by user):
-- ┌──────────────┬──────┬─────────┬──────┬───────────┬────────────┬───────────┬──────────┬───────────┬───────────┬──────────┐
-- │     name     │ role │ samples │ busy │ octets_in │ octets_out │  bps_in   │ bps_out  │  billed   │  peak_in  │ peak_out │
-- ├──────────────┼──────┼─────────┼──────┼───────────┼────────────┼───────────┼──────────┼───────────┼───────────┼──────────┤
-- │ bob          │      │ 12      │ 1    │ 5227743   │ 1212788    │ 139406.48 │ 32341.01 │ 139406.48 │ 139406.48 │ 32341.01 │
-- │ ann          │      │ 12      │ 1    │ 1208243   │ 70679      │ 32219.81  │ 1884.77  │ 32219.81  │ 32219.81  │ 1884.77  │
-- │ eve          │      │ 12      │ 1    │ 400000    │ 400000     │ 10666.67  │ 10666.67 │ 10666.67  │ 10666.67  │ 10666.67 │
-- │ 192.168.1.66 │      │ 12      │ 1    │ 21608     │ 36480      │ 576.21    │ 972.8    │ 972.8     │ 576.21    │ 972.8    │
-- └──────────────┴──────┴─────────┴──────┴───────────┴────────────┴───────────┴──────────┴───────────┴───────────┴──────────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box
.headers on

WITH site(zone) AS (
    SELECT (SELECT value FROM settings WHERE name = 'timezone')
    WHERE refuse(CASE WHEN :by NOT IN ('interface', 'user', 'group', 'host', 'zone')
                 THEN 'by = ' || :by || ': give interface, user, group, host or zone'
                 WHEN :exporter IS NOT NULL AND ip_version(:exporter) IS NULL THEN 'exporter = ' || :exporter || ': give its address'
                 WHEN NOT (:percent > 0 AND :percent <= 100) THEN 'percent = ' || :percent || ': give more than 0, at most 100'
                 WHEN date(:month || '-01') IS NOT :month || '-01' THEN 'month = ' || :month || ': write it as 2026-11' END) IS NULL),
month(first) AS (
    SELECT coalesce(:month || '-01', date(local_time(strftime('%Y-%m-%d %H:%M:%S', 'now'), zone), 'start of month')) FROM site),
asked(since, until) AS (
    SELECT coalesce(flow_time(:since, 'since'), utc_time(first, zone)),
           coalesce(flow_time(:until, 'until'), min(utc_time(date(first, '+1 month'), zone), strftime('%Y-%m-%d %H:%M:%f', 'now')))
    FROM site, month),
place(first, last) AS MATERIALIZED ( -- of samples, counted from 1970
    SELECT (CAST(strftime('%s', since) AS INTEGER) + 299) / 300, CAST(strftime('%s', until) AS INTEGER) / 300 FROM asked
    WHERE refuse(CASE WHEN since >= until THEN 'since ' || since || ' is not before until ' || until || ': let it be earlier' END) IS NULL),
span(since, until, n) AS MATERIALIZED (
    SELECT strftime('%Y-%m-%d %H:%M:%f', first * 300, 'unixepoch'), strftime('%Y-%m-%d %H:%M:%f', last * 300, 'unixepoch'),
           last - first FROM place),
sample AS (
    SELECT coalesce(t.exporter || ' ', '') || t.inif AS name, t.time, sum(t.bytes) AS octets_in, 0 AS octets_out
    FROM span AS s JOIN traffic AS t ON t.since = s.since AND t.until = s.until AND t.filter = :filter AND t.store = :store
    WHERE coalesce(:by, 'interface') = 'interface' AND t.inif IS NOT NULL AND (:exporter IS NULL OR t.exporter = ip_canonical(:exporter))
    GROUP BY 1, 2
    UNION ALL
    SELECT coalesce(t.exporter || ' ', '') || t.outif, t.time, 0, sum(t.bytes)
    FROM span AS s JOIN traffic AS t ON t.since = s.since AND t.until = s.until AND t.filter = :filter AND t.store = :store
    WHERE coalesce(:by, 'interface') = 'interface' AND t.outif IS NOT NULL AND (:exporter IS NULL OR t.exporter = ip_canonical(:exporter))
    GROUP BY 1, 2
    UNION ALL
    SELECT CASE :by WHEN 'host' THEN b.host WHEN 'zone' THEN b.zone WHEN 'group' THEN coalesce(host_group(b.host, b.time), '')
           WHEN 'user' THEN coalesce(host_user(b.host, b.time), b.host) END, b.time, sum(b.octets_in), sum(b.octets_out)
    FROM span AS s JOIN billable AS b ON b.since = s.since AND b.until = s.until AND b.filter = :filter AND b.store = :store
         AND b.bucket = 300
    WHERE :by IN ('user', 'group', 'host', 'zone') AND b.zone <> 'local'
    GROUP BY 1, 2),
summed AS MATERIALIZED (
    SELECT name, time, sum(octets_in) AS octets_in, sum(octets_out) AS octets_out FROM sample GROUP BY 1, 2),
-- How many samples may be higher.
free(m) AS (SELECT n - (n * CAST(round(coalesce(:percent, 95) * 100) AS INTEGER) + 9999) / 10000 FROM span),
ranked AS (
    SELECT name, octets_in, octets_out,
           row_number() OVER (PARTITION BY name ORDER BY octets_in DESC) AS rank_in,
           row_number() OVER (PARTITION BY name ORDER BY octets_out DESC) AS rank_out FROM summed),
percentile AS (
    SELECT r.name, count(*) AS busy,
           max(iif(rank_in = m + 1, octets_in, 0)) * 8 / 300.0 AS bps_in, max(iif(rank_out = m + 1, octets_out, 0)) * 8 / 300.0 AS bps_out,
           max(octets_in) * 8 / 300.0 AS peak_in, max(octets_out) * 8 / 300.0 AS peak_out,
           sum(octets_in) AS octets_in, sum(octets_out) AS octets_out
    FROM ranked AS r, free GROUP BY 1)
SELECT coalesce(i.name, p.name) AS name, i.role, s.n AS samples, p.busy, p.octets_in, p.octets_out,
       round(p.bps_in, 2) AS bps_in, round(p.bps_out, 2) AS bps_out, round(max(p.bps_in, p.bps_out), 2) AS billed,
       round(p.peak_in, 2) AS peak_in, round(p.peak_out, 2) AS peak_out
FROM percentile AS p CROSS JOIN span AS s
LEFT JOIN interfaces AS i ON coalesce(:by, 'interface') = 'interface' AND i.exporter || ' ' || i.ifindex = p.name
ORDER BY billed DESC, p.name;

WITH site(zone) AS (SELECT (SELECT value FROM settings WHERE name = 'timezone')),
month(first) AS (
    SELECT coalesce(:month || '-01', date(local_time(strftime('%Y-%m-%d %H:%M:%S', 'now'), zone), 'start of month')) FROM site)
SELECT losses(coalesce(:since, utc_time(first, zone)), coalesce(:until, utc_time(date(first, '+1 month'), zone)), :store) AS losses
FROM site, month;
